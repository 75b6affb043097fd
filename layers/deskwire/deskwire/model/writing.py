"""Write JSON: compact and in ASCII, as SQS refuses some characters."""

import json
from json import encoder
from typing import Any

# Our values were read from JSON or made by us: they have no cycles, so they are not checked for any.
_plain = json.JSONEncoder(separators=(",", ":"), check_circular=False)
# `json.dumps` makes an encoder at each call, and `JSONEncoder.encode` its C part: for our small objects, half the work.
_make: Any = getattr(encoder, "c_make_encoder", None)  # CPython's own; other interpreters have none
_SORTED, _SKIPPING, _WITH_NAN = False, False, True
_escaped = encoder.encode_basestring_ascii
_pieces = _make and _make(None, _plain.default, _escaped, None, ":", ",", _SORTED, _SKIPPING, _WITH_NAN)


def write(value: object) -> str:
    """Return a value as JSON. Raises `TypeError` if JSON cannot represent it."""
    return "".join(_pieces(value, 0)) if _pieces else _plain.encode(value)

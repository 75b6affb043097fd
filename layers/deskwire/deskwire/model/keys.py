"""Keys made of ids: unambiguous, stable over redeliveries, short enough for the table."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, unquote

KEY_LIMIT = 700  # a DynamoDB sort key holds 1,024 bytes; the rest is the item's own prefix


PLAIN = re.compile(r"[-A-Za-z0-9_.~:@+=,/]*")  # needs no encoding: most ids, joined


def compose(*parts: str) -> str:
    """Return one key of several ids, such that no other parts give the same key.

    Each part is percent-encoded (so it holds no `/`), then they are joined by `/`. An over-long key keeps its
    first part and ends in the SHA-256 of the whole, after a `#`, which no encoded part holds.
    """
    key = "/".join(parts)
    if not PLAIN.fullmatch(key):
        key = "/".join(quote(part, safe="-_.~:@+=,") for part in parts)
    elif key.count("/") >= len(parts):
        key = "/".join(part.replace("/", "%2F") for part in parts)
    if len(key) <= KEY_LIMIT:
        return key
    return f"{quote(parts[0], safe='')[:80]}/#{hashlib.sha256(key.encode()).hexdigest()}"


def decompose(key: str) -> list[str]:
    """Return the ids that a key is composed of; of an over-long one, whose ids are lost, the first alone."""
    return [unquote(part) for part in key.split("/") if "#" not in part]


def digest(key: str) -> str:
    """Return a key as 64 hexadecimal digits: for queue groups and deduplication ids, which have a narrow alphabet."""
    return hashlib.sha256(key.encode()).hexdigest()


ADD = "add"  # the verb of every event that brings a new object, whatever a platform calls it

"""JSON as we write it: compact, and ASCII, for SQS refuses some characters for ever."""

import json

# `json.dumps` with separators would make an encoder at each call. What we write was read from JSON or made by us: it
# holds no circle, and is not searched for one.
write = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def quoted(text: str) -> str:
    """Return a text as JSON: `write` for a long text that is JSON itself, of which little has to be escaped."""
    if not (text.isascii() and text.isprintable()):
        return write(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

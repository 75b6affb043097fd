"""Compose keys from ids: unambiguous, stable over redeliveries, short enough for the table."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, unquote

KEY_LIMIT = 700  # a DynamoDB sort key holds 1,024 bytes; the rest is the item's own prefix


PLAIN = re.compile(r"[-A-Za-z0-9_.~:@+=,/]*")  # needs no encoding: most ids, joined


def compose(*parts: str) -> str:
    """Return one key of several ids; different ids never give the same key.

    Each part is percent-encoded (so it has no `/`), then they are joined by `/`. A key above the limit keeps its first
    part and ends in the SHA-256 of the whole, after a `#`, which no encoded part has.
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
    """Return the ids in a key; only the first for a key above the limit, whose other ids are lost."""
    return [unquote(part) for part in key.split("/") if "#" not in part]


def digest(key: str) -> str:
    """Return a key's SHA-256 as 64 hexadecimal digits, as for queue groups and deduplication ids."""
    return hashlib.sha256(key.encode()).hexdigest()


ADD = "add"  # the verb of every event with a new object, whatever the platform calls it

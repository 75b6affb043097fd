"""Make a ticket's short reference, which the customer is given and by which its thread is found."""

from __future__ import annotations

import hashlib

from .keys import compose

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: without I, L, O, U


def reference(thread_key: str, epoch: int) -> str:
    """Return the reference of a thread's n-th ticket (from 0): stable, readable, without look-alike letters."""
    number = int.from_bytes(hashlib.sha256(compose(thread_key, str(epoch)).encode()).digest()[:7]) >> 6
    text = ""
    for _ in range(10):
        text, number = LETTERS[number & 31] + text, number >> 5
    return f"{text[:5]}-{text[5:]}"

"""What should not stand where everybody reads it: numbers by their checksums, contact details, passwords, health.

Precision goes before recall: a number without a checksum or a shape of its own is private only beside a word that says
what it is. Nothing that was found is repeated in a reason or a log, only its kind.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from .accounts import cards, ibans
from .addresses import holds_address, holds_email
from .national import nationals
from .phones import phones
from .words import holds_named_order, holds_password, speaks_of_people

NAMES = {
    "card": "a card number",
    "iban": "a bank account number",
    "national": "a national identity number",
    "phone": "a telephone number",
    "email": "an e-mail address",
    "address": "a postal address",
    "password": "a password or a code",
    "order": "an order number with a name",
    "health": "something about health",
    "identity": "a word that goes with identity numbers",
}
_READ = 4000  # characters looked at
_SEARCHED = 65536  # characters searched for cards and bank accounts, which need no words beside them
_BLANKS = {0x200E: None, 0x200F: None, 0xA0: " ", 0x202F: " ", 0x2009: " ", 0x2010: "-", 0x2011: "-", 0x2013: "-"}


def find(text: str, language: str | None = None, *, health: Collection[str] = ()) -> list[str]:
    """Return the kinds of private matters a text holds, in the order of `NAMES`; `health` are words found elsewhere."""
    whole = _plain(text[:_SEARCHED])
    begun = whole[:_READ]
    taken: list[tuple[int, int]] = []
    found = {
        "iban": _take(ibans(whole), taken),
        "card": _take(cards(whole), taken),
        "national": _take(nationals(begun, (language or "").split("-")[0]), taken),
        "phone": _take(phones(begun), taken),
        "email": holds_email(begun),
        "address": holds_address(begun),
        "password": holds_password(begun),
        "order": holds_named_order(begun),
        "health": bool(health) and speaks_of_people(begun),
    }
    return [kind for kind in NAMES if found.get(kind)]


def _take(found: Iterable[tuple[int, int]], taken: list[tuple[int, int]]) -> bool:
    """Add places to those that are taken; return whether there is any that overlaps none taken before."""
    free = [(start, end) for start, end in found if all(end <= first or last <= start for first, last in taken)]
    taken += free
    return bool(free)


def _plain(text: str) -> str:
    """Return a text with digits, blanks and hyphens of all scripts as ASCII has them."""
    composed = unicodedata.normalize("NFC", text).translate(_BLANKS)
    if composed.isascii():
        return composed
    return "".join(str(unicodedata.digit(c)) if not c.isascii() and c.isdecimal() else c for c in composed)

"""What a message looks like to whoever sorts the work: urgent, or holding what should not stand in public.

Hints, not judgements: they raise a priority and tag a ticket, nothing is withheld because of them. The words and
the ratings are the company's policy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from .words import folded, says

_READ = 65536
# A card's 13 to 19 digits, alone or in groups; an IBAN (15 to 34 letters and digits), alone or in groups of four.
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?![A-Za-z0-9])"
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What to tell the helpdesk: a priority (`normal`, `high`) and whether it holds sensitive data, and why."""

    priority: str = "normal"
    sensitive: bool = False
    reasons: tuple[str, ...] = ()


def triage(text: str, *, stars: int, words: Iterable[str], sensitive_words: Iterable[str]) -> Hints:
    """Return the hints for a message; `stars` are a rating of one to five, 0 where there is none.

    The reasons name the kind of a find (`rating`, `word`, `card`, `iban`, `identity`), never what was found.
    """
    text = text[:_READ]
    tokens = folded(text)
    urgent = [("rating", 0 < stars <= 2), ("word", says(tokens, words))]
    private = [("card", holds_card(text)), ("iban", holds_iban(text)), ("identity", says(tokens, sensitive_words))]
    reasons = tuple(name for name, found in (*urgent, *private) if found)
    high = any(found for _, found in urgent)
    return Hints("high" if high else "normal", sensitive=any(found for _, found in private), reasons=reasons)


def holds_card(text: str) -> bool:
    """Return whether a card number stands in a text: 13 to 19 digits with a right check digit."""
    return any(_luhn([unicodedata.digit(c) for c in match[0] if c.isdecimal()]) for match in _CARD.finditer(text))


def _luhn(digits: list[int]) -> bool:
    if len(set(digits)) == 1:
        return False  # 0000 0000 0000 0000 is nobody's card
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def holds_iban(text: str) -> bool:
    """Return whether an IBAN stands in a text, by its checksum."""
    for match in _IBAN.finditer(text):
        number = match[0].replace(" ", "")
        if number.isascii():
            rearranged = number[4:] + number[:4]
            if int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1:
                return True
    return False

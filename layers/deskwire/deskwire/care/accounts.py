"""Card numbers and IBANs, by their checksums."""

from __future__ import annotations

import re
import unicodedata

# A card's 13 to 19 digits, alone or in groups; an IBAN (15 to 34 letters and digits), alone or in groups of four.
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?![A-Za-z0-9])"
)


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

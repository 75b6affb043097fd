"""Where card numbers and bank accounts stand in a text, by their checksums, lengths and first digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

# The lengths of IBANs: https://www.swift.com/standards/data-standards/iban-international-bank-account-number, release 99.
_LENGTHS = {
    each[:2]: int(each[2:])
    for each in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IR26 IS26 IT27 JO30 KW30 "
        "KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 "
        "PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 "
        "XK20 YE30"
    ).split()
}
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}[ -]?\d{2}(?=[ -]?[A-Za-z0-9])")
# Accounts as they are written at home, without country and check digits: 26 digits in Poland, in Serbia bank-number-check.
_POLISH = re.compile(r"(?<![\w-])\d{2}(?:[ -]?\d{4}){6}(?![\w-])")
_SERBIAN = re.compile(r"(?<![\w-])(\d{3})-(\d{1,13})-(\d{2})(?![\w-])")

_CARD = re.compile(r"(?<![\w+.,-])\d(?:[ -]?\d){13,18}(?![\w-])")
# First digits and lengths of cards: ISO/IEC 7812, as listed at
# https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN). Articles' numbers (EAN) have 13 digits,
# as old cards had; these are left out. 9 is national: Serbia's Dina, Turkey's Troy, Iran's.
_ISSUED = re.compile(
    r"3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|(?:2[2-7]|3[05]|[456]\d|8\d|9[179])\d{14}|(?:4|5|6)\d{16,18}"
)


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places (first and one past the last character) of bank account numbers."""
    for match in _IBAN.finditer(text):
        end = _end(text, match.start(), _LENGTHS.get(match[0][:2].upper(), 0))
        if end and _mod_97(_bare(text[match.start() : end])):
            yield match.start(), end
    for match in _POLISH.finditer(text):
        if _mod_97(f"PL{_bare(match[0])}"):
            yield match.span()
    for match in _SERBIAN.finditer(text):
        if int(f"{match[1]}{match[2]:0>13}{match[3]}") % 97 == 1:
            yield match.span()


def _end(text: str, start: int, length: int) -> int:
    """Return where so many letters and digits that begin at `start` end, single blanks and hyphens left out, or 0."""
    at = start
    for number in range(length):
        at += bool(number) and text[at : at + 1] in {" ", "-"}
        if not (text[at : at + 1].isascii() and text[at : at + 1].isalnum()):
            return 0
        at += 1
    return 0 if text[at : at + 1].isalnum() else at


def _mod_97(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of card numbers."""
    for match in _CARD.finditer(text):
        digits = _bare(match[0])
        if len(set(digits)) > 1 and _ISSUED.fullmatch(digits) and luhn(digits):
            yield match.span()


def luhn(digits: str) -> bool:
    """Return whether the last digit is the right one: ISO/IEC 7812-1, annex B."""
    doubled = (int(c) * 2 - 9 * (int(c) > 4) for c in digits[-2::-2])
    return (sum(int(c) for c in digits[-1::-2]) + sum(doubled)) % 10 == 0


def _bare(text: str) -> str:
    return text.replace(" ", "").replace("-", "").upper()

"""Where national identity numbers stand in a text, by their checksums.

A number counts by itself where its rule leaves little to chance (`sure`), or else where the text is in a language of
its country, or a word that goes with it stands before it. The rules are those of python-stdnum 2.2, one module of
https://arthurdejong.org/python-stdnum/doc/2.2/ each, but for those with a link of their own; both were compared on
random numbers (docs/care.md says how, and why the library itself is not used).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from .accounts import luhn

Check = Callable[[str], bool]
_DATE = re.compile(r"\d{1,2}[ ./-]\d{1,2}[ ./-](?:19|20)\d\d|(?:19|20)\d\d[ ./-]\d{1,2}[ ./-]\d{1,2}")
_BEFORE = 32  # characters before a number in which its word may stand


@dataclass(frozen=True, slots=True)
class Number:
    """A country's number: its digits and letters (without blanks, points and hyphens), its check, what speaks for it."""

    country: str
    pattern: re.Pattern[str]
    check: Check
    languages: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    sure: bool = False
    as_written: bool = False  # its hyphens tell it from other numbers


def nationals(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield the places (first and one past the last character) of national identity numbers.

    `language` is that of the text, without script and country (`sr`).
    """
    for match in _WRITTEN.finditer(text):
        if _DATE.match(match[0]):
            continue
        before = text[max(0, match.start() - _BEFORE) : match.start()].casefold()
        if any(_is(number, match[0], language, before) for number in NUMBERS):
            yield match.span()


def _is(number: Number, written: str, language: str, before: str) -> bool:
    bare = re.sub(r"[ ./-]", "", written).upper()
    if not number.pattern.fullmatch(written if number.as_written else bare) or not number.check(bare):
        return False
    if any(word in before for word in number.words):
        return True
    return not _OTHER.search(before) and (number.sure or language in number.languages)


# ---------------------------------------------------------------------------------------------- the arithmetic


def _sum(digits: str, *weights: int) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _born(year: int, month: int, day: int) -> bool:
    """Return whether there is such a day; of years with two digits in some century."""
    try:
        date(year if year > 99 else 2000 + year, month, day)  # 2000 was a leap year, as 1900 was not
    except ValueError:
        return False
    return True


def _pairs(digits: str) -> tuple[int, int, int]:
    return int(digits[:2]), int(digits[2:4]), int(digits[4:6])


def _mod_11_10(digits: str) -> bool:
    """ISO 7064, Mod 11, 10."""
    rest = 10
    for digit in digits[:-1]:
        rest = ((int(digit) + rest) % 10 or 10) * 2 % 11
    return (11 - rest) % 10 == int(digits[-1])


_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_P = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def _verhoeff(digits: str) -> bool:
    """Return whether the dihedral group's check holds: https://en.wikipedia.org/wiki/Verhoeff_algorithm."""
    rest = 0
    for place, digit in enumerate(reversed(digits)):
        rest = int(_D[rest][int(_P[place % 8][int(digit)])])
    return rest == 0


# ---------------------------------------------------------------------------------------------- the countries


def _kennitala(d: str) -> bool:
    day, month, year = _pairs(d)
    person = _born(year, month, day % 40) and day < 72  # of companies the day is 41 to 71
    return person and (11 - _sum(d, 3, 2, 7, 6, 5, 4, 3, 2) % 11) % 11 == int(d[8])


def _pesel(d: str) -> bool:
    year, month, day = _pairs(d)
    return _born(year, month % 20, day) and _sum(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1) % 10 == 0


def _jmbg(d: str) -> bool:
    year = int(d[4:7])
    check = (11 - _sum(d, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11) % 11 % 10
    return _born(year + (1000 if year > 800 else 2000), int(d[2:4]), int(d[:2])) and check == int(d[12])


def _iranian(d: str) -> bool:
    rest = _sum(d, *range(10, 1, -1)) % 11
    return len(set(d)) > 1 and int(d[9]) == (rest if rest < 2 else 11 - rest)


_ALBANIAN = "WABCDEFGHIJKLMNOPQRSTUV"


def _albanian_birth(n: str) -> bool:
    year, month = 1900 + 10 * "ABCDEFGHIJKLMNOPQRST".index(n[0]) + int(n[1]), int(n[2:4])
    return month % 50 % 30 <= 12 and _born(year, month % 50 % 30, int(n[4:6]))


def _albanian(n: str) -> bool:
    values = [_ALBANIAN.index(n[0]), *map(int, n[1:9])]
    total = values[0] + sum(place * value for place, value in enumerate(values))
    return _albanian_birth(n) and _ALBANIAN[total % 23] == n[9]


def _kosovar(d: str) -> bool:
    check = 11 - _sum(d, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11
    return d[0] == "9" or (0 if check > 9 else check) == int(d[9])


def _german(d: str) -> bool:
    counts = sorted(d[:10].count(digit) for digit in set(d[:10]))
    return d[0] != "0" and counts[-1] in {2, 3} and counts[-2] == 1 and _mod_11_10(d)


def _french(d: str) -> bool:
    number = int(d[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(d[13:])


def _spanish(n: str) -> bool:
    number = int(n[:-1].translate(str.maketrans("XYZ", "012")))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == n[-1]


_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def _italian(n: str) -> bool:
    values = [int(c, 36) if c.isdigit() else ord(c) - ord("A") for c in n]
    total = sum(_ODD[value] if place % 2 == 0 else value for place, value in enumerate(values[:15]))
    return total % 26 == values[15]


def _portuguese(d: str) -> bool:
    return (11 - _sum(d, 9, 8, 7, 6, 5, 4, 3, 2) % 11) % 11 % 10 == int(d[8])


def _dutch(d: str) -> bool:
    return _sum(d, 9, 8, 7, 6, 5, 4, 3, 2, -1) % 11 == 0 and int(d) > 0


def _belgian(d: str) -> bool:
    year, month, day = _pairs(d)
    born = month % 20 <= 12 and (month % 20 == 0 or day == 0 or _born(year, month % 20, day))
    return born and int(d[9:]) in {97 - int(f"{century}{d[:9]}") % 97 for century in ("", "2")}


def _swedish(d: str) -> bool:
    year, month, day = _pairs(d[-10:])
    return _born(year, month, day % 60) and luhn(d[-10:])


def _norwegian(d: str) -> bool:
    day, month, year = _pairs(d)
    first, second = _sum(d, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1), _sum(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    return _born(year, month % 40, day % 40) and first % 11 == 0 and second % 11 == 0


def _danish(d: str) -> bool:
    day, month, year = _pairs(d)
    return _born(year, month, day)  # since 2007 numbers without the check are given out


def _finnish(n: str) -> bool:
    day, month, year = _pairs(n)
    return _born(year, month, day) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(n[:6] + n[-4:-1]) % 31] == n[-1]


def _romanian(d: str) -> bool:
    year, month, day = _pairs(d[1:])
    rest = _sum(d, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
    return _born(year, month, day) and int(d[12]) == (1 if rest == 10 else rest)


def _bulgarian(d: str) -> bool:
    year, month, day = _pairs(d)
    return _born(year, month % 20, day) and _sum(d, 2, 4, 8, 5, 10, 9, 7, 3, 6) % 11 % 10 == int(d[9])


def _czech(d: str) -> bool:
    year, month, day = _pairs(d)
    return _born(year, month % 50 % 20, day) and int(d) % 11 == 0


def _turkish(d: str) -> bool:
    odd, even = sum(map(int, d[0:9:2])), sum(map(int, d[1:8:2]))
    return (odd * 7 - even) % 10 == int(d[9]) and sum(map(int, d[:10])) % 10 == int(d[10])


def _brazilian(d: str) -> bool:
    first, second = (_sum(d, *range(weight, 1, -1)) * 10 % 11 % 10 for weight in (10, 11))
    return len(set(d)) > 1 and first == int(d[9]) and second == int(d[10])


def _chinese(n: str) -> bool:
    born = _born(int(n[6:10]), int(n[10:12]), int(n[12:14]))
    total = _sum(n, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return born and "10X98765432"[total % 11] == n[17]


def _south_african(d: str) -> bool:
    year, month, day = _pairs(d)
    return _born(year, month, day) and luhn(d)


def _australian(d: str) -> bool:
    return _sum(d, *((10, 7, 8, 4, 6, 3, 5, 1) if len(d) == 8 else (1, 4, 3, 7, 5, 8, 6, 9, 10))) % 11 == 0


def _holds(_: str) -> bool:
    """Return true: of this number there is only the pattern."""
    return True


_of = re.compile
# What else a number may be, by the words before it. Then only its own word makes it an identity number.
_OTHER = re.compile(
    r"order|tracking|parcel|invoice|ticket|account|\bsku\b|\bean\b|barcode|isbn|pöntun|sending|strikamerki|zamówien|paczk|przesył|"
    r"porudžb|pošilj|barkod|поруџб|пошиљ|porosi|dërges|سفارش|پیگیری|رهگیری|مرسوله|بارکد|bestell|rechnung|sendung|commande|pedido|"
    r"ordine|\bnip\b|\bkrs\b|\bregon\b"
)
_WRITTEN = re.compile(
    r"(?<![\w+.,:/#-])(?:[A-Za-z]{2} ?\d\d ?\d\d ?\d\d ?[A-Da-d]|[A-Za-z]{6}\d\d[A-Za-z]\d\d[A-Za-z]\d{3}[A-Za-z]|"
    r"[A-Ta-t]\d{8}[A-Wa-w]|\d{6}[-+A-FU-Ya-fu-y]\d{3}[0-9A-Ya-y]|[XYZxyz]?\d{7,8}[ -]?[A-Za-z]|"
    r"[12](?:[ .]?\d){4}[ .]?(?:\d\d|2[ABab])(?:[ .]?\d){8}|\d{17}[Xx]|\d(?:[ ./-]?\d){7,17})(?![\w-])"
)

NUMBERS = (
    # Also https://www.skra.is/english/people/my-registration/id-numbers/; companies have one, too, which is public.
    Number("IS", _of(r"\d{9}[890]"), _kennitala, ("is",), ("kt", "kennital"), sure=True),
    Number("PL", _of(r"\d{11}"), _pesel, ("pl",), ("pesel",), sure=True),
    # `si.emso`: the same number in all countries of former Yugoslavia.
    Number("RS", _of(r"\d{4}[09]\d{8}"), _jmbg, ("sr", "hr", "bs", "sl", "mk"), ("jmbg", "јмбг", "матич", "matič"), sure=True),
    Number("HR", _of(r"\d{11}"), _mod_11_10, ("hr",), ("oib",)),
    # No module there: https://en.wikipedia.org/wiki/National_identification_number#Iran
    Number("IR", _of(r"\d{10}"), _iranian, ("fa",), ("کد ملی", "کدملی", "کد‌ملی", "شماره ملی", "شناسه ملی")),
    # No module there: https://github.com/dedal-io/nidx (albania.rs, kosovo.rs) as read on 2026-11-29; no public body
    # confirms the check letter, so a word before the number is enough, too.
    Number("AL", _of(r"[A-T]\d{8}[A-W]"), _albanian, sure=True),
    Number("AL", _of(r"[A-T]\d{8}[A-W]"), _albanian_birth, ("sq",), ("nid", "personal", "identitet", "letërnjoftim")),
    Number("XK", _of(r"\d{10}"), _kosovar, (), ("numri personal", "nr. personal", "numrin personal")),
    # https://www.ssa.gov/employer/randomization.html
    Number("US", _of(r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}"), _holds, sure=True, as_written=True),
    Number("US", _of(r"(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}"), _holds, (), ("ssn", "social security")),
    # https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
    Number("GB", _of(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]"), _holds, sure=True),
    Number("DE", _of(r"\d{11}"), _german, ("de",), ("steuer", "idnr", "tax id")),
    Number("FR", _of(r"[12]\d{4}(?:\d\d|2[AB])\d{8}"), _french, ("fr",), ("sécu", "securite", "insee", "nir"), sure=True),
    Number("ES", _of(r"[XYZ]?\d{7,8}[A-Z]"), _spanish, ("es", "ca", "gl", "eu"), ("dni", "nie", "nif"), sure=True),
    Number("IT", _of(r"[A-Z]{6}\d\d[A-EHLMPR-T]\d\d[A-Z]\d{3}[A-Z]"), _italian, sure=True),
    Number("PT", _of(r"[1-3]\d{8}|45\d{7}"), _portuguese, (), ("nif", "contribuinte", "fiscal")),
    Number("NL", _of(r"\d{9}"), _dutch, ("nl",), ("bsn", "burgerservice", "sofi")),
    Number("BE", _of(r"\d{11}"), _belgian, ("nl", "fr"), ("rijksregister", "registre national", "niss", "insz")),
    Number("SE", _of(r"(?:19|20)?\d{10}"), _swedish, ("sv",), ("personnummer", "persnr")),
    Number("NO", _of(r"\d{11}"), _norwegian, ("no", "nb", "nn"), ("fødselsnummer", "personnummer"), sure=True),
    Number("DK", _of(r"\d{10}"), _danish, ("da", "fo"), ("cpr", "personnummer")),
    Number("FI", _of(r"\d{6}[A-FU-Y]?\d{3}[0-9A-FHJ-NPR-Y]"), _finnish, ("fi",), ("hetu", "henkilötunnus")),
    Number("RO", _of(r"[1-8]\d{12}"), _romanian, ("ro",), ("cnp",), sure=True),
    Number("BG", _of(r"\d{10}"), _bulgarian, ("bg",), ("егн", "egn")),
    Number("CZ", _of(r"\d{10}"), _czech, ("cs", "sk"), ("rodné", "rodne")),
    Number("TR", _of(r"[1-9]\d{10}"), _turkish, ("tr",), ("tc kimlik", "kimlik no", "tckn")),
    Number("BR", _of(r"\d{11}"), _brazilian, ("pt",), ("cpf",)),
    Number("IN", _of(r"[2-9]\d{11}"), _verhoeff, ("hi",), ("aadhaar", "aadhar", "आधार")),
    Number("CN", _of(r"[1-9]\d{16}[\dX]"), _chinese, ("zh",), ("身份证",), sure=True),
    Number("ZA", _of(r"\d{10}[01]\d\d"), _south_african, ("af", "zu", "xh"), ("id number", "id no", "identity number")),
    Number("AU", _of(r"\d{8,9}"), _australian, (), ("tfn", "tax file")),
)  # fmt: skip

"""Where a text may be cut without tearing what a reader sees as one character.

The rules are those of Unicode's annex 29 (grapheme clusters), made from what the standard library knows of
each character, a little coarser on purpose: it may keep together what could be cut, it never cuts what
belongs together (the tests prove that against the `regex` library).
"""

from __future__ import annotations

import unicodedata

ZWJ = "\u200d"
_VIRAMA = 9  # canonical combining class of every sign that joins two Indic consonants
_REGIONAL = range(0x1F1E6, 0x1F200)
_TAGS = range(0xE0000, 0xE0080)
_MODIFIERS = range(0x1F3FB, 0x1F400)
# Letters by category that annex 29 counts as marks (Thai and Lao AM, halfwidth voicing marks) …
_TRAILING_LETTERS = frozenset("\u0e33\u0eb3\uff9e\uff9f")
# … and those that belong to the letter after them (Prepend); the others of that kind are category Cf.
_LEADING_LETTERS = frozenset(
    "\u0d4e\U000111c2\U000111c3\U0001193f\U00011941\U00011a3a\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88"
    "\U00011a89\U00011d46\U00011f02"
)


def extends(character: str) -> bool:
    """Return whether the character only adds to the one before it: a mark, a joiner, a skin tone, a tag."""
    if character < "\u0300":
        return False
    code = ord(character)
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character in {ZWJ, "\u200c"}
        or code in _MODIFIERS
        or code in _TAGS
        or character in _TRAILING_LETTERS
    )


def boundary(text: str, at: int, start: int = 0) -> bool:
    """Return whether a cut before `text[at]` tears nothing; `start` is a place known to be a boundary."""
    if at <= start or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":
        return not (before == "\r" and after == "\n")
    if extends(after) or _leads(before):
        return False
    if extends(before):
        return not _conjunct(text, at - 1, start, after)
    if ord(after) in _REGIONAL and ord(before) in _REGIONAL:
        return _run_of_flags(text, at, start) % 2 == 0
    return not _one_syllable(ord(before), ord(after))


def backward(text: str, at: int, start: int) -> int:
    """Return the last boundary after `start` that is not behind `at`; `at` itself where there is none.

    (A pile of thousands of marks on one letter is a cluster as well: rather torn than an answer never sent.)
    """
    for place in range(at, start, -1):
        if boundary(text, place, start):
            return place
    return at


def _leads(character: str) -> bool:
    """Whether it belongs to what follows: a joiner, a sign before a number, a letter that only prepends."""
    return character in _LEADING_LETTERS or (character > "\u05ff" and unicodedata.category(character) == "Cf")


def _conjunct(text: str, last: int, start: int, after: str) -> bool:
    """Whether the marks that end at `last` hold a virama that ties `after` to the letter before them."""
    if unicodedata.category(after) != "Lo":
        return False
    for place in range(last, max(start, last - 32) - 1, -1):
        if unicodedata.combining(text[place]) == _VIRAMA:
            return True
        if not extends(text[place]):
            return False
    return False


def _run_of_flags(text: str, at: int, start: int) -> int:
    place = at
    while place > start and ord(text[place - 1]) in _REGIONAL:
        place -= 1
    return at - place


def _one_syllable(before: int, after: int) -> bool:
    """Hangul written in its parts: leading consonants, vowels, trailing consonants."""
    leading = 0x1100 <= before <= 0x115F or 0xA960 <= before <= 0xA97C
    part = 0x1160 <= after <= 0x11FF or 0xD7B0 <= after <= 0xD7FB
    korean = 0x1100 <= before <= 0x11FF or 0xA960 <= before <= 0xA97C or 0xAC00 <= before <= 0xD7FB
    follows = part or 0x1100 <= after <= 0x115F or 0xA960 <= after <= 0xA97C or 0xAC00 <= after <= 0xD7A3
    return (korean and part) or (leading and follows)

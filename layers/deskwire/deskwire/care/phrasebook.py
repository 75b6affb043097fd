"""The phrases of a language that show what a message wants: read from `phrases/`, which speakers mend.

A file has sections in square brackets and phrases between commas. A `*` ends a word whose ending varies, `…` stands
for up to three words. Case, accents, punctuation and the script of Serbian do not matter. `phrases/README.md` tells a
speaker all of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import islice

from .words import unaccented

SECTIONS = (
    "trouble", "service", "many", "urgent", "complaint", "perhaps", "praise", "not praise", "question", "hedge", "health",
    "not", "nobody", "mine", "yours", "contrast", "soon", "settled", "flawless", "turn", "works", "matter",
    "waited", "number", "period", "promised", "request",
)  # fmt: skip
_SOUTH_SLAVIC = dict(
    zip(
        "абвгдђежзијклљмнњопрстћуфхцчџш",
        "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š".split(),
        strict=True,
    )
)
_LATIN = str.maketrans({"ł": "l", "đ": "dj", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "ё": "е"})
_SHORTENED = re.compile(r"(?<=\w)['’](?=\w{1,2}\b)")  # can't
_DRAWN_OUT = re.compile(r"([^\W\d])\1{2,}")  # sooo
_PERSIAN_VERB = re.compile(r"(?<!\S)(نمي|مي) (?=\S)")
_BEGINS_WITH_LETTERS = re.compile(r"[^\W\d_]{2}(?![*+?{])")
_NONE = re.compile(r"(?!)")
_BACK = 60  # characters in which the two words before a phrase are looked for
_PAIRED = 40  # phrases of a section that are paired with those of another
_FILE = {"sr-Latn": "sr", "sr-Cyrl": "sr", "hr": "sr", "bs": "sr", "nb": "no", "nn": "no"}


def plain(text: str) -> str:
    """Return a text as phrases are compared: small letters without accents, single spaces, Latin script for Serbian."""
    text = _SHORTENED.sub("", text.casefold())
    if any("\u0452" <= letter <= "\u045f" or letter in "абвгд" for letter in text) and not set(text) & set(
        "ыэяюъщёйіїє"
    ):
        text = "".join(_SOUTH_SLAVIC.get(letter, letter) for letter in text)
    text = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in text)
    return _DRAWN_OUT.sub(r"\1", _PERSIAN_VERB.sub(r"\1", unaccented(text).translate(_LATIN)))


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The phrases of a language, by section, ready to be looked for in a `plain` text."""

    language: str
    sections: Mapping[str, re.Pattern[str]]

    def found(self, section: str, text: str) -> list[str]:
        """Return the pieces of a plain text that are phrases of the section, in their order."""
        pattern = self.sections.get(section)
        return [match[0].strip() for match in pattern.finditer(f" {text} ")] if pattern else []

    def without(self, section: str, text: str) -> str:
        """Return a plain text without the section's phrases."""
        pattern = self.sections.get(section)
        return pattern.sub(" ", f" {text} ").strip() if pattern else text

    def affirmed(self, section: str, text: str) -> tuple[list[str], str]:
        """Return the section's phrases that have no negation up to two words before, and the plain text without them."""
        pattern = self.sections.get(section)
        if pattern is None:
            return [], text
        spaced, place = f" {text} ", 0
        found: list[str] = []
        rest: list[str] = []
        for match in pattern.finditer(spaced):
            before = " ".join(spaced[max(0, match.start() - _BACK) : match.start()].split()[-2:])
            if not any(self.found(each, before) for each in ("not", "nobody")):
                found.append(match[0])
                rest.append(spaced[place : match.start()].strip())
                place = match.end()
        return found, " ".join([*rest, spaced[place:].strip()]).strip()

    def parted(self, section: str, text: str) -> tuple[str, str, str]:
        """Return the first phrase of the section in a plain text, what is before it and what is after it."""
        match = self.sections.get(section, _NONE).search(f" {text} ")
        return (
            (match[0], match.string[: match.start()].strip(), match.string[match.end() :].strip())
            if match
            else ("", text, "")
        )

    def near(self, one: str, other: str, text: str, between: int) -> list[str]:
        """Return the pieces of a plain text that hold phrases of both sections, at most `between` words apart."""
        spaced = f" {text} "
        ones, others = (
            [match.span() for match in islice(self.sections.get(each, _NONE).finditer(spaced), _PAIRED)]
            for each in (one, other)
        )
        pairs = (sorted((first, second)) for first in ones for second in others)
        return [
            spaced[first[0] : second[1]]
            for first, second in pairs
            if first[1] < second[0] and spaced.count(" ", first[1], second[0]) <= between + 1
        ]


def languages() -> tuple[str, ...]:
    """Return the languages that have a file."""
    folder = files(__package__).joinpath("phrases")
    return tuple(sorted(each.name[:-4] for each in folder.iterdir() if each.name.endswith(".txt")))


@lru_cache(maxsize=32)
def phrasebook(language: str) -> Phrasebook | None:
    """Return a language's phrases; None where there is no file."""
    name = _FILE.get(language, language)
    name = name if name in languages() else name.split("-")[0]
    if name not in languages():
        return None
    return parsed(name, files(__package__).joinpath("phrases", f"{name}.txt").read_text("utf-8"))


def parsed(language: str, text: str) -> Phrasebook:
    """Read a file's text. Raises `ValueError` for a section that is none, a phrase outside of one, or an empty one."""
    phrases: dict[str, list[str]] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()  # noqa: PLW2901 - what follows # is a comment
        if line.startswith("["):
            section = line.strip("[]")
            if section not in SECTIONS:
                raise ValueError(
                    f"{language}, line {number}: “{section}” is no section; there are {', '.join(SECTIONS)}"
                )
        elif line:
            if not section:
                raise ValueError(f"{language}, line {number}: this stands before the first [section]")
            phrases.setdefault(section, []).extend(each.strip() for each in line.split(",") if each.strip())
    return Phrasebook(language, {name: _pattern(name, those) for name, those in phrases.items()})


def _pattern(section: str, phrases: list[str]) -> re.Pattern[str]:
    """Return a pattern that prefers the longest phrase; those that begin alike are tried together, for speed."""
    groups: dict[str, list[str]] = defaultdict(list)
    for piece in sorted({_piece(phrase) for phrase in phrases}, key=lambda piece: (-len(piece), piece)):
        head = _BEGINS_WITH_LETTERS.match(piece)
        groups[head[0] if head else ""].append(piece[len(head[0]) if head else 0 :])
    others = groups.pop("", [])
    if section == "number":
        others.append(r"\d{1,3}")
    alike = [f"{head}(?:{'|'.join(rest)})" for head, rest in sorted(groups.items())]
    return re.compile(rf"(?<= )(?:{'|'.join([*alike, *others])})(?= )")


def _piece(phrase: str) -> str:
    words = []
    for part in phrase.split("…"):
        folded = plain(part.replace("*", "ⲵ"))  # a letter that no phrase has, so that it stays in its place
        words.append(re.escape(folded).replace("ⲵ", r"\w*").replace(r"\ ", " "))
    piece = r"(?: \S+){0,3} ".join(word.strip() for word in words)
    if not piece:
        raise ValueError(f"“{phrase}” holds no word")
    return piece

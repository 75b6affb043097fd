"""What is seen in a message that tells what it wants: the signs which `judge` weighs.

Most signs are phrases of the message's language (`phrases/`). Others are made of two kinds of words near each other: a
negation and what things or people are meant to do ("does not open"), a number and a length of time ("third day"). What
says that all is well ("no problem", "not urgent", "works again") is taken out of the text first, so that its words
count for nothing else; praise or such calm before a "but" counts for nothing where trouble follows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from . import ngrams
from .languages import Language, words
from .phrasebook import SECTIONS, Phrasebook, plain

_ONCE = frozenset(
    {"contrast", "soon", "fails", "waited", "promised", "matter", "settled", "request"}
)  # more of them say no more
_APART = frozenset({"settled", "flawless", "praise", "not praise", "question", "turn", "number", "period"})
_CALM = ("praise", "flawless", "settled")
_TROUBLED = ("trouble", "urgent", "complaint", "perhaps", "not", "nobody")
# Signs made of two sections' phrases, with as many words between them at most; either may come first, as in Icelandic.
_PAIRS: Mapping[str, tuple[tuple[str, ...], str, int]] = {
    "fails": (("not", "nobody"), "works", 3),
    "waited": (("number",), "period", 1),
}
_MARKS = "?؟"
_LONG = 40  # words: a longer text, such as a review, has more than one “but”
_MOCKING = frozenset("🙄🙃😒🤦")
_GLAD = frozenset("😀😃😄😁😊😍🥰😘🤩👍👏🙏❤🧡💛💚💙💜🎉🥳😻💪🙌💯⭐🌟🔥💐🌹")
_SAD = frozenset("😠😡🤬😤😒😞😢😭👎💔🤦😩😫🤮💩😖😣🙄🙃")
_SENTENCE = re.compile(r"(?<=[.!?؟\n…])\s+")


@dataclass(slots=True)
class Signs:
    """What was found in a message, by section, and what it asks."""

    found: dict[str, list[str]] = field(default_factory=dict)
    asks: bool = False
    marked: bool = False
    glad: int = 0
    sad: int = 0
    mocks: bool = False
    sound: float = 0.0
    stars: int = 0
    company: bool = False
    again: int = 0
    words: frozenset[str] = frozenset()  # looked at where something was learned

    @property
    def negated(self) -> bool:
        """Whether it says that something is not, or nobody does it."""
        return bool(self.found.get("not") or self.found.get("nobody"))

    def number(self, section: str) -> int:
        return len(set(self.found.get(section, ())))


def said(text: str, book: Phrasebook, language: Language | None) -> Signs:
    """Return the signs of a text in a language that has these phrases."""
    read = plain(text)
    settled, rest = book.affirmed("settled", read)
    flawless, rest = book.affirmed("flawless", rest)
    found = {section: book.found(section, rest) for section in SECTIONS if section not in _APART}
    found |= {"settled": settled, "flawless": flawless}
    found["praise"] = [*flawless, *book.found("praise", book.without("not praise", rest))]
    if turned := _turn(read, book):
        found |= {"settled": [], "flawless": [], "praise": [], "turned": [turned]}
    for name, (ones, others, between) in _PAIRS.items():
        found[name] = [*found.get(name, ()), *(each for one in ones for each in book.near(one, others, rest, between))]
    signs = Signs(found)
    signs.marked = any(mark in text for mark in _MARKS)
    signs.asks = signs.marked or any(_begins_as_question(each, book) for each in _SENTENCE.split(text))
    signs.glad = sum(letter in _GLAD for letter in text)
    signs.sad = sum(letter in _SAD for letter in text)
    signs.mocks = bool(_MOCKING & set(text))
    signs.sound = sound(text, language)
    return signs


def _turn(read: str, book: Phrasebook) -> str:
    """Return the "but" of a text that is glad before it and troubled, not glad, after it; "" where there is none."""
    if read.count(" ") > _LONG:
        return ""
    turn, before, after = book.parted("turn", read)
    glad = any(book.found(each, before) for each in _CALM)
    if not glad or any(book.affirmed(each, after)[0] for each in _CALM):
        return ""
    return turn if any(book.found(each, f"{turn} {after}") for each in _TROUBLED) else ""


def _begins_as_question(sentence: str, book: Phrasebook) -> bool:
    """Return whether a sentence begins as a question does; not after one word ("when …") if it ends as a statement."""
    read = plain(sentence)
    found = book.found("question", read)[:1]
    stated = sentence.rstrip().endswith((".", "!")) and " " not in "".join(found)
    return bool(found) and f"{read} ".startswith(f"{found[0]} ") and not stated


def counts(signs: Signs) -> dict[str, float]:
    """Return how often each sign was seen."""
    count: dict[str, float] = {
        section: min(1 if section in _ONCE else 2, signs.number(section)) for section in signs.found
    }
    count["negated"] = int(signs.negated)
    count["negated question"] = int(signs.negated and signs.asks)
    count["service negated"] = int(signs.negated and signs.number("service") > 0)
    count["waited matter"] = int(signs.number("waited") > 0 < signs.number("matter") + signs.number("promised"))
    count["service shared"] = int(signs.number("service") > 0 < signs.number("many"))
    count["praised"] = int(signs.number("praise") > 0 and not signs.mocks)
    count["negated praise"] = int(signs.negated and signs.number("praise") > 0)
    count["asks"] = int(signs.asks)
    count["marked"] = int(signs.marked)
    count["only asks"] = int(signs.asks and not any(signs.number(each) for each in ("trouble", "urgent", "complaint")))
    count["asks what if"] = int(signs.asks and signs.number("hedge") > 0)
    count["sad"] = min(2, signs.sad)
    count["glad"] = min(2, signs.glad)
    count["poor rating"] = int(0 < signs.stars <= 2)
    count["good rating"] = int(signs.stars >= 4)
    count["again"] = signs.again
    count["company"] = int(signs.company)
    count["sound"] = max(-1.0, min(1.0, signs.sound))
    return count


def sound(text: str, language: Language | None) -> float:
    """Return how a text sounds by its letter groups: below 0 unhappy, above 0 happy, about ±3 at most."""
    table = _polarity()
    if table is None or language is None:
        return 0.0
    seed = language.split("-")[0]
    buckets = ngrams.grams(
        (plain(word) for word in list(words(text))[:80]), table.bits, whole=True, pairs=True, seed=seed
    )
    return table.scores(buckets)["happy"] if buckets else 0.0


@lru_cache(maxsize=1)
def _polarity() -> ngrams.Table | None:
    try:
        return ngrams.load("polarity")
    except FileNotFoundError:
        return None

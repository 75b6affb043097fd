"""What a message is and how much it matters: hot or cold, its kind, its mood, what is private in it, and why.

Three things decide: the phrases of its language (`phrases/`), its punctuation, and a small table of how letter groups
sound, which only tips what the phrases leave open. Nothing that a message says about its own judgement is read as an
instruction: there is nothing here that follows any.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from math import tanh

from . import ngrams, private
from .languages import Language, detect, words
from .phrasebook import Phrasebook, phrasebook, plain

KINDS = ("complaint", "urgent", "outage", "question", "praise", "mention")
_READ = 4000  # characters looked at
_HOT = 2.0  # points from which a message is hot; half of it where it neither asks nor praises and sounds unhappy
_FRIENDLY, _UNHAPPY = 0.4, -0.3
_MARKS = "?؟;？"
_GLAD = frozenset("😀😃😄😁😊😍🥰😘🤩👍👏🙏❤🧡💛💚💙💜🎉🥳😻💪🙌💯⭐🌟🔥💐🌹")
_SAD = frozenset("😠😡🤬😤😒😞😢😭👎💔🤦😩😫🤮💩😖😣🙄")
_SENTENCE = re.compile(r"(?<=[.!?؟\n…])\s+")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a message seems to be. `mood` is −1 (unhappy) to 1 (happy); `reasons` are for an agent to read."""

    language: Language | None
    heat: str = "cold"
    kind: str = "mention"
    mood: float = 0.0
    private: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class _Signs:
    """What was found in a message, by section, and what it asks."""

    found: dict[str, list[str]] = field(default_factory=dict)
    asks: bool = False
    marked: bool = False
    glad: int = 0
    sad: int = 0
    sound: float = 0.0

    def number(self, section: str) -> int:
        return len(set(self.found.get(section, ())))


def judge(
    text: str, *, expected: Collection[str] = (), hint: str | None = None, public: bool = False, stars: int = 0
) -> Judgement:
    """Return the judgement of a message.

    `expected` are the company's languages, `hint` is the platform's statement of the language, `public` whether
    everybody reads it, `stars` a rating of one to five or 0. A message in a language without phrases is judged by
    English ones and its sound alone.
    """
    text = text[:_READ]
    language = detect(text, hint, expected)
    book = phrasebook(language or "") or phrasebook("en")
    signs = _signs(text, book, language) if book else _Signs()
    kind, reasons = _kind(signs, stars)
    found = private.find(text, language, health=signs.found.get("health", ()))
    if found:
        where = " in public" if public else ""
        reasons = [*reasons, *(f"holds {private.NAMES[each]}{where}" for each in found)]
    heat = "hot" if kind in {"complaint", "urgent", "outage"} else "cold"
    return Judgement(language, heat, kind, _mood(signs, stars), tuple(found), tuple(reasons))


def _signs(text: str, book: Phrasebook, language: Language | None) -> _Signs:
    signs = _Signs()
    read = plain(text)
    for section in ("trouble", "service", "many", "urgent", "complaint", "perhaps", "hedge", "health"):
        signs.found[section] = book.found(section, read)
    signs.found["not praise"] = book.found("not praise", read)
    signs.found["praise"] = book.found("praise", book.without("not praise", read))
    signs.marked = any(mark in text for mark in _MARKS[:2])
    sentences = [plain(sentence) for sentence in _SENTENCE.split(text)]
    signs.asks = signs.marked or any(
        f" {sentence} ".startswith(tuple(f" {each} " for each in book.found("question", sentence)[:1] or ("\0",)))
        for sentence in sentences
    )
    signs.glad = sum(letter in _GLAD for letter in text)
    signs.sad = sum(letter in _SAD for letter in text)
    signs.sound = sound(text, language)
    return signs


def _points(signs: _Signs) -> float:
    """Return how much speaks for a hot message."""
    strong = signs.number("trouble") + signs.number("urgent") + signs.number("complaint")
    perhaps = signs.number("perhaps")
    if signs.number("trouble") or signs.number("urgent"):
        perhaps += signs.number("many")
    points = 2.0 * strong + 1.0 * perhaps + 0.5 * min(2, signs.sad)
    if signs.asks and signs.number("hedge"):
        points -= 2  # "what happens if it is broken?" asks, nothing is broken
    if signs.asks and not strong:
        points *= 0.5
    return points


def _kind(signs: _Signs, stars: int) -> tuple[str, list[str]]:
    points = _points(signs)
    praise = 2.0 * signs.number("praise") + min(1, signs.glad)
    friendly = signs.sound > _FRIENDLY
    if 0 < stars <= 2:
        points += 4
    elif stars >= 4:
        praise += 3
    strong = signs.number("trouble") + signs.number("urgent") > 0
    enough = _HOT if signs.asks or praise or signs.sound > _UNHAPPY else _HOT / 2
    if points >= enough and (points >= praise or (strong and points * 2 > praise)):
        return _hot_kind(signs, stars)
    if signs.asks and praise < 4 and (signs.marked or not praise):
        return "question", ["asks something"]
    if praise >= 2 and _sincere(signs, points):
        return "praise", [
            _quoted("praises", signs.found.get("praise", ())) if signs.number("praise") else "a glad sign"
        ]
    if signs.asks:
        return "question", ["asks something"]
    return "mention", ["neither asks nor complains" + (", sounds friendly" if friendly else "")]


def _sincere(signs: _Signs, points: float) -> bool:
    """Return whether praise may be thanked for: nothing unhappy beside it, and it does not sound like irony."""
    if points >= (1 if signs.number("praise") < 2 else 2) or signs.sad or signs.number("not praise"):
        return False
    return signs.sound > (-0.1 if signs.number("praise") < 2 else -0.6)


def _hot_kind(signs: _Signs, stars: int) -> tuple[str, list[str]]:
    reasons = []
    if 0 < stars <= 2:
        reasons.append(f"a rating of {stars}")
    for section, words_for in (
        ("urgent", "cannot wait"),
        ("trouble", "something fails"),
        ("complaint", "is dissatisfied"),
        ("perhaps", "sounds like trouble"),
    ):
        if signs.number(section):
            reasons.append(_quoted(words_for, signs.found[section]))
    if signs.number("many"):
        reasons.append(_quoted("others are affected", signs.found["many"]))
    shared = signs.number("service") and (signs.number("many") or signs.number("trouble") > signs.number("complaint"))
    if signs.number("trouble") and (signs.number("many") > 0 or shared) and not signs.number("urgent"):
        kind = "outage"
    elif signs.number("urgent"):
        kind = "urgent"
    else:
        kind = "complaint"
    return kind, reasons or ["sounds unhappy"]


def _quoted(what: str, found: Collection[str]) -> str:
    return f"{what}: “{'”, “'.join(dict.fromkeys(list(found)[:3]))}”"


def _mood(signs: _Signs, stars: int) -> float:
    """Return −1 to 1 from the phrases, the emoji, the rating and the sound."""
    good = 1.2 * signs.number("praise") + 0.8 * min(3, signs.glad)
    bad = 1.0 * signs.number("complaint") + 0.6 * signs.number("trouble") + 0.3 * signs.number("perhaps")
    bad += 0.6 * signs.number("not praise") + 0.8 * min(3, signs.sad)
    rated = (stars - 3) * 0.8 if stars else 0.0
    return round(tanh(0.5 * (good - bad + rated + 0.5 * signs.sound)), 3)


def sound(text: str, language: Language | None) -> float:
    """Return how a text sounds by its letter groups: below 0 unhappy, above 0 happy, about ±3 at most."""
    table = _polarity()
    if table is None or language is None:
        return 0.0
    seed = language.split("-")[0]
    buckets = ngrams.grams((plain(word) for word in list(words(text))[:80]), table.bits, whole=True, seed=seed)
    return table.scores(buckets)["happy"] if buckets else 0.0


@lru_cache(maxsize=1)
def _polarity() -> ngrams.Table | None:
    try:
        return ngrams.load("polarity")
    except FileNotFoundError:
        return None

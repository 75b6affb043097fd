"""What a message is and how much it matters: hot or cold, its kind, its mood, what is private in it, and why.

Signs are counted: the phrases of the message's language (`phrases/`), its punctuation, and a small table of how letter
groups sound. Each sign weighs what `WEIGHTS` declares, and what outweighs `HOT` is hot. Nothing that a message says
about its own judgement is read as an instruction: there is nothing here that follows any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import tanh

from . import private
from .languages import Language, detect
from .phrasebook import Phrasebook, phrasebook, plain
from .signs import Signs, counts, said
from .words import folded, says

HOT_KINDS = ("complaint", "urgent", "outage")
KINDS = (*HOT_KINDS, "question", "praise", "mention")
_READ = 4000  # characters looked at
_SEARCHED = 65536  # characters searched for the company's own words
# What each sign weighs for a hot message, in points; phrases of a section count twice at most. The weights were fitted
# to messages of our own and to sentences of the news, with a third of the phrases hidden at random, so that a message
# without a phrase of trouble is still found by its negation, its persons and its hurry (docs/care.md).
WEIGHTS: Mapping[str, float] = {
    "trouble": 3.5,
    "urgent": 3.3,
    "complaint": 3.4,
    "perhaps": 1.0,
    "many": 1.3,
    "service": 1.4,
    "praised": -3.7,
    "mine": 0.9,
    "yours": 1.4,
    "contrast": 0.6,
    "soon": 0.4,
    "negated": 1.0,
    "negated question": -0.5,
    "service negated": 0.4,  # a service's name and a negation: “no till works”
    "negated praise": -1.1,  # “never let us down”
    "asks": -0.9,
    "only asks": -1.3,  # with no phrase of trouble, hurry or complaint
    "asks what if": -2.0,  # “what happens if it is broken?”: nothing is broken
    "fails": 1.1,
    "waited": 0.4,
    "promised": 0.6,
    "matter": 0.9,
    "waited matter": 1.5,  # “day nine, and no parcel”
    "service shared": 2.0,  # “the internet in the whole street”
    "turned": 1.8,  # “thanks, but it still does not work”
    "settled": -2.5,
    "request": -0.8,  # “please”, “I'd like”, “here is”
    "sad": 1.6,
    "sound": -0.5,
    "poor rating": 4.0,
    "good rating": -3.0,
    "again": 0.5,  # the customer had a ticket before; twice that after a complaint
    "company": 4.0,  # a word that the company declares urgent
}
HOT = 2.6
# The same for praise, of a message that is not hot. Thanking a complaint is the worst error: one doubt needs two praises.
PRAISING: Mapping[str, float] = {
    "praise": 4.4,
    "flawless": 3.0,  # “never a problem”: its words sound unhappy
    "glad": 1.2,
    "good rating": 4.4,
    "sound": 2.0,
    "asks": -1.5,
    "marked": -1.8,  # has a question mark
    "soon": -0.8,
    "perhaps": -1.5,
    "negated": -3.0,
    "contrast": -3.0,
    "trouble": -3.0,
    "urgent": -3.0,
    "complaint": -3.0,
    "sad": -9.0,
    "turned": -9.0,
    "request": -2.0,  # “a table for four, thanks”
    "not praise": -9.0,
}
THANKED = 3.0
# Nothing is hot without one of the telling signs or two hints: “you”, hurry, a service's name and sound say nothing.
_HINTS = ("perhaps", "contrast", "waited", "promised", "many", "mine")
_TELLING = WEIGHTS.keys() - {*_HINTS, "yours", "soon", "service", "matter", "sound", "again"}
_PRAISES = ("praise", "glad", "good rating")  # without one of these nothing is praise
_MEANS = {
    "urgent": "cannot wait",
    "trouble": "something fails",
    "complaint": "is dissatisfied",
    "perhaps": "sounds like trouble",
    "many": "others are affected",
    "fails": "says what is not done",
    "waited": "has waited",
    "promised": "names what was promised or ordered",
    "turned": "goes on after thanks with",
    "contrast": "objects",
    "soon": "is in a hurry",
}
_STRONG = frozenset({"urgent", "trouble", "complaint", "poor rating", "company"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a message seems to be. `mood` is −1 (unhappy) to 1 (happy); `reasons` are for an agent to read."""

    language: Language | None
    heat: str = "cold"
    kind: str = "mention"
    mood: float = 0.0
    private: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """What a company's own messages taught: weights that replace those of `WEIGHTS`, points of words, the threshold."""

    hot: float = HOT
    weights: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, float] = field(default_factory=dict)  # `plain` words


@dataclass(frozen=True, slots=True)
class Own:
    """A company's own words for what is hot and what is private, and whether the phrases of the language count."""

    urgent: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    phrases: bool = True
    learned: Learned | None = None


def judge(
    text: str,
    *,
    expected: Collection[str] = (),
    hint: str | None = None,
    public: bool = False,
    stars: int = 0,
    again: int = 0,
    own: Own = Own(),
) -> Judgement:
    """Return the judgement of a message.

    `expected` are the company's languages, `hint` is the platform's statement of the language, `public` whether
    everybody reads it, `stars` a rating of one to five or 0, `again` 1 where the customer had a ticket before, 2
    where one of those was a complaint. A message in a language without phrases is judged by English ones and its sound alone.
    """
    language = detect(text, hint, expected)
    signs = _signs(text, language, own)
    signs.stars, signs.again = stars, again
    kind, reasons = _kind(signs, own.learned)
    found = private.find(text, language, health=signs.found.get("health", ()))
    if says(folded(text[:_SEARCHED]) if own.sensitive else "", own.sensitive):
        found = [*found, "identity"]
    where = " in public" if public else ""
    reasons += [f"holds {private.NAMES[each]}{where}" for each in found]
    heat = "hot" if kind in HOT_KINDS else "cold"
    return Judgement(language, heat, kind, _mood(signs), tuple(found), tuple(reasons))


def private_matters(text: str, expected: Collection[str] = ()) -> tuple[str, ...]:
    """Return the kinds of private matters in a message as `judge` finds them, without judging it otherwise."""
    language = detect(text, None, expected)
    book = _book(language)
    health = book.found("health", plain(text[:_READ])) if book else ()
    return tuple(private.find(text, language, health=health))


def _book(language: Language | None) -> Phrasebook | None:
    return phrasebook(language or "") or phrasebook("en")


def signs_of(text: str, expected: Collection[str], stars: int) -> dict[str, float]:
    """Return how often each sign of `WEIGHTS` is seen in a message: what a company's weights are fitted to."""
    signs = _signs(text, detect(text, None, expected), Own())
    signs.stars = stars
    return {sign: number for sign, number in counts(signs).items() if sign in WEIGHTS and number}


def own_words(text: str) -> frozenset[str]:
    """Return the words of a message by which a company's own messages teach: no numbers, nothing of two letters."""
    return frozenset(word for word in plain(text[:_READ]).split() if len(word) > 2 and word.isalpha())


def hot_points(signs: Mapping[str, float], words: Collection[str], learned: Learned) -> dict[str, float] | None:
    """Return what makes a message hot, by sign and by “word”, in points; None where it is not hot."""
    points = _weighed(signs, {**WEIGHTS, **learned.weights})
    points |= {f"“{word}”": learned.words[word] for word in words if word in learned.words}
    telling = any(number > 0 and (sign in _TELLING or sign not in WEIGHTS) for sign, number in points.items())
    telling |= sum(signs.get(hint, 0) for hint in _HINTS) >= 2
    return points if telling and sum(points.values()) >= learned.hot else None


def _signs(text: str, language: Language | None, own: Own) -> Signs:
    book = _book(language) if own.phrases else None
    signs = said(text[:_READ], book, language) if book else Signs()
    signs.company = bool(own.urgent) and says(folded(text[:_SEARCHED]), own.urgent)
    signs.words = own_words(text) if own.learned else frozenset()
    return signs


def _weighed(count: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Return what each sign adds to a judgement, or takes from it."""
    return {sign: weights[sign] * number for sign, number in count.items() if sign in weights and number}


def _kind(signs: Signs, learned: Learned | None) -> tuple[str, list[str]]:
    count = counts(signs)
    if points := hot_points(count, signs.words, learned or Learned()):
        return _hot_kind(signs), _reasons(signs, points)
    if any(count.get(sign) for sign in _PRAISES) and sum(_weighed(count, PRAISING).values()) >= THANKED:
        return "praise", [_quoted("praises", signs.found["praise"]) if signs.number("praise") else "a glad sign"]
    if signs.asks:
        return "question", ["asks something"]
    return "mention", ["neither asks nor complains"]


def _hot_kind(signs: Signs) -> str:
    failing = signs.number("trouble") > 0 or signs.negated
    shared = signs.number("many") > 0 or (
        signs.number("service") > 0 and signs.number("trouble") >= signs.number("complaint")
    )
    if failing and shared and not signs.number("urgent"):
        return "outage"
    return "urgent" if signs.number("urgent") else "complaint"


def _reasons(signs: Signs, points: Mapping[str, float]) -> list[str]:
    """Return why a message is hot, the weightiest first, in words."""
    told = {
        "poor rating": f"a rating of {signs.stars}",
        "company": "a word that the company declares urgent",
        "sad": "an unhappy sign",
        "again": "complained before" if signs.again > 1 else "had a ticket before",
    }
    said = [sign for sign in sorted(points, key=lambda sign: -points[sign]) if points[sign] > 0]
    reasons = [
        told[sign] if sign in told else _quoted(_MEANS[sign], signs.found[sign])
        for sign in said
        if sign in told or sign in _MEANS
    ]
    if taught := [sign for sign in said if sign not in WEIGHTS][:3]:
        reasons.append(f"the company's hot messages say {', '.join(taught)}")
    if signs.negated and not any(sign in _STRONG for sign in said):
        reasons.append(_quoted("says what is not", [*signs.found.get("nobody", ()), *signs.found.get("not", ())]))
    return reasons or ["sounds unhappy"]


def _quoted(what: str, found: Collection[str]) -> str:
    return f"{what}: “{'”, “'.join(dict.fromkeys(list(found)[:3]))}”"


def _mood(signs: Signs) -> float:
    """Return −1 to 1 from the phrases, the emoji, the rating and the sound."""
    good = 1.2 * signs.number("praise") + 0.8 * min(3, signs.glad)
    bad = 1.0 * signs.number("complaint") + 0.6 * signs.number("trouble") + 0.3 * signs.number("perhaps")
    bad += 0.6 * signs.number("not praise") + 0.8 * min(3, signs.sad)
    bad += 0.6 * signs.negated
    rated = (signs.stars - 3) * 0.8 if signs.stars else 0.0
    return round(tanh(0.5 * (good - bad + rated + 0.5 * signs.sound)), 3)

"""Which declared answer a question gets, if any: precision before recall, since a wrong answer is worse than none.

A question is compared with the declared ones three ways: by the beginnings of its words, by pairs of them, and by the
groups of letters in them, the rare ones weighing more. Likeness, agreement with the answer's other questions, words in
common and the lead over the second best answer are added up, words that no declared question has are taken off. A
message that is hot or holds something private is left to a person, and so is one without two words in common.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from deskwire.model.events import Visibility

from .judge import judge
from .languages import Language, among
from .phrasebook import phrasebook, plain
from .texts import Tag

# The least likeness, 0 to 1: on banking77 about one answer in a hundred given at it is wrong (docs/care.md).
NEAR = 0.56
_STEM = 5  # letters of a word that count
_GROUPS = (3, 4, 5)  # letters of a group
_MOST = 60  # words of a message that may still be one question
_ASKS = 0.2  # the weight of a word that only asks, or is in every sentence
_COMMON = 5  # words in common beyond which more say nothing

Question = Annotated[str, Field(min_length=3, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


def _by_language(value: Any) -> Any:  # noqa: ANN401
    """Take questions by language for one list: their words tell the languages apart."""
    if isinstance(value, Mapping):
        return [each for those in value.values() for each in (those if isinstance(those, list) else [those])]
    return [value] if isinstance(value, str) else value


_LISTED = {"type": "array", "items": {"type": "string", "minLength": 3, "maxLength": 300}}
Questions = Annotated[
    tuple[Question, ...],
    BeforeValidator(_by_language),
    WithJsonSchema({"anyOf": [_LISTED, {"type": "object", "additionalProperties": _LISTED}, {"type": "string"}]}),
]


class Answer(BaseModel):
    """One answer to a simple question, in the company's words."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    questions: Questions = Field(
        min_length=1, description="How customers ask it, in each language: three or more ways each."
    )
    unlike: Questions = Field(
        (), description="Questions that look like these and must not get this answer: a person reads them."
    )
    answer: Mapping[Tag, Text] = Field(min_length=1, description="What is said, by language.")
    languages: tuple[Tag, ...] = Field((), description="Only for questions in these; left out: those of `answer`.")
    channels: tuple[str, ...] = Field((), description="Only on these channels; left out: on all.")
    visibility: tuple[Visibility, ...] = Field(
        (Visibility.PRIVATE,),
        min_length=1,
        description="Where it may be said: private conversations unless you add public.",
    )
    hours: Literal["any", "open", "closed"] = Field(
        "any", description="Only while somebody answers (open), only while nobody does (closed), or at any time."
    )

    @model_validator(mode="after")
    def _languages_have_answers(self) -> Answer:
        for tag in self.languages:
            if among(Language(tag), self.answer) is None:
                raise ValueError(f"languages names {tag}, but answer has no text in it")
        return self

    def serves_channel(self, channel: str) -> bool:
        """Return whether this may be said on a channel."""
        return not self.channels or channel in self.channels

    def serves(
        self, language: Language | None, channel: str, *, is_open: bool | None, visibility: Visibility | None = None
    ) -> str | None:
        """Return the tag in which this may be said now; None where it may not.

        `is_open` None: at any hour; `visibility` None: wherever.
        """
        if channel and not self.serves_channel(channel):
            return None
        if visibility is not None and visibility not in self.visibility:
            return None
        if is_open is not None and self.hours != "any" and (self.hours == "open") != is_open:
            return None
        return among(language, self.languages or self.answer)


@dataclass(frozen=True, slots=True)
class Given:
    """The answer that a message gets: its name, its words, and how near the question was."""

    name: str
    language: str
    text: str
    likeness: float


class _Space:
    """Questions as weighted marks of one kind: words, pairs of words or groups of letters."""

    def __init__(self, questions: Iterable[Mapping[str, float]]) -> None:
        those = list(questions)
        spread = Counter(mark for question in those for mark in question)
        self._weights = {mark: log(1 + len(those) / number) for mark, number in spread.items()}
        self._unknown = log(1 + len(those))
        self._places: dict[str, list[tuple[int, float]]] = {}
        for number, question in enumerate(those):
            for mark, weight in self._vector(question).items():
                self._places.setdefault(mark, []).append((number, weight))

    def likeness(self, asked: Mapping[str, float]) -> Mapping[int, float]:
        """Return the cosine with each question that shares a mark, 0 to 1, by its number."""
        found: dict[int, float] = {}
        for mark, weight in self._vector(asked).items():
            for number, other in self._places.get(mark, ()):
                found[number] = found.get(number, 0.0) + weight * other
        return found

    def unknown(self, asked: Mapping[str, float]) -> float:
        """Return the share of the marks, by weight, that no question has."""
        total = sum(self._weight(mark) * factor for mark, factor in asked.items())
        return sum(self._unknown * factor for mark, factor in asked.items() if mark not in self._weights) / (total or 1)

    def _weight(self, mark: str) -> float:
        return self._weights.get(mark, self._unknown)

    def _vector(self, marks: Mapping[str, float]) -> dict[str, float]:
        found = {mark: self._weight(mark) * factor for mark, factor in marks.items()}
        length = sqrt(sum(weight * weight for weight in found.values())) or 1
        return {mark: weight / length for mark, weight in found.items()}


@dataclass(frozen=True, slots=True)
class _Like:
    """How like a message is to the questions of one answer. `leading` ranks the answers."""

    leading: float
    words: float
    pairs: float
    groups: float
    mean: float


class Matcher:
    """Finds answers among the declared ones."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        asked = [(name, question) for name, answer in answers.items() for question in answer.questions]
        unlike = [question for answer in answers.values() for question in answer.unlike]
        # Each of those is an answer of its own that is never given.
        asked += [(f"#{number}", question) for number, question in enumerate(unlike)]
        self._names = [name for name, _ in asked]
        marks = [(_words(question), _pairs(question), _groups(question)) for _, question in asked]
        self._spaces = tuple(_Space(each[kind] for each in marks) for kind in range(3))
        self._known: dict[str, set[str]] = {}
        for name, (words, _, _) in zip(self._names, marks, strict=True):
            self._known.setdefault(name, set()).update(words)

    def match(
        self,
        text: str,
        *,
        channel: str = "",
        is_open: bool | None = None,
        hint: str | None = None,
        visibility: Visibility | None = None,
    ) -> Given | None:
        """Return the answer for a message, None at any doubt."""
        name, likeness = self.nearest(text)
        answer = self._answers.get(name)
        if answer is None or likeness < NEAR:
            return None
        expected = {tag for each in self._answers.values() for tag in each.answer}
        judged = judge(text, expected=expected, hint=hint)
        if judged.heat == "hot" or judged.private:
            return None
        tag = answer.serves(judged.language, channel, is_open=is_open, visibility=visibility)
        said = among(Language(tag), answer.answer) if tag else None
        return Given(name, said, answer.answer[said], round(likeness, 3)) if said else None

    def nearest(self, text: str) -> tuple[str, float]:
        """Return the name of the nearest answer and its likeness, 0 to 1: 0 where they have too little in common."""
        words = _words(text)
        content = {word for word, weight in words.items() if weight == 1}
        found = self._likenesses(words, text) if words and len(text.split()) <= _MOST else {}
        if not found:
            return "", 0.0
        (name, best), *others = sorted(found.items(), key=lambda item: -item[1].leading)
        common = len(content & self._known[name])
        if common < min(2, len(content)):
            return name, 0.0
        lead = best.mean - (others[0][1].mean if others else 0.0)
        points = best.words + best.groups + best.pairs + 0.5 * best.mean + lead
        points += 0.5 * min(common, _COMMON) / _COMMON - self._spaces[0].unknown(words)
        return name, max(0.0, min(1.0, points / 5))

    def _likenesses(self, words: Mapping[str, float], text: str) -> dict[str, _Like]:
        marks = (words, _pairs(text), _groups(text))
        by_word, by_pair, by_group = (space.likeness(each) for space, each in zip(self._spaces, marks, strict=True))
        those: dict[str, list[int]] = {}
        for number, name in enumerate(self._names):
            those.setdefault(name, []).append(number)
        found: dict[str, _Like] = {}
        for name, numbers in those.items():
            both = sorted(((by_word.get(each, 0) + by_group.get(each, 0)) / 2 for each in numbers), reverse=True)
            if both[0] > 0:
                found[name] = _Like(
                    leading=0.75 * both[0] + 0.25 * both[min(1, len(both) - 1)],
                    words=max(by_word.get(each, 0) for each in numbers),
                    pairs=max(by_pair.get(each, 0) for each in numbers),
                    groups=max(by_group.get(each, 0) for each in numbers),
                    mean=sum(both) / len(both),
                )
        return found


def _words(text: str) -> dict[str, float]:
    """Return the beginnings of a text's words, each with its weight."""
    found: dict[str, float] = {}
    for word in plain(text).split():
        found[word[:_STEM]] = max(found.get(word[:_STEM], 0), _weight(word))
    return found


def _pairs(text: str) -> dict[str, float]:
    """Return the beginnings of each two words that follow one another."""
    words = [word[:_STEM] for word in plain(text).split()]
    return {f"{one} {other}": 1.0 for one, other in pairwise(words)}


def _groups(text: str) -> dict[str, float]:
    """Return the groups of letters in a text's words, each with its weight."""
    found: dict[str, float] = {}
    for word in plain(text).split():
        weight, padded = _weight(word), f" {word} "
        for size in _GROUPS:
            for start in range(len(padded) - size + 1):
                group = padded[start : start + size]
                found[group] = max(found.get(group, 0), weight)
    return found


def _weight(word: str) -> float:
    return _ASKS if word in _asking() or len(word) < 2 else 1.0


_ASKING: set[str] = set()
_ALSO = (
    "the a an to of in on for and or your my me i you we it this that with at from have has am be please hi hello hey "
    "czy w na do z i o po za od mi sie jest sa to proszę dzien dobry ve ne nga per te i e ju ne me nje se da li u na za "  # noqa: E501
    "sa od i je su se mi vas sam og er i a ad vid til fra thad hvad ich der die das ein eine und zu fur von mit bitte "
    "ist sind le la les un une des de du et en el los las por para con di il lo een het van voor och att en ett som "
    "و در به از که را با برای این آن من شما است"
)


def _asking() -> set[str]:
    if not _ASKING:
        _ASKING.update(plain(_ALSO).split())
        for language in ("en", "is", "fa", "sr", "sq", "pl", "de", "fr", "es", "it", "nl", "pt", "sv", "ru"):
            book = phrasebook(language)
            pattern = book.sections["question"].pattern if book else ""
            _ASKING.update(re.findall(r"\w{2,}", pattern.replace(r"\w", "")))
    return _ASKING

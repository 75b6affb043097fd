"""Which declared answer a question gets, if any: precision before recall, since a wrong answer is worse than none.

A question is compared with the declared ones by the beginnings of its words, rare ones weighing more. It is answered
only when the best answer is near enough, well ahead of the second best, and shares two words of content. A message
that is hot, or asks for much besides, is left to a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .judge import judge
from .languages import Language, among
from .phrasebook import phrasebook, plain
from .texts import Tag

NEAR = 0.8  # the least likeness, 0 to 1: measured on banking77, where 0.65 gave a wrong answer in eight (docs/care.md)
AHEAD = 1.5  # how many times as near as the second best answer
STRANGE = 0.2  # the most of its words of content that none of the answer's questions has
_STEM = 5  # letters of a word that count
_MOST = 60  # words of a message that may still be one question

Question = Annotated[str, Field(min_length=3, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


def _by_language(value: Any) -> Any:  # noqa: ANN401
    """Take questions by language for one list: their words tell the languages apart."""
    if isinstance(value, Mapping):
        return [each for those in value.values() for each in (those if isinstance(those, list) else [those])]
    return [value] if isinstance(value, str) else value


class Answer(BaseModel):
    """One answer to a simple question, in the company's words."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    questions: Annotated[tuple[Question, ...], BeforeValidator(_by_language)] = Field(
        min_length=1, description="How customers ask it, in each language: three or more ways each."
    )
    answer: Mapping[Tag, Text] = Field(min_length=1, description="What is said, by language.")
    languages: tuple[Tag, ...] = Field((), description="Only for questions in these; left out: those of `answer`.")
    channels: tuple[str, ...] = Field((), description="Only on these channels; left out: on all.")
    hours: Literal["any", "open", "closed"] = Field(
        "any", description="Only while somebody answers (open), only while nobody does (closed), or at any time."
    )

    @model_validator(mode="after")
    def _languages_have_answers(self) -> Answer:
        for tag in self.languages:
            if among(Language(tag), self.answer) is None:
                raise ValueError(f"languages names {tag}, but answer has no text in it")
        return self

    def serves(self, language: Language | None, channel: str, *, is_open: bool | None) -> str | None:
        """Return the tag in which this may be said now; None where it may not. `is_open` None: at any hour."""
        if self.channels and channel and channel not in self.channels:
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


class Matcher:
    """Finds answers among the declared ones."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self._questions = [
            (name, _stems(question)) for name, answer in answers.items() for question in answer.questions
        ]
        self._known: dict[str, set[str]] = {name: set() for name in answers}
        for name, stems in self._questions:
            self._known[name] |= stems.keys()
        spread: Counter[str] = Counter(stem for _, stems in self._questions for stem in stems)
        count = len(self._questions)
        self._weights = {stem: log(1 + count / number) for stem, number in spread.items()}
        self._unknown = log(1 + max(2, count))

    def match(
        self, text: str, *, channel: str = "", is_open: bool | None = None, hint: str | None = None
    ) -> Given | None:
        """Return the answer for a message, None at any doubt."""
        expected = {tag for answer in self._answers.values() for tag in answer.answer}
        judged = judge(text, expected=expected, hint=hint)
        stems = _stems(text)
        if judged.heat == "hot" or not 0 < len(stems) <= _MOST:
            return None
        near: dict[str, tuple[float, int]] = {}
        for name, question in self._questions:
            found = (self._likeness(stems, question), len(_content(stems & question.keys(), stems)))
            near[name] = max(near.get(name, (0.0, 0)), found)
        ranked = sorted(near.items(), key=lambda item: -item[1][0])
        if not ranked:
            return None
        name, (likeness, shared) = ranked[0]
        second = ranked[1][1][0] if len(ranked) > 1 else 0.0
        alone = len(_content(stems.keys(), stems)) == 1
        content = _content(stems.keys(), stems)
        strange = sum(stem not in self._known[name] for stem in content)
        if strange > STRANGE * len(content):
            return None
        if likeness < NEAR or likeness < AHEAD * second or shared < (1 if alone else 2):
            return None
        answer = self._answers[name]
        tag = answer.serves(judged.language, channel, is_open=is_open)
        said = among(Language(tag), answer.answer) if tag else None
        return Given(name, said, answer.answer[said], round(likeness, 3)) if said else None

    def _likeness(self, one: Counter[str], other: Counter[str]) -> float:
        """Return the cosine of two questions, 0 to 1."""

        def weight(stem: str, factor: int) -> float:
            return self._weights.get(stem, self._unknown) * factor / 100

        both = sum(weight(stem, one[stem]) * weight(stem, other[stem]) for stem in one.keys() & other.keys())
        lengths = [sqrt(sum(weight(stem, factor) ** 2 for stem, factor in each.items())) for each in (one, other)]
        return both / (lengths[0] * lengths[1]) if all(lengths) else 0.0


def _stems(text: str) -> Counter[str]:
    """Return the beginnings of a text's words with their weight in hundredths: 25 for those that only ask."""
    return Counter({word[:_STEM]: 25 if word in _asking() or len(word) < 2 else 100 for word in plain(text).split()})


def _content(stems: Any, weighed: Counter[str]) -> list[str]:  # noqa: ANN401 - a view of keys or a set
    return [stem for stem in stems if weighed[stem] == 100]


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

"""Fit the judgement of hot messages to a company's own labelled messages: the signs' weights, and words of its own.

A logistic regression with a Gaussian prior around `judge.WEIGHTS`, so that few messages change little, and a weight
with a prior around zero for each word that enough messages have. It is fitted by coordinate descent with a bounded
step, which needs no numerical library and never goes uphill (A. Genkin, D. Lewis, D. Madigan, Large-scale Bayesian
logistic regression for text categorization, 2007).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import erfc, exp, sqrt

from deskwire.care import judge
from deskwire.care.judge import Learned

FOLDS = 5
LEAST = 50  # messages of each kind, hot and cold, below which nothing is learned
COMMON = 5  # messages that must hold a word: a rarer one may be a person's name
MOST_WORDS = 200
TELLS = 0.3  # points that a word must weigh to be kept
SPREAD, SPREAD_AT_ALL = 0.5, 2.0  # how far a weight, or what is hot at all, may stray: one standard deviation
PASSES = 40
SURE = 0.05  # the chance of so many right by luck above which nothing is said to be better


@dataclass(frozen=True, slots=True)
class Message:
    """A message labelled by the company."""

    text: str
    hot: bool
    stars: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The result of judging labelled messages: how many hot ones were found, how many cold ones raised wrongly."""

    hot: int
    found: int
    cold: int
    raised: int

    @property
    def gain(self) -> float:
        """The share of hot ones found minus the share of cold ones raised: 1 is perfect, 0 is chance."""
        return self.found / self.hot - self.raised / self.cold


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, with the scores before and after on messages it was not fitted to, and their significance."""

    learned: Learned
    before: Score
    after: Score
    chance: float  # that as many of the changed judgements are right by luck alone

    @property
    def better(self) -> bool:
        """Whether the judgement improved beyond chance."""
        return self.after.gain > self.before.gain and self.chance <= SURE


@dataclass(frozen=True, slots=True)
class _Row:
    """A message's signs and words, with its points by the default weights."""

    signs: dict[str, float]
    words: frozenset[str]
    points: float
    hot: bool


def learn(messages: Sequence[Message], expected: Collection[str], progress: Callable[[int, int], None]) -> Lesson:
    """Return the weights learned from the messages; `expected` are the company's languages.

    The scores are cross-validated: each fifth of the messages is judged by weights learned from the others. `progress`
    is called with the number of fits done and their total. Raises `ValueError` if there are too few messages.
    """
    distinct = list({each.text: each for each in messages}.values())
    for hot in (True, False):
        if (number := sum(each.hot is hot for each in distinct)) < LEAST:
            raise ValueError(f"there are {number} different {'hot' if hot else 'cold'} messages: {LEAST} are the least")
    rows = [_row(each, expected) for each in distinct]
    outcomes = []
    for fold in range(FOLDS):
        progress(fold, FOLDS + 1)
        apart = [_fold(each.text) == fold for each in distinct]
        learned = _fitted([row for row, left in zip(rows, apart, strict=True) if not left])
        outcomes += [
            (row.hot, _hot(row, None), _hot(row, learned)) for row, left in zip(rows, apart, strict=True) if left
        ]
    progress(FOLDS, FOLDS + 1)
    learned = _fitted(rows)
    progress(FOLDS + 1, FOLDS + 1)
    before = _score([(hot, judged) for hot, judged, _ in outcomes])
    after = _score([(hot, judged) for hot, _, judged in outcomes])
    changed = [sum(old != new for each, old, new in outcomes if each is hot) for hot in (True, False)]
    return Lesson(learned, before, after, _luck(before, after, changed))


def _fold(text: str) -> int:
    """Return the fold of a message, the same in every run."""
    return hashlib.sha256(text.encode()).digest()[0] % FOLDS


def _row(message: Message, expected: Collection[str]) -> _Row:
    signs = judge.signs_of(message.text, expected, message.stars)
    points = sum(judge.WEIGHTS[sign] * number for sign, number in signs.items())
    return _Row(signs, judge.own_words(message.text), points - judge.HOT, message.hot)


def _hot(row: _Row, learned: Learned | None) -> bool:
    return judge.hot_points(row.signs, row.words, learned or Learned()) is not None


def _fitted(rows: Sequence[_Row]) -> Learned:
    held = Counter(word for row in rows for word in row.words)
    words = {word for word, number in held.items() if COMMON <= number <= len(rows) / 2}
    moved, base = _descended(rows, words)
    kept = sorted((word for word in words if abs(moved[word]) >= TELLS), key=lambda word: -abs(moved[word]))[
        :MOST_WORDS
    ]
    # Once more with the kept ones alone: the others' share goes to what is left.
    moved, base = _descended(rows, set(kept))
    signs = {sign: round(judge.WEIGHTS[sign] + moved[f"[{sign}]"], 2) for sign in judge.WEIGHTS if f"[{sign}]" in moved}
    return Learned(
        hot=round(judge.HOT - base, 2),
        weights={sign: weight for sign, weight in signs.items() if abs(weight - judge.WEIGHTS[sign]) >= 0.05},
        words={word: round(moved[word], 2) for word in kept if abs(moved[word]) >= TELLS / 2},
    )


def _descended(rows: Sequence[_Row], words: AbstractSet[str]) -> tuple[dict[str, float], float]:
    """Return how far each sign (in brackets) and word moves from its prior, and how far the intercept does."""
    columns: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, row in enumerate(rows):
        for sign, count in row.signs.items():
            columns[f"[{sign}]"].append((number, count))
        for word in row.words & words:
            columns[word].append((number, 1.0))
        columns[""].append((number, 1.0))
    # Hot ones count as much as cold ones, however many of each the company labelled.
    hot = sum(row.hot for row in rows)
    counts = {True: len(rows) / 2 / hot, False: len(rows) / 2 / (len(rows) - hot)}
    margins = [row.points for row in rows]
    moved = dict.fromkeys(columns, 0.0)
    widest = dict.fromkeys(columns, 1.0)
    for _ in range(PASSES):
        largest = 0.0
        for name, column in columns.items():
            spread = SPREAD if name else SPREAD_AT_ALL
            slope, bend = -moved[name] / spread**2, 1 / spread**2
            for number, count in column:
                chance = 1 / (1 + exp(-max(-30.0, min(30.0, margins[number]))))
                weight = counts[rows[number].hot]
                slope += weight * count * (rows[number].hot - chance)
                bend += weight * count * count * max(chance * (1 - chance), 0.02)
            step = max(-widest[name], min(widest[name], slope / bend))
            widest[name] = max(2 * abs(step), widest[name] / 2)
            moved[name] += step
            largest = max(largest, abs(step))
            for number, count in column:
                margins[number] += step * count
        if largest < 0.005:
            break
    return {name: by for name, by in moved.items() if name}, moved[""]


def _score(outcomes: Sequence[tuple[bool, bool]]) -> Score:
    return Score(
        sum(hot for hot, _ in outcomes),
        sum(hot and judged for hot, judged in outcomes),
        sum(not hot for hot, _ in outcomes),
        sum(judged and not hot for hot, judged in outcomes),
    )


def _luck(before: Score, after: Score, changed: Sequence[int]) -> float:
    """Return the probability that judgements changed at random would improve as much.

    By the normal approximation of McNemar's test, for hot and cold messages separately.
    """
    spread = sqrt(changed[0] / before.hot**2 + changed[1] / before.cold**2)
    return erfc(abs(after.gain - before.gain) / spread / sqrt(2)) if spread else 1.0

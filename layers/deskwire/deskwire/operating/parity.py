"""Compare whether customers of one channel wait longer than others for the same kind of message. Pure.

Each channel is compared with all others together, kind by kind, by the ranks of the waits (Mann-Whitney test with the
correction for ties, https://doi.org/10.1214/aoms/1177730491), which assumes nothing about their distribution. A
customer without an answer counts as waiting longest. The last day is left out of longer spans, as its waits are still
short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deskwire.care import waits

from .reporting import Row, Summary, by

FEW = 20  # tickets on either side, below which nothing is said
CHANCE = 0.01  # of saying that a channel waits longer where none does, in the whole report
NOTABLE = 1.25  # as long a median is a difference; less is not worth a word
NEVER = waits.BUCKETS  # the bucket of who has no answer
SETTLED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Compared:
    """The waits for one kind of message on one channel, compared with all other channels."""

    kind: str
    channel: str
    own: Mapping[int, int]
    others: Mapping[int, int]
    comparisons: int = 1

    @property
    def verdict(self) -> str:
        """`too few`, `longer`, `shorter` or `alike`."""
        if min(sum(self.own.values()), sum(self.others.values())) < FEW:
            return "too few"
        mine, theirs = _median(self.own), _median(self.others)
        ratio = 1.0 if mine == theirs else mine / theirs if theirs else math.inf
        if chance(self.own, self.others) * self.comparisons > CHANCE or 1 / NOTABLE < ratio < NOTABLE:
            return "alike"
        return "longer" if ratio > 1 else "shorter"

    def described(self) -> dict[str, Any]:
        """Return it as plain JSON; a median or p90 is null if it falls among those without an answer."""
        return {
            "kind": self.kind,
            "channel": self.channel,
            **{f"own_{name}": value for name, value in _shown(self.own).items()},
            **{f"others_{name}": value for name, value in _shown(self.others).items()},
            "verdict": self.verdict,
        }


def parity(some: Sequence[Row], since: datetime, until: datetime) -> list[Compared]:
    """Return the comparisons for each kind of message and each channel with such messages."""
    settled = until - SETTLED if until - since > 2 * SETTLED else None
    known = [row for row in some if row.of_tickets and (settled is None or row.hour <= settled)]
    found: list[tuple[str, str, dict[int, int], dict[int, int]]] = []
    for kind in by(known, "kind"):
        channels = {
            name: _waits(summary, counted=settled is not None)
            for name, summary in by([row for row in known if row.kind == kind], "channel").items()
        }
        for name, own in channels.items():
            others = waits.added(theirs for other, theirs in channels.items() if other != name)
            if own and len(channels) > 1:
                found.append((kind, name, own, others))
    tested = sum(min(sum(own.values()), sum(others.values())) >= FEW for _, _, own, others in found)
    return [Compared(*each, max(1, tested)) for each in found]


def chance(own: Mapping[int, int], others: Mapping[int, int]) -> float:
    """Return the two-sided p-value of the difference in ranks."""
    first, second = sum(own.values()), sum(others.values())
    total, below, ranks, ties = first + second, 0, 0.0, 0
    for number in sorted({*own, *others}):
        tied = own.get(number, 0) + others.get(number, 0)
        ranks += own.get(number, 0) * (below + (tied + 1) / 2)
        ties += tied**3 - tied
        below += tied
    spread = first * second / 12 * (total + 1 - ties / (total * (total - 1)))
    if spread <= 0:
        return 1.0
    distance = abs(ranks - first * (total + 1) / 2) / math.sqrt(spread)
    return math.erfc(distance / math.sqrt(2))


def _waits(summary: Summary, *, counted: bool) -> dict[int, int]:
    """Return the waits as counts by bucket; `counted`: those without an answer are in the bucket `NEVER`."""
    never = {NEVER: summary.waiting} if counted and summary.waiting else {}
    return summary.first_answers | never


def _median(counts: Mapping[int, int]) -> float:
    return _at(counts, 0.5)


def _at(counts: Mapping[int, int], share: float) -> float:
    rank = math.ceil(share * sum(counts.values()))
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0:
            return math.inf if number == NEVER else 2 ** ((number - 0.5) / waits.STEPS)
    return math.inf


def _shown(counts: Mapping[int, int]) -> dict[str, int | None]:
    times = {"median": _at(counts, 0.5), "p90": _at(counts, 0.9)}
    return {
        "number": sum(counts.values()),
        **{name: None if math.isinf(value) else round(value) for name, value in times.items()},
    }

"""How long customers may be told that an answer usually takes. Pure.

A promise is a step of time within which customers of a like hour of the last six weeks were answered. They wait alike
who write on one day (somebody is ill, a queue is long), so it is days that are counted, not customers: of `n` days, the
shares that were answered in time must add up to nine tenths of `n + 1`. Then the next customer of the next day, if days
are exchangeable, is answered in time with nine chances in ten or better (hierarchical conformal prediction,
https://arxiv.org/abs/2306.06342). An hour counts for a step once that is over for all who wrote in it, answered or not:
counting who was answered already beside who still waits would flatter.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from . import waits
from .hours import HORIZON, Hours
from .judge import HOT_KINDS

LEARNED = timedelta(days=42)
LEAST = 20  # customers, below which nothing is promised
KEPT = 0.9
EXACT = 1e-9  # of shares
CHANCE, WORSE = 0.01, 0.05  # of taking bad luck for a bad day; for a worse weekday or language
MINUTE, HOUR, DAY = 60, 3600, 86_400
RECENT = 4 * DAY  # the longest step, and the day in which it falls due
BAD = (6 * HOUR, DAY)  # within which promises that fell due are looked at
STEPS = (
    *(number * MINUTE for number in (5, 10, 15, 20, 30, 45)),
    *(number * HOUR for number in (1, 2, 3, 4, 5, 6, 8, 10, 12, 18)),
    *(number * DAY for number in (1, 2, 3)),
)

Situation: TypeAlias = tuple[int, ...]


class Waited(NamedTuple):
    """The customers of an hour who wrote alike. `customers` wait for an answer or got one, `answered` by its length."""

    hour: int  # its beginning, in seconds since 1970
    customers: int
    answered: Mapping[int, int]
    language: str = ""
    kind: str = ""


def situation(hours: Hours, hour: int) -> Situation:
    """Return what hours have in common whose customers wait alike.

    It is the hour by the company's clock, whether it is a weekend, and in how many minutes the company opens (0: it is
    open), closes, and opens again.
    """
    at = datetime.fromtimestamp(hour, ZoneInfo(hours.time_zone))
    spans = (span for span in hours.spans(at, at + HORIZON) if span[1] > at)
    edges = [edge for span in islice(spans, 2) for edge in span][:3]
    ahead = (max(0, int((edge - at).total_seconds()) // MINUTE) for edge in edges)
    return (at.hour, int(at.weekday() >= 5), *ahead)


def promises(known: Iterable[Waited], hours: Hours, coming: Iterable[int], now: int) -> dict[int, int]:
    """Return within how many seconds customers of each coming hour are usually answered, where enough is known."""
    alike: defaultdict[Situation, list[Waited]] = defaultdict(list)
    where: dict[int, Situation] = {}
    for each in known:
        if each.hour not in where:
            where[each.hour] = situation(hours, each.hour)
        alike[where[each.hour]].append(each)
    places = {hour: situation(hours, hour) for hour in coming}
    found = {place: promise(alike[place], now) for place in set(places.values())}
    return {hour: within for hour, place in places.items() if (within := found[place])}


def promise(known: Sequence[Waited], now: int) -> int | None:
    """Return the least step that is kept for customers of a like hour; None: too little is known, or there is none."""
    return next((step for step in STEPS if _holds(known, step, now)), None)


def broken(known: Iterable[Waited], before: Mapping[int, int], now: int) -> bool:
    """Return whether what was to be promised lately was broken more often than chance explains: nothing is said then.

    `before` has the promises of the hours before, said or not, as they were made then: later ones know what came.
    """
    given = [(each, before[each.hour]) for each in known if each.hour in before]
    for span in BAD:
        due = [(each, step) for each, step in given if now - span < each.hour + HOUR + step <= now]
        missed = sum(_missed([each], step) for each, step in due)
        if _at_least(missed, sum(each.customers for each, _ in due), 1 - KEPT) < CHANCE:
            return True
    return False


def _apart(known: Sequence[Waited], part: Callable[[Waited], object]) -> list[list[Waited]]:
    groups: defaultdict[object, list[Waited]] = defaultdict(list)
    for each in known:
        groups[part(each)].append(each)
    return list(groups.values())


def _holds(known: Sequence[Waited], step: int, now: int) -> bool:
    """Return whether so many were answered within a step, and no weekday's, no language's and no hot ones fewer."""
    settled = [each for each in known if each.customers and each.hour + HOUR + step <= now]
    if sum(each.customers for each in settled) < LEAST:
        return False
    days = _apart(settled, lambda each: each.hour)
    shares = sum(1 - _missed(day, step) / sum(each.customers for each in day) for day in days)
    if shares / (len(days) + 1) < KEPT - EXACT:
        return False
    parts: tuple[Callable[[Waited], object], ...] = (
        lambda each: datetime.fromtimestamp(each.hour, UTC).weekday(),
        lambda each: each.language,
        lambda each: each.kind in HOT_KINDS,
    )
    return not any(_worse(group, step) for part in parts for group in _apart(settled, part))


def _worse(some: Sequence[Waited], step: int) -> bool:
    """Return whether more of these were missed than chance explains."""
    return _at_least(_missed(some, step), sum(each.customers for each in some), 1 - KEPT) < WORSE


def _missed(some: Iterable[Waited], step: int) -> int:
    return sum(each.customers - _kept(each, step) for each in some)


def _kept(some: Waited, step: int) -> int:
    """Return how many were answered within a step, at least: a bucket that reaches beyond is left out."""
    return sum(number for length, number in some.answered.items() if waits.end(length) <= step)


def _at_least(missed: int, customers: int, share: float) -> float:
    """Return how likely so many or more of the customers are missed by chance."""
    whole = math.lgamma(customers + 1)
    parts = (
        whole - math.lgamma(each + 1) - math.lgamma(customers - each + 1)
        + each * math.log(share) + (customers - each) * math.log(1 - share)
        for each in range(missed, customers + 1)
    )  # fmt: skip
    return sum(map(math.exp, parts))

"""Telling an outage from an ordinary day: trouble of distinct customers, more than the hour's usual explains.

Two alarms stand beside each other, for all trouble and for each topic: a window, whose count is held against a
negative binomial (customers write in bursts, so a Poisson would cry wolf), and a CUSUM, which adds up what a slow
outage brings over hours. Pure: the caller passes each message with its time, in order.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import lgamma, log, log1p

from .judge import judge
from .phrasebook import phrasebook, plain

WINDOW = timedelta(minutes=30)
DISPERSION = 4.0  # of the negative binomial: rates differ by half from day to day
SURPRISE = 11.0  # -log of the chance that the window's count is no more than usual
SLOW = 15.0  # the CUSUM's alarm, in nats, where little is usual; more where much is, since it then varies more
FASTER = 3.0  # how much above the usual the CUSUM looks for
LEAST = 4  # customers, however quiet it usually is
FLOOR = 0.1  # customers an hour that are taken for usual at least
LEARNED = timedelta(days=28)  # whose trouble is the usual
HALF_KNOWN = timedelta(days=2)  # of history, after which it weighs as much as the assumption
ASSUMED = 0.5  # customers an hour, before anything is known
QUIET = timedelta(hours=2)  # below one and a half times the usual, after which an incident is over
SAME = timedelta(hours=6)  # within which a customer counts once


@dataclass(frozen=True, slots=True)
class Change:
    """An incident opened or closed: when, about what, how many customers, and why."""

    at: datetime
    opened: bool
    topic: str
    customers: int
    reason: str
    members: tuple[str, ...] = ()


@dataclass(slots=True)
class _Rates:
    """How many customers an hour usually write, by the hour of the week with its neighbours."""

    first: datetime | None = None
    hours: Counter[tuple[int, int]] = field(default_factory=Counter)
    kept: deque[tuple[datetime, int, int]] = field(default_factory=deque)

    def add(self, at: datetime) -> None:
        """Count one customer as usual."""
        weekend, hour = int(at.weekday() >= 5), at.hour
        self.hours[weekend, hour] += 1
        self.kept.append((at, weekend, hour))
        while self.kept and at - self.kept[0][0] > LEARNED:
            _, *old = self.kept.popleft()
            self.hours[old[0], old[1]] -= 1

    def usual(self, at: datetime, since: datetime) -> float:
        """Return how many an hour are usual now, given that counting began then."""
        span = min(at - since, LEARNED)
        days = span / timedelta(days=1)
        weekend = int(at.weekday() >= 5)
        share = 2 / 7 if weekend else 5 / 7
        overall = (sum(self.hours.values()) + ASSUMED * 24 * 2) / ((days + 2) * 24)
        near = sum(self.hours[weekend, (at.hour + step) % 24] for step in (-1, 0, 1))
        known = days * share * 3  # hours of this kind that were seen
        weight = known / (known + 12)
        return max(FLOOR, weight * near / known + (1 - weight) * overall if known else overall)


@dataclass(slots=True)
class _Watched:
    """One topic's state: who wrote lately, the CUSUM, and what is usual."""

    rates: _Rates = field(default_factory=_Rates)
    lately: deque[tuple[datetime, str]] = field(default_factory=deque)
    slow: float = 0.0
    slow_since: deque[tuple[datetime, str]] = field(default_factory=deque)
    last: datetime | None = None


class Detector:
    """Watches a company's trouble; `see` each message in the order of time."""

    def __init__(self) -> None:
        self._watched: defaultdict[str, _Watched] = defaultdict(_Watched)
        self._seen: dict[str, datetime] = {}
        self._since: datetime | None = None
        self._open: tuple[str, datetime, list[str]] | None = None
        self._calm: datetime | None = None

    def see(self, at: datetime, customer: str, topics: Iterable[str], *, trouble: bool) -> list[Change]:
        """Return what changed by this message; only `trouble` counts, each customer once in six hours."""
        self._since = self._since or at
        changes = self.tick(at)
        if not trouble or (customer in self._seen and at - self._seen[customer] < SAME):
            return changes
        self._seen[customer] = at
        if len(self._seen) > 10000:
            self._seen = {name: when for name, when in self._seen.items() if at - when < SAME}
        alarms = [alarm for topic in ("", *topics) if (alarm := self._count(at, customer, topic))]
        if self._open:
            self._open[2].append(customer)
        elif alarms:
            topic, reason, members = max(alarms, key=lambda alarm: (bool(alarm[0]), len(alarm[2])))
            self._open = (topic, at, members)
            self._calm = None
            changes.append(
                Change(at, opened=True, topic=topic, customers=len(members), reason=reason, members=tuple(members))
            )
        return changes

    def tick(self, at: datetime) -> list[Change]:
        """Return the incident that is over by now, if one is."""
        if self._open is None or self._since is None:
            return []
        topic, began, members = self._open
        watched = self._watched[""]
        self._forget(watched, at, timedelta(hours=1))
        usual = watched.rates.usual(at, self._since)
        if len(watched.lately) > max(2.0, 1.5 * usual + 1):
            self._calm = None
            return []
        self._calm = self._calm or (watched.lately[-1][0] if watched.lately else max(began, watched.last or began))
        if at - self._calm < QUIET:
            return []
        over = self._calm + QUIET
        self._open = self._calm = None
        for each in self._watched.values():
            each.slow = 0.0
            each.slow_since.clear()
            each.lately.clear()
        return [Change(over, opened=False, topic=topic, customers=len(set(members)), reason="two hours about as usual")]

    def _forget(self, watched: _Watched, at: datetime, span: timedelta) -> None:
        while watched.lately and at - watched.lately[0][0] > span:
            watched.lately.popleft()

    def _count(self, at: datetime, customer: str, topic: str) -> tuple[str, str, list[str]] | None:
        """Count a customer under a topic; return (topic, reason, customers) where that is an alarm."""
        watched = self._watched[topic]
        since = self._since or at
        usual = watched.rates.usual(at, since)
        self._forget(watched, at, timedelta(hours=1) if self._open else WINDOW)
        watched.lately.append((at, customer))
        passed = (at - watched.last) / timedelta(hours=1) if watched.last else 0.0
        drift = usual * (FASTER - 1) * passed
        watched.slow = max(0.0, watched.slow - drift)
        if watched.slow == 0.0:
            watched.slow_since.clear()
        watched.slow += log(FASTER)
        watched.slow_since.append((at, customer))
        watched.last = at
        if self._open:
            return None
        watched.rates.add(at)
        name = f"“{topic}”" if topic else "trouble"
        inside = [who for when, who in watched.lately if at - when <= WINDOW]
        spans = WINDOW / timedelta(hours=1)
        margin = 0.0 if not topic else 1.5  # many topics are watched at once
        if len(inside) >= LEAST and surprise(len(inside), usual * spans) > SURPRISE + margin:
            return topic, f"{len(inside)} customers with {name} in 30 minutes; usual are {usual * spans:.1f}", inside
        if len(watched.slow_since) >= LEAST + 2 and watched.slow > (SLOW + margin) * (1 + usual / 2):
            members = [who for _, who in watched.slow_since]
            hours = (at - watched.slow_since[0][0]) / timedelta(hours=1)
            return (
                topic,
                f"{len(members)} customers with {name} in {hours:.1f} hours; usual are {usual * hours:.1f}",
                members,
            )
        return None


def surprise(count: int, mean: float) -> float:
    """Return -log of the chance of this count or more under a negative binomial of this mean."""
    share = mean / (mean + DISPERSION)
    tail, term = 0.0, count
    first = lgamma(count + DISPERSION) - lgamma(DISPERSION) - lgamma(count + 1)
    first += DISPERSION * log1p(-share) + count * log(share)
    ratio, total = 1.0, 1.0
    while ratio > 1e-9 and term < count + 1000:
        ratio *= share * (term + DISPERSION) / (term + 1)
        total += ratio
        term += 1
    tail = first + log(total)
    return -min(0.0, tail)


def changes(messages: Iterable[tuple[datetime, str, tuple[str, ...], bool]]) -> Iterator[Change]:
    """Yield what would have been opened and closed over (time, customer, topics, trouble), in order of time."""
    detector = Detector()
    at = None
    for at, customer, topics, trouble in messages:
        yield from detector.see(at, customer, topics, trouble=trouble)
    if at is not None:
        yield from detector.tick(at + QUIET + timedelta(hours=1))


def read(text: str, expected: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """Return what a message is about, and whether it tells of trouble: by the judge, in the company's languages."""
    judged = judge(text, expected=expected)
    if judged.heat == "cold":
        return (), False
    book = phrasebook(judged.language or "") or phrasebook("en")
    services = book.found("service", plain(text)) if book else []
    return (*(["outage"] if judged.kind == "outage" else []), *dict.fromkeys(services[:2])), True

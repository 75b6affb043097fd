"""Telling an outage from an ordinary day: trouble of distinct customers, more than the hour's usual explains.

Customers are counted by five minutes, each once in six hours: all of them, by topic, and by language. Two alarms stand
beside each other: a window, whose count is held against a negative binomial (customers write in bursts, so a Poisson
would cry wolf), and a CUSUM, which adds up what a slow outage brings over hours. Pure: `Detector` keeps the counts of
messages that the caller passes in order; `watch` keeps them in the table and asks the same functions.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import lgamma, log, log1p

from .judge import Judgement, judge
from .phrasebook import phrasebook, plain

BUCKET = 300  # seconds in which customers are counted together
WINDOW = 6  # buckets beside the present one: half an hour, and what has passed of the present one
DISPERSION = 4.0  # of the negative binomial: rates differ by half from day to day
UNKNOWN = 1.0  # the same on the first day, when the usual is hardly known
SURPRISE = 10.0  # -log of the chance that the window's count is no more than usual
MARGIN = 1.5  # added for a topic or a language: many are watched at once
MOST_NAME = 0.6  # of an alarm's customers make it one about the service that they name
SLOW = 12.0  # the CUSUM's alarm, in nats, where little is usual; more where much is, since it then varies more
SLOW_BUCKETS = 144  # how far back the CUSUM looks: twelve hours
FASTER = 3.0  # how much above the usual the CUSUM looks for
LEAST = 4  # customers, however quiet it usually is
FLOOR = 0.1  # customers an hour that are taken for usual at least
LEARNED = timedelta(days=28)  # whose trouble is the usual
ASSUMED = 0.5  # customers an hour, before anything is known; half a day of history weighs as much
ASSUMED_NAMED = 0.1  # the same with one service's name
ASSUMED_DAYS = 0.5
LEAST_LEARNED = 5  # customers of an hour that are taken for usual in any case, and of more than
MOST_LEARNED = 3  # times the usual no more than that: an outage is not learned as the usual, a busy company is
FRESH = 2 * 3600  # seconds for which what was counted is not taken for usual yet: it may be the outage itself
QUIET = timedelta(hours=2)  # below one and a half times the usual, after which an incident is over
SAID_WITHIN = timedelta(hours=6)  # an update that could not be sent for longer is no news any more
SAME = timedelta(hours=6)  # within which a customer counts once
Counts = Mapping[str, Mapping[int, int]]  # customers by topic and bucket
OUTAGE = "outage"  # the topic of what many have
LANGUAGE = "language "  # a topic that is a language begins so
_HOUR = 3600
_DAY = 86_400


def slot(at: int) -> int:
    """Return which hour of a working day (0 to 23) or of a weekend (24 to 47) a time is in, in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.hour + 24 * (moment.weekday() >= 5)


@dataclass(frozen=True, slots=True)
class Usual:
    """The customers counted in the last four weeks, by topic and `slot`. `since`: when counting began."""

    since: int
    slots: Mapping[str, Mapping[int, int]]

    def rate(self, topic: str, at: int) -> float:
        """Return how many customers an hour are usual at a time: by its hour and the neighbouring ones."""
        slots = self.slots.get(topic, {})
        days = min(max(0, at - self.since), LEARNED.total_seconds()) / _DAY
        this = slot(at)
        weekend, hour = divmod(this, 24)
        assumed = ASSUMED_NAMED if _is_named(topic) else ASSUMED
        overall = (sum(slots.values()) + assumed * 24 * ASSUMED_DAYS) / ((days + ASSUMED_DAYS) * 24)
        known = days * (2 / 7 if weekend else 5 / 7) * 3  # hours of this kind that were seen
        if not known:
            return max(FLOOR, overall)
        near = sum(slots.get(24 * weekend + (hour + step) % 24, 0) for step in (-1, 0, 1))
        weight = known / (known + 12)
        return max(FLOOR, weight * near / known + (1 - weight) * overall)

    def expected(self, topic: str, since: int, until: int) -> float:
        """Return how many customers are usual between two times, hour by hour."""
        total = 0.0
        while since < until:
            end = min(until, (since // _HOUR + 1) * _HOUR)
            total += self.rate(topic, since) * (end - since) / _HOUR
            since = end
        return total

    def known(self, at: int) -> bool:
        """Return whether there is a day of it at least."""
        return at - self.since >= _DAY

    def learned(self, topic: str, at: int, customers: int) -> int:
        """Return how many of an hour's customers are taken for usual."""
        return min(customers, max(LEAST_LEARNED, int(MOST_LEARNED * self.rate(topic, at))))


@dataclass(frozen=True, slots=True)
class Alarm:
    """More customers than chance explains: about what (empty: all trouble), how many, since when, and why."""

    topic: str
    customers: int
    since: int
    reason: str
    weight: float

    @property
    def rank(self) -> tuple[bool, float, bool, int]:
        """How much this one says beside others: a service's name most, then what is least explained by chance."""
        return _is_named(self.topic), self.weight, self.topic != OUTAGE, self.customers


def alarm(topics: Iterable[str], counts: Counts, usual: Usual, at: int, after: int = 0) -> Alarm | None:
    """Return the alarm that customers counted by topic and bucket raise at a time about any of these topics, if one.

    Who came before `after`, when the last incident ended, counts no more.
    """
    first = -(-after // BUCKET)
    found = [each for topic in topics if (each := _of_topic(topic, counts.get(topic, {}), usual, at, first))]
    return _named_by_most(max(found, key=lambda each: each.rank), counts, at) if found else None


def _of_topic(topic: str, counts: Mapping[int, int], usual: Usual, at: int, first: int) -> Alarm | None:
    return _sudden(topic, counts, usual, at, first) or _slow(topic, counts, usual, at, first)


def _named_by_most(raised: Alarm, counts: Counts, at: int) -> Alarm:
    """Return the alarm, about the service that most of its customers name where it is about no one service."""
    if _is_named(raised.topic):
        return raised
    buckets = range(raised.since // BUCKET, at // BUCKET + 1)
    named = {
        topic: sum(theirs.get(bucket, 0) for bucket in buckets) for topic, theirs in counts.items() if _is_named(topic)
    }
    topic = max(named, key=lambda each: (named[each], each != OUTAGE, each), default="")
    if not topic or named[topic] < MOST_NAME * raised.customers:
        return raised
    reason = f"{raised.reason}; {named[topic]} of them name {_named(topic)}"
    return replace(raised, topic=topic, customers=named[topic], reason=reason)


def _sudden(topic: str, counts: Mapping[int, int], usual: Usual, at: int, first: int) -> Alarm | None:
    now = at // BUCKET
    inside = sum(counts.get(bucket, 0) for bucket in range(max(first, now - WINDOW), now + 1))
    if inside < LEAST:
        return None
    since = (now - WINDOW) * BUCKET
    expected = usual.expected(topic, since, at)
    if inside <= expected:
        return None
    dispersion = DISPERSION if usual.known(at) else UNKNOWN
    weight = surprise(inside, expected, dispersion) - (MARGIN if topic else 0.0)
    if weight <= SURPRISE:
        return None
    reason = f"{inside} customers with {_named(topic)} in {(at - since) / 60:.0f} minutes; usual are {expected:.1f}"
    return Alarm(topic, inside, since, reason, weight)


def _slow(topic: str, counts: Mapping[int, int], usual: Usual, at: int, first: int) -> Alarm | None:
    last, rate = at // BUCKET, usual.rate(topic, at)
    total, customers, since = 0.0, 0, last
    share = (FASTER - 1) * BUCKET / _HOUR
    drift = {hour: usual.rate(topic, hour * _HOUR) * share for hour in range(at // _HOUR - 12, at // _HOUR + 1)}
    for bucket in range(max(first, last - SLOW_BUCKETS), last + 1):
        total -= drift[bucket * BUCKET // _HOUR]
        if total <= 0.0:
            total, customers, since = 0.0, 0, bucket
        found = counts.get(bucket, 0)
        total += found * log(FASTER)
        customers += found
    limit = (SLOW + (MARGIN if topic else 0.0)) * (1 + rate / 2) * (1 if usual.known(at) else 2)
    if customers < LEAST + 2 or total <= limit:
        return None
    began = since * BUCKET
    expected = usual.expected(topic, began, at)
    if customers <= expected:
        return None
    reason = f"{customers} customers with {_named(topic)} in {(at - began) / _HOUR:.1f} hours; usual are {expected:.1f}"
    return Alarm(topic, customers, began, reason, SURPRISE + total - limit)


def _is_named(topic: str) -> bool:
    """Return whether this is one service, or the word for all of them failing."""
    return bool(topic) and not topic.startswith(LANGUAGE)


def _named(topic: str) -> str:
    if topic.startswith(LANGUAGE):
        return f"trouble in {topic.removeprefix(LANGUAGE)}"
    return f"“{topic}”" if topic else "trouble"


def over(counts: Mapping[int, int], rate: Callable[[int], float], opened: int, at: int) -> int | None:
    """Return when an incident was over, by a time; None while it is not.

    It is over after two hours in each moment of which the hour before held no more than half above the usual.
    """
    first, last = -(-opened // BUCKET), at // BUCKET
    calm, needed = 0, int(QUIET.total_seconds()) // BUCKET
    for bucket in range(max(first, last - 288), last + 1):
        hour = sum(counts.get(bucket - step, 0) for step in range(_HOUR // BUCKET))
        calm = calm + 1 if hour <= max(2.0, 1.5 * rate(bucket * BUCKET) + 1) else 0
        if calm > needed:
            return bucket * BUCKET
    return None


def concerns(topic: str, topics: Collection[str]) -> bool:
    """Return whether a message about these topics belongs to an incident about that one."""
    return not topic or topic in topics


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
class _Open:
    """The incident that is open."""

    topic: str
    at: int
    members: set[str]


@dataclass(slots=True)
class Detector:
    """Watches a company's trouble; `see` each message in the order of time."""

    _counts: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _usual: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _hours: deque[tuple[int, Counter[str]]] = field(default_factory=deque)  # customers by topic, not learned yet
    _kept: deque[tuple[int, str, int]] = field(default_factory=deque)  # what was learned
    _seen: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    _since: int | None = None
    _open: _Open | None = None
    _ended: int = 0

    def see(self, at: datetime, customer: str, topics: Iterable[str], *, trouble: bool) -> list[Change]:
        """Return what changed by this message; only `trouble` counts, each customer once in six hours."""
        now, topics = int(at.timestamp()), tuple(topics)
        self._since = now if self._since is None else self._since
        changes = self.tick(at)
        if not trouble or (customer in self._seen and now - self._seen[customer][0] < SAME.total_seconds()):
            return changes
        self._forget(now)
        self._seen[customer] = (now, topics)
        keys = ("", *topics)
        if not self._hours or self._hours[-1][0] != now // _HOUR:
            self._hours.append((now // _HOUR, Counter()))
        for topic in keys:
            self._counts[topic][now // BUCKET] += 1
            self._hours[-1][1][topic] += 1
        if self._open:
            if concerns(self._open.topic, topics):
                self._open.members.add(customer)
            return changes
        raised = alarm(("", *topics), self._counts, Usual(self._since, self._usual), now, self._ended)
        if raised is not None:
            changes.append(self._opened(raised, at))
        return changes

    def _opened(self, raised: Alarm, at: datetime) -> Change:
        members = tuple(
            who for who, (when, topics) in self._seen.items() if when >= raised.since and concerns(raised.topic, topics)
        )
        self._open = _Open(raised.topic, int(at.timestamp()), set(members))
        return Change(at, opened=True, topic=raised.topic, customers=len(members), reason=raised.reason,
                      members=members)  # fmt: skip

    def tick(self, at: datetime) -> list[Change]:
        """Return the incident that is over by now, if one is."""
        found = self._open
        if found is None:
            return []
        ended = over(self._counts[found.topic], self._rate(found.topic), found.at, int(at.timestamp()))
        if ended is None:
            return []
        self._open, self._ended = None, ended
        moment = datetime.fromtimestamp(ended, at.tzinfo)
        reason = "two hours about as usual"
        return [Change(moment, opened=False, topic=found.topic, customers=len(found.members), reason=reason)]

    def _rate(self, topic: str) -> Callable[[int], float]:
        usual = Usual(self._since or 0, self._usual)
        return lambda at: usual.rate(topic, at)

    def _forget(self, now: int) -> None:
        for counts in self._counts.values():
            for bucket in [each for each in counts if each < now // BUCKET - 2 * SLOW_BUCKETS]:
                del counts[bucket]
        usual = Usual(self._since or now, self._usual)
        while self._hours and self._hours[0][0] * _HOUR <= now - FRESH:
            hour, customers = self._hours.popleft()
            for topic, number in customers.items():
                learned = usual.learned(topic, hour * _HOUR, number)
                self._kept.append((hour * _HOUR, topic, learned))
                self._usual[topic][slot(hour * _HOUR)] += learned
        while self._kept and now - self._kept[0][0] > LEARNED.total_seconds():
            at, topic, learned = self._kept.popleft()
            self._usual[topic][slot(at)] -= learned
        if len(self._seen) > 10000:
            self._seen = {who: each for who, each in self._seen.items() if now - each[0] < SAME.total_seconds() * 2}


def surprise(count: int, mean: float, dispersion: float = DISPERSION) -> float:
    """Return -log of the chance of this count or more under a negative binomial of this mean; 0 up to the mean."""
    if count <= mean:
        return 0.0
    share = mean / (mean + dispersion)
    first = lgamma(count + dispersion) - lgamma(dispersion) - lgamma(count + 1)
    first += dispersion * log1p(-share) + count * log(share)
    ratio, total, term, step = 1.0, 1.0, count, 1.0
    while ratio > 1e-9 and term < count + 1000:
        step = share * (term + dispersion) / (term + 1)
        ratio *= step
        total += ratio
        term += 1
    # A company with thousands of such customers has more terms: each is less than the one before by `step` at least.
    total += ratio * step / (1 - step)
    return -min(0.0, first + log(total))


def changes(messages: Iterable[tuple[datetime, str, tuple[str, ...], bool]]) -> Iterator[Change]:
    """Yield what would have been opened and closed over (time, customer, topics, trouble), in order of time."""
    detector = Detector()
    at = None
    for at, customer, topics, trouble in messages:
        yield from detector.see(at, customer, topics, trouble=trouble)
    if at is not None:
        yield from detector.tick(at + QUIET + timedelta(hours=1))


def about(judged: Judgement, text: str) -> tuple[str, ...] | None:
    """Return what a judged message is trouble with, its language among it; None where it tells of no trouble."""
    if judged.heat == "cold":
        return None
    book = phrasebook(judged.language or "") or phrasebook("en")
    services = book.found("service", plain(text)) if book else []
    topics = [*([OUTAGE] if judged.kind == OUTAGE else []), *dict.fromkeys(services[:2])]
    return (*topics, *([f"{LANGUAGE}{judged.language}"] if judged.language else []))


def read(text: str, expected: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """Return what a message is about, and whether it tells of trouble: by the judge, in the company's languages."""
    found = about(judge(text, expected=expected), text)
    return found or (), found is not None

"""What goes wrong during a soak: the helpdesk's spells, dying workers, and how fast what had to wait was filed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Fault, broken, cut_after, cut_before, slow, throttled
from sandbox.northwind.company import Company
from sandbox.northwind.notes import Notes

TICKET, TICKETS = "/api/v2/tickets/{ticket}.json", "/api/v2/tickets.json"
KILL_EVERY = 5.0  # seconds, on average
LAST_KILL = 0.9  # part of the messages after which nobody dies any more: what a dead worker held has to come again
LEAST, PER_MESSAGE = 30.0, 0.02  # seconds that a spell lasts at least: so many, or so many for each message
LONGEST = 90.0  # and at most, for it may be that spell which keeps people from writing on
FELT, FEW = 5, 20.0  # requests that met it before it ends; from so many seconds on, one is enough
MEASURED = 1000  # messages from which on it is worth measuring how fast the last outage was made up for
MOST = 0.95  # of what had waited: the rest are conversations that pause for minutes after many failures


@dataclass(frozen=True, slots=True)
class Spell:
    """A misfortune of the helpdesk, between two parts of the messages. `down`: nothing can be filed meanwhile."""

    name: str
    begin: float
    end: float
    order: Callable[[Company, Zendesk], None]
    down: bool = False


def _everything(fault: Fault, probability: float = 1.0) -> Callable[[Company, Zendesk], None]:
    return lambda _, zendesk: zendesk.faults.add(fault, probability=probability)


def _cutting(company: Company, zendesk: Zendesk) -> None:
    """Have the effect and lose the answer: at the helpdesk often, at the platforms now and then."""
    zendesk.faults.add(cut_after(), method="POST", path=TICKETS, probability=0.3)
    zendesk.faults.add(cut_after(), method="PUT", path=TICKET, probability=0.3)
    for platform in company.platforms.values():
        platform.lose_answers(probability=0.05)


def _mixed(company: Company, zendesk: Zendesk) -> None:
    _cutting(company, zendesk)
    for fault in (slow(1.5), throttled(3), broken(503), broken(500)):
        zendesk.faults.add(fault, probability=0.1)


SPELLS = (
    Spell("slow", 0.06, 0.14, _everything(slow(1.5), 0.5)),
    Spell("down", 0.20, 0.30, _everything(broken(503)), down=True),
    Spell("rate-limiting", 0.42, 0.50, _everything(throttled(4), 0.5)),
    Spell("cutting lines", 0.54, 0.64, _cutting),
    Spell("unreachable", 0.68, 0.74, _everything(cut_before()), down=True),
    Spell("all at once", 0.82, 0.92, _mixed),
)


@dataclass(slots=True)
class Recovery:
    """What waited at the end of an outage: how many messages, since when; when most were filed, and the last."""

    waited: int
    began: datetime
    most: datetime | None = None
    ended: datetime | None = None


@dataclass
class Misfortunes:
    """Begins and ends them as the messages go on; `notes` gets the outages."""

    company: Company
    zendesk: Zendesk
    notes: Notes
    messages: int
    seed: int = 1
    now: Spell | None = None
    recoveries: list[Recovery] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    _backlog: set[str] = field(default_factory=set)
    _coming: list[Spell] = field(default_factory=lambda: list(SPELLS))

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._began, self._entries = datetime.now(UTC), 0
        self._next = time.monotonic() + self._random.expovariate(1 / KILL_EVERY)

    @property
    def down(self) -> bool:
        """Whether nothing can be filed."""
        return self.now is not None and self.now.down

    def move(self, part: float, waiting: set[str]) -> None:
        """Go on to where the messages are; `waiting` holds the markers of those that are not filed."""
        if self.now is not None and self._over(part):
            self._end(waiting)
        if self.now is None and self._coming and part >= self._coming[0].begin:
            self.now = self._coming.pop(0)
            self._began = datetime.now(UTC)
            self._entries = self.zendesk.books.count()
            self.now.order(self.company, self.zendesk)
        if self._backlog:
            self._made_up_for(waiting)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._random.expovariate(1 / KILL_EVERY)
            # Not while it is seen whether customers are acknowledged during an outage, and how fast it recovers.
            recovering = bool(self.recoveries) and self.recoveries[-1].most is None
            measuring = self.down or (recovering and self.messages >= MEASURED)
            if not measuring and part < LAST_KILL:
                self.company.stack.kill()

    def _over(self, part: float) -> bool:
        """Tell whether the spell was long enough."""
        lasted = (datetime.now(UTC) - self._began).total_seconds()
        if self.now is None or lasted < min(LEAST, self.messages * PER_MESSAGE):
            return False
        if part < self.now.end:
            return lasted > LONGEST
        met = sum(entry.fault is not None for entry in self.zendesk.books.entries()[self._entries :])
        return met >= FELT or lasted > (FEW if met else LONGEST)

    def _made_up_for(self, waiting: set[str]) -> None:
        recovery = self.recoveries[-1]
        self._backlog &= waiting
        if recovery.most is None and len(self._backlog) <= (1 - MOST) * recovery.waited:
            recovery.most = datetime.now(UTC)
        if not self._backlog:
            recovery.ended = datetime.now(UTC)

    def _end(self, waiting: set[str]) -> None:
        spell, ended = self.now, datetime.now(UTC)
        if spell is None:
            return
        for neighbour in (self.zendesk, *(each.player for each in self.company.platforms.values())):
            neighbour.faults.clear()
        self.seconds[spell.name] = (ended - self._began).total_seconds()
        if spell.down:
            self.notes.outages.append((self._began, ended))
            self._backlog = set(waiting)
            self.recoveries.append(Recovery(len(self._backlog), ended))
        self.now = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast most of a recovery was: seconds taken, seconds that the rate limit allows, requests and needed ones.

    `last` is when the last one was filed, in seconds after the outage; None when another came before that.
    """

    waited: int
    seconds: float
    allowed: float
    requests: int
    needed: int
    last: float | None


def pace(zendesk: Zendesk, recovery: Recovery) -> Pace | None:
    """Return it from the helpdesk's own books; None while it goes on."""
    if recovery.most is None:
        return None
    told = [entry for entry in zendesk.books.entries() if recovery.began <= entry.asked.at <= recovery.most]
    asked = [entry for entry in told if entry.asked.path.startswith("/api/")]
    worked = [entry for entry in asked if 200 <= entry.status < 300]
    updates = sum(entry.asked.method == "PUT" for entry in worked)
    # A look for what may have been done before is not needed for the filing itself.
    needed = sum(entry.asked.path != TICKETS or entry.asked.method != "GET" for entry in worked)
    allowed = 60 * max(updates / zendesk.account.updates_per_minute, len(worked) / zendesk.requests_per_minute)
    seconds = (recovery.most - recovery.began).total_seconds()
    last = (recovery.ended - recovery.began).total_seconds() if recovery.ended else None
    return Pace(recovery.waited, seconds, allowed, len(asked), needed, last)

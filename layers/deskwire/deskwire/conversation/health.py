"""The health of every connection of both sides: whether to leave it alone, its pace, and who tries it first."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from deskwire.contracts.terms import Pace
from deskwire.model.errors import Concern, PermanentError, TemporaryError
from deskwire.ports import Clock, Table, Update
from deskwire.web.rest import Answer, Call, Transport

from .limits import AGAIN, LeftAlone, Limits
from .shares import ASKED, SHARE, WANTED, Shares, admits
from .table import moment, seconds

LOOK = timedelta(seconds=5)  # how old what we know of a neighbour's health may be
PATIENCE = 3  # failures in a row after which a neighbour is left alone for a while
RECOVERY = 300  # seconds after it was left alone in which we keep to its rate limit by ourselves
SLICE = 12  # seconds: of a rate limit of a minute, each of them gets its part, in as many rounds of sweep
FEW = 0.4  # of a minute's requests: when fewer are left, they are shared out by slices
UNTOLD = 0  # requests a minute, before the neighbour's first answer
COUNT = re.compile(r"[0-9]{1,7}")

Kept = TypeVar("Kept")


class Cache(Generic[Kept]):
    """Keeps what was looked up for `span`; a thread waits for the one that looks up."""

    def __init__(self, clock: Clock, span: timedelta) -> None:
        self._clock = clock
        self._span = span
        self._kept: dict[str, tuple[datetime, Kept]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under `name`, or what `make` gives now."""
        with self._lock:
            found = self._kept.get(name)
            if found and self._clock() - found[0] < self._span:
                return found[1]
            made = make()
            self._kept[name] = (self._clock(), made)
            return made

    def forget(self, name: str) -> None:
        """Look up anew next time."""
        with self._lock:
            self._kept.pop(name, None)


class Pauses(NamedTuple):
    """The seconds for which a neighbour is left alone that did not say how long: at first, and at most (doubled)."""

    first: int
    longest: int


QUICK = Pauses(2, 60)  # where it costs nothing to try: after doubt the neighbour is asked, or the request repeated
CAREFUL = Pauses(60, 300)  # where it cannot be known whether a failed attempt took effect


class Health(NamedTuple):
    """Until when a neighbour is left alone, and until when its rate limit is kept (seconds since 1970)."""

    open_until: int
    recovering_until: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Every connection of a channel or a helpdesk, each named by the partition key of its definition."""

    table: Table
    clock: Clock
    limits: Limits = field(init=False)
    _health: Cache[Health] = field(init=False)
    _failures: dict[str, int] = field(init=False, default_factory=dict)
    _open: dict[str, int] = field(init=False, default_factory=dict)  # until when we said that it is left alone
    _trying: dict[str, threading.Lock] = field(init=False, default_factory=dict)
    _allowed: dict[str, int] = field(init=False, default_factory=dict)  # requests a minute, as the neighbour said
    _shares: dict[str, Shares] = field(init=False, default_factory=dict)
    _full: dict[tuple[str, str], int] = field(init=False, default_factory=dict)  # the slice that has no room, by asker

    def __post_init__(self) -> None:
        object.__setattr__(self, "_health", Cache(self.clock, LOOK))
        object.__setattr__(self, "limits", Limits(self.table, self.clock))

    def admit(self, neighbour: str) -> None:
        """Raise `LeftAlone` while the neighbour is to be left alone."""
        until = self._known(neighbour).open_until
        left = until - seconds(self.clock())
        if left > 0:
            raise LeftAlone(f"{neighbour} is left alone until {moment(until):%H:%M:%S}", after=left)

    @contextmanager
    def asking(
        self, neighbour: str, requests: int = 1, pauses: Pauses = QUICK, pace: Pace | None = None, *, asker: str = ""
    ) -> Iterator[None]:
        """Ask the neighbour about `requests` times on behalf of `asker`, and learn from what happens how it is.

        Raises `LeftAlone`, before anything is asked, while it is to be left alone, and when it takes no more calls at
        once or in this span of time: `pace`, or the one that it declared.
        """
        self.admit(neighbour)
        give_back = self._limited(neighbour, requests, pace)
        try:
            with self._recovering(neighbour, requests, pauses, asker):
                yield
        finally:
            give_back()

    def _limited(self, neighbour: str, requests: int, pace: Pace | None) -> Callable[[], None]:
        """Take what the neighbour's limits leave for one call; return what gives its place back."""
        give_back = _nothing
        try:
            give_back = self.limits.take(neighbour)
            self.limits.spend(neighbour, requests, pace)
        except LeftAlone:
            give_back()
            with suppress(TemporaryError):
                self._keep_recovering(neighbour, seconds(self.clock()))  # sweep wakes those who wait more often
            raise
        except TemporaryError as error:  # the table's: whatever it did, the neighbour was not asked
            give_back()
            raise LeftAlone(f"whether {neighbour} takes more is not known: {error}", after=AGAIN) from None
        return give_back

    @contextmanager
    def _recovering(self, neighbour: str, requests: int, pauses: Pauses, asker: str) -> Iterator[None]:
        """Spare a neighbour that failed, or did so a while ago.

        After failures a container tries with one thread whether it works again. Then all keep to its rate limit: it
        would refuse the rest one by one, and each refused request is taken from those that are needed.
        """
        now, allowed = seconds(self.clock()), self._allowed.get(neighbour)
        recovering = now < self._known(neighbour).recovering_until
        if self._failures.get(neighbour, 0) < PATIENCE and not (recovering and allowed == UNTOLD):
            if recovering and allowed is not None:
                self._take(neighbour, requests, now, allowed, asker)
            with self._watching(neighbour, pauses):
                yield
            return
        trying = self._trying.setdefault(neighbour, threading.Lock())
        if not trying.acquire(blocking=False):
            raise LeftAlone(f"whether {neighbour} works again is being tried", after=LOOK.seconds)
        try:
            self._health.forget(neighbour)  # another container may have tried a moment ago
            self.admit(neighbour)
            if recovering and allowed is not None:
                self._count(neighbour, now, {ASKED: requests, WANTED + asker: requests})
            with self._watching(neighbour, pauses):
                yield
        finally:
            trying.release()

    @contextmanager
    def _watching(self, neighbour: str, pauses: Pauses) -> Iterator[None]:
        """Note whether the neighbour answers; a refusal of one request is an answer, too."""
        try:
            yield
        except TemporaryError as error:
            self.failed(neighbour, error, pauses)
            raise
        except PermanentError:
            self.worked(neighbour)
            raise
        self.worked(neighbour)

    def _take(self, neighbour: str, requests: int, now: int, allowed: int, asker: str) -> None:
        """Take requests from the asker's share of what the neighbour allows in this slice of a minute."""
        number, passed = divmod(now, SLICE)
        if self._full.get((neighbour, asker)) != number:
            counted = self._count(neighbour, now, {ASKED: requests, WANTED + asker: requests})
            room = max(allowed * SHARE * SLICE / 60, requests)
            if admits(WANTED + asker, counted, self._before(neighbour, number), room):
                return
            self._count(neighbour, now, {ASKED: -requests})  # that it was wanted stays known
            self._full[neighbour, asker] = number
            self._keep_recovering(neighbour, now)
        raise LeftAlone(f"{neighbour} takes no more just now", after=SLICE - passed)

    def _before(self, neighbour: str, number: int) -> Sequence[Mapping[str, int]]:
        """Return what the connections wanted in the slices before this one."""
        shares = self._shares.setdefault(neighbour, Shares())
        if shares.number != number - 1:
            shares.learn(number - 1, self.table.get((neighbour, f"PACE#{number - 1}")))
        return shares.slices

    def _count(self, neighbour: str, now: int, requests: Mapping[str, int]) -> Mapping[str, int]:
        """Count requests of all workers in this slice; return how many they are now."""
        pace = (neighbour, f"PACE#{now // SLICE}")
        return self.table.update(Update(pace, add=requests, set={"expires": now + RECOVERY}))

    def _keep_recovering(self, neighbour: str, now: int) -> None:
        if self._known(neighbour).recovering_until - now < RECOVERY / 2:
            self.table.update(Update((neighbour, "HEALTH"), set={"recovering_until": now + RECOVERY}))
            self._health.forget(neighbour)

    def _known(self, neighbour: str) -> Health:
        return self._health.get(neighbour, lambda: self.health(neighbour))

    def health(self, neighbour: str) -> Health:
        """Return what all workers know of a neighbour now."""
        item = self.table.get((neighbour, "HEALTH")) or {}
        return Health(int(item.get("open_until", 0)), int(item.get("recovering_until", 0)))

    def paced(self, neighbour: str, http: Transport, allowed: str, left: str = "") -> Transport:
        """Return a transport that reads from each answer's headers how many requests the neighbour allows a minute.

        When few of them are `left`, all keep to the rate limit, before the neighbour has to refuse anything.
        """
        if not allowed:
            return http

        def ask(call: Call) -> Answer:
            answer = http(call)
            if COUNT.fullmatch(answer.headers.get(allowed, "")):
                most = self._allowed[neighbour] = int(answer.headers[allowed])
                if COUNT.fullmatch(rest := answer.headers.get(left, "")) and int(rest) < most * FEW:
                    with suppress(TemporaryError):  # the request was answered, whatever the table says
                        self._keep_recovering(neighbour, seconds(self.clock()))
            return answer

        self._allowed.setdefault(neighbour, UNTOLD)
        return ask

    def failed(self, neighbour: str, error: TemporaryError, pauses: Pauses = QUICK) -> None:
        """Count a failure of the account; after some in a row, or when it named a time, all workers leave it alone.

        What concerns a message, a ticket or an attachment's host says nothing of the account.
        """
        if error.concerns is not Concern.ACCOUNT or isinstance(error, LeftAlone):
            return
        now = seconds(self.clock())
        if error.after is None and now < self._open.get(neighbour, 0):
            return  # begun before all was stopped: ten calls side by side are not ten failures in a row
        failures = self._failures[neighbour] = self._failures.get(neighbour, 0) + 1
        if error.after is None and failures < PATIENCE:
            return
        pause: float = min(pauses.first * 2 ** max(failures - PATIENCE, 0), pauses.longest)
        if error.after is not None:
            pause = max(error.after, pause if failures >= PATIENCE and pauses is CAREFUL else 0)
        until = math.ceil(self.clock().timestamp() + max(pause, 1))
        until = self._open[neighbour] = max(until, self.health(neighbour).open_until)
        known = {"open_until": until, "recovering_until": until + RECOVERY, "failures": failures}
        self.table.update(Update((neighbour, "HEALTH"), set=known))
        self._health.forget(neighbour)

    def worked(self, neighbour: str) -> None:
        """Note that the neighbour answered."""
        self._failures.pop(neighbour, None)


def _nothing() -> None:
    """Do nothing: there is no place to give back."""

"""Track the health of channels and helpdesks: a circuit breaker, a rate limit and one trial call at a time for each."""

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

LOOK = timedelta(seconds=5)  # for which a neighbour's health is cached
PATIENCE = 3  # failures in a row after which a neighbour is left alone for a while
RECOVERY = 300  # seconds after it was left alone in which we keep to its rate limit ourselves
SLICE = 12  # seconds: a minute's rate limit is spread evenly over slices of this length
FEW = 0.4  # of a minute's requests: if fewer are left, they are given out by slices
UNTOLD = 0  # requests a minute, before the neighbour's first answer
COUNT = re.compile(r"[0-9]{1,7}")

Kept = TypeVar("Kept")


class Cache(Generic[Kept]):
    """A cache whose values expire after `span`; concurrent readers wait for the one that looks up."""

    def __init__(self, clock: Clock, span: timedelta) -> None:
        self._clock = clock
        self._span = span
        self._kept: dict[str, tuple[datetime, Kept]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return the value under `name`, made by `make` if it is missing or expired."""
        with self._lock:
            found = self._kept.get(name)
            if found and self._clock() - found[0] < self._span:
                return found[1]
            made = make()
            self._kept[name] = (self._clock(), made)
            return made

    def forget(self, name: str) -> None:
        """Drop the value, so that the next read looks it up."""
        with self._lock:
            self._kept.pop(name, None)


class Pauses(NamedTuple):
    """Seconds to leave a neighbour alone that did not say how long: at first, and at most (it doubles)."""

    first: int
    longest: int


QUICK = Pauses(2, 60)  # where a try is harmless: after doubt the neighbour can be asked, or the request repeated
CAREFUL = Pauses(60, 300)  # where nobody can know whether a failed attempt took effect


class Health(NamedTuple):
    """Until when a neighbour is left alone, and until when we keep to its rate limit (Unix seconds)."""

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
    _open: dict[str, int] = field(init=False, default_factory=dict)  # until when this worker leaves it alone
    _trying: dict[str, threading.Lock] = field(init=False, default_factory=dict)
    _allowed: dict[str, int] = field(init=False, default_factory=dict)  # requests a minute, from its answers
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
        """Return the context for about `requests` requests on behalf of `asker`; its result updates the health.

        Raises `LeftAlone`, before anything is sent, while the neighbour is left alone, and when its limit of concurrent
        calls or of requests in a span of time (`pace`, by default the declared one) is reached.
        """
        self.admit(neighbour)
        give_back = self._limited(neighbour, requests, pace)
        try:
            with self._recovering(neighbour, requests, pauses, asker):
                yield
        finally:
            give_back()

    def _limited(self, neighbour: str, requests: int, pace: Pace | None) -> Callable[[], None]:
        """Take a place for one call and count its requests; return the function that gives the place back."""
        give_back = _nothing
        try:
            give_back = self.limits.take(neighbour)
            self.limits.spend(neighbour, requests, pace)
        except LeftAlone:
            give_back()
            with suppress(TemporaryError):
                self._keep_recovering(neighbour, seconds(self.clock()))  # so sweep wakes waiting threads more often
            raise
        except TemporaryError as error:  # from the table: whatever it did, the neighbour was not asked
            give_back()
            raise LeftAlone(f"whether {neighbour} takes more is not known: {error}", after=AGAIN) from None
        return give_back

    @contextmanager
    def _recovering(self, neighbour: str, requests: int, pauses: Pauses, asker: str) -> Iterator[None]:
        """Limit the requests to a neighbour that fails or has failed recently.

        After failures, one thread of a container tries whether it works again. Then all keep to its rate limit: the
        neighbour would refuse the excess one by one, and refused requests count against the limit, too.
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
        """Record whether the neighbour answers; a refusal of one request is an answer, too."""
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
        """Return the requests that the connections wanted in the slices before this one."""
        shares = self._shares.setdefault(neighbour, Shares())
        if shares.number != number - 1:
            shares.learn(number - 1, self.table.get((neighbour, f"PACE#{number - 1}")))
        return shares.slices

    def _count(self, neighbour: str, now: int, requests: Mapping[str, int]) -> Mapping[str, int]:
        """Count requests of all workers in this slice; return the new counts."""
        pace = (neighbour, f"PACE#{now // SLICE}")
        return self.table.update(Update(pace, add=requests, set={"expires": now + RECOVERY}))

    def _keep_recovering(self, neighbour: str, now: int) -> None:
        if self._known(neighbour).recovering_until - now < RECOVERY / 2:
            self.table.update(Update((neighbour, "HEALTH"), set={"recovering_until": now + RECOVERY}))
            self._health.forget(neighbour)

    def _known(self, neighbour: str) -> Health:
        return self._health.get(neighbour, lambda: self.health(neighbour))

    def health(self, neighbour: str) -> Health:
        """Return a neighbour's health from the table, as all workers share it."""
        item = self.table.get((neighbour, "HEALTH")) or {}
        return Health(int(item.get("open_until", 0)), int(item.get("recovering_until", 0)))

    def paced(self, neighbour: str, http: Transport, allowed: str, left: str = "") -> Transport:
        """Return a transport that reads the neighbour's rate limit from its answers' headers.

        `allowed` names the header with the requests a minute, `left` the one with those remaining: when few are left,
        all workers keep to the limit, before the neighbour has to refuse anything.
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
        """Count a failure of the account; after `PATIENCE` in a row, or if it names a time, all workers leave it alone.

        An error that concerns a message, a ticket or an attachment's host says nothing about the account.
        """
        if error.concerns is not Concern.ACCOUNT or isinstance(error, LeftAlone):
            return
        now = seconds(self.clock())
        if error.after is None and now < self._open.get(neighbour, 0):
            return  # this call began before the pause: ten concurrent calls are not ten failures in a row
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
        """Record that the neighbour answered."""
        self._failures.pop(neighbour, None)


def _nothing() -> None:
    """Do nothing: there is no place to give back."""

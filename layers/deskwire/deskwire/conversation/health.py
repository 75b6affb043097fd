"""The health of helpdesks: a breaker after failures, and a paced recovery."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from deskwire.configuration import helpdesk_key
from deskwire.model.errors import TemporaryError
from deskwire.ports import Clock, Key, Table, Update
from deskwire.web.rest import Answer, Call, Transport

from .table import moment, seconds

LOOK = timedelta(seconds=5)  # how old what we know of a helpdesk's health may be
PATIENCE = 3  # failures in a row after which the helpdesk is left alone for a while
LONGEST = 60  # seconds it is left alone when it did not say how long
RECOVERY = 300  # seconds after it was left alone in which we keep to its rate limit by ourselves
SLICE = 12  # seconds: of a rate limit of a minute, each of them gets its part, in as many rounds of sweep
SHARE = 0.95  # of the rate limit: others may ask the helpdesk, too
UNTOLD = 0  # requests a minute, before the helpdesk's first answer
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


class Health(NamedTuple):
    """What is known of a helpdesk: until when it is left alone, and until when we are careful with it."""

    open_until: int
    recovering_until: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What is known of each helpdesk's health: by this container, and through the table by all workers."""

    table: Table
    clock: Clock
    _health: Cache[Health] = field(init=False)
    _failures: dict[str, int] = field(init=False, default_factory=dict)
    _open: dict[str, int] = field(init=False, default_factory=dict)  # until when we said that it is left alone
    _trying: dict[str, threading.Lock] = field(init=False, default_factory=dict)
    _allowed: dict[str, int] = field(init=False, default_factory=dict)  # requests a minute, as the helpdesk said
    _full: dict[str, int] = field(init=False, default_factory=dict)  # the slice in which it takes no more

    def __post_init__(self) -> None:
        object.__setattr__(self, "_health", Cache(self.clock, LOOK))

    def admit(self, helpdesk: str) -> None:
        """Raise `TemporaryError` while the helpdesk is to be left alone."""
        until = self._health_of(helpdesk).open_until
        left = until - seconds(self.clock())
        if left > 0:
            raise TemporaryError(f"the helpdesk {helpdesk} is left alone until {moment(until):%H:%M:%S}", after=left)

    @contextmanager
    def asking(self, helpdesk: str, requests: int) -> Iterator[None]:
        """Ask the helpdesk about so many times. Raises `TemporaryError`, before, while it is to be left alone.

        After failures a container tries with one thread whether it works again. Then all keep to its rate limit: it
        would refuse the rest one by one, and each refused request is taken from those that are needed.
        """
        self.admit(helpdesk)
        now, allowed = seconds(self.clock()), self._allowed.get(helpdesk)
        recovering = now < self._health_of(helpdesk).recovering_until
        if self._failures.get(helpdesk, 0) < PATIENCE and not (recovering and allowed == UNTOLD):
            if recovering and allowed is not None:
                self._take(helpdesk, requests, now, allowed)
            yield
            return
        trying = self._trying.setdefault(helpdesk, threading.Lock())
        if not trying.acquire(blocking=False):
            raise TemporaryError(f"whether the helpdesk {helpdesk} works again is being tried", after=LOOK.seconds)
        try:
            self._health.forget(helpdesk)  # another container may have tried a moment ago
            self.admit(helpdesk)
            if recovering and allowed is not None:
                self._counted_in(helpdesk, requests, now)
            yield
        finally:
            trying.release()

    def _take(self, helpdesk: str, requests: int, now: int, allowed: int) -> None:
        """Take so many requests from what the helpdesk allows in this slice of a minute."""
        number, passed = divmod(now, SLICE)
        if self._full.get(helpdesk) != number:
            if self._counted_in(helpdesk, requests, now) <= max(allowed * SHARE * SLICE / 60, requests):
                return
            self._full[helpdesk] = number
            self._go_on_recovering(helpdesk, now)
        raise TemporaryError(f"the helpdesk {helpdesk} takes no more just now", after=SLICE - passed)

    def _counted_in(self, helpdesk: str, requests: int, now: int) -> int:
        """Count requests of all workers in this slice; return how many they are now."""
        pace = (helpdesk_key(helpdesk)[0], f"PACE#{now // SLICE}")
        item = self.table.update(Update(pace, add={"asked": requests}, set={"expires": now + RECOVERY}))
        return int(item["asked"])

    def _go_on_recovering(self, helpdesk: str, now: int) -> None:
        if self._health_of(helpdesk).recovering_until - now < RECOVERY / 2:
            until = {"recovering_until": now + RECOVERY}
            self.table.update(Update((helpdesk_key(helpdesk)[0], "HEALTH"), set=until))
            self._health.forget(helpdesk)

    def _health_of(self, helpdesk: str) -> Health:
        return self._health.get(helpdesk, lambda: self.health(helpdesk_key(helpdesk)))

    def health(self, key: Key) -> Health:
        """Return what all workers know of a helpdesk, which is named by its definition's key."""
        item = self.table.get((key[0], "HEALTH")) or {}
        return Health(int(item.get("open_until", 0)), int(item.get("recovering_until", 0)))

    def failed(self, helpdesk: str, error: TemporaryError) -> None:
        """Count a failure; after some in a row, or when it named a time, all workers leave it alone."""
        now = seconds(self.clock())
        if error.after is None and now < self._open.get(helpdesk, 0):
            return  # begun before all was stopped: ten calls side by side are not ten failures in a row
        failures = self._failures[helpdesk] = self._failures.get(helpdesk, 0) + 1
        if error.after is None and failures < PATIENCE:
            return
        pause = error.after if error.after is not None else min(2 ** (failures - PATIENCE + 1), LONGEST)
        until = math.ceil(self.clock().timestamp() + max(pause, 1))
        until = self._open[helpdesk] = max(until, self.health(helpdesk_key(helpdesk)).open_until)
        known = {"open_until": until, "recovering_until": until + RECOVERY, "failures": failures}
        self.table.update(Update((helpdesk_key(helpdesk)[0], "HEALTH"), set=known))
        self._health.forget(helpdesk)

    def worked(self, helpdesk: str) -> None:
        """Note that the helpdesk answered."""
        self._failures.pop(helpdesk, None)

    def counted(self, helpdesk: str, header: str, http: Transport) -> Transport:
        """Return the transport that reads from each answer how many requests the helpdesk allows a minute."""

        def ask(call: Call) -> Answer:
            answer = http(call)
            if COUNT.fullmatch(answer.headers.get(header, "")):
                self._allowed[helpdesk] = int(answer.headers[header])
            return answer

        if not header:
            return http
        self._allowed.setdefault(helpdesk, UNTOLD)
        return ask

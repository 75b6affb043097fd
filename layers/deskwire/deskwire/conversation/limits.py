"""Limit what all workers together ask of a neighbour: concurrent calls, and requests in a span of time.

Only a neighbour that declares a limit costs a write: see docs/decisions/0043-calls-at-once.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from deskwire.contracts.terms import Pace
from deskwire.model.errors import TemporaryError
from deskwire.ports import AtMost, Clock, Conflict, Equals, Item, Key, Table, Update, When
from deskwire.timing import PLACE_SECONDS

from .table import DAY, seconds

WAIT = 2.0  # seconds for which a thread waits for another call of its container to end
AGAIN = 5  # seconds after which a place may be free
RACES = 3  # tries, if other workers change the same count


class LeftAlone(TemporaryError):  # noqa: N818 - an answer, not an error
    """The neighbour was not asked: the request certainly had no effect."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all neighbours, each named by the partition key of its definition."""

    table: Table
    clock: Clock
    _at_once: dict[str, int] = field(init=False, default_factory=dict)
    _paces: dict[str, Pace] = field(init=False, default_factory=dict)
    _here: dict[tuple[str, int], threading.Semaphore] = field(init=False, default_factory=dict)
    _counted: dict[Key, Item] = field(init=False, default_factory=dict)  # the counts as this worker last read them

    def declare(self, neighbour: str, at_once: int, pace: Pace | None = None) -> None:
        """Set how many concurrent calls a neighbour takes (0: any number), and the pace of its requests."""
        self._at_once[neighbour] = at_once
        if pace is not None:
            self._paces[neighbour] = pace

    def take(self, neighbour: str) -> Callable[[], None]:
        """Take one of the neighbour's places for a call, and return the function that gives it back.

        A place is a lease: if its worker dies, it is free again after `PLACE_SECONDS`. Raises `LeftAlone` if all places
        are taken.
        """
        most = self._at_once.get(neighbour, 0)
        if not most:
            return lambda: None
        here = self._here.setdefault((neighbour, most), threading.Semaphore(most))
        if not here.acquire(timeout=WAIT):
            raise _busy(neighbour, most)
        try:
            place, until = self._taken(neighbour, most)
        except BaseException:
            here.release()
            raise

        def give_back() -> None:
            try:
                with suppress(Conflict, TemporaryError):  # the lease ends by itself
                    self.table.update(Update((neighbour, "PLACES"), remove=[place], when=[(place, Equals(until))]))
            finally:
                here.release()

        return give_back

    def _taken(self, neighbour: str, most: int) -> tuple[str, int]:
        """Take a free place; return its name and until when the lease lasts (Unix seconds)."""
        now = seconds(self.clock())
        until, free = now + PLACE_SECONDS, [f"place_{number}" for number in range(most)]
        while free:
            place = free[0]
            taken = Update((neighbour, "PLACES"), set={place: until, "expires": now + DAY}, when=[(place, AtMost(now))])
            try:
                self.table.update(taken)
            except Conflict as conflict:
                known = conflict.item or {}
                free = [each for each in free[1:] if known.get(each, 0) <= now]
            else:
                return place, until
        raise _busy(neighbour, most)

    def spend(self, neighbour: str, count: int, pace: Pace | None = None) -> None:
        """Count `count` requests against a pace, by default the declared one. Raises `LeftAlone` if they exceed it.

        A new span begins with the first request after the previous span's end.
        """
        pace = pace or self._paces.get(neighbour)
        if pace is None or not count:
            return
        key, now = (neighbour, f"PACE#{pace.name}"), seconds(self.clock())
        for _ in range(RACES):
            known = self._counted.get(key, {})
            left = int(known.get("began", 0)) + int(pace.span.total_seconds()) - now
            if left > 0 and int(known.get("asked", 0)) + count > pace.most:
                raise LeftAlone(f"{neighbour} takes {pace.most} {pace.name} in {pace.span}, no more now", after=left)
            try:
                self._counted[key] = self.table.update(_counting(key, known if left > 0 else None, pace, count, now))
            except Conflict as conflict:  # another worker has counted, or begun a span
                self._counted[key] = conflict.item or {}
            else:
                return
        raise LeftAlone(f"others count the {pace.name} of {neighbour} at this moment", after=1)


def _counting(key: Key, known: Item | None, pace: Pace, count: int, now: int) -> Update:
    """Return the write that counts in the running span, or begins one if `known` is None."""
    span = int(pace.span.total_seconds())
    if known is None:
        began = {"began": now, "asked": count, "expires": now + span + DAY}
        return Update(key, set=began, when=[("began", AtMost(now - span))])
    fits: When = [("began", Equals(known["began"])), ("asked", AtMost(pace.most - count))]
    return Update(key, add={"asked": count}, when=fits)


def _busy(neighbour: str, most: int) -> LeftAlone:
    return LeftAlone(f"{neighbour} takes {most} calls at once, and all are being made", after=AGAIN)

"""The misfortunes that a person can switch on: what the neighbours do then is their own, as documented."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from deskwire import registry
from sandbox.neighbours.neighbour import Fault, Neighbour, broken, cut_after, later, revoked, slow

if TYPE_CHECKING:
    from sandbox.neighbours.platform import Platform
    from sandbox.northwind.company import Company

SECONDS = 4.0  # that a slow neighbour takes
WEEKS = timedelta(days=15).total_seconds()  # after which every platform's window is over
HOLD = 3.0  # seconds that the helpdesk takes while a worker is killed: long enough to be in the middle of a turn
Order = tuple[Neighbour, Fault, str, str]  # whom to order what for, for requests of a method and a path


@dataclass(frozen=True, slots=True)
class Switch:
    """A misfortune: its name, what to expect, and the faults to order. `real` says why it cannot be had."""

    id: str
    title: str
    hint: str
    orders: Callable[[], Iterator[Order]]
    real: str = ""


class Switches:
    """Switches them on and off. A person's faults come last, so that whoever ordered some before keeps them."""

    def __init__(self, company: Company) -> None:
        """Find what can go wrong here."""
        self._company = company
        self._ordered: dict[str, list[tuple[Neighbour, Fault]]] = {}
        self._lock = threading.Lock()
        self._killed = 0
        real = "" if company.desk.player else "the helpdesk is a real one"
        self.all = (
            Switch("desk-down", "Helpdesk down", "It answers 503. What comes waits, in order.", self._down, real),
            Switch(
                "desk-token", "Helpdesk token dead", "It answers as to a stranger. Messages wait for you.",
                self._desk_token, real,
            ),
            Switch("slow", "Platforms slow", f"Each of their answers takes {SECONDS:.0f} seconds.", self._slow),
            Switch(
                "lost", "Answers lost", "What is sent arrives; the platform's answer does not. Never sent twice.",
                self._lost,
            ),
            Switch(
                "window", "Reply window over", "For platforms that have one, the customer wrote two weeks ago.",
                self._window,
            ),
            Switch("token", "Platform tokens dead", "They refuse what the company sends.", self._token),
            Switch(
                "worker", "Kill a worker", "The next turn's worker dies in the middle. Another one follows it.",
                self._worker,
            ),
        )  # fmt: skip

    def on(self, name: str) -> bool:
        """Return whether a misfortune is on."""
        return name in self._ordered

    def turn(self, name: str, *, on: bool) -> None:
        """Switch one on or off. Raises `LookupError` for one that is not there."""
        switch = next((each for each in self.all if each.id == name), None)
        if switch is None or switch.real:
            raise LookupError(f"there is no misfortune “{name}” here")
        with self._lock:
            for neighbour, fault in self._ordered.pop(name, []):
                neighbour.faults.remove(fault)
            if not on:
                return
            if name == "worker":
                self._killed = self._company.stack.killed().total()
            ordered = self._ordered[name] = []
            for neighbour, fault, method, path in switch.orders():
                neighbour.faults.add(fault, method=method, path=path)
                ordered.append((neighbour, fault))

    def taken(self) -> None:
        """Hear that a worker has taken a conversation: kill it, where that is switched on."""
        if self.on("worker"):
            self._company.stack.kill(self._company.stack.deployed.converse)

    def died(self) -> bool:
        """Return whether the worker that was to die has died, once; then switch it off."""
        if not self.on("worker") or self._company.stack.killed().total() == self._killed:
            return False
        self.turn("worker", on=False)
        return True

    # ------------------------------------------------------------------------------------------ what is ordered

    def _desk(self, fault: Fault) -> Iterator[Order]:
        if self._company.desk.player is not None:
            yield self._company.desk.player, fault, "", ""

    def _everywhere(self, fault: Fault) -> Iterator[Order]:
        for each in self._company.platforms.values():
            yield each.player, fault, "", ""

    def _sends(self, fault: Fault, *, windows: bool = False) -> Iterator[Order]:
        for each in self._company.platforms.values():
            for method, path in each.sends if not windows or _has_windows(each) else ():
                yield each.player, fault, method, path

    def _down(self) -> Iterator[Order]:
        return self._desk(broken(503))

    def _desk_token(self) -> Iterator[Order]:
        return self._desk(revoked())

    def _slow(self) -> Iterator[Order]:
        return self._everywhere(slow(SECONDS))

    def _lost(self) -> Iterator[Order]:
        return self._sends(cut_after())

    def _window(self) -> Iterator[Order]:
        return self._sends(later(WEEKS), windows=True)

    def _token(self) -> Iterator[Order]:
        return self._everywhere(revoked())

    def _worker(self) -> Iterator[Order]:
        return self._desk(slow(HOLD))


def _has_windows(platform: Platform) -> bool:
    """Return whether what is sent privately on one of its channels has to be sent within a span."""
    terms = [registry.channel(name).terms for name in platform.channels]
    rules = [rules for each in terms for rules in each.places.values()]
    return any(window.span.value is not None for each in rules for window in each.windows)

"""The script of a soak: thousands of messages over all channels, in conversations as long as people's are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sandbox.northwind.company import Company
from sandbox.northwind.misfortunes import Misfortunes
from sandbox.northwind.notes import Happening
from sandbox.northwind.script import Script

FASTEST = 14.0  # messages a second
SHORTEST = 25.0  # seconds, for a few messages as well
LATE = 1.5  # real seconds by which deliveries may leave late before nobody writes for a while
FEW = 1000  # messages below which a run does not wait for the latest repetitions
MUCH = 200  # messages open, likewise, unless the helpdesk is down: then people write all the same


class Traffic(Script):
    """Plays it: `messages` of customers, as fast as the machine takes them."""

    repeats = 0.2
    after: tuple[float, ...] = (0.0, 0.0, 60.0, 400.0, 1200.0)
    patience = 3600

    def __init__(self, company: Company, misfortunes: Misfortunes | None = None, *, messages: int, seed: int) -> None:
        """Take the company as it runs."""
        super().__init__(company, seed=seed)
        self.misfortunes = misfortunes
        self.messages = messages
        self.written = 0
        self._allowed, self._last = 0.0, time.monotonic()  # messages that may be written now, as of when
        self._open: dict[str, tuple[float, Happening]] = {}  # since when (a late one was written earlier), what
        self._pace = min(FASTEST, messages / SHORTEST)
        self.pauses = min(1.0, max(0.1, messages / 2000))  # a short run has shorter ones
        if messages < FEW:
            self.after = self.after[:-1]
        self._weights = [scene.soak for scene in self.scenes]
        self.beside: list[Callable[[float], object]] = []  # called at each look with the part that is written

    def play(self, tick: Callable[[float], None]) -> None:
        """Play the whole script; `tick` is called several times a second with the part that is done."""
        self._started = time.monotonic()
        while self._agenda or self.written < self.messages:
            self.look()
            tick(min(0.99, self.written / self.messages))
            self._some()
            time.sleep(0.05)

    def look(self) -> None:
        """See what was filed, and let go wrong what is to go wrong now."""
        self.read()
        waiting = self.waiting()
        if self.misfortunes is not None:
            self.misfortunes.move(self.written / self.messages, waiting)
        for move in self.beside:
            move(self.written / self.messages)

    def waiting(self) -> set[str]:
        """Return the markers of messages that are in no ticket yet, and belong there."""
        for marker in [marker for marker, (_, each) in self._open.items() if marker in self.where or not each.shown]:
            del self._open[marker]
        return set(self._open)

    def told(self) -> str:
        """Say how it stands."""
        open_ = len(self._open)
        worst = time.monotonic() - next(iter(self._open.values()))[0] if self._open else 0.0
        now = self.misfortunes.now if self.misfortunes else None
        trouble = f"; the helpdesk is {now.name}" if now else ""
        return f"{self.written} sent, {self.written - open_} filed, {open_} open, oldest {worst:.0f} s{trouble}"

    def _some(self) -> None:
        """Do what is due, and begin conversations, while the machine keeps up."""
        now = time.monotonic()
        self._allowed = min(self._allowed + (now - self._last) * self._pace, self._pace)
        self._last = now
        down = self.misfortunes is not None and self.misfortunes.down
        while self.company.sender.behind() / self.company.speed < LATE:
            if self._agenda and not self._do_next():
                continue
            enough = self._allowed < 1 or (not down and len(self._open) > MUCH)
            if enough or self.written + self.planned >= self.messages:
                return
            self.random.choices(self.scenes, self._weights)[0].play()

    def happened(self, *args: Any, **more: Any) -> Happening:
        """Write down what happened, and count what belongs into a ticket."""
        happening = super().happened(*args, **more)
        if happening.files:
            self.written += 1
            self._allowed -= 1
            if happening.marker:
                self._open[happening.marker] = (time.monotonic(), happening)
        return happening

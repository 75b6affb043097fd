"""The script of a flood: one channel is written to at many times its usual rate, and the others as always."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.helpdesks.zendesk.books import ZendeskDesk
from sandbox.northwind.books import Books, Promise, median_and_p95
from sandbox.northwind.company import Company
from sandbox.northwind.scenes import Way
from sandbox.northwind.traffic import Traffic

USUAL = 0.8  # messages a second over all channels
BUSIEST = 0.4  # of them, on the channel that is flooded
QUIET = 120.0  # seconds in which everybody writes as usual
ROOM = 1.5  # times what the helpdesk was asked in the quiet minutes is what it then takes
LEAST = 60  # requests a minute, however little was asked
GOES_ON = 0.5  # of the messages, in a conversation that was begun
SLOWER, SECONDS = 3.0, 30.0  # how much longer p95 may be on another channel: so many times, or so many seconds


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long the messages of one channel waited for their ticket (seconds): in quiet times, and in the flood."""

    channel: str
    quiet: list[float]
    flooded: list[float]

    @property
    def bound(self) -> float:
        """What p95 may be while another channel is flooded."""
        return max(SLOWER * median_and_p95(self.quiet)[1], median_and_p95(self.quiet)[1] + SECONDS)


class Flood(Traffic):
    """Plays it: `QUIET` seconds as usual, then as long with `channel` at `rate` times its usual rate."""

    def __init__(self, company: Company, *, channel: str, rate: float, seed: int, seconds: float = QUIET) -> None:
        """Take the company as it runs. Raises `ValueError` for a channel on which no customer writes."""
        super().__init__(company, messages=0, seed=seed)
        if not isinstance(company.desk, ZendeskDesk):
            raise TypeError("the flood needs the played Zendesk: only that has a rate limit to set")
        self.zendesk = company.desk.zendesk
        self.channel, self.rate, self.seconds = channel, rate, seconds
        self.began: datetime | None = None  # the flood
        self._ways: dict[str, list[Way]] = defaultdict(list)
        for way in self.ways:
            self._ways[way.channel].append(way)
        if channel not in self._ways:
            raise ValueError(f"nobody writes on {channel!r}: choose one of {', '.join(sorted(self._ways))}")
        rules = company.configuration()["connections"].values()
        self._accounts = {name: [rule["account"] for rule in rules if rule["channel"] == name] for name in self._ways}
        others = len(self._ways) - 1
        self._rates = dict.fromkeys(self._ways, USUAL * (1 - BUSIEST) / others) | {channel: USUAL * BUSIEST}
        self._owed = dict.fromkeys(self._ways, 0.0)
        self._going_on: dict[str, list[Callable[[], object]]] = defaultdict(list)

    def play(self, tick: Callable[[float], None]) -> None:
        """Play the whole script; `tick` is called several times a second with the part that is done."""
        self._started = self._last = time.monotonic()
        while (passed := time.monotonic() - self._started) < 2 * self.seconds:
            if self.began is None and passed >= self.seconds:
                self._overflow()
            self.look()
            tick(min(0.99, passed / (2 * self.seconds)))
            self._write()
            time.sleep(0.05)
        while self._agenda:  # agents' last answers
            self.look()
            self._do_next()
            time.sleep(0.05)

    def told(self) -> str:
        """Say how it stands."""
        return super().told() + (f"; {self.channel} is flooded" if self.began else "")

    def _overflow(self) -> None:
        """Begin the flood, with a helpdesk that takes little more than what is usual."""
        asked = sum(each.asked.path.startswith("/api/") for each in self.zendesk.books.entries())
        self.zendesk.requests_per_minute = max(LEAST, int(ROOM * asked * 60 / self.seconds))
        self._rates[self.channel] *= self.rate
        self.began = datetime.now(UTC)

    def _write(self) -> None:
        """Write what is owed on each channel, and do what is due."""
        now = time.monotonic()
        for name, rate in self._rates.items():
            self._owed[name] += (now - self._last) * rate * self.random.uniform(0.5, 1.5)
            while self._owed[name] >= 1:
                self._owed[name] -= 1
                self._one(name)
        self._last = now
        while self._agenda and not self._do_next():
            pass

    def _one(self, channel: str) -> None:
        """Write one message, in a conversation that was begun or in a new one; an agent answers some."""
        going_on = self._going_on[channel]
        if going_on and self.random.random() < GOES_ON:
            self.random.choice(going_on[-20:])()
            return
        talk, goes_on = self.random.choice(self._ways[channel]).begin(self.random.choice(self._accounts[channel]))
        going_on.append(goes_on)
        if self.random.random() < 0.2:
            self.answer_later(talk)

    def waits(self, books: Books) -> Iterator[Waiting]:
        """Yield how long each channel's messages waited, from the books of the senders and of the helpdesk."""
        found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in self._ways}
        for happening, came, seconds in books.filed():
            flooded = self.began is not None and came >= self.began
            found[happening.channel][flooded].append(seconds)
        for name, (quiet, flooded_) in sorted(found.items()):
            yield Waiting(name, quiet, flooded_)

    def fair(self, books: Books) -> Promise:
        """Return what was promised of the other channels."""
        promise = Promise(f"No channel starves another: {self.channel} at {self.rate:g} times its usual rate")
        for each in self.waits(books):
            if each.channel == self.channel:
                continue
            promise.checked += len(each.flooded)
            p95 = median_and_p95(each.flooded)[1]
            if not each.quiet or not each.flooded:
                promise.broken.append(f"{each.channel}: nobody wrote there")
            elif p95 > each.bound:
                promise.broken.append(f"{each.channel}: p95 {p95:.1f} s, {each.bound:.1f} s would be fair")
        return promise

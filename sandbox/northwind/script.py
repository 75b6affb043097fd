"""A script of what happens at Northwind: an agenda, what is written down as it happens, what the agents answer.

Everything is written down in `Notes` under the platforms' own ids; nothing is asked of Deskwire. What customers do lies
in the platforms' folders (`scenes`); `morning` and `soak` say when, and what goes wrong meanwhile.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox import helpdesks, platforms
from sandbox.neighbours.platform import found
from sandbox.neighbours.sender import Delivery, State
from sandbox.northwind.company import Company
from sandbox.northwind.notes import EARLIER, MARKER, Answer, Happening, Notes, Step, Talk
from sandbox.northwind.scenes import Scene, Scenes, Way
from sandbox.northwind.words import NAMES, sentences

LOOK = 0.8  # seconds between two looks at the helpdesk


class Script:
    """One run. The same seed gives the same one, but for the times."""

    repeats = (
        0.12  # of the deliveries come once more, after so many of the platform's seconds; the queue forgets in 300
    )
    after: tuple[float, ...] = (0.0, 0.0, 60.0, 400.0)
    patience = 150  # seconds that an agent waits for a ticket
    first = 10001  # of the numbers that occur nowhere else

    def __init__(self, company: Company, *, seed: int = 1) -> None:
        """Take the company as it runs."""
        self.company = company
        self.notes = Notes()
        self.where: dict[str, str] = {}  # the ticket in which a marker stands
        self.random = random.Random(seed)
        self.numbers = itertools.count(self.first)
        self._answers = itertools.count(101)
        self._words = sentences(self.random)
        self.names = self.called()
        self._agenda: list[tuple[float, int, Step]] = []
        self._order = itertools.count()
        self._started = time.monotonic()
        self._looked, self._read = 0.0, 0
        self._lock = threading.Lock()
        self.pauses = 1.0  # how long people's pauses are in `turns`
        self.planned = 0  # messages that people in `turns` will write yet
        kinds = [kind for name, kind in found(platforms, "scenes", Scenes).items() if name in company.platforms]
        kinds += [kind for name, kind in found(helpdesks, "scenes", Scenes).items() if name == company.helpdesk]
        played = [kind(self) for kind in kinds]
        self.scenes: list[Scene] = [each for one in played for each in one.scenes()]
        self.ways: list[Way] = [each for one in played for each in one.ways()]

    # ------------------------------------------------------------------------------------------ the agenda

    def _at(self, seconds: float, step: Step) -> None:
        heapq.heappush(self._agenda, (seconds, next(self._order), step))

    def later(self, seconds: float, step: Step) -> None:
        self._at(time.monotonic() - self._started + seconds, step)

    def _do_next(self) -> float:
        """Do the next step when its time has come and return 0; else the seconds until then."""
        wait = self._agenda[0][0] - (time.monotonic() - self._started)
        if wait > 0:
            return wait
        heapq.heappop(self._agenda)[2]()
        return 0.0

    # ------------------------------------------------------------------------------------------ writing down

    def called(self) -> Iterator[str]:
        """Yield customers' names for ever."""
        return itertools.cycle(NAMES)

    def marked(self, kind: str = "any") -> tuple[str, str]:
        """Return a customer's words and the number in them that occurs nowhere else."""
        marker = f"NW-{next(self.numbers)}"
        return next(self._words).format(marker) if kind == "any" else kind.format(marker), marker

    def talk(self, channel: str, account: str, thread: str, place: str, *, ack: bool, why: str = "") -> Talk:
        talk = Talk(channel, account, thread, place, ack, why)
        self.notes.talks.append(talk)
        return talk

    def happened(
        self, talk: Talk | None, object_id: str, verb: str = "add", text: str = "", marker: str = "", **more: Any
    ) -> Happening:
        channel = more.pop("channel", talk.channel if talk else "")
        account = more.pop("account", talk.account if talk else "")
        happening = Happening(channel, account, object_id, verb, talk, self.company.clock.now(), text, marker, **more)
        with self._lock:
            self.notes.happenings.append(happening)
            if talk is not None:
                talk.said.append(happening)
        return happening

    def send(self, route: str, fragment: Any, *told: Happening, alone: bool = True) -> int:
        sender, to = self.company.sender, self.company.routes[route]
        number = sender.together(to, [fragment]) if alone else sender.deliver(to, fragment)
        for each in told:
            each.deliveries.append(number)
        if self.random.random() < self.repeats:
            self.again(number, told)
        return number

    def again(self, number: int, told: Sequence[Happening]) -> None:
        """Let the platform send it once more: at once, seconds later, or when the queue has forgotten it."""
        after = self.random.choice(self.after)
        self.notes.repeated[after] += 1

        def repeat() -> None:
            again = self.company.sender.repeat(number, after=after)
            for each in told:
                each.deliveries.append(again)

        self.later(0.1, repeat)

    # ------------------------------------------------------------------------------------------ the agents

    def when(self, seen: Callable[[], bool], step: Step, tries: int | None = None) -> None:
        """Do something once it is seen, which is looked for every second; never, where it does not come in time.

        A slow machine, or a helpdesk that takes long, keeps away what a person would wait for: an acknowledgement that
        is too late is not sent. The books say what was owed.
        """
        left = self.patience if tries is None else tries

        def look() -> None:
            if seen():
                step()
            elif left:
                self.when(seen, step, left - 1)
            else:
                self.notes.unplayed[named(step)] += 1

        self.later(1.0, look)

    def when_filed(self, talk: Talk, step: Step, tries: int | None = None, *, of: Happening | None = None) -> None:
        """Do something once a message (the first, by default) stands in a ticket."""

        def filed() -> bool:
            self.read()
            wanted = of or talk.first
            talk.ticket = self.where.get(wanted.marker, "") if wanted is not None else ""
            return bool(talk.ticket)

        self.when(filed, step, tries)

    def read(self) -> None:
        """Read what was written into tickets since the last look, unless that was just now."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        found, self._read = self.company.desk.since(self._read)
        for ticket, words in found:
            for marker in MARKER.findall(words) if EARLIER not in words else ():
                self.where.setdefault(marker, ticket)

    def answer_later(self, talk: Talk) -> None:
        self.later(2.0, lambda: self.when_filed(talk, lambda: self.answer(talk)))

    def answer(
        self, talk: Talk, *, private: str = "", moved: bool = False, reaches: bool = True, noted: bool = False
    ) -> None:
        """Let an agent note something and answer; `private` is where the answer is to arrive, `moved` by itself."""
        desk = self.company.desk
        if self.random.random() < 0.4:
            marker = f"NOTE-{next(self._answers)}"
            text = f"Look at the order first, {marker}."
            note = Answer(marker, text, talk, talk.place, reaches=False)
            note.comment = desk.reply(talk.ticket, text, public=False)
            self.notes.answers.append(note)
        marker = f"ANS-{next(self._answers)}"
        text = self.random.choice((
            f"Your parcel is on its way 🚚 ({marker}).", f"Pakkinn þinn er á leiðinni, {marker}.",
            f"طردك في الطريق، {marker}.", f"We sent a new one today: {marker} & sorry <again>!",
        ))  # fmt: skip
        answer = Answer(marker, text, talk, private or talk.place, reaches, noted)
        self.notes.answers.append(answer)
        talk.answers.append(answer)
        answer.at = datetime.now(UTC)
        answer.comment = desk.reply(talk.ticket, f"#private {text}" if private and not moved else text)

    def turns(self, talk: Talk, write: Step) -> None:
        """Let somebody go on writing, mostly a little and sometimes a lot, and let an agent answer half of them."""
        at = 0.0
        for _ in range(min(14, int(self.random.expovariate(1 / 3.5)))):
            pause = self.random.uniform(0.3, 1.5) if self.random.random() < 0.3 else self.random.uniform(2, 30)
            at += pause * self.pauses
            self.planned += 1

            def one() -> None:
                self.planned -= 1
                write()

            self.later(at, one)
        if self.random.random() < 0.5:
            self.answer_later(talk)
            if self.random.random() < 0.3:
                self.later(self.random.uniform(5, 40) * self.pauses, lambda: self.answer_later(talk))

    # ------------------------------------------------------------------------------------------ what is known after

    def delivered(self, happening: Happening) -> list[Delivery]:
        """Return the deliveries that told of it, as the sender's books have them, each once."""
        found = {}
        for number in happening.deliveries:
            delivery = self.company.sender.delivery(number)
            found[delivery.number] = delivery
        return list(found.values())

    def taken(self, happening: Happening) -> bool:
        """Tell whether a delivery that told of it was answered with 2xx."""
        return any(delivery.state is State.TAKEN for delivery in self.delivered(happening))


def named(step: Step) -> str:
    """Return the scene that a step is of, after the folder that it lies in."""
    folder, scene = step.__module__.split(".")[-2], getattr(step, "__qualname__", "a step").partition(".<locals>")[0]
    return f"{folder} {scene.rpartition('.')[2]}"

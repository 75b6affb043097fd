"""The script of a busy morning at Northwind: every platform's scenes, and the neighbours' bad moments."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sandbox.neighbours.neighbour import broken, cut_after, throttled
from sandbox.northwind.books import NEWS
from sandbox.northwind.company import Company
from sandbox.northwind.notes import Step
from sandbox.northwind.script import Script

SECONDS = 42.0  # of the script; what comes later by design (redeliveries, answers) takes some more
OUTAGE_SCENE = "outage"  # the one by which an incident opens
PATIENCE = 60.0  # seconds for the operator's words
TRIES = 8  # looks whether there is an incident
OUTAGE = 6.0  # seconds without a helpdesk


def tell_members(company: Company, tries: int = TRIES) -> None:
    """Tell the members of each incident, by `deskwire incident say`, as soon as one of so many looks finds one."""
    found: list[dict[str, str]] = []
    for _ in range(tries):
        if found := json.loads(company.command("incident", "--json", "list") or "[]"):
            break
        time.sleep(1)
    for incident in found:
        text = f"en=The app {NEWS}. We are sorry for the trouble."
        company.command("incident", "say", incident["incident"], "--text", text, "--yes", "--wait", "0")


class Morning(Script):
    """Plays it; `scale` makes the morning shorter for a test."""

    def __init__(self, company: Company, *, seed: int = 1, scale: float = 1.0) -> None:
        """Take the company as it runs."""
        super().__init__(company, seed=seed)
        self._scale = scale
        self._operator: threading.Thread | None = None

    def play(self, tick: Callable[[float], None]) -> None:
        """Play the whole script; `tick` is called several times a second with the part that is done."""
        scenes = self._in_order()
        span = SECONDS * self._scale
        for number, scene in enumerate(scenes):
            self._at(span * number / len(scenes), scene)
        if any(getattr(scene.play, "__name__", "") == OUTAGE_SCENE for scene in self.scenes):
            self._at(span * 0.75, self._say)
        self._started = time.monotonic()
        played, least = 0, len(self._agenda)
        while self._agenda:
            if wait := self._do_next():
                tick(min(0.99, played / max(least, played + len(self._agenda))))
                time.sleep(min(wait, 0.2))
            else:
                played += 1
        if self._operator is not None:
            self._operator.join(PATIENCE)

    def _in_order(self) -> list[Step]:
        """Return every scene in the order of this morning.

        The troubles begin it, so that they fall into it, and then what takes its time.
        """
        scenes = [*self._scenes()]
        self.random.shuffle(scenes)
        early = [self._troubles, *(scene.play for scene in self.scenes if scene.early)]
        return sorted(scenes, key=lambda scene: early.index(scene) if scene in early else len(early))

    def _scenes(self) -> Iterator[Step]:
        for scene in self.scenes:
            for _ in range(max(1, round(scene.morning * self._scale)) if scene.morning else 0):
                yield scene.play
        yield self._troubles

    def _say(self) -> None:
        """Let an operator tell everybody in the incidents what is new, by the command, while the morning goes on."""
        self._operator = threading.Thread(target=tell_members, args=(self.company,), daemon=True)
        self._operator.start()

    def _troubles(self) -> None:
        """The neighbours' bad moments: lost answers, refusals, and an outage of the helpdesk."""
        for platform in self.company.platforms.values():
            platform.lose_answers(times=2)
        desk, player = self.company.desk, self.company.desk.player
        if player is None:
            return

        def lost() -> None:
            for (method, path), times in ((desk.opens, 3), (desk.appends, 2)):
                player.faults.add(cut_after(), method=method, path=path, times=times)
            player.faults.add(throttled(2), times=4)

        def down() -> None:
            began = datetime.now(UTC)
            player.faults.add(broken(503))

            def up() -> None:
                player.faults.clear()
                self.notes.outages.append((began, datetime.now(UTC)))

            self.later(OUTAGE * self._scale, up)

        self.later(6 * self._scale, lost)
        self.later(18 * self._scale, down)

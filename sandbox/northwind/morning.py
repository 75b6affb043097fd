"""The script of a busy morning at Northwind: how much happens of what, and the neighbours' bad moments."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from sandbox.neighbours.neighbour import broken, cut_after, throttled
from sandbox.northwind.company import Company
from sandbox.northwind.notes import Step
from sandbox.northwind.scenes import Scenes

SECONDS = 42.0  # of the script; what comes later by design (redeliveries, answers) takes some more
OUTAGE = 6.0  # seconds without a helpdesk


class Morning(Scenes):
    """Plays it; `scale` makes the morning shorter for a test."""

    def __init__(self, company: Company, *, seed: int = 1, scale: float = 1.0) -> None:
        """Take the company as it runs."""
        super().__init__(company, seed=seed)
        self._scale = scale

    def play(self, tick: Callable[[float], None]) -> None:
        """Play the whole script; `tick` is called several times a second with the part that is done."""
        scenes = [*self._scenes()]
        self._random.shuffle(scenes)
        scenes.sort(key=lambda scene: scene is not self._troubles)
        span = SECONDS * self._scale
        for number, scene in enumerate(scenes):
            self._at(span * number / len(scenes), scene)
        self._started = time.monotonic()
        played, least = 0, len(self._agenda)
        while self._agenda:
            if wait := self._do_next():
                tick(min(0.99, played / max(least, played + len(self._agenda))))
                time.sleep(min(wait, 0.2))
            else:
                played += 1

    def _many(self, count: int) -> int:
        return max(1, round(count * self._scale))

    def _scenes(self) -> Iterator[Step]:
        for scene, count in (
            (self._chat, 26), (self._chat_closed, 12), (self._picture_talk, 5), (self._album, 3), (self._two_pages, 4),
            (self._opts_out, 4), (self._standby, 3), (self._edit_and_unsend, 4), (self._colleague_in_inbox, 3),
            (self._comment, 18), (self._comment_edited, 4), (self._comment_removed, 3), (self._visitor, 4),
            (self._recommendation, 5), (self._mention_elsewhere, 3), (self._private_answer, 3),
            (self._post, 14), (self._collapsed, 5), (self._direct, 8), (self._own_post, 3),
            (self._review, 12), (self._review_changed, 4), (self._form, 18), (self._form_twice, 4),
            (self._late, 2), (self._unreadable, 5), (self._partly_unreadable, 2), (self._blocked, 2),
            (self._nothing, 6),
        ):  # fmt: skip
            for _ in range(self._many(count)):
                yield scene
        for number in range(self._many(18)):
            yield partial(self._forged, number)
        yield self._stale_signal
        yield self._troubles

    def _troubles(self) -> None:
        """The neighbours' bad moments: lost answers, refusals, and an outage of the helpdesk."""
        meta, x = self.company.meta, self.company.x
        x.faults.add(cut_after(), method="POST", path="/2/tweets", times=1)
        meta.faults.add(cut_after(), method="POST", path="/{version}/{page}/messages", times=2)
        if self.company.desk.name != "zendesk":
            return
        zendesk = self.company.desk.zendesk  # type: ignore[attr-defined]

        def lost() -> None:
            zendesk.faults.add(cut_after(), method="POST", path="/api/v2/tickets.json", times=3)
            zendesk.faults.add(cut_after(), method="PUT", path="/api/v2/tickets/{ticket}.json", times=2)
            zendesk.faults.add(throttled(2), times=4)

        def down() -> None:
            began = datetime.now(UTC)
            zendesk.faults.add(broken(503))

            def up() -> None:
                zendesk.faults.clear()
                self.notes.outages.append((began, datetime.now(UTC)))

            self._later(OUTAGE * self._scale, up)

        self._later(6 * self._scale, lost)
        self._later(18 * self._scale, down)

"""The script of a soak: thousands of messages over all channels, in conversations as long as people's are."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from sandbox.northwind.company import Company
from sandbox.northwind.misfortunes import Misfortunes
from sandbox.northwind.notes import Happening, Step, Talk
from sandbox.northwind.scenes import OFFICES, Scenes

FASTEST = 14.0  # messages a second
SHORTEST = 25.0  # seconds, for a few messages as well
LATE = 1.5  # real seconds by which deliveries may leave late before nobody writes for a while
FEW = 1000  # messages below which a run does not wait for the latest repetitions
MUCH = 200  # messages open, likewise, unless the helpdesk is down: then people write all the same


class Traffic(Scenes):
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
        self._planned = 0
        self._allowed, self._last = 0.0, time.monotonic()  # messages that may be written now, as of when
        self._open: dict[str, tuple[float, Happening]] = {}  # since when (a late one was written earlier), what
        self._forgeries = itertools.count()
        self._pace = min(FASTEST, messages / SHORTEST)
        self._pauses = min(1.0, max(0.1, messages / 2000))  # a short run has shorter ones
        if messages < FEW:
            self.after = self.after[:-1]
        scenes = self._weights()
        self._scenes, self._weight = [*scenes], [*scenes.values()]

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
            if enough or self.written + self._planned >= self.messages:
                return
            self._random.choices(self._scenes, self._weight)[0]()

    def _happened(self, *args: Any, **more: Any) -> Happening:
        happening = super()._happened(*args, **more)
        if happening.files:
            self.written += 1
            self._allowed -= 1
            if happening.marker:
                self._open[happening.marker] = (time.monotonic(), happening)
        return happening

    # ------------------------------------------------------------------------------------------ conversations

    def _weights(self) -> dict[Step, float]:
        return {
            self._long_chat: 22, self._long_comments: 11, self._long_posts: 5, self._long_whispers: 7,
            self._picture_talk: 2, self._album: 1, self._two_pages: 2, self._opts_out: 1, self._standby: 1,
            self._edit_and_unsend: 4, self._colleague_in_inbox: 1, self._late: 1, self._blocked: 1,
            self._comment_edited: 3, self._comment_removed: 2, self._visitor: 4, self._recommendation: 4,
            self._mention_elsewhere: 2, self._private_answer: 2, self._post: 6, self._collapsed: 2,
            self._review: 8, self._review_changed: 3, self._form: 14, self._form_twice: 2,
            self._own_post: 1, self._nothing: 1, self._unreadable: 0.5, self._partly_unreadable: 0.5,
            self._any_forged: 1.5,
        }  # fmt: skip

    def _any_forged(self) -> None:
        self._forged(next(self._forgeries))

    def _turns(self, talk: Talk, write: Step) -> None:
        """Let somebody go on writing, mostly a little and sometimes a lot, and let an agent answer half of them."""
        at = 0.0
        for _ in range(min(14, int(self._random.expovariate(1 / 3.5)))):
            pause = self._random.uniform(0.3, 1.5) if self._random.random() < 0.3 else self._random.uniform(2, 30)
            at += pause * self._pauses
            self._planned += 1

            def one() -> None:
                self._planned -= 1
                write()

            self._later(at, one)
        if self._random.random() < 0.5:
            self._answer_later(talk)
            if self._random.random() < 0.3:
                self._later(self._random.uniform(5, 40) * self._pauses, lambda: self._answer_later(talk))

    def _long_chat(self) -> None:
        who, talk = self._messenger(self._random.choice(OFFICES))
        self._writes(who, talk)
        self._turns(talk, lambda: self._writes(who, talk))

    def _long_comments(self) -> None:
        entry, happening = self._commented(self._random.choice(OFFICES))
        self._send("meta", entry, happening)
        talk = happening.talk
        if talk is not None:
            self._turns(talk, lambda: self._comments_again(talk, happening.object_id))

    def _long_posts(self) -> None:
        who, talk, post = self._posted()
        self._turns(talk, lambda: self._posts_again(who, talk, post))

    def _long_whispers(self) -> None:
        who, talk = self._whispering()
        self._whispers(who, talk)
        self._turns(talk, lambda: self._whispers(who, talk))

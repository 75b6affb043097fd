"""What the figures know of a ticket: since when its customer waits, what they wrote, and what became of it.

A case is in the thread's item and changes in the turns that happen anyway. What watch is to count is written with the
outcome of the message by which it happened, so it is counted once. All of it counts in the hour in which the customer
wrote, as what the ticket was when it was opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

RETURNS = 72 * 3600  # seconds within which a ticket that is opened again was not resolved at the first contact


class Case(NamedTuple):
    """A ticket as it is counted. Times are whole seconds since 1970.

    `since`: when the message that opened it was delivered: the one clock of all channels. `answers` are those of
    agents, `solved_at` is 0 while it is not solved. `solved`, `reopened`: whether it ever was. `first`: it counts as
    resolved at the first contact.
    """

    since: int
    language: str = ""
    priority: str = "normal"
    kind: str = ""
    answers: int = 0
    solved_at: int = 0
    solved: bool = False
    reopened: bool = False
    first: bool = False

    def answered(self) -> Case:
        """Return the case after one more answer."""
        return self._replace(answers=self.answers + 1)

    def solve(self, at: int, *, confirmed: bool = False) -> tuple[Case, Mapping[str, int]]:
        """Return the case once it is solved, and what that counts. `confirmed`: the customer said that this was it."""
        if self.solved_at:
            return self, {}
        counts = {"resolved": max(0, at - self.since)}
        first = self.first
        if not self.solved:
            first = confirmed or self.answers == 1
            answered = bool(self.answers) or confirmed
            counts |= {"solved": 1, "first_contact": int(first), "unanswered": int(not answered)}
        return self._replace(solved_at=max(at, self.since), solved=True, first=first), counts

    def reopen(self, at: int) -> tuple[Case, Mapping[str, int]]:
        """Return the case once it is open again, and what that counts: it is not resolved any more."""
        if not self.solved_at:
            return self, {}
        back = self.first and at - self.solved_at <= RETURNS
        counts = {"unresolved": self.solved_at - self.since, "reopened": int(not self.reopened)}
        counts |= {"first_contact": -1} if back else {}
        return self._replace(solved_at=0, reopened=True, first=self.first and not back), counts

    def told(self, counts: Mapping[str, int]) -> str:
        """Return what is written for watch."""
        some = {name: number for name, number in counts.items() if number or name in TIMES}
        return json.dumps([self.since, self.language, self.priority, self.kind, some], separators=(",", ":"))


TIMES = frozenset({"resolved", "unresolved", "first_after"})  # what is a length of time, and counts one of it

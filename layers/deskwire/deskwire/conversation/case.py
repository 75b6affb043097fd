"""A ticket as the figures count it: since when the customer waits, how it was judged, and how it ended.

A case is part of the thread's item and changes in turns that happen anyway. What `watch` counts is written with the
outcome of the message that caused it, so it is counted once. It counts in the hour in which the customer wrote, under
the language, priority and kind that the ticket had when it was opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

RETURNS = 72 * 3600  # seconds: a ticket reopened within them was not resolved at first contact


class Case(NamedTuple):
    """A counted ticket. Times are whole seconds since 1970.

    `since`: when we received the message that opened it, as platforms' own clocks differ. `answers`: the number of
    agents' answers. `solved_at`: 0 while it is not solved. `solved`, `reopened`: whether it ever was. `first`: it
    counts as resolved at first contact.
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
        """Return the solved case and the counts to add. `confirmed`: the customer said yes to an automatic answer."""
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
        """Return the reopened case and the counts to add; they take back that it was resolved."""
        if not self.solved_at:
            return self, {}
        back = self.first and at - self.solved_at <= RETURNS
        counts = {"unresolved": self.solved_at - self.since, "reopened": int(not self.reopened)}
        counts |= {"first_contact": -1} if back else {}
        return self._replace(solved_at=0, reopened=True, first=self.first and not back), counts

    def encode(self, counts: Mapping[str, int]) -> str:
        """Return the case with these counts as JSON for `watch`."""
        some = {name: number for name, number in counts.items() if number or name in TIMES}
        return json.dumps([self.since, self.language, self.priority, self.kind, some], separators=(",", ":"))


TIMES = frozenset({"resolved", "unresolved", "first_after"})  # counts that are a duration in seconds; 0 is one, too

"""Read the figures that `watch` counted, and sum them by channel, connection, language, priority, kind, hour and day.

A ticket counts in the hour in which its customer wrote, so each share has the same tickets in its numerator and its
denominator. The figures hold no words of customers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deskwire.care import waits
from deskwire.conversation import figures
from deskwire.conversation.directory import connections_of
from deskwire.ports import Table

KEPT = timedelta(days=400)  # as long as watch keeps them
UNSURE = "unsure"  # a language that the judge could not tell
BENCHMARKS: tuple[tuple[int, str, str], ...] = (
    (60 * 60, "60 min", "what 42 % of those who complain in social media expect (Edison, The Social Habit, 2012)"),
    (7 * 3600 + 12 * 60, "7 h 12", "the usual answer, by the articles that Deskwire comes from (source not found)"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A connection whose figures are read."""

    stack: str
    name: str
    channel: str
    account: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Row:
    """The figures in one item: of an hour, and if `kind` is set, of similar tickets."""

    source: Source
    hour: datetime
    figures: Mapping[str, int]
    of_tickets: bool = False
    language: str = ""
    priority: str = ""
    kind: str = ""

    @property
    def local(self) -> datetime:
        """The hour in the company's time zone."""
        return self.hour.astimezone(ZoneInfo(self.source.zone))


@dataclass(frozen=True, slots=True)
class Summary:
    """The sum of rows. Times are in seconds; None if unknown."""

    received: Counter[str] = field(default_factory=Counter)  # what was counted in the hours themselves
    tickets: Counter[str] = field(default_factory=Counter)  # what became of the tickets of these hours

    def add(self, row: Row) -> None:
        """Add a row."""
        (self.tickets if row.of_tickets else self.received).update(row.figures)

    @property
    def first_answers(self) -> dict[int, int]:
        """The waits for a first answer, as counts by length."""
        return figures.by_length(self.tickets, "a")

    @property
    def resolutions(self) -> dict[int, int]:
        """The times until tickets were solved, as counts by length."""
        return figures.by_length(self.tickets, "r")

    @property
    def waiting(self) -> int:
        """The number of tickets that have no answer and were not solved without one."""
        return max(0, self.tickets["tickets"] - self.tickets["first_answers"] - self.tickets["unanswered"])

    def described(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        mine, answered = self.tickets, self.tickets["solved"] - self.tickets["unanswered"]
        rated = self.received if self.received["ratings"] else mine
        return {
            "messages": self.received["messages"],
            "tickets": mine["tickets"],
            "answered": mine["first_answers"],
            "waiting": self.waiting,
            "first_answer": _times(self.first_answers),
            "resolution": _times(self.resolutions),
            "solved": mine["solved"],
            "first_contact": _share(mine["first_contact"], answered),
            "interactions": _ratio(mine["messages"] + mine["answers"], mine["tickets"]),
            "reopened": _share(mine["reopened"], mine["solved"]),
            "csat": {
                "number": rated["ratings"],
                "mean": _ratio(rated["rating_points"], rated["ratings"]),
                "good": _share(rated["ratings_good"], rated["ratings"]),
            },
        }


BY: Mapping[str, Callable[[Row], str]] = {
    "stack": lambda row: row.source.stack,
    "channel": lambda row: row.source.channel,
    "connection": lambda row: row.source.name,
    "language": lambda row: row.language or UNSURE,
    "priority": lambda row: row.priority,
    "kind": lambda row: row.kind,
    "hour": lambda row: f"{row.local:%H}",
    "day": lambda row: f"{row.local:%Y-%m-%d}",
}
OF_TICKETS = frozenset({"language", "priority", "kind"})  # what is known of tickets, and not of an hour


def sources(table: Table, stack: str) -> list[Source]:
    """Return the configured connections."""
    return [
        Source(stack, each.name, each.channel, each.account, each.policy.hours.time_zone)
        for each in sorted(connections_of(table), key=lambda each: each.name)
    ]


def rows(table: Table, source: Source, since: datetime, until: datetime) -> Iterator[Row]:
    """Yield a connection's figures from the hour of `since` on."""
    for letter in "HC":
        for hour, alike, found in figures.read(
            table, figures.partition(source.channel, source.account), letter, since, until
        ):
            yield Row(source, hour, found, letter == "C", *alike)


def by(some: Iterable[Row], what: str) -> dict[str, Summary]:
    """Return the sums of rows by a common attribute, sorted by its names."""
    found: dict[str, Summary] = {}
    for row in some:
        if row.of_tickets or what not in OF_TICKETS:
            found.setdefault(BY[what](row), Summary()).add(row)
    return dict(sorted(found.items()))


def together(some: Iterable[Row]) -> Summary:
    """Return the sum of all rows."""
    total = Summary()
    for row in some:
        total.add(row)
    return total


def _times(counts: Mapping[int, int]) -> dict[str, int | None]:
    return {"number": sum(counts.values()), "median": waits.shown(counts, 0.5), "p90": waits.shown(counts, 0.9)}


def _share(some: int, of: int) -> float | None:
    return round(max(0, some) / of, 3) if of > 0 else None


def _ratio(some: int, of: int) -> float | None:
    return round(some / of, 2) if of > 0 else None


def within(counts: Mapping[int, int], limit: int) -> float | None:
    """Return the share of first answers within a time; a lower bound, as a bucket that reaches beyond is left out."""
    total = sum(counts.values())
    return _share(sum(count for number, count in counts.items() if waits.end(number) <= limit), total)

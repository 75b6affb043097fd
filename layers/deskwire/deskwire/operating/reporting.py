"""Reads what watch counted, and adds it up: by channel, connection, language, priority, kind, hour and day.

A ticket counts in the hour in which its customer wrote, so of a span each share has the same tickets above and below
its line. Nothing here holds a word of a customer: the figures have none.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deskwire.care import waits
from deskwire.configuration import INDEX_KEY, Connection
from deskwire.model.keys import compose
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
    """What one item of the figures holds: of an hour, and of tickets that are alike where `kind` is given."""

    source: Source
    hour: datetime
    figures: Mapping[str, int]
    of_tickets: bool = False
    language: str = ""
    priority: str = ""
    kind: str = ""

    @property
    def local(self) -> datetime:
        """The hour, by the company's clock."""
        return self.hour.astimezone(ZoneInfo(self.source.zone))


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows added up. Times are in seconds; None where nothing is known."""

    received: Counter[str] = field(default_factory=Counter)  # what was counted in the hours themselves
    tickets: Counter[str] = field(default_factory=Counter)  # what became of the tickets of these hours

    def add(self, row: Row) -> None:
        """Add a row."""
        (self.tickets if row.of_tickets else self.received).update(row.figures)

    @property
    def first_answers(self) -> dict[int, int]:
        """The waits for a first answer, as counts by length."""
        return _counts(self.tickets, "a")

    @property
    def resolutions(self) -> dict[int, int]:
        """The times until tickets were solved, as counts by length."""
        return _counts(self.tickets, "r")

    @property
    def waiting(self) -> int:
        """How many tickets have no answer, and were not solved without one."""
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
    """Return the connections that are configured."""
    index = table.get(INDEX_KEY) or {}
    found = [table.get((pk, sk)) for pk, sk in index.get("keys", ()) if sk == "CONNECTION"]
    definitions = [Connection.read(each["definition"]) for each in found if each is not None]
    return [
        Source(stack, each.name, each.channel, each.account, each.policy.hours.time_zone)
        for each in sorted(definitions, key=lambda each: each.name)
    ]


def rows(table: Table, source: Source, since: datetime, until: datetime) -> Iterator[Row]:
    """Yield what was counted of a connection from the hour of `since` on."""
    pk, first = f"F#{compose(source.channel, source.account)}", since.replace(minute=0, second=0, microsecond=0)
    for prefix in prefixes(since.astimezone(UTC).date(), until.astimezone(UTC).date()):
        for letter in "HC":
            for item in table.query(pk, f"{letter}#{prefix}"):
                row = _row(source, item)
                if first <= row.hour <= until:
                    yield row


def prefixes(first: date, last: date) -> Iterator[str]:
    """Yield the beginnings of days that hold all of these days and few others: few reads for a long span."""
    day = first
    while day <= last:
        month_end = day.replace(day=monthrange(day.year, day.month)[1])
        ten_end = min(day + timedelta(days=9 - day.day % 10), month_end)
        if day.day == 1 and last >= month_end:
            text, end = f"{day:%Y-%m}", month_end
        elif day.day % 10 in {0, 1} and last >= ten_end:
            text, end = f"{day:%Y-%m-%d}"[:9], ten_end
        else:
            text, end = f"{day:%Y-%m-%d}", day
        yield text
        day = end + timedelta(days=1)


def by(some: Iterable[Row], what: str) -> dict[str, Summary]:
    """Return the rows added up by what they have in common, in the order of its names."""
    found: dict[str, Summary] = {}
    for row in some:
        if row.of_tickets or what not in OF_TICKETS:
            found.setdefault(BY[what](row), Summary()).add(row)
    return dict(sorted(found.items()))


def together(some: Iterable[Row]) -> Summary:
    """Return all rows added up."""
    total = Summary()
    for row in some:
        total.add(row)
    return total


def _row(source: Source, item: Mapping[str, Any]) -> Row:
    letter, hour, *alike = item["sk"].split("#")
    figures = {name: number for name, number in item.items() if name not in {"pk", "sk", "expires"}}
    return Row(source, datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC), figures, letter == "C", *alike)


def _counts(figures: Mapping[str, int], letter: str) -> dict[int, int]:
    """Return the counts by length among the figures: `a17`, `r03`. What was taken back adds up to nothing."""
    found = {int(name[1:]): number for name, number in figures.items() if name[0] == letter and name[1:].isdecimal()}
    return {number: count for number, count in found.items() if count > 0}


def _times(counts: Mapping[int, int]) -> dict[str, int | None]:
    return {"number": sum(counts.values()), "median": waits.shown(counts, 0.5), "p90": waits.shown(counts, 0.9)}


def _share(some: int, of: int) -> float | None:
    return round(max(0, some) / of, 3) if of > 0 else None


def _ratio(some: int, of: int) -> float | None:
    return round(some / of, 2) if of > 0 else None


def within(counts: Mapping[int, int], limit: int) -> float | None:
    """Return which share of first answers came within a time, at least: a bucket that reaches beyond is left out."""
    total = sum(counts.values())
    return _share(sum(count for number, count in counts.items() if waits.end(number) <= limit), total)

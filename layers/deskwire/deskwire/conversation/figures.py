"""Read a connection's figures, kept by `watch`: by hour (`H#…`), and of its tickets (`C#…`).

A ticket is counted in the hour in which its customer wrote, together with those of the same language, priority and
kind.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from deskwire.care.clocks import UNHURRIED
from deskwire.care.usual import Waited
from deskwire.model.keys import compose
from deskwire.ports import Key, Table

from .table import seconds

NO_FIGURES = frozenset({"pk", "sk", "expires"})


def partition(channel: str, account: str) -> str:
    """Return the partition key of an account's figures."""
    return f"F#{compose(channel, account)}"


def hour_of(at: datetime) -> str:
    """Return the name of an hour in UTC, as `2026-11-21T08`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"


def waits_item(channel: str, account: str) -> Key:
    """Return the key of an account's usual waits."""
    return (partition(channel, account), "WAITS")


def read(
    table: Table, pk: str, letter: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, list[str], dict[str, int]]]:
    """Yield (hour, its tickets' common attributes, figures) from the hour of `since` on; `letter`: `H` or `C`."""
    first = since.replace(minute=0, second=0, microsecond=0)
    for prefix in prefixes(since.astimezone(UTC).date(), until.astimezone(UTC).date()):
        for item in table.query(pk, f"{letter}#{prefix}"):
            _, stamp, *alike = item["sk"].split("#")
            hour = datetime.strptime(stamp, "%Y-%m-%dT%H").replace(tzinfo=UTC)
            if first <= hour <= until:
                yield hour, alike, {name: number for name, number in item.items() if name not in NO_FIGURES}


def prefixes(first: date, last: date) -> Iterator[str]:
    """Yield prefixes of dates (month, ten days, day) that cover these days with few queries."""
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


def waited(table: Table, channel: str, account: str, first: datetime, last: datetime) -> Iterator[Waited]:
    """Yield for each hour how long an account's customers waited, of those who needed an answer."""
    for hour, (language, _, kind), figures in read(table, partition(channel, account), "C", first, last):
        if kind not in UNHURRIED:
            answered = by_length(figures, "a")
            waiting = figures.get("tickets", 0) - figures.get("unanswered", 0)
            yield Waited(seconds(hour), max(waiting, sum(answered.values())), answered, language, kind)


def by_length(figures: Mapping[str, int], letter: str) -> dict[int, int]:
    """Return the counts by length among the figures (`a17`, `r03`), without those that were taken back to zero."""
    found = {int(name[1:]): number for name, number in figures.items() if name[0] == letter and name[1:].isdecimal()}
    return {number: count for number, count in found.items() if count > 0}

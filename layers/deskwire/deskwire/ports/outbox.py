"""The outbox: messages for a visitor's browser, read by its page. Items `V#thread` of the table.

Texts are numbered in order, and a page reads from the last number it has seen. `converse` writes them; `receive` reads
the same items with its own small client (`aws.edge`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deskwire.model.choices import Offer
from deskwire.model.errors import PayloadError
from deskwire.model.keys import digest
from deskwire.model.values import dataclass
from deskwire.timing import OUTBOX_SECONDS

from . import Absent, Clock, Conflict, Put, Table, Update

MOST = 50  # texts of one read


@dataclass(frozen=True, slots=True)
class Shown:
    """One text in the outbox. `id` stays the same if it is put again; `at` in seconds since 1970.

    `closed`: it states that the company is closed. `offers` are the buttons below it, as (payload, title).
    """

    number: int
    id: str
    text: str
    automatic: bool
    at: int
    closed: bool = False
    offers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TableOutbox:
    """The outbox over the table."""

    table: Table
    clock: Clock

    def put(
        self,
        thread_key: str,
        key: str,
        text: str,
        *,
        automatic: bool,
        closed: bool = False,
        offers: Sequence[Offer] = (),
    ) -> str:
        """Put a text into a thread's outbox and return its id. Idempotent by `key`."""
        pk, name, now = box(thread_key), digest(key)[:32], int(self.clock().timestamp())
        expires = {"expires": now + OUTBOX_SECONDS}
        if self.table.get((pk, f"K#{name}")):
            return name
        number = self.table.update(Update((pk, "LAST"), add={"number": 1}, set=expires))["number"]
        shown: dict[str, Any] = {"number": number, "id": name, "text": text, "automatic": automatic, "at": now}
        shown["closed"] = closed
        if offers:
            shown["offers"] = [[each.choice.payload, each.title] for each in offers]
        try:
            self.table.transact([
                Put({"pk": pk, "sk": f"K#{name}", **expires}, when=[("pk", Absent())]),
                Put({"pk": pk, "sk": place(number), **shown, **expires}),
            ])  # fmt: skip
        except Conflict:
            return name  # another attempt was faster
        return name

    def read(self, thread_key: str, after: str) -> list[Shown]:
        """Return the texts after a cursor, oldest first. Raises `PayloadError` for an invalid cursor."""
        first = place(number_of(after))
        found = [item for item in self.table.query(box(thread_key), "M#") if item["sk"] > first]
        return shown(found[:MOST])


def box(thread_key: str) -> str:
    """Return the partition key of a thread's outbox."""
    return f"V#{thread_key}"


def place(number: int) -> str:
    """Return the sort key of a text."""
    return f"M#{number:012d}"


def number_of(cursor: str) -> int:
    """Return the number in a cursor. Raises `PayloadError`."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 12):
        raise PayloadError("not a cursor")
    return int(cursor)


def shown(items: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """Return the texts in the table's items."""
    return [
        Shown(
            int(i["number"]),
            i["id"],
            i["text"],
            bool(i["automatic"]),
            int(i["at"]),
            bool(i.get("closed")),
            tuple((str(payload), str(title)) for payload, title in i.get("offers", ())),
        )
        for i in items
    ]

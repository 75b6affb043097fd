"""What an exchange costs, metered: deliveries, letters, and units of the table as DynamoDB counts them.

A write counts each begun KB of the larger of the item before and after, twice in a transaction, and once more for the
index when an index key came, went or changed (twice when it changed), and counts when its condition fails, too; a
strongly consistent read counts each begun 4 KB.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from deskwire.aws.table import encode
from deskwire.ports import Conflict, Delete, Put
from deskwire.ports.memory import MemoryTable

INDEXED = ("due_shard", "due_at")
KB = 1024


class Metering(MemoryTable):
    """A table that counts the units of what is done to it."""

    def __init__(self, items, *more):
        super().__init__(*more)
        self.items = items
        self.written = self.read = 0

    def get(self, key):
        found = super().get(key)
        self.read += math.ceil(max(1, size(found)) / (4 * KB))
        return found

    def query(self, pk, prefix=""):
        found = super().query(pk, prefix)
        self.read += math.ceil(max(1, sum(map(size, found))) / (4 * KB))
        return found

    def put(self, put):
        self._metered([put], 1, lambda: super(Metering, self).put(put))

    def update(self, update):
        return self._metered([update], 1, lambda: super(Metering, self).update(update))

    def transact(self, writes):
        self._metered(writes, 2, lambda: super(Metering, self).transact(writes))

    def _metered(self, writes, times, write):
        keys = [
            (each.item["pk"], each.item["sk"]) if isinstance(each, Put) else each.key
            for each in writes
            if isinstance(each, Put | Delete) or each.key
        ]
        before = [self.items.get(key) for key in keys]
        try:
            done = write()
        except Conflict:
            self.written += times * sum(math.ceil(max(1, size(old)) / KB) for old in before)
            raise
        for key, old in zip(keys, before, strict=True):
            new = self.items.get(key)
            self.written += times * math.ceil(max(1, size(old), size(new)) / KB)
            was, now = indexed(old), indexed(new)
            self.written += 0 if was == now else 2 if was and now else 1
        return done


def indexed(item):
    return tuple(item[name] for name in INDEXED) if item and "due_at" in item else None


def size(item):
    """Return an item's bytes: its names, and its values as they travel (a little more than what DynamoDB counts)."""
    return 0 if item is None else weight(encode(item))


def weight(value):
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(len(name.encode()) + weight(each) + 1 for name, each in content.items())
    if kind == "L":
        return 3 + sum(weight(each) + 1 for each in content)
    return 1 if kind in {"NULL", "BOOL"} else len(content if isinstance(content, bytes) else str(content).encode())


@pytest.fixture
def metered(company):
    company.deliver(company.message("Warm up the caches", customer="24900000000000099"))
    company.work()
    table = Metering(company.table.items)
    for owner in (company.conversation, company.directory, company.sweeper):
        object.__setattr__(owner, "table", table)
    return table


def exchange(company):
    """Play two messages, the acknowledgement, an agent's answer and both echoes; return deliveries and letters."""
    deliveries, letters = 0, 0

    def delivered(status):
        nonlocal deliveries, letters
        assert status == 200
        deliveries += 1
        letters += len(company.mailbox.letters)
        company.work()

    delivered(company.deliver(company.message("Where is my parcel? It should have come on Monday.")))
    delivered(echo(company))
    delivered(company.deliver(company.message("It is number 4471.")))
    (ticket,) = [each for each in company.zendesk.tickets if "parcel" in company.zendesk.comments(each.id)[0].words]
    company.zendesk.agent_replies(ticket.id, "It left Keflavík this morning and is with you tomorrow.")
    delivered(company.signalled(ticket.id))
    delivered(echo(company))
    return deliveries, letters


def echo(company):
    sent = company.graph.sent[-1]
    mid = f"m_ours{len(company.graph.sent)}"
    return company.deliver(company.message(sent["message"]["text"], mid=mid, own=True))


def test_an_exchange_costs_what_the_page_says(company, metered):
    """docs/operating.md, Costs. Cheaper is welcome: then the page follows."""
    assert exchange(company) == (5, 5)
    assert (metered.written, metered.read) == (36, 5)
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    assert "meters it: 5 deliveries, 5 letters, 36 write units and 5 read units of the table" in page

"""What a turn writes with one plain write is right even where AWS's client had to write it twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deskwire.conversation.ledger import Busy, Ledger
from deskwire.conversation.recorded import Outcome, Recorded
from deskwire.conversation.table import message_item, thread_item
from deskwire.ports import Update
from deskwire.ports.memory import MemoryTable

KEY, MESSAGE = "messenger/41/24", "messenger/41/m_1/add/"


class Twice(MemoryTable):
    """A table whose updates arrive twice, as when the answer to the first was lost."""

    def update(self, update):
        super().update(update)
        return super().update(update)


def ledger(table, owner="a"):
    return Ledger(table, lambda: datetime(2026, 11, 2, 9, tzinfo=UTC), owner)


@pytest.fixture
def table():
    return MemoryTable()


@pytest.fixture
def thread(table):
    ledger(table).record(KEY, Recorded(key=MESSAGE, note="x", received_at="2026-11-02T09:00:00+00:00"))
    return ledger(table).take(KEY, None, MESSAGE)


def twice(table):
    again = Twice()
    again.items = table.items
    return again


def finished(table, thread, owner="a"):
    ended = Recorded(key=MESSAGE, note="x", state=Outcome.FILED, ticket="1")
    ledger(table, owner).finish(thread, outcomes=[ended], changes={"pending": []})


def test_an_answer_is_begun_once_and_by_the_worker_that_began_it(table, thread):
    assert ledger(twice(table)).intend(thread, send="reply/1", text="Hello")
    table.update(Update(thread_item(KEY), set={"lease_owner": "b"}))
    assert not ledger(table, "b").intend(thread, send="reply/1", text="Hello")


def test_a_turn_that_ended_twice_has_ended(table, thread):
    finished(twice(table), thread)
    assert table.get(message_item(KEY, MESSAGE))["state"] == "filed"
    assert "lease_owner" not in table.get(thread_item(KEY))


def test_a_worker_that_lost_its_lease_writes_nothing(table, thread):
    with pytest.raises(Busy):
        finished(table, thread, "b")
    assert table.get(message_item(KEY, MESSAGE))["state"] == "recorded"


class Raced(MemoryTable):
    """A table in which another worker counts for the same person between a read and the write."""

    raced = False

    def get(self, key):
        found = super().get(key)
        if not self.raced:
            self.raced = True
            assert ledger(self, "b").spend("webform", "vera@x.example", "m_2", 2)
        return found


def test_two_workers_that_count_for_one_person_at_once_both_count():
    table = Raced()
    assert ledger(table).spend("webform", "vera@x.example", "m_1", 2)
    assert not ledger(table).spend("webform", "vera@x.example", "m_3", 2)
    assert ledger(table).spend("webform", "vera@x.example", "m_1", 2)  # the same message, once more

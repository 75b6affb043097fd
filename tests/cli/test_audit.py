"""`deskwire audit`: each event has an outcome, or is named with what to do about it."""

import dataclasses
import json
import os
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from deskwire.configuration import Connection, item
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import Outcome, Recorded
from deskwire.conversation.table import thread_item
from deskwire.letters import VERSION
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.operating.auditing import (
    ADVICE,
    FORSAKEN,
    NOWHERE,
    OVERDUE,
    TOO_OLD,
    UNCOPIED,
    UNSURE,
    UNTAKEN,
    audit,
    mend,
)
from deskwire.ports import Put, Update
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryTable
from tests.tables import TABLE

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SAID = "My parcel 4471 is lost"
PAGE = "410000000000001"


def event(number, thread="24900000000000017"):
    return Event(
        channel="messenger", account=PAGE, kind=Kind.MESSAGE, object_id=f"m_{number}", verb=ADD, thread=thread,
        visibility=Visibility.PRIVATE, author=Author(thread, name="Jóna Jóns"), text=SAID, occurred_at=NOW,
    )  # fmt: skip


class Story:
    """What workers left behind some hours ago."""

    def __init__(self, table, hours=3.0):
        self.table = table
        self.ledger = Ledger(table, lambda: NOW - timedelta(hours=hours), "worker")
        self.table.put(Put(item(Connection(name="page-dm", channel="messenger", account=PAGE, endpoint="meta",
                                           helpdesk="acme"))))  # fmt: skip

    def recorded(self, number, **more):
        message = Recorded(key=event(number, **more).key, event=event(number, **more), endpoint="meta",
                           received_at="2026-11-02T09:00:00+00:00")  # fmt: skip
        self.ledger.record(message.event.thread_key, message)
        return message

    def taken(self, number, **more):
        message = self.recorded(number, **more)
        return message, self.ledger.take(message.event.thread_key, message.event, message.key)

    def filed(self, number, **more):
        message, thread = self.taken(number, **more)
        self.ledger.finish(
            thread, outcomes=[dataclasses.replace(message, state=Outcome.FILED)], changes={"pending": []}
        )
        return message


@pytest.fixture
def story():
    return Story(MemoryTable())


def looked(story, hours=24):
    return audit(story.table, since=NOW - timedelta(hours=hours), now=NOW)


def states(story):
    return [stray.state for stray in looked(story).strays]


def test_events_with_an_outcome_balance(story):
    story.filed(1)
    story.filed(2)
    found = looked(story)
    assert (found.events, found.outcomes, found.waiting, found.strays) == (2, {"filed": 2}, 0, [])


def test_what_is_older_is_not_counted(story):
    story.filed(1)
    assert looked(story, hours=2).events == 0


def test_a_thread_that_waits_for_its_time_is_no_stray(story):
    message, thread = story.taken(1)
    due = int(NOW.timestamp()) + 60
    story.ledger.finish(thread, outcomes=[], changes={"pending": [message.key], "due_at": due})
    found = looked(story)
    assert (found.events, found.waiting, found.strays) == (1, 1, [])


def test_a_thread_that_sweep_wakes_in_vain_is_named(story):
    _, thread = story.taken(1)
    (stray,) = looked(story).strays
    assert (stray.state, stray.connection, stray.thread) == (OVERDUE, "page-dm", thread.key)
    assert stray.age == 3 * 3600
    assert len(stray.event) == 12
    assert looked(story).events == 1


def test_a_worker_that_has_the_thread_is_given_its_time(story):
    message, thread = story.taken(1)
    story.ledger.finish(thread, outcomes=[], changes={"pending": [message.key], "due_at": 9})
    assert states(story) == [OVERDUE]
    Ledger(story.table, lambda: NOW, "another").take(thread.key, None, "")
    assert states(story) == []


def test_a_message_recorded_and_never_begun_is_named_once_its_letter_is_dead(story):
    story.recorded(1)
    assert states(story) == [UNTAKEN]
    fresh = Story(MemoryTable(), hours=0.5)  # its letter may still come
    fresh.recorded(1)
    assert states(fresh) == []
    assert looked(fresh).waiting == 1


def test_a_thread_that_nothing_wakes_is_named(story):
    _, thread = story.taken(1)
    story.table.update(Update(thread_item(thread.key), remove=["due_at", "due_shard"]))
    assert states(story) == [FORSAKEN]


def test_a_message_that_never_arrived_where_it_was_moved_to_is_named(story):
    message = story.recorded(1)
    story.ledger.lead(message.event.thread_key, "messenger/elsewhere/1")
    story.ledger.move(message.event.thread_key, message)
    assert states(story) == [NOWHERE]
    story.ledger.record("messenger/elsewhere/1", dataclasses.replace(message, state=Outcome.FILED))
    assert states(story) == []
    assert (looked(story).events, looked(story).moved) == (1, 1)


def test_a_text_whose_sending_never_ended_is_named(story):
    message, thread = story.taken(1)
    story.ledger.intend(thread, send="reply/31")
    story.ledger.finish(thread, outcomes=[dataclasses.replace(message, state=Outcome.FILED)], changes={"pending": []})
    assert states(story) == [UNSURE]


def test_what_waits_beyond_all_patience_is_named():
    story = Story(MemoryTable(), hours=15 * 24)
    message, thread = story.taken(1)
    story.ledger.finish(thread, outcomes=[], changes={"pending": [message.key], "due_at": int(NOW.timestamp()) + 9})
    assert [stray.state for stray in looked(story, hours=20 * 24).strays] == [TOO_OLD]


def test_every_state_has_advice():
    assert set(ADVICE) == {OVERDUE, FORSAKEN, UNTAKEN, NOWHERE, TOO_OLD, UNSURE, UNCOPIED}


def test_mending_wakes_what_was_taken_and_sends_again_what_was_not(story):
    _, thread = story.taken(1)
    untaken = story.recorded(2, thread="24900000000000018")
    mailbox = MemoryMailbox()
    assert mend(story.table, mailbox, MemoryArchive(), looked(story).strays, NOW) == 2
    bodies = [json.loads(letter.body) for letter in mailbox.letters]
    assert {"v": VERSION, "timer": thread.key} in bodies
    (letter,) = [body for body in bodies if "event" in body]
    assert letter["event"]["key"] == untaken.key
    assert (letter["endpoint"], letter["side"], letter["received_at"]) == (
        "meta",
        "channels",
        "2026-11-02T09:00:00+00:00",
    )


@pytest.fixture
def northwind(monkeypatch):
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName="northwind", **TABLE)
        sqs = boto3.client("sqs")
        monkeypatch.setenv("DESKWIRE_TABLE", "northwind")
        monkeypatch.setenv("DESKWIRE_ARCHIVE", "archive")
        url = sqs.create_queue(QueueName="mailbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        monkeypatch.setenv("DESKWIRE_MAILBOX", url)
        monkeypatch.setenv("DESKWIRE_PARKED", sqs.create_queue(QueueName="parked")["QueueUrl"])
        dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        monkeypatch.setenv("DESKWIRE_DEAD", dead)
        from deskwire.aws.table import DynamoTable

        story = Story(
            DynamoTable(client, "northwind"), hours=-int((datetime.now(UTC) - NOW).total_seconds() // 3600) + 2
        )
        yield story


def test_the_command_names_strays_in_words_and_in_json_and_ends_with_1(deskwire, northwind):
    northwind.filed(1)
    northwind.recorded(2)
    told = deskwire("audit", "--since", "24h", "--json")
    assert told.status == 1
    found = json.loads(told.out)
    assert (found["events"], found["outcomes"]) == (2, {"filed": 1})
    (stray,) = found["strays"]
    assert (stray["state"], stray["connection"]) == (UNTAKEN, "page-dm")
    told = deskwire("audit")
    assert told.status == 1
    assert "page-dm" in told.out
    assert "run `deskwire audit --mend`" in told.out
    for word in (SAID, "Jóna"):
        assert word not in told.out
    told = deskwire("audit", "--mend", "--json")
    assert json.loads(told.out)["mended"] == 1
    assert json.loads(told.out)["queues"] == {"mailbox": 0, "parked": 0, "dead": 0}


def test_the_command_ends_with_0_where_nothing_is_astray(deskwire, northwind):
    northwind.filed(1)
    told = deskwire("audit")
    assert told.status == 0
    assert "every event has its outcome" in told.out
    assert json.loads(deskwire("audit", "--json").out)["in_order"] is True


@pytest.mark.parametrize(
    ("queue", "more"), [("parked", {}), ("dead", {"MessageGroupId": "g", "MessageDeduplicationId": "d"})]
)
def test_what_waits_for_a_person_is_named_and_the_command_ends_with_1(deskwire, northwind, queue, more):
    northwind.filed(1)
    url = os.environ[f"DESKWIRE_{queue.upper()}"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="{}", **more)
    told = deskwire("audit")
    assert told.status == 1
    assert f"`deskwire {queue}` lists them" in told.out
    told = deskwire("audit", "--json")
    assert told.status == 1
    found = json.loads(told.out)
    assert (found["in_order"], found["queues"][queue], found["strays"]) == (False, 1, [])


def test_a_letter_on_its_way_is_in_order(deskwire, northwind):
    northwind.filed(1)
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["DESKWIRE_MAILBOX"], MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d"
    )
    assert deskwire("audit").status == 0


def test_a_queue_that_is_not_known_is_not_passed_over_in_silence(deskwire, northwind, monkeypatch):
    monkeypatch.delenv("DESKWIRE_DEAD")
    told = deskwire("audit")
    assert told.status == 0
    assert "not looked at: dead" in told.out


@pytest.mark.parametrize("since", ["yesterday", "24", "1w", "-3h"])
def test_a_span_that_is_none_is_refused(deskwire, northwind, since):
    told = deskwire("audit", f"--since={since}")
    assert told.status == 2
    assert "say 90m, 24h or 7d" in told.err

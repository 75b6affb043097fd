"""`deskwire dead`: letters that failed five times: list without words, replay in order, discard with a reason."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.operating import SqsPile
from deskwire.aws.table import DynamoTable
from deskwire.configuration import Connection, item
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import Recorded
from deskwire.conversation.table import message_item
from deskwire.letters import letter_of, timer
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.ports import Put
from deskwire.ports.memory import MemoryArchive
from tests.tables import TABLE

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SAID = "My parcel 4471 is lost"


def event(number):
    return Event(
        channel="messenger", account="41", kind=Kind.MESSAGE, object_id=f"m_{number}", verb=ADD, thread="77",
        visibility=Visibility.PRIVATE, author=Author("77", name="Jóna Jóns"), text=f"{SAID} ({number})",
        occurred_at=NOW,
    )  # fmt: skip


class Northwind:
    """A deployed Deskwire on moto, with its dead letters."""

    def __init__(self):
        self.sqs, dynamo = boto3.client("sqs"), boto3.client("dynamodb")
        fifo = {"FifoQueue": "true"}
        self.mailbox_url = self.sqs.create_queue(QueueName="mailbox.fifo", Attributes=fifo)["QueueUrl"]
        self.dead_url = self.sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"]
        dynamo.create_table(TableName="northwind", **TABLE)
        self.table = DynamoTable(dynamo, "northwind")
        self.table.put(Put(item(Connection(name="page-dm", channel="messenger", account="41", endpoint="meta",
                                           helpdesk="acme"))))  # fmt: skip

    def dies(self, letter):
        self.sqs.send_message(QueueUrl=self.dead_url, MessageBody=letter.body, MessageGroupId=letter.group,
                              MessageDeduplicationId=letter.dedupe)  # fmt: skip

    def record(self, one):
        message = Recorded(key=one.key, event=one, endpoint="meta", received_at=NOW.isoformat())
        Ledger(self.table, lambda: NOW, "worker").record(one.thread_key, message)

    def dead(self):
        pile = SqsPile(self.sqs, self.dead_url)
        found = pile.look()
        pile.put_back(found)
        return found

    def mailbox(self):
        found = []
        while got := self.sqs.receive_message(QueueUrl=self.mailbox_url, MaxNumberOfMessages=10,
                                              AttributeNames=["MessageGroupId"]).get("Messages"):  # fmt: skip
            for each in got:
                found.append((each["Attributes"]["MessageGroupId"], each["Body"]))
                self.sqs.delete_message(QueueUrl=self.mailbox_url, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture
def northwind(monkeypatch):
    monkeypatch.setattr("deskwire.aws.operating.WAIT", 0)  # moto is one server
    with mock_aws():
        made = Northwind()
        for name, value in (("TABLE", "northwind"), ("MAILBOX", made.mailbox_url), ("DEAD", made.dead_url),
                            ("ARCHIVE", "archive")):  # fmt: skip
            monkeypatch.setenv(f"DESKWIRE_{name}", value)
        yield made


@pytest.fixture
def letters(northwind):
    """Thirteen letters of one thread, the first recorded; and one that only wakes a thread."""
    made = [letter_of(event(number), "meta", "channels", NOW.isoformat(), MemoryArchive()) for number in range(13)]
    for each in made:
        northwind.dies(each)
    northwind.dies(timer("messenger/41/78", "due"))
    northwind.record(event(0))
    return made


def test_the_list_says_whose_it_is_and_how_far_it_came_and_no_word_of_the_customer(deskwire, letters):
    told = deskwire("dead", "--json")
    rows = json.loads(told.out)
    assert (rows[0]["connection"], rows[0]["kind"], rows[0]["state"]) == ("page-dm", "message", "without an outcome")
    assert rows[1]["state"] == "never recorded"
    assert [row["kind"] for row in rows].count("timer") == 1
    for shown in (told.out, deskwire("dead").out, deskwire("dead", "show", "--all").out):
        assert "parcel" not in shown
        assert "Jóna" not in shown
    assert SAID in deskwire("dead", "show", "--all", "--text").out


def test_all_are_replayed_in_their_order_and_group_however_many_there_are(deskwire, northwind, letters):
    assert deskwire("dead", "replay", "--all").status == 0
    arrived = [(group, body) for group, body in northwind.mailbox() if "timer" not in body]
    assert arrived == [(each.group, each.body) for each in letters]
    assert northwind.dead() == []


def test_who_was_interrupted_before_taking_it_away_does_it_again_and_it_comes_once(deskwire, northwind, monkeypatch):
    northwind.dies(letter_of(event(1), "meta", "channels", NOW.isoformat(), MemoryArchive()))
    remove = SqsPile.remove

    def interrupted(self, found):
        raise KeyboardInterrupt

    monkeypatch.setattr(SqsPile, "remove", interrupted)
    assert deskwire("dead", "replay", "--all").status == 130
    monkeypatch.setattr(SqsPile, "remove", remove)
    assert deskwire("dead", "replay", "--all").status == 0
    assert len(northwind.mailbox()) == 1


def test_a_dry_run_does_nothing(deskwire, northwind, letters):
    told = deskwire("dead", "replay", "--all", "--dry-run", "--json")
    assert told.status == 0
    assert json.loads(told.out)[0]["known"][0]["state"] == "recorded"
    assert northwind.mailbox() == []


def test_a_discarded_letters_event_has_an_outcome_and_a_reason(deskwire, northwind):
    northwind.record(event(0))
    for number in (0, 1):
        northwind.dies(letter_of(event(number), "meta", "channels", NOW.isoformat(), MemoryArchive()))
    assert deskwire("dead", "discard", "--all", "--reason", "the page was sold").status == 0
    assert northwind.dead() == []
    for number in (0, 1):
        kept = northwind.table.get(message_item(event(number).thread_key, event(number).key))
        assert (kept["state"], kept["reason"]) == ("dead", "discarded: the page was sold")
        assert abs(kept["done_at"] / 1000 - datetime.now(UTC).timestamp()) < 600  # milliseconds, as converse writes it
    assert "event" not in kept
    found = json.loads(deskwire("audit", "--since", "9000d", "--json").out)
    assert (found["outcomes"], found["strays"], found["discarded"]) == ({"dead": 2}, [], 2)


def test_the_list_says_for_how_many_seconds_each_has_lain_there(deskwire, northwind):
    northwind.dies(letter_of(event(0), "meta", "channels", NOW.isoformat(), MemoryArchive()))
    (row,) = json.loads(deskwire("dead", "--json").out)
    assert 0 <= row["age_seconds"] < 600


def test_what_is_no_letter_is_named_and_stays(deskwire, northwind):
    northwind.sqs.send_message(QueueUrl=northwind.dead_url, MessageBody="hello", MessageGroupId="g",
                               MessageDeduplicationId="d")  # fmt: skip
    told = deskwire("dead", "replay", "--all")
    assert told.status == 1
    assert "none of ours" in told.out
    assert len(northwind.dead()) == 1

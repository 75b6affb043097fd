"""`deskwire thread`: what became of a conversation, from the items that converse's own ledger wrote."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.table import DynamoTable
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import Outcome, Recorded
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.signals import Signal
from deskwire.ports import Put
from tests.tables import TABLE

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
SAID = "My parcel 4471 is lost"


def event(number, text=SAID, **more):
    return Event(
        channel="messenger", account="410000000000001", kind=Kind.MESSAGE, object_id=f"m_{9 - number}", verb=ADD,
        thread="24900000000000017", visibility=Visibility.PRIVATE, author=Author("24900000000000017", name="Jóna Jóns"),
        text=text, occurred_at=START + timedelta(minutes=number), **more,
    )  # fmt: skip


class Clock:
    now = START

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def story():
    """A conversation of two messages, filed as one ticket, with one answer that went out and one in doubt."""
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName="northwind", **TABLE)
        table = DynamoTable(client, "northwind")
        ledger = Ledger(table, Clock(), "worker")
        first, second, third = event(1), event(2, "Hello? 👋"), event(3, "stop")
        key = first.thread_key
        messages = [Recorded(key=each.key, event=each, endpoint="meta", received_at="2026-11-02T09:05:00Z")
                    for each in (first, second, third)]  # fmt: skip
        for message in messages:
            ledger.record(key, message)
        thread = ledger.take(key, first, first.key)
        opened = thread.model_copy(update={"ticket": "4711", "helpdesk": "zendesk"})
        ledger.intend(thread, opened=opened)
        elsewhere = Signal(helpdesk="zendesk", account="zendesk", object_id="1", ticket="999")
        assert ledger.whose(elsewhere) == ""  # the helpdesk told of a ticket of somebody else
        ledger.intend(thread, send="acknowledgement")
        ledger.intend(thread, send="reply 31")
        ended = [
            _ended(messages[0], Outcome.FILED, entry="31", ticket="4711"),
            _ended(messages[1], Outcome.FILED, entry="32", ticket="4711"),
            _ended(messages[2], Outcome.SUPPRESSED, reason="opting"),
        ]
        ledger.finish(
            opened,
            outcomes=ended,
            changes={"ticket": "4711", "pending": [], "last_inbound": 1793610060, "author": {"id": "24900000000000017",
                     "name": "Jóna Jóns"}, "tags": ["hot"], "priority": "high",
                     "said": ["hours", "en", "ack/1", "yes", True],
                     "kept": ["k"], "past": [3, 1], "guarded": {"c1": "hidden"}, "invited_at": 1793610120,
                     "guards": [["c2", ["facebook", "41"], "7", "Jóna", 1, 1, ["card"], "is", ["hide"], ""]]},
            sent=[("acknowledgement", "sent", ("m_ours1",), "")],
        )  # fmt: skip
        ledger.set_opt_out("messenger", "24900000000000017", opted_out=True)
        ledger.lead("messenger/410000000000001/elsewhere", key)
        yield opened


def _ended(message, state, **more):
    import dataclasses

    return dataclasses.replace(message, state=state, **more)


@pytest.fixture
def thread(deskwire, story):
    def run(reference, *more):
        return deskwire("thread", reference, *more, "--table", "northwind", "--region", "eu-west-1")

    return run


def test_our_reference_leads_to_the_messages_in_order(thread, story):
    told = thread(story.reference, "--json")
    assert told.status == 0
    found = json.loads(told.out)
    assert found["thread"]["ticket"] == "4711"
    assert found["thread"]["helpdesk"] == "zendesk"
    assert found["thread"]["opted_out"] is True
    assert [(each["outcome"], each["entry"], each["reason"]) for each in found["messages"]] == [
        ("filed", "31", None),
        ("filed", "32", None),
        ("suppressed", None, "opting"),
    ]
    assert [each["occurred_at"] for each in found["messages"]] == [
        "2026-11-02T09:01:00Z",
        "2026-11-02T09:02:00Z",
        "2026-11-02T09:03:00Z",
    ]
    assert all(each["done_at"].startswith("2026-11-02T09:00:") for each in found["messages"])
    assert [(each["key"], each["state"], each["ids"]) for each in found["sent"]] == [
        ("acknowledgement", "sent", ["m_ours1"]),
        ("reply 31", "sending", []),
    ]


def test_what_was_said_hidden_and_judged_is_shown(thread, story):
    shown = json.loads(thread(story.reference, "--json").out)["thread"]
    names = ("priority", "tags", "automatic_answer", "to_be_quoted", "earlier_tickets", "guarded", "to_be_guarded")
    told = ("high", ["hot"], "hours (yes)", 1, 3, {"c1": "hidden"}, ["c2: hide"])
    assert tuple(shown[name] for name in names) == told
    assert shown["invited_at"] == "2026-11-02T09:02:00Z"
    in_words = thread(story.reference).out
    assert "automatic answer: hours (yes)" in in_words
    assert "guarded: c1 hidden" in in_words


def test_a_ticket_a_key_and_a_sloppily_typed_reference_lead_to_the_same(thread, story):
    wanted = json.loads(thread(story.reference, "--json").out)
    sloppy = story.reference.lower().replace("-", "").replace("0", "o").replace("1", "l")
    for reference in ("zendesk/4711", story.key, sloppy):
        assert json.loads(thread(reference, "--json").out) == wanted, reference


def test_a_thread_that_goes_on_elsewhere_is_followed(thread, story):
    found = json.loads(thread("messenger/410000000000001/elsewhere", "--json").out)
    assert found["thread"]["key"] == story.key
    assert found["thread"]["came_by"] == ["messenger/410000000000001/elsewhere"]
    assert len(found["messages"]) == 3


def test_the_customers_words_and_name_are_shown_only_when_asked_for(thread, story):
    for more in ([], ["--json"]):
        told = thread(story.reference, *more)
        assert told.status == 0
        for word in (SAID, "👋", "Jóna"):
            assert word not in told.out
    told = thread(story.reference, "--text")
    for word in (SAID, "👋", "Jóna"):
        assert word in told.out
    assert json.loads(thread(story.reference, "--text", "--json").out)["messages"][0]["text"] == SAID


def test_people_are_told_where_the_ticket_is(thread, story):
    told = thread(story.reference)
    assert f"{story.reference}  zendesk/4711" in told.out
    assert "suppressed" in told.out
    assert "m_ours1" in told.out


@pytest.mark.parametrize("reference", ["ABCDE-FGHJK", "zendesk/1", "zendesk/999", "nothing", "messenger/1/2"])
def test_what_is_not_known_is_told_in_words(thread, story, reference):
    told = thread(reference)
    assert told.status == 1
    assert f"nothing is known of “{reference}”" in told.err


def test_a_ticket_of_no_such_helpdesk_is_told_with_the_helpdesks_there_are(thread, story):
    DynamoTable(boto3.client("dynamodb"), "northwind").put(
        Put({"pk": "CONFIGURATION", "sk": "INDEX", "keys": [["H#acme", "HELPDESK"], ["E#meta", "ENDPOINT"]]})
    )
    assert "deskwire.yaml (acme)" in thread("zendesk/88127").err

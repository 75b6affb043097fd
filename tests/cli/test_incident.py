"""`deskwire incident`: what is open, an update to its members with its report, and closing one by hand."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from cli.main import parser
from deskwire.aws.table import DynamoTable
from deskwire.conversation.incidents import Incident, incident_of, joined, member_item, open_incident, update_key
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import Recorded
from deskwire.conversation.table import sent_item, thread_item
from deskwire.letters import content_of, read_letter
from deskwire.model.notices import Notice, Purpose
from deskwire.ports import Put, Update
from tests.tables import TABLE

AT = int(datetime(2026, 11, 2, 9, tzinfo=UTC).timestamp())
ID = "20261102-3f9c1"
THREADS = [f"messenger/41/2490000000000001{number}" for number in range(3)]


@pytest.fixture
def northwind(monkeypatch):
    """An open incident with three conversations of two customers on moto."""
    with mock_aws():
        dynamo, sqs = boto3.client("dynamodb"), boto3.client("sqs")
        dynamo.create_table(TableName="northwind", **TABLE)
        queue = sqs.create_queue(QueueName="mailbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        monkeypatch.setenv("DESKWIRE_TABLE", "northwind")
        monkeypatch.setenv("DESKWIRE_MAILBOX", queue)
        table = DynamoTable(dynamo, "northwind")
        incident = Incident(sk=ID, scope="company", topic="app", channel="messenger", account="41", began_at=AT - 900,
                            opened_at=AT, reason="7 customers with “app” in 30 minutes; usual are 0.1")  # fmt: skip
        assert open_incident(table, incident, ())
        for number, thread in enumerate(THREADS):
            pk, sk = member_item(ID, thread)
            by, language = ("second", "pl") if number else ("first", "en")
            table.put(Put({"pk": pk, "sk": sk, "member": thread, "by": by, "channel": "messenger", "account": "41",
                           "language": language, "at": AT + number, "expires": AT}))  # fmt: skip
        yield table


def letters():
    """Return what lies on the mailbox."""
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="mailbox.fifo")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [content_of(read_letter(each["Body"]), None) for each in found]


def test_what_is_open_is_listed(deskwire, northwind):
    told = deskwire("incident", "list")
    assert told.status == 0
    assert ID in told.out
    (found,) = json.loads(deskwire("incident", "--json", "list").out)
    assert (found["state"], found["about"], found["members"], found["updates"]) == ("open", "“app”", 2, [])


def test_a_dry_run_counts_and_sends_nothing(deskwire, northwind):
    told = deskwire("incident", "say", ID, "--text", "en=It works.", "--text", "pl=Działa.", "--dry-run")
    assert json.loads(told.out) == {"update": 1, "conversations": 2, "languages": {"en": 1, "pl": 1}}
    assert not letters()
    assert incident_of(northwind, ID).updates == 0


def test_an_update_is_a_letter_for_each_customer_and_the_report_says_what_became_of_it(deskwire, northwind):
    told = deskwire("incident", "--json", "say", ID, "--text", "en=It works.", "--yes", "--wait", "0")
    assert told.status == 1
    assert json.loads(told.out)["conversations"] == {"not yet": 2}
    assert "--again 1" in told.err
    sent = letters()
    assert [each.purpose for each in sent] == [Purpose.UPDATE, Purpose.UPDATE, Purpose.NOTE]
    assert {each.thread for each in sent[:2]} == set(THREADS[:2])
    for number, state in enumerate(("sent", "refused")):
        pk, sk = sent_item(THREADS[number], update_key(ID, 1))
        northwind.put(Put({"pk": pk, "sk": sk, "state": state, "reason": "the window is closed"}))
    told = deskwire("incident", "say", ID, "--again", "1", "--wait", "0")
    assert told.status == 0
    assert "told" in told.out
    assert "the window is closed" in told.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("say", ID), "what is to be said?"),
        (("say", ID, "--text", "It works."), "LANGUAGE=TEXT"),
        (("say", ID, "--text", f"en={'a' * 2001}"), "longer than 2000"),
        (("say", ID, "--again", "4"), "no update 4"),
        (("say", "20260101-00000", "--text", "en=It works."), "there is no incident"),
        (("close", "20260101-00000"), "there is no incident"),
    ],
)
def test_what_cannot_be_done_says_why_and_does_nothing(deskwire, northwind, arguments, reason):
    told = deskwire("incident", *arguments)
    assert told.status == 2
    assert reason in told.err
    assert not letters()


@pytest.mark.parametrize("arguments", [["list"], ["say", ID, "--text", "en=It works."], ["close", ID]], ids=" ".join)
def test_where_it_is_may_stand_before_the_action_or_behind(arguments):
    where = ["--stack", "deskwire", "--json"]
    before, behind = (parser().parse_args(each) for each in (["incident", *where, *arguments],
                                                              ["incident", *arguments, *where]))  # fmt: skip
    assert vars(before) == vars(behind)
    assert (behind.stack, behind.json, behind.region) == ("deskwire", True, None)


def test_one_is_closed_by_hand_once(deskwire, northwind):
    assert deskwire("incident", "close", ID).status == 0
    assert incident_of(northwind, ID).state == "closed"
    told = deskwire("incident", "close", ID)
    assert told.status == 1
    assert "closed already" in told.err


def test_a_conversation_shows_what_an_incident_said_in_it(deskwire, northwind):
    incident = incident_of(northwind, ID)
    said = [joined(incident, "messenger", "41", THREADS[0]),
            Notice(incident=ID, purpose=Purpose.UPDATE, number=1, channel="messenger", account="41", thread=THREADS[0],
                   texts={"en": "It works."}, default="en")]  # fmt: skip
    ledger = Ledger(northwind, lambda: datetime(2026, 11, 2, 9, tzinfo=UTC), "worker")
    for each in said:
        ledger.record(THREADS[0], Recorded(key=each.key, notice=each, received_at="2026-11-02T09:00:00+00:00"))
        ledger.take(THREADS[0], each, each.key)
        northwind.update(Update(thread_item(THREADS[0]), remove=["lease_until"]))
    told = deskwire("thread", THREADS[0], "--json", "--text")
    assert told.status == 0
    shown = json.loads(told.out)["messages"]
    assert {each["kind"] for each in shown} == {"incident"}
    assert {each["text"] for each in shown} == {said[0].words, "It works."}

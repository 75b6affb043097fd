"""`deskwire parked`: list without words, show, replay after a fix by the road it came, discard with a reason."""

import base64
import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.operating import SqsPile
from deskwire.aws.queues import S3Archive, SqsMailbox, SqsParked
from deskwire.aws.table import DynamoTable
from deskwire.channels.messenger import Messenger
from deskwire.configuration import Endpoint, item
from deskwire.model.secret import Secrets
from deskwire.ports import EndpointView, Put
from deskwire.receiving.receiver import Receiver
from deskwire.registry import channel
from deskwire.telemetry import Telemetry
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event
from tests.tables import TABLE

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SAID = "My parcel 4471 is lost 👋"
SECRETS = Secrets({"app_secret": "invented-app-secret"})
ENDPOINT = Endpoint(name="meta", side="channels", connectors=("messenger",), secret="meta")


def message(number, text=SAID, by="24900000000000017"):
    return {"sender": {"id": by}, "recipient": {"id": "41"}, "timestamp": 1793610060000,
            "message": {"mid": f"m_{number}", "text": text}}  # fmt: skip


class Northwind:
    """A deployed Deskwire on moto, whose `receive` is the product's own."""

    def __init__(self):
        sqs, s3, dynamo = (boto3.client(name) for name in ("sqs", "s3", "dynamodb"))
        self.mailbox_url = sqs.create_queue(QueueName="mailbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.parked_url = sqs.create_queue(QueueName="parked")["QueueUrl"]
        s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        dynamo.create_table(TableName="northwind", **TABLE)
        self.sqs = sqs
        self.table = DynamoTable(dynamo, "northwind")
        self.table.put(Put(item(ENDPOINT)))
        archive = S3Archive(s3, "archive")
        self.receiver = Receiver(
            endpoints=self, mailbox=SqsMailbox(sqs, self.mailbox_url), parked=SqsParked(sqs, self.parked_url),
            archive=archive, http=None, clock=lambda: NOW, telemetry=Telemetry("test", stream=self), limits=None,
            presign=None,
        )  # fmt: skip

    def write(self, line):
        """Take a log line."""

    def endpoint(self, name):
        return EndpointView.read(item(ENDPOINT)["definition"])

    def secrets(self, name):
        return SECRETS

    def deliver(self, *messages):
        body = json.dumps(
            {"object": "page", "entry": [{"id": "41", "time": 1793610060000, "messaging": list(messages)}]}
        ).encode()
        request = Request(method="POST", endpoint="meta", body=body, received_at=NOW,
                          headers={"content-type": "application/json", "x-extra": "kept"})  # fmt: skip
        signed = channel("messenger").verification.sign(request, SECRETS, NOW)
        assert self.receiver.handle(gateway_event(signed))["statusCode"] == 200

    def letters(self):
        """Empty the mailbox; return the events' texts."""
        texts = []
        while got := self.sqs.receive_message(QueueUrl=self.mailbox_url, MaxNumberOfMessages=10).get("Messages"):
            for each in got:
                texts.append(json.loads(each["Body"])["event"]["text"])
                self.sqs.delete_message(QueueUrl=self.mailbox_url, ReceiptHandle=each["ReceiptHandle"])
        return texts

    def lying(self):
        pile = SqsPile(self.sqs, self.parked_url)
        found = pile.look()
        pile.put_back(found)
        return found


@pytest.fixture
def northwind(monkeypatch):
    monkeypatch.setattr("deskwire.aws.operating.WAIT", 0)  # moto is one server
    with mock_aws():
        made = Northwind()
        for name, value in (("TABLE", "northwind"), ("MAILBOX", made.mailbox_url), ("PARKED", made.parked_url),
                            ("ARCHIVE", "archive")):  # fmt: skip
            monkeypatch.setenv(f"DESKWIRE_{name}", value)
        yield made


@pytest.fixture
def parked(northwind):
    """One delivery of which a part could not be read."""
    northwind.deliver(message(1, "fine"), message(2, by={"not": "an id"}))
    assert northwind.letters() == ["fine"]
    return northwind.lying()[0]


@pytest.fixture
def mended(monkeypatch):
    """Mend the connector: an id that is none becomes one."""
    parse = Messenger.parse

    def patient(self, request):
        body = request.body.replace(b'{"not": "an id"}', b'"42"')
        return parse(self, Request(method="POST", endpoint=request.endpoint, body=body, headers=request.headers,
                                   received_at=request.received_at))  # fmt: skip

    monkeypatch.setattr(Messenger, "parse", patient)


def test_the_list_says_why_and_where_and_no_word_of_the_customer(deskwire, parked):
    (row,) = json.loads(deskwire("parked", "--json").out)
    assert row["endpoint"] == "meta"
    assert "sender" in row["reason"]
    assert row["size"] > 100
    told = deskwire("parked")
    assert parked.id[:8] in told.out
    assert "meta" in told.out
    for shown in (told.out, deskwire("parked", "show", parked.id[:6]).out, json.dumps(row)):
        assert "parcel" not in shown


def test_what_was_only_looked_at_can_be_looked_at_again(deskwire, parked):
    for _ in range(2):
        assert len(json.loads(deskwire("parked", "--json").out)) == 1


def test_one_is_shown_by_its_shape_and_with_its_words_when_asked_for(deskwire, parked):
    (shown,) = json.loads(deskwire("parked", "show", parked.id[:6]).out)
    assert shown["shape"]["message"] == {"mid": "text of 3", "text": f"text of {len(SAID)}"}
    (shown,) = json.loads(deskwire("parked", "show", parked.id[:6], "--text").out)
    assert shown["fragment"]["message"]["text"] == SAID


def test_headers_are_parked_but_no_secret(parked):
    headers = json.loads(parked.body)["headers"]
    assert headers == {"x-extra": "kept"}


def test_what_still_cannot_be_read_stays_and_is_said(deskwire, northwind, parked):
    told = deskwire("parked", "replay", "--all")
    assert told.status == 1
    assert "stays: " in told.out
    assert [each.id for each in northwind.lying()] == [parked.id]


def test_a_replay_after_a_fix_brings_the_events_and_takes_the_delivery_away(deskwire, northwind, parked, mended):
    told = deskwire("parked", "replay", parked.id[:6], "--json")
    assert told.status == 0
    (line,) = json.loads(told.out)
    assert (line["events"], line["done"], line["stays"]) == (2, True, [])
    # SQS remembers “fine” for five minutes; what comes later the ledger knows.
    assert SAID in northwind.letters()
    assert northwind.lying() == []


def test_a_dry_run_does_nothing(deskwire, northwind, parked, mended):
    told = deskwire("parked", "replay", "--all", "--dry-run")
    assert told.status == 0
    assert "would be replayed" in told.out
    assert northwind.letters() == []
    assert len(northwind.lying()) == 1


def test_a_large_delivery_comes_back_from_the_archive(deskwire, northwind, request):
    northwind.deliver(message(1, "x" * 300_000, by={"not": "an id"}))
    assert "archived" in json.loads(northwind.lying()[0].body)
    request.getfixturevalue("mended")
    assert deskwire("parked", "replay", "--all").status == 0
    got = boto3.client("sqs").receive_message(QueueUrl=northwind.mailbox_url)["Messages"]
    assert "event_at" in json.loads(got[0]["Body"])


def test_one_is_discarded_with_a_reason_that_is_kept_without_words(deskwire, northwind, parked):
    assert deskwire("parked", "discard", parked.id[:6]).status == 2
    assert deskwire("parked", "discard", parked.id[:6], "--reason", "a test", "--dry-run").status == 2
    assert len(northwind.lying()) == 1
    assert deskwire("parked", "discard", parked.id[:6], "--reason", "a test of Meta's").status == 0
    assert northwind.lying() == []
    (kept,) = northwind.table.query("X#discarded")
    assert (kept["what"], kept["reason"], kept["endpoint"]) == ("parked", "a test of Meta's", "meta")
    assert "parcel" not in str(kept)
    assert json.loads(deskwire("audit", "--json").out)["discarded"] == 1


def test_strange_messages_in_the_queue_are_listed_and_harm_nothing(deskwire, northwind):
    for body in ("hello", "{}", "[1]", json.dumps({"endpoint": "meta", "archived": "parked/gone", "side": "channels",
                                                     "reason": "why", "received_at": NOW.isoformat()})):  # fmt: skip
        northwind.sqs.send_message(QueueUrl=northwind.parked_url, MessageBody=body)
    assert len(json.loads(deskwire("parked", "--json").out)) == 4
    told = deskwire("parked", "replay", "--all")
    assert told.status == 1
    assert "no longer in the archive" in told.out
    assert len(northwind.lying()) == 4


def test_an_id_must_be_given_and_be_there(deskwire, northwind):
    assert deskwire("parked", "replay").status == 2
    told = deskwire("parked", "show", "abcdef")
    assert told.status == 1
    assert "none that can be seen now begins with “abcdef”" in told.err


def test_a_body_is_parked_as_it_came(parked):
    body = base64.b64decode(json.loads(parked.body)["body"])
    assert json.loads(body)["entry"][0]["messaging"][0]["message"]["text"] == "fine"

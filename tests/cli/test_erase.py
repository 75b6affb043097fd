"""`deskwire erase`: whom it means, that it asks first, and the certificate that it prints."""

import io
import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.table import DynamoTable
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import Recorded
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SAID = "My parcel 4471 is lost"
CUSTOMER = "24900000000000017"


def event():
    return Event(
        channel="messenger", account="41", kind=Kind.MESSAGE, object_id="m_1", verb=ADD, thread=CUSTOMER,
        visibility=Visibility.PRIVATE, author=Author(CUSTOMER, name="Jóna Jóns"), text=SAID, occurred_at=NOW,
    )  # fmt: skip


@pytest.fixture
def northwind(monkeypatch):
    """A deployed Deskwire on moto with one conversation, whose raw fragment is in the archive."""
    monkeypatch.setattr("deskwire.aws.operating.WAIT", 0)  # moto is one server
    with mock_aws():
        sqs, s3, dynamo = (boto3.client(name) for name in ("sqs", "s3", "dynamodb"))
        names = [("pk", "HASH"), ("sk", "RANGE")]
        dynamo.create_table(
            TableName="northwind",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
        )
        s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="archive", Key="raw/1", Body=SAID.encode())
        dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        values = {"TABLE": "northwind", "ARCHIVE": "archive", "DEAD": dead,
                  "PARKED": sqs.create_queue(QueueName="parked")["QueueUrl"]}  # fmt: skip
        for name, value in values.items():
            monkeypatch.setenv(f"DESKWIRE_{name}", value)
        table = DynamoTable(dynamo, "northwind")
        ledger = Ledger(table, lambda: NOW, "worker")
        message = Recorded(key=event().key, event=event(), endpoint="meta", received_at=NOW.isoformat())
        ledger.record(event().thread_key, message, raw_at="raw/1")
        thread = ledger.take(event().thread_key, event(), message.key)
        ledger.finish(thread, outcomes=[], changes={"author": {"id": CUSTOMER, "name": "Jóna Jóns"}, "pending": []})
        yield table


def kept(table):
    return repr(list(table.scan())) + str(boto3.client("s3").list_object_versions(Bucket="archive").get("Versions", []))


@pytest.mark.parametrize("person", [f"messenger/{CUSTOMER}", f"messenger/41/{CUSTOMER}"])
def test_a_person_by_id_or_by_conversation_is_erased_and_a_certificate_printed(deskwire, northwind, person):
    assert "Jóna" in kept(northwind)
    told = deskwire("erase", person, "--yes")
    assert told.status == 0
    certificate = json.loads(told.out)
    assert certificate["complete"]
    assert certificate["counts"]["messages"] == 1
    assert certificate["counts"]["files"] == 1
    assert any("35 days" in line for line in certificate["beyond"])
    for word in (CUSTOMER, "Jóna", "parcel"):
        assert word not in told.out
    for word in ("Jóna", "raw/1", "b'x"):
        assert word not in kept(northwind)
    assert any(item["pk"] == f"X#erased/{certificate['person']}" for item in northwind.scan())


def test_a_dry_run_counts_and_erases_nothing(deskwire, northwind):
    before = kept(northwind)
    told = deskwire("erase", f"messenger/{CUSTOMER}", "--dry-run")
    assert json.loads(told.out)["conversations"] == 1
    assert CUSTOMER not in told.out
    assert kept(northwind) == before


def test_nothing_is_erased_unasked(deskwire, northwind, monkeypatch):
    before = kept(northwind)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    told = deskwire("erase", f"messenger/{CUSTOMER}")
    assert told.status == 130
    assert "--yes" in told.err
    assert kept(northwind) == before


def test_a_second_run_finds_nothing_and_keeps_the_counts(deskwire, northwind):
    first = json.loads(deskwire("erase", f"messenger/{CUSTOMER}", "--yes").out)
    second = json.loads(deskwire("erase", f"messenger/{CUSTOMER}", "--yes").out)
    assert second["counts"] == first["counts"]
    assert second["begun_at"] == first["begun_at"]


def test_somebody_unknown_by_reference_is_told_in_words(deskwire, northwind):
    told = deskwire("erase", "ABCDE-FGHJK", "--yes")
    assert told.status == 1
    assert "nothing is known of" in told.err


@pytest.mark.parametrize("aws", ["http://127.0.0.1:4566", "http://localhost:4566"])
def test_where_aws_is_played_no_real_helpdesk_is_called(deskwire, northwind, monkeypatch, aws):
    before = kept(northwind)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.delenv("DESKWIRE_SANDBOX", raising=False)
    told = deskwire("erase", f"messenger/{CUSTOMER}", "--yes")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert told.status == 2
    assert "source .sandbox/environment" in told.err
    assert kept(northwind) == before

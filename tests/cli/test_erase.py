"""`deskwire erase`: whom it means, that it asks first, and the certificate that it prints."""

import io
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.table import DynamoTable
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import Outcome, Recorded
from deskwire.conversation.table import ticket_item
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.ports import Update
from tests.tables import TABLE

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SAID = "My parcel 4471 is lost"
CUSTOMER = "24900000000000017"


def event():
    return Event(
        channel="messenger", account="41", kind=Kind.MESSAGE, object_id="m_1", verb=ADD, thread=CUSTOMER,
        visibility=Visibility.PRIVATE, author=Author(CUSTOMER, name="Jóna Jóns"), text=SAID, occurred_at=NOW,
    )  # fmt: skip


def filed(table, said, *, ticket="", raw_at=""):
    """Have a worker file what a customer wrote, in a ticket where one is named."""
    ledger = Ledger(table, lambda: NOW, "worker")
    message = Recorded(key=said.key, event=said, endpoint="meta", received_at=NOW.isoformat())
    ledger.record(said.thread_key, message, raw_at=raw_at)
    thread = ledger.take(said.thread_key, said, message.key)
    changes = {"author": {"id": said.author.id, "name": said.author.name}, "pending": [], "ticket": ticket}
    if ticket:
        changes["helpdesk"] = "acme"
        table.update(Update(ticket_item("acme", ticket), set={"thread": said.thread_key, "helpdesk": "acme"}))
    ended = replace(message, state=Outcome.FILED, ticket=ticket)
    ledger.finish(thread, outcomes=[ended] if ticket else [], changes=changes)


@pytest.fixture
def northwind(monkeypatch):
    """A deployed Deskwire on moto with one conversation, whose raw fragment is in the archive."""
    monkeypatch.setattr("deskwire.aws.operating.WAIT", 0)  # moto is one server
    with mock_aws():
        sqs, s3, dynamo = (boto3.client(name) for name in ("sqs", "s3", "dynamodb"))
        dynamo.create_table(TableName="northwind", **TABLE)
        s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="archive", Key="raw/1", Body=SAID.encode())
        dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        values = {"TABLE": "northwind", "ARCHIVE": "archive", "DEAD": dead,
                  "PARKED": sqs.create_queue(QueueName="parked")["QueueUrl"]}  # fmt: skip
        for name, value in values.items():
            monkeypatch.setenv(f"DESKWIRE_{name}", value)
        table = DynamoTable(dynamo, "northwind")
        filed(table, event(), raw_at="raw/1")
        yield table


def comment(author, text, *, number=1, name="Marta"):
    return Event(
        channel="facebook", account="41", kind=Kind.MESSAGE, object_id=f"122_{number}", verb=ADD, thread="122_1",
        visibility=Visibility.PUBLIC, author=Author(author, name=name), text=text, occurred_at=NOW,
    )  # fmt: skip


def submission(address, text):
    return Event(
        channel="webform", account="contact", kind=Kind.MESSAGE, object_id="s1", verb=ADD, thread="s1",
        visibility=Visibility.PRIVATE, author=Author(address, name="Marta", email=address), text=text, occurred_at=NOW,
    )  # fmt: skip


def said(table):
    """Return every word that the table keeps, readable."""
    return "\n".join(
        repr(item) + (zlib.decompress(bytes(item["event"])).decode() if "event" in item else "")
        for item in table.scan()
    )


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


def test_what_aws_stored_for_the_endpoint_is_erased_with_the_message(deskwire, northwind):
    boto3.client("s3").put_object(Bucket="archive", Key="originals/meta/mail-1", Body=b"Subject: my parcel")
    filed(northwind, replace(submission("marta@example.org", "My umbrella is lost"), stored="mail-1"))
    assert "originals/meta/mail-1" in kept(northwind)
    told = deskwire("erase", "webform/marta@example.org", "--yes")
    assert json.loads(told.out)["counts"]["files"] == 1
    assert "mail-1" not in kept(northwind)


def test_a_dry_run_counts_and_erases_nothing(deskwire, northwind):
    before = kept(northwind)
    told = deskwire("erase", f"messenger/{CUSTOMER}", "--dry-run")
    found = json.loads(told.out)
    assert (found["conversations"], found["messages"], found["files"], found["tickets"]) == (1, 1, 1, [])
    assert CUSTOMER not in told.out
    assert kept(northwind) == before


def test_a_dry_run_names_the_tickets(deskwire, northwind):
    filed(northwind, comment("71", "What I said"), ticket="4711")
    found = json.loads(deskwire("erase", "facebook/71", "--dry-run").out)
    assert (found["messages"], found["files"], found["tickets"]) == (1, 0, ["acme/4711"])


@pytest.mark.parametrize("options", [("--yes",), ("--dry-run",), ()])
@pytest.mark.parametrize("person", ["messenger/999", "webform/nobody@example.org"])
def test_nobody_found_is_an_error_and_makes_no_certificate(deskwire, northwind, person, options):
    before = kept(northwind)
    told = deskwire("erase", person, *options)
    assert told.status == 1
    assert "nobody is known by" in told.err
    assert not told.out
    assert kept(northwind) == before


@pytest.mark.parametrize(
    "written", ["webform/Marta@Example.ORG", "webform/marta@example.org", "webform/ marta@example.org "]
)
def test_an_address_is_the_person_s_in_whatever_letters_it_is_written(deskwire, northwind, written):
    filed(northwind, submission("marta@example.org", "My umbrella is lost"))
    assert "umbrella" in said(northwind)
    told = deskwire("erase", written, "--yes")
    assert told.status == 0
    assert json.loads(told.out)["counts"]["messages"] == 1
    assert "umbrella" not in said(northwind)
    assert "marta" not in said(northwind)


def test_whoever_was_stored_in_other_letters_is_found_as_well(deskwire, northwind):
    filed(northwind, submission("Marta@Example.org", "My umbrella is lost"))
    assert json.loads(deskwire("erase", "webform/marta@example.org", "--yes").out)["counts"]["messages"] == 1
    assert "umbrella" not in said(northwind)


@pytest.mark.parametrize("given", ["acme/4711", "facebook/41/122_1"])
def test_of_several_writers_none_is_guessed(deskwire, northwind, given):
    filed(northwind, comment("71", "It is mine", number=1, name="Marta"), ticket="4711")
    filed(northwind, comment("72", "And I say", number=2, name="Halla"), ticket="4711")
    before = kept(northwind)
    told = deskwire("erase", given, "--yes")
    assert told.status == 2
    lines = [line.split() for line in told.err.splitlines() if "facebook/7" in line]
    assert [line[:2] for line in lines] == [["facebook/71", "Marta,"], ["facebook/72", "Halla,"]]
    assert kept(northwind) == before
    chosen = deskwire("erase", "facebook/71", "--yes")
    assert json.loads(chosen.out)["counts"]["messages"] == 1
    assert "It is mine" not in said(northwind)
    assert "And I say" in said(northwind)


def test_the_one_customer_of_a_ticket_is_meant_by_it(deskwire, northwind):
    filed(northwind, comment("71", "It is mine"), ticket="4711")
    found = json.loads(deskwire("erase", "acme/4711", "--dry-run").out)
    assert found["person"] == json.loads(deskwire("erase", "facebook/71", "--dry-run").out)["person"]


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
@pytest.mark.parametrize("played", ["", "{}"])
def test_where_aws_is_played_no_real_helpdesk_is_called(deskwire, northwind, monkeypatch, aws, played):
    before = kept(northwind)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("DESKWIRE_SANDBOX", played)
    told = deskwire("erase", f"messenger/{CUSTOMER}", "--yes")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert told.status == 2
    assert "source .sandbox/environment" in told.err
    assert kept(northwind) == before

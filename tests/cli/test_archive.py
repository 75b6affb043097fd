"""`deskwire archive verify` and `deskwire find`, on what the function wrote to DynamoDB and S3 (moto)."""

import json
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from cli import archive
from deskwire.aws.blocks import S3Blocks
from deskwire.aws.table import DynamoTable
from deskwire.ports import Put
from deskwire.transcripts import keys
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.stories.conftest import CUSTOMER, START
from tests.stories.test_archive_stories import OTHER, Archived, answered
from tests.tables import TABLE


@pytest.fixture(scope="module")
def morning():
    """What a morning leaves on the stream, and the connections."""
    with Zendesk(clock := Clock(START, held=True)) as zendesk:
        company = Archived(clock, zendesk)
        company.says("My parcel 7731 is not hére.\x1b[2J")
        company.says("Where is mine?", customer=OTHER)
        answered(company)
        company.close()
        yield company


@pytest.fixture
def northwind(morning, monkeypatch):
    with mock_aws():
        boto3.client("dynamodb").create_table(TableName="northwind", **TABLE)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="transcripts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        table = DynamoTable(boto3.client("dynamodb"), "northwind")
        for key, kept in morning.table.items.items():
            if key[0].startswith("C#"):
                table.put(Put(kept))
        monkeypatch.setenv("DESKWIRE_TABLE", "northwind")
        monkeypatch.setenv("DESKWIRE_TRANSCRIPTS", "transcripts")
        monkeypatch.setattr(archive, "now", lambda: START + timedelta(hours=1))
        archiver = morning.archiver()
        object.__setattr__(archiver, "table", table)
        object.__setattr__(archiver, "blocks", S3Blocks(s3, "transcripts"))
        for _ in range(2):  # once more: it is redelivered
            assert archiver.archive(morning.records) == ""
        yield table


def block():
    (found,) = boto3.client("s3").list_objects_v2(Bucket="transcripts")["Contents"]
    return found["Key"]


def test_what_nobody_touched_is_whole_and_its_end_is_told(deskwire, northwind):
    told = deskwire("archive", "verify")
    assert told.status == 0
    assert told.out.startswith(f"whole: 5 lines of 1 days, from {block()} on")
    found = json.loads(deskwire("archive", "verify", "--since", "30d", "--json").out)
    assert (found["whole"], found["lines"], found["number"], found["broken"]) == (True, 5, 5, None)
    assert found["hash"] in told.out


def test_the_first_broken_line_is_named(deskwire, northwind):
    s3, name = boto3.client("s3"), block()
    lines = s3.get_object(Bucket="transcripts", Key=name)["Body"].read().splitlines(keepends=True)
    s3.put_object(Bucket="transcripts", Key=name, Body=b"".join([lines[0], *lines[2:]]))
    told = deskwire("archive", "verify")
    assert told.status == 1
    assert told.out.startswith(f"BROKEN at {name} line 2\n")
    found = json.loads(deskwire("archive", "verify", "--json").out)
    assert (found["whole"], found["broken"]["place"]) == (False, f"{name} line 2")


def test_words_are_found_with_who_wrote_them(deskwire, northwind):
    told = deskwire("find", "parcel", "here")
    assert told.status == 0
    assert "My parcel 7731 is not hére." in told.out
    assert CUSTOMER in told.out
    assert "1 found" in told.out
    assert "\x1b" not in told.out
    (found,) = deskwire("find", "on its way", "--json").out.splitlines()
    assert json.loads(found)["words"] == {"text": "It is on its way."}
    assert json.loads(found)["kind"] == "answer"


def test_a_person_or_a_channel_alone_is_searched(deskwire, northwind):
    assert "Where is mine?" in deskwire("find", "where", "--person", f"messenger/{OTHER}").out
    assert deskwire("find", "where", "--person", f"messenger/{CUSTOMER}").status == 1
    assert deskwire("find", "where", "--channel", "facebook").status == 1
    assert deskwire("find", "where", "--person", "nobody").status == 2


def test_what_holds_no_word_is_refused_for_it_would_match_everything(deskwire, northwind):
    told = deskwire("find", "parcel", "?!")
    assert told.status == 2
    assert "?!" in told.err


def test_a_search_goes_on_past_what_the_archive_did_not_write(deskwire, northwind):
    for number, data in enumerate((b"[" * 100_000, b'{"kind":"message","words":"x"}', b"\xff\n[1]")):
        name = f"conversations/day=2026-11-02/000000000{number + 7}.jsonl"
        boto3.client("s3").put_object(Bucket="transcripts", Key=name, Body=data)
    told = deskwire("find", "parcel")
    assert told.status == 0
    assert "unreadable 3" in told.out
    assert deskwire("archive", "verify").status == 1


def test_who_was_erased_is_counted_and_not_found(deskwire, northwind):
    keys.destroy(northwind, keys.person("messenger", CUSTOMER), int(START.timestamp()) + 60)
    told = deskwire("find", "parcel")
    assert told.status == 1
    assert "without words: erased 1" in told.out
    assert deskwire("archive", "verify").status == 0


def test_without_an_archive_it_says_which_output_is_missing(deskwire, northwind, monkeypatch):
    monkeypatch.delenv("DESKWIRE_TRANSCRIPTS")
    told = deskwire("find", "parcel")
    assert told.status == 2
    assert "TranscriptsName" in told.err

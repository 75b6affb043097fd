"""What an operator reaches holds the same promises in memory and on AWS (moto): table, queues, archive."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.blocks import S3Blocks
from deskwire.aws.operating import S3WholeArchive, SqsPile
from deskwire.aws.table import DynamoTable
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.ports import Letter, Put
from deskwire.ports.memory import MemoryArchive, MemoryBlocks, MemoryPile, MemoryTable
from tests.tables import TABLE


@pytest.fixture
def aws():
    with mock_aws():
        yield


@pytest.fixture(params=["memory", "dynamodb"])
def table(request):
    if request.param == "memory":
        return MemoryTable()
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb")
    client.create_table(TableName="deskwire", **TABLE)
    return DynamoTable(client, "deskwire")


def test_a_scan_brings_every_item_with_the_attributes_asked_for(table):
    for number in range(40):  # 40 × 50 kB: more than a call of DynamoDB brings
        table.put(Put({"pk": f"T#{number}", "sk": "THREAD", "state": "recorded", "raw": b"x" * 50_000}))
    everything = sorted(item["pk"] for item in table.scan())
    assert everything == sorted(f"T#{number}" for number in range(40))
    assert {tuple(sorted(item)) for item in table.scan(("pk", "state"))} == {("pk", "state")}


@pytest.fixture(params=["memory", "s3"])
def archive(request):
    if request.param == "memory":
        return MemoryArchive()
    request.getfixturevalue("aws")
    client = boto3.client("s3")
    client.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
    return S3WholeArchive(client, "archive")


def test_what_is_removed_from_the_archive_is_gone_and_nothing_else(archive):
    for name in ("raw/a", "raw/ab", "parked/a"):
        archive.keep(name, b"words")
    archive.keep("raw/a", b"other words")
    assert archive.remove("raw/a")
    assert not archive.remove("raw/a")
    assert list(archive.names("raw/")) == ["raw/ab"]
    assert archive.fetch("parked/a") == b"words"


def test_no_version_stays_behind(aws):
    client = boto3.client("s3")
    client.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
    archive = S3WholeArchive(client, "archive")
    archive.keep("raw/a", b"words")
    archive.keep("raw/a", b"other words")
    client.delete_object(Bucket="archive", Key="raw/a")  # as a careless person would
    assert archive.remove("raw/a")
    left = client.list_object_versions(Bucket="archive")
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


@pytest.fixture(params=["memory", "sqs"])
def pile(request):
    """Return a pile of three dead letters, two of one group."""
    letters = [Letter("g", "d1", "first"), Letter("g", "d2", "second"), Letter("h", "d3", "third")]
    if request.param == "memory":
        return MemoryPile(letters)
    request.getfixturevalue("aws")
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for letter in letters:
        client.send_message(
            QueueUrl=url, MessageBody=letter.body, MessageGroupId=letter.group, MessageDeduplicationId=letter.dedupe
        )
    return SqsPile(client, url)


def test_what_was_looked_at_is_hidden_until_it_is_put_back(pile):
    found = pile.look()
    assert [(each.group, each.body) for each in found] == [("g", "first"), ("g", "second"), ("h", "third")]
    assert pile.look() == []
    pile.put_back(found)
    assert [each.body for each in pile.look()] == ["first", "second", "third"]


def test_what_was_removed_does_not_come_back_and_the_names_stay(pile):
    found = pile.look()
    pile.remove(found[0])
    pile.put_back(found[1:])
    again = pile.look()
    assert [each.id for each in again] == [each.id for each in found[1:]]


def test_a_queue_that_is_not_there_is_a_matter_for_a_person(aws):
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/nothing"
    with pytest.raises(ConfigurationError, match="rights"):
        SqsPile(boto3.client("sqs"), url).look()


@pytest.fixture(params=["memory", "s3"])
def blocks(request):
    if request.param == "memory":
        return MemoryBlocks()
    request.getfixturevalue("aws")
    client = boto3.client("s3")
    client.create_bucket(Bucket="transcripts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket="transcripts", VersioningConfiguration={"Status": "Enabled"})
    return S3Blocks(client, "transcripts")


def test_a_block_is_written_once(blocks):
    assert blocks.add("conversations/day=2026-11-02/0000000001.jsonl", b"one")
    assert not blocks.add("conversations/day=2026-11-02/0000000001.jsonl", b"another")
    assert blocks.fetch("conversations/day=2026-11-02/0000000001.jsonl") == b"one"


def test_a_block_that_is_not_there_is_said_to_be_missing(blocks):
    with pytest.raises(PermanentError):
        blocks.fetch("conversations/day=2026-11-02/0000000001.jsonl")


def test_blocks_are_named_in_order(blocks):
    names = [f"conversations/day=2026-11-{day:02}/{number:010}.jsonl" for day in (2, 3) for number in range(1, 700)]
    for name in reversed(names):
        blocks.add(name, b"one")
    assert [*blocks.names("conversations/")] == names
    assert [*blocks.names("conversations/", after="conversations/day=2026-11-03")] == names[699:]


@pytest.mark.parametrize(
    ("code", "error"),
    [("SlowDown", TemporaryError), ("ConditionalRequestConflict", TemporaryError), ("NoSuchBucket", ConfigurationError),
     ("AccessDenied", ConfigurationError)],
)  # fmt: skip
def test_what_s3_answers_says_whether_it_may_work_later(aws, monkeypatch, code, error):
    client = boto3.client("s3")
    known = S3Blocks(client, "transcripts")

    def refuse(*_, **__):
        raise client.exceptions.ClientError({"Error": {"Code": code}}, "PutObject")

    monkeypatch.setattr(client, "put_object", refuse)
    monkeypatch.setattr(client, "get_object", refuse)
    for call in (lambda: known.add("a", b"one"), lambda: known.fetch("a")):
        with pytest.raises(error):
            call()

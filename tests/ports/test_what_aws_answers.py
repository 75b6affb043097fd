"""What the adapters ask of AWS, and how they take answers that moto does not give: throttles, parts, further pages."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deskwire.aws.operating import S3WholeArchive
from deskwire.aws.queues import S3Archive, SqsMailbox
from deskwire.aws.table import DynamoTable
from deskwire.model.errors import TemporaryError
from deskwire.ports import Letter, Put

KEY = ("T#one", "THREAD")
TYPED = {"pk": {"S": "T#one"}, "sk": {"S": "THREAD"}}
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/mailbox.fifo"


@pytest.fixture
def stubbed(monkeypatch):
    """Give a service's client and the stub that answers it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    stubs = []

    def client(service):
        made = boto3.client(service, region_name="eu-west-1")
        stubs.append(Stubber(made))
        stubs[-1].activate()
        return made, stubs[-1]

    yield client
    for stub in stubs:
        stub.assert_no_pending_responses()


def test_an_item_and_a_partition_are_read_as_last_written(stubbed):
    client, stub = stubbed("dynamodb")
    stub.add_response("get_item", {"Item": TYPED}, {"TableName": "t", "Key": TYPED, "ConsistentRead": True})
    asked = {"TableName": "t", "KeyConditionExpression": ANY, "ExpressionAttributeValues": ANY, "ConsistentRead": True}
    stub.add_response("query", {"Items": [TYPED]}, asked)
    table = DynamoTable(client, "t")
    assert table.get(KEY) == {"pk": "T#one", "sk": "THREAD"}
    assert table.query("T#one") == [{"pk": "T#one", "sk": "THREAD"}]


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "InternalServerError"]
)
def test_a_throttled_write_is_no_conflict(stubbed, code):
    client, stub = stubbed("dynamodb")
    stub.add_client_error("put_item", code)
    with pytest.raises(TemporaryError):
        DynamoTable(client, "t").put(Put({"pk": "T#one", "sk": "THREAD"}))


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "RequestTimeout"])
def test_an_object_that_cannot_be_had_now_is_not_said_to_be_gone(stubbed, code):
    client, stub = stubbed("s3")
    stub.add_client_error("get_object", code)
    with pytest.raises(TemporaryError):
        S3Archive(client, "archive").fetch("raw/a")


def test_a_part_of_a_batch_that_sqs_refused_is_told(stubbed):
    client, stub = stubbed("sqs")
    refused = {"Id": "1", "SenderFault": False, "Code": "InternalError"}
    sent = {"Id": "0", "MessageId": "m", "MD5OfMessageBody": "d41d8cd98f00b204e9800998ecf8427e"}
    stub.add_response("send_message_batch", {"Successful": [sent], "Failed": [refused]})
    with pytest.raises(TemporaryError) as caught:
        SqsMailbox(client, QUEUE).send([Letter("g", "a", ""), Letter("g", "b", "")])
    assert caught.value.ambiguous


def test_every_page_of_an_archives_names_is_read(stubbed):
    client, stub = stubbed("s3")
    first = {"Versions": [{"Key": "raw/a", "VersionId": "1"}], "IsTruncated": True, "NextKeyMarker": "raw/a",
             "NextVersionIdMarker": "1"}  # fmt: skip
    stub.add_response("list_object_versions", first)
    stub.add_response("list_object_versions", {"Versions": [{"Key": "raw/b", "VersionId": "1"}], "IsTruncated": False})
    assert list(S3WholeArchive(client, "archive").names("raw/")) == ["raw/a", "raw/b"]

"""Where the sandbox depends on the embedded AWS behaving as AWS does, or as we changed it."""

import time

import pytest
import requests

pytestmark = pytest.mark.stack


def test_the_queue_forgets_an_id_after_as_long_as_the_sandbox_says(probes):
    sqs = probes.client("sqs")

    def send():
        message = {"MessageBody": "{}", "MessageGroupId": "thread", "MessageDeduplicationId": "an event's key"}
        return sqs.send_message(QueueUrl=probes.deployed.mailbox, **message)["MessageId"]

    first = send()
    assert send() == first
    time.sleep(probes.dedupe_seconds + 0.1)
    assert send() != first


def test_an_upload_is_taken_as_presigned_and_not_otherwise(probes):
    post = probes.client("s3").generate_presigned_post(
        probes.deployed.archive, "incoming/form/photo", Conditions=[["content-length-range", 0, 10]], ExpiresIn=60
    )

    def upload(fields, content):
        return requests.post(post["url"], data=fields, files={"file": ("photo.png", content)}, timeout=10).status_code

    assert upload(post["fields"], b"0123456789") == 204
    assert upload(post["fields"], b"0123456789+") == 400
    assert upload(post["fields"] | {"key": "raw/elsewhere"}, b"0") == 403


def test_a_megabyte_is_taken_and_a_byte_more_is_not(probes):
    sqs = probes.client("sqs")

    def send(size):
        ids = {"MessageGroupId": "large", "MessageDeduplicationId": str(size)}
        return sqs.send_message(QueueUrl=probes.deployed.mailbox, MessageBody="a" * size, **ids)

    assert send(1024 * 1024)["MessageId"]
    with pytest.raises(sqs.exceptions.ClientError, match=r"1048576"):
        send(1024 * 1024 + 1)


def test_a_function_sees_its_route_and_not_the_emulators_path(probes):
    answer = requests.post(f"{probes.deployed.api}/channels/meta?a=1", data=b"{}", timeout=10)
    assert answer.json() == {"path": "/channels/meta", "route": "ANY /channels/{endpoint}", "query": "a=1"}

"""Access to AWS for operators only: read the queues, search and empty the archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.ports import Found

from .denied import told
from .queues import S3Archive

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN = 120  # seconds; a command that died leaves nothing hidden for longer
WAIT = 1  # second: asks all of the servers of SQS; without it a short look may miss some
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue",
                    "QueueDoesNotExist", "NoSuchBucket"})  # fmt: skip


class SqsPile:
    """The queue at `url`: parked deliveries or dead letters."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def look(self) -> list[Found]:
        """Return the messages, oldest first, and hide them from others for two minutes.

        A standard queue may return one twice. While messages of a FIFO group are hidden, SQS returns no more of it
        (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html).
        """
        found: dict[str, Found] = {}
        while True:
            try:
                answer = self._client.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=HIDDEN,
                    WaitTimeSeconds=WAIT,
                    MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId", "ApproximateReceiveCount"],
                )
            except (ClientError, BotoCoreError) as error:
                raise translated(error, "SQS") from None
            messages = answer.get("Messages", [])
            for message in messages:
                attributes = message.get("Attributes", {})
                found[message["MessageId"]] = Found(
                    id=message["MessageId"],
                    handle=message["ReceiptHandle"],
                    body=message["Body"],
                    group=attributes.get("MessageGroupId", ""),
                    sent_at=int(attributes.get("SentTimestamp", "0")),
                    received=int(attributes.get("ApproximateReceiveCount", "0")),
                )
            if not messages:
                return sorted(found.values(), key=lambda each: each.sent_at)

    def put_back(self, found: Sequence[Found]) -> None:
        """Make messages visible again; if that fails, they become visible when their time is over."""
        for start in range(0, len(found), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": each.handle, "VisibilityTimeout": 0}
                for number, each in enumerate(found[start : start + 10])
            ]
            try:
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
            except (ClientError, BotoCoreError):
                return

    def remove(self, found: Found) -> None:
        """Remove a message for good. Raises `TemporaryError`, `ConfigurationError`."""
        try:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=found.handle)
        except (ClientError, BotoCoreError) as error:
            raise translated(error, "SQS") from None

    def size(self) -> int:
        """Return the approximate number of messages, visible or in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise translated(error, "SQS") from None
        return sum(int(number) for number in answer["Attributes"].values())


class S3WholeArchive(S3Archive):
    """The archive's bucket, to be searched and emptied."""

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names of the objects that begin with `prefix`, including earlier versions."""
        seen: set[str] = set()
        for name, _ in self._versions(prefix):
            if name not in seen:
                seen.add(name)
                yield name

    def remove(self, name: str) -> bool:
        """Remove an object with all its versions (a delete marker would leave the words); False if there was none."""
        gone = False
        for found, version in self._versions(name):
            if found != name:
                continue
            try:
                self._client.delete_object(Bucket=self._bucket, Key=name, VersionId=version)
            except (ClientError, BotoCoreError) as error:
                raise translated(error, "S3") from None
            gone = True
        return gone

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    yield each["Key"], each["VersionId"]
        except (ClientError, BotoCoreError) as error:
            raise translated(error, "S3") from None


def translated(error: ClientError | BotoCoreError, what: str) -> TemporaryError | ConfigurationError:
    """Return our error: `ConfigurationError` for permissions and names, `TemporaryError` for the rest."""
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    if code in DENIED:
        return ConfigurationError(
            f"{what} refuses ({told(error)}): look at your rights and the queue's or bucket's name"
        )
    return TemporaryError(f"{what}: {told(error)}", ambiguous=True)

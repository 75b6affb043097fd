"""The mailbox, the parked queue and the archive, by boto3 (behind the queue; `receive` uses `light`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.ports import Letter

from .denied import told

LENT_SECONDS = 3600  # a platform fetches what it is to send at once


if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from deskwire.model.tickets import File


class SqsMailbox:
    """The FIFO queue at `url`."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, letters: Sequence[Letter]) -> None:
        """Put the letters on the queue, ten per call. Raises `TemporaryError` if any may be missing."""
        for start in range(0, len(letters), 10):
            entries = [
                {
                    "Id": str(number),
                    "MessageBody": letter.body,
                    "MessageGroupId": letter.group,
                    "MessageDeduplicationId": letter.dedupe,
                }
                for number, letter in enumerate(letters[start : start + 10])
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
            except (ClientError, BotoCoreError) as error:
                raise TemporaryError(f"SQS: {told(error)}", ambiguous=True) from None
            if answer.get("Failed"):
                raise TemporaryError("SQS refused a part of the batch", ambiguous=True)


class SqsParked:
    """The queue of parked deliveries."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def park(self, body: str) -> None:
        """Put a delivery on the queue. Raises `TemporaryError`."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (ClientError, BotoCoreError) as error:
            raise TemporaryError(f"SQS: {told(error)}", ambiguous=True) from None


class S3Archive:
    """The bucket of large objects."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, name: str, data: bytes) -> None:
        """Write an object. Raises `TemporaryError`."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=data)
        except (ClientError, BotoCoreError) as error:
            raise TemporaryError(f"S3: {told(error)}", ambiguous=True) from None

    def lend(self, name: str, file: File) -> str:
        """Write a file and return an address from which it can be downloaded for an hour. Raises `TemporaryError`."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=file.data, ContentType=file.type)
            place = {"Bucket": self._bucket, "Key": name}
            return self._client.generate_presigned_url("get_object", Params=place, ExpiresIn=LENT_SECONDS)
        except (ClientError, BotoCoreError) as error:
            raise TemporaryError(f"S3: {told(error)}", ambiguous=True) from None

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
                raise PermanentError("there is no such object in the archive", status=404) from None
            raise TemporaryError(f"S3: {told(error)}") from None
        except BotoCoreError as error:
            raise TemporaryError(f"S3: {told(error)}") from None

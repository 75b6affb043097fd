"""The bucket of the archive of conversations, by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError

from .denied import told

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DENIED = frozenset({"AccessDenied", "NoSuchBucket"})


class S3Blocks:
    """Objects that are never overwritten.

    S3 itself refuses to write an existing name (`If-None-Match: *`), even for two concurrent writes; it checks only the
    current version (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def add(self, name: str, data: bytes) -> bool:
        """Write an object unless it exists; return whether it was written. Raises `TemporaryError`."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=data, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "PreconditionFailed":
                return False
            raise _translated(error) from None  # 409 as well: another write of that name goes on right now
        except BotoCoreError as error:
            raise _translated(error) from None
        return True

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
                raise PermanentError("there is no such object in the archive", status=404) from None
            raise _translated(error) from None
        except BotoCoreError as error:
            raise _translated(error) from None

    def names(self, prefix: str, after: str = "") -> Iterator[str]:
        """Yield in order the names that begin with `prefix` and come after `after`. Raises `TemporaryError`."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after
            )
            for page in pages:
                for each in page.get("Contents", []):
                    yield each["Key"]
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from None


def _translated(error: ClientError | BotoCoreError) -> TemporaryError | ConfigurationError:
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in DENIED:
        return ConfigurationError(f"S3 refuses ({told(error)}): look at the rights and at the bucket's name")
    return TemporaryError(f"S3: {told(error)}", ambiguous=True)

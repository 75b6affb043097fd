"""A small client for SQS, DynamoDB, Secrets Manager and S3 with the standard library, for receive.

boto3 costs a cold start two hundred milliseconds, this a few. It has only what receive needs, and gives up within
`budget` seconds, because a platform is waiting. Behind the queue boto3 is used.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.values import dataclass
from deskwire.model.writing import write
from deskwire.ports import Letter
from deskwire.web.reading import Node, read
from deskwire.web.wire import Reply, Wire, WireError

from .credentials import CredentialSource
from .endpoints import Endpoints
from .roots import ROOTS
from .signing import Scope, host_of, presign_post, sign
from .typed import decode_item, encode_item

TRIES = 3
ATTEMPT = 1.0  # seconds for one try
BATCH = 10  # entries
LARGEST = 1_048_576  # bytes of one message, and of all of a batch
TARGETS: Final = {"sqs": "AmazonSQS", "dynamodb": "DynamoDB_20120810", "secretsmanager": "secretsmanager"}
CODE = re.compile(r"[A-Za-z0-9_.:-]{1,80}")

# The codes that botocore, too, takes for throttling (botocore/retries/standard.py).
THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
    "TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
    "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown", "KmsThrottled",
})  # fmt: skip
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
# A person has to mend these: a right, a key, a name.
MISCONFIGURED = EXPIRED | {
    "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
    "InvalidAccessKeyId", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationToken",
    "IncompleteSignature", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
    "ResourceNotFoundException", "NoSuchBucket", "InvalidAddress", "KmsAccessDenied", "KmsDisabled",
    "KmsInvalidState", "KmsNotFound", "KmsOptInRequired", "KmsInvalidKeyUsage", "DecryptionFailure",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failed:
    """An entry of a batch that SQS refused; `ours`: the fault is ours, so sending it again is useless."""

    position: int
    code: str
    ours: bool


class Light:
    """The client; made once per container, thread-safe.

    Its methods raise `TemporaryError` (retry; ambiguous if it may have been done), `ConfigurationError` (a wrong
    permission, name or key) and `PermanentError` (with AWS's code) for every other refusal.
    """

    def __init__(self, environ: Mapping[str, str], *, budget: float = 1.9) -> None:
        """Take the environment (region, credentials, endpoints) and the seconds for a call with its retries."""
        self._region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        if not self._region:
            raise ConfigurationError("AWS_REGION is missing; Lambda sets it")
        self._endpoints = Endpoints(environ, self._region)
        self._credentials = CredentialSource(environ)
        self._budget = budget
        self._wire = Wire(amazon)

    # ------------------------------------------------------------------------------------------------------- SQS

    def send_message(self, queue: str, letter: Letter) -> None:
        """Put one message on a queue, by its URL; `group` and `dedupe` are left out for a standard queue."""
        _fits([letter])
        payload = {"QueueUrl": queue, **_entry(letter)}
        found = self._json("sqs", "SendMessage", payload)
        _same(letter, str(found["MD5OfMessageBody"].raw))

    def send_message_batch(self, queue: str, letters: Sequence[Letter]) -> list[Failed]:
        """Put up to ten messages on a queue in one call; return those that it refused."""
        _fits(letters)
        entries = [{"Id": str(position), **_entry(letter)} for position, letter in enumerate(letters)]
        found = self._json("sqs", "SendMessageBatch", {"QueueUrl": queue, "Entries": entries})
        try:
            taken = {done["Id"].number(): done["MD5OfMessageBody"].text("") for done in found["Successful"].items()}
            failed = [
                Failed(one["Id"].number(), _code(one["Code"].text("")), one["SenderFault"].truth(default=False))
                for one in found["Failed"].items()
            ]
        except PayloadError as error:
            raise TemporaryError(f"sqs SendMessageBatch: {error}", ambiguous=True) from None
        if sorted([*taken, *(one.position for one in failed)]) != list(range(len(letters))):
            raise TemporaryError("SQS did not account for every message of the batch", ambiguous=True)
        for position, digest in taken.items():
            _same(letters[position], digest)
        return failed

    # -------------------------------------------------------------------------------------------------- DynamoDB

    def get_item(self, table: str, key: Mapping[str, object], *, consistent: bool = True) -> dict[str, Any] | None:
        """Return an item, or None."""
        payload = {"TableName": table, "Key": encode_item(key), "ConsistentRead": consistent}
        item = self._json("dynamodb", "GetItem", payload)["Item"]
        return decode_item(item.raw) if item else None

    def put_item(self, table: str, item: Mapping[str, object], **more: object) -> None:
        """Write an item; `more` is passed on as AWS names it (`ConditionExpression` …), values as plain Python."""
        payload = {"TableName": table, "Item": encode_item(item), **_expression(more)}
        self._json("dynamodb", "PutItem", payload, repeatable=False)

    def update_item(self, table: str, key: Mapping[str, object], **more: object) -> dict[str, Any]:
        """Change an item; `more` as for `put_item` (`UpdateExpression` …). Return what `ReturnValues` asks for."""
        payload = {"TableName": table, "Key": encode_item(key), **_expression(more)}
        found = self._json("dynamodb", "UpdateItem", payload, repeatable=False)
        return decode_item(found["Attributes"].raw or {})

    def query(self, table: str, pk: str, after: str, most: int) -> list[dict[str, Any]]:
        """Return a partition's items whose sort key comes after this one, in order."""
        payload = {
            "TableName": table, "Limit": most, "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk > :after",
            "ExpressionAttributeValues": encode_item({":pk": pk, ":after": after}),
        }  # fmt: skip
        return [decode_item(item.raw) for item in self._json("dynamodb", "Query", payload)["Items"].items()]

    # ------------------------------------------------------------------------------------------- Secrets Manager

    def get_secret_value(self, name: str) -> str:
        """Return the current text of a secret."""
        try:
            return self._json("secretsmanager", "GetSecretValue", {"SecretId": name})["SecretString"].text()
        except PayloadError:
            raise ConfigurationError(f"the secret “{name}” holds no text: store its JSON as SecretString") from None

    # -------------------------------------------------------------------------------------------------------- S3

    def put_object(self, bucket: str, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write an object."""
        url = self._endpoints.bucket(bucket) + quote(key, safe="/~")
        self._send("PUT", url, "s3", "PutObject", {"Content-Type": content_type}, data)

    def presigned_post(
        self, bucket: str, key: str, content_type: str, max_bytes: int, expires: int, now: datetime
    ) -> dict[str, Any]:
        """Return `{url, fields}` of a form by which a browser may upload one object within `expires` seconds."""
        conditions = [{"Content-Type": content_type}, ["content-length-range", 1, max_bytes], {"bucket": bucket}]
        fields = presign_post(
            {"Content-Type": content_type, "key": key},
            [*conditions, {"key": key}],
            self._credentials(now),
            Scope("s3", self._region, now.astimezone(UTC)),
            seconds=expires,
        )
        return {"url": self._endpoints.bucket(bucket), "fields": fields}

    # ------------------------------------------------------------------------------------------------- beneath it

    def _json(self, service: str, operation: str, payload: Mapping[str, object], *, repeatable: bool = True) -> Node:
        version = "1.1" if service == "secretsmanager" else "1.0"
        headers = {
            "Content-Type": f"application/x-amz-json-{version}",
            "X-Amz-Target": f"{TARGETS[service]}.{operation}",
        }
        url = self._endpoints.service(service) + "/"
        body = write(payload).encode()
        reply = self._send("POST", url, service, operation, headers, body, repeatable=repeatable)
        try:
            return read(reply.body)
        except PayloadError as error:
            raise TemporaryError(f"{service} {operation}: {error}", ambiguous=True) from None

    def _send(
        self,
        method: str,
        url: str,
        service: str,
        operation: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        repeatable: bool = True,
    ) -> Reply:
        """Return a reply of 200; retry (at most twice, within the budget) if that may succeed."""
        deadline = time.monotonic() + self._budget
        doubtful, renewed = False, False
        trouble = TemporaryError(f"{service} {operation}: no time left")
        for left in _tries(deadline):
            try:
                reply = self._signed(method, url, service, headers, body, min(ATTEMPT, left), repeatable=repeatable)
            except WireError as error:
                doubtful = doubtful or error.sent
                trouble = TemporaryError(f"{service} {operation}: {error}", ambiguous=doubtful)
                if error.sent and not repeatable:
                    break
                continue
            if reply.status == 200:
                return reply
            code = error_code(reply)
            if code in EXPIRED and not renewed:
                renewed = True
                self._credentials.forget()
                continue
            throttled = code in THROTTLED or reply.status == 429
            if not throttled and reply.status < 500:
                raise refused(reply.status, code, f"{service} {operation}")
            doubtful = doubtful or not throttled
            trouble = TemporaryError(f"{service} {operation}: HTTP {reply.status} {code}".rstrip(), ambiguous=doubtful)
            if not (repeatable or throttled):
                break
        raise trouble

    def _signed(
        self,
        method: str,
        url: str,
        service: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        *,
        repeatable: bool,
    ) -> Reply:
        now = datetime.now(UTC)
        scope = Scope(service, self._region, now)
        sent = sign(method, url, {**headers, "Host": host_of(url)}, body, self._credentials(now), scope)
        try:
            return self._wire.exchange(method, url, sent, body, timeout=timeout, repeatable=repeatable)
        except WireError as error:
            if not error.untrusted:
                raise
            self._wire = Wire()  # AWS uses another authority here: from now on whomever the system trusts
            return self._wire.exchange(method, url, sent, body, timeout=timeout, repeatable=repeatable)
        except ValueError as error:
            raise PermanentError(f"{service}: the request cannot be written: {error}") from None

    def close(self) -> None:
        """Close the idle connections."""
        self._wire.close()


def _tries(deadline: float) -> Iterator[float]:
    """Yield the seconds left to a `time.monotonic` moment for each try, pausing before the second and later ones."""
    for number in range(TRIES):
        pause = 0.05 * 2**number * (0.5 + os.urandom(1)[0] / 510) if number else 0.0
        left = deadline - time.monotonic() - pause
        if left <= 0:
            return
        if pause:
            time.sleep(pause)
        yield left


def batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    """Yield the messages in order, in batches within SQS's limits: ten messages, one mebibyte."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        weight = _weight(letter)
        if batch and (len(batch) == BATCH or size + weight > LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += weight
    if batch:
        yield batch


def amazon() -> ssl.SSLContext:
    """Return a TLS context that trusts only Amazon's own authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=ROOTS)
    return context


def error_code(reply: Reply) -> str:
    """Return AWS's error code: from the header, the JSON (`com.amazonaws.sqs#QueueDoesNotExist`) or the XML."""
    code = reply.headers.get("x-amzn-errortype", "")
    if not code:
        try:
            code = read(reply.body)["__type"].text("")
        except PayloadError:
            found = re.search(rb"<Code>([A-Za-z0-9.]{1,80})</Code>", reply.body[:4096])
            code = found[1].decode() if found else ""
    return _code((code.partition("#")[2] or code).partition(":")[0])


def refused(status: int, code: str, what: str) -> ConfigurationError | PermanentError:
    """Return the error for a refusal that a retry would meet again."""
    text = f"{what}: HTTP {status} {code}".rstrip()
    if code in MISCONFIGURED or (status in {401, 403} and code != "ConditionalCheckFailedException"):
        return ConfigurationError(f"{text}: check the function's role, the resource's name and the clock")
    return PermanentError(text, status=status, code=code)


def _code(text: str) -> str:
    return text if CODE.fullmatch(text) else ""


def _entry(letter: Letter) -> dict[str, str]:
    entry = {"MessageBody": letter.body, "MessageGroupId": letter.group, "MessageDeduplicationId": letter.dedupe}
    return {name: value for name, value in entry.items() if value or name == "MessageBody"}


def _fits(letters: Sequence[Letter]) -> None:
    if not 0 < len(letters) <= BATCH:
        raise PermanentError(f"a batch holds one to {BATCH} messages")
    if sum(_weight(letter) for letter in letters) > LARGEST:
        raise PermanentError(f"the messages are larger than {LARGEST} bytes together")


def _weight(letter: Letter) -> int:
    return len(letter.body) if letter.body.isascii() else len(letter.body.encode())


def _same(letter: Letter, digest: str) -> None:
    if hashlib.md5(letter.body.encode(), usedforsecurity=False).hexdigest() != digest:
        raise TemporaryError("SQS took another body than was sent", ambiguous=True)


def _expression(more: Mapping[str, object]) -> dict[str, object]:
    values = more.get("ExpressionAttributeValues")
    return {**more, "ExpressionAttributeValues": encode_item(values)} if isinstance(values, Mapping) else dict(more)

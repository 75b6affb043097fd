"""Make the AWS clients for everything behind the queue, each once."""

from __future__ import annotations

import email.errors
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.web.media import MIME, safe_name

from .alarms import SnsAlarms
from .blocks import S3Blocks
from .bus import EventBridge
from .queues import S3Archive, SqsMailbox
from .secrets import SecretsManager
from .table import DynamoTable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

    from deskwire.model.tickets import File
    from deskwire.settings import Settings

# A few tries by boto3, of calls that may be repeated; the rest of the retries are ours, in the table.
CONFIG = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3})
ONCE = Config(retries={"total_max_attempts": 1})  # of mail: a repeated call is a second mail
SIGNED = Config(signature_version="s3v4")  # of lent files; buckets with a KMS key take no older one
HEADER = re.compile(r"[A-Za-z0-9-]{1,76}")
BREAKS = frozenset("\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")  # whatever any reader takes for a line's end
REFUSED = frozenset({"MessageRejected", "BadRequestException", "InvalidParameterValue"})
MISCONFIGURED = frozenset({"AccessDeniedException", "MailFromDomainNotVerifiedException", "NotFoundException",
                           "AccountSuspendedException", "SendingPausedException"})  # fmt: skip


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


class _FirstUsed:
    """A proxy for a client that is made on first use; thread-safe."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        with self._lock:
            self._made = self._made or self._make()
        return getattr(self._made, name)


def table(settings: Settings) -> DynamoTable:
    """Return the table."""
    return DynamoTable(_session().client("dynamodb", config=CONFIG), settings.table)


def mailbox(settings: Settings) -> SqsMailbox:
    """Return the mailbox."""
    return SqsMailbox(_session().client("sqs", config=CONFIG), settings.mailbox)


def archive(settings: Settings) -> S3Archive:
    """Return the archive; its client is made on first use, as most turns do not need it."""
    client: Any = _FirstUsed(lambda: _session().client("s3", config=CONFIG.merge(SIGNED)))
    return S3Archive(client, settings.archive)


def blocks(settings: Settings) -> S3Blocks:
    """Return the bucket of the archive of conversations."""
    return S3Blocks(_session().client("s3", config=CONFIG), settings.transcripts)


def secrets(settings: Settings) -> Callable[[str], Secrets]:
    """Return the reader of secrets."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    provider = SecretsProvider(boto3_client=_session().client("secretsmanager", config=CONFIG))
    return SecretsManager(settings.secrets_prefix, provider)


def bus(settings: Settings) -> EventBridge | None:
    """Return the bus for outcomes, None if none is configured."""
    return EventBridge(_session().client("events", config=CONFIG), settings.bus) if settings.bus else None


def alarms(settings: Settings) -> SnsAlarms | None:
    """Return the alarms' topic, None if none is configured; its client is made on first use."""
    client: Any = _FirstUsed(lambda: _session().client("sns", config=CONFIG))
    return SnsAlarms(client, settings.alarms) if settings.alarms else None


class SesMail:
    """Sends mail through SES; the client is made on first use."""

    def __init__(self) -> None:
        self._client: SESV2Client | None = None

    def __call__(  # noqa: PLR0913 - what a mail is made of
        self,
        *,
        sender: str,
        recipient: str,
        subject: str,
        text: str,
        headers: Mapping[str, str],
        html: str = "",
        files: Sequence[File] = (),
        tags: Mapping[str, str] | None = None,
        copies: Sequence[str] = (),
    ) -> str:
        """Send one mail and return its id (see `contracts.connector.Mail`).

        Raises `PermanentError` (the address is refused), `ConfigurationError`, `TemporaryError`.
        """
        addressed = {"From": sender, "To": recipient} | ({"Cc": ", ".join(copies)} if copies else {})
        message = written({**addressed, "Subject": subject, **headers}, text, html, files)
        if self._client is None:
            self._client = _session().client("sesv2", config=CONFIG.merge(ONCE))
        try:
            answer = self._client.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [recipient], **({"CcAddresses": list(copies)} if copies else {})},
                Content={"Raw": {"Data": message.as_bytes()}},
                EmailTags=[{"Name": name, "Value": value} for name, value in (tags or {}).items()],
            )
        except ClientError as error:
            raise _translated(error) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise TemporaryError(f"SES: {type(error).__name__}") from None
        except BotoCoreError as error:
            raise TemporaryError(f"SES: {type(error).__name__}", ambiguous=True) from None
        return answer["MessageId"]


def written(headers: Mapping[str, str], text: str, html: str = "", files: Sequence[File] = ()) -> EmailMessage:
    """Return a mail. Raises `PermanentError` for a header value that would inject another header."""
    message = EmailMessage()
    try:  # what the library makes of a stranger's encoded word is its own matter: it ends in various errors
        for name, value in headers.items():
            if not HEADER.fullmatch(name):
                raise PermanentError("a mail header has no usable name")
            message[name] = value
            # An encoded word (=?utf-8?q?a=0ABcc:…?=) is decoded here and may hide what its spelling does not show.
            if not BREAKS.isdisjoint(str(message[name])):
                raise PermanentError("a mail header holds a line break, if an encoded one")
    except (ValueError, LookupError, AttributeError, email.errors.MessageError):
        raise PermanentError("a mail header cannot be read, holds a line break, or is given twice") from None
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for file in files:
        main, _, sub = (file.type if MIME.fullmatch(file.type) else "application/octet-stream").partition("/")
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=safe_name(file.name))
    return message


def _translated(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code in REFUSED:
        return PermanentError(f"SES refuses the mail ({code})", code=code)
    if code in MISCONFIGURED:
        return ConfigurationError(f"SES refuses the sender ({code}): verify its identity and the function's role")
    # A fault of SES's leaves it open whether the mail went out; what it refuses (too many in a second) it did not take.
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return TemporaryError(f"SES: {code}", ambiguous=status >= 500)


def mail() -> SesMail:
    """Return the sender of mail."""
    return SesMail()

"""The AWS clients behind the queue, each made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets

from .queues import S3Archive, SqsMailbox
from .secrets import SecretsManager
from .table import DynamoTable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

    from deskwire.settings import Settings

# One try of boto3's own for what surely did not arrive; the rest of the retries are ours, in the table.
CONFIG = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3})
REFUSED = frozenset({"MessageRejected", "BadRequestException", "InvalidParameterValue"})
MISCONFIGURED = frozenset({"AccessDeniedException", "MailFromDomainNotVerifiedException", "NotFoundException",
                           "AccountSuspendedException", "SendingPausedException"})  # fmt: skip


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


def table(settings: Settings) -> DynamoTable:
    """Return the table."""
    return DynamoTable(_session().client("dynamodb", config=CONFIG), settings.table)


def mailbox(settings: Settings) -> SqsMailbox:
    """Return the mailbox."""
    return SqsMailbox(_session().client("sqs", config=CONFIG), settings.mailbox)


def archive(settings: Settings) -> S3Archive:
    """Return the archive."""
    return S3Archive(_session().client("s3", config=CONFIG), settings.archive)


def secrets(settings: Settings) -> Callable[[str], Secrets]:
    """Return the reader of secrets."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    provider = SecretsProvider(boto3_client=_session().client("secretsmanager", config=CONFIG))
    return SecretsManager(settings.secrets_prefix, provider)


class SesMail:
    """Sends plain text mail by SES; the client is made when the first one is sent."""

    def __init__(self) -> None:
        self._client: SESV2Client | None = None

    def __call__(self, *, sender: str, recipient: str, subject: str, text: str, headers: Mapping[str, str]) -> str:
        """Send one mail and return its message id.

        Raises `PermanentError` (the address is refused), `ConfigurationError`, `TemporaryError`.
        """
        message = EmailMessage()
        try:
            message["From"], message["To"], message["Subject"] = sender, recipient, subject
            for name, value in headers.items():
                message[name] = value
        except ValueError:  # a line break in a header
            raise PermanentError("a mail header holds a line break") from None
        message.set_content(text)
        if self._client is None:
            self._client = _session().client("sesv2", config=CONFIG)
        try:
            answer = self._client.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": message.as_bytes()}},
            )
        except ClientError as error:
            raise _translated(error) from None
        except BotoCoreError as error:
            raise TemporaryError(f"SES: {type(error).__name__}", ambiguous=True) from None
        return answer["MessageId"]


def _translated(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code in REFUSED:
        return PermanentError(f"SES refuses the mail ({code})", code=code)
    if code in MISCONFIGURED:
        return ConfigurationError(f"SES refuses the sender ({code}): verify its identity and the function's role")
    return TemporaryError(f"SES: {code}")


def mail() -> SesMail:
    """Return the sender of mail."""
    return SesMail()

"""The topic of the alarms, by boto3."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import ConfigurationError, TemporaryError

from .denied import told

MOST_SUBJECT = 99  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: fewer than a hundred ASCII characters
DENIED = frozenset({"AuthorizationError", "AuthorizationErrorException", "NotFound", "NotFoundException"})


class SnsAlarms:
    """The topic with that ARN. `client` is boto3's SNS client."""

    def __init__(self, client: Any, arn: str) -> None:  # noqa: ANN401 - its stubs are not installed
        self._client = client
        self._arn = arn

    def tell(self, subject: str, words: str) -> None:
        """Publish a notification. Raises `TemporaryError`, `ConfigurationError`."""
        heading = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in subject)[:MOST_SUBJECT]
        try:
            self._client.publish(TopicArn=self._arn, Subject=heading, Message=words)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in DENIED:
                raise ConfigurationError(f"SNS refuses ({told(error)}): look at AlarmTopic") from None
            raise TemporaryError(f"SNS: {told(error)}", ambiguous=True) from None
        except BotoCoreError as error:
            raise TemporaryError(f"SNS: {told(error)}", ambiguous=True) from None

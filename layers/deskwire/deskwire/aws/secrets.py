"""Secrets by name from Secrets Manager, kept for some minutes, by Powertools' parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError, NoCredentialsError

from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.secret import Secrets, secrets_from_json

from .light import MISCONFIGURED
from .table import OURS

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

SECONDS = 300
# What a person has to mend: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html.
# `InvalidRequestException` is said of a secret that was deleted.
OF_ENTRY = MISCONFIGURED | {"InvalidRequestException", "InvalidParameterException", "ValidationException"}


class SecretsManager:
    """Reads the secrets whose names begin with `prefix`."""

    def __init__(self, prefix: str, provider: SecretsProvider) -> None:
        self._prefix = prefix
        self._provider = provider

    def __call__(self, name: str) -> Secrets:
        """Return a secret's values.

        Raises `ConfigurationError` if it is missing or not a JSON object of strings, and `TemporaryError` if Secrets
        Manager is throttled or out of reach.
        """
        try:
            value = self._provider.get(self._prefix + name, max_age=SECONDS)
        except GetParameterError as error:
            raise _translated(error.__context__, self._prefix + name) from None
        return secrets_from_json(value if isinstance(value, str) else "", entry=self._prefix + name)


def _translated(error: BaseException | None, entry: str) -> ConfigurationError | TemporaryError:
    """Return what an error means that Powertools wrapped: it keeps the error of botocore as the context alone."""
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    if code in OF_ENTRY or isinstance(error, NoCredentialsError):
        return ConfigurationError(f"the secret “{entry}” cannot be read ({code}): store it in Secrets Manager")
    return TemporaryError(f"the secret “{entry}” cannot be read now ({code})", concerns=OURS)

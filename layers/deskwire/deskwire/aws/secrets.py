"""Secrets by name from Secrets Manager, kept for some minutes, by Powertools' parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from deskwire.model.errors import ConfigurationError
from deskwire.model.secret import Secrets, secrets_from_json

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

SECONDS = 300


class SecretsManager:
    """Reads entries whose names begin with `prefix`."""

    def __init__(self, prefix: str, provider: SecretsProvider) -> None:
        self._prefix = prefix
        self._provider = provider

    def __call__(self, name: str) -> Secrets:
        """Return the entry. Raises `ConfigurationError` when there is none or it is no JSON object of texts."""
        try:
            value = self._provider.get(self._prefix + name, max_age=SECONDS)
        except GetParameterError:
            raise ConfigurationError(
                f"the secret “{self._prefix}{name}” cannot be read: store it in Secrets Manager"
            ) from None
        return secrets_from_json(value if isinstance(value, str) else "", entry=self._prefix + name)

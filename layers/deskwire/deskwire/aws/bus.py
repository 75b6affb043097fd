"""The event bus, by boto3."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deskwire.model.errors import ConfigurationError, TemporaryError

from .denied import told

BATCH = 10  # entries of one call
DENIED = frozenset({"AccessDeniedException", "ResourceNotFoundException"})


class EventBridge:
    """The bus of this name, in this account and region. `client` is boto3's EventBridge client."""

    def __init__(self, client: Any, name: str) -> None:  # noqa: ANN401 - its stubs are not installed
        self._client = client
        self._name = name

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Put the events on the bus, ten per call. Raises `TemporaryError`, `ConfigurationError`."""
        entries = [{**each, "Detail": json.dumps(each["Detail"]), "EventBusName": self._name} for each in events]
        for start in range(0, len(entries), BATCH):
            try:
                answer = self._client.put_events(Entries=entries[start : start + BATCH])
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in DENIED:
                    raise ConfigurationError(f"EventBridge refuses ({told(error)}): look at OutcomesBus") from None
                raise TemporaryError(f"EventBridge: {told(error)}", ambiguous=True) from None
            except BotoCoreError as error:
                raise TemporaryError(f"EventBridge: {told(error)}", ambiguous=True) from None
            if answer["FailedEntryCount"]:
                raise TemporaryError("EventBridge refused a part of the batch", ambiguous=True)

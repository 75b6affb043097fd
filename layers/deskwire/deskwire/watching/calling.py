"""Notify the people on call through the alarms' topic."""

from __future__ import annotations

from deskwire.model.errors import ConfigurationError
from deskwire.ports import Alarms
from deskwire.telemetry import Telemetry


def call(alarms: Alarms | None, telemetry: Telemetry, subject: str, words: str) -> None:
    """Publish a notification. A missing permission is logged and delays nothing else. Raises `TemporaryError`."""
    if alarms is None:
        return
    try:
        alarms.tell(f"Deskwire {telemetry.stage}: {subject}", words)
    except ConfigurationError as error:
        telemetry.count("ConfigurationErrors")
        telemetry.log("ERROR", "misconfigured", reason=str(error))

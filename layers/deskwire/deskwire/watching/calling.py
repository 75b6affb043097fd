"""Tells the people on call, by the topic of the alarms."""

from __future__ import annotations

from deskwire.model.errors import ConfigurationError
from deskwire.ports import Alarms
from deskwire.telemetry import Telemetry


def call(alarms: Alarms | None, telemetry: Telemetry, subject: str, words: str) -> None:
    """Put a line on the topic. Where that is forbidden, nothing else waits for it. Raises `TemporaryError`."""
    if alarms is None:
        return
    try:
        alarms.tell(f"Deskwire {telemetry.stage}: {subject}", words)
    except ConfigurationError as error:
        telemetry.count("ConfigurationErrors")
        telemetry.log("ERROR", "misconfigured", reason=str(error))

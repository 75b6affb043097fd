"""watch: turn changes in the table into figures and, if a bus is configured, events on it."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import watch, watcher

WATCHER = watcher()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Handle a batch of the stream; return the record from which to redeliver it, if any."""
    return watch(event)

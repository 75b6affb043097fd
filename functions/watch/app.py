"""watch: what changes in the table becomes figures and, where a bus is named, events."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import watch, watcher

WATCHER = watcher()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return from which record on the batch is to be redelivered."""
    return watch(event)

"""sweep: every minute, wake due threads and schedule polls."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import sweeper

SWEEPER = sweeper()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Return the number of threads woken and of polls scheduled."""
    return SWEEPER.sweep()

"""sweep: every minute, wake what is due and look where nothing is pushed."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import sweeper

SWEEPER = sweeper()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Return how many threads were woken and how many events were found."""
    return SWEEPER.sweep()

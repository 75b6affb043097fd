"""converse: events on the mailbox become tickets, comments, acknowledgements and answers."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import conversation, converse, milliseconds_left

CONVERSATION = conversation()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return which messages of the batch are to come again."""
    return converse(event, milliseconds_left(context))

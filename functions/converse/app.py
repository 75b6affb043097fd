"""converse: turn events on the mailbox into tickets, comments, acknowledgements and answers."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import conversation, converse, milliseconds_left

CONVERSATION = conversation()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Handle a batch of the mailbox; return the messages to redeliver."""
    return converse(event, milliseconds_left(context))

"""receive: a platform's or helpdesk's delivery becomes events on the mailbox."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import receiver

RECEIVER = receiver()  # in the init phase: what is slow happens before the first request


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return API Gateway's answer to its event (HTTP API, payload 2.0), or take a notice of AWS's own topics."""
    if "requestContext" in event:
        return RECEIVER.handle(event)
    RECEIVER.handle_notices(event)
    return {}

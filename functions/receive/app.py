"""receive: turn deliveries of platforms and helpdesks into events on the mailbox."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import receiver

RECEIVER = receiver()  # in the init phase: what is slow happens before the first request


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the response to API Gateway's event (HTTP API, payload 2.0), or handle a notice of AWS's own."""
    if "requestContext" in event:
        return RECEIVER.handle(event)
    RECEIVER.handle_notices(event)
    return {}

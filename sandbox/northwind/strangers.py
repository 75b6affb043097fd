"""What people send who are not who they claim to be."""

from __future__ import annotations

import http.client
import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deskwire import registry
from deskwire.model.secret import Secrets
from deskwire.web.request import Request
from sandbox.platforms.x.played import ACCOUNT

FORM = "contact"

if TYPE_CHECKING:
    from sandbox.northwind.company import Company


def mention(text: str) -> dict[str, Any]:
    """Return a post that X never delivered, in its shape."""
    post = {
        "id": "2099999999999999999", "conversation_id": "2099999999999999999", "author_id": "66", "text": text,
        "created_at": "2026-11-21T09:00:00.000Z", "edit_history_tweet_ids": ["2099999999999999999"],
    }  # fmt: skip
    return {
        "data": {
            "event_uuid": "1", "filter": {"user_id": ACCOUNT}, "event_type": "post.mention.create", "tag": "care",
            "payload": post, "includes": {},
        }
    }  # fmt: skip


def form(message: str) -> dict[str, str]:
    """Return a form as the page posts it, before the captcha's token is put in."""
    return {
        "schema": "form.submitted/1", "form_id": FORM, "submission_id": str(uuid.uuid4()),
        "email": "mallory@example.com", "message": message, "website": "",
    }  # fmt: skip


def replay_zendesk(company: Company, ticket: str, at: datetime) -> int:
    """Send a webhook of the helpdesk as it was signed `at`; return the status answered."""
    body = json.dumps({"ticket_id": ticket}).encode()
    headers = {"content-type": "application/json", "x-zendesk-webhook-invocation-id": "01STALE"}
    request = Request(method="POST", endpoint="desk-webhook", body=body, headers=headers, received_at=at)
    secrets = Secrets(company.secrets["desk-webhook"])
    signed = registry.helpdesk("zendesk").verification.sign(request, secrets, at)
    address = urlsplit(company.stack.deployed.api)
    connection = http.client.HTTPConnection(address.netloc, timeout=29)
    try:
        connection.request("POST", f"{address.path}/helpdesks/desk-webhook", signed.body, dict(signed.headers))
        return connection.getresponse().status
    finally:
        connection.close()

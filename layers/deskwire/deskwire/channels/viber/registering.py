"""Looks at a bot's webhook, and sets it.

https://creators.viber.com/docs/bots-api/getting-started/web-hooks

What `get_account_info` tells: https://developers.viber.com/docs/api/rest-bot-api/#get-account-info. A token does not
end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from deskwire.contracts.registration import Finding, Registered, Site, address, complete

if TYPE_CHECKING:
    from deskwire.web.reading import Node

# `delivered` and `seen` are read and needed for nothing, and each costs an invocation; messages always come.
EVENTS: Final = ("failed", "subscribed", "unsubscribed", "conversation_started")

Post = Callable[[str, Mapping[str, object], str], "Node"]  # method, body, what


def findings(site: Site, post: Post) -> list[Finding]:
    """Return how the bot's webhook stands."""
    found = post("get_account_info", {}, "looking at the bot's webhook")
    url, events = found["webhook"].text(""), [each.text("") for each in found["event_types"].rows()]
    shown = [address("the bot's webhook", url, site.address)]
    if url:
        shown.append(complete("the webhook's events", events, EVENTS))
    return shown


def set_up(site: Site, post: Post) -> Registered:
    """Set the webhook. Viber posts a signed `webhook` event to the address before it answers."""
    if not site.address or not any(finding.mends for finding in findings(site, post)):
        return Registered()
    body = {"url": site.address, "event_types": [*EVENTS], "send_name": True, "send_photo": True}
    post("set_webhook", body, "setting the bot's webhook")
    return Registered(did=[f"the bot's webhook set to {site.address}"])

"""Looks at the app's webhook and the account's subscriptions at X, and sets them up.

Webhooks are the app's: they are asked for with its bearer token, which its key and secret give
(https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/application-only). Subscriptions are listed with
that token too, and made in the account's name. An app has one webhook, in most plans.
https://docs.x.com/x-api/webhooks/introduction https://docs.x.com/x-api/activity/get-x-activity-subscriptions
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from deskwire.contracts.registration import Finding, Registered, Site, State, address, complete
from deskwire.model.errors import ConfigurationError
from deskwire.web.rest import Call, checked

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

API: Final = "https://api.x.com"
HINT: Final = "`consumer_key` and `consumer_secret`"
WEBHOOK: Final = "the app's webhook"
EVENTS: Final = (
    "post.mention.create", "post.reply.create", "post.quote.create", "post.delete", "dm.received", "dm.sent",
    "chat.received", "oauth.revoke",
)  # fmt: skip
MOST_PAGES: Final = 20  # of 100 subscriptions: an app of the self-serve plan may have 1,500

Subscribe = Callable[[object], object]  # makes a subscription in the account's name


class App:
    """The app's own view: its webhooks and subscriptions."""

    def __init__(self, reach: Reach) -> None:
        """Get the app's bearer token."""
        self._reach = reach
        pair = ":".join(
            quote(reach.secrets.one(name).reveal(), safe="") for name in ("consumer_key", "consumer_secret")
        )
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        call = Call.form("POST", f"{API}/oauth2/token", {"grant_type": "client_credentials"}, headers=headers)
        answer = checked(reach.http(call), what="asking for the app's token", secret_hint=HINT)
        self._bearer = answer.node()["access_token"].text()

    def ask(self, method: str, path: str, what: str, payload: object = None) -> Node:
        """Return X's answer."""
        headers = {"Authorization": f"Bearer {self._bearer}"}
        url = f"{API}{path}"
        call = Call(method, url, headers) if payload is None else Call.json(method, url, payload, headers=headers)
        return checked(self._reach.http(call), what=what, secret_hint=HINT).node()

    def webhooks(self) -> list[Node]:
        """Return the app's webhooks."""
        return self.ask("GET", "/2/webhooks", "looking at the app's webhooks")["data"].rows()

    def subscriptions(self, webhook: str) -> set[str]:
        """Return the events of the account (and those of no account) that come to a webhook."""
        return {
            each["event_type"].text("")
            for each in self._listed()
            if each["filter"]["user_id"].any_id() in {"", self._reach.account}
            and each["webhook_id"].any_id() in {"", webhook}
        }

    def _listed(self) -> Iterator[Node]:
        after = ""
        for _ in range(MOST_PAGES):
            query = urlencode({"max_results": "100"} | ({"pagination_token": after} if after else {}))
            page = self.ask("GET", f"/2/activity/subscriptions?{query}", "looking at the subscriptions")
            yield from page["data"].rows()
            after = page["meta"]["next_token"].text("")
            if not after:
                return


def _ours(webhooks: Sequence[Node], site: Site) -> Node | None:
    """Return the webhook of our address; any, where no address is wanted."""
    fitting = [each for each in webhooks if not site.address or each["url"].text("") == site.address]
    return fitting[0] if fitting else None


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how webhook and subscriptions stand. Tokens of OAuth 1.0a do not end."""
    app = App(reach)
    webhooks = app.webhooks()
    ours = _ours(webhooks, site)
    if ours is None:
        others = ", ".join(each["url"].text("") for each in webhooks)
        remedy = "delete the other webhook (DELETE /2/webhooks/ID): the plan may allow one alone" if others else ""
        return [address(WEBHOOK, others, site.address or "an address", remedy)]
    found = [Finding(what=WEBHOOK, found=ours["url"].text(""))]
    if ours["valid"].raw is False:
        found = [Finding(what=WEBHOOK, state=State.DIFFERENT, found="switched off by X after failed checks")]
    have = app.subscriptions(ours["id"].any_id())
    return [*found, complete("the account's subscriptions", have, EVENTS)]


def set_up(site: Site, reach: Reach, subscribe: Subscribe) -> Registered:
    """Register the address or have X check it again, and subscribe to what is missing."""
    app = App(reach)
    did: list[str] = []
    webhooks = app.webhooks()
    ours = _ours(webhooks, site)
    if ours is None:
        if webhooks:
            raise ConfigurationError("the app has a webhook elsewhere: delete it at X first (DELETE /2/webhooks/ID)")
        if not site.address:
            return Registered()
        made = app.ask("POST", "/2/webhooks", "registering the webhook", {"url": site.address})
        ours = made["data"] or made  # the guide has it in `data`, the reference bare
        did.append(f"{WEBHOOK} set to {site.address}")
    elif ours["valid"].raw is False:
        app.ask("PUT", f"/2/webhooks/{quote(ours['id'].identifier(), safe='')}", "having the webhook checked")
        did.append(f"{WEBHOOK} checked and switched on again")
    webhook = ours["id"].identifier()
    for event in sorted(set(EVENTS) - app.subscriptions(webhook)):
        # `oauth.revoke` is of the app and has no filter.
        about = {} if event == "oauth.revoke" else {"user_id": reach.account}
        subscribe({"event_type": event, "filter": about, "webhook_id": webhook})
        did.append(f"subscribed to {event}")
    return Registered(did=did)

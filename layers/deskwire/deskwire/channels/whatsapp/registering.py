"""Looks at a number's registration at WhatsApp, and sets it up: the app's webhook, the account's subscription.

Where messages of a number go: to its own address, else to the account's, else to the app's.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/override
https://developers.facebook.com/documentation/business-messaging/whatsapp/solution-providers/manage-webhooks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deskwire.contracts.registration import Finding, Registered, Site, State, address
from deskwire.families import meta
from deskwire.families import meta_registration as registration
from deskwire.model.errors import ConfigurationError
from deskwire.model.values import replace

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

LOGIN: Final = meta.Login(meta.GRAPH, "access_token")
ACCOUNT: Final = "waba_id"
FIELDS: Final = (
    "messages", "account_alerts", "account_update", "message_template_status_update", "phone_number_quality_update",
)  # fmt: skip
SUBSCRIPTION: Final = "the account's subscription"
OVERRIDE: Final = "the number's own webhook"
PRODUCT: Final = registration.Product(
    channel="whatsapp", object="whatsapp_business_account", fields=FIELDS, login=LOGIN, account="", subscribes=()
)


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how token, webhook, subscription and the number's own address stand."""
    seen = registration.token(PRODUCT, site, reach)
    if any(each.what == LOGIN.token and each.state is State.DIFFERENT for each in seen.findings):
        return list(seen.findings)
    override = _override(reach)
    # A number that comes to us by itself leaves the app's address to whoever has it.
    app = replace(site, address="") if override == site.address else site
    found = [*seen.findings, *registration.webhook(PRODUCT, seen.app, site, reach).findings(PRODUCT, app)]
    if not reach.settings.get(ACCOUNT):
        remedy = f"set `{ACCOUNT}` (WhatsApp Manager, Account settings) among the settings of the connection"
        found.append(Finding(what=SUBSCRIPTION, state=State.UNKNOWN, remedy=remedy))
    elif _subscribed(seen.app, reach):
        found.append(Finding(what=SUBSCRIPTION, found="our app"))
    else:
        found.append(Finding(what=SUBSCRIPTION, state=State.MISSING, wanted="our app"))
    return [*found, address(OVERRIDE, override, site.address)] if override else found


def set_up(site: Site, reach: Reach) -> Registered:
    """Set the app's webhook right, subscribe the app to the account, and send a number that goes elsewhere to us."""
    app = registration.token(PRODUCT, site, reach).app
    override = _override(reach)
    did = [] if override == site.address else registration.set_webhook(PRODUCT, app, site, reach)
    if reach.settings.get(ACCOUNT) and not _subscribed(app, reach):
        _asked("POST", (reach.settings[ACCOUNT], "subscribed_apps"), {}, reach, what="subscribing to the account")
        did.append(f"subscribed to the account {reach.settings[ACCOUNT]}")
    if override and site.address and override != site.address:
        wanted = {"override_callback_uri": site.address, "verify_token": site.secrets.one("verify_token").reveal()}
        _asked("POST", (reach.account,), {"webhook_configuration": wanted}, reach, what="setting the number's address")
        did.append(f"{OVERRIDE} set to {site.address}")
    return Registered(did=did)


def _subscribed(app: str, reach: Reach) -> bool:
    """Return whether our app (any, where its id is not known) gets what happens in the account."""
    path = (reach.settings[ACCOUNT], "subscribed_apps")
    apps = _asked("GET", path, None, reach, what="looking at the account's subscription")["data"].rows()
    return any(not app or each["whatsapp_business_api_data"]["id"].any_id() == app for each in apps)


def _override(reach: Reach) -> str:
    """Return the address to which the number's or the account's messages go in place of the app's; empty for none."""
    fields = {"fields": "webhook_configuration"}
    found = _asked("GET", (reach.account,), None, reach, what="looking at the number's webhook", **fields)
    configured = found["webhook_configuration"]
    return configured["phone_number"].text("") or configured["whatsapp_business_account"].text("")


def _asked(method: str, path: tuple[str, ...], payload: object, reach: Reach, *, what: str, **query: str) -> Node:
    call = meta.graph_request(LOGIN, method, path, payload, reach, **query)
    node = meta.settled(reach.http(call), what=what, token=LOGIN.token)
    if method == "POST" and str(node["success"].raw).lower() != "true":
        raise ConfigurationError(f"{what}: Meta does not say that it succeeded")
    return node

"""Check and set up Meta's registration: the app's webhook, the account's subscribed fields, the token.

* `/{app-id}/subscriptions`, the app's webhook: https://developers.facebook.com/docs/graph-api/reference/app/subscriptions/
* `/{page-id}/subscribed_apps`, a page's fields: …/graph-api/reference/page/subscribed_apps
* `/debug_token`, a token's end and permissions: …/graph-api/reference/debug_token/

The app's webhook is set with the app's own token, `{app-id}|{app-secret}`. Where the endpoint's setting `app_id` is
left out, `/debug_token` names the app; that a token may ask for itself is not documented, so a refusal is no error.
A page gets the fields that are in both lists, its own and the app's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from deskwire.contracts.registration import Finding, Registered, Site, State, address, complete
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.secret import Secret
from deskwire.model.values import dataclass
from deskwire.web.reading import Node
from deskwire.web.rest import Call

from . import meta

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

APP_ID: Final = meta.APP_ID
# What Deskwire reads of a page, and the permissions that each product needs: see the connectors' set-up.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "facebook": ("feed", "mention", "ratings"),
    "messenger": (
        "messages", "message_echoes", "message_edits", "messaging_postbacks", "messaging_referrals",
        "messaging_optins", "messaging_handovers", "messaging_policy_enforcement", "standby",
    ),
}  # fmt: skip
SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "facebook": (
        "pages_manage_metadata", "pages_show_list", "pages_read_user_content", "pages_read_engagement",
        "pages_manage_engagement", "pages_messaging",
    ),
    "messenger": ("pages_messaging", "pages_manage_metadata"),
    "instagram": ("instagram_basic", "instagram_manage_comments", "instagram_manage_messages", "pages_manage_metadata"),
    "whatsapp": ("whatsapp_business_messaging", "whatsapp_business_management"),
}  # fmt: skip
WEBHOOK: Final = "the app's webhook"
APP_SECRET: Final = "app_secret"  # noqa: S105 - a name
NO_APP: Final = f"set `{APP_ID}` (App settings, Basic) among the settings of the endpoint"
SECRET: Final = f"compare `{APP_ID}` and `{APP_SECRET}` of the endpoint with App settings, Basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product of Meta's at one account.

    `object` and `fields` are the app's webhook; `login` has the token, `account` is who subscribes, to `subscribes`
    (`any_field`: whatever the account is subscribed to is enough).
    """

    channel: str
    object: str
    fields: Sequence[str]
    login: meta.Login
    account: str
    subscribes: Sequence[str]
    any_field: bool = False

    @property
    def connect(self) -> str:
        """What a person must do about an invalid token."""
        return f"`deskwire connect {self.channel}` signs in anew and stores a new one"


def page(channel: str, site: Site, account: str) -> Product:
    """Return Facebook or Messenger, with the fields of both if one endpoint serves both."""
    fields = [field for name in dict.fromkeys((*site.channels, channel)) for field in FIELDS.get(name, ())]
    return Product(channel=channel, object="page", fields=fields, login=meta.PAGE, account=account, subscribes=fields)


# -------------------------------------------------------------------------------------------------------- the token


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The result of `/debug_token`; `app` is the app's id, "" if unknown."""

    app: str
    findings: Sequence[Finding]


def token(product: Product, site: Site, reach: Reach) -> Token:
    """Return the findings about the connection's token: its validity, expiry and permissions."""
    app, name = site.settings.get(APP_ID, ""), product.login.token
    given = reach.secrets.one(name)
    url = f"{meta.GRAPH}/{meta.VERSION}/debug_token?input_token={{token}}"
    call = Call("GET", url, _bearer(_app_token(app, site) if app else given), secrets={"token": given})
    try:
        data = meta.settled(reach.http(call), what="looking at the token", token=name)["data"]
    except (PermanentError, ConfigurationError):
        remedy = SECRET if app else NO_APP
        return Token(app=app, findings=[Finding(what=name, state=State.UNKNOWN, remedy=remedy)])
    app = app or data["app_id"].any_id()
    if data["is_valid"].raw is False:
        dead = Finding(what=name, state=State.DIFFERENT, found="no longer valid", remedy=product.connect)
        return Token(app=app, findings=[dead])
    found = [Finding(what=name, found="valid", ends=_time(data["expires_at"]), remedy=product.connect)]
    # A person's consent to the app's access ends after 90 days in which they did not sign in.
    if consent := _time(data["data_access_expires_at"]):
        found.append(Finding(what=f"the consent behind {name}", found="given", ends=consent, remedy=product.connect))
    if scopes := [scope.text("") for scope in data["scopes"].rows()]:
        wanted = SCOPES[product.channel]
        found.append(complete(f"the permissions of {name}", scopes, wanted, product.connect))
    return Token(app=app, findings=found)


def _time(node: Node) -> datetime | None:
    """Return a Unix time; None for 0, which means never, and for anything else."""
    stamp = node.raw
    return datetime.fromtimestamp(stamp, UTC) if isinstance(stamp, int) and 0 < stamp < 2**40 else None


def _app_token(app: str, site: Site) -> Secret:
    return Secret(f"{app}|{site.secrets.one(APP_SECRET).reveal()}")


def _bearer(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal()}"}


# ------------------------------------------------------------------------------------------------ the app's webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The app's webhook for one object; `remedy` says what to do if it could not be read."""

    url: str = ""
    fields: Collection[str] = ()
    remedy: str = ""

    def findings(self, product: Product, site: Site) -> list[Finding]:
        """Return the findings about the webhook."""
        if self.remedy:
            return [Finding(what=WEBHOOK, state=State.UNKNOWN, remedy=self.remedy)]
        found = [address(WEBHOOK, self.url, site.address)]
        if self.url:
            found.append(complete(f"the fields of {WEBHOOK}", self.fields, product.fields))
        return found


def webhook(product: Product, app: str, site: Site, reach: Reach) -> Webhook:
    """Return the app's present webhook."""
    if not app:
        return Webhook(remedy=NO_APP)
    call = Call("GET", _subscriptions(app), _bearer(_app_token(app, site)))
    try:
        listed = meta.settled(reach.http(call), what="looking at the app's webhook", token=APP_SECRET)["data"].rows()
    except (PermanentError, ConfigurationError):
        return Webhook(remedy=SECRET)
    for each in listed:
        if each["object"].text("") == product.object and each["active"].raw is not False:
            names = [field["name"].text("") for field in each["fields"].rows()]
            return Webhook(url=each["callback_url"].text(""), fields=names)
    return Webhook()


def set_webhook(product: Product, app: str, site: Site, reach: Reach) -> list[str]:
    """Set the app's webhook if it differs; return what was done. Meta checks the address during the call."""
    before = webhook(product, app, site, reach)
    if not site.address or not any(finding.mends for finding in before.findings(product, site)):
        return []
    kept = before.fields if before.url == site.address else ()
    fields = {
        "object": product.object,
        "callback_url": site.address,
        "fields": ",".join(dict.fromkeys([*product.fields, *kept])),
        "include_values": "true",
        "verify_token": site.secrets.one("verify_token").reveal(),
    }
    call = Call.form("POST", _subscriptions(app), fields, headers=_bearer(_app_token(app, site)), timeout=30)
    meta.settled(reach.http(call), what="setting the app's webhook", token=APP_SECRET)
    return [f"{WEBHOOK} for “{product.object}” set to {site.address}"]


def _subscriptions(app: str) -> str:
    return f"{meta.GRAPH}/{meta.VERSION}/{quote(app, safe='')}/subscriptions"


# ---------------------------------------------------------------------------------------- the account's subscription


def subscribed(product: Product, app: str, reach: Reach) -> Collection[str]:
    """Return the fields to which our app is subscribed at the account.

    If the app's id is unknown, the first app is assumed to be ours.
    """
    call = meta.graph_request(product.login, "GET", (product.account, "subscribed_apps"), None, reach)
    answer = meta.settled(reach.http(call), what="looking at the subscription", token=product.login.token)
    apps = answer["data"].rows()
    ours = [each for each in apps if each["id"].any_id() == app] if app else apps[:1]
    return [field.text("") for field in ours[0]["subscribed_fields"].rows()] if ours else ()


def subscribe(product: Product, app: str, reach: Reach) -> list[str]:
    """Subscribe our app to the account's fields if any is missing; return what was done.

    The call replaces the list, so the present fields are sent as well.
    """
    before = subscribed(product, app, reach)
    if not _stands(product, before).mends:
        return []
    wanted = ",".join(dict.fromkeys([*product.subscribes, *before]))
    path = (product.account, "subscribed_apps")
    call = meta.graph_request(product.login, "POST", path, {}, reach, subscribed_fields=wanted)
    meta.settled(reach.http(call), what="subscribing", token=product.login.token)
    return [f"{product.account} subscribed to {wanted}"]


def subscription(product: Product, app: str, reach: Reach) -> Finding:
    """Return the findings about the account's subscription."""
    return _stands(product, subscribed(product, app, reach))


def _stands(product: Product, given: Collection[str]) -> Finding:
    wanted = () if product.any_field and given else product.subscribes
    return complete(f"the subscription of {product.account}", given, wanted)


# --------------------------------------------------------------------------------------------------------- together


def findings(product: Product, site: Site, reach: Reach) -> list[Finding]:
    """Return the findings about the token, the app's webhook and the account's subscription."""
    seen = token(product, site, reach)
    if any(each.state is State.DIFFERENT and each.what == product.login.token for each in seen.findings):
        return list(seen.findings)  # nothing else can be asked with it
    return [
        *seen.findings,
        *webhook(product, seen.app, site, reach).findings(product, site),
        subscription(product, seen.app, reach),
    ]


def set_up(product: Product, site: Site, reach: Reach) -> Registered:
    """Correct the app's webhook and the account's subscription."""
    app = token(product, site, reach).app
    return Registered(did=[*set_webhook(product, app, site, reach), *subscribe(product, app, reach)])

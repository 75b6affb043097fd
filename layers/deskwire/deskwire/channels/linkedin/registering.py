"""Looks at a page's subscription and its administrator's token at LinkedIn, and subscribes.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications
(the subscription's key, `webhook`, `expiresAt`) and
https://learn.microsoft.com/en-us/linkedin/shared/authentication/token-introspection (a token's end). The address itself
is entered and checked in the developer portal, which no API does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from deskwire.contracts.registration import Finding, Registered, Site, State, address
from deskwire.families import oauth2
from deskwire.web.rest import Call, checked, not_there

from . import api

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

INTROSPECT: Final = "https://www.linkedin.com/oauth/v2/introspectToken"
EVENT: Final = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"
APP, PERSON = "application_id", "administrator_id"
SUBSCRIPTION: Final = "the page's subscription"
CONSENT: Final = "have the page's administrator consent again, and store the new token"


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how token and subscription stand."""
    found = _token(reach)
    if any(each.state is State.DIFFERENT for each in found):
        return found
    if not _named(reach):
        remedy = f"set `{APP}` and `{PERSON}` among the settings of the connection (docs/channels/linkedin.md)"
        return [*found, Finding(what=SUBSCRIPTION, state=State.UNKNOWN, remedy=remedy)]
    return [*found, _subscription(site, reach)]


def set_up(site: Site, reach: Reach) -> Registered:
    """Subscribe where nobody is, or with another address."""
    if not (_named(reach) and site.address and _subscription(site, reach).mends):
        return Registered()
    answer = api.asked("PUT", _path(reach), reach, {"webhook": site.address})
    api.settled(answer, reach, what="subscribing to the page")
    return Registered(did=[f"subscribed to {reach.account} with {site.address}"])


def _named(reach: Reach) -> bool:
    return bool(reach.settings.get(APP) and reach.settings.get(PERSON))


def _subscription(site: Site, reach: Reach) -> Finding:
    answer = api.asked("GET", _path(reach), reach)
    if not_there(answer):
        return Finding(what=SUBSCRIPTION, state=State.MISSING, wanted=site.address)
    shown = api.settled(answer, reach, what="looking at the page's subscription").node()
    found = address(SUBSCRIPTION, shown["webhook"].text(""), site.address)
    ends = shown["expiresAt"].epoch()
    if found.state is not State.RIGHT or ends is None:
        return found
    return Finding(what=SUBSCRIPTION, found=found.found, ends=ends, remedy=CONSENT)


def _path(reach: Reach) -> str:
    def urn(kind: str, value: str) -> str:
        name = value.rpartition(":")[2]
        return quote(f"urn:li:{kind}:{name}", safe="")

    parts = (
        f"developerApplication:{urn('developerApplication', reach.settings[APP])}",
        f"user:{urn('person', reach.settings[PERSON])}",
        f"entity:{quote(reach.account, safe='')}",
        f"eventType:{EVENT}",
    )
    return f"/eventSubscriptions/({','.join(parts)})"


def _token(reach: Reach) -> list[Finding]:
    """Return how the token that a person gave stands; it can be asked for with the app's id and secret alone."""
    name = oauth2.REFRESH if reach.secrets.has(oauth2.REFRESH) else oauth2.ACCESS
    if not (reach.secrets.has("client_id") and reach.secrets.has("client_secret")):
        return []
    fields = {**oauth2.application(reach.secrets), "token": reach.secrets.one(name).reveal()}
    call = Call.form("POST", INTROSPECT, fields)
    told = checked(reach.http(call), what="looking at the token", secret_hint="`client_id` and `client_secret`").node()  # noqa: S106 - names
    if told["active"].raw is False:
        return [Finding(what=name, state=State.DIFFERENT, found="no longer valid", remedy=CONSENT)]
    return [Finding(what=name, found="valid", ends=told["expires_at"].epoch(), remedy=CONSENT)]

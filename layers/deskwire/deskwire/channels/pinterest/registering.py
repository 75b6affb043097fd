"""Looks at the ad account's subscriptions to leads, and makes ours.

https://github.com/pinterest/api-description (5.23.0): `ad_accounts_subscriptions/get_list`, `/post`, `/del_by_id`, for
owners and admins of the ad account. There is one subscription for each ad account and lead form.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from deskwire.contracts.registration import Finding, Registered, Site, State, address
from deskwire.families.ids import numbered
from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secret

from . import api

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

ADDRESS_KEY, KEY, FORM = "address_key", "cryptographic_key", "lead_form_id"
ALGORITHM: Final = "AES-256-GCM"
SUBSCRIPTION: Final = "the subscription to leads"
ELSEWHERE: Final = (
    "another tool has the one subscription that there can be: delete it there or at Pinterest (DELETE …/leads/"
    f"subscriptions/ID), or name another form in `{FORM}`"
)
NO_ADDRESS_KEY: Final = f"store a long random text as `{ADDRESS_KEY}` of the endpoint"


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how the subscription and the endpoint's key stand."""
    return _findings(site, _wanted(reach), _subscriptions(reach))


def set_up(site: Site, reach: Reach) -> Registered:
    """Subscribe where nothing of ours is subscribed, and hand over the subscription's key."""
    form, found = _wanted(reach), _subscriptions(reach)
    if not site.address or not any(finding.mends for finding in _findings(site, form, found)):
        return Registered()
    did: list[str] = []
    ours = _ours(site, form, found)
    if ours is not None and ours["webhook_url"].text("") != _url(site):
        # There is no call that changes one. What comes meanwhile is in Pinterest's export for 30 days.
        api.asked("DELETE", _path(reach, ours["id"].identifier()), reach, what="ending the old subscription")
        did.append("the subscription with the old address ended")
        ours = None
    if ours is None:
        body = {"webhook_url": _url(site)} | ({FORM: form} if form else {})
        ours = api.asked("POST", _path(reach), reach, what="subscribing to leads", body=body).node()
        did.append(f"{SUBSCRIPTION} made, with {site.address}")
    secrets: dict[str, Secret] = {}
    if not _held(site, ours):
        secrets[KEY] = Secret(_made(ours))
        did.append(f"its key taken over as {KEY}")
    return Registered(did=did, secrets=secrets)


def _findings(site: Site, form: str, found: Sequence[Node]) -> list[Finding]:
    if site.address and not site.secrets.has(ADDRESS_KEY):
        return [Finding(what=SUBSCRIPTION, state=State.MISSING, wanted="an address", remedy=NO_ADDRESS_KEY)]
    ours = _ours(site, form, found)
    if ours is None:
        others = ", ".join(_bare(each) for each in found if each[FORM].any_id() == form)
        return [address(SUBSCRIPTION, others, site.address, ELSEWHERE if others else "")]
    if site.address and ours["webhook_url"].text("") != _url(site):
        return [Finding(what=SUBSCRIPTION, state=State.DIFFERENT, found=f"another {ADDRESS_KEY} in its address")]
    shown = [Finding(what=SUBSCRIPTION, found=_bare(ours))]
    if (algorithm := ours["cryptographic_algorithm"].text(ALGORITHM)) != ALGORITHM:
        remedy = f"Deskwire opens {ALGORITHM} alone: a newer version may know this one"
        shown.append(Finding(what="the encryption", state=State.DIFFERENT, found=algorithm, remedy=remedy))
    if not site.secrets.has(KEY):
        shown.append(Finding(what=KEY, state=State.MISSING, wanted="the subscription's own"))
    elif not _held(site, ours):
        shown.append(Finding(what=KEY, state=State.DIFFERENT, found="another than the subscription's"))
    return shown


def _ours(site: Site, form: str, found: Sequence[Node]) -> Node | None:
    """Return the subscription of our address and form; any of the form, where no address is wanted."""
    fitting = [
        each for each in found
        if each[FORM].any_id() == form and (not site.address or _bare(each) == site.address)
    ]  # fmt: skip
    return next(iter(fitting), None)


def _bare(subscription: Node) -> str:
    """Return a subscription's address without its query, which holds our secret, or another tool's."""
    return subscription["webhook_url"].text("").partition("?")[0]


def _url(site: Site) -> str:
    """Return the address to subscribe, with its secret. That it may have a query is unconfirmed; nothing forbids it."""
    return f"{site.address}?{urlencode({'key': site.secrets.one(ADDRESS_KEY).reveal()})}"


def _made(subscription: Node) -> str:
    key = subscription[KEY].text("")
    if not key:
        raise TemporaryError("the subscription shows no key")
    return key


def _held(site: Site, subscription: Node) -> bool:
    """Return whether the endpoint has the subscription's key. Where none is shown, it is not judged."""
    key = subscription[KEY].text("")
    if not key and site.secrets.has(KEY):
        return True
    known = site.secrets.every(KEY) if site.secrets.has(KEY) else ()
    return any(hmac.compare_digest(each.encode(), key.encode()) for each in known)


def _wanted(reach: Reach) -> str:
    return reach.settings.get(FORM, "")


def _subscriptions(reach: Reach) -> list[Node]:
    what = "looking at the subscriptions"
    return api.every(_path(reach), lambda path: api.asked("GET", path, reach, what=what), what=what)


def _path(reach: Reach, subscription: str = "") -> str:
    end = f"/{quote(subscription, safe='')}" if subscription else ""
    return f"/ad_accounts/{numbered(reach.account)}/leads/subscriptions{end}"

"""Signs an owner or admin of an ad account in at Pinterest for `deskwire connect`: their consent, their ad accounts.

https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/ (scopes are separated by
commas; the app's id and secret stand in the header) and `ad_accounts/list` of
https://github.com/pinterest/api-description (5.23.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deskwire.contracts.registration import Grant, SignIn, Site
from deskwire.families import oauth2
from deskwire.model.secret import Secret
from deskwire.web.rest import Answer, Call, Transport, checked

from . import api

if TYPE_CHECKING:
    from deskwire.web.reading import Node

PAGE: Final = "https://www.pinterest.com/oauth/"
SCOPES: Final = ("ads:read", "ads:write")
# `ad_accounts_subscriptions/post` is for “OWNER or ADMIN”; whether a restricted owner is one is not said.
MAY_SUBSCRIBE: Final = frozenset({"OWNER", "RESTRICTED_OWNER", "ADMIN"})


def dialog(site: Site, sign_in: SignIn) -> str:
    """Return the login page's address."""
    return oauth2.page(PAGE, site, sign_in, SCOPES, between=",")


def grants(site: Site, code: Secret, sign_in: SignIn, http: Transport) -> list[Grant]:
    """Return the ad accounts that the person owns or administers, with the tokens of their consent."""
    # Without it an app from before 2025-09-25 gets a refresh token of another kind, which ends for good.
    fields = oauth2.exchange(code, sign_in, continuous_refresh="true")
    call = Call.form("POST", api.TOKENS, fields, headers=oauth2.basic(site.secrets))
    given = oauth2.tokens(call, SCOPES, http)
    access, refresh = Secret(given[oauth2.ACCESS].text()), given[oauth2.REFRESH].text("")
    kept = {name: site.secrets.one(name) for name in (oauth2.ID, oauth2.SECRET)}
    kept |= {oauth2.REFRESH: Secret(refresh)} if refresh else {oauth2.ACCESS: access}
    void = (oauth2.ACCESS,) if refresh else (oauth2.REFRESH,)
    what = "listing the ad accounts"

    def ask(path: str) -> Answer:
        return checked(http(api.authorized("GET", path, access)), what=what, secret_hint=api.HINT)

    return [
        Grant(account=row["id"].text(), name=row["name"].text(row["id"].text()), secrets=kept, void=void)
        for row in api.every("/ad_accounts", ask, what=what)
        if _may_subscribe(row)
    ]


def _may_subscribe(account: Node) -> bool:
    """Return whether the person's roles allow a subscription; where none are told, Pinterest will say so."""
    roles = {role.text("") for role in account["permissions"].rows()}
    return not roles or bool(roles & MAY_SUBSCRIBE)

"""Sign a person in at Meta for `deskwire connect`: the login dialog, the code, the tokens of their pages.

https://developers.facebook.com/documentation/facebook-login/guides/advanced/manual-flow (dialog, code),
https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived/ (a page's token that a person's
long-lived one gives has no end) and https://developers.facebook.com/docs/graph-api/reference/user/accounts/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from deskwire.contracts.registration import Grant, SignIn, Site
from deskwire.model.errors import ConfigurationError
from deskwire.model.secret import Secret
from deskwire.web.reading import Node
from deskwire.web.rest import Call, Transport, checked

from . import meta
from .meta_registration import APP_SECRET, NO_APP, SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALOG: Final = f"https://www.facebook.com/{meta.VERSION}/dialog/oauth"
CHALLENGE: Final = "deskwire-connect"
MOST_CALLS: Final = 20  # of a hundred pages each


def dialog(channel: str, site: Site, sign_in: SignIn) -> str:
    """Return the address of the login page, with the permissions of all channels that the endpoint serves."""
    channels = dict.fromkeys((channel, *site.channels))
    scopes = dict.fromkeys(scope for name in channels for scope in SCOPES.get(name, ()))
    if channel == "instagram":
        scopes |= dict.fromkeys(("pages_show_list", "pages_read_engagement"))
    query = {"client_id": _app(site), "redirect_uri": sign_in.redirect, "state": sign_in.state, "response_type": "code"}
    return f"{DIALOG}?{urlencode({**query, 'scope': ','.join(scopes)})}"


def grants(channel: str, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
    """Return the person's pages (for Instagram: the accounts linked to them) with a token for each."""
    asked = {"client_id": _app(site), "redirect_uri": sign_in.redirect}
    short = _token(asked, {"code": code}, site, http)
    kind = {"client_id": _app(site), "grant_type": "fb_exchange_token"}
    person = _token(kind, {"fb_exchange_token": short}, site, http)
    found = (_grant(channel, page) for page in _pages(person, http))
    return [each for each in found if each is not None]


def _pages(person: Secret, http: Transport) -> Iterator[Node]:
    """Yield the pages of a person, a hundred a call (https://developers.facebook.com/docs/graph-api/results)."""
    asked = {"fields": "id,name,access_token,instagram_business_account{id,username}", "limit": "100"}
    headers = {"Authorization": f"Bearer {person.reveal()}"}
    for _ in range(MOST_CALLS):
        call = Call("GET", f"{meta.GRAPH}/{meta.VERSION}/me/accounts?{urlencode(asked)}", headers)
        shown = meta.settled(http(call), what="listing the pages", token="the login")  # noqa: S106 - words
        yield from shown["data"].rows()
        after = shown["paging"]["cursors"]["after"].text("")
        if not after or not shown["paging"]["next"]:  # the last page has a cursor, too
            return
        asked["after"] = after


def _grant(channel: str, page: Node) -> Grant | None:
    token, linked = page["access_token"].text(""), page["instagram_business_account"]
    account = linked["id"].any_id() if channel == "instagram" else page["id"].any_id()
    if not token or not account:
        return None
    name = linked["username"].text("") if channel == "instagram" else ""
    return Grant(account=account, name=name or page["name"].text(account), secrets={meta.PAGE_TOKEN: Secret(token)})


def _token(query: Mapping[str, str], more: Mapping[str, Secret], site: Site, http: Transport) -> Secret:
    """Return the token for a code or another token; the secrets go in the query, as Meta documents."""
    secrets = {"client_secret": site.secrets.one(APP_SECRET), **more}
    places = "".join(f"&{name}={{{name}}}" for name in secrets)
    url = f"{meta.GRAPH}/{meta.VERSION}/oauth/access_token?{urlencode(query)}{places}"
    answer = meta.settled(http(Call("GET", url, secrets=secrets)), what="exchanging the code", token=APP_SECRET)
    return Secret(answer["access_token"].text())


def _app(site: Site) -> str:
    app = site.settings.get(meta.APP_ID, "")
    if not app:
        raise ConfigurationError(NO_APP)
    return app


def tried(site: Site, http: Transport) -> str:
    """Send Meta's check to our own address; return in words that it answers. Raises the errors of `rest.checked`."""
    given = {"hub.mode": "subscribe", "hub.challenge": CHALLENGE}
    url = f"{site.address}?{urlencode(given)}&hub.verify_token={{verify_token}}"
    call = Call("GET", url, secrets={"verify_token": site.secrets.one("verify_token")})
    answer = checked(http(call), what="asking our own address", secret_hint="“verify_token”")  # noqa: S106 - its name
    if answer.body != CHALLENGE.encode():
        raise ConfigurationError(f"{site.address} does not answer Meta's check: is it Deskwire's?")
    return f"{site.address} answers Meta's check"

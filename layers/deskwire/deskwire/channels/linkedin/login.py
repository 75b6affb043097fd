"""Signs a page's administrator in at LinkedIn for `deskwire connect`: their consent, their pages, and our address.

https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow (a refresh token comes along
where the app is given any; PKCE is for apps without a secret, which LinkedIn enables one by one), and the pages of an
administrator:
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-access-control-by-role
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-lookup-api
"""

from __future__ import annotations

import hmac
import uuid
from functools import partial
from typing import Final

from deskwire.contracts.registration import Grant, SignIn, Site
from deskwire.families import oauth2
from deskwire.model.errors import ConfigurationError, DeskwireError
from deskwire.model.secret import Secret
from deskwire.web.rest import Answer, Call, Transport, checked

from . import api
from .registering import PERSON

PAGE: Final = "https://www.linkedin.com/oauth/v2/authorization"
SCOPES: Final = ("rw_organization_admin", "r_organization_social_feed", "w_organization_social_feed")
ADMINISTERED: Final = {"q": "roleAssignee", "role": "ADMINISTRATOR", "state": "APPROVED"}
LISTING: Final = "listing the pages"
# Unconfirmed: which of them a version's answers have; older ones had the others.
TARGETS: Final = ("organization", "organizationTarget", "organizationalTarget")


def dialog(site: Site, sign_in: SignIn) -> str:
    """Return the login page's address."""
    return oauth2.page(PAGE, site, sign_in, SCOPES)


def grants(site: Site, code: Secret, sign_in: SignIn, http: Transport) -> list[Grant]:
    """Return the pages that the person administers, with the tokens of their consent."""
    fields = oauth2.exchange(code, sign_in, **oauth2.application(site.secrets))
    given = oauth2.tokens(Call.form("POST", api.SIGN_IN, fields), SCOPES, http)
    access, refresh = Secret(given[oauth2.ACCESS].text()), given[oauth2.REFRESH].text("")
    kept = {name: site.secrets.one(name) for name in (oauth2.ID, oauth2.SECRET)}
    kept |= {oauth2.REFRESH: Secret(refresh)} if refresh else {oauth2.ACCESS: access}
    void = (oauth2.ACCESS,) if refresh else (oauth2.REFRESH,)  # of two tokens an older refresh token would be used
    found = []
    for row in api.every("/organizationAcls", ADMINISTERED, partial(_asked, access, http), what=LISTING):
        page = next(filter(None, (row[name].text("") for name in TARGETS)), "")
        person = row["roleAssignee"].text("").rpartition(":")[2]
        if page:
            settings = {PERSON: person} if person else {}
            name = _name(page, access, http)
            found.append(Grant(account=page, name=name, secrets=kept, void=void, settings=settings))
    return found


def _name(page: str, access: Secret, http: Transport) -> str:
    """Return a page's name; its URN where LinkedIn does not show it, as when the calls of the day are used up."""
    try:
        return _asked(access, http, f"/organizations/{page.rpartition(':')[2]}").node()["localizedName"].text(page)
    except DeskwireError:
        return page


def _asked(access: Secret, http: Transport, path: str) -> Answer:
    answer = http(Call("GET", f"{api.API}{path}", api.headers(access)))
    return checked(answer, what=LISTING, secret_hint="the permissions that were consented to")  # noqa: S106 - words


def tried(site: Site, http: Transport) -> str:
    """Ask our own address what LinkedIn asks it every two hours; return in words that it answers."""
    code = str(uuid.uuid4())
    answer = checked(http(Call("GET", f"{site.address}?challengeCode={code}")), what="asking our own address").node()
    wanted = hmac.digest(site.secrets.one(oauth2.SECRET).encode(), code.encode(), "sha256").hex()
    if not hmac.compare_digest(answer["challengeResponse"].text("").encode(), wanted.encode()):
        raise ConfigurationError(f"{site.address} signs LinkedIn's check with another `{oauth2.SECRET}`")
    return f"{site.address} answers LinkedIn's check"

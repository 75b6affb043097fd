"""Signs a person in at Google for `deskwire connect`: their consent, and the locations that they manage.

https://developers.google.com/identity/protocols/oauth2/native-app (PKCE, a loopback address of any port) and
https://developers.google.com/identity/protocols/oauth2/web-server (`access_type`, `prompt=consent` for a refresh token
each time, `refresh_token_expires_in`, the scopes that were granted). Two further APIs list accounts and locations:
https://developers.google.com/my-business/reference/accountmanagement/rest/v1/accounts/list
https://developers.google.com/my-business/reference/businessinformation/rest/v1/accounts.locations/list
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from deskwire.contracts.registration import Grant, SignIn, Site
from deskwire.families import oauth2
from deskwire.model.errors import ConfigurationError
from deskwire.model.secret import Secret
from deskwire.web.rest import Call, Transport, checked

from . import access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deskwire.web.reading import Node

PAGE: Final = "https://accounts.google.com/o/oauth2/v2/auth"
SCOPE: Final = "https://www.googleapis.com/auth/business.manage"
ACCOUNTS: Final = "https://mybusinessaccountmanagement.googleapis.com/v1/accounts"
LOCATIONS: Final = "https://mybusinessbusinessinformation.googleapis.com/v1"
MOST_PAGES: Final = 20
NO_REFRESH: Final = "Google gave no refresh token: is the OAuth client of the type “Desktop app” or “Web application”?"
HINT: Final = "that the project has both APIs enabled, and its quota is not 0"


def dialog(site: Site, sign_in: SignIn) -> str:
    """Return the login page's address."""
    more = {"access_type": "offline", "prompt": "consent", **oauth2.challenge(sign_in)}
    return oauth2.page(PAGE, site, sign_in, [SCOPE], **more)


def grants(site: Site, code: Secret, sign_in: SignIn, http: Transport) -> list[Grant]:
    """Return the locations of all accounts that the person manages, with the tokens of their consent."""
    fields = oauth2.exchange(code, sign_in, code_verifier=sign_in.verifier.reveal(), **oauth2.application(site.secrets))
    given = oauth2.tokens(Call.form("POST", access.TOKENS, fields), [SCOPE], http)
    refresh = given[oauth2.REFRESH].text("")
    if not refresh:
        raise ConfigurationError(NO_REFRESH)
    kept = {name: site.secrets.one(name) for name in (oauth2.ID, oauth2.SECRET)}
    kept[oauth2.REFRESH] = Secret(refresh)
    lives = given["refresh_token_expires_in"].number(0)
    if lives:
        kept[access.ENDS] = Secret(str(int(sign_in.at.timestamp()) + lives))
    headers = {"Authorization": f"Bearer {given['access_token'].text()}"}
    accounts = [each["name"].text() for each in _listed(ACCOUNTS, {"pageSize": "20"}, "accounts", headers, http)]
    asked = {"readMask": "name,title", "pageSize": "100"}
    return [
        Grant(
            account=f"{account}/{each['name'].text()}",
            name=each["title"].text(each["name"].text()),
            secrets=kept,
            void=() if lives else (access.ENDS,),
        )
        for account in accounts
        for each in _listed(f"{LOCATIONS}/{account}/locations", asked, "locations", headers, http)
    ]


def _listed(url: str, asked: dict[str, str], name: str, headers: dict[str, str], http: Transport) -> Iterator[Node]:
    page = ""
    for _ in range(MOST_PAGES):
        query = urlencode({**asked, **({"pageToken": page} if page else {})})
        answer = http(Call("GET", f"{url}?{query}", headers))
        shown = checked(answer, what=f"listing the {name}", secret_hint=HINT).node()
        yield from shown[name].rows()
        page = shown["nextPageToken"].text("")
        if not page:
            return

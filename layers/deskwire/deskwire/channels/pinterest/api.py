"""Pinterest's API v5 as far as it is asked: tokens, errors, lists.

https://github.com/pinterest/api-description (5.23.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from deskwire.families import oauth2
from deskwire.families.lists import listed
from deskwire.model.secret import Secret
from deskwire.web.rest import Answer, Call, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

API: Final = "https://api.pinterest.com/v5"
TOKENS: Final = f"{API}/oauth/token"
CONNECT: Final = "`deskwire connect pinterest` gets a new one"
HINT: Final = f"the connection's token: of an owner or admin of the ad account, with ads:read and ads:write; {CONNECT}"
MOST_PAGES: Final = 20
PAGE: Final = 250


def asked(method: str, path: str, reach: Reach, *, what: str, body: Mapping[str, str] | None = None) -> Answer:
    """Return Pinterest's answer in the connection's name. Raises the errors of `rest.checked`."""
    token = _access(reach)
    call = authorized(method, path, token, body)
    return checked(oauth2.asked(reach, call, token), what=what, secret_hint=HINT)


def authorized(method: str, path: str, token: Secret, body: Mapping[str, str] | None = None) -> Call:
    """Return a call that carries an access token."""
    url, headers = f"{API}{path}", {"Authorization": f"Bearer {token.reveal()}"}
    return Call(method, url, headers) if body is None else Call.json(method, url, body, headers=headers)


def every(path: str, ask: Callable[[str], Answer], *, what: str) -> list[Node]:
    """Return the items of a list, page by page; `ask` returns the answer to a path."""
    found: list[Node] = []
    bookmark = ""
    for _ in range(MOST_PAGES):
        query = urlencode({"page_size": str(PAGE)} | ({"bookmark": bookmark} if bookmark else {}))
        page = ask(f"{path}?{query}").node()
        found += listed(page["items"], what)
        bookmark = page["bookmark"].text("")
        if not bookmark:
            break
    return found


def _access(reach: Reach) -> Secret:
    """Return the access token; with a continuous refresh token (60 days), which each renewal replaces.

    https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/
    """

    def renewal(held: Secret) -> Call:
        fields = {"grant_type": oauth2.REFRESH, oauth2.REFRESH: held.reveal()}
        return Call.form("POST", TOKENS, fields, headers=oauth2.basic(reach.secrets))

    # As far as the description says, a refresh token is rejected as the app is: 401, “Authentication failed”.
    remedy = f"check `{oauth2.ID}` and `{oauth2.SECRET}`, else the refresh token has ended: {CONNECT}"
    return oauth2.access(reach, renewal, what="renewing Pinterest's access token", remedy=remedy)

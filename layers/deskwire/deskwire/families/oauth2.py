"""OAuth 2.0: renewing an access token; and for `deskwire connect` the login page's address, and the tokens of a code.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1 (the code), #section-6 (renewing) and, for PKCE,
https://www.rfc-editor.org/rfc/rfc7636#section-4
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from deskwire.contracts.connector import Token
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.secret import Secret
from deskwire.model.values import replace
from deskwire.web.refusals import vendor_code
from deskwire.web.rest import Call, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deskwire.contracts.connector import Reach
    from deskwire.contracts.registration import SignIn, Site
    from deskwire.web.reading import Node
    from deskwire.web.rest import Transport

ID, SECRET = "client_id", "client_secret"
ACCESS, REFRESH = "access_token", "refresh_token"
# RFC 6749, 5.2: the app's own; any other refusal is of the code.
OF_APP: Final = frozenset({"invalid_client", "unauthorized_client"})
APP: Final = f"check `{ID}` and `{SECRET}`"
AGAIN: Final = "a code is good once, for minutes, and for one redirect address: run the command again"


def page(url: str, site: Site, sign_in: SignIn, scopes: Sequence[str], **more: str) -> str:
    """Return the login page's address."""
    query = {
        "response_type": "code", ID: site.secrets.one(ID).reveal(), "redirect_uri": sign_in.redirect,
        "state": sign_in.state, "scope": " ".join(scopes), **more,
    }  # fmt: skip
    return f"{url}?{urlencode(query)}"


def challenge(sign_in: SignIn) -> Mapping[str, str]:
    """Return PKCE's parameters of the login page."""
    made = urlsafe_b64encode(hashlib.sha256(sign_in.verifier.encode()).digest()).decode().rstrip("=")
    return {"code_challenge": made, "code_challenge_method": "S256"}


def tokens(
    url: str, code: Secret, site: Site, sign_in: SignIn, scopes: Sequence[str], http: Transport, **more: Secret
) -> Node:
    """Return the answer with the tokens that a code gives.

    Raises `ConfigurationError` for a code that is not taken, or consent to less than was asked for, and the errors of
    `rest.checked`.
    """
    fields = {
        "grant_type": "authorization_code", "code": code.reveal(), "redirect_uri": sign_in.redirect,
        ID: site.secrets.one(ID).reveal(), SECRET: site.secrets.one(SECRET).reveal(),
        **{name: value.reveal() for name, value in more.items()},
    }  # fmt: skip
    answer = http(Call.form("POST", url, fields))
    if answer.status in {400, 401}:
        reason = vendor_code(answer.body)
        remedy = APP if OF_APP & set(reason.split("/")) else AGAIN
        raise ConfigurationError(f"exchanging the code: HTTP {answer.status} ({reason or 'no reason'}): {remedy}")
    given = checked(answer, what="exchanging the code").node()
    granted = given["scope"].text("")  # RFC 6749, 5.1: absent where all was granted. LinkedIn separates by commas
    if granted and (missing := set(scopes) - set(re.split(r"[\s,]+", granted))):
        raise ConfigurationError(
            f"consent to {', '.join(sorted(missing))} is missing: run the command again and allow all that is asked for"
        )
    return given


def access(reach: Reach, renewal: Callable[[Secret], Call], *, what: str, remedy: str) -> Secret:
    """Return the access token: renewed where there is a refresh token, else the one that a person stored.

    `renewal` makes the request of a refresh token. Raises as `renewed` does.
    """
    if not reach.secrets.has(REFRESH):
        return reach.secrets.one(ACCESS)

    def renew(held: Secret) -> Token:
        given = renewed(reach, renewal(held), what=what, remedy=remedy)
        refresh, lifetime = given[REFRESH].text(""), float(given["expires_in"].number(3600))
        return Token(Secret(given[ACCESS].text()), lifetime, Secret(refresh) if refresh else None)

    return reach.tokens(REFRESH, renew)


def renewed(reach: Reach, renewal: Call, *, what: str, remedy: str) -> Node:
    """Return the answer with a new access token.

    Raises `ConfigurationError` with the `remedy` for a refusal, which is never the customer's doing, and else the
    errors of `rest.checked`.
    """
    try:
        return checked(reach.http(replace(renewal, safe=True)), what=what).node()
    except PermanentError as error:
        raise ConfigurationError(f"{error}: {remedy}") from None

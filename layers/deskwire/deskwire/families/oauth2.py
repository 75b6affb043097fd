"""OAuth 2.0: renew an access token, and for `deskwire connect` make the login page's address and exchange a code.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1 (the code), #section-6 (renewing) and, for PKCE,
https://www.rfc-editor.org/rfc/rfc7636#section-4
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode, urlsafe_b64encode
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
    from deskwire.model.secret import Secrets
    from deskwire.web.reading import Node
    from deskwire.web.rest import Answer, Transport

ID, SECRET = "client_id", "client_secret"
ACCESS, REFRESH = "access_token", "refresh_token"
# RFC 6749, 5.2: the app's own; any other refusal is of the code.
OF_APP: Final = frozenset({"invalid_client", "unauthorized_client"})
REJECTED: Final = frozenset({400, 401})  # RFC 6749, 5.2: 401 is for the app alone; not every vendor keeps to that
APP: Final = f"check `{ID}` and `{SECRET}`"
AGAIN: Final = "a code is good once, for minutes, and for one redirect address: run the command again"


def page(url: str, site: Site, sign_in: SignIn, scopes: Sequence[str], between: str = " ", **more: str) -> str:
    """Return the login page's address; `between` separates the scopes."""
    query = {
        "response_type": "code", ID: site.secrets.one(ID).reveal(), "redirect_uri": sign_in.redirect,
        "state": sign_in.state, "scope": between.join(scopes), **more,
    }  # fmt: skip
    return f"{url}?{urlencode(query)}"


def challenge(sign_in: SignIn) -> Mapping[str, str]:
    """Return PKCE's parameters for the login page."""
    made = urlsafe_b64encode(hashlib.sha256(sign_in.verifier.encode()).digest()).decode().rstrip("=")
    return {"code_challenge": made, "code_challenge_method": "S256"}


def application(secrets: Secrets) -> dict[str, str]:
    """Return the app's id and secret as fields of a form."""
    return {name: secrets.one(name).reveal() for name in (ID, SECRET)}


def basic(secrets: Secrets) -> dict[str, str]:
    """Return the header with the app's id and secret (RFC 6749, 2.3.1), where a vendor wants them there."""
    pair = ":".join(application(secrets).values())
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def exchange(code: Secret, sign_in: SignIn, **more: str) -> dict[str, str]:
    """Return the fields that ask for the tokens of a code."""
    return {"grant_type": "authorization_code", "code": code.reveal(), "redirect_uri": sign_in.redirect, **more}


def tokens(call: Call, scopes: Sequence[str], http: Transport) -> Node:
    """Return the answer with the tokens that a code gives.

    Raises `ConfigurationError` for a rejected code or insufficient consent, and the errors of `rest.checked`.
    """
    answer = http(call)
    if answer.status in REJECTED:
        raise _rejected(answer, "exchanging the code", AGAIN)
    given = checked(answer, what="exchanging the code").node()
    granted = given["scope"].text("")  # RFC 6749, 5.1: absent where all was granted. LinkedIn separates by commas
    if granted and (missing := set(scopes) - set(re.split(r"[\s,]+", granted))):
        raise ConfigurationError(
            f"consent to {', '.join(sorted(missing))} is missing: run the command again and allow all that is asked for"
        )
    return given


def access(reach: Reach, renewal: Callable[[Secret], Call], *, what: str, remedy: str) -> Secret:
    """Return the access token: renewed if there is a refresh token, else the one that a person stored.

    `renewal` makes the request from a refresh token. Raises the errors of `renewed`.
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

    Raises `ConfigurationError` with the `remedy` for a refusal, which is never a customer's fault, and the errors of
    `rest.checked`.
    """
    answer = reach.http(replace(renewal, safe=True))
    if answer.status in REJECTED:
        raise _rejected(answer, what, remedy)
    try:
        return checked(answer, what=what).node()
    except PermanentError as error:
        raise ConfigurationError(f"{error}: {remedy}") from None


def asked(reach: Reach, call: Call, token: Secret) -> Answer:
    """Return the answer to a call with an access token; one that the vendor rejects is renewed for the next call."""
    answer = reach.http(call)
    if answer.status == 401 and reach.secrets.has(REFRESH):
        reach.tokens.refused(REFRESH, token)
    return answer


def _rejected(answer: Answer, what: str, remedy: str) -> ConfigurationError:
    """Return the error of a rejected code or token, with what helps: the app's own values may be the reason."""
    reason = vendor_code(answer.body)
    found = APP if OF_APP & set(reason.split("/")) else remedy
    return ConfigurationError(f"{what}: HTTP {answer.status} ({reason or 'no reason'}): {found}")

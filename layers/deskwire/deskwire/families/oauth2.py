"""OAuth 2.0's authorization code, for `deskwire connect`: the login page's address, and the tokens that a code gives.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1 and, for PKCE, https://www.rfc-editor.org/rfc/rfc7636#section-4
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from deskwire.model.errors import ConfigurationError
from deskwire.web.refusals import vendor_code
from deskwire.web.rest import Call, checked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deskwire.contracts.registration import SignIn, Site
    from deskwire.model.secret import Secret
    from deskwire.web.reading import Node
    from deskwire.web.rest import Transport

ID, SECRET = "client_id", "client_secret"
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

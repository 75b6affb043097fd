"""Gives the access token that the connection's refresh token is exchanged for.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.values import replace
from deskwire.web.rest import Answer, Call, checked

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

TOPIC: Final = "topic"  # the endpoint's setting
REFRESH, ENDS = "refresh_token", "refresh_token_ends"  # secrets of the connection
TOKENS: Final = "https://oauth2.googleapis.com/token"
HINT: Final = "the connection's refresh_token: its scope business.manage, its right on this location, the API's quota"


def authorization(reach: Reach) -> dict[str, str]:
    """Return the header that a call carries."""
    token = reach.remember(f"google {reach.account} access token", lambda: _access_token(reach))
    return {"Authorization": f"Bearer {token}"}


def _access_token(reach: Reach) -> tuple[str, float]:
    fields = {name: reach.secrets.one(name).reveal() for name in ("client_id", "client_secret", REFRESH)}
    call = Call.form("POST", TOKENS, {"grant_type": REFRESH, **fields})
    answer = _granted(reach.http(replace(call, safe=True)))
    return answer["access_token"].text(), max(answer["expires_in"].number(3600) - 60.0, 0.0)


def _granted(answer: Answer) -> Node:
    try:
        return checked(answer, what="refreshing Google's access token").node()
    except PermanentError as error:  # invalid_grant, invalid_client: a 400 here is never the customer's doing
        raise ConfigurationError(
            f"{error}: connect the Google account again (client_id, client_secret, refresh_token)"
        ) from None

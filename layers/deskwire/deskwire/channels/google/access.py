"""Gives the access token that the connection's refresh token is exchanged for.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deskwire.families import oauth2
from deskwire.web.rest import Call

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

TOPIC: Final = "topic"  # the endpoint's setting
ENDS: Final = "refresh_token_ends"  # a secret of the connection, beside the refresh token
TOKENS: Final = "https://oauth2.googleapis.com/token"
HINT: Final = (
    "the connection's refresh_token: its scope business.manage, its right on this location, the API's quota; "
    "`deskwire connect google` gets a new one"
)


def authorization(reach: Reach) -> dict[str, str]:
    """Return the header that a call carries."""
    token = reach.remember(f"google {reach.account} access token", lambda: _access_token(reach))
    return {"Authorization": f"Bearer {token}"}


def _access_token(reach: Reach) -> tuple[str, float]:
    held = reach.secrets.one(oauth2.REFRESH).reveal()
    fields = {"grant_type": oauth2.REFRESH, oauth2.REFRESH: held, **oauth2.application(reach.secrets)}
    renewal = Call.form("POST", TOKENS, fields)
    remedy = "run `deskwire connect google` again"
    answer = oauth2.renewed(reach, renewal, what="refreshing Google's access token", remedy=remedy)
    return answer[oauth2.ACCESS].text(), max(answer["expires_in"].number(3600) - 60.0, 0.0)

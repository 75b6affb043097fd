"""Renews the token of Instagram Login: it lives 60 days, and a day after its making it may be renewed at any time.

https://developers.facebook.com/documentation/instagram-platform/reference/refresh_access_token
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deskwire.contracts.connector import Token
from deskwire.families import meta
from deskwire.model.secret import Secret
from deskwire.web.rest import Call

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

HOST: Final = "https://graph.instagram.com"
NAME: Final = "instagram_token"
DAY: Final = 86_400.0
TOO_YOUNG: Final = 1.25 * DAY  # a token younger than a day cannot be renewed; the age of a stored one is unknown
RENEWED_EVERY: Final = 7 * DAY  # of its 60: eight attempts before anybody notices
RENEWABLE: Final = "renewable "  # before what is held, once it is old enough


def renewed(held: Secret, reach: Reach) -> Token:
    """Return the token that comes after `held`: at first the stored one itself, until it is old enough.

    Raises `ConfigurationError` where Instagram takes it no longer.
    """
    text = held.reveal()
    if not text.startswith(RENEWABLE):
        return Token(held, TOO_YOUNG, Secret(RENEWABLE + text))
    current = Secret(text.removeprefix(RENEWABLE))
    url = f"{HOST}/refresh_access_token?grant_type=ig_refresh_token&access_token={{token}}"
    call = Call("GET", url, secrets={"token": current})
    answer = meta.settled(reach.http(call), what="renewing the token", token=NAME)
    access = answer["access_token"].text()
    lives = float(answer["expires_in"].number(60 * int(DAY)))
    return Token(Secret(access), min(RENEWED_EVERY, lives / 2), Secret(RENEWABLE + access))

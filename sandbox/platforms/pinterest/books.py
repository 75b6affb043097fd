"""Northwind on Pinterest: an ad account with a lead form. Nothing can be said there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.platforms.pinterest.played import HOST, LOGIN_HOST, Pinterest

NAME, ENDPOINT = "pinterest", "pinterest-leads"
ACCOUNT = "730044120017"
# The key is the one that the captures are sealed with, so that `deskwire send-capture` can open them.
HOOK = {
    "address_key": "demo-address-key-4f7a-pinterest",
    "cryptographic_key": "aW52ZW50ZWQta2V5LW9mLTMyLWJ5dGVzLW9mLWxlYWQ",
}
OWN = {"access_token": "demo-token-2c61-pinterest"}


class OnPinterest(Platform):
    """The ad account."""

    channels = (NAME,)
    player: Pinterest

    def __init__(self, clock: Clock) -> None:
        """Play the ad account."""
        self.player = Pinterest(ACCOUNT, OWN["access_token"], HOOK["cryptographic_key"], clock=clock)

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys((HOST, LOGIN_HOST), self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {f"{NAME}-hook": HOOK, f"{NAME}-account": OWN}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        account = {"channel": NAME, "account": ACCOUNT, "endpoint": ENDPOINT, "secret": f"{NAME}-account"}
        return {
            "endpoints": {ENDPOINT: {"channels": [NAME], "secret": f"{NAME}-hook"}},
            "connections": {f"{NAME}-leads": account},
        }

    def routes(self) -> Mapping[str, Route]:
        return {NAME: Route.of_channel(NAME, ENDPOINT, HOOK)}

    def spoken(self) -> Iterator[Spoken]:
        yield from ()

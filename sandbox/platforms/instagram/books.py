"""Northwind on Instagram: its account, and what it said there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.platforms.instagram.played import APP as NUMBER
from sandbox.platforms.instagram.played import GRAPH, HOST, MEDIA, Instagram, bundle

NAME, ENDPOINT = "instagram", "instagram"
ACCOUNT = "17841490000000001"  # the one of the captures, so that `deskwire send-capture` finds its connection
APP = {
    # The App Secret and the Instagram app secret: either may sign.
    "app_secret": ["demo-app-secret-1c7a-instagram", "demo-instagram-app-secret-5d02"],
    "verify_token": "demo-verify-2f77-instagram",
}
OWN = {"instagram_token": "demo-token-90be-instagram"}


class OnInstagram(Platform):
    """One professional account."""

    channels = (NAME,)
    sends = (("POST", "/{version}/me/messages"), ("POST", "/{version}/{target}/replies"))
    test_accounts: ClassVar[frozenset[str]] = frozenset({"0"})
    player: Instagram

    def __init__(self, clock: Clock) -> None:
        """Play the account."""
        self.player = Instagram(ACCOUNT, OWN["instagram_token"], clock=clock, secret=APP["app_secret"][0])

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys((HOST, MEDIA, GRAPH), self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {f"{ENDPOINT}-app": APP, f"{ENDPOINT}-account": OWN}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        account = {"channel": NAME, "account": ACCOUNT, "endpoint": ENDPOINT, "secret": f"{ENDPOINT}-account"}
        return {
            "endpoints": {ENDPOINT: {"channels": [NAME], "secret": f"{ENDPOINT}-app", "settings": {"app_id": NUMBER}}},
            "connections": {f"{ENDPOINT}-account": account},
        }

    def routes(self) -> Mapping[str, Route]:
        secrets = {"app_secret": APP["app_secret"]}
        return {NAME: Route.of_channel(NAME, ENDPOINT, secrets, bundle=bundle, most=50)}

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = [each for each in self.player.said.values() if each.ours]
        for each in said:
            yield Spoken(f"{NAME} {each.thread}", each.text, each.at)

"""Northwind on Viber: a bot for each office, and what they said there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import REYKJAVIK, SUVA
from sandbox.platforms.viber.played import API, FILES, Viber

NAME = "viber"
# No delivery names its bot, so each has an endpoint of its own; the first is that of the captures.
ENDPOINTS = {REYKJAVIK: NAME, SUVA: f"{NAME}-suva"}
BOTS = {REYKJAVIK: "northwind-reykjavik", SUVA: "northwind-suva"}  # their URIs
TOKENS = {
    BOTS[REYKJAVIK]: "demo5d20a1b2c3d4-e5f60718293a4b5c-6d7e8f9001122334",
    BOTS[SUVA]: "demo17f4a1b2c3d4-e5f60718293a4b5c-6d7e8f9001122335",
}
# https://developers.viber.com/docs/faq/: “several times for an hour”; nobody says when.
RETRIES: tuple[float, ...] = (5, 60, 300, 900, 1800)


class OnViber(Platform):
    """Both offices' bots."""

    channels = (NAME,)
    sends = (("POST", "/pa/send_message"),)
    player: Viber

    def __init__(self, clock: Clock) -> None:
        """Play the bots."""
        self.player = Viber({token: bot for bot, token in TOKENS.items()}, clock=clock)

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys((API, FILES), self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        entries = {}
        for office, endpoint in ENDPOINTS.items():
            for entry in (f"{endpoint}-bot", f"{endpoint}-account"):
                entries[entry] = {"auth_token": TOKENS[BOTS[office]]}
        return entries

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        welcome = {"welcome": "Hello! Write to us here.", "sender_name": "Northwind"}
        return {
            "endpoints": {
                endpoint: {"channels": [NAME], "secret": f"{endpoint}-bot", "settings": welcome}
                for endpoint in ENDPOINTS.values()
            },
            "connections": {
                f"{office}-viber": {
                    "channel": NAME, "account": BOTS[office], "endpoint": endpoint, "secret": f"{endpoint}-account",
                    "tags": [office], "policy": office, "settings": {"sender_name": "Northwind"},
                }
                for office, endpoint in ENDPOINTS.items()
            },
        }  # fmt: skip

    def routes(self) -> Mapping[str, Route]:
        return {
            endpoint: Route.of_channel(NAME, endpoint, {"auth_token": TOKENS[BOTS[office]]}, schedule=RETRIES)
            for office, endpoint in ENDPOINTS.items()
        }

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = [each for each in self.player.messages if each.ours and each.shown]
        for each in said:
            yield Spoken(f"{NAME} {each.person}", each.text, each.at)

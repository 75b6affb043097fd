"""Northwind on WhatsApp: a number for each office, and what it said there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import REYKJAVIK, SUVA
from sandbox.platforms.whatsapp.played import ACCOUNT, FILES, GRAPH, WhatsApp, bundle
from sandbox.platforms.whatsapp.played import APP as NUMBER

NAME = "whatsapp"
NUMBERS = {REYKJAVIK: "440000000000012", SUVA: "440000000000013"}  # the first is that of the captures
SHOWN = {REYKJAVIK: "3545550110", SUVA: "6795550110"}
APP = {"app_secret": "demo-whatsapp-secret-5d20", "verify_token": "demo-whatsapp-verify-83aa"}
TOKEN = "demo-whatsapp-token-17f4"  # noqa: S105 - invented
TEMPLATES = (("order_sent", "en_GB"), ("hello_again", "de"))


class OnWhatsApp(Platform):
    """One account with both offices' numbers."""

    channels = (NAME,)
    sends = (("POST", "/{version}/{number}/messages"),)
    player: WhatsApp

    def __init__(self, clock: Clock) -> None:
        """Play the numbers."""
        shown = {NUMBERS[office]: SHOWN[office] for office in NUMBERS}
        self.player = WhatsApp(shown, TOKEN, TEMPLATES, clock=clock, secret=APP["app_secret"])

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys((GRAPH, FILES), self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"whatsapp-app": APP, "whatsapp-account": {"access_token": TOKEN}}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        declared = ", ".join(f"{name} {language}" for name, language in TEMPLATES)
        settings = {"templates": declared, "mark_as_read": "yes", "waba_id": ACCOUNT}
        return {
            "endpoints": {
                NAME: {"channels": [NAME], "secret": "whatsapp-app", "settings": {"app_id": NUMBER}},
            },
            "connections": {
                f"{office}-whatsapp": {
                    "channel": NAME, "account": number, "endpoint": NAME, "secret": "whatsapp-account",
                    "tags": [office], "policy": office, "settings": settings,
                }
                for office, number in NUMBERS.items()
            },
        }  # fmt: skip

    def routes(self) -> Mapping[str, Route]:
        return {NAME: Route.of_channel(NAME, NAME, {"app_secret": APP["app_secret"]}, bundle=bundle, most=50)}

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = [each for each in self.player.messages if each.ours and not each.template]
        for each in said:
            yield Spoken(f"{NAME} {each.thread}", each.text, each.at)

"""Northwind's web chat: the site, a chat for each office, and what visitors were shown there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deskwire.verification.captcha import PLAYED_ORIGIN
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import REYKJAVIK, SUVA
from sandbox.platforms.webchat.played import CHAT, Site, Visitor

NAME = "webchat"
ENDPOINT = "site-chat"
CHATS = {REYKJAVIK: CHAT, SUVA: f"{CHAT}-suva"}
SECRET = {"session_secret": "demo-session-secret-7f31-of-the-web-chat"}
PAGE = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # seconds after which the widget tries again

TRIES = 20  # to begin a session


class OnOurChat(Platform):
    """The site; nobody but visitors' browsers is played."""

    channels = (NAME,)
    player: Site

    def __init__(self, clock: Clock) -> None:
        """Play the site; its address is known before it listens, for the chat's origins."""
        del clock  # a browser's own
        self.player = Site()
        self.visitors: list[Visitor] = []

    def open(self, children: contextlib.ExitStack, api: str, aws: str) -> None:
        del children
        self.player.endpoint, self.player.uploads = f"{api}/pages/{ENDPOINT}", aws

    def visitor(self, office: str) -> Visitor:
        """Return somebody whose session began now, and whose page is looked at in the end."""
        visitor = Visitor(endpoint=self.player.endpoint, origin=self.player.origin, chat=CHATS[office])
        for _ in range(TRIES):  # as the widget does, when AWS has a bad moment
            with contextlib.suppress(OSError):  # a worker that dies leaves the line without an answer
                if visitor.begin().body.get("token"):
                    break
            time.sleep(0.5)
        self.visitors.append(visitor)
        return visitor

    @property
    def hosts(self) -> Mapping[str, str]:
        return {}

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {ENDPOINT: SECRET}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        # Here everybody has the same address.
        rates = dict.fromkeys(("session_rate", "address_rate", "visitor_rate", "chat_rate"), "50000")
        settings = {"origins": " ".join(self.origins), **rates}
        return {
            "endpoints": {ENDPOINT: {"channels": [NAME], "secret": ENDPOINT, "settings": settings}},
            "connections": {
                f"{office}-chat": {
                    "channel": NAME, "account": chat, "endpoint": ENDPOINT, "tags": [office], "policy": office,
                    "settings": {"sender": "Northwind <help@northwind.example>"},
                }
                for office, chat in CHATS.items()
            },
        }  # fmt: skip

    @property
    def origins(self) -> Sequence[str]:
        return (PLAYED_ORIGIN, self.player.origin)

    def routes(self) -> Mapping[str, Route]:
        return {NAME: Route.of_channel(NAME, ENDPOINT, SECRET, schedule=PAGE)}

    def spoken(self) -> Iterator[Spoken]:
        for visitor in self.visitors:
            yield from self.said(f"chat {visitor.id}")

    def said(self, place: str) -> Iterator[Spoken]:
        for visitor in self.visitors:
            if place == f"chat {visitor.id}":  # only this one's page is asked
                yield from (Spoken(place, text, at) for text, at in visitor.shown())

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        return [("The site with the chat", f"{self.player.origin}/chat")]

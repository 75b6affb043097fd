"""Northwind on Facebook and Messenger: its two pages, and what they said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import REYKJAVIK, SUVA
from sandbox.platforms.meta.played import APP as NUMBER
from sandbox.platforms.meta.played import HOSTS, Meta, bundle

PAGES = {REYKJAVIK: "410000000000001", SUVA: "410000000000002"}
APP = {"app_secret": ["demo-app-secret-9f31", "demo-next-app-secret-44c0"], "verify_token": "demo-verify-71b2"}


class OnMeta(Platform):
    """A Meta app with both offices' pages."""

    channels = ("facebook", "messenger")
    sends = (("POST", "/{version}/{page}/messages"),)
    test_accounts: ClassVar[frozenset[str]] = frozenset({"0"})
    long_known = ("messenger", PAGES[REYKJAVIK])
    player: Meta

    def __init__(self, clock: Clock) -> None:
        """Play the two pages."""
        self.player = Meta(
            {PAGES[REYKJAVIK]: "Northwind Reykjavík", PAGES[SUVA]: "Northwind Suva"},
            clock=clock,
            secret=APP["app_secret"][0],
        )

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys(HOSTS, self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"meta-app": APP} | {
            f"page-{office}": {"page_token": self.player.token(page)} for office, page in PAGES.items()
        }

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            "endpoints": {
                "meta": {
                    "channels": [*self.channels], "secret": "meta-app", "settings": {"app_id": str(NUMBER)},
                },
            },
            "connections": {
                f"{office}-{channel}": {
                    "channel": channel, "account": page, "endpoint": "meta", "secret": f"page-{office}",
                    "tags": [office], "policy": office,
                }
                for office, page in PAGES.items()
                for channel in self.channels
            },
        }  # fmt: skip

    def routes(self) -> Mapping[str, Route]:
        secrets = {"app_secret": APP["app_secret"]}
        return {"meta": Route.of_channel("messenger", "meta", secrets, bundle=bundle, most=50)}

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            private = [
                Spoken(f"messenger {psid}", message.text, message.at)
                for (_, psid), inbox in self.player.inboxes.items()
                for message in inbox.messages
                if message.outgoing and message.metadata  # what a colleague wrote in Meta's inbox has none
            ]
            public = [
                Spoken(f"facebook {thing.parent}", thing.text, thing.at)
                for thing in self.player.things.values()
                if thing.post and thing.author.id in self.player.pages
            ]
        yield from private
        yield from public

    def hides(self, place: str) -> bool:
        found = self.player.things.get(place.removeprefix("facebook "))
        return found is not None and found.hidden

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        return [("Facebook and Messenger", f"{self.player.address}/")]

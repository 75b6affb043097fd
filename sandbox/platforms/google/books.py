"""Northwind at Google: its Business Profile, and how it replied to reviews."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.platforms.google.played import HOSTS, Google

LOCATION = "accounts/100000000000000000001/locations/200000000000000000002"
AUDIENCE = "https://hooks.northwind.example/channels/google"
TOPIC = "projects/acme-care/topics/reviews"
CLIENT = {
    "client_id": "demo-client-id-1b.apps.googleusercontent.com",
    "client_secret": "demo-client-secret-5d7e",
    "refresh_token": "1//demo-refresh-token-c2",
}


class OnGoogle(Platform):
    """One location, whose reviews come by Pub/Sub."""

    channels = ("google",)
    player: Google

    def __init__(self, clock: Clock) -> None:
        """Play the account."""
        self.player = Google(CLIENT, clock=clock)

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys(HOSTS, self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"google-account": CLIENT}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        settings = {"audience": AUDIENCE, "service_account": self.player.service_account, "topic": TOPIC}
        location = {"channel": "google", "account": LOCATION, "endpoint": "google", "secret": "google-account"}
        return {
            "endpoints": {"google": {"channels": ["google"], "settings": settings}},
            "connections": {"reviews": location},
        }

    def routes(self) -> Mapping[str, Route]:
        return {"google": self.player.subscription("google", AUDIENCE)}

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = [
                (name, text, str(self.player.reviews[name].get("reviewReply", {}).get("updateTime")))
                for name, text in self.player.sent
            ]
        for name, text, at in said:
            yield Spoken(f"google {name}", text, datetime.fromisoformat(at))

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        return [("Google reviews", f"{self.player.address}/")]

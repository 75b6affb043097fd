"""Northwind on LinkedIn: its two pages, and what they said there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.platforms.linkedin.played import BATCH, HOSTS, SCHEDULE, LinkedIn, bundle

NAME, ENDPOINT = "linkedin", "linkedin"
# The first is that of the captures, so that `deskwire send-capture` finds its connection.
PAGES = ("urn:li:organization:88000001", "urn:li:organization:88000002")
APP = {"client_secret": "demo-client-secret-3b9d-linkedin"}
OWN = {"client_id": "demo-client-77", "refresh_token": "AQX-demo-refresh-0f41", **APP}


class OnLinkedIn(Platform):
    """One app with two pages of the company's."""

    channels = (NAME,)
    sends = (("POST", "/rest/socialActions/{urn}/comments"),)
    player: LinkedIn

    def __init__(self, clock: Clock) -> None:
        """Play both pages."""
        self.player = LinkedIn(OWN, PAGES, clock=clock)

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys(HOSTS, self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {f"{ENDPOINT}-app": APP, f"{ENDPOINT}-account": OWN}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        settings = {"application_id": "4710", "administrator_id": "adm1nInvented"}
        shared = {"channel": NAME, "endpoint": ENDPOINT, "secret": f"{ENDPOINT}-account", "settings": settings}
        return {
            "endpoints": {ENDPOINT: {"channels": [NAME], "secret": f"{ENDPOINT}-app"}},
            "connections": {f"{ENDPOINT}-{page[-1]}": {**shared, "account": page} for page in PAGES},
        }

    def routes(self) -> Mapping[str, Route]:
        return {NAME: Route.of_channel(NAME, ENDPOINT, APP, bundle=bundle, most=BATCH, schedule=SCHEDULE)}

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = [each for each in self.player.comments.values() if each.ours]
            asked = {number: each.owner for number, each in self.player.comments.items()}
        for each in said:
            post = each.post
            owner, number = (asked[each.below], post.activity) if each.below else (post.owner, post.share)
            yield Spoken(f"{NAME} {number}:{owner.rpartition(':')[2]}", each.text, each.at)

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        return [("LinkedIn", f"{self.player.address}/")]

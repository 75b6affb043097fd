"""Northwind on X: the care account, and what it said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.platforms.x.played import ACCOUNT, SECRETS, X

REPLAY = (300.0, 300.0)  # seconds: X documents no retries, but a replay job, which brings back what was missed
APP = {"consumer_secret": SECRETS["consumer_secret"]}


class OnX(Platform):
    """An app with one account."""

    channels = ("x",)
    sends = (("POST", "/2/tweets"),)
    player: X

    def __init__(self, clock: Clock) -> None:
        """Play X without its rates: a morning's crowd is larger than any day's."""
        self.player = X(clock, strict=False)

    @property
    def hosts(self) -> Mapping[str, str]:
        return {"api.x.com": self.player.address}

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"x-app": APP, "x-account": dict(SECRETS)}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        account = {"channel": "x", "account": ACCOUNT, "endpoint": "x", "secret": "x-account", "policy": "mentions"}
        return {
            "endpoints": {"x": {"channels": ["x"], "secret": "x-app"}},
            "connections": {"care-on-x": account},
        }

    def routes(self) -> Mapping[str, Route]:
        return {"x": Route.of_channel("x", "x", APP, schedule=REPLAY)}

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = {name: list(texts) for name, texts in self.player.sent.items()}
            moments = {post.text: post.at for post in self.player.posts.values()}
            moments |= {whisper.text: whisper.at for whisper in self.player.whispered}
        for name, texts in said.items():
            for text in texts:
                yield Spoken(f"x {name}", text, moments[text])

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        return [("X", f"{self.player.address}/")]

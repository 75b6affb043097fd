"""Northwind's mailbox. What it said there the embedded AWS's SES keeps, as for every mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deskwire.web.request import Request
from sandbox.cloud.stack import REGION
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import SUVA
from sandbox.platforms.email.played import Mail, single
from sandbox.platforms.email.ses import rule

if TYPE_CHECKING:
    from sandbox.cloud.stack import Stack

NAME = "email"
ENDPOINT = "inbound-mail"
MAILBOX = "help@northwind.example"
TOPIC = f"arn:aws:sns:{REGION}:000000000000:{ENDPOINT}"


class OnMail(Platform):
    """One mailbox, by SES's receiving."""

    channels = (NAME,)
    player: Mail

    def __init__(self, clock: Clock) -> None:
        """Play everybody who writes."""
        self.player = Mail(TOPIC, ENDPOINT, clock=clock)
        self.player.ses.rules = [rule("mailboxes", [MAILBOX], TOPIC)]
        self._stack: Stack

    def attach(self, stack: Stack) -> None:
        self._stack, s3 = stack, stack.client("s3")
        bucket = stack.deployed.archive
        self.player.store = lambda name, raw: s3.put_object(Bucket=bucket, Key=name, Body=raw)

    @property
    def hosts(self) -> Mapping[str, str]:
        return {f"email.{REGION}.amazonaws.com": self.player.address}

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        settings = {"source": TOPIC, "mailboxes": MAILBOX}
        return {
            "endpoints": {ENDPOINT: {"channels": [NAME], "settings": settings}},
            "connections": {
                "mailbox": {
                    "channel": NAME, "account": MAILBOX, "endpoint": ENDPOINT, "policy": SUVA,
                    "settings": {"sender": f"Northwind <{MAILBOX}>"},
                }
            },
        }  # fmt: skip

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"InboundTopic": ENDPOINT}

    def routes(self) -> Mapping[str, Route]:
        return {NAME: Route.of_channel(NAME, ENDPOINT, {}, bundle=single, hand=self._hand)}

    def _hand(self, request: Request) -> int:
        """Publish the notice to the template's topic, as SES does; one that is not taken comes again."""
        return 200 if self._stack.notify(TOPIC, request.body.decode()) else 500

    def spoken(self) -> Iterator[Spoken]:
        yield from ()  # all of it by SES, which everybody's books are read from

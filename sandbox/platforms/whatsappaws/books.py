"""Northwind's number at AWS, and what it said there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deskwire.web.request import Request
from sandbox.cloud.stack import REGION, StackError
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import SUVA
from sandbox.platforms.email.played import notice
from sandbox.platforms.whatsappaws.played import SocialMessaging, bundle

if TYPE_CHECKING:
    from sandbox.cloud.stack import Stack

NAME = "whatsappaws"
ENDPOINT = "inbound-whatsapp"
TOPIC = f"arn:aws:sns:{REGION}:000000000000:{ENDPOINT}"
NUMBER, OURS = "440000000000021", "phone-number-id-9b8a7c6d5e4f40318273a4b5c6d7e8f9"
ARN = f"arn:aws:social-messaging:{REGION}:000000000000:phone-number-id/9b8a7c6d5e4f40318273a4b5c6d7e8f9"
TEMPLATES = (("order_sent", "en_GB"),)


class OnWhatsAppAWS(Platform):
    """One number, by AWS's topic and interface."""

    channels = (NAME,)
    sends = (("POST", "/v1/whatsapp/send"),)
    player: SocialMessaging

    def __init__(self, clock: Clock) -> None:
        """Play the number."""
        self.player = SocialMessaging({OURS: NUMBER}, {NUMBER: "6795550120"}, TEMPLATES, clock=clock)
        self._stack: Stack
        self._archive = "not-deployed-yet"

    def attach(self, stack: Stack) -> None:
        self._stack, self._archive, s3 = stack, stack.deployed.archive, stack.client("s3")
        self.player.store = lambda bucket, key, data: s3.put_object(Bucket=bucket, Key=key, Body=data)

    @property
    def hosts(self) -> Mapping[str, str]:
        return {f"social-messaging.{REGION}.amazonaws.com": self.player.address}

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        settings = {
            "phone_number_id": OURS,
            "media": f"s3://{self._archive}/originals/{ENDPOINT}/",
            "templates": ", ".join(f"{name} {language}" for name, language in TEMPLATES),
            "mark_as_read": "yes",
        }
        return {
            "endpoints": {ENDPOINT: {"channels": [NAME], "settings": {"source": TOPIC}}},
            "connections": {
                "whatsapp-at-aws": {
                    "channel": NAME, "account": NUMBER, "endpoint": ENDPOINT, "policy": SUVA, "settings": settings,
                }
            },
        }  # fmt: skip

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"WhatsAppNumbers": ARN}

    def routes(self) -> Mapping[str, Route]:
        return {NAME: Route.of_channel(NAME, ENDPOINT, {}, bundle=bundle, most=10, hand=self._hand)}

    def _hand(self, request: Request) -> int:
        """Invoke receive with the notice, as SNS has Lambda do; a failed invocation is one that comes again."""
        try:
            self._stack.invoke(self._stack.deployed.receive, notice(TOPIC, request.body))
        except StackError:
            return 500
        return 200

    def spoken(self) -> Iterator[Spoken]:
        with self.player.lock:
            said = [each for each in self.player.messages if each.ours and not each.template]
        for each in said:
            yield Spoken(f"{NAME} {each.thread}", each.text, each.at)

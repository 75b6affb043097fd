"""What `deskwire send-capture` asks of a running sandbox: sign a capture, deliver it, say what came of it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from deskwire import registry
from deskwire.model.errors import ConfigurationError, PayloadError
from deskwire.model.events import Event
from deskwire.model.secret import Secrets
from deskwire.web.request import Request, from_gateway
from sandbox.neighbours.desk import WEBHOOK
from sandbox.neighbours.neighbour import Asked, Neighbour, Reply, route, wait_until
from sandbox.neighbours.sender import Route
from sandbox.northwind import books

if TYPE_CHECKING:
    from sandbox.northwind.company import Company

LEFT_OUT = {"host", "content-length"}  # headers of the capture that are of its own request
PATIENCE = 60.0  # seconds until every event must have its outcome


class Control(Neighbour):
    """Takes captures from whoever knows the token."""

    name: ClassVar[str] = "control"

    def __init__(self, company: Company) -> None:
        """Serve this company."""
        super().__init__()
        self.token = secrets.token_urlsafe(24)
        self._company = company

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the token, so that no page in a browser can ask."""
        known = secrets.compare_digest(asked.header("authorization"), f"Bearer {self.token}")
        return None if known else Reply.json(401, {"error": "this is not the token of the running sandbox"})

    @route("POST", "/captures/{connector}")
    def capture(self, asked: Asked, connector: str) -> Reply:
        """Deliver an event of API Gateway's as if it had just happened."""
        try:
            to = self._route(connector)
        except LookupError as error:
            return Reply.json(404, {"error": str(error)})
        request = replace(from_gateway(asked.json()), endpoint=to.endpoint)
        request = replace(request, body=_as_of(request.body, request.received_at, self._company.clock.now()))
        events = _events(connector, request)
        if to.side != "helpdesks":
            self._company.admit((event.channel, event.account) for event in events)
        else:
            events = []  # a signal has no outcome of its own
        left_out = LEFT_OUT | set(to.verification.headers)
        headers = {name: value for name, value in request.headers.items() if name not in left_out}
        sender = self._company.sender
        number = sender.raw(replace(to, headers=headers), request.body)
        wait_until(lambda: sender.delivery(number).attempts, 30)
        status = sender.delivery(number).attempts[0].status if sender.delivery(number).attempts else 0
        outcomes = self._outcomes(events) if 200 <= status < 300 else []
        return Reply.json(200, {"status": status, "events": outcomes, "tickets": self._company.desk.page})

    def _route(self, connector: str) -> Route:
        """Return where a connector's deliveries go, and how they are signed. Raises `LookupError`."""
        for platform in self._company.platforms.values():
            for each in platform.rules["connections"].values():
                if each["channel"] == connector:
                    return next(one for one in self._company.routes.values() if one.endpoint == each["endpoint"])
        if connector != self._company.helpdesk:
            raise LookupError(f"the running sandbox plays no “{connector}”: add its folder, or start it with HELPDESK=")
        given = Secrets(self._company.secrets.get(WEBHOOK, {}))
        return Route(
            endpoint=WEBHOOK, verification=registry.helpdesk(connector).verification, secrets=given, side="helpdesks",
            settings=self._company.desk.webhook,
        )  # fmt: skip

    def _outcomes(self, events: list[Event]) -> list[dict[str, str]]:
        """Wait until each event has its outcome, and return them."""
        until = time.monotonic() + PATIENCE
        while True:
            found = {each.identity: each for each in books.kept(self._company)[0]}
            told = [(event, found.get((event.channel, event.account, event.object_id, event.verb))) for event in events]
            if all(kept and kept.state in books.ENDED for _, kept in told) or time.monotonic() > until:
                return [self._told(event, kept) for event, kept in told]
            time.sleep(0.5)

    def _told(self, event: Event, kept: books.Kept | None) -> dict[str, str]:
        state = "under way" if kept is None or kept.state not in books.ENDED else kept.state
        tickets = [
            ticket.id
            for ticket in self._company.desk.tickets()
            if event.text and any(event.text in comment.text.replace("\u2060", "") for comment in ticket.comments)
        ]
        return {
            "kind": str(event.kind), "id": event.object_id, "outcome": state, "reason": kept.reason if kept else "",
            "ticket": tickets[-1] if tickets and state in {"filed", "merged"} else "",
        }  # fmt: skip


STAMP = re.compile(rb"\b1[0-9]{9}(?:[0-9]{3})?\b")
WRITTEN = {
    re.compile(rb"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"): "%Y-%m-%dT%H:%M:%S",
    re.compile(rb"\b[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9:]{8} \+0000 20[0-9]{2}\b"): "%a %b %d %H:%M:%S +0000 %Y",
}


def _as_of(body: bytes, captured: datetime, now: datetime) -> bytes:
    """Return a captured body with its times moved on to now: an old delivery would be refused as a replay."""
    by = now - captured

    def stamp(found: re.Match[bytes]) -> bytes:
        unit = 1000 if len(found[0]) == 13 else 1
        near = abs(int(found[0]) / unit - captured.timestamp()) < timedelta(days=60).total_seconds()
        return str(int(found[0]) + int(by.total_seconds() * unit)).encode() if near else found[0]

    def written(found: re.Match[bytes]) -> bytes:
        form = WRITTEN[found.re]
        return (datetime.strptime(found[0].decode(), form) + by).strftime(form).encode()  # noqa: DTZ007 - both in UTC

    body = STAMP.sub(stamp, body)
    for pattern in WRITTEN:
        body = pattern.sub(written, body)
    return body


def _events(connector: str, request: Request) -> list[Event]:
    """Return what a capture says; nothing where it cannot be read, for then it will be parked."""
    known: Any = registry.channel if connector in registry.channel_names() else registry.helpdesk
    try:
        found: Iterable[object] = known(connector).parse(request)
        return [each for each in found if isinstance(each, Event)]
    except (PayloadError, ConfigurationError):
        return []

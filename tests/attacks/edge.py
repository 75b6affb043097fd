"""receive with its ports in memory: one endpoint of each kind, its genuine delivery, and a stranger's twin of each."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import UTC, datetime

from deskwire.model.secret import Secrets
from deskwire.ports import EndpointView
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked
from deskwire.receiving.receiver import Receiver
from deskwire.registry import channel, helpdesk
from deskwire.telemetry import Telemetry
from deskwire.verification.rule import Verification
from deskwire.web.request import Request, from_gateway
from deskwire.web.rest import Answer
from sandbox.neighbours.gateway import gateway_event
from tests.conformance import world

# kind: side, connectors, the connector whose capture is the genuine delivery, that capture
KINDS = {
    "meta": ("channels", ("facebook", "messenger"), "messenger", "text"),
    "x": ("channels", ("x",), "x", "mention"),
    "google": ("channels", ("google",), "google", "new_review"),
    "form": ("channels", ("webform",), "webform", "message"),
    "zendesk": ("helpdesks", ("zendesk",), "zendesk", "trigger"),
    "rt": ("helpdesks", ("requesttracker",), "requesttracker", "reply"),
}
SIGNED = ("meta", "x", "zendesk", "rt")  # by an HMAC in a header
STAMPED = ("zendesk", "rt")
ELSEWHERE = "quite-another-invented-value"


def connector_of(kind):
    side, _, name, _ = KINDS[kind]
    return helpdesk(name) if side == "helpdesks" else channel(name)


def rule_of(kind) -> Verification:
    return connector_of(kind).verification


def secrets_of(kind, *, other=False) -> Secrets:
    values = world.secret_values(KINDS[kind][2])
    return Secrets({name: [ELSEWHERE] for name in values} if other else values)


def settings_of(kind, *, other=False):
    """Return an endpoint's settings; `other`: of an endpoint that belongs to somebody else."""
    found = world.endpoint_settings(KINDS[kind][2])
    if not other or not found:
        return found
    return {name: value if name == "captcha" else f"{value}.elsewhere.example" for name, value in found.items()}


def genuine(kind) -> Request:
    """Return the platform's own delivery, addressed to the endpoint of that kind."""
    _, _, name, capture = KINDS[kind]
    request = from_gateway(world.Capture(name, capture).gateway)
    return dataclasses.replace(request, endpoint=kind)


def signed(kind, body=None, *, secrets=None, now=None, **changes) -> Request:
    """Return a request as the platform would send it, with another body and so on."""
    request = genuine(kind)
    rule = rule_of(kind)
    bare = {name: value for name, value in request.headers.items() if name not in rule.headers or kind == "form"}
    request = dataclasses.replace(request, headers=bare, body=request.body if body is None else body, **changes)
    if kind == "form":  # a visitor signs nothing: the captcha's token lies in the body
        return request
    return rule.sign(request, secrets or secrets_of(kind), now or request.received_at)


def way(kind):
    """Return the first part of an endpoint's address."""
    return "pages" if kind == "form" else KINDS[kind][0]


def arriving(kind, request: Request, **gateway):
    """Return API Gateway's event of a request."""
    return gateway_event(request, side=way(kind)) | gateway


class Edge:
    """receive, as a stranger sees it, and everything it could have touched."""

    def __init__(self):
        self.moment: datetime | None = None
        self.counted: dict[str, int] = {}
        self.presigned: list[str] = []
        self.asked: list[str] = []
        self.captcha: dict | None = None  # the provider's answer, where it is not the captured one
        self.log = io.StringIO()
        self.mailbox, self.parked, self.archive = MemoryMailbox(self.now), MemoryParked(), MemoryArchive()
        self.receiver = Receiver(
            endpoints=self, mailbox=self.mailbox, parked=self.parked, archive=self.archive, http=self.http,
            clock=self.now, telemetry=Telemetry("test", "DEBUG", stream=self.log, now=lambda: 0), limits=self,
            presign=self.presign,
        )  # fmt: skip

    def now(self):
        return self.moment

    def endpoint(self, name):
        kind, _, other = name.partition("-")
        if kind not in KINDS or other not in {"", "b"} or name.endswith("-"):
            return None
        side, connectors, _, _ = KINDS[kind]
        settings = settings_of(kind, other=bool(other))
        return EndpointView(name, side, connectors, name, settings, "acme" if side == "helpdesks" else "")

    def secrets(self, name):
        kind, _, other = name.partition("-")
        return secrets_of(kind, other=bool(other))

    def allow(self, name, most, seconds):
        self.counted[name] = self.counted.get(name, 0) + 1
        return self.counted[name] <= most

    def presign(self, key, kind, size):
        self.presigned.append(key)
        return {"url": "https://bucket.example", "fields": {"key": key}}

    def http(self, call):
        self.asked.append(call.url)
        if "siteverify" in call.url and self.captcha is not None:
            return Answer(200, {}, json.dumps(self.captcha).encode())
        name = "webform" if "siteverify" in call.url else "google"
        return world.Outside(world.load(world.EVENTS / name / "outside.json"))(call)

    def send(self, event):
        """Return the answer to one request, which arrives at its own time."""
        stamp = event["requestContext"].get("timeEpoch", 0) / 1000
        self.moment = datetime.fromtimestamp(min(stamp, 4e9), UTC)
        return self.receiver.handle(event)

    @property
    def effects(self):
        """What is different from before, by name."""
        return {
            name: count
            for name, count in (
                ("letters", len(self.mailbox.letters)),
                ("parked", len(self.parked.bodies)),
                ("archived", len(self.archive.objects)),
                ("presigned", len(self.presigned)),
            )
            if count
        }

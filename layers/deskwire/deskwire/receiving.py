"""A delivery becomes events on the mailbox: verify, parse, enqueue, answer. Standard library only.

The answers: 2xx once everything is safe; 400 for a broken request; 401 not genuine; 404 no such endpoint (the same
whatever exists); 405, 413; 429 over a form's rate; 503 when the queue refused, so that the platform sends it again.
An authentic delivery that cannot be parsed is parked whole and answered 2xx: a 5xx would block or switch off
the platform's webhook.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from . import http, registry
from .channel import Channel, Rejects, Uploads
from .errors import ConfigurationError, PayloadError, SignatureError, TemporaryError
from .http import Request, Response
from .model import Event, Unreadable, compose, digest
from .ports import Archive, Clock, Letter, Mailbox, Parked
from .verification import Context

if TYPE_CHECKING:
    from .helpdesk import Helpdesk
    from .rest import Transport
    from .secret import Secrets
    from .telemetry import Telemetry

ENVELOPE = 1  # version of what goes on the queue
LETTER_LIMIT = 96_000  # bytes of one letter: ten of them are below the 1 MiB that SQS takes in a call
PARKED_LIMIT = 240_000  # bytes of a body parked inside the letter; a larger one goes to the archive
METHODS = frozenset({"GET", "POST", "OPTIONS", "PUT", "HEAD"})
NOT_FOUND = Response.json(404, {"error": "not found"})


@dataclass(frozen=True, slots=True)
class EndpointView:
    """What receive needs of an endpoint's definition."""

    name: str
    side: str
    connectors: tuple[str, ...]
    secret: str
    settings: Mapping[str, str]
    helpdesk: str

    @staticmethod
    def read(definition: str) -> EndpointView:
        """Return the view of a definition's JSON (see `configuration.Endpoint`)."""
        data = json.loads(definition)
        return EndpointView(
            data["name"],
            data["side"],
            tuple(data["connectors"]),
            data.get("secret", ""),
            data.get("settings", {}),
            data.get("helpdesk", ""),
        )


class Endpoints(Protocol):
    """Finds endpoints and secrets; keeps them for a minute."""

    def endpoint(self, name: str) -> EndpointView | None:
        """Return the endpoint, or None."""

    def secrets(self, name: str) -> Secrets:
        """Return the secrets of an entry. Raises `ConfigurationError`."""


class Limits(Protocol):
    """Counts what comes in where anybody can write."""

    def allow(self, name: str, most: int, seconds: int) -> bool:
        """Count one under `name`; False when it is over `most` within the running `seconds`."""


class Presign(Protocol):
    """Makes an address for an upload."""

    def __call__(self, key: str, content_type: str, size: int) -> Mapping[str, Any]:
        """Return {url, fields} of a presigned POST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Everything receive works with."""

    endpoints: Endpoints
    mailbox: Mailbox
    parked: Parked
    archive: Archive
    http: Transport
    clock: Clock
    telemetry: Telemetry
    limits: Limits
    presign: Presign
    cache: dict[str, object] = field(default_factory=dict)

    def handle(self, gateway: Mapping[str, Any]) -> dict[str, Any]:
        """Return API Gateway's answer to API Gateway's event."""
        try:
            request = http.from_gateway(gateway)
        except PayloadError:
            return Response.json(400, {"error": "bad request"}).to_gateway()
        side = "helpdesks" if str(gateway.get("rawPath", "")).split("/")[1:2] == ["helpdesks"] else "channels"
        try:
            response = self.receive(request, side)
        finally:
            self.telemetry.flush()
        return response.to_gateway()

    def receive(self, request: Request, side: str) -> Response:
        """Return the answer to one request."""
        if request.method not in METHODS:
            return Response.json(405, {"error": "method not allowed"}, {"allow": "GET, POST"})
        try:
            endpoint = self.endpoints.endpoint(request.endpoint)
        except TemporaryError:
            return self._unavailable(request, "table")
        if endpoint is None or endpoint.side != side:
            return NOT_FOUND
        try:
            connectors = [_connector(side, name) for name in endpoint.connectors]
            secrets = self.endpoints.secrets(endpoint.secret)
            return self._receive(request, endpoint, connectors, secrets)
        except SignatureError as error:
            self.telemetry.count("SignatureFailures")
            self.telemetry.log("WARNING", "refused: not genuine", endpoint=endpoint.name, reason=str(error))
            return Response.json(401, {"error": "unauthorized"})
        except ConfigurationError as error:
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "misconfigured", endpoint=endpoint.name, reason=str(error))
            return Response.json(503, {"error": "unavailable"})
        except TemporaryError as error:
            return self._unavailable(request, str(error))

    def _unavailable(self, request: Request, reason: str) -> Response:
        self.telemetry.count("Unavailable")
        self.telemetry.log("ERROR", "not taken", endpoint=request.endpoint, reason=reason)
        return Response.json(503, {"error": "unavailable"}, {"retry-after": "5"})

    def _receive(
        self,
        request: Request,
        endpoint: EndpointView,
        connectors: Sequence[Channel | Helpdesk],
        secrets: Secrets,
    ) -> Response:
        request = dataclasses.replace(
            request, facts={f"setting.{k}": v for k, v in endpoint.settings.items()}
        )
        for connector in connectors:
            if (answer := connector.handshake(request, secrets)) is not None:
                return answer
        if request.method not in {"POST", "PUT"}:
            return Response.json(405, {"error": "method not allowed"}, {"allow": "GET, POST"})
        first = connectors[0]
        if len(request.body) > first.contract.body_limit.value:
            self.telemetry.count("TooLarge")
            return Response.json(413, {"error": "too large"})
        if not self._within_limits(request, first):
            self.telemetry.count("RateLimited")
            return _answer(
                first, request, Response.json(429, {"error": "too many requests"}, {"retry-after": "60"})
            )
        context = Context(self.clock(), self.http, endpoint.settings, self.cache)
        facts = first.verification.verify(request, secrets, context)
        request = dataclasses.replace(request, facts={**request.facts, **facts})
        if request.action:
            return self._upload(request, endpoint, first)
        return self._take(request, endpoint, connectors)

    def _within_limits(self, request: Request, connector: Channel | Helpdesk) -> bool:
        limits = connector.limits(request) if isinstance(connector, Channel) else ()
        return all(
            self.limits.allow(compose(request.endpoint, name), most, span) for name, most, span in limits
        )

    def _upload(self, request: Request, endpoint: EndpointView, connector: Channel | Helpdesk) -> Response:
        if request.action != "uploads" or not isinstance(connector, Uploads):
            return NOT_FOUND
        try:
            upload = connector.upload(request, endpoint.settings)
        except PayloadError as error:
            return connector.reject(request, error) if isinstance(connector, Rejects) else NOT_FOUND
        name = hashlib.sha256(request.body + str(request.received_at).encode()).hexdigest()[:32]
        made = self.presign(f"incoming/{compose(endpoint.name)}/{name}", upload.type, upload.size)
        return _answer(connector, request, Response.json(201, {"id": name, **made}))

    def _take(
        self, request: Request, endpoint: EndpointView, connectors: Sequence[Channel | Helpdesk]
    ) -> Response:
        events: list[Event] = []
        unreadable: list[Unreadable] = []
        for connector in connectors:
            try:
                for found in connector.parse(request):
                    if isinstance(found, Event):
                        events.append(found)
                    else:
                        unreadable.append(found)
            except PayloadError as error:
                if isinstance(connector, Rejects):
                    self.telemetry.count("Rejected")
                    return connector.reject(request, error)
                unreadable = [Unreadable(str(error), None)]
                events = []
                break
        if endpoint.side == "helpdesks":
            events = [dataclasses.replace(event, account=endpoint.helpdesk) for event in events]
        for each in unreadable:
            self._park(request, endpoint, each)
        self._enqueue(request, endpoint, events)
        self.telemetry.count("Deliveries")
        self.telemetry.count("Events", len(events))
        if not events and not unreadable:
            self.telemetry.count("EmptyDeliveries")
        if events and isinstance(connectors[0], Channel):
            return connectors[0].acknowledged(request, events) or Response(200)
        return Response(200)

    def _enqueue(self, request: Request, endpoint: EndpointView, events: Sequence[Event]) -> None:
        letters = {}
        for event in events:
            letter = letter_of(
                event, endpoint.name, endpoint.side, request.received_at.isoformat(), self.archive
            )
            letters.setdefault((letter.group, letter.dedupe), letter)
        if letters:
            self.mailbox.send(list(letters.values()))

    def _park(self, request: Request, endpoint: EndpointView, unreadable: Unreadable) -> None:
        if unreadable.fragment is None:
            content = {"body": base64.b64encode(request.body).decode()}
        else:
            content = {"fragment": json.dumps(unreadable.fragment)}
        text = json.dumps(content)
        name = f"parked/{hashlib.sha256(request.body + unreadable.reason.encode()).hexdigest()}"
        if len(text) > PARKED_LIMIT:
            self.archive.keep(name, text.encode())
            content = {"archived": name}
        self.parked.park(
            json.dumps(
                {
                    "v": ENVELOPE,
                    "endpoint": endpoint.name,
                    "side": endpoint.side,
                    "connectors": list(endpoint.connectors),
                    "reason": unreadable.reason,
                    "received_at": request.received_at.isoformat(),
                    "delivery": hashlib.sha256(request.body).hexdigest(),
                    "content_type": request.header("content-type"),
                    **content,
                }
            )
        )
        self.telemetry.count("Parked")
        self.telemetry.log("ERROR", "parked", endpoint=endpoint.name, reason=unreadable.reason)


def _connector(side: str, name: str) -> Channel | Helpdesk:
    return registry.helpdesk(name) if side == "helpdesks" else registry.channel(name)


def _answer(connector: Channel | Helpdesk, request: Request, response: Response) -> Response:
    """Let a connector that answers browsers add its headers (CORS)."""
    if isinstance(connector, Channel) and (headers := connector.answer_headers(request)):
        return dataclasses.replace(response, headers={**response.headers, **headers})
    return response


def letter_of(event: Event, endpoint: str, side: str, received_at: str, archive: Archive) -> Letter:
    """Return the letter of an event: ASCII JSON, for SQS refuses some characters for ever.

    What is too large for a letter goes to the archive, named by its own digest.
    """
    data = event.to_json()
    raw = json.dumps(dict(event.raw), separators=(",", ":"))
    envelope: dict[str, Any] = {
        "v": ENVELOPE, "endpoint": endpoint, "side": side, "received_at": received_at, "event": data,
        "raw": base64.b64encode(zlib.compress(raw.encode())).decode() if event.raw else None,
    }  # fmt: skip
    body = json.dumps(envelope, separators=(",", ":"))
    if len(body) > LETTER_LIMIT and event.raw:
        envelope["raw"], envelope["raw_at"] = None, _keep(archive, raw.encode())
        body = json.dumps(envelope, separators=(",", ":"))
    if len(body) > LETTER_LIMIT:
        envelope["event"], envelope["event_at"] = None, _keep(archive, json.dumps(data).encode())
        body = json.dumps(envelope, separators=(",", ":"))
    return Letter(digest(event.thread_key), digest(event.key), body)


def _keep(archive: Archive, data: bytes) -> str:
    name = f"raw/{hashlib.sha256(data).hexdigest()}"
    archive.keep(name, data)
    return name

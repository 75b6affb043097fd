"""Handle a delivery: verify, parse, enqueue, answer. Standard library only.

Answers: 2xx once everything is stored; 400 for a malformed request; 401 if it is not genuine; 404 for an unknown
endpoint; 405, 413; 429 above a form's rate; 503 if the queue refused it, so that the platform sends it again.
A genuine delivery that cannot be parsed is parked and answered 2xx: a 5xx would block or disable the platform's
webhook.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets as secrets_module
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from deskwire import registry
from deskwire.contracts.channel import Rejects, serves_pages
from deskwire.dismissing import dismiss
from deskwire.letters import VERSION, letters_of
from deskwire.model.errors import (
    ConfigurationError,
    DeskwireError,
    PayloadError,
    SignatureError,
    TemporaryError,
    UnknownAccount,
    UnopenedError,
    where,
)
from deskwire.model.events import Event
from deskwire.model.keys import compose
from deskwire.model.secret import Secrets
from deskwire.model.values import dataclass, field, replace
from deskwire.ports import Archive, Clock, Endpoints, EndpointView, Limits, Mailbox, Parked, Presign, Showcase
from deskwire.timing import REMEMBERED
from deskwire.verification.never import Never
from deskwire.verification.rule import UNAVAILABLE, Context, Verification
from deskwire.web import request as http
from deskwire.web.request import Request, Response

from .content import content

if TYPE_CHECKING:
    from deskwire.contracts.actions import Action, Actions, Read
    from deskwire.contracts.connector import Connector
    from deskwire.model.events import Unreadable
    from deskwire.model.signals import Happened
    from deskwire.telemetry import Telemetry
    from deskwire.web.rest import Transport

BRIEF = "parked/brief/"  # objects here are deleted after a day (template.yaml)
PARKED_LIMIT = 240_000  # bytes of a body parked inside the letter; a larger one goes to the archive
NEVER_PARKED = ("auth", "token", "secret", "signature", "key", "cookie", "forwarded", "amzn")  # parts of header names
PAGES = "pages"  # the side for visitors' browsers; the API limits its rate separately
DELIVERIES = frozenset({"POST", "PUT"})
METHODS = frozenset({"GET", "HEAD", "OPTIONS", *DELIVERIES})
FAILURES: tuple[tuple[type[DeskwireError], str, int, str], ...] = (
    (UnopenedError, "ConfigurationErrors", 503, "unavailable"),
    (SignatureError, "SignatureFailures", 401, "unauthorized"),
    (PayloadError, "Rejected", 400, "bad request"),
    (ConfigurationError, "ConfigurationErrors", 503, "unavailable"),
    (TemporaryError, "Unavailable", 503, "unavailable"),
)
NOT_FOUND = Response.json(404, {"error": "not found"})
NOT_ALLOWED = Response.json(405, {"error": "method not allowed"}, {"allow": "GET, POST"})
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The worker of the function `receive`."""

    endpoints: Endpoints
    mailbox: Mailbox
    parked: Parked
    archive: Archive
    http: Transport
    clock: Clock
    telemetry: Telemetry
    limits: Limits
    presign: Presign
    outbox: Showcase | None = None
    cache: dict[str, object] = field(default_factory=dict)

    def handle_notices(self, event: Mapping[str, Any]) -> None:
        """Handle notices delivered by AWS itself (SNS, S3, EventBridge).

        Raises `RuntimeError` if one was refused, for whatever reason: Lambda then retries all of them, which files
        nothing twice, and finally puts them on the parked queue.
        """
        from .topics import from_topics

        try:
            statuses = [self.receive(request, "").status for request in from_topics(event, self.clock())]
        except Exception as error:  # noqa: BLE001 - its words may be a customer's, and Lambda logs them
            raise RuntimeError(where(error)) from None
        finally:
            self.telemetry.flush()
        if refused := [status for status in statuses if status >= 300]:
            raise RuntimeError(f"{len(refused)} of {len(statuses)} notices were not taken ({max(refused)})")

    def handle(self, gateway: Mapping[str, Any]) -> dict[str, Any]:
        """Handle an API Gateway event and return its response."""
        try:
            request = http.from_gateway(gateway)
        except PayloadError:
            return Response.json(400, {"error": "bad request"}).to_gateway()
        # The route names the side; `rawPath` may begin with the stage or a custom domain's base path.
        route = str(gateway.get("routeKey", "")).partition(" ")[2] or str(gateway.get("rawPath", ""))
        side = next((each for each in ("helpdesks", PAGES) if route.startswith(f"/{each}/")), "channels")
        try:
            response = self.receive(request, side)
        except Exception as error:  # noqa: BLE001 - its words may be a customer's, and Lambda logs them
            # So Lambda logs this instead, which the alarm of errors counts, and the answer is 500.
            raise RuntimeError(where(error)) from None
        finally:
            self.telemetry.flush()
        return response.to_gateway()

    def receive(self, request: Request, side: str) -> Response:
        """Handle one request and return its response.

        `side` is `helpdesks`, `channels`, or `pages` for channels called by visitors' browsers; "" if the request does
        not show its side.
        """
        if request.method not in METHODS:
            return NOT_ALLOWED
        try:
            endpoint = self.endpoints.endpoint(request.endpoint)
            if endpoint is None or (side and endpoint.side != side.replace(PAGES, "channels")):
                return NOT_FOUND
            connectors = [_connector(endpoint.side, name) for name in endpoint.connectors]
        except (TemporaryError, ConfigurationError) as error:
            return self._failed(error, request.endpoint)
        connectors = [each for each in connectors if _serves(each, side)]
        if not connectors:
            return NOT_FOUND
        # The endpoint's settings travel with the request, so connectors need no further argument.
        request = request.at(endpoint.settings)
        # The request without its body: all that a connector may see before it is verified.
        bare = _cleared(replace(request, body=b""), connectors)
        try:
            response = self._answer(request, bare, endpoint, connectors)
        except (SignatureError, PayloadError, TemporaryError, ConfigurationError) as error:
            response = self._refused(bare, endpoint, connectors, error)
        added = {name: value for each in connectors for name, value in each.answer_headers(bare).items()}
        return replace(response, headers={**response.headers, **added}) if added else response

    def _refused(
        self, bare: Request, endpoint: EndpointView, connectors: Sequence[Connector], error: DeskwireError
    ) -> Response:
        """Return the response to a refused request; a page's visitor is told what is wrong with it."""
        response = self._failed(error, endpoint.name, people=any(map(serves_pages, connectors)))
        page = _first(each if isinstance(each, Rejects) else None for each in connectors)
        return page.reject(bare, error) if isinstance(error, PayloadError) and page is not None else response

    def _failed(self, error: DeskwireError, endpoint: str, *, people: bool = False) -> Response:
        """Count and log why a request was refused, and return the usual response.

        `people`: it came from a person's browser. An expired captcha or session is not a forged signature, and raises
        no alarm.
        """
        metric, status, words = next(row[1:] for row in FAILURES if isinstance(error, row[0]))
        self.telemetry.count("CaptchaFailures" if people and metric == "SignatureFailures" else metric)
        level = "WARNING" if status < 500 else "ERROR"
        self.telemetry.log(level, "refused", endpoint=endpoint, reason=str(error), status=status)
        return Response.json(status, {"error": words}, {"retry-after": "5"} if status == 503 else {})

    def _answer(
        self, request: Request, bare: Request, endpoint: EndpointView, connectors: Sequence[Connector]
    ) -> Response:
        secrets = self.endpoints.secrets(endpoint.secret) if endpoint.secret else Secrets({})
        found = _action(connectors, request.action)
        if request.method not in (found[2].methods if found else DELIVERIES):
            return _first(each.handshake(bare, secrets) for each in connectors) or NOT_ALLOWED
        context = Context(self.clock(), self.http, endpoint.settings, self.cache)
        if found:
            asked, most = [found[0]], found[2].body_limit
            return self._spared(request, bare, endpoint, asked, most, secrets, context) or self._act(
                request, endpoint, found, secrets, context
            )
        if request.action:
            return NOT_FOUND
        most = max(each.terms.body_limit.value for each in connectors)
        return self._spared(request, bare, endpoint, connectors, most, secrets, context) or self._delivered(
            request, endpoint, connectors, secrets, context
        )

    def _spared(
        self,
        request: Request,
        bare: Request,
        endpoint: EndpointView,
        connectors: Sequence[Connector],
        most: int,
        secrets: Secrets,
        context: Context,
    ) -> Response | None:
        """Return the refusal of a request that is too large or too frequent, before it is verified; else None."""
        if len(request.body) > most:
            return self._too_large(request, connectors, secrets, context)
        return self._over(endpoint, [each.limits(bare) for each in connectors])

    def _delivered(
        self,
        request: Request,
        endpoint: EndpointView,
        connectors: Sequence[Connector],
        secrets: Secrets,
        context: Context,
    ) -> Response:
        """Verify a delivery, and handle it with the connectors whose rule accepted it."""
        facts, connectors = _verified(request, connectors, secrets, context)
        request = _cleared(_told(request, facts), connectors)
        if (refused := self._passed(request, endpoint, connectors)) is not None:
            return refused
        greeted = _first(each.greeting(request, secrets) for each in connectors)
        return greeted or self._take(request, endpoint, connectors)

    def _too_large(
        self, request: Request, connectors: Sequence[Connector], secrets: Secrets, context: Context
    ) -> Response:
        """Refuse a body over the limit; count it for the alarm only if it is signed, as anybody can send one."""
        genuine = not any(map(serves_pages, connectors))
        try:
            if genuine:
                _verified(request, connectors, secrets, context)
        except (SignatureError, ConfigurationError, TemporaryError):
            genuine = False
        self.telemetry.count("TooLarge" if genuine else "Rejected")
        return Response.json(413, {"error": "too large"})

    def _over(self, endpoint: EndpointView, rates: Sequence[Sequence[tuple[str, int, int]]]) -> Response | None:
        """Count a request against each rate; return the refusal if one is exceeded."""
        for name, most, seconds in (rate for each in rates for rate in each):
            if not self.limits.allow(compose(endpoint.name, name), most, seconds):
                self.telemetry.count("RateLimited")
                return Response.json(429, {"error": "too many requests"}, {"retry-after": str(seconds)})
        return None

    def _passed(self, request: Request, endpoint: EndpointView, connectors: Sequence[Connector]) -> Response | None:
        """Count the rule's findings; return the refusal if a budget of verified requests is exceeded."""
        if request.facts.get("captcha") == UNAVAILABLE:
            self.telemetry.count("CaptchaUnavailable")
        return self._over(endpoint, [each.budgets(request) for each in connectors])

    def _act(
        self,
        request: Request,
        endpoint: EndpointView,
        found: tuple[Connector, Actions, Action],
        secrets: Secrets,
        context: Context,
    ) -> Response:
        from deskwire.contracts.actions import Read, Upload, Visit, Write

        from . import acting

        connector, acts, action = found
        facts = action.verification.verify(request, secrets, context)
        request = action.verification.cleared(_told(request, facts))
        if (refused := self._passed(request, endpoint, [connector])) is not None:
            return refused
        fresh = secrets_module.token_hex(16)
        visit = Visit(request.action, request, endpoint.settings, secrets, fresh)
        wanted = acting.allowed(acts.act(visit), action, connector.name)
        if isinstance(wanted, Upload):
            # Derived from the request's bytes, captcha token included: a repeated request gets the same name.
            fresh = hashlib.sha256(compose(endpoint.name, connector.name).encode() + request.body).hexdigest()[:32]
            return Response.json(201, {"id": fresh, **self.presign(f"incoming/{fresh}", wanted.type, wanted.size)})
        if isinstance(wanted, Read):
            _known(endpoint, connector, {wanted.account})
            return self._look(wanted, connector.name)
        if isinstance(wanted, Write):
            _known(endpoint, connector, _accounts(wanted.events))
            self._enqueue(request, endpoint, dismiss(wanted.events, self.telemetry))
            self.telemetry.count("Events", len(wanted.events))
            return wanted.response
        return wanted

    def _look(self, wanted: Read, owner: str) -> Response:
        from . import acting

        if self.outbox is None:
            raise ConfigurationError("there is no outbox to read")
        found = self.outbox.read(acting.thread_of(wanted, owner), wanted.after)
        return Response.json(200, acting.page(found, wanted.after), {"cache-control": "no-store"})

    def _take(self, request: Request, endpoint: EndpointView, connectors: Sequence[Connector]) -> Response:
        found = content(request, endpoint, connectors)
        parked = found.parked
        told = [(each, [event for event in found.events if event.connector == each.name]) for each in connectors]
        for each, events in told:
            if events or parked:
                self._refuse_replay(request, each, events)
        if found.error is not None and any(isinstance(each, Rejects) for each in connectors):
            raise found.error
        for each, events in told:
            _known(endpoint, each, _accounts(events))
        if found.error is not None and not isinstance(found.error, PayloadError):
            # A fault of ours; answered 500, the platform would repeat it for days and then switch the webhook off.
            self.telemetry.count("Failures")
        brief = any(each.terms.keeps_words is not None for each in connectors)
        for unreadable in parked:
            self._park(request, endpoint, unreadable, brief=brief)
        self._enqueue(request, endpoint, dismiss(found.events, self.telemetry))
        self.telemetry.count("Deliveries")
        self.telemetry.count("Events", len(found.events))
        if not found.events and not parked:
            self.telemetry.count("EmptyDeliveries")
        return _first(each.acknowledged(request, events) for each, events in told) or Response(200)

    def _refuse_replay(self, request: Request, connector: Connector, events: Sequence[Happened]) -> None:
        """Raise `SignatureError` for a delivery so old that its records may have expired: a replay would be filed."""
        made = None if connector.verification.stamped else connector.delivered_at(request, events)
        if made is not None and self.clock() - made > REMEMBERED:
            raise SignatureError(f"the delivery is of {made:%Y-%m-%d}, which no platform repeats so late: a replay")

    def _enqueue(self, request: Request, endpoint: EndpointView, events: Sequence[Happened]) -> None:
        letters = letters_of(events, endpoint.name, endpoint.side, request.received_at.isoformat(), self.archive)
        if letters:
            self.mailbox.send(letters)

    def _park(self, request: Request, endpoint: EndpointView, unreadable: Unreadable, *, brief: bool) -> None:
        """Park a delivery. `brief`: its text may be kept for a short time only, so it goes to `BRIEF`."""
        # The whole delivery: a fragment alone does not name its account, so it could not be replayed.
        content = {"body": base64.b64encode(request.body).decode()}
        if unreadable.fragment is not None:
            content["fragment"] = json.dumps(unreadable.fragment)
        text = json.dumps(content)
        place = BRIEF if brief else "parked/"
        name = place + hashlib.sha256(request.body + unreadable.reason.encode()).hexdigest()
        if brief or len(text) > PARKED_LIMIT:
            self.archive.keep(name, text.encode())
            content = {"archived": name}
        self.parked.park(
            json.dumps(
                {
                    "v": VERSION,
                    "endpoint": endpoint.name,
                    "side": endpoint.side,
                    "connectors": list(endpoint.connectors),
                    "reason": unreadable.reason,
                    "received_at": request.received_at.isoformat(),
                    "delivery": hashlib.sha256(request.body).hexdigest(),
                    "content_type": request.header("content-type"),
                    "headers": {name: value for name, value in request.headers.items() if kept(name)},
                    **content,
                }
            )
        )
        self.telemetry.count("Parked")
        self.telemetry.log("ERROR", "parked", endpoint=endpoint.name, reason=unreadable.reason)


def kept(header: str) -> bool:
    """Return whether a header is parked with its delivery: some platforms put ids there. Secrets never are."""
    return header.startswith("x-") and not any(word in header for word in NEVER_PARKED)


def _serves(connector: Connector, side: str) -> bool:
    """Return whether a connector is served on this side: never if it is only polled, on `pages` only if it has pages.

    A connector with pages is served under `channels` as well: that was its address before `pages` existed.
    """
    return not isinstance(connector.verification, Never) and (side != PAGES or serves_pages(connector))


def _known(endpoint: EndpointView, connector: Connector, accounts: Iterable[str]) -> None:
    """Raise `UnknownAccount` for a form or chat that is not the endpoint's: its page is told, no alarm is raised."""
    known = endpoint.pages.get(connector.name)
    if known is not None and not set(accounts) <= set(known):
        raise UnknownAccount("the endpoint has no connection for the account that the page names")


def _accounts(events: Sequence[Happened]) -> set[str]:
    """Return the accounts of these events."""
    return {each.account for each in events if isinstance(each, Event)}


def _connector(side: str, name: str) -> Connector:
    return registry.helpdesk(name) if side == "helpdesks" else registry.channel(name)


def _action(connectors: Sequence[Connector], name: str) -> tuple[Connector, Actions, Action] | None:
    """Return the declared action of this name. Most requests name none, so `acting` is imported on demand."""
    if not name:
        return None
    from . import acting

    return acting.find(connectors, name)


def _first(found: Iterable[Found | None]) -> Found | None:
    return next((each for each in found if each is not None), None)


def _verified(
    request: Request, connectors: Sequence[Connector], secrets: Secrets, context: Context
) -> tuple[Mapping[str, str], list[Connector]]:
    """Return the facts of the first rule that accepts the request, and the connectors with that rule.

    Raises the first rule's error if none does.
    """
    refused: DeskwireError | None = None
    for rule in _distinct([each.verification for each in connectors]):
        try:
            facts = rule.verify(request, secrets, context)
        except (SignatureError, ConfigurationError) as error:
            refused = refused or error
        else:
            return facts, [each for each in connectors if each.verification == rule]
    raise refused or SignatureError("no rule lets it in")


def _told(request: Request, facts: Mapping[str, str]) -> Request:
    """Return the request with the facts that its rule found."""
    return replace(request, facts={**request.facts, **facts}) if facts else request


def _cleared(request: Request, connectors: Sequence[Connector]) -> Request:
    """Return the request as connectors see it: without secrets in its address, and decrypted if it was sealed."""
    for each in connectors:
        request = each.verification.cleared(request)
    return request


def _distinct(rules: Sequence[Verification]) -> list[Verification]:
    return [rule for number, rule in enumerate(rules) if rule not in rules[:number]]

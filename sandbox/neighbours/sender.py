"""Delivers webhooks to the company's address as the platforms do: signed, bundled, repeated until taken.

    with Sender(api_address, clock=clock) as sender:
        page = Route.of_channel("facebook", "acme-meta", secrets, bundle=meta.bundle, schedule=META)
        first = sender.deliver(page, meta.comment(…))       # waits a moment for others to share its request
        sender.repeat(first, after=3)                       # the platform sends it again
        sender.forge(page, [meta.comment(…)], Forgery.WRONG_SECRET)
        sender.settle(timeout=30)                           # until everything was taken, refused or given up
        assert sender.delivery(first).state is State.TAKEN

It signs with the connector's own verification rule. Its books are its own: every delivery, every attempt, the
status answered, how long it took. Plain threads and `http.client`; times of schedules are seconds of `clock`.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import quote, urlsplit

from deskwire import registry
from deskwire.contracts.channel import serves_pages
from deskwire.model.secret import Secrets
from deskwire.verification.rule import Verification
from deskwire.web.request import Request
from sandbox.neighbours.neighbour import Clock

# One immediate retry, then less and less often for 36 hours; only the first and the end are documented.
# https://developers.facebook.com/docs/graph-api/webhooks/getting-started/
META: tuple[float, ...] = (0, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 13.75 * 3600)
ONCE: tuple[float, ...] = ()
LIMIT = 29.0  # real seconds until an attempt is given up, as API Gateway would answer by then
LOOK = 0.05  # real seconds

Bundle = Callable[[Sequence[Any]], bytes]


class Forgery(StrEnum):
    """What is wrong with a forged delivery."""

    WRONG_SECRET = "signed with another secret"  # noqa: S105
    CHANGED_BODY = "one byte changed after signing"
    MISSING_HEADER = "without the signature"


class State(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    TAKEN = "taken"  # answered 2xx
    REFUSED = "refused"  # a forged one, answered otherwise: as it should be
    GIVEN_UP = "given up"  # never answered 2xx


def single(fragments: Sequence[Any]) -> bytes:
    """Bundle nothing: one fragment is one request (bytes as they are, anything else as JSON)."""
    (fragment,) = fragments
    return fragment if isinstance(fragment, bytes) else json.dumps(fragment).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the deliveries of one platform's app go, how they are signed, bundled and repeated.

    `bundle` makes one body of the fragments that share a request, at most `most` of them. `hand` is for what AWS itself
    hands over (a topic's notice): it takes the request and returns the status. A forged one comes over HTTP.
    """

    endpoint: str
    verification: Verification
    secrets: Secrets
    side: str = "channels"
    bundle: Bundle = single
    most: int = 1
    schedule: tuple[float, ...] = META
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    settings: Mapping[str, str] = field(default_factory=dict)  # of the endpoint, where the rule signs one of them
    hand: Callable[[Request], int] | None = None

    @staticmethod
    def of_channel(channel: str, endpoint: str, secrets: Mapping[str, str | Sequence[str]], **more: Any) -> Route:
        """Return the route of an app of that channel to one of our endpoints."""
        connector = registry.channel(channel)
        return Route(
            endpoint=endpoint, verification=connector.verification, secrets=Secrets(secrets),
            side="pages" if serves_pages(connector) else "channels", **more,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: when, the status answered (0: no answer), the real seconds it took."""

    at: datetime
    status: int
    seconds: float


@dataclass(slots=True)
class Delivery:
    """One delivery and its history. `fragments` is how many things it tells; `again` whose repetition it is."""

    number: int
    route: Route
    body: bytes
    fragments: int
    forgery: Forgery | None = None
    again: int | None = None
    state: State = State.WAITING
    attempts: list[Attempt] = field(default_factory=list)


class Sender:
    """The platforms' side of the wire. Deliveries leave from `workers` threads."""

    def __init__(self, address: str, *, clock: Clock | None = None, workers: int = 4, gather: float = 0.05) -> None:
        """Send to `address` (a stage's path may be part of it); wait `gather` real seconds for bundles to fill."""
        self._address = urlsplit(address)
        self._clock = clock or Clock()
        self._gather = gather
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, int, Delivery]] = []  # platform's time, number, delivery
        self._open: dict[int, tuple[Route, list[tuple[int, Any]], float]] = {}  # bundles being filled, by route
        self._deliveries: dict[int, Delivery] = {}
        self._tickets: dict[int, int] = {}  # what `deliver` returned -> the delivery it went into
        self._states: Counter[State] = Counter()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"sender-{number}") for number in range(workers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(LIMIT + 1)

    def deliver(self, route: Route, fragment: object) -> int:
        """Send what happened, in one request with others of the route that come now; return its number."""
        with self._changed:
            number = next(self._numbers)
            _, waiting, _ = self._open.setdefault(id(route), (route, [], time.monotonic() + self._gather))
            waiting.append((number, fragment))
            if len(waiting) >= route.most:
                self._close(id(route))
            self._changed.notify()
            return number

    def together(self, route: Route, fragments: Sequence[object], *, after: float = 0.0) -> int:
        """Send several things in one request of their own; return the delivery's number."""
        return self._add(route, route.bundle(fragments), len(fragments), after)

    def raw(self, route: Route, body: bytes, *, after: float = 0.0) -> int:
        """Send a body as it is, rightly signed: what a platform should not, but does send."""
        return self._add(route, body, 1, after)

    def forge(self, route: Route, fragments: Sequence[object], forgery: Forgery) -> int:
        """Send what the platform never would; it is tried once."""
        return self._add(route, route.bundle(fragments), len(fragments), 0.0, forgery=forgery)

    def repeat(self, number: int, *, after: float = 0.0) -> int:
        """Send a delivery once more, `after` seconds of the platform's clock; return the new number.

        The same body goes out as another request with its own signature, as when the answer was lost.
        """
        first = self.delivery(number)
        return self._add(first.route, first.body, first.fragments, after, again=first.number)

    def delivery(self, number: int, timeout: float = 5.0) -> Delivery:
        """Return the delivery that went out (or will) under a number; waits for its bundle to close."""
        with self._changed:
            known = self._changed.wait_for(lambda: self._tickets.get(number, number) in self._deliveries, timeout)
            if not known:
                raise KeyError(number)
            return self._deliveries[self._tickets.get(number, number)]

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries so far, in order."""
        with self._changed:
            return [replace(found, attempts=list(found.attempts)) for found in self._deliveries.values()]

    def counts(self) -> dict[State, int]:
        """Return how many deliveries stand how."""
        with self._changed:
            return {state: self._states[state] for state in State}

    def behind(self) -> float:
        """Return by how many seconds of the platforms' clock the next delivery is late (0: it is not)."""
        with self._changed:
            return max(0.0, self._when(0.0) - self._due[0][0]) if self._due else 0.0

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait (real seconds) until nothing waits; False when something still does."""

        def done() -> bool:
            return not self._open and not self._states[State.WAITING]

        with self._changed:
            return self._changed.wait_for(done, timeout)

    def _add(
        self,
        route: Route,
        body: bytes,
        fragments: int,
        after: float,
        *,
        forgery: Forgery | None = None,
        again: int | None = None,
    ) -> int:
        with self._changed:
            number = next(self._numbers)
            delivery = Delivery(number, route, body, fragments, forgery, again)
            self._deliveries[number] = delivery
            self._states[State.WAITING] += 1
            heapq.heappush(self._due, (self._when(after), number, delivery))
            self._changed.notify_all()
            return number

    def _when(self, seconds: float) -> float:
        """Return the platform's time in `seconds`, as seconds since 1970."""
        return self._clock.now().timestamp() + seconds

    def _close(self, key: int) -> None:
        """Make one delivery of a bundle (under the lock)."""
        route, waiting, _ = self._open.pop(key)
        for start in range(0, len(waiting), route.most):
            part = waiting[start : start + route.most]
            number = part[0][0]
            delivery = Delivery(number, route, route.bundle([fragment for _, fragment in part]), len(part))
            self._deliveries[number] = delivery
            self._states[State.WAITING] += 1
            self._tickets.update((other, number) for other, _ in part)
            heapq.heappush(self._due, (self._when(0.0), number, delivery))
        self._changed.notify_all()

    def _next(self) -> Delivery | None:
        """Wait for the next delivery that is due; None when it is time to stop."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                for key in [key for key, (_, _, until) in self._open.items() if until <= now]:
                    self._close(key)
                if self._due and self._due[0][0] <= self._when(0.0):
                    return heapq.heappop(self._due)[2]
                # The clock may be moved on by hand, so what is due later is looked at every now and then.
                waits = [until - now for _, _, until in self._open.values()] + [LOOK for _ in self._due[:1]]
                self._changed.wait(max(min(waits), 0.001) if waits else None)
            return None

    def _work(self) -> None:
        line = _Line(self._address)
        while (delivery := self._next()) is not None:
            started, at = time.monotonic(), self._clock.now()
            post = line.post if delivery.forgery is not None else delivery.route.hand or line.post
            status = post(_written(delivery, self._address.path))
            with self._changed:
                delivery.attempts.append(Attempt(at, status, time.monotonic() - started))
                self._judge(delivery, status)
                self._changed.notify_all()
        line.close()

    def _judge(self, delivery: Delivery, status: int) -> None:
        tried = len(delivery.attempts)
        self._states[delivery.state] -= 1
        if 200 <= status < 300:
            delivery.state = State.TAKEN
        elif delivery.forgery is not None:
            delivery.state = State.REFUSED
        elif tried > len(delivery.route.schedule):
            delivery.state = State.GIVEN_UP
        else:
            heapq.heappush(self._due, (self._when(delivery.route.schedule[tried - 1]), delivery.number, delivery))
        self._states[delivery.state] += 1


def _written(delivery: Delivery, base: str) -> Request:
    """Return the signed (or forged) request, its address in `url`; a stamp is of now, at each attempt."""
    route, now = delivery.route, datetime.now(UTC)
    path = f"{base.rstrip('/')}/{route.side}/{quote(route.endpoint)}"
    request = Request(
        method="POST",
        endpoint=route.endpoint,
        body=delivery.body,
        headers=dict(route.headers),
        url=path,
        received_at=now,
    ).at(route.settings)
    secrets = route.secrets
    if delivery.forgery is Forgery.WRONG_SECRET:
        secrets = Secrets(dict.fromkeys(route.verification.names(), "what a stranger guessed"))
    signed = route.verification.sign(request, secrets, now)
    if delivery.forgery is Forgery.CHANGED_BODY:
        middle = len(signed.body) // 2
        signed = replace(
            signed, body=signed.body[:middle] + bytes([signed.body[middle] ^ 1]) + signed.body[middle + 1 :]
        )
    if delivery.forgery is Forgery.MISSING_HEADER:
        needed = route.verification.headers
        signed = replace(signed, headers={name: text for name, text in signed.headers.items() if name not in needed})
    return signed


class _Line:
    """One kept connection."""

    def __init__(self, address: Any) -> None:
        self._kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._address = address
        self._connection: http.client.HTTPConnection | None = None

    def post(self, request: Request) -> int:
        """Send and return the status, 0 when there was no answer."""
        query = "&".join(f"{quote(n)}={quote(v)}" for n, values in request.query.items() for v in values)
        target = request.url + (f"?{query}" if query else "")
        for fresh in (False, True):
            kept = self._connection is not None
            try:
                if self._connection is None:
                    self._connection = self._kind(self._address.hostname, self._address.port, timeout=LIMIT)
                self._connection.request(request.method, target, body=request.body, headers=dict(request.headers))
                answer = self._connection.getresponse()
                answer.read()
                return answer.status
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                if fresh or not kept:  # a kept connection may have been closed meanwhile: that is no attempt
                    return 0
            except (OSError, http.client.HTTPException):
                self.close()
                return 0
        return 0

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

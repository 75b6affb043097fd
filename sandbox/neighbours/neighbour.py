"""The base of every platform played here: an HTTP server on loopback with routes, books, faults, a clock.

A platform is a subclass with one method for each route, and with `authorize`, which every request must pass:

    class Shop(Neighbour):
        def authorize(self, asked):
            return None if asked.header("authorization") == "Bearer x" else Reply.json(401, {"error": "who?"})

        @route("POST", "/orders/{order}/notes")
        def note(self, asked, order):
            self.notes.append((order, asked.json()["text"]))
            return Reply.json(201, {"id": len(self.notes)})

    with Shop() as shop:                              # listens on shop.address
        shop.faults.add(cut_after(), method="POST", times=1)
        …
        assert shop.books.count("POST", "/orders/7/notes") == 1

Routes run one at a time under `self.lock` (take it, too, where you read state from outside), so that a
platform needs no locks of its own; a slow fault waits outside it.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

BODY_LIMIT = 64 * 1024 * 1024
UNPROVING = frozenset({"host", "content-type", "content-length", "user-agent", "accept"})  # headers that prove nothing


class Clock:
    """Time as all neighbours of one world see it: it runs `speed` times as fast as ours, or is held."""

    def __init__(self, start: datetime | None = None, *, speed: float = 1.0, held: bool = False) -> None:
        """Begin at `start` (default: now). `held`: time passes only by `advance`."""
        self._lock = threading.Lock()
        self._base = start or datetime.now(UTC)
        self._since = time.monotonic()
        self._speed = speed
        self._held = held

    def now(self) -> datetime:
        """Return the time, in UTC."""
        with self._lock:
            return self._now()

    def _now(self) -> datetime:
        if self._held:
            return self._base
        return self._base + timedelta(seconds=(time.monotonic() - self._since) * self._speed)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        with self._lock:
            self._base += timedelta(seconds=seconds)

    def hold(self) -> None:
        """Stop the clock; only `advance` moves it now."""
        with self._lock:
            self._base, self._held = self._now(), True

    def run(self, speed: float = 1.0) -> None:
        """Let the clock run on, `speed` times as fast as ours."""
        with self._lock:
            self._base, self._since = self._now(), time.monotonic()
            self._speed, self._held = speed, False

    def sleep(self, seconds: float) -> None:
        """Wait until `seconds` of this clock have passed (a held one is not waited for)."""
        if not self._held:
            time.sleep(seconds / self._speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived: header names are lower-case, `query` holds every value of each name."""

    method: str
    path: str  # percent-encoded, as sent, without the query
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    at: datetime

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        return self.headers.get(name.lower(), "")

    def parameter(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def json(self) -> Any:
        """Return the JSON body; None when it is none (so that a platform answers its own 400)."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def form(self) -> dict[str, str]:
        """Return the form-encoded body (the last value of each name)."""
        pairs = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. A `stream` takes the body's place: it is sent piece by piece, and ends with the connection."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None

    @staticmethod
    def json(status: int, payload: object, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a JSON answer."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        return Reply(status, body, {"content-type": "application/json; charset=utf-8", **(headers or {})})

    @staticmethod
    def html(page: str, status: int = 200) -> Reply:
        """Return a page for a person's browser."""
        headers = {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
        }
        return Reply(status, page.encode(), headers)


@dataclass(frozen=True, slots=True)
class Fault:
    """A misbehaviour: wait `delay` seconds, answer `instead` of having the effect, cut the line.

    `revoked`: what the request proves itself with is worth nothing. `later`: it comes so many seconds later by the
    platform's clock. What the platform then answers is its own.
    """

    delay: float = 0.0
    instead: Reply | None = None
    cut: str = ""  # "before": no effect, no answer; "after": the effect happens, the answer is lost
    revoked: bool = False
    later: float = 0.0


def slow(seconds: float) -> Fault:
    """Answer right, but late (in real seconds)."""
    return Fault(delay=seconds)


def throttled(after: float | None = None, body: object = None) -> Fault:
    """Answer 429, with `Retry-After` where given; no effect."""
    headers = {} if after is None else {"retry-after": f"{after:g}"}
    return Fault(instead=Reply.json(429, body if body is not None else {"error": "too many requests"}, headers))


def broken(status: int = 503, body: object = None) -> Fault:
    """Answer 5xx (or any other status); no effect."""
    return Fault(instead=Reply.json(status, body if body is not None else {"error": "unavailable"}))


def error_inside(payload: object) -> Fault:
    """Answer 200 with an error in the body; no effect."""
    return Fault(instead=Reply.json(200, payload))


def revoked() -> Fault:
    """Refuse as the platform does when a token has died."""
    return Fault(revoked=True)


def later(seconds: float) -> Fault:
    """Answer as the platform would so much later: when a window is over."""
    return Fault(later=seconds)


def cut_before() -> Fault:
    """Close the connection without an effect."""
    return Fault(cut="before")


def cut_after() -> Fault:
    """Have the effect, then close the connection without the answer."""
    return Fault(cut="after")


@dataclass(slots=True)
class _Rule:
    fault: Fault
    method: str
    path: re.Pattern[str]
    times: int | None
    probability: float


class Faults:
    """The misbehaviours ordered for now. The first rule that fits a request is used; each is drawn once."""

    def __init__(self, seed: int = 1) -> None:
        """Draw probabilities from a random source seeded by `seed`."""
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._rules: list[_Rule] = []

    def add(
        self,
        fault: Fault,
        *,
        method: str = "",
        path: str = "",
        times: int | None = None,
        probability: float = 1.0,
    ) -> None:
        """Order `fault` for requests of `method` (any) whose path is `path`, a route pattern (any).

        For the next `times` that fit, or with a `probability`, until `clear`.
        """
        with self._lock:
            self._rules.append(_Rule(fault, method, pattern(path or "/{rest:path}"), times, probability))

    def remove(self, fault: Fault) -> None:
        """Order no longer what was ordered by this very fault."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule.fault is not fault]

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def draw(self, method: str, path: str) -> Fault | None:
        """Return the fault for this request, if any, and use it up."""
        with self._lock:
            for rule in self._rules:
                if rule.method not in ("", method) or not rule.path.fullmatch(path) or rule.times == 0:
                    continue
                if rule.probability < 1.0 and self._random.random() >= rule.probability:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the books: what was asked and what was answered (status 0: the line was cut)."""

    asked: Asked
    status: int
    fault: Fault | None = None


class Books:
    """Every request in the order in which it was answered. Thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        """Add a line."""
        with self._lock:
            self._entries.append(entry)

    def entries(self, method: str = "", path: str = "") -> list[Entry]:
        """Return the lines of requests of `method` (any) whose path fits `path`, a route pattern (any)."""
        wanted = pattern(path or "/{rest:path}")
        with self._lock:
            return [
                entry
                for entry in self._entries
                if method in ("", entry.asked.method) and wanted.fullmatch(entry.asked.path)
            ]

    def count(self, method: str = "", path: str = "") -> int:
        """Return how many such requests there were."""
        return len(self.entries(method, path))

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._entries.clear()


Method = TypeVar("Method", bound=Callable[..., Reply])
PARAMETER = re.compile(r"\{([a-z_]+)(:path)?\}")


def pattern(path: str) -> re.Pattern[str]:
    """Return a route pattern as a regular expression.

    `{name}` is one segment, `{name:path}` all that follows.
    """
    made, position = "", 0
    for found in PARAMETER.finditer(path):
        made += re.escape(path[position : found.start()])
        made += f"(?P<{found[1]}>.+)" if found[2] else f"(?P<{found[1]}>[^/]+?)"
        position = found.end()
    return re.compile(made + re.escape(path[position:]))


def route(method: str, path: str, *, public: bool = False) -> Callable[[Method], Method]:
    """Make a method answer `method` on `path`; several may be stacked. `public`: `authorize` is not asked.

    The method gets the `Asked` and, by name, the parameters of the path (percent-decoded).
    """

    def mark(function: Method) -> Method:
        marks = [*getattr(function, "routes", ()), (method, pattern(path), public)]
        function.routes = marks  # type: ignore[attr-defined]
        return function

    return mark


class Neighbour(ABC):
    """A played platform: start it (`with`, or `start`/`stop`) and ask at `address`."""

    name: ClassVar[str] = "neighbour"

    def __init__(self, clock: Clock | None = None, *, port: int = 0, seed: int = 1) -> None:
        """Share `clock` with the rest of the world; `port` 0 takes a free one."""
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.books = Books()
        self.faults = Faults(seed)
        self.crashes: list[Exception] = []  # mistakes of the sandbox itself; leaving `with` raises the first
        self._port = port
        self._server: _Server | None = None
        self._stopping = threading.Event()
        self._routes = [
            (method, path, public, getattr(self, name))
            for name in dir(type(self))
            for method, path, public in getattr(getattr(type(self), name), "routes", ())
        ]

    @abstractmethod
    def authorize(self, asked: Asked) -> Reply | None:
        """Return the refusal the platform would give, or None for a request that is allowed."""

    def plays(self, asked: Asked) -> bool:
        """Return whether a request to a host that it shares with another player is for this one (no, by default)."""
        del asked
        return False

    def admit(self, asked: Asked) -> Reply | None:
        """Return a refusal for every route after `authorize` (a rate limit), or None (the default)."""
        del asked
        return None

    def unknown(self, asked: Asked) -> Reply:
        """Return the platform's answer to an address that it does not know."""
        return Reply.json(404, {"error": f"no route for {asked.method} {asked.path}"})

    def decorate(self, asked: Asked, reply: Reply) -> Reply:
        """Return the answer with what the platform adds to each (rate-limit headers); as it is by default."""
        del asked
        return reply

    @property
    def address(self) -> str:
        """The base address, `http://127.0.0.1:port`."""
        if self._server is None:
            raise RuntimeError(f"{self.name} is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Listen."""
        self._stopping.clear()
        self._server = _Server(self, self._port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name=self.name).start()
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        server, self._server = self._server, None
        if server is not None:
            self._stopping.set()
            server.shutdown()
            server.hang_up()
            server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if kind is None and self.crashes:
            raise self.crashes[0]

    def serve(self, asked: Asked) -> Reply | None:
        """Return the answer, None for a cut line; write the books."""
        fault = self.faults.draw(asked.method, asked.path)
        if fault is not None and fault.delay:
            self._stopping.wait(fault.delay)
        reply: Reply | None = None
        if fault is not None and fault.instead is not None:
            reply = fault.instead
        elif fault is None or fault.cut != "before":
            with self.lock, self._as_of(fault.later if fault else 0.0):
                asked_so = _bare(asked) if fault is not None and fault.revoked else asked
                reply = self.decorate(asked, self._perform(asked_so))
        if fault is not None and fault.cut:
            reply = None
        self.books.write(Entry(asked, 0 if reply is None else reply.status, fault))
        return reply

    @contextlib.contextmanager
    def _as_of(self, seconds: float) -> Iterator[None]:
        """Let the clock be so much later, for one request."""
        clock = self.clock
        if seconds:
            self.clock = Clock(clock.now() + timedelta(seconds=seconds), held=True)
        try:
            yield
        finally:
            self.clock = clock

    def _perform(self, asked: Asked) -> Reply:
        for method, path, public, function in self._routes:
            found = path.fullmatch(asked.path) if method == asked.method else None
            if found is None:
                continue
            refused = None if public else (self.authorize(asked) or self.admit(asked))
            if refused is not None:
                return refused
            try:
                reply: Reply = function(asked, **{name: unquote(value) for name, value in found.groupdict().items()})
            except Exception as error:  # noqa: BLE001 - kept for whoever runs this, and raised on leaving
                self.crashes.append(error)
                return Reply.json(500, {"error": f"the sandbox is broken: {error!r}"})
            return reply
        return self.authorize(asked) or self.unknown(asked)


def _bare(asked: Asked) -> Asked:
    """Return a request without whatever it proves itself with."""
    headers = {name: text for name, text in asked.headers.items() if name in UNPROVING}
    query = {name: texts for name, texts in asked.query.items() if name != "access_token"}
    return replace(asked, headers=headers, query=query)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, neighbour: Neighbour, port: int) -> None:
        self.neighbour = neighbour
        self.open: set[Any] = set()  # the connections' sockets
        self.changed = threading.Condition()
        super().__init__(("127.0.0.1", port), _Line)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is no event."""

    def hang_up(self) -> None:
        """Close every connection and wait (2 seconds at most) until its thread has noticed."""
        with self.changed:
            for line in self.open:
                _shut(line)
            self.changed.wait_for(lambda: not self.open, timeout=2)


def _shut(line: Any) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


class _Line(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    timeout = 60
    wbufsize = -1  # headers and body leave in one piece
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.changed:
            self.server.open.add(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            with self.server.changed:
                self.server.open.discard(self.connection)
                self.server.changed.notify_all()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Write nothing; the books have it all."""

    def _serve(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT or "transfer-encoding" in self.headers:
            self.close_connection = True
            self._answer(Reply.json(411, {"error": "a content-length, please"}))
            return
        parts = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            at=self.server.neighbour.clock.now(),
        )
        reply = self.server.neighbour.serve(asked)
        if reply is None:
            self.close_connection = True
        else:
            self._answer(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _serve  # noqa: N815

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.stream is not None:
            self.close_connection = True
            self.send_header("connection", "close")
        elif reply.status != 204:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            for piece in reply.stream or (reply.body,):
                self.wfile.write(piece)
                self.wfile.flush()


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], object], seconds: float = 10.0, every: float = 0.02) -> bool:
    """Return whether `ready()` came true within `seconds` of real time."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True


def addresses(hosts: Iterable[tuple[str, Neighbour]]) -> str:
    """Return DESKWIRE_SANDBOX for these vendor hosts and the neighbours that play them."""
    return json.dumps({host: neighbour.address for host, neighbour in hosts})

"""HTTP/1.1 over kept connections with one deadline, for `rest`, `media` and `aws.light`.

Standard library only, because each import costs receive's cold start. The callers decide whom to call, what an answer
means and what to retry.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from deskwire.model.values import dataclass

MAX_ANSWER = 16 * 1024 * 1024  # bytes
KEPT = 8  # idle connections a host
IDLE = 50.0  # seconds; common balancers close at 60
FORBIDDEN = frozenset(map(chr, (*range(0x21), 0x7F)))

NAME = re.compile(r"[A-Za-z0-9_-]+")
TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9a-z]+")
STATUS = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
LENGTH = re.compile(r"[0-9]{1,18}")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;|$)")
MAX_LINE = 65_536  # bytes of one header line, as http.client
MAX_HEADERS = 100
NEAR = 0.02  # seconds by which a socket's own time-out may be off: setting it costs a system call

Place = tuple[str, str, int]  # scheme, host, port
Opener = Callable[[str, int, float], socket.socket]  # host, port, seconds


class WireError(Exception):
    """There is no complete answer. `sent` is False only if the request certainly was not sent."""

    def __init__(self, why: str, *, sent: bool = True, oversize: bool = False, untrusted: bool = False) -> None:
        super().__init__(why)
        self.sent = sent
        self.oversize = oversize  # the answer is larger than allowed
        self.untrusted = untrusted  # the certificate is of no authority we know


class _DroppedError(Exception):
    """A connection ended before anything was received."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.whole = whole  # whether the whole request was handed over


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, headers by lower-case name, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _BrokenError(Exception):
    """The answer is not HTTP/1.1, or incomplete."""


def remaining(deadline: float) -> float:
    """Return the seconds left until a `time.monotonic` moment. Raises `TimeoutError` if it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def spelled(url: str) -> str:
    """Return the URL or reference unchanged. Raises `ValueError` for characters that parsers treat differently."""
    if not url.isascii() or not FORBIDDEN.isdisjoint(url) or "\\" in url:
        raise ValueError("the address holds characters that no address may hold")
    return url


@lru_cache(maxsize=64)
def place(url: str) -> tuple[Place, SplitResult]:
    """Return a URL's parts. Raises `ValueError`, without quoting it, if it is not a plain HTTP URL."""
    spelled(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the address has no usable host or port") from None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if default is None or not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError("the address is not http(s)://host/…, or carries a user")
    if "[" in parts.netloc and ":" not in parts.hostname:  # older Pythons take any text between the brackets
        raise ValueError("the address has no usable host or port")
    return (parts.scheme, parts.hostname, default if port is None else port), parts


def written(method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request's bytes. Raises `ValueError`, without quoting it, for a value that would end its line."""
    if not (method.isascii() and method.isalpha()):
        raise ValueError("the method is no word")
    sent = {_ours(name): f"{name}: {value}" for name, value in headers.items()}
    sent.setdefault("host", f"Host: {parts.netloc}")
    sent.setdefault("accept-encoding", "Accept-Encoding: identity")  # nothing to inflate, so no bomb
    if body or method in {"POST", "PUT", "PATCH"}:
        sent["content-length"] = f"Content-Length: {len(body)}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = "\r\n".join((f"{method} {target} HTTP/1.1", *sent.values(), "", ""))
    breaks = len(sent) + 2
    if "" in sent or "\0" in head or head.count("\r") != breaks or head.count("\n") != breaks:
        raise ValueError("a header's name or value holds characters that no header may hold")
    try:
        return head.encode("latin-1") + body
    except UnicodeEncodeError:
        raise ValueError("a header holds characters beyond Latin-1") from None


class Wire:
    """A pool of kept connections; thread-safe."""

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        *,
        opener: Opener | None = None,
        limit: int = MAX_ANSWER,
    ) -> None:
        """Take functions that make the TLS context (on first use) and open a socket, and an answer's most bytes."""
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._opener = opener or (lambda host, port, seconds: socket.create_connection((host, port), seconds))
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: dict[Place, list[tuple[socket.socket, float]]] = {}

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout: float,
        repeatable: bool,
    ) -> Reply:
        """Return the reply to one request, within `timeout` seconds. Raises `WireError` or `ValueError`.

        If a kept connection has died unnoticed, the request is sent again over a new one, provided that it is
        repeatable or was not sent completely (a server cannot act on a part: RFC 9112 §8).
        """
        where, parts = place(url)
        request = written(method, parts, headers, body)
        deadline = time.monotonic() + timeout
        kept = self._take(where)
        if kept is not None:
            try:
                return self._ask(kept, where, method, request, deadline)
            except _DroppedError as dropped:
                if dropped.whole and not repeatable:
                    raise WireError(f"{where[1]} closed the connection without an answer") from None
        sock = self._open(where, deadline)
        try:
            return self._ask(sock, where, method, request, deadline)
        except _DroppedError:
            raise WireError(f"{where[1]} closed the connection without an answer") from None

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for sock, _ in (one for kept in idle.values() for one in kept):
            sock.close()

    def _take(self, where: Place) -> socket.socket | None:
        while True:
            with self._lock:
                kept = self._idle.get(where)
                if not kept:
                    return None
                sock, since = kept.pop()
            # Wall-clock time: the monotonic clock may stand still while Lambda has frozen us. An idle
            # connection that has something to read has been closed by the other side.
            if time.time() - since < IDLE and not _readable(sock):
                return sock
            sock.close()

    def _keep(self, where: Place, sock: socket.socket) -> None:
        with self._lock:
            kept = self._idle.setdefault(where, [])
            if len(kept) < KEPT:
                kept.append((sock, time.time()))
                return
        sock.close()

    def _open(self, where: Place, deadline: float) -> socket.socket:
        scheme, host, port = where
        try:
            sock = self._opener(host, port, remaining(deadline))
        except (OSError, UnicodeError) as error:
            raise WireError(f"{host} cannot be reached ({type(error).__name__})", sent=False) from None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                if self._context is None:
                    self._context = self._make_context()
                sock.settimeout(remaining(deadline))
                return self._context.wrap_socket(sock, server_hostname=host)
        except (OSError, ValueError) as error:
            sock.close()
            untrusted = isinstance(error, ssl.SSLCertVerificationError)
            why = "its certificate is not trusted" if untrusted else type(error).__name__
            raise WireError(f"no TLS with {host} ({why})", sent=False, untrusted=untrusted) from None
        return sock

    def _ask(self, sock: socket.socket, where: Place, method: str, request: bytes, deadline: float) -> Reply:
        done = False
        try:
            try:
                _limit(sock, deadline)
                sock.sendall(request)
            except OSError:
                raise _DroppedError(whole=False) from None
            reply, done = _Answer(sock, deadline, self._limit, where[1]).read(method)
            return reply
        except (ConnectionResetError, BrokenPipeError):
            raise _DroppedError(whole=True) from None
        except TimeoutError:
            raise WireError(f"{where[1]} did not answer in time") from None
        except (OSError, _BrokenError) as error:
            raise WireError(f"{where[1]} answered brokenly ({type(error).__name__.strip('_')})") from None
        finally:
            if done:
                self._keep(where, sock)
            else:
                sock.close()


class _Answer:
    """Reads one answer (RFC 9112) with one deadline: a socket's own time-out restarts with every byte.

    `http.client` imports the whole of `email` to read headers, which costs a cold start more than everything else here.
    """

    def __init__(self, sock: socket.socket, deadline: float, limit: int, host: str) -> None:
        self._sock = sock
        self._deadline = deadline
        self._limit = limit
        self._host = host
        self._buffer = b""
        self._begun = False

    def read(self, method: str) -> tuple[Reply, bool]:
        """Return the answer, and whether the connection can be reused."""
        version, status = self._status()
        headers = self._headers()
        while 100 <= status < 200 and status != 101:  # interim answers, of which nothing is needed
            version, status = self._status()
            headers = self._headers()
        close = version == b"1.0" or "close" in headers.get("connection", "").lower()
        coding = headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length", "")
        if method == "HEAD" or status in {101, 204, 304}:
            body = b""
        elif coding:
            if coding != "chunked" or version == b"1.0":
                raise _BrokenError
            body = self._chunks()
            close = close or bool(length)  # two lengths: whoever is between us may have taken the other
        elif length:
            if not LENGTH.fullmatch(length):
                raise _BrokenError
            body = self._exactly(int(length))
        else:
            body, close = self._rest(), True
        return Reply(status, headers, body), not close and not self._buffer

    def _status(self) -> tuple[bytes, int]:
        found = STATUS.fullmatch(self._line())
        if found is None:
            raise _BrokenError
        return found[1], int(found[2])

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        name = ""
        for _ in range(MAX_HEADERS):
            line = self._line().decode("latin-1")
            if not line:
                return found
            if line[0] in " \t" and name:  # folded, as older servers do
                found[name] += " " + line.strip()
                continue
            name, colon, value = line.partition(":")
            name, value = _header(name) if len(name) < 100 else _lower(name), value.strip()
            if not (name and colon):
                raise _BrokenError
            found[name] = f"{found[name]}, {value}" if name in found else value
        raise _BrokenError

    def _line(self) -> bytes:
        line, end, rest = self._buffer.partition(b"\n")
        while not end:
            if len(line) > MAX_LINE:
                raise _BrokenError
            self._more()
            line, end, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return line.removesuffix(b"\r")

    def _more(self, *, ends: bool = False) -> bool:
        """Receive more bytes. Raises an error if the connection ends where the answer may not."""
        _limit(self._sock, self._deadline)
        came = self._sock.recv(65536)
        if not came and not ends:
            raise WireError(f"the answer of {self._host} ends early") if self._begun else ConnectionResetError
        self._begun = True
        self._buffer += came
        return bool(came)

    def _exactly(self, length: int) -> bytes:
        if length > self._limit:
            raise self._oversize()
        parts = [self._buffer[:length]]
        left = length - len(parts[0])
        self._buffer = self._buffer[length:]
        while left:
            self._more()
            parts.append(self._buffer[:left])
            left -= len(parts[-1])
            self._buffer = self._buffer[len(parts[-1]) :]
        return b"".join(parts)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            found = CHUNK.match(self._line())
            if found is None:
                raise _BrokenError
            length = int(found[1], 16)
            if not length:
                self._headers()  # the trailers, which nothing reads
                return b"".join(parts)
            size += length
            if size > self._limit:
                raise self._oversize()
            parts.append(self._exactly(length))
            if self._line():
                raise _BrokenError

    def _rest(self) -> bytes:
        parts = [self._buffer]
        size = len(self._buffer)
        self._buffer = b""
        while self._more(ends=True):
            size += len(self._buffer)
            parts.append(self._buffer)
            self._buffer = b""
            if size > self._limit:
                raise self._oversize()
        if size > self._limit:
            raise self._oversize()
        return b"".join(parts)

    def _oversize(self) -> WireError:
        return WireError(f"the answer of {self._host} is longer than {self._limit} bytes", oversize=True)


@lru_cache(maxsize=256)
def _ours(name: str) -> str:
    """Return a header name to send, in lower case; "" if it is invalid."""
    return name.lower() if NAME.fullmatch(name) else ""


def _lower(name: str) -> str:
    """Return a received header name in lower case; "" if it is invalid."""
    lower = name.lower()
    return lower if TOKEN.fullmatch(lower) else ""


_header = lru_cache(maxsize=256)(_lower)  # for short ones: a host could have us keep megabytes of long ones


def _limit(sock: socket.socket, deadline: float) -> None:
    """Set the socket's time-out to the deadline, within `NEAR`. Raises `TimeoutError` if it has passed."""
    left = remaining(deadline)
    was = sock.gettimeout()
    if was is None or abs(was - left) > NEAR:
        sock.settimeout(left)


def _readable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))

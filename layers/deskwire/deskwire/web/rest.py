"""The only way to vendors' HTTP APIs: the call, the answer, and the error that an answer means.

Standard library at import time; `requests` is imported by the one transport that uses it, behind the queue.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from deskwire import __version__
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.values import dataclass, field, replace

from .reading import Node, read
from .refusals import vendor_code, wait
from .wire import MAX_ANSWER, Wire, WireError, place, remaining

if TYPE_CHECKING:
    import requests

    from deskwire.model.secret import Secret

AGENT: Final = f"deskwire/{__version__}"
NOT_OFFERED = "this interface is not offered there any more: check the address and the plan"
NOTHING_THERE = "a web server's page and none of the vendor's answers: check the address"
UNEXPECTED = "no message is the reason: check the address, and what stands between"
ELSEWHERE = "the address leads elsewhere: was the account renamed, or its log-in changed?"
# RFC 9110: what speaks of the request's own content, which no repetition will mend. Any other 4xx is safe to keep.
OF_REQUEST: Final = frozenset({400, 404, 413, 414, 416, 422})
CONFLICT_PAUSE = 30  # seconds; somebody, or our own first attempt, changes the same thing at this moment
# RFC 9110 and 4918: what these say of a whole account or its address. A vendor's own code may say otherwise of one
# message, where its documentation does: then the connector classes it before `checked`.
OF_ACCOUNT: Final = {
    402: "look for an unpaid bill, or the end of a trial",
    405: NOT_OFFERED,
    406: NOT_OFFERED,
    407: "a proxy on the way asks for credentials",
    410: NOT_OFFERED,
    421: NOT_OFFERED,
    423: "the account is locked or suspended",
    426: NOT_OFFERED,
}
LOOPBACK = re.compile(r"127(\.[0-9]{1,3}){3}|::1|localhost")


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One outgoing request; `timeout` is in seconds and covers the whole exchange.

    Secrets go in `headers`. If a vendor wants one in the path or query, the URL has `{name}` in its place and `secrets`
    the value; a transport fills it in (see `address`), so no `repr`, log or error can show it. `safe`: the request may
    arrive twice without harm (always so for a GET). `sandboxed` is only for `with_hosts`: the address is the sandbox's,
    on this machine.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 10.0
    safe: bool = False
    sandboxed: bool = False
    secrets: Mapping[str, Secret] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise `ValueError` for a secret without a place in the path or query: it would not be sent."""
        if self.secrets:
            parts = urlsplit(self.url)
            for name in self.secrets:
                if f"{{{name}}}" not in parts.path + parts.query:
                    raise ValueError(f"the address has no place for {{{name}}} in its path or query")

    @property
    def address(self) -> str:
        """The URL as it is sent, with its secrets; only for transports."""
        if not self.secrets:
            return self.url
        parts = urlsplit(self.url)
        path, query = parts.path, parts.query
        for name, secret in self.secrets.items():
            value = quote(secret.reveal(), safe=":")  # a bot's token has a colon, and Telegram documents it unescaped
            path, query = path.replace(f"{{{name}}}", value), query.replace(f"{{{name}}}", value)
        return urlunsplit(parts._replace(path=path, query=query))

    @staticmethod
    def json(
        method: str,
        url: str,
        payload: object,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        secrets: Mapping[str, Secret] | None = None,
    ) -> Call:
        """Return a request whose body is `payload` as JSON in UTF-8."""
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        kind = {"Content-Type": "application/json"}
        return Call(method, url, {**kind, **(headers or {})}, body, timeout, secrets=secrets or {})

    @staticmethod
    def form(
        method: str,
        url: str,
        fields: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        secrets: Mapping[str, Secret] | None = None,
    ) -> Call:
        """Return a request whose body is a URL-encoded form in UTF-8."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(fields).encode()
        return Call(method, url, {**kind, **(headers or {})}, body, timeout, secrets=secrets or {})

    @property
    def repeatable(self) -> bool:
        """Whether the request may arrive twice without harm."""
        return self.safe or self.method in {"GET", "HEAD", "OPTIONS"}

    def __repr__(self) -> str:
        parts = urlsplit(self.url)
        return f"Call({self.method} {parts.hostname}{parts.path})"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A response of a vendor; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def node(self) -> Node:
        """Return the JSON body as a `Node`.

        Raises `TemporaryError` (ambiguous) if it is not JSON: a proxy's page in place of the vendor's answer.
        """
        try:
            return read(self.body)
        except PayloadError as error:
            raise TemporaryError(f"the answer (HTTP {self.status}) cannot be read: {error}", ambiguous=True) from None

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class Transport(Protocol):
    """Sends a call without following redirects, and returns the answer whatever its status.

    Raises `TemporaryError`, ambiguous unless the request certainly was not sent (name, connection, TLS), and
    `PermanentError` for a call that cannot or may not be sent.
    """

    def __call__(self, call: Call) -> Answer: ...


class Direct:
    """A transport with the standard library only, for receive. Thread-safe."""

    def __init__(self, *, limit: int = MAX_ANSWER) -> None:
        """Allow answers of `limit` bytes."""
        self._wire = Wire(limit=limit)

    def __call__(self, call: Call) -> Answer:
        """Send the call over a kept or new connection."""
        allowed(call)
        headers = {"User-Agent": AGENT, **call.headers}
        try:
            reply = self._wire.exchange(
                call.method, call.address, headers, call.body, timeout=call.timeout, repeatable=call.repeatable
            )
        except ValueError as error:
            raise PermanentError(f"the request cannot be written: {error}") from None
        except WireError as error:
            raise TemporaryError(str(error), ambiguous=error.sent) from None
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise TemporaryError("the answer is compressed, which was not asked for", ambiguous=True)
        return Answer(reply.status, reply.headers, reply.body)

    def close(self) -> None:
        """Close the idle connections."""
        self._wire.close()


class Pooled:
    """The transport behind the queue, over `requests`. Thread-safe.

    The time-out limits the connection, each silence and the body as a whole, but not headers that arrive in drips.
    """

    def __init__(self, *, limit: int = MAX_ANSWER) -> None:
        """Allow answers of `limit` bytes after decompression."""
        import logging
        from http.cookiejar import DefaultCookiePolicy

        import requests

        self._limit = limit
        # urllib3 logs whole addresses: each request at DEBUG, a header it cannot read at WARNING.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no ~/.netrc: what we send is what the call says
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=32))

    def __call__(self, call: Call) -> Answer:
        """Send the call; repeat it once if it is repeatable and a kept connection was dead."""
        import requests
        import urllib3

        allowed(call)
        deadline = time.monotonic() + call.timeout
        for last in (not call.repeatable, True):
            try:
                return self._send(call, deadline)
            except requests.exceptions.ConnectionError as error:
                if last or not _dropped(error):
                    raise _unreachable(error, call) from None
            except requests.exceptions.InvalidHeader:
                raise PermanentError("the request cannot be written: a header breaks its line") from None
            except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError):
                raise PermanentError("the request cannot be written: the address is none") from None
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise _unreachable(error, call) from None
        raise AssertionError  # pragma: no cover - the second round returns or raises

    def _send(self, call: Call, deadline: float) -> Answer:
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **call.headers}
        response = self._session.request(
            call.method,
            call.address,
            headers=headers,
            data=call.body,
            timeout=remaining(deadline),
            allow_redirects=False,
            stream=True,
        )
        with response:
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, b"".join(self._chunks(response, deadline)))

    def _chunks(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        size = 0
        for chunk in iter(lambda: response.raw.read1(65536, decode_content=True), b""):
            size += len(chunk)
            if size > self._limit:
                raise TemporaryError(f"the answer is longer than {self._limit} bytes", ambiguous=True)
            remaining(deadline)
            yield chunk

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def allowed(call: Call) -> None:
    """Raise `PermanentError` unless the call uses https, or goes to the sandbox on this machine."""
    try:
        (scheme, host, _), _ = place(call.url)
    except ValueError as error:
        raise PermanentError(f"the request cannot be written: {error}") from None
    if scheme != "https" and not (call.sandboxed and LOOPBACK.fullmatch(host)):
        raise PermanentError(f"{host} may be asked over https only")


def _dropped(error: requests.exceptions.ConnectionError) -> bool:
    from urllib3.exceptions import ProtocolError

    return bool(error.args) and isinstance(error.args[0], ProtocolError)


def _unreachable(error: Exception, call: Call) -> TemporaryError:
    """Return our error for one of requests', without its text, which quotes the URL."""
    import requests
    from urllib3.exceptions import NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    untrusted = isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY" in str(reason)
    never = isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, NewConnectionError)
    host = urlsplit(call.url).hostname
    why = "its certificate is not trusted" if untrusted else type(error).__name__
    return TemporaryError(f"no answer from {host} ({why})", ambiguous=not (never or untrusted))


def with_hosts(transport: Transport, hosts: Mapping[str, str]) -> Transport:
    """Return a transport that sends calls for vendors' hosts to the sandbox instead.

    `hosts` maps each host to a base address on this machine (else `ConfigurationError`). In a sandbox, a call to any
    other host is a `PermanentError`.
    """
    return _Rerouted(transport, stand_ins(hosts)) if hosts else transport


def stand_ins(hosts: Mapping[str, str]) -> dict[str, str]:
    """Return the hosts' checked stand-ins. Raises `ConfigurationError` for one not on this machine."""
    for host, base in hosts.items():
        try:
            (_, target, _), parts = place(base)
        except ValueError:
            target, parts = "", urlsplit("")
        if not LOOPBACK.fullmatch(target) or parts.query or parts.fragment:
            raise ConfigurationError(f"the sandbox's address for {host} is not on this machine: use http://127.0.0.1:…")
    return {host.lower(): base.rstrip("/") for host, base in hosts.items()}


@dataclass(frozen=True, slots=True)
class _Rerouted:
    transport: Transport
    hosts: Mapping[str, str]

    def __call__(self, call: Call) -> Answer:
        return self.transport(rerouted(call, self.hosts))


def rerouted(call: Call, hosts: Mapping[str, str]) -> Call:
    """Return the call redirected to the sandbox's stand-in for its host; the Host header stays the vendor's.

    Without a sandbox (`hosts` is empty) the call is unchanged. Raises `PermanentError` for a host without a stand-in.
    """
    if not hosts:
        return call
    parts = urlsplit(call.url)
    base = hosts.get(parts.hostname or "")
    if base is None:
        raise PermanentError(f"nobody plays {parts.hostname} in the sandbox, and nothing leaves it")
    url = base + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return replace(call, url=url, headers={"Host": parts.netloc, **call.headers}, sandboxed=True)


def of_request(status: int) -> bool:
    """Return whether an error with this status concerns the request itself, so that repeating it is useless."""
    return status in OF_REQUEST


def checked(answer: Answer, *, what: str, secret_hint: str = "") -> Answer:
    """Return an answer of 2xx; raise the error that any other status means.

    `what` names the attempt and `secret_hint` the secret to check, for the person who reads the error. Its text has the
    status and the vendor's machine-readable codes, and nothing else of the answer.
    """
    status = answer.status
    if 200 <= status < 300:
        return answer
    code = vendor_code(answer.body)
    text = f"{what}: HTTP {status}" + (f" ({code})" if code else "")
    if status == 429:
        raise TemporaryError(text, after=wait(answer.headers))
    if status in {408, 425} or status >= 500:
        raise TemporaryError(text, after=wait(answer.headers), ambiguous=True)
    if status == 409:
        after = wait(answer.headers) or CONFLICT_PAUSE
        raise TemporaryError(text, after=after, ambiguous=True, concerns=Concern.TICKET)
    if status == 404 and not not_there(answer):
        raise ConfigurationError(f"{text}: {NOTHING_THERE}")
    if of_request(status):
        raise PermanentError(text, status=status, code=code)
    given = f"check {secret_hint}" if secret_hint else "check its credentials and their permissions"
    otherwise = ELSEWHERE if status < 400 else UNEXPECTED
    raise ConfigurationError(f"{text}: {given if status in {401, 403} else OF_ACCOUNT.get(status, otherwise)}")


def not_there(answer: Answer) -> bool:
    """Return whether a 404 is the vendor's API saying that there is no such object, not a web server's page."""
    return answer.status == 404 and answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))

"""Verification rules as data: each can tell a genuine request, and sign one as the platform would.

The framework verifies before a connector sees the body. Every rule refuses with `SignatureError`, and with
`ConfigurationError` where there is no secret to check with: never is anything let in unchecked. All secrets of a
name are valid at once, so that they can be rotated without a gap.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from .errors import SignatureError

if TYPE_CHECKING:
    from .http import Request
    from .rest import Transport
    from .secret import Secret, Secrets

TOLERANCE = 300  # seconds either way, as in the Standard Webhooks specification


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may use besides the request: the time, the outside (captcha, published keys), a cache."""

    now: datetime
    http: Transport
    settings: Mapping[str, str] = field(default_factory=dict)  # the endpoint's own (audience, service account …)
    cache: MutableMapping[str, object] = field(default_factory=dict)  # lives as long as the process


class Verification(ABC):
    """A rule. `secrets` names the secrets it needs, so that `deskwire` can ask for them."""

    secrets: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Return facts found out (often none) when the request is genuine; raise `SignatureError` otherwise."""

    @abstractmethod
    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Return the request as the platform would send it: the sandbox and the tests play every platform so."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the secrets it needs."""

    @property
    @abstractmethod
    def headers(self) -> tuple[str, ...]:
        """The headers (lower-case) a genuine request cannot do without; empty where the proof is in the body."""

    stamped: ClassVar[bool] = False  # whether the platform signs the time


def _hexadecimal(value: bytes) -> str:
    return value.hex()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


ENCODINGS: Mapping[str, Callable[[bytes], str]] = {"hex": _hexadecimal, "base64": _base64}
EPOCH = re.compile(r"[0-9]{9,11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacHeader(Verification):
    """An HMAC of the raw body in a header: Meta, X, Zendesk, Request Tracker and most others.

    `secret` names the key. `signed` says what is signed, with `{timestamp}` and `{body}` in their places;
    `timestamp_header` carries the time, as Unix seconds (`epoch`) or ISO 8601 (`iso`). `handshake` is the shape of
    what the platform's registration check has us sign under the same key: no body of that shape is genuine.
    """

    header: str
    secret: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    timestamp_format: str = "epoch"
    tolerance: int = TOLERANCE
    handshake: re.Pattern[str] | None = None

    @property
    def headers(self) -> tuple[str, ...]:
        """The signature's header, and the time's where there is one."""
        return tuple(name.lower() for name in (self.header, self.timestamp_header) if name)

    @property
    def stamped(self) -> bool:  # type: ignore[override]
        """Whether the time is signed too."""
        return bool(self.timestamp_header)

    def names(self) -> tuple[str, ...]:
        """Return the one secret's name."""
        return (self.secret,)

    def _signature(self, secret: Secret, timestamp: str, body: bytes) -> str:
        before, _, after = self.signed.partition("{body}")
        content = (
            before.replace("{timestamp}", timestamp).encode() + body + after.replace("{timestamp}", timestamp).encode()
        )
        return self.prefix + ENCODINGS[self.encoding](hmac.digest(secret.encode(), content, self.algorithm))

    def _moment(self, text: str) -> datetime:
        try:
            if self.timestamp_format == "epoch":
                return datetime.fromtimestamp(int(text) if EPOCH.fullmatch(text) else math.nan, UTC)
            moment = datetime.fromisoformat(text)
        except ValueError:
            msg = f"{self.timestamp_header} is no time"
            raise SignatureError(msg) from None
        if moment.tzinfo is None:
            msg = f"{self.timestamp_header} has no offset"
            raise SignatureError(msg)
        return moment

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare, in constant time, with the signature under each valid secret."""
        keys = secrets.every(self.secret)
        given = request.header(self.header)
        if not given:
            msg = f"{self.header} is missing or empty"
            raise SignatureError(msg)
        timestamp = request.header(self.timestamp_header) if self.timestamp_header else ""
        if self.timestamp_header and not (timestamp and timestamp.isascii()):
            msg = f"{self.timestamp_header} is missing, empty or not ASCII"
            raise SignatureError(msg)
        matches = [
            hmac.compare_digest(
                self._signature(key, timestamp, request.body).encode(), given.encode("utf-8", "replace")
            )
            for key in keys
        ]
        if not any(matches):
            msg = f"{self.header} does not match the body under “{self.secret}”"
            raise SignatureError(msg)
        if self.handshake is not None and self.handshake.fullmatch(request.body.decode("utf-8", "replace")):
            # Anybody can have it signed; let in, strangers could fill the parked queue and call a person at night.
            msg = f"{self.header} is that of a handshake, which anybody may ask for"
            raise SignatureError(msg)
        if self.timestamp_header:
            age = abs((context.now - self._moment(timestamp)).total_seconds())
            if age > self.tolerance:
                msg = f"{self.timestamp_header} is more than {self.tolerance} seconds away from now"
                raise SignatureError(msg)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the signature's header (and the time's)."""
        import dataclasses

        stamp = (
            ""
            if not self.timestamp_header
            else (str(int(now.timestamp())) if self.timestamp_format == "epoch" else now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        )
        added = {self.header.lower(): self._signature(secrets.one(self.secret), stamp, request.body)}
        if self.timestamp_header:
            added[self.timestamp_header.lower()] = stamp
        return dataclasses.replace(request, headers={**request.headers, **added})


def same(given: str, wanted: Secret) -> bool:
    """Compare a token with a secret in constant time."""
    return hmac.compare_digest(
        hashlib.sha256(given.encode("utf-8", "replace")).digest(), hashlib.sha256(wanted.encode()).digest()
    )

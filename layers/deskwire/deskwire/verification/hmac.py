"""An HMAC of the raw body in a header."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import SignatureError
from deskwire.model.values import dataclass, replace

from .rule import TOLERANCE, Context, SecretRule, fresh, near

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request


def _hexadecimal(value: bytes) -> str:
    return value.hex()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


ENCODINGS: Mapping[str, Callable[[bytes], str]] = {"hex": _hexadecimal, "base64": _base64}


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacHeader(SecretRule):
    """An HMAC of the raw body in a header: Meta, X, Zendesk, Request Tracker and most others.

    `secret` names the key, `also` further keys with which another webhook of the platform signs. `signed` is the format
    of the signed text, with `{timestamp}` and `{body}`; `timestamp_header` has the time, as Unix seconds (`epoch`) or
    ISO 8601 (`iso`). `handshake` matches the text that the platform's registration check has us sign under the same
    key: a body that matches it is refused.
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
    also: tuple[str, ...] = ()

    @property
    def headers(self) -> tuple[str, ...]:
        """The signature's header, and the time's if there is one."""
        return tuple(name.lower() for name in (self.header, self.timestamp_header) if name)

    @property
    def stamped(self) -> bool:  # type: ignore[override]
        """Whether the time is signed as well."""
        return bool(self.timestamp_header)

    def _signature(self, secret: Secret, timestamp: str, body: bytes) -> str:
        before, _, after = self.signed.partition("{body}")
        content = (
            before.replace("{timestamp}", timestamp).encode() + body + after.replace("{timestamp}", timestamp).encode()
        )
        return self.prefix + ENCODINGS[self.encoding](hmac.digest(secret.encode(), content, self.algorithm))

    def _check_time(self, text: str, now: datetime) -> None:
        if self.timestamp_format == "epoch":
            fresh(text, now, self.tolerance, self.timestamp_header)
            return
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            msg = f"{self.timestamp_header} is no time"
            raise SignatureError(msg) from None
        if moment.tzinfo is None:
            msg = f"{self.timestamp_header} has no offset"
            raise SignatureError(msg)
        near(moment.timestamp(), now, self.tolerance, self.timestamp_header)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare with the signature under each valid secret in constant time."""
        keys = [*secrets.every(self.secret)]
        keys += [key for name in self.also if secrets.has(name) for key in secrets.every(name)]
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
            self._check_time(timestamp, context.now)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the signature's header (and the time's)."""
        stamp = (
            ""
            if not self.timestamp_header
            else (str(int(now.timestamp())) if self.timestamp_format == "epoch" else now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        )
        added = {self.header.lower(): self._signature(secrets.one(self.secret), stamp, request.body)}
        if self.timestamp_header:
            added[self.timestamp_header.lower()] = stamp
        return replace(request, headers={**request.headers, **added})

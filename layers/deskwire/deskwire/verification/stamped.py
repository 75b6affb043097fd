"""Time and signature as parameters of one header: `t=1633174587,s=…` (TikTok), `t=…,v1=…` (Stripe and its like)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from deskwire.model.errors import SignatureError
from deskwire.model.values import dataclass, replace

from .rule import TOLERANCE, Context, SecretRule, fresh

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped(SecretRule):
    """HMAC-SHA256 of `{time}.{body}` in hex, under the secret named `secret`, in the parameter `signature`."""

    header: str
    secret: str
    signature: str = "v1"
    time: str = "t"
    tolerance: int = TOLERANCE
    stamped: ClassVar[bool] = True

    @property
    def headers(self) -> tuple[str, ...]:
        """The one header."""
        return (self.header.lower(),)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare each signature in the header with that under each valid secret in constant time."""
        keys = secrets.every(self.secret)
        pairs = [part.strip().partition("=") for part in request.header(self.header).split(",")]
        stamps = [value for name, _, value in pairs if name == self.time]
        given = [value.encode("utf-8", "replace") for name, _, value in pairs if name == self.signature]
        stamp = stamps[0] if len(stamps) == 1 else ""
        matches = [hmac.compare_digest(_signature(key, stamp, request.body), each) for key in keys for each in given]
        if not stamp or not any(matches):
            raise SignatureError(f"{self.header} does not match the body under “{self.secret}”")
        fresh(stamp, context.now, self.tolerance, self.header)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the header."""
        stamp = str(int(now.timestamp()))
        signature = _signature(secrets.one(self.secret), stamp, request.body).decode()
        value = f"{self.time}={stamp},{self.signature}={signature}"
        return replace(request, headers={**request.headers, self.header.lower(): value})


def _signature(key: Secret, stamp: str, body: bytes) -> bytes:
    content = stamp.encode("utf-8", "replace") + b"." + body
    return hmac.digest(key.encode(), content, "sha256").hex().encode()

"""An Ed25519 signature of time and body: Discord, Telnyx. `cryptography` is imported on use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.values import dataclass, replace

from .rule import TOLERANCE, Context, SecretRule, fresh

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

PRIVATE = "private_key"  # the platform's own: only who plays the platform has one


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519(SecretRule):
    """The signature in hex in `header`, the time in `timestamp_header`; time and body are signed.

    `secret` names the platform's public key in hex. It is stored with the secrets so that it is rotated like them.
    """

    header: str
    timestamp_header: str
    secret: str = "public_key"  # noqa: S105 - its name
    tolerance: int = TOLERANCE
    stamped: ClassVar[bool] = True

    @property
    def headers(self) -> tuple[str, ...]:
        """Both."""
        return (self.header.lower(), self.timestamp_header.lower())

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Check the signature under each valid key."""
        keys = [self._bytes(key) for key in secrets.every(self.secret)]
        stamp = request.header(self.timestamp_header)
        try:
            given = bytes.fromhex(request.header(self.header))
        except ValueError:
            given = b""
        content = stamp.encode("utf-8", "replace") + request.body
        if not any(_holds(key, given, content) for key in keys):
            raise SignatureError(f"{self.header} does not match the body under “{self.secret}”")
        fresh(stamp, context.now, self.tolerance, self.timestamp_header)
        return {}

    def _bytes(self, key: Secret) -> bytes:
        try:
            data = bytes.fromhex(key.reveal())
        except ValueError:
            data = b""
        if len(data) != 32:  # RFC 8032
            raise ConfigurationError(f"“{self.secret}” is no public key: store its 64 hexadecimal digits")
        return data

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add both headers, signed with the secret `private_key` in hex."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        stamp = str(int(now.timestamp()))
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secrets.one(PRIVATE).reveal()))
        added = {
            self.header.lower(): key.sign(stamp.encode() + request.body).hex(), self.timestamp_header.lower(): stamp,
        }  # fmt: skip
        return replace(request, headers={**request.headers, **added})


def _holds(key: bytes, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True

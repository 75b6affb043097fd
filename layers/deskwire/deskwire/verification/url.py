"""An HMAC of the public address and the form's fields, sorted: Twilio.

https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.values import dataclass, replace

from .rule import Context, SecretRule

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

SETTING = "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl(SecretRule):
    """HMAC-SHA1 in base64 under the secret named `secret`.

    The signed address is the one registered with the platform, with its query. The endpoint's setting `address` gives
    it, because a proxy, a custom domain or a stage may change the one that we see.
    """

    header: str
    secret: str

    @property
    def headers(self) -> tuple[str, ...]:
        """The one header."""
        return (self.header.lower(),)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare with the signature under each valid secret in constant time."""
        content = _content(request, context.settings.get(SETTING, ""))
        given = request.header(self.header).encode("utf-8", "replace")
        matches = [hmac.compare_digest(_signature(key, content), given) for key in secrets.every(self.secret)]
        if not any(matches):
            raise SignatureError(f"{self.header} does not match address and fields under “{self.secret}”")
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the header, for the address in the endpoint's setting."""
        del now
        content = _content(request, request.settings.get(SETTING, ""))
        signature = _signature(secrets.one(self.secret), content).decode()
        return replace(request, headers={**request.headers, self.header.lower(): signature})


def _content(request: Request, address: str) -> bytes:
    if not address:
        raise ConfigurationError(f"the endpoint's setting “{SETTING}” is missing: the address as the platform knows it")
    fields = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return (address + "".join(name + value for name, value in sorted(fields))).encode("utf-8", "replace")


def _signature(key: Secret, content: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key.encode(), content, "sha1"))

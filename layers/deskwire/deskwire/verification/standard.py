"""Standard Webhooks: id, time and body under one key, in three headers.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.values import dataclass, replace

from .rule import TOLERANCE, Context, SecretRule, fresh

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

ID: Final = "webhook-id"
TIME: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardWebhook(SecretRule):
    """The symmetric signature, `v1`, under a secret like `whsec_…`. The id is the same for each redelivery."""

    secret: str
    tolerance: int = TOLERANCE
    stamped: ClassVar[bool] = True

    @property
    def headers(self) -> tuple[str, ...]:
        """All three."""
        return (ID, TIME, SIGNATURE)

    def _signature(self, key: Secret, request: Request, stamp: str) -> bytes:
        try:
            data = base64.b64decode(key.reveal().removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ConfigurationError(
                f"“{self.secret}” is not like whsec_…: store the webhook's signing secret"
            ) from None
        content = f"{request.header(ID)}.{stamp}.".encode("utf-8", "replace") + request.body
        return b"v1," + base64.b64encode(hmac.digest(data, content, "sha256"))

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare each signature in the header with that under each valid secret in constant time."""
        keys, stamp = secrets.every(self.secret), request.header(TIME)
        given = [each.encode("utf-8", "replace") for each in request.header(SIGNATURE).split(" ")]
        matches = [
            hmac.compare_digest(self._signature(key, request, stamp), each) for key in keys for each in given
        ]  # fmt: skip
        if not request.header(ID) or not any(matches):
            raise SignatureError(f"{SIGNATURE} does not match the body under “{self.secret}”")
        fresh(stamp, context.now, self.tolerance, TIME)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the headers; keep an existing id."""
        stamp = str(int(now.timestamp()))
        added = {ID: request.header(ID) or "msg_invented", TIME: stamp}
        request = replace(request, headers={**request.headers, **added})
        signature = self._signature(secrets.one(self.secret), request, stamp).decode()
        return replace(request, headers={**request.headers, SIGNATURE: signature})

"""An HMAC of method, public address, raw body and time in milliseconds: HubSpot's signature, version 3.

https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.values import dataclass, replace

from .rule import TOLERANCE, Context, SecretRule, near

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

SETTING = "address"
MILLISECONDS = re.compile(r"[0-9]{5,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall(SecretRule):
    """HMAC-SHA256 in base64 under the secret named `secret`; `timestamp_header` has the time in milliseconds.

    The signed address is the one registered with the vendor, with its query, percent-decoded. The endpoint's setting
    `address` gives it, because a proxy, a custom domain or a stage may change the one that we see.
    """

    header: str
    timestamp_header: str
    secret: str

    @property
    def headers(self) -> tuple[str, ...]:
        """The signature's header and the time's."""
        return self.header.lower(), self.timestamp_header.lower()

    @property
    def stamped(self) -> bool:  # type: ignore[override]
        """Always True: the time is signed."""
        return True

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return a fault if the setting `address` does not begin with https://: every signature would differ."""
        address = settings.get(SETTING, "")
        if not address or address.startswith("https://"):
            return {}
        return {SETTING: "the address is signed as a whole: write it as the vendor has it, from https:// on"}

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare with the signature under each valid secret in constant time; then check the time."""
        keys = secrets.every(self.secret)
        address = _known(context.settings.get(SETTING, ""))
        stamp = request.header(self.timestamp_header)
        if not (stamp.isascii() and MILLISECONDS.fullmatch(stamp)):
            raise SignatureError(f"{self.timestamp_header} has no time in milliseconds")
        given = request.header(self.header).encode("utf-8", "replace")
        matches = [hmac.compare_digest(_signature(key, request, address, stamp).encode(), given) for key in keys]
        if not any(matches):
            raise SignatureError(f"{self.header} does not match address, body and time under “{self.secret}”")
        near(int(stamp) / 1000, context.now, TOLERANCE, self.timestamp_header)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add both headers, for the address in the endpoint's setting."""
        stamp = str(int(now.timestamp() * 1000))
        address = _known(request.settings.get(SETTING, ""))
        signature = _signature(secrets.one(self.secret), request, address, stamp)
        added = {self.header.lower(): signature, self.timestamp_header.lower(): stamp}
        return replace(request, headers={**request.headers, **added})


def _known(address: str) -> str:
    if not address:
        raise ConfigurationError(f"the endpoint's setting “{SETTING}” is missing: the address as the vendor knows it")
    return address


def _signature(key: Secret, request: Request, address: str, stamp: str) -> str:
    content = f"{request.method}{address}".encode("utf-8", "replace") + request.body + stamp.encode()
    return base64.b64encode(hmac.digest(key.encode(), content, "sha256")).decode()

"""HTTP basic authentication (RFC 7617), for webhooks of helpdesks and mail gateways with a user and a password.

It proves who sends, not what: a connector with this rule declares the gap `C4.body`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import SignatureError
from deskwire.model.secret import Secret
from deskwire.model.values import dataclass, replace

from .rule import Context, Verification, same

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request

HEADER = "Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic(Verification):
    """A user and a password in `Authorization`; `user` and `password` are the names of the two secrets."""

    user: str = "webhook_user"
    password: str = "webhook_password"  # noqa: S105 - its name

    @property
    def headers(self) -> tuple[str, ...]:
        """The one header."""
        return (HEADER.lower(),)

    def names(self) -> tuple[str, ...]:
        """Return the names of the two secrets."""
        return (self.user, self.password)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare with each valid user and password in constant time."""
        del context
        pairs = [_encoded(user, password)
                 for user in secrets.every(self.user) for password in secrets.every(self.password)]  # fmt: skip
        scheme, _, given = request.header(HEADER).partition(" ")
        known = [same(given, pair) for pair in pairs]
        if scheme.lower() != "basic" or not any(known):
            msg = f"{HEADER} is missing, or not “{self.user}” with “{self.password}”"
            raise SignatureError(msg)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the header."""
        del now
        pair = _encoded(secrets.one(self.user), secrets.one(self.password))
        return replace(request, headers={**request.headers, HEADER.lower(): f"Basic {pair.reveal()}"})


def _encoded(user: Secret, password: Secret) -> Secret:
    return Secret(base64.b64encode(user.encode() + b":" + password.encode()).decode())

"""A shared secret in a header: Telegram, Freshdesk, many smaller platforms.

It proves who sends, not what: a connector with this rule declares the gap `C4.body`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import SignatureError
from deskwire.model.values import dataclass, replace

from .rule import Context, SecretRule, same

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(SecretRule):
    """The secret named `secret` in `header`, after `prefix` (“Bearer ”) if there is one."""

    header: str
    secret: str
    prefix: str = ""

    @property
    def headers(self) -> tuple[str, ...]:
        """The one header."""
        return (self.header.lower(),)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare with each valid secret in constant time."""
        del context
        keys = secrets.every(self.secret)
        given = request.header(self.header)
        known = [same(given.removeprefix(self.prefix), key) for key in keys]
        if not given.startswith(self.prefix) or not any(known):
            msg = f"{self.header} is missing, or not the one stored as “{self.secret}”"
            raise SignatureError(msg)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the header."""
        del now
        value = self.prefix + secrets.one(self.secret).reveal()
        return replace(request, headers={**request.headers, self.header.lower(): value})

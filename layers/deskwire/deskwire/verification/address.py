"""A secret in the webhook's address, for platforms that offer nothing better.

It proves that the sender knows the address, not what is sent: a connector with this rule declares the gap `C4.body`.
The secret is in the query, which neither API Gateway's access log nor ours contains.
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
class Address(SecretRule):
    """The secret named `secret` as the query's `parameter`, given exactly once: `…/channels/NAME?key=SECRET`."""

    secret: str
    parameter: str = "key"

    @property
    def headers(self) -> tuple[str, ...]:
        """None: the proof is in the address."""
        return ()

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare with each valid secret in constant time."""
        del context
        given = request.parameter(self.parameter)
        known = [same(given, key) for key in secrets.every(self.secret)]
        if not any(known):
            msg = f"the address has no “{self.parameter}”, or another than the one stored as “{self.secret}”"
            raise SignatureError(msg)
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add the parameter."""
        del now
        value = (secrets.one(self.secret).reveal(),)
        return replace(request, query={**request.query, self.parameter: value})

    def cleared(self, request: Request) -> Request:
        """Return the request without the secret."""
        query = {name: values for name, values in request.query.items() if name != self.parameter}
        return replace(request, query=query)

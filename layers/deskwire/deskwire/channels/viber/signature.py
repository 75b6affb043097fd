"""Viber's signature, in its header or in the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deskwire.model.values import dataclass, replace
from deskwire.verification.hmac import HmacHeader

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.verification.rule import Context
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature(HmacHeader):
    """An HMAC of the raw body in a header; without the header, in the query parameter named `parameter`.

    The documentation names the header alone. Viber's own middleware for Node takes `sig` too, and requests with both
    were seen. https://github.com/Viber/viber-bot-node/blob/master/lib/middleware.js
    """

    parameter: str

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare as `HmacHeader` does; a header that is there is the only one that counts."""
        name = self.header.lower()
        if name not in request.headers:
            request = replace(request, headers={**request.headers, name: request.parameter(self.parameter)})
        return HmacHeader.verify(self, request, secrets, context)

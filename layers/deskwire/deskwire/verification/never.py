"""The rule for connectors that are only polled: there is no webhook, and everything is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import SignatureError
from deskwire.model.values import dataclass

from .rule import Context, Verification

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True)
class Never(Verification):
    """Refuses everything. receive never calls it, as such a connector has no endpoint."""

    @property
    def headers(self) -> tuple[str, ...]:
        """None."""
        return ()

    def names(self) -> tuple[str, ...]:
        """Return no secret's name."""
        return ()

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Raise `SignatureError`."""
        del request, secrets, context
        raise SignatureError("nothing is ever delivered here: this connector is only polled")

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Raise `SignatureError`: no signature would be accepted."""
        del request, secrets, now
        raise SignatureError("nothing is ever delivered here: this connector is only polled")

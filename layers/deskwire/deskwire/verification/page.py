"""The rule for the first request from a public page: it must come from one of the company's pages.

A browser sets `Origin` itself, and no page can forge it; any other program can. So this keeps out other sites but not
programs: accepted requests are rate-limited. https://fetch.spec.whatwg.org/#origin-header
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from deskwire.model.errors import SignatureError
from deskwire.model.values import dataclass, replace

from .captcha import JSON_TYPE, PLAYED_ORIGIN, allowed_origin, odd_origins
from .rule import Context, Verification

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True)
class Page(Verification):
    """A page whose origin is in the endpoint's setting `origins`, and a body of JSON."""

    @property
    def headers(self) -> tuple[str, ...]:
        """The page's origin and the media type: a form-encoded or text/plain post is sent without preflight."""
        return ("origin", "content-type")

    def names(self) -> tuple[str, ...]:
        """Return no secret: there is none."""
        return ()

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return origins that no browser sends."""
        return odd_origins(settings)

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Check origin and media type; return `origin`."""
        del secrets
        origin = allowed_origin(request, context.settings)
        if not origin:
            raise SignatureError("the page's origin is not among the endpoint's “origins”")
        if not JSON_TYPE.fullmatch(request.header("content-type")):
            raise SignatureError("the body is not sent as application/json")
        return {"origin": origin}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Set the sandbox's page as the origin, if the request has none."""
        del secrets, now
        return replace(
            request, headers={"origin": PLAYED_ORIGIN, "content-type": "application/json", **request.headers}
        )

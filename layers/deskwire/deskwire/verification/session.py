"""The rule for a page's later requests: a session's token, valid for one visitor, one account and one origin.

The token is `v1.<account>.<visitor>.<seconds since 1970>.<HMAC-SHA256>` in the header `Authorization`. The HMAC covers
the page's origin as well: a copied token is useless on another site's page, as browsers set the origin themselves. The
visitor's id is random (`Visit.fresh`), so it cannot be guessed, and it is never part of an address.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from deskwire.model.errors import PayloadError, SignatureError
from deskwire.model.keys import compose
from deskwire.model.values import dataclass, replace
from deskwire.timing import REMEMBERED

from .page import Page
from .rule import TOLERANCE, Context, Verification

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request

PREFIX: Final = "Bearer "
TOKEN: Final = re.compile(
    r"v1\.(?P<account>[A-Za-z0-9_-]{1,64})\.(?P<visitor>[0-9a-f]{32})\.(?P<at>[0-9]{9,11})\.[0-9a-f]{64}"
)
# A session ends before outcomes are forgotten: what is sent again in it is always known as a repetition.
LASTS: Final = REMEMBERED - timedelta(days=1)
PLAYED: Final = ("website", "5e1f00d5e1f00d5e1f00d5e1f00d5e1f")  # the account and visitor of the sandbox


@dataclass(frozen=True, slots=True)
class Visitor:
    """A session's visitor: the account (which chat), the visitor's id, when the session began."""

    account: str
    id: str
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Verification):
    """A page with an allowed origin, and the token that `issue` made for a visitor there."""

    secret: str = "session_secret"  # noqa: S105 - its name

    @property
    def headers(self) -> tuple[str, ...]:
        """The page's origin, the media type and the token."""
        return ("origin", "content-type", "authorization")

    def names(self) -> tuple[str, ...]:
        """Return the name of the tokens' key."""
        return (self.secret,)

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return origins that no browser sends."""
        return Page().faults(settings)

    def issue(self, account: str, visitor: str, origin: str, secrets: Secrets, now: datetime) -> str:
        """Return the token of a session that begins now."""
        return _token(secrets.one(self.secret), origin, Visitor(account, visitor, int(now.timestamp())))

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Check origin, media type and token."""
        keys = secrets.every(self.secret)
        origin = Page().verify(request, secrets, context)["origin"]
        visitor = _visitor(request)
        if visitor is None:
            raise SignatureError("there is no session's token")
        given = request.header("authorization").removeprefix(PREFIX).encode()
        known = [hmac.compare_digest(given, _token(key, origin, visitor).encode()) for key in keys]
        if not any(known):
            raise SignatureError("the session's token is not one of ours for this page")
        age = context.now.timestamp() - visitor.since
        if not -TOLERANCE <= age <= LASTS.total_seconds():
            raise SignatureError("the session is over")
        return {}

    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Add a token: for the visitor named in the request's own token, else for the sandbox's."""
        request = Page().sign(request, secrets, now)
        visitor = _visitor(request) or Visitor(*PLAYED, int(now.timestamp()))
        token = _token(secrets.one(self.secret), request.header("origin"), visitor)
        return replace(request, headers={**request.headers, "authorization": PREFIX + token})


def visitor_of(request: Request) -> Visitor:
    """Return the visitor of a verified request's session. Raises `PayloadError` if it has none."""
    visitor = _visitor(request)
    if visitor is None:
        raise PayloadError("the request names no session")
    return visitor


def ends(visitor: Visitor) -> datetime:
    """Return when a session ends."""
    return datetime.fromtimestamp(visitor.since, UTC) + LASTS


def _visitor(request: Request) -> Visitor | None:
    given = request.header("authorization")
    found = TOKEN.fullmatch(given.removeprefix(PREFIX)) if given.startswith(PREFIX) else None
    return None if found is None else Visitor(found["account"], found["visitor"], int(found["at"]))


def _token(key: Secret, origin: str, visitor: Visitor) -> str:
    signed = compose("session", "v1", origin, visitor.account, visitor.id, str(visitor.since))
    mac = hmac.digest(key.encode(), signed.encode(), "sha256").hex()
    return f"v1.{visitor.account}.{visitor.id}.{visitor.since}.{mac}"

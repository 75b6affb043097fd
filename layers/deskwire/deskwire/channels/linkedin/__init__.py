"""LinkedIn: comments on a company page's posts, members' posts that mention it, and the page's comment in answer.

Set-up: an app of a registered company, verified by its page, with the product Community Management API (a review by
people, twice: development tier, then standard tier; notifications are pushed in the latter). On the app's tab Webhooks
register this endpoint's address. Each page needs a member with the role ADMINISTRATOR who consents to
`rw_organization_admin`, `r_organization_social_feed` and `w_organization_social_feed`, and a subscription in their
name: a PUT of `{"webhook": "https://…"}` to `/rest/eventSubscriptions/(developerApplication:…,user:…,entity:…,
eventType:ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS)`. It ends silently with their consent or role, hence the poll. Step
by step: docs/channels/linkedin.md
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications

Signature: `X-LI-Signature`, the hexadecimal HMAC-SHA256 of `hmacsha256=` and the raw body under the client secret. That
the header holds the bare digest is said by third parties alone: with `hmacsha256=` in front it is accepted as well. The
check of the address (`challengeCode`, every two hours, blocked after three failures) signs with the SAME key, so only a
UUID is signed. https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation

Secrets: endpoint `client_secret`; connection `refresh_token` with `client_id` and `client_secret`, or an `access_token`
of 60 days where LinkedIn gives the app no refresh token. A refresh token ends 365 days after the consent, whatever is
renewed; asking for other permissions voids every token.
https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens

Limits: what members write may be kept for 48 hours, their profiles for 24: no event keeps its fragment, and nobody's
name is asked for (https://learn.microsoft.com/en-us/linkedin/marketing/data-storage-requirements). 1,250 characters a
comment, words only, nothing automatic; redelivered every 5 minutes for 8 hours; 100 calls a day for each member in the
development tier (https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits); no idempotency key,
no private messages; a version of the API lives for a year. What survives a redelivery: a comment's number (see
`notifications`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Page, each, newest
from deskwire.contracts.terms import Figure, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.model.errors import PayloadError, SignatureError
from deskwire.model.events import Event, Unreadable, Visibility
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import dataclass, replace
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import read
from deskwire.web.request import Response

from . import notifications, urns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deskwire.contracts.channel import Reach
    from deskwire.contracts.registration import Finding, Grant, Registered, SignIn, Site
    from deskwire.model.secret import Secret, Secrets
    from deskwire.verification.rule import Context
    from deskwire.web.request import Request
    from deskwire.web.rest import Transport

CHECKED: Final = date(2026, 11, 29)
WEBHOOKS: Final = "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation"
NOTIFICATIONS: Final = (
    "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/"
    "organization-social-action-notifications"
)
COMMENTS: Final = "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api"
STORAGE: Final = "https://learn.microsoft.com/en-us/linkedin/marketing/data-storage-requirements"
RATES: Final = "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits"
VERSIONS: Final = "https://learn.microsoft.com/en-us/linkedin/marketing/versioning"
# “Use the Content or the APIs to automate posting on the LinkedIn Services” is forbidden (3.1).
API_TERMS: Final = "https://www.linkedin.com/legal/l/api-terms-of-use"
CHALLENGE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PREFIX: Final = "hmacsha256="


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature(HmacHeader):
    """LinkedIn's HMAC, whose header may begin with the prefix that is signed along."""

    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Compare, in constant time, without the prefix."""
        bare = {self.header.lower(): request.header(self.header).removeprefix(PREFIX)}
        request = replace(request, headers={**request.headers, **bare})
        return HmacHeader.verify(self, request, secrets, context)  # `super()` does not know a class with slots


class LinkedIn(Channel):
    """The connector. A thread is what one member writes under one post; an account is an organization's URN."""

    name = "linkedin"
    title = "LinkedIn"
    verification = Signature(header="X-LI-Signature", secret="client_secret", signed=PREFIX + "{body}")  # noqa: S106
    endpoint_secrets: ClassVar = {"client_secret": "the app's client secret (tab Auth)"}
    connection_secrets: ClassVar = {
        "refresh_token": "the refresh token that the page's administrator got with their consent",
        "access_token": "or an access token of 60 days, where the app gets no refresh token",
        "client_id": "the app's client id (optional without `refresh_token`)",
        "client_secret": "the app's client secret (optional without `refresh_token`)",
    }
    connection_settings: ClassVar = {
        "application_id": "the app's number, to look at the page's subscription (optional, with `administrator_id`)",
        "administrator_id": "the id of the administrator in whose name the page is subscribed to (optional)",
    }
    # Nothing listens there: the browser keeps the address with the code, for the person to copy.
    redirect: ClassVar[str] = "https://localhost/"
    application: ClassVar[Sequence[str]] = ("client_id",)  # the endpoint has the secret
    # Where a comment's picture lies is not documented; the pictures of LinkedIn's own pages lie there.
    media_hosts: ClassVar[tuple[str, ...]] = ("licdn.com",)
    by_hand: ClassVar[Sequence[str]] = (
        "in the developer portal, App, Webhooks: add {address}; LinkedIn checks it at once and every two hours",
    )
    terms = Terms(
        sending={
            Visibility.PUBLIC: Sending(
                # On no page of the API; what the site's own field takes, as those say who build on it.
                text=Figure(TextLimit(1250, Unit.UTF16), COMMENTS, CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, COMMENTS, CHECKED),
                        automatic=Figure(False, API_TERMS, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        body_limit=Figure(1024 * 1024, NOTIFICATIONS, CHECKED, confirmed=False),  # not stated; ten notifications a body
        # Stated for the check of the address alone.
        deadline=Figure(timedelta(seconds=3), WEBHOOKS, CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=8), NOTIFICATIONS, CHECKED),
        # 48 looks a day leave half of what the development tier allows a member (100). Other limits are not published.
        every=Figure(timedelta(minutes=30), RATES, CHECKED),
        keeps_words=Figure(timedelta(hours=48), STORAGE, CHECKED),
        api_version=Figure("202607", VERSIONS, CHECKED),
        # “A minimum of one year”; the day is on no page that could be read.
        sunset=Figure(date(2027, 7, 15), VERSIONS, CHECKED, confirmed=False),
        figures={
            "handshake_grace": Figure(timedelta(hours=6), WEBHOOKS, CHECKED),
            "refresh_token": Figure(
                timedelta(days=365),
                "https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens",
                CHECKED,
            ),
        },
    )

    def identity(self, author: str) -> str:
        """Return a member's URN, also where somebody wrote its last part alone."""
        author = author.strip()
        return author if author.startswith("urn:") else urns.PERSON + author

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        """Answer `?challengeCode=…` with its HMAC; sign nothing but a UUID, or a body could be signed."""
        if request.method != "GET" or "challengeCode" not in request.query:
            return None
        code = request.parameter("challengeCode")
        if not CHALLENGE.fullmatch(code):
            raise SignatureError("challengeCode is no UUID: nothing else is signed")
        response = hmac.digest(secrets.one("client_secret").encode(), code.encode(), "sha256").hex()
        return Response.json(200, {"challengeCode": code, "challengeResponse": response})

    def dialog(self, site: Site, sign_in: SignIn) -> str:
        """Return the login page's address."""
        from . import login

        return login.dialog(site, sign_in)

    def grants(self, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
        """Return the pages that the person's code gives."""
        from . import login

        return login.grants(site, code, sign_in, http)

    def tried(self, site: Site, http: Transport) -> str:
        """Try our address as LinkedIn would."""
        from . import login

        return login.tried(site, http)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        """Return the newest time of what happened: LinkedIn names none of the delivery, and repeats it for 8 hours."""
        return newest(events)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        body = read(request.body).object()
        kind = body["type"].text()
        if kind == notifications.TYPE:
            if "notifications" not in body:
                raise PayloadError("body.notifications is missing")
            yield from each(body["notifications"].items(), notifications.event)
            return
        # LEAD_ACTION of another product of LinkedIn's may come to the same address.
        owner = body["owner"]
        page = owner["organization"].any_id() or owner["sponsoredAccount"].any_id() or body["owner"].any_id()
        yield notifications.other(body, page or "unknown", kind)

    # What asks LinkedIn is imported where it is used: `receive` needs none of it.

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Return the event with its words and author; None when the comment is gone.

        A member's post may not be shown to the page: the ticket then says that it was mentioned, and where.
        """
        from . import asking

        return asking.complete(event, reach)

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Comment as the page: below the comment that is answered, or on the post that mentions it."""
        from . import asking

        return asking.send(outgoing, permit, reach)

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Look for our comment there: the page's own, of the same words, not older than `since`."""
        from . import asking

        return asking.sent(outgoing, since, reach)

    def poll(self, cursor: str, reach: Reach) -> Page:
        """Return what LinkedIn notified of since `cursor`, in milliseconds since 1970."""
        from . import asking

        return asking.poll(cursor, reach)

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, reach)

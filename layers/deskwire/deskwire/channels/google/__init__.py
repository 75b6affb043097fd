"""Google Business Profile: the public reviews of a location, and the owner's reply to each.

Set-up: get access to the Business Profile APIs for the Cloud project (until then its quota is 0); make a Pub/Sub topic
and let `mybusiness-api-pubsub@system.gserviceaccount.com` publish to it (forgotten, nothing ever comes, without an
error); make a push subscription to this endpoint's address with authentication by a service account, with an
expiration policy of never. The endpoint's settings name the topic and the subscription's audience and service account;
`deskwire apply` sets the account's one `notificationSetting`. Step by step: docs/channels/google.md.
https://docs.cloud.google.com/pubsub/docs/create-push-subscription

Signature: an OpenID Connect token in `Authorization`; the body is not signed.
https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions

Secrets: none for receiving. Connection `client_id`, `client_secret` and `refresh_token` of an OAuth client with the
scope `business.manage`; the refresh token of an app left in “Testing” dies after seven days.
https://developers.google.com/identity/protocols/oauth2/web-server

Limits: 4,096 bytes a reply; one reply a review, public, a second one replaces the first; hence nothing automatic. The
push must be acknowledged in the subscription's deadline (10 seconds unless set) and is repeated for seven days.
https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.care.measure import measure
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.terms import Figure, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.families import oauth2
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD, digest
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import replace
from deskwire.verification.oidc import OidcBearer
from deskwire.web.reading import Node, fragment, read
from deskwire.web.rest import Call, checked, not_there

from . import access

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Grant, Registered, SignIn, Site
    from deskwire.model.secret import Secret
    from deskwire.web.request import Request
    from deskwire.web.rest import Transport

API: Final = "https://mybusiness.googleapis.com/v4"
REVIEWS: Final = "https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews"
PUSH: Final = "https://docs.cloud.google.com/pubsub/docs/push"
CHECKED: Final = date(2026, 11, 21)
REVIEW: Final = re.compile(r"(accounts/[\w~-]+/locations/[\w~-]+)/reviews/[\w=~-]+", re.ASCII)
STARS: Final = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}
TRANSLATED: Final = "(Translated by Google)"
ORIGINAL: Final = "(Original)"
# A notification was seen with `type`, `location` and `review`; the documentation speaks of review_name and
# location_name, and of reviewName and locationName in the older API.
TYPE_NAMES: Final = ("type", "notificationType", "notification_type")
REVIEW_NAMES: Final = ("review", "reviewName", "review_name", "reviewResourceName")
LOCATION_NAMES: Final = ("location", "locationName", "location_name", "locationResourceName")


class Google(Channel):
    """The connector. A thread is a review; an account is a location, `accounts/…/locations/…`."""

    name = "google"
    title = "Google Business Profile"
    verification = OidcBearer(
        issuers=("https://accounts.google.com", "accounts.google.com"),
        keys_url="https://www.googleapis.com/oauth2/v3/certs",
    )
    endpoint_settings: ClassVar[dict[str, str]] = {
        "audience": "the push subscription's audience (Pub/Sub's default is the push address)",
        "service_account": "the e-mail of the service account that the push subscription uses",
        access.TOPIC: "the topic, projects/…/topics/…, to set the account's notifications to (optional)",
    }
    connection_secrets: ClassVar[dict[str, str]] = {
        "client_id": "the OAuth client's id",
        "client_secret": "the OAuth client's secret",
        oauth2.REFRESH: "the refresh token of a person who manages the location, scope business.manage",
        access.ENDS: "when the refresh token ends, as Unix time (optional; `deskwire connect` notes it)",
    }
    # Nothing listens there: the browser keeps the address with the code, for the person to copy.
    redirect: ClassVar[str] = "http://127.0.0.1:9004"
    application: ClassVar[Sequence[str]] = ("client_id", "client_secret")
    # Where reviews' pictures lie is not documented; this is where profile pictures do.
    media_hosts: ClassVar[tuple[str, ...]] = ("googleusercontent.com",)
    by_hand: ClassVar[Sequence[str]] = (
        "let mybusiness-api-pubsub@system.gserviceaccount.com publish to a Pub/Sub topic of your project",
        "make a push subscription of that topic to {address}, authenticated by a service account, that never expires",
        "put its audience and the service account into the settings `audience` and `service_account` of the endpoint",
        "put the topic's name, projects/…/topics/…, into the setting `topic`, and apply again",
    )
    terms = Terms(
        sending={
            Visibility.PUBLIC: Sending(
                text=Figure(TextLimit(4096, Unit.BYTES), REVIEWS, CHECKED),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, REVIEWS, CHECKED),
                        # Google forbids it nowhere. But there is one slot: an automatic answer would be in public, in
                        # the place of the owner's.
                        automatic=Figure(False, f"{REVIEWS}/updateReply", CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        body_limit=Figure(14_000_000, "https://docs.cloud.google.com/pubsub/quotas", CHECKED, confirmed=False),
        deadline=Figure(timedelta(seconds=10), PUSH, CHECKED),
        redelivery=Figure(timedelta(days=7), PUSH, CHECKED),
        api_version=Figure("v4", REVIEWS, CHECKED),
    )
    known_gaps: ClassVar[dict[str, str]] = {
        "C4.body": "Pub/Sub signs who pushes, not the body",
        "C5.memory": "Pub/Sub signs no time of the notification; its own token ends within the hour",
        "C12": "no notification tells of our own reply",
        "C16.own": "no notification tells of our own reply",
        "C16.attachment": "a notification carries no pictures; `complete` fetches them, which an exchange shows",
        "C16.deletion": "a deleted review is not told; `complete` finds it gone, which an exchange shows",
        "C16.scripts": "a notification carries no words; those fetched are in an exchange",
        "C13": "a notification carries no words; those that `complete` fetches are followed in its own tests",
    }

    def dialog(self, site: Site, sign_in: SignIn) -> str:
        """Return the login page's address."""
        from . import login

        return login.dialog(site, sign_in)

    def grants(self, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
        """Return the locations that the person's code gives."""
        from . import login

        return login.grants(site, code, sign_in, http)

    def tried(self, site: Site, http: Transport) -> str:
        """Return "": Google does not check an address; a push without its token is refused, and we have none."""
        del site, http
        return ""

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Yield the one notification of a push: an event whose words are to be fetched.

        A redelivery has the same `messageId`; but Google's publisher may publish a thing twice, under two of them.
        A new review happens once, so its key is the review's name alone and both are one. A review may be changed
        many times, and the notification carries no time of the change: there the messageId is the version, and a
        change published twice is told twice (twice is better than a second change lost).
        """
        notification, attributes, message_id = _unwrapped(request)
        kind = _first(notification, attributes, TYPE_NAMES).identifier()
        if kind not in {"NEW_REVIEW", "UPDATED_REVIEW"}:
            yield self._other(kind, notification, attributes, message_id)
            return
        name = _first(notification, attributes, REVIEW_NAMES).identifier()
        found = REVIEW.fullmatch(name)
        if found is None:
            raise PayloadError("the notification's review is not accounts/…/locations/…/reviews/…")
        new = kind == "NEW_REVIEW"
        if not new and not message_id:
            raise PayloadError(
                "the push has no messageId: switch on the subscription's “write metadata”, or payload unwrapping off"
            )
        yield Event(
            channel=self.name,
            account=found[1],
            kind=Kind.MESSAGE if new else Kind.EDIT,
            object_id=name,
            verb=ADD if new else "edit",
            version="" if new else message_id,
            thread=name,
            visibility=Visibility.PUBLIC,
            # Google gives no id of the person: each review is a person of its own, so that no two ever merge.
            author=Author(name),
            complete=False,
            raw=fragment(notification) or fragment(attributes),
        )

    def _other(self, kind: str, notification: Node, attributes: Node, message_id: str) -> Event:
        location = _first(notification, attributes, LOCATION_NAMES).identifier("unknown")
        raw = fragment(notification) or fragment(attributes)
        return Event(
            channel=self.name,
            account=location,
            kind=Kind.OTHER,
            object_id=message_id or digest(repr(sorted(raw.items(), key=str))),
            verb=kind.lower(),
            thread=location,
            visibility=Visibility.PUBLIC,
            text=kind,
            raw=raw,
        )

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Fetch the review; None when it was deleted since."""
        review = self._review(event.object_id, reach)
        if review is None:
            return None
        stars = STARS.get(review["starRating"].text(""), 0)
        attachments = tuple(_attachment(item) for item in review["reviewMediaItems"].rows())
        comment = review["comment"].exact("")
        lines = [f"[rating: {stars} of 5]" if stars else "[a review without words]"]
        reviewer = review["reviewer"]
        facts = {
            "Anonymous": "yes" if reviewer["isAnonymous"].truth(default=False) else "",
            "Answered already": "yes" if review["reviewReply"] else "",
            "Reply at": review["reviewReplyUrl"].text(""),
        }
        return replace(
            event,
            complete=True,
            author=Author(event.object_id, name=reviewer["displayName"].text("")),
            text=comment if comment.strip() else " ".join([*lines, *(item.line() for item in attachments)]),
            occurred_at=review["updateTime" if event.kind is Kind.EDIT else "createTime"].iso(),
            attachments=attachments,
            stars=stars,
            facts={label: value for label, value in facts.items() if value},
        )

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Put the one reply of the review; it replaces an earlier one."""
        if not REVIEW.fullmatch(outgoing.thread):
            raise PermanentError("the thread is no review's name")
        if outgoing.attachments:
            raise PermanentError("a reply to a Google review takes text only: take the attachment out")
        if measure(outgoing.text, permit.limit.unit) > permit.limit.most:
            raise PermanentError(
                f"a reply to a Google review takes {permit.limit.most} {permit.limit.unit}: shorten it"
            )
        call = Call.json(
            "PUT", f"{API}/{outgoing.thread}/reply", {"comment": outgoing.text}, headers=access.authorization(reach)
        )
        answer = reach.http(replace(call, safe=True))
        if not_there(answer):
            raise PermanentError("the review is gone: its writer or Google has deleted it", status=404, code="gone")
        reply = checked(answer, what="replying to a Google review", secret_hint=access.HINT).node()
        # Replies are moderated; a state was added to the answer in 2026, its words are known from others only.
        if reply["reviewReplyState"].text("") == "REJECTED":
            raise PermanentError("Google rejected the reply: it breaks its policy for replies")
        return Sent((f"{outgoing.thread}/reply",))

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Tell whether the review's reply is ours: repeating the PUT might replace what a person wrote meanwhile."""
        review = self._review(outgoing.thread, reach)
        reply = "" if review is None else review["reviewReply"]["comment"].text("")
        if not any(shown.split() == outgoing.text.split() for shown in _untranslated(reply)):
            return None
        return Sent((f"{outgoing.thread}/reply",))

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, reach)

    def _review(self, name: str, reach: Reach) -> Node | None:
        answer = reach.http(Call("GET", f"{API}/{name}", headers=access.authorization(reach)))
        if not_there(answer):
            return None
        return checked(answer, what="fetching a Google review", secret_hint=access.HINT).node().object()


def _untranslated(text: str) -> list[str]:
    """Return a text as Google shows it, and what of it may be the original: a translation stands below or above it.

    The marks are in English on the API, as seen by its users; no page of Google's names them.
    """
    above, below = text.partition(TRANSLATED)[0], text.partition(ORIGINAL)[2]
    return [text, *(part for part in (above, below) if part.strip())]


def _unwrapped(request: Request) -> tuple[Node, Node, str]:
    """Return the notification, the message's attributes and its id, wrapped by Pub/Sub or not."""
    body = read(request.body).object()
    message = body["message"]
    if not message:  # the subscription's payload unwrapping: the data is the body, the id a header
        return body, Node({}), request.header("x-goog-pubsub-message-id")
    message.object()
    number = (message["messageId"] or message["message_id"]).any_id()
    if not message["data"]:
        return Node({}), message["attributes"].object(), number
    try:
        data = base64.b64decode(message["data"].text(), validate=True)
    except (binascii.Error, ValueError):
        raise PayloadError("the message's data is not base64") from None
    return read(data).object(), message["attributes"] or Node({}), number


def _first(notification: Node, attributes: Node, names: tuple[str, ...]) -> Node:
    places = [place[name] for place in (notification, attributes) for name in names]
    return next((place for place in places if place), places[0])


def _attachment(item: Node) -> Attachment:
    # What a ReviewMediaItem holds is not written where we could read it; a MediaItem of the same API holds these.
    video = item["mediaFormat"].text("") == "VIDEO" or bool(item["videoUrl"])
    addresses = [item[name].text("") for name in ("videoUrl", "googleUrl", "thumbnailUrl")]
    return Attachment(
        AttachmentKind.VIDEO if video else AttachmentKind.IMAGE,
        url=next((address for address in addresses if address), ""),
    )

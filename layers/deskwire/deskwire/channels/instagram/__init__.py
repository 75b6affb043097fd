"""Instagram: comments, mentions and direct messages of a professional account.

Set-up: in the Meta app add the product Instagram (or Webhooks, object **Instagram**) with this endpoint's address and
a verify token; tick `comments`, `live_comments`, `mentions`, `messages`, `message_edit`, `messaging_postbacks` and
`messaging_referral`, then `POST /me/subscribed_apps` for each account. Step by step, with permissions and app review:
docs/channels/instagram.md. https://developers.facebook.com/docs/instagram-platform/webhooks

Signature: `X-Hub-Signature-256`, HMAC-SHA256 of the raw body in hex, under the App Secret, or under the Instagram app
secret where the app uses Instagram Login. Which one signs when an app uses both is not documented, so a list in
`app_secret` accepts either. https://developers.facebook.com/docs/graph-api/webhooks/getting-started/

Secrets: endpoint `app_secret`, `verify_token`; connection `instagram_token` (Instagram Login, 60 days, renewed each
week) or `page_token` of the linked Page (Facebook Login). https://developers.facebook.com/docs/instagram-platform/overview

Limits: 1,000 bytes of UTF-8 a message; 24 hours after the customer's last message, 7 days for a person's answer
(HUMAN_AGENT); one private reply to a comment, within 7 days; a live comment is answered privately, during the
broadcast. https://developers.facebook.com/documentation/instagram-platform/private-replies

What survives a redelivery: a comment's `id`, a message's `mid` (an unsend and an edit carry the original's). All else
has no id: its key is made of person and time, which the repeated body repeats. The key holds neither the login nor
the shape of the body, since one event may come by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, filled, line
from deskwire.contracts.terms import Figure, Pace, Permit, Sending, Terms, TextLimit, ThreadKind, Unit, Window
from deskwire.families import meta, meta_inbox
from deskwire.families.meta_reading import repeats
from deskwire.model.errors import DeskwireError, PermanentError
from deskwire.model.events import Author, Event, Unreadable, Visibility
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import replace

from . import deliveries as deliveries
from . import sending as sending

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request, Response

PRIVATE_REPLIES: Final = "https://developers.facebook.com/documentation/instagram-platform/private-replies"
MESSAGING: Final = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api"
)
REPLIES: Final = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-comment/replies"
)

PUBLIC: Final = Sending(
    # Current pages state no length. 300 is that of an interface retired since, 2,196 a tool's: the
    # larger is not relied on, and what Instagram refuses is told to the agent.
    text=Figure(TextLimit(2196, Unit.UTF16), REPLIES, meta.CHECKED, confirmed=False),
    windows=(
        Window(
            name="always",
            span=Figure(None, REPLIES, meta.CHECKED),
            automatic=Figure(True, REPLIES, meta.CHECKED, confirmed=False),  # noqa: FBT003
        ),
    ),
)
PACE: Final = Figure(Pace("private replies", 750, timedelta(hours=1)), meta.SENDING, meta.CHECKED)
LIVE: Final = ThreadKind(
    # The broadcast's end is not told: a day is longer than any, and after it Instagram refuses.
    private_reply=meta_inbox.private_reply(
        Figure(TextLimit(1000, Unit.BYTES), MESSAGING, meta.CHECKED),
        PRIVATE_REPLIES,
        PACE,
        span=Figure(timedelta(days=1), PRIVATE_REPLIES, meta.CHECKED, confirmed=False),
    ),
    refusal="a live comment takes a private reply only, while the broadcast lasts",
)
MENTION: Final = ThreadKind(
    sending={Visibility.PUBLIC: PUBLIC},
    refusal="private replies are for comments on the account's own posts",
)


class Instagram(meta.PageLogin, Channel):
    """The connector. A thread is a root comment or a mentioning post (public), or a person (private)."""

    name = "instagram"
    title = "Instagram"
    verification = meta.SIGNATURE
    endpoint_secrets: ClassVar[Mapping[str, str]] = {
        **meta.ENDPOINT_SECRETS,
        "app_secret": "the App Secret, or the Instagram app secret with Instagram Login; a list accepts both",
    }
    endpoint_settings = meta.ENDPOINT_SETTINGS
    connection_secrets: ClassVar[Mapping[str, str]] = {
        sending.INSTAGRAM.token: "the Instagram user access token (Instagram Login; Deskwire renews it)",
        meta.PAGE_TOKEN: "or the Page access token of the linked Page (Facebook Login)",
    }
    media_hosts: ClassVar[tuple[str, ...]] = (*meta.MEDIA_HOSTS, "cdninstagram.com")
    offers = meta_inbox.OFFERS
    terms = Terms(
        sending={
            Visibility.PUBLIC: PUBLIC,
            Visibility.PRIVATE: Sending(
                text=Figure(TextLimit(1000, Unit.BYTES, pieces=5), MESSAGING, meta.CHECKED),
                files=Figure(meta_inbox.FILES, MESSAGING, meta.CHECKED),
                windows=meta_inbox.windows(MESSAGING),
            ),
        },
        private_reply=meta_inbox.private_reply(
            Figure(TextLimit(1000, Unit.BYTES), MESSAGING, meta.CHECKED),
            PRIVATE_REPLIES,
            PACE,
        ),
        kinds={deliveries.LIVE: LIVE, deliveries.MENTION: MENTION},
        body_limit=meta.BODY_LIMIT,
        deadline=Figure(timedelta(seconds=5), meta.WEBHOOKS, meta.CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=36), meta.WEBHOOKS, meta.CHECKED),
        api_version=meta.API_VERSION,
        sunset=meta.SUNSET,
        figures={
            "private_replies": Figure(1, PRIVATE_REPLIES, meta.CHECKED),
            "texts_a_second": Figure(300, meta.SENDING, meta.CHECKED),
        },
    )

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        return meta.handshake(request, secrets)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return meta.delivered_at(request)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        # The object is `instagram`; `page` is Messenger's and Facebook's.
        return deliveries.read(request)

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Return the event with its author and words; a mention's webhook has ids alone.

        Instagram Login documents no look-up of mentions, and a post may be hidden by now: the ticket then has the ids.
        """
        mention = event.keep.get("mention", "")
        by = meta.PAGE if mention else sending.login(reach)
        path, fields = _lookup(event, mention)
        found = meta.ask(path, fields, reach, what="reading it", login=by) if reach.secrets.has(by.token) else None
        if found is None:
            return replace(event, complete=True, text=line(event.text, (), _nothing(mention)))
        if mention:
            found = found[f"mentioned_{mention}"]
        author = event.author or deliveries.commenter(found["from"]) or deliveries.named(found["username"])
        text = event.text or found["text"].text("") or found["caption"].text("")
        return replace(
            event,
            complete=True,
            author=author,
            own=event.own or (author is not None and author.id == event.account),
            text=line(text, (), _nothing(mention)),
            occurred_at=meta.moment(found["timestamp"]) or event.occurred_at,
            facts={**event.facts, **filled({"Link": found["permalink"].text("")})},
        )

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the person's name and handle; Instagram tells them of people who have written privately."""
        if author.handle:
            return author
        try:
            found = meta.ask((author.id,), "name,username", reach, what="asking for a name", login=sending.login(reach))
        except DeskwireError:  # a name is a nicety, the next sending will tell what is wrong
            return author
        if found is None:
            return author
        return replace(author, name=found["name"].text(""), handle=found["username"].text(""))

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Answer a comment or a mention in public, or a comment privately; or write to a person in their window."""
        return sending.send(outgoing, permit, reach)

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Look for our reply under its comment: the same words, not older than `since`."""
        if outgoing.visibility is Visibility.PRIVATE or outgoing.context.get("mention"):
            raise PermanentError(
                "Instagram does not tell whether this went out: look into the app's inbox, or at the post",
                code="unknown",
            )
        answer = sending.asked(
            "GET", (outgoing.thread, "replies"), None, reach, what="looking for our reply",
            by=sending.login(reach), fields="id,text,timestamp,from", limit="50",
        )  # fmt: skip
        for reply in answer["data"].items():
            by = reply["from"]["id"].any_id()
            if by in {"", reach.account} and repeats(reply, "text", outgoing.text, since):
                return Sent((reply["id"].identifier(),))
        return None

    def moderate(self, object_id: str, reach: Reach, *, hidden: bool) -> None:
        """Hide a comment on a post of the account's, or show it.

        https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-comment
        """
        by = sending.login(reach)
        call = meta.graph_request(by, "POST", (object_id,), None, reach, hide="true" if hidden else "false")
        meta.accepted(reach.http(call), what="hiding a comment", token=by.token)

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, reach)


def _lookup(event: Event, mention: str) -> tuple[tuple[str, ...], str]:
    """Return the path and the fields that tell what a webhook did not."""
    if mention == "comment":
        return (event.account,), f"mentioned_comment.comment_id({event.object_id}){{text,timestamp,username}}"
    if mention == "media":
        wanted = "caption,timestamp,username,permalink"
        return (event.account,), f"mentioned_media.media_id({event.object_id}){{{wanted}}}"
    return (event.object_id,), "from,text,timestamp,username"


def _nothing(mention: str) -> str:
    return f"{'a mention' if mention else 'a comment without words'}: look at it on Instagram"

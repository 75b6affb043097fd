"""X: posts that mention, answer or quote the account, and direct messages.

Set-up: register this endpoint's address with `POST /2/webhooks` (app bearer token; no port, no redirect), then for each
account `POST /2/activity/subscriptions` with the event types `post.mention.create`, `post.reply.create`,
`post.quote.create`, `post.delete`, `dm.received`, `dm.sent`, `chat.received` and `oauth.revoke`, under OAuth 1.0a of
that account; `deskwire apply` does both. Every delivered event is billed, the account's own `post.create` too. The
deprecated Account Activity API and Filtered Stream webhooks come to the same address and are read as well; a stream's
rule names the account it is for at the head of its tag. https://docs.x.com/x-api/webhooks/quickstart
https://docs.x.com/x-api/activity/introduction

Signature: `x-twitter-webhooks-signature`, "sha256=" and base64 of HMAC-SHA256 of the raw body under the app's consumer
secret. The handshake (CRC) signs a token with the SAME key, so only tokens of a narrow, opaque shape are signed: else
a stranger could have a body of his own signed. https://docs.x.com/x-api/webhooks/introduction

Secrets: endpoint `consumer_secret`; connection `consumer_key`, `consumer_secret`, `access_token`, `access_token_secret`
(OAuth 1.0a with read, write and direct messages: these tokens do not expire; those of OAuth 2.0 last two hours).
https://docs.x.com/fundamentals/authentication/oauth-1-0a/obtaining-user-access-tokens

Limits: 280 weighted characters in public; no length is given for direct messages (10,000 before v2); no window;
no idempotency key; 10 seconds to answer. Self-serve apps may answer only who summoned the account (mention or quote),
automatically at most once; a link makes a post 13 times as dear. No word of a customer's deletion.
https://docs.x.com/x-api/fundamentals/rate-limits https://docs.x.com/changelog
"""

from __future__ import annotations

import base64
import hmac
import html
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlencode

from deskwire.contracts.channel import Channel, each, in_turn, newest
from deskwire.contracts.terms import Figure, Pace, Permit, Sending, Terms, TextLimit, ThreadKind, Unit, Window
from deskwire.families import oauth1
from deskwire.model.errors import DeskwireError, PayloadError, PermanentError, SignatureError, TemporaryError
from deskwire.model.events import Author, Event, Unreadable, Visibility
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import replace
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import Node, read
from deskwire.web.request import Response
from deskwire.web.rest import Answer, Call, checked

from . import deliveries as deliveries
from .files import PICTURES

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request

API: Final = "https://api.x.com"
UPLOAD: Final = "/2/media/upload"
CHECKED: Final = date(2026, 11, 21)
WEBHOOKS: Final = "https://docs.x.com/x-api/webhooks/introduction"
COUNTING: Final = "https://docs.x.com/fundamentals/counting-characters"
MANAGE_DMS: Final = "https://docs.x.com/x-api/direct-messages/manage/introduction"
POSTING: Final = "https://developer.x.com/en/docs/x-api/tweets/manage-tweets"
WHISPERING: Final = (
    "https://developer.x.com/en/docs/x-api/direct-messages/manage/api-reference/"
    "post-dm_conversations-with-participant_id-messages"
)
PICTURING: Final = "https://docs.x.com/x-api/media/quickstart/best-practices"
PICTURED: Final = date(2026, 11, 29)
QUARTER: Final = timedelta(minutes=15)
AUTOMATION: Final = "https://docs.x.com/changelog"

# No grammar of the token is published; this is what was seen, and what no JSON object can look like
# (github.com/vercel/chat, pull request 775). If X changes it, refusals are counted under an alarm.
TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{16,128}")

# X answers 403 both for what the app lacks and for what the customer does not allow, told apart by its words only
# (as seen by users: gptme-contrib pull request 811 for the first; the others likewise, not documented).
REFUSALS: Final = (
    ("not been mentioned", "not-summoned", "X lets us answer only who mentioned or quoted us"),
    ("restricted who can reply", "replies-restricted", "the author restricted who may reply"),
    ("deleted or not visible", "gone", "the post is gone or hidden from the account"),
    ("protected their", "gone", "the post is gone or hidden from the account"),
    ("duplicate content", "duplicate", "X refused the text as a duplicate"),
    ("cannot send messages to this user", "dm-refused", "the person takes no direct messages from the account"),
    ("permission to dm", "dm-refused", "the person takes no direct messages from the account"),
    ("cannot send messages to users who are not following", "dm-refused", "the person takes no direct messages"),
    ("been blocked from", "blocked", "the person has blocked the account"),
    ("is too long", "too-long", "X refused the text as too long: shorten it"),
    ("a bit shorter", "too-long", "X refused the text as too long: shorten it"),
)  # fmt: skip


class X(Channel):
    """The connector. A thread is a public conversation, or `dm-` and the other participant."""

    name = "x"
    title = "X"
    verification = HmacHeader(
        header="x-twitter-webhooks-signature", secret="consumer_secret", encoding="base64", prefix="sha256=",  # noqa: S106
        handshake=TOKEN,
    )  # fmt: skip
    endpoint_secrets: ClassVar = {"consumer_secret": "the app's consumer secret (API key secret)"}
    connection_secrets: ClassVar = {
        "consumer_key": "the app's consumer key (API key)",
        "consumer_secret": "the app's consumer secret (API key secret)",
        "access_token": "the account's OAuth 1.0a access token",
        "access_token_secret": "the account's OAuth 1.0a access token secret",
    }
    # Direct messages' media lie elsewhere and take the account's OAuth 2.0 consent: they are only named.
    media_hosts: ClassVar[tuple[str, ...]] = ("pbs.twimg.com", "video.twimg.com")
    known_gaps: ClassVar[dict[str, str]] = {
        "C19": "direct messages of the API v2 have no buttons: a question is answered by a number"
    }
    terms = Terms(
        sending={
            Visibility.PUBLIC: Sending(
                text=Figure(TextLimit(280, Unit.WEIGHTED), COUNTING, CHECKED),
                files=Figure(PICTURES, PICTURING, PICTURED, confirmed=False),
                # The pages of both calls; a newer table of all rates says less for some plans, so X's 429 still counts.
                pace=Figure(Pace("posts", 200, QUARTER), POSTING, CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, AUTOMATION, CHECKED),
                        # Only who summoned the account: the event's `no_automatic_reply` says who did not.
                        automatic=Figure(True, AUTOMATION, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
            Visibility.PRIVATE: Sending(
                text=Figure(TextLimit(10_000, Unit.CHARACTERS), MANAGE_DMS, CHECKED, confirmed=False),
                files=Figure(PICTURES, PICTURING, PICTURED, confirmed=False),
                pace=Figure(Pace("direct messages", 200, QUARTER), WHISPERING, CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, MANAGE_DMS, CHECKED, confirmed=False),
                        automatic=Figure(True, MANAGE_DMS, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        kinds={deliveries.ENCRYPTED: ThreadKind(refusal="an encrypted chat can be answered in X only")},
        body_limit=Figure(4 * 1024 * 1024, WEBHOOKS, CHECKED, confirmed=False),  # X states none
        deadline=Figure(timedelta(seconds=10), WEBHOOKS, CHECKED),
        # No retries are documented; a replay reaches back 24 hours.
        redelivery=Figure(
            timedelta(hours=24), "https://docs.x.com/x-api/webhooks/create-replay-job-for-webhook", CHECKED
        ),
        api_version=Figure("2", "https://docs.x.com/x-api/introduction", CHECKED),
        figures={"handshake_grace": Figure(timedelta(hours=28), WEBHOOKS, CHECKED)},
    )

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        """Answer the CRC: `{"response_token": "sha256=…"}`; sign nothing that could be a delivery's body."""
        if request.method != "GET" or "crc_token" not in request.query:
            return None
        token = request.parameter("crc_token")
        if not TOKEN.fullmatch(token):
            raise SignatureError("crc_token is of no shape that is signed: a body could be signed so")
        secret = secrets.one("consumer_secret")
        signature = base64.b64encode(hmac.digest(secret.encode(), token.encode(), "sha256")).decode()
        return Response.json(200, {"response_token": f"sha256={signature}"})

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        """Return the newest time of what happened: X names none of the delivery, and repeats it for a day at most."""
        return newest(events)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        body = read(request.body).object()
        if body["data"]["event_type"]:
            yield from deliveries.activity(body["data"])
        elif "matching_rules" in body:
            yield from deliveries.streamed(body)
        elif "user_event" in body:
            yield deliveries.revoked(body)
        elif "replay_job_status" in body:
            yield deliveries.replayed(body["replay_job_status"])
        elif "for_user_id" in body:
            for name, items in deliveries.lists(body).items():
                yield from each(items, lambda item, name=name: deliveries.account_activity(body, item, name))  # type: ignore[misc]
        else:
            raise PayloadError("the delivery is of no envelope that X documents")

    # ------------------------------------------------------------------------------------------------- sending

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Post a reply, or a direct message; a text over the limit is refused, an agent shortens it."""
        from deskwire.care.measure import measure

        from . import files

        if measure(outgoing.text, permit.limit.unit) > permit.limit.most:
            raise PermanentError(f"the text is longer than {permit.limit.most} characters as X counts", code="too-long")
        public = outgoing.visibility is Visibility.PUBLIC
        if public and len(outgoing.attachments) > files.IN_A_POST:
            raise PermanentError(f"a post on X holds {files.IN_A_POST} pictures at most", code="attachment")

        def upload(picture: object) -> Node:
            what = "uploading a picture to X"
            return self._asked("POST", UPLOAD, reach, payload=picture, what=what)

        pictures = files.uploaded(outgoing, reach, upload, category="tweet_image" if public else "dm_image")
        if public:
            what = "replying on X"
            answer = self._asked("POST", "/2/tweets", reach, payload=files.post(outgoing, pictures), what=what)
            return Sent((_named(answer, "id", what),))
        path = f"/2/dm_conversations/with/{_participant(outgoing)}/messages"

        def sender(body: object) -> Callable[[], str]:
            what = "sending a direct message on X"
            return lambda: _named(self._asked("POST", path, reach, payload=body, what=what), "dm_event_id", what)

        return Sent(in_turn([sender(body) for body in files.messages(outgoing, pictures)]))

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Look through what the account wrote since then: X takes no idempotency key.

        The text and the place tell it, for nothing of ours comes back. Reading is billed, so one page is read.
        """
        public = outgoing.visibility is Visibility.PUBLIC
        path = (
            f"/2/users/{reach.account}/tweets" if public
            else f"/2/dm_conversations/with/{_participant(outgoing)}/dm_events"
        )  # fmt: skip
        start = since.astimezone(UTC).replace(microsecond=0)
        # The guides say `tweet.fields`, X's OpenAPI file of August 2026 `post.fields`.
        query = (
            {"start_time": f"{start:%Y-%m-%dT%H:%M:%SZ}", "exclude": "retweets", "max_results": "100",
             "tweet.fields": "created_at,conversation_id,entities,referenced_tweets"}
            if public
            else {"event_types": "MessageCreate", "max_results": "20", "dm_event.fields": "created_at,sender_id,text"}
        )  # fmt: skip
        found = self._asked("GET", path, reach, query=query, what="looking whether it was sent on X")
        for item in found["data"].items():
            moment = item["created_at"].iso()
            here = _answers(item, outgoing) if public else item["sender_id"].identifier("") == reach.account
            if here and (moment is None or moment >= start) and _alike(item, outgoing.text):
                return Sent((item["id"].identifier(),))
        return None

    def moderate(self, object_id: str, reach: Reach, *, hidden: bool) -> None:
        """Hide a reply in a conversation that the account began, or show it: it then lies behind “hidden replies”.

        50 requests in a quarter of an hour. How X refuses one in another's conversation is not documented: any 403 is
        taken for that. https://docs.x.com/x-api/posts/hide-replies/quickstart
        """
        answer = self._asked(
            "PUT", f"/2/tweets/{object_id}/hidden", reach, payload={"hidden": hidden}, what="hiding a reply on X",
            forbidden="X hides replies in conversations that the account began, and no others",
        )  # fmt: skip
        try:
            done = answer["data"]["hidden"].truth() is hidden
        except PayloadError:
            if answer["errors"]:
                raise PermanentError("hiding a reply on X: X answered with an error", status=200) from None
            raise TemporaryError("hiding a reply on X: the answer does not say so", ambiguous=True) from None
        if not done:
            raise PermanentError("hiding a reply on X: X did not do it", status=200)

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the author with name and handle: the webhook often comes without."""
        if not author.id.isdigit():
            return author
        try:
            query = {"user.fields": "name,username"}
            found = self._asked("GET", f"/2/users/{author.id}", reach, query=query, what="asking X who wrote")["data"]
            return Author(author.id, found["name"].text(author.name), found["username"].text(author.handle))
        except DeskwireError:
            return author

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(
            site,
            reach,
            lambda payload: self._asked(
                "POST", "/2/activity/subscriptions", reach, payload=payload, what="subscribing at X"
            ),
        )

    def _asked(
        self, method: str, path: str, reach: Reach, *, what: str,
        query: dict[str, str] | None = None, payload: object = None, forbidden: str = "",
    ) -> Node:  # fmt: skip
        url = f"{API}{path}" + (f"?{urlencode(query)}" if query else "")
        from secrets import token_hex

        names = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
        credentials = oauth1.Credentials(*(reach.secrets.one(name) for name in names))
        signed = oauth1.authorization(
            method, url, credentials, nonce=token_hex(16), timestamp=int(reach.now.timestamp())
        )
        headers = {"Authorization": signed}
        call = Call(method, url, headers) if payload is None else Call.json(method, url, payload, headers=headers)
        if path == UPLOAD:  # nobody sees it yet, so it may arrive twice
            call = replace(call, safe=True)
        return _settled(reach.http(call), what=what, forbidden=forbidden)


def _participant(outgoing: Outgoing) -> str:
    kind, _, number = outgoing.thread.partition("-")
    if kind != "dm" or not (number.isascii() and number.isdigit()):
        raise PermanentError("the thread is no direct message of X", code="thread")
    return number


# The codes of the older API, which still come with some refusals.
# https://developer.x.com/en/support/x-api/error-troubleshooting (as archived by users; no longer published)
CODES: Final = {
    63: ("gone", "the person's own account is suspended"),
    136: ("blocked", "the person has blocked the account"),
    144: ("gone", "the post is gone or hidden from the account"),
    150: ("dm-refused", "the person takes no direct messages from the account"),
    179: ("gone", "the post is gone or hidden from the account"),
    186: ("too-long", "X refused the text as too long: shorten it"),
    187: ("duplicate", "X refused the text as a duplicate"),
    349: ("dm-refused", "the person takes no direct messages from the account"),
    385: ("gone", "the post is gone or hidden from the account"),
    433: ("replies-restricted", "the author restricted who may reply"),
}
HINT: Final = "the app's permissions and the account's access token"


def _settled(answer: Answer, *, what: str, forbidden: str = "") -> Node:
    """Return X's answer; raise for an error what happens next. Its words are looked at and never passed on.

    `forbidden` is what any other 403 means, where it does not speak of the app.
    """
    if answer.status == 403:
        if known := next((CODES[code] for code in _codes(answer) if code in CODES), None):
            raise PermanentError(f"{what}: {known[1]}", status=403, code=known[0])
        words = answer.body.decode("utf-8", "replace").lower()
        for part, code, meaning in REFUSALS:
            if part in words:
                raise PermanentError(f"{what}: {meaning}", status=403, code=code)
        if forbidden:
            raise PermanentError(f"{what}: {forbidden}", status=403, code="forbidden")
    return checked(answer, what=what, secret_hint=HINT).node()


def _codes(answer: Answer) -> list[int]:
    """Return the numbers of the errors that an answer holds."""
    try:
        return [error["code"].number(0) for error in read(answer.body)["errors"].items()]
    except PayloadError:
        return []


def _named(answer: Node, name: str, what: str) -> str:
    """Return the id of what was made. A 2xx may hold `errors` and no `data` (X, "Partial errors")."""
    try:
        return answer["data"][name].identifier()
    except PayloadError:
        if answer["errors"]:
            raise PermanentError(f"{what}: X answered with an error and no id", status=200) from None
        raise TemporaryError(f"{what}: the answer names no {name}", ambiguous=True) from None


def _answers(post: Node, outgoing: Outgoing) -> bool:
    """Tell whether a post of ours answers the same post (or, where X does not say, stands in the conversation)."""
    references = post["referenced_tweets"] or post["referenced_posts"]
    if references:
        target = outgoing.reply_to or outgoing.thread
        return any(item["id"].identifier("") == target for item in references.items())
    return post["conversation_id"].identifier(outgoing.thread) == outgoing.thread


def _alike(item: Node, text: str) -> bool:
    """Compare the words: X adds mentions at the head and a picture's link at the end, shortens links, escapes."""
    return _bare(item["text"].text("")) in {_bare(text), f"{_bare(text)} ↗".strip()}


def _bare(text: str) -> str:
    import unicodedata

    plain = re.sub(r"https?://\S+", "↗", html.unescape(text))
    return " ".join(re.sub(r"^(@\w+\s+)+", "", unicodedata.normalize("NFC", plain)).split())

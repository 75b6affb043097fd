"""X as its documentation says: the API that we call, and what it delivers when somebody writes.

    with X(clock) as x:
        rosa = x.person("rosa_m", "Rosa M.")
        bodies = x.writes(rosa, "@NorthwindCare my parcel is lost")   # the deliveries that X makes of it
        …
        assert x.sent["2094000000000000001"] == ["We are looking."]   # what the public sees, by conversation

`writes` and `whispers` keep the world's books and return one body for each event that fires, several for one post
(mention + reply + quote), as X does; signing, sending and repeating is `sandbox.sender`'s. Strict: OAuth 1.0a is
recomputed, nonces are used once, replies go to who summoned the account (self-serve rule), texts keep 280 weighted
characters, equal texts in a row are refused, rates are kept.
"""

from __future__ import annotations

import base64
import hmac
import html
import http.client
import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from deskwire.care.measure import measure
from deskwire.contracts.terms import Unit
from deskwire.families import oauth1
from deskwire.model.secret import Secret
from sandbox.neighbours.neighbour import Neighbour, Reply, route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.neighbours.neighbour import Asked, Clock

ACCOUNT = "900000000000000010"
HANDLE = "NorthwindCare"
BEARER = "demo-app-bearer-77aa"
SECRETS = {
    "consumer_key": "x_consumer_key_example",
    "consumer_secret": "x_consumer_secret_example",
    "access_token": f"{ACCOUNT}-x_access_token_example",
    "access_token_secret": "x_access_token_secret_example",
}
FIRST = 2094000000000000000  # ids grow; nothing else is promised of them
QUARTER = timedelta(minutes=15)
DAY = timedelta(hours=24)
# https://docs.x.com/x-api/fundamentals/rate-limits (requests of one user)
RATES: dict[tuple[str, str], tuple[tuple[int, timedelta], ...]] = {
    ("POST", "tweets"): ((100, QUARTER),),
    ("POST", "messages"): ((15, QUARTER), (1440, DAY)),
    ("GET", "dm_events"): ((15, QUARTER),),
    ("GET", "tweets"): ((900, QUARTER),),
    ("GET", "users"): ((900, QUARTER),),
    ("PUT", "hidden"): ((50, QUARTER),),
}
OAUTH = re.compile(r'(oauth_[a-z_]+)="([^"]*)"')
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
article{border:1px solid #d9d9d9;border-radius:12px;padding:.75rem 1rem;margin:.5rem 0}.own{background:#eef6ff}
.reply{margin-inline-start:2rem}small{color:#666}p{margin:.25rem 0;white-space:pre-wrap}"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on X. `open`: takes direct messages from anybody."""

    id: str
    handle: str
    name: str
    open: bool = True

    def user(self) -> dict[str, Any]:
        """Return the user object of v2 (what a connector may look at)."""
        return {
            "id": self.id, "username": self.handle, "name": self.name, "verified": False,
            "profile_image_url": f"https://pbs.twimg.com/profile_images/{self.id}/a_normal.jpg",
        }  # fmt: skip


@dataclass(slots=True)
class Post:
    """One post, or one version of it."""

    id: str
    author: Person
    text: str
    at: datetime
    conversation: str
    reply_to: str = ""
    quoted: str = ""
    history: list[str] = field(default_factory=list)
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Whisper:
    """One direct message."""

    id: str
    sender: str
    recipient: str
    text: str
    at: datetime


def stamp(moment: datetime) -> str:
    """Return a time as v2 writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def milliseconds(moment: datetime) -> str:
    """Return a time as v1.1 writes it, a string."""
    return str(int(moment.timestamp() * 1000))


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> Reply:
    """Return an error as X writes it."""
    return Reply.json(status, {"title": title, "detail": detail, "type": kind, "status": status})


INVALID = problem(400, "Invalid Request", "One or more parameters to your request was invalid.")


def _app_only(asked: Asked) -> Reply | None:
    known = asked.header("authorization") == f"Bearer {BEARER}"
    return None if known else problem(401, "Unauthorized", "Unauthorized")


class X(Neighbour):
    """The platform. `summoning`: the self-serve rule of February 2026 holds (Enterprise is exempt)."""

    name: ClassVar[str] = "x"

    def __init__(
        self, clock: Clock | None = None, *, port: int = 0, summoning: bool = True, strict: bool = True
    ) -> None:
        """Begin with the care account alone; `strict=False` leaves out the rates (for a demo's crowd)."""
        super().__init__(clock, port=port)
        self.care = Person(ACCOUNT, HANDLE, "Northwind Care")
        self.people: dict[str, Person] = {ACCOUNT: self.care}
        self.posts: dict[str, Post] = {}
        self.hidden: set[str] = set()  # posts that lie behind “hidden replies”
        self.whispered: list[Whisper] = []
        self.sent: dict[str, list[str]] = defaultdict(list)  # conversation, or dm-<person> -> texts, in order
        self._summoning, self._strict = summoning, strict
        self.webhooks: list[dict[str, Any]] = []
        self.subscriptions: list[dict[str, Any]] = []
        self.pictures: dict[str, tuple[str, bytes]] = {}  # that were uploaded, each with its category
        self.shown: dict[str, list[str]] = {}  # the pictures of a post or a message
        self.checks: Callable[[str], bool] = self.challenge  # whether an address answers the CRC
        self._count = 0
        self._nonces: set[str] = set()
        self._asked: dict[str, list[datetime]] = defaultdict(list)

    def _number(self) -> str:
        self._count += 1
        return str(FIRST + self._count)

    # --------------------------------------------------------------------------------------- what people do

    def person(self, handle: str, name: str, *, takes_messages: bool = True) -> Person:
        """Return a new person."""
        with self.lock:
            found = Person(str(900000000000000700 + len(self.people)), handle, name, takes_messages)
            self.people[found.id] = found
            return found

    def writes(
        self, who: Person, text: str, *, reply_to: str = "", quote_of: str = "", includes: bool = True
    ) -> list[dict[str, Any]]:
        """Let somebody post; return the deliveries that the account's subscriptions make of it, maybe none."""
        with self.lock:
            answered = self.posts.get(reply_to)
            number = self._number()
            conversation = answered.conversation if answered else reply_to or number
            post = Post(number, who, text, self.clock.now(), conversation, reply_to, quote_of, [number])
            self.posts[number] = post
            return [self._delivery(what, post, includes=includes) for what in self._fires(post)]

    def edits(self, original: str, text: str) -> list[dict[str, Any]]:
        """Let an author edit: a new post id, the history grows. X allows five within the hour."""
        with self.lock:
            before = self.posts[original]
            number = self._number()
            history = [*before.history, number]
            post = Post(
                number,
                before.author,
                text,
                self.clock.now(),
                before.conversation,
                before.reply_to,
                before.quoted,
                history,
            )
            self.posts[number] = post
            return [self._delivery(what, post) for what in self._fires(post)]

    def removes(self, number: str) -> list[dict[str, Any]]:
        """Let a post be deleted: X tells us of the account's own only."""
        with self.lock:
            post = self.posts[number]
            post.gone = True
            if post.author.id != ACCOUNT:
                return []
            return [self.envelope("post.delete", {"id": number, "author_id": ACCOUNT})]

    def whispers(self, who: Person, text: str, *, attachment: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Let somebody write a direct message to the account; return the delivery."""
        with self.lock:
            said = Whisper(self._number(), who.id, ACCOUNT, text, self.clock.now())
            self.whispered.append(said)
            return [self._private("dm.received", said, attachment)]

    def _fires(self, post: Post) -> Iterator[str]:
        if post.author.id == ACCOUNT:
            yield "post.create"
            return
        if f"@{HANDLE}".lower() in post.text.lower():
            yield "post.mention.create"
        if post.reply_to in self.posts and self.posts[post.reply_to].author.id == ACCOUNT:
            yield "post.reply.create"
        if post.quoted in self.posts and self.posts[post.quoted].author.id == ACCOUNT:
            yield "post.quote.create"

    # ------------------------------------------------------------------------------------- what X delivers

    def envelope(
        self, what: str, payload: dict[str, Any], includes: dict[str, Any] | None = None, *, tag: str = ""
    ) -> dict[str, Any]:
        """Return one delivery of the Activity API; the delivery's id is new each time and may be negative."""
        data: dict[str, Any] = {
            "event_uuid": str(-int(self._number())), "filter": {"user_id": ACCOUNT}, "event_type": what,
            "tag": tag or "care", "payload": payload, "includes": includes or {},
        }  # fmt: skip
        return {"data": data}

    def _delivery(self, what: str, post: Post, *, includes: bool = True) -> dict[str, Any]:
        users = {"users": [post.author.user()]} if includes else {}
        return self.envelope(what, self.payload(post), users)

    def payload(self, post: Post) -> dict[str, Any]:
        """Return a post in v2's shape."""
        text = html.escape(post.text, quote=False)
        found: dict[str, Any] = {
            "id": post.id, "conversation_id": post.conversation, "author_id": post.author.id,
            "created_at": stamp(post.at), "text": text, "lang": "und", "reply_settings": "everyone",
            "edit_history_tweet_ids": list(post.history), "possibly_sensitive": False,
            "edit_controls": {"edits_remaining": 6 - len(post.history), "is_edit_eligible": True,
                              "editable_until": stamp(post.at + timedelta(hours=1))},
        }  # fmt: skip
        references = []
        if post.reply_to:
            found["in_reply_to_tweet_id"] = post.reply_to
            references.append({"type": "replied_to", "id": post.reply_to})
        if post.quoted:
            references.append({"type": "quoted", "id": post.quoted})
        if references:
            found["referenced_tweets"] = references
        mentions = [
            {"start": match.start(), "end": match.end(), "username": HANDLE, "id": ACCOUNT}
            for match in re.finditer(f"@{HANDLE}", text)
        ]
        if mentions:
            found["entities"] = {"mentions": mentions}
        return found

    def _private(self, what: str, said: Whisper, attachment: dict[str, Any] | None = None) -> dict[str, Any]:
        data: dict[str, Any] = {
            "text": html.escape(said.text, quote=False),
            "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
        }
        if attachment:
            data["attachment"] = attachment
        message = {"target": {"recipient_id": said.recipient}, "sender_id": said.sender, "message_data": data}
        event = {
            "type": "message_create", "id": said.id, "created_timestamp": milliseconds(said.at),
            "message_create": message,
        }  # fmt: skip
        users = {each: {"data": self.people[each].user()} for each in (said.sender, said.recipient)}
        return self.envelope(what, {"direct_message_events": [event], "users": users})

    def echo(self, number: str) -> list[dict[str, Any]]:
        """Return the delivery of what the account itself wrote (`post.create`, `dm.sent`)."""
        with self.lock:
            if number in self.posts:
                return [self._delivery("post.create", self.posts[number])]
            return [self._private("dm.sent", said) for said in self.whispered if said.id == number]

    def challenge(self, address: str, token: str = "NGMzYWE1ZWYtMDcxYS00ZDI1LTk5YzE") -> bool:  # noqa: S107
        """Ask a registered address for the CRC and tell whether the answer is right.

        X waits for three seconds. Here it waits for as long as an emulated AWS on a busy machine may need.
        """
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request("GET", f"{parts.path}?{urlencode({'crc_token': token})}")
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        key = SECRETS["consumer_secret"].encode()
        wanted = "sha256=" + base64.b64encode(hmac.digest(key, token.encode(), "sha256")).decode()
        return answer.status == 200 and bool(json.loads(body)["response_token"] == wanted)

    # ------------------------------------------------------------------------------------------ what we ask

    def authorize(self, asked: Asked) -> Reply | None:
        """Recompute the signature; a nonce counts once, a stamp five minutes."""
        given = dict(OAUTH.findall(asked.header("authorization")))
        try:
            nonce, when = given["oauth_nonce"], int(given["oauth_timestamp"])
            host = asked.header("host")
        except (KeyError, ValueError):
            return problem(401, "Unauthorized", "Unauthorized")
        query = "?" + urlencode([(name, value) for name, values in asked.query.items() for value in values])
        url = f"https://{host}{asked.path}" + (query if asked.query else "")
        keys = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
        wanted = oauth1.authorization(
            asked.method, url, oauth1.Credentials(*(Secret(SECRETS[key]) for key in keys)), nonce=nonce, timestamp=when
        )
        late = abs((self.clock.now() - datetime.fromtimestamp(when, UTC)).total_seconds()) > 300
        if late or nonce in self._nonces or not hmac.compare_digest(wanted, asked.header("authorization")):
            return problem(401, "Unauthorized", "Unauthorized")
        self._nonces.add(nonce)
        return None

    def admit(self, asked: Asked) -> Reply | None:
        """Keep the rates of https://docs.x.com/x-api/fundamentals/rate-limits."""
        parts = asked.path.strip("/").split("/")
        kind = parts[-1] if not parts[-1].isdigit() else parts[1]
        now = self.clock.now()
        seen = self._asked[f"{asked.method} {kind}"]
        for most, span in RATES.get((asked.method, kind), ()) if self._strict else ():
            recent = [when for when in seen if now - when < span]
            if len(recent) >= most:
                reset = str(int((recent[0] + span).timestamp()))
                headers = {"x-rate-limit-limit": str(most), "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
                reply = problem(429, "Too Many Requests", "Too Many Requests")
                return Reply(reply.status, reply.body, {**reply.headers, **headers})
        seen.append(now)
        return None

    # ------------------------------------------------------------------------ the app's webhooks and subscriptions

    @route("POST", "/oauth2/token", public=True)
    def app_token(self, asked: Asked) -> Reply:
        """Give the app's bearer token for its key and secret."""
        pair = f"{SECRETS['consumer_key']}:{SECRETS['consumer_secret']}".encode()
        if asked.header("authorization") != f"Basic {base64.b64encode(pair).decode()}":
            return problem(403, "Forbidden", "Unable to verify your credentials")
        return Reply.json(200, {"token_type": "bearer", "access_token": BEARER})

    @route("GET", "/2/webhooks", public=True)
    @route("POST", "/2/webhooks", public=True)
    def app_webhooks(self, asked: Asked) -> Reply:
        """Show the app's webhooks, or register one: one alone, after its CRC."""
        if (refused := _app_only(asked)) is not None:
            return refused
        if asked.method == "GET":
            return Reply.json(200, {"data": self.webhooks, "meta": {"result_count": len(self.webhooks)}})
        url = str((asked.json() or {}).get("url", ""))
        if self.webhooks:
            return problem(400, "Invalid Request", "WebhookLimitExceeded")
        if not self.checks(url):
            return problem(400, "Invalid Request", "CrcValidationFailed")
        made = {"id": "1890000000000000001", "url": url, "valid": True, "created_at": stamp(self.clock.now())}
        self.webhooks.append(made)
        return Reply.json(200, {"data": made})

    @route("PUT", "/2/webhooks/{number}", public=True)
    def app_webhook(self, asked: Asked, number: str) -> Reply:
        """Check a webhook's CRC again."""
        if (refused := _app_only(asked)) is not None:
            return refused
        for webhook in self.webhooks:
            if webhook["id"] == number:
                webhook["valid"] = self.checks(webhook["url"])
                return Reply.json(200, {"data": {"valid": webhook["valid"]}})
        return problem(404, "Not Found", "WebhookIdInvalid")

    @route("GET", "/2/activity/subscriptions", public=True)
    def app_subscriptions(self, asked: Asked) -> Reply:
        """Show the app's subscriptions, a page at a time."""
        if (refused := _app_only(asked)) is not None:
            return refused
        start, most = int(asked.parameter("pagination_token", "0")), int(asked.parameter("max_results", "10"))
        page = self.subscriptions[start : start + most]
        meta: dict[str, Any] = {"result_count": len(page)}
        if start + most < len(self.subscriptions):
            meta["next_token"] = str(start + most)
        return Reply.json(200, {"data": page, "meta": meta})

    @route("POST", "/2/activity/subscriptions")
    def app_subscribe(self, asked: Asked) -> Reply:
        """Subscribe the account to an event, once."""
        wanted = asked.json() or {}
        if any(each["event_type"] == wanted.get("event_type") for each in self.subscriptions):
            return problem(400, "Invalid Request", "DuplicateSubscriptionFailed")
        made = {**wanted, "subscription_id": str(1891000000000000000 + len(self.subscriptions))}
        self.subscriptions.append(made)
        total = {"total_subscriptions": len(self.subscriptions)}
        return Reply.json(200, {"data": {"subscription": made}, "meta": total})

    @route("POST", "/2/media/upload")
    def upload(self, asked: Asked) -> Reply:
        """Take a picture in Base64; it is shown by naming its id."""
        data = asked.json()
        try:
            picture, category = base64.b64decode(data["media"], validate=True), str(data["media_category"])
        except (TypeError, KeyError, ValueError):
            return INVALID
        if category not in {"tweet_image", "dm_image"} or not 0 < len(picture) <= 5 * 1024 * 1024:
            return INVALID
        if data.keys() != {"media", "media_category"}:  # all that the connector needs; `media_type` is not allowed
            return INVALID
        number = self._number()
        self.pictures[number] = (category, picture)
        found = {"id": number, "media_key": f"3_{number}", "size": len(picture), "expires_after_secs": 86400}
        return Reply.json(200, {"data": found})

    def _said(self, data: Any, pictures: Any, category: str, most: int) -> str | None:
        """Return the words of a post or a message, None where they or its pictures are none."""
        text = data.get("text", "") if isinstance(data, dict) else None
        held = pictures if isinstance(pictures, list) else []
        if not isinstance(text, str) or not (text or held) or len(held) > most:
            return None
        return text if all(self.pictures.get(each, ("",))[0] == category for each in held) else None

    @route("POST", "/2/tweets")
    def post(self, asked: Asked) -> Reply:
        """Create a post or a reply."""
        data: Any = asked.json()
        pictures = (data.get("media") or {}).get("media_ids", []) if isinstance(data, dict) else []
        text = self._said(data, pictures, "tweet_image", 4)
        if text is None:
            return INVALID
        target = (data.get("reply") or {}).get("in_reply_to_tweet_id", "")
        if measure(text, Unit.WEIGHTED) > 280:
            return problem(403, "Forbidden", "Your Tweet text is too long.")
        answered = self.posts.get(target)
        if target and (answered is None or answered.gone):
            return problem(403, "Forbidden", "You attempted to reply to a Tweet that is deleted or not visible to you.")
        if answered and self._summoning and not self._summons(answered):
            detail = (
                "Reply to this conversation is not allowed because you have not been mentioned or otherwise"
                " engaged by the author of the post you are replying to."
            )
            return problem(403, "Forbidden", detail)
        mine = [each for each in self.posts.values() if each.author.id == ACCOUNT]
        if any(each.text == text and each.reply_to == target for each in mine[-10:]):
            return problem(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
        number = self._number()
        conversation = answered.conversation if answered else number
        self.posts[number] = Post(number, self.care, text, self.clock.now(), conversation, target, "", [number])
        self.sent[conversation].append(text)
        self.shown[number] = pictures
        return Reply.json(201, {"data": {"id": number, "text": text, "edit_history_tweet_ids": [number]}})

    def _summons(self, post: Post) -> bool:
        quoted = self.posts.get(post.quoted)
        replied = self.posts.get(post.reply_to)
        return (
            f"@{HANDLE}".lower() in post.text.lower()
            or (quoted is not None and quoted.author.id == ACCOUNT)
            # Whether a bare reply to the account's own post summons is not stated; people are let through.
            or (replied is not None and replied.author.id == ACCOUNT)
        )

    @route("PUT", "/2/tweets/{number}/hidden")
    def hide(self, asked: Asked, number: str) -> Reply:
        """Hide a reply in a conversation that the account began, or show it."""
        data, post = asked.json(), self.posts.get(number)
        if not isinstance(data, dict) or not isinstance(data.get("hidden"), bool):
            return INVALID
        began = self.posts.get(post.conversation) if post else None
        if post is None or post.gone or began is None or began.author.id != ACCOUNT or post.id == began.id:
            return problem(403, "Forbidden", "You are not permitted to perform this action.")
        (self.hidden.add if data["hidden"] else self.hidden.discard)(number)
        return Reply.json(200, {"data": {"hidden": data["hidden"]}})

    @route("GET", "/2/users/{user}/tweets")
    def timeline(self, asked: Asked, user: str) -> Reply:
        """List a user's posts, newest first."""
        since = datetime.fromisoformat(asked.parameter("start_time", "2000-01-01T00:00:00Z"))
        fields = asked.parameter("tweet.fields").split(",")
        found = []
        for post in reversed(list(self.posts.values())):
            if post.author.id != user or post.gone or post.at < since:
                continue
            shown: dict[str, Any] = {"id": post.id, "text": self._shown(post), "edit_history_tweet_ids": post.history}
            full = self.payload(post)
            shown |= {name: full[name] for name in fields if name in full}
            found.append(shown)
        found = found[: int(asked.parameter("max_results", "10"))]
        return Reply.json(200, {"meta": {"result_count": len(found)}} | ({"data": found} if found else {}))

    def _shown(self, post: Post) -> str:
        """Return the text as X gives it back: the mention of the answered author at the head, escaped."""
        answered = self.posts.get(post.reply_to)
        head = f"@{answered.author.handle} " if answered and answered.author.id != post.author.id else ""
        link = f" https://t.co/{post.id[-10:]}" if self.shown.get(post.id) else ""
        return html.escape(f"{head}{post.text}{link}", quote=False)

    @route("GET", "/2/users/{user}")
    def user(self, asked: Asked, user: str) -> Reply:
        """Tell who somebody is."""
        del asked
        found = self.people.get(user)
        if found is None:
            error = {
                "resource_id": user, "title": "Not Found Error", "type": "https://api.x.com/2/problems/resource-not-found",
            }  # fmt: skip
            return Reply.json(200, {"errors": [error]})
        return Reply.json(200, {"data": found.user()})

    @route("POST", "/2/dm_conversations/with/{participant}/messages")
    def message(self, asked: Asked, participant: str) -> Reply:
        """Send a direct message."""
        data: Any = asked.json()
        person = self.people.get(participant)
        held = (data.get("attachments") or []) if isinstance(data, dict) else []
        pictures = [str(each.get("media_id")) for each in held if isinstance(each, dict)]
        text = self._said(data, pictures, "dm_image", 1)
        if text is None:
            return INVALID
        if len(text) > 10_000:
            return problem(400, "Invalid Request", "The text field is too long.")
        if person is None or not person.open:
            return problem(403, "Forbidden", "You do not have permission to DM one or more participants.")
        said = Whisper(self._number(), ACCOUNT, participant, text, self.clock.now())
        self.whispered.append(said)
        self.shown[said.id] = pictures
        self.sent[f"dm-{participant}"].append(said.text)
        conversation = "-".join(sorted((ACCOUNT, participant), key=int))
        return Reply.json(201, {"data": {"dm_conversation_id": conversation, "dm_event_id": said.id}})

    @route("GET", "/2/dm_conversations/with/{participant}/dm_events")
    def messages(self, asked: Asked, participant: str) -> Reply:
        """List the messages with somebody, newest first."""
        fields = asked.parameter("dm_event.fields").split(",")
        found = []
        for said in reversed(self.whispered):
            if participant in {said.sender, said.recipient}:
                full = {"created_at": stamp(said.at), "sender_id": said.sender}
                shown = {"id": said.id, "event_type": "MessageCreate", "text": html.escape(said.text, quote=False)}
                found.append(shown | {name: full[name] for name in fields if name in full})
        found = found[: int(asked.parameter("max_results", "100"))]
        return Reply.json(200, {"meta": {"result_count": len(found)}} | ({"data": found} if found else {}))

    # ------------------------------------------------------------------------------------ for a person to see

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show what the public and the people written to see."""
        del asked
        shown = "".join(self._article(post, ordered) for ordered in self._conversations() for post in ordered)
        private = "".join(
            f'<article class="{"own" if said.sender == ACCOUNT else ""}"><small>direct message</small>'
            f'<p dir="auto">{html.escape(said.text)}</p></article>'
            for said in self.whispered
        )
        title = "X, as played here"
        return Reply.html(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f"<h1>{title}</h1>{shown}{private}</html>"
        )

    def _conversations(self) -> list[Sequence[Post]]:
        found: dict[str, list[Post]] = defaultdict(list)
        for post in self.posts.values():
            found[post.conversation].append(post)
        return list(found.values())

    def _article(self, post: Post, conversation: Sequence[Post]) -> str:
        kind = ("own " if post.author.id == ACCOUNT else "") + ("reply" if post is not conversation[0] else "")
        words = "(deleted)" if post.gone else "(hidden)" if post.id in self.hidden else post.text
        return (
            f'<article class="{kind}" id="{quote(post.id)}"><small>{html.escape(post.author.name)}'
            f" @{html.escape(post.author.handle)}, {stamp(post.at)}</small>"
            f'<p dir="auto">{html.escape(words)}</p></article>'
        )

"""Meta as its documentation says: the Graph API for Pages and Messenger, and what it delivers when people write.

    with Meta({"410000000000001": "Northwind Outdoor"}, clock=clock) as meta:
        marta = meta.person("Marta Lindqvist")
        post = meta.posts("410000000000001", "The autumn range is here.")
        said = meta.comments(marta, post.id, "Where is my parcel?")      # Told(id, entry)
        sender.deliver(route, said.entry)                                 # signing, bundling, repeating: sandbox.sender
        …
        assert meta.sent[said.id] == ["It leaves today."]                 # what the public sees, by thread

Every method that plays somebody returns what happened: its id, and the `entry` of a delivery (`bundle` makes a body of
several). What the company posts comes back as an echo, through `echo`, before the company has its answer. Strict: the
page's token, Messenger's windows and tag, lengths, one private reply within seven days, removed objects, the budget of
calls; ids come back in either form, comments on replies land under the root.
"""

from __future__ import annotations

import html
import http.client
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from sandbox.neighbour import Asked, Clock, Neighbour, Reply, route

GRAPH = "graph.facebook.com"
MEDIA = ("scontent.xx.fbcdn.net", "cdn.fbsbx.com")
HOSTS = (GRAPH, *MEDIA)
APP = 1910000000000777  # the app whose tokens and secret these are
INBOX = 263902037430900  # Meta's own inbox, where a person may answer
DAY, WEEK, HOUR = timedelta(hours=24), timedelta(days=7), timedelta(hours=1)
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
article{border:1px solid #d9d9d9;border-radius:12px;padding:.75rem 1rem;margin:.5rem 0}.own{background:#eef6ff}
.reply{margin-inline-start:2rem}small{color:#666}p{margin:.25rem 0;white-space:pre-wrap;unicode-bidi:plaintext}"""


def encode(payload: object) -> bytes:
    r"""Return a body as Meta writes it: lower-case `\u` escapes, also of `@` and `<`, and `\/`."""
    text = json.dumps(payload, separators=(",", ":"))
    return text.replace("/", "\\/").replace("@", "\\u0040").replace("<", "\\u003c").encode()


def bundle(entries: Sequence[Any]) -> bytes:
    """Return the body of one delivery: its entries may be of several pages."""
    return encode({"object": "page", "entry": list(entries)})


class Told(NamedTuple):
    """What happened: the id of the thing, and the entry that tells of it."""

    id: str
    entry: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on Facebook, known to comments by `id` and to each page's inbox by another one (`psid`)."""

    id: str
    name: str

    def psid(self, page: str) -> str:
        """Return the id that this person has in the inbox of a page."""
        return f"249{int(page) % 1000:03d}{int(self.id) % 10**11:011d}"

    def author(self) -> dict[str, str]:
        """Return the person as webhooks and Graph name them."""
        return {"id": self.id, "name": self.name}


@dataclass(slots=True)
class Thing:
    """A post, a comment or a recommendation. `page` is the page whose it is (empty: somebody else's)."""

    id: str
    page: str
    author: Person
    text: str
    at: datetime
    post: str = ""  # of a comment
    parent: str = ""  # of a comment: the post or the root comment
    attachment: dict[str, Any] | None = None
    published: bool = True
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a page's inbox."""

    mid: str
    page: str
    psid: str
    outgoing: bool
    text: str
    at: datetime
    tag: str = ""
    metadata: str = ""


@dataclass(slots=True)
class Conversation:
    """A page's inbox for one person."""

    person: Person
    messages: list[Message] = field(default_factory=list)
    last_inbound: datetime | None = None
    blocked: bool = False


def error(code: int, subcode: int = 0, text: str = "", status: int = 400, kind: str = "OAuthException") -> Reply:
    """Return a refusal in Graph's shape."""
    inner: dict[str, Any] = {"message": f"(#{code}) {text}", "type": kind, "code": code, "fbtrace_id": "AInventedTrace"}
    return Reply.json(status, {"error": inner | ({"error_subcode": subcode} if subcode else {})})


MISSING = "Unsupported request. Object does not exist, cannot be loaded due to missing permissions"


class Meta(Neighbour):
    """Facebook with these pages (id to name). Each page's token is `token(page)`."""

    name: ClassVar[str] = "meta"

    def __init__(
        self, pages: Mapping[str, str], *, clock: Clock | None = None, port: int = 0, budget: int = 4800
    ) -> None:
        """Let each page make `budget` calls an hour."""
        super().__init__(clock, port=port)
        self.pages = dict(pages)
        self.budget = budget
        self.things: dict[str, Thing] = {}
        self.inboxes: dict[tuple[str, str], Conversation] = {}
        self.sent: defaultdict[str, list[str]] = defaultdict(list)  # by root comment, post, story or psid
        self.echo: Callable[[dict[str, Any]], object] | None = None  # takes the entries of the company's own doing
        self._answered: set[str] = set()  # what had its private reply
        self._numbers = itertools.count(993300000000077)
        self._calls: defaultdict[str, list[datetime]] = defaultdict(list)
        self._dead: set[str] = set()

    # ------------------------------------------------------------------------------------------ people and pages

    def token(self, page: str) -> str:
        """Return the page's access token."""
        return f"EAA{page}pageTokenExample"

    def revoke(self, page: str) -> None:
        """Let the page's token die, as when a password changes."""
        self._dead.add(page)

    def person(self, name: str) -> Person:
        """Somebody joins."""
        with self.lock:
            return Person(str(7300000000000000 + next(self._numbers) % 10**11), name)

    def posts(self, page: str, text: str, *, published: bool = True) -> Told:
        """The page itself posts; not `published` is what an ad shows (a dark post)."""
        with self.lock:
            thing = self._keep(Thing(self._post_id(page), page, self._self(page), text, self.clock.now()))
            thing.published = published
            value = {"item": "status", "verb": "add", "published": int(published)}
            return self._told(thing, value)

    def comments(self, who: Person, on: str, text: str, *, photo: str = "", sticker: bool = False) -> Told:
        """Somebody comments on a post, or answers a comment (threads have two levels)."""
        with self.lock:
            thing = self._comment(who, self.things[on], text)
            if photo:
                thing.attachment = {"type": "photo", "media": {"image": {"src": self.media(photo)}}}
            if sticker:  # the webhook does not show it
                thing.attachment = {"type": "sticker", "media": {"image": {"src": self.media("sticker.png")}}}
            return self._told(
                thing, {"item": "comment", "verb": "add"} | ({"photo": self.media(photo)} if photo else {})
            )

    def visits(self, who: Person, page: str, text: str) -> Told:
        """Somebody posts on the page."""
        with self.lock:
            thing = self._keep(Thing(self._post_id(page), page, who, text, self.clock.now()))
            return self._told(thing, {"item": "post", "verb": "add", "is_hidden": False})

    def mentions(self, who: Person, page: str, text: str, *, visible: bool = True) -> Told:
        """Somebody names the page in a comment elsewhere; `visible`: the page may read it there."""
        with self.lock:
            post = Thing(f"520000000000009_{next(self._numbers)}", "", who, "", self.clock.now())
            thing = self._comment(who, self._keep(post), text)
            thing.page = page if visible else ""
            told = self._told(thing, {"item": "comment", "verb": "add"}, to=page, field_="mention")
            for name in ("from", "parent_id", "post"):  # the webhook of a mention names no author
                told.entry["changes"][0]["value"].pop(name, None)
            return told

    def recommends(self, who: Person, page: str, text: str, *, positive: bool) -> Told:
        """Somebody recommends the page, or does not."""
        with self.lock:
            thing = self._keep(Thing(str(880000000000000 + next(self._numbers)), page, who, text, self.clock.now()))
            value = {
                "item": "rating",
                "verb": "add",
                "open_graph_story_id": thing.id,
                "reviewer_id": who.id,
                "reviewer_name": who.name,
                "recommendation_type": "POSITIVE" if positive else "NEGATIVE",
                "review_text": text,
                "created_time": int(thing.at.timestamp()),
                "comment_id": None,
            }
            return Told(thing.id, self._entry(page, value, "ratings"))

    def edits(self, on: str, text: str) -> Told:
        """The author changes a comment or post."""
        with self.lock:
            thing = self.things[on]
            thing.text = text
            item = "comment" if thing.post else "post"
            return self._told(thing, {"item": item, "verb": "edited" if thing.post else "edit"})

    def removes(self, on: str) -> Told:
        """The author, or a moderator, removes a comment or post."""
        with self.lock:
            thing = self.things[on]
            thing.gone = True
            told = self._told(thing, {"item": "comment" if thing.post else "post", "verb": "remove"})
            for name in ("message", "post", "photo"):
                told.entry["changes"][0]["value"].pop(name, None)
            return told

    def reacts(self, who: Person, on: str, reaction: str = "angry") -> Told:
        """Somebody reacts to a post or comment."""
        with self.lock:
            thing, now = self.things[on], int(self.clock.now().timestamp())
            value = {"item": "reaction", "verb": "add", "reaction_type": reaction, "created_time": now}
            told = self._told(thing, value)
            changed = told.entry["changes"][0]["value"]
            changed |= {"from": who.author(), "created_time": now}
            changed.pop("message", None)
            return told

    # ------------------------------------------------------------------------------------------ the inbox

    def writes(
        self,
        who: Person,
        page: str,
        text: str = "",
        *,
        attachments: Sequence[Mapping[str, Any]] = (),
        standby: bool = False,
        **more: object,
    ) -> Told:
        """Somebody writes to the page (on `standby`: to another app). `more` are fields of the message."""
        with self.lock:
            conversation = self._inbox(page, who)
            message = self._message(page, who.psid(page), text, outgoing=False)
            conversation.messages.append(message)
            conversation.last_inbound = message.at
            content: dict[str, Any] = {"mid": message.mid} | ({"text": text} if text else {}) | more
            if attachments:
                content["attachments"] = [dict(each) for each in attachments]
            return Told(message.mid, self._item(message, {"message": content}, standby=standby))

    def rewrites(self, mid: str, text: str, number: int = 1) -> Told:
        """The customer edits a message. `num_edit` is written as text."""
        return self._about(mid, {"message_edit": {"mid": mid, "text": text, "num_edit": str(number)}})

    def unsends(self, mid: str) -> Told:
        """The customer takes a message back."""
        return self._about(mid, {"message": {"mid": mid, "is_deleted": True}})

    def likes(self, mid: str, emoji: str = "❤") -> Told:
        """The customer reacts to a message."""
        return self._about(mid, {"reaction": {"mid": mid, "action": "react", "reaction": "love", "emoji": emoji}})

    def reads(self, who: Person, page: str) -> Told:
        """The customer has read all there is."""
        with self.lock:
            now = self._message(page, who.psid(page), "", outgoing=False)
            return Told(now.mid, self._item(now, {"read": {"watermark": _milliseconds(now.at)}}))

    def presses(self, who: Person, page: str, title: str, payload: str) -> Told:
        """The customer presses a button; that counts as writing."""
        with self.lock:
            message = self._message(page, who.psid(page), title, outgoing=False)
            self._inbox(page, who).last_inbound = message.at
            content = {"mid": message.mid, "title": title, "payload": payload}
            return Told(message.mid, self._item(message, {"postback": content}))

    def answers(self, who: Person, page: str, text: str) -> Told:
        """A person of the company answers in Meta's own inbox, past the helpdesk."""
        with self.lock:
            message = self._message(page, who.psid(page), text, outgoing=True)
            self._inbox(page, who).messages.append(message)
            content = {"mid": message.mid, "is_echo": True, "app_id": INBOX, "text": text}
            return Told(message.mid, self._item(message, {"message": content}))

    def media(self, name: str, host: str = MEDIA[0]) -> str:
        """Return a signed link to a file of this name (what kind it is, its ending says), good for a day."""
        return f"https://{host}/v/{name}?oe={int((self.clock.now() + DAY).timestamp()):X}"

    def image(self, name: str = "photo.png") -> dict[str, Any]:
        """Return an image as an attachment of a message."""
        return {"type": "image", "payload": {"url": self.media(name)}}

    def voice(self) -> dict[str, Any]:
        """Return a voice note."""
        return {"type": "audio", "payload": {"url": self.media("audioclip.mp4", MEDIA[1])}}

    def sticker(self, number: int = 369239263222822) -> dict[str, Any]:
        """Return a sticker (since 2026-08-30 of this type only)."""
        return {"type": "sticker", "payload": {"url": self.media("thumb.png"), "sticker_id": number}}

    @staticmethod
    def location(lat: float, long: float, title: str = "Pinned location") -> dict[str, Any]:
        """Return a place."""
        return {"type": "location", "title": title, "payload": {"coordinates": {"lat": lat, "long": long}}}

    # ------------------------------------------------------------------------------------------ deliveries

    def test_button(self) -> Told:
        """Return what the dashboard's Test button sends."""
        value = {"item": "status", "verb": "add", "post_id": "44444444_444444444", "message": "Example post content."}
        return Told("0", self._entry("0", value, "feed"))

    def subscribe(self, address: str, verify_token: str, challenge: str = "1158201444") -> bool:
        """Check a callback address as the dashboard does when it is entered; tell whether Meta would accept it."""
        parts = urlsplit(address)
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            line.request("GET", f"{parts.path}?{urlencode(query)}")
            answer = line.getresponse()
            return answer.status == 200 and answer.read() == challenge.encode()
        finally:
            line.close()

    def _self(self, page: str) -> Person:
        return Person(page, self.pages[page])

    def _keep(self, thing: Thing) -> Thing:
        self.things[thing.id] = thing
        return thing

    def _post_id(self, page: str) -> str:
        return f"{page}_{next(self._numbers)}"

    def _comment(self, who: Person, on: Thing, text: str) -> Thing:
        root = self.things[on.parent] if on.post and on.parent != on.post else on
        post = on.post or on.id
        number = f"{post.rpartition('_')[2]}_{next(self._numbers)}"
        return self._keep(Thing(number, on.page, who, text, self.clock.now(), post=post, parent=root.id))

    def _told(self, thing: Thing, value: Mapping[str, Any], *, to: str = "", field_: str = "feed") -> Told:
        full: dict[str, Any] = {**value, "from": thing.author.author(), "post_id": thing.post or thing.id}
        if thing.post:
            post = self.things[thing.post]
            full |= {"parent_id": thing.parent, "comment_id": thing.id}
            full["post"] = {
                "id": post.id,
                "is_published": post.published,
                "permalink_url": _permalink(post),
                "promotion_status": "inactive" if post.published else "active",
            }
        full |= {"created_time": int(thing.at.timestamp())} | ({"message": thing.text} if thing.text else {})
        return Told(thing.id, self._entry(to or thing.page, full, field_))

    def _entry(self, page: str, value: Mapping[str, Any], field_: str) -> dict[str, Any]:
        time = int(self.clock.now().timestamp())
        return {"id": page, "time": time, "changes": [{"field": field_, "value": dict(value)}]}

    def _inbox(self, page: str, who: Person) -> Conversation:
        return self.inboxes.setdefault((page, who.psid(page)), Conversation(who))

    def _message(self, page: str, psid: str, text: str, *, outgoing: bool, **more: str) -> Message:
        return Message(f"m_{next(self._numbers)}", page, psid, outgoing, text, self.clock.now(), **more)

    def _about(self, mid: str, content: Mapping[str, Any]) -> Told:
        with self.lock:
            about = next(message for inbox in self.inboxes.values() for message in inbox.messages if message.mid == mid)
            now = Message(mid, about.page, about.psid, outgoing=False, text="", at=self.clock.now())
            return Told(mid, self._item(now, content))

    def _item(self, message: Message, content: Mapping[str, Any], *, standby: bool = False) -> dict[str, Any]:
        ends = (message.page, message.psid) if message.outgoing else (message.psid, message.page)
        item = {"sender": {"id": ends[0]}, "recipient": {"id": ends[1]}, "timestamp": _milliseconds(message.at)}
        name = "standby" if standby else "messaging"
        return {"id": message.page, "time": _milliseconds(self.clock.now()), name: [{**item, **content}]}

    # ------------------------------------------------------------------------------------------ the Graph API

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the token of a page."""
        token = asked.header("authorization").removeprefix("Bearer ") or asked.parameter("access_token")
        page = self._page(token)
        if not token or page is None:
            return error(190, 0, "Invalid OAuth access token - Cannot parse access token")
        if page in self._dead:
            return error(190, 460, "Error validating access token: the user changed their password")
        return None

    def admit(self, asked: Asked) -> Reply | None:
        """Keep each page's budget of calls (an hour here; Meta counts a day by engaged users)."""
        page, now = self._caller(asked), self.clock.now()
        calls = self._calls[page] = [at for at in self._calls[page] if now - at < HOUR]
        if len(calls) >= self.budget:
            refused = error(80001, 0, "There have been too many calls to this Page account.")
            minutes = int((calls[0] + HOUR - now).total_seconds() // 60) + 1
            usage = {page: [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": minutes}]}
            return Reply(400, refused.body, {**refused.headers, "x-business-use-case-usage": json.dumps(usage)})
        calls.append(now)
        return None

    def unknown(self, asked: Asked) -> Reply:
        """Refuse other addresses as Graph does."""
        return error(2500, 0, f"Unknown path components: {asked.path}")

    def _page(self, token: str) -> str | None:
        return next((page for page in self.pages if self.token(page) == token), None)

    def _caller(self, asked: Asked) -> str:
        token = asked.header("authorization").removeprefix("Bearer ") or asked.parameter("access_token")
        return self._page(token) or ""

    def _seen(self, asked: Asked, target: str) -> Thing | None:
        """Return what the caller's page may see under an id, in either form."""
        found = self.things.get(target) or next(
            (thing for thing in self.things.values() if thing.post and thing.id.endswith(f"_{target}")), None
        )
        return None if found is None or found.gone or found.page != self._caller(asked) else found

    @route("POST", "/{version}/{target}/comments")
    def comment(self, asked: Asked, version: str, target: str) -> Reply:
        """Comment on a post or a comment."""
        del version
        data = asked.json() if "json" in asked.header("content-type") else asked.form()
        on = self._seen(asked, target)
        if on is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        text = data.get("message", "") if isinstance(data, dict) else ""
        if not isinstance(text, str) or not (text or data.get("attachment_url")):
            return error(100, 0, "param message must be non-empty")
        if len(text) > 8000:
            return error(100, 0, "param message is too long")
        page = self._caller(asked)
        made = self._comment(self._self(page), on, text)
        if "_" not in on.id:  # a recommendation's story
            made.parent = on.id
        self.sent[made.parent if on.post else on.id].append(text)
        self._tell(self._told(made, {"item": "comment", "verb": "add"}).entry)
        # Both forms are seen; which one when is not documented.
        number = int(made.id.rpartition("_")[2])
        return Reply.json(200, {"id": made.id if number % 2 else str(number)})

    @route("GET", "/{version}/{target}/comments")
    def list_comments(self, asked: Asked, version: str, target: str) -> Reply:
        """List the comments under something, replies too with `filter=stream`."""
        del version
        on = self._seen(asked, target)
        if on is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        stream = asked.parameter("filter") == "stream"
        found = [
            thing
            for thing in self.things.values()
            if not thing.gone and (thing.parent == on.id or (stream and thing.post == on.id))
        ]
        if asked.parameter("order") == "reverse_chronological":
            found.reverse()
        fields = asked.parameter("fields", "id,message,created_time")
        data = [_fields(thing, fields) for thing in found[: int(asked.parameter("limit", "25"))]]
        return Reply.json(200, {"data": data, "paging": {"cursors": {"before": "a", "after": "b"}}})

    @route("POST", "/{version}/{page}/messages")
    def send(self, asked: Asked, version: str, page: str) -> Reply:
        """Send a message: to a person, or as the one private reply to a comment or post."""
        del version
        if page != self._caller(asked):
            return error(200, 0, "The page token is of another page", status=403)
        data = asked.json() if isinstance(asked.json(), dict) else {}
        recipient, message = data.get("recipient") or {}, data.get("message") or {}
        refused = self._illegible(message)
        if refused is not None:
            return refused
        answered = recipient.get("comment_id") or recipient.get("post_id")
        if answered:
            conversation, refused = self._private_reply(asked, page, str(answered))
        else:
            conversation, refused = self._window(page, str(recipient.get("id")), data)
        if refused is not None or conversation is None:
            return refused or error(100, 2018001, "No matching user found")
        psid, text = conversation.person.psid(page), str(message.get("text", ""))
        made = self._message(
            page, psid, text, outgoing=True, tag=data.get("tag", ""), metadata=message.get("metadata", "")
        )
        conversation.messages.append(made)
        self.sent[psid].append(text or "[attachment]")
        content = {"mid": made.mid, "is_echo": True, "app_id": APP} | message
        self._tell(self._item(made, {"message": content}))
        return Reply.json(200, {"recipient_id": psid, "message_id": made.mid})

    @staticmethod
    def _illegible(message: Mapping[str, Any]) -> Reply | None:
        kinds = [name for name in ("text", "attachment", "sticker_id") if message.get(name)]
        if len(kinds) != 1:
            return error(100, 0, "a message is either text or an attachment")
        if len(str(message.get("text", ""))) > 2000:
            return error(100, 0, "Length of param message[text] must be less than or equal to 2000")
        if len(str(message.get("metadata", ""))) > 1000:
            return error(100, 0, "Length of param message[metadata] must be less than or equal to 1000")
        return None

    def _window(self, page: str, psid: str, data: Mapping[str, Any]) -> tuple[Conversation | None, Reply | None]:
        """Hold a message to Messenger's windows: a day, or a week with the tag for people."""
        conversation = self.inboxes.get((page, psid))
        if conversation is None:
            return None, error(100, 2018001, "No matching user found")
        if conversation.blocked:
            return None, error(551, 1545041, "This person isn't available right now.")
        kind, tag = data.get("messaging_type"), data.get("tag")
        if kind not in {"RESPONSE", "UPDATE", "MESSAGE_TAG"}:
            return None, error(100, 0, "messaging_type is missing or unknown")
        if kind == "MESSAGE_TAG" and tag != "HUMAN_AGENT":
            return None, error(100, 0, "this message tag was removed")
        age = self.clock.now() - conversation.last_inbound if conversation.last_inbound else timedelta.max
        if age > (WEEK if tag == "HUMAN_AGENT" else DAY):
            return None, error(10, 2018278, "This message is sent outside of allowed window.")
        return conversation, None

    def _private_reply(self, asked: Asked, page: str, target: str) -> tuple[Conversation | None, Reply | None]:
        thing = self._seen(asked, target)
        if thing is None or thing.author.id in self.pages:
            return None, error(100, 33, MISSING, kind="GraphMethodException")
        if thing.id in self._answered:
            return None, error(10900, 0, "Activity already replied to")
        if self.clock.now() - thing.at > WEEK:
            return None, error(10901, 0, "Activity is older than a week")
        self._answered.add(thing.id)
        return self._inbox(page, thing.author), None

    @route("GET", "/{version}/{target}")
    def read(self, asked: Asked, version: str, target: str) -> Reply:
        """Read a page, a post, a comment, or who somebody in the inbox is."""
        del version
        page, fields = self._caller(asked), asked.parameter("fields", "id,message,created_time")
        if target in self.pages:
            return Reply.json(200, {"id": target, "name": self.pages[target]})
        if (conversation := self.inboxes.get((page, target))) is not None:
            first, _, last = conversation.person.name.partition(" ")
            return Reply.json(200, {"id": target, "first_name": first, "last_name": last})
        if (thing := self.things.get(target)) is not None and not thing.page:
            return error(10, 0, "This endpoint requires the 'pages_read_engagement' permission")
        if (thing := self._seen(asked, target)) is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        if not thing.post and "attachment" in fields.split(","):
            return error(100, 0, "Tried accessing nonexisting field (attachment) on node type (Post)")
        return Reply.json(200, _fields(thing, fields))

    def _tell(self, entry: dict[str, Any]) -> None:
        if self.echo is not None:
            self.echo(entry)

    # ------------------------------------------------------------------------------------------ files, and a look

    @route("GET", "/v/{name}", public=True)
    def file(self, asked: Asked, name: str) -> Reply:
        """Give a file away while its link is good."""
        if datetime.fromtimestamp(int(asked.parameter("oe", "0"), 16), UTC) < self.clock.now():
            return Reply(403, b"URL signature expired", {"content-type": "text/plain"})
        kind, data = FILES.get(name.rpartition(".")[2], ("application/octet-stream", b"a file"))
        return Reply(200, data, {"content-type": kind})

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show what the public and the people written to see."""
        del asked
        parts = []
        for post in [thing for thing in self.things.values() if not thing.post]:
            parts.append(self._article(post))
            under = [thing for thing in self.things.values() if thing.post == post.id]
            for root in [thing for thing in under if thing.parent == post.id]:
                parts += map(self._article, [root, *(thing for thing in under if thing.parent == root.id)])
        for (page, psid), inbox in self.inboxes.items():
            parts.append(f"<h2>{html.escape(inbox.person.name)} and {html.escape(self.pages[page])}, in private</h2>")
            for message in inbox.messages:
                who = self.pages[page] if message.outgoing else inbox.person.name
                parts.append(_card(psid, who, message.text or "(attachment)", message.at, own=message.outgoing))
        title = "Facebook, as played here"
        return Reply.html(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f"<h1>{title}</h1>{''.join(parts)}</html>"
        )

    def _article(self, thing: Thing) -> str:
        words = "(removed)" if thing.gone else thing.text or "(attachment)"
        own = thing.author.id in self.pages
        return _card(thing.id, thing.author.name, words, thing.at, own=own, reply=bool(thing.post))


def _card(name: str, who: str, words: str, at: datetime, *, own: bool, reply: bool = False) -> str:
    kind = " ".join(["own"] * own + ["reply"] * reply)
    return (
        f'<article class="{kind}" id="{quote(name)}"><small>{html.escape(who)}, {at:%Y-%m-%d %H:%M}</small>'
        f'<p dir="auto">{html.escape(words)}</p></article>'
    )


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636001000000050001"
    "0d0a2db40000000049454e44ae426082"
)
FILES = {
    "png": ("image/png", PIXEL),
    "jpg": ("image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"),
    "mp4": ("video/mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
    "pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
}


def _permalink(thing: Thing) -> str:
    page, _, number = thing.id.partition("_")
    return f"https://www.facebook.com/{page}/posts/{number}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _fields(thing: Thing, wanted: str) -> dict[str, Any]:
    """Return the fields asked for (`from{id,name}` counts as `from`)."""
    full: dict[str, Any] = {
        "id": thing.id,
        "from": thing.author.author(),
        "message": thing.text,
        "created_time": thing.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "permalink_url": _permalink(thing),
        "attachment": thing.attachment,
        "parent": {"id": thing.parent} if thing.post and thing.parent != thing.post else None,
    }
    names, depth, current = {"id"}, 0, ""
    for character in f"{wanted},":
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and not depth:
            names.add(current.partition("{")[0])
            current = ""
        else:
            current += character
    return {name: value for name, value in full.items() if name in names and value is not None}

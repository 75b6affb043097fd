"""The people on Facebook and what they do: each deed is kept, and told as an entry of a delivery."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from sandbox.neighbours.neighbour import Clock, Neighbour

MEDIA = ("scontent.xx.fbcdn.net", "cdn.fbsbx.com")
INBOX = 263902037430900  # Meta's own inbox, where a person may answer
DAY = timedelta(hours=24)


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
    hidden: bool = False  # from all but its author and their friends


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
    choices: tuple[tuple[str, str], ...] = ()  # payload and title of each quick reply


@dataclass(slots=True)
class Conversation:
    """A page's inbox for one person."""

    person: Person
    messages: list[Message] = field(default_factory=list)
    last_inbound: datetime | None = None
    blocked: bool = False


class World(Neighbour):
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

    def chooses(self, who: Person, page: str, number: str) -> Told:
        """Somebody presses the quick reply of the page's last question whose title begins so: the others vanish."""
        with self.lock:
            shown = [message for message in self._inbox(page, who).messages if message.choices]
            payload, title = next(each for each in shown[-1].choices if each[1].startswith(number))
            return self.writes(who, page, title, quick_reply={"payload": payload})

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
            return Told(now.mid, self._item(now, {"read": {"watermark": milliseconds(now.at)}}))

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
                "permalink_url": permalink(post),
                "promotion_status": "inactive" if post.published else "active",
            }
        full |= {"created_time": int(thing.at.timestamp())} | ({"message": thing.text} if thing.text else {})
        return Told(thing.id, self._entry(to or thing.page, full, field_))

    def _entry(self, page: str, value: Mapping[str, Any], field_: str) -> dict[str, Any]:
        time = int(self.clock.now().timestamp())
        return {"id": page, "time": time, "changes": [{"field": field_, "value": dict(value)}]}

    def _inbox(self, page: str, who: Person) -> Conversation:
        return self.inboxes.setdefault((page, who.psid(page)), Conversation(who))

    def _message(self, page: str, psid: str, text: str, *, outgoing: bool, **more: Any) -> Message:
        return Message(f"m_{next(self._numbers)}", page, psid, outgoing, text, self.clock.now(), **more)

    def _about(self, mid: str, content: Mapping[str, Any]) -> Told:
        with self.lock:
            about = next(message for inbox in self.inboxes.values() for message in inbox.messages if message.mid == mid)
            now = Message(mid, about.page, about.psid, outgoing=False, text="", at=self.clock.now())
            return Told(mid, self._item(now, content))

    def _item(self, message: Message, content: Mapping[str, Any], *, standby: bool = False) -> dict[str, Any]:
        ends = (message.page, message.psid) if message.outgoing else (message.psid, message.page)
        item = {"sender": {"id": ends[0]}, "recipient": {"id": ends[1]}, "timestamp": milliseconds(message.at)}
        name = "standby" if standby else "messaging"
        return {"id": message.page, "time": milliseconds(self.clock.now()), name: [{**item, **content}]}


def permalink(thing: Thing) -> str:
    """Return the address at which a person sees it."""
    page, _, number = thing.id.partition("_")
    return f"https://www.facebook.com/{page}/posts/{number}"


def milliseconds(moment: datetime) -> int:
    """Return a time as Messenger gives it."""
    return int(moment.timestamp() * 1000)

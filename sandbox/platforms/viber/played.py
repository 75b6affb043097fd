"""Viber's bots, played: the people who write to them, the callbacks, and the interface as far as it is called.

https://developers.viber.com/docs/api/rest-bot-api/ (answers are always HTTP 200 with a `status`; only who subscribed or
wrote may be written to; 7,000 characters, 30 kB, 100 messages an hour without an answer; details of a person twice in
12 hours). Some devices cannot show a message: that comes as `failed`, after a status of 0.
"""

from __future__ import annotations

import html
import http.client
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from deskwire.channels.viber import Viber as Connector
from deskwire.model.secret import Secrets
from deskwire.web.request import Request
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

API, FILES = "chatapi.viber.com", "dl-media.viber.com"
LONGEST, HEAVIEST, SENDER = 7000, 30 * 1024, 28
UNANSWERED, HOUR, HALF_DAY = 100, timedelta(hours=1), timedelta(hours=12)
FIRST_TOKEN = 5_741_311_803_571_721_087  # 64 bits: no float holds it
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


@dataclass(slots=True)
class Person:
    """Somebody as one bot knows them. `old`: their device shows nothing of what it is sent."""

    id: str
    name: str
    subscribed: bool = False
    old: bool = False
    unanswered: list[datetime] = field(default_factory=list)
    looked_up: list[datetime] = field(default_factory=list)

    @property
    def profile(self) -> dict[str, Any]:
        """As callbacks tell of them."""
        picture = f"https://media-direct.cdn.viber.com/download_photo?dlid={self.id[:8]}&fltp=jpg"
        return {"id": self.id, "name": self.name, "avatar": picture, "language": "en", "country": "IS",
                "api_version": 10}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `ours`: the bot sent it."""

    token: int
    bot: str
    person: str
    text: str
    at: datetime
    ours: bool = False
    shown: bool = True


def refused(status: int, message: str) -> Reply:
    """Return a refusal: HTTP 200, whatever it is."""
    return Reply.json(200, {"status": status, "status_message": message, "chat_hostname": "SN-CHAT-05_"})


class Viber(Neighbour):
    """Bots, each known by its token."""

    name: ClassVar[str] = "viber"

    def __init__(self, bots: Mapping[str, str], *, clock: Clock | None = None) -> None:
        """Play bots (token to name)."""
        super().__init__(clock)
        self.bots = dict(bots)
        self.messages: list[Message] = []
        self.tell: Callable[[str, dict[str, Any]], object] | None = None  # is given a bot's later callbacks
        self.webhooks: dict[str, dict[str, Any]] = {}  # by bot
        self.checks: Callable[[str, str], bool] = self.answers  # whether a token's address answers the check
        self._people: dict[tuple[str, str], Person] = {}
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------------------------------------ the interface

    def authorize(self, asked: Asked) -> Reply | None:
        """Want a bot's token, but for the files, which have no other lock than their address."""
        if asked.path.startswith("/file/") or asked.header("x-viber-auth-token") in self.bots:
            return None
        return refused(2, "invalidAuthToken")

    @route("POST", "/pa/send_message")
    def send(self, asked: Asked) -> Reply:
        """Take a message to a person."""
        bot, body = self.bots[asked.header("x-viber-auth-token")], asked.json()
        if not isinstance(body, dict) or len(asked.body) > HEAVIEST:
            return refused(3, "badData")
        person = self._people.get((bot, str(body.get("receiver"))))
        problem = self._problem(person, body)
        if person is None or problem is not None:
            return problem or refused(5, "receiverNotRegistered")
        person.unanswered.append(self.clock.now())
        said = self._say(bot, person, str(body.get("text") or body.get("media")), ours=True, shown=not person.old)
        self._report(said, person)
        answer = {"status": 0, "status_message": "ok", "message_token": said.token, "chat_hostname": "SN-CHAT-05_"}
        return Reply.json(200, {**answer, "billing_status": 1})

    def _problem(self, person: Person | None, body: Mapping[str, Any]) -> Reply | None:
        sender = body.get("sender") or {}
        kind, text, media = body.get("type"), body.get("text"), str(body.get("media", ""))
        if not 0 < len(str(sender.get("name", ""))) <= SENDER or (kind == "picture" and not isinstance(text, str)):
            return refused(4, "missingData")
        wrong = kind == "text" and not (isinstance(text, str) and 0 < len(text) <= LONGEST)
        sized = kind not in {"video", "file"} or (isinstance(body.get("size"), int) and body["size"] > 0)
        wrong = wrong or not sized or (kind == "file" and not 0 < len(str(body.get("file_name", ""))) <= 256)
        if (
            wrong
            or kind not in {"text", "picture", "video", "file", "url"}
            or (kind != "text" and not media.startswith("https://"))
        ):
            return refused(3, "badData")
        if person is not None and not person.subscribed:
            return refused(6, "receiverNotSubscribed")
        since = self.clock.now() - HOUR
        many = person is not None and len([at for at in person.unanswered if at > since]) >= UNANSWERED
        return refused(12, "tooManyRequests") if many else None

    @route("POST", "/pa/get_account_info")
    def account(self, asked: Asked) -> Reply:
        """Tell a bot about itself."""
        bot = self.bots[asked.header("x-viber-auth-token")]
        webhook = self.webhooks.get(bot, {"webhook": "", "event_types": []})
        return Reply.json(200, {"status": 0, "status_message": "ok", "id": f"pa:{bot}", "name": bot, **webhook})

    @route("POST", "/pa/set_webhook")
    def set_webhook(self, asked: Asked) -> Reply:
        """Take an address that answers the check."""
        token, body = asked.header("x-viber-auth-token"), asked.json()
        url = str(body.get("url", "")) if isinstance(body, dict) else ""
        if not self.checks(token, url):
            return refused(1, "Result: HTTP 401")
        events = ["webhook", "message", *body.get("event_types", [])]
        self.webhooks[self.bots[token]] = {"webhook": url, "event_types": events}
        return Reply.json(200, {"status": 0, "status_message": "ok", "event_types": events})

    @route("POST", "/pa/get_user_details")
    def details(self, asked: Asked) -> Reply:
        """Say who a person is, twice in twelve hours."""
        bot, body = self.bots[asked.header("x-viber-auth-token")], asked.json()
        person = self._people.get((bot, str(body.get("id")))) if isinstance(body, dict) else None
        if person is None:
            return refused(5, "receiverNotRegistered")
        now = self.clock.now()
        person.looked_up = [at for at in person.looked_up if now - at < HALF_DAY]
        if len(person.looked_up) == 2:
            return refused(12, "tooManyRequests")
        person.looked_up.append(now)
        return Reply.json(200, {"status": 0, "status_message": "ok", "user": person.profile})

    @route("GET", "/file/{name}")
    def file(self, asked: Asked, name: str) -> Reply:
        """Give a picture away."""
        del asked, name
        return Reply(200, PICTURE, {"content-type": "image/jpeg"})

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every conversation to a person."""
        del asked
        lines = (f"<p><b>{html.escape(each.bot if each.ours else each.person)}</b> {html.escape(each.text)}</p>"
                 for each in self.messages)  # fmt: skip
        return Reply.html(f'<!doctype html><html lang="en"><title>Viber</title>{"".join(lines)}</html>')

    def answers(self, token: str, address: str) -> bool:
        """Post a signed `webhook` event to an address; return whether it answers 200."""
        where, now = urlsplit(address), self.clock.now()
        body = json.dumps(self._told("webhook")).encode()
        headers = {"content-type": "application/json"}
        bare = Request(method="POST", endpoint="", body=body, headers=headers, received_at=now)
        signed = Connector.verification.sign(bare, Secrets({"auth_token": token}), now)
        line = http.client.HTTPConnection(where.netloc, timeout=30)
        try:
            line.request("POST", where.path, body=body, headers=dict(signed.headers))
            return line.getresponse().status == 200
        finally:
            line.close()

    # ------------------------------------------------------------------------------------------ people

    def person(self, bot: str, name: str, *, old: bool = False) -> Person:
        """Return somebody new to a bot."""
        number = next(self._numbers)
        found = Person(f"PlayedPerson{number:06d}/a+b==", name, old=old)
        self._people[bot, found.id] = found
        return found

    def writes(self, bot: str, person: Person, text: str, *, picture: bool = False) -> tuple[int, dict[str, Any]]:
        """Somebody writes, which subscribes them; return the token and the callback."""
        with self.lock:
            person.subscribed, person.unanswered = True, []
            said = self._say(bot, person, text)
            content: dict[str, Any] = {"type": "text", "text": text}
            if picture:
                media = f"https://{FILES}/file/{said.token}.jpg"
                content = {"type": "picture", "media": media, "file_name": f"{said.token}.jpg", "text": text}
            told = self._told("message", token=said.token, sender=person.profile, message=content, silent=False)
            return said.token, told

    def opens(self, person: Person) -> dict[str, Any]:
        """Somebody opens the chat; return the callback."""
        return self._told("conversation_started", type="open", user=person.profile, subscribed=person.subscribed)

    def leaves(self, person: Person) -> dict[str, Any]:
        """Somebody unsubscribes; return the callback."""
        person.subscribed = False
        return self._told("unsubscribed", user_id=person.id)

    # ------------------------------------------------------------------------------------------ callbacks

    def _report(self, sent: Message, person: Person) -> None:
        if self.tell is None:
            return
        more = {} if sent.shown else {"desc": "the device cannot show this message"}
        for name in ("delivered", "seen") if sent.shown else ("failed",):
            self.tell(sent.bot, self._told(name, token=sent.token, user_id=person.id, **more))

    def _told(self, name: str, *, token: int = 0, **more: Any) -> dict[str, Any]:
        stamp = int(self.clock.now().timestamp() * 1000)
        token = token or FIRST_TOKEN + next(self._numbers)
        return {"event": name, "timestamp": stamp, "chat_hostname": "SN-CHAT-05_", "message_token": token, **more}

    def _say(self, bot: str, person: Person, text: str, *, ours: bool = False, shown: bool = True) -> Message:
        token = FIRST_TOKEN + next(self._numbers)
        said = Message(token, bot, person.id, text, self.clock.now(), ours, shown)
        self.messages.append(said)
        return said

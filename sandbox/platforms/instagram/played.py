"""Instagram with Instagram Login, played: its interface as far as we call it, and its webhooks.

Strict: the token, 1,000 bytes a message, the day after the customer's last message and the week of HUMAN_AGENT, one
private reply to a comment within seven days, none to our own, replies to comments that exist. What the account says
comes back as an echo, through `echo`.
"""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.platforms.meta.app import App

HOST = "graph.instagram.com"
GRAPH = "graph.facebook.com"  # where the app's webhook is set
APP = "1910000000000999"
MEDIA = "scontent.cdninstagram.com"
LONGEST = 1000  # bytes
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(slots=True)
class Said:
    """A message (of a person's thread) or a comment (of its root's); `ours`: the company wrote it."""

    id: str
    thread: str
    writer: str
    name: str
    text: str
    at: datetime
    private: bool
    ours: bool = False
    answered: bool = False  # it had its private reply


def bundle(entries: Sequence[Any]) -> bytes:
    r"""Return the body of one delivery, as Meta writes it: escapes, and `\/`."""
    text = json.dumps({"object": "instagram", "entry": list(entries)}, separators=(",", ":"))
    return text.replace("/", "\\/").encode()


def error(code: int, text: str, subcode: int = 0, status: int = 400) -> Reply:
    """Return a refusal in Graph's shape."""
    inner = {"message": text, "type": "OAuthException", "code": code, "fbtrace_id": "AInventedTrace"}
    return Reply.json(status, {"error": inner | ({"error_subcode": subcode} if subcode else {})})


LIFE = timedelta(days=60)  # of a token


class Instagram(Neighbour):
    """One account, its people and its comments."""

    name: ClassVar[str] = "instagram"

    def __init__(
        self, account: str, token: str, *, clock: Clock | None = None, secret: str = "", port: int = 0
    ) -> None:
        """Play an account that is written to and, with the token, answers; `secret` is the app's."""
        super().__init__(clock, port=port)
        self.account = account
        self.said: dict[str, Said] = {}
        self.hidden: set[str] = set()  # comments that their writers alone see
        self.people: dict[str, str] = {}  # scoped id to handle
        self.echo: Callable[[str, dict[str, Any]], object] | None = None
        self.app = App(APP, secret, ())
        self._tokens = {token: self.clock.now()}  # when each was made
        self._numbers = itertools.count(18010000000001001)

    # ------------------------------------------------------------------------------------------ what people do

    def person(self, name: str) -> str:
        """Somebody joins; return the scoped id."""
        with self.lock:
            number = f"129{next(self._numbers) % 10**13:013d}"
            self.people[number] = name
            return number

    def writes(self, person: str, text: str, **content: Any) -> tuple[str, dict[str, Any]]:
        """Somebody writes a direct message; return its id and the entry that tells of it."""
        with self.lock:
            said = self._say(person, person, text, private=True)
            words = {"text": text} if text else {}
            return said.id, self.item(person, message={"mid": said.id, **words, **content})

    def unsends(self, mid: str) -> dict[str, Any]:
        """Somebody takes a message back."""
        return self.item(self.said[mid].writer, message={"mid": mid, "is_deleted": True})

    def edits(self, mid: str, text: str) -> dict[str, Any]:
        """Somebody changes a message."""
        return self.item(self.said[mid].writer, message_edit={"mid": mid, "text": text, "num_edit": 1})

    def comments(self, person: str, text: str, under: str = "", *, flat: bool = False) -> tuple[str, dict[str, Any]]:
        """Somebody comments on a post, or `under` a comment; `flat` is the other shape of the webhook."""
        with self.lock:
            said = self._say(under, person, text, private=False)
            change: dict[str, Any] = {"field": "comments", "value": self._value(said)}
            entry = {"id": self.account, "time": int(said.at.timestamp())}
            return said.id, entry | (change if flat else {"changes": [change]})

    def item(self, person: str, *, ours: bool = False, **content: Any) -> dict[str, Any]:
        """Return an entry with one thing of a person's thread."""
        at = int(self.clock.now().timestamp() * 1000)
        sender, recipient = (self.account, person) if ours else (person, self.account)
        about = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": at}
        return {"id": self.account, "time": at + 300, "messaging": [about | content]}

    def test_button(self) -> dict[str, Any]:
        """Return what the dashboard's button sends."""
        value = {"sender": {"id": "12334"}, "recipient": {"id": "23245"}, "timestamp": "1527459824",
                 "message": {"mid": "random_mid", "text": "random_text"}}  # fmt: skip
        changes = [{"field": "messages", "value": value}]
        return {"id": "0", "time": int(self.clock.now().timestamp()), "changes": changes}

    def _say(self, thread: str, writer: str, text: str, *, private: bool, ours: bool = False) -> Said:
        number = str(next(self._numbers))
        made = f"aWdf{number}" if private else number
        name = self.people.get(writer, "northwind")
        said = Said(made, thread or made, writer, name, text, self.clock.now(), private, ours)
        self.said[made] = said
        return said

    def _value(self, said: Said) -> dict[str, Any]:
        value: dict[str, Any] = {
            "id": said.id, "text": said.text, "from": {"id": said.writer, "username": said.name},
            "media": {"id": "17990000000000222", "media_product_type": "FEED"},
        }  # fmt: skip
        return value if said.thread == said.id else value | {"parent_id": said.thread}

    # ------------------------------------------------------------------------------------------ the interface

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the account's token."""
        valid = self._lives(asked.header("authorization").removeprefix("Bearer "))
        return None if valid else error(190, "Invalid OAuth access token")

    @route("GET", "/refresh_access_token", public=True)
    def refreshed(self, asked: Asked) -> Reply:
        """Give a new token of 60 days for one that is a day old. How it refuses is not documented."""
        old = asked.parameter("access_token")
        if asked.parameter("grant_type") != "ig_refresh_token" or not self._lives(old):
            return error(190, "Error validating access token: Session has expired")
        if self.clock.now() < self._tokens[old] + timedelta(hours=24):
            return error(100, "The access token is younger than 24 hours")
        made = f"IGAA-invented-{next(self._numbers)}"
        self.accept(made)
        return Reply.json(200, {"access_token": made, "token_type": "bearer", "expires_in": int(LIFE.total_seconds())})

    def accept(self, token: str) -> None:
        """Take this token from now on: a person signed in again."""
        self._tokens[token] = self.clock.now()

    def _lives(self, token: str) -> bool:
        return token in self._tokens and self.clock.now() < self._tokens[token] + LIFE

    def plays(self, asked: Asked) -> bool:
        """Say that calls of its app are its own: Graph's host is shared."""
        return asked.path.split("/")[2:3] == [APP]

    @route("GET", "/{version}/{number}/subscriptions", public=True)
    @route("POST", "/{version}/{number}/subscriptions", public=True)
    def app_subscriptions(self, asked: Asked, version: str, number: str) -> Reply:
        """Show or set the app's webhooks."""
        del version
        return self.app.subscriptions(asked, number)

    @route("GET", "/{version}/me/subscribed_apps")
    @route("POST", "/{version}/me/subscribed_apps")
    def app_subscribed(self, asked: Asked, version: str) -> Reply:
        """Show or set what the account gives the app."""
        del version
        return self.app.subscribed_apps(asked, self.account)

    @route("POST", "/{version}/me/messages")
    def send(self, asked: Asked, version: str) -> Reply:
        """Take a message: into a window, or as the one private reply."""
        del version
        data = asked.json() if isinstance(asked.json(), dict) else {}
        recipient, message = data.get("recipient") or {}, data.get("message") or {}
        text = str(message.get("text", ""))
        if bool(text) == bool(message.get("attachment")):
            return error(100, "a message is either text or an attachment")
        if len(text.encode()) > LONGEST:
            return error(100, "Length of param message[text] must be less than or equal to 1000")
        private = str(recipient.get("comment_id", ""))
        person, refused = self._private_reply(private) if private else self._window(str(recipient.get("id")), data)
        if refused is not None:
            return refused
        said = self._say(person, self.account, text or "[attachment]", private=True, ours=True)
        self._tell(said.id, self.item(person, ours=True, message={"mid": said.id, "is_echo": True, **message}))
        return Reply.json(200, {"recipient_id": person, "message_id": said.id})

    def _window(self, person: str, data: dict[str, Any]) -> tuple[str, Reply | None]:
        written = [each.at for each in self.said.values() if each.private and each.writer == person]
        if person not in self.people:
            return person, error(100, "No matching user found", 2018001)
        allowed = WEEK if data.get("tag") == "HUMAN_AGENT" else DAY
        if not written or self.clock.now() - max(written) > allowed:
            return person, error(10, "This message is sent outside of allowed window.", 2018278)
        return person, None

    def _private_reply(self, comment: str) -> tuple[str, Reply | None]:
        said = self.said.get(comment)
        if said is None or said.private or said.ours:
            return "", error(100, "Object does not exist", 33)
        if said.answered:
            return "", error(10900, "Activity already replied to")
        if self.clock.now() - said.at > WEEK:
            return "", error(10901, "Activity is older than a week")
        said.answered = True
        return said.writer, None

    @route("POST", "/{version}/{target}/replies")
    def reply(self, asked: Asked, version: str, target: str) -> Reply:
        """Take a public reply to a comment."""
        del version
        data, on = asked.json(), self.said.get(target)
        text = data.get("message") if isinstance(data, dict) else None
        if on is None or on.private:
            return error(100, "Object does not exist", 33)
        if not isinstance(text, str) or not text:
            return error(100, "param message must be non-empty")
        said = self._say(on.thread, self.account, text, private=False, ours=True)
        change = {"field": "comments", "value": self._value(said)}
        self._tell(said.id, {"id": self.account, "time": int(said.at.timestamp()), "changes": [change]})
        return Reply.json(200, {"id": said.id})

    @route("POST", "/{version}/{target}")
    def hide(self, asked: Asked, version: str, target: str) -> Reply:
        """Hide somebody's comment, or show it."""
        del version
        on, wanted = self.said.get(target), asked.parameter("hide")
        if on is None or on.private:
            return error(100, "Object does not exist", 33)
        if on.ours or wanted not in {"true", "false"}:
            return error(100, "this can not be hidden")
        (self.hidden.add if wanted == "true" else self.hidden.discard)(target)
        return Reply.json(200, {"success": True})

    @route("GET", "/{version}/{target}/replies")
    def replies(self, asked: Asked, version: str, target: str) -> Reply:
        """List the replies to a comment."""
        del asked, version
        data = [
            {"id": each.id, "text": each.text, "timestamp": each.at.isoformat(), "from": {"id": each.writer}}
            for each in self.said.values()
            if each.thread == target != each.id
        ]
        return Reply.json(200, {"data": data})

    @route("GET", "/{version}/{target}")
    def read(self, asked: Asked, version: str, target: str) -> Reply:
        """Tell who somebody is who has written privately."""
        del asked, version
        if any(each.private and each.writer == target for each in self.said.values()):
            return Reply.json(200, {"id": target, "name": self.people[target], "username": self.people[target]})
        return error(230, "User consent is required to access user profile")

    @route("GET", "/story.jpg", public=True)
    def media(self, asked: Asked) -> Reply:
        """Hand out a story's picture."""
        del asked
        return Reply(
            200,
            b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9",
            {"content-type": "image/jpeg"},
        )

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show everything to a person."""
        del asked
        shown = [each for each in self.said.values() if each.id not in self.hidden]
        lines = (f"<p><b>{html.escape(each.name)}</b> {html.escape(each.text)}</p>" for each in shown)
        return Reply.html(f'<!doctype html><html lang="en"><title>Instagram</title>{"".join(lines)}</html>')

    def _tell(self, made: str, entry: dict[str, Any]) -> None:
        if self.echo is not None:
            self.echo(made, entry)

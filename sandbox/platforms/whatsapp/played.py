"""WhatsApp's Cloud API, played: numbers of one account, the people who write to them, and the webhooks.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages (lengths, the window of
24 hours, one person every six seconds is left out: a morning's crowd is quicker) and …/business-phone-numbers/media.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from deskwire.families.meta_registration import SCOPES
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.platforms.meta.app import App

GRAPH, FILES = "graph.facebook.com", "lookaside.fbsbx.com"
ACCOUNT, APP = "330000000000009", "1910000000000888"
LONGEST = 4096
DAY, LINK = timedelta(hours=24), timedelta(minutes=5)
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with WhatsApp; `hidden`: they show no number."""

    number: str
    user_id: str
    name: str
    hidden: bool = False

    @property
    def thread(self) -> str:
        """What a conversation with them is known by."""
        return self.user_id if self.hidden else self.number


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `ours`: the company wrote it, `template` if it is one."""

    id: str
    number: str
    thread: str
    text: str
    at: datetime
    ours: bool = False
    template: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # id and title of each row of a list


def bundle(changes: Sequence[Any]) -> bytes:
    """Return the body of one delivery: its changes may be of several numbers. Meta escapes what is not ASCII."""
    body = {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": list(changes)}]}
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def error(code: int, text: str, status: int = 400) -> Reply:
    """Return a refusal in Graph's shape."""
    data = {"messaging_product": "whatsapp", "details": text}
    inner = {"message": f"(#{code}) {text}", "type": "OAuthException", "code": code, "error_data": data}
    return Reply.json(status, {"error": {**inner, "fbtrace_id": "AInventedTrace"}})


def _rows(data: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """Return the rows of a list message; none for any other."""
    if data.get("type") != "interactive":
        return []
    return [row for section in data["interactive"]["action"]["sections"] for row in section["rows"]]


def _legible(content: Mapping[str, Any]) -> bool:
    """Hold a list message to its limits."""
    action, body = content.get("action") or {}, str((content.get("body") or {}).get("text", ""))
    rows = [row for section in action.get("sections", []) for row in section.get("rows", [])]
    fits = all(0 < len(row["title"]) <= 24 and 0 < len(row["id"]) <= 200 for row in rows)
    titled = all(0 < len(section.get("title", "")) <= 24 for section in action.get("sections", []))
    known = content.get("type") == "list" and 0 < len(action.get("button", "")) <= 20
    return known and fits and titled and 0 < len(rows) <= 10 and 0 < len(body) <= LONGEST


class WhatsApp(Neighbour):
    """Numbers of one account."""

    name: ClassVar[str] = "whatsapp"

    def __init__(
        self,
        numbers: Mapping[str, str],
        token: str,
        templates: Sequence[tuple[str, str]],
        *,
        clock: Clock | None = None,
        secret: str = "invented-app-secret",  # noqa: S107 - invented
    ) -> None:
        """Play numbers (id to the number that people see), which answer with the token."""
        super().__init__(clock)
        self.numbers = dict(numbers)
        self.templates = {*templates}
        self.messages: list[Message] = []
        self.people: dict[str, Customer] = {}  # by number and by id
        self.undeliverable: set[str] = set()  # threads that get nothing, which only a status tells
        self.tell: Callable[[dict[str, Any]], object] | None = None  # is given statuses
        self.app = App(APP, secret, SCOPES["whatsapp"])
        self.overrides: dict[str, str] = {}  # numbers whose messages go elsewhere
        self._token = token
        self._files: dict[str, bytes] = {}
        self._last: dict[tuple[str, str], datetime] = {}
        self._next = itertools.count(1)

    # ------------------------------------------------------------------------------------------ the interface

    def plays(self, asked: Asked) -> bool:
        """Say that calls of its numbers and files are its own: Graph's host is shared."""
        parts = asked.path.split("/")
        own = {*self.numbers, *self._files, ACCOUNT, APP}
        return len(parts) > 2 and (parts[2] in own or asked.parameter("input_token") == self._token)

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the system user's token."""
        known = asked.header("authorization") == f"Bearer {self._token}"
        return None if known else error(190, "Invalid OAuth access token", 401)

    def unknown(self, asked: Asked) -> Reply:
        """Refuse other addresses as Graph does."""
        return error(2500, f"Unknown path components: {asked.path}")

    @route("GET", "/{version}/{number}/subscriptions", public=True)
    @route("POST", "/{version}/{number}/subscriptions", public=True)
    def app_subscriptions(self, asked: Asked, version: str, number: str) -> Reply:
        """Show or set the app's webhooks."""
        del version
        return self.app.subscriptions(asked, number)

    @route("GET", "/{version}/debug_token", public=True)
    def app_debug(self, asked: Asked, version: str) -> Reply:
        """Tell what a token is worth."""
        del version
        return self.app.debug(asked, lambda token: token == self._token)

    @route("GET", "/{version}/{account}/subscribed_apps")
    @route("POST", "/{version}/{account}/subscribed_apps")
    def app_subscribed(self, asked: Asked, version: str, account: str) -> Reply:
        """Show or set whether the app gets what happens in the account."""
        del version
        if account != ACCOUNT:
            return error(100, "Unsupported request")
        if asked.method == "POST":
            self.app.subscribed[account] = []
            return Reply.json(200, {"success": True})
        shown = {"id": self.app.number, "name": "Northwind Care", "link": "https://northwind.example"}
        return Reply.json(200, {"data": [{"whatsapp_business_api_data": shown}] * (account in self.app.subscribed)})

    @route("POST", "/{version}/{number}")
    def configure(self, asked: Asked, version: str, number: str) -> Reply:
        """Send a number's messages elsewhere."""
        del version
        wanted = (asked.json() or {}).get("webhook_configuration") or {}
        url = str(wanted.get("override_callback_uri", ""))
        if not self.app.checks(url, str(wanted.get("verify_token", ""))):
            return error(2200, "Callback verification failed")
        self.overrides[number] = url
        return Reply.json(200, {"success": True})

    @route("POST", "/{version}/{number}/messages")
    def send(self, asked: Asked, version: str, number: str) -> Reply:
        """Take a message, or that one was read."""
        del version
        data = asked.json()
        if number not in self.numbers or not isinstance(data, dict) or data.get("messaging_product") != "whatsapp":
            return error(100, "Invalid parameter")
        if data.get("status") == "read":
            known = any(each.id == data.get("message_id") for each in self.messages)
            return Reply.json(200, {"success": True}) if known else error(100, "Invalid parameter")
        to = str(data.get("to") or data.get("recipient") or "")
        who = self.people.get(to.removeprefix("+"))
        if who is None or (data.get("to") and not to.startswith("+")):
            return error(131026, "Message undeliverable")
        refused = self._refused(number, who, data)
        if refused is not None:
            return refused
        kind = str(data["type"])
        text = str(data["text"]["body"]) if kind == "text" else f"[{kind}]"
        rows = _rows(data)
        text = str(data["interactive"]["body"]["text"]) if rows else text
        template = json.dumps(data["template"]) if kind == "template" else ""
        choices = tuple((row["id"], row["title"]) for row in rows)
        sent = self._keep(number, who, template or text, ours=True, template=template, choices=choices)
        self._report(sent, who, str(data.get("biz_opaque_callback_data", "")))
        contact = {"input": to, **({} if who.hidden else {"wa_id": who.number}), "user_id": who.user_id}
        body = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": sent.id}]}
        return Reply.json(200, body)

    def _refused(self, number: str, who: Customer, data: Mapping[str, Any]) -> Reply | None:
        kind = data.get("type")
        if kind == "template":
            wanted = data.get("template") or {}
            pair = (wanted.get("name"), (wanted.get("language") or {}).get("code"))
            return None if pair in self.templates else error(132001, "Template name does not exist", 404)
        last = self._last.get((number, who.thread))
        if last is None or self.clock.now() - last > DAY:
            return error(131047, "Re-engagement message")
        if kind == "text":
            body = (data.get("text") or {}).get("body")
            fits = isinstance(body, str) and 0 < len(body) <= LONGEST
            return None if fits else error(100, "Param text['body'] must be at most 4096 characters long")
        if kind == "interactive":
            return None if _legible(data["interactive"]) else error(131009, "Parameter value is not valid")
        link = (data.get(str(kind)) or {}).get("link", "")
        known = kind in {"image", "audio", "video", "document", "sticker"} and str(link).startswith("https://")
        return None if known else error(131009, "Parameter value is not valid")

    @route("GET", "/{version}/{file}")
    def file(self, asked: Asked, version: str, file: str) -> Reply:
        """Say where a file lies for the next five minutes, or where a number's messages go."""
        del version
        if file in self.numbers:
            usual = self.app.webhooks.get("whatsapp_business_account", {}).get("callback_url", "")
            own = {"phone_number": self.overrides[file]} if file in self.overrides else {}
            return Reply.json(200, {"id": file, "webhook_configuration": {"application": usual, **own}})
        data = self._files.get(file)
        if data is None or asked.parameter("phone_number_id") not in {"", *self.numbers}:
            return error(100, "Unsupported get request. Object does not exist")
        until = int((self.clock.now() + LINK).timestamp())
        url = f"https://{FILES}/whatsapp_business/attachments/?mid={file}&ext={until}&hash=ARplayed"
        told = {"url": url, "mime_type": "image/jpeg", "sha256": hashlib.sha256(data).hexdigest()}
        return Reply.json(200, {"messaging_product": "whatsapp", **told, "file_size": len(data), "id": file})

    @route("GET", "/whatsapp_business/attachments/")
    def download(self, asked: Asked) -> Reply:
        """Give a file away, to the token, while its address is good."""
        data = self._files.get(asked.parameter("mid"))
        if data is None or int(asked.parameter("ext", "0")) < self.clock.now().timestamp():
            return Reply(404, b"", {"content-type": "text/plain"})
        return Reply(200, data, {"content-type": "image/jpeg"})

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every conversation to a person."""
        del asked
        lines = (f"<p><b>{'Northwind' if each.ours else html.escape(each.thread)}</b> {html.escape(each.text)}</p>"
                 + " ".join(f"<button>{html.escape(title)}</button>" for _, title in each.choices)
                 for each in self.messages)  # fmt: skip
        return Reply.html(f'<!doctype html><html lang="en"><title>WhatsApp</title>{"".join(lines)}</html>')

    # ------------------------------------------------------------------------------------------ people

    def customer(self, name: str, *, hidden: bool = False) -> Customer:
        """Return somebody new."""
        number = next(self._next)
        who = Customer(f"3545550{number:05d}", f"IS.Played{number:05d}", name, hidden)
        self.people |= {who.number: who, who.user_id: who}
        return who

    def writes(
        self, who: Customer, number: str, text: str = "", *, picture: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """Somebody writes to a number; return the message's id and the webhook's change."""
        with self.lock:
            said = self._keep(number, who, text)
            self._last[number, who.thread] = said.at
            content: dict[str, Any] = {"type": "text", "text": {"body": text}}
            if picture:
                file = str(880000000000000 + next(self._next))
                self._files[file] = PICTURE
                content = {"type": "image", "image": {"id": file, "mime_type": "image/jpeg", "caption": text}}
            return said.id, self._told(who, number, {"id": said.id, **content})

    def presses(self, who: Customer, number: str, begins: str) -> tuple[str, dict[str, Any]]:
        """Somebody chooses the row of the last list whose title begins so; return the id and the webhook's change."""
        with self.lock:
            last = [each for each in self.messages if each.choices and each.thread == who.thread][-1]
            row, title = next(each for each in last.choices if each[1].startswith(begins))
            said = self._keep(number, who, title)
            self._last[number, who.thread] = said.at
            reply = {"type": "list_reply", "list_reply": {"id": row, "title": title}}
            context = {"from": self.numbers[number], "id": last.id}
            content = {"id": said.id, "context": context, "type": "interactive", "interactive": reply}
            return said.id, self._told(who, number, content)

    def changes_number(self, who: Customer, number: str) -> tuple[Customer, dict[str, Any]]:
        """Somebody gets another number; return who they are now and the webhook's change."""
        with self.lock:
            new = self.customer(who.name)
            self._last[number, new.thread] = self.clock.now()
            body = f"User {who.name} changed from {who.number} to {new.number}"
            system = {"type": "user_changed_number", "wa_id": new.number, "user_id": new.user_id,
                      "previous_user_id": who.user_id, "body": body}  # fmt: skip
            content = {"id": self._wamid(), "type": "system", "system": system}
            change = self._told(who, number, content)
            del change["value"]["contacts"]
            return new, change

    def hides_number(self, who: Customer) -> Customer:
        """Somebody shows no number from now on; return who they are then. No webhook tells of it."""
        with self.lock:
            hidden = replace(who, hidden=True)
            self.people |= {who.number: hidden, who.user_id: hidden}
            return hidden

    def says_on_the_phone(self, who: Customer, number: str, text: str) -> tuple[str, dict[str, Any]]:
        """Somebody of the company writes with the phone's app; return the message's id and the echo."""
        with self.lock:
            stamp, wamid = str(int(self.clock.now().timestamp())), self._wamid()
            echo = {"from": self.numbers[number], "to": who.number, "to_user_id": who.user_id, "id": wamid,
                    "timestamp": stamp, "type": "text", "text": {"body": text}}  # fmt: skip
            return wamid, self._change(number, {"message_echoes": [echo]}, "smb_message_echoes")

    # ------------------------------------------------------------------------------------------ deliveries

    def _report(self, sent: Message, who: Customer, opaque: str) -> None:
        if self.tell is None:
            return
        common = {"id": sent.id, "timestamp": str(int(sent.at.timestamp())), "recipient_user_id": who.user_id}
        common |= {} if who.hidden else {"recipient_id": who.number}
        common |= {"biz_opaque_callback_data": opaque}
        failed = {"errors": [{"code": 131026, "title": "Message undeliverable"}]}
        for status in ("failed",) if who.thread in self.undeliverable else ("delivered", "sent"):  # in no order
            told = {**common, "status": status, **(failed if status == "failed" else {})}
            self.tell(self._change(sent.number, {"statuses": [told]}))

    def _told(self, who: Customer, number: str, content: Mapping[str, Any]) -> dict[str, Any]:
        named = {} if who.hidden else {"wa_id": who.number}
        contact = {"profile": {"name": who.name}, **named, "user_id": who.user_id}
        sender = {} if who.hidden else {"from": who.number}
        stamp = str(int(self.clock.now().timestamp()))
        message = {**sender, "from_user_id": who.user_id, "timestamp": stamp, **content}
        return self._change(number, {"contacts": [contact], "messages": [message]})

    def _change(self, number: str, value: Mapping[str, Any], field: str = "messages") -> dict[str, Any]:
        metadata = {"display_phone_number": self.numbers[number], "phone_number_id": number}
        return {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": field}

    def _wamid(self) -> str:
        return f"wamid.PLAYED{next(self._next):08d}"

    def _keep(self, number: str, who: Customer, text: str, **more: Any) -> Message:
        kept = Message(self._wamid(), number, who.thread, text, self.clock.now(), **more)
        self.messages.append(kept)
        return kept

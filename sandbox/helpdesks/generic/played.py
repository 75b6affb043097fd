"""A receiver of Deskwire's signed messages, as docs/helpdesks/generic.md wants it: strict, and it does a thing once.

It is what a company would write itself, so it knows no connector of ours: only the verification rule of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

LONGEST = 60_000  # bytes of a text
LARGEST = 30 * 1024 * 1024  # bytes of a request
TOLERANCE = 300  # seconds
PRIORITIES = ("low", "normal", "high", "urgent")
TICKET = {"reference", "subject", "priority", "tags", "fields", "follow_up_of", "customer"}
MESSAGE = {"ticket", "text", "public", "author", "written_at", "files"}


@dataclass(slots=True)
class Message:
    """One message of a ticket: a customer's, a note of Deskwire's, or an agent's answer."""

    id: str
    text: str
    at: datetime
    public: bool
    staff: bool
    files: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class Ticket:
    """One ticket. `gone` says what became of it: closed, full, deleted, or merged `into` another."""

    id: str
    data: dict[str, Any]
    messages: list[Message] = field(default_factory=list)
    gone: str = ""
    into: str = ""


class Generic(Neighbour):
    """One receiver. `written` holds every message with its ticket, in order."""

    name: ClassVar[str] = "generic"

    def __init__(self, secret: str, *, clock: Clock | None = None, port: int = 0) -> None:
        """Take what is signed under `secret` (whsec_…)."""
        super().__init__(clock, port=port)
        self.tickets: list[Ticket] = []
        self.most = 1000  # messages of one ticket
        self.written: list[tuple[Ticket, Message]] = []
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._answered: dict[str, Reply] = {}  # by webhook-id: whatever is repeated is answered as it was
        self._numbers = itertools.count(1)

    def authorize(self, asked: Asked) -> Reply | None:
        """Want a fresh, true signature; its stamp is of the real time, however fast the clock runs here."""
        identity, stamp = asked.header("webhook-id"), asked.header("webhook-timestamp")
        content = f"{identity}.{stamp}.".encode() + asked.body
        wanted = "v1," + base64.b64encode(hmac.digest(self._key, content, hashlib.sha256)).decode()
        signed = any(hmac.compare_digest(wanted, each) for each in asked.header("webhook-signature").split(" "))
        fresh = stamp.isdigit() and abs(int(stamp) - time.time()) <= TOLERANCE
        if not identity or not signed or not fresh:
            return Reply.json(401, {"error": "invalid signature"})
        return Reply.json(413, {"error": "too large"}) if len(asked.body) > LARGEST else None

    def agent_replies(self, ticket: str, text: str, *, public: bool = True) -> Message:
        """Let an agent answer, or note something."""
        with self.lock:
            found = next(each for each in self.tickets if each.id == ticket)
            return self._write(found, {"text": text, "public": public}, staff=True)

    @route("POST", "/deskwire")
    def take(self, asked: Asked) -> Reply:
        """Do what a message says, once for each webhook-id; a refusal may be sent again."""
        identity = asked.header("webhook-id")
        if identity in self._answered:
            return self._answered[identity]
        body = asked.json()
        shaped = isinstance(body, dict) and set(body) == {"id", "type", "timestamp", "data"} and body["id"] == identity
        if not shaped:
            return Reply.json(400, {"error": "not a message"})
        actions = {
            "ticket.created": self._open,
            "message.created": self._append,
            "ticket.updated": self._update,
            "message.redacted": self._redact,
            "customer.history": self._history,
        }
        if body["type"] not in actions:
            return Reply.json(422, {"error": "an unknown type"})
        reply = actions[body["type"]](body["data"])
        if reply.status < 300:
            self._answered[identity] = reply
        return reply

    @route("GET", "/agent/tickets", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every ticket to a person."""
        del asked
        shown = "".join(
            f"<h2>{ticket.id} {html.escape(ticket.data['subject'])}</h2>"
            + "".join(f'<p dir="auto">{html.escape(message.text)}</p>' for message in ticket.messages)
            for ticket in reversed(self.tickets)
        )
        return Reply.html(f'<!doctype html><html lang="en"><title>Generic desk</title>{shown}</html>')

    def _open(self, data: dict[str, Any]) -> Reply:
        named = isinstance(data["customer"], dict) and data["customer"].get("id") and data["customer"].get("name")
        if set(data) != TICKET or not data["subject"] or data["priority"] not in PRIORITIES or not named:
            return Reply.json(422, {"error": "not a ticket"})
        made = Ticket(f"T{next(self._numbers)}", data)
        self.tickets.append(made)
        return Reply.json(201, {"id": made.id})

    def _append(self, data: Mapping[str, Any]) -> Reply:
        if set(data) != MESSAGE or not data["text"] or len(data["text"].encode()) > LONGEST:
            return Reply.json(422, {"error": "not a message"})
        found = next((each for each in self.tickets if each.id == data["ticket"]), None)
        if found is None or found.gone:
            gone, into = (found.gone, found.into) if found else ("deleted", "")
            return Reply.json(409, {"gone": gone, "into": into, "at": self.clock.now().isoformat()})
        if len(found.messages) >= self.most:
            return Reply.json(409, {"gone": "full"})
        return Reply.json(201, {"id": self._write(found, data, staff=False).id})

    def _update(self, data: Mapping[str, Any]) -> Reply:
        found = next((each for each in self.tickets if each.id == data["ticket"]), None)
        if set(data) != {"ticket", "priority", "tags"} or found is None or found.gone:
            return Reply.json(409, {"gone": "deleted" if found is None else found.gone})
        order = ["", *PRIORITIES]
        higher = max(found.data["priority"], data["priority"] or "", key=order.index)
        found.data |= {"priority": higher, "tags": list(dict.fromkeys([*found.data["tags"], *data["tags"]]))}
        return Reply.json(200, {})

    def _history(self, data: Mapping[str, Any]) -> Reply:
        if set(data) != {"customer", "most"}:
            return Reply.json(422, {"error": "not a lookup"})
        theirs = [each for each in self.tickets if each.data["customer"]["id"] == data["customer"]["id"]]
        rows = [
            {"id": each.id, "subject": each.data["subject"], "open": not each.gone, "status": each.gone or "open",
             "opened_at": self.clock.now().isoformat(), "complaint": "complaint" in each.data["tags"]}
            for each in reversed(theirs)
        ]  # fmt: skip
        return Reply.json(200, {"tickets": rows[: data["most"]]})

    def _redact(self, data: Mapping[str, Any]) -> Reply:
        for ticket in self.tickets:
            for message in ticket.messages:
                if (ticket.id, message.id) == (data["ticket"], data["message"]):
                    message.text, message.files = "", ()
                    return Reply.json(200, {"redacted": True})
        return Reply.json(200, {"redacted": False})

    def _write(self, ticket: Ticket, data: Mapping[str, Any], *, staff: bool) -> Message:
        at = self.clock.now()
        text, files = data["text"], data.get("files", ())
        made = Message(f"M{next(self._numbers)}", text, at, data["public"], staff, files)
        ticket.messages.append(made)
        self.written.append((ticket, made))
        return made

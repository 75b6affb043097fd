"""Freshdesk, played (API v2): tickets, notes, replies, contacts by external id, and a search that is late.

Strict where https://developers.freshdesk.com/api/ is: basic authentication, the schema of each request, required
fields, 20 MB of attachments a ticket, requests a minute. What no page says is played as the connector has it hardest:
a customer's note opens nothing again, contacts may write notes, an answer quotes the ticket below itself.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from deskwire.web.markup import plain
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

BOT, AGENT = 9001, 9002
INDEXED = 180.0  # seconds until the search knows a ticket; “a few minutes”
MOST_BYTES = 20 * 1024 * 1024
KEY_FIELD = "cf_deskwire_key"
FIELDS = {KEY_FIELD, "cf_rating"}  # those of its ticket form
TICKET: Mapping[str, type] = {
    "unique_external_id": str, "name": str, "subject": str, "description": str, "status": int, "priority": int,
    "source": int, "tags": list, "custom_fields": dict, "attachments": list,
}  # fmt: skip
CHANGE: Mapping[str, type] = {name: kind for name, kind in TICKET.items() if name not in {"name", "unique_external_id"}}
NOTE: Mapping[str, type] = {"body": str, "private": bool, "incoming": bool, "user_id": int, "attachments": list}
MARK = re.compile(r"\n*dw-[0-9a-f]{24}$")


@dataclass(slots=True)
class Note:
    """One conversation of a ticket: a note (source 2) or a reply (0)."""

    id: int
    ticket: int
    body: str
    at: datetime
    user: int
    private: bool = False
    incoming: bool = False
    source: int = 2
    automation: int | None = None
    files: list[dict[str, Any]] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The text without Deskwire's mark."""
        return MARK.sub("", plain(self.body.partition('<div class="freshdesk_quote">')[0]))

    def row(self) -> dict[str, Any]:
        """Return it as the API does."""
        return {
            "id": self.id, "ticket_id": self.ticket, "body": self.body, "body_text": plain(self.body),
            "private": self.private, "incoming": self.incoming, "user_id": self.user, "source": self.source,
            "support_email": None, "created_at": _iso(self.at), "updated_at": _iso(self.at),
            "automation_id": self.automation, "attachments": [_shown(file) for file in self.files],
        }  # fmt: skip


@dataclass(slots=True)
class Ticket:
    """One ticket; its first words are `description`."""

    id: int
    requester: int
    values: dict[str, Any]
    at: datetime
    updated: datetime
    files: list[dict[str, Any]]
    notes: list[Note] = field(default_factory=list)
    deleted: bool = False
    spam: bool = False
    archived: bool = False

    @property
    def opening(self) -> Note:
        """The description as if it were a note."""
        return Note(0, self.id, self.values["description"], self.at, self.requester, incoming=True, files=self.files)

    def row(self, *, whole: bool = False) -> dict[str, Any]:
        """Return it as the API does: in lists without the description."""
        values = {name: value for name, value in self.values.items() if name not in {"name", "attachments"}}
        if not whole:
            values.pop("description")
        return {
            "responder_id": None, **values, "id": self.id, "requester_id": self.requester, "deleted": self.deleted,
            "spam": self.spam, "created_at": _iso(self.at), "updated_at": _iso(self.updated),
            **({"attachments": [_shown(file) for file in self.files]} if whole else {}),
        }  # fmt: skip


class Freshdesk(Neighbour):
    """One account. `written` holds every description and note with its ticket, in order."""

    name: ClassVar[str] = "freshdesk"

    def __init__(self, key: str, *, clock: Clock | None = None, port: int = 0, per_minute: int = 700) -> None:
        """Play an account of the plan Enterprise (700 requests a minute), whose agent Deskwire has this API key."""
        super().__init__(clock, port=port)
        self.contacts: dict[str, int] = {}
        self.tickets: list[Ticket] = []
        self.written: list[tuple[Ticket, Note]] = []
        self.strangers = True  # whether a note may be a contact's
        self._authorization = "Basic " + base64.b64encode(f"{key}:X".encode()).decode()
        self._per_minute = per_minute
        self._minutes: Counter[int] = Counter()
        self._numbers = itertools.count(1001)

    # ------------------------------------------------------------------------------------------ people

    def agent_replies(self, ticket: int, text: str, *, public: bool = True, **more: Any) -> Note:
        """Let an agent answer (with the ticket quoted below), or note something."""
        with self.lock:
            found = self.tickets[ticket - 1]
            quote = f'<div class="freshdesk_quote"><blockquote>{found.values["description"]}</blockquote></div>'
            words = html.escape(text, quote=False).replace("\n", "<br>")
            body = f"<div>{words}</div>" + (quote if public else "")
            given: dict[str, Any] = {"body": body, "user": AGENT, "private": not public, "source": 0 if public else 2}
            return self._write(found, **(given | more))

    def agent_sets(self, ticket: int, **values: Any) -> None:
        """Let an agent change a ticket: its `status`, or who has it (`responder_id`)."""
        with self.lock:
            self.tickets[ticket - 1].values.update(values)
            self.tickets[ticket - 1].updated = self.clock.now()

    def merge(self, ticket: int, into: int) -> None:
        """Let an agent merge a ticket into another, in an English account."""
        with self.lock:
            gone, left = self.tickets[ticket - 1], self.tickets[into - 1]
            gone.values["status"] = 5
            words = f"This ticket is closed and merged into ticket {into}"
            self._write(gone, body=words, user=AGENT, private=True)
            self._write(left, body=f"Merged from ticket {ticket}", user=AGENT)

    # --------------------------------------------------------------------------------------------- API

    def authorize(self, asked: Asked) -> Reply | None:
        if asked.header("authorization") == self._authorization:
            return None
        words = "You have to be logged in to perform this action."
        return Reply.json(401, {"code": "invalid_credentials", "message": words})

    def admit(self, asked: Asked) -> Reply | None:
        seconds = self.clock.now().timestamp()
        self._minutes[int(seconds // 60)] += 1
        if self._minutes[int(seconds // 60)] <= self._per_minute:
            return None
        headers = {"retry-after": str(int(60 - seconds % 60) + 1)}
        return Reply.json(429, {"message": "You have exceeded the limit of requests per minute"}, headers)

    def decorate(self, asked: Asked, reply: Reply) -> Reply:
        left = max(0, self._per_minute - self._minutes[int(self.clock.now().timestamp() // 60)])
        told = {"x-ratelimit-total": str(self._per_minute), "x-ratelimit-remaining": str(left)}
        return Reply(reply.status, reply.body, {**reply.headers, **told})

    def unknown(self, asked: Asked) -> Reply:
        return Reply(404)

    @route("POST", "/api/v2/tickets")
    def create(self, asked: Asked) -> Reply:
        given, faults = _read(asked, TICKET)
        faults += [
            _fault(name, "missing_field")
            for name in ("unique_external_id", "subject", "description", "status", "priority")
            if not given.get(name)
        ]  # fmt: skip
        faults += self._wrong(given)
        if faults:
            return _refused(faults)
        number = self.contacts.setdefault(given["unique_external_id"], 6001 + len(self.contacts))
        now = self.clock.now()
        made = Ticket(len(self.tickets) + 1, number, given, now, now, given.get("attachments", []))
        self.tickets.append(made)
        self.written.append((made, made.opening))
        return Reply.json(201, made.row(whole=True))

    @route("GET", "/api/v2/tickets")
    def list_tickets(self, asked: Asked) -> Reply:
        since, requester = asked.parameter("updated_since"), asked.parameter("unique_external_id")
        found = [each for each in self.tickets if not (each.deleted or each.spam or each.archived)]
        if requester:
            found = [each for each in found if each.requester == self.contacts.get(requester)]
        if asked.parameter("email"):  # no contact here has an address
            found = []
        if since:
            found = [each for each in found if _iso(each.updated) >= since]
        if asked.parameter("order_by") == "updated_at":
            found.sort(key=lambda each: (each.updated, each.id))
        if (asked.parameter("order_by"), asked.parameter("order_type")) == ("created_at", "desc"):
            found.reverse()
        return Reply.json(200, [each.row() for each in _page(asked, found)])

    @route("GET", "/api/v2/search/tickets")
    def search(self, asked: Asked) -> Reply:
        query = re.fullmatch(r"\"(cf_[a-z_]+):'([^']+)'\"", asked.parameter("query"))
        if query is None:
            return _refused([_fault("query", "invalid_value")])
        now = self.clock.now()
        found = [
            each.row() for each in self.tickets
            if each.values["custom_fields"].get(query[1]) == query[2] and (now - each.at).total_seconds() >= INDEXED
        ]  # fmt: skip
        return Reply.json(200, {"total": len(found), "results": found[:30]})

    @route("GET", "/api/v2/tickets/archived/{ticket}")
    def archived(self, asked: Asked, ticket: str) -> Reply:
        found = self._ticket(ticket)
        return Reply.json(200, found.row(whole=True)) if found is not None and found.archived else Reply(404)

    @route("GET", "/api/v2/tickets/{ticket}")
    def view(self, asked: Asked, ticket: str) -> Reply:
        found = self._ticket(ticket)
        if found is None or found.archived:
            return Reply(404)
        stats = {"closed_at": _iso(found.updated) if found.values["status"] == 5 else None}
        more = {"stats": stats} if asked.parameter("include") == "stats" else {}
        return Reply.json(200, {**found.row(whole=True), **more})

    @route("PUT", "/api/v2/tickets/{ticket}")
    def change(self, asked: Asked, ticket: str) -> Reply:
        found = self._ticket(ticket)
        if found is None or found.deleted or found.archived:
            return Reply(404)
        given, faults = _read(asked, CHANGE)
        if faults:
            return _refused(faults)
        fields = {**found.values["custom_fields"], **given.get("custom_fields", {})}
        found.values.update({**given, "custom_fields": fields})
        found.updated = self.clock.now()
        return Reply.json(200, found.row(whole=True))

    @route("POST", "/api/v2/tickets/{ticket}/notes")
    def note(self, asked: Asked, ticket: str) -> Reply:
        found = self._ticket(ticket)
        if found is None or found.deleted or found.archived:
            return Reply(404)
        given, faults = _read(asked, NOTE)
        if not given.get("body"):
            faults.append(_fault("body", "missing_field"))
        user = given.get("user_id", BOT)
        if user not in {BOT, AGENT} and not (self.strangers and user in self.contacts.values()):
            faults.append(_fault("user_id", "invalid_value"))
        files = given.get("attachments", [])
        already = [*found.files, *(file for each in found.notes for file in each.files)]
        if sum(len(file["data"]) for file in (*already, *files)) > MOST_BYTES:
            faults.append(_fault("attachments", "invalid_size"))
        if faults:
            return _refused(faults)
        private, incoming = given.get("private", True), given.get("incoming", False)
        made = self._write(found, body=given["body"], user=user, private=private, incoming=incoming, files=files)
        return Reply.json(201, made.row())

    @route("GET", "/api/v2/tickets/{ticket}/conversations")
    def conversations(self, asked: Asked, ticket: str) -> Reply:
        found = self._ticket(ticket)
        if found is None or found.archived:
            return Reply(404)
        return Reply.json(200, [each.row() for each in _page(asked, found.notes)])

    @route("DELETE", "/api/v2/conversations/{note}")
    def delete(self, asked: Asked, note: str) -> Reply:
        for ticket in self.tickets:
            for each in ticket.notes:
                if str(each.id) == note:
                    ticket.notes.remove(each)
                    return Reply(204)
        return Reply(404)

    @route("GET", "/api/v2/agents/{agent}")
    def agent(self, asked: Asked, agent: str) -> Reply:
        return Reply.json(200, {"id": BOT}) if agent == "me" else Reply.json(403, {"code": "access_denied"})

    @route("GET", "/a/tickets", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every ticket to a person."""
        del asked
        shown = "".join(
            f"<h2>{each.id} {html.escape(each.values['subject'])}</h2>{each.values['description']}"
            + "".join(note.body for note in each.notes)
            for each in reversed(self.tickets)
        )
        return Reply.html(f'<!doctype html><html lang="en"><title>Freshdesk</title>{shown}</html>')

    # ------------------------------------------------------------------------------------------- books

    def _ticket(self, number: str) -> Ticket | None:
        return next((each for each in self.tickets if str(each.id) == number), None)

    def _write(self, ticket: Ticket, *, body: str, user: int, **more: Any) -> Note:
        made = Note(next(self._numbers), ticket.id, body, self.clock.now(), user, **more)
        ticket.notes.append(made)
        ticket.updated = made.at
        self.written.append((ticket, made))
        return made

    def _wrong(self, given: Mapping[str, Any]) -> list[dict[str, str]]:
        allowed = {"status": range(2, 8), "priority": range(1, 5), "source": {1, 2, 3, 7, 9, 10}}
        faults = [_fault(name, "invalid_value") for name, values in allowed.items() if given.get(name) not in values]
        faults += [_fault(name, "invalid_field") for name in given.get("custom_fields", {}) if name not in FIELDS]
        faults += [_fault("tags", "invalid_value") for tag in given.get("tags", []) if len(tag) > 32 or "," in tag]
        if len(given.get("subject", "")) > 255:
            faults.append(_fault("subject", "invalid_value"))
        if sum(len(file["data"]) for file in given.get("attachments", [])) > MOST_BYTES:
            faults.append(_fault("attachments", "invalid_size"))
        return faults


def _read(asked: Asked, schema: Mapping[str, type]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return a request's fields, and what is wrong with them."""
    kind = asked.header("content-type")
    given = _form(asked.body, kind, schema) if kind.startswith("multipart/form-data") else asked.json()
    if not isinstance(given, dict):
        return {}, [_fault("body", "invalid_json")]
    faults = [_fault(name, "invalid_field") for name in given if name not in schema]
    faults += [
        _fault(name, "datatype_mismatch") for name, value in given.items()
        if name in schema and type(value) is not schema[name]
    ]  # fmt: skip
    return given, faults


def _form(body: bytes, kind: str, schema: Mapping[str, type]) -> dict[str, Any]:
    """Return a form's fields as JSON would have them: a number or a truth value is read as the schema wants it."""
    made: dict[str, Any] = {}
    boundary = kind.partition("boundary=")[2].encode()
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, data = part[2:-2].partition(b"\r\n\r\n")
        text = head.decode()
        name, _, inside = re.search(r'name="([^"]*)"', text)[1].partition("[")  # type: ignore[index]
        if name == "attachments":
            file = {"name": re.search(r'filename="([^"]*)"', text)[1], "data": data}  # type: ignore[index]
            file["type"] = re.search(r"Content-Type: (\S+)", text)[1]  # type: ignore[index]
            made.setdefault(name, []).append(file)
        elif inside == "]":
            made.setdefault(name, []).append(data.decode())
        elif inside:
            made.setdefault(name, {})[inside.removesuffix("]")] = data.decode()
        else:
            made[name] = json.loads(data) if schema.get(name) in {int, bool} else data.decode()
    return made


def _page(asked: Asked, rows: list[Any]) -> list[Any]:
    size, number = int(asked.parameter("per_page", "30")), int(asked.parameter("page", "1"))
    return rows[(number - 1) * size : number * size]


def _shown(file: Mapping[str, Any]) -> dict[str, Any]:
    address = "https://s3.amazonaws.com/cdn.freshdesk.com/invented"
    size = len(file["data"])
    return {"id": 1, "name": file["name"], "content_type": file["type"], "size": size, "attachment_url": address}


def _fault(name: str, code: str) -> dict[str, str]:
    return {"field": name, "message": "It is not what it should be", "code": code}


def _refused(faults: list[dict[str, str]]) -> Reply:
    return Reply.json(400, {"description": "Validation failed", "errors": faults})


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

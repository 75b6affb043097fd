"""Zammad, played: its REST API as the documentation and the source have it, and agents who answer and merge.

Strict where Zammad is: the token, JSON alone, groups and references that exist, unique logins, known attributes in a
condition, strict base64, 1,500,000 characters, the reasons that only administrators are told. Articles of a merged
ticket move; an article is taken by a merged ticket all the same, as Zammad takes it from an agent.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route

LONGEST = 1_500_000  # characters of an article
LARGEST = 50 * 1024 * 1024  # bytes of a request
PAGE = 200
SYSTEM, BOT, AGENT, COLLEAGUE = 1, 4, 5, 6
SENDERS = {"Agent": 1, "Customer": 2, "System": 3}
TYPES = {"email": 1, "sms": 2, "chat": 3, "fax": 4, "phone": 5, "note": 10, "web": 11}
COMMUNICATION = frozenset(TYPES) - {"note"}
STATES = {
    1: ("new", 1),
    2: ("open", 2),
    3: ("pending reminder", 3),
    4: ("closed", 5),
    5: ("merged", 6),
    6: ("removed", 7),
    7: ("pending close", 4),
}
GROUPS = {"Users": 1, "Support": 2, "Billing": 3}
CONDITIONS = frozenset({
    "ticket.tags", "ticket.updated_at", "article.message_id_md5", "article.created_at", "article.internal",
    "article.created_by_id", "customer.login", "customer.email",
})  # fmt: skip

Row = dict[str, Any]


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """An error as Zammad reports it. `hidden`: all but administrators are told an id in place of the reason."""

    def __init__(self, status: int, error: str, *, hidden: bool = False) -> None:
        super().__init__(error)
        self.status = status
        self.error = "Error ID xLmJJDkP: Please contact your administrator." if hidden else error
        self.hidden = hidden

    def reply(self) -> Reply:
        """Return the answer."""
        more = {} if self.hidden else {"error_human": self.error}
        headers = {"x-failure": self.error} if self.status in {401, 403} else None
        return Reply.json(self.status, {"error": self.error, **more}, headers)


class Zammad(Neighbour):
    """One Zammad with an agent for Deskwire and another. `tickets`, `articles` and `users` are its rows by id."""

    name: ClassVar[str] = "zammad"

    def __init__(self, token: str, *, clock: Clock | None = None, port: int = 0) -> None:
        """Play a Zammad whose agent for Deskwire has this token."""
        super().__init__(clock, port=port)
        self.tickets: dict[int, Row] = {}
        self.articles: dict[int, Row] = {}
        self.users: dict[int, Row] = {}
        self.files: dict[int, tuple[str, str, bytes]] = {}
        self.links: list[tuple[str, int, int]] = []  # type, source, target
        self.maintenance = False
        self.reads, self.writes = set(GROUPS.values()), set(GROUPS.values())  # the groups of Deskwire's agent
        self._token = token
        self._numbers = {name: itertools.count(101) for name in ("ticket", "article", "user", "file")}
        staff = (
            (BOT, "deskwire", "Deskwire", ""),
            (AGENT, "agnes", "Agnes", "Example"),
            (COLLEAGUE, "bela", "Bela", "E."),
        )
        for number, login, first, last in staff:
            self.users[number] = {"id": number, "login": login, "firstname": first, "lastname": last, "email": ""}

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the token of Deskwire's agent, and JSON."""
        given = asked.header("authorization")
        if not given:
            return Refused(403, "Authentication required").reply()
        if given != f"Token token={self._token}":
            return Refused(401, "Can't find User for Token").reply()
        if self.maintenance:
            return Refused(403, "Maintenance mode enabled!", hidden=False).reply()
        if len(asked.body) > LARGEST:
            return Reply.html("<html><body><h1>413 Request Entity Too Large</h1></body></html>", 413)
        if asked.body and not asked.header("content-type").startswith("application/json"):
            return Refused(422, "Need at least an 'article body' field.").reply()
        return None

    def of(self, ticket: int) -> list[Row]:
        """Return the articles of a ticket, the oldest first."""
        return [row for row in self.articles.values() if row["ticket_id"] == ticket]

    # --------------------------------------------------------------------------------------------- people

    def agent_writes(self, ticket: int, text: str, *, public: bool = True, kind: str = "note", **more: Any) -> Row:
        """Let an agent write an article in the pages; `text` is plain, its editor writes HTML."""
        with self.lock:
            body = "".join(f"<div>{html.escape(line) or '<br>'}</div>" for line in text.split("\n"))
            given = {"body": body, "content_type": "text/html", "type": kind, "internal": not public} | more
            return self._article(ticket, given, AGENT)

    def close(self, ticket: int) -> None:
        """Let an agent close a ticket."""
        with self.lock:
            self.tickets[ticket] |= {"state_id": 4, "close_at": self._now(), "last_close_at": self._now()}
            self._touch(ticket)

    def reopen(self, ticket: int) -> None:
        """Let an agent open a ticket again; when it was closed stays."""
        with self.lock:
            self.tickets[ticket]["state_id"] = 2
            self._touch(ticket)

    def assign(self, ticket: int, agent: int = SYSTEM) -> None:
        """Let a ticket be given to an agent, or to none."""
        with self.lock:
            self.tickets[ticket]["owner_id"] = agent
            self._touch(ticket)

    def merge(self, ticket: int, into: int) -> Row:
        """Let an agent merge a ticket into another; returns the article that says so."""
        with self.lock:
            for row in self.of(ticket):
                row["ticket_id"] = into
            self.links = [(kind, *(into if end == ticket else end for end in ends)) for kind, *ends in self.links]  # type: ignore[misc]
            given = {"body": "merged", "content_type": "text/plain", "type": "note", "internal": False}
            left = self._article(ticket, given, AGENT)
            self.links.append(("parent", into, ticket))
            self.tickets[ticket] |= {"state_id": 5, "owner_id": SYSTEM}
            self._touch(into)
            return left

    def move(self, ticket: int, group: str) -> None:
        """Let an agent move a ticket to another group."""
        with self.lock:
            self.tickets[ticket]["group_id"] = GROUPS[group]
            self._touch(ticket)

    def remove(self, ticket: int) -> None:
        """Let an administrator delete a ticket."""
        with self.lock:
            del self.tickets[ticket]
            self.articles = {number: row for number, row in self.articles.items() if row["ticket_id"] != ticket}

    def payload(self, article: Row) -> dict[str, Any]:
        """Return what a trigger's webhook says of an article."""
        ticket = self.tickets[article["ticket_id"]]
        author = self.users.get(article["created_by_id"], {"id": SYSTEM, "login": "-"})
        return {
            "ticket": {**ticket, "state": STATES[ticket["state_id"]][0], "group": {"id": ticket["group_id"]}},
            "article": {**article, "created_by": author, "accounted_time": 0},
        }

    # ------------------------------------------------------------------------------------------------ API

    @route("GET", "/api/v1/users/me")
    def me(self, asked: Asked) -> Reply:
        """Say whose token it is."""
        del asked
        return Reply.json(200, self.users[BOT])

    @route("GET", "/api/v1/ticket_states")
    def states(self, asked: Asked) -> Reply:
        """Return the states."""
        del asked
        rows = [
            {"id": number, "name": name, "state_type_id": kind, "default_create": number == 1,
             "default_follow_up": number == 2, "active": number != 6}
            for number, (name, kind) in STATES.items()
        ]  # fmt: skip
        return Reply.json(200, rows)

    @route("POST", "/api/v1/tickets")
    def create(self, asked: Asked) -> Reply:
        """Create a ticket with its article, and its customer where there is none of that login."""
        given = asked.json()
        try:
            self._check_ticket(given)
            self._check(given.get("article") or {})
            if GROUPS[given["group"]] not in self.writes:
                raise Refused(403, "Not authorized")  # noqa: TRY301 - as it answers
            number = next(self._numbers["ticket"])
            customer = self._customer(given["customer"])
            now = self._now()
            self.tickets[number] = {
                "id": number, "number": f"67{number}", "title": given["title"], "group_id": GROUPS[given["group"]],
                "state_id": 1, "priority_id": given.get("priority_id", 2), "owner_id": SYSTEM, "customer_id": customer,
                "close_at": None, "last_close_at": None, "created_by_id": BOT, "created_at": now, "updated_at": now,
                "tags": [tag.strip() for tag in given.get("tags", "").split(",") if tag.strip()],
                "deskwire_reference": given.get("deskwire_reference"),
            }  # fmt: skip
            self._article(number, given["article"], BOT)
            for kind, others in (given.get("links") or {}).get("Ticket", {}).items():
                self.links += [(kind, number, other) for other in others]
        except Refused as refused:
            return refused.reply()
        return Reply.json(201, self._with_articles(number))

    @route("GET", "/api/v1/tickets/{number}")
    def show(self, asked: Asked, number: str) -> Reply:
        """Return a ticket, with names where asked for."""
        expand = asked.parameter("expand") == "true"
        return self._found(number) or Reply.json(200, (self._expanded if expand else self._shown)(int(number)))

    @route("PUT", "/api/v1/tickets/{number}")
    def update(self, asked: Asked, number: str) -> Reply:
        """Change a ticket and add an article."""
        given = asked.json()
        if missing := self._found(number, change=True):
            return missing
        try:
            self._check_state(given)
            if given.get("article"):
                self._check(given["article"])
                self._article(int(number), given["article"], BOT)
        except Refused as refused:
            return refused.reply()
        if given.get("state_id"):
            self.tickets[int(number)]["state_id"] = given["state_id"]
        self._touch(int(number))
        return Reply.json(200, self._with_articles(int(number)))

    @route("POST", "/api/v1/ticket_articles")
    def append(self, asked: Asked) -> Reply:
        """Add an article to a ticket."""
        given = asked.json()
        if missing := self._found(str(given.get("ticket_id")), change=True):
            return missing
        try:
            self._check(given)
            return Reply.json(201, self._article(given["ticket_id"], given, BOT))
        except Refused as refused:
            return refused.reply()

    @route("GET", "/api/v1/ticket_articles/by_ticket/{number}")
    def by_ticket(self, asked: Asked, number: str) -> Reply:
        """Return all articles of a ticket."""
        del asked
        return self._found(number) or Reply.json(200, self.of(int(number)))

    @route("GET", "/api/v1/ticket_attachment/{ticket}/{article}/{number}")
    def attachment(self, asked: Asked, ticket: str, article: str, number: str) -> Reply:
        """Return the bytes of an article's file."""
        del asked, ticket
        row = self.articles.get(int(article), {"attachments": []})
        if int(number) not in {each["id"] for each in row["attachments"]}:
            return Reply.json(404, {"error": "Couldn't find Store"})
        _, kind, data = self.files[int(number)]
        return Reply(200, data, {"content-type": kind})

    @route("POST", "/api/v1/tickets/search")
    def search(self, asked: Asked) -> Reply:
        """Return the tickets that meet every condition; those on articles are met by one and the same article."""
        given = asked.json()
        condition = given.get("condition") or {}
        if not condition.keys() <= CONDITIONS or given.get("expand") is not True:
            return Refused(422, "PG::UndefinedColumn: ERROR: column does not exist", hidden=True).reply()
        visible = [row for row in self.tickets.values() if row["group_id"] in self.reads]
        found = [row for row in visible if self._meets(row, condition)]
        found.sort(key=lambda row: row[given.get("sort_by", "updated_at")], reverse=given.get("order_by") != "asc")
        size = min(int(given.get("per_page", 50)), PAGE)
        start = (int(given.get("page", 1)) - 1) * size
        return Reply.json(200, [self._expanded(row["id"]) for row in found[start : start + size]])

    @route("GET", "/api/v1/links")
    def linked(self, asked: Asked) -> Reply:
        """Return the links of a ticket, each as it is seen from there."""
        number = int(asked.parameter("link_object_value"))
        turned = {"normal": "normal", "parent": "child", "child": "parent"}
        found = [(turned[kind], target) for kind, source, target in self.links if source == number]
        found += [(kind, source) for kind, source, target in self.links if target == number]
        rows = [{"link_type": kind, "link_object": "Ticket", "link_object_value": other} for kind, other in found]
        return Reply.json(200, {"links": rows, "assets": {}})

    @route("GET", "/tickets", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show every ticket to a person."""
        del asked
        shown = "".join(
            f"<h2>{ticket['number']} {html.escape(ticket['title'])} ({STATES[ticket['state_id']][0]})</h2>"
            + "".join(f'<p dir="auto"><b>{html.escape(row["from"])}</b> {words(row)}</p>' for row in self.of(number))
            for number, ticket in reversed(self.tickets.items())
        )
        return Reply.html(f'<!doctype html><html lang="en"><title>Zammad</title>{shown}</html>')

    # --------------------------------------------------------------------------------------------- its rules

    def _now(self) -> str:
        moment = self.clock.now().astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"

    def _touch(self, ticket: int) -> None:
        self.tickets[ticket]["updated_at"] = self._now()

    def _found(self, number: str, *, change: bool = False) -> Reply | None:
        if number.isdigit() and int(number) in self.tickets:
            allowed = self.tickets[int(number)]["group_id"] in (self.writes if change else self.reads)
            return None if allowed else Refused(403, "Not authorized").reply()
        return Refused(404, f"Couldn't find Ticket with 'id'={number}").reply()

    def _shown(self, number: int) -> Row:
        return {name: value for name, value in self.tickets[number].items() if name != "tags"}

    def _expanded(self, number: int) -> Row:
        row = self._shown(number)
        owner = self.users.get(row["owner_id"], {"login": "-"})["login"]
        person = self.users[row["customer_id"]]["login"]
        group = next(name for name, number in GROUPS.items() if number == row["group_id"])
        return {**row, "group": group, "customer": person, "owner": owner, "state": STATES[row["state_id"]][0]}

    def _with_articles(self, number: int) -> Row:
        return {**self._shown(number), "article_ids": [row["id"] for row in self.of(number)][::-1]}

    def _customer(self, given: Mapping[str, str]) -> int:
        login = given["login"].lower()
        known = next((row["id"] for row in self.users.values() if row["login"] == login), None)
        if known is not None:
            return int(known)
        if not (given.get("firstname") or given.get("lastname") or given.get("email")):
            raise Refused(422, "At least one identifier (firstname, lastname, phone, mobile or email) is required.")
        if len(given.get("firstname", "")) > 100:
            raise Refused(422, "value too long for type character varying(100)", hidden=True)
        number = next(self._numbers["user"])
        first, _, last = given.get("firstname", "").partition(" ")
        row = {"id": number, "login": login, "firstname": first, "lastname": last, "email": given.get("email", "")}
        self.users[number] = {**row, "note": given.get("note", "")}
        return number

    def _check_ticket(self, given: Mapping[str, Any]) -> None:
        if given.get("group") not in GROUPS:
            raise Refused(422, f"No lookup value found for 'group': {given.get('group')!r}")
        if not given.get("title") or len(given["title"]) > 250:
            raise Refused(422, "value too long for type character varying(250)", hidden=True)

    def _check_state(self, given: Mapping[str, Any]) -> None:
        if given.get("state_id") not in {None, *STATES}:
            raise Refused(422, f"Invalid value for param 'state_id': {given['state_id']}", hidden=True)

    def _check(self, given: Mapping[str, Any]) -> None:
        """Raise `Refused` for an article that Zammad would not take."""
        if given.get("body") is None:
            raise Refused(422, "Need at least an 'article body' field.")
        if len(given["body"]) > LONGEST:
            raise Refused(422, f"body of article is too large, {len(given['body'])} chars - only {LONGEST} allowed")
        if given.get("type", "note") not in TYPES:
            raise Refused(422, f"No lookup value found for 'type': {given['type']!r}")
        if given.get("sender", "Agent") not in SENDERS:
            raise Refused(422, f"No lookup value found for 'sender': {given['sender']!r}")
        if given.get("origin_by_id") not in {None, *self.users}:
            raise Refused(422, f"Invalid value for param 'origin_by_id': {given['origin_by_id']}", hidden=True)
        for index, file in enumerate(given.get("attachments") or ()):
            for name in ("mime-type", "filename", "data"):
                if file.get(name) is None:
                    raise Refused(422, f"Attachment needs '{name}' param for attachment with index '{index}'")
            try:
                base64.b64decode(file["data"].replace("\r", "").replace("\n", ""), validate=True)
            except ValueError:
                raise Refused(422, f"Invalid base64 for attachment with index '{index}'") from None

    def _article(self, ticket: int, given: Mapping[str, Any], author: int) -> Row:
        sender, kind = given.get("sender", "Agent"), given.get("type", "note")
        origin = given.get("origin_by_id")
        if sender == "Customer" and origin is None and kind in {"phone", "note", "web"}:
            origin = self.tickets[ticket]["customer_id"]
        if origin is not None and origin != author:
            sender = "Customer"
        by = self.users.get(origin or author, {"firstname": "-", "lastname": "", "email": ""})
        shown = f"{by['firstname']} {by['lastname']}"
        if kind in {"web", "phone"} and sender == "Customer":
            shown = f"{shown} <{by['email']}>"
        elif kind == "email" and sender == "Agent":
            shown = f"{shown} via Support <support@northwind.example>"
        mail = given.get("message_id")
        now = self._now()
        row = {
            "id": next(self._numbers["article"]), "ticket_id": ticket, "sender": sender, "sender_id": SENDERS[sender],
            "type": kind, "type_id": TYPES[kind], "internal": given.get("internal", False),
            "from": shown,
            "body": given["body"], "content_type": given.get("content_type", "text/plain"), "message_id": mail,
            "message_id_md5": hashlib.md5(mail.encode(), usedforsecurity=False).hexdigest() if mail else None,
            "in_reply_to": given.get("in_reply_to"), "origin_by_id": origin, "created_by_id": author,
            "preferences": given.get("preferences", {}), "created_at": now, "updated_at": now,
            "attachments": [
                self._stored(file) for file in given.get("attachments") or ()
            ],
        }  # fmt: skip
        self.articles[row["id"]] = row
        if (
            sender == "Agent"
            and kind in COMMUNICATION
            and not row["internal"]
            and self.tickets[ticket]["state_id"] == 1
        ):
            self.tickets[ticket]["state_id"] = 2
        self._touch(ticket)
        return row

    def _stored(self, file: Mapping[str, Any]) -> Row:
        number, data = next(self._numbers["file"]), base64.b64decode(file["data"])
        self.files[number] = (file["filename"], file["mime-type"], data)
        preferences = {"Mime-Type": file["mime-type"]}
        return {"id": number, "filename": file["filename"], "size": str(len(data)), "preferences": preferences}

    def _meets(self, ticket: Row, condition: Mapping[str, Any]) -> bool:
        of_ticket = condition.get("ticket.tags")
        if of_ticket and of_ticket["value"] not in ticket["tags"]:
            return False
        changed = condition.get("ticket.updated_at")
        if changed and not holds(ticket["updated_at"], changed):
            return False
        person = self.users[ticket["customer_id"]]
        for name in ("login", "email"):
            wanted = condition.get(f"customer.{name}")
            if wanted and person[name].lower() != wanted["value"].lower():
                return False
        of_articles = {name.partition(".")[2]: rule for name, rule in condition.items() if name.startswith("article.")}
        return not of_articles or any(
            all(holds(row[name], rule) for name, rule in of_articles.items()) for row in self.of(ticket["id"])
        )


def holds(value: Any, rule: Mapping[str, Any]) -> bool:
    """Return whether an attribute of an article meets a condition."""
    wanted, operator = rule["value"], rule["operator"]
    if operator == "after (absolute)":
        return datetime.fromisoformat(value) > datetime.fromisoformat(wanted)
    same = value is wanted if isinstance(value, bool) else str(value) == str(wanted)
    return bool(same == (operator == "is"))


def words(row: Row) -> str:
    """Return an article as its page shows it: text escaped, HTML as the agents' editor wrote it."""
    if row["content_type"] == "text/html":
        return str(row["body"])
    return html.escape(row["body"]).replace("\n", "<br>")

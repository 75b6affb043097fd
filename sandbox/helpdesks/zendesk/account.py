"""What one Zendesk account holds: users, tickets, comments, audits, files; and the rules of writing to them."""

from __future__ import annotations

import html
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from sandbox.helpdesks.zendesk.records import Records
from sandbox.neighbours.neighbour import Clock, Reply

PRIORITIES = {"low", "normal", "high", "urgent", None}
ORDER = {"urgent": 0, "high": 1, "normal": 2, None: 2, "low": 3}  # of a view by priority
DONE = {"solved", "closed"}
STATUSES = {"new", "open", "pending", "hold", "solved", "closed"}
COMMENT_LIMIT = 65_535
METADATA_LIMIT = 1024
COMMENTS_LIMIT = 5000
TOKEN_MINUTES = 60
ALLOWED = {"p", "br", "div", "span", "strong", "b", "em", "i", "a", "ul", "ol", "li", "blockquote", "pre", "code"}


def stamp(moment: datetime) -> str:
    """Return a time as Zendesk writes it: to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Refused(Exception):  # noqa: N818 - the answer to be given, not a mistake
    """A request that Zendesk refuses, with its answer."""

    def __init__(self, status: int, payload: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.reply = Reply.json(status, payload, headers)


def invalid(name: str, description: str, error: str = "") -> Refused:
    """Return a 422 in the usual shape."""
    detail = {"description": description} | ({"error": error} if error else {})
    return Refused(
        422, {"error": "RecordInvalid", "description": "Record validation errors", "details": {name: [detail]}}
    )


def missing() -> Refused:
    """Return the 404 of a record that is not there (or was deleted)."""
    return Refused(404, {"error": "RecordNotFound", "description": "Not found"})


@dataclass(slots=True)
class User:
    """Somebody: `role` is end-user, agent or admin."""

    id: int
    name: str
    role: str
    external_id: str | None = None
    email: str | None = None
    details: str = ""
    suspended: bool = False
    organizations: list[int] = field(default_factory=list)  # the first is their own

    def to_json(self) -> dict[str, Any]:
        """Return it as the API does."""
        return {
            "id": self.id, "name": self.name, "role": self.role, "external_id": self.external_id,
            "email": self.email, "details": self.details, "active": True, "verified": self.role != "end-user",
            "organization_id": next(iter(self.organizations), None),
        }  # fmt: skip


@dataclass(slots=True)
class Stored:
    """A file, uploaded and perhaps attached."""

    id: int
    token: str
    name: str
    type: str
    data: bytes
    uploaded_at: datetime
    used: bool = False

    def to_json(self, base: str) -> dict[str, Any]:
        """Return it as an attachment."""
        return {
            "id": self.id, "file_name": self.name, "content_type": self.type, "size": len(self.data),
            "content_url": f"{base}/attachments/token/{self.token}/?name={self.name}", "inline": False,
        }  # fmt: skip


@dataclass(slots=True)
class Comment:
    """One comment; its id is that of the event in its audit."""

    id: int
    audit_id: int
    author_id: int
    html: str
    public: bool
    created_at: datetime
    files: list[Stored] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)  # what the API says of how it was written, where not by itself

    @property
    def words(self) -> str:
        """The comment as plain text."""
        text = re.sub(r"<br\s*/?>", "\n", self.html)
        return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(p|div|li)>\s*(?=<)", "\n", text)))


@dataclass(slots=True)
class Ticket:
    """One ticket with its comments and audits."""

    id: int
    subject: str
    requester_id: int
    submitter_id: int
    external_id: str | None
    created_at: datetime
    updated_at: datetime
    priority: str | None = None
    status: str = "new"
    group_id: int | None = None
    brand_id: int | None = None
    ticket_form_id: int | None = None
    organization_id: int | None = None
    type: str | None = None
    assignee_id: int | None = None
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[int, str] = field(default_factory=dict)
    followers: set[int] = field(default_factory=set)
    followup_of: int | None = None
    comments: list[Comment] = field(default_factory=list)
    audits: list[dict[str, Any]] = field(default_factory=list)
    deleted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the API does."""
        via = {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}
        if self.followup_of:
            via["source"] = {"from": {"ticket_id": self.followup_of}, "to": {}, "rel": "follow_up"}
        return {
            "id": self.id, "external_id": self.external_id, "subject": self.subject, "status": self.status,
            "priority": self.priority, "group_id": self.group_id, "assignee_id": self.assignee_id,
            "requester_id": self.requester_id, "submitter_id": self.submitter_id, "brand_id": self.brand_id,
            "ticket_form_id": self.ticket_form_id, "organization_id": self.organization_id, "type": self.type,
            "tags": self.tags, "custom_fields": [{"id": k, "value": v} for k, v in self.custom_fields.items()],
            "created_at": stamp(self.created_at), "updated_at": stamp(self.updated_at), "via": via,
            "follower_ids": sorted(self.followers), "is_public": any(comment.public for comment in self.comments),
        }  # fmt: skip


class _Clean(HTMLParser):
    """Keeps the tags Zendesk keeps; its own attributes only."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ALLOWED:
            kept = "".join(
                f' {name}="{html.escape(value)}"'
                for name, value in attrs
                if value and (name == "dir" or (name == "href" and value.startswith(("https://", "http://"))))
            )
            self.out.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in ALLOWED and tag != "br":
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.out.append(html.escape(data, quote=False))


def cleaned(markup: str) -> str:
    """Return HTML as Zendesk would keep it."""
    parser = _Clean()
    parser.feed(markup)
    parser.close()
    return "".join(parser.out)


def from_body(body: str) -> str:
    """Return what becomes of a plain `body`: tags are stripped, Markdown is rendered (so: do not use it)."""
    text = html.escape(re.sub(r"</?[a-zA-Z][^>]*>", "", body), quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)]+)\)", r'<a href="\2">\1</a>', text)
    return f'<p dir="auto">{text.replace(chr(10), "<br>")}</p>'


class Account:
    """The records, and the rules that hold however they are written."""

    def __init__(self, clock: Clock, subdomain: str, updates_per_minute: int = 100) -> None:
        """Begin empty."""
        self.clock = clock
        self.base = f"https://{subdomain}.zendesk.com"
        self.closed_shape = "status"  # where the words of a closed ticket's 422 lie: status, base or ClosedTicket
        self.records = Records()
        self.users: dict[int, User] = {}
        self.tickets: dict[int, Ticket] = {}
        self.files: dict[str, Stored] = {}
        self.written: list[tuple[int, Comment]] = []  # every comment with its ticket, in the order of writing
        self._next = {"user": 3_700_000, "ticket": 88_000, "event": 551_000, "file": 900}
        self.updates_per_minute = updates_per_minute
        self._updates: deque[datetime] = deque()
        self._ticket_updates: dict[tuple[int, int], deque[datetime]] = {}

    def number(self, kind: str) -> int:
        """Return the next id."""
        self._next[kind] += 1
        return self._next[kind]

    def person(self, name: str, role: str, email: str | None = None, external_id: str | None = None) -> User:
        """Make a user."""
        user = User(self.number("user"), name, role, external_id, email)
        self.users[user.id] = user
        return user

    def queue(self) -> list[Ticket]:
        """Return the unsolved tickets as a view by priority shows them: the most urgent first, then the oldest."""
        unsolved = (each for each in self.tickets.values() if not each.deleted and each.status not in DONE)
        return sorted(unsolved, key=lambda each: (ORDER[each.priority], each.created_at, each.id))

    def ticket(self, number: int) -> Ticket:
        """Return a ticket. Raises the 404 of a missing or deleted one."""
        found = self.tickets.get(number)
        if found is None or found.deleted:
            raise missing()
        return found

    # -------------------------------------------------------------------------------------------- comments

    def comment(self, ticket: Ticket, by: User, given: dict[str, Any], audit: int) -> Comment:
        """Check and add a comment (not yet its audit)."""
        author = self.users.get(given.get("author_id", by.id))
        if author is None:
            raise invalid("author", "Author: is invalid", "InvalidValue")
        if author.suspended:
            raise invalid("author", f"Author: {author.name} is suspended.", "UserSuspended")
        markup = cleaned(given["html_body"]) if given.get("html_body") else from_body(str(given.get("body") or ""))
        made = Comment(self.number("event"), audit, author.id, markup, given.get("public", True), self.clock.now())
        made.files = [self._used(token) for token in given.get("uploads", [])]
        if not made.words.strip() and not made.files:
            raise invalid("base", "Description: cannot be blank", "BlankValue")
        if len(made.words) > COMMENT_LIMIT:
            raise invalid("comment", "Comment: is too long (maximum is 65535 characters)", "ValueTooLong")
        if len(ticket.comments) >= COMMENTS_LIMIT:
            raise invalid("base", "Ticket: has reached the maximum number of comments")
        made.html = made.html.replace("{{ticket.id}}", str(ticket.id))  # agents' comments are templates
        for user in self.users.values():  # and may mention agents, where a word begins so
            mention = rf"(?<![\w/])@{re.escape(user.name.split()[0].lower())}"
            if user.role != "end-user" and re.search(mention, made.words.lower()):
                ticket.followers.add(user.id)
        for file in made.files:
            file.used = True
        ticket.comments.append(made)
        return made

    def _used(self, token: str) -> Stored:
        file = self.files.get(token)
        age = timedelta() if file is None else self.clock.now() - file.uploaded_at
        if file is None or file.used or age > timedelta(minutes=TOKEN_MINUTES):
            raise invalid("uploads", "Uploads: token is invalid or expired", "InvalidValue")
        return file

    def audit(
        self, ticket: Ticket, by: User, given: dict[str, Any], events: list[dict[str, Any]], number: int
    ) -> dict[str, Any]:
        """Write an audit of what was done."""
        custom = given.get("metadata", {})
        if len(str(custom)) > METADATA_LIMIT:
            raise invalid("metadata", "Metadata: is too large (maximum is 1024 bytes)")
        made: dict[str, Any] = {
            "id": number, "ticket_id": ticket.id, "created_at": stamp(self.clock.now()), "author_id": by.id,
            "metadata": {"system": {"client": "deskwire"}, "custom": custom}, "events": events,
            "via": given.get("via", {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}),
        }  # fmt: skip
        ticket.audits.append(made)
        ticket.updated_at = self.clock.now()
        return made

    def comment_event(self, comment: Comment) -> dict[str, Any]:
        """Return a comment as an event of its audit."""
        return {
            "id": comment.id, "type": "Comment", "author_id": comment.author_id, "public": comment.public,
            "body": comment.words, "html_body": f'<div class="zd-comment" dir="auto">{comment.html}</div>',
            "plain_body": comment.words, "audit_id": comment.audit_id,
            "attachments": [file.to_json(self.base) for file in comment.files],
        }  # fmt: skip

    def redact(self, comment: Comment, marked: str, urls: list[str]) -> None:
        """Keep of a comment what is not between `<redact>` tags: there each character becomes ▇."""
        inner = re.sub(r'^<div class="zd-comment" dir="auto">(.*)</div>$', r"\1", marked, flags=re.DOTALL)
        if cleaned(re.sub(r"</?redact>", "", inner)) != comment.html:
            raise invalid("html_body", "The html_body does not match the comment")
        gone = re.compile(r"<redact>(.*?)</redact>", re.DOTALL)
        comment.html = gone.sub(lambda found: "▇" * len(html.unescape(found[1])), inner)
        for file in comment.files:
            if file.to_json(self.base)["content_url"] in urls:
                file.name, file.type, file.data = "redacted.txt", "text/plain", b""
        self._rewrite(comment)

    def redact_text(self, comment: Comment, text: str) -> None:
        """Replace a text wherever it stands in a comment."""
        written = html.escape(text, quote=False)
        if not text or written not in comment.html:
            raise invalid("text", "Text: was not found in the comment")
        comment.html = comment.html.replace(written, "▇" * len(text))
        self._rewrite(comment)

    def _rewrite(self, comment: Comment) -> None:
        for ticket in self.tickets.values():
            for audit in ticket.audits:
                if audit["id"] == comment.audit_id:
                    audit["events"][0] = self.comment_event(comment)

    # --------------------------------------------------------------------------------------------- tickets

    def create(self, by: User, given: dict[str, Any]) -> tuple[Ticket, dict[str, Any]]:
        """Create a ticket. Raises `Refused`, and leaves nothing then."""
        if not isinstance(given.get("comment"), dict):
            raise invalid("base", "Description: cannot be blank", "BlankValue")
        requester = self.users.get(given.get("requester_id", by.id))
        if requester is None:
            raise invalid("requester", "Requester: is invalid", "InvalidValue")
        if requester.suspended:
            raise invalid("requester", f"Requester: {requester.name} is suspended.", "UserSuspended")
        if given.get("priority") not in PRIORITIES:
            raise invalid("priority", f"Priority: {given['priority']} is not a valid priority", "InvalidValue")
        self._named(given)
        now = self.clock.now()
        source = given.get("via_followup_source_id")
        followed = self.tickets.get(source) if source else None
        ticket = Ticket(
            self.number("ticket"), given.get("subject") or "", requester.id, by.id, given.get("external_id"), now, now,
            priority=given.get("priority"), status=given.get("status", "new"), tags=list(given.get("tags", [])),
            custom_fields={field["id"]: field["value"] for field in given.get("custom_fields", [])},
            followup_of=followed.id if followed and followed.status == "closed" else None,
            group_id=given.get("group_id"), brand_id=given.get("brand_id"), type=given.get("type"),
            ticket_form_id=given.get("ticket_form_id"), organization_id=next(iter(requester.organizations), None),
        )  # fmt: skip
        if ticket.status == "solved":
            self._solvable(ticket)
        audit = self.number("event")
        comment = self.comment(ticket, by, given["comment"], audit)
        events = [
            self.comment_event(comment),
            {"id": self.number("event"), "type": "Create", "field_name": "status", "value": ticket.status},
        ]
        made = self.audit(ticket, by, given, events, audit)
        self.tickets[ticket.id] = ticket
        self.written.append((ticket.id, comment))
        return ticket, made

    def update(
        self, number: int, by: User, given: dict[str, Any], *, limited: bool = False
    ) -> tuple[Ticket, dict[str, Any]]:
        """Update a ticket. Raises `Refused`. `limited`: through the API, whose limits agents' own pages do not know."""
        ticket = self.ticket(number)
        if ticket.status == "closed":
            raise self._closed()
        if given.get("safe_update") in {True, "true"} and given.get("updated_stamp") != stamp(ticket.updated_at):
            description = "Safe Update prevented the update due to outdated ticket data."
            raise Refused(409, {"error": "UpdateConflict", "description": description})
        status = given.get("status", ticket.status)
        if status not in STATUSES:
            raise invalid("status", f"Status: {status} is not a valid status", "InvalidValue")
        if given.get("priority", ticket.priority) not in PRIORITIES:
            raise invalid("priority", f"Priority: {given['priority']} is not a valid priority", "InvalidValue")
        self._whose(given)
        self._named(given)
        if limited:
            self._budget(ticket, by)
        if status == "solved" != ticket.status:
            self._solvable(ticket)
        audit = self.number("event")
        events: list[dict[str, Any]] = []
        if given.get("comment"):
            comment = self.comment(ticket, by, given["comment"], audit)
            self.written.append((ticket.id, comment))
            events.append(self.comment_event(comment))
        if status != ticket.status:
            change = {"type": "Change", "field_name": "status", "value": status, "previous_value": ticket.status}
            events.append({"id": self.number("event"), **change})
            ticket.status = status
        if "tags" in given:
            ticket.tags = list(given["tags"])
        ticket.custom_fields |= {field["id"]: field["value"] for field in given.get("custom_fields", [])}
        ticket.priority = given.get("priority", ticket.priority)
        ticket.group_id = given.get("group_id", ticket.group_id)
        ticket.assignee_id = given.get("assignee_id", ticket.assignee_id)
        return ticket, self.audit(ticket, by, given, events, audit)

    @staticmethod
    def _whose(given: dict[str, Any]) -> None:
        """Refuse a group or an agent that is no id."""
        for name in ("group_id", "assignee_id"):
            if not isinstance(given.get(name), int | None):
                raise invalid(name, f"{name}: {given[name]} is not valid", "InvalidValue")

    def _named(self, given: dict[str, Any]) -> None:
        for name, called in self.records.wrong(given):
            raise invalid(name, f"{called}: is invalid", "InvalidValue")

    def _solvable(self, ticket: Ticket) -> None:
        """Refuse to solve a ticket with an empty required field, as seen in github.com/facetoe/zenpy/issues/114."""
        if empty := self.records.empty(ticket):
            reasons = [
                {"description": f"{each['title']}: is required when solving a ticket", "error": None,
                 "ticket_field_id": each["id"], "ticket_field_type": f"Field{each['type'].capitalize()}"}
                for each in empty
            ]  # fmt: skip
            said = {"error": "RecordInvalid", "description": "Record validation errors", "details": {"base": reasons}}
            raise Refused(422, said)

    def _closed(self) -> Refused:
        words = {"description": "Status: closed prevents ticket update"}
        name = "base" if self.closed_shape == "base" else "status"
        error = "ClosedTicket" if self.closed_shape == "ClosedTicket" else "RecordInvalid"
        return Refused(422, {"error": error, "description": "Record validation errors", "details": {name: [words]}})

    def _budget(self, ticket: Ticket, by: User) -> None:
        """Allow so many updates a minute, and 30 in ten minutes of one ticket by one user."""
        own = self._ticket_updates.setdefault((ticket.id, by.id), deque())
        for times, most, seconds in ((self._updates, self.updates_per_minute, 60.0), (own, 30, 600.0)):
            count(times, self.clock.now(), most, seconds)
        for times in (self._updates, own):
            times.append(self.clock.now())


def count(times: deque[datetime], now: datetime, most: int, seconds: float) -> None:
    """Raise the 429 when `times` holds `most` of the last `seconds`."""
    while times and (now - times[0]).total_seconds() >= seconds:
        times.popleft()
    if len(times) >= most:
        wait = max(1, round(seconds - (now - times[0]).total_seconds()))
        description = "Number of allowed API requests per minute exceeded"
        raise Refused(429, {"error": "APIRateLimitExceeded", "description": description}, {"retry-after": str(wait)})

"""Request Tracker 5 (Best Practical): tickets and correspondence over REST 2.

Set-up: load docs/request-tracker/initialdata into RT (group, rights, custom fields, scrip) and create a token for its
user `deskwire`, as docs/request-tracker/README.md says; REST 2 is part of RT.
https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html

Signature: ours, for RT has no webhooks: the shipped scrip sends `X-RT-Signature: sha256=` and the hexadecimal
HMAC-SHA256 of `X-RT-Timestamp`, a dot and the body. https://docs.bestpractical.com/rt/5.0.3/initialdata.html

Secrets: `token` (an authentication token) of the connection; `webhook` ($DeskwireWebhookSecret of RT_SiteConfig) of the
endpoint. https://docs.bestpractical.com/rt/5.0.3/RT/AuthToken.html

Limits: none on rate; $MaxAttachmentSize is 10 MiB. https://docs.bestpractical.com/rt/5.0.3/RT_Config.html

What survives a redelivery: the id of the transaction. Seen on RT 5.0.3 (Debian 12), where a comment says nothing else:

* A ticket's id is good for ever: RT itself leads the id of a merged ticket to the one it was merged into. So the old id
  is kept; it alone tells which of the survivor's replies were written for this customer.
* There is no idempotency key. A ticket's key stands in the custom field “Deskwire Thread”, a message's in the
  transaction's “Deskwire Message”. Uniqueness and search ignore case, so a digest is part of the value (`marker`).
* RT commits a correspondence first, its custom field milliseconds later. If RT dies in between, `find` does not see the
  message and it is written twice.
* The author of everything is our user, therefore the text says who wrote and when.
* The customer's user gets no e-mail address: RT would mail them their own messages, and the answers beside the channel.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from deskwire.channel import Page, Reach, each
from deskwire.contract import Contract, Figure
from deskwire.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.helpdesk import Abilities, Helpdesk, TicketGone
from deskwire.markup import plain
from deskwire.model import (
    ADD,
    AgentReply,
    Attachment,
    AttachmentKind,
    Customer,
    Entry,
    Event,
    File,
    Filed,
    Kind,
    Ticket,
    Unreadable,
    Visibility,
    digest,
)
from deskwire.reading import Node, read
from deskwire.rest import Answer, Call, checked
from deskwire.verification import HmacHeader

if TYPE_CHECKING:
    from deskwire.http import Request

Asked = ParamSpec("Asked")
Found = TypeVar("Found")

THREAD = "Deskwire Thread"
OPENING = "Deskwire Opening"
MESSAGE = "Deskwire Message"
REFERENCE = "Deskwire Reference"
TAGS = "Deskwire Tags"

# RT's labels by default are Low 0, Medium 50, High 100 (RT_Config, %PriorityAsString).
PRIORITIES = {"low": 0, "normal": 50, "high": 100, "urgent": 100}
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}")
KINDS = {"image": AttachmentKind.IMAGE, "audio": AttachmentKind.AUDIO, "video": AttachmentKind.VIDEO}
RELEVANT = frozenset({"Correspond", "Status"})
FIELD = re.compile(r"\s*([a-z_]+)\s*=\s*([^,=]{1,200}?)\s*")
QUOTE = re.compile(r"<(/?)(?:div|blockquote)\b([^<>]*)>", re.IGNORECASE)
MANUAL = "https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html"
SCRIPS = "https://docs.bestpractical.com/rt/5.0.3/customizing/scrip_conditions_and_action.html"  # ours is a scrip
READ = date(2026, 11, 21)
HOUR = 3600.0
HINT = "the “token”"


def marker(key: str) -> str:
    """Return what stands for a key in RT: itself and a digest (RT takes `aB` and `Ab` for the same value)."""
    return f"{key} {digest(key)[:16]}" if len(key) <= 200 else digest(key)  # a value holds 255 characters


def user_name(customer: Customer) -> str:
    """Return the RT user's name for a customer.

    A colon, a comma, an @ or digits alone mean something else to RT as a requestor, and case is ignored: a name that is
    not plainly safe is replaced by a digest of it.
    """
    if PLAIN_NAME.fullmatch(customer.external_id):
        return customer.external_id
    channel = re.sub(r"[^a-z0-9]", "", customer.channel.lower()) or "customer"
    return f"{channel}-{digest(customer.external_id)[:32]}"


def stored_name(name: str) -> str:
    """Return a file's name without what would break out of its header, or be decoded (`=?…`)."""
    return re.sub(r"[\x00-\x1f\x7f/\\\"]", "_", name).replace("=?", "=_").strip()[:120] or "file"


def quoted(value: str) -> str:
    """Return a value as TicketSQL's string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def number(text: str) -> str:
    """Return an id that is a number; it goes into paths and queries. Raises `PermanentError` for anything else."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise PermanentError("that is no id of Request Tracker")
    return text


def spoken(entry: Entry) -> str:
    """Return the text of an entry: who and when, then the words. It ends in a newline: Perl takes "0" for nothing."""
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (line(entry.author), moment) if part)
    empty = [f"[empty file: {line(file.name)}]" for file in entry.files if not file.data]
    return "\n".join([*([f"{head}:", ""] if head else []), entry.body, *empty, ""])


def line(text: str, most: int = 180) -> str:
    """Return text as one short line."""
    return " ".join(text.split())[:most]


def introduction(ticket: Ticket) -> str:
    """Return what an agent needs to know before the customer's words."""
    customer = ticket.customer
    facts = {
        "Customer": " · ".join(line(each) for each in (customer.name, customer.handle) if each),
        "E-mail": line(customer.email),
        "Phone": line(customer.phone),
        "Channel": line(customer.channel),
        "Follow-up of": f"#{ticket.follow_up_of}" if ticket.follow_up_of else "",
        **{line(name): line(value) for name, value in ticket.fields.items()},
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items() if value) + "\n\n"


def multipart(payload: object, files: Sequence[File]) -> tuple[str, bytes]:
    """Return a content type and body with the payload as `JSON` and the files.

    In JSON a file's name beyond ASCII gives HTTP 500, and as an RFC 2047 word it stays one when a ticket is created.
    """
    parts = [(b'name="JSON"', b"application/json", json.dumps(payload).encode())]
    for file in files:
        kind = file.type if MEDIA_TYPE.fullmatch(file.type) else "application/octet-stream"
        parts.append((f'name="Attachments"; filename="{stored_name(file.name)}"'.encode(), kind.encode(), file.data))
    boundary = hashlib.sha256(b"".join(data for _, _, data in parts)).hexdigest().encode()
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary, *part)
        for part in parts
    )
    return f"multipart/form-data; boundary={boundary.decode()}", body + b"--%b--\r\n" % boundary


def understood(method: Callable[Asked, Found]) -> Callable[Asked, Found]:
    """Let an answer that cannot be read be one to ask about again."""

    @functools.wraps(method)
    def reading(*arguments: Asked.args, **options: Asked.kwargs) -> Found:
        try:
            return method(*arguments, **options)
        except PayloadError as error:
            raise TemporaryError(f"the answer of Request Tracker cannot be read: {error}", ambiguous=True) from None

    return reading


@dataclass(frozen=True, slots=True)
class _Tracker:
    """REST 2 of one RT."""

    reach: Reach

    @property
    def user(self) -> str:
        return self.reach.settings.get("user", "deskwire")

    def ask(self, method: str, path: str, payload: object = None, *, what: str, files: Sequence[File] = ()) -> Answer:
        """Return the answer to one call, with the files that hold anything: RT refuses empty ones."""
        address = self.reach.settings.get("address", "").rstrip("/")
        if not address:
            raise ConfigurationError("the helpdesk's “address” is missing: https:// and the host of Request Tracker")
        headers = {"Authorization": f"token {self.reach.secrets.one('token').reveal()}", "Accept": "application/json"}
        url = f"{address}/REST/2.0/{path}"
        full = [file for file in files if file.data]
        if full:
            headers["Content-Type"], body = multipart(payload, full)
            call = Call(method, url, headers, body, timeout=60.0)
        elif payload is None:
            call = Call(method, url, headers)
        else:
            call = Call.json(method, url, payload, headers=headers, timeout=20.0)
        answer = self.reach.http(call)
        # With a session or a browser's User-Agent RT leads to its log-in page; a proxy in front may do so as well.
        if 300 <= answer.status < 400:
            raise ConfigurationError(f"{what}: Request Tracker asks to log in: check the address and the “token”")
        # Rights show as 403 or as 400 with these words (our user's language is English).
        if answer.status == 400 and _message(answer) == "Permission Denied":
            raise ConfigurationError(f"{what}: the user “{self.user}” lacks a right: see docs/request-tracker")
        return answer

    def get(self, path: str, *, what: str, **query: str) -> Node:
        """Return the JSON of a GET."""
        full = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        return checked(self.ask("GET", full, what=what), what=what, secret_hint=HINT).node()

    def send(self, method: str, path: str, payload: object, *, what: str, files: Sequence[File] = ()) -> Answer:
        """Return the answer to a change."""
        return checked(self.ask(method, path, payload, what=what, files=files), what=what, secret_hint=HINT)

    def kept(self, name: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return what is remembered of this RT under a name, or made now."""
        return self.reach.remember(f"requesttracker/{self.reach.account}/{name}", make)

    def prepared(self) -> None:
        """Make sure that the custom fields exist: RT ignores unknown ones in silence, and nothing could be found."""

        def look() -> tuple[str, float]:
            wanted = '[{"field":"Name","operator":"LIKE","value":"Deskwire "}]'
            rows = self.get("customfields", what="reading the custom fields", query=wanted, fields="Name,LookupType")
            found = {(row["Name"].text(""), row["LookupType"].text("")) for row in rows["items"].items()}
            ticket = "RT::Queue-RT::Ticket"
            if not {(THREAD, ticket), (OPENING, ticket), (MESSAGE, f"{ticket}-RT::Transaction")} <= found:
                raise ConfigurationError(
                    "Request Tracker has no custom fields “Deskwire …”, or our user may not see them:"
                    " load docs/request-tracker/initialdata"
                )
            return "yes", HOUR

        self.kept("fields", look)

    def customer(self, customer: Customer) -> str:
        """Return the user name of a customer, once that user exists: a taken name is the same customer."""
        name = user_name(customer)

        def make() -> tuple[str, float]:
            user = {
                "Name": name,
                "RealName": line(customer.name, 120),
                "NickName": line(customer.handle, 16),
                "MobilePhone": line(customer.phone, 30),
                "Privileged": 0,
            }
            what = "creating the customer"
            answer = self.ask("POST", "user", {key: value for key, value in user.items() if value != ""}, what=what)
            if not (answer.status == 400 and _message(answer) == "Name in use"):
                checked(answer, what=what, secret_hint=HINT)
            return name, HOUR

        return self.kept(f"user/{name}", make)

    def tickets(self, key: str) -> list[str]:
        """Return the tickets opened under a key or with a message of it, oldest first.

        Also those merged away (EffectiveId asks for them); deleted ones RT never lists.
        """
        value = quoted(marker(key))
        rows = self.get(
            "tickets",
            what="looking for the ticket",
            query=f"EffectiveId > 0 AND ('CF.{{{THREAD}}}' = {value} OR 'CF.{{{OPENING}}}' = {value})",
            orderby="id",
        )
        return [row["id"].identifier() for row in rows["items"].items()]

    def staff(self, name: str) -> str:
        """Return the name to show for a member of staff, or an empty string for anybody else."""

        def look() -> tuple[str, float]:
            found = self.get(f"user/{quote(name, safe='')}", what="reading an author")
            if "Privileged" not in found:
                raise ConfigurationError(f"the user “{self.user}” may not see who is staff: it needs AdminUsers")
            return (found["RealName"].text("") or name) if found["Privileged"].number() else "", HOUR

        return self.kept(f"staff/{name}", look)


class RequestTracker(Helpdesk):
    """Tickets of Request Tracker 5."""

    name = "requesttracker"
    title = "Request Tracker"
    verification = HmacHeader(
        header="X-RT-Signature",
        secret="webhook",  # noqa: S106 - its name
        prefix="sha256=",
        signed="{timestamp}.{body}",
        timestamp_header="X-RT-Timestamp",
    )
    contract = Contract(
        body_limit=Figure(65_536, SCRIPS, READ),
        deadline=Figure(timedelta(seconds=10), SCRIPS, READ),
        redelivery=Figure(timedelta(0), SCRIPS, READ),  # the scrip never repeats; `poll` finds what it lost
        api_version=Figure("2.0", MANUAL, READ),
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=10 * 1024 * 1024,
        polls=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where Request Tracker is: https://rt.example.com (with its path, without /REST)",
        "queue": "the queue that new tickets go to",
        "fields": "custom fields to fill: `rating=Rating, permalink=Source` (optional; our name = Request Tracker's)",
        "user": "the RT user of the token (optional, else deskwire)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"token": "an authentication token of that user"}
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"webhook": "$DeskwireWebhookSecret of RT_SiteConfig"}

    @understood
    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        tracker = _Tracker(reach)
        tracker.prepared()
        requestor = tracker.customer(ticket.customer)
        public = [entry for entry in ticket.entries if entry.public]

        def create() -> tuple[str, float]:
            answer = tracker.send(
                "POST",
                "ticket",
                {
                    "Queue": reach.settings.get("queue", "General"),
                    "Subject": line(ticket.subject) or line(ticket.reference) or "-",
                    "Requestor": requestor,
                    "Priority": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
                    "Content": introduction(ticket) + "\n".join(spoken(entry) for entry in public),
                    "ContentType": "text/plain",
                    "CustomFields": {
                        **_fields(ticket, reach),
                        THREAD: marker(ticket.key),
                        # On create RT takes no fields of the transaction: these are the keys of its words.
                        OPENING: [marker(entry.key) for entry in public],
                        REFERENCE: ticket.reference,
                        TAGS: list(ticket.tags),
                    },
                },
                what="opening a ticket",
                files=[file for entry in public for file in entry.files],
            )
            return answer.node()["id"].identifier(), HOUR

        # From here on the ticket exists: whatever fails now, the next attempt goes on with it.
        opened = tracker.kept(f"opened/{digest(ticket.key)}", create)
        try:
            found = self._settled(tracker, opened, requestor, ticket)
            filed = {entry.key: f"ticket/{found}" for entry in public}  # REST 2 tells no number of the opening itself
            if found == opened:
                for entry in ticket.entries:
                    if not entry.public:
                        filed[entry.key] = self._write(tracker, found, entry)
        except TemporaryError as error:
            raise TemporaryError(str(error), after=error.after, ambiguous=True) from None
        return Filed(found, filed)

    def _settled(self, tracker: _Tracker, opened: str, requestor: str, ticket: Ticket) -> str:
        """Return the ticket that stands, after RT's silence was checked: the requestor is there, nobody was faster."""
        shown = tracker.get(f"ticket/{number(opened)}", what="checking the new ticket")
        # RT drops a requestor it cannot make sense of and says nothing.
        names = {row["id"].identifier("").lower() for row in shown["Requestor"].items()}
        if requestor not in names:
            change = {"Requestor": requestor}
            tracker.send("PUT", f"ticket/{opened}", change, what="setting the requestor")
        values = [
            value.text("")
            for field in shown["CustomFields"].items()
            if field["name"].text("") == THREAD
            for value in field["values"].items()
        ]
        if marker(ticket.key) in values:
            return opened
        # The value was taken: another attempt was faster, and RT left it off ours (UniqueValues) in silence.
        standing = next((other for other in tracker.tickets(ticket.key) if other != opened), None)
        if standing is None:
            raise ConfigurationError(f"the custom field “{THREAD}” does not apply to the queue: apply it globally")
        tracker.send("PUT", f"ticket/{opened}", {"Status": "deleted"}, what="removing a doubled ticket")
        after = tracker.get(f"ticket/{opened}", what="checking the doubled ticket")
        if after["Status"].text("") != "deleted":  # the PUT answers 200 without DeleteTicket too
            tracker.send("PUT", f"ticket/{opened}", {"MergeInto": standing}, what="merging a doubled ticket")
        return standing

    @understood
    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        tracker = _Tracker(reach)
        filed: dict[str, str] = {}
        for entry in entries:
            try:
                filed[entry.key] = self._write(tracker, number(ticket), entry)
            except TemporaryError as error:
                raise TemporaryError(str(error), after=error.after, ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def _write(self, tracker: _Tracker, ticket: str, entry: Entry) -> str:
        message: dict[str, object] = {
            "Content": spoken(entry),
            "ContentType": "text/plain",
            "TxnCustomFields": {MESSAGE: marker(entry.key)},
        }
        if entry.public:
            # RT's own scrip opens a solved or deleted ticket on correspondence; this opens it without the scrip, and a
            # stalled one too. Where it has nothing to do, RT says so in a 201.
            message["Status"] = "open"
        what = "adding to a ticket"
        path = f"ticket/{ticket}/{'correspond' if entry.public else 'comment'}"
        answer = tracker.ask("POST", path, message, what=what, files=entry.files)
        # To a ticket that was shredded RT answers just this.
        unrecorded = answer.status == 400 and _message(answer) == "Message could not be recorded"
        if unrecorded and tracker.ask("GET", f"ticket/{ticket}", what="looking at the ticket").status == 404:
            raise TicketGone("deleted")
        checked(answer, what=what, secret_hint=HINT)
        place = re.search(r"/transaction/([0-9]{1,18})$", answer.headers.get("location", ""))
        if answer.status != 201 or place is None:
            raise TemporaryError(f"{what}: the answer names no transaction", ambiguous=True)
        return place[1]

    @understood
    def find(self, key: str, ticket: str, thread: str, reach: Reach) -> Filed | None:
        tracker = _Tracker(reach)
        if ticket:
            rows = tracker.get(
                "transactions",
                what="looking for the message",
                query=f"ObjectType = 'RT::Ticket' AND CF.{{{MESSAGE}}} = {quoted(marker(key))}",
                orderby="id",
            )
            for row in rows["items"].items():
                return Filed(ticket, {key: row["id"].identifier()})
        tickets = tracker.tickets(key)
        if not tickets:
            return None
        return Filed(ticket or tickets[0], {key: f"ticket/{tickets[0]}"} if ticket else {})

    @understood
    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        tracker = _Tracker(reach)
        where = self._own(tracker, number(ticket))
        found: list[AgentReply] = []
        cursor = number(after or "0")
        while True:
            rows = list(
                tracker.get(
                    "transactions",
                    what="reading the replies",
                    query=f"ObjectType = 'RT::Ticket' AND Type = 'Correspond' AND id > {cursor} AND {where}",
                    orderby="id",
                    per_page="100",
                    fields="Creator,Created,CustomFields",
                )["items"].items()
            )
            for row in rows:
                author = row["Creator"]["id"].identifier()
                if author == tracker.user or _values(row, MESSAGE):
                    continue  # ours
                if name := tracker.staff(author):
                    found.append(self._reply(tracker, ticket, row, name))
            if len(rows) < 100:
                return found
            cursor = number(rows[-1]["id"].identifier())

    def _own(self, tracker: _Tracker, ticket: str) -> str:
        """Return the condition for what was written on this ticket, or, once it is merged, on the survivor since then.

        What stood on the other ticket before was written for somebody else. REST 2 shows merged tickets as one, in
        histories as in a transaction's `Object`; only ObjectId in a query still tells them apart.
        """
        shown = tracker.get(f"ticket/{ticket}", what="looking at the ticket")
        survivor = shown["EffectiveId"]["id"].identifier(shown["id"].identifier(ticket))
        if survivor == ticket:
            return f"ObjectId = {ticket}"
        links = tracker.get(
            "transactions",
            what="reading the merge",
            query=f"ObjectType = 'RT::Ticket' AND ObjectId = {ticket} AND Type = 'AddLink' AND Field = 'MergedInto'",
            orderby="id",
            order="DESC",
            per_page="1",
        )
        merges = [number(row["id"].identifier()) for row in links["items"].items()]
        if not merges:
            return f"ObjectId = {ticket}"
        return f"(ObjectId = {ticket} OR (ObjectId = {number(survivor)} AND id > {merges[0]}))"

    def _reply(self, tracker: _Tracker, ticket: str, row: Node, author: str) -> AgentReply:
        transaction = number(row["id"].identifier())
        parts = list(
            tracker.get(
                f"transaction/{transaction}/attachments",
                what="reading a reply",
                fields="Filename,ContentType",
                per_page="100",
            )["items"].items()
        )
        texts = {
            part["ContentType"].text(""): part["id"].identifier()
            for part in reversed(parts)  # the first of each type counts
            if not part["Filename"].text("")
        }
        chosen = next((kind for kind in ("text/plain", "text/html") if kind in texts), "")
        return AgentReply(
            id=transaction,
            order=int(transaction),
            ticket=ticket,
            text=_words(self._content(tracker, texts[chosen]), chosen) if chosen else "",
            author=author,
            written_at=_moment(row["Created"]),
            attachments=tuple(_attachment(part) for part in parts if part["Filename"].text("")),
        )

    def _content(self, tracker: _Tracker, attachment: str) -> bytes:
        shown = tracker.get(f"attachment/{number(attachment)}", what="reading an attachment")
        try:
            return base64.b64decode(shown["Content"].text(""))
        except binascii.Error:
            raise TemporaryError("the answer holds broken base64") from None

    @understood
    def fetch(self, attachment: Attachment, reach: Reach) -> File:
        """Return the bytes of a reply's attachment."""
        return File(attachment.name, attachment.type, self._content(_Tracker(reach), attachment.id))

    def parse(self, request: Request) -> Iterable[Event | Unreadable]:
        body = read(request.body).object()
        tickets = [ticket.identifier() for ticket in body["tickets"].items()]
        if not tickets:
            raise PayloadError("the webhook names no ticket")

        def events(node: Node) -> Iterable[Event]:
            kind = node["type"].text()
            # A comment is for colleagues, a correspondence of no member of staff is a customer's mail.
            if kind not in RELEVANT or (kind == "Correspond" and not node["staff"].truth()):
                return
            for ticket in tickets:
                yield _event(request.endpoint, ticket, node["id"].identifier(), node["created"].iso())

        yield from each(body["transactions"].items(), events)

    @understood
    def poll(self, cursor: str, reach: Reach) -> Page:
        tracker = _Tracker(reach)
        if not cursor:
            newest = tracker.get(
                "transactions", what="polling", query="id > 0", orderby="id", order="DESC", per_page="1"
            )
            return Page((), next((row["id"].identifier() for row in newest["items"].items()), "0"))
        rows = tracker.get(
            "transactions",
            what="polling",
            query=f"ObjectType = 'RT::Ticket' AND Type = 'Correspond' AND id > {number(cursor)}"
            f" AND Creator != {quoted(tracker.user)}",
            orderby="id",
            per_page="50",
            fields="Created",
        )
        # In lists `Object` is empty: each transaction is asked for its ticket, then once which of them are ours.
        news: list[tuple[str, str, datetime | None]] = []
        for row in rows["items"].items():
            cursor = number(row["id"].identifier())
            shown = tracker.get(f"transaction/{cursor}", what="polling")
            news.append((cursor, number(shown["Object"]["id"].identifier()), _moment(row["Created"])))
        ours = self._ours(tracker, {survivor for _, survivor, _ in news})
        return Page(
            [
                _event(reach.account, ticket, transaction, created)
                for transaction, survivor, created in news
                for ticket in ours.get(survivor, ())
            ],
            cursor,
        )

    def _ours(self, tracker: _Tracker, survivors: Iterable[str]) -> dict[str, list[str]]:
        """Return our tickets by the ticket they are (part of) today."""
        any_of = " OR ".join(f"EffectiveId = {survivor}" for survivor in sorted(survivors, key=int))
        if not any_of:
            return {}
        rows = tracker.get(
            "tickets",
            what="polling",
            query=f"({any_of}) AND 'CF.{{{THREAD}}}' IS NOT NULL",
            orderby="id",
            per_page="100",
            fields="EffectiveId",
        )
        found: dict[str, list[str]] = {}
        for row in rows["items"].items():
            effective = row["EffectiveId"]
            survivor = effective["id"].identifier("") or effective.identifier()  # an object when asked singly
            found.setdefault(survivor, []).append(row["id"].identifier())
        return found


def _fields(ticket: Ticket, reach: Reach) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in reach.settings.get("fields", "").split(","))):
        match = FIELD.fullmatch(part)
        if not match:
            raise ConfigurationError("“fields” is not written as `rating=Rating, permalink=Source`")
        if ticket.fields.get(match[1]):
            found[match[2]] = ticket.fields[match[1]]
    return found


def _message(answer: Answer) -> str:
    try:
        return read(answer.body)["message"].text("")
    except PayloadError:
        return ""


def _values(row: Node, name: str) -> list[str]:
    return [
        value.text("")
        for field in row["CustomFields"].items()
        if field["name"].text("") == name
        for value in field["values"].items()
    ]


def _moment(node: Node) -> datetime | None:
    return node.iso() if node.text("") else None


def _words(data: bytes, kind: str) -> str:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")  # RT stores UTF-8 whatever came
    if kind == "text/html":
        return plain(_answered(text)) or plain(text)
    kept: list[str] = []
    for one in text.split("\n"):
        if not one.startswith(">"):
            kept.append(one)
        elif kept and kept[-1].rstrip().endswith(":"):
            kept.pop()  # "On …, … wrote:"
    return "\n".join(kept).strip() or text.strip()


def _answered(markup: str) -> str:
    """Return an agent's HTML without the message that it answers, which RT puts above in a `gmail_quote`."""
    kept: list[str] = []
    since = depth = 0
    for tag in QUOTE.finditer(markup):
        if depth:
            depth += -1 if tag[1] else 1
            since = tag.end()
        elif not tag[1] and "gmail_quote" in tag[2]:
            kept.append(markup[since : tag.start()])
            depth, since = 1, len(markup)
    return "".join([*kept, markup[since:]])


def _attachment(part: Node) -> Attachment:
    kind = part["ContentType"].text("")
    return Attachment(
        KINDS.get(kind.partition("/")[0], AttachmentKind.FILE),
        id=part["id"].identifier(),
        name=part["Filename"].text(""),
        type=kind,
    )


def _event(account: str, ticket: str, transaction: str, moment: datetime | None) -> Event:
    return Event(
        channel=RequestTracker.name,
        account=account,
        kind=Kind.TICKET,
        object_id=transaction,
        verb=ADD,
        version=ticket,  # where several of our tickets were merged, one transaction is news of each
        thread=ticket,
        visibility=Visibility.PRIVATE,
        occurred_at=moment,
    )

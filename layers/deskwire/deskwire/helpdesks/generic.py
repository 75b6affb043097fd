"""Generic desk: any system that takes signed JSON, answers with an id, and tells agents' answers the same way.

Set-up: give your system an https address that takes Deskwire's messages, and Deskwire's endpoint to send answers to.
What either side sends is in docs/helpdesks/generic.md and docs/helpdesks/generic.schema.json; both sign as Standard
Webhooks. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

Signature: `v1` of Standard Webhooks: HMAC-SHA256 of id, time stamp and raw body, each joined by a dot.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme

Secrets: `signing_secret`, once for what Deskwire sends (in the helpdesk's entry) and once for what it receives (in the
endpoint's): `whsec_` and the base64 of at least 24 random bytes. They may be the same, and are better not.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme

Limits: none of ours but 60,000 bytes a message; 429 and 503 with Retry-After are waited for.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#delivery-success-and-failure

What survives a redelivery: `webhook-id`, in both directions. Ours is made of the key of what is written, so a receiver
that answers a known id as it did before has everything once. That takes the place of `find`: there is nothing to ask.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import Abilities, Helpdesk, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.lists import listed
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Unreadable
from deskwire.model.keys import compose, digest
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.tickets import (
    MOST_EARLIER,
    AgentReply,
    Change,
    Customer,
    Earlier,
    Entry,
    File,
    Filed,
    Sought,
    Ticket,
)
from deskwire.model.values import replace
from deskwire.verification.standard import ID, StandardWebhook
from deskwire.web.reading import Node, fragment, read
from deskwire.web.request import Request
from deskwire.web.rest import Answer, Call, checked

CHECKED: Final = date(2026, 11, 29)
SPEC: Final = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"
# A port may be given; a query and a user may not: what identifies the receiver's tenant belongs into the path.
ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
SIGNING = StandardWebhook(secret="signing_secret")  # noqa: S106 - its name
STATUSES = {"ticket.solved": Status.SOLVED, "ticket.reopened": Status.REOPENED}
GONE = frozenset({"closed", "full", "deleted"})


class Generic(Helpdesk):
    """The connector."""

    name = "generic"
    title = "Generic desk"
    verification = SIGNING
    by_hand: ClassVar[Sequence[str]] = (
        "let your system send answers and statuses to {address}, signed as docs/helpdesks/generic.md says",
    )
    terms = Terms(
        body_limit=Figure(262_144, SPEC, CHECKED, confirmed=False),  # ours: the specification recommends 20 kilobytes
        deadline=Figure(timedelta(seconds=15), f"{SPEC}#request-timeouts", CHECKED),
        redelivery=Figure(timedelta(hours=76), f"{SPEC}#deliverability-and-reliability", CHECKED),
        api_version=Figure("1.0.0", SPEC, CHECKED),
    )
    abilities = Abilities(
        native_key=True,
        find_open=False,
        find_append=False,
        several=False,
        redact=True,
        entry_bytes=60_000,
        tells=True,
        assigns=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where your system takes messages: https://desk.example.com/deskwire",
        "history": "“yes”, where your system answers `customer.history` (optional, otherwise it is not asked)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"signing_secret": "whsec_…, under which Deskwire signs"}
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"signing_secret": "whsec_…, under which your system signs"}
    known_gaps: ClassVar[Mapping[str, str]] = {
        "H2.found": "nothing can be asked; a repeated webhook-id has no further effect instead",
        "H8.replies": "answers are told in signed messages, there is nothing to read",
        "H8.withheld": "a told answer says so itself: events/generic/answer_withheld.json",
        "H11.once": "nothing can be looked at; the receiver keeps a higher priority and the tags that are there",
    }

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Open it, then add each message: two requests with a key each, so either may be repeated without the other.

        One request for both would be answered as before when it is repeated with another first message (its writer
        deleted the one before), and that message would be nowhere.
        """
        data = {
            "reference": ticket.reference,
            "subject": ticket.subject,
            "priority": ticket.priority,
            "tags": list(ticket.tags),
            "fields": dict(ticket.fields),
            "follow_up_of": ticket.follow_up_of or None,
            "customer": _person(ticket.customer),
        }
        number = _id(_sent(reach, "ticket.created", ticket.key, data, "opening a ticket"))
        try:
            entries = {entry.key: _added(reach, number, entry) for entry in ticket.entries}
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        except TicketGone:
            raise TemporaryError("the ticket went while it was filled", concerns=Concern.TICKET) from None
        return Filed(number, entries)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Add each entry in a request of its own. Raises `TicketGone` where the receiver says so (409)."""
        return Filed(ticket, {entry.key: _added(reach, ticket, entry) for entry in entries})

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Return None: what is in doubt is sent again under the same webhook-id."""
        return None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        """Ask the receiver for the customer's tickets, where it answers that; each lookup has an id of its own."""
        if reach.settings.get("history", "") != "yes":
            return ()
        key = compose("history", customer.external_id, reach.now.isoformat())
        data = {"customer": _person(customer), "most": MOST_EARLIER}
        what = "looking for earlier tickets"
        rows = listed(_sent(reach, "customer.history", key, data, what)["tickets"], what)
        return [_earlier(row) for row in rows if row["id"].any_id()]

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return nothing: answers are told."""
        return ()

    def redact(self, ticket: str, entry: str, reach: Reach) -> bool:
        """Ask the receiver to remove a message's words; True where it says that it did."""
        data = {"ticket": ticket, "message": entry}
        answer = _sent(reach, "message.redacted", compose("redact", ticket, entry), data, "redacting a message")
        return answer["redacted"].raw is True

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        """Ask the receiver to raise a ticket's priority, never to lower it, to add tags, and whose it is to be."""
        data = {"ticket": ticket, "priority": change.priority or None, "tags": list(change.tags)}
        whose = {"group": change.group, "assignee": change.assignee} if change.group or change.assignee else {}
        key = compose("update", ticket, change.priority, *change.tags, *whose.values())
        data |= {name: value or None for name, value in whose.items()}
        _sent(reach, "ticket.updated", key, data, "changing a ticket")

    def file(self, attachment: Attachment, reach: Reach) -> File:
        """Return a file of a told answer, loaded from the receiver's own host."""
        if not attachment.url:
            raise PermanentError("your system gave no address for it")
        return reach.fetch(Call("GET", attachment.url), [urlsplit(_address(reach)).hostname or ""])

    def parse(self, request: Request) -> Iterator[Signal | Unreadable]:
        """Read one message: an agent's answer in its words, or what became of a ticket."""
        body = read(request.body).object()
        kind, data, at = body["type"].text(), body["data"].object(), body["timestamp"].iso()
        status = STATUSES.get(kind)
        assigned = kind == "ticket.assigned" and "assignee" in data.raw
        assignee = _assignee(data["assignee"]) if assigned else None
        stands = status is not None or assignee is not None
        answer = _answer(data, at, request) if kind == "answer.created" else None
        yield Signal(
            helpdesk=self.name,
            account=request.endpoint,
            about=About.ANSWER if answer else About.STATUS if stands else About.OTHER,
            object_id=Node(request.header(ID), ID).identifier(),
            ticket=data["ticket"].identifier() if answer or stands else data["ticket"].any_id() or kind,
            own=data["own"].raw is True,
            answer=answer,
            status=status,
            assignee=assignee,
            reason="" if answer or stands else f"[{kind}]",
            occurred_at=at,
            raw=fragment(body),
        )


def _assignee(told: Node) -> Assignee:
    """Return who has a ticket: a name, or an id and a name; nothing or null says that no agent has it."""
    if told.raw is None or isinstance(told.raw, str):
        return Assignee(told.text(""), told.text(""))
    return Assignee(told["id"].any_id() or told["name"].text(""), told["name"].text(""))


def _person(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.external_id,
        "channel": customer.channel,
        "name": customer.name,
        "handle": customer.handle or None,
        "email": customer.email or None,
        "phone": customer.phone or None,
    }


def _earlier(row: Node) -> Earlier:
    return Earlier(
        ticket=row["id"].identifier(),
        subject=row["subject"].text(""),
        open=row["open"].raw is True,
        outcome=row["status"].text(""),
        at=row["opened_at"].iso(),
        complaint=row["complaint"].raw is True,
    )


def _answer(data: Node, at: datetime | None, request: Request) -> AgentReply:
    return AgentReply(
        id=data["id"].identifier(),
        order=int((at or request.received_at).timestamp() * 1000),
        ticket=data["ticket"].identifier(),
        text=data["text"].text(),
        author=data["author"].text(""),
        written_at=at,
        attachments=tuple(
            Attachment(
                AttachmentKind.of(file["type"].text("")),
                url=file["address"].text(""),
                name=file["name"].text(""),
                type=file["type"].text(""),
            )
            for file in data["files"].rows()
        ),
        withheld=data["withheld"].text(""),
        public=data["public"].raw is not False,
    )


def _added(reach: Reach, ticket: str, entry: Entry) -> str:
    """Return the receiver's id of an entry. What is too large for it (413) goes once more without its files."""
    data: dict[str, Any] = {
        "ticket": ticket,
        "text": entry.body,
        "public": entry.public,
        "author": entry.author or None,
        "written_at": None if entry.written_at is None else entry.written_at.isoformat(),
        "files": [
            {"name": file.name, "type": file.type, "data": base64.b64encode(file.data).decode()} for file in entry.files
        ],
    }
    what = "adding to a ticket"
    try:
        return _id(_sent(reach, "message.created", entry.key, data, what))
    except PermanentError as error:
        if error.status != 413 or not entry.files:
            raise
    lost = [f"[too large to be taken: {file.name}, {len(file.data)} bytes]" for file in entry.files]
    data |= {"text": "\n".join([entry.body, *lost]), "files": []}
    return _id(_sent(reach, "message.created", entry.key, data, what))


def _address(reach: Reach) -> str:
    address = reach.settings.get("address", "")
    if not ADDRESS.fullmatch(address):
        raise ConfigurationError("“address” is not written like https://desk.example.com/deskwire")
    return address


def _sent(reach: Reach, kind: str, key: str, data: Mapping[str, Any], what: str) -> Node:
    """Send one signed message; return the object that it was answered with."""
    address = _address(reach)
    body = {"id": digest(key), "type": kind, "timestamp": reach.now.isoformat(), "data": data}
    call = replace(Call.json("POST", address, body), safe=True)
    headers = {**call.headers, ID: digest(key)}
    request = Request(method="POST", endpoint="", body=call.body, headers=headers, received_at=reach.now)
    signed = SIGNING.sign(request, reach.secrets, reach.now)
    return _checked(reach.http(replace(call, headers=signed.headers)), what).node().object()


def _checked(answer: Answer, what: str) -> Answer:
    """Return an answer that says yes. Raises `TicketGone`, and the errors of `rest.checked`."""
    if answer.status == 409:
        told = answer.node()
        state, into = told["gone"].text(""), told["into"].any_id()
        if state == "merged" and into:
            raise TicketGone("merged", into, told["at"].iso())
        if state == "merged" or state in GONE:
            raise TicketGone("closed" if state == "merged" else state)
    if answer.status == 404 and not answer.body.lstrip().startswith(b"{"):
        # A web server's page. A ticket that is unknown is told by 409, so this is not the receiver's answer.
        raise ConfigurationError(f"{what}: HTTP 404: nothing takes messages at “address”")
    return checked(answer, what=what, secret_hint="“signing_secret”")  # noqa: S106 - its name


def _id(answer: Node) -> str:
    return answer["id"].identifier()

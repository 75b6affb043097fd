"""What is written into Vtiger: contacts, tickets, comments and documents, and the fields that keep the keys."""

from __future__ import annotations

import re
from datetime import UTC
from functools import partial

from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.introducing import introduction, tagged
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.keys import digest
from deskwire.model.tickets import Change, Customer, Entry, Ticket
from deskwire.web.reading import Node

from .api import SOURCE, DeniedError, Service, known, quoted, record, value
from .documents import stored
from .words import line, pieces, storable

OPEN, CLOSED = "Open", "Closed"
TAGS = "Tags"  # the fact of a ticket's description that holds its tags: tags of its own cannot be written there
WAITING = frozenset({CLOSED, "Wait For Response"})  # a customer's words open these again
PRIORITIES = {"low": "Low", "normal": "Normal", "high": "High", "urgent": "Urgent"}
PLAIN_KEY = re.compile(r"[a-z0-9_.:-]{1,80}")  # no capitals: equality ignores case
TITLE = 250  # of 255 characters, beyond which it is cut in silence


def marker(key: str) -> str:
    """Return what stands for a key in Vtiger: nothing to quote, nothing to cut, and one case."""
    return f"dw-{digest(key)[:32]}"


def key_of_contact(customer: Customer) -> str:
    """Return what stands for a customer in the key field of contacts."""
    key = f"{customer.channel}:{customer.external_id}"
    return key if PLAIN_KEY.fullmatch(key) else marker(key)


def contact_of(service: Service, customer: Customer) -> str:
    """Return the contact of a customer, made or found.

    It has no e-mail address and is opted out of e-mail: Vtiger's own workflows would mail people their own words.
    """
    _, field = service.module("Contacts")
    key = key_of_contact(customer)
    if found := _found(service, "Contacts", key, "looking for the contact"):
        return found
    return service.create(
        "Contacts",
        "creating the contact",
        {
            "lastname": line(customer.name or customer.handle, 80) or line(customer.channel, 80) or "-",
            "mobile": line(customer.phone, 50),
            "assigned_user_id": service.reach.settings.get("owner", "") or service.user,
            "emailoptout": "1",
            "source": SOURCE,
            field: key,
        },
        lambda: _found(service, "Contacts", key, "looking for the contact"),
    )


def ticket_of(service: Service, key: str) -> str:
    """Return the oldest ticket with a key, or an empty string."""
    return _found(service, "HelpDesk", marker(key), "looking for the ticket")


def _found(service: Service, module: str, kept: str, what: str) -> str:
    """Return the oldest record whose key field has this value, or an empty string."""
    prefix, field = service.module(module)
    rows = service.rows("id", module, f"{field} = {quoted(kept)}", what=what, order="id", most=1)
    return record(rows[0]["id"], what, prefix) if rows else ""


def opened(service: Service, ticket: Ticket, contact: str) -> str:
    """Create the ticket and return its id."""
    _, field = service.module("HelpDesk")
    return service.create(
        "HelpDesk",
        "opening a ticket",
        {
            "ticket_title": line(ticket.subject, TITLE) or line(ticket.reference, TITLE) or "-",
            "ticketstatus": OPEN,
            "ticketpriorities": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
            "assigned_user_id": service.reach.settings.get("owner", "") or service.user,
            "contact_id": contact,
            "description": _introduction(ticket),
            "source": SOURCE,
            field: marker(ticket.key),
        },
        lambda: ticket_of(service, ticket.key),
    )


def _introduction(ticket: Ticket) -> str:
    """Return what an agent needs to know beside the customer's words."""
    more = {
        "Reference": line(ticket.reference),
        TAGS: line(", ".join(ticket.tags)),
        "Follow-up of": line(ticket.follow_up_of),
    }
    return introduction(ticket, line, more)


def appended(service: Service, ticket: str, entry: Entry) -> str:
    """Write an entry into a ticket, which is opened again for a customer's words; return its (last) comment.

    The ticket is looked at first: for one that is gone Vtiger keeps a comment that belongs to nothing, and answers
    with an error or a page. Raises `TicketGone`.
    """
    standing = _standing(service, ticket)
    contact = value(standing["contact_id"]) if entry.public else ""
    try:
        if entry.public and value(standing["ticketstatus"]) in WAITING:
            service.write("revise", "opening the ticket again", {"id": ticket, "ticketstatus": OPEN})
        about = [stored(service, ticket, entry, file) for file in entry.files]
        return _commented(service, ticket, entry, contact, about)
    except DeniedError:
        _standing(service, ticket)  # deleted meanwhile: Vtiger calls that a missing right, too
        raise


def changed(service: Service, ticket: str, change: Change) -> None:
    """Look at the ticket, and revise it where it has a lower priority or lacks a tag. Raises `TicketGone`."""
    standing = _standing(service, ticket, "id,ticketpriorities,description")
    asked: dict[str, str] = {}
    if change.raises(value(standing["ticketpriorities"]).lower()):
        asked["ticketpriorities"] = PRIORITIES[change.priority]
    if change.tags:
        described = standing["description"].text()
        with_tags = tagged(described, change, TAGS)
        asked |= {"description": with_tags} if with_tags != described else {}
    if asked:
        service.write("revise", "changing a ticket", {"id": ticket, **asked})


def closed(service: Service, ticket: str) -> None:
    """Set the ticket to closed. Raises `TicketGone`."""
    _standing(service, ticket)
    service.write("revise", "closing a ticket", {"id": ticket, "ticketstatus": CLOSED})


def _standing(service: Service, ticket: str, columns: str = "id,ticketstatus,contact_id") -> Node:
    """Return columns of the ticket. Raises `TicketGone` for one that is not there (any more)."""
    what = "looking at the ticket"
    prefix, _ = service.module("HelpDesk")
    if not known(ticket).startswith(f"{prefix}x"):  # of another Vtiger, in which modules have other numbers
        raise TicketGone("deleted")
    rows = service.rows(columns, "HelpDesk", f"id = {quoted(ticket)}", what=what)
    if not rows:
        raise TicketGone("deleted")
    record(rows[0]["id"], what, prefix)
    return rows[0]


def _commented(service: Service, ticket: str, entry: Entry, contact: str, about: list[str]) -> str:
    """Write the comments of an entry. The last bears its key: so what is found by it is there as a whole."""
    _, field = service.module("ModComments")
    parts = pieces(spoken(entry, about))
    marks = [f"{marker(entry.key)}-{number}" for number in range(1, len(parts))]
    there = found_comments(service, ticket, marks) if marks else {}
    comment = ""
    for mark, text in zip([*marks, marker(entry.key)], parts, strict=True):
        if mark in there:
            continue
        element = {
            "commentcontent": text,
            "related_to": ticket,
            "assigned_user_id": service.user,
            "is_private": "1" if _private(service, entry) else "0",
            "source": SOURCE,
            field: mark,
        }
        if contact:
            element["customer"] = contact
        try:
            find = partial(_comment, service, ticket, mark)
            comment = service.create("ModComments", "adding to a ticket", element, find)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=error.ambiguous or mark != marker(entry.key)) from None
    return comment


def _comment(service: Service, ticket: str, mark: str) -> str:
    """Return the comment of a ticket that bears a mark, or an empty string."""
    return found_comments(service, ticket, [mark]).get(mark, "")


def found_comments(service: Service, ticket: str, marks: list[str]) -> dict[str, str]:
    """Return the comments of a ticket that bear one of the marks, by mark."""
    prefix, field = service.module("ModComments")
    what = "looking for the comment"
    found: dict[str, str] = {}
    for start in range(0, len(marks), 50):
        any_of = ",".join(quoted(mark) for mark in marks[start : start + 50])
        where = (f"related_to = {quoted(known(ticket))}", f"{field} IN ({any_of})")
        rows = service.rows(f"id,{field}", "ModComments", *where, what=what, order="id")
        for row in rows:
            found.setdefault(value(row[field]), record(row["id"], what, prefix))
    return found


def _private(service: Service, entry: Entry) -> bool:
    setting = service.reach.settings.get("comments", "")
    if setting not in {"", "private"}:  # a slip here would mail customers
        raise ConfigurationError("“comments” can be “private”, or be left out")
    return not entry.public or setting == "private"


def spoken(entry: Entry, about: list[str]) -> str:
    """Return the text of an entry: who and when, then the words, then what became of files."""
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (line(entry.author), moment) if part)
    return "\n".join([*([f"{head}:", ""] if head else []), storable(entry.body), *filter(None, about)])

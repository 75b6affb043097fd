"""What is written into Vtiger: contacts, tickets, comments and documents, and the fields that keep the keys."""

from __future__ import annotations

import re
from datetime import UTC

from deskwire.contracts.helpdesk import TicketGone
from deskwire.model.errors import TemporaryError
from deskwire.model.keys import digest
from deskwire.model.tickets import Customer, Entry, File, Ticket

from .api import Service, known, quoted, record, stored_name
from .words import line, pieces, storable

SOURCE = "DESKWIRE"  # of what we write: Vtiger takes it on create, and has CRM or WEBSERVICE for all else
OPEN = "Open"
WAITING = frozenset({"Closed", "Wait For Response"})  # a customer's words open these again
PRIORITIES = {"low": "Low", "normal": "Normal", "high": "High", "urgent": "Urgent"}
PLAIN_KEY = re.compile(r"[a-z0-9_.:-]{1,80}")  # no capitals: equality ignores case
TITLE = 250  # of 255 characters, beyond which it is cut in silence
EARLIER = 3


def marker(key: str) -> str:
    """Return what stands for a key in Vtiger: nothing to quote, nothing to cut, and one case."""
    return f"dw-{digest(key)[:32]}"


def contact_of(service: Service, customer: Customer) -> tuple[str, bool]:
    """Return the contact of a customer, made or found, and whether it was found.

    It has no e-mail address and is opted out of e-mail: Vtiger's own workflows would mail people their own words.
    """
    prefix, field = service.module("Contacts")
    key = f"{customer.channel}:{customer.external_id}"
    key = key if PLAIN_KEY.fullmatch(key) else marker(key)
    where = f"{field} = {quoted(key)}"
    rows = service.rows("id", "Contacts", where, what="looking for the contact", order="id", most=1)
    if rows:
        return record(rows[0]["id"], "looking for the contact", prefix), True
    made = service.write(
        "create",
        "creating the contact",
        {
            "lastname": line(customer.name or customer.handle, 80) or line(customer.channel, 80) or "-",
            "mobile": line(customer.phone, 50),
            "assigned_user_id": service.reach.settings.get("owner", "") or service.user,
            "emailoptout": "1",
            "source": SOURCE,
            field: key,
        },
        elementType="Contacts",
    )
    return record(made["id"], "creating the contact", prefix), False


def ticket_of(service: Service, key: str) -> str:
    """Return the oldest ticket with a key, or an empty string."""
    prefix, field = service.module("HelpDesk")
    what = "looking for the ticket"
    rows = service.rows("id", "HelpDesk", f"{field} = {quoted(marker(key))}", what=what, order="id", most=1)
    return record(rows[0]["id"], what, prefix) if rows else ""


def opened(service: Service, ticket: Ticket, contact: str, earlier: str) -> str:
    """Create the ticket and return its id."""
    prefix, field = service.module("HelpDesk")
    made = service.write(
        "create",
        "opening a ticket",
        {
            "ticket_title": line(ticket.subject, TITLE) or line(ticket.reference, TITLE) or "-",
            "ticketstatus": OPEN,
            "ticketpriorities": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
            "assigned_user_id": service.reach.settings.get("owner", "") or service.user,
            "contact_id": contact,
            "description": introduction(ticket, earlier),
            "source": SOURCE,
            field: marker(ticket.key),
        },
        elementType="HelpDesk",
    )
    return record(made["id"], "opening a ticket", prefix)


def earlier_tickets(service: Service, contact: str) -> str:
    """Return a line that names the last tickets of a contact; empty where there are none."""
    rows = service.rows(
        "id,ticket_no,ticket_title,ticketstatus",
        "HelpDesk",
        f"contact_id = {quoted(contact)}",
        what="reading earlier tickets",
        order="id DESC",
        most=EARLIER,
    )
    return " · ".join(
        f"{line(row['ticket_no'].text(''), 40)} {line(row['ticket_title'].text(''), 80)}"
        f" ({line(row['ticketstatus'].text(''), 40)})"
        for row in rows
    )


def introduction(ticket: Ticket, earlier: str) -> str:
    """Return what an agent needs to know beside the customer's words."""
    customer = ticket.customer
    facts = {
        "Customer": " · ".join(line(each) for each in (customer.name, customer.handle) if each),
        "E-mail": line(customer.email),
        "Phone": line(customer.phone),
        "Channel": line(customer.channel),
        "Reference": line(ticket.reference),
        "Tags": line(", ".join(ticket.tags)),
        "Follow-up of": line(ticket.follow_up_of),
        "Earlier tickets": earlier,
        **{line(name): line(value) for name, value in ticket.fields.items()},
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items() if value)


def appended(service: Service, ticket: str, entry: Entry) -> str:
    """Write an entry into a ticket, which is opened again for a customer's words; return its (last) comment.

    The ticket is looked at first: for one that is gone Vtiger keeps a comment that belongs to nothing, and answers
    with an error or a page. Raises `TicketGone`.
    """
    what = "looking at the ticket"
    rows = service.rows("id,ticketstatus,contact_id", "HelpDesk", f"id = {quoted(known(ticket))}", what=what)
    if not rows:
        raise TicketGone("deleted")
    record(rows[0]["id"], what)
    contact = rows[0]["contact_id"].text("") if entry.public else ""
    if entry.public and rows[0]["ticketstatus"].text("") in WAITING:
        service.write("revise", "opening the ticket again", {"id": ticket, "ticketstatus": OPEN})
    left_out = [file for file in entry.files if not _stored(service, ticket, entry, file)]
    return _commented(service, ticket, entry, contact, left_out)


def _commented(service: Service, ticket: str, entry: Entry, contact: str, left_out: list[File]) -> str:
    """Write the comments of an entry. The last bears its key: so what is found by it is there as a whole."""
    prefix, field = service.module("ModComments")
    parts = pieces(spoken(entry, left_out))
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
            made = service.write("create", "adding to a ticket", element, elementType="ModComments")
        except TemporaryError as error:
            raise error.retold(ambiguous=error.ambiguous or mark != marker(entry.key)) from None
        comment = record(made["id"], "adding to a ticket", prefix)
    return comment


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
            found.setdefault(row[field].text(), record(row["id"], what, prefix))
    return found


def _private(service: Service, entry: Entry) -> bool:
    return not entry.public or service.reach.settings.get("comments", "") == "private"


def spoken(entry: Entry, left_out: list[File]) -> str:
    """Return the text of an entry: who and when, then the words, then the files that Vtiger did not take."""
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (line(entry.author), moment) if part)
    files = [f"[Vtiger did not take the file {line(file.name)}, {len(file.data)} bytes]" for file in left_out]
    return "\n".join([*([f"{head}:", ""] if head else []), storable(entry.body), *files])


def _stored(service: Service, ticket: str, entry: Entry, file: File) -> bool:
    """Store a file as a document of the ticket; return whether Vtiger took it whole.

    Over PHP's limit it answers with success and an empty document, over the limit of a post, or for a picture that is
    none, with HTTP 500 and no word.
    """
    if not file.data:
        return False
    what, name = "storing a file", stored_name(file)
    title = f"{name} [{digest(f'{entry.key} {name} {len(file.data)}')[:8]}]"
    rows = service.rows("id", "Documents", f"notes_title = {quoted(title)}", what=what, most=1)
    if rows:
        document = record(rows[0]["id"], what)
    else:
        element = {
            "notes_title": title,
            "assigned_user_id": service.user,
            "filelocationtype": "I",
            "filestatus": "1",
            "source": SOURCE,
        }
        made = service.upload(element, file, what)
        if made is None:
            return False
        document = record(made["id"], what)
        if made["filesize"].number(0) != len(file.data):
            service.write("delete", "removing an empty document", id=document)
            return False
    service.write("add_related", what, sourceRecordId=ticket, relatedRecordId=document, relationIdLabel="Documents")
    return True

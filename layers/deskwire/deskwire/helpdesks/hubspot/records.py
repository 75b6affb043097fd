"""What is written into HubSpot, contacts, tickets and notes, and the agents' answers in a property's history."""

from __future__ import annotations

from datetime import UTC, datetime

from deskwire.care.measure import split
from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.contracts.terms import Unit
from deskwire.families.ids import id_of
from deskwire.families.lists import listed
from deskwire.families.lists import words as told
from deskwire.model.errors import Concern, ConfigurationError, TemporaryError
from deskwire.model.keys import digest
from deskwire.model.tickets import AgentReply, Customer, Entry, Ticket
from deskwire.web.markup import literal, paragraph, plain
from deskwire.web.reading import Node

from .api import Api, associated, refused, taken

KEY = "deskwire_key"  # of tickets, unique
REPLY = "deskwire_reply"  # of tickets: what the agent fills in to answer
PERSON = "deskwire_id"  # of contacts, unique
PRIORITIES = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH", "urgent": "HIGH"}  # “URGENT” is not in every account
LONGEST = 64_000  # characters of a note's HTML, of 65,536
PIECE = 12_000  # characters of a text, each of which may become five
# `sourceType` of a value that a person typed. The list is that of HubSpot's libraries (PropertyValue, `source`), which
# say nothing of each; “HELP_DESK” may be a person or not, so it counts where HubSpot names the user.
TYPED = frozenset({"CRM_UI", "CRM_UI_BULK_ACTION", "MOBILE_IOS", "MOBILE_ANDROID"})
PERHAPS_TYPED = frozenset({"HELP_DESK"})


def marker(key: str) -> str:
    """Return what stands for a key in HubSpot: nothing to escape, and saying nothing."""
    return f"dw-{digest(key)[:32]}"


def contact_of(api: Api, customer: Customer) -> str:
    """Return the contact of a customer, made or found by our own unique id.

    Never by e-mail or telephone, which are what somebody typed; they stand in the ticket.
    """
    person = marker(customer.external_id)
    name = " ".join(literal(customer.name or customer.handle or customer.channel).split())[:100]
    payload = {"inputs": [{"idProperty": PERSON, "id": person, "properties": {PERSON: person, "lastname": name}}]}
    what = "making a contact"
    made = api.checked(api.ask("POST", "crm/v3/objects/contacts/batch/upsert", payload, safe=True), what).node()
    number = next((id_of(row["id"]) for row in made["results"].rows()), "")
    if not number:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True)
    return number


def opened(api: Api, ticket: Ticket, contact: str) -> tuple[str, bool]:
    """Return the ticket with this key, and whether it was there already: HubSpot takes a unique value once."""
    what, stages = "opening a ticket", api.stages()
    properties = {
        "subject": " ".join(literal(ticket.subject).split())[:250] or ticket.reference or "-",
        "content": literal(introduction(ticket)),
        "hs_pipeline": stages.pipeline,
        "hs_pipeline_stage": stages.first,
        "hs_ticket_priority": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
        KEY: marker(ticket.key),
    }
    payload = {"properties": properties, "associations": associated((contact, api.types("tickets", "contacts")))}
    answer = api.ask("POST", "crm/v3/objects/tickets", payload)
    if taken(answer):
        number = api.by_key(marker(ticket.key))
        if not number:
            text = f"{what}: its key is taken and the ticket not to be seen"
            raise TemporaryError(text, after=30, ambiguous=True, concerns=Concern.TICKET)
        return number, True
    number = id_of(api.checked(answer, what).node()["id"])
    if not number:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True)
    return number, False


def introduction(ticket: Ticket) -> str:
    """Return what an agent needs to know beside the customer's words."""
    customer = ticket.customer
    facts = {
        "Customer": " · ".join(each for each in (customer.name, customer.handle) if each),
        "E-mail": customer.email,
        "Phone": customer.phone,
        "Channel": customer.channel,
        "Reference": ticket.reference,
        "Tags": ", ".join(ticket.tags),
        "Follow-up of": ticket.follow_up_of,
        **ticket.fields,
    }
    return "\n".join(f"{name}: {' '.join(value.split())[:500]}" for name, value in facts.items() if value)


def noted(api: Api, ticket: str, contact: str, entry: Entry) -> str:
    """Add an entry as a note, or several where it is long; return the last one's id, which bears the key.

    Raises `TicketGone` for a ticket that may have no further notes: all of the entry goes into a follow-up then.
    """
    parts = pieces(spoken(entry))
    marks = [f"{marker(entry.key)}-{number}" for number in range(1, len(parts))]
    there = api.notes(ticket) if marks else []  # of an earlier attempt, which broke off
    number = ""
    for mark, text in zip([*marks, marker(entry.key)], parts, strict=True):
        if any(_bears(note, mark) for note in there):
            continue
        try:
            number = _written(api, ticket, contact, entry, text, mark)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=error.ambiguous or bool(number)) from None
    return number


def _written(api: Api, ticket: str, contact: str, entry: Entry, text: str, mark: str) -> str:
    what, moment = "adding a note", (entry.written_at or api.reach.now).astimezone(UTC)
    properties = {
        "hs_timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        "hs_note_body": f"{paragraph(text)}<p>{mark}</p>",
    }
    with_whom = [(ticket, api.types("notes", "tickets"))]
    if entry.public and contact:
        with_whom.append((contact, api.types("notes", "contacts")))
    path, payload = "crm/v3/objects/notes", {"properties": properties, "associations": associated(*with_whom)}
    answer = api.ask("POST", path, payload)
    if refused(answer):
        if api.full("tickets", ticket):
            raise TicketGone("full")
        if len(with_whom) > 1 and api.full("contacts", contact):  # of all tickets; no other one would have room
            answer = api.ask("POST", path, payload | {"associations": associated(with_whom[0])})
    number = id_of(api.checked(answer, what).node()["id"])
    if not number:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True, concerns=Concern.TICKET)
    return number


def spoken(entry: Entry) -> str:
    """Return the words of an entry: who wrote and when, for all notes are the app's own; then the files left out."""
    who = entry.author if entry.public else "Deskwire"
    when = f"{entry.written_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if entry.written_at else ""
    head = " · ".join(part for part in (who, when) if part)
    files = [f"[not taken by HubSpot: {file.name}, {len(file.data)} bytes]" for file in entry.files]
    return "\n".join([*([f"{head}:"] if head else []), entry.body, *files])


def pieces(text: str) -> list[str]:
    """Return the text in pieces of which each is one note, also with its entities."""
    if len(paragraph(text)) <= LONGEST:
        return [text]
    return split(text, PIECE, Unit.CHARACTERS) or [""]


def place(api: Api, ticket: str, mark: str) -> str:
    """Return the id of the ticket's note that bears a mark, or an empty string."""
    return next((id_of(note["id"]) for note in api.notes(ticket) if _bears(note, mark)), "")


def _bears(note: Node, mark: str) -> bool:
    """Return whether a note ends with a mark, which no customer knows; HubSpot may have changed the HTML around it."""
    return plain(note["properties"]["hs_note_body"].text("")).rstrip().endswith(mark)


def answers(history: Node, ticket: str, reach: Reach) -> list[AgentReply]:
    """Return the values of the reply's property as answers, the oldest first. Who empties it answers nothing.

    A value has no id. Its time and words make one, which stays the same where a merge carries the history along.
    """
    what, found = "reading the replies", []
    for row in listed(history, what) if history else ():  # a ticket nobody answered has no history
        at, words = row["timestamp"].iso(), told(row["value"], what, reach)
        if not words.strip() and row["value"]:  # emptied
            continue
        if at is None or not words.strip():
            reach.left_out(what, row["timestamp"])
            continue
        order = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
        found.append(
            AgentReply(
                id=f"{order}-{digest(words)[:16]}",
                order=order,
                ticket=ticket,
                text=words,
                author="",
                written_at=at,
                withheld=withheld(row["sourceType"].text(""), row["sourceId"].text("")),
            )
        )
    return sorted(found, key=lambda reply: reply.order)


def withheld(source: str, by: str) -> str:
    """Return why it is not known that a person typed a value, or an empty string."""
    if source in TYPED or (source in PERHAPS_TYPED and by.startswith("userId:")):
        return ""
    if not source:
        return "HubSpot does not say who wrote it"
    return f"“{source[:40]}” filled in the reply, not a person in HubSpot"

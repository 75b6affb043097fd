"""A customer's earlier tickets in Vtiger."""

from __future__ import annotations

from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Service, is_of, quoted, value
from .records import CLOSED, TAGS, key_of_contact

OVER = frozenset({CLOSED})
MOST_PEOPLE = 3  # with one e-mail address or telephone number


def earlier(service: Service, customer: Customer) -> list[Earlier]:
    """Return the tickets of their contact: one query for the contact, one for the tickets, one more for each address.

    Whether a ticket was a complaint is told by the tags in its description.
    """
    prefix, field = service.module("Contacts")
    who = {field: key_of_contact(customer), "email": customer.email, "mobile": customer.phone}
    people = [person for name, given in who.items() if given for person in _contacts(service, prefix, name, given)]
    if not people:
        return []
    any_of = ",".join(quoted(person) for person in dict.fromkeys(people))
    prefix, _ = service.module("HelpDesk")
    rows = service.rows(
        "id,ticket_no,ticket_title,ticketstatus,createdtime,description",
        "HelpDesk",
        f"contact_id IN ({any_of})",
        what="looking for earlier tickets",
        order="id DESC",
        most=MOST_EARLIER,
    )
    return [_earlier(service, row) for row in rows if is_of(row["id"], prefix)]


def _contacts(service: Service, prefix: str, field: str, wanted: str) -> list[str]:
    rows = service.rows(
        "id",
        "Contacts",
        f"{field} = {quoted(wanted)}",
        what="looking for the contact",
        order="id",
        most=MOST_PEOPLE,
    )
    return [value(row["id"]) for row in rows if is_of(row["id"], prefix)]


def _earlier(service: Service, row: Node) -> Earlier:
    status = value(row["ticketstatus"])
    lines = value(row["description"]).split("\n")
    tags = next((each.partition(":")[2] for each in lines if each.startswith(f"{TAGS}:")), "")
    return Earlier(
        ticket=value(row["id"]),
        number=value(row["ticket_no"]),
        subject=value(row["ticket_title"]),
        open=status not in OVER,
        outcome=status,
        at=service.moment(row["createdtime"]),
        complaint=COMPLAINT in [tag.strip() for tag in tags.split(",")],
    )

"""A customer's earlier tickets in BottleCRM: ours, by the mark of the person, and those of a contact of theirs."""

from __future__ import annotations

from collections.abc import Iterator

from deskwire.families.lists import listed
from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node
from deskwire.web.rest import checked

from .api import HINT, Api, id_of
from .cases import OVER
from .words import of_person

WHAT = "looking for earlier tickets"


def earlier(api: Api, customer: Customer) -> list[Earlier]:
    """Return a customer's tickets, the newest first; by e-mail and telephone only where these are given."""
    wanted = of_person(customer.external_id)
    query = {"slim": "true", "limit": str(MOST_EARLIER), "search": wanted[1:-1]}
    rows = listed(api.get("cases/", WHAT, **query)["cases"], WHAT)
    found = [_earlier(row) for row in rows if id_of(row["id"]) and wanted in row["description"].text("").split()]
    known = {each.ticket for each in found}
    if customer.email or customer.phone:
        for contact in _contacts(api, customer):
            node = api.get(f"contacts/{contact}/", WHAT)
            if _is(customer, node["contact_obj"]):
                found += [_earlier(row) for row in node["cases"].rows() if id_of(row["id"]) not in {"", *known}]
                known |= {each.ticket for each in found}
    return sorted(found, key=lambda each: each.at.timestamp() if each.at else 0.0, reverse=True)[:MOST_EARLIER]


def _contacts(api: Api, customer: Customer) -> Iterator[str]:
    """Yield the contacts that may be this customer. It is a search by a POST, to keep the address out of logs."""
    asked = {name: value for name, value in (("email", customer.email), ("phone", customer.phone)) if value}
    answer = api.ask("POST", "contacts/duplicates/", asked)
    if answer.status == 400:  # no telephone number or address that BottleCRM could hold
        return
    for row in listed(checked(answer, what=WHAT, secret_hint=HINT).node()["duplicates"], WHAT)[:5]:
        if number := id_of(row["id"]):
            yield number


def _is(customer: Customer, contact: Node) -> bool:
    """Return whether a contact has exactly this e-mail address or number: BottleCRM compares the last ten digits."""
    email, phone = contact["email"].text("").casefold(), contact["phone_e164"].text("")
    return bool((email and email == customer.email.casefold()) or (phone and phone == customer.phone))


def _earlier(row: Node) -> Earlier:
    status = row["status"].text("")
    return Earlier(
        ticket=id_of(row["id"]),
        subject=row["name"].text(""),
        open=status not in OVER,
        outcome=status,
        at=row["created_at"].iso(),
        complaint=COMPLAINT in {tag["name"].text("").casefold() for tag in row["tags"].rows()},
    )

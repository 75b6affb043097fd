"""A customer's earlier tickets in Zendesk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from deskwire.families.ids import id_of
from deskwire.families.lists import listed
from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Api

PERSON, TICKETS = "looking for a customer", "looking for earlier tickets"
OVER = frozenset({"solved", "closed"})
MOST_PEOPLE = 3  # with one e-mail address or telephone number


def earlier(api: Api, customer: Customer) -> list[Earlier]:
    """Return the tickets of which they are the requester: one request for the person, and one for their tickets.

    Both lists come from the store, not from the search's late index.
    https://developer.zendesk.com/api-reference/ticketing/users/users/#search-users
    https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#list-tickets
    """
    found: dict[str, Earlier] = {}
    for person in list(dict.fromkeys(_people(api, customer)))[:MOST_PEOPLE]:
        query = urlencode({"sort_by": "created_at", "sort_order": "desc", "per_page": MOST_EARLIER})
        answer = api.ask("GET", f"users/{person}/tickets/requested.json?{query}")
        rows = listed(api.checked(answer, TICKETS).node()["tickets"], TICKETS)
        found |= {id_of(row["id"]): _earlier(row) for row in rows if id_of(row["requester_id"]) == person}
    found.pop("", None)
    return sorted(found.values(), key=lambda each: -int(each.ticket))[:MOST_EARLIER]


def _people(api: Api, customer: Customer) -> Iterator[str]:
    """Yield who they are: by our own id, and by the e-mail address and telephone number where these are given."""
    yield from _users(api, {"external_id": customer.external_id}, "external_id", customer.external_id)
    if customer.email:
        yield from _users(api, {"query": f'email:"{_plain(customer.email)}"'}, "email", customer.email)
    if customer.phone:
        yield from _users(api, {"query": f'phone:"{_plain(customer.phone)}"'}, "phone", customer.phone)


def _users(api: Api, query: dict[str, str], field: str, value: str) -> Iterator[str]:
    """Yield the users with exactly this value: a search finds by parts as well, and agents are no customers."""
    answer = api.ask("GET", f"users/search.json?{urlencode(query)}")
    for row in listed(api.checked(answer, PERSON).node()["users"], PERSON):
        same = row[field].text("").casefold() == value.casefold()
        if same and row["role"].text("end-user") == "end-user" and id_of(row["id"]):
            yield id_of(row["id"])


def _plain(text: str) -> str:
    return re.sub(r'["\\\s]', "", text)


def _earlier(row: Node) -> Earlier:
    status = row["status"].text("")
    return Earlier(
        ticket=id_of(row["id"]),
        subject=row["subject"].text(""),
        open=status not in OVER,
        outcome=status,
        at=row["created_at"].iso(),
        complaint=COMPLAINT in [tag.raw for tag in row["tags"].rows()],
    )

"""A customer's earlier tickets in HubSpot."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import quote

from deskwire.families.ids import id_of
from deskwire.model.tickets import MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Api, not_found
from .records import PERSON, marker

WHAT: Final = "looking for earlier tickets"
SHOWN: Final = ("subject", "hs_pipeline", "hs_pipeline_stage", "createdate")


def earlier(api: Api, customer: Customer) -> list[Earlier]:
    """Return the tickets that their contact is associated with: one request for these, one for what they are about.

    Both read the store, not the search's late index. Our tags stand in a ticket's text alone, so no complaint is told.
    https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
    """
    numbers = _tickets(api, PERSON, marker(customer.external_id))
    if customer.email:
        numbers |= _tickets(api, "email", customer.email)
    latest = sorted(numbers, reverse=True)[:MOST_EARLIER]
    if not latest:
        return []
    inputs = [{"id": str(number)} for number in latest]
    payload = {"inputs": inputs, "properties": list(SHOWN), "propertiesWithHistory": []}
    answer = api.ask("POST", "crm/v3/objects/tickets/batch/read", payload, safe=True)
    rows = [row for row in api.checked(answer, WHAT).node()["results"].items() if id_of(row["id"])]
    closed = api.closed() if rows else frozenset()
    return sorted((_earlier(row, closed) for row in rows), key=lambda each: -int(each.ticket))


def _tickets(api: Api, unique: str, value: str) -> set[int]:
    """Return the ids of the tickets of the contact with this unique value; none where there is no such contact."""
    path = f"crm/v3/objects/contacts/{quote(value, safe='')}?idProperty={unique}&associations=tickets"
    answer = api.ask("GET", path)
    if not_found(answer):
        return set()
    rows = api.checked(answer, WHAT).node()["associations"]["tickets"]["results"].rows()
    return {int(id_of(row["id"])) for row in rows if id_of(row["id"])}


def _earlier(row: Node, stages: Collection[str]) -> Earlier:
    told = row["properties"]
    closed = f"{told['hs_pipeline'].text('')}/{told['hs_pipeline_stage'].text('')}" in stages
    return Earlier(
        ticket=id_of(row["id"]),
        subject=told["subject"].text(""),
        open=not closed,
        outcome="closed" if closed else "open",
        at=told["createdate"].iso(),
    )

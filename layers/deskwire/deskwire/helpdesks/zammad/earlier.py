"""A customer's earlier tickets in Zammad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from deskwire.families.ids import id_of
from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Api
from .articles import login_of

WHAT: Final = "looking for earlier tickets"
TAGGED: Final = {"ticket.tags": {"operator": "contains one", "value": COMPLAINT}}


def earlier(api: Api, person: Customer) -> list[Earlier]:
    """Return the tickets of which they are the customer, and which of them are complaints: one search each.

    A condition that Zammad does not understand is left out, and everything found (lib/selector/sql.rb): so each row
    must name the customer itself, as `expand` shows it (by login, which of an ordinary user is the e-mail address).
    """
    found: dict[str, Earlier] = {}
    kinds: Mapping[str, str] = {}
    for name, value in (("login", login_of(person)), ("email", person.email)):
        if not value:
            continue
        condition = {f"customer.{name}": {"operator": "is", "value": value}}
        rows = _theirs(api, condition, value)
        complaints = {id_of(row["id"]) for row in _theirs(api, {**condition, **TAGGED}, value)} if rows else set()
        kinds = kinds or (api.states().kinds if rows else {})
        found |= {id_of(row["id"]): _earlier(row, kinds, complaints) for row in rows}
    return sorted(found.values(), key=lambda each: -int(each.ticket))[:MOST_EARLIER]


def _theirs(api: Api, condition: dict[str, Any], value: str) -> list[Node]:
    rows = api.search(condition, WHAT, newest=MOST_EARLIER)
    return [row for row in rows if row["customer"].text("").casefold() == value.casefold() and id_of(row["id"])]


def _earlier(row: Node, kinds: Mapping[str, str], complaints: set[str]) -> Earlier:
    kind = kinds.get(id_of(row["state_id"]), "open")
    return Earlier(
        ticket=id_of(row["id"]),
        number=row["number"].text(""),
        subject=row["title"].text(""),
        open=kind not in {"closed", "merged", "removed"},
        outcome=row["state"].text("") or kind,
        at=row["created_at"].iso(),
        complaint=id_of(row["id"]) in complaints,
    )

"""A customer's earlier tickets in Request Tracker."""

from __future__ import annotations

from deskwire.families.ids import id_of
from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Tracker, quoted, values_of
from .tickets import TAGS, user_name

OVER = frozenset({"resolved", "rejected", "deleted"})  # of RT's own lifecycle; any other state counts as open


def earlier(tracker: Tracker, customer: Customer) -> list[Earlier]:
    """Return the tickets of which they are the requestor, by one search of the database. Merged ones are left out."""
    who = [f"Requestor.Name = {quoted(user_name(customer))}"]
    who += [f"Requestor.EmailAddress = {quoted(customer.email)}"] if customer.email else []
    rows = tracker.get(
        "tickets",
        what="looking for earlier tickets",
        query=f"({' OR '.join(who)})",
        orderby="id",
        order="DESC",
        per_page=str(MOST_EARLIER),
        fields="Subject,Status,Created,CustomFields",
    )
    return [_earlier(row) for row in rows["items"].items() if id_of(row["id"])]


def _earlier(row: Node) -> Earlier:
    status = row["Status"].text("")
    return Earlier(
        ticket=id_of(row["id"]),
        subject=row["Subject"].text(""),
        open=status not in OVER,
        outcome=status,
        at=row["Created"].iso(),
        complaint=COMPLAINT in values_of(row, TAGS),
    )

"""A customer's earlier tickets in Freshdesk."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from deskwire.families.ids import id_of
from deskwire.families.lists import listed
from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Api, refusals

WHAT: Final = "looking for earlier tickets"
EVER: Final = "2010-01-01T00:00:00Z"  # without a time the list has the last 30 days alone
OVER: Final = (4, 5)  # resolved, closed
STATUSES: Final = {2: "open", 3: "pending", 4: "resolved", 5: "closed"}


def earlier(api: Api, customer: Customer) -> list[Earlier]:
    """Return the tickets of which they are the requester: one request, and one more for an e-mail address.

    https://developers.freshdesk.com/api/#list_all_tickets
    """
    rows = _rows(api, "unique_external_id", customer.external_id)
    rows += _rows(api, "email", customer.email) if customer.email else []
    found = {id_of(row["id"]): _earlier(row) for row in rows if id_of(row["id"])}
    return sorted(found.values(), key=lambda each: -int(each.ticket))[:MOST_EARLIER]


def _rows(api: Api, name: str, value: str) -> list[Node]:
    """Return the rows of one requester. Unconfirmed: whether an unknown one is refused (400, 404) or has none."""
    query = {name: value, "updated_since": EVER, "order_by": "created_at", "order_type": "desc"}
    answer = api.ask("GET", f"tickets?{urlencode(query | {'per_page': str(MOST_EARLIER)})}")
    if answer.status == 404 or (answer.status == 400 and name in refusals(answer)):
        return []
    return listed(api.checked(answer, WHAT).node(), WHAT)


def _earlier(row: Node) -> Earlier:
    status = row["status"].number(0)
    return Earlier(
        ticket=id_of(row["id"]),
        subject=row["subject"].text(""),
        open=status not in OVER,
        outcome=STATUSES.get(status, f"status {status}"),
        at=row["created_at"].iso(),
        complaint=COMPLAINT in [tag.raw for tag in row["tags"].rows()],
    )

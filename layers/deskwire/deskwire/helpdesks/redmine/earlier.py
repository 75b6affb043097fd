"""A customer's earlier issues in Redmine."""

from __future__ import annotations

from deskwire.families.ids import id_of
from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Api
from .issues import TAGS
from .words import of_person

WHAT = "looking for earlier tickets"


def earlier(api: Api, customer: Customer) -> list[Earlier]:
    """Return the issues whose description bears the mark of this customer, who has no account in Redmine."""
    wanted = of_person(customer.external_id)
    query = {"status_id": "*", "description": f"~{wanted[1:-1]}", "sort": "id:desc", "limit": str(MOST_EARLIER)}
    rows = api.get("issues.json", WHAT, **query)["issues"].items()
    return [_earlier(api, row) for row in rows if id_of(row["id"]) and wanted in row["description"].text("").split()]


def _earlier(api: Api, row: Node) -> Earlier:
    lines = row["description"].text("").replace("\r\n", "\n").split("\n")
    tags = next((each.partition(":")[2] for each in lines if each.startswith(f"{TAGS}:")), "")
    return Earlier(
        ticket=id_of(row["id"]),
        subject=row["subject"].text(""),
        open=not api.statuses().get(row["status"]["id"].number(0), False),
        outcome=row["status"]["name"].text(""),
        at=row["created_on"].iso(),
        complaint=COMPLAINT in [tag.strip() for tag in tags.split(",")],
    )

"""A customer's earlier cases in Salesforce."""

from __future__ import annotations

from deskwire.model.tickets import COMPLAINT, MOST_EARLIER, Customer, Earlier
from deskwire.web.reading import Node

from .api import Api, id_of, quoted
from .records import PERSON, TAGS, marker


def earlier(api: Api, customer: Customer) -> list[Earlier]:
    """Return the cases of their contact, by one query, which sees what was written a moment ago.

    One more for its e-mail address and for its telephone number, where these are given. What a stranger typed
    (`SuppliedEmail`) counts for nothing.
    """
    who = {PERSON: marker(customer.external_id), "Email": customer.email, "MobilePhone": customer.phone}
    rows = [row for field, value in who.items() if value for row in _cases(api, field, value)]
    found = {id_of(row["Id"]): _earlier(row) for row in rows if id_of(row["Id"])}
    return sorted(found.values(), key=lambda each: each.at or api.reach.now, reverse=True)[:MOST_EARLIER]


def _cases(api: Api, field: str, value: str) -> list[Node]:
    soql = (
        f"SELECT Id, CaseNumber, Subject, Status, IsClosed, CreatedDate, {TAGS} FROM Case "  # noqa: S608 - escaped
        f"WHERE Contact.{field} = '{quoted(value)}' ORDER BY CreatedDate DESC LIMIT {MOST_EARLIER}"
    )
    return api.rows(soql, "looking for earlier cases")


def _earlier(row: Node) -> Earlier:
    return Earlier(
        ticket=id_of(row["Id"]),
        number=row["CaseNumber"].text(""),
        subject=row["Subject"].text(""),
        open=row["IsClosed"].raw is False,
        outcome=row["Status"].text(""),
        at=row["CreatedDate"].iso(),
        complaint=COMPLAINT in [tag.strip() for tag in row[TAGS].text("").split(";")],
    )

"""Tickets of Freshdesk: made, found again after doubt, opened again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from deskwire.contracts.channel import Reach
from deskwire.families.ids import NUMBER, id_of
from deskwire.families.lists import listed
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.tickets import Change, Entry, Sought, Ticket
from deskwire.web.markup import literal
from deskwire.web.reading import Node

from .api import FIELD, PAGE, PAGES, Api, refusals
from .conversations import body_of, fitting, left_out, mark

OPEN, CLOSED = 2, 5
SOLVED = (4, CLOSED)  # resolved, and closed
ASLEEP = (3, 4, 5, 6)  # pending, resolved, closed, “waiting on customer”: no agent looks at it
PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
PORTAL = 2  # the source of a ticket where none is set. Chat (7) wants another shape of notes.
KEY_FIELD = "cf_deskwire_key"


def opened(api: Api, ticket: Ticket, first: Entry) -> Node:
    """Return the ticket that Freshdesk made; where it does not take the files, one without them that names them."""
    what = "opening a ticket"
    files, lost = fitting(first.files)
    answer = api.ask("POST", "tickets", _payload(api, ticket, first, lost), files)
    if answer.status == 400 and files and "attachments" in refusals(answer):
        lost = [left_out(file) for file in first.files]
        answer = api.ask("POST", "tickets", _payload(api, ticket, first, lost))
    return api.checked(answer, what).node().object()


def _payload(api: Api, ticket: Ticket, first: Entry, lost: Sequence[str]) -> dict[str, Any]:
    """Return a ticket to be made.

    Its requester has no address: to one that it knows Freshdesk mails every answer, which Deskwire delivers already.
    """
    customer = ticket.customer
    given = ", ".join(filter(None, (customer.handle, customer.email, customer.phone)))
    before = f"Follow-up of ticket {ticket.follow_up_of}" if ticket.follow_up_of else ""
    further = [*lost, *filter(None, (before, f"As given: {given}" if given else ""))]
    source = api.reach.settings.get("source", str(PORTAL))
    if not NUMBER.fullmatch(source):
        raise ConfigurationError("“source” is not the number of a source")
    return {
        "unique_external_id": customer.external_id,
        "name": literal(customer.name or customer.handle or customer.channel)[:255],
        "subject": literal(ticket.subject)[:255],
        "description": body_of(first, named=first.shared, further=further),
        "status": OPEN,
        "priority": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
        "source": int(source),
        "tags": list(tagged(("deskwire", *ticket.tags))),
        "custom_fields": _fields(ticket, api.reach.settings.get("fields", "")) | {key_field(api): mark(ticket.key)},
    }


def _fields(ticket: Ticket, setting: str) -> dict[str, str]:
    """Return the ticket fields to fill: those that the setting names, and those given by Freshdesk's own name."""
    known = {"reference": ticket.reference, "follow_up_of": ticket.follow_up_of, **ticket.fields}
    names = {name: name for name in ticket.fields if name.startswith("cf_")} | _declared(setting)
    return {field: known[name] for name, field in names.items() if known.get(name)}


def _declared(setting: str) -> dict[str, str]:
    """Return Freshdesk's name of each ticket field that the setting `fields` names."""
    names: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        name, _, field = (each.strip() for each in part.partition("="))
        if not name or not FIELD.fullmatch(field):
            raise ConfigurationError("“fields” is not written as `reference=cf_reference, rating=cf_rating`")
        names[name] = field
    return names


def key_field(api: Api) -> str:
    """Return the name of the ticket field that holds our key."""
    field = api.reach.settings.get("key_field", KEY_FIELD)
    if not FIELD.fullmatch(field):
        raise ConfigurationError(f"“key_field” is not the name of a ticket field, like {KEY_FIELD}")
    return field


def standing(api: Api, sought: Sought) -> str:
    """Return the id of the ticket with this key among its customer's since then (without a time: of 30 days), or "".

    Unconfirmed: that a new ticket is in this list at once. It comes from the store and not from the search's index.
    """
    if sought.customer is None:
        raise PermanentError("looking for a ticket: nobody is named whose it is")
    asked: dict[str, object] = {"unique_external_id": sought.customer.external_id, "per_page": PAGE}
    if sought.since is not None:
        asked["updated_since"] = f"{sought.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for page in range(1, PAGES + 1):
        rows = listed(api.get("tickets", "looking for a ticket", **asked, page=page), "looking for a ticket")
        for row in rows:
            if row["custom_fields"][key_field(api)].raw == mark(sought.key) and id_of(row["id"]):
                return id_of(row["id"])
        if len(rows) < PAGE:
            break
    return ""


def raised(change: Change, shown: Node, reach: Reach) -> dict[str, Any]:
    """Return what of a change is not so yet: a higher priority, all tags with those that are missing, a rating."""
    present = [tag.text("") for tag in shown["tags"].rows()]
    missing = Change(tags=tagged(change.tags)).missing(present)
    changes: dict[str, Any] = {"tags": [*present, *missing]} if missing else {}  # what is sent replaces them
    # A priority of another number is the company's own, and left.
    current = next((name for name, number in PRIORITIES.items() if number == shown["priority"].raw), "another")
    changes |= {"priority": PRIORITIES[change.priority]} if change.raises(current) else {}
    # https://support.freshdesk.com/support/solutions/articles/216548-create-and-update-tickets-with-custom-fields-using-api
    field = _declared(reach.settings.get("fields", "")).get("satisfaction")
    if field and change.satisfaction and shown["custom_fields"][field].raw != change.satisfaction:
        changes["custom_fields"] = {field: change.satisfaction}
    # Ids: https://developers.freshdesk.com/api/#update_ticket. A name that is none goes as it is, and is refused.
    wanted = {"group_id": change.group, "responder_id": change.assignee}
    numbers = {name: int(value) if value.isdecimal() else value for name, value in wanted.items() if value}
    return changes | {name: value for name, value in numbers.items() if shown[name].raw != value}


def closed_at(api: Api, number: str) -> datetime | None:
    """Return when a ticket was closed: https://developers.freshdesk.com/api/#view_a_ticket, with `include=stats`."""
    return api.get(f"tickets/{number}", "looking at a ticket", include="stats")["stats"]["closed_at"].iso()


def wake(api: Api, number: str, shown: Node) -> None:
    """Open a ticket that waits or is resolved. Unconfirmed: whether a customer's note does so by itself."""
    if shown["status"].raw not in ASLEEP:
        return
    try:
        api.send("PUT", f"tickets/{number}", {"status": OPEN}, "opening a ticket again").object()
    except (TemporaryError, ConfigurationError) as error:  # the note is there: `find` goes on with this
        raise error.retold(ambiguous=True) from None
    except PermanentError:  # the account's own rules forbid it; the customer's words are in the ticket all the same
        return


def tagged(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags as Freshdesk takes them. Unconfirmed: 32 characters each; a comma ends one."""
    return tuple(dict.fromkeys(tag.replace(",", " ")[:32] for tag in tags))

"""Describe a ticket's customer and fields as text, for helpdesks without fields of their own for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskwire.model.tickets import Change, Ticket


def introduction(ticket: Ticket, line: Callable[[str], str], more: Mapping[str, str]) -> str:
    """Return a line for each fact of a ticket: its customer, `more` of the helpdesk's own, and its fields.

    `line` turns an untrusted value into one line that the helpdesk can store. Empty facts are left out.
    """
    customer = ticket.customer
    facts = {
        "Customer": " · ".join(line(each) for each in (customer.name, customer.handle) if each),
        "E-mail": line(customer.email),
        "Phone": line(customer.phone),
        "Channel": line(customer.channel),
        **more,
        **{line(name): line(value) for name, value in ticket.fields.items()},
    }
    return "\n".join(f"{name}: {value}" for name, value in facts.items() if value)


def tagged(description: str, change: Change, name: str) -> str:
    """Return a description with a change's tags added to its line of tags, which `introduction` wrote."""
    lines = description.split("\n")
    number = next((number for number, each in enumerate(lines) if each.startswith(f"{name}:")), len(lines))
    found = "".join(lines[number : number + 1]).removeprefix(f"{name}:")
    present = [tag.strip() for tag in found.split(",") if tag.strip()]
    missing = change.missing(present)
    lines[number : number + 1] = [f"{name}: {', '.join([*present, *missing])}"]
    return "\n".join(lines) if missing else description

"""What became of a ticket in Request Tracker, and whose it is, by its transactions."""

from __future__ import annotations

from typing import Final

from deskwire.contracts.channel import Reach
from deskwire.families.ids import id_of
from deskwire.families.lists import known
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.values import replace
from deskwire.web.reading import Node

from .api import HOUR, Tracker
from .earlier import OVER

# RT writes two transactions where the owner changes: `Set`, and this one (seen on RT 5.0.3).
OWNER: Final = "SetWatcher"
TOLD: Final = f"(Type = 'Correspond' OR Type = 'Status' OR (Type = '{OWNER}' AND Field = 'Owner'))"
NOBODY: Final = "Nobody"  # RT's own user, who owns what no person does


def tells(row: Node, reach: Reach) -> bool:
    """Return whether a transaction may concern us: of the statuses, what is solved by it, or no longer."""
    if row["Type"].text("") == OWNER:
        return bool(known([row], "polling", reach, "NewValue"))
    return row["Type"].text("") != "Status" or _over(row["OldValue"]) != _over(row["NewValue"])


def stood(tracker: Tracker, row: Node, signal: Signal) -> Signal:
    """Return the signal of a transaction, with what it says of the ticket where it is no correspondence."""
    kind = row["Type"].text("")
    if kind == "Status":
        status = Status.SOLVED if _over(row["NewValue"]) else Status.REOPENED
        return replace(signal, about=About.STATUS, version=f"{signal.version}-status", status=status)
    if kind == OWNER:
        return replace(
            signal,
            about=About.STATUS,
            version=f"{signal.version}-owner",
            assignee=_owner(tracker, id_of(row["NewValue"])),
        )
    return signal


def _over(value: Node) -> bool:
    return value.text("") in OVER


def _owner(tracker: Tracker, user: str) -> Assignee:
    """Return who has the ticket: one request for each agent in an hour."""

    def look() -> tuple[str, float]:
        return tracker.get(f"user/{user}", what="reading an owner")["Name"].text(""), HOUR

    name = tracker.kept(f"owner/{user}", look)
    return Assignee("") if name == NOBODY else Assignee(user, name)

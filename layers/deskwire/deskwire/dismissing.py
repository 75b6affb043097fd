"""Count and drop events that need no worker: receipts, reads, reactions and the like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from deskwire.model.events import Event, Kind

if TYPE_CHECKING:
    from deskwire.model.signals import Happened
    from deskwire.telemetry import Telemetry

METRICS: Mapping[str, str] = {
    Kind.RECEIPT: "DismissedReceipt",
    Kind.REACTION: "DismissedReaction",
    Kind.STATE: "DismissedState",
    "ticket": "DismissedTicket",
}


Given = TypeVar("Given", bound="Happened")


def dismiss(events: Sequence[Given], telemetry: Telemetry) -> list[Given]:
    """Return the events to handle; count and log the others. Raise the alarm for events that need a person.

    Nothing is stored of a dismissed event but the count, so a redelivery counts again.
    """
    dismissed: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        if isinstance(event, Event) and event.attention:
            telemetry.count("ConfigurationErrors")
            telemetry.log("ERROR", "a person must act", channel=event.channel, reason=event.attention)
        if event.dismissed:
            dismissed[event.connector, event.kind, event.dismissed] += 1
    for (channel, kind, reason), number in dismissed.items():
        telemetry.count(METRICS.get(kind, "DismissedOther"), number)
        telemetry.log("INFO", "dismissed", channel=channel, kind=str(kind), reason=reason, count=number)
    return [event for event in events if not event.dismissed]

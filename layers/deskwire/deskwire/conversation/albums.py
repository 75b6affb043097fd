"""Join albums: messages that a customer sent as one and the platform delivers one by one. Pure, as `decide` is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deskwire.model.events import Event, Kind
from deskwire.model.values import replace

if TYPE_CHECKING:
    from .decide import Pending

COMPLETE = timedelta(seconds=5)  # after its latest part was received, an album counts as complete


def together(events: Sequence[Event]) -> Event:
    """Return an album as one event: the first one with the words and attachments of all."""
    first = events[0]
    return replace(
        first,
        text="\n".join(event.text for event in events),
        attachments=tuple(attachment for event in events for attachment in event.attachments),
        facts={label: value for event in reversed(events) for label, value in event.facts.items()},
        suspicion=next((event.suspicion for event in events if event.suspicion), ""),
    )


def albums(items: Sequence[Pending], joined: Mapping[str, str]) -> tuple[Pending, ...]:
    """Return the items to file, in order, with each album as one item.

    `joined` maps the key of each further part to the key of the first message with which an earlier attempt may have
    filed it. A message in doubt joins no new album, because it may be in an entry already.
    """
    found: list[Pending] = []
    for item in items:
        at = _place(item, found, joined)
        if at is None:
            found.append(dataclasses.replace(item, filed_as=joined.get(item.message.key, "")))
        else:
            album = found[at]
            found[at] = dataclasses.replace(album, parts=(*album.parts, item), doubtful=album.doubtful or item.doubtful)
    return tuple(found)


def _place(item: Pending, found: Sequence[Pending], joined: Mapping[str, str]) -> int | None:
    """Return the index in `found` of the album that a message belongs to, or None if it begins a new item."""
    first = joined.get(item.message.key)
    known = next((at for at, each in enumerate(found) if each.message.key == first), None)
    if known is not None or item.doubtful or not found or found[-1].doubtful:
        return known
    return len(found) - 1 if _are_one(found[-1].message.event, item.message.event) else None


def _are_one(first: Event | None, event: Event | None) -> bool:
    """Return whether two neighbouring messages belong to one album."""
    if first is None or event is None or not event.group:
        return False
    same = (first.group, first.own, first.author_ids) == (event.group, event.own, event.author_ids)
    return same and first.kind is event.kind is Kind.MESSAGE


def more_to_come(items: Sequence[Pending], now: datetime) -> int:
    """Return how many seconds to wait for further parts of the last album; 0 if it is complete or there is none."""
    if not items or items[-1].doubtful:
        return 0
    message = items[-1].members[-1].message
    event = message.event
    if event is None or not event.group or event.kind is not Kind.MESSAGE or not message.received_at:
        return 0
    left = datetime.fromisoformat(message.received_at) + COMPLETE - now
    return max(math.ceil(left.total_seconds()), 0)

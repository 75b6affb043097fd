"""Read minor fields in Meta's deliveries: unexpected types are left out and never cause a message to be parked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from deskwire.contracts.channel import filled
from deskwire.model.events import Event, Kind, Visibility
from deskwire.web.reading import Node, fragment

from . import meta

TEST_ACCOUNT: Final = "0"  # the dashboard's test button
EDITS: Final = frozenset({"edit", "edited"})  # statuses and comments say `edited`, visitors' posts `edit`
REMOVALS: Final = frozenset({"remove", "delete"})


def flag(node: Node) -> bool:
    """Return whether a flag is set; it may be text."""
    raw = node.raw
    return raw is True or raw == "true"


def listed(node: Node) -> Iterable[Node]:
    """Return a list's elements, or the single value in place of a documented list."""
    return node.items() if isinstance(node.raw, list) else [node] if node else []


def repeats(comment: Node, words: str, text: str, since: datetime) -> bool:
    """Return whether a comment has this text in its member `words`, and is not older than `since`."""
    written = meta.moment(comment["created_time"]) or meta.moment(comment["timestamp"])
    recent = written is None or written >= since - timedelta(minutes=1)  # their clock and ours
    return recent and comment[words].text("").split() == text.split()


def ordered(item: Node, product: str, price: str) -> str:
    """Return a line of an order: how many of which product, and at which price; both by the names of their fields."""
    count, what = item["quantity"].text("") or "1", item[product].text("") or "a product"
    each = item[price].text("")
    return f"{count} times {what}" + (f" at {each} {item['currency'].text('')}".rstrip() if each else "")


def unknown(channel: str, entry: Node, node: Node, what: str, note: str = "") -> Event:
    """Return an event of the account for a genuine update of unknown kind, or the dashboard's test button."""
    account = entry["id"].identifier()
    return Event(
        channel=channel,
        account=account,
        kind=Kind.OTHER,
        # There is no id: two of a kind in one second count once.
        object_id=f"{what}:{entry['time'].any_id()}",
        verb="unknown",
        thread=account,
        visibility=Visibility.PUBLIC,
        text=f"[{what}{note}]",
        facts=filled({"Test": "yes" if account == TEST_ACCOUNT else ""}),
        raw=fragment(node),
    )

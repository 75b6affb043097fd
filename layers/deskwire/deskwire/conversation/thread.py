"""A thread and its messages as the table holds them."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from deskwire.model import Author, Event, Outgoing, Visibility, compose, digest, event_from_json
from deskwire.ports import Item, Key
from deskwire.reference import reference

KEEP_SECONDS = 30 * 86_400  # after its outcome: platforms repeat for 7 days at most, a person looks within a month


class Outcome(StrEnum):
    """How an event ended."""

    FILED = "filed"  # in a ticket, or sent to the channel
    MERGED = "merged"  # the same as another event, or already done by one
    SUPPRESSED = "suppressed"  # nothing is to be done, and why
    REFUSED = "refused"  # the other side never takes it, or it is not ours, and why
    DEAD = "dead"  # given up after the longest retry


RECORDED = "recorded"  # the state before any outcome
MOVED = "moved"  # goes on in the thread that this one belongs to
ERASED = "erased"  # the reason of what a person had erased: nothing of it is kept but its key


def seconds(moment: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(moment.timestamp())


def moment(stamp: int) -> datetime:
    """Return the time of whole seconds since 1970, in UTC."""
    return datetime.fromtimestamp(stamp, UTC)


def thread_item(thread_key: str) -> Key:
    """Return where a thread is."""
    return (f"T#{thread_key}", "THREAD")


def message_item(thread_key: str, event_key: str) -> Key:
    """Return where a message of a thread is."""
    return (f"T#{thread_key}", f"M#{event_key}")


def sent_item(thread_key: str, key: str) -> Key:
    """Return where something we sent into a thread is."""
    return (f"T#{thread_key}", f"S#{key}")


def echo_item(thread_key: str, platform_id: str) -> Key:
    """Return where the platform's id of something we sent is, by which its echo is known."""
    return (f"T#{thread_key}", f"O#{compose(platform_id)}")


def ticket_item(helpdesk: str, ticket: str) -> Key:
    """Return where the way back from a ticket to its thread is."""
    return (f"K#{compose(helpdesk, ticket)}", "THREAD")


def reference_item(text: str) -> Key:
    """Return where the way from our reference to its thread is."""
    return (f"N#{compose(text)}", "THREAD")


def person_item(channel: str, author: str) -> Key:
    """Return where a person's own wishes are."""
    return (f"P#{compose(channel, author)}", "PERSON")


def person_digest(channel: str, author: str) -> str:
    """Return the short name by which a thread knows a person whom it must forget."""
    return digest(compose(channel, author))[:32]


class Thread(BaseModel):
    """One conversation. Times are whole seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    pk: str
    created_at: int = 0
    channel: str = ""
    account: str = ""
    thread: str = ""
    visibility: Visibility = Visibility.PRIVATE
    author: dict[str, str] = Field(default_factory=dict)
    helpdesk: str = ""  # where the ticket is
    contact: str = ""  # the helpdesk's id of the customer
    ticket: str = ""
    epoch: int = 0  # counts the tickets of this thread
    opened_at: int = 0
    joined_at: int = 0  # when the ticket was merged into that of somebody else
    pending: tuple[str, ...] = ()  # keys of recorded messages without an outcome, oldest first
    clean: tuple[str, ...] = ()  # of those, which were surely not begun
    was_clean: tuple[str, ...] = ()  # `clean` before this worker took the thread
    sending: tuple[str, ...] = ()  # keys of what may or may not have been sent
    last_inbound: int = 0
    last_written: int = 0  # the latest customer's own time that was filed
    filed_at: int = 0  # when something of theirs was filed last
    acknowledged_at: int = 0
    acknowledgements: tuple[int, ...] = ()  # when, in the last day
    answered_at: int = 0  # when an agent's answer last went out
    updates: tuple[int, ...] = ()  # when this ticket was lately updated
    last_reply: str = ""  # the agent's reply that was looked at last, of `last_ticket`
    last_ticket: str = ""
    reply_to: str = ""  # the customer's last object
    context: dict[str, str] = Field(default_factory=dict)
    other_at: int = 0  # when somebody else began to write, or what was private became public again
    public_at: int = 0  # the latter
    attempts: int = 0
    due_at: int = 0
    lease_owner: str = ""
    alias_of: str = ""
    expires: int = 0  # of a thread whose customer was erased, until they write again
    erased: dict[str, int] = Field(default_factory=dict)  # when, by `person_digest`

    @property
    def key(self) -> str:
        """The thread's key."""
        return self.pk[2:]

    @property
    def filing_key(self) -> str:
        """What the present ticket is found by in the helpdesk: another for each follow-up.

        And another for who comes back after their thread was forgotten: its tickets are not counted any more.
        """
        return compose(self.key, str(self.created_at), str(self.epoch))

    @property
    def reference(self) -> str:
        """Our short reference of the present ticket."""
        return reference(self.key, self.epoch)

    def customer(self) -> Author | None:
        """Return the customer as last seen."""
        return Author(**self.author) if self.author else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One message of a thread, with what became of it. `note` is the text of a note of ours (then no event)."""

    key: str
    event: Event | None = None
    note: str = ""
    endpoint: str = ""
    received_at: str = ""
    state: str = RECORDED
    reason: str = ""
    ticket: str = ""
    entry: str = ""
    by: str = ""
    recorded_at: int = 0  # milliseconds since 1970; 0 for what is recorded just now

    @property
    def done(self) -> bool:
        """Whether it has an outcome."""
        return self.state != RECORDED

    def item(self, thread_key: str, **more: object) -> Item:
        """Return the table's item."""
        pk, sk = message_item(thread_key, self.key)
        event = self.event
        if self.ticket:  # of a note: where it belongs
            more["ticket"] = self.ticket
        found: Item = {
            "pk": pk,
            "sk": sk,
            "state": self.state,
            "reason": self.reason,
            "note": self.note,
            "endpoint": self.endpoint,
            "received_at": self.received_at,
            "by": self.by,
            **more,
        }
        if event is not None:
            found |= {
                "kind": str(event.kind),
                "channel": event.channel,
                "event": zlib.compress(json.dumps(event.to_json()).encode()),
            }
        return found


def recorded(item: Item) -> Recorded:
    """Return the message in a table's item."""
    event = item.get("event")
    return Recorded(
        key=item["sk"][2:],
        event=event_from_json(json.loads(zlib.decompress(event))) if event else None,
        note=item.get("note", ""),
        endpoint=item.get("endpoint", ""),
        received_at=item.get("received_at", ""),
        state=item["state"],
        reason=item.get("reason", ""),
        ticket=item.get("ticket", ""),
        entry=item.get("entry", ""),
        by=item.get("by", ""),
        recorded_at=item.get("recorded_at", 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is on the mailbox: an event and how it came."""

    event: Event
    endpoint: str
    side: str
    received_at: str
    thread: str = ""  # where it was routed to, when that is not the event's own thread
    raw: bytes = b""
    raw_at: str = ""
    data: dict[str, Any] = field(default_factory=dict, compare=False)


def opened(data: dict[str, Any], event: dict[str, Any]) -> Envelope:
    """Return the envelope in a letter's JSON, with its event (which may have come from the archive)."""
    return Envelope(
        event=event_from_json(event),
        endpoint=data["endpoint"],
        side=data["side"],
        received_at=data["received_at"],
        thread=data.get("thread", ""),
        raw=base64.b64decode(data["raw"]) if data.get("raw") else b"",
        raw_at=data.get("raw_at") or "",
        data=data,
    )


def outgoing(thread: Thread, *, key: str, text: str, automatic: bool, private: bool = False) -> Outgoing:
    """Return what to send to the customer of a thread."""
    customer = thread.customer()
    return Outgoing(
        key=key,
        account=thread.account,
        thread=thread.thread,
        visibility=Visibility.PRIVATE if private else thread.visibility,
        text=text,
        automatic=automatic,
        recipient=customer.id if customer else "",
        reply_to=thread.reply_to,
        context=thread.context,
    )

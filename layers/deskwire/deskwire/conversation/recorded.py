"""A thread's message as the table stores it, with its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from deskwire.letters import content_in, stored
from deskwire.model.events import Event, Kind
from deskwire.model.notices import Notice
from deskwire.model.signals import Happened, Signal
from deskwire.model.tickets import Change
from deskwire.ports import Item

from .table import message_item
from .thread import Clock


class Outcome(StrEnum):
    """How an event ended."""

    FILED = "filed"  # in a ticket, or sent to the channel
    MERGED = "merged"  # the same as another event, or already done by one
    SUPPRESSED = "suppressed"  # nothing is to be done, and why
    REFUSED = "refused"  # the other side never accepts it, or it is not ours, and why
    DEAD = "dead"  # given up after the longest retry


RECORDED = "recorded"  # the state before any outcome


MOVED = "moved"  # the state of a message that was moved to the thread in which this one continues
REMINDER = "reminder"  # prefix of the keys of notes that are dropped once their ticket is closed
ASIDE = "no ticket"  # prefix of the reasons of messages that the policy gives no ticket
HISTORY = "history"  # prefix of the keys of notes on a customer's earlier tickets
SAID = "note/said"  # prefix of the keys of notes on automatic answers
AUTOMATIC = "automatic"  # the reason of a filed delivery report about a text that no person wrote
RATING = "note/rating/"  # prefix of the keys of notes on a customer's rating
RATED = "a rating, for which the ticket gets a note"  # the reason of a message that is only a rating
ERASED = "erased"  # the reason of an erased message: only its key is kept


NO_CHANGE = Change()


class Kept(NamedTuple):
    """A file in the archive."""

    place: str
    type: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.place.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One message of a thread, with its outcome.

    It is an `event`, a helpdesk's `signal`, an incident's `notice`, or a `note` of ours. `trouble`: what `watch` counts
    of a filed message (see `incidents.written`); `figures`: what it counts of the ticket by this message (see
    `Case.encode`). A note may have `files`, change its ticket, and solve it if the customer's last object is still
    `solves`. `clock`: the clock that ran out, of which a note informs the agents; `calls`: the people on call are
    notified, too. `mirror`: the helpdesk into which it is copied once filed; `quotes`: the keys of messages without a
    ticket that its entry quotes. `helpdesk`: where a note's ticket is, if not in the thread's helpdesk. `rating`: the
    customer's rating, one to five, that a note is about; `watch` counts it.
    """

    key: str
    event: Event | None = None
    signal: Signal | None = None
    notice: Notice | None = None
    note: str = ""
    files: tuple[Kept, ...] = ()
    change: Change = NO_CHANGE
    solves: str = ""
    clock: Clock | None = None
    calls: bool = False
    endpoint: str = ""
    received_at: str = ""
    state: str = RECORDED
    reason: str = ""
    ticket: str = ""
    entry: str = ""
    by: str = ""
    recorded_at: int = 0  # milliseconds since 1970; 0 for what is recorded just now
    trouble: str = ""
    opinion: str = ""  # of a service on AWS (`care.opinion`)
    figures: str = ""
    keep_until: int = 0  # Unix seconds: the platform's terms forbid keeping its text longer; 0: the usual time
    mirror: str = ""
    quotes: tuple[str, ...] = ()
    helpdesk: str = ""
    rating: int = 0

    @property
    def content(self) -> Happened | None:
        """The event, signal or notice; None for a note."""
        return self.event or self.signal or self.notice

    @property
    def wordless(self) -> bool:
        """Whether its text was erased."""
        return self.content is None and not self.note

    @property
    def reminder(self) -> bool:
        """Whether it is a note for its own ticket only: never filed in another one."""
        return self.key.startswith((f"{REMINDER}/", f"{HISTORY}/", RATING))

    @property
    def recalls(self) -> bool:
        """Whether it stands for the note on a customer's earlier tickets, which are still to be looked up."""
        return self.key.startswith(f"{HISTORY}/") and not self.note

    @property
    def copied(self) -> bool:
        """Whether it is copied into a mirror once filed: customers' and colleagues' messages, and automatic answers.

        An attachment filed after its message is not: the mirror fetches it itself.
        """
        if self.event is not None:
            return self.event.kind is not Kind.ATTACHMENT and self.reason != RATED
        return bool(self.note) and self.key.startswith(f"{SAID}%2F")

    @property
    def since(self) -> datetime | None:
        """When it was recorded, so nothing was done about it before; None if it was recorded just now."""
        return datetime.fromtimestamp(self.recorded_at / 1000, UTC) if self.recorded_at else None

    @property
    def aside(self) -> bool:
        """Whether the policy gave it no ticket."""
        return self.reason.startswith(f"{ASIDE}: ")

    @property
    def done(self) -> bool:
        """Whether it has an outcome."""
        return self.state != RECORDED

    def item(self, thread_key: str, **more: object) -> Item:
        """Return the table's item."""
        pk, sk = message_item(thread_key, self.key)
        content = self.content
        if self.ticket:  # the ticket that a note is for
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
        found |= self._changing() | self._enclosing()
        if self.solves:
            found["solves"] = self.solves
        if self.opinion:
            found["opinion"] = self.opinion
        if self.helpdesk:
            found["helpdesk"] = self.helpdesk
        if self.clock is not None:
            found |= {"judged": self.clock.kind, "minutes": self.clock.minutes, "calls": self.calls}
        if self.keep_until:
            expires = min(found.get("expires", self.keep_until), self.keep_until)
            found |= {"keep_until": self.keep_until, "expires": expires}
        if content is not None:
            found |= {
                "kind": str(content.kind),
                "own": content.own,
                "channel": content.connector,
                "event": stored(content),
            }
        return found

    def _changing(self) -> Item:
        """Return the fields of what a note changes in its ticket and in the figures."""
        named = {name: getattr(self.change, name) for name in CHANGED} | {"rating": self.rating}
        named |= {"figures": self.figures} if self.rating else {}
        tags = {"tags": list(self.change.tags)} if self.change.tags else {}
        return tags | {name: value for name, value in named.items() if value}

    def _enclosing(self) -> Item:
        """Return the fields of what its entry holds beside its own text."""
        named = {"files": [list(each) for each in self.files], "quotes": list(self.quotes)}
        return {name: values for name, values in named.items() if values}


CHANGED = ("priority", "group", "assignee", "satisfaction")  # fields of a ticket that a note may change


def kept(item: Item) -> tuple[Kept, ...]:
    """Return the files in an item."""
    return tuple(Kept(*each) for each in item.get("files", ()))


def recorded(item: Item) -> Recorded:
    """Return the message in an item."""
    content = content_in(item["event"]) if item.get("event") else None
    return Recorded(
        key=item["sk"][2:],
        event=content if isinstance(content, Event) else None,
        signal=content if isinstance(content, Signal) else None,
        notice=content if isinstance(content, Notice) else None,
        note=item.get("note", ""),
        files=kept(item),
        change=Change(tags=tuple(item.get("tags", ())), **{name: item.get(name, "") for name in CHANGED}),
        solves=item.get("solves", ""),
        endpoint=item.get("endpoint", ""),
        received_at=item.get("received_at", ""),
        state=item["state"],
        reason=item.get("reason", ""),
        ticket=item.get("ticket", ""),
        entry=item.get("entry", ""),
        by=item.get("by", ""),
        trouble=item.get("trouble", ""),
        opinion=item.get("opinion", ""),
        recorded_at=item.get("recorded_at", 0),
        keep_until=int(item.get("keep_until", 0)),
        mirror=item.get("mirror", ""),
        quotes=tuple(item.get("quotes", ())),
        helpdesk=item.get("helpdesk", ""),
        rating=int(item.get("rating", 0)),
    )

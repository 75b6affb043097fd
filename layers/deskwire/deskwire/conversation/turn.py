"""One turn of one thread: what is known, and what has been done so far. Written down by `Ledger.finish`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from deskwire.configuration import Connection, HelpdeskConnection
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.errors import DeskwireError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD, compose
from deskwire.timing import CONFIGURATION_PAUSE, FIRST_PAUSE, LONGEST_PAUSE, NET_PAUSE

from .decide import Plan
from .recorded import Recorded
from .table import seconds
from .thread import Thread

DAY = 86_400
FULL = 80  # writes at its end from which on a turn begins no other answer: the table takes a hundred
MOST_UNKNOWN = 5  # texts whose echo is still waited for


@dataclass
class Turn:
    """What one worker does with one thread while it has it."""

    thread: Thread
    connection: Connection
    definition: HelpdeskConnection
    channel: Channel
    outside: Reach  # the channel's
    helpdesk: Helpdesk
    inside: Reach  # the helpdesk's
    now: datetime
    outcomes: list[Recorded] = field(default_factory=list)
    added: list[Recorded] = field(default_factory=list)  # notes for the ticket, and signals (see `answered`)
    sent: list[tuple[str, str, tuple[str, ...], str]] = field(default_factory=list)
    intended: list[str] = field(default_factory=list)  # keys of texts that were about to be sent
    relayed: set[str] = field(default_factory=set)  # keys of agents' answers that were dealt with
    begun: set[str] = field(default_factory=set)  # keys whose effect may have happened, nobody knows
    settled: set[str] = field(default_factory=set)  # pending only for what was still to be sent about them
    waiting: set[str] = field(default_factory=set)  # done, but kept for what is still to be sent
    trouble: DeskwireError | None = None
    held: bool = False  # the helpdesk was left alone: nothing was tried
    remapped: bool = False
    unnoted: bool = False  # a ticket was opened or found, and the way back from it is not in the table yet
    changes: dict[str, Any] = field(default_factory=dict)

    def blame(self, error: DeskwireError, keys: Sequence[str] = ()) -> None:
        """Remember what went wrong, and whose effect may have happened."""
        self.trouble = self.trouble or error
        if isinstance(error, TemporaryError) and error.ambiguous:
            self.begun.update(keys)

    def inbound(self, event: Event, received_at: str) -> None:
        """Take in what a customer's message says about the thread: who, when, and what to answer."""
        stamp = seconds(event.occurred_at or datetime.fromisoformat(received_at))
        if stamp < self.changes.get("last_inbound", self.thread.last_inbound):
            return
        context = {**event.keep, "subject": event.subject, "language": event.language}
        self._others(event)
        if event.author is not None:
            self.introduce(event.author)
            context |= {"email": event.author.email, "phone": event.author.phone, "name": event.author.name}
        self.changes |= {
            "channel": event.channel,
            "account": event.account,
            "thread": event.thread,
            "visibility": str(event.visibility),
            "last_inbound": stamp,
            "reply_to": event.object_id,
            "context": {name: value for name, value in context.items() if value},
        }

    def _others(self, event: Event) -> None:
        """Note that from now on an answer has other readers than what was written before was meant for."""
        before, now = self.current(), seconds(self.now)
        if not before.last_inbound:
            return
        known, author = before.author.get("id"), event.author.id if event.author else ""
        if before.visibility is Visibility.PRIVATE and event.visibility is Visibility.PUBLIC:
            self.changes |= {"other_at": now, "public_at": now}
        elif known and known != author and before.channel == event.channel:  # elsewhere one person has another name
            self.changes["other_at"] = now

    def warned(self, typing: int) -> None:
        """Take in that the agents were told of other readers: what they write from now on is meant for these.

        `typing`: the seconds for which they may not have noticed.
        """
        thread, told = self.current(), seconds(self.now) - typing
        self.changes |= {"other_at": min(thread.other_at, told), "public_at": min(thread.public_at, told)}

    def introduce(self, author: Author) -> None:
        """Take in who the customer is; what was known of the same person and is not said again stays known."""
        known = self.changes.get("author", self.thread.author)
        said = {each.name: getattr(author, each.name) for each in fields(Author) if getattr(author, each.name)}
        self.changes["author"] = {**known, **said} if known.get("id") == author.id else said

    def author(self, event: Event) -> Author | None:
        """Return who wrote, with all that is known of them: many events name a person by id alone."""
        known = self.changes.get("author", self.thread.author)
        if event.author is None or event.own or known.get("id") != event.author.id:
            return event.author
        return Author(**known)

    def filed(self, messages: Sequence[Recorded]) -> None:
        """Take in that these are in the ticket."""
        self.outcomes += messages
        stamps = [
            seconds(each.event.occurred_at) for each in messages if each.event is not None and each.event.occurred_at
        ]
        latest = self.changes.get("last_written", self.thread.last_written)
        self.changes["last_written"] = max([latest, *stamps])
        if any(each.event is not None and not each.event.own for each in messages):
            self.changes["filed_at"] = seconds(self.now)

    def answered(self) -> None:
        """Take in that an agent answered before anybody could tell whose ticket it is: as a signal that comes now."""
        ticket = self.thread.ticket
        event = Event(
            channel=self.definition.connector,
            account=self.definition.name,
            kind=Kind.TICKET,
            object_id=compose("early", ticket),
            verb=ADD,
            thread=ticket,
            visibility=Visibility.PRIVATE,
        )
        self.added.append(Recorded(key=event.key, event=event, received_at=self.now.isoformat()))

    def updated(self) -> None:
        """Count an update of the ticket against its budget."""
        recent = [at for at in self.changes.get("updates", self.thread.updates) if seconds(self.now) - at < DAY]
        self.changes["updates"] = [*recent[-60:], seconds(self.now)]

    def acknowledging(self) -> dict[str, Any]:
        """Return what an acknowledgement sent now changes about the thread."""
        now = seconds(self.now)
        recent = [at for at in self.thread.acknowledgements if now - at < DAY]
        return {"acknowledged_at": now, "acknowledgements": [*recent, now]}

    def settle(self, key: str, state: str, ids: tuple[str, ...], reason: str) -> None:
        """Note what became of something sent: once for each key, and what is known to be sent stays so."""
        before = next((each for each in self.sent if each[0] == key), None)
        if before is not None:
            if before[1] == "sent":
                return
            self.sent.remove(before)
        self.sent.append((key, state, ids, reason))

    @property
    def full(self) -> bool:
        """Whether so much is to be written down that no other answer is to be begun."""
        return len(self.outcomes) + len(self.added) + sum(1 + len(ids) for _, _, ids, _ in self.sent) >= FULL

    def current(self) -> Thread:
        """Return the thread as it will be."""
        return Thread.model_validate({**self.thread.model_dump(), **self.changes})

    def closing(self, plan: Plan) -> dict[str, Any]:
        """Return the changes to write at the end: what is still pending, and when to go on."""
        done = ({each.key for each in self.outcomes if each.done} | self.settled) - self.waiting
        pending = [key for key in self.thread.pending if key not in done] + [each.key for each in self.added]
        changes = {
            **self.changes,
            "ticket": self.thread.ticket,
            "epoch": self.thread.epoch,
            "pending": pending,
            "clean": [key for key in pending if key not in self.begun],
            # Of what nobody knows whether it was sent, the echo may still tell.
            "sending": self._unknown(),
            "attempts": self.thread.attempts + (0 if self.held else 1) if self.trouble else 0,
        }
        if self.later or plan.wait:
            changes["due_at"] = seconds(self.now) + max(self._pause(), plan.wait)
        elif pending:  # goes on right away; the net is for when that letter never leaves
            changes["due_at"] = seconds(self.now) + NET_PAUSE
        return changes

    @property
    def later(self) -> bool:
        """Whether what is pending has to wait."""
        return bool(self.trouble or self.waiting)

    def _unknown(self) -> list[str]:
        settled = {key for key, state, _, _ in self.sent if state != "unknown"}
        asked = [key for key, state, _, _ in self.sent if state == "unknown"]
        begun = dict.fromkeys([*self.thread.sending, *self.intended, *asked])
        return [key for key in begun if key not in settled][-MOST_UNKNOWN:]

    def _pause(self) -> int:
        error = self.trouble
        pause: int = FIRST_PAUSE if self.held else min(FIRST_PAUSE * 2 ** min(self.thread.attempts, 10), LONGEST_PAUSE)
        if isinstance(error, TemporaryError):
            pause = max(pause, int((error.after or 0) + 0.999))
        elif error is not None:
            pause = max(pause, CONFIGURATION_PAUSE)
        if self.held:
            return pause  # the helpdesk is asked as it can take it: see `Neighbours.asking`
        # Spread, so that threads that met the same outage do not come back together; no randomness is needed.
        spread = hashlib.sha256(f"{self.thread.pk}{self.thread.attempts}".encode()).digest()[0] / 255
        return pause + int(pause * 0.25 * spread)


def is_inbound(event: Event | None) -> bool:
    """Tell whether a customer wrote this."""
    return event is not None and event.kind is Kind.MESSAGE and not event.own

"""Decide what to do with a thread's pending messages. Pure: no clock, no network, no AWS."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deskwire.care.policy import ClosedTickets
from deskwire.care.survey import Rating
from deskwire.contracts.helpdesk import Abilities
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.notices import Purpose
from deskwire.model.signals import About, Signal, Status
from deskwire.timing import GIVE_UP

from .albums import albums, more_to_come, together
from .recorded import ERASED, RATED, Outcome, Recorded
from .table import moment, person_digest, seconds
from .thread import Thread

SENT_BY_US = "own: sent by us"  # the reason of an echo
RENAMED = "the customer goes on under another id"
MOST = 40  # messages of one thread handled in one turn


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The sent text that a delivery report is about: our key, the platform's ids, when it was sent (Unix seconds)."""

    key: str = ""
    ids: tuple[str, ...] = ()
    sent_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A pending message with everything looked up for the decision.

    `doubtful`: an earlier attempt may have had its effect. `echo`: we sent it ourselves. `original`: the message that
    an edit or deletion is about, if we have it; `earlier`: all records that a deletion takes back. `gone`: its text no
    longer exists on the platform; `refused`: why its text can never be fetched. `twin`: its completed form is already
    recorded. `withdrawn`: an edit or attachment of a message that was deleted before it was received. `undelivered`:
    what a delivery report is about. `answers`: the line that names the message it replies to. `parts`: the further
    messages of an album, which is filed as one. `filed_as`: the key under which an earlier attempt may have filed it
    ("": its own). `aside`: why the policy gives it no ticket; `praise` is filed all the same if another message is.
    `rating`: the customer's answer to our survey. `elsewhere`: the thread of the mail that a
    report is about, where only the report's body says that it is one.
    """

    message: Recorded
    doubtful: bool = False
    echo: bool = False
    original: Recorded | None = None
    earlier: tuple[Recorded, ...] = ()
    gone: bool = False
    refused: str = ""
    twin: bool = False
    withdrawn: bool = False
    undelivered: Undelivered = Undelivered()
    answers: str = ""
    parts: tuple[Pending, ...] = ()
    filed_as: str = ""
    aside: str = ""
    praise: bool = False
    rating: Rating | None = None
    elsewhere: str = ""

    @property
    def event(self) -> Event | None:
        """The event, for an album joined into one; None for a note and for a signal."""
        events = [each.message.event for each in self.members]
        return together([event for event in events if event is not None]) if self.parts else self.message.event

    @property
    def members(self) -> tuple[Pending, ...]:
        """The message, for an album each of its messages."""
        return (dataclasses.replace(self, parts=()), *self.parts) if self.parts else (self,)

    @property
    def may_be_filed(self) -> bool:
        """Whether an earlier attempt may have filed it; a change of the customer's id never is."""
        return self.doubtful and not (self.event is not None and self.event.renames)

    @property
    def rates(self) -> bool:
        """Whether it is a rating without further words to file."""
        return self.rating is not None and not self.rating.words

    @property
    def first_sight(self) -> bool:
        """Whether this is a customer's edit of a message we never received: it is treated as the message."""
        event = self.event
        known = self.original is not None and self.original.event is not None  # no event: its text was erased
        return event is not None and event.kind is Kind.EDIT and not event.own and not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of a turn.

    `ended`: messages that need nothing more, with their outcomes. `file`: messages for the ticket, in this order.
    `relay`: signals that an agent may have answered. `doubted`: messages that would end, but may have been filed, each
    with its outcome if it was not. `follow_up`: open a new ticket in place of the present one. `wait`: seconds until
    the helpdesk takes another update or an album is complete; until then nothing is filed, and `heard` holds what would
    be. `aside`: those of `ended` that the policy gives no ticket.
    """

    ended: tuple[Recorded, ...] = ()
    file: tuple[Pending, ...] = ()
    relay: tuple[Recorded, ...] = ()
    doubted: tuple[tuple[Pending, Recorded], ...] = ()
    heard: tuple[Pending, ...] = ()
    follow_up: bool = False
    wait: int = 0
    aside: tuple[Pending, ...] = ()


def end(message: Recorded, outcome: Outcome, reason: str = "", *, ticket: str = "", entry: str = "") -> Recorded:
    """Return the message with its outcome."""
    return dataclasses.replace(message, state=outcome, reason=reason, ticket=ticket, entry=entry)


def decide(
    thread: Thread, items: Sequence[Pending], abilities: Abilities, closed: ClosedTickets, now: datetime
) -> Plan:
    """Return the plan for the pending messages of a thread."""
    items = _beside(items)
    ended, doubted, file, relay = _sort(items, thread, now)
    stale = is_stale(thread, abilities, closed, now)
    # An edit or a deletion belongs in the ticket of its message, as long as that ticket takes updates.
    follow_up = stale and any(begins(item) for item in file)
    filed = albums(_in_order(file, opens=follow_up or not thread.ticket), thread.joined)
    full = 0 if stale else _wait(thread, filed, abilities, now)
    wait = full or more_to_come(filed, now)
    return Plan(
        ended=tuple(ended),
        file=() if wait else filed,
        heard=() if full or not wait else filed,
        relay=tuple(relay),
        doubted=tuple(doubted),
        follow_up=follow_up,
        wait=wait,
        aside=_aside(items),
    )


def _aside(items: Sequence[Pending]) -> tuple[Pending, ...]:
    """Return the items that the policy gives no ticket."""
    return tuple(item for item in items if item.aside)


def _beside(items: Sequence[Pending]) -> list[Pending]:
    """Return the items; praise is no longer aside if another message opens or extends a ticket anyway."""
    filed = any(begins(item) for item in items)
    return [dataclasses.replace(item, aside="") if filed and item.praise else item for item in items]


def _sort(
    items: Sequence[Pending], thread: Thread, now: datetime
) -> tuple[list[Recorded], list[tuple[Pending, Recorded]], list[Pending], list[Recorded]]:
    """Return the fields `ended`, `doubted`, `file` and `relay` of the plan."""
    ended: list[Recorded] = []
    doubted: list[tuple[Pending, Recorded]] = []
    file: list[Pending] = []
    relay: list[Recorded] = []
    about = bool(thread.ticket) or any(begins(item) for item in items)
    for item in items:
        result = _each(item, thread, now, about=about)
        if isinstance(result, Recorded) and result.state is Outcome.SUPPRESSED and item.may_be_filed:
            doubted.append((item, result))
        elif isinstance(result, Recorded):
            ended.append(result)
        elif result == "file":
            file.append(item)
        else:
            relay.append(item.message)
    return ended, doubted, file, relay


def _in_order(file: Sequence[Pending], *, opens: bool) -> tuple[Pending, ...]:
    """Return the items to file in the order in which they were written.

    If they open a ticket, the customer's message comes first, even if a colleague wrote on the platform before.
    """
    return tuple(sorted(file, key=lambda item: (opens and not begins(item), *_order(item))))


def is_stale(thread: Thread, abilities: Abilities, closed: ClosedTickets, now: datetime) -> bool:
    """Return whether the ticket has rested too long to be continued, as far as we know.

    False for a helpdesk that states when a ticket was closed (`Abilities.tells_closing`): its `append` decides.
    """
    if not thread.ticket or abilities.tells_closing or not thread.filed_at:
        return False
    # By when it was filed: the time of writing may lie far back, and messages still to be filed do not count.
    rests = thread.filed_at
    if thread.status is Status.SOLVED:
        rests = max(rests, thread.status_at)
    return not closed.reopens(moment(rests), now)


def begins(item: Pending) -> bool:
    """Return whether this item alone opens a ticket: a customer's message that can be filed, or an incident."""
    event, notice = item.event, item.message.notice
    if notice is not None:
        return notice.purpose is Purpose.OPENED
    filed = not (item.gone or item.twin or item.refused or item.aside or item.rates)
    return filed and event is not None and event.kind is Kind.MESSAGE and not event.own


def _each(item: Pending, thread: Thread, now: datetime, *, about: bool) -> Recorded | Literal["file", "relay"]:
    """Return the message with its outcome, or what to do with it. `about`: there is or will be a ticket."""
    message, event = item.message, item.event
    # Counted from when it was recorded: a dead letter may be replayed long after it was received.
    if message.recorded_at and seconds(now) - message.recorded_at // 1000 > GIVE_UP.total_seconds():
        return end(message, Outcome.DEAD, "given up after the longest retry")
    if message.signal is not None:
        return _signalled(item, message.signal, thread)
    if event is None:
        return _note(item, about=about or bool(thread.mirrors))
    return _needs_nothing(item, event, thread, about=about) or "file"


def _needs_nothing(item: Pending, event: Event, thread: Thread, *, about: bool) -> Recorded | None:
    """Return the event's message with its outcome if the helpdesk needs nothing of it, else None."""
    message = item.message
    if item.refused:
        return end(message, Outcome.REFUSED, item.refused)
    if item.twin:
        return end(message, Outcome.MERGED, "the same as another event")
    if reason := _needless(item, event, thread, about=about):
        return end(message, Outcome.SUPPRESSED, reason)
    if item.rates:
        return end(message, Outcome.FILED, RATED, ticket=thread.survey.ticket if thread.survey else "")
    return None


def _note(item: Pending, *, about: bool) -> Recorded | Literal["file"]:
    """Return what to do with a note of ours or an incident's notice."""
    message = item.message
    if item.aside:
        return end(message, Outcome.SUPPRESSED, item.aside)
    return "file" if about or message.ticket else end(message, Outcome.SUPPRESSED, "a note without a ticket")


def _signalled(item: Pending, signal: Signal, thread: Thread) -> Recorded | Literal["relay"]:
    """Return what to do with a helpdesk's signal; one about the ticket's status ends here."""
    message = item.message
    if item.aside:
        return end(message, Outcome.SUPPRESSED, item.aside)
    if signal.about is not About.STATUS:
        return "relay"
    if not thread.has(signal):
        return end(message, Outcome.SUPPRESSED, "of an earlier ticket")
    if news := _news(signal, thread):
        return end(message, Outcome.FILED, f"the ticket was {news}", ticket=signal.ticket)
    return end(message, Outcome.MERGED, "the ticket stands as it was known to")


def _news(signal: Signal, thread: Thread) -> str:
    """Return in words what a signal changes in what we know of its ticket. No names: outcomes go into logs."""
    news = []
    if signal.status is Status.SOLVED or (signal.status and thread.status is Status.SOLVED):
        news.append(str(signal.status))
    if signal.assignee is not None and signal.assignee.id != (thread.assignee.id if thread.assignee else ""):
        before = thread.assignee is not None and thread.assignee.id
        news.append("released by its agent" if not signal.assignee.id else "reassigned" if before else "assigned")
    return " and ".join(news)


def _needless(item: Pending, event: Event, thread: Thread, *, about: bool) -> str:
    """Return why this event is not filed, or ""."""
    if item.gone:
        return "gone before its words were fetched"
    if item.withdrawn:
        return "taken back before it came"
    if _erased(event, item.message.received_at, thread):
        return ERASED
    if item.aside:
        return item.aside
    if event.own or event.kind in {Kind.ATTACHMENT, Kind.UNDELIVERED, Kind.STATE}:
        return _needless_addition(item, event, about=about)
    if event.kind is Kind.DELETION and not thread.ticket and not _was_filed(item):
        return "deleted before it was filed"
    return ""


def _was_filed(item: Pending) -> bool:
    """Return whether the original is known and may be in a ticket."""
    return item.original is not None and item.original.event is not None and not item.original.aside


def _needless_addition(item: Pending, event: Event, *, about: bool) -> str:
    """Return why an event that never opens a ticket is not filed, or "": own words, attachment, report, new id."""
    if event.kind is Kind.STATE:
        return RENAMED
    if event.kind is Kind.ATTACHMENT:
        return "" if about else "its message is in no ticket"
    if event.kind is Kind.UNDELIVERED:
        return "" if about else "a report without a ticket"
    if item.echo:
        return SENT_BY_US
    return "" if event.kind is Kind.MESSAGE and about else "own"


def _erased(event: Event, received_at: str, thread: Thread) -> bool:
    """Return whether the person was erased after this was received, while it was still in transit.

    The company's own private messages to them are erased as well, even if the platform delivers them later.
    """
    if not thread.erased or not received_at:
        return False
    received = datetime.fromisoformat(received_at)
    if event.own and event.visibility is Visibility.PRIVATE:
        said = min(received, event.occurred_at or received)
        return seconds(said) <= max(thread.erased.values())
    if event.author is None:
        return False
    at = thread.erased.get(person_digest(event.channel, event.author.id), 0)
    return at > 0 and seconds(received) <= at


def _order(item: Pending) -> tuple[int, float, bool]:
    """Return the sort key of an item: by the time of writing; items without one go last, in their order.

    At the same time, a message goes before its deletion, which then removes it.
    """
    event = item.event
    if event is None or event.occurred_at is None:
        return (1, 0, False)
    return (0, event.occurred_at.timestamp(), event.kind is Kind.DELETION)


def _wait(thread: Thread, file: Sequence[Pending], abilities: Abilities, now: datetime) -> int:
    """Return the seconds until this ticket may be updated again; 0 if it may be now or nothing is to be filed."""
    if abilities.updates is None or not file or not thread.ticket:
        return 0
    most, span = abilities.updates
    recent = [at for at in thread.updates if seconds(now) - at < span.total_seconds()]
    if len(recent) < most - 2:  # two are left for notes and for updates by others
        return 0
    return int(recent[0] + span.total_seconds() - seconds(now)) + 1

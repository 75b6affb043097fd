"""The state of one turn of one thread: what is known, and what was done so far. `Ledger.finish` writes it."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from deskwire.care.triage import Hints
from deskwire.configuration import Connection, HelpdeskConnection
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.errors import ConfigurationError, DeskwireError, TemporaryError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import compose
from deskwire.model.signals import Signal, Status
from deskwire.model.tickets import Change, Filed
from deskwire.model.values import replace
from deskwire.timing import CONFIGURATION_PAUSE, FIRST_PAUSE, LONGEST_PAUSE, NET_PAUSE

from .case import Case
from .decide import Pending, Plan
from .limits import LeftAlone
from .recorded import Outcome, Recorded
from .reminders import METRICS, NO_TICKET_PAUSE, WINDOW, answer_clock, is_unanswered, is_waiting, reminder, window_timer
from .spoken import Writer
from .surveys import SURVEY, survey_timer
from .table import DAY, seconds
from .thread import Asked, Assignee, Guard, Past, Said, Thread, Unfiled
from .timers import ATTACHMENTS, GUARD, without_reminders
from .wording import called

FULL = 80  # writes at its end: from then on a turn begins no further answer, as a transaction takes a hundred
MOST_IDS = 10  # ids of one person, who may change their number now and then
MOST_UNKNOWN = 5  # texts whose echo may still arrive
NEW_TICKET: Mapping[str, Any] = {
    "case": None, "status": None, "status_at": 0, "assignee": None, "assigned_at": 0, "priority": "", "tags": (),
}  # fmt: skip
MOST_KEPT = 10  # latest messages without a ticket that the next filed one quotes
# `Ledger.intend` may write these during any turn, and they may change back before its end.
WRITTEN_EARLY = ("ticket", "epoch", "acknowledged_at", "acknowledgements")


@dataclass
class Turn:
    """The work of one worker on one thread while it holds the lease.

    `before` is the thread as it was taken, `thread` as it will be: changes are made there, and `closing` returns the
    difference.
    """

    thread: Thread
    connection: Connection
    definition: HelpdeskConnection
    channel: Channel
    outside: Reach  # the channel's
    helpdesk: Helpdesk
    inside: Reach  # the helpdesk's
    now: datetime
    incidents: tuple[str, ...] = ()  # the topics of the open incidents that include the connection
    usual_waits: Mapping[str, int] = field(default_factory=dict)  # seconds until a first answer, by the message's hour
    mirror: str = ""  # the helpdesk into which filed messages are copied
    own: str = ""  # the helpdesk of the thread's ticket, or of its next one
    others: frozenset[str] = frozenset()  # helpdesks left for other turns; "" is the thread's own
    first: Thread | None = None  # for a mirror: the conversation that it copies
    before: Thread = field(init=False)
    assessed: dict[tuple[str, str, int, int, bool, str], Hints] = field(default_factory=dict)  # by what was said
    opinions: dict[str, str] = field(default_factory=dict)  # of a service on AWS, by the message's key
    missing: dict[str, int] = field(default_factory=dict)  # when to try to fetch an attachment again, by its key
    clocks: dict[str, int] = field(default_factory=dict)  # reminders set in this turn: when, by name
    reminded: list[str] = field(default_factory=list)  # names of the reminders that were noted on the ticket
    outcomes: list[Recorded] = field(default_factory=list)
    added: list[Recorded] = field(default_factory=list)  # notes for the ticket, and signals (see `add_early_signals`)
    sent: list[tuple[str, str, tuple[str, ...], str]] = field(default_factory=list)
    intended: list[str] = field(default_factory=list)  # keys of texts about to be sent
    undelivered: set[str] = field(default_factory=set)  # keys of sent texts with delivery reports in this turn
    relayed: set[str] = field(default_factory=set)  # keys of agents' answers that were handled
    begun: set[str] = field(default_factory=set)  # keys of messages whose effect may have happened
    settled: set[str] = field(default_factory=set)  # filed messages that were pending only for a text to be sent
    waiting: set[str] = field(default_factory=set)  # messages that stay pending for a text still to be sent
    counted: list[str] = field(default_factory=list)  # metrics to count once the turn is written
    told: dict[str, tuple[Case, dict[str, int]]] = field(default_factory=dict)  # see `measured`, by a message's key
    spoken: dict[str, int] = field(
        default_factory=dict
    )  # when a colleague spoke outside the ticket, by the message's key
    aside: set[str] = field(default_factory=set)  # keys of messages without a ticket by the company's policy
    saying: Said | None = None  # the declared answer in this turn's acknowledgement
    earlier: str = ""  # lines that quote messages without a ticket, for the message with the key `earlier_with`
    earlier_with: str = ""
    quoted: set[str] = field(default_factory=set)  # the keys of the quoted messages
    guard_at: int = 0  # when to try hiding again
    trouble: DeskwireError | None = None
    early: set[str] = field(default_factory=lambda: {*WRITTEN_EARLY})  # fields to write, changed or not: see `closing`
    held: bool = False  # nothing was tried, because a neighbour is left alone
    remapped: bool = False
    unnoted: bool = False  # a ticket was opened or found, and the way back from it is not in the table yet

    def __post_init__(self) -> None:
        self.before = self.thread

    def _become(self, **changes: object) -> None:
        """Change fields of `thread`. Raises `ValueError` for an unknown field or an invalid value."""
        unknown = changes.keys() - Thread.model_fields.keys()
        if unknown:
            raise ValueError(f"a thread has no {', '.join(sorted(unknown))}")
        self.thread = Thread.model_validate({**self.thread.model_dump(), **changes})

    def blame(self, error: DeskwireError, keys: Sequence[str] = ()) -> None:
        """Keep the turn's first error; if it is ambiguous, mark the messages with these keys as begun."""
        self.trouble = self.trouble or error
        if isinstance(error, (TemporaryError, ConfigurationError)) and error.ambiguous:
            self.begun.update(keys)

    def postpone(self, error: DeskwireError) -> None:
        """Keep the error, so that the thread is retried later. `held` stays set only if all errors are `LeftAlone`."""
        self.held = self.held or (self.trouble is None and isinstance(error, LeftAlone))
        self.trouble = self.trouble or error

    @property
    def mirrors(self) -> bool:
        """Whether this is a mirror's turn: nothing is sent to the customer in it."""
        return bool(self.thread.mirrors)

    @property
    def reference(self) -> str:
        """The ticket's reference as the customer knows it."""
        return (self.first or self.thread).reference

    @property
    def away(self) -> bool:
        """Whether this turn handles the helpdesk of an earlier ticket, not the thread's own."""
        return self.own not in {"", self.definition.name}

    def known(self, ticket: str) -> str:
        """Return the ticket's number, "" if it is in another helpdesk: two helpdesks may use the same number."""
        return "" if self.away else ticket

    @property
    def leaves(self) -> bool:
        """Whether the thread's next ticket will be in another helpdesk than the present one."""
        return not (self.away or self.mirrors) and self.connection.helpdesk != self.definition.name

    @property
    def came_from(self) -> str:
        """The helpdesk of the thread's last ticket, "" if it is the present one."""
        return self.thread.helpdesk if self.thread.helpdesk != self.definition.name else ""

    def copy(self) -> None:
        """Mark the filed messages to be copied into the mirror."""
        if not self.mirror:
            return
        self.outcomes = [self._copied(each) for each in self.outcomes]
        if any(each.mirror for each in self.outcomes):
            self.copies()

    def copies(self) -> None:
        """Record that the conversation is copied into the mirror's helpdesk."""
        self._become(mirrored=tuple(dict.fromkeys((*self.thread.mirrored, self.mirror))))

    def _copied(self, message: Recorded) -> Recorded:
        if message.state != Outcome.FILED or not message.copied:
            return message
        quotes = tuple(sorted(self.quoted)) if message.key == self.earlier_with else ()
        return dataclasses.replace(message, mirror=self.mirror, quotes=quotes)

    # ---------------------------------------------------------------- the customer's side

    def receive(self, event: Event, received_at: str) -> None:
        """Update the thread from a customer's message: who wrote, when, and what to reply to."""
        stamp = written_at(event, received_at)
        if event.author is not None and event.visibility is Visibility.PUBLIC:
            name = called(event.author)
            self._become(writers=self.thread.writing(Writer(event.author.id, name, event.object_id, stamp)))
        if stamp < self.thread.last_inbound:
            return
        context = {**event.keep, "subject": event.subject, "language": event.language}
        self._note_audience(event)
        if event.author is not None:
            ids = self._ids(event)
            self.introduce(event.author)
            self._become(known_as=ids)
            context |= _addresses(event.author)
        self._become(
            channel=event.channel,
            account=event.account,
            thread=event.thread,
            visibility=event.visibility,
            thread_kind=event.thread_kind,
            last_inbound=stamp,
            reply_to=event.object_id,
            context={name: value for name, value in context.items() if value},
        )

    def _note_audience(self, event: Event) -> None:
        """Record that the thread's audience changed."""
        thread, now = self.thread, seconds(self.now)
        if not thread.last_inbound:
            return
        if thread.visibility is Visibility.PRIVATE and event.visibility is Visibility.PUBLIC:
            self._become(other_at=now, public_at=now)
        elif thread.author and not thread.is_of(event.author_ids) and thread.channel == event.channel:
            self._become(other_at=now)

    def _ids(self, event: Event) -> tuple[str, ...]:
        """Return all ids of the author if there are several: a later message may use any of them alone."""
        known = self.thread.ids if self.thread.is_of(event.author_ids) else ()
        ids = tuple(dict.fromkeys((*known, *event.author_ids)))[-MOST_IDS:]
        return ids if len(ids) > 1 else ()

    def rename(self, items: Sequence[Pending]) -> None:
        """Record the customer's new ids; answers go there from now on."""
        for item in items:
            if item.event is not None and item.event.renames:
                self._go_on(item.event, item.message.received_at)

    def _go_on(self, event: Event, received_at: str) -> None:
        known, stamp = self.thread.author, written_at(event, received_at)
        named = self.thread.is_of((event.thread, *event.author_ids))
        if event.author is None or stamp < self.thread.last_inbound or not named:
            return
        author = replace(event.author, **{name: known.get(name, "") for name in ("name", "handle", "email")})
        said = {name: value for name in ("subject", "language") if (value := self.thread.context.get(name))}
        ids = tuple(dict.fromkeys((*self.thread.ids, *event.author_ids)))[-MOST_IDS:]
        self._become(author=_filled(author), known_as=ids, context={**event.keep, **said, **_addresses(author)})

    def warn(self, typing: int) -> None:
        """Record that the agents were told of the changed audience; what they write from now on is meant for it.

        `typing`: seconds for which they may have been writing without noticing.
        """
        warned_at = seconds(self.now) - typing
        self._become(other_at=min(self.thread.other_at, warned_at), public_at=min(self.thread.public_at, warned_at))

    def introduce(self, author: Author) -> None:
        """Merge the author's profile; keep fields this event omits."""
        said = _filled(author)
        self._become(author={**self.thread.author, **said} if self.thread.is_of([author.id]) else said)

    def author(self, event: Event) -> Author | None:
        """Return the event's author with the profile known so far: many events contain only an id."""
        known = self.thread.author
        if event.author is None or event.own or known.get("id") != event.author.id:
            return event.author
        return Author(**known)

    def wind(self, messages: Iterable[tuple[Event, int, str]]) -> None:
        """Set the clocks by these messages of the customer: the event, when it was written, how it was judged."""
        policy = self.connection.policy
        self.clocks = window_timer(self.before, self.thread, self.channel.terms, policy, self.now)
        if is_unanswered(self.thread):
            since = max(self.thread.answered_at, self.thread.rested_at)
            unanswered = [each for each in messages if each[1] > since]
            clock, timers = answer_clock(self.before, unanswered, policy, self.now)
            self._become(clock=clock)
            self.clocks |= timers

    def remind(self) -> None:
        """Add a note for each reminder that is due while the customer waits; without a ticket, try again later."""
        due = [name for name, at in self.before.timers.items() if name in METRICS and at <= seconds(self.now)]
        for name in due if is_waiting(self.thread) else []:
            if name in self.clocks:
                continue  # they have written again
            if not self.thread.ticket:
                self.clocks[name] = seconds(self.now) + NO_TICKET_PAUSE
                continue
            found = reminder(
                name, self.thread, self.channel.terms, self.connection.policy, self.helpdesk.abilities,
                self.channel.title, self.now,
            )  # fmt: skip
            if found is not None:
                self.added.append(found)
                self.reminded.append(name)

    # ---------------------------------------------------------------- the ticket

    def open(self, filed: Filed, case: Case | None = None) -> None:
        """Record a newly opened ticket."""
        self._become(ticket=filed.ticket, contact=filed.contact, updates=(), **NEW_TICKET)
        self.begin(case)

    def begin(self, case: Case | None) -> None:
        """Record the case under which the ticket is counted."""
        self._become(case=case)
        self.early.add("case")

    def move(self, ticket: str) -> None:
        """Record that the thread's ticket is another one."""
        self._become(ticket=ticket)

    def hear(self, signals: Sequence[Recorded]) -> None:
        """Record the ticket's status and assignee from signals; signals older than those recorded change nothing."""
        for message in signals:
            signal = message.signal
            if signal is None or not self.thread.has(signal):
                continue
            at = seconds(signal.occurred_at or datetime.fromisoformat(message.received_at))
            if signal.assignee is not None and at >= self.thread.assigned_at:
                self._become(assignee=Assignee(signal.assignee.id, signal.assignee.name), assigned_at=at)
            if signal.status is not None and at >= self.thread.status_at:
                self._stand(message.key, signal.status, at)

    def _stand(self, key: str, status: Status, at: int) -> None:
        """Record that the ticket was solved at this time, or reopened if it was solved."""
        if status is Status.REOPENED and self.thread.status is not Status.SOLVED:
            return
        self._become(status=status, status_at=at)
        if (case := self.thread.case) is not None:
            self._tell(key, *(case.solve(at) if status is Status.SOLVED else case.reopen(at)))

    def change(self, change: Change) -> None:
        """Record what our hints changed in the ticket: each change is made once."""
        known = Change(self.thread.priority, self.thread.tags) | change
        self._become(priority=known.priority, tags=known.tags)

    def join(self, at: datetime | None) -> None:
        """Record when the thread's ticket was merged into another, if the helpdesk states it."""
        self._become(joined_at=seconds(at) if at else 0)

    def recall(self, note: Recorded | None) -> None:
        """Add the note on the customer's earlier tickets, or the step that will write it; None: there is none."""
        self._become(recall=False)
        self.early.add("recall")
        self.added += [note] if note is not None else []

    def remember(self, past: Past) -> None:
        """Record the customer's earlier tickets, as the helpdesk reported them."""
        self._become(past=past)

    def follow_up(self) -> None:
        """Leave the present ticket; the next filed message opens another."""
        self._become(ticket="", epoch=self.thread.epoch + 1, said=None, earlier=self.thread.leaving, **NEW_TICKET)
        if self.thread.opens_in:
            self.opens_in(self.connection.helpdesk)

    def opens_in(self, helpdesk: str) -> None:
        """Record in which helpdesk the next ticket will be opened."""
        self._become(opens_in=helpdesk)

    def place(self) -> None:
        """Record the ticket's helpdesk; its way back is still to be written.

        After a move, earlier tickets of the other helpdesk are kept as counts only: their numbers would mislead agents.
        """
        if self.came_from and (earlier := self.thread.earlier):
            past = Past(len(earlier), sum(each.complaint for each in earlier))
            self._become(earlier=(), past=self.thread.past or past)
        self._become(helpdesk=self.definition.name)
        self.unnoted = True

    def file(self, messages: Sequence[Recorded]) -> None:
        """Record that these messages are in the ticket."""
        self.outcomes += messages
        said = [each.event for each in messages if each.event and each.event.kind is not Kind.UNDELIVERED]
        stamps = [seconds(event.occurred_at) for event in said if event.occurred_at]
        self._become(last_written=max([self.thread.last_written, *stamps]))
        if not all(event.own for event in said):
            self._become(filed_at=seconds(self.now))
            if self.thread.status is Status.SOLVED:  # the customer's words open it again: see `Helpdesk.append`
                self._become(status=Status.REOPENED, status_at=seconds(self.now))
        for each in messages:
            self._measure(each)

    def _measure(self, message: Recorded) -> None:
        """Add what `watch` counts by a filed message: a reopening by a customer's, an answer by a colleague's."""
        case, event = self.thread.case, message.event
        if case is None or event is None or event.kind is Kind.UNDELIVERED:
            return
        if not event.own:
            self._tell(message.key, *case.reopen(seconds(self.now)))
        elif (at := self.spoken.get(message.key, 0)) >= case.since:
            counts = {"answers": 1} | ({"first_after": at - case.since} if self.before.answered_at < case.since else {})
            self._tell(message.key, case.answered(), counts)

    def _tell(self, key: str, case: Case, counts: Mapping[str, int]) -> None:
        """Add what `watch` counts of the ticket with the outcome of the message under `key`."""
        _, known = self.told.get(key, (case, {}))
        self.told[key] = (case, {**known, **counts})
        self._become(case=case)

    def measured(self) -> list[Recorded]:
        """Return the outcomes, each with its figures for `watch`."""
        return [
            dataclasses.replace(each, figures=self.told[each.key][0].encode(self.told[each.key][1]))
            if each.key in self.told
            else each
            for each in self.outcomes
        ]

    def note(self, key: str, words: str, ticket: str = "", *, tags: tuple[str, ...] = (), solves: str = "") -> None:
        """Add a note of ours to a ticket, by default the present one; it is filed in a turn of its own.

        It adds `tags`, and solves the ticket if the customer's last object is still `solves` by then.
        """
        helpdesk = self.definition.name if ticket else self.own
        ticket = ticket or self.thread.ticket
        note = Recorded(
            key=compose("note", key), note=words, received_at=self.now.isoformat(), ticket=ticket,
            change=Change(tags=tags), solves=solves, helpdesk=helpdesk,
        )  # fmt: skip
        self.added.append(note)

    def solve(self, key: str) -> None:
        """Record that we solved the ticket, as the note with this key asked."""
        now, said, case = seconds(self.now), self.thread.said, self.thread.case
        self._become(status=Status.SOLVED, status_at=now)
        if case is not None:
            self._tell(key, *case.solve(now, confirmed=said is not None and said.state == "yes"))

    def rest(self) -> None:
        """Record that the customer's messages so far need no answer."""
        self._become(rested_at=self.thread.last_inbound)

    def wait_again(self) -> None:
        """Record that the customer waits for an answer again."""
        self._become(rested_at=0)

    def keep(self, keys: Sequence[str]) -> None:
        """Record which messages without a ticket to quote later."""
        self._become(kept=tuple(dict.fromkeys(keys))[-MOST_KEPT:])

    def answered(self, said: Said) -> None:
        """Record the state of the present ticket's automatic answer."""
        self._become(said=said)

    def survey(self, asked: Asked | None) -> None:
        """Record the state of the survey."""
        self._become(survey=asked)
        self.early.add("survey")

    def unite(self, joined: Mapping[str, str]) -> None:
        """Record which messages are filed in one entry."""
        self._become(joined=dict(joined))
        self.early.add("joined")

    def leave_unfiled(self) -> None:
        """Reset the time of the last filing to that before this turn."""
        self._become(filed_at=self.before.filed_at)

    def count_update(self) -> None:
        """Count an update of the ticket against its budget."""
        recent = [at for at in self.thread.updates if seconds(self.now) - at < DAY]
        self._become(updates=(*recent[-60:], seconds(self.now)))

    def add_early_signals(self, told: Sequence[Signal], *, look: bool) -> None:
        """Add what was signalled before the ticket's way back was written; `look`: and a signal to read its answers."""
        known = {each.key for each in self.added}
        now = self.now.isoformat()
        signals = [*told, *([self._look()] if look else [])]
        self.added += [
            Recorded(key=each.key, signal=each, received_at=now) for each in signals if each.key not in known
        ]

    def _look(self) -> Signal:
        ticket, desk = self.thread.ticket, self.definition
        return Signal(
            helpdesk=desk.connector, account=desk.name, object_id=compose("early", ticket), ticket=ticket
        )  # fmt: skip

    def add_reports(self, events: Sequence[Event]) -> None:
        """Add the platform's reports on texts of this turn that arrived before their ids were written."""
        known = {each.key for each in self.added}
        self.added += [
            Recorded(key=event.key, event=event, received_at=self.now.isoformat())
            for event in events
            if event.key not in known
        ]

    # ---------------------------------------------------------------- sending

    def acknowledging(self) -> dict[str, Any]:
        """Return the fields of the thread that an acknowledgement sent now changes."""
        now = seconds(self.now)
        recent = [at for at in self.before.acknowledgements if now - at < DAY]
        said = {} if self.saying is None else {"said": list(self.saying)}
        return {"acknowledged_at": now, "acknowledgements": [*recent, now], **said}

    def acknowledge(self, *, sent: bool = True) -> None:
        """Record an acknowledgement, or if not `sent`, restore the fields before its intent."""
        before = self.before
        self._become(
            **self.acknowledging()
            if sent
            else {"acknowledged_at": before.acknowledged_at, "acknowledgements": before.acknowledgements}
        )

    def answer(self, at: int, *, known: bool = False) -> None:
        """Record that an agent's answer was sent (Unix seconds). `known`: an earlier turn has counted it."""
        case = self.thread.case
        self._become(
            answered_at=max(self.thread.answered_at, at), case=case if known or case is None else case.answered()
        )

    def watch(self, guards: Sequence[Guard], guarded: Mapping[str, str]) -> None:
        """Record the guards, and the guarded objects' states."""
        self._become(guards=tuple(guards), guarded=dict(guarded))

    def guard_again(self, pause: int) -> None:
        """Try hiding again in `pause` seconds, or earlier if another message is due earlier."""
        at = seconds(self.now) + pause
        self.guard_at = min(self.guard_at or at, at)

    def speak(self, language: str) -> None:
        """Record the language of the customer's public messages."""
        self._become(language=language)

    def invite(self, at: int) -> None:
        """Record when a writer was invited to continue in private (Unix seconds); 0 takes it back."""
        self._become(invited_at=at)
        self.early.add("invited_at")

    def offer(self, until: int) -> None:
        """Record until when the posted one-time link is valid (Unix seconds)."""
        self._become(offered_until=until)

    def attend(self, items: Sequence[Pending]) -> None:
        """Record when a colleague last answered in the platform's own app, outside the ticket.

        A public post of the company from before any customer wrote is not an answer.
        """
        said = _said(items)
        began = self._begun_in_public(said)
        own = [(at, event) for at, event in said if event.own]
        self.spoken = {event.key: at for at, event in own if event.visibility is Visibility.PRIVATE or at > began}
        self._become(answered_at=max([self.thread.answered_at, *self.spoken.values()]))

    def _begun_in_public(self, said: Sequence[tuple[int, Event]]) -> float:
        """Record and return when a customer first wrote here in public: our own post may be delivered after that.

        Return 0 for a thread from before this was recorded, infinity if no customer has written yet.
        """
        before = self.before
        if before.last_inbound and not before.public_since:
            return 0
        written = [at for at, event in said if not event.own and event.visibility is Visibility.PUBLIC]
        if since := min([*written, *([before.public_since] if before.public_since else [])], default=0):
            self._become(public_since=since)
        return since or math.inf

    def pass_reply(self, reply: str, ticket: str) -> None:
        """Record the last agent's reply handled on a ticket."""
        self._become(last_reply=reply, last_ticket=ticket)

    def settle(self, key: str, state: str, ids: tuple[str, ...], reason: str) -> None:
        """Record the state of a text, once for each key; `sent` is never overwritten."""
        before = next((each for each in self.sent if each[0] == key), None)
        if before is not None:
            if before[1] == "sent":
                return
            self.sent.remove(before)
        self.sent.append((key, state, ids, reason))

    @property
    def full(self) -> bool:
        """Whether this turn has too many writes to begin another answer."""
        return len(self.outcomes) + len(self.added) + sum(1 + len(ids) for _, _, ids, _ in self.sent) >= FULL

    def closing(self, plan: Plan, messages: Sequence[Recorded] = ()) -> dict[str, Any]:
        """Return the thread's fields to write at the end: changes, pending messages, timers.

        Fields named in `early` are always written: the table may differ from `before`, as they were written before an
        effect. `messages` are the pending ones that this turn has read.
        """
        pending, missing = self._pending()
        self._note_wait(pending, messages)
        self._stop_clock()
        changes = {
            **self._differences(),
            **self._joined(pending),
            "pending": pending,
            "missing": missing,
            "clean": [key for key in (*pending, *missing) if key not in self.begun],
            "timers": self._timers(missing),
            # The echo may still show whether these were sent.
            "sending": self._unknown(),
            "attempts": self.before.attempts + (0 if self.held else 1) if self.trouble else 0,
        }
        if self.later or plan.wait:
            changes["due_at"] = seconds(self.now) + max(self._pause(), plan.wait)
        elif pending or self.before.waiting:  # the thread is woken right away; this is for when that letter is lost
            changes["due_at"] = seconds(self.now) + NET_PAUSE
        return changes

    def _stop_clock(self) -> None:
        """Remove the clock if the customer waits no longer."""
        if self.thread.clock is not None and not is_waiting(self.thread):
            self._become(clock=None)

    def _joined(self, pending: Sequence[str]) -> dict[str, Any]:
        """Return the field `joined` with the messages still pending, if it is to be written."""
        joined = {key: first for key, first in self.thread.joined.items() if key in pending}
        return {"joined": joined} if "joined" in self.early or joined != self.before.joined else {}

    def _note_wait(self, pending: Sequence[str], messages: Sequence[Recorded]) -> None:
        """Record since when the oldest unfiled message has waited."""
        left = [key for key in pending if key not in self.waiting] if self.trouble else []
        helpdesk = self.definition.name if left else ""
        self._become(unfiled=waiting_since(self.before, helpdesk, messages, left, self.now))

    def _pending(self) -> tuple[list[str], list[str]]:
        """Return the keys of messages still pending, and of attachments still to be fetched."""
        done = ({each.key for each in self.outcomes if each.done} | self.settled) - self.waiting
        pending = [key for key in self.before.pending if key not in done and key not in self.missing]
        missing = [key for key in dict.fromkeys([*self.before.missing, *self.missing]) if key not in done]
        return pending + [each.key for each in self.added], missing

    def _differences(self) -> dict[str, Any]:
        """Return the fields in which the thread differs from what the table holds."""
        before, after = self.before.model_dump(mode="json"), self.thread.model_dump(mode="json")
        early = self.early if self.saying is None else self.early | {"said"}
        return {name: after[name] for name in after if after[name] != before[name] or name in early}

    def _timers(self, missing: Sequence[str]) -> dict[str, int]:
        """Return the timers except `retry`: those that keep running, and the new ones."""
        timers = without_reminders(self.thread)
        if is_waiting(self.thread):
            timers |= self._running()
        if missing:
            ahead = [timers[ATTACHMENTS]] if ATTACHMENTS in timers else []
            timers[ATTACHMENTS] = min([*ahead, *self.missing.values()], default=seconds(self.now))
        return self._guarding(timers | self._surveying())

    def _running(self) -> dict[str, int]:
        """Return the reminders that keep running; one that ran out before there was a ticket is due once there is."""
        known = {name: at for name, at in self.thread.timers.items() if name in METRICS and at > seconds(self.now)}
        running, clock = known | self.clocks, self.thread.clock
        if clock is None or not self.thread.ticket or self.before.ticket:
            return running
        late = [name for name, at in running.items() if name != WINDOW and at > clock.at]
        return running | dict.fromkeys(late, seconds(self.now))

    def _surveying(self) -> dict[str, int]:
        """Return the survey's timer, if the ticket is solved."""
        if self.mirrors or self.thread.status is not Status.SOLVED:
            return {}
        at = survey_timer(self.before, self.thread, self.connection.policy, self.channel.terms, self.now)
        return {SURVEY: at} if at else {}

    def _guarding(self, timers: Mapping[str, int]) -> dict[str, int]:
        """Return the timers with the one to try hiding again, if something is still to be done."""
        others = {name: at for name, at in timers.items() if name != GUARD}
        if not any(guard.todo for guard in self.thread.guards):
            return others
        return others | {GUARD: self.guard_at or timers.get(GUARD, seconds(self.now) + FIRST_PAUSE)}

    @property
    def later(self) -> bool:
        """Whether pending messages have to wait for a timer."""
        return bool(self.trouble or self.waiting)

    def _unknown(self) -> list[str]:
        settled = {key for key, state, _, _ in self.sent if state != "unknown"}
        asked = [key for key, state, _, _ in self.sent if state == "unknown"]
        begun = dict.fromkeys([*self.before.sending, *self.intended, *asked])
        return [key for key in begun if key not in settled][-MOST_UNKNOWN:]

    def _pause(self) -> int:
        return pause_of(self.before, self.trouble, held=self.held)


def pause_of(thread: Thread, error: DeskwireError | None, *, held: bool = False) -> int:
    """Return the seconds until a thread's next attempt after an error; `held`: its neighbour is left alone."""
    pause: int = FIRST_PAUSE if held else min(FIRST_PAUSE * 2 ** min(thread.attempts, 10), LONGEST_PAUSE)
    if isinstance(error, TemporaryError):
        pause = max(pause, math.ceil(error.after or 0))
    elif error is not None:
        pause = max(pause, CONFIGURATION_PAUSE)
    if held:
        return pause  # `Neighbours.asking` limits how many ask at once
    # Spread, so that threads hit by the same outage do not retry together; a digest does it without randomness.
    spread = hashlib.sha256(f"{thread.pk}{thread.attempts}".encode()).digest()[0] / 255
    return pause + int(pause * 0.25 * spread)


def waiting_since(
    thread: Thread, helpdesk: str, messages: Sequence[Recorded], left: Sequence[str], now: datetime
) -> Unfiled | None:
    """Return since when the oldest message of the keys `left` has waited for the helpdesk; None: none is left.

    If `messages` has none of them, because the table could not be read, the thread's earlier value is kept.
    """
    if not left:
        return None
    came = [each.received_at for each in messages if each.key in left and each.received_at]
    stamps = [seconds(datetime.fromisoformat(each)) for each in came]
    return Unfiled(helpdesk, min(stamps, default=thread.unfiled.since if thread.unfiled else seconds(now)))


def _said(items: Sequence[Pending]) -> list[tuple[int, Event]]:
    """Return the messages that are not our echoes, each with when it was written (Unix seconds)."""
    return [
        (written_at(item.event, item.message.received_at), item.event)
        for item in items
        if item.event is not None and item.event.kind is Kind.MESSAGE and not item.echo
    ]


def _filled(author: Author) -> dict[str, str]:
    """Return the author's fields that are not empty."""
    return {each.name: value for each in fields(Author) if (value := getattr(author, each.name))}


def _addresses(author: Author) -> dict[str, str]:
    """Return the addresses a connector may need to write to the author."""
    return {name: value for name in ("email", "phone", "name") if (value := getattr(author, name))}


def written_at(event: Event, received_at: str) -> int:
    """Return when an event was written (Unix seconds) by its platform, else when it was received."""
    return seconds(event.occurred_at or datetime.fromisoformat(received_at))


def is_inbound(event: Event | None) -> bool:
    """Return whether this is a customer's message."""
    return event is not None and event.kind is Kind.MESSAGE and not event.own

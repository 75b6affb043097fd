"""One turn of one thread: what is known, and what has been done so far. Written down by `Ledger.finish`."""

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

FULL = 80  # writes at its end from which on a turn begins no other answer: the table takes a hundred
MOST_IDS = 10  # of one person, who changes a number now and then
MOST_UNKNOWN = 5  # texts whose echo is still waited for
NEW_TICKET: Mapping[str, Any] = {
    "case": None, "status": None, "status_at": 0, "assignee": None, "assigned_at": 0, "priority": "", "tags": (),
}  # fmt: skip
MOST_KEPT = 10  # messages without a ticket that the next one quotes, the latest
# `Ledger.intend` may have written these in the course of the turn, and they may have changed back since.
WRITTEN_EARLY = ("ticket", "epoch", "acknowledged_at", "acknowledgements")  # by intents, in any turn


@dataclass
class Turn:
    """What one worker does with one thread while it has it.

    `before` is the thread as it was taken, `thread` the thread as it will be: whatever changes is changed there, and
    `closing` writes the difference.
    """

    thread: Thread
    connection: Connection
    definition: HelpdeskConnection
    channel: Channel
    outside: Reach  # the channel's
    helpdesk: Helpdesk
    inside: Reach  # the helpdesk's
    now: datetime
    incidents: tuple[str, ...] = ()  # the topics of the open ones that the connection is a part of
    usual_waits: Mapping[str, int] = field(default_factory=dict)  # seconds until a first answer, by the message's hour
    mirror: str = ""  # the helpdesk into which what is filed is copied
    own: str = ""  # the helpdesk of the thread's ticket, or of its next one
    others: frozenset[str] = frozenset()  # helpdesks whose messages are left for other turns; empty: the own
    first: Thread | None = None  # of a mirror: the conversation that it copies
    before: Thread = field(init=False)
    assessed: dict[tuple[str, str, int, int, bool, str], Hints] = field(default_factory=dict)  # by what was said
    opinions: dict[str, str] = field(default_factory=dict)  # of a service on AWS, by the message's key
    missing: dict[str, int] = field(default_factory=dict)  # when to try to fetch an attachment again, by its key
    clocks: dict[str, int] = field(default_factory=dict)  # reminders set in this turn: when, by name
    reminded: list[str] = field(default_factory=list)  # the names of those that were noted
    outcomes: list[Recorded] = field(default_factory=list)
    added: list[Recorded] = field(default_factory=list)  # notes for the ticket, and signals (see `add_early_answer`)
    sent: list[tuple[str, str, tuple[str, ...], str]] = field(default_factory=list)
    intended: list[str] = field(default_factory=list)  # keys of texts that were about to be sent
    undelivered: set[str] = field(default_factory=set)  # keys of what we sent that reports of this turn are about
    relayed: set[str] = field(default_factory=set)  # keys of agents' answers that were dealt with
    begun: set[str] = field(default_factory=set)  # keys whose effect may have happened
    settled: set[str] = field(default_factory=set)  # pending only for what was still to be sent about them
    waiting: set[str] = field(default_factory=set)  # done, but kept for what is still to be sent
    counted: list[str] = field(default_factory=list)  # metrics to count once the turn is written down
    told: dict[str, tuple[Case, dict[str, int]]] = field(default_factory=dict)  # see `measured`, by a message's key
    spoken: dict[str, int] = field(
        default_factory=dict
    )  # when a colleague spoke outside the ticket, by the message's key
    aside: set[str] = field(default_factory=set)  # keys of messages without a ticket by the company's policy
    saying: Said | None = None  # the declared answer that the acknowledgement of this turn holds
    earlier: str = ""  # lines that quote what got no ticket, for the message with the key `earlier_with`
    earlier_with: str = ""
    quoted: set[str] = field(default_factory=set)  # the keys of what they quote
    guard_at: int = 0  # when to try again to hide something
    trouble: DeskwireError | None = None
    early: set[str] = field(default_factory=lambda: {*WRITTEN_EARLY})  # fields to write, changed or not: see `closing`
    held: bool = False  # a neighbour was left alone: nothing was tried
    remapped: bool = False
    unnoted: bool = False  # a ticket was opened or found, and the way back from it is not in the table yet

    def __post_init__(self) -> None:
        self.before = self.thread

    def _become(self, **changes: object) -> None:
        """Change the thread as it will be. Raises `ValueError` for a field or a value that no thread has."""
        unknown = changes.keys() - Thread.model_fields.keys()
        if unknown:
            raise ValueError(f"a thread has no {', '.join(sorted(unknown))}")
        self.thread = Thread.model_validate({**self.thread.model_dump(), **changes})

    def blame(self, error: DeskwireError, keys: Sequence[str] = ()) -> None:
        """Remember what went wrong, and whose effect may have happened."""
        self.trouble = self.trouble or error
        if isinstance(error, (TemporaryError, ConfigurationError)) and error.ambiguous:
            self.begun.update(keys)

    def postpone(self, error: DeskwireError) -> None:
        """Go on later. Held up twice in one turn by neighbours that are left alone is held up all the same."""
        self.held = self.held or (self.trouble is None and isinstance(error, LeftAlone))
        self.trouble = self.trouble or error

    @property
    def mirrors(self) -> bool:
        """Whether this is a mirror's turn: nobody is told anything in it."""
        return bool(self.thread.mirrors)

    @property
    def reference(self) -> str:
        """The reference that the customer knows the ticket by."""
        return (self.first or self.thread).reference

    @property
    def away(self) -> bool:
        """Whether the helpdesk is not the thread's own, but that of an earlier ticket."""
        return self.own not in {"", self.definition.name}

    def known(self, ticket: str) -> str:
        """Return a ticket as the thread may know it; empty for another helpdesk's: numbers may be alike."""
        return "" if self.away else ticket

    @property
    def leaves(self) -> bool:
        """Whether the thread's next ticket is to be in another helpdesk than the present one."""
        return not (self.away or self.mirrors) and self.connection.helpdesk != self.definition.name

    @property
    def came_from(self) -> str:
        """The helpdesk that the thread's last ticket is in, where that is another one."""
        return self.thread.helpdesk if self.thread.helpdesk != self.definition.name else ""

    def copy(self) -> None:
        """Mark what was filed to be copied into the mirror."""
        if not self.mirror:
            return
        self.outcomes = [self._copied(each) for each in self.outcomes]
        if any(each.mirror for each in self.outcomes):
            self.copies()

    def copies(self) -> None:
        """Record into which helpdesk the conversation is copied."""
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
        """Return every id of who wrote, if there are several: a later message may name them by another one alone."""
        known = self.thread.ids if self.thread.is_of(event.author_ids) else ()
        ids = tuple(dict.fromkeys((*known, *event.author_ids)))[-MOST_IDS:]
        return ids if len(ids) > 1 else ()

    def rename(self, items: Sequence[Pending]) -> None:
        """Record the customer's new ids: it is the same person, and answers go there from now on."""
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
        """Record that the agents were warned of other readers; what they write from now on is meant for these.

        `typing`: the seconds during which they may not have noticed.
        """
        warned_at = seconds(self.now) - typing
        self._become(other_at=min(self.thread.other_at, warned_at), public_at=min(self.thread.public_at, warned_at))

    def introduce(self, author: Author) -> None:
        """Merge the author's profile; keep fields this event omits."""
        said = _filled(author)
        self._become(author={**self.thread.author, **said} if self.thread.is_of([author.id]) else said)

    def author(self, event: Event) -> Author | None:
        """Return the event's author with the profile known so far: many events give an id alone."""
        known = self.thread.author
        if event.author is None or event.own or known.get("id") != event.author.id:
            return event.author
        return Author(**known)

    def wind(self, messages: Iterable[tuple[Event, int, str]]) -> None:
        """Set the clocks that depend on what the customer wrote: each message, when, and how it was judged."""
        policy = self.connection.policy
        self.clocks = window_timer(self.before, self.thread, self.channel.terms, policy, self.now)
        if is_unanswered(self.thread):
            since = max(self.thread.answered_at, self.thread.rested_at)
            unanswered = [each for each in messages if each[1] > since]
            clock, timers = answer_clock(self.before, unanswered, policy, self.now)
            self._become(clock=clock)
            self.clocks |= timers

    def remind(self) -> None:
        """Add a note for each reminder that is due, while the customer waits; a thread without a ticket is not there
        yet.
        """  # noqa: D205 - one sentence
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
        """Record as what the ticket is counted."""
        self._become(case=case)
        self.early.add("case")

    def move(self, ticket: str) -> None:
        """Record that the thread's ticket is another one."""
        self._become(ticket=ticket)

    def hear(self, signals: Sequence[Recorded]) -> None:
        """Record how the ticket stands, by the helpdesk's signals; an older one changes nothing."""
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
        """Record that the ticket was solved then, or is open; that one is open is news only where it was solved."""
        if status is Status.REOPENED and self.thread.status is not Status.SOLVED:
            return
        self._become(status=status, status_at=at)
        if (case := self.thread.case) is not None:
            self._tell(key, *(case.solve(at) if status is Status.SOLVED else case.reopen(at)))

    def change(self, change: Change) -> None:
        """Record what our hints changed in the ticket: each is given once."""
        known = Change(self.thread.priority, self.thread.tags) | change
        self._become(priority=known.priority, tags=known.tags)

    def join(self, at: datetime | None) -> None:
        """Record when the thread's ticket was merged into another, as far as the helpdesk says."""
        self._become(joined_at=seconds(at) if at else 0)

    def recall(self, note: Recorded | None) -> None:
        """Add the note on the customer's earlier tickets, or what is to become it; None: there is none."""
        self._become(recall=False)
        self.early.add("recall")
        self.added += [note] if note is not None else []

    def remember(self, past: Past) -> None:
        """Record what the helpdesk told of the customer's earlier tickets."""
        self._become(past=past)

    def follow_up(self) -> None:
        """Leave the present ticket; what is filed next opens another."""
        self._become(ticket="", epoch=self.thread.epoch + 1, said=None, earlier=self.thread.leaving, **NEW_TICKET)
        if self.thread.opens_in:
            self.opens_in(self.connection.helpdesk)

    def opens_in(self, helpdesk: str) -> None:
        """Record in which helpdesk the next ticket is opened."""
        self._become(opens_in=helpdesk)

    def place(self) -> None:
        """Record which helpdesk has the ticket; the way back from it is still to be written.

        Numbers of tickets of another one would mislead its agents; what they were still weighs.
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
        """Have watch count a message of the ticket: a customer's, which reopens a solved one, or a colleague's."""
        case, event = self.thread.case, message.event
        if case is None or event is None or event.kind is Kind.UNDELIVERED:
            return
        if not event.own:
            self._tell(message.key, *case.reopen(seconds(self.now)))
        elif (at := self.spoken.get(message.key, 0)) >= case.since:
            counts = {"answers": 1} | ({"first_after": at - case.since} if self.before.answered_at < case.since else {})
            self._tell(message.key, case.answered(), counts)

    def _tell(self, key: str, case: Case, counts: Mapping[str, int]) -> None:
        """Have watch count something of the ticket, with the outcome of the message by which it happened."""
        _, known = self.told.get(key, (case, {}))
        self.told[key] = (case, {**known, **counts})
        self._become(case=case)

    def measured(self) -> list[Recorded]:
        """Return the outcomes, each with what watch counts of the ticket by it."""
        return [
            dataclasses.replace(each, figures=self.told[each.key][0].told(self.told[each.key][1]))
            if each.key in self.told
            else each
            for each in self.outcomes
        ]

    def note(self, key: str, words: str, ticket: str = "", *, tags: tuple[str, ...] = (), solves: str = "") -> None:
        """Add a note of ours to a ticket, the present one by default; it is filed in a turn of its own.

        It tags the ticket, and solves it if the customer's last object is `solves` by then.
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
        """Record that no answer is due for what the customer has written so far."""
        self._become(rested_at=self.thread.last_inbound)

    def wait_again(self) -> None:
        """Record that the customer waits for an answer again."""
        self._become(rested_at=0)

    def keep(self, keys: Sequence[str]) -> None:
        """Record which messages without a ticket are to be quoted."""
        self._become(kept=tuple(dict.fromkeys(keys))[-MOST_KEPT:])

    def answered(self, said: Said) -> None:
        """Record how the automatic answer of the present ticket stands."""
        self._become(said=said)

    def survey(self, asked: Asked | None) -> None:
        """Record how the question stands how content the customer is."""
        self._become(survey=asked)
        self.early.add("survey")

    def unite(self, joined: Mapping[str, str]) -> None:
        """Record which messages are filed in one entry."""
        self._become(joined=dict(joined))
        self.early.add("joined")

    def leave_unfiled(self) -> None:
        """Keep the time of filing as it was."""
        self._become(filed_at=self.before.filed_at)

    def count_update(self) -> None:
        """Count an update of the ticket against its budget."""
        recent = [at for at in self.thread.updates if seconds(self.now) - at < DAY]
        self._become(updates=(*recent[-60:], seconds(self.now)))

    def add_early_answers(self, told: Sequence[Signal]) -> None:
        """Add what an agent answered before the way back from the ticket was written, or a signal to look for it."""
        known = {each.key for each in self.added}
        now = self.now.isoformat()
        self.added += [Recorded(key=each.key, signal=each, received_at=now) for each in told if each.key not in known]
        if not told:
            self._look()

    def _look(self) -> None:
        ticket = self.thread.ticket
        signal = Signal(
            helpdesk=self.definition.connector,
            account=self.definition.name,
            object_id=compose("early", ticket),
            ticket=ticket,
        )
        self.added.append(Recorded(key=signal.key, signal=signal, received_at=self.now.isoformat()))

    def add_reports(self, events: Sequence[Event]) -> None:
        """Add what the platform reported on what was sent in this turn before its id was written."""
        known = {each.key for each in self.added}
        self.added += [
            Recorded(key=event.key, event=event, received_at=self.now.isoformat())
            for event in events
            if event.key not in known
        ]

    # ---------------------------------------------------------------- what is sent

    def acknowledging(self) -> dict[str, Any]:
        """Return the thread's fields as an acknowledgement sent now changes them."""
        now = seconds(self.now)
        recent = [at for at in self.before.acknowledgements if now - at < DAY]
        said = {} if self.saying is None else {"said": list(self.saying)}
        return {"acknowledged_at": now, "acknowledgements": [*recent, now], **said}

    def acknowledge(self, *, sent: bool = True) -> None:
        """Record an acknowledgement; not `sent`: take its intent back."""
        before = self.before
        self._become(
            **self.acknowledging()
            if sent
            else {"acknowledged_at": before.acknowledged_at, "acknowledgements": before.acknowledgements}
        )

    def answer(self, at: int, *, known: bool = False) -> None:
        """Record that an agent's answer was sent, at these seconds. `known`: an earlier turn has counted it."""
        case = self.thread.case
        self._become(
            answered_at=max(self.thread.answered_at, at), case=case if known or case is None else case.answered()
        )

    def watch(self, guards: Sequence[Guard], guarded: Mapping[str, str]) -> None:
        """Record what is to be done for private matters in public messages, and what became of such messages."""
        self._become(guards=tuple(guards), guarded=dict(guarded))

    def guard_again(self, pause: int) -> None:
        """Retry hiding in this many seconds, or earlier if another message is due earlier."""
        at = seconds(self.now) + pause
        self.guard_at = min(self.guard_at or at, at)

    def speak(self, language: str) -> None:
        """Record in which language the customer writes in public."""
        self._become(language=language)

    def invite(self, at: int) -> None:
        """Record when a writer was invited to continue in private (Unix seconds); 0: take it back."""
        self._become(invited_at=at)
        self.early.add("invited_at")

    def offer(self, until: int) -> None:
        """Record how long the one-time link that was posted is good (Unix seconds)."""
        self._become(offered_until=until)

    def attend(self, items: Sequence[Pending]) -> None:
        """Record when a colleague last spoke with the customer in the platform's own app, outside the ticket.

        What the company posted in public before anybody wrote there answers nobody.
        """
        said = _said(items)
        began = self._begun_in_public(said)
        own = [(at, event) for at, event in said if event.own]
        self.spoken = {event.key: at for at, event in own if event.visibility is Visibility.PRIVATE or at > began}
        self._become(answered_at=max([self.thread.answered_at, *self.spoken.values()]))

    def _begun_in_public(self, said: Sequence[tuple[int, Event]]) -> float:
        """Return when a customer first wrote here in public, and record it: our own post may be delivered after that.

        In threads of before it was recorded, 0; where no customer has written yet, infinity.
        """
        before = self.before
        if before.last_inbound and not before.public_since:
            return 0
        written = [at for at, event in said if not event.own and event.visibility is Visibility.PUBLIC]
        if since := min([*written, *([before.public_since] if before.public_since else [])], default=0):
            self._become(public_since=since)
        return since or math.inf

    def pass_reply(self, reply: str, ticket: str) -> None:
        """Record the agent's reply up to which the ticket was read."""
        self._become(last_reply=reply, last_ticket=ticket)

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
        """Whether this turn already has so many writes that it begins no other answer."""
        return len(self.outcomes) + len(self.added) + sum(1 + len(ids) for _, _, ids, _ in self.sent) >= FULL

    def closing(self, plan: Plan, messages: Sequence[Recorded] = ()) -> dict[str, Any]:
        """Return the fields to write at the end: what changed, what is still pending, and when to go on.

        A field of `early` may stand in the table otherwise than in `before`, because it was written before an effect.
        `messages` are the pending ones that this turn has read.
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
            # Of what is not known to be sent, the echo may still tell.
            "sending": self._unknown(),
            "attempts": self.before.attempts + (0 if self.held else 1) if self.trouble else 0,
        }
        if self.later or plan.wait:
            changes["due_at"] = seconds(self.now) + max(self._pause(), plan.wait)
        elif pending or self.before.waiting:  # goes on right away; the net is for when that letter never leaves
            changes["due_at"] = seconds(self.now) + NET_PAUSE
        return changes

    def _stop_clock(self) -> None:
        """Forget by when an answer is due once nobody waits for one."""
        if self.thread.clock is not None and not is_waiting(self.thread):
            self._become(clock=None)

    def _joined(self, pending: Sequence[str]) -> dict[str, Any]:
        """Return what is still pending of what was filed together, if that is to be written."""
        joined = {key: first for key, first in self.thread.joined.items() if key in pending}
        return {"joined": joined} if "joined" in self.early or joined != self.before.joined else {}

    def _note_wait(self, pending: Sequence[str], messages: Sequence[Recorded]) -> None:
        """Record since when the oldest message that could not be filed has waited."""
        left = [key for key in pending if key not in self.waiting] if self.trouble else []
        helpdesk = self.definition.name if left else ""
        self._become(unfiled=waiting_since(self.before, helpdesk, messages, left, self.now))

    def _pending(self) -> tuple[list[str], list[str]]:
        """Return the keys of what is still to be done, and of the attachments that are still to be fetched."""
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
        """Return the timers beside `retry`: those of before that are still ahead, and when to fetch what is missing."""
        timers = without_reminders(self.thread)
        if is_waiting(self.thread):
            timers |= self._running()
        if missing:
            ahead = [timers[ATTACHMENTS]] if ATTACHMENTS in timers else []
            timers[ATTACHMENTS] = min([*ahead, *self.missing.values()], default=seconds(self.now))
        return self._guarding(timers | self._surveying())

    def _running(self) -> dict[str, int]:
        """Return the clocks that go on; one that ran out before there was a ticket is due as soon as there is one."""
        known = {name: at for name, at in self.thread.timers.items() if name in METRICS and at > seconds(self.now)}
        running, clock = known | self.clocks, self.thread.clock
        if clock is None or not self.thread.ticket or self.before.ticket:
            return running
        late = [name for name, at in running.items() if name != WINDOW and at > clock.at]
        return running | dict.fromkeys(late, seconds(self.now))

    def _surveying(self) -> dict[str, int]:
        """Return the timer of the question how content the customer is, where the ticket is solved."""
        if self.mirrors or self.thread.status is not Status.SOLVED:
            return {}
        at = survey_timer(self.before, self.thread, self.connection.policy, self.channel.terms, self.now)
        return {SURVEY: at} if at else {}

    def _guarding(self, timers: Mapping[str, int]) -> dict[str, int]:
        """Return the timers with the one for what is still to be hidden."""
        others = {name: at for name, at in timers.items() if name != GUARD}
        if not any(guard.todo for guard in self.thread.guards):
            return others
        return others | {GUARD: self.guard_at or timers.get(GUARD, seconds(self.now) + FIRST_PAUSE)}

    @property
    def later(self) -> bool:
        """Whether what is pending has to wait."""
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
        return pause  # the helpdesk is asked as it can take it: see `Neighbours.asking`
    # Spread, so that threads that met the same outage do not come back together; no randomness is needed.
    spread = hashlib.sha256(f"{thread.pk}{thread.attempts}".encode()).digest()[0] / 255
    return pause + int(pause * 0.25 * spread)


def waiting_since(
    thread: Thread, helpdesk: str, messages: Sequence[Recorded], left: Sequence[str], now: datetime
) -> Unfiled | None:
    """Return since when the oldest of the messages that are `left` has waited for the helpdesk; None: none is left.

    Where none of `messages` is, as when the table did not answer, it is what the thread said before.
    """
    if not left:
        return None
    came = [each.received_at for each in messages if each.key in left and each.received_at]
    stamps = [seconds(datetime.fromisoformat(each)) for each in came]
    return Unfiled(helpdesk, min(stamps, default=thread.unfiled.since if thread.unfiled else seconds(now)))


def _said(items: Sequence[Pending]) -> list[tuple[int, Event]]:
    """Return the messages that are no echoes of ours, each with when it was written."""
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
    """Return when something was written (Unix seconds), as far as its platform says; else when it was delivered."""
    return seconds(event.occurred_at or datetime.fromisoformat(received_at))


def is_inbound(event: Event | None) -> bool:
    """Return whether a customer wrote this."""
    return event is not None and event.kind is Kind.MESSAGE and not event.own

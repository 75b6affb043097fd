"""Handle the letters on the mailbox: record each event and give its thread a turn, one turn of a thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deskwire import registry
from deskwire.configuration import Connection
from deskwire.letters import REGISTRATION, Envelope, letter_of, opened, read_letter, routed, timer
from deskwire.model.errors import ConfigurationError, DeskwireError, TemporaryError
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose, digest
from deskwire.model.mirrors import mirror_thread, mirrored
from deskwire.model.notices import Notice, is_incident
from deskwire.model.signals import Signal
from deskwire.ports import Clock, LendingArchive, Mailbox, Table
from deskwire.telemetry import Telemetry
from deskwire.timing import NET_PAUSE, RECHECK_AFTER

from .acknowledging import Acknowledgement, Acknowledging
from .answering import hear, note_answer
from .aside import keep, quote, settle_waiting
from .classifying import Classifying
from .decide import Pending, Plan, decide, end
from .directory import Directory
from .entries import Entries, assess
from .filing import Filing
from .gathering import Gathering, about, first_origin, origin, place
from .guarding import Guarding
from .ledger import Full, Ledger, Moved, Reported, Signalled
from .linking import Linking
from .mirroring import ENDED, beginning
from .overflow import Overflow
from .polling import Polling
from .recorded import AUTOMATIC, ERASED, Outcome, Recorded
from .registrations import EXPIRY_DAYS, Registrations
from .relaying import Relaying
from .remembering import lookups
from .reminders import METRICS
from .routing import NOT_THEIRS, ROUTED, Routing, message_of
from .sending import Sending
from .surveying import Surveying
from .table import seconds
from .thread import Thread
from .timers import acts, fire, without_reminders
from .turn import Turn, is_inbound, pause_of, waiting_since, written_at
from .updating import Updating

DUPLICATE = "duplicate"
WAITS = "waits"
WOKEN = "woken"
POLLED = "polled"
REMOVED = "the connection was removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The worker behind the mailbox. `owner` returns a new lease owner for each letter."""

    table: Table
    mailbox: Mailbox
    archive: LendingArchive
    directory: Directory
    clock: Clock
    telemetry: Telemetry
    owner: Callable[[], str]
    expiry_days: int = EXPIRY_DAYS

    def handle(self, body: str) -> str:
        """Handle one letter and return its result as a word for the log.

        Raises `TemporaryError` when the letter must be redelivered, `PayloadError` when it is not a letter of ours or
        was written by a newer version.
        """
        data = read_letter(body)
        if "timer" in data:
            return self._timer(str(data["timer"]))
        if "poll" in data:
            return self._poll(data["poll"])
        if "mirror" in data:
            return self._copy(*map(str, data["mirror"]))
        envelope = opened(data, self.archive)
        if isinstance(envelope.content, Signal):
            return self._signal(envelope, envelope.content)
        if isinstance(envelope.content, Notice):
            thread_key = envelope.thread or envelope.content.thread_key
            return self._record(self._ledger(), thread_key, message_of(envelope), envelope)
        return self._event(envelope, envelope.content)

    # ---------------------------------------------------------------- kinds of letters

    def _timer(self, thread_key: str) -> str:
        ledger = self._ledger()
        thread = ledger.take(thread_key, None, "")
        self._turn(ledger, thread, None)
        return WOKEN

    def _poll(self, key: Sequence[str]) -> str:
        pk, sk = key
        if sk == REGISTRATION:
            return self._look(str(pk))
        Polling(
            table=self.table, mailbox=self.mailbox, archive=self.archive, directory=self.directory, clock=self.clock,
            telemetry=self.telemetry,
        ).poll((str(pk), str(sk)))  # fmt: skip
        return POLLED

    def _look(self, pk: str) -> str:
        """Check a connection's registration at its platform."""
        Registrations(
            table=self.table, directory=self.directory, telemetry=self.telemetry, days=self.expiry_days
        ).look(pk)  # fmt: skip
        return POLLED

    def _signal(self, envelope: Envelope, signal: Signal) -> str:
        """Forward a helpdesk's signal to its ticket's thread; once forwarded, record it and give the thread a turn."""
        ledger = self._ledger()
        if not envelope.thread:
            return self._routing().route(ledger, envelope, signal)
        return self._record(ledger, envelope.thread, message_of(envelope), envelope)

    def _event(self, envelope: Envelope, event: Event) -> str:
        """Find the thread of a channel's event, and give it a turn."""
        thread_key = envelope.thread or event.thread_key
        message = replace(message_of(envelope), keep_until=self._keep_until(event.channel))
        ledger, routing = self._ledger(), self._routing()
        message = routing.check(message, event, envelope)
        if message.reason == NOT_THEIRS:
            # Recorded in a thread of its own: in the account's thread it would make the genuine event a duplicate.
            thread_key = compose("not-theirs", envelope.endpoint, thread_key)
        if message.done:
            return self._record(ledger, thread_key, message, envelope)
        traced = routing.trace(ledger, message, event, envelope)
        if traced is None:
            return ROUTED
        opinion = Classifying(self.directory, self.telemetry).opinion(event)
        return self._record(ledger, thread_key, replace(traced, opinion=opinion), envelope)

    def _copy(self, helpdesk: str, thread_key: str, item: str) -> str:
        """Record a message that was filed in a conversation in its mirror too, and give the mirror a turn."""
        ledger, mirror = self._ledger(), mirror_thread(helpdesk, thread_key)
        message = ledger.original(thread_key, item)
        if message is None:
            message = end(Recorded(key=item[2:]), Outcome.DEAD, "its record is gone")
        elif message.wordless:
            message = ledger.message(mirror, message.key)  # a worker that stopped may have recorded it
            if message is None or message.done:
                return ERASED
        begins = beginning(helpdesk, thread_key, ledger.thread(thread_key) if message.event is None else None)
        return self._go_on(ledger, mirror, message, lambda: ledger.take(mirror, message.event, message.key, begins))

    def _record(self, ledger: Ledger, thread_key: str, message: Recorded, envelope: Envelope) -> str:
        """Record a message, and give its thread a turn unless it needs none."""
        raw, raw_at = (b"", "") if message.keep_until else (envelope.raw, envelope.raw_at)
        take = lambda: self._taken(ledger, thread_key, message, envelope)  # noqa: E731
        return self._go_on(ledger, thread_key, message, take, raw=raw, raw_at=raw_at)

    def _go_on(
        self,
        ledger: Ledger,
        thread_key: str,
        message: Recorded,
        take: Callable[[], Thread | None],
        *,
        raw: bytes = b"",
        raw_at: str = "",
    ) -> str:
        """Record a message; unless it needs no turn, take its thread with `take` and give it one."""
        began = self.clock()
        existing = ledger.record(thread_key, message, raw=raw, raw_at=raw_at)
        if existing is not None and existing.done:
            self.telemetry.count("Duplicates")
            return DUPLICATE
        if message.done and existing is None:  # else a worker stopped during its turn: the thread knows its outcome
            self._report([message], thread_key)
            return str(message.state)
        try:
            thread = take()
        except Full as full:
            self._overflow(ledger).put_aside(thread_key, message.key, full.aside)
            return WAITS
        if thread is None:
            return ROUTED
        # Recording took too long: the message may have been redelivered to another worker, so read its state again.
        fresh = existing is None and self.clock() - began < RECHECK_AFTER
        outcomes = self._turn(ledger, thread, _unerased(ledger, thread, message) if fresh else None)
        return outcomes.get(message.key, "recorded")

    def _taken(self, ledger: Ledger, thread_key: str, message: Recorded, envelope: Envelope) -> Thread | None:
        """Take a message's thread and return it; None if the thread continues in another: the message is forwarded."""
        event = message.event
        if event is not None and event.aliases and not envelope.thread:
            ledger.join(thread_key, event.alias_keys)
        connection = self.directory.connection(event.channel, event.account) if event is not None else None
        begins = {"opens_in": connection.helpdesk} if connection is not None else {}
        try:
            return ledger.take(thread_key, event or message.notice, message.key, begins)
        except Moved as moved:
            self.mailbox.send([envelope.forwarded(moved.thread_key)])
            ledger.move(thread_key, message)
            return None

    def _keep_until(self, channel: str) -> int:
        """Return until when the channel's terms let us keep a text received now (Unix seconds); 0: no limit."""
        try:
            keeps = registry.channel(channel).terms.keeps_words
        except ConfigurationError:  # the connector was removed
            return 0
        return 0 if keeps is None else seconds(self.clock() + keeps.value)

    # ---------------------------------------------------------------- a turn

    def _turn(self, ledger: Ledger, thread: Thread, fresh: Recorded | None) -> dict[str, str]:
        """Handle the thread's pending messages; return the outcomes by key."""
        if fresh is None:
            ledger.conclude(thread)
        thread = fire(self._overflow(ledger).take_page(thread), self.clock())
        messages, trouble = Gathering(ledger, self.clock).read(thread, fresh)
        came_by = first_origin(thread, messages)
        connection = self.directory.connection(*came_by)
        doubtful = set(thread.pending) - set(thread.was_clean) - {fresh.key if fresh else ""}
        idle = not (thread.pending or acts(thread, self.clock()))
        if idle or connection is None:
            if trouble is not None:
                raise trouble
            how = (Outcome.REFUSED, REMOVED)
            return self._all_ended(ledger, thread, messages, came_by, how, removed=connection is None)
        try:
            turn = self._begin(ledger, thread, connection, messages, doubtful=bool(doubtful))
        except (ConfigurationError, TemporaryError) as error:
            return self._postpone(ledger, thread, error, messages, connection)
        turn.begun |= doubtful
        plan = Plan()
        if trouble is not None:
            turn.blame(trouble)
        else:
            plan = self._planned(ledger, turn, messages, doubtful)
        turn.remind()
        return self._closed(ledger, turn, plan, messages)

    def _closed(self, ledger: Ledger, turn: Turn, plan: Plan, messages: list[Recorded]) -> dict[str, str]:
        """Write the turn, and wake the thread if something is left that need not wait; return the outcomes by key."""
        changes = _finish(ledger, turn, plan, messages)
        self._report(turn.outcomes, turn.thread.key)
        for name in (*(METRICS[each] for each in turn.reminded), *turn.counted):
            self.telemetry.count(name)
        self._trouble(turn.thread.key, turn.trouble)
        left = _left(turn.before, changes["pending"])
        if left and not (turn.later or plan.wait):
            self._wake(turn.thread.key, [*left, turn.thread.last_reply])
        return {each.key: each.state for each in turn.outcomes}

    def _planned(self, ledger: Ledger, turn: Turn, messages: list[Recorded], doubtful: set[str]) -> Plan:
        """Gather, decide and perform; return the plan."""
        try:
            items, done = Gathering(ledger, self.clock).gather(turn, messages, doubtful)
        except (TemporaryError, ConfigurationError) as error:
            turn.blame(error)
            return Plan()
        self._route(items)
        plan = decide(turn.thread, items, turn.helpdesk.abilities, turn.connection.policy.closed_tickets, turn.now)
        turn.outcomes += plan.ended
        turn.opinions = {item.message.key: item.message.opinion for item in items if item.message.opinion}
        turn.attend(items)
        turn.rename(items)
        turn.hear(plan.ended)
        if turn.mirrors:
            self._mirror(ledger, turn, plan)
        else:
            self._perform(ledger, turn, plan, [item.message for item in items] + done)
        looked_at = {each.key for each in plan.relay}
        turn.hear([each for each in turn.outcomes if each.key in looked_at])
        return plan

    def _route(self, items: Sequence[Pending]) -> None:
        """Send on what turned out to belong to another thread."""
        for item in items:
            message = item.message
            if item.elsewhere and message.event is not None:
                letter = letter_of(message.event, message.endpoint, "channels", message.received_at, self.archive)
                self.mailbox.send([routed(letter, item.elsewhere, self.archive)])

    def _begin(
        self, ledger: Ledger, thread: Thread, connection: Connection, messages: list[Recorded], *, doubtful: bool
    ) -> Turn:
        own = self._own(thread, connection, doubtful=doubtful)
        chosen, others = self._chosen(own, thread, messages)
        definition = self.directory.helpdesk(chosen or own)
        channel, outside = self.directory.channel_of(connection)
        helpdesk, inside = self.directory.helpdesk_of(definition)
        now, closed = self.clock(), connection.policy.closed_tickets
        into = "" if thread.mirrors or is_incident(thread.key) else connection.mirror_of(own)
        inside = replace(inside, reopens=lambda closed_at: closed.reopens(closed_at, now))
        turn = Turn(
            thread=thread, connection=connection, definition=definition, channel=channel, outside=outside,
            helpdesk=helpdesk, inside=inside, now=now, incidents=self.directory.incidents(connection),
            usual_waits=self.directory.usual_waits(connection), mirror=into, own=own, others=others,
            first=ledger.thread(thread.mirrors),
        )  # fmt: skip
        if thread.ticket and thread.helpdesk not in {"", own}:  # that helpdesk was removed, and the ticket with it
            turn.follow_up()
        return turn

    def _own(self, thread: Thread, connection: Connection, *, doubtful: bool) -> str:
        """Return the helpdesk of the thread's ticket, or of its next one if there is none.

        A ticket stays in its helpdesk when the connection moves to another; so does a ticket that a worker may have
        opened before it stopped.
        """
        opened = thread.opens_in if doubtful else ""
        kept = thread.helpdesk if thread.ticket or thread.mirrors else opened
        if kept in {"", connection.helpdesk} or thread.mirrors:
            return kept or connection.helpdesk
        return kept if self.directory.has_helpdesk(kept) else connection.helpdesk

    def _chosen(self, own: str, thread: Thread, messages: list[Recorded]) -> tuple[str, frozenset[str]]:
        """Return the helpdesk that this turn handles, and those it leaves for other turns; "" is the thread's own.

        Messages may be about earlier tickets in other helpdesks; a turn handles one helpdesk. Each failed attempt moves
        on to the next one, so that none holds up the others.
        """
        named = sorted({about(own, each) for each in messages if not each.done})
        known = [each for each in named if not each or self.directory.has_helpdesk(each)] or [""]
        chosen = known[thread.attempts % len(known)]
        return chosen, frozenset(known) - {chosen}

    def _mirror(self, ledger: Ledger, turn: Turn, plan: Plan) -> None:
        """Copy into the mirror, and note there that agents' answers are not sent. Nothing reaches the customer."""
        _receive(turn, plan)
        quote(ledger, turn, plan)
        if plan.file or plan.doubted:
            self._file(turn, plan, self._filing(ledger, _Intent(ledger, None)))
        if plan.relay:
            sending = Sending(ledger, self.directory.neighbours, self.telemetry)
            relaying = Relaying(ledger, self.archive, self.telemetry, sending, Linking(ledger, self.directory))
            self._ask(turn, 1, lambda: relaying.relay(turn, plan))

    def _filing(self, ledger: Ledger, intent: _Intent) -> Filing:
        return Filing(Entries(self.archive, self.clock, ledger), self.clock, intent.opened)

    def _perform(self, ledger: Ledger, turn: Turn, plan: Plan, messages: list[Recorded]) -> None:
        sending = Sending(ledger, self.directory.neighbours, self.telemetry)
        acknowledging = Acknowledging(ledger, self.telemetry, sending)
        acknowledging.inherit(messages)
        _receive(turn, plan)
        left = _to_acknowledge(turn, plan, messages)
        fresh = (plan.follow_up or not turn.before.ticket) and not plan.relay
        ack = _unless_elsewhere(turn, acknowledging.acknowledgement(turn, left, fresh=fresh))
        turn.saying = ack.said if ack is not None else None
        intent = _Intent(ledger, ack)
        plan = Updating(ledger, self.telemetry, sending).send(turn, plan)
        hear(turn, () if plan.follow_up else left)
        surveying = Surveying(ledger, self.telemetry, sending)
        surveying.hear(turn, plan)
        quote(ledger, turn, plan)
        if plan.file or plan.doubted:
            self._file(turn, plan, self._filing(ledger, intent))
        if ack is not None:
            acknowledging.send(turn, ack, first=intent.noted(turn))
        linking = Linking(ledger, self.directory)
        linking.link_tickets(turn)
        Guarding(ledger, self.telemetry, self.directory, sending).guard(turn, left)
        if plan.relay:
            relaying = Relaying(ledger, self.archive, self.telemetry, sending, linking)
            self._ask(turn, 1, lambda: relaying.relay(turn, plan))
        surveying.ask(turn, plan)
        if turn.begun:
            acknowledging.close_begun(turn)
        note_answer(ledger, turn)
        keep(turn, plan)

    def _file(self, turn: Turn, plan: Plan, filing: Filing) -> None:
        # Two to open (customer, ticket), one to append, those for the customer's history, and after doubt one to look
        # for the entry first.
        opening = 0 if turn.thread.ticket else 2
        doubtful = bool(plan.doubted) or any(item.doubtful for item in plan.file)
        requests = opening + (len(plan.file) > bool(opening)) + lookups(turn, plan) + doubtful
        self._ask(turn, requests, lambda: filing.file(turn, plan))

    def _ask(self, turn: Turn, requests: int, act: Callable[[], None]) -> None:
        """Call `act`, which makes about so many requests to the helpdesk; on failure, its messages stay pending."""
        try:
            with self.directory.neighbours.asking(turn.definition.key[0], requests, asker=turn.connection.key[0]):
                act()
        except (TemporaryError, ConfigurationError) as error:
            turn.postpone(error)

    # ---------------------------------------------------------------- the rest

    def _all_ended(
        self,
        ledger: Ledger,
        thread: Thread,
        messages: list[Recorded],
        came_by: tuple[str, str],
        how: tuple[Outcome, str],
        *,
        removed: bool = True,
    ) -> dict[str, str]:
        """End the pending messages of a removed connection or mirror, as many as one write takes.

        If it was not removed, the thread was woken with nothing to do, and its reminders stay set.
        """
        theirs = _by(thread, messages, came_by)
        gone = [end(each, *how) for each in theirs if not each.done]
        left = _without(thread.pending, theirs)
        clean = [key for key in (*left, *thread.missing) if key in thread.was_clean]
        changes: dict[str, Any] = {"pending": left, "missing": list(thread.missing), "clean": clean}
        if removed:
            changes["timers"] = without_reminders(thread)
        left = _left(thread, left)
        if left:
            changes["due_at"] = seconds(self.clock()) + NET_PAUSE
        ledger.finish(thread, outcomes=gone, changes=changes)
        self._report(gone, thread.key)
        if left:
            self._wake(thread.key, left)
        return {each.key: each.state for each in gone}

    def _postpone(
        self,
        ledger: Ledger,
        thread: Thread,
        error: ConfigurationError | TemporaryError,
        messages: list[Recorded],
        connection: Connection,
    ) -> dict[str, str]:
        if thread.mirrors and not connection.mirrors_into(thread.helpdesk):
            came_by = first_origin(thread, messages)
            return self._all_ended(ledger, thread, messages, came_by, (Outcome.SUPPRESSED, ENDED))
        self._trouble(thread.key, error)
        left = [each.key for each in messages if not each.done]
        helpdesk = thread.helpdesk or connection.helpdesk
        unfiled = waiting_since(thread, helpdesk, messages, left, self.clock())
        due = seconds(self.clock()) + pause_of(thread, error)
        changes: dict[str, Any] = {"clean": list(thread.was_clean), "due_at": due, "attempts": thread.attempts + 1}
        if unfiled != thread.unfiled:
            changes["unfiled"] = unfiled and list(unfiled)
        ledger.finish(thread, outcomes=[], changes=changes)
        return {}

    def _trouble(self, thread_key: str, error: DeskwireError | None) -> None:
        """Count and log what held a thread up; a person is called where only a person can mend it."""
        if error is None:
            return
        if isinstance(error, ConfigurationError):
            self.telemetry.count("ConfigurationErrors")
        self.telemetry.count("Postponed")
        self.telemetry.log(
            "WARNING", "postponed", thread=digest(thread_key)[:12], error=type(error).__name__, reason=str(error)
        )

    def _report(self, outcomes: list[Recorded], thread_key: str) -> None:
        mirror, _ = mirrored(thread_key)
        for each in outcomes:
            content = each.content
            for name in _counted(each, mirror):
                self.telemetry.count(name)
            self.telemetry.log(
                "ERROR" if each.state in {Outcome.REFUSED, Outcome.DEAD} else "INFO",
                "outcome",
                outcome=each.state,
                reason=each.reason,
                event=digest(each.key)[:12],
                channel=content.connector if content else "",
                kind=str(content.kind) if content else "note",
                **({"mirror": mirror} if mirror else {}),
            )

    def _wake(self, thread_key: str, left: list[str]) -> None:
        """Wake the thread right away for what is left."""
        self.mailbox.send([timer(thread_key, "|".join(left))])

    def _routing(self) -> Routing:
        return Routing(self.mailbox, self.directory, self.telemetry)

    def _ledger(self) -> Ledger:
        return Ledger(self.table, self.clock, self.owner())

    def _overflow(self, ledger: Ledger) -> Overflow:
        return Overflow(self.table, self.clock, ledger.owner)


def _counted(message: Recorded, mirror: str) -> Iterator[str]:
    """Yield the metrics of a message with an outcome. A mirror's copies were counted in their conversation."""
    content, filed = message.content, message.state is Outcome.FILED
    yield "Mirrored" if mirror and filed else str(message.state).capitalize()
    if content is not None and content.kind == Kind.UNDELIVERED and filed and not mirror:
        yield "UndeliveredAutomatic" if message.reason == AUTOMATIC else "Undelivered"
    if message.aside:
        yield "SetAside"


@dataclass(slots=True)
class _Intent:
    """The writes of a turn before its end: that the ticket was opened, and that the acknowledgement is to be sent."""

    ledger: Ledger
    ack: Acknowledgement | None
    first: bool | None = None  # whether the acknowledgement cannot have been sent before; None: no intent is noted yet

    def opened(self, turn: Turn) -> None:
        """Note the opened ticket, with the intent to acknowledge in the same write."""
        turn.place()
        noted = _intend(self.ledger, turn, self.ack if self.first is None else None, opened=True)
        if not noted:  # that acknowledgement was begun before: note the ticket alone
            _intend(self.ledger, turn, None, opened=True)
        self.first = noted if self.first is None else self.first
        turn.unnoted = False

    def noted(self, turn: Turn) -> bool:
        """Note the intent to acknowledge, if it is not noted yet; return whether it cannot have been sent before."""
        if self.first is None:
            self.first = _intend(self.ledger, turn, self.ack, opened=False)
        return self.first


def _receive(turn: Turn, plan: Plan) -> None:
    """Update the thread with who wrote, and set the clocks by when they are to be answered."""
    wrote: list[tuple[Event, int]] = []
    for item in (each for filed in (*plan.file, *plan.heard, *plan.aside) for each in filed.members):
        if item.event is not None and (is_inbound(item.event) or item.first_sight):
            turn.receive(item.event, item.message.received_at)
            wrote += [] if item.aside else [(item.event, written_at(item.event, item.message.received_at))]
    if not turn.mirrors:
        settle_waiting(turn, plan)
        _wind(turn, wrote)


def _wind(turn: Turn, wrote: Sequence[tuple[Event, int]]) -> None:
    """Set the clocks for these events, each with when it was written (Unix seconds)."""
    timed = bool(turn.connection.policy.answer_within)
    turn.wind([(event, at, assess(turn, event).kind) for event, at in wrote] if timed else [])


def _to_acknowledge(turn: Turn, plan: Plan, messages: list[Recorded]) -> list[Recorded]:
    """Return the messages that may be acknowledged; those without a ticket may get thanks."""
    turn.aside |= {item.message.key for item in plan.aside} | {each.key for each in messages if each.aside}
    ended = _ended(plan) - turn.aside
    return [each for each in messages if each.key not in ended]


def _unless_elsewhere(turn: Turn, ack: Acknowledgement | None) -> Acknowledgement | None:
    """Return the acknowledgement, or None if the customer has since written on another channel."""
    return ack if place(turn.thread) == place(turn.connection) else None


def _intend(ledger: Ledger, turn: Turn, ack: Acknowledgement | None, *, opened: bool) -> bool:
    if ack is not None:
        turn.intended.append(ack.message.key)
    try:
        return ledger.intend(
            turn.thread,
            opened=turn.thread if opened else None,
            added=turn.added,
            send=ack.message.key if ack else "",
            text=ack.message.text if ack else "",
            # Before it is sent: a worker that stops right afterwards counts as having acknowledged.
            more=turn.acknowledging(),
        )
    except Signalled as signalled:
        turn.add_early_signals(signalled.told, look=signalled.look)
        return _intend(ledger, turn, ack, opened=opened)


def _finish(ledger: Ledger, turn: Turn, plan: Plan, messages: list[Recorded]) -> dict[str, Any]:
    """Write the turn; return what changed in the thread."""
    turn.copy()
    changes = turn.closing(plan, messages)
    try:
        ledger.finish(
            turn.thread,
            outcomes=turn.measured(),
            changes=changes,
            added=turn.added,
            sent=turn.sent,
            answered_at=turn.before.answered_at,
            back=turn.definition.name if turn.remapped or turn.unnoted else "",
        )
    except Signalled as signalled:
        turn.add_early_signals(signalled.told, look=signalled.look)
        return _finish(ledger, turn, plan, messages)
    except Reported as reported:
        turn.add_reports(reported.events)
        return _finish(ledger, turn, plan, messages)
    return changes


def _by(thread: Thread, messages: list[Recorded], came_by: tuple[str, str]) -> list[Recorded]:
    """Return the messages of this channel and account, and those whose record is gone."""
    return [each for each in messages if each.state == Outcome.DEAD or origin(thread, each) == came_by]


def _unerased(ledger: Ledger, thread: Thread, message: Recorded) -> Recorded | None:
    """Return the message recorded just now, read again if the thread has erased people: its text may be gone by now."""
    return ledger.message(thread.key, message.key) if thread.erased else message


def _left(thread: Thread, pending: Sequence[str]) -> list[str]:
    """Return names for what is left to do, which make up the wake-up's id; empty if nothing is left."""
    return [*pending, *([f"{thread.waiting} more"] if thread.waiting else [])]


def _without(pending: Sequence[str], messages: list[Recorded]) -> list[str]:
    """Return the pending keys without those of these messages."""
    keys = {each.key for each in messages}
    return [key for key in pending if key not in keys]


def _ended(plan: Plan) -> set[str]:
    return {each.key for each in plan.ended} | {item.message.key for item, _ in plan.doubted}

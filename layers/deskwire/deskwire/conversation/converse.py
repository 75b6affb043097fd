"""An actor per thread: what is on the mailbox becomes outcomes, one event of a thread at a time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deskwire.configuration import Connection
from deskwire.contracts.channel import Fetches
from deskwire.letters import Envelope, opened, timer
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose, digest
from deskwire.model.tickets import File
from deskwire.ports import Archive, Clock, Letter, Mailbox, Table
from deskwire.telemetry import Telemetry
from deskwire.timing import HELD_UP, LONG, NET_PAUSE

from .answering import Acknowledgement, Answering
from .decide import MOST, Pending, Plan, decide, dismissed, end
from .directory import Directory
from .filing import Filing
from .ledger import Answered, Ledger, Moved, text_digest
from .recorded import Outcome, Recorded
from .table import seconds
from .thread import Thread
from .turn import Turn, is_inbound

DUPLICATE = "duplicate"
ROUTED = "routed"
WOKEN = "woken"
NOT_OURS = "not a ticket of ours, so far"
REMOVED = "the connection was removed"
NOT_THEIRS = "the account does not belong to the endpoint that signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Everything converse works with. `owner` gives a new name for each piece of work."""

    table: Table
    mailbox: Mailbox
    archive: Archive
    directory: Directory
    clock: Clock
    telemetry: Telemetry
    owner: Callable[[], str]
    fetch: Callable[[str, tuple[str, ...]], File]

    def handle(self, body: str) -> str:
        """Work on one letter and return what became of it, in a word.

        Raises `TemporaryError` when the letter is to come again, `PayloadError` when it is none of ours.
        """
        try:
            data = json.loads(body)
            if "timer" in data:
                return self._timer(str(data["timer"]))
            event = data["event"] or json.loads(self.archive.fetch(data["event_at"]))
            envelope = opened(data, event)
        except (KeyError, TypeError, ValueError):
            raise PayloadError("a letter that is none of ours") from None
        if envelope.side == "helpdesks" and not envelope.thread:
            return self._route(envelope)
        return self._event(envelope)

    # ---------------------------------------------------------------- what is on the letter

    def _timer(self, thread_key: str) -> str:
        ledger = self._ledger()
        thread = ledger.take(thread_key, None, "")
        self._turn(ledger, thread, None)
        return WOKEN

    def _route(self, envelope: Envelope) -> str:
        """Bring a helpdesk's signal into the mailbox of the thread it is about."""
        event = envelope.event
        ledger = self._ledger()
        reason = dismissed(event) or ("own" if event.own else "")
        thread_key = "" if reason else ledger.whose(event.account, event.thread)
        if thread_key:
            self._forward(envelope, thread_key)
            return ROUTED
        message = end(_message(envelope), Outcome.SUPPRESSED, reason or NOT_OURS)
        ledger.record(event.thread_key, message)
        self.telemetry.count("Suppressed")
        return str(message.state)

    def _forward(self, envelope: Envelope, thread_key: str) -> None:
        body = json.dumps({**envelope.data, "thread": thread_key}, separators=(",", ":"))
        self.mailbox.send([Letter(digest(thread_key), digest(envelope.event.key), body)])

    def _event(self, envelope: Envelope) -> str:
        event = envelope.event
        thread_key = envelope.thread or event.thread_key
        message = _message(envelope)
        ledger = self._ledger()
        if envelope.side == "channels":
            message = self._checked(message, event, envelope)
            if message.reason == NOT_THEIRS:
                # Kept apart: recorded as the account's own, it would make the genuine event a repetition.
                thread_key = compose("not-theirs", envelope.endpoint, thread_key)
        began = self.clock()
        existing = ledger.record(thread_key, message, raw=envelope.raw, raw_at=envelope.raw_at)
        if existing is not None and existing.done:
            self.telemetry.count("Duplicates")
            return DUPLICATE
        if message.done:
            self._report([message])
            return str(message.state)
        try:
            thread = ledger.take(thread_key, event if envelope.side == "channels" else None, message.key)
        except Moved as moved:
            self._forward(envelope, moved.thread_key)
            ledger.move(thread_key, message)
            return ROUTED
        # Who was held up since it was recorded looks again: the letter may have gone to another worker meanwhile.
        fresh = existing is None and self.clock() - began < HELD_UP
        outcomes = self._turn(ledger, thread, message if fresh else None)
        return outcomes.get(message.key, "recorded")

    def _checked(self, message: Recorded, event: Event, envelope: Envelope) -> Recorded:
        """Return the message, ended at once when it is not for us or needs nothing."""
        connection = self.directory.connection(event.channel, event.account)
        if connection is None:
            return end(message, Outcome.REFUSED, "no connection for this account: add it to deskwire.yaml")
        if connection.endpoint != envelope.endpoint:
            return end(message, Outcome.REFUSED, NOT_THEIRS)
        attention = event.details.get("attention") if event.kind is Kind.STATE else ""
        if attention:
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "a person must act", channel=event.channel, reason=attention)
        reason = dismissed(event)
        return end(message, Outcome.SUPPRESSED, reason) if reason else message

    # ---------------------------------------------------------------- a turn

    def _turn(self, ledger: Ledger, thread: Thread, fresh: Recorded | None) -> dict[str, str]:
        """Do what is to be done about the thread's pending messages; return the outcomes by key."""
        messages, trouble = self._read(ledger, thread, fresh)
        origin = _first_origin(thread, messages)
        connection = self.directory.connection(*origin)
        if not thread.pending or connection is None:
            if trouble is not None:
                raise trouble
            return self._all_refused(ledger, thread, messages, origin)
        try:
            turn = self._begin(thread, connection)
        except ConfigurationError as error:
            return self._postpone(ledger, thread, error)
        doubtful = set(thread.pending) - set(thread.was_clean) - {fresh.key if fresh else ""}
        turn.begun |= doubtful
        plan = Plan()
        if trouble is not None:
            turn.blame(trouble)
        else:
            plan = self._planned(ledger, turn, messages, doubtful)
        changes = _finish(ledger, turn, plan)
        self._report(turn.outcomes)
        self._trouble(turn)
        if changes["pending"] and not (turn.later or plan.wait):
            self._wake(turn.thread.key, [*changes["pending"], changes.get("last_reply", "")])
        return {each.key: each.state for each in turn.outcomes}

    def _read(
        self, ledger: Ledger, thread: Thread, fresh: Recorded | None
    ) -> tuple[list[Recorded], TemporaryError | None]:
        """Return the pending messages, or why they cannot be read."""
        found: list[Recorded] = []
        try:
            for key in thread.pending[:MOST]:
                message = fresh if fresh is not None and fresh.key == key else ledger.message(thread.key, key)
                found.append(message or Recorded(key=key, state=Outcome.DEAD, reason="its record is gone"))
        except TemporaryError as error:
            return [], error
        return found, None

    def _planned(self, ledger: Ledger, turn: Turn, messages: list[Recorded], doubtful: set[str]) -> Plan:
        """Decide, and do it; return what was decided."""
        try:
            items, done = self._gather(ledger, turn, messages, doubtful)
        except (TemporaryError, ConfigurationError) as error:
            turn.blame(error)
            return Plan()
        plan = decide(turn.thread, items, turn.helpdesk.abilities, _days(turn.connection), turn.now)
        turn.outcomes += plan.ended
        self._perform(ledger, turn, plan, [item.message for item in items] + done)
        return plan

    def _begin(self, thread: Thread, connection: Connection) -> Turn:
        definition = self.directory.helpdesk(thread.helpdesk or connection.helpdesk)
        channel, outside = self.directory.channel_of(connection)
        helpdesk, inside = self.directory.helpdesk_of(definition)
        return Turn(
            thread=thread, connection=connection, definition=definition, channel=channel, outside=outside,
            helpdesk=helpdesk, inside=inside, now=self.clock(),
        )  # fmt: skip

    def _gather(
        self, ledger: Ledger, turn: Turn, messages: list[Recorded], doubtful: set[str]
    ) -> tuple[list[Pending], list[Recorded]]:
        """Return the messages of this turn with what must be known about them, and those already filed.

        A turn speaks with one connector of the customers' side. What came another way is left for the next turn, and
        what came after that, too; so are answers of agents while the thread is elsewhere.
        """
        items: list[Pending] = []
        done: list[Recorded] = []
        for message in messages:
            if items and self.clock() - turn.now > LONG:  # where words must be fetched
                break
            if _origin(turn.thread, message) != _place(turn.connection):
                if _from_channel(message) and not message.done:
                    break
            elif message.done:
                done.append(message)
                turn.settled.add(message.key)
            else:
                items.append(self._known(ledger, turn, message, doubtful=message.key in doubtful))
        return items, done

    def _known(self, ledger: Ledger, turn: Turn, message: Recorded, *, doubtful: bool) -> Pending:
        event = message.event
        if event is None:
            return Pending(message=message, doubtful=doubtful)
        if not event.complete and isinstance(turn.channel, Fetches):
            try:
                completed = turn.channel.complete(event, turn.outside)
            except PermanentError as error:
                return Pending(message=message, refused=f"its words cannot be fetched: {error}")
            if completed is None:
                return Pending(message=message, gone=True)
            twin = completed.key != event.key and not ledger.mark(turn.thread.key, completed.key, event.key)
            message = dataclasses.replace(message, event=completed, by="completed")
            if twin:
                return Pending(message=message, twin=True)
            event = completed
        if event.own:
            return Pending(message=message, doubtful=doubtful, echo=self._is_echo(ledger, turn, event))
        if event.kind not in {Kind.EDIT, Kind.DELETION}:
            return Pending(message=message, doubtful=doubtful)
        earlier = ledger.about(turn.thread.key, event)
        original = next((each for each in earlier if each.key == event.original), None)
        if original is None:  # or its key is too long to be found among the others
            original = ledger.message(turn.thread.key, event.original)
        withdrawn = event.kind is Kind.EDIT and any(
            each.event is not None and each.event.kind is Kind.DELETION for each in earlier
        )
        if event.kind is Kind.DELETION and original is None:
            ledger.withdraw(turn.thread.key, event)
        return Pending(
            message=message, doubtful=doubtful, original=original, earlier=tuple(earlier), withdrawn=withdrawn
        )

    def _is_echo(self, ledger: Ledger, turn: Turn, event: Event) -> bool:
        """Tell whether we sent this ourselves; one that was being sent when a worker died counts too."""
        if ledger.sent_by_us(turn.thread.key, event.object_id):
            return True
        for key in turn.thread.sending:
            known = ledger.sent(turn.thread.key, key)
            said = event.details.get("metadata") == digest(key)  # our mark, where the channel brings it back
            if known is not None and (said or known.get("text") == text_digest(event.text)):
                turn.settle(key, "sent", (event.object_id,), "seen by its echo")
                return True
        return False

    def _perform(self, ledger: Ledger, turn: Turn, plan: Plan, messages: list[Recorded]) -> None:
        answering = Answering(ledger, self.telemetry)
        for item in plan.file:
            if item.event is not None and (is_inbound(item.event) or item.first_sight):
                turn.inbound(item.event, item.message.received_at)
        ack = _unless_elsewhere(
            turn, answering.acknowledgement(turn, [m for m in messages if m.key not in _ended(plan)])
        )
        noted: list[bool] = []

        def opened_now(turn: Turn) -> None:
            """Note the ticket, with the intent to acknowledge in the same step."""
            turn.changes["helpdesk"], turn.unnoted = turn.definition.name, True
            noted.append(_intend(ledger, turn, ack if not noted else None, opened=True))
            if not noted[-1]:  # that acknowledgement was begun before: then the ticket alone
                _intend(ledger, turn, None, opened=True)
            turn.unnoted = False

        filing = Filing(self.archive, self.clock, self.fetch, opened_now)
        if plan.file or plan.doubted:
            self._file(turn, plan, filing)
        if ack is not None:
            if not noted:
                noted.append(_intend(ledger, turn, ack, opened=False))
            answering.send_acknowledgement(turn, ack, first=noted[0])
        if plan.relay:
            self._relay(turn, plan, answering)
        if turn.begun:
            answering.close_begun(turn)

    def _file(self, turn: Turn, plan: Plan, filing: Filing) -> None:
        name = turn.definition.name
        # For the customer and the ticket, for what is added to it, and after doubt for the question before.
        opening = 0 if turn.thread.ticket else 2
        requests = (
            opening
            + (len(plan.file) > bool(opening))
            + (bool(plan.doubted) or any(item.doubtful for item in plan.file))
        )
        with ExitStack() as stack:
            if not self._admitted(turn, stack, requests):
                return
            try:
                filing.file(turn, plan)
            except TemporaryError as error:
                turn.trouble = turn.trouble or error
                self.directory.failed(name, error)
            except ConfigurationError as error:
                turn.trouble = turn.trouble or error
            else:
                self.directory.worked(name)

    def _relay(self, turn: Turn, plan: Plan, answering: Answering) -> None:
        with ExitStack() as stack:
            if not self._admitted(turn, stack, 1):
                return
            try:
                answering.relay(turn, plan)
            except TemporaryError as error:
                turn.trouble = turn.trouble or error
                self.directory.failed(turn.definition.name, error)
            except ConfigurationError as error:
                turn.trouble = turn.trouble or error

    def _admitted(self, turn: Turn, stack: ExitStack, requests: int) -> bool:
        """Tell whether the helpdesk may be asked so often, as long as `stack` is open; else the thread waits."""
        try:
            stack.enter_context(self.directory.asking(turn.definition.name, requests))
        except TemporaryError as error:
            # An answer to be brought waits with the message: held up twice in one turn is held up all the same.
            turn.trouble, turn.held = turn.trouble or error, turn.held or turn.trouble is None
            return False
        return True

    # ---------------------------------------------------------------- the rest

    def _all_refused(
        self, ledger: Ledger, thread: Thread, messages: list[Recorded], origin: tuple[str, str]
    ) -> dict[str, str]:
        """End what is pending of a connection that was removed (as much as the table takes at once), if anything is."""
        theirs = [each for each in messages if each.state == Outcome.DEAD or _origin(thread, each) == origin]
        gone = [end(each, Outcome.REFUSED, REMOVED) for each in theirs if not each.done]
        ended = {each.key for each in theirs}
        left = [key for key in thread.pending if key not in ended]
        changes: dict[str, Any] = {"pending": left, "clean": [key for key in left if key in thread.was_clean]}
        if left:
            changes["due_at"] = seconds(self.clock()) + NET_PAUSE
        ledger.finish(thread, outcomes=gone, changes=changes)
        self._report(gone)
        if left:
            self._wake(thread.key, left)
        return {each.key: each.state for each in gone}

    def _postpone(self, ledger: Ledger, thread: Thread, error: ConfigurationError) -> dict[str, str]:
        self.telemetry.count("ConfigurationErrors")
        self.telemetry.log("ERROR", "misconfigured", thread=digest(thread.key)[:12], reason=str(error))
        due = int((self.clock() + timedelta(seconds=120)).timestamp())
        ledger.finish(thread, outcomes=[], changes={"clean": list(thread.was_clean), "due_at": due})
        return {}

    def _trouble(self, turn: Turn) -> None:
        error = turn.trouble
        if isinstance(error, ConfigurationError):
            self.telemetry.count("ConfigurationErrors")
        if error is not None:
            self.telemetry.count("Postponed")
            self.telemetry.log(
                "WARNING",
                "postponed",
                thread=digest(turn.thread.key)[:12],
                error=type(error).__name__,
                reason=str(error),
            )

    def _report(self, outcomes: list[Recorded]) -> None:
        for each in outcomes:
            self.telemetry.count(str(each.state).capitalize())
            event = each.event
            self.telemetry.log(
                "ERROR" if each.state in {Outcome.REFUSED, Outcome.DEAD} else "INFO",
                "outcome",
                outcome=each.state,
                reason=each.reason,
                event=digest(each.key)[:12],
                channel=event.channel if event else "",
                kind=str(event.kind) if event else "note",
            )

    def _wake(self, thread_key: str, left: list[str]) -> None:
        """Go on right away with what is left of the thread."""
        self.mailbox.send([timer(thread_key, "|".join(left))])

    def _ledger(self) -> Ledger:
        return Ledger(self.table, self.clock, self.owner())


def _message(envelope: Envelope) -> Recorded:
    return Recorded(
        key=envelope.event.key, event=envelope.event, endpoint=envelope.endpoint, received_at=envelope.received_at
    )


def _place(at: Thread | Connection) -> tuple[str, str]:
    """Return the channel and the account."""
    return at.channel, at.account


def _from_channel(message: Recorded) -> bool:
    """Tell whether this came from the customers' side: no note, and no signal of a helpdesk."""
    return message.event is not None and message.event.kind is not Kind.TICKET


def _origin(thread: Thread, message: Recorded) -> tuple[str, str]:
    """Return the channel and the account that a message came by; of a note or a signal, where the thread is."""
    if message.event is None or not _from_channel(message):
        return _place(thread)
    return message.event.channel, message.event.account


def _first_origin(thread: Thread, messages: list[Recorded]) -> tuple[str, str]:
    """Return the channel and the account of a turn: what is filed, and only waits to be acknowledged, comes last."""
    unfiled = [each for each in messages if not each.done] or messages
    return next((_origin(thread, each) for each in unfiled if _from_channel(each)), _place(thread))


def _unless_elsewhere(turn: Turn, ack: Acknowledgement | None) -> Acknowledgement | None:
    """Return the acknowledgement, unless they have written in another channel since."""
    return ack if _place(turn.current()) == _place(turn.connection) else None


def _intend(ledger: Ledger, turn: Turn, ack: Acknowledgement | None, *, opened: bool) -> bool:
    if ack is not None:
        turn.intended.append(ack.message.key)
    try:
        return ledger.intend(
            turn.thread,
            helpdesk=turn.definition.name,
            opened=turn.thread if opened else None,
            added=turn.added,
            send=ack.message.key if ack else "",
            text=ack.message.text if ack else "",
            # Before it is sent: who dies right after has acknowledged all the same.
            more=turn.acknowledging(),
        )
    except Answered:
        turn.answered()
        return _intend(ledger, turn, ack, opened=opened)


def _finish(ledger: Ledger, turn: Turn, plan: Plan) -> dict[str, Any]:
    """Write the turn down; return what changed in the thread."""
    changes = turn.closing(plan)
    try:
        ledger.finish(
            turn.thread,
            outcomes=turn.outcomes,
            changes=changes,
            added=turn.added,
            sent=turn.sent,
            back=turn.definition.name if turn.remapped or turn.unnoted else "",
        )
    except Answered:
        turn.answered()
        return _finish(ledger, turn, plan)
    return changes


def _ended(plan: Plan) -> set[str]:
    return {each.key for each in plan.ended} | {item.message.key for item, _ in plan.doubted}


def _days(connection: Connection) -> timedelta:
    return timedelta(days=connection.policy.reopen_days)

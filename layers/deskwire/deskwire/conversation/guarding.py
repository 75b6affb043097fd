"""Hide public messages that hold private matters, and invite their writers to continue in private.

Both only where the policy says so. This comes after filing and acknowledging and delays neither: a failed call is
retried for a day by a timer of its own. Hiding is idempotent, so it is repeated after doubt; an invitation is sent like
an acknowledgement: its intent is noted first, and it is sent at most once for a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deskwire.care.acknowledge import worded
from deskwire.care.languages import Language, detect
from deskwire.care.measure import cut
from deskwire.care.policy import Policy
from deskwire.care.texts import Texts
from deskwire.care.triage import matters
from deskwire.contracts.channel import Channel, Moderates, Reach, Replies
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.errors import ConfigurationError, DeskwireError, PermanentError, TemporaryError
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.keys import compose
from deskwire.model.sending import Outgoing
from deskwire.model.values import replace
from deskwire.telemetry import Telemetry
from deskwire.timing import CONFIGURATION_PAUSE

from . import wording
from .decide_reply import PATIENCE
from .directory import Directory
from .entries import AGAIN, GIVE_UP, pause
from .gathering import place
from .ledger import Ledger
from .recorded import Recorded
from .sending import Sending
from .spoken import Writer
from .table import moment, seconds
from .thread import HIDDEN, HIDE, INVITE, LEFT, SHOW, SHOWN, Guard, Thread, outgoing
from .turn import Turn

MOST_GUARDED = 20  # the latest guarded objects of a thread whose state is kept


@dataclass(frozen=True, slots=True)
class Guarding:
    """Guards the private matters of a turn's public messages."""

    ledger: Ledger
    telemetry: Telemetry
    directory: Directory
    sending: Sending

    def guard(self, turn: Turn, messages: Sequence[Recorded]) -> None:
        """Handle private matters in these messages, and what is still to be done for earlier ones."""
        for message in messages:
            if message.event is not None and not message.done:
                self._look(turn, message.event)
        if turn.thread.guards:
            done = [self._worked(turn, guard) for guard in turn.thread.guards]
            turn.watch([guard for guard in done if guard.needed], turn.thread.guarded)

    def _look(self, turn: Turn, event: Event) -> None:
        """Record what is to be done about a message, if anything."""
        policy = turn.connection.policy
        if not concerns(event):
            return
        if event.kind is Kind.MESSAGE and policy.private.speaks:
            turn.speak(detect(event.text, event.language or None, policy.languages) or turn.thread.language)
        if not policy.private.acts:
            return
        kinds = matters(event.text, policy) if event.kind in {Kind.MESSAGE, Kind.EDIT} else ()
        possible = _possible(turn, event) if kinds else ()
        guards, guarded = watched(turn.thread, event, kinds, possible, turn.now)
        turn.watch([_told(guard, event, policy) for guard in guards], guarded)

    def _worked(self, turn: Turn, guard: Guard) -> Guard:
        """Do what is to be done about a message; return the guard with what is left."""
        if {HIDE, SHOW} & set(guard.todo):
            guard = self._moderate(turn, guard)
        if INVITE in guard.todo:
            guard = self._invite(turn, guard)
        if guard.note and turn.thread.ticket:
            turn.note(compose("guard", guard.object_id, turn.thread.guarded.get(guard.object_id, "")), guard.note)
            guard = guard._replace(note="")
        return guard

    # ---------------------------------------------------------------- hiding

    def _moderate(self, turn: Turn, guard: Guard) -> Guard:
        """Hide a message or show it again, through its own connection even if the thread has moved to another."""
        hidden, title = HIDE in guard.todo, turn.channel.title
        try:
            found = self._connector(turn, guard)
            if found is None:
                return _settled(turn, guard, LEFT, "")
            neighbour, title, connector, reach = found
            with self.directory.neighbours.asking(neighbour, 1):
                connector.moderate(guard.object_id, reach, hidden=hidden)
        except DeskwireError as error:
            return self._failed(turn, guard, error, title)
        self.telemetry.count("Hidden" if hidden else "Shown")
        words = wording.hidden(guard.kinds, title) if hidden else wording.shown(title)
        return _settled(turn, guard, HIDDEN if hidden else SHOWN, words)

    def _connector(self, turn: Turn, guard: Guard) -> tuple[str, str, Moderates, Reach] | None:
        """Return the connection's key, the channel's title, its connector and its `Reach`; None if it cannot hide."""
        here = place(turn.connection) == guard.place
        connection = turn.connection if here else self.directory.connection(*guard.place)
        if connection is None:
            return None
        found: tuple[Channel, Reach] = (turn.channel, turn.outside) if here else self.directory.channel_of(connection)
        channel, reach = found
        return (connection.key[0], channel.title, channel, reach) if isinstance(channel, Moderates) else None

    def _failed(self, turn: Turn, guard: Guard, error: DeskwireError, title: str) -> Guard:
        """Schedule another try, or note on the ticket that the message could not be hidden."""
        if isinstance(error, ConfigurationError):
            self.telemetry.count("ConfigurationErrors")
            self.telemetry.log("ERROR", "misconfigured", channel=turn.channel.name, reason=str(error))
        age = seconds(turn.now) - guard.since
        if isinstance(error, PermanentError) or age > GIVE_UP.total_seconds():
            self.telemetry.count("NotHidden")
            return _settled(turn, guard, LEFT, wording.not_hidden(guard.kinds, title, str(error)))
        turn.guard_again(pause(age, error) if isinstance(error, TemporaryError) else CONFIGURATION_PAUSE)
        return guard

    # ---------------------------------------------------------------- inviting

    def _invite(self, turn: Turn, guard: Guard) -> Guard:
        """Invite the writer to continue in private: by a private reply, or else by a public line."""
        done = guard._replace(todo=tuple(each for each in guard.todo if each != INVITE))
        if self._needless(turn, guard):
            return done
        for visibility in (Visibility.PRIVATE, Visibility.PUBLIC):
            state = self._invited(turn, guard, visibility)
            if state == "failed":
                turn.guard_again(AGAIN[0])
                return guard
            if state in {"sent", "unknown"}:
                return done
        return done

    def _needless(self, turn: Turn, guard: Guard) -> bool:
        """Return whether no invitation is due: one was sent, it is too late, or the writer has opted out."""
        gone = bool(turn.thread.invited_at) or place(turn.connection) != guard.place
        late = seconds(turn.now) - guard.since > PATIENCE
        return gone or late or self.ledger.opted_out(guard.place[0], guard.writer)

    def _invited(self, turn: Turn, guard: Guard, visibility: Visibility) -> str:
        """Send the invitation; return its state, or "" if the policy or the platform has none for this place."""
        permit = _permit(turn, guard, visibility)
        words = invitation(turn.connection.policy, visibility, guard.language, turn.thread.reference, turn.now)
        if isinstance(permit, Refusal) or not words:
            return ""
        text = cut(words, permit.limit.most, permit.limit.unit)
        message = _addressed(turn.thread, guard, visibility, text)
        turn.intended.append(message.key)
        now = seconds(turn.now)
        first = self.ledger.intend(turn.thread, send=message.key, text=text, more={"invited_at": now})
        state, sent, reason = self.sending.send(turn, message, permit, first=first)
        turn.settle(message.key, state, sent.ids if sent else (), reason)
        turn.invite(0 if state in {"failed", "refused"} else now)
        if sent is not None:
            self.telemetry.count("Invitations")
            if sent.elsewhere:
                turn.add_reports(self.ledger.lead(sent.elsewhere, turn.thread.key, message.key, sent.ids))
        return state


def concerns(event: Event) -> bool:
    """Return whether this is a customer's public message."""
    return event.visibility is Visibility.PUBLIC and not event.own


def watched(
    thread: Thread, event: Event, kinds: Sequence[str], possible: Sequence[str], now: datetime
) -> tuple[tuple[Guard, ...], dict[str, str]]:
    """Return the thread's guards and its objects' states after this public event of a customer. Pure.

    `kinds`: the private matters in it; `possible`: what may be done about them.
    """
    waiting = any(guard.object_id == event.object_id and guard.todo for guard in thread.guards)
    known = thread.guarded.get(event.object_id, "")
    todo, became = _due(event.kind, kinds, possible, waiting=waiting, known=known)
    if not (todo or became):
        return thread.guards, thread.guarded
    guards = [guard for guard in thread.guards if guard.object_id != event.object_id]
    if todo:
        guards.append(_found(event, kinds, todo, now))
    return tuple(guards), _with(thread.guarded, event.object_id, became) if became else thread.guarded


def _due(
    kind: Kind, kinds: Sequence[str], possible: Sequence[str], *, waiting: bool, known: str
) -> tuple[Sequence[str], str]:
    """Return what is to be done about an object, and its new state; both empty if nothing changes.

    `waiting`: something is still to be done about it. `known`: its state so far, "" if none.
    """
    if kind is Kind.DELETION:
        return (), LEFT if waiting or known else ""
    if kinds:
        return _due_for_private(kind, possible, waiting=waiting, known=known)
    if kind is not Kind.EDIT:
        return (), ""
    if known == HIDDEN:
        return (() if waiting else (SHOW,)), ""
    return (), SHOWN if waiting else ""


def _due_for_private(kind: Kind, possible: Sequence[str], *, waiting: bool, known: str) -> tuple[Sequence[str], str]:
    if known == HIDDEN and waiting:  # it was to be shown again, but holds private matters once more
        return (), HIDDEN
    again = known == SHOWN and kind is Kind.EDIT
    return (() if waiting or (known and not again) else possible), ""


def _found(event: Event, kinds: Sequence[str], todo: Sequence[str], now: datetime) -> Guard:
    return Guard(
        object_id=event.object_id,
        place=(event.channel, event.account),
        writer=event.author.id if event.author is not None else "",
        name=wording.called(event.author) if event.author is not None else "",
        at=seconds(event.occurred_at or now),
        since=seconds(now),
        kinds=tuple(kinds),
        language="",
        todo=tuple(todo),
    )


def _with(guarded: dict[str, str], object_id: str, state: str) -> dict[str, str]:
    others = [(known, what) for known, what in guarded.items() if known != object_id]
    return dict([*others, (object_id, state)][-MOST_GUARDED:])


def _possible(turn: Turn, event: Event) -> tuple[str, ...]:
    """Return what may be done about a message with private matters."""
    policy = turn.connection.policy
    hide = policy.private.hide and isinstance(turn.channel, Moderates)
    late = event.occurred_at is not None and turn.now - event.occurred_at > policy.late
    silent = event.author is None or event.no_automatic_reply or late
    invite = policy.private.invites and not silent
    return (HIDE,) * hide + (INVITE,) * invite


def _told(guard: Guard, event: Event, policy: Policy) -> Guard:
    """Return the guard with the language in which to invite the writer, if it is this event's."""
    if guard.object_id != event.object_id or INVITE not in guard.todo or guard.language:
        return guard
    return guard._replace(language=detect(event.text, event.language or None, policy.languages) or "")


def _settled(turn: Turn, guard: Guard, state: str, note: str) -> Guard:
    """Record an object's state; return its guard with the note for the ticket."""
    turn.watch(turn.thread.guards, _with(turn.thread.guarded, guard.object_id, state))
    return guard._replace(todo=tuple(each for each in guard.todo if each not in {HIDE, SHOW}), note=note)


def _permit(turn: Turn, guard: Guard, visibility: Visibility) -> Permit | Refusal:
    if not isinstance(turn.channel, Replies):
        return Refusal("this channel cannot send")
    return turn.channel.terms.permit(
        visibility, automatic=True, last_inbound=moment(guard.at), now=turn.now,
        private_reply=visibility is Visibility.PRIVATE, kind=turn.thread.thread_kind,
    )  # fmt: skip


def _addressed(thread: Thread, guard: Guard, visibility: Visibility, text: str) -> Outgoing:
    """Return the invitation, addressed to the writer of the message and in reply to it."""
    private = visibility is Visibility.PRIVATE
    to = Writer(guard.writer, guard.name, guard.object_id, guard.at) if private else None
    key = compose(wording.INVITE, guard.object_id, str(visibility))
    message = outgoing(thread, key=key, text=text, automatic=True, private=private, to=to)
    return replace(message, reply_to=guard.object_id)


def invitation(policy: Policy, visibility: Visibility, language: str, reference: str, now: datetime) -> str:
    """Return the invitation to continue in private, "" if the policy has none."""
    return _rendered(policy.private.invite, policy, visibility, language, reference, now)


def beside(policy: Policy, language: str, reference: str, now: datetime) -> str:
    """Return the public line beside an agent's private answer, "" if the policy has none."""
    return rendered(policy.private.said_beside, policy, language, reference, now)


def rendered(texts: Texts, policy: Policy, language: str, reference: str, now: datetime) -> str:
    """Return a public text in this language or the default one, "" if there is none."""
    return _rendered(texts, policy, Visibility.PUBLIC, language, reference, now)


def _rendered(
    texts: Texts, policy: Policy, visibility: Visibility, language: str, reference: str, now: datetime
) -> str:
    chosen = texts.choose(visibility, Language(language) if language else None, policy.default_language)
    said = None if chosen is None else worded(chosen[1], reference, policy, now)[0]
    return said or ""

"""Give declared answers, and handle how the customer responds.

An answer replaces the acknowledgement and is sent at most once, too. Only the message that begins a conversation gets
one, never after an agent has replied; nothing else automatic is sent in that ticket afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from deskwire.care.acknowledge import agrees
from deskwire.care.answers import Given
from deskwire.model.events import Event
from deskwire.model.keys import compose

from . import wording
from .entries import assess
from .ledger import Ledger
from .recorded import Recorded
from .table import DAY, seconds
from .thread import Said
from .turn import Turn, is_inbound

ANSWERED, CONFIRMED, DECLINED = "answered-automatically", "answer-confirmed", "answer-not-enough"  # tags


def declared_answer(turn: Turn, event: Event) -> Given | None:
    """Return the declared answer to a message, or None if there is any doubt."""
    connection, policy = turn.connection, turn.connection.policy
    more = event.attachments or event.stars or event.group or event.suspicion
    if not connection.answers or more or _attended(turn) or assess(turn, event).tags:
        return None
    return connection.matcher.match(
        event.text,
        channel=event.channel,
        is_open=policy.hours.is_open(turn.now),
        hint=event.language or None,
        visibility=event.visibility,
    )


def _attended(turn: Turn) -> bool:
    """Return whether an agent has replied in this conversation, or an automatic answer was sent in it.

    Only the last `reopen_days` count: after that a message begins a new conversation with its own ticket.
    """
    days = turn.connection.policy.closed_tickets.reopen_days
    spoke = turn.thread.answered_at > 0 and seconds(turn.now) - turn.thread.answered_at <= days * DAY
    return spoke or (turn.before.said is not None and seconds(turn.now) - turn.before.filed_at <= days * DAY)


def hear(turn: Turn, messages: Sequence[Recorded]) -> None:
    """Handle the customer's messages after an automatic answer: record a yes, hand anything else over to a person."""
    said = turn.thread.said
    if said is None or said.state == "over":
        return
    if turn.thread.answered_at > turn.before.acknowledged_at:  # an agent has replied: a yes is meant for them
        turn.answered(said._replace(state="over"))
    elif events := _events(turn, said, messages):
        _confirm(turn, said, events) if all(_agrees(turn, each) for each in events) else _hand_over(turn, said, events)


def agreed(turn: Turn, event: Event) -> bool:
    """Return whether a message says yes to the automatic answer."""
    said = turn.thread.said
    return said is not None and said.state != "over" and _agrees(turn, event)


def _hand_over(turn: Turn, said: Said, events: Sequence[Event]) -> None:
    """Note on the ticket that a person takes over, unless the customer has said yes before."""
    if said.state != "yes":
        turn.note(compose("answer", events[-1].key), wording.handed_over(said.name), tags=(DECLINED,))
        turn.counted.append("AnswersHandedOver")
    turn.answered(said._replace(state="over"))


def _confirm(turn: Turn, said: Said, events: Sequence[Event]) -> None:
    """Record a yes: the customer no longer waits. Only the first yes is noted on the ticket."""
    last = events[-1]
    turn.rest()
    if said.state != "yes":
        solves = turn.connection.policy.answering.confirmed == "solve"
        words = wording.confirmed(said.name, solves=solves)
        turn.note(compose("answer", last.key), words, tags=(CONFIRMED,), solves=last.object_id if solves else "")
        turn.counted.append("AnswersConfirmed")
    turn.answered(said._replace(state="yes"))


def note_answer(ledger: Ledger, turn: Turn) -> None:
    """Note the automatic answer on the ticket once it is known how its sending ended."""
    said = turn.thread.said
    if said is None or said.told:
        return
    state = _sent(ledger, turn, said)
    if state in {"sent", "unknown"}:
        answer = turn.connection.answers.get(said.name)
        text = "" if answer is None else answer.answer.get(said.language, "")
        words = wording.answered(said.name, text, unsure=state == "unknown")
        turn.note(compose("said", said.key), words, tags=(ANSWERED,))
        turn.counted.append("AnswersSaid")
        turn.answered(said._replace(state="asked" if said.state == "begun" else said.state, told=True))
    elif state == "refused":
        turn.answered(said._replace(state="over", told=True))


def _sent(ledger: Ledger, turn: Turn, said: Said) -> str:
    """Return how the sending ended: in this turn, or as recorded by a worker that stopped before the note."""
    told = next((state for key, state, _, _ in turn.sent if key == said.key), "")
    return told or str((ledger.sent(turn.thread.key, said.key) or {}).get("state", ""))


def _events(turn: Turn, said: Said, messages: Sequence[Recorded]) -> list[Event]:
    """Return the customer's new messages, except the one that was answered."""
    return [each.event for each in messages if each.event is not None and _goes_on(turn, said, each)]


def _goes_on(turn: Turn, said: Said, message: Recorded) -> bool:
    """Return whether this is a new message from the customer, and not the one that was answered."""
    new = is_inbound(message.event) and not message.done and message.key not in turn.aside
    return new and said.key != compose(wording.ACK, message.key)


def _agrees(turn: Turn, event: Event) -> bool:
    """Return whether the person who was asked says yes."""
    return turn.before.author.get("id") in event.author_ids and agrees(event.text, turn.connection.policy)

"""Decide whether and with which words to acknowledge, and send that at most once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deskwire.care.acknowledge import Acknowledge, Opting, Reason, Situation, acknowledgement, opting
from deskwire.care.addresses import mailbox
from deskwire.care.incident import concerns
from deskwire.care.triage import HOT
from deskwire.contracts.channel import Replies
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.events import Author, Event
from deskwire.model.keys import compose
from deskwire.model.sending import Outgoing
from deskwire.telemetry import Telemetry

from .answering import declared_answer
from .entries import assess
from .figures import hour_of
from .ledger import UNENDED, Ledger
from .recorded import Recorded
from .sending import Sending
from .table import DAY, moment, seconds
from .thread import Said, outgoing
from .turn import Turn, is_inbound
from .wording import ACK, AUTOMATIC


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An acknowledgement about to be sent, and the message it answers."""

    trigger: Recorded
    message: Outgoing
    permit: Permit
    said: Said | None = None  # the declared answer in it


@dataclass(frozen=True, slots=True)
class Acknowledging:
    """Acknowledges the messages of a turn."""

    ledger: Ledger
    telemetry: Telemetry
    sending: Sending

    def acknowledgement(
        self, turn: Turn, messages: Sequence[Recorded], *, fresh: bool = False
    ) -> Acknowledgement | None:
        """Return the acknowledgement to send now, if any; at most one for all pending messages.

        `fresh`: the messages open a ticket, so a single one may get a declared answer.
        """
        reason, new = "", 0
        inbound = [(message, message.event) for message in messages if message.event and is_inbound(message.event)]
        for _, event in inbound:  # before any is answered: the last one may be an opt-out
            self._note_opt_out(turn, event)
        for message, event in inbound:
            answer = self._decided(turn, event, message, fresh=fresh, alone=len(inbound) == 1)
            if isinstance(answer, str):
                reason = answer
                new += self._suppressed(turn, message, answer)
                continue
            said, permit = answer
            key = compose(ACK, message.key)
            sent = outgoing(turn.thread, key=key, text=said.text, automatic=True, closed=said.closed)
            declared = Said(said.answer, said.language, key) if said.answer else None
            return Acknowledgement(message, sent, permit, declared)
        if new:
            self.telemetry.count("AcknowledgementsSuppressed", new)
            self.telemetry.log("INFO", "not acknowledged", channel=turn.channel.name, reason=reason)
        return None

    def _suppressed(self, turn: Turn, message: Recorded, reason: str) -> bool:
        """Return whether this message's acknowledgement is suppressed for the first time, and so is to be counted.

        One that failed in an earlier turn counts when it is given up: record the reason then. Look up its record only
        if it can be given up now, because its message is filed and stayed pending for it, or is too old.
        """
        if message.key not in {*turn.before.was_clean, *turn.begun}:  # else an earlier turn has counted it
            return True
        if not message.done and reason != Reason.LATE:
            return False
        key = compose(ACK, message.key)
        held_up = (self.ledger.sent(turn.thread.key, key) or {}).get("state") == "failed"
        if held_up:
            turn.settle(key, "refused", (), f"not acknowledged: {reason}")
        return held_up

    def _note_opt_out(self, turn: Turn, event: Event) -> None:
        """Record that the author opts out of automatic answers, or in again; not where authors are unproved."""
        option = opting(event.text, turn.connection.policy)
        if option is not None and event.author is not None and turn.channel.proves_authors:
            for known in event.author_ids:
                self.ledger.set_opt_out(event.channel, known, opted_out=option is Opting.OUT)

    def inherit(self, messages: Sequence[Recorded]) -> None:
        """Copy a person's opt-out to the id they write under now."""
        for event in (each.event for each in messages):
            if event is None or not event.renames:
                continue
            known = (event.thread, *event.author_ids)
            if any(self.ledger.opted_out(event.channel, each) for each in known):
                for each in known:
                    self.ledger.set_opt_out(event.channel, each, opted_out=True)

    def _decided(
        self, turn: Turn, event: Event, message: Recorded, *, fresh: bool, alone: bool
    ) -> tuple[Acknowledge, Permit] | str:
        """Return the acknowledgement with the permit to send it, or the reason why none is sent."""
        permit = _permit(turn, event, event.occurred_at or datetime.fromisoformat(message.received_at))
        situation = _situation(turn, event, permit)
        if message.key in turn.aside:
            situation = replace(situation, aside=True)
        elif fresh:  # the usual wait is measured for a ticket's first message only
            usual = turn.usual_waits.get(hour_of(datetime.fromisoformat(message.received_at)), 0)
            situation = replace(situation, answer=declared_answer(turn, event) if alone else None, usual_wait=usual)
        answer = acknowledgement(situation, turn.connection.policy, turn.now)
        if not isinstance(answer, Acknowledge):
            return str(answer.reason)
        if isinstance(permit, Refusal):
            return permit.reason
        unwanted = event.author and unwelcome(self.ledger, turn, event.channel, event.author, message.key)
        return str(unwanted) if unwanted else (answer, permit)

    def send(self, turn: Turn, ack: Acknowledgement, *, first: bool) -> None:
        """Send the acknowledgement. `first`: its intent was recorded just now, so it cannot have been sent before."""
        state, sent, reason = self.sending.send(turn, ack.message, ack.permit, first=first)
        turn.settle(ack.message.key, state, sent.ids if sent else (), reason)
        if state == "failed":
            turn.waiting.add(ack.trigger.key)
            turn.acknowledge(sent=False)
            return
        turn.acknowledge()
        self.telemetry.count("Acknowledgements" if state == "sent" else "AcknowledgementsNotSent")

    def close_begun(self, turn: Turn) -> None:
        """Mark automatic texts left unfinished by a crashed worker as unknown; they are never resent.

        Agents' replies are checked when they are relayed again.
        """
        settled = {each[0] for each in turn.sent}
        for key in turn.thread.sending:
            if key.startswith(AUTOMATIC) and key not in settled and self.ledger.begun(turn.thread.key, key):
                turn.settle(key, "unknown", (), UNENDED)


def unwelcome(ledger: Ledger, turn: Turn, channel: str, author: Author, key: str) -> Reason | None:
    """Return why this person gets no automatic text, whatever the thread; None if they may get one.

    Where authors are unproved, anybody can enter somebody else's address repeatedly: all threads together share a
    daily budget for one address, spent once for each `key`.
    """
    if turn.channel.proves_authors:
        return Reason.OPTED_OUT if ledger.opted_out(channel, author.id) else None
    person = mailbox(author.email) if author.email else author.id
    spent = ledger.spend(channel, person, key, turn.connection.policy.replies_per_day)
    return None if spent else Reason.BUDGET


def _situation(turn: Turn, event: Event, permit: Permit | Refusal) -> Situation:
    """Return the facts on which acknowledging this event depends."""
    thread = turn.thread
    return Situation(
        event=event,
        permit=permit,
        reference=thread.reference,
        acknowledged_at=moment(thread.acknowledged_at) if thread.acknowledged_at else None,
        answered_at=moment(thread.answered_at) if thread.answered_at else None,
        automatic_replies=len([at for at in thread.acknowledgements if seconds(turn.now) - at < DAY]),
        praised=_praises(turn, event),
        incident=_in_incident(turn, event),
        ours=frozenset(value for value in turn.connection.settings.values() if "@" in value),
    )


def _praises(turn: Turn, event: Event) -> bool:
    """Return whether this message is praise to give thanks for: the policy has a text, and the ticket is not hot."""
    thanks = turn.connection.policy.judging.thanks.of(event.visibility)
    return bool(thanks) and HOT not in turn.thread.tags and assess(turn, event).praises


def _in_incident(turn: Turn, event: Event) -> bool:
    """Return whether a message is about an open incident."""
    trouble = assess(turn, event).trouble if turn.incidents else None
    return trouble is not None and any(concerns(topic, trouble) for topic in turn.incidents)


def _permit(turn: Turn, event: Event, last: datetime) -> Permit | Refusal:
    """Return the permit to acknowledge an event now, or the refusal."""
    if not isinstance(turn.channel, Replies):
        return Refusal("this channel cannot send")
    return turn.channel.terms.permit(
        event.visibility, automatic=True, last_inbound=last, now=turn.now, kind=event.thread_kind
    )

"""Keep praise, and noise under public posts, out of tickets where the policy says so; quote it in a later ticket."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from deskwire.care.noise import noise
from deskwire.contracts.helpdesk import Closes
from deskwire.model.events import Event, Kind
from deskwire.model.keys import compose
from deskwire.model.signals import Status

from . import wording
from .answering import agreed
from .decide import Pending, Plan, is_stale
from .entries import assess
from .ledger import Ledger
from .recorded import ASIDE, Outcome, Recorded
from .reminders import is_waiting
from .turn import Turn, is_inbound

PRAISE, NOISE = f"{ASIDE}: praise", f"{ASIDE}: noise"  # prefixes of the reasons
PRAISED = "praise"  # the tag of a ticket that holds praise alone


def set_aside(turn: Turn, item: Pending, event: Event) -> Pending:
    """Return the customer's message, with the reason if the policy gives it no ticket. A mirror sets nothing aside."""
    if turn.mirrors:
        return item
    rules = turn.connection.policy.judging
    if rules.noise != "ticket" and not agreed(turn, event) and (why := noise(event)):
        return dataclasses.replace(item, aside=f"{NOISE}, {why}")
    if rules.praise.ticket == "none" and not _ticket(turn) and _praises(turn, event):
        return dataclasses.replace(item, aside=PRAISE, praise=True)
    return item


def settle_waiting(turn: Turn, plan: Plan) -> None:
    """Record whether the customer now waits for an answer; not after words without a ticket, or praise to be solved."""
    wrote = [item.event for item in (*plan.file, *plan.heard) if item.event is not None and is_inbound(item.event)]
    if is_waiting(turn.before) or not (plan.aside or wrote):
        return
    if not wrote or _solves(turn, wrote):
        turn.rest()
    else:
        turn.wait_again()


def _solves(turn: Turn, events: Sequence[Event | None]) -> bool:
    """Return whether the policy solves a ticket with these messages: all of them are praise."""
    return turn.connection.policy.judging.praise.ticket == "solved" and all(_praises(turn, each) for each in events)


def quote(ledger: Ledger, turn: Turn, plan: Plan) -> None:
    """Quote the messages without a ticket in the customer's first message that is filed after them."""
    first = next((item.message for item in plan.file if is_inbound(item.event)), None)
    if first is None:
        return
    found = _copied(ledger, turn, plan) if turn.mirrors else _kept(ledger, turn, plan, first.received_at)
    if events := [each.event for each in found if each.event is not None]:
        turn.earlier_with = first.key
        turn.quoted = {each.key for each in found}
        turn.earlier = wording.quoted(sorted(events, key=lambda each: (each.occurred_at or turn.now, each.key)))


def _kept(ledger: Ledger, turn: Turn, plan: Plan, until: str) -> list[Recorded]:
    """Return the messages to quote, of this turn and of earlier ones.

    Leave out what was received after `until`, so that a repeated attempt files the same text.
    """
    earlier = [ledger.message(turn.thread.key, key) for key in turn.thread.kept]
    known = [*(each for each in earlier if each is not None), *_new(turn, plan)]
    return [each for each in known if each.received_at <= until]


def _copied(ledger: Ledger, turn: Turn, plan: Plan) -> list[Recorded]:
    """Return the messages that were quoted with these in the conversation that the mirror copies."""
    keys = dict.fromkeys(key for item in plan.file for each in item.members for key in each.message.quotes)
    found = [ledger.message(turn.thread.mirrors, key) for key in keys]
    return [each for each in found if each is not None]


def _new(turn: Turn, plan: Plan) -> list[Recorded]:
    """Return the messages of this turn that got no ticket and will be quoted later."""
    group = turn.connection.policy.judging.noise == "group"
    return [item.message for item in plan.aside if item.praise or group]


def keep(turn: Turn, plan: Plan) -> None:
    """Record which messages to quote later, and ask to solve a ticket that holds praise alone if the policy says so."""
    ended = {each.key: each for each in turn.outcomes}
    new = [each.key for each in _new(turn, plan) if each.key in ended and ended[each.key].aside]
    stands = turn.earlier_with in ended and ended[turn.earlier_with].state == Outcome.FILED
    done = _withdrawn(turn) | (turn.quoted if stands else set())
    left = [key for key in (*turn.thread.kept, *new) if key not in done]
    if left != list(turn.thread.kept):
        turn.keep(left)
    _solve_praise(turn, plan)


def _withdrawn(turn: Turn) -> set[str]:
    """Return the keys of messages deleted in this turn."""
    events = [each.event for each in turn.outcomes if each.event is not None]
    return {event.original for event in events if event.kind is Kind.DELETION}


def _solve_praise(turn: Turn, plan: Plan) -> None:
    """Ask to solve the ticket if it got praise alone, the customer was not waiting, and no agent has answered."""
    new = turn.before.answered_at == 0 or turn.before.status is Status.SOLVED or plan.follow_up
    if not new or is_waiting(turn.before) or not isinstance(turn.helpdesk, Closes) or not _praise_alone(turn, plan):
        return
    last = turn.thread.reply_to
    turn.rest()
    turn.note(compose(PRAISED, last), wording.praised(), tags=(PRAISED,), solves=last)


def _praise_alone(turn: Turn, plan: Plan) -> bool:
    """Return whether the customer's messages of this turn are all filed, and all praise that the policy solves."""
    wrote = _written(plan)
    filed = [each.event for each in turn.outcomes if each.key in wrote and each.state == Outcome.FILED]
    return bool(wrote) and len(filed) == len(wrote) and _solves(turn, filed)


def _written(plan: Plan) -> set[str]:
    """Return the keys of the customer's messages in the plan."""
    return {item.message.key for item in plan.file if item.event is not None and not item.event.own}


def _praises(turn: Turn, event: Event | None) -> bool:
    if event is None or event.kind is not Kind.MESSAGE or event.attachments:
        return False
    return assess(turn, event).praises


def _ticket(turn: Turn) -> bool:
    """Return whether the thread has an open ticket, to which praise is added."""
    thread, closed = turn.thread, turn.connection.policy.closed_tickets
    stale = is_stale(thread, turn.helpdesk.abilities, closed, turn.now)
    return bool(thread.ticket) and thread.status is not Status.SOLVED and not stale

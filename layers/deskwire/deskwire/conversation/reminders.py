"""Remind agents while a customer waits: an answer is due, is overdue, or will soon be impossible. Pure.

A clock is set when the customer writes and stops with an answer. When it runs out, the ticket gets a note, with the
changes that the policy's `escalation` asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from deskwire.care.clocks import ends, rule_for
from deskwire.care.policy import Policy
from deskwire.contracts.helpdesk import Abilities
from deskwire.contracts.terms import Terms
from deskwire.model.events import Event
from deskwire.model.keys import compose
from deskwire.model.signals import Status
from deskwire.model.tickets import Change

from . import wording
from .recorded import REMINDER, Recorded
from .table import moment, seconds
from .thread import Clock, Thread

WINDOW: Final = "window"  # the platform will soon take no answer
ANSWER: Final = "answer"  # an answer is due soon
OVERDUE: Final = "overdue"  # an answer is overdue
# The metric of each when it runs out.
METRICS: Mapping[str, str] = MappingProxyType(
    {WINDOW: "WindowsClosing", ANSWER: "AnswersDue", OVERDUE: "AnswersOverdue"}
)
NO_TICKET_PAUSE: Final = 300  # seconds after which a reminder for a thread without a ticket is tried again


def is_waiting(thread: Thread) -> bool:
    """Return whether the customer waits for an answer."""
    return is_unanswered(thread) and thread.status is not Status.SOLVED


def is_unanswered(thread: Thread) -> bool:
    """Return whether the customer has written since the last answer, whatever the ticket's status."""
    return thread.last_inbound > max(thread.answered_at, thread.rested_at)


def window_timer(before: Thread, thread: Thread, terms: Terms, policy: Policy, now: datetime) -> dict[str, int]:
    """Return the timer of the note that the platform will soon take no answer, if a new message sets it.

    It counts from the customer's last message. `before` is the thread before this turn.
    """
    if not is_unanswered(thread) or thread.last_inbound == before.last_inbound or not policy.window_note_minutes:
        return {}
    closes = closing_time(thread, terms)
    if closes is None or closes <= now:
        return {}
    at = policy.hours.last_open(closes - timedelta(minutes=policy.window_note_minutes), now)
    return {WINDOW: max(seconds(at), seconds(now))}


def answer_clock(
    before: Thread, messages: Iterable[tuple[Event, int, str]], policy: Policy, now: datetime
) -> tuple[Clock | None, dict[str, int]]:
    """Return the clock of the customer's answer after these messages, and the timers to set for it, if any.

    It runs from the first message since the last answer: writing again does not extend it. A message with a shorter
    time shortens it; a hot message starts it anew if it has run out for a message that was not hot. Each message is
    given as the event, when it was written (Unix seconds), and how it was judged.
    """
    clock, timers = before.clock if is_waiting(before) else None, {}
    for event, written_at, kind in messages:
        rule = rule_for(policy.answer_within, event.channel, kind)
        times = ends(rule, policy.hours, moment(written_at)) if rule is not None else None
        if rule is None or times is None:
            continue
        new = Clock(kind, written_at, seconds(times[1]), rule.minutes, rule.hours == "always")
        if clock is None or _replaces(new, clock, now):
            clock, timers = new, {ANSWER: seconds(times[0]), OVERDUE: seconds(times[1])}
    return clock, timers


def _replaces(new: Clock, clock: Clock, now: datetime) -> bool:
    """Return whether a message's clock replaces the present one, which may have run out."""
    return new.at < clock.at or (new.hot and not clock.hot and clock.at <= seconds(now))


def closing_time(thread: Thread, terms: Terms) -> datetime | None:
    """Return until when an agent can answer in this thread without a template; None: without limit."""
    rules = terms.rules(thread.thread_kind).sending.get(thread.visibility)
    spans = [window.span.value for window in rules.windows if not window.template] if rules is not None else []
    longest = max((span for span in spans if span is not None), default=None)
    if longest is None or None in spans:
        return None
    return moment(thread.last_inbound) + longest


def reminder(
    name: str, thread: Thread, terms: Terms, policy: Policy, abilities: Abilities, title: str, now: datetime
) -> Recorded | None:
    """Return the note for the ticket when the clock `name` has run out; None if it is too late for one.

    `title` is the channel's title.
    """
    clock = thread.clock
    if name == WINDOW:
        closes = closing_time(thread, terms)
        if closes is None or closes <= now:
            return None
        words = wording.window_closes(closes, title, template=_has_template(thread, terms))
        key = compose(REMINDER, name, str(thread.last_inbound))
        return Recorded(key=key, note=words, received_at=now.isoformat())
    if clock is None:  # set by an earlier version
        clock = Clock("mention", thread.last_inbound, seconds(now), _declared(policy, thread))
    change = _escalated(policy, abilities, overdue=name == OVERDUE)
    hand = "" if abilities.assigns else policy.escalation.group or policy.escalation.assignee
    return Recorded(
        key=compose(REMINDER, name, str(clock.at)),
        note=wording.answer_due(clock, overdue=name == OVERDUE, by_hand=hand if name == OVERDUE else ""),
        received_at=now.isoformat(),
        change=change,
        clock=clock,
        calls=name == OVERDUE and policy.escalation.calls(clock.kind),
    )


def _declared(policy: Policy, thread: Thread) -> int:
    rule = rule_for(policy.answer_within, thread.channel, "mention")
    return rule.minutes if rule is not None else 0


def _escalated(policy: Policy, abilities: Abilities, *, overdue: bool) -> Change:
    """Return the changes to the ticket when a clock has run out."""
    rules = policy.escalation
    if not overdue:
        return Change(tags=rules.due_tags)
    group, assignee = (rules.group, rules.assignee) if abilities.assigns else ("", "")
    return Change(rules.priority or "", rules.tags, group, assignee)


def _has_template(thread: Thread, terms: Terms) -> bool:
    rules = terms.rules(thread.thread_kind).sending.get(thread.visibility)
    return rules is not None and any(window.template for window in rules.windows)

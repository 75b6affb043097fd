"""What a thread's clocks say to the agents while a customer waits: an answer is due, or soon impossible.

A clock is set when the customer writes and ends with an answer. When it runs out, the ticket gets a note. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from deskwire.care.policy import Policy
from deskwire.contracts.terms import Terms
from deskwire.model.signals import Status

from . import wording
from .table import moment, seconds
from .thread import Thread

WINDOW: Final = "window"  # the platform will soon take no answer
ANSWER: Final = "answer"  # the customer is soon to be answered
OVERDUE: Final = "overdue"  # the customer should have been answered by now

# What each counts when it runs out.
METRICS: Mapping[str, str] = MappingProxyType(
    {WINDOW: "WindowsClosing", ANSWER: "AnswersDue", OVERDUE: "AnswersOverdue"}
)
WARNED: Final = 0.75  # of the time to answer has passed when the agents are reminded
NO_TICKET_PAUSE: Final = 300  # seconds after which a clock of a thread without a ticket looks again


def is_waiting(thread: Thread) -> bool:
    """Return whether the customer waits for an answer."""
    return thread.last_inbound > max(thread.answered_at, thread.rested_at) and thread.status is not Status.SOLVED


def clocks(before: Thread, thread: Thread, terms: Terms, policy: Policy, now: datetime) -> dict[str, int]:
    """Return the clocks that a customer's message has set, by name, as Unix seconds.

    A window is counted from the customer's last message, the time to answer from their first since the last answer:
    who writes again does not wait less. `before` is the thread as it was before this message.
    """
    if not is_waiting(thread) or thread.last_inbound == before.last_inbound:
        return {}
    found: dict[str, int] = {}
    closes = closing_time(thread, terms)
    if closes is not None and policy.window_note_minutes and closes > now:
        at = policy.hours.last_open(closes - timedelta(minutes=policy.window_note_minutes), now)
        found[WINDOW] = max(seconds(at), seconds(now))
    if policy.answer_within_minutes and not is_waiting(before):
        found |= {name: seconds(at) for name, at in _answer_times(thread, policy)}
    return found


def closing_time(thread: Thread, terms: Terms) -> datetime | None:
    """Return until when an agent can answer in this thread without a template; None: there is no such end."""
    rules = terms.rules(thread.thread_kind).sending.get(thread.visibility)
    spans = [window.span.value for window in rules.windows if not window.template] if rules is not None else []
    longest = max((span for span in spans if span is not None), default=None)
    if longest is None or None in spans:
        return None
    return moment(thread.last_inbound) + longest


def _answer_times(thread: Thread, policy: Policy) -> Iterator[tuple[str, datetime]]:
    within = timedelta(minutes=policy.answer_within_minutes)
    for name, span in ((ANSWER, within * WARNED), (OVERDUE, within)):
        at = policy.hours.after(moment(thread.last_inbound), span)
        if at is not None:
            yield name, at


def note(name: str, thread: Thread, terms: Terms, policy: Policy, title: str, now: datetime) -> str:
    """Return the words for the ticket when a clock has run out, empty when it is too late for them.

    `title` is the channel's.
    """
    if name == WINDOW:
        closes = closing_time(thread, terms)
        too_late = closes is None or closes <= now
        return "" if too_late else wording.window_closes(closes, title, template=_has_template(thread, terms))
    return wording.answer_due(policy.answer_within_minutes, overdue=name == OVERDUE)


def _has_template(thread: Thread, terms: Terms) -> bool:
    rules = terms.rules(thread.thread_kind).sending.get(thread.visibility)
    return rules is not None and any(window.template for window in rules.windows)

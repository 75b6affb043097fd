"""Decide when to ask a customer how satisfied they are, and which message is the rating. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from deskwire.care.policy import Policy
from deskwire.care.survey import Rating, rating_in
from deskwire.contracts.terms import Permit, Refusal, Terms
from deskwire.model.choices import question_of
from deskwire.model.events import Event, Visibility
from deskwire.model.keys import compose
from deskwire.model.signals import Status

from .table import DAY, moment, seconds
from .thread import OPEN, Asked, Thread

SURVEY: Final = "survey"  # the timer's name, and the prefix of the questions' keys
AGAIN: Final = 300  # seconds until a question that could not be asked is tried again
TOO_LATE: Final = DAY  # after its time: then it is no longer asked
VALUES: Final = tuple("12345")


def survey_key(thread: Thread) -> str:
    """Return the key under which the question about the present ticket is sent."""
    return compose(SURVEY, thread.filing_key)


def considered(thread: Thread) -> bool:
    """Return whether it is settled that the customer was asked about the present ticket, or will not be."""
    return thread.survey is not None and thread.survey.key == survey_key(thread)


def survey_timer(before: Thread, thread: Thread, policy: Policy, terms: Terms, now: datetime) -> int:
    """Return when to ask the customer of a solved ticket (Unix seconds); 0: not at all.

    `before` is the thread before the turn. If the platform would no longer take the question by then, ask right away.
    """
    if not policy.survey.asks(thread.channel) or considered(thread):
        return 0
    if at := thread.timers.get(SURVEY, 0):
        return at if at > seconds(now) else seconds(now) + AGAIN
    if before.status is Status.SOLVED:  # solved before the policy had a survey
        return 0
    at = max(thread.status_at + policy.survey.after_minutes * 60, seconds(now))
    late = isinstance(permit(terms, thread, moment(at)), Refusal)
    return seconds(now) if late and isinstance(permit(terms, thread, now), Permit) else at


def is_asked(thread: Thread, now: datetime) -> bool:
    """Return whether the customer is to be asked now."""
    at = thread.timers.get(SURVEY, 0)
    return 0 < at <= seconds(now)


def too_late(thread: Thread, policy: Policy, now: datetime) -> bool:
    """Return whether a delayed question is too old to be asked."""
    return seconds(now) > thread.status_at + policy.survey.after_minutes * 60 + TOO_LATE


def permit(terms: Terms, thread: Thread, at: datetime) -> Permit | Refusal:
    """Return the permit to ask in private at this time, by a private reply if the thread is public; or the refusal."""
    return terms.permit(
        Visibility.PRIVATE,
        automatic=True,
        last_inbound=moment(thread.last_inbound) if thread.last_inbound else None,
        now=at,
        private_reply=thread.visibility is Visibility.PUBLIC,
        kind=thread.thread_kind,
    )


def rating_of(thread: Thread, event: Event, policy: Policy, now: datetime) -> Rating | None:
    """Return the rating in a customer's message, if it certainly answers the thread's open question."""
    asked = thread.survey
    if asked is None or event.own or event.visibility is Visibility.PUBLIC:
        return None
    if event.choice is not None:
        ours = event.choice.question == question_of(asked.key) and event.choice.value in VALUES
        return Rating(int(event.choice.value)) if ours else None
    return rating_in(event.text) if _listens(thread, asked, event, policy, now) else None


def _listens(thread: Thread, asked: Asked, event: Event, policy: Policy, now: datetime) -> bool:
    """Return whether a number written now would be an answer to the question.

    Not after the conversation went on, and not from another person. A customer asked by a private reply to a public
    comment answers under another id, in a conversation that continues in this thread.
    """
    if asked.state not in OPEN or event.attachments or event.stars or event.suspicion:
        return False
    went_on = thread.status is not Status.SOLVED or thread.answered_at > asked.at
    late = now - moment(asked.at) > timedelta(hours=policy.survey.answer_hours)
    theirs = thread.is_of(event.author_ids) or thread.visibility is Visibility.PUBLIC
    return theirs and not (went_on or late)

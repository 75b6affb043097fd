"""The named timers of a thread, each with what it does when it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .reminders import METRICS
from .surveys import SURVEY, is_asked
from .table import seconds
from .thread import Thread

RETRY: Final = "retry"  # retry what is pending
ATTACHMENTS: Final = "attachments"  # retry what could not be fetched
GUARD: Final = "guard"  # retry to hide what holds private matters


def _retry(thread: Thread) -> Thread:
    """Leave the thread as it is: what is pending is worked on in every turn."""
    return thread


def _fetch(thread: Thread) -> Thread:
    """Make the missing attachments pending."""
    pending = tuple(dict.fromkeys([*thread.pending, *thread.missing]))
    return thread.model_copy(update={"pending": pending, "missing": ()})


HANDLERS: Mapping[str, Callable[[Thread], Thread]] = MappingProxyType(
    {RETRY: _retry, ATTACHMENTS: _fetch, GUARD: _retry}
)


def fired(thread: Thread, now: datetime) -> Thread:
    """Return the thread after the timers that are due, or not set, have done their work; the others stay set.

    So do reminders that are due, and the question how content the customer is, until the turn has dealt with them.
    """
    left = {name: at for name, at in thread.timers.items() if at > seconds(now) or name in {SURVEY, *METRICS}}
    for name, handler in HANDLERS.items():
        if name not in left:
            thread = handler(thread)
    return thread.model_copy(update={"timers": left})


def acts(thread: Thread, now: datetime) -> bool:
    """Return whether something is to be done now, although no message is pending."""
    return reminds(thread, now) or guards(thread) or is_asked(thread, now)


def guards(thread: Thread) -> bool:
    """Return whether something is to be done now about private matters."""
    return any(guard.todo for guard in thread.guards) and GUARD not in thread.timers


def reminds(thread: Thread, now: datetime) -> bool:
    """Return whether the agents are to be reminded of something now."""
    return any(name in METRICS and at <= seconds(now) for name, at in thread.timers.items())


def without_reminders(thread: Thread) -> dict[str, int]:
    """Return the thread's timers beside `retry`, its reminders and the question how content the customer is."""
    return {name: at for name, at in thread.timers.items() if name not in {RETRY, SURVEY, *METRICS}}


def wound(thread: Thread, others: Mapping[str, int] | None, retry_at: int) -> dict[str, int]:
    """Return the timers as a turn leaves them: `retry`, if there is a time for it, and the others, which None keeps.

    The earliest of them is when the thread is due.
    """
    kept = {name: at for name, at in thread.timers.items() if name != RETRY} if others is None else dict(others)
    return kept | ({RETRY: retry_at} if retry_at else {})

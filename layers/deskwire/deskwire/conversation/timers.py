"""A thread's named timers, and what each does when it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .reminders import METRICS
from .surveys import SURVEY, is_asked
from .table import seconds
from .thread import Thread

RETRY: Final = "retry"  # retry pending messages
ATTACHMENTS: Final = "attachments"  # retry to fetch missing attachments
GUARD: Final = "guard"  # retry to hide messages with private matters


def _retry(thread: Thread) -> Thread:
    """Return the thread unchanged: every turn handles pending messages anyway."""
    return thread


def _fetch(thread: Thread) -> Thread:
    """Return the thread with its missing attachments pending."""
    pending = tuple(dict.fromkeys([*thread.pending, *thread.missing]))
    return thread.model_copy(update={"pending": pending, "missing": ()})


HANDLERS: Mapping[str, Callable[[Thread], Thread]] = MappingProxyType(
    {RETRY: _retry, ATTACHMENTS: _fetch, GUARD: _retry}
)


def fire(thread: Thread, now: datetime) -> Thread:
    """Return the thread after running the handlers of all timers that are due or not set; the others stay set.

    Reminders and the survey stay set even when due, until the turn has handled them.
    """
    left = {name: at for name, at in thread.timers.items() if at > seconds(now) or name in {SURVEY, *METRICS}}
    for name, handler in HANDLERS.items():
        if name not in left:
            thread = handler(thread)
    return thread.model_copy(update={"timers": left})


def acts(thread: Thread, now: datetime) -> bool:
    """Return whether the thread needs a turn now even if no message is pending."""
    return reminds(thread, now) or guards(thread) or is_asked(thread, now)


def guards(thread: Thread) -> bool:
    """Return whether something is to be done about private matters now."""
    return any(guard.todo for guard in thread.guards) and GUARD not in thread.timers


def reminds(thread: Thread, now: datetime) -> bool:
    """Return whether a reminder is due now."""
    return any(name in METRICS and at <= seconds(now) for name, at in thread.timers.items())


def without_reminders(thread: Thread) -> dict[str, int]:
    """Return the thread's timers except `retry`, the reminders and the survey."""
    return {name: at for name, at in thread.timers.items() if name not in {RETRY, SURVEY, *METRICS}}


def with_retry(thread: Thread, others: Mapping[str, int] | None, retry_at: int) -> dict[str, int]:
    """Return the timers at the end of a turn: `retry` if `retry_at` is not 0, and `others` (None: as they were).

    The thread is due at the earliest of them.
    """
    kept = {name: at for name, at in thread.timers.items() if name != RETRY} if others is None else dict(others)
    return kept | ({RETRY: retry_at} if retry_at else {})

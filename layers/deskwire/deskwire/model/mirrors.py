"""Keys of mirrors: a mirror is a conversation's second thread, which copies filed messages into another helpdesk."""

from __future__ import annotations

from .keys import compose, decompose

PLACE = "mirror"  # the first part of mirrors' keys; no channel has this name
PARTS = 3  # of a mirror's key
ENDS = {"M#": "filed", "S#": "sent"}  # the state in which a message, or a sent text, is copied


def mirror_thread(helpdesk: str, thread_key: str) -> str:
    """Return the key of a conversation's mirror in a helpdesk."""
    return compose(PLACE, helpdesk, thread_key)


def is_mirror(thread_key: str) -> bool:
    """Return whether a thread is a mirror."""
    return thread_key.startswith(f"{PLACE}/")


def mirrored(thread_key: str) -> tuple[str, str]:
    """Return a mirror's helpdesk and conversation; "" and the key itself for any other thread.

    Both are "" for a mirror's key above the limit, whose ids are lost.
    """
    if not is_mirror(thread_key):
        return "", thread_key
    parts = decompose(thread_key)
    return (parts[1], parts[2]) if len(parts) == PARTS else ("", "")


def is_to_be_copied(sk: str, state: str) -> bool:
    """Return whether an item that names a mirror is to be copied now: a filed message, or a sent text."""
    return ENDS.get(sk[:2]) == state

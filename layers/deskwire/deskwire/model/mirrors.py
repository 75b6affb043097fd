"""Mirrors: the second thread of a conversation, by which what is filed is copied into another helpdesk."""

from __future__ import annotations

from .keys import compose, decompose

PLACE = "mirror"  # the keys of mirrors begin so: no channel has this name
PARTS = 3  # of such a key
ENDS = {"M#": "filed", "S#": "sent"}  # the state in which a message, and an answer, is copied


def mirror_thread(helpdesk: str, thread_key: str) -> str:
    """Return the key of a conversation's mirror in a helpdesk."""
    return compose(PLACE, helpdesk, thread_key)


def is_mirror(thread_key: str) -> bool:
    """Return whether a thread is a mirror."""
    return thread_key.startswith(f"{PLACE}/")


def mirrored(thread_key: str) -> tuple[str, str]:
    """Return the helpdesk and the conversation of a mirror; of any other thread no helpdesk, and itself.

    Both are empty for an over-long key, whose ids are lost.
    """
    if not is_mirror(thread_key):
        return "", thread_key
    parts = decompose(thread_key)
    return (parts[1], parts[2]) if len(parts) == PARTS else ("", "")


def is_to_be_copied(sk: str, state: str) -> bool:
    """Return whether an item that names a mirror is to be copied there: a filed message, an answer that was sent."""
    return ENDS.get(sk[:2]) == state

"""A conversation's mirror: how it begins, and what is copied into it of what was said to the customer."""

from __future__ import annotations

from typing import Any

from .thread import Thread
from .turn import Turn

ENDED = "its conversation is no longer copied into this helpdesk"


def beginning(helpdesk: str, thread_key: str, first: Thread | None) -> dict[str, Any]:
    """Return what a mirror knows from its beginning: what it copies, and where no event says so whose it is.

    `first` is the conversation: by its customer an erasure finds the mirror, whoever dies.
    """
    begins: dict[str, Any] = {"helpdesk": helpdesk, "mirrors": thread_key}
    if first is None:
        return begins
    known = {"channel": first.channel, "account": first.account, "thread": first.thread}
    return begins | known | {"visibility": str(first.visibility), "author": dict(first.author)}


def copied(turn: Turn, words: str) -> dict[str, str]:
    """Return what the record of something said holds for the mirror, which gets it once it was sent."""
    if not turn.mirror:
        return {}
    turn.copies()
    return {"mirror": turn.mirror, "words": words}

"""A conversation's mirror: how it begins, and what is copied into it of what was said to the customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deskwire.model.keys import digest

from .recorded import Kept
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


def copied(turn: Turn, words: str, files: Sequence[Kept] = ()) -> dict[str, Any]:
    """Return what the record of something said holds for the mirror, which gets it once it was sent."""
    if not turn.mirror:
        return {}
    turn.copies()
    kept = {"files": [list(each) for each in files]} if files else {}
    return {"mirror": turn.mirror, "words": words, **kept}


def shelf(thread_key: str) -> str:
    """Return below what name the archive has the files of a conversation's answers as long as a copy is tried."""
    return f"copied/{digest(thread_key)}"

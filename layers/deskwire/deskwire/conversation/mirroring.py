"""Begin a conversation's mirror, and describe what is copied into it of texts sent to the customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deskwire.model.keys import digest

from .recorded import Kept
from .thread import Thread
from .turn import Turn

ENDED = "its conversation is no longer copied into this helpdesk"


def beginning(helpdesk: str, thread_key: str, first: Thread | None) -> dict[str, Any]:
    """Return a new mirror's fields: what it copies, and if no event states it, the customer.

    `first` is the conversation: an erasure finds the mirror by its customer.
    """
    begins: dict[str, Any] = {"helpdesk": helpdesk, "mirrors": thread_key}
    if first is None:
        return begins
    known = {"channel": first.channel, "account": first.account, "thread": first.thread}
    return begins | known | {"visibility": str(first.visibility), "author": dict(first.author)}


def copied(turn: Turn, words: str, files: Sequence[Kept] = ()) -> dict[str, Any]:
    """Return the fields of a text's record from which the mirror's copy is made once it was sent."""
    if not turn.mirror:
        return {}
    turn.copies()
    kept = {"files": [list(each) for each in files]} if files else {}
    return {"mirror": turn.mirror, "words": words, **kept}


def shelf(thread_key: str) -> str:
    """Return the archive's folder for the files of a conversation's answers until they are copied."""
    return f"copied/{digest(thread_key)}"

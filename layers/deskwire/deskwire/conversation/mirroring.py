"""A conversation's mirror: how it begins, and until when it goes on."""

from __future__ import annotations

from typing import Any

from .thread import Thread

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

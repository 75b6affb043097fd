"""A conversation's mirror: how it begins, and what its messages quote of the conversation."""

from __future__ import annotations

from typing import Any

from .ledger import Ledger
from .recorded import Recorded

ENDED = "its conversation is no longer copied into this helpdesk"


def beginning(ledger: Ledger, helpdesk: str, thread_key: str, message: Recorded) -> dict[str, Any]:
    """Return what a mirror knows from its beginning: what it copies, and for a note the account."""
    begins: dict[str, Any] = {"helpdesk": helpdesk, "mirrors": thread_key}
    first = ledger.thread(thread_key) if message.event is None else None
    if first is None:
        return begins
    known = {"channel": first.channel, "account": first.account, "thread": first.thread}
    return begins | known | {"visibility": str(first.visibility)}

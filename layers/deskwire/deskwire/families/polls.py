"""What the polls of helpdesks share whose cursor is a number that grows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from deskwire.contracts.helpdesk import FIRST_LOOK
from deskwire.web.reading import Node

from .ids import required_id


def begin(newest: Iterable[Node], when: str, now: datetime) -> str:
    """Return the id of the newest row that is older than `FIRST_LOOK`: the first poll begins after it.

    `newest` are the latest rows, the newest first, and `when` is the field with their time. Where all of them are
    younger, the poll begins with the oldest of them.
    """
    number = 1
    for row in newest:
        number, moment = int(required_id(row["id"], "polling")), row[when].iso()
        if moment is None or now - moment >= FIRST_LOOK:
            return str(number)
    return str(number - 1)

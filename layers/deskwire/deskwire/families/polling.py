"""Polling: where it begins, tickets that cannot be read hold up no other, what is listed twice is signalled once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from deskwire.contracts.helpdesk import FIRST_LOOK, Signals, TicketGone
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.keys import digest
from deskwire.web.reading import Node

from .ids import required_id

if TYPE_CHECKING:
    from datetime import datetime

    from deskwire.contracts.connector import Reach
    from deskwire.model.signals import Signal

IN_A_ROW = 3  # failures after which the helpdesk is in trouble, not a ticket
SPAN = 25.0  # seconds after which no further ticket is begun: two slow calls later a poll still ends in its minute
MOST = 500  # tickets set aside, with which no further ones are asked for
SEPARATOR = " aside:"
TOLD = " told:"
DIGITS = 12  # of a signal's digest in a cursor
KEPT = 2_000  # digests in a cursor
ERRORS = (TemporaryError, ConfigurationError, PermanentError, PayloadError)
clock = time.monotonic


def polled(
    cursor: str,
    changed: Callable[[str], tuple[Mapping[str, str], str]],
    look: Callable[[str, str], Iterable[Signal]],
    reach: Reach,
) -> Signals:
    """Look at each ticket that changed since the cursor; return the signals, each once, and the next cursor.

    `changed` is given the connector's own cursor. It returns the tickets, each with where `look` is to begin, and its
    next cursor. A ticket that cannot be read is counted. It is set aside in the cursor and looked at again by the next
    poll, as are those that no time was left for. Raises the error of a ticket where the first three fail by an outage:
    then the helpdesk is in trouble, and the cursor stays. What is refused, such as issues that were made private, is
    no outage.
    """
    until = clock() + SPAN
    own, _, rest = cursor.partition(SEPARATOR)
    aside: dict[str, str] = {each.partition("@")[0]: each.partition("@")[2] for each in rest.split(",") if each}
    wanted: Mapping[str, str] = {}
    if len(aside) < MOST:
        wanted, own = changed(own)
    signals: dict[str, Signal] = {}
    later = dict(aside)  # those that were tried move to its end
    fresh = {ticket: since for ticket, since in wanted.items() if ticket not in aside}
    for tickets in (fresh, aside):
        read, failed = 0, 0
        for ticket, since in tickets.items():
            if failed == IN_A_ROW or clock() > until:
                later.setdefault(ticket, since)
                continue
            later.pop(ticket, None)
            try:
                signals |= {each.key: each for each in look(ticket, since)}
            except TicketGone:
                pass
            except ERRORS as error:
                later[ticket] = since
                failed += isinstance(error, TemporaryError)
                if failed == IN_A_ROW and not read and tickets is fresh:
                    raise
                reach.left_out(f"polling ticket {ticket} ({error})", Node(None, "answer"))
                continue
            read, failed = read + 1, 0
    return Signals(tuple(signals.values()), own + _written(later))


def _written(aside: Mapping[str, str]) -> str:
    return f"{SEPARATOR}{','.join(f'{ticket}@{since}' for ticket, since in aside.items())}" if aside else ""


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


def recalled(cursor: str) -> tuple[str, Sequence[str]]:
    """Return the connector's own cursor, and the digests of the signals that polls told since then."""
    own, _, told = cursor.partition(TOLD)
    return own, told.split(",") if told else ()


def afresh(signals: Iterable[Signal], own: str, told: Sequence[str], *, all_listed: bool = True) -> Signals:
    """Return the signals that were not told yet, and the cursor that holds which were told by now.

    So a poll can list again what polls before it listed, as far back as something may be listed late. `all_listed`:
    this poll listed everything since its cursor `own`; else what was told before is kept as well.
    """
    # Pages overlap, so one may be here twice; where the two differ, it was read oddly once.
    found = {(digest(each.key)[:DIGITS], each.about, each.status, each.assignee): each for each in signals}
    before = frozenset(told)
    fresh = tuple(each for (mark, *_), each in found.items() if mark not in before)
    known = list(dict.fromkeys((*(() if all_listed else told), *(mark for mark, *_ in found))))
    return Signals(fresh, f"{own}{TOLD}{','.join(known[-KEPT:])}" if known else own)

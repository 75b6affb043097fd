"""What agents did in our tickets since a look before, by Request Tracker's transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from deskwire.contracts.helpdesk import Signals
from deskwire.families.ids import id_of, numbered
from deskwire.families.lists import known, listed
from deskwire.model.signals import Signal
from deskwire.web.reading import Node

from .api import Tracker, quoted
from .standing import TOLD, stood, tells
from .tickets import THREAD

WHAT = "polling"
SETTLES = timedelta(seconds=60)  # no request of RT's leaves a transaction uncommitted for longer
PAGE = 100  # the most that RT gives
PAGES = 10  # of one look: an hour's mail after an outage of RT's, or a bulk update
TOGETHER = 50  # tickets asked about in one request

Make = Callable[[str, str, str, "datetime | None"], Signal]  # of an account, a ticket, a transaction and its time


def news(tracker: Tracker, cursor: str, make: Make) -> Signals:
    """Return what others did in our tickets since the transaction `cursor`, and the next cursor."""
    changes = _changes(tracker, cursor)
    telling = known([row for row in changes if tells(row, tracker.reach)], WHAT, tracker.reach, "ObjectId")
    told = [(row, id_of(row["ObjectId"])) for row in telling]
    ours = _ours(tracker, {ticket for _, ticket in told})
    account = tracker.reach.account
    return Signals(
        [
            stood(tracker, row, make(account, ticket, id_of(row["id"]), row["Created"].iso()))
            for row, place in told
            for ticket in ours.get(place, ())
        ],
        _settled(cursor, changes, tracker.reach.now),
    )


def _changes(tracker: Tracker, cursor: str) -> list[Node]:
    """Return the transactions that may concern us, as many as one look takes, the oldest first."""
    found: list[Node] = []
    for _ in range(PAGES):
        shown = tracker.get(
            "transactions",
            what=WHAT,
            query=f"ObjectType = 'RT::Ticket' AND id > {cursor} AND Creator != {quoted(tracker.user)} AND {TOLD}",
            orderby="id",
            per_page=str(PAGE),
            fields="Created,Type,OldValue,NewValue,ObjectId",
        )
        rows = listed(shown["items"], WHAT)
        readable = known(rows, WHAT, tracker.reach)
        found += readable
        if len(rows) < PAGE or not readable:
            break
        cursor = id_of(readable[-1]["id"])
    return found


def _ours(tracker: Tracker, tickets: Iterable[str]) -> dict[str, list[str]]:
    """Return our tickets by the ticket that a transaction names: each that is part of the same one today.

    A transaction keeps the ticket it was made in, also when that one is merged: so first its survivor is asked for.
    """
    today = _survivors(tracker, "id", tickets, "")
    found: dict[str, list[str]] = {}
    marked = f" AND 'CF.{{{THREAD}}}' IS NOT NULL"
    for ticket, survivor in _survivors(tracker, "EffectiveId", today.values(), marked).items():
        found.setdefault(survivor, []).append(ticket)
    return {ticket: found.get(survivor, []) for ticket, survivor in today.items()}


def _survivors(tracker: Tracker, column: str, numbers: Iterable[str], condition: str) -> dict[str, str]:
    """Return the ticket that each one is part of today, of those with one of the numbers in a column.

    `EffectiveId` in a query makes RT list those that were merged away, too.
    """
    found: dict[str, str] = {}
    every = sorted(set(numbers), key=int)
    for start in range(0, len(every), TOGETHER):
        any_of = " OR ".join(f"{column} = {number}" for number in every[start : start + TOGETHER])
        rows = tracker.get(
            "tickets",
            what=WHAT,
            query=f"EffectiveId > 0 AND ({any_of}){condition}",
            orderby="id",
            per_page=str(PAGE),
            fields="EffectiveId",
        )
        for row in known(listed(rows["items"], WHAT), WHAT, tracker.reach):
            effective = row["EffectiveId"]
            survivor = id_of(effective["id"]) or id_of(effective)  # an object when asked singly
            if survivor:
                found[id_of(row["id"])] = survivor
            else:
                tracker.reach.left_out(WHAT, effective)
    return found


def _settled(cursor: str, changes: Sequence[Node], now: datetime) -> str:
    """Return up to which transaction nothing is to come any more: what is younger is told again by the next look.

    RT gives a transaction its number before it commits it, so that a lower one may appear after a higher one.
    """
    for row in changes:
        moment = row["Created"].iso()
        if moment is not None and abs(now - moment) < SETTLES:  # a clock of RT's that is ahead holds nothing up
            break
        cursor = numbered(id_of(row["id"]))
    return cursor

"""Which tickets of BottleCRM a poll looks at: those of its list of activities, and where that is too short, all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from deskwire.contracts.helpdesk import FIRST_LOOK
from deskwire.families.lists import known, listed
from deskwire.model.errors import PermanentError
from deskwire.model.values import dataclass
from deskwire.web.reading import Node

from .api import Api, id_of

WHAT = "polling"
SETTLES = timedelta(seconds=60)  # in which something older may still become visible
ROWS = 50  # the most that the list of activities gives; it has no second page (common/views/dashboard_views.py)
LOOKS = 100  # tickets of a round in one poll
PAGES = 5  # of tickets, in one poll, where those on a page were looked at before
NEWEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a connection was polled, in times of BottleCRM's own clock.

    Up to `since` nothing is missing. A round over all our tickets, the newest first, looks for what the list of
    activities did not hold any more: `place` says when the last ticket that it looked at was made (None: no round),
    `offset` where that stood. The list was read up to `head`; from `missed` on it was too short again (None: never).
    """

    since: datetime
    head: datetime
    missed: datetime | None = None
    offset: int = 0
    place: datetime | None = None

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Return what `written` wrote. Raises `PermanentError` for anything else."""
        since, *rest = text.split("|")
        try:
            if not rest:
                return cls(_moment(since), _moment(since))
            head, missed, offset, place = rest
            gap = _moment(missed) if missed else None
            return cls(_moment(since), _moment(head), gap, int(offset), _moment(place))
        except ValueError:
            raise PermanentError("that is no cursor of BottleCRM") from None

    def written(self) -> str:
        """Return it as a text: without a round, one time."""
        if self.place is None:
            return self.since.isoformat()
        missed = self.missed.isoformat() if self.missed else ""
        return "|".join(
            (self.since.isoformat(), self.head.isoformat(), missed, str(self.offset), self.place.isoformat())
        )


def begun(api: Api) -> str:
    """Return the cursor of the first poll."""
    moments = [moment for row in _activities(api) if (moment := row["timestamp"].iso()) is not None]
    return (max(moments, default=api.reach.now) - FIRST_LOOK).isoformat()


def changed(api: Api, text: str) -> tuple[Mapping[str, str], str]:
    """Return the tickets that are to be looked at, each with the time from which on, and the next cursor."""
    cursor, rows = Cursor.read(text), _activities(api)
    moments = [moment for row in rows if (moment := row["timestamp"].iso()) is not None]
    fresh = [row for row in rows if (moment := row["timestamp"].iso()) is not None and moment > cursor.head]
    wanted = {
        id_of(row["entity_id"]): cursor.head.isoformat()
        for row in known(fresh, WHAT, api.reach, "entity_id", id_of)
        if row["user"]["id"].any_id() != api.user
    }
    short = len(rows) >= ROWS and bool(moments) and min(moments) > cursor.head
    head = max([cursor.head, *(each for each in moments if abs(api.reach.now - each) >= SETTLES)])
    if cursor.place is None and not short:
        return wanted, head.isoformat()
    place, missed = cursor.place, cursor.missed
    if place is None:
        place, head = NEWEST, max(head, max(moments) - SETTLES)
    elif short:
        missed = missed or cursor.head
    tickets, offset, place = _round(api, cursor.offset, place)
    wanted |= dict.fromkeys(tickets, cursor.since.isoformat())
    if place is not None:
        return wanted, Cursor(cursor.since, head, missed, offset, place).written()
    return wanted, (missed or head).isoformat()


def _round(api: Api, offset: int, place: datetime) -> tuple[Sequence[str], int, datetime | None]:
    """Return the next tickets of a round, where the last of them stands, and when it was made; None after the last.

    New tickets move all others towards the end of the list, so some may be listed twice. Where one was taken out, those
    behind it moved forward: then the page begins behind `place`, and an earlier one is read.
    """
    for _ in range(PAGES):
        query = {"slim": "true", "show_merged": "true", "search": "[dw-", "limit": str(LOOKS), "offset": str(offset)}
        rows = listed(api.get("cases/", WHAT, **query)["cases"], WHAT)
        made = [row["created_at"].iso() or place for row in rows]
        if offset and (not made or made[0] < place):
            offset = max(0, offset - LOOKS)
            continue
        new = [row for row, at in zip(rows, made, strict=True) if at <= place]
        offset += max(0, len(rows) - 1)
        if len(rows) < LOOKS or new:
            last = None if len(rows) < LOOKS else min(made)
            return [id_of(row["id"]) for row in known(new, WHAT, api.reach, "id", id_of)], offset, last
    return [], offset, place


def _activities(api: Api) -> list[Node]:
    """Return the newest activities of all tickets, the newest first; a time that cannot be read is reported."""
    rows = listed(api.get("activities/", WHAT, entity_type="Case", limit=str(ROWS))["activities"], WHAT)
    for row in rows:
        if row["timestamp"].iso() is None:
            api.reach.left_out(WHAT, row["timestamp"])
    return rows


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

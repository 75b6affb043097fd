"""How tickets of Vtiger stand, and the names of the people who have them."""

from __future__ import annotations

from datetime import datetime, timedelta

from deskwire.contracts.helpdesk import Signals
from deskwire.model.errors import Concern, TemporaryError
from deskwire.model.signals import About, Signal, shown_as
from deskwire.web.reading import Node

from .api import HOUR, RECORD, TIME, DeniedError, Service, clock_of, is_of, quoted, value
from .earlier import OVER

SETTLES = timedelta(seconds=60)  # in which an earlier change may still become visible
PAGE = 100


def stood(service: Service, since: str) -> Signals:
    """Return how each ticket of ours stands that changed since then, the earliest first; a minute is told again."""
    prefix, field = service.module("HelpDesk")
    rows = service.rows(
        "id,ticketstatus,assigned_user_id,modifiedtime",
        "HelpDesk",
        f"modifiedtime > {quoted(since)}",
        f"{field} LIKE 'dw-%'",
        what="polling",
        order="modifiedtime",
        most=PAGE,
    )
    told = [(row, at) for row in rows if is_of(row["id"], prefix) and (at := clock_of(row["modifiedtime"])) is not None]
    for row in rows:
        if not is_of(row["id"], prefix) or clock_of(row["modifiedtime"]) is None:
            service.reach.left_out("polling", row["modifiedtime" if is_of(row["id"], prefix) else "id"])
    signals = [_stood(service, row, at) for row, at in told]
    times = [at for _, at in told]
    if not times:
        return Signals(signals, since)
    if len(rows) < PAGE:
        return Signals(signals, max(since, f"{max(times) - SETTLES:{TIME}}"))
    # Its own second again, for what else was changed in it. Where all of a page was, the rest of that second is lost.
    last = f"{max(times) - timedelta(seconds=1):{TIME}}"
    return Signals(signals, last if last > since else f"{max(times):{TIME}}")


def _stood(service: Service, row: Node, clock: datetime) -> Signal:
    ticket = value(row["id"])
    # A group has no agent, and our user owns what nobody took.
    owner, people = value(row["assigned_user_id"]), service.user.partition("x")[0]
    agent = owner if owner.partition("x")[0] == people and owner != service.user else ""
    return Signal(
        helpdesk="vtiger",
        account=service.reach.account,
        about=About.STATUS,
        object_id=f"poll-{ticket}",
        version=f"{clock:{TIME}}",
        ticket=ticket,
        occurred_at=service.moment(row["modifiedtime"]),
        **shown_as(solved=value(row["ticketstatus"]) in OVER, agent=agent, name=name_of(service, agent)),
    )


def name_of(service: Service, user: str) -> str:
    """Return the name of a member of staff; empty where our user may not see it, as none but an administrator may."""
    if not RECORD.fullmatch(user):
        return ""

    def look() -> tuple[str, float]:
        try:
            rows = service.rows("first_name,last_name", "Users", f"id = {quoted(user)}", what="reading an author")
        except DeniedError:
            return "", HOUR
        except TemporaryError as error:
            if error.concerns is Concern.ACCOUNT:
                raise
            return "", HOUR  # a fault of the server's code: the answer goes out without its author's name
        names = [value(rows[0][name]) for name in ("first_name", "last_name")] if rows else []
        return " ".join(filter(None, names)), HOUR

    return service.reach.remember(f"vtiger/{service.reach.account}/user/{user}", look)

"""Agents' answers in Vtiger: which comments they are, and how tickets with new ones are found.

A look goes by the comments' ids, which rise. Times are whole seconds of Vtiger's own zone, and may repeat for an hour a
year. A comment may become visible after one with a higher id, so ids settle for a minute before they are passed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, Signals
from deskwire.families.lists import known as known_by
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.model.signals import Signal
from deskwire.model.tickets import AgentReply
from deskwire.web.reading import Node

from .api import RECORD, SOURCE, TIME, Service, clock_of, is_of, known, quoted, record, value
from .files import attachments
from .standing import name_of
from .words import restored

SETTLES = timedelta(seconds=60)  # in which a comment with a lower id may still become visible
PAGES = 5  # of one look
PAGE = 100
ID = "[0-9]{1,6}x[0-9]{1,18}"
MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
# What has settled, and the last comment seen, with when it was seen by our clock.
CURSOR = re.compile(rf"({ID})(?:;({ID});({MOMENT}))?")
FORMER = re.compile(rf"({MOMENT})(?:;{ID};{MOMENT})?")  # of version 0.1.0 before its release: by times
# A customer's words from its portal or a mail. Its code sets `customer` on them; these sources are unconfirmed.
NOT_STAFF = frozenset({"CUSTOMER PORTAL", "MAIL CONVERTER", "MAIL SCANNER", "WEBFORM"})


def answers(service: Service, ticket: str, after: str) -> list[AgentReply]:
    """Return the agents' answers in a ticket, behind the one with that id."""
    what, (prefix, _) = "reading the replies", service.module("ModComments")
    found: list[AgentReply] = []
    last = known(after) if after else ""
    while True:
        # `*` for the ids of files, which have no column's name.
        where = f"related_to = {quoted(known(ticket))}", *_others(service, last)
        rows = service.rows("*", "ModComments", *where, what=what, order="id")
        known_rows = _known(rows, prefix, what, service.reach)
        for row in known_rows:
            last = value(row["id"])
            if _by_staff(row, what, service.reach):
                found.append(_reply(service, ticket, last, row))
        if len(rows) < PAGE or not known_rows:
            return found


def newest(service: Service) -> tuple[str, datetime]:
    """Return the id of the newest comment, and what Vtiger's clock showed then."""
    what = "polling"
    rows = service.rows("id,modifiedtime", "ModComments", what=what, order="id DESC", most=1)
    if not rows:
        prefix, _ = service.module("ModComments")
        return f"{prefix}x0", datetime(2000, 1, 1, tzinfo=UTC)
    clock = clock_of(rows[0]["modifiedtime"])
    if clock is None:
        raise TemporaryError("a time in the answer cannot be read")
    return record(rows[0]["id"], what), clock


def begun(service: Service) -> tuple[str, datetime]:
    """Return the comment behind which the first poll begins, and the time of Vtiger's clock after which it does."""
    last, clock = newest(service)
    return _before(service, f"{clock - FIRST_LOOK:{TIME}}") or last, clock - FIRST_LOOK


def answered(service: Service, cursor: str) -> Signals:
    """Return which of our tickets got an answer since the cursor; of a minute it is told again."""
    settled, seen, at = _read(service, cursor)
    if seen and service.reach.now - at >= SETTLES:
        settled, seen = seen, ""
    what, (prefix, _) = "polling", service.module("ModComments")
    signals: list[Signal] = []
    before = last = settled
    for _ in range(PAGES):
        columns = "id,related_to,creator,customer,source,is_private,modifiedtime"
        rows = service.rows(columns, "ModComments", *_others(service, last), what=what, order="id")
        known_rows = _known(rows, prefix, what, service.reach)
        signals += _signals(service, known_rows)
        before, last = last, value(known_rows[-1]["id"]) if known_rows else last
        if len(rows) < PAGE or not known_rows:
            break
    else:
        return Signals(signals, before)  # the next look reads the last page again, and goes on
    if last != settled and not seen:
        seen, at = last, service.reach.now
    return Signals(signals, f"{settled};{seen};{at.astimezone(UTC):{TIME}}" if seen else settled)


def _read(service: Service, cursor: str) -> tuple[str, str, datetime]:
    """Return the settled id, the last one seen (or an empty string) and when."""
    if match := CURSOR.fullmatch(cursor):
        at = datetime.strptime(match[3] or "2000-01-01 00:00:00", TIME).replace(tzinfo=UTC)
        return match[1], match[2] or "", at
    match = FORMER.fullmatch(cursor)
    if match is None:
        raise PermanentError("that is no cursor of Vtiger")
    return _before(service, match[1]) or newest(service)[0], "", service.reach.now


def _before(service: Service, time: str) -> str:
    """Return the id right before that of the first comment changed after a time; empty where there is none."""
    where = f"modifiedtime > {quoted(time)}"
    rows = service.rows("id", "ModComments", where, what="polling", order="id", most=1)
    if not rows:
        return ""
    prefix, _, number = record(rows[0]["id"], "polling").partition("x")
    return f"{prefix}x{int(number) - 1}"


def _others(service: Service, last: str) -> list[str]:
    """Return the conditions for comments that are not ours, with ids beyond `last`.

    Whether a comment is private is read from the row: SQL's `is_private = 0` would leave out one without a value.
    """
    beyond = [f"id > {quoted(last)}"] if last else []
    return [f"creator != {quoted(service.user)}", *beyond]


def _known(rows: Sequence[Node], prefix: str, what: str, reach: Reach) -> list[Node]:
    """Return the rows of that module; the others are reported."""
    return known_by(rows, what, reach, read=lambda node: value(node) if is_of(node, prefix) else "")


def _by_staff(row: Node, what: str, reach: Reach) -> bool:
    """Return whether a comment by another user is an agent's answer: public, not ours all the same, no customer's."""
    source = value(row["source"]).upper()
    for name in ("is_private", "customer"):
        # A field that is hidden from our user is not in the row at all; one without a value is.
        if name not in row.raw or isinstance(row[name].raw, dict | list | float):
            reach.left_out(what, row[name])
            return False
    return (
        value(row["is_private"]) in {"0", ""}
        and not value(row["customer"])
        and source != SOURCE
        and source not in NOT_STAFF
    )


def _reply(service: Service, ticket: str, comment: str, row: Node) -> AgentReply:
    return AgentReply(
        id=comment,
        order=int(comment.partition("x")[2]),
        ticket=ticket,
        text=restored(row["commentcontent"].text("")),
        author=name_of(service, value(row["creator"])),
        written_at=service.moment(row["createdtime"]),
        attachments=attachments(row, comment.partition("x")[0]),
    )


def _signals(service: Service, rows: Sequence[Node]) -> list[Signal]:
    """Return the signals of those rows that are agents' answers in tickets of ours."""
    prefix, field = service.module("HelpDesk")
    answers = [row for row in rows if _by_staff(row, "polling", service.reach)]
    tickets = {related for row in answers if RECORD.fullmatch(related := value(row["related_to"]))}
    tickets = {ticket for ticket in tickets if ticket.startswith(f"{prefix}x")}
    if not tickets:
        return []
    any_of = ",".join(quoted(ticket) for ticket in sorted(tickets))
    found = service.rows("id", "HelpDesk", f"id IN ({any_of})", f"{field} LIKE 'dw-%'", what="polling")
    ours = {value(row["id"]) for row in _known(found, prefix, "polling", service.reach)}
    return [
        Signal(
            helpdesk="vtiger",
            account=service.reach.account,
            object_id=value(row["id"]),
            version=value(row["modifiedtime"])[:40],
            ticket=value(row["related_to"]),
            occurred_at=service.moment(row["modifiedtime"]),
        )
        for row in answers
        if value(row["related_to"]) in ours
    ]

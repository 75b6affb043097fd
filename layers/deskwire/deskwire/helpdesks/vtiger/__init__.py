"""Vtiger CRM (open source, 8): tickets, comments, contacts and documents over `webservice.php`.

Set-up: a user of its own for Deskwire (its comments are told apart by it), no administrator, with a profile that may
create HelpDesk, ModComments, Contacts and Documents; a text field “Deskwire Key” in the first three. Step by step:
docs/helpdesks/vtiger.md. https://help.vtiger.com/article/147111249-Rest-API-Manual

Signature: none. This Vtiger has no webhooks and is only polled; https://help.vtiger.com/article/146775672 is about
Vtiger Cloud.

Secrets: `access_key` of that user (My Preferences). https://help.vtiger.com/article/147111249-Rest-API-Manual

Limits: no rate in the open source edition; a query gives 100 rows, a comment holds 65,535 bytes, a title 255
characters. https://help.vtiger.com/article/152099716-Vtiger-CRM-API-Limits is about Vtiger Cloud.

Seen on Vtiger 8.0.0 (28 Nov 2026, PHP 8.2), where the manual is silent or differs:

* What survives a redelivery: a record's id, `<module>x<number>`. A module's number differs from one Vtiger to another.
* A new challenge voids the one before, so parallel log-ins of one user fail; sessions live side by side.
* Errors come with HTTP 200, some as an empty HTTP 500 or as a page. A comment on a deleted ticket is such an error, and
  the comment exists.
* Four-byte characters become `????`, and what is too long is cut, both with success.
* Each public comment mails the ticket's contact, ours too: so our contacts have no address and are opted out.
* `sync` gives the records of our own user alone: so answers are found by `query`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.lists import known as known_by
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment
from deskwire.model.signals import Signal
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.never import Never
from deskwire.web.reading import Node

from .api import RECORD, SOURCE, TIME, Service, is_of, known, quoted, time_of, value
from .earlier import earlier
from .files import attachments, loaded
from .records import appended, changed, contact_of, found_comments, marker, opened, ticket_of
from .standing import name_of, stood
from .words import restored

MANUAL = "https://help.vtiger.com/article/147111249-Rest-API-Manual"
SEEN = date(2026, 11, 28)
SETTLES = timedelta(seconds=60)  # in which a comment written earlier may still become visible
PAGES = 5  # of one look
MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
CURSOR = re.compile(rf"({MOMENT})(?:;([0-9]+x[0-9]+);({MOMENT}))?(?:\|({MOMENT}))?")
# A customer's words from its portal or a mail. Its code sets `customer` on them; these sources are unconfirmed.
NOT_STAFF = frozenset({"CUSTOMER PORTAL", "MAIL CONVERTER", "MAIL SCANNER", "WEBFORM"})


class Vtiger(Helpdesk):
    """Tickets of Vtiger's module HelpDesk."""

    name = "vtiger"
    title = "Vtiger"
    verification = Never()
    terms = Terms(
        body_limit=Figure(1, MANUAL, SEEN),  # nothing is ever delivered
        deadline=Figure(timedelta(seconds=10), MANUAL, SEEN),
        redelivery=Figure(timedelta(0), MANUAL, SEEN),
        every=Figure(timedelta(minutes=1), MANUAL, SEEN, confirmed=False),
        api_version=Figure("0.22", MANUAL, SEEN),
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=60_000,
        four_byte=False,
        pushes=False,
        polls=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where Vtiger is: https://crm.example.com (with its path, without webservice.php)",
        "user": "the name of Deskwire's user there",
        "owner": "the user or group that new tickets go to, as the web service names it: 20x3 (optional)",
        "comments": "“private”: customers' messages as private comments, which mail nobody at all (optional)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"access_key": "the access key of that user"}
    known_gaps: ClassVar[Mapping[str, str]] = {
        "H8.withheld": "a comment does not say how it was written; ours, customers' and private ones are told apart",
        "H5": "its web service takes the session in the query or the form; the key itself is never sent",
    }

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Make or find the contact, look for the ticket, make it, then write each entry as a comment."""
        service = Service(reach)
        service.module("ModComments")  # without its field nothing would be found again: better now than half-way
        standing = ticket_of(service, ticket.key)
        number = standing
        if not number:
            number = opened(service, ticket, contact_of(service, ticket.customer))
        filed: dict[str, str] = {}
        try:
            for entry in ticket.entries:
                there = found_comments(service, number, [marker(entry.key)]) if standing else {}
                filed[entry.key] = there.get(marker(entry.key)) or appended(service, number, entry)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        except TicketGone:  # deleted since a moment ago: the next attempt finds none and opens another
            raise TemporaryError("the ticket went while it was filled", concerns=Concern.TICKET) from None
        return Filed(number, filed)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        service = Service(reach)
        filed: dict[str, str] = {}
        for entry in entries:
            try:
                filed[entry.key] = appended(service, ticket, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        changed(Service(reach), ticket, change)

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        service, key, ticket = Service(reach), sought.key, sought.ticket
        if not ticket:
            found = ticket_of(service, key)
            return Filed(found) if found else None
        comment = found_comments(service, ticket, [marker(key)]).get(marker(key))
        return Filed(ticket, {key: comment}) if comment else None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Service(reach), customer)

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        service = Service(reach)
        prefix, _ = service.module("ModComments")
        found: list[AgentReply] = []
        last = known(after) if after else ""
        while True:
            rows = service.rows(
                "*",  # unconfirmed here, though its manual has it: the ids of files have no column's name
                "ModComments",
                f"related_to = {quoted(known(ticket))}",
                *_others(service, last),
                what="reading the replies",
                order="id",
            )
            known_rows = _known(rows, prefix, "reading the replies", reach)
            for row in known_rows:
                last = value(row["id"])
                if _by_staff(row, "reading the replies", reach):
                    found.append(_reply(service, ticket, last, row))
            if len(rows) < 100 or not known_rows:
                return found

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return loaded(Service(reach), attachment)

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return what was commented on our tickets since the cursor, which is a time of Vtiger's own clock.

        It moves up to a minute ago only, so a comment that becomes visible late is told; younger ones are told again.
        Further pages go on behind the last id, where nothing can slip between two of them. Behind a bar stands how far
        it was looked how tickets stand, which is one more request.
        """
        service = Service(reach)
        what = "polling"
        if not cursor:
            rows = service.rows("id,modifiedtime", "ModComments", what=what, order="modifiedtime DESC", most=1)
            newest = time_of(rows[0]["modifiedtime"]) if rows else datetime(2000, 1, 1, tzinfo=UTC)
            if newest is None:
                raise TemporaryError("a time in the answer cannot be read")
            return Signals((), f"{newest - FIRST_LOOK:{TIME}}")
        match = CURSOR.fullmatch(cursor)
        if match is None:
            raise PermanentError("that is no cursor of Vtiger")
        told = self._answered(service, match)
        stand = stood(service, match[4] or match[1])
        return Signals([*told.signals, *stand.signals], f"{told.cursor}|{stand.cursor}")

    def _answered(self, service: Service, match: re.Match[str]) -> Signals:
        """Return what was commented on our tickets."""
        what, (prefix, _) = "polling", service.module("ModComments")
        since, last, settled = match[1], match[2] or "", match[3] or match[1]
        signals: list[Signal] = []
        for _ in range(PAGES):
            rows = service.rows(
                "id,related_to,creator,customer,source,is_private,modifiedtime",
                "ModComments",
                f"modifiedtime > {quoted(since)}",
                *_others(service, last),
                what=what,
                order="id",
            )
            known_rows = _known(rows, prefix, what, service.reach)
            signals += _signals(service, known_rows)
            for row in known_rows:
                last, moment = value(row["id"]), time_of(row["modifiedtime"])
                # A zone that is not UTC holds nothing up.
                if moment is not None and abs(service.reach.now - moment) >= SETTLES:
                    settled = max(settled, f"{moment:{TIME}}")
            if len(rows) < 100 or not known_rows:
                return Signals(signals, settled)
        return Signals(signals, f"{since};{last};{settled}")


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
        written_at=time_of(row["createdtime"]),
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
            helpdesk=Vtiger.name,
            account=service.reach.account,
            object_id=value(row["id"]),
            version=value(row["modifiedtime"])[:40],
            ticket=value(row["related_to"]),
            occurred_at=time_of(row["modifiedtime"]),
        )
        for row in answers
        if value(row["related_to"]) in ours
    ]

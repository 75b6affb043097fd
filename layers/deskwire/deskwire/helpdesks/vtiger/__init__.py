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

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import ClassVar

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.errors import Concern, ConfigurationError, TemporaryError
from deskwire.model.events import Attachment
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.never import Never

from .answers import answered, answers, begun
from .api import TIME, Service, zone_of
from .earlier import earlier
from .files import loaded
from .records import appended, changed, closed, contact_of, found_comments, marker, opened, ticket_of
from .standing import stood

MANUAL = "https://help.vtiger.com/article/147111249-Rest-API-Manual"
SEEN = date(2026, 11, 28)


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
        entry_bytes=1_000_000,  # in several comments
        four_byte=False,
        pushes=False,
        polls=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where Vtiger is: https://crm.example.com (with its path, without webservice.php)",
        "user": "the name of Deskwire's user there",
        "owner": "the user or group that new tickets go to, as the web service names it: 20x3 (optional)",
        "time_zone": "`$default_timezone` of its config.inc.php: Europe/Warsaw (optional, otherwise UTC)",
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

    def close(self, ticket: str, reach: Reach) -> None:
        closed(Service(reach), ticket)

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
        return answers(Service(reach), ticket, after)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return loaded(Service(reach), attachment)

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return which of our tickets got an answer, and how they stand, since the cursor.

        Its first part is about comments, by their ids; behind a bar stands how far it was looked how tickets stand, by
        Vtiger's own clock.
        """
        service = Service(reach)
        if not cursor:
            last, start = begun(service)
            return Signals((), f"{last}|{start:{TIME}}")
        comments, _, clock = cursor.partition("|")
        told = answered(service, comments)
        stand = stood(service, clock or comments[: len("2026-11-28 14:00:00")])  # a former cursor is a time alone
        return Signals([*told.signals, *stand.signals], f"{told.cursor}|{stand.cursor}")

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        try:
            zone_of(settings)
        except ConfigurationError as error:
            return {"time_zone": str(error)}
        return {}

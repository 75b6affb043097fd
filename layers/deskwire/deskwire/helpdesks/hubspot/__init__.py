"""HubSpot: tickets with notes and contacts of the CRM; answers that agents write into a property of the ticket.

Set-up: a private app, the properties “deskwire_key”, “deskwire_reply” and “deskwire_files” of tickets and
“deskwire_id” of contacts, and in that app a webhook for changes of “deskwire_reply”. Step by step:
docs/helpdesks/hubspot.md. https://developers.hubspot.com/docs/api/create-and-edit-webhook-subscriptions-in-private-apps

Signature: version 3, base64 of HMAC-SHA256 over method, address, raw body and time, under the app's client secret. That
the calls of a private app bear this header, too, is unconfirmed (the pages speak of all apps); a call without it is
refused, and polling finds the answer.
https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests

Secrets: `access_token` of the private app; `client_secret`, from the same page of the app, for its webhooks.
https://developers.hubspot.com/docs/api/create-and-edit-webhook-subscriptions-in-private-apps

Limits: 100 or 190 requests in 10 seconds by plan, 4 or 5 searches a second, 65,536 characters in a note, 10,000 results
of a search. https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines

What survives a redelivery: an event's `eventId` with `occurredAt` (only `attemptNumber` changes); the pages call
`eventId` alone not certain to be unique.

Agents' answers: a CRM ticket has no public comments. Notes are internal, e-mails are sent by HubSpot itself, and the
conversations inbox shows nothing of ours without a custom channel, which wants an OAuth app. So an agent answers by
filling in the property “deskwire_reply”, and each value of its history is one answer. HubSpot tells who wrote it: what
was not typed by a person in HubSpot's pages is withheld. The files that go with it are those of “deskwire_files”.

Nothing of this was tried on a HubSpot account: it comes from the documentation, and what that leaves open is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from deskwire.contracts.channel import Reach, each
from deskwire.contracts.helpdesk import Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Pace, Terms
from deskwire.families.ids import id_of, numbered
from deskwire.families.lists import known, words
from deskwire.families.polling import afresh, recalled
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, Unreadable
from deskwire.model.signals import About, Signal, shown_as
from deskwire.model.tickets import AgentReply, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.model.values import replace
from deskwire.verification.called import SignedCall
from deskwire.web.reading import Node, read
from deskwire.web.request import Request

from .api import Api
from .earlier import earlier
from .files import FILES, gained, loaded, named
from .records import KEY, REPLY, answers, contact_of, marker, noted, opened, place

CHECKED = date(2026, 11, 29)
DOCS = "https://developers.hubspot.com/docs"
WEBHOOKS = f"{DOCS}/api/create-and-edit-webhook-subscriptions-in-private-apps"
CURSOR = re.compile(r"([0-9]{13})(?:;([0-9]{13}))?")
# https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide
STANDING = ("hs_pipeline", "hs_pipeline_stage", "hubspot_owner_id")
# In which the search may not have a change yet. No page says how long. Airbyte lets one look back by minutes, Estuary
# looks back an hour: https://github.com/airbytehq/airbyte/pull/69203, https://github.com/estuary/connectors/pull/2210
LAGS = timedelta(minutes=15)
PAGES = 20  # of 100 tickets, in one poll


class HubSpot(Helpdesk):
    """The connector."""

    name = "hubspot"
    title = "HubSpot"
    verification = SignedCall(
        header="X-HubSpot-Signature-v3",
        timestamp_header="X-HubSpot-Request-Timestamp",
        secret="client_secret",  # noqa: S106 - its name
    )
    by_hand: ClassVar[Sequence[str]] = (
        "make the properties deskwire_key, deskwire_reply and deskwire_files of tickets, and deskwire_id of contacts",
        "in the private app, Webhooks: target {address}, subscription to changes of deskwire_reply of tickets",
    )
    terms = Terms(
        body_limit=Figure(1024 * 1024, f"{DOCS}/api/webhooks", CHECKED, confirmed=False),  # 100 events
        deadline=Figure(timedelta(seconds=5), f"{DOCS}/api/webhooks", CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=24), f"{DOCS}/api/webhooks", CHECKED, confirmed=False),
        every=Figure(
            timedelta(minutes=1), f"{DOCS}/api-reference/2026-03/crm/search-the-crm", CHECKED, confirmed=False
        ),
        # Of the smallest plans; larger ones take 190.
        pace=Figure(
            Pace("requests", 100, timedelta(seconds=10)), f"{DOCS}/developer-tooling/platform/usage-guidelines", CHECKED
        ),
        api_version=Figure("v3", f"{DOCS}/api-reference/crm-tickets-v3/guide", CHECKED),
        figures={
            "note_characters": Figure(65_536, f"{DOCS}/api-reference/crm-notes-v3/guide", CHECKED),
            "search_results": Figure(10_000, f"{DOCS}/api/crm/search", CHECKED, confirmed=False),
        },
    )
    abilities = Abilities(
        native_key=True,
        find_open=True,
        find_append=True,
        several=False,
        attachments=False,
        entry_bytes=200_000,
        polls=True,
        tells_closing=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "pipeline": "the id of the ticket pipeline (optional, otherwise the first one)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"access_token": "the access token of the private app"}
    endpoint_settings: ClassVar[Mapping[str, str]] = {
        "address": "the webhook's target address as HubSpot has it: it is signed",
    }
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"client_secret": "the client secret of the private app"}

    known_gaps: ClassVar[Mapping[str, str]] = {
        "H12.complaint": "our tags stand in a ticket's text alone, and agents have no tags of tickets there",
    }

    # ------------------------------------------------------------------------------------------------- in

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Make or find the contact, create the ticket under its unique key, then add each entry as a note."""
        api = Api(reach)
        contact = contact_of(api, ticket.customer)
        number, standing = opened(api, ticket, contact)
        entries: dict[str, str] = {}
        for entry in ticket.entries:
            try:
                there = place(api, number, marker(entry.key)) if standing else ""
                entries[entry.key] = there or noted(api, number, contact, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=True) from None
            except TicketGone:
                part = "the ticket went while it was filled"
                raise TemporaryError(part, ambiguous=True, concerns=Concern.TICKET) from None
        return Filed(number, entries, contact)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Look at the ticket, move it to an open stage where the customer wrote on a closed one, then add notes."""
        api = Api(reach)
        filed: dict[str, str] = {}
        for entry in entries:
            shown = api.ticket(numbered(ticket), "hs_pipeline", "hs_pipeline_stage", "closed_date")
            if id_of(shown["id"]) != ticket:
                # Unconfirmed: that a merged ticket's id leads to the one it became part of, as contacts' ids do. When
                # is not told; the change of the record is no earlier.
                raise TicketGone("merged", id_of(shown["id"]), shown["updatedAt"].iso())
            pipeline, stage = (shown["properties"][name].text("") for name in ("hs_pipeline", "hs_pipeline_stage"))
            stages = api.stages(pipeline)
            if entry.public and stage in stages.closed:
                if not reach.reopens(shown["properties"]["closed_date"].iso()):
                    raise TicketGone("closed")
                api.write("PATCH", f"crm/v3/objects/tickets/{ticket}", stages.moved(), "opening a ticket again")
            filed[entry.key] = noted(api, ticket, entry.contact, entry)
        return Filed(ticket, filed)

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Read the ticket by its unique key, not by the late index; look for an entry's mark in the ticket's notes."""
        key, ticket = sought.key, sought.ticket
        api = Api(reach)
        if not ticket:
            number = api.by_key(marker(key))
            return Filed(number) if number else None
        number = place(api, numbered(ticket), marker(key))
        return Filed(ticket, {key: number}) if number else None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    # ------------------------------------------------------------------------------------------------ out

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return the values that the reply's property had, as far back as HubSpot keeps them, after that one.

        One request, and one for each file.
        """
        api = Api(reach)
        since = int(after.partition("-")[0]) if re.fullmatch(r"[0-9]{1,18}-[0-9a-f]+", after) else 0
        history = api.ticket(numbered(ticket), history=f"{REPLY},{FILES}")["propertiesWithHistory"]
        if not isinstance(history.raw, dict):
            raise TemporaryError("reading the replies: the answer has no history")
        found = answers(history[REPLY], ticket, reach)
        files = gained(history[FILES], found)
        return [
            replace(reply, attachments=tuple(named(api, each) for each in files.get(reply.id, ())))
            for reply in found
            if reply.order > since
        ]

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return loaded(Api(reach), attachment)

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return how the tickets of ours stand that changed since the cursor, a time of HubSpot's in milliseconds.

        Those with a reply are to be looked at. One request for 100 tickets, and the pipelines once an hour.
        The index lags, so the cursor stays a quarter of an hour behind the newest change that was seen. Where more
        changed than a poll lists, it also holds where the next one goes on.
        """
        if not cursor:
            return Signals((), str(_milliseconds(reach.now - LAGS)))
        own, told = recalled(cursor)
        match = CURSOR.fullmatch(own)
        if match is None:
            raise PermanentError("that is no cursor of HubSpot")
        since, place, after = int(match[1]), int(match[2] or match[1]), ""
        api, newest = Api(reach), since
        signals: list[Signal] = []
        for _ in range(PAGES):
            rows, after = api.changed(place - 1, KEY, after, REPLY, *STANDING)
            closed = api.closed() if rows else frozenset()
            times: list[int] = []
            for row in known(rows, "polling", reach):
                changed = row["properties"]["hs_lastmodifieddate"].iso()
                times.append(place if changed is None else _milliseconds(changed))
                signals.append(_polled(row, changed or reach.now, reach, closed))
            newest = max([newest, *times])
            if not after:
                return afresh(signals, str(max(since, newest - _span(LAGS))), told, all_listed=not match[2])
            # A ticket that changes while pages are read moves all behind it one place forward, so each page begins at
            # the time at which the one before it ended. The search may show a later time than the one that it sorted
            # by (Estuary, above), so at nine tenths of it.
            reached = sorted(times)[len(times) * 9 // 10] if times else place
            place, after = (reached, "") if reached > place else (place, after)
        return afresh(signals, f"{since};{place}", told, all_listed=False)

    def parse(self, request: Request) -> Iterable[Signal | Unreadable]:
        """Read the events of a delivery; what changed is read again, never taken from there."""
        body = read(request.body)
        if not body:
            raise PayloadError("the body is null, not an array of events")
        yield from each(body.items(), lambda told: [_signal(told, request)])


def _signal(told: Node, request: Request) -> Signal:
    kind, name = told["subscriptionType"].text(), told["propertyName"].text("")
    # Both spellings are documented: of the older subscriptions, and of the generic ones (a ticket's type is 0-5).
    of_ticket = kind.startswith("ticket.") or (kind.startswith("object.") and told["objectTypeId"].text("") == "0-5")
    told_of = of_ticket and kind.endswith(".propertyChange") and name == REPLY
    number = told["objectId"].identifier()
    at = told["occurredAt"].number(0)
    return Signal(
        helpdesk=HubSpot.name,
        account=request.endpoint,
        about=About.TICKET if told_of else About.OTHER,
        object_id=told["eventId"].identifier(),
        version=str(at or ""),
        ticket=number,
        reason="" if told_of else f"{kind[:60]} {name[:60]}".strip(),
        occurred_at=told["occurredAt"].epoch() if at else None,
        raw={"eventId": told["eventId"].raw, "subscriptionType": kind, "objectId": number, "propertyName": name},
    )


def _polled(row: Node, changed: datetime, reach: Reach, closed: frozenset[str]) -> Signal:
    """Return how a ticket stood when it was last changed; who has it, by number: a name would need a scope more."""
    number, shown = id_of(row["id"]), row["properties"]
    if not isinstance(shown.raw, dict):
        reach.left_out("polling", shown)
    stage = f"{shown['hs_pipeline'].text('')}/{shown['hs_pipeline_stage'].text('')}"
    replied = bool(words(shown[REPLY], "polling", reach))
    return Signal(
        helpdesk=HubSpot.name,
        account=reach.account,
        about=About.TICKET if replied else About.STATUS,
        object_id=f"poll-{number}",
        # Another one with a reply: the search may show the time of a change before it shows the change.
        version=f"{_milliseconds(changed)}{'' if replied else '-stands'}",
        ticket=number,
        occurred_at=changed,
        **shown_as(solved=stage in closed, agent=id_of(shown["hubspot_owner_id"])),
    )


def _milliseconds(moment: datetime) -> int:
    return _span(moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC))


def _span(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)

"""Freshdesk: tickets with notes as their customer, answers by the agents (API v2).

Set-up: an agent of its own for Deskwire (what it writes is told apart by it), its API key, a ticket field “Deskwire
key” (text), and an automation rule on ticket updates that calls Deskwire's endpoint. Step by step:
docs/helpdesks/freshdesk.md. https://developers.freshdesk.com/api/#authentication

Signature: none. A rule's webhook is unsigned, so it brings a secret of ours in the header `X-Deskwire-Secret`, says
which ticket to look at, and nothing more is taken from it.
https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules

Secrets: `api_key` of Deskwire's agent (basic authentication, `X` as the password); `webhook_secret`, a long random text
that you make up and put into the rule's header. https://developers.freshdesk.com/api/#authentication

Limits: requests a minute by plan (Growth 200, Pro 400, Enterprise 700; a trial 50), fewer for lists, told by
`X-Ratelimit-Total`; 429 with Retry-After. 20 MB of attachments a ticket. https://developers.freshdesk.com/api/#ratelimit

What survives a redelivery: nothing in a webhook. A repeated one makes us read the ticket once more, and no answer is
sent twice, since a conversation's id stays.

How a key is found after doubt: the ticket's in a field of its own, an entry's as a mark at its end. A ticket is looked
for among its requester's, a list that comes from the store; the search knows a new one only “after a few minutes”.
https://developers.freshdesk.com/api/#filter_tickets
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.ids import NUMBER, id_of, numbered
from deskwire.families.lists import listed
from deskwire.families.polling import afresh, recalled
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, Unreadable
from deskwire.model.signals import About, Signal, shown_as
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.token import Token
from deskwire.web.reading import Node, fragment, read
from deskwire.web.request import Request
from deskwire.web.rest import Call

from .api import PAGE, Api
from .conversations import UPLOAD_BYTES, answers, bears, found, mark, merged, noted, removed
from .earlier import earlier
from .tickets import CLOSED, KEY_FIELD, SOLVED, closed_at, key_field, opened, raised, standing, wake

CHECKED: Final = date(2026, 11, 29)
API: Final = "https://developers.freshdesk.com/api/"
RULES: Final = "https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules"
DESCRIPTION = "description"  # the id of the entry that a ticket was opened with
SETTLES = timedelta(seconds=60)  # in which another change may bear the same second
LOOKBACK = timedelta(minutes=10)  # two polls; no page says whether the list shows a change at once
LOOKS = 5  # pages of one poll
STAMP = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"
CURSOR = re.compile(rf"{STAMP}(?:;(?:{STAMP};)?([0-9]{{1,4}}))?")  # older versions have no second time


class Freshdesk(Helpdesk):
    """The connector."""

    name = "freshdesk"
    title = "Freshdesk"
    verification = Token(header="X-Deskwire-Secret", secret="webhook_secret")  # noqa: S106 - its name
    by_hand: ClassVar[Sequence[str]] = (
        "make the ticket field “Deskwire key” (text)",
        "make an automation rule on ticket updates: at an agent's public reply a webhook, POST to {address}",
        "give that webhook the header X-Deskwire-Secret and the body that docs/helpdesks/freshdesk.md has",
    )
    terms = Terms(
        body_limit=Figure(65_536, RULES, CHECKED, confirmed=False),
        deadline=Figure(timedelta(seconds=10), RULES, CHECKED, confirmed=False),
        # After 5, 30 and 60 minutes; over the account's rate it is put off for up to a day.
        redelivery=Figure(timedelta(hours=26), RULES, CHECKED, confirmed=False),
        every=Figure(timedelta(minutes=5), f"{API}#ratelimit", CHECKED, confirmed=False),  # ours: lists are scarce
        api_version=Figure("v2", API, CHECKED),
        figures={
            "attachment_bytes_per_ticket": Figure(UPLOAD_BYTES, f"{API}#create_ticket", CHECKED),
            "requests_per_minute_growth": Figure(200, f"{API}#ratelimit", CHECKED),
            "requests_per_minute_trial": Figure(50, f"{API}#ratelimit", CHECKED),
        },
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        assigns=True,
        several=False,
        redact=True,
        entry_bytes=60_000,  # unconfirmed: no page gives a limit
        rate="x-ratelimit-total",
        left="x-ratelimit-remaining",
        polls=True,
        tells_closing=True,
    )
    # `attachment_url` in the examples of the API lies on S3; where another data centre puts files is unconfirmed.
    media_hosts: ClassVar[tuple[str, ...]] = ("freshdesk.com", "freshworks.com", "amazonaws.com")
    connection_settings: ClassVar[Mapping[str, str]] = {
        "subdomain": "the part before .freshdesk.com",
        "key_field": f"the ticket field that holds Deskwire's key (optional, `{KEY_FIELD}`)",
        "fields": "ticket fields to fill: `reference=cf_reference, follow_up_of=cf_before, satisfaction=cf_rating` "
        "(optional; a connection's own `fields` may name Freshdesk's field itself)",
        "source": "the number of the source that tickets are to have (optional, 2: portal)",
        "bot_user_id": "the id of Deskwire's agent (optional, else looked up)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"api_key": "the API key of Deskwire's agent"}
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"webhook_secret": "what the rule's header X-Deskwire-Secret holds"}
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C2.redelivery": "nothing in a rule's webhook tells a repetition; the ticket is read once more, that is all",
        "C5.memory": "a rule's webhook has no time; one that comes late makes us read the ticket, and is no message",
        "C4.body": "the secret proves who sends, not what; no words are taken from a webhook",
    }

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Open it as the customer, who is made or found by our external id; the first entry is its description."""
        api = Api(reach)
        first, *rest = ticket.entries
        made = opened(api, ticket, first)
        number, requester = id_of(made["id"]), id_of(made["requester_id"])
        if not number:
            raise TemporaryError("opening a ticket: the answer names none", ambiguous=True)
        try:
            notes = {entry.key: noted(api, number, entry, requester) for entry in rest}
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        except TicketGone:  # deleted, or full of files by now: the next attempt finds which
            part = "the ticket went while it was filled"
            raise TemporaryError(part, ambiguous=True, concerns=Concern.TICKET) from None
        return Filed(number, {first.key: DESCRIPTION} | notes, requester)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Look at the ticket, add the entry, and open the ticket again where it sleeps: two or three calls.

        Two more for a closed one: whether it was merged, and when it was closed.
        """
        api, number = Api(reach), numbered(ticket)
        shown = api.ticket(number)
        if shown["status"].raw == CLOSED and any(entry.public for entry in entries):
            gone = merged(api, number)
            if gone.state == "merged" or not reach.reopens(closed_at(api, number)):
                raise gone
        filed: dict[str, str] = {}
        try:
            for entry in entries:
                filed[entry.key] = noted(api, number, entry, id_of(shown["requester_id"]))
                if entry.public:
                    wake(api, number, shown)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        api, number = Api(reach), numbered(ticket)
        changes = raised(change, api.ticket(number, archive=False), reach)
        if changes:
            api.send("PUT", f"tickets/{number}", changes, "changing a ticket").object()

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Look through the requester's tickets for a ticket's key, or through a ticket for an entry's mark."""
        api, key = Api(reach), sought.key
        if not sought.ticket:
            number = standing(api, sought)
            return Filed(number) if number else None
        number = numbered(sought.ticket)
        try:
            shown = api.ticket(number)
            if bears(shown, mark(key)):
                return Filed(number, {key: DESCRIPTION})
            note = found(api, number, key)
        except TicketGone:
            return None
        if note is None:
            return None
        if note["private"].raw is False:  # an earlier attempt may not have come to it
            wake(api, number, shown)
        return Filed(number, {key: id_of(note["id"])})

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        return answers(Api(reach), numbered(ticket), after)

    def redact(self, ticket: str, entry: str, reach: Reach) -> bool:
        """Delete a note, or replace the description's words."""
        if entry != DESCRIPTION:
            numbered(entry)
        return removed(Api(reach), numbered(ticket), entry, DESCRIPTION)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        """Return a file by the address that its conversation shows: signed, so that it needs no key of ours."""
        return reach.fetch(Call("GET", attachment.url))

    def parse(self, request: Request) -> Iterator[Signal | Unreadable]:
        """Say which ticket to look at. Two calls in one second are one; a repetition is another, and does no harm."""
        body = read(request.body).object()
        number = body["ticket_id"].identifier()
        if not NUMBER.fullmatch(number):  # “{{ticket.id}}” as it stands, from the rule's test button
            raise PayloadError("ticket_id is no ticket's number")
        yield Signal(
            helpdesk=self.name,
            account=request.endpoint,
            about=About.OTHER if body["test"].raw is True else About.TICKET,
            object_id=number,
            version=f"{request.received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            ticket=number,
            reason="a test" if body["test"].raw is True else "",
            raw=fragment(body),
        )

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return our tickets that were changed since the cursor: the net under webhooks that Freshdesk dropped.

        Each row says how its ticket stands, so that costs no request; a rule's webhook does not, as it is not signed.
        Unconfirmed: whether `updated_since` takes in its own second, so a page begins a second before the time at which
        the one before it ended. The cursor stays behind the newest change, for what is listed late; where more changed
        than a poll lists, it also holds where the next one goes on.
        """
        if not cursor:
            return Signals((), _stamp(reach.now - FIRST_LOOK))
        own, told = recalled(cursor)
        match = CURSOR.fullmatch(own)
        if match is None:
            raise PermanentError("that is no cursor of Freshdesk")
        api, since, place, page = Api(reach), match[1], match[2] or match[1], int(match[3] if match[2] else 1)
        signals: list[Signal] = []
        for _ in range(LOOKS):
            start = _stamp(datetime.fromisoformat(place) - timedelta(seconds=1))
            query = {"updated_since": start, "order_by": "updated_at", "order_type": "asc"}
            rows = listed(api.get("tickets", "polling", **query, per_page=PAGE, page=page), "polling")
            times = [at for row in rows if (at := row["updated_at"].iso()) is not None]
            signals += [_changed(api, row, row["updated_at"].iso() or reach.now) for row in rows if _is_ours(api, row)]
            if len(rows) < PAGE:
                settled = max([since, *(_stamp(at - LOOKBACK) for at in times)])
                return afresh(signals, settled, told, all_listed=not match[2])
            reached = max([place, *map(_stamp, times)])
            place, page = (reached, 1) if reached > place else (place, page + 1)
        return afresh(signals, f"{since};{place};{page}", told, all_listed=False)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_ours(api: Api, row: Node) -> bool:
    """Return whether Deskwire opened a ticket: its field says so."""
    return row["custom_fields"][key_field(api)].text("").startswith("dw-") and bool(id_of(row["id"]))


def _changed(api: Api, row: Node, at: datetime) -> Signal:
    """Return the signal of a changed ticket: whether an agent answered is looked at, how it stands is told.

    Who has it is told by number: only an administrator's key reads another agent's name. A ticket that lost a merge is
    closed, and nothing else. https://developers.freshdesk.com/api/#ticket_attributes
    A change of the last minute is told once more later: its time has no fractions of a second, so another change of
    the same second could not be told from it.
    """
    return Signal(
        helpdesk=Freshdesk.name,
        account=api.reach.account,
        object_id=id_of(row["id"]),
        version=f"{at.isoformat()}{'-early' if api.reach.now - at < SETTLES else ''}",
        ticket=id_of(row["id"]),
        occurred_at=at,
        **shown_as(solved=row["status"].raw in SOLVED, agent=id_of(row["responder_id"])),
    )

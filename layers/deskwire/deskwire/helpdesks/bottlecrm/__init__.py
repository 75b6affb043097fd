"""BottleCRM (django-crm) 1.35: tickets and their comments over its REST API, agents' answers by webhook and polling.

Set-up: a user of its own for Deskwire (its comments are told apart by it), an administrator of the organisation, with a
personal access token of a few scopes; a webhook, if answers are to go out at once. docs/helpdesks/bottlecrm.md has each
step. https://django-crm.readthedocs.io/en/latest/api/cases/

Signature: `t=…,v1=…`, HMAC-SHA256 of the time, a dot and the raw body, made anew for each attempt. No page has it; it
was read in the package (webhooks/tasks.py) and seen. A webhook says that there is a public comment, and never of a
merge, so it polls as well. https://pypi.org/project/Django-CRM/

Secrets: `token`, a personal access token. It names the organisation, too: there is no header for it. `signing_secret`
of the endpoint: what BottleCRM shows once when the webhook is made.
https://django-crm.readthedocs.io/en/latest/api/tokens-and-api-keys/

Limits: no rate; a ticket's name 64 characters, a comment 10,000, a file 25 MB and its name 60 characters.
https://django-crm.readthedocs.io/en/latest/api/errors/

What survives a redelivery: a webhook's `id`, over its six attempts and when it is sent again by hand; a comment's id,
also through a merge. Seen on django-crm 1.35.0 (29 Nov 2026, Django 6.1,
SQLite), whose sources come with the package:

* There is no idempotency key: each text bears a mark; a ticket is found by its description, a comment in its ticket. No
  name is taken twice, so that a ticket which was made before is not made again.
* With its task queue out of reach, a ticket is made and the answer is HTTP 500.
* A public comment counts as the company's first answer and is mailed to the ticket's contacts: ours are internal.
* A file stands with its ticket, and is an answer's where the same person sent it right after the words.
* Switched-off tickets are a 404, as a deleted one is; a revoked token is a 403; unknown ids of tags are ignored.
* The list of what happened in all tickets has 50 rows and no second page; nothing else lists by the last change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import ClassVar

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.polling import polled
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment
from deskwire.model.signals import About, Signal
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.stamped import Stamped
from deskwire.web.reading import read
from deskwire.web.request import Request
from deskwire.web.rest import Call

from .answers import answers, signals
from .api import Api, named
from .cases import changed, closed, comment_of, opened, ticket_of, written
from .earlier import earlier
from .rounds import begun
from .rounds import changed as changed_since

API = "https://django-crm.readthedocs.io/en/latest/api/cases/"
PACKAGE = "https://pypi.org/project/Django-CRM/"
SEEN = date(2026, 11, 29)


class BottleCRM(Helpdesk):
    """Tickets of BottleCRM."""

    name = "bottlecrm"
    title = "BottleCRM"
    verification = Stamped(header="X-BottleCRM-Signature", secret="signing_secret")  # noqa: S106 - its name
    by_hand: ClassVar[Sequence[str]] = (
        "Settings, Webhooks: make one of the format “Signed JSON” to {address} for ticket.comment_added",
        "store the secret that is shown then, once, as `signing_secret` of the endpoint",
    )
    terms = Terms(
        body_limit=Figure(65_536, PACKAGE, SEEN),  # a comment of 10,000 characters, escaped as JSON
        deadline=Figure(timedelta(seconds=10), PACKAGE, SEEN),  # webhooks/tasks.py: TIMEOUT_SECONDS
        redelivery=Figure(timedelta(hours=9), PACKAGE, SEEN),  # after 1, 5, 30 minutes, 2 and 6 hours: BACKOFF
        every=Figure(timedelta(minutes=1), API, SEEN, confirmed=False),
        api_version=Figure("1.35", API, SEEN),
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=1_000_000,  # in several comments
        polls=True,
        tells_closing=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where BottleCRM's API is: https://crm.example.com (with its path, without /api)"
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"token": "a personal access token of Deskwire's user"}
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"signing_secret": "whsec_…, of the webhook in BottleCRM"}

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        api = Api(reach)
        shown = opened(api, ticket)
        number = shown.id
        filed: dict[str, str] = {}
        try:
            for entry in ticket.entries:
                filed[entry.key], shown = written(api, shown, entry)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        except TicketGone:  # within a second of its making
            raise PermanentError("the new ticket is not there") from None
        return Filed(number, filed)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        api = Api(reach)
        filed: dict[str, str] = {}
        shown = api.ticket(ticket, "looking at the ticket")
        for entry in entries:
            try:
                filed[entry.key], shown = written(api, shown, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        changed(Api(reach), ticket, change)

    def close(self, ticket: str, reach: Reach) -> None:
        closed(Api(reach), ticket)

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        api = Api(reach)
        if not sought.ticket:
            found = ticket_of(api, sought.key)
            return Filed(found) if found else None
        comment = comment_of(api.followed(sought.ticket, "looking for the message"), sought.key)
        return Filed(sought.ticket, {sought.key: comment}) if comment else None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        return answers(Api(reach), ticket, after)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        api = Api(reach)
        address = f"{api.address}/api/attachments/{named(attachment.id)}/download/"
        return reach.fetch(Call("GET", address, api.credentials), [api.host])

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return what agents did in our tickets since the cursor, a time of BottleCRM's own clock.

        The cursor stays a minute behind; what is younger is told again. Where more happened than BottleCRM lists, all
        our tickets are looked at in a round of as many polls as it takes.
        """
        api = Api(reach)
        if not cursor:
            return Signals((), begun(api))

        def look(ticket: str, since: str) -> Iterator[Signal]:
            return signals(api, self.name, api.followed(ticket, "polling"), datetime.fromisoformat(since))

        return polled(cursor, partial(changed_since, api), look, reach)

    def parse(self, request: Request) -> Iterator[Signal]:
        """Read one event. Its words are read again from the ticket: a file may belong to them."""
        body = read(request.body).object()
        kind = body["event"].text()
        said = kind == "ticket.comment_added"
        yield Signal(
            helpdesk=self.name,
            account=request.endpoint,
            about=About.TICKET if said else About.OTHER,
            object_id=body["id"].identifier(),
            ticket=body["data"].object()["ticket_id"].identifier() if said else kind,
            reason="" if said else f"[{kind}]",
            occurred_at=body["created_at"].iso(),
            raw={"id": body["id"].raw, "event": kind},
        )

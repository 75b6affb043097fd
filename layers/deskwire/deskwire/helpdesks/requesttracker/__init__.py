"""Request Tracker 5 (Best Practical): tickets and correspondence over REST 2.

Set-up: load docs/request-tracker/initialdata into RT (group, rights, custom fields, scrip) and create a token for its
user `deskwire`, as docs/helpdesks/requesttracker.md says; REST 2 is part of RT.
https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html

Signature: ours, for RT has no webhooks: the shipped scrip sends `X-RT-Signature: sha256=` and the hexadecimal
HMAC-SHA256 of `X-RT-Timestamp`, a dot and the body. https://docs.bestpractical.com/rt/5.0.3/initialdata.html

Secrets: `token` (an authentication token) of the connection; `webhook` ($DeskwireWebhookSecret of RT_SiteConfig) of the
endpoint. https://docs.bestpractical.com/rt/5.0.3/RT/AuthToken.html

Limits: none on rate; $MaxAttachmentSize is 10 MiB. https://docs.bestpractical.com/rt/5.0.3/RT_Config.html

What survives a redelivery: the id of the transaction. Seen on RT 5.0.3 (Debian 12), where a comment says nothing else:

* A ticket's id is good for ever: RT itself leads the id of a merged ticket to the one it was merged into. So the old id
  is kept; it alone tells which of the survivor's replies were written for this customer.
* There is no idempotency key. A ticket's key stands in the custom field “Deskwire Thread”, a message's in the
  transaction's “Deskwire Message”. Uniqueness and search ignore case, so a digest is part of the value (`marker`).
* RT commits a correspondence first, its custom field milliseconds later. If RT dies in between, `find` does not see the
  message and it is written twice.
* The author of everything is our user, therefore the text says who wrote and when.
* The customer's user gets no e-mail address: RT would mail them their own messages, and the answers beside the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from deskwire.contracts.channel import Reach, each
from deskwire.contracts.helpdesk import Abilities, Helpdesk, Signals
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.ids import id_of, numbered
from deskwire.families.lists import known, listed
from deskwire.families.polling import begin
from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.model.events import Attachment, Unreadable
from deskwire.model.signals import Signal
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import Node, read

from .api import Tracker, quoted, values_of
from .earlier import earlier
from .polling import news
from .replies import file_of, reply, staff, written_on
from .tickets import (
    MESSAGE,
    changed,
    closed,
    created,
    marker,
    name_dropped,
    prepared,
    requestor_of,
    settled,
    tickets_of,
    written,
)

if TYPE_CHECKING:
    from deskwire.web.request import Request

RELEVANT = frozenset({"Correspond", "Status"})
MANUAL = "https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html"
SCRIPS = "https://docs.bestpractical.com/rt/5.0.3/customizing/scrip_conditions_and_action.html"  # ours is a scrip
READ = date(2026, 11, 21)


class RequestTracker(Helpdesk):
    """Tickets of Request Tracker 5."""

    name = "requesttracker"
    title = "Request Tracker"
    verification = HmacHeader(
        header="X-RT-Signature",
        secret="webhook",  # noqa: S106 - its name
        prefix="sha256=",
        signed="{timestamp}.{body}",
        timestamp_header="X-RT-Timestamp",
    )
    by_hand: ClassVar[Sequence[str]] = (
        "load docs/request-tracker/initialdata: group, rights, custom fields, scrip",
        "in RT_SiteConfig set $DeskwireWebhookAddress to {address} and $DeskwireWebhookSecret to the secret `webhook`",
    )
    terms = Terms(
        body_limit=Figure(65_536, SCRIPS, READ),
        deadline=Figure(timedelta(seconds=10), SCRIPS, READ),
        redelivery=Figure(timedelta(0), SCRIPS, READ),  # the scrip never repeats; `poll` finds what it lost
        api_version=Figure("2.0", MANUAL, READ),
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        assigns=True,
        several=False,
        entry_bytes=10 * 1024 * 1024,
        polls=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where Request Tracker is: https://rt.example.com (with its path, without /REST)",
        "queue": "the queue that new tickets go to",
        "fields": "custom fields to fill: `rating=Rating, permalink=Source` (optional; our name = Request Tracker's)",
        "staff_mail": "answers that staff send by mail: the name under which your mail server writes "
        "Authentication-Results (only mail that it found authentic is sent on), or `trusted` where it refuses all "
        "other mail itself (optional, else none is sent on)",
        "user": "the RT user of the token (optional, else deskwire)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"token": "an authentication token of that user"}
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"webhook": "$DeskwireWebhookSecret of RT_SiteConfig"}

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Make the customer, then the ticket, then look at it: three calls, two for a customer of the last hour.

        One more once an hour, for the custom fields. None can be left out: without its fields RT would keep tickets
        that nobody finds again, and nothing could undo them; a requestor that is no user is dropped, and making one
        along with the ticket takes an e-mail address, which RT would write to; and that another attempt was faster
        shows in the finished ticket only.
        """
        tracker = Tracker(reach)
        prepared(tracker)
        requestor = requestor_of(tracker, ticket.customer)
        public = [entry for entry in ticket.entries if entry.public]
        # From here on the ticket exists: whatever fails now, the next attempt goes on with it.
        opened = created(tracker, ticket, requestor, public)
        try:
            found = settled(tracker, opened, requestor, ticket)
            if found == opened:
                name_dropped(tracker, found, f"ObjectId = {found}", public)
            filed = {entry.key: f"ticket/{found}" for entry in public}  # REST 2 tells no number of the opening itself
            for entry in ticket.entries:
                if found != opened:  # another attempt was faster: what it did not bring, this one does
                    known = self.find(Sought(key=entry.key, ticket=found, thread=ticket.thread), reach)
                    filed[entry.key] = known.entries[entry.key] if known else written(tracker, found, entry)
                elif not entry.public:
                    filed[entry.key] = written(tracker, found, entry)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        return Filed(found, filed)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        tracker = Tracker(reach)
        filed: dict[str, str] = {}
        for entry in entries:
            try:
                filed[entry.key] = written(tracker, numbered(ticket), entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        changed(Tracker(reach), numbered(ticket), change)

    def close(self, ticket: str, reach: Reach) -> None:
        closed(Tracker(reach), numbered(ticket))

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        tracker, key, ticket = Tracker(reach), sought.key, sought.ticket
        if ticket:
            rows = tracker.get(
                "transactions",
                what="looking for the message",
                query=f"ObjectType = 'RT::Ticket' AND CF.{{{MESSAGE}}} = {quoted(marker(key))}",
                orderby="id",
            )
            for row in rows["items"].items():
                return Filed(ticket, {key: row["id"].identifier()})
        tickets = tickets_of(tracker, key)
        if ticket:  # words that opened another one, a follow-up, are not in this one
            return Filed(ticket, {key: f"ticket/{ticket}"}) if ticket in tickets else None
        return Filed(tickets[0]) if tickets else None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Tracker(reach), customer)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return file_of(Tracker(reach), attachment)

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        tracker = Tracker(reach)
        what, where = "reading the replies", written_on(tracker, numbered(ticket))
        found: list[AgentReply] = []
        cursor = numbered(after or "0")
        while True:
            shown = tracker.get(
                "transactions",
                what=what,
                query=f"ObjectType = 'RT::Ticket' AND Type = 'Correspond' AND id > {cursor} AND {where}",
                orderby="id",
                per_page="100",
                fields="Creator,Created,CustomFields",
            )
            rows = listed(shown["items"], what)
            readable = known(rows, what, reach)
            for row in readable:
                author = row["Creator"]["id"].any_id()
                if not author:
                    reach.left_out(what, row["Creator"])
                if author in {"", tracker.user} or values_of(row, MESSAGE):
                    continue  # ours, or nobody knows whose
                if name := staff(tracker, author):
                    found.append(reply(tracker, ticket, row, name))
            if len(rows) < 100 or not readable:
                return found
            cursor = id_of(readable[-1]["id"])

    def parse(self, request: Request) -> Iterable[Signal | Unreadable]:
        body = read(request.body).object()
        tickets = [ticket.identifier() for ticket in body["tickets"].items()]
        if not tickets:
            raise PayloadError("the webhook names no ticket")

        def signals(node: Node) -> Iterable[Signal]:
            kind = node["type"].text()
            # A comment is for colleagues, a correspondence of no member of staff is a customer's mail.
            if kind not in RELEVANT or (kind == "Correspond" and not node["staff"].truth()):
                return
            for ticket in tickets:
                yield self._signal(request.endpoint, ticket, node["id"].identifier(), node["created"].iso())

        yield from each(body["transactions"].items(), signals)

    def poll(self, cursor: str, reach: Reach) -> Signals:
        tracker = Tracker(reach)
        if not cursor:
            newest = tracker.get(
                "transactions",
                what="polling",
                query="id > 0",
                orderby="id",
                order="DESC",
                per_page="50",
                fields="Created",
            )
            return Signals((), begin(known(listed(newest["items"], "polling"), "polling", reach), "Created", reach.now))
        return news(tracker, numbered(cursor), self._signal)

    def _signal(self, account: str, ticket: str, transaction: str, moment: datetime | None) -> Signal:
        return Signal(
            helpdesk=self.name,
            account=account,
            object_id=transaction,
            version=ticket,  # where several of our tickets were merged, one transaction is news of each
            ticket=ticket,
            occurred_at=moment,
        )

"""Zammad: tickets and articles over its REST API, agents' answers by a trigger's webhook and by polling.

Set-up: an agent of its own for Deskwire (its articles are told apart by it) with full access to the groups, an access
token of that agent with the permission ticket.agent, a webhook to the helpdesk's address with a signature token, and a
trigger that calls it for public articles by agents. Step by step: docs/helpdesks/zammad.md.
https://docs.zammad.org/en/latest/api/intro.html

Signature: `X-Hub-Signature`, "sha1=" and the hexadecimal HMAC-SHA1 of the raw body; Zammad offers nothing stronger and
signs no time. Without a signature token the header is absent.
https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html

Secrets: `token`, the access token of Deskwire's agent; `signature_token`, the webhook's HMAC SHA1 signature token.
https://docs.zammad.org/en/latest/api/intro.html

Limits: no rate of its own (a proxy may have one); 1,500,000 characters in an article (app/models/ticket/article.rb);
50 MB in a request (contrib/nginx/zammad.conf); 200 tickets on a page (app/controllers/tickets_controller.rb).
https://github.com/zammad/zammad

What survives a redelivery: the article's id in the signed body. `X-Zammad-Delivery` is the same over all attempts, too
(it is the job's id), but is not signed. The payload is written anew for each attempt, so other parts of it may change.

Nothing of this was tried on a running Zammad: it comes from the documentation and, where that is silent, from the
source (zammad/zammad, 2022 to 2026), which is named there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.ids import NUMBER, id_of, numbered
from deskwire.families.lists import known
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    PayloadError,
    PermanentError,
    TemporaryError,
)
from deskwire.model.events import Attachment, Unreadable
from deskwire.model.signals import About, Signal, shown_as
from deskwire.model.tickets import AgentReply, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import Node, read
from deskwire.web.request import Request

from .api import OWN, Api
from .articles import READING, answer_of, customer, fields, marker, safe, written
from .earlier import earlier

CHECKED = date(2026, 11, 29)
DOCS = "https://docs.zammad.org/en/latest/api"
ADMIN_DOCS = "https://admin-docs.zammad.org/en/latest/manage/webhook"
SOURCE = "https://github.com/zammad/zammad/blob/develop"
PRIORITIES = {"low": 1, "high": 3, "urgent": 3}  # Zammad has three; a ticket without one gets the default
SETTLES = timedelta(seconds=60)  # in which an article written earlier may still become visible
PAGES = 5  # of 200 tickets, in one poll
CURSOR = re.compile(r"([0-9T:.Z-]{20,27})(?:;([0-9T:.Z-]{20,27}))?(?:\|([0-9T:.Z-]{20,27})(?:;([0-9T:.Z-]{20,27}))?)?")
NUMBERED = re.compile(r";[0-9]{1,6};[0-9T:.Z-]{20,27}")  # a page's number, as cursors of older versions have it
NOBODY = "1"  # the user “-”, who owns what no agent does (db/seeds/user_nologin.rb)
TITLE = 240  # of 250 characters
ALIKE = 5  # tickets that may bear one key: a second one after doubt, or a ticket split by an agent


class Zammad(Helpdesk):
    """The connector."""

    name = "zammad"
    title = "Zammad"
    verification = HmacHeader(
        header="X-Hub-Signature",
        secret="signature_token",  # noqa: S106 - its name
        algorithm="sha1",
        prefix="sha1=",
    )
    by_hand: ClassVar[Sequence[str]] = (
        "Settings, Webhook: make one to {address} with the signature token of the secret",
        "Settings, Trigger: make one that calls it when an article by an agent, visible for the customer, is created",
    )
    terms = Terms(
        # The ticket with its group, customer, owner and organization, and the article with its whole body.
        body_limit=Figure(8 * 1024 * 1024, f"{ADMIN_DOCS}/payload.html", CHECKED, confirmed=False),
        deadline=Figure(timedelta(seconds=30), f"{SOURCE}/app/jobs/trigger_webhook_job.rb", CHECKED),
        redelivery=Figure(timedelta(minutes=5), f"{SOURCE}/app/jobs/trigger_webhook_job.rb", CHECKED),
        every=Figure(timedelta(minutes=1), f"{DOCS}/ticket/index.html", CHECKED, confirmed=False),
        api_version=Figure("v1", f"{DOCS}/intro.html", CHECKED),
        figures={
            "article_characters": Figure(1_500_000, f"{SOURCE}/app/models/ticket/article.rb", CHECKED),
            "request_bytes": Figure(50 * 1024 * 1024, f"{SOURCE}/contrib/nginx/zammad.conf", CHECKED),
        },
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=1_000_000,
        polls=True,
        tells_closing=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where Zammad is: https://support.example.com",
        "group": "the name of the group that new tickets go to",
        "bot_user_id": "the user id of Deskwire's agent (optional, otherwise looked up)",
        "fields": "ticket attributes to fill: `reference=deskwire_reference` (optional; our name = the name of the "
        "attribute; a connection's own `fields` may name the attribute itself)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"token": "the access token of Deskwire's agent"}
    endpoint_secrets: ClassVar[Mapping[str, str]] = {"signature_token": "the webhook's HMAC SHA1 signature token"}
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C4.algorithm": "SHA-1 is the only algorithm that Zammad signs with",
        "C5.memory": "a signal holds no words: a replay makes us look at the ticket once more, and nothing else",
    }

    # ------------------------------------------------------------------------------------------------- in

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Create the ticket with its first entry and its customer in one call, then add each further entry."""
        api = Api(reach)
        first, *rest = ticket.entries
        made = api.checked(written(api, "POST", "tickets", _ticket(api, ticket), first), "opening a ticket").node()
        number, contact = id_of(made["id"]), id_of(made["customer_id"])
        if not number:
            raise TemporaryError("opening a ticket: the answer names none", ambiguous=True)
        # A trigger may have added articles of its own already; ours came first.
        articles = sorted(int(id_of(each)) for each in made["article_ids"].rows() if id_of(each))
        entries = {first.key: str(articles[0])} if articles else {}
        for entry in rest:
            try:
                entries[entry.key] = _added(api, number, entry, contact)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=True) from None
        return Filed(number, entries, contact)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Look at the ticket, then add each entry; a ticket that sleeps is opened again in the same call.

        Without the look an article would be added to a merged ticket, where nobody reads it.
        """
        api = Api(reach)
        filed: dict[str, str] = {}
        for entry in entries:
            asleep = _asleep(api, numbered(ticket), entry)
            filed[entry.key] = _reopened(api, ticket, entry) if asleep else _added(api, ticket, entry, entry.contact)
        return Filed(ticket, filed)

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Look for the marker of a key: of a ticket by a condition on its articles, in the database, not the index."""
        key, ticket = sought.key, sought.ticket
        api = Api(reach)
        if ticket:
            try:
                number = _place(api, numbered(ticket), marker(key))
            except TicketGone:
                return None
            return Filed(ticket, {key: number}) if number else None
        digest = hashlib.md5(marker(key).encode(), usedforsecurity=False).hexdigest()
        # The column that Zammad itself fills and looks mail up by (app/models/ticket/article.rb); the only indexed one.
        condition = {"article.message_id_md5": {"operator": "is", "value": digest}}
        found = api.search(condition, "looking for a ticket")
        # A condition that Zammad does not understand is left out, and everything found (lib/selector/sql.rb).
        if len(found) > ALIKE:
            raise ConfigurationError("this Zammad does not look for tickets by their articles' message_id_md5")
        for row in found:
            number = id_of(row["id"])
            if number and _place(api, number, marker(key)):
                return Filed(number, {}, id_of(row["customer_id"]))
        return None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    # ------------------------------------------------------------------------------------------------ out

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return the public articles by agents after the one with that id, without our agent's own."""
        api = Api(reach)
        since = int(after) if NUMBER.fullmatch(after) else 0
        bot = api.bot()
        articles = known(api.articles(numbered(ticket)), READING, reach)
        rows = [row for row in articles if int(id_of(row["id"])) > since]
        found = [reply for row in rows if (reply := answer_of(row, ticket, bot, api)) is not None]
        return sorted(found, key=lambda reply: reply.order)

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return the tickets of ours that got a public article by somebody else since the cursor, a time of Zammad's.

        The cursor moves up to a minute before the newest change that was seen, so an article that becomes visible late
        is signalled. Behind a bar stands how far it was looked how tickets stand, which is one more request. Where more
        tickets changed than a poll lists, a second time says where the next one goes on.
        """
        api, ours = Api(reach), {"ticket.tags": {"operator": "contains one", "value": OWN}}
        if not cursor:
            changed = next((row["updated_at"].iso() for row in api.search(ours, "polling", newest=1)), None)
            return Signals((), _stamp((changed or reach.now) - FIRST_LOOK))
        match = CURSOR.fullmatch(NUMBERED.sub("", cursor))
        if match is None:
            raise PermanentError("that is no cursor of Zammad")
        told, said = _answered(api, ours, match[1], match[2] or "")
        stand, stood = _stands(api, ours, match[3] or match[1], match[4] or "")
        return Signals([*told, *stand], f"{said}|{stood}")

    def file(self, attachment: Attachment, reach: Reach) -> File:
        return Api(reach).file(attachment)

    def parse(self, request: Request) -> Iterable[Signal | Unreadable]:
        """Read the default payload: the ticket and, unless a ticket alone changed, the article."""
        body = read(request.body).object()
        ticket, told = body["ticket"]["id"].identifier(), body["article"]
        if not NUMBER.fullmatch(ticket):
            raise PayloadError(f"{body['ticket']['id'].path} is no ticket's number")
        number = id_of(told["id"])
        reason = _reason(told) if number else ""
        yield Signal(
            helpdesk=self.name,
            account=request.endpoint,
            about=About.OTHER if reason else About.TICKET,
            # An article that becomes public later is signalled once more, with another time.
            object_id=number or _delivery(request),
            version=told["updated_at"].text("")[:40] if number else "",
            ticket=ticket,
            reason=reason,
            occurred_at=told["created_at"].iso() if number else None,
            raw={"ticket": {"id": ticket}, "article": {"id": number}},
        )


def _reason(told: Node) -> str:
    """Return why an article is no answer, as far as the payload says; its words are never read from there."""
    if told["internal"].raw is True:
        return "an internal note"
    sender = told["sender"].text("")
    return "" if sender in {"", "Agent"} else f"an article of the sender {sender[:40]}"


def _delivery(request: Request) -> str:
    """Return the id of a delivery that is not about an article.

    Its header is not signed: a false one makes us look at the ticket once more, and nothing else.
    """
    given = request.header("x-zammad-delivery")
    usable = given and given.isprintable() and len(given) <= 200
    return given if usable else hashlib.sha256(request.body).hexdigest()


def _polled(number: str, changed: datetime, reach: Reach) -> Signal:
    return Signal(
        helpdesk=Zammad.name,
        account=reach.account,
        object_id=f"poll-{number}",
        version=_stamp(changed),
        ticket=number,
        occurred_at=changed,
    )


def _answered(api: Api, ours: Mapping[str, Any], since: str, place: str) -> tuple[list[Signal], str]:
    """Return the tickets with a new answer, and how far these were looked for."""
    condition = {
        **ours,
        "article.created_at": {"operator": "after (absolute)", "value": since},
        "article.internal": {"operator": "is", "value": False},
        "article.created_by_id": {"operator": "is not", "value": api.bot()},
    }
    rows, further = _changed(api, condition, since, place)
    signals = [
        _polled(id_of(row["id"]), row["updated_at"].iso() or api.reach.now, api.reach)
        for row in known(rows, "polling", api.reach)
    ]
    return signals, further


def _stands(api: Api, ours: Mapping[str, Any], since: str, place: str) -> tuple[list[Signal], str]:
    """Return how each ticket of ours stands that changed since then, and how far; a minute of it is told again.

    Its webhook could tell it in the name of a state alone, which administrators may change.
    """
    rows, further = _changed(api, ours, since, place)
    kinds = api.states().kinds if rows else {}
    return [signal for row in rows if (signal := _stood(api, row, kinds)) is not None], further


def _changed(api: Api, condition: Mapping[str, Any], since: str, place: str) -> tuple[list[Node], str]:
    """Return the tickets that meet a condition and changed after a time, the earliest first, and the next such time.

    `place`: where the poll before ended, if it did not list all. An article changes its ticket's time as well
    (app/models/ticket/article/has_ticket_contact_attributes_impact.rb). A ticket that changes while pages are read
    moves all behind it one place forward, so each page begins at the time at which the one before it ended.
    """
    found: list[Node] = []
    newest, page, place = since, 1, place or since
    for _ in range(PAGES):
        changed = {"ticket.updated_at": {"operator": "after (absolute)", "value": place}}
        rows = api.search({**condition, **changed}, "polling", page=page, changed=True)
        found += rows
        times = [at for row in rows if (at := row["updated_at"].iso()) is not None]
        newest = max([newest, *(_stamp(at - SETTLES) for at in times)])
        if len(rows) < api.most:
            return found, newest
        reached = max([place, *(_stamp(at - timedelta(milliseconds=1)) for at in times)])
        place, page = (reached, 1) if reached > place else (place, page + 1)
    return found, f"{since};{place}"


def _stood(api: Api, row: Node, kinds: Mapping[str, str]) -> Signal | None:
    """Return how a ticket stands; None for one that was merged or removed, and where that is not told."""
    number, changed, owner = id_of(row["id"]), row["updated_at"].iso(), id_of(row["owner_id"])
    kind = kinds.get(id_of(row["state_id"]), "")
    if not number or changed is None or kind in {"", "merged", "removed"}:
        return None
    return Signal(
        helpdesk=Zammad.name,
        account=api.reach.account,
        about=About.STATUS,
        object_id=f"poll-{number}-stands",
        version=_stamp(changed),
        ticket=number,
        occurred_at=changed,
        **shown_as(solved=kind == "closed", agent="" if owner == NOBODY else owner, name=row["owner"].text("")),
    )


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


# ------------------------------------------------------------------------------------------------------ writing


def _ticket(api: Api, ticket: Ticket) -> dict[str, Any]:
    """Return a new ticket without its article, which `written` adds."""
    group = api.reach.settings.get("group", "")
    if not group:
        raise ConfigurationError("“group” is missing: the group that new tickets go to")
    payload: dict[str, Any] = {
        "title": safe(" ".join(ticket.subject.split()))[:TITLE] or ticket.reference or "-",
        "group": group,
        "customer": customer(ticket.customer),
        "tags": ",".join(tag.replace(",", " ") for tag in ticket.tags),
        "article": {"message_id": marker(ticket.key)},
        **fields(api.reach.settings.get("fields", ""), ticket),
    }
    if ticket.priority in PRIORITIES:
        payload["priority_id"] = PRIORITIES[ticket.priority]
    if NUMBER.fullmatch(ticket.follow_up_of):
        payload["links"] = {"Ticket": {"normal": [int(ticket.follow_up_of)]}}
    return payload


def _added(api: Api, ticket: str, entry: Entry, contact: str) -> str:
    """Add an entry to a ticket; return the article's id."""
    what = "adding to a ticket"
    payload = {"ticket_id": int(ticket)}
    answer = written(api, "POST", "ticket_articles", payload, entry, contact)
    api.writable(answer, ticket)
    made = api.checked(answer, what).node()
    number = id_of(made["id"])
    if not number:
        raise TemporaryError(f"{what}: the answer names no article", ambiguous=True, concerns=Concern.TICKET)
    return number


def _reopened(api: Api, ticket: str, entry: Entry) -> str:
    """Add an entry and open the ticket again, as one update; return the article's id.

    The answer is the ticket, so the article is looked for by its marker.
    """
    what = "opening a ticket again"
    payload = {"state_id": api.states().follow_up, "article": {}}
    answer = written(api, "PUT", f"tickets/{ticket}", payload, entry, entry.contact)
    api.writable(answer, ticket)
    made = api.checked(answer, what).node()
    try:
        number = _place(api, ticket, marker(entry.key)) if id_of(made["id"]) else ""
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=True) from None
    if not number:
        raise TemporaryError(f"{what}: the article is not to be seen", ambiguous=True, concerns=Concern.TICKET)
    return number


def _place(api: Api, ticket: str, mark: str) -> str:
    """Return the id of the article that bears a marker, or an empty string."""
    marked = (row for row in api.articles(ticket) if mark in {row["message_id"].text(""), row["in_reply_to"].text("")})
    return next((id_of(row["id"]) for row in marked), "")


def _asleep(api: Api, ticket: str, entry: Entry) -> bool:
    """Return whether the entry is to open the ticket again. Raises `TicketGone` for one that takes nothing more."""
    shown = api.ticket(ticket)
    kind = api.states().kinds.get(id_of(shown["state_id"]), "")
    if kind == "merged":
        raise _merged(api, ticket, shown)
    if kind == "removed":
        raise TicketGone("deleted")
    if kind == "closed" and entry.public and _past(shown, api.reach):
        raise TicketGone("closed")
    return entry.public and kind in {"closed", "pending"}


def _past(shown: Node, reach: Reach) -> bool:
    """Return whether a closed ticket takes no more messages: Zammad's follow-up rules, which bind customers alone.

    An agent, as Deskwire is, may always follow up (app/policies/ticket_policy.rb).
    """
    # `last_close_at` came with 5.2; older versions know when it was closed for the first time.
    closed = shown["last_close_at"].iso() or shown["close_at"].iso() or shown["updated_at"].iso()
    return not reach.reopens(closed)


def _merged(api: Api, ticket: str, shown: Node) -> TicketGone:
    """Return where a merged ticket went, and when: all its articles moved, and the first one left says “merged”."""
    into = api.merged_into(ticket)
    left = [moment for row in api.articles(ticket) if (moment := row["created_at"].iso()) is not None]
    return TicketGone("merged", into, min(left, default=shown["updated_at"].iso()))

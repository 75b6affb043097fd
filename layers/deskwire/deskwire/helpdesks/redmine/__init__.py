"""Redmine 5: issues and notes over its REST API, agents' answers by polling.

Set-up: the REST web service switched on, a user of its own for Deskwire (its notes are told apart by it) with a role
that may add and edit issues, add notes and set and view private ones. Step by step: docs/helpdesks/redmine.md.
https://www.redmine.org/projects/redmine/wiki/Rest_api

Signature: none. Redmine has no webhooks before version 7 (unconfirmed), and is only polled.
https://www.redmine.org/projects/redmine/wiki/Rest_api

Secrets: `api_key` of that user (My account, API access key).
https://www.redmine.org/projects/redmine/wiki/Rest_api#Authentication

Limits: no rate; 100 issues on a page; a subject holds 255 characters, a text on MySQL 65,535 bytes; files as the
administrator allows (5 MB by default). https://www.redmine.org/projects/redmine/wiki/Rest_Issues

What survives a redelivery: a journal's id. Seen on Redmine 5.0.4 (Debian 12, SQLite, 29 Nov 2026):

* There is no idempotency key: each text bears a mark; an issue is found by its description, a note in its issue.
* A change is answered with 204 and nothing, also where our user lacks the right to it and nothing happened.
* The author of everything is our user, therefore the text says who wrote and when.
* Customers have no user, no e-mail address and get no mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import ClassVar

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.ids import NUMBER, id_of, numbered, required_id
from deskwire.families.lists import flag, known, listed
from deskwire.families.lists import words as told
from deskwire.families.polling import polled
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket
from deskwire.model.values import replace
from deskwire.verification.never import Never
from deskwire.web.reading import Node
from deskwire.web.rest import Call

from .api import Api
from .earlier import earlier
from .issues import changed, issue_of, journal_of, opened, written
from .words import MARK

API = "https://www.redmine.org/projects/redmine/wiki/Rest_Issues"
SEEN = date(2026, 11, 29)
SETTLES = timedelta(seconds=60)  # in which an older note may still become visible
CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)(?:\+([0-9]{1,6}))?")
PAGES = 2  # in one poll
PAGE_ROWS = 100  # the most that Redmine lists at once
OVERLAP = 10  # rows of a second that are listed twice
READING = "reading the replies"
QUOTED = "it holds a mark of Deskwire's: it is a copy of a message"


class Redmine(Helpdesk):
    """Issues of Redmine."""

    name = "redmine"
    title = "Redmine"
    verification = Never()
    terms = Terms(
        body_limit=Figure(1, API, SEEN),  # nothing is ever delivered
        deadline=Figure(timedelta(seconds=10), API, SEEN),
        redelivery=Figure(timedelta(0), API, SEEN),
        every=Figure(timedelta(minutes=1), API, SEEN, confirmed=False),
        api_version=Figure("5.0", API, SEEN),
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=1_000_000,  # in several notes
        pushes=False,
        polls=True,
        tells_closing=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where Redmine is: https://redmine.example.com (with its path)",
        "project": "the identifier of the project that new tickets go to",
        "tracker": "the number of the tracker of new tickets (optional, otherwise the project's first)",
        "reopened_status": "the number of the status that a customer's message gives a closed ticket (optional, "
        "otherwise the first one that is not closed)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {"api_key": "the API access key of Deskwire's user"}

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        api = Api(reach)
        shown = opened(api, ticket)
        number = required_id(shown["id"], "opening a ticket")
        filed: dict[str, str] = {}
        try:
            for entry in ticket.entries:
                filed[entry.key], shown = written(api, shown, entry)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        except TicketGone:  # within a second of its making; a 404 says the same of a wrong address
            raise PermanentError("the new ticket is not there") from None
        return Filed(number, filed)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        api = Api(reach)
        filed: dict[str, str] = {}
        shown = api.issue(ticket, "looking at the ticket")
        for entry in entries:
            try:
                filed[entry.key], shown = written(api, shown, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        changed(Api(reach), ticket, change)

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        api = Api(reach)
        if not sought.ticket:
            found = issue_of(api, sought.key)
            return Filed(found) if found else None
        journal = journal_of(api.issue(sought.ticket, "looking for the message"), sought.key)
        return Filed(sought.ticket, {sought.key: journal}) if journal else None

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        return earlier(Api(reach), customer)

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        api = Api(reach)
        since = int(after) if NUMBER.fullmatch(after) else 0
        shown = api.issue(ticket, READING)
        types = {each["id"].any_id(): each["content_type"].text("") for each in shown["attachments"].rows()}
        journals = known(listed(shown["journals"], READING), READING, reach)
        rows = [row for row in journals if int(id_of(row["id"])) > since and _is_answer(api, row, READING)]
        return sorted((_reply(ticket, row, types) for row in rows), key=lambda reply: reply.order)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        api = Api(reach)
        address = f"{api.address}/attachments/download/{numbered(attachment.id)}"
        return reach.fetch(Call("GET", address, {"X-Redmine-API-Key": api.key}), [api.host])

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return what agents did in our issues since the cursor, a time of Redmine's own clock.

        The cursor stays a minute behind; what is younger is told again. Where more issues bear one second than a poll
        lists, it holds how many of them were listed.
        """
        if not cursor:
            query = {"sort": "updated_on:desc", "limit": "1"}
            last = _listed(Api(reach), query)
            newest = next((row["updated_on"].iso() for row in last), None)
            return Signals((), _stamp((newest or reach.now) - FIRST_LOOK))
        api = Api(reach)
        return polled(cursor, partial(_changed, api), partial(_signals, api), reach)


def _changed(api: Api, cursor: str) -> tuple[Mapping[str, str], str]:
    """Return our issues that changed since the cursor, and the next cursor.

    An issue that changes while pages are read moves to their end, and all behind it one place forward. So each page
    begins at the time at which the one before it ended; within one second, some rows earlier.
    """
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise PermanentError("that is no cursor of Redmine")
    since, settled, place, offset = match[1], match[1], match[1], int(match[2] or 0)
    found: dict[str, str] = {}
    for _ in range(PAGES):
        asked = {"limit": str(PAGE_ROWS), "updated_on": f">={place}", "sort": "updated_on", "offset": str(offset)}
        rows = _listed(api, asked)
        found |= {id_of(row["id"]): since for row in known(rows, "polling", api.reach)}
        moments = [moment for row in rows if (moment := row["updated_on"].iso()) is not None]
        settled = max([settled, *(_stamp(each) for each in moments if abs(api.reach.now - each) >= SETTLES)])
        if len(rows) < PAGE_ROWS:
            break
        last = max(map(_stamp, moments), default=place)
        place, offset = (last, 0) if last > place else (place, offset + PAGE_ROWS - OVERLAP)
    return found, f"{settled}+{offset}" if offset and settled == place else settled


def _listed(api: Api, query: Mapping[str, str]) -> list[Node]:
    """Return a page of our issues. Short filters: `*` is any status, `~` contains (app/models/issue_query.rb)."""
    asked = {"status_id": "*", "description": "~[dw-", **query}
    return listed(api.get("issues.json", "polling", **asked)["issues"], "polling")


def _is_answer(api: Api, row: Node, what: str) -> bool:
    """Return whether a journal is a public note by somebody else, or a file of theirs."""
    reach = api.reach
    if not known([row["user"]], what, reach) or row["user"]["id"].any_id() == api.user:
        return False
    said = told(row["notes"], what, reach).strip() or list(_files(row))
    return bool(said) and flag(row["private_notes"], what, reach) is False


def _files(row: Node) -> Iterator[tuple[str, str]]:
    """Yield id and name of each file that was added with a journal."""
    for detail in row["details"].rows():
        if detail["property"].text("") == "attachment" and detail["new_value"].text(""):
            yield detail["name"].any_id(), detail["new_value"].text("")


def _reply(ticket: str, row: Node, types: Mapping[str, str]) -> AgentReply:
    from deskwire.care.quotation import own_words

    text = own_words(row["notes"].text("").replace("\r\n", "\n"))
    return AgentReply(
        id=required_id(row["id"], "reading the replies"),
        order=row["id"].number(),
        ticket=ticket,
        text=text,
        author=row["user"]["name"].text(""),
        written_at=row["created_on"].iso(),
        attachments=tuple(
            Attachment(
                AttachmentKind.of(types.get(number, "")),
                id=number,
                name=name,
                type=types.get(number, ""),
            )
            for number, name in _files(row)
        ),
        withheld=QUOTED if MARK.search(text) else "",
    )


def _signals(api: Api, ticket: str, cursor: str) -> Iterator[Signal]:
    """Yield what the journals of an issue say: answers, and statuses that agents set."""
    shown, since = api.issue(ticket, "polling"), datetime.fromisoformat(cursor)
    what = "polling"
    for row in known(listed(shown["journals"], what), what, api.reach):
        moment = row["created_on"].iso()
        if moment is None:  # an answer is told again and again, as one; what became of the ticket is not known
            api.reach.left_out(what, row["created_on"])
        elif moment < since:
            continue
        if row["user"]["id"].any_id() == api.user:
            continue
        answered = Signal(
            helpdesk=Redmine.name,
            account=api.reach.account,
            object_id=required_id(row["id"], "polling"),
            ticket=ticket,
            occurred_at=moment,
        )
        if _is_answer(api, row, what):
            yield answered
        for detail in _details(row, what, api.reach) if moment is not None else ():
            changed = (told(detail["property"], what, api.reach), told(detail["name"], what, api.reach))
            if changed == ("attr", "assigned_to_id"):
                yield _assigned(shown, answered, detail["new_value"].any_id())
            if changed == ("attr", "status_id"):
                yield _status(api, answered, detail["old_value"].number(0), detail["new_value"].number(0))


def _details(row: Node, what: str, reach: Reach) -> list[Node]:
    """Return what a journal changed; what is no list of changes is reported."""
    if row["details"] and not isinstance(row["details"].raw, list):
        reach.left_out(what, row["details"])
    return row["details"].rows()


def _status(api: Api, signal: Signal, old: int, new: int) -> Signal:
    """Return the signal of a changed status."""
    closed = api.statuses()
    before, after = closed.get(old, False), closed.get(new, False)
    status = None if before == after else Status.SOLVED if after else Status.REOPENED
    return replace(
        signal,
        about=About.STATUS if status else About.OTHER,
        version="status",
        status=status,
        reason="" if status else f"status {new}",
    )


def _assigned(shown: Node, signal: Signal, agent: str) -> Signal:
    """Return the signal of a changed assignee, a user or a group; the name is told of the present one alone."""
    present = shown["assigned_to"]
    name = present["name"].text("") if present["id"].any_id() == agent else ""
    return replace(signal, about=About.STATUS, version="assignee", assignee=Assignee(agent, name))


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""django-helpdesk 2.6: tickets and follow-ups over its REST interface, agents' answers by polling.

Set-up: Django REST framework in the project's settings, and a user of its own for Deskwire (its follow-ups are told
apart by it): staff, no superuser, with a token. Step by step: docs/helpdesks/djangohelpdesk.md.
https://django-helpdesk.readthedocs.io/en/stable/api.html

Signature: none. Its webhooks are unsigned, are sent for our own follow-ups too and never repeated, so it is only
polled. https://django-helpdesk.readthedocs.io/en/stable/webhooks.html

Secrets: `token` (of rest_framework.authtoken) or `password` of that user.
https://www.django-rest-framework.org/api-guide/authentication/

Limits: no rate; a file's type must be one of HELPDESK_VALID_EXTENSIONS; a title holds 200 characters.
https://django-helpdesk.readthedocs.io/en/stable/settings.html

What survives a redelivery: a follow-up's id. Seen on django-helpdesk 2.6.1 (29 Nov 2026, Django 5.2, SQLite):

* There is no idempotency key, nothing can be searched for, and a list has no filter. What we write bears a mark, which
  is looked for in its ticket, or for a ticket's among the newest follow-ups of all.
* A follow-up's title becomes the ticket's; on a resolved ticket its words become the resolution.
* Words are a Django template, shown as Markdown; `#7` links ticket 7 and writes a follow-up there.
* A file of a type that is not allowed is refused, but sent along with a follow-up it is an HTTP 500 and the follow-up
  exists. So files follow the words.
* The author of everything is our user; the interface tells no names and not who we are.
* Each request for a ticket loads all tickets that our user may see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import ClassVar
from urllib.parse import urlsplit

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import Abilities, Helpdesk, Signals, TicketGone
from deskwire.contracts.terms import Figure, Terms
from deskwire.families.ids import NUMBER, id_of, numbered, required_id
from deskwire.families.lists import known, listed
from deskwire.families.polling import begin, polled
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.model.tickets import AgentReply, Change, Entry, File, Filed, Sought, Ticket
from deskwire.model.values import replace
from deskwire.verification.never import Never
from deskwire.web.reading import Node
from deskwire.web.rest import Call, checked

from .api import HINT, Api, Page
from .followups import answers, is_answer, is_own, is_staff, ours
from .tickets import CLOSED, REOPENED, RESOLVED, changed, opened, standing, written
from .words import mark

API = "https://django-helpdesk.readthedocs.io/en/stable/api.html"
SEEN = date(2026, 11, 29)
SETTLES = timedelta(seconds=60)  # in which a follow-up with a lower id may still become visible
STATUSES = {RESOLVED: Status.SOLVED, CLOSED: Status.SOLVED, REOPENED: Status.REOPENED}


class DjangoHelpdesk(Helpdesk):
    """Tickets of django-helpdesk."""

    name = "djangohelpdesk"
    title = "django-helpdesk"
    verification = Never()
    terms = Terms(
        body_limit=Figure(1, API, SEEN),  # nothing is ever delivered
        deadline=Figure(timedelta(seconds=10), API, SEEN),
        redelivery=Figure(timedelta(0), API, SEEN),
        every=Figure(timedelta(minutes=1), API, SEEN, confirmed=False),
        api_version=Figure("2.6", API, SEEN),
    )
    abilities = Abilities(
        native_key=False,
        find_open=True,
        find_append=True,
        several=False,
        entry_bytes=1_000_000,  # in several follow-ups
        pushes=False,
        polls=True,
        tells_closing=True,
    )
    connection_settings: ClassVar[Mapping[str, str]] = {
        "address": "where django-helpdesk is: https://desk.example.com/helpdesk (with its path, without /api)",
        "queue": "the number of the queue that new tickets go to",
        "user_id": "the number of Deskwire's user",
        "user": "the name of that user (optional: for a password alone)",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {
        "token": "the token of Deskwire's user",
        "password": "or the password of that user",
    }

    known_gaps: ClassVar[Mapping[str, str]] = {
        "H12": "its interface lists tickets by their status alone, and our customers have no account there"
    }

    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        api = Api(reach)
        number = opened(api, ticket)
        filed: dict[str, str] = {}
        empty = Node({"id": int(number), "status": 1, "followup_set": []})
        try:
            for entry in ticket.entries:
                filed[entry.key] = written(api, empty, ticket.thread, entry)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
        except TicketGone:  # deleted since a moment ago: the next attempt finds none and opens another
            raise TemporaryError("the ticket went while it was filled", concerns=Concern.TICKET) from None
        return Filed(number, filed)

    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        api = Api(reach)
        filed: dict[str, str] = {}
        for entry in entries:
            try:
                shown = standing(api, ticket, public=entry.public)
                filed[entry.key] = written(api, shown, thread, entry)
            except (TemporaryError, ConfigurationError) as error:
                raise error.retold(ambiguous=error.ambiguous or bool(filed)) from None
        return Filed(ticket, filed)

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        changed(Api(reach), ticket, change)

    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Look for the mark of a key in its ticket, or for a ticket's key, which its first follow-up bears, in all."""
        api, what, wanted = Api(reach), "looking for a key", mark(sought.thread, sought.key)
        if sought.ticket:
            shown = listed(api.followed(sought.ticket, what)["followup_set"], what)
            found = next((row for row in shown if _marked(api, row, wanted)), None)
            return None if found is None else Filed(sought.ticket, {sought.key: required_id(found["id"], what)})
        for page in api.recent(what):
            for row in page.rows.values():
                if _marked(api, row, wanted):
                    return Filed(required_id(row["ticket"], what))
            if sought.since is not None and _all_before(page, sought.since - SETTLES):
                return None
        return None

    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        return answers(Api(reach), ticket, int(after) if NUMBER.fullmatch(after) else 0)

    def file(self, attachment: Attachment, reach: Reach) -> File:
        """Return a file, which is to be among the media on the site's own host, whatever name the site knows it by."""
        api, what = Api(reach), "reading a file"
        answer = api.ask("GET", f"followups-attachments/{numbered(attachment.id)}/")
        place = urlsplit(checked(answer, what=what, secret_hint=HINT).node()["file"].text())
        return reach.fetch(Call("GET", f"{api.origin}{place.path}"), [api.host])

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return what agents did in our tickets since the cursor, a follow-up's id.

        It moves up to a minute ago only: younger follow-ups are told again by the next look.
        """
        api = Api(reach)
        if not cursor:
            return Signals((), begin(_newest(api), "date", reach.now))
        return polled(cursor, partial(_changed, api), partial(_told, api), reach)


def _newest(api: Api) -> list[Node]:
    """Return the follow-ups of the two newest pages, of which one may be nearly empty, the newest first."""
    found: dict[int, Node] = {}
    for page in islice(api.recent("polling"), 2):
        found |= page.rows
    return [row for _, row in sorted(found.items(), reverse=True)]


def _changed(api: Api, cursor: str) -> tuple[Mapping[str, str], str]:
    """Return the tickets with a follow-up by an agent since the cursor, and the next cursor."""
    if not cursor.isdigit():
        raise PermanentError("that is no cursor of django-helpdesk")
    what, found, counts = "polling", dict[int, Node](), set[int]()
    for page in api.recent(what):
        fresh = {number: row for number, row in page.rows.items() if number > int(cursor)}
        if not fresh:
            break
        found |= fresh
        counts.add(page.count)
    rows = [row for _, row in sorted(found.items())]
    concerned = [row for row in known(rows, what, api.reach, "ticket") if is_staff(api, row, what)]
    # Where rows came or went while several pages were read, one may have moved to a page that was read before.
    settled = _settled(cursor, rows, api.reach.now) if len(counts) < 2 else cursor
    return {id_of(row["ticket"]): cursor for row in concerned}, settled


def _told(api: Api, ticket: str, cursor: str) -> Iterator[Signal]:
    """Yield what agents did in a ticket since the cursor: news of each of our tickets that are in it."""
    what = "polling"
    shown = api.followed(ticket, what)
    numbers, assignee = ours(api, required_id(shown["id"], what), shown), Assignee(shown["assigned_to"].any_id())
    rows = known(listed(shown["followup_set"], what), what, api.reach)
    for row in sorted(rows, key=lambda each: each["id"].number()):
        if row["id"].number() > int(cursor) and is_staff(api, row, what):
            for each in numbers:
                yield from _signals(api, row, each, assignee)


def _marked(api: Api, row: Node, wanted: str) -> bool:
    return row["comment"].text("").endswith(wanted) and is_own(api, row)


def _all_before(page: Page, moment: datetime) -> bool:
    """Return whether all of a page was written before then."""
    written = [row["date"].iso() for row in page.rows.values()]
    return bool(written) and all(at is not None and at < moment for at in written)


def _signals(api: Api, row: Node, ticket: str, assignee: Assignee) -> Iterator[Signal]:
    """Yield what a follow-up by an agent says: an answer, a status, or both, and who has the ticket by now.

    Whom it was given to stands in a follow-up's title alone, in words of the agent's language; so the ticket tells.
    """
    answered = Signal(
        helpdesk=DjangoHelpdesk.name,
        account=api.reach.account,
        object_id=required_id(row["id"], "polling"),
        version=ticket,  # where several of our tickets were merged, one follow-up is news of each
        ticket=ticket,
        assignee=assignee,
        occurred_at=row["date"].iso(),
    )
    what, reach = "polling", api.reach
    answers = is_answer(api, row, what)
    if answers:
        yield answered
    if row["new_status"] and not id_of(row["new_status"]):
        reach.left_out(what, row["new_status"])
    if row["new_status"]:
        number = row["new_status"].number(0)
        status = STATUSES.get(number)
        yield replace(
            answered,
            about=About.STATUS if status else About.OTHER,
            version=f"{ticket}-status",
            status=status,
            assignee=assignee if status else None,
            reason="" if status else f"status {number}",
        )
    elif not answers:
        yield replace(answered, about=About.STATUS, version=f"{ticket}-assignee")


def _settled(cursor: str, rows: Sequence[Node], now: datetime) -> str:
    """Return up to which follow-up nothing is to come any more."""
    for row in rows:
        moment = row["date"].iso()
        if moment is not None and abs(now - moment) < SETTLES:  # a clock that is ahead holds nothing up
            break
        cursor = str(max(int(cursor), row["id"].number()))
    return cursor

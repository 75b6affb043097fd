"""What is written into django-helpdesk: tickets, customers' words and notes as follow-ups, and their files."""

from __future__ import annotations

from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import numbered, required_id
from deskwire.families.introducing import introduction, tagged
from deskwire.families.pieces import keyed
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.tickets import Change, Entry, File, Ticket
from deskwire.web.media import safe_name
from deskwire.web.reading import Node
from deskwire.web.rest import checked

from .api import HINT, OF_ACCOUNT, Api, refused
from .words import left_out, line, mark, safe, spoken

REOPENED, RESOLVED, CLOSED, DUPLICATE = 2, 3, 4, 5
OVER = frozenset({RESOLVED, CLOSED, DUPLICATE})
PRIORITIES = {"urgent": 1, "high": 2, "normal": 3, "low": 4}
TAGS = "Tags"


def opened(api: Api, ticket: Ticket) -> str:
    """Create the ticket without the customer's words, which follow; return its id.

    It gets no submitter's address: django-helpdesk would mail the customer their own words, and the answers beside the
    channel.
    """
    what, queue = "opening a ticket", api.reach.settings.get("queue", "")
    if not queue.isdigit():
        raise ConfigurationError("“queue” is not the number of the queue that new tickets go to")
    more = {
        "Reference": line(ticket.reference),
        TAGS: line(", ".join(ticket.tags)),
        "Follow-up of": line(ticket.follow_up_of),
    }
    payload = {
        "queue": int(queue),
        "title": " ".join(ticket.subject.split())[:150] or ticket.reference or "-",
        "description": f"{introduction(ticket, line, more)}\n\n{mark(ticket.thread, ticket.key)}",
        "priority": PRIORITIES.get(ticket.priority, PRIORITIES["normal"]),
    }
    answer = api.ask("POST", "tickets/", payload)
    if answer.status == 400 and (named := sorted(each for each in refused(answer) if each.startswith(OF_ACCOUNT))):
        raise ConfigurationError(f"{what}: django-helpdesk refuses {line(', '.join(named))}: see “queue”")
    made = checked(answer, what=what, secret_hint=HINT).node()
    return required_id(made["id"], what)


def standing(api: Api, ticket: str, *, public: bool) -> Node:
    """Return the ticket. Raises `TicketGone` for one that takes nothing more.

    When tickets were merged is not told: now is the latest that it can have been.
    """
    shown = api.ticket(ticket, "looking at the ticket")
    into = shown["merged_to"].any_id()
    if into:
        raise TicketGone("merged", into=numbered(into), at=api.reach.now)
    if public and shown["status"].number(0) in OVER:
        # When it was closed is not told: nothing was written into it since its last follow-up.
        moments = [moment for row in shown["followup_set"].rows() if (moment := row["date"].iso()) is not None]
        if not api.reach.reopens(max(moments, default=None)):
            raise TicketGone("closed")
    return shown


def written(api: Api, shown: Node, thread: str, entry: Entry) -> str:
    """Write an entry into a ticket as it was shown, unless it is there; return its follow-up.

    Long words are several follow-ups, the last one with the entry's mark and its files. Words with files bear another
    mark until the files are there, so that an interrupted attempt is gone on with.
    """
    row = _marked(shown, mark(thread, entry.key))
    if row is not None:
        return required_id(row["id"], "looking at the ticket")
    *before, (_, text) = keyed(entry.key, spoken(entry))
    try:
        for key, piece in before:
            if _marked(shown, mark(thread, key)) is None:
                _posted(api, shown, entry, f"{piece}\n\n{mark(thread, key)}")
        return _with_files(api, shown, thread, entry, text)
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=error.ambiguous or bool(before)) from None


def _with_files(api: Api, shown: Node, thread: str, entry: Entry, words: str) -> str:
    """Write the last words of an entry, with its files; return the follow-up."""
    whole, begun = mark(thread, entry.key), mark(thread, entry.key, unfinished=True)
    files = [file for file in entry.files if file.data]
    empty = [file.name for file in entry.files if not file.data]
    row = _marked(shown, begun) if files else None
    if row is None:
        row = _posted(api, shown, entry, _text(words, empty, begun if files else whole))
        if not files:
            return required_id(row["id"], "adding to a ticket")
    number = required_id(row["id"], "adding to a ticket")
    there = {each["filename"].text("") for each in row["followupattachment_set"].rows()}
    try:
        lost = [file.name for file in files if safe_name(file.name) not in there and not _attached(api, number, file)]
        comment = {"comment": _text(words, [*empty, *lost], whole)}
        changed = api.send("PATCH", f"followups/{number}/", comment, "finishing a message")
        return required_id(changed["id"], "finishing a message")
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=True) from None


def _text(words: str, refused: list[str], marked: str) -> str:
    return "\n".join([words, *left_out(refused), "", marked])


def _marked(shown: Node, wanted: str) -> Node | None:
    rows = shown["followup_set"].rows()
    return next((row for row in rows if row["comment"].text("").endswith(wanted)), None)


def _posted(api: Api, shown: Node, entry: Entry, text: str) -> Node:
    """Create a follow-up. It has no title: with one, django-helpdesk renames the ticket.

    On a resolved ticket a follow-up becomes the ticket's resolution. A customer's words open it again; a note begins as
    the resolution that is there already, and gets its own words by a change, which touches nothing else.
    """
    what = "adding to a ticket"
    payload = {"ticket": int(required_id(shown["id"], what)), "comment": text, "public": entry.public}
    status, resolution = shown["status"].number(0), shown["resolution"].text("")
    if status in OVER and entry.public:
        payload["new_status"] = REOPENED
    elif status == RESOLVED or (status == CLOSED and not resolution):
        made = api.send("POST", "followups/", payload | {"comment": safe_again(resolution)}, what)
        try:
            return api.send("PATCH", f"followups/{required_id(made['id'], what)}/", {"comment": text}, what)
        except (TemporaryError, ConfigurationError) as error:
            raise error.retold(ambiguous=True) from None
    return api.send("POST", "followups/", payload, what)


def safe_again(resolution: str) -> str:
    """Return a resolution that Django's templates leave as it is; most of them already do."""
    return safe(resolution) if "{" in resolution else resolution


def _attached(api: Api, followup: str, file: File) -> bool:
    """Add a file to a follow-up; return whether django-helpdesk took it: it may refuse a type, a proxy the size."""
    what, name = "adding a file", safe_name(file.name)
    fields = {"followup": followup, "filename": name, "mime_type": file.type}
    answer = api.ask("POST", "followups-attachments/", file=(file, fields))
    if answer.status == 413 or (answer.status == 400 and refused(answer) & {"file", "filename", "mime_type"}):
        return False
    required_id(checked(answer, what=what, secret_hint=HINT).node()["id"], what)
    return True


def changed(api: Api, ticket: str, change: Change) -> None:
    """Look at the ticket, and change it where it has a lower priority or lacks a tag. Raises `TicketGone`."""
    shown = api.ticket(ticket, "changing a ticket")
    if into := shown["merged_to"].any_id():
        raise TicketGone("merged", into=numbered(into), at=api.reach.now)
    asked: dict[str, object] = {}
    wanted = PRIORITIES.get(change.priority)
    if wanted is not None and wanted < shown["priority"].number():
        asked["priority"] = wanted
    described = shown["description"].text("")
    if change.tags and (new := tagged(described, change, TAGS)) != described:
        asked["description"] = new
    if asked:
        required_id(
            api.send("PATCH", f"tickets/{numbered(ticket)}/", asked, "changing a ticket")["id"], "changing a ticket"
        )

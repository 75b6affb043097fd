"""What is written into BottleCRM: tickets, customers' words and notes as internal notes, and their files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.introducing import introduction
from deskwire.families.lists import listed
from deskwire.families.pieces import keyed
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.keys import digest
from deskwire.model.tickets import PRIORITIES, Change, Entry, File, Ticket
from deskwire.web.media import called
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, checked

from .api import HINT, Api, Shown, errors_of, required
from .words import left_out, line, mark, of_person, safe, spoken, titled

OVER = frozenset({"Closed", "Rejected", "Duplicate"})  # cases/views.py: OPEN_STATUSES are the other three
FILE_NAME = 60  # characters; BottleCRM would cut it itself, and it could not be recognised
MANDATORY = "custom_fields"


def ticket_of(api: Api, key: str) -> str:
    """Return the oldest ticket of ours whose description bears the mark of a key, or an empty string."""
    what, wanted = "looking for the ticket", mark(key)
    query = {"slim": "true", "show_merged": "true", "ordering": "created_at", "limit": "20", "search": wanted[1:-1]}
    rows = listed(api.get("cases/", what, **query)["cases"], what)
    return next((required(row["id"], what) for row in rows if wanted in row["description"].text("").split()), "")


def opened(api: Api, ticket: Ticket) -> Shown:
    """Create the ticket without the customer's words, which follow.

    Its name is ours alone, and BottleCRM takes no name twice: where it is taken, an earlier attempt made the ticket.
    It gets no contact: BottleCRM would mail them the answers beside the channel, and each change of the status.
    """
    what = "opening a ticket"
    tags = {tag: api.tag(tag) for tag in ticket.tags}
    more = {
        "Reference": line(ticket.reference),
        "Tags": line(", ".join(tag for tag, found in tags.items() if not found)),
        "Follow-up of": line(ticket.follow_up_of),
        "Same customer": of_person(ticket.customer.external_id),
    }
    fields = {
        "status": "New",
        "priority": ticket.priority.capitalize() if ticket.priority in PRIORITIES else "Normal",
        "description": f"{introduction(ticket, line, more)}\n\n{mark(ticket.key)}",
        "tags": [found for found in tags.values() if found],
    }
    short = line(ticket.reference, 30)
    answer = api.ask("POST", "cases/", {"name": titled(ticket.subject, short), **fields})
    if answer.status == 400 and errors_of(answer)["errors"]["name"]:
        if found := ticket_of(api, ticket.key):
            return api.followed(found, what)
        name = titled(ticket.subject, f"{short} {digest(ticket.key)[:8]}".strip())
        answer = api.ask("POST", "cases/", {"name": name, **fields})
    if answer.status == 400 and errors_of(answer)["errors"][MANDATORY]:
        raise ConfigurationError(
            f"{what}: a custom field is mandatory, and Deskwire does not fill it: make it optional"
        )
    made = checked(answer, what=what, secret_hint=HINT).node()["cases_obj"]
    required(made["id"], what)
    return Shown(Node({"cases_obj": made.raw, "comments": [], "internal_notes": [], "attachments": []}))


def written(api: Api, shown: Shown, entry: Entry) -> tuple[str, Shown]:
    """Write an entry into a ticket as it was shown, unless it is there; return its comment, and the ticket afterwards.

    All of it is internal: a public comment by us would be the company's first answer for BottleCRM's clocks, and be
    mailed to whoever an agent names as the ticket's contact. Long words are several comments, the last one with the
    entry's key. Before it go the files, so words that are there are complete.
    """
    if found := comment_of(shown, entry.key):
        return found, shown
    if entry.public:
        opened_again(api, shown)
    *before, (key, text) = keyed(entry.key, spoken(entry))
    try:
        for other, piece in before:
            if not comment_of(shown, other):
                _, shown = _commented(api, shown, other, piece)
        lost = _files(api, shown, entry)
        return _commented(api, shown, key, "\n".join([text, *left_out(lost)]))
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=error.ambiguous or bool(before)) from None


def _files(api: Api, shown: Shown, entry: Entry) -> list[str]:
    """Add the files of an entry, but those that an earlier attempt added; return which BottleCRM did not take."""
    begun = [row["file_name"].text("") for row in left_over(api, shown)] if entry.files else []
    lost: list[str] = []
    for file in entry.files:
        name = file_name(file)
        if name in begun:
            begun.remove(name)
        elif not _attached(api, shown.id, name, file):
            lost.append(file.name)
    return lost


def _commented(api: Api, shown: Shown, key: str, text: str) -> tuple[str, Shown]:
    """Write one comment; return it, and the ticket afterwards."""
    what = "adding to a ticket"
    comment = {"comment": f"{text}\n\n{mark(key)}", "is_internal": True}
    node = api.send("POST", f"cases/{shown.id}/", comment, what)
    now = Shown(node)
    found = comment_of(now, key)
    if not found:
        raise TemporaryError(f"{what}: the answer does not show the words", ambiguous=True)
    listed(node["comments"], what)
    return found, now


def comment_of(shown: Shown, key: str) -> str:
    """Return the comment that bears the mark of a key, or an empty string."""
    found = next((row for row in shown.comments if row["comment"].text("").endswith(mark(key))), None)
    return "" if found is None else required(found["id"], "looking for the message")


def left_over(api: Api, shown: Shown) -> list[Node]:
    """Return our files that no words followed: an earlier attempt was cut off between them."""
    if not shown.files:
        return []
    last = max((row["commented_on"].text("") for row in shown.comments if mine(api, row)), default="")
    return [row for row in shown.files if row["created_by"].any_id() == api.user and row["created_at"].text("") > last]


def mine(api: Api, row: Node) -> bool:
    """Return whether a comment is our own."""
    return row["commented_by"]["id"].any_id() == api.me


def file_name(file: File) -> str:
    """Return a file's name as BottleCRM keeps it; its ending is all that tells its type there."""
    name = safe(called(file, file.name).name)
    stem, dot, ending = name.rpartition(".")
    return name if len(name) <= FILE_NAME else f"{stem[: FILE_NAME - len(dot + ending)]}{dot}{ending}"[:FILE_NAME]


def _attached(api: Api, ticket: str, name: str, file: File) -> bool:
    """Add a file to a ticket; return whether BottleCRM took it: it, or a proxy, may refuse the size."""
    what = "adding a file"
    answer = api.ask("POST", f"cases/{ticket}/", file=(name, file))
    if answer.status == 413 or (answer.status == 400 and _refuses_file(answer)):
        return False
    listed(api.taken(answer, what)["attachments"], what)
    return True


def _refuses_file(answer: Answer) -> bool:
    said = errors_of(answer)
    return bool(said["attachment"] or said["errors"]["attachment"])


# ---------------------------------------------------------------------------------------------------- its state


def opened_again(api: Api, shown: Shown) -> None:
    """Open a ticket that is over again. Raises `TicketGone` where the company's rule is another ticket."""
    status = shown.case["status"].text("")
    if status not in OVER:
        return
    if not api.reach.reopens(closed_at(shown.case)):
        raise TicketGone("closed")
    wanted = "Assigned" if shown.case["assigned_to"].rows() else "New"
    try:
        _patched(api, shown.id, {"status": wanted}, "opening a ticket again")
    except PermanentError as error:  # it is being merged: no reason to refuse the words
        raise TemporaryError(str(error), after=60, concerns=Concern.TICKET) from None


def closed(api: Api, ticket: str) -> None:
    """Close a ticket, unless it is over. Raises `TicketGone`."""
    shown = api.ticket(ticket, "closing a ticket")
    if shown.case["status"].text("") not in OVER:
        _patched(api, shown.id, {"status": "Closed"}, "closing a ticket")


def _patched(api: Api, ticket: str, fields: dict[str, object], what: str) -> None:
    if api.send("PATCH", f"cases/{ticket}/", fields, what)["error"].truth(default=True):
        raise TemporaryError(f"{what}: the answer tells of no success", ambiguous=True, concerns=Concern.TICKET)


def closed_at(case: Node) -> datetime | None:
    """Return when a ticket was closed: of a rejected one, only the day may be known."""
    moment = case["resolved_at"].iso()
    if moment is not None:
        return moment
    try:
        return datetime.fromisoformat(case["closed_on"].text("")).replace(tzinfo=UTC) + timedelta(days=1)
    except ValueError:
        return None


def changed(api: Api, ticket: str, change: Change) -> None:
    """Look at the ticket, and change it where it has a lower priority or lacks a tag. Raises `TicketGone`.

    By the bulk interface, because that one adds tags; the ticket's own would replace them all.
    """
    what = "changing a ticket"
    shown = api.ticket(ticket, what)
    asked: dict[str, object] = {}
    if change.raises(shown.case["priority"].text("").lower()):
        asked["priority"] = change.priority.capitalize()
    present = {row["id"].any_id() for row in shown.case["tags"].rows()}
    names = {row["name"].text("").casefold() for row in shown.case["tags"].rows()}
    lacking = [found for tag in change.tags if tag.casefold() not in names and (found := api.tag(tag))]
    if tags := [each for each in lacking if each not in present]:
        asked["tags"] = tags
    if not asked:
        return
    node = api.send("POST", "cases/bulk/update/", {"ids": [shown.id], "fields": asked}, what)
    outcome = node["results"][0]["status"].text("")
    if outcome == "no_access":
        raise ConfigurationError(f"{what}: BottleCRM's user may not change it; see docs/helpdesks/bottlecrm.md")
    if outcome != "updated":
        raise TemporaryError(f"{what}: BottleCRM did not change it ({line(outcome, 30)})", concerns=Concern.TICKET)

"""What is written into Redmine: issues, customers' words and notes as journals, and their files."""

from __future__ import annotations

from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import numbered, required_id
from deskwire.families.introducing import introduction, tagged
from deskwire.families.pieces import keyed
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.tickets import Change, Entry, Ticket
from deskwire.web.media import safe_name
from deskwire.web.reading import Node
from deskwire.web.rest import checked

from .api import HINT, PAGE, Api
from .words import left_out, line, mark, of_person, shown, spoken

TAGS = "Tags"
SUBJECT = 250  # of 255 characters


def issue_of(api: Api, key: str) -> str:
    """Return the oldest issue whose description bears the mark of a key, or an empty string."""
    what = "looking for the ticket"
    # Short filters: `*` is any status, `~` contains (Redmine 5.0: app/models/issue_query.rb).
    query = {"status_id": "*", "description": f"~{mark(key)[1:-1]}", "sort": "id", "limit": "1"}
    rows = api.get("issues.json", what, **query)["issues"].items()
    return next((required_id(row["id"], what) for row in rows), "")


def opened(api: Api, ticket: Ticket) -> Node:
    """Create the issue without the customer's words, which follow; return it."""
    what = "opening a ticket"
    more = {
        "Reference": line(ticket.reference),
        TAGS: line(", ".join(ticket.tags)),
        "Follow-up of": line(ticket.follow_up_of),
        "Same customer": of_person(ticket.customer.external_id),
    }
    fields: dict[str, object] = {
        "project_id": api.project[0],
        "subject": " ".join(ticket.subject.split())[:SUBJECT] or ticket.reference or "-",
        "description": shown(introduction(ticket, line, more), ticket.key),
        "priority_id": api.priorities().get(ticket.priority) or api.priorities()["normal"],
    }
    if tracker := api.reach.settings.get("tracker", ""):
        fields["tracker_id"] = int(numbered(tracker))
    answer = api.ask("POST", "issues.json", {"issue": fields})
    api.refused(answer, what)
    made = checked(answer, what=what, secret_hint=HINT).node()["issue"]
    required_id(made["id"], what)
    return made


def written(api: Api, issue: Node, entry: Entry) -> tuple[str, Node]:
    """Write an entry into an issue as it was shown, unless it is there; return its journal, and the issue as it is now.

    Long words are several notes. The last one bears the entry's key and has its files.
    """
    if found := journal_of(issue, entry.key):
        return found, issue
    reopened = opening(api, issue) if entry.public else None
    *before, last = keyed(entry.key, spoken(entry))
    for key, text in before:
        if not journal_of(issue, key):
            _, issue = _noted(api, issue, entry, key, text, {} if reopened is None else {"status_id": reopened})
            reopened = None
    more: dict[str, object] = {} if reopened is None else {"status_id": reopened}
    uploads: list[dict[str, str]] = []
    lost: list[str] = []
    try:
        for file in entry.files:
            token = api.upload(file) if file.data else ""
            if token:
                uploads.append({"token": token, "filename": safe_name(file.name), "content_type": file.type})
            else:
                lost.append(file.name)
        if uploads:
            more["uploads"] = uploads
        key, text = last
        return _noted(api, issue, entry, key, "\n".join([text, *left_out(lost)]), more)
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=error.ambiguous or bool(before)) from None


def _noted(api: Api, issue: Node, entry: Entry, key: str, text: str, more: dict[str, object]) -> tuple[str, Node]:
    """Write one note; return its journal, and the issue.

    The issue is looked at afterwards, for Redmine answers with nothing: not with the journal's id, and not that our
    user lacks a right.
    """
    what = "adding to a ticket"
    api.change(issue, {"notes": shown(text, key), "private_notes": not entry.public, **more}, what)
    try:
        issue = api.issue(required_id(issue["id"], what), "looking for the message")
        found = journal_of(issue, key)
    except (TemporaryError, ConfigurationError) as error:
        raise error.retold(ambiguous=True) from None
    if not found:
        api.moved(issue)
        raise ConfigurationError(f"{what}: Redmine took no note: its user lacks a right: {PAGE}")
    return found, issue


def journal_of(issue: Node, key: str) -> str:
    """Return the journal of an issue that bears the mark of a key, or an empty string."""
    rows = issue["journals"].rows()
    found = next((row for row in rows if row["notes"].text("").endswith(mark(key))), None)
    return "" if found is None else required_id(found["id"], "looking for the message")


def opening(api: Api, issue: Node) -> int | None:
    """Return the status that opens a closed issue again, None for an open one.

    Raises `TicketGone` for one that is closed for longer than the company opens it again, and for one that Redmine does
    not open: the workflow or a closed parent leave it no open status, which it would not say when it is asked for one,
    or its version is closed (app/models/issue.rb: new_statuses_allowed_to, validate_issue).
    """
    if not api.statuses().get(issue["status"]["id"].number(0)):
        return None
    moment = issue["closed_on"].iso()  # which stays when it is opened again
    if moment is not None and not api.reach.reopens(moment):
        raise TicketGone("closed")
    told = issue["allowed_statuses"]  # since Redmine 5.0
    allowed = [row["id"].number(0) for row in told.rows()] if isinstance(told.raw, list) else None
    status, version = api.open_status(allowed), issue["fixed_version"]["id"].any_id()
    if status is None or (version and api.version_closed(version)):
        raise TicketGone("closed")
    return status


def changed(api: Api, ticket: str, change: Change) -> None:
    """Look at the issue, and change it where it has a lower priority or lacks a tag. Raises `TicketGone`."""
    what = "changing a ticket"
    issue = api.issue(ticket, what)
    asked: dict[str, object] = {}
    wanted = api.priorities().get(change.priority)
    if wanted is not None and api.rank(wanted) > api.rank(issue["priority"]["id"].number()):
        asked["priority_id"] = wanted
    described = issue["description"].text("").replace("\r\n", "\n")
    if change.tags and (new := tagged(described, change, TAGS)) != described:
        asked["description"] = new
    if asked:
        api.change(issue, asked, what)

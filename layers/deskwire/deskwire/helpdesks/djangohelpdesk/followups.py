"""What agents wrote in django-helpdesk: whose a follow-up is, and which of a merged ticket's are for this customer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from deskwire.families.ids import numbered, required_id
from deskwire.families.lists import flag, known, listed, words, writer
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.tickets import AgentReply
from deskwire.web.reading import Node

from .api import Api
from .words import MARK, thread_of

# The title that a merge gives to follow-ups, in the language of whoever merged: “[Merged from #7] …”.
MOVED = re.compile(r"^\[[^\[\]#]{1,60}#([0-9]{1,18})\]")
QUOTED = "it holds a mark of Deskwire's: it is a copy of a message, or “user_id” is not our user"
UNSURE = "the ticket was merged into #{}, and it may have been written there before, for somebody else"


def answers(api: Api, ticket: str, since: int) -> Sequence[AgentReply]:
    """Return the answers of a ticket with ids beyond `since`, oldest first.

    A merge moves all follow-ups of a ticket to the one that it is merged into, and tells no time. What stands there was
    for somebody else, unless it was moved from our ticket, or follows something that we wrote there.
    """
    what = "reading the replies"
    first = api.ticket(ticket, what)
    home, thread = numbered(ticket), thread_of(first["description"].text(""))
    shown = api.followed(into, what) if (into := first["merged_to"].any_id()) else first
    here = required_id(shown["id"], what)
    rows = sorted(known(listed(shown["followup_set"], what), what, api.reach), key=lambda row: row["id"].number())
    ours = [row for row in rows if is_own(api, row) and thread and thread_of(row["comment"].text("")) == thread]
    moved = max((row["id"].number(0) for row in ours if moved_from(row)), default=0)
    joined = min((row["id"].number(0) for row in ours if not moved_from(row)), default=None)
    found: list[AgentReply] = []
    for row in rows:
        number, origin = row["id"].number(), moved_from(row)
        if number <= since or not is_answer(api, row, what):
            continue
        withheld = QUOTED if MARK.search(row["comment"].text("")) else ""
        if here == home:
            mine = not origin
        elif origin:
            mine = origin == home
        else:
            mine = number > moved
            if joined is None or number < joined:
                withheld = withheld or UNSURE.format(here)
        if mine:
            found.append(_reply(ticket, row, withheld))
    return found


def is_own(api: Api, row: Node) -> bool:
    """Return whether our user wrote this."""
    return row["user"].any_id() == api.user


def is_staff(api: Api, row: Node, what: str) -> bool:
    """Return whether an agent wrote this: of customers, by mail or on a page, no user is kept (update_ticket.py)."""
    return writer(row["user"], what, api.reach) not in {"", api.user} and not words(row["message_id"], what, api.reach)


def is_answer(api: Api, row: Node, what: str) -> bool:
    """Return whether this is an agent's public answer: words or files, not a mere change of the ticket."""
    if not is_staff(api, row, what):
        return False
    said = words(row["comment"], what, api.reach).strip() or row["followupattachment_set"].rows()
    return bool(said) and flag(row["public"], what, api.reach) is True


def moved_from(row: Node) -> str:
    """Return the ticket that a merge moved this from, or an empty string."""
    match = MOVED.match(row["title"].text(""))
    return match[1] if match else ""


def ours(api: Api, ticket: str, shown: Node) -> Iterable[str]:
    """Return which of our tickets something in this one may concern: itself, and those merged into it."""
    rows = [row for row in listed(shown["followup_set"], "polling") if is_own(api, row)]
    return sorted({moved_from(row) or ticket for row in rows if thread_of(row["comment"].text(""))}, key=int)


def _reply(ticket: str, row: Node, withheld: str) -> AgentReply:
    return AgentReply(
        id=required_id(row["id"], "reading the replies"),
        order=row["id"].number(),
        ticket=ticket,
        text=row["comment"].text("").replace("\r\n", "\n"),
        author="",  # no address of the interface tells a user's name
        written_at=row["date"].iso(),
        attachments=tuple(_attachment(each) for each in row["followupattachment_set"].rows()),
        withheld=withheld,
    )


def _attachment(each: Node) -> Attachment:
    kind = each["mime_type"].text("")
    return Attachment(
        AttachmentKind.of(kind),
        id=each["id"].any_id(),
        name=each["filename"].text(""),
        type=kind,
    )

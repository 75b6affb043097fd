"""Notes and replies of a Freshdesk ticket: entries written and found again, agents' answers read."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from typing import Any

from deskwire.contracts.helpdesk import TicketGone
from deskwire.families.ids import id_of
from deskwire.families.lists import flag, known
from deskwire.model.errors import TemporaryError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.keys import digest
from deskwire.model.tickets import AgentReply, Entry, File
from deskwire.web.markup import literal, paragraph, plain
from deskwire.web.reading import Node
from deskwire.web.rest import Answer

from .api import Api, refusals

# “The total size of all the ticket's attachments cannot exceed 20MB”: https://developers.freshdesk.com/api/#create_ticket.
# That is all of them together, those of its notes and replies too: https://developers.freshdesk.com/api/#create_note.
UPLOAD_BYTES = 20 * 1024 * 1024
# https://developers.freshdesk.com/api/#conversations: what agents write is 0 (a reply) or 2 (a note). The others are
# posts, tweets, surveys, forwarded mails and calls.
WRITTEN = (0, 2)
# What Freshdesk writes by itself when tickets are merged, in an English account; agents may change the words.
# Unconfirmed in its documentation, seen in others' programs. In other languages a merged ticket counts as closed.
MERGED_INTO = re.compile(r"merged into (?:the )?ticket #?([0-9]{1,19})", re.IGNORECASE)
MERGED_FROM = re.compile(r"\s*merged from (?:the )?ticket #?[0-9]", re.IGNORECASE)
# Below an answer may stand what it answers, which is our own ticket. Unconfirmed: the class was seen in answers only.
QUOTE = re.compile(r'<(?:div|blockquote)\b[^>]*\bclass="[^"]*\bfreshdesk_quote\b', re.IGNORECASE)


def mark(key: str) -> str:
    """Return what stands for a key in Freshdesk: no word of anybody's, and not to be guessed."""
    return f"dw-{digest(key)[:24]}"


def fitting(files: Sequence[File]) -> tuple[list[File], list[str]]:
    """Return the files that one request may have, and a line for each other one."""
    taken: list[File] = []
    for file in files:
        if file.data and sum(len(each.data) for each in taken) + len(file.data) <= UPLOAD_BYTES:
            taken.append(file)
    return taken, [left_out(file) for file in files if file not in taken]


def left_out(file: File) -> str:
    """Return the line for a file that Freshdesk does not have."""
    return f"[not taken by Freshdesk: {file.name}, {len(file.data)} bytes]"


def body_of(entry: Entry, *, named: bool, further: Sequence[str] = ()) -> str:
    """Return an entry as HTML: who and when where it is to be `named`, the words, `further` lines, its mark.

    The mark is seen. What hides it (an attribute, a comment) may be taken out by Freshdesk, which says nothing of that.
    """
    when = f"{entry.written_at:%Y-%m-%d %H:%M} UTC" if entry.written_at else ""
    head = html.escape(literal(" · ".join(filter(None, (entry.author, when)))), quote=False) if named else ""
    words = paragraph("\n".join([entry.body, *further]))
    shown = f'<p dir="auto"><strong>{head}</strong></p>' if head else ""
    return f'{shown}{words}<p><small style="color:#888">{mark(entry.key)}</small></p>'


def noted(api: Api, number: str, entry: Entry, requester: str) -> str:
    """Add an entry as a note, a public one as the customer's words; return the note's id.

    Raises `TicketGone`, also for a ticket that has no room left for the files: a follow-up takes them.
    """
    what = "adding to a ticket"
    files, lost = fitting(entry.files)
    payload: dict[str, Any] = {
        "body": body_of(entry, named=entry.shared, further=lost),
        "private": not entry.public,
        "incoming": entry.public,  # as come from outside, and not written by our agent
    }
    if entry.public and requester:
        payload["user_id"] = int(requester)
    path = f"tickets/{number}/notes"
    answer, named = api.ask("POST", path, payload, files), entry.shared
    if "user_id" in payload and "user_id" in refused(answer):
        # The page speaks of “the agent/user”; where only an agent may be named, the words name the customer.
        del payload["user_id"]
        named, payload["body"] = True, body_of(entry, named=True, further=lost)
        answer = api.ask("POST", path, payload, files)
    if files and "attachments" in refused(answer):
        if attached_bytes(api, number) + sum(len(file.data) for file in files) > UPLOAD_BYTES:
            raise TicketGone("full")
        # A kind that is blocked there.
        lost += [left_out(file) for file in files]
        payload["body"] = body_of(entry, named=named, further=lost)
        answer = api.ask("POST", path, payload)
    if answer.status == 404 and not answer.body.lstrip().startswith(b"<"):
        raise TicketGone("deleted")
    made = id_of(api.checked(answer, what).node()["id"])
    if not made:
        raise TemporaryError(f"{what}: the answer names no note", ambiguous=True)
    return made


def refused(answer: Answer) -> Collection[str]:
    """Return the fields that Freshdesk refuses."""
    return refusals(answer) if answer.status == 400 else ()


def attached_bytes(api: Api, number: str) -> int:
    """Return the size of all files of a ticket, agents' too. Raises `TicketGone`."""
    rows = [api.ticket(number), *api.conversations(number)]
    return sum(file["size"].number(0) for row in rows for file in row["attachments"].rows())


def found(api: Api, number: str, key: str) -> Node | None:
    """Return the note that bears the key's mark. Raises `TicketGone`."""
    wanted = mark(key)
    return next((row for row in api.conversations(number) if bears(row, wanted) and id_of(row["id"])), None)


def bears(shown: Node, wanted: str) -> bool:
    """Return whether a mark is in a note (`body`) or a ticket (`description`)."""
    return any(wanted in shown[name].text("") for name in ("body", "body_text", "description", "description_text"))


def merged(api: Api, number: str) -> TicketGone:
    """Tell a merged ticket from one that was only closed, by Freshdesk's note: customers' words are not asked."""
    for shown in reversed(list(api.conversations(number))):
        into = MERGED_INTO.search(_words(shown)) if shown["incoming"].raw is False else None
        if into and into[1] != number:
            return TicketGone("merged", into[1], shown["created_at"].iso())
    return TicketGone("closed")


def answers(api: Api, number: str, after: str) -> list[AgentReply]:
    """Return what staff wrote publicly after the one with that id, the oldest first, without our own."""
    what, reach = "reading a ticket", api.reach
    rows = [
        (int(id_of(shown["id"])), shown)
        for shown in known(api.conversations(number), what, reach)
        if flag(shown["private"], what, reach) is False and flag(shown["incoming"], what, reach) is False
    ]
    fresh = sorted(((order, shown) for order, shown in rows if order > int(after or 0)), key=lambda row: row[0])
    bot = api.me() if fresh else ""
    return [_reply(number, order, shown) for order, shown in fresh if id_of(shown["user_id"]) != bot]


def _reply(number: str, order: int, shown: Node) -> AgentReply:
    attachments = tuple(
        Attachment(
            AttachmentKind.of(item["content_type"].text("")),
            url=item["attachment_url"].text(""),
            id=id_of(item["id"]),
            name=item["name"].text(""),
            type=item["content_type"].text(""),
        )
        for item in shown["attachments"].rows()
    )
    return AgentReply(
        id=str(order),
        order=order,
        ticket=number,
        text=_words(shown),
        author="",  # their name is another request, which an agent who is no administrator may not make (unconfirmed)
        written_at=shown["created_at"].iso(),
        attachments=attachments,
        withheld=_withheld(shown),
    )


def _words(shown: Node) -> str:
    markup = QUOTE.split(shown["body"].text(""), maxsplit=1)[0]
    return plain(markup) if markup else shown["body_text"].text("")


def _withheld(shown: Node) -> str:
    """Return why what stands under an agent's name may not be an answer of that agent, or an empty string.

    Unconfirmed: `automation_id` and `auto_response`, which no page names and answers have.
    """
    if not id_of(shown["user_id"]):
        return "Freshdesk does not say who wrote it"
    if shown["automation_id"] or shown["auto_response"].raw is True:
        return "a rule of Freshdesk's wrote it, not an agent"
    if MERGED_FROM.match(_words(shown)) or MERGED_INTO.search(_words(shown)):
        return "Freshdesk wrote it when tickets were merged"
    source = shown["source"].raw
    return "" if source in WRITTEN else f"it was not written on the ticket (Freshdesk's source {str(source)[:20]})"


def removed(api: Api, number: str, entry: str, description: str) -> bool:
    """Take an entry out for ever: a note as a whole, the words of the description. Raises `TicketGone`.

    Unconfirmed: whether every ticket's description may be changed; where not, the refusal says so.
    """
    what = "redacting an entry"
    if entry == description:
        words = '<p dir="auto">[removed]</p>'
        return bool(api.send("PUT", f"tickets/{number}", {"description": words}, what).object())
    answer = api.checked(api.ask("DELETE", f"conversations/{entry}"), what)
    return answer.status == 204 or bool(answer.node().object())

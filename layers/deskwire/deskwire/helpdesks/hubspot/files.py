"""The files of agents' answers: a property of the ticket names them, and HubSpot signs a link to each.

The property is of the type “file”, beside that of the reply. Its value are ids of files, divided by semicolons
(unconfirmed: the pages say that it holds an id, and divide other lists so); anything else in it is no file of ours.
Notes are internal, so their files never go out. https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from deskwire.families.attached import attached
from deskwire.families.ids import NUMBER, numbered
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.tickets import AgentReply, File
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, Call

from .api import Api, not_found
from .records import withheld

FILES = "deskwire_files"  # of tickets: what goes with the next reply
TOGETHER = timedelta(seconds=1)  # what is saved at once may have two times (unconfirmed), two clicks lie further apart
KEPT = 20  # values of a property that HubSpot remembers, at most
# Without the scope “files” HubSpot refuses; files on records are hidden, and count as missing without the second one.
# https://legacydocs.hubspot.com/docs/methods/files/get-signed-url-private-file
UNSEEN = "HubSpot does not have it (any more), or the app lacks the scopes “files” and “files.ui_hidden.read”"


def gained(history: Node, answers: Sequence[AgentReply]) -> dict[str, list[str]]:
    """Return the ids of the files of each answer, by the answer's id: what agents added since the answer before.

    `answers` are sorted. A file that was taken out again before the answer does not go, nor one that something else
    than a person put there. What is withheld takes none along.
    """
    rows = reversed(history.rows())  # HubSpot shows the newest first
    changes = sorted(
        ((at, row) for row in rows if (at := row["timestamp"].iso()) is not None), key=lambda each: each[0]
    )
    # Of a history that was cut off, the first value says nothing about when its files came.
    there = _ids(changes.pop(0)[1]) if len(changes) >= KEPT else []
    found: dict[str, list[str]] = {}
    waiting: list[str] = []
    for reply in answers:
        while changes and reply.written_at is not None and changes[0][0] <= reply.written_at + TOGETHER:
            row = changes.pop(0)[1]
            now = _ids(row)
            by_person = not withheld(row["sourceType"].text(""), row["sourceId"].text(""))
            added = [each for each in now if each not in there] if by_person else []
            waiting, there = [each for each in (*waiting, *added) if each in now], now
        if not reply.withheld:
            found[reply.id], waiting = waiting, []
    return found


def _ids(row: Node) -> list[str]:
    parts = (part.strip() for part in re.split("[;,]", row["value"].text("")))
    return list(dict.fromkeys(part for part in parts if NUMBER.fullmatch(part)))


def _unseen(answer: Answer) -> bool:
    """Return whether HubSpot does not show a file, or no file at all to our app.

    Unconfirmed are the words of the first; `MISSING_SCOPES` was seen in answers alone.
    """
    if not_found(answer):
        return True
    try:
        body = read(answer.body) if answer.status in {403, 404} else Node({})
    except PayloadError:
        return False
    if answer.status == 403:
        return body["category"].text("") == "MISSING_SCOPES"
    return body["status"].text("") == "error" and "file" in body["message"].text("").lower()


def named(api: Api, number: str) -> Attachment:
    """Return a file as what goes with an answer; one that HubSpot does not show has no name and no type."""
    what = "looking at an agent's file"
    answer = api.ask("GET", f"files/v3/files/{number}")
    if _unseen(answer):
        return Attachment(AttachmentKind.FILE, id=number, name=f"file {number}")
    shown = api.checked(answer, what).node()
    ending = shown["extension"].text("").lstrip(".").lower()
    name = shown["name"].text("") or f"file {number}"
    return attached(number, f"{name}.{ending}" if ending and not name.lower().endswith(f".{ending}") else name)


def loaded(api: Api, attachment: Attachment) -> File:
    """Return the bytes of a file, by a link that HubSpot signs for some hours.

    No page names the hosts of these links, so it may lie on the one that HubSpot's API names in this answer: the link
    is HubSpot's word, and no customer's. The token does not go there.
    """
    what = "loading an agent's file"
    answer = api.ask("GET", f"files/v3/files/{numbered(attachment.id)}/signed-url")
    if _unseen(answer):
        raise PermanentError(UNSEEN)
    link = api.checked(answer, what).node()["url"].text("")
    try:
        host = urlsplit(link).hostname
    except ValueError:
        host = None
    if not host:
        raise PermanentError(f"{what}: HubSpot's answer has no link")
    return api.reach.fetch(Call("GET", link), [host])

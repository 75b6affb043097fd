"""Texts in django-helpdesk, which runs them through Django's templates and shows them as Markdown."""

from __future__ import annotations

import re
from datetime import UTC

from deskwire.families.pieces import pieces
from deskwire.model.keys import digest
from deskwire.model.tickets import Entry
from deskwire.web.markup import JOINER, inert

# Texts between which django-helpdesk hides template tags (update_ticket.py). With the first alone it answers HTTP 500,
# each time.
PLACEHOLDER = "X-HELPDESK-COMMENT-"
FOLLOW_UP = 100_000  # bytes; a far longer one takes a minute to be shown
SPECIAL = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)")  # Markdown within a line; an underscore within a word is none
BLOCK = re.compile(r"^(?=[ \t#>+=~|:\d-])", re.MULTILINE)  # what begins a heading, a list, a quotation or code
LINK = re.compile(r"(?<=\])(?=[(\[:])")  # [words](address), [words][name], [name]: address
OPENING = re.compile(r"(?<=<)(?=[A-Za-z/!?])|(?<=&)(?=#?\w+;)")  # <https://…>, a tag, an entity
TICKET = re.compile(r"#(?=[0-9])")  # a link, and a follow-up in the ticket of that number
MARK = re.compile(r"^\[dw-([0-9a-f]{8})-([0-9a-f]{24})(\+?)\]$", re.MULTILINE)


def safe(text: str) -> str:
    """Return a text that django-helpdesk shows as these words: nothing of it is markup, a template or a reference.

    Markdown's signs are escaped by a backslash, seen where the text is shown raw (in e-mails, the API). All else is
    broken by an invisible character.
    """
    text = SPECIAL.sub(lambda found: f"\\{found[0]}", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = inert(text).replace("{#", f"{{{JOINER}#").replace(PLACEHOLDER, f"{PLACEHOLDER[:-1]}{JOINER}-")
    text = OPENING.sub(JOINER, LINK.sub(JOINER, text))
    return BLOCK.sub(JOINER, TICKET.sub(f"#{JOINER}", text))


def line(text: str, most: int = 150) -> str:
    """Return a text as one short line."""
    return safe(" ".join(text.split())[:most])


def mark(thread: str, key: str, *, unfinished: bool = False) -> str:
    """Return the line that stands for a key of a thread; of an entry whose files are still to come, another one."""
    return f"[dw-{digest(thread)[:8]}-{digest(key)[:24]}{'+' if unfinished else ''}]"


def thread_of(text: str) -> str:
    """Return what stands for the thread in the last mark of a text, or an empty string."""
    marks = MARK.findall(text)
    return str(marks[-1][0]) if marks else ""


def spoken(entry: Entry) -> list[str]:
    """Return an entry as the texts of follow-ups, without their marks: who and when, and the words."""
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (line(entry.author), moment) if part)
    first, *more = pieces(entry.body, safe, FOLLOW_UP)
    return ["\n".join([*([f"{head}:", ""] if head else []), first]), *more]


def left_out(refused: list[str]) -> list[str]:
    """Return a line for each file that was not taken."""
    return [f"[django-helpdesk did not take the file {line(name)}]" for name in refused]

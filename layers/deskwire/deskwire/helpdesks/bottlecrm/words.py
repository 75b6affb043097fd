"""Texts in BottleCRM, which shows them as they are: only `@name` means anything there."""

from __future__ import annotations

import re
from datetime import UTC

from deskwire.contracts.terms import Unit
from deskwire.families.pieces import pieces
from deskwire.model.keys import digest
from deskwire.model.tickets import Entry
from deskwire.web.markup import ADDRESS, JOINER
from deskwire.web.reading import clean

# What calls a colleague in a comment (cases/notifications.py), also within an address.
MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9._-])")
MARK = re.compile(r"^\[dw-[0-9a-f]{32}\]$", re.MULTILINE)
COMMENT = 9_000  # characters of a message in one comment, of 10,000 that an agent can correct
NAME = 64  # characters of a ticket's name


def mark(key: str) -> str:
    """Return the line that stands for a key."""
    return f"[dw-{digest(key)[:32]}]"


def of_person(external_id: str) -> str:
    """Return the word that stands for a customer, who is no contact in BottleCRM."""
    return f"[dwp-{digest(external_id)[:32]}]"


def safe(text: str) -> str:
    """Return a text in which nobody is mentioned, and that the database takes: PostgreSQL refuses NUL."""
    parts = ADDRESS.split(clean(text).replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(MENTION.sub("%40" if number % 2 else f"@{JOINER}", part) for number, part in enumerate(parts))


def line(text: str, most: int = 180) -> str:
    """Return a text as one short line."""
    return safe(" ".join(text.split())[:most])


def titled(subject: str, ending: str) -> str:
    """Return a ticket's name: the subject, and what no other ticket's name ends with."""
    return f"{line(subject, NAME - len(ending) - 5)} · {ending}".removeprefix(" · ")[-NAME:]


def spoken(entry: Entry) -> list[str]:
    """Return an entry as the texts of comments, without their marks: who and when, and the words."""
    author = line(entry.author) if entry.public else "Note"
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (author, moment) if part)
    first, *more = pieces(entry.body, safe, COMMENT, Unit.CHARACTERS)
    return ["\n".join([*([f"{head}:", ""] if head else []), first]), *more]


def left_out(refused: list[str]) -> list[str]:
    """Return a line for each file that was not taken."""
    return [f"[BottleCRM did not take the file {line(name)}]" for name in refused]

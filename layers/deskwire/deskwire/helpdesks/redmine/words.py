"""Texts in Redmine, which shows them as Textile or Markdown, whichever an administrator chose."""

from __future__ import annotations

import re
from datetime import UTC

from deskwire.families.pieces import pieces
from deskwire.model.keys import digest
from deskwire.model.tickets import Entry
from deskwire.web.markup import JOINER, inert

NOTE = 50_000  # bytes of a message in one note; a text of MySQL's holds 65,535, with who wrote it and files not taken
TAG = re.compile(r"(?<=<)(?=[A-Za-z/!?])|(?<=&)(?=#?\w+;)")
MARK = re.compile(r"^\[dw-[0-9a-f]{32}\]$", re.MULTILINE)


def mark(key: str) -> str:
    """Return the line that stands for a key."""
    return f"[dw-{digest(key)[:32]}]"


def of_person(external_id: str) -> str:
    """Return the word that stands for a customer, who has no account in Redmine."""
    return f"[dwp-{digest(external_id)[:32]}]"


def safe(text: str) -> str:
    """Return a text that stays words within `<pre>`: no tag ends it, and nothing is a macro or a mention."""
    return TAG.sub(JOINER, inert(text.replace("\r\n", "\n").replace("\r", "\n")))


def line(text: str, most: int = 180) -> str:
    """Return a text as one short line."""
    return safe(" ".join(text.split())[:most])


def shown(text: str, key: str) -> str:
    """Return a text as Redmine is to show it, as it is, and the mark of its key below."""
    return f"<pre>\n{text}\n</pre>\n\n{mark(key)}"


def spoken(entry: Entry) -> list[str]:
    """Return an entry as the texts of notes, without their marks: who and when, and the words."""
    moment = entry.written_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if entry.written_at else ""
    head = ", ".join(part for part in (line(entry.author), moment) if part)
    first, *more = pieces(entry.body, safe, NOTE)
    return ["\n".join([*([f"{head}:", ""] if head else []), first]), *more]


def left_out(refused: list[str]) -> list[str]:
    """Return a line for each file that was not taken."""
    return [f"[Redmine did not take the file {line(name)}]" for name in refused]

"""Read an agent's marks in an answer: public or private, and to whom. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from deskwire.web.markup import unseen

HEAD = re.compile(r"#private(?=$|[\s:,.;!])[\s:,.;!]*", re.IGNORECASE)  # at the head of a private answer
OPEN = re.compile(r"#public(?=$|[\s:,.;!])[\s:,.;!]*", re.IGNORECASE)  # at the head of an answer for everybody
NEARLY_OPEN = re.compile(r"\W{0,3}#\s?(\w+)")
TAG = re.compile(r"#\s?(\w+)")
BARE = re.compile(r"\W{0,3}privat(?:e(?:ly)?)?\s*[:\])}>*]", re.IGNORECASE)
OTHER_SIGN = re.compile(r"\W{0,3}[#@!/\\&+]\s?priv(?:at\w*)?(?!\w)", re.IGNORECASE)  # at the head: `@private`, `/priv`
SPACED = re.compile(r"#\s?p\s?r\s?i\s?v\s?a\s?t", re.IGNORECASE)
ALIKE = 0.8  # similarity of a mistyped word: `#pirvate` has 0.86, `#priority` 0.53


@dataclass(frozen=True, slots=True)
class Spoken:
    """An agent's words. `private`: marked for the customer only; `unsure`: such a mark may have been meant.

    `public`: marked for everybody.
    """

    text: str
    private: bool = False
    unsure: bool = False
    public: bool = False


@dataclass(frozen=True, slots=True)
class Writer:
    """A writer in a public thread: the channel's id, their name, their last message and when it was written."""

    id: str
    name: str
    reply_to: str
    at: int


def spoken(text: str) -> Spoken:
    """Return an agent's words without the mark for a private or a public answer."""
    shown = _seen(text)
    head = HEAD.match(shown)
    if head is not None:
        return Spoken(shown[head.end() :].strip(), private=True)
    head = OPEN.match(shown)
    said = shown[head.end() :] if head is not None else shown
    plain = unicodedata.normalize("NFKC", said)
    unsure = _nearly(plain) or _nearly_public(plain)
    return Spoken(text.strip() if head is None else said.strip(), unsure=unsure, public=head is not None and not unsure)


def _seen(text: str) -> str:
    """Return the text without white space at its ends and invisible characters at its beginning."""
    start = next((place for place, sign in enumerate(text) if not unseen(sign) and not sign.isspace()), len(text))
    return text[start:].strip()


def visible(text: str) -> bool:
    """Return whether a text has any visible character."""
    return any(not unseen(sign) and not sign.isspace() and unicodedata.category(sign)[0] != "M" for sign in text)


def _nearly(text: str) -> bool:
    """Return whether the mark for a private answer may be meant: misspelt, joined to a word, or not at the head."""
    text = "".join(sign for sign in text if not unseen(sign)).casefold()
    if BARE.match(text) or OTHER_SIGN.match(text) or SPACED.search(text):
        return True
    return any(
        word.startswith(("privat", "privad", "privé")) or SequenceMatcher(None, "private", word[:8]).ratio() >= ALIKE
        for word in TAG.findall(text)
    )


def _nearly_public(text: str) -> bool:
    """Return whether the mark for a public answer may be meant at the head, misspelt or joined to a word."""
    head = NEARLY_OPEN.match("".join(sign for sign in text if not unseen(sign)).casefold())
    return head is not None and SequenceMatcher(None, "public", head[1][:7]).ratio() >= ALIKE


def addressed(text: str, writers: Sequence[Writer]) -> tuple[Writer | None, str]:
    """Return the writer named at the head of a private answer, and the answer without the name.

    None if it names no writer, or a name that several have.
    """
    shown = unicodedata.normalize("NFC", text).removeprefix("@")
    first = [(writer.name.split()[0], writer) for writer in writers if writer.name.split()]
    named = {
        writer.id: (label, writer) for label, writer in (*first, *labels(writers).items()) if _begins(shown, label)
    }
    if len(named) != 1:
        return None, text
    ((label, writer),) = named.values()
    rest = shown[len(label) :]
    return writer, rest[1:].strip() if rest.startswith(":") else text


def _begins(text: str, name: str) -> bool:
    """Return whether a text begins with a name and a colon or comma."""
    return text.casefold().startswith(name.casefold()) and text[len(name) : len(name) + 1] in {":", ","}


def labels(writers: Sequence[Writer]) -> Mapping[str, Writer]:
    """Return the writers by unique labels: the name, with the end of their id if several have it."""
    names = [unicodedata.normalize("NFC", writer.name) or writer.id for writer in writers]
    folded = [name.casefold() for name in names]
    return {
        name if folded.count(name.casefold()) == 1 else f"{name} {writer.id[-4:]}": writer
        for name, writer in zip(names, writers, strict=True)
    }

"""The archive of conversations for an operator: verify its chain, and search its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deskwire.care.words import unaccented
from deskwire.conversation.table import seconds
from deskwire.ports import Blocks, Table
from deskwire.transcripts.chain import (
    END,
    FIRST,
    HEAD,
    NAME,
    PREFIX,
    Broken,
    Link,
    followed,
    lines_of,
    oldest_kept,
    read_line,
)
from deskwire.transcripts.keys import SealingKey, name_of, named, person, salt_item

MOST_KEYS = 1000  # kept in memory while the archive is searched


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of verifying the chain. `broken`: where it is first broken, None if nowhere."""

    days: int
    lines: int
    first: str  # the block at which the walk began
    end: Link
    broken: Broken | None = None


def verify(table: Table, blocks: Blocks, *, since: datetime | None, now: datetime) -> Verified:
    """Follow the chain from the oldest day kept, or from before `since`, to its end as noted in the table."""
    # Read first: what is written meanwhile comes behind it.
    head = table.get(HEAD)
    start = f"{since:%Y-%m-%d}" if since is not None else ""
    days: set[str] = set()
    count, link, first, at_head = 0, Link(""), "", head is not None and int(head["number"]) == 0
    try:
        for name in _from(blocks, start):
            day, number = _placed(name)
            lines = lines_of(blocks.fetch(name))
            if not first:
                first, link = name, _begun(lines, name, day, number)
                _begins(head, name, start, now)
            for there, _ in followed(link, name, lines):
                link, count = there, count + 1
                at_head = at_head or (head is not None and (link.number, link.hash) == (head["number"], head["hash"]))
            days.add(day)
        if not at_head:
            _ended(head, first, link, now)
    except Broken as broken:
        return Verified(len(days), count, first, link, broken)
    return Verified(len(days), count, first, link)


def _from(blocks: Blocks, start: str) -> Iterator[str]:
    """Yield the names of the blocks from a day on, preceded by the last block before it."""
    before = ""
    for name in blocks.names(PREFIX):
        if start and name < f"{PREFIX}day={start}":
            before = name
            continue
        if before:
            yield before
            before = ""
        yield name
    if before:
        yield before


def _placed(name: str) -> tuple[str, int]:
    match = NAME.fullmatch(name)
    if match is None:
        raise Broken(name, "the archive writes no object of this name")
    return match[1], int(match[2])


def _begun(lines: Sequence[bytes], name: str, day: str, number: int) -> Link:
    """Return the link before the first block; the hash that it names as its predecessor is trusted."""
    if not lines:
        raise Broken(name, "it holds no line")
    previous = str(read_line(f"{name} line 1", lines[0]).get("previous"))
    if number == 1 and previous != FIRST:
        raise Broken(f"{name} line 1", "it is the first of all, and names one before it")
    return Link(day, number - 1, previous)


def _begins(head: Mapping[str, Any] | None, first: str, start: str, now: datetime) -> None:
    """Raise `Broken` if the chain does not begin at its first line, and the lines before have not expired."""
    day, number = _placed(first)
    if head is None:
        raise Broken(first, "the table knows of no archive")
    # The line before a block was written on that block's day, also where it is the mark that ends an earlier one.
    if number > 1 and not day < start and day > (kept := oldest_kept(head, now)):
        raise Broken(first, f"the chain begins here, and lines since {kept} are kept: blocks are missing")


def _ended(head: Mapping[str, Any] | None, first: str, link: Link, now: datetime) -> None:
    """Raise `Broken` if the chain ends before the end noted in the table."""
    if head is None or (not first and str(head["day"]) < oldest_kept(head, now)):  # all has expired
        return
    name = link.next_block if first else PREFIX
    raise Broken(name, f"the newest lines are missing: the table says that the chain goes to line {head['number']}")


@dataclass(frozen=True, slots=True)
class Match:
    """A line that matches the search, with its words decrypted."""

    line: Mapping[str, Any]
    words: Mapping[str, Any]


@dataclass
class Search:
    """Searches the archive by words, one block in memory at a time.

    Each word (a phrase counts as one) must be in a line's text, subject, names or facts, ignoring case and accents.
    """

    table: Table
    blocks: Blocks
    words: Sequence[str]
    channel: str = ""
    person: str = ""  # CHANNEL/AUTHOR, empty for everybody
    seen: Counter[str] = field(default_factory=Counter)
    _keys: dict[str, SealingKey | None] = field(default_factory=dict)

    def run(self, since: datetime, now: datetime) -> Iterator[Match]:
        """Yield the matching lines since then; `seen` counts the lines that were read."""
        wanted = [f" {found}" for each in self.words if (found := unaccented(each))]
        name = self._named()
        if self.person and not name:
            return
        for block in self.blocks.names(PREFIX, after=f"{PREFIX}day={since:%Y-%m-%d}"):
            self.seen["blocks"] += 1
            for line in self._lines(block):
                if line.get("kind") != END and self._meant(line, name):
                    match = self._opened(line, seconds(now))
                    if match is not None and _says(match.words, wanted):
                        yield match

    def _lines(self, block: str) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of a block; foreign lines are counted and skipped."""
        for raw in lines_of(self.blocks.fetch(block)):
            try:
                yield read_line(block, raw)
            except Broken:
                self.seen["unreadable"] += 1

    def _named(self) -> str:
        channel, _, author = self.person.partition("/")
        return name_of(self.table, person(channel, author)) if self.person else ""

    def _meant(self, line: Mapping[str, Any], name: str) -> bool:
        self.seen["lines"] += 1
        return (not self.channel or line.get("channel") == self.channel) and (not name or line.get("person") == name)

    def _opened(self, line: Mapping[str, Any], now: int) -> Match | None:
        """Return a line with its words; if they cannot be decrypted, count the reason and return None."""
        if not line.get("words"):
            self.seen[f"without words: {line.get('withheld') or 'none were kept'}"] += 1
            return None
        key = self._key(str(line.get("person") or line.get("conversation")))
        if key is None:
            self.seen["without words: erased"] += 1
            return None
        identifier = str(line.get("id"))
        salt = self.table.get(salt_item(str(line.get("object")), identifier))
        if salt is None or int(salt["expires"]) <= now:  # the table deletes some time after that
            self.seen["without words: deleted, or past the platform's terms"] += 1
            return None
        words = key.open(identifier, str(line["words"]), bytes(salt["salt"]))
        if words is None:
            self.seen["unreadable"] += 1
            return None
        self.seen["searched"] += 1
        return Match(line, words)

    def _key(self, name: str) -> SealingKey | None:
        if name not in self._keys:
            if len(self._keys) >= MOST_KEYS:
                self._keys.clear()
            self._keys[name] = named(self.table, name)
        return self._keys[name]


def _says(words: Mapping[str, Any], wanted: Sequence[str]) -> bool:
    """Return whether a line has all the words searched for; each matches the beginning of a word."""
    author = words.get("author") or {}
    parts = [words.get("text", ""), words.get("subject", ""), *author.values(), *(words.get("facts") or {}).values()]
    text = f" {' '.join(unaccented(str(part)) for part in parts)} "
    return all(each in text for each in wanted)

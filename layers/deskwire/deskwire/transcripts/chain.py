"""The hash chain of the archive's lines: each holds the hash of the one before, so any change is detected. Pure.

Lines are numbered across all days. They are stored in blocks, one object each, named by day and first line:
`conversations/day=2026-11-29/0000000017.jsonl`. A block is never overwritten. The last line of a day is a mark that
names the day on which the chain continues, so at every moment the next block has exactly one possible name: the worker
that writes it first extends the chain. No lock is needed (docs/decisions/0054-archive.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

VERSION = 1  # of a line
HEAD = ("ARCHIVE", "HEAD")  # where the table notes the end of the chain
PREFIX = "conversations/"
NAME = re.compile(r"conversations/day=(\d{4}-\d\d-\d\d)/(\d{10})\.jsonl")
FIRST = "0" * 64  # what the very first line names as the one before it
END = "end of day"  # the kind of the mark
CHAINED = ("number", "previous", "hash")


class Broken(Exception):  # noqa: N818 - an answer, not an error
    """The chain is broken. `place`: the block's name, and the line in it if there is one."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: the number and the hash of its last line, and the day on which it continues."""

    day: str
    number: int = 0
    hash: str = FIRST

    @property
    def next_block(self) -> str:
        """The name of the next block."""
        return block_name(self.day, self.number + 1)


def block_name(day: str, number: int) -> str:
    """Return the name of a day's block that begins with this line."""
    return f"{PREFIX}day={day}/{number:010}.jsonl"


def hash_of(line: Mapping[str, Any]) -> str:
    """Return the hash of a line's fields except the hash itself."""
    said = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(canonical(said)).hexdigest()


def canonical(line: Mapping[str, Any]) -> bytes:
    """Return a line's canonical spelling."""
    return json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def extended(link: Link, lines: Iterable[Mapping[str, Any]]) -> tuple[bytes, Link]:
    """Return the block with these lines after a link, and the new end of the chain."""
    written: list[bytes] = []
    for line in lines:
        whole = {**line, "number": link.number + 1, "previous": link.hash}
        whole["hash"] = hash_of(whole)
        written.append(canonical(whole) + b"\n")
        link = after(link, whole)
    return b"".join(written), link


def after(link: Link, line: Mapping[str, Any]) -> Link:
    """Return the end of the chain after this line."""
    day = str(line["next"]) if line.get("kind") == END else link.day
    return Link(day, int(line["number"]), str(line["hash"]))


def end_of_day(link: Link, day: str) -> dict[str, Any]:
    """Return the mark that ends a chain's day and names the one on which it continues."""
    return {"v": VERSION, "id": f"end-of-{link.day}", "kind": END, "next": day, "at": f"{day}T00:00:00+00:00"}


def oldest_kept(head: Mapping[str, Any], now: datetime) -> str:
    """Return the oldest day of which nothing has expired yet, by the table's note of the chain's end.

    Lines that expired under a shorter retention before stay gone: `kept_from`.
    """
    return max(f"{now - timedelta(days=int(head['days']) - 1):%Y-%m-%d}", str(head.get("kept_from", "")))


def followed(link: Link, name: str, data: Iterable[bytes]) -> Iterator[tuple[Link, Mapping[str, Any]]]:
    """Yield each line of a block with the end of the chain after it. Raises `Broken` at the first wrong line."""
    if name != link.next_block:
        raise Broken(name, f"the next block is {link.next_block}")
    day, count = link.day, 0
    for count, raw in enumerate(data, 1):
        place = f"{name} line {count}"
        line = read_line(place, raw)
        if link.day != day:
            raise Broken(place, "it follows the mark that ends its day")
        _checked(place, link, line)
        link = after(link, line)
        yield link, line
    if not count:
        raise Broken(name, "it holds no line")


def read_line(place: str, raw: bytes) -> Mapping[str, Any]:
    """Return a line of the archive. Raises `Broken` if the archive cannot have written it."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        raise Broken(place, "it is not JSON") from None
    if not isinstance(line, dict) or canonical(line) != raw.rstrip(b"\n"):
        raise Broken(place, "it is not spelled as the archive writes")
    return line


def _checked(place: str, link: Link, line: Mapping[str, Any]) -> None:
    """Raise `Broken` if a line does not follow the link."""
    if line.get("number") != link.number + 1:
        raise Broken(
            place, f"its number is {line.get('number')}, not {link.number + 1}: lines were removed or inserted"
        )
    if line.get("previous") != link.hash:
        raise Broken(place, "it does not follow the line before it: that one was changed, removed or swapped")
    if line.get("hash") != hash_of(line):
        raise Broken(place, "it was changed")
    if line.get("kind") == END and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(line.get("next"))):
        raise Broken(place, "it names no day on which the chain goes on")


def lines_of(block: bytes) -> Sequence[bytes]:
    """Return the lines of a block."""
    return block.splitlines()

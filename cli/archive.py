"""`deskwire archive verify` checks that the archive of conversations is intact; `deskwire find` searches its words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from deskwire import registry
from deskwire.care.words import unaccented
from deskwire.operating.transcripts import Match, Search, Verified
from deskwire.operating.transcripts import verify as follow

from .aws import understood
from .operating import desk, now, span
from .terminal import UserError, console, json_document, json_line, table

if TYPE_CHECKING:
    import argparse


def verify(args: argparse.Namespace) -> int:
    """Print whether the chain is intact, or where it is first broken; return 1 if it is broken."""
    deployed = desk(args)
    since = now() - span(args.since) if args.since else None
    with understood("the archive of conversations cannot be read"):
        found = follow(deployed.table, deployed.transcripts, since=since, now=now())
    if args.json:
        json_document(_described(found))
    else:
        for line in _told(found):
            console().print(line)
    return 1 if found.broken else 0


def _described(found: Verified) -> dict[str, Any]:
    broken = found.broken
    return {
        "whole": broken is None,
        "days": found.days,
        "lines": found.lines,
        "first": found.first or None,
        "number": found.end.number,
        "hash": found.end.hash,
        "broken": None if broken is None else {"place": broken.place, "reason": broken.reason},
    }


def _told(found: Verified) -> list[str]:
    if found.broken is not None:
        return [
            f"BROKEN at {found.broken.place}",
            f"  {found.broken.reason}",
            f"{found.lines} lines before it are whole",
        ]
    if not found.first:
        return ["the archive holds no line"]
    return [
        f"whole: {found.lines} lines of {found.days} days, from {found.first} on",
        f"it ends with line {found.end.number}, whose hash is {found.end.hash}",
    ]


def find(args: argparse.Namespace) -> int:
    """Print the lines with the words, oldest first; return 1 if there are none."""
    if args.person and args.person.partition("/")[0] not in registry.channel_names():
        raise UserError(f"“{args.person}” names no person: write CHANNEL/AUTHOR", status=2)
    for each in args.words:
        if not unaccented(each):
            raise UserError(f"“{each}” holds no word to look for", status=2)
    at = now()
    deployed = desk(args)
    search = Search(deployed.table, deployed.transcripts, args.words, channel=args.channel, person=args.person)
    count = 0
    with understood("the archive of conversations cannot be searched"):
        for match in search.run(at - span(args.since), at):
            if args.json:
                json_line({**match.line, "words": match.words})
            else:
                _show(match)
            count += 1
    if not args.json:
        seen = ", ".join(f"{name} {number}" for name, number in sorted(search.seen.items()))
        console().print(f"{count} found ({seen or 'nothing is archived'})")
    return 0 if count else 1


def _show(match: Match) -> None:
    line, words = match.line, match.words
    author = words.get("author") or {}
    who = author.get("name") or author.get("handle") or author.get("id") or ("the company" if line["own"] else "")
    at = datetime.fromisoformat(str(line["at"])) if line.get("at") else None
    place = f"{line['connection']} · ticket {line['ticket']}" if line.get("ticket") else str(line["connection"])
    table(
        (f"{at:%Y-%m-%d %H:%M}" if at else "", f"{line['kind']} · {place}"),
        [[str(who), str(words.get("subject") or words.get("text") or "")]]
        + ([["", str(words["text"])]] if words.get("subject") and words.get("text") else []),
    )

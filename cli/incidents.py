"""`deskwire incident`: list incidents, send updates to their members, close them."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import judging
from .terminal import UserError, complain, console, json_document, table

if TYPE_CHECKING:
    import argparse
    from collections import Counter

    from .operating import Desk

TEXT = re.compile(rf"({judging.LANGUAGE})=(.+)", re.DOTALL)
LONGEST = 2000  # characters of a text; a channel may take fewer
LOOK = 2  # seconds between two looks at what became of an update


def run(args: argparse.Namespace) -> int:
    """List, update or close incidents; return 1 if an update has not reached every member yet."""
    if args.action == "try":
        return judging.incident(args)
    from deskwire.operating.incidents import UnknownIncidentError

    from .aws import understood
    from .operating import desk

    deployed = desk(args)
    try:
        with understood(f"“{deployed.place.name}” cannot be reached"):
            return {"list": _list, "say": _say, "close": _close}[args.action](deployed, args)
    except UnknownIncidentError as error:
        raise UserError(str(error), status=2) from None


def _list(deployed: Desk, args: argparse.Namespace) -> int:
    from deskwire.conversation.table import moment
    from deskwire.operating.incidents import listed, members, report

    rows: list[dict[str, Any]] = [
        {
            "incident": each.id,
            "state": each.state,
            "about": each.about,
            "opened": moment(each.opened_at).isoformat(),
            "closed": moment(each.closed_at).isoformat() if each.closed_at else None,
            "members": len(members(deployed.table, each)),
            "reason": each.reason,
            "updates": [dict(report(deployed.table, each.id, number + 1)) for number in range(each.updates)],
        }
        for each in listed(deployed.table)
    ]
    if args.json:
        json_document(rows)
        return 0
    if not rows:
        console().print("no incident so far")
        return 0
    names = ("incident", "state", "about", "opened", "members", "updates")
    shown = [row | {"updates": len(row["updates"])} for row in rows]
    table(names, [[str(row[name]) for name in names] for row in shown])
    return 0


def _say(deployed: Desk, args: argparse.Namespace) -> int:
    from deskwire.operating.incidents import again, say

    from .operating import now

    texts = _texts(args.text)
    if bool(texts) == bool(args.again):
        raise UserError(
            "what is to be said? Give --text LANGUAGE=TEXT, or --again N for an update that was said", status=2
        )
    if args.again:
        saying = again(deployed.table, deployed.mailbox, now, args.incident, args.again)
        return _reported(deployed, args, saying.number)
    default = next(iter(texts))
    planned = say(deployed.table, deployed.mailbox, now, args.incident, texts, default, dry_run=True)
    if args.dry_run:
        json_document(
            {"update": planned.number, "conversations": planned.conversations, "languages": planned.languages}
        )
        return 0
    if not args.yes:
        _confirm(planned.conversations, planned.languages)
    saying = say(deployed.table, deployed.mailbox, now, args.incident, texts, default)
    return _reported(deployed, args, saying.number)


def _confirm(conversations: int, languages: Mapping[str, int]) -> None:
    many = ", ".join(f"{tag}: {number}" for tag, number in languages.items())
    if input(f"Tell {conversations} conversations ({many})? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise UserError("nothing was said", status=130)


def _texts(given: list[str]) -> dict[str, str]:
    """Return the texts by language, the first one being the default. Raises `UserError`."""
    texts: dict[str, str] = {}
    for each in given:
        match = TEXT.fullmatch(each)
        if match is None or not match[2].strip():
            raise UserError(f"“{each[:40]}” is no text: write --text LANGUAGE=TEXT, as in --text pl=…", status=2)
        if len(match[2]) > LONGEST:
            raise UserError(f"the text in {match[1]} is longer than {LONGEST} characters", status=2)
        texts[match[1]] = match[2].strip()
    return texts


def _reported(deployed: Desk, args: argparse.Namespace, number: int) -> int:
    """Wait until the update is sent or has failed for every member, and print the result; return 1 if some wait."""
    from deskwire.operating.incidents import WAITS, report

    until = time.monotonic() + args.wait
    found = report(deployed.table, args.incident, number)
    while found[WAITS] and time.monotonic() < until:
        time.sleep(LOOK)
        found = report(deployed.table, args.incident, number)
    _show(args, number, found)
    if found[WAITS]:
        complain(f"some are not told yet: look again with deskwire incident say {args.incident} --again {number}")
    return int(bool(found[WAITS]))


def _show(args: argparse.Namespace, number: int, found: Counter[str]) -> None:
    told = {what: count for what, count in found.most_common() if count}
    if args.json:
        json_document({"incident": args.incident, "update": number, "conversations": told})
        return
    table(("conversations", f"update {number}"), [[str(count), what] for what, count in told.items()])


def _close(deployed: Desk, args: argparse.Namespace) -> int:
    from deskwire.operating.incidents import close

    from .operating import now

    if not close(deployed.table, now, args.incident, _whoever()):
        raise UserError(f"the incident {args.incident} is closed already")
    console().print(f"closed {args.incident}; its ticket gets a note")
    return 0


def _whoever() -> str:
    """Return the user's login name, or “by hand” if the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "by hand"

"""`deskwire doctor HELPDESK`: test a helpdesk by a round trip, step by step."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from deskwire.conversation.registrations import endpoint_of, site_of
from deskwire.operating.examining import SUBJECT, Examination, Step

from . import platforms
from .aws import place, understood
from .terminal import UserError, console, json_document

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> int:
    """Test the helpdesk; return 1 if a step failed."""
    target = place(args)
    directory = platforms.directory(target)
    with understood(f"the table “{target.name}” cannot be read"):
        definition = directory.helpdesk(args.helpdesk)
        endpoint = endpoint_of(definition, target.table)
    helpdesk, reach = directory.helpdesk_of(definition)
    site = site_of(endpoint, directory.secrets)
    examination = Examination(helpdesk, reach, uuid.uuid4().hex[:12], site, time.sleep)
    steps = _told(examination.read(), quiet=args.json)
    well = all(step.good is not False for step in steps)
    if well and not args.read_only:
        if not args.yes:
            _confirm(helpdesk.title)
        steps += _told(examination.write(), quiet=args.json)
        well = all(step.good is not False for step in steps)
    if args.json:
        shown = [{"step": each.name, "good": each.good, "said": each.said, "mend": each.mend} for each in steps]
        json_document({"helpdesk": args.helpdesk, "connector": helpdesk.name, "good": well, "steps": shown})
    elif well:
        print(f"{args.helpdesk} is in order" + (" as far as reading tells" if args.read_only else ""))
    return 0 if well else 1


def _confirm(title: str) -> None:
    if not sys.stdin.isatty():
        raise UserError("this is no terminal, so nobody can be asked: say --yes, or --read-only", status=2)
    sys.stderr.write(f"Open a test ticket (“{SUBJECT}”) in {title}, and close it again? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UserError("not confirmed: no ticket was opened", status=130)


def _told(steps: Iterable[Step], *, quiet: bool) -> list[Step]:
    """Print each step as it ends, and return them."""
    from rich.text import Text

    out, found = console(), []
    for step in steps:
        found.append(step)
        if quiet:
            continue
        sign, colour = {True: ("✓", ""), False: ("✗", "red"), None: ("-", "yellow")}[step.good]
        out.print(Text(f"{sign} {step.name}" + (f": {step.said}" if step.said else ""), style=colour))
        if step.mend:
            out.print(Text(f"    {step.mend}"))
    return found

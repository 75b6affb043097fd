"""`make sandbox`: the platforms, the helpdesk and the deployed template, to develop a connector against."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from sandbox.cloud.hurry import hurried
from sandbox.cloud.stack import WORK
from sandbox.neighbours import desk, platform
from sandbox.northwind import pages
from sandbox.northwind.company import Company
from sandbox.northwind.running import Live, ending_well

SPEED = 6.0  # of the platforms' retries, the queue's memory and sweep's minute: a person sees them, and need not wait


def main(arguments: Sequence[str] | None = None) -> int:
    """Start everything, print where the page is, keep it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make sandbox", description=__doc__)
    parser.add_argument(
        "--helpdesk", type=desk.named, choices=desk.kinds(), default=desk.DEFAULT, help="where tickets go (HELPDESK=)"
    )
    parser.add_argument("--only", choices=platform.kinds(), action="append", default=[], help="what is played (ONLY=)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    return ending_well(console, "The sandbox", lambda: _stay(console, options.helpdesk, options.only))


def _stay(console: Console, helpdesk: str, only: Sequence[str]) -> int:
    live, change = Live(console), hurried(WORK / "hurried")
    with (
        live,
        Company(helpdesk=helpdesk, only=only, progress=live.say, live=True, speed=SPEED, change=change) as company,
    ):
        live.stop()
        pages.stay(console, company)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make sandbox`: the platforms, the helpdesk and the deployed template, to develop a connector against."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from rich.console import Console

from sandbox.neighbours import desk
from sandbox.northwind import pages
from sandbox.northwind.company import Company
from sandbox.northwind.running import Live, ending_well


def main(arguments: Sequence[str] | None = None) -> int:
    """Start everything, print where it is, keep it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make sandbox", description=__doc__)
    parser.add_argument("--helpdesk", choices=desk.kinds(), default="zendesk", help="where tickets go")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    return ending_well(console, "The sandbox", lambda: _stay(console, options.helpdesk))


def _stay(console: Console, helpdesk: str) -> int:
    live = Live(console)
    with live, Company(helpdesk=helpdesk, progress=live.say) as company:
        company.subscribe()
        live.stop()
        console.print("\nTo let a connector of yours on this machine speak to these platforms, set")
        console.print(f"export DESKWIRE_SANDBOX='{json.dumps(company.hosts)}'", markup=False, soft_wrap=True)
        pages.stay(console, company)
    return 0


if __name__ == "__main__":
    sys.exit(main())

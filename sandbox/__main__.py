"""`make sandbox`: the platforms, the helpdesk and the deployed template, to develop a connector against."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from sandbox import pages
from sandbox.company import Company
from sandbox.demo import Live, ended_by_signals
from sandbox.request_tracker import RequestTrackerError
from sandbox.stack import WORK, StackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Start everything, print where it is, keep it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make sandbox", description=__doc__)
    parser.add_argument("--helpdesk", choices=("zendesk", "rt"), default="zendesk", help="where tickets go")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    live = Live(console)
    try:
        with ended_by_signals(), live, Company(helpdesk=options.helpdesk, progress=live.say) as company:
            company.subscribe()
            live.stop()
            console.print("\nTo let a connector of yours on this machine speak to these platforms, set")
            console.print(f"export DESKWIRE_SANDBOX='{json.dumps(company.hosts)}'", markup=False, soft_wrap=True)
            pages.stay(console, company)
    except (StackError, RequestTrackerError) as error:
        console.print(f"The sandbox could not start. {error}", markup=False)
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        where = WORK / "company" / "stack" / "ministack.log"
        console.print(f"The embedded AWS stopped answering ({type(error).__name__}). Its log: {where}", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("\nInterrupted; everything was ended.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

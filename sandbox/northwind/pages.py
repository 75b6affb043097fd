"""Where to look and what to try while the sandbox stays up."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sandbox.cloud.stack import ROOT, WORK
from sandbox.northwind.control import Control
from sandbox.page.server import Page

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.northwind.company import Company
    from sandbox.northwind.notes import Notes

ENVIRONMENT = WORK / "environment"


def environment(company: Company, control: Control) -> dict[str, str]:
    """Return the variables with which commands work on the sandbox, and on nothing else."""
    deployed = company.stack.deployed
    return {
        **company.stack.environment,
        "DESKWIRE_TABLE": deployed.table,
        "DESKWIRE_MAILBOX": deployed.mailbox,
        "DESKWIRE_DEAD": deployed.dead_letters,
        "DESKWIRE_PARKED": deployed.parked,
        "DESKWIRE_ARCHIVE": deployed.archive,
        "DESKWIRE_SECRETS": deployed.secrets_prefix,
        "DESKWIRE_SANDBOX": json.dumps(company.hosts),
        "DESKWIRE_CONTROL": control.address,
        "DESKWIRE_CONTROL_TOKEN": control.token,
    }


@contextlib.contextmanager
def known(company: Company, control: Control) -> Iterator[None]:
    """Keep `.sandbox/environment` while the sandbox runs: what a shell sources, and `deskwire send-capture` reads."""
    variables = environment(company, control).items()
    ENVIRONMENT.unlink(missing_ok=True)
    ENVIRONMENT.touch(mode=0o600)
    ENVIRONMENT.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables))
    try:
        yield
    finally:
        ENVIRONMENT.unlink(missing_ok=True)


def tell(console: Console, company: Company, page: Page) -> None:
    """Print the page's address, and what to do in a terminal."""
    console.print(f"\nOpen  [bold]{page.address}[/]", highlight=False)
    console.print("  to write as a customer, answer as an agent and see what becomes of it; all else is linked there.")
    console.print("\nIn another terminal, deliver a captured webhook:")
    channel = next(name for platform in company.platforms.values() for name in platform.channels)
    console.print(f"  deskwire send-capture events/{channel}/<what>.json", markup=False)
    console.print("\nDeskwire's own command and the AWS tools work on all this, and on nothing else, after")
    console.print(f"  source {ENVIRONMENT.relative_to(ROOT)}", markup=False)


def changed() -> float:
    """Return when the library's sources were last changed."""
    return max(file.stat().st_mtime for file in (ROOT / "layers" / "deskwire" / "deskwire").rglob("*.py"))


def stay(console: Console, company: Company, notes: Sequence[Notes] = (), report: str = "") -> None:
    """Print where the page is and keep it all running until Ctrl-C, or until the embedded AWS dies.

    `notes` are what scripts wrote down before, `report` what they came to.
    """
    from sandbox.northwind.running import swept

    with (
        Control(company) as control,
        known(company, control),
        swept(company),
        Page(company, notes, report=report) as page,
    ):
        tell(console, company, page)
        if company.stack.live:
            console.print("\nThe library runs from its sources: a change is loaded as soon as it is saved.")
        console.print("\n[bold]Ctrl-C ends everything.[/]")
        seen = changed()
        try:
            while company.stack.alive:
                time.sleep(1)
                if company.stack.live and (now := changed()) > seen:
                    seen = now
                    company.stack.renew()
                    console.print("· the library was changed; the functions start anew", markup=False)
            console.print(f"[bold red]MiniStack has died[/]; its log is {company.stack.log_file}")
        except KeyboardInterrupt:
            console.print("\nending everything")
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the ending
            return

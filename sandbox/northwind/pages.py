"""Where to look and what to try while the sandbox stays up."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.northwind.company import Company


def addresses(company: Company) -> list[tuple[str, str]]:
    """Return what there is to look at, each with its address."""
    return [
        ("tickets", company.desk.page),
        *(page for platform in company.platforms.values() for page in platform.pages),
        ("mail that was sent (JSON)", f"{company.stack.endpoint}/_ministack/ses/messages"),
        ("webhooks go to", f"{company.stack.deployed.api}/channels/{{endpoint}}"),
        ("the functions' log", str(company.stack.log_file)),
        ("the rules, as applied", str(company.rules)),
    ]


def tell(console: Console, company: Company) -> None:
    """Print all of it."""
    console.print()
    for name, address in addresses(company):
        console.print(f"{name:<26} {address}", markup=False)
    variables = " ".join(f"{name}={value}" for name, value in company.stack.environment.items())
    console.print("\nDeskwire's own command and the AWS tools work on it with these variables:")
    console.print(f"export {variables} DESKWIRE_TABLE={company.stack.deployed.table}", markup=False, soft_wrap=True)


def stay(console: Console, company: Company) -> None:
    """Print where everything is and keep it running until Ctrl-C, or until the embedded AWS dies."""
    from sandbox.northwind.running import swept

    tell(console, company)
    console.print("\n[bold]Ctrl-C ends everything.[/]")
    with swept(company):
        try:
            while company.stack.alive:
                time.sleep(1)
            console.print(f"[bold red]MiniStack has died[/]; its log is {company.stack.log_file}")
        except KeyboardInterrupt:
            console.print("\nending everything")
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the ending
            return

"""Where to look and what to try while the sandbox stays up."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deskwire import registry
from deskwire.model.secret import Secrets
from deskwire.web.request import Request
from sandbox.northwind.company import REYKJAVIK

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.northwind.company import Company


def curl(company: Company) -> str:
    """Return a line for the shell that posts one more rightly signed webhook: somebody writes on Messenger."""
    meta = company.meta
    who = meta.person("Curly Example")
    told = meta.writes(who, REYKJAVIK, "Hello from the command line")
    body = json.dumps({"object": "page", "entry": [told.entry]}, separators=(",", ":"))
    request = Request(method="POST", endpoint="meta", body=body.encode(), received_at=datetime.now(UTC))
    signed = registry.channel("messenger").verification.sign(
        request, Secrets(company.secrets["meta-app"]), datetime.now(UTC)
    )
    header = signed.headers["x-hub-signature-256"]
    return (
        f"curl -i '{company.stack.deployed.api}/channels/meta' -H 'content-type: application/json' "
        f"-H 'x-hub-signature-256: {header}' --data-raw '{body}'"
    )


def addresses(company: Company) -> list[tuple[str, str]]:
    """Return what there is to look at, each with its address."""
    return [
        ("tickets", company.desk.page),
        ("Facebook and Messenger", f"{company.meta.address}/"),
        ("X", f"{company.x.address}/"),
        ("Google reviews", f"{company.google.address}/"),
        ("the contact form", f"{company.shop.address}/contact"),
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
    console.print("\nOne more webhook, rightly signed (posted twice, the second one is a duplicate):")
    console.print(curl(company), markup=False, soft_wrap=True)
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

"""`make demo`: a busy morning at Northwind, through the deployed template, and whether the promises held.

Exit status: 0 when the books balance and every promise was kept; 1 when one was broken (it is named); 2 when the
company could not be started; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from sandbox.cloud.hurry import hurried
from sandbox.cloud.stack import WORK
from sandbox.neighbours import desk, platform
from sandbox.northwind import pages
from sandbox.northwind.books import Books, median_and_p95
from sandbox.northwind.cases import SINCE, Cases
from sandbox.northwind.company import Company
from sandbox.northwind.history import put, put_usual_trouble, steady
from sandbox.northwind.morning import Morning
from sandbox.northwind.running import Live, ending_well, report_promises, settled, swept

SPEED = 30.0  # of the platforms' retries, the queue's memory and sweep's minute
PATIENCE = 120.0  # seconds in which some event must get its outcome, until all have
USUAL_TROUBLE = 1000  # customers an hour with trouble of no one service: a morning is a busy minute of such hours
REPORTED = 22  # lines of the report: the figures together, and by channel


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="keep everything running, with a page to play on (STAY=1)")
    parser.add_argument(
        "--helpdesk", type=desk.named, choices=desk.kinds(), default=desk.DEFAULT, help="where tickets go (HELPDESK=)"
    )
    parser.add_argument("--only", choices=platform.kinds(), action="append", default=[], help="what happens (ONLY=)")
    parser.add_argument("--seed", type=int, default=1, help="another morning")
    parser.add_argument(
        "--scale", type=float, default=0.0, help="a longer or shorter one (1, less with a slow helpdesk)"
    )
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    return ending_well(console, "The demo", lambda: _demo(console, options))


def _demo(console: Console, options: argparse.Namespace) -> int:
    began = time.monotonic()
    live = Live(console)
    whole = not options.only and options.helpdesk == desk.DEFAULT and not options.scale
    change = hurried(WORK / "hurried") if options.stay else None  # on the page, workers can be killed
    company = Company(helpdesk=options.helpdesk, only=options.only, progress=live.say, speed=SPEED, change=change)
    with live, company.watching().hurrying():
        live.say(f"everything is up after {time.monotonic() - began:.0f} s; the morning begins")
        remember(company)
        morning = Morning(company, seed=options.seed, scale=options.scale or company.desk.scale)
        with swept(company):
            morning.play(lambda part: live.show(part, company))
            live.say("the morning is over; waiting until everything has its outcome")
            calm = settled(company, PATIENCE, lambda: live.show(1.0, company))
        live.say("reading everybody's books")
        found = Books(company, morning)
        cases = Cases(found)
        found.promises += cases.promises()
        live.stop()
        console.record = options.stay  # for the page
        _report(console, company, found, seconds=time.monotonic() - began, settled=calm, whole=whole)
        _cases(console, company, cases)
        if options.stay:
            pages.stay(console, company, [morning.notes], console.export_text())
    seen = all(promise.checked for promise in found.promises) or not whole
    return 0 if found.kept_promises and seen and calm else 1


def remember(company: Company) -> None:
    """Give the company a past: which trouble is usual, and how long one connection's customers wait."""
    now, table = datetime.now(UTC), company.table
    put_usual_trouble(table, "company", USUAL_TROUBLE, now)
    for known in (each.long_known for each in company.platforms.values()):
        if known is not None:
            put(table, steady(*known, now))
    company.stack.invoke(company.stack.deployed.watch, {})  # as its schedule does every hour


def _cases(console: Console, company: Company, cases: Cases) -> None:
    """Print what the special cases came to, and the beginning of the report that an operator reads."""
    console.print()
    console.print("[bold]Seen in the books[/]")
    incidents = [
        f"incident: {each.about}, found when {each.customers} customers had written of it; its {len(members)} "
        f"conversations were told what is new"
        for each, members in cases.found.incidents
    ]
    for line in (*cases.told, *incidents):
        console.print(f"  {line}", markup=False)
    console.print()
    console.print(f"[bold]deskwire report --since {SINCE}[/]")
    told = company.command("report", "--since", SINCE).splitlines()
    for line in told[:REPORTED]:
        console.print(f"  {line}", markup=False)


def _report(console: Console, company: Company, found: Books, *, seconds: float, settled: bool, whole: bool) -> None:
    rows = found.rows()
    table = Table(title="A busy morning at Northwind", title_justify="left", title_style="bold", box=None)
    table.pad_edge, table.padding = False, (0, 1, 0, 0)
    names = (  # hyphenated, for 80 columns
        "deli-\nveries", "events", "tickets", "com-\nments", "ack-\nnowl.", "dupli-\ncates", "sup-\npressed",
        "parked", "re-\nfused",
    )  # fmt: skip
    table.add_column("channel", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    total = [0] * len(names)
    for name, row in rows.items():
        figures = [
            row.deliveries, row.events, row.tickets, row.comments, row.acknowledgements, row.duplicates,
            row.suppressed.total(), row.parked, row.refused,
        ]  # fmt: skip
        total = [a + b for a, b in zip(total, figures, strict=True)]
        table.add_row(name, *map(str, figures))
    table.add_section()
    table.add_row("together", *map(str, total), style="bold")
    console.print()
    console.print(table)
    for name, row in rows.items():
        if row.suppressed:
            said = ", ".join(f"{reason} ({count})" for reason, count in row.suppressed.most_common())
            console.print(f"suppressed on {name}: {said}", markup=False)
    answers = sum(answer.reaches for answer in found.notes.answers)
    others = len(found.notes.answers) - answers
    alone = [sum(each in spoken.text for spoken in found.spoken) for each in ("Was that it?", "glad to hear")]
    console.print(f"without an agent: {alone[0]} simple questions answered at night, {alone[1]} thanks for praise")
    console.print(f"agents: {answers} answers to customers, {others} notes, or answers that could not go out")
    if unplayed := found.notes.unplayed:
        told = ", ".join(f"{scene} ({count})" for scene, count in unplayed.most_common())
        console.print(f"not played to their end, for what they wait for did not come in time: {told}", markup=False)
    console.print()
    report_promises(console, found, settled=settled, patience=PATIENCE, whole=whole)
    console.print()
    _times(console, company, found, seconds)


def _times(console: Console, company: Company, found: Books, seconds: float) -> None:
    outages = sum((end - begin).total_seconds() for begin, end in found.notes.outages)
    for what, values in (("ticket", found.to_ticket()), ("acknowledgement", found.to_acknowledgement())):
        middle, high = median_and_p95(values)
        console.print(f"from delivery to {what:<16} median {middle:5.2f} s   p95 {high:5.2f} s   ({len(values)})")
    receive = [
        attempt.seconds for delivery in found.deliveries.values() for attempt in delivery.attempts if attempt.status
    ]
    middle, high = median_and_p95(receive)
    console.print(f"a webhook is answered in           median {middle:5.2f} s   p95 {high:5.2f} s   ({len(receive)})")
    console.print(
        f"[dim]Measured here in {seconds:.0f} s, on an emulated AWS that shares this machine with every platform; with "
        f"{outages:.0f} s in which the helpdesk was down, lost answers and refusals. To show minutes in seconds, the "
        f"platforms' retries, the queue's memory of five minutes and sweep's minute ran {company.speed:.0f} times as "
        "fast; times inside messages did not.[/]"
    )


if __name__ == "__main__":
    sys.exit(main())

"""`make demo`: a busy morning at Northwind, through the deployed template, and whether the ten promises held.

Exit status: 0 when the books balance and every promise was kept; 1 when one was broken (it is named); 2 when the
company could not be started; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NoReturn, Self

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sandbox import books, pages
from sandbox.books import Books, median_and_p95
from sandbox.company import Company
from sandbox.morning import Morning
from sandbox.request_tracker import RequestTrackerError
from sandbox.sender import State
from sandbox.stack import WORK, StackError

SPEED = 30.0  # of the platforms' retries, the queue's memory and sweep's minute
PATIENCE = 120.0  # seconds until everything must have its outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="keep everything running and print addresses (STAY=1)")
    parser.add_argument("--helpdesk", choices=("zendesk", "rt"), default="zendesk", help="where tickets go (HELPDESK=)")
    parser.add_argument("--seed", type=int, default=1, help="another morning")
    parser.add_argument(
        "--scale", type=float, default=0.0, help="a longer or shorter one (1; 0.7 with rt, which is slow)"
    )
    options = parser.parse_args(arguments)
    options.scale = options.scale or (0.7 if options.helpdesk == "rt" else 1.0)
    console = Console(highlight=False, soft_wrap=True)
    try:
        with ended_by_signals():
            return _demo(console, options)
    except (StackError, RequestTrackerError) as error:
        console.print(f"[bold red]The demo could not run.[/] {_plain(str(error))}", style="none")
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        where = WORK / "company" / "stack" / "ministack.log"
        console.print(f"The embedded AWS stopped answering ({type(error).__name__}). Its log: {where}", markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("\nInterrupted; everything was ended.")
        return 130


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Treat a request to end like Ctrl-C, so that every child is ended."""

    def interrupt(number: int, frame: object) -> NoReturn:
        del number, frame
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _demo(console: Console, options: argparse.Namespace) -> int:
    began = time.monotonic()
    live = Live(console)
    with live, Company(helpdesk=options.helpdesk, progress=live.say, speed=SPEED) as company:
        company.subscribe()
        live.say(f"everything is up after {time.monotonic() - began:.0f} s; the morning begins")
        morning = Morning(company, seed=options.seed, scale=options.scale)
        with swept(company):
            morning.play(lambda part: live.show(part, company))
            live.say("the morning is over; waiting until everything has its outcome")
            settled = _settle(company, live)
        live.say("reading everybody's books")
        found = Books(company, morning)
        live.stop()
        _report(console, company, found, seconds=time.monotonic() - began, settled=settled)
        if options.stay:
            pages.stay(console, company)
    return 0 if found.kept_promises and settled else 1


@contextlib.contextmanager
def swept(company: Company) -> Iterator[None]:
    """Run sweep every accelerated minute."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(60 / company.speed):
            with contextlib.suppress(Exception):  # one that fails is made up for by the next, as on AWS
                company.stack.sweep()

    thread = threading.Thread(target=run, daemon=True, name="sweep")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def _settle(company: Company, live: Live) -> bool:
    """Wait until nothing is under way; False when that takes too long (the books then say what is missing)."""
    until = time.monotonic() + PATIENCE
    calm = 0
    sqs, url = company.stack.client("sqs"), company.stack.deployed.mailbox
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while time.monotonic() < until:
        live.show(1.0, company)
        waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        quiet = company.sender.settle(0.1) and company.desk.settle() and not any(int(waiting[name]) for name in names)
        if quiet:
            events, busy, _ = books.kept(company)
            quiet = not busy and all(event.state in books.ENDED for event in events)
        calm = calm + 1 if quiet else 0
        if calm == 3:
            return True
        time.sleep(0.7)
    return False


class Live:
    """A line that says how far it is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        """Say it on this console."""
        self._console = console
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn(), console=console,
            transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("starting", total=1.0)
        self._last = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the line away."""
        self._progress.stop()

    def say(self, line: str) -> None:
        """Say what is done now, on a line that stays."""
        self._progress.update(self._task, description=line)
        self._console.print(f"· {line}", markup=False)

    def show(self, part: float, company: Company) -> None:
        """Show how far the morning is. Raises `StackError` when MiniStack has died."""
        if not company.stack.alive:
            raise StackError(f"MiniStack has died; its log is {company.stack.log_file}")
        counts = company.sender.counts()
        told = (
            f"{sum(counts.values())} deliveries, {counts[State.TAKEN]} taken, "
            f"{counts[State.REFUSED]} forged ones refused, {company.desk.count()} tickets"
        )
        self._progress.update(self._task, completed=part, description=told)
        if not self._console.is_terminal and time.monotonic() - self._last > 10:
            self._last = time.monotonic()
            self._console.print(f"  {part:4.0%}  {told}", markup=False)


def _report(console: Console, company: Company, found: Books, *, seconds: float, settled: bool) -> None:
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
    console.print(f"agents: {answers} answers to customers, {others} notes, or answers that could not go out")
    console.print()
    for promise in found.promises:
        mark = "[green]kept[/]  " if not promise.broken else "[bold red]BROKEN[/]"
        console.print(f"{mark} {promise.words} [dim]({promise.checked} looked at)[/]")
        for fault in promise.broken[: books.SHOWN]:
            console.print(f"         {fault}", markup=False, style="red")
        if len(promise.broken) > books.SHOWN:
            console.print(f"         … and {len(promise.broken) - books.SHOWN} more", style="red")
    for remark in found.remarks:
        console.print(f"note   {remark}", markup=False, style="yellow")
    if not settled:
        console.print(f"[bold red]BROKEN[/] after {PATIENCE:.0f} s something was still under way")
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


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    sys.exit(main())

"""What a run of the company needs: its one line of progress, sweep's minute, waiting for the end, an exit status."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn, Self

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandbox.cloud.stack import StackError
from sandbox.neighbours.desk import DeskError
from sandbox.neighbours.sender import State
from sandbox.northwind import books
from sandbox.northwind.books import Books
from sandbox.northwind.company import Company

if TYPE_CHECKING:
    from rich.console import Console

OFTEN = 10.0  # seconds between two lines where there is no terminal


def ending_well(console: Console, what: str, run: Callable[[], int]) -> int:
    """Run it and return its exit status: 2 when the company cannot be had, with the reason; 130 when interrupted."""
    try:
        with ended_by_signals():
            return run()
    except (StackError, DeskError) as error:
        console.print(f"[bold red]{what} could not run.[/] {escape(str(error))}")
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        name = type(error).__name__
        console.print(f"The embedded AWS stopped answering ({name}). Its log is ministack.log below .sandbox.")
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


def settled(company: Company, patience: float, tick: Callable[[], object]) -> bool:
    """Wait until nothing is under way; False when no event had its outcome for `patience` seconds, and some have none.

    A machine or a helpdesk that is slow takes its time; the books then say what is missing.
    """
    until, ended = time.monotonic() + patience, _ended(company)
    calm = 0
    while time.monotonic() < until or _ended(company) > ended:
        if time.monotonic() >= until:
            until, ended = time.monotonic() + patience, _ended(company)
        tick()
        quiet = company.sender.settle(0.1) and company.desk.settle() and not any(company.mailbox())
        if quiet := quiet and not books.due(company):
            events, busy, _ = books.kept(company)
            quiet = not busy and all(event.state in books.ENDED for event in events)
        calm = calm + 1 if quiet else 0
        if calm == 3:
            return True
        time.sleep(0.7)
    return False


def _ended(company: Company) -> int:
    return sum(event.state in books.ENDED for event in books.kept(company)[0])


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
        self._last = time.monotonic()

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

    def show(self, part: float, company: Company, told: str = "") -> None:
        """Show how far it is. Raises `StackError` when MiniStack has died."""
        if not company.stack.alive:
            raise StackError(f"MiniStack has died; its log is {company.stack.log_file}")
        told = told or deliveries(company)
        self._progress.update(self._task, completed=part, description=told)
        if not self._console.is_terminal and time.monotonic() - self._last > OFTEN:
            self._last = time.monotonic()
            self._console.print(f"  {part:4.0%}  {told}", markup=False)


def deliveries(company: Company) -> str:
    """Say how the deliveries stand."""
    counts = company.sender.counts()
    return (
        f"{sum(counts.values())} deliveries, {counts[State.TAKEN]} taken, "
        f"{counts[State.REFUSED]} forged ones refused, {company.desk.count()} tickets"
    )


def report_promises(console: Console, found: Books, *, settled: bool, patience: float, whole: bool = False) -> None:
    """Print each promise with how much was looked at, and the first that broke it.

    In a `whole` run there is something to look at for each.
    """
    for promise in found.promises:
        mark = "[green]kept[/]  " if not promise.broken else "[bold red]BROKEN[/]"
        if not promise.checked:
            mark = "[bold red]UNSEEN[/]" if whole else "[dim]unseen[/]"
        console.print(f"{mark} {promise.words} [dim]({promise.checked} looked at)[/]")
        for fault in promise.broken[: books.SHOWN]:
            console.print(f"         {fault}", markup=False, style="red")
        if len(promise.broken) > books.SHOWN:
            console.print(f"         … and {len(promise.broken) - books.SHOWN} more", style="red")
    for remark in found.remarks[: books.SHOWN]:
        console.print(f"note   {remark}", markup=False, style="yellow")
    if len(found.remarks) > books.SHOWN:
        console.print(f"note   … and {len(found.remarks) - books.SHOWN} more like these", style="yellow")
    if not settled:
        console.print(f"[bold red]BROKEN[/] something was still under way, and nothing moved for {patience:.0f} s")

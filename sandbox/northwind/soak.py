"""`make soak`: thousands of messages through the deployed template while much goes wrong; then the books balance.

Exit status: 0 when the books balance and every promise was kept; 1 when one was broken (it is named, with the first
cases); 2 when the company could not be started; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from sandbox.cloud.hurry import AWAY, hurried
from sandbox.cloud.stack import WORK
from sandbox.helpdesks.zendesk.books import ZendeskDesk
from sandbox.neighbours.sender import State
from sandbox.northwind.books import Books, median_and_p95
from sandbox.northwind.company import Company
from sandbox.northwind.drill import Drill
from sandbox.northwind.flood import QUIET, Flood
from sandbox.northwind.misfortunes import MOST, Misfortunes, Pace, pace
from sandbox.northwind.running import Live, ending_well, report_promises, settled, swept
from sandbox.northwind.traffic import Traffic

MESSAGES = 10_000
SPEED = 30.0  # of the platforms' retries, the queue's memory and sweep's minute
CHANNEL = "facebook"  # that is flooded
PATIENCE = 900.0  # seconds in which some event must get its outcome, until all have


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="how many customers' messages (MESSAGES=)")
    parser.add_argument("--seed", type=int, default=1, help="another run (SEED=)")
    parser.add_argument("--rate", type=float, default=0.0, help="flood a channel at so many times its rate (RATE=)")
    parser.add_argument("--channel", default=CHANNEL, help="the one that is flooded (CHANNEL=)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    if options.rate:
        return ending_well(console, "The flood", lambda: _flood(console, options.channel, options.rate, options.seed))
    return ending_well(console, "The soak", lambda: _soak(console, options.messages, options.seed))


def _soak(console: Console, messages: int, seed: int) -> int:
    began = time.monotonic()
    live, directory = Live(console), WORK / "soak"
    company = Company(progress=live.say, directory=directory, speed=SPEED, change=hurried(directory))
    with live, company.watching():
        live.say(f"everything is up after {time.monotonic() - began:.0f} s; {messages} messages, seed {seed}")
        run = Soak(company, messages=messages, seed=seed)
        calm = run.play(lambda part: live.show(part, company, run.traffic.told()))
        live.say("reading everybody's books")
        found = run.books()
        live.stop()
        report(console, run, found, calm=calm, seconds=time.monotonic() - began)
    return 0 if found.kept_promises and calm else 1


def _flood(console: Console, channel: str, rate: float, seed: int) -> int:
    live, directory = Live(console), WORK / "soak"
    with live, Company(progress=live.say, directory=directory, speed=SPEED, change=hurried(directory)) as company:
        flood = Flood(company, channel=channel, rate=rate, seed=seed)
        live.say(f"{QUIET:.0f} s as usual, then as long with {channel} at {rate:g} times its rate, seed {seed}")
        with swept(company):
            flood.play(lambda part: live.show(part, company, flood.told()))
            live.say("the flood is over; waiting until all of it is filed")
            calm = settled(company, PATIENCE, flood.look)
        live.say("reading everybody's books")
        found = Books(company, flood)
        found.promises.append(flood.fair(found))
        live.stop()
        console.print(_table("From delivery to ticket", [*_waits(flood, found)]))
        console.print()
        report_promises(console, found, settled=calm, patience=PATIENCE)
    return 0 if found.kept_promises and calm else 1


def _waits(flood: Flood, found: Books) -> Iterator[tuple[str, str]]:
    yield "the helpdesk took", f"{flood.zendesk.requests_per_minute} requests a minute in the flood"
    for each in flood.waits(found):
        words = []
        for name, values in (("quiet", each.quiet), ("in the flood", each.flooded)):
            middle, high = median_and_p95(values)
            words.append(f"{name} median {middle:.1f} s, p95 {high:.1f} s ({len(values)})")
        yield each.channel + (" (flooded)" if each.channel == flood.channel else ""), "; ".join(words)


class Soak:
    """One run in a company that is up."""

    def __init__(self, company: Company, *, messages: int, seed: int) -> None:
        """Take the company, with the played Zendesk, which has incidents watched for."""
        if not isinstance(company.desk, ZendeskDesk):
            raise TypeError("the soak needs the played Zendesk: only that misbehaves on demand")
        self.company = company
        self.zendesk = company.desk.zendesk
        self.traffic = Traffic(company, messages=messages, seed=seed)
        self.misfortunes = self.traffic.misfortunes = Misfortunes(
            company, self.zendesk, self.traffic.notes, messages, seed
        )
        self.drill = Drill(self.traffic)
        self.drill.remember()
        self.traffic.beside.append(self.drill.move)

    def play(self, tick: Callable[[float], None]) -> bool:
        """Play it and wait for the end; return whether everything came to rest."""

        def end() -> None:
            self.traffic.look()
            tick(1.0)

        with swept(self.company):
            self.traffic.play(tick)
            self.drill.end()
            return settled(self.company, PATIENCE, end)

    def books(self) -> Books:
        """Return everybody's books once it is over, with what was promised of the planted outage."""
        found = Books(self.company, self.traffic)
        found.promises.append(self.drill.promise(found))
        return found

    def recoveries(self) -> list[Pace]:
        """Return how fast what had waited for the helpdesk was filed."""
        return [found for each in self.misfortunes.recoveries if (found := pace(self.zendesk, each)) is not None]


def report(console: Console, run: Soak, found: Books, *, calm: bool, seconds: float) -> None:
    """Print what was done, what went wrong meanwhile, and what everybody's books say."""
    console.print()
    console.print(_table("Misfortunes", _misfortunes(run, found)))
    console.print()
    console.print(_table("Books", _books(found)))
    console.print()
    report_promises(console, found, settled=calm, patience=PATIENCE)
    console.print()
    console.print(_table("Times", _times(run, found)))
    console.print(
        f"[dim]{run.traffic.written} messages in {seconds / 60:.1f} minutes, on an emulated AWS that shares this "
        f"machine with every platform. The platforms' retries, the queue's memory and sweep's minute ran {SPEED:.0f} "
        f"times as fast; a letter whose worker died came again after {AWAY} seconds instead of 360.[/]"
    )


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    table.pad_edge, table.padding = False, (0, 2, 0, 0)
    for name, value in rows:
        table.add_row(name, value)
    return table


def _misfortunes(run: Soak, found: Books) -> list[tuple[str, str]]:
    entries = run.zendesk.books.entries()
    counted = {
        "answered 503 or 500": sum(entry.status in {500, 503} for entry in entries),
        "answered 429": sum(entry.status == 429 for entry in entries),
        "answered late": sum(entry.fault is not None and entry.fault.delay > 0 for entry in entries),
        "cut after the effect": sum(entry.fault is not None and entry.fault.cut == "after" for entry in entries),
        "cut before it": sum(entry.fault is not None and entry.fault.cut == "before" for entry in entries),
    }
    spells = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in run.misfortunes.seconds.items())
    repeated = found.notes.repeated
    kills = run.company.stack.killed()
    again = sum(count for after, count in repeated.items() if after > 300)
    return [
        ("the helpdesk was", spells or "well all the time"),
        (f"its {len(entries)} requests", ", ".join(f"{count} {what}" for what, count in counted.items())),
        ("workers killed (-9)", f"{kills.total()}: " + ", ".join(f"{count} {what}" for what, count in kills.items())),
        ("deliveries sent again", f"{repeated.total()}, {again} of them after the queue had forgotten the first"),
        ("forged ones", str(len(found.notes.intruders))),
    ]


def _books(found: Books) -> list[tuple[str, str]]:
    rows = found.rows()
    sums = {name: sum(getattr(row, name) for row in rows.values()) for name in ("tickets", "comments", "duplicates")}
    written = dict.fromkeys(found.channels, 0)
    for happening in found.notes.happenings:
        written[happening.channel] += bool(happening.files)
    talks = len(found.notes.talks)
    acknowledged = sum(row.acknowledgements for row in rows.values())
    return [
        ("messages", ", ".join(f"{name} {count}" for name, count in written.items())),
        ("conversations", f"{talks}; {sums['tickets']} tickets with {sums['comments']} customers' comments"),
        ("deliveries", f"{len(found.deliveries)}; {sums['duplicates']} events came more than once"),
        ("acknowledgements", f"{acknowledged}, {found.meanwhile} of them while the helpdesk was down"),
        ("agents' answers", str(sum(answer.reaches for answer in found.notes.answers))),
        ("never taken", str(sum(each.state is State.GIVEN_UP for each in found.deliveries.values()))),
    ]


def _times(run: Soak, found: Books) -> list[tuple[str, str]]:
    answered = [each.seconds for one in found.deliveries.values() for each in one.attempts if each.status]
    rows = []
    for what, values in (
        ("a webhook is answered", answered),
        ("from delivery to ticket", found.to_ticket()),
        ("from delivery to acknowledgement", found.to_acknowledgement()),
    ):
        middle, high = median_and_p95(values)
        worst = max(values, default=0.0)
        rows.append((what, f"median {middle:.2f} s, p95 {high:.2f} s, worst {worst:.2f} s ({len(values)})"))
    rows += [("after an outage", _recovery(each)) for each in run.recoveries()]
    return rows


def _recovery(found: Pace) -> str:
    last = "" if found.last is None else f", the last after {found.last:.0f} s"
    return (
        f"of {found.waited} messages that had waited {MOST:.0%} were filed in {found.seconds:.0f} s{last}; the rate "
        f"limit allows {found.allowed:.0f} s for these; {found.requests} requests for {found.needed} needed ones "
        f"({found.requests / max(1, found.needed):.2f})"
    )


if __name__ == "__main__":
    sys.exit(main())

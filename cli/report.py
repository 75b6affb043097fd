"""`deskwire report`: customers' waits and tickets' results by channel, without customers' words."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from deskwire import registry
from deskwire.model.errors import ConfigurationError
from deskwire.operating.parity import parity
from deskwire.operating.reporting import BENCHMARKS, BY, KEPT, Row, Source, by, rows, sources, together, within

from .aws import place, understood
from .operating import now, span
from .terminal import UserError, complain, console, table

VERDICTS = {
    "longer": "waits longer",
    "shorter": "waits less",
    "alike": "no difference beyond chance",
    "too few": "too few to tell",
}
COLUMNS = ("tickets", "answered", "waiting", "first answer", "p90", "solved in", "first contact", "reopened",
           "messages/ticket")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    until = now()
    length = span(args.since)
    if length > KEPT:
        raise UserError(f"figures are kept for {KEPT.days} days: --since {KEPT.days}d shows all there is", status=2)
    since = until - length
    found = _read(args, since, until)
    report = described(found, since, until)
    text = _written(args.format, report)
    if args.output:
        Path(args.output).write_text(text if text is not None else _told(report), encoding="utf-8")
        complain(f"the report is in {args.output}")
    elif text is not None:
        sys.stdout.write(text)
    else:
        _print(report)
    if not (report["together"]["messages"] or report["together"]["tickets"]):
        complain(
            f"nothing was counted in the last {args.since}: try a longer --since; if customers did write, see the "
            "alarms WatchErrorsAlarm and UnwatchedAlarm"
        )
    return 0


def described(some: Sequence[Row], since: datetime, until: datetime) -> dict[str, Any]:
    """Return the report as plain JSON; docs/reporting.md says what each figure is."""
    everything = together(some)
    return {
        "since": since.isoformat(timespec="seconds"),
        "until": until.isoformat(timespec="seconds"),
        "stacks": sorted({row.source.stack for row in some}),
        "together": everything.described(),
        "by": {
            what: [{"name": name, **summary.described()} for name, summary in by(some, what).items()] for what in BY
        },
        "parity": [each.described() for each in parity(some, since, until)],
        "benchmarks": [
            {"seconds": seconds, "name": name, "what": what, "within": within(everything.first_answers, seconds)}
            for seconds, name, what in BENCHMARKS
        ],
    }


def title(channel: str) -> str:
    """Return a channel's title."""
    try:
        return registry.channel(channel).title
    except ConfigurationError:  # a connector that is no more
        return channel


def spoken(seconds: float | None) -> str:
    """Return a time in two figures: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{round(minutes / 60)} h"
    days, hours = divmod(round(minutes / 60), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def percent(share: float | None) -> str:
    """Return a share in whole percent."""
    return "–" if share is None else f"{share * 100:.0f} %"


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's figures as text, for `COLUMNS`."""
    interactions = row["interactions"]
    return [
        str(row["tickets"]),
        str(row["answered"]),
        str(row["waiting"]),
        spoken(row["first_answer"]["median"]),
        spoken(row["first_answer"]["p90"]),
        spoken(row["resolution"]["median"]),
        percent(row["first_contact"]),
        percent(row["reopened"]),
        "–" if interactions is None else f"{interactions:.1f}",
    ]


def named(what: str, name: str) -> str:
    """Return a row's displayed name."""
    if what == "channel":
        return title(name)
    return f"{name}:00" if what == "hour" else name


def sentence(compared: Mapping[str, Any]) -> str:
    """Return a comparison in words."""
    return f"{title(compared['channel'])}, {compared['kind']}: {VERDICTS[compared['verdict']]}"


def csat(row: Mapping[str, Any]) -> str:
    """Return the customers' satisfaction, "" if nobody was asked."""
    found = row["csat"]
    if not found["number"]:
        return ""
    return f"{found['mean']:.1f} of 5, {percent(found['good'])} gave 4 or 5 ({found['number']} ratings)"


# ---------------------------------------------------------------- reading


def _read(args: argparse.Namespace, since: datetime, until: datetime) -> list[Row]:
    found: list[Row] = []
    known: list[Source] = []
    for stack in args.stack or [None]:
        target = place(argparse.Namespace(**{**vars(args), "stack": stack}))
        with understood(f"the table “{target.name}” cannot be read"):
            theirs = sources(target.table, stack or target.name)
            known += theirs
            for source in theirs:
                if not args.connection or source.name in args.connection:
                    found += rows(target.table, source, since, until)
    names = sorted({each.name for each in known})
    if not names:
        raise UserError("no connection is configured there: write deskwire.yaml and run `deskwire apply`")
    if unknown := sorted(set(args.connection) - set(names)):
        raise UserError(f"there is no connection “{unknown[0]}”: there are {', '.join(names)}", status=2)
    return found


# ---------------------------------------------------------------- writing


def _written(form: str, report: Mapping[str, Any]) -> str | None:
    """Return the report as JSON, CSV or HTML; None for the terminal's format."""
    if form == "csv":
        return as_csv(report)
    if form == "html":
        from .report_page import page

        return page(report)
    if form == "json":
        return json.dumps(report, ensure_ascii=True, indent=2) + "\n"
    return None


def as_csv(report: Mapping[str, Any]) -> str:
    """Return a line for each row of each division, times in seconds, safe against formulas in spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    everything = {"name": "", **report["together"]}
    writer.writerow(["by", *(name for name, _ in _flat(everything))])
    for what, some in (("together", [everything]), *report["by"].items()):
        for row in some:
            writer.writerow([what, *(_plain(value) for _, value in _flat(row))])
    return out.getvalue()


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}_")
        else:
            yield f"{before}{name}", value


def _plain(value: Any) -> Any:
    """Return a cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _told(report: Mapping[str, Any]) -> str:
    """Return the report for the terminal."""
    from contextlib import redirect_stdout

    out = io.StringIO()
    with redirect_stdout(out):
        _print(report)
    return out.getvalue()


def _print(report: Mapping[str, Any]) -> None:
    out, everything = console(), report["together"]
    first = everything["first_answer"]
    out.print(f"{report['since']} to {report['until']}")
    out.print(
        f"{everything['messages']} messages of customers; of {everything['tickets']} new tickets "
        f"{everything['answered']} were answered, {everything['waiting']} wait"
    )
    out.print(f"first answer: half within {spoken(first['median'])}, nine in ten within {spoken(first['p90'])}")
    for each in report["benchmarks"]:
        out.print(f"  {percent(each['within']):>5} within {each['name']}, {each['what']}")
    if said := csat(everything):
        out.print(f"content: {said}")
    for what, some in report["by"].items():
        if what == "day" or (what == "stack" and len(some) < 2) or not some:
            continue
        table((f"by {what}", *COLUMNS), ([named(what, row["name"]), *cells(row)] for row in some if _known(row)))
    if report["parity"]:
        out.print("Does one channel wait longer for the same kind of message?")
        headings = ("channel", "kind", "median", "p90", "of", "others' median", "p90", "of", "")
        table(headings, (_compared(each) for each in report["parity"]))


def _known(row: Mapping[str, Any]) -> bool:
    return bool(row["tickets"] or row["messages"])


def _compared(each: Mapping[str, Any]) -> list[str]:
    return [
        title(each["channel"]), each["kind"],
        spoken(each["own_median"]), spoken(each["own_p90"]), str(each["own_number"]),
        spoken(each["others_median"]), spoken(each["others_p90"]), str(each["others_number"]),
        VERDICTS[each["verdict"]],
    ]  # fmt: skip

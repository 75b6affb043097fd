"""The report as one self-contained HTML page, with pictures and without scripts, for screens and paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from deskwire.operating.reporting import BENCHMARKS

from .report import COLUMNS, VERDICTS, cells, csat, named, percent, sentence, spoken, title
from .report_pictures import days, hours, waits

STYLE = Path(__file__).parent / "templates" / "report.css"
TABLES = (
    ("channel", "By channel"), ("connection", "By connection"), ("language", "By language"),
    ("kind", "By kind of message"), ("priority", "By priority"), ("stack", "By stack"),
)  # fmt: skip


def page(report: Mapping[str, Any]) -> str:
    """Return the page."""
    by, everything = report["by"], report["together"]
    span = f"{_day(report['since'])} to {_day(report['until'])}"
    channels = waits(by["channel"], "channel", "How long until the first answer, by channel")
    pictures = [
        _figure("How long until the first answer", channels, f"{_key('one')} half of the customers were answered by "
                f"then, {_key('two')} nine in ten. Dashed: {_benchmarks()}."),
        _figure("By the hour in which they wrote", hours(by["hour"], "Tickets and waits by the hour of the day"),
                f"{_key('two')} tickets, {_key('one')} half answered within, by the company's own clock."),
        _figure("Day by day", days(by["day"], "Tickets by day, answered and not"),
                f"{_key('one')} answered, {_key('two')} without an answer."),
        _figure("By language", waits(by["language"], "language", "How long until the first answer, by language"),
                f"{_key('one')} half of the customers were answered by then, {_key('two')} nine in ten."),
    ]  # fmt: skip
    tables = [
        _section(heading, _table(what, by[what])) for what, heading in TABLES if what != "stack" or len(by[what]) > 1
    ]
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f'<meta name="color-scheme" content="light dark">\n<title>Customer care, {escape(span)}</title>',
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
            f'<h1>Customer care</h1>\n<p class="soft">{escape(span)}{_where(report)}</p>',
            _tiles(everything),
            f'<div class="pictures">{"".join(pictures)}</div>',
            _parity(report["parity"]),
            _against(report["benchmarks"]),
            *tables,
            _notes(),
            "</main>\n</body>\n</html>\n",
        )
    )


def _tiles(row: Mapping[str, Any]) -> str:
    first, solved, content = row["first_answer"], row["resolution"], row["csat"]
    shown = [
        ("Messages", str(row["messages"]), f"{row['tickets']} new tickets"),
        ("First answer", spoken(first["median"]), f"nine in ten within {spoken(first['p90'])}"),
        ("Not answered yet", str(row["waiting"]), f"of {row['tickets']}"),
        ("Solved in", spoken(solved["median"]), f"{solved['number']} are solved"),
        ("At the first contact", percent(row["first_contact"]), "of what was solved"),
        ("Opened again", percent(row["reopened"]), "of what was solved"),
    ]
    if content["number"]:
        shown.append(("Content", f"{content['mean']:.1f} of 5", csat(row).partition(", ")[2]))
    return '<dl class="tiles">' + "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"
        for name, value, more in shown
    ) + "</dl>"  # fmt: skip


def _table(what: str, rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in (what, *COLUMNS))
    return _wide(f"by {what}", head, ([named(what, row["name"]), *cells(row)] for row in rows))


def _parity(compared: Sequence[Mapping[str, Any]]) -> str:
    """Return the comparison of channels' waits, first in words and then in figures."""
    notable = [each for each in compared if each["verdict"] in {"longer", "shorter"}]
    told = [each for each in compared if each["verdict"] != "too few"]
    if not compared:
        said = "<p>There is one channel alone, or nothing to compare yet.</p>"
    elif notable:
        said = "<ul>" + "".join(
            f'<li><span class="{each["verdict"]}">{escape(sentence(each))}</span>: half within '
            f"{spoken(each['own_median'])}, on the others within {spoken(each['others_median'])}</li>"
            for each in notable
        ) + "</ul>"  # fmt: skip
    elif told:
        said = "<p>No channel waits notably longer than the others, beyond what chance explains.</p>"
    else:
        said = "<p>There are too few tickets to tell.</p>"
    names = ("channel", "kind", "median", "p90", "of", "others: median", "p90", "of", "")
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in names)
    rows = (
        [title(each["channel"]), each["kind"], spoken(each["own_median"]), spoken(each["own_p90"]),
         str(each["own_number"]), spoken(each["others_median"]), spoken(each["others_p90"]),
         str(each["others_number"]), VERDICTS[each["verdict"]]]
        for each in compared
    )  # fmt: skip
    figures = _wide("parity", head, rows) if compared else ""
    return _section("Does one channel wait longer for the same kind of message?", said + figures)


def _against(benchmarks: Sequence[Mapping[str, Any]]) -> str:
    lines = "".join(
        f"<li><b>{percent(each['within'])}</b> of the first answers came within {escape(each['name'])}: "
        f"{escape(each['what'])}</li>"
        for each in benchmarks
    )
    return _section("Beside others' figures", f"<ul>{lines}</ul>")


def _notes() -> str:
    return _section(
        "What is counted",
        '<p class="soft">A ticket counts in the hour in which its customer wrote, as what their message was then. All '
        "channels have the same clock: from the delivery of the message that opened the ticket until an agent's answer "
        "was sent; automatic words count for nothing. Times are known to within a tenth. Solved: as far as the "
        "helpdesk signals it. First contact: solved after one answer and not opened again within 72 hours. Waiting: "
        "without an answer, and not solved without one.</p>",
    )


def _wide(label: str, head: str, rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'
        for name, *others in rows
    )
    return (
        f'<div class="wide" role="region" aria-label="{escape(label)}" tabindex="0"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _figure(heading: str, picture: str, caption: str) -> str:
    return f"<figure><h2>{escape(heading)}</h2>{picture}<figcaption>{caption}</figcaption></figure>"


def _section(heading: str, words: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{words}</section>"


def _key(kind: str) -> str:
    return f'<span class="key {kind}"></span>'


def _benchmarks() -> str:
    return " and ".join(name for _, name, _ in BENCHMARKS) + ", others' figures (below)"


def _where(report: Mapping[str, Any]) -> str:
    names = [*report["stacks"], *(row["name"] for row in report["by"]["connection"])]
    return f" · {escape(', '.join(names))}" if names else ""


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"

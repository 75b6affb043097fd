"""The report's pictures as SVG within the page: no scripts, with titles and descriptions for screen readers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from deskwire.operating.reporting import BENCHMARKS

from .report import named, spoken

WIDTH, LEFT, RIGHT = 440, 118, 428  # of the drawing, and of what is drawn beside the names
ROW, HEAD, FOOT = 30, 22, 24
TICKS = (60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400)
LEAST, MOST = 30, 14 * 86_400  # seconds shown on the axis, by powers


def waits(rows: Sequence[Mapping[str, Any]], what: str, label: str) -> str:
    """Return a row for each name: a dot at the median, a bar to the p90."""
    some = [row for row in rows if row["first_answer"]["number"]]
    height = HEAD + ROW * len(some) + FOOT
    parts = [_line(x := _across(tick), HEAD - 4, x, height - FOOT, "grid") for tick in TICKS]
    parts += [_text(_across(tick), height - 6, _short(tick), "soft", "middle") for tick in TICKS]
    for seconds, name, _ in BENCHMARKS:
        parts += [_line(x := _across(seconds), HEAD - 4, x, height - FOOT, "mark")]
        parts += [_text(x, 13, name, "mark", "middle")]
    for number, row in enumerate(some):
        y = HEAD + ROW * number + ROW / 2
        first, last = _across(row["first_answer"]["median"]), _across(row["first_answer"]["p90"])
        parts += [
            _text(0, y + 5, _cut(named(what, row["name"]), 15), "", "start"),
            _line(first, y, last, y, "reach"),
            f'<circle class="one" cx="{first:.1f}" cy="{y:.1f}" r="6"/>',
        ]
    told = "; ".join(
        f"{named(what, row['name'])}: half within {spoken(row['first_answer']['median'])}, nine in ten within "
        f"{spoken(row['first_answer']['p90'])}, of {row['first_answer']['number']}"
        for row in some
    )
    return _drawing(height, label, told, parts)


def hours(rows: Sequence[Mapping[str, Any]], label: str) -> str:
    """Return a bar of tickets for each hour of the day, and above it the median wait of tickets opened then."""
    known = {int(row["name"]): row for row in rows}
    most = max((row["tickets"] for row in rows), default=0) or 1
    left, base, top = 36, 226, 140
    step = (WIDTH - left - 4) / 24
    parts = [_line(left, base, WIDTH - 4, base, "grid")]
    for hour in range(24):
        row, x = known.get(hour), left + hour * step
        if hour % 3 == 0:
            parts.append(_text(x + step / 2, base + 18, f"{hour:02}", "soft", "middle"))
        if row is None:
            continue
        high = (base - top - 8) * row["tickets"] / most
        parts.append(_box(x + 1.5, base - high, step - 3, high, "two"))
        if (median := row["first_answer"]["median"]) is not None:
            parts.append(f'<circle class="one" cx="{x + step / 2:.1f}" cy="{_up(median, top):.1f}" r="4.5"/>')
    for tick in (600, 3600, 6 * 3600, 86_400):
        parts.insert(0, _text(0, _up(tick, top) + 4, _short(tick), "soft", "start"))
        parts.insert(0, _line(left, y := _up(tick, top), WIDTH - 4, y, "grid"))
    told = "; ".join(
        f"{hour:02}:00: {row['tickets']} tickets, half answered within {spoken(row['first_answer']['median'])}"
        for hour, row in sorted(known.items())
        if row["tickets"]
    )
    return _drawing(base + FOOT, label, told, parts)


def days(rows: Sequence[Mapping[str, Any]], label: str) -> str:
    """Return a bar of tickets for each day: those with an answer, and those without."""
    most = max((row["tickets"] for row in rows), default=0) or 1
    base, count = 166, max(len(rows), 1)
    step = (WIDTH - 44) / count
    parts = [_line(36, base, WIDTH - 4, base, "grid"), _text(0, 22, str(most), "soft", "start")]
    parts += [_line(36, 16, WIDTH - 4, 16, "grid"), _text(0, base, "0", "soft", "start")]
    every = math.ceil(count / 6)
    for number, row in enumerate(rows):
        x, gap = 38 + number * step, min(3.0, step / 6)
        answered = min(row["answered"], row["tickets"])
        whole, filled = ((base - 16) * each / most for each in (row["tickets"], answered))
        parts += [
            _box(x + gap, base - whole, step - 2 * gap, whole, "two"),
            _box(x + gap, base - filled, step - 2 * gap, filled, "one"),
        ]
        if number % every == 0:
            parts.append(_text(x + step / 2, base + 18, row["name"][5:], "soft", "middle"))
    told = "; ".join(f"{row['name']}: {row['tickets']} tickets, {row['answered']} answered" for row in rows)
    return _drawing(base + FOOT, label, told, parts)


def _drawing(height: float, label: str, told: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img"><title>{escape(label)}</title>'
        f"<desc>{escape(told or 'nothing yet')}</desc>{''.join(parts)}</svg>"
    )


def _across(seconds: float) -> float:
    return LEFT + (RIGHT - LEFT) * _height(seconds)


def _up(seconds: float, base: float) -> float:
    return base - (base - 6) * _height(seconds)


def _height(seconds: float) -> float:
    """Return where a time is between the least and the most, by its logarithm."""
    return (math.log(min(max(seconds, LEAST), MOST)) - math.log(LEAST)) / (math.log(MOST) - math.log(LEAST))


def _line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2"/>'


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _short(seconds: int) -> str:
    days, hours, minutes = seconds // 86_400, seconds // 3600, seconds // 60
    return f"{days} d" if days else f"{hours} h" if hours else f"{minutes} m"


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"

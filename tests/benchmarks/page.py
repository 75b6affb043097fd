"""The page of the figures: each script writes its own section of it."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"


def _ends(script):
    return f"<!-- written by `python -m tests.benchmarks.{script} --write` -->", f"<!-- end of {script} -->"


def section(script):
    """Return what stands there."""
    begin, end = _ends(script)
    return PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()


def write(script, text):
    """Put `text` there."""
    begin, end = _ends(script)
    before, found, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    if not found or end not in rest:
        raise ValueError(f"{PAGE.name} has no section of {script}")
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def rows(text):
    """Return a Markdown table's rows below its head, each as its cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]

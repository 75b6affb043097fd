"""`deskwire judge`: what the embedded judge makes of messages, from JSON lines to JSON lines. Needs no AWS."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .terminal import UserError, json_line

if TYPE_CHECKING:
    import argparse


def judge(args: argparse.Namespace) -> int:
    """Print each line with its judgement."""
    from deskwire.care.judge import judge as judged

    expected = languages(args.languages)
    for row in list(rows(args.files)):  # a broken line is told before anything is printed
        found = judged(row["text"], expected=expected, public=args.visibility == "public")
        json_line(
            row
            | {
                "language": found.language,
                "heat": found.heat,
                "kind": found.kind,
                "mood": found.mood,
                "private": list(found.private),
                "reasons": list(found.reasons),
            }
        )
    return 0


def languages(text: str) -> tuple[str, ...]:
    """Return the languages named between commas. Raises `UserError` for what is no tag."""
    import re

    named = tuple(each.strip() for each in text.split(",") if each.strip())
    for tag in named:
        if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", tag):
            raise UserError(f"“{tag}” is no language: write it like pl or sr-Latn", status=2)
    return named


def rows(files: list[str], *needed: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the files' lines; `-` is stdin. Raises `UserError` with file and line for a broken one."""
    for name in files:
        try:
            lines = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise UserError(f"{name}: {error.strerror or error}", status=2) from None
        for number, line in enumerate(lines.split(b"\n"), 1):
            if line.strip():
                yield _row(line, f"{name}, line {number}", ("text", *needed))


def _row(line: bytes, place: str, needed: tuple[str, ...]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise UserError(f"{place}: this is no JSON", status=2) from None
    if not isinstance(row, dict):
        raise UserError(f'{place}: this is no object, write {{"text": "…"}}', status=2)
    for member in needed:
        if not isinstance(row.get(member), str):
            raise UserError(f"{place}: “{member}” is missing, or no text", status=2)
    return row

"""`deskwire judge`, `incident try`, `answers try`: what care makes of messages, from JSON lines to JSON lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .terminal import UserError, complain, json_line

if TYPE_CHECKING:
    import argparse

LANGUAGE = r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?"
NEEDED = {"at": "2026-11-02T09:30:00Z", "customer": "…", "text": "…"}  # members of a line, as an error shows them


def judge(args: argparse.Namespace) -> int:
    """Print each line with its judgement."""
    from deskwire.care.judge import judge as judged

    expected = languages(args.languages)
    for _, row in list(rows(args.files)):  # a broken line is told before anything is printed
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


def incident(args: argparse.Namespace) -> int:
    """Print the incidents that would have been opened, with the times of opening and closing."""
    from deskwire.care.incident import changes, read

    expected = languages(args.languages)
    messages = []
    before = None
    for place, row in rows(args.files, "at", "customer"):
        at = _time(row["at"], place)
        if before is not None and at < before:
            raise UserError(f"{place}: this is older than the line before it: sort the lines by “at”", status=2)
        before = at
        messages.append((at, row["customer"], *read(row["text"], expected)))
    for change in changes(messages):
        json_line(
            {
                "at": change.at.isoformat(),
                "incident": "opened" if change.opened else "closed",
                "topic": change.topic or None,
                "customers": change.customers,
                "reason": change.reason,
            }
        )
    return 0


def answers(args: argparse.Namespace) -> int:
    """Print which declared answer each text would have got, or none."""
    from deskwire.care.answers import Matcher

    from .document import read
    from .written import Written

    path = Path(args.file)
    document = read(path)
    written = Written(document)
    for place, reason in written.shape():
        if place[:1] in {(), ("answers",)}:
            document.complain(place, reason)
    if document.faults:
        for fault in sorted(document.faults):
            complain(fault.text(str(path)))
        return 2
    if not written.answers:
        raise UserError(f"{path}: there are no answers: declare some under `answers`", status=2)
    matcher = Matcher(written.answers)
    is_open = {"open": True, "closed": False}.get(args.hours)
    for _, row in list(rows(args.files)):
        channel, hint = row.get("channel"), row.get("language")
        given = matcher.match(
            row["text"],
            channel=channel if isinstance(channel, str) else "",
            is_open=is_open,
            hint=hint if isinstance(hint, str) else None,
        )
        json_line(
            row
            | {
                "answer": given.name if given else None,
                "said": given.text if given else None,
                "likeness": given.likeness if given else 0,
            }
        )
    return 0


def _time(text: str, place: str) -> datetime:
    """Return a line's time; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{place}: “{text[:40]}” is no time: write it like {NEEDED['at']}", status=2) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def languages(text: str) -> tuple[str, ...]:
    """Return comma-separated languages. Raises `UserError` for an invalid tag."""
    named = tuple(each.strip() for each in text.split(",") if each.strip())
    for tag in named:
        if not re.fullmatch(LANGUAGE, tag):
            raise UserError(f"“{tag}” is no language: write it like pl, sr-Latn or pt-BR", status=2)
    return named


def rows(files: list[str], *needed: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line's place and object; `-` is stdin. Raises `UserError` with file and line for a broken one."""
    for name in files:
        try:
            lines = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise UserError(f"{name}: {error.strerror or error}", status=2) from None
        for number, line in enumerate(lines.split(b"\n"), 1):
            if line.strip():
                place = f"{'stdin' if name == '-' else name}, line {number}"
                yield place, _row(line, place, (*needed, "text"))


def _row(line: bytes, place: str, needed: tuple[str, ...]) -> dict[str, Any]:
    example = json.dumps({member: NEEDED[member] for member in needed}, ensure_ascii=False)
    try:
        row = json.loads(line)
    except UnicodeDecodeError:
        raise UserError(
            f"{place}: this is not UTF-8: convert the file, one object a line: {example}", status=2
        ) from None
    except (ValueError, RecursionError):
        raise UserError(f"{place}: this is no JSON: write one object a line: {example}", status=2) from None
    if not isinstance(row, dict):
        raise UserError(f"{place}: this is no object: write one a line: {example}", status=2)
    for member in needed:
        if not isinstance(row.get(member), str):
            raise UserError(f"{place}: “{member}” is missing or no string: write {example}", status=2)
    return row

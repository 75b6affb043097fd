"""`deskwire replay-policy`: show what another policy would have done with recent messages. Sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskwire import registry
from deskwire.operating.rehearsing import ASPECTS, Differing, Outcome, Rehearsal, rules

from .aws import place, understood
from .checking import check
from .operating import now, span
from .terminal import UserError, complain, console, json_document, table

if TYPE_CHECKING:
    import argparse

MOST = 160  # signs of a text in a row of the terminal
NOT_KEPT = (
    "messages that have expired in the table are not there to be judged: 30 days after their outcome, and earlier "
    "where a platform's terms say so"
)


def run(args: argparse.Namespace) -> int:
    """Replay, and print the differences."""
    if args.channel and args.channel not in registry.channel_names():
        raise UserError(f"there is no channel “{args.channel}”: `deskwire channels` lists them", status=2)
    checked = check(Path(args.file))
    if checked.faults:
        for fault in checked.faults:
            complain(fault.text(checked.file))
        raise UserError(f"{checked.file} has faults: nothing was rehearsed", status=2)
    target, until = place(args), now()
    with understood(f"the table “{target.name}” cannot be read"):
        items = target.table
        known = rules(items, checked.definitions)
        rehearsal = Rehearsal(table=items, known=known, channel=args.channel, most=args.examples)
        found = rehearsal.run(until - span(args.since), until)
    shown = described(found, words=args.words)
    if args.json or args.format == "json":
        json_document(shown)
    else:
        _tell(shown)
    return 0


def described(found: Outcome, *, words: bool) -> dict[str, Any]:
    """Return the result as plain JSON; `words`: with customers' messages."""
    counts: dict[str, dict[str, int]] = {aspect: {} for aspect in ASPECTS}
    for (aspect, change), number in sorted(found.counts.items(), key=lambda each: (-each[1], each[0])):
        counts[aspect][change] = number
    return {
        "since": found.since.isoformat(timespec="seconds"),
        "until": found.until.isoformat(timespec="seconds"),
        "connections_changed": sorted(found.changed),
        "messages": found.messages,
        "conversations": found.conversations,
        "differing": found.differing,
        "counts": {aspect: number for aspect, number in counts.items() if number},
        "not_judged": {reason: number for reason, number in sorted(found.unjudged.items()) if number},
        "not_kept": NOT_KEPT,
        "acknowledgements_as_recorded": {"same": found.as_recorded, "of": found.compared},
        "examples": [_example(each, words=words) for each in found.examples],
    }


def _example(each: Differing, *, words: bool) -> dict[str, Any]:
    event = each.event
    return {
        "where": each.where,
        "connection": each.connection,
        "written_at": event.occurred_at.isoformat() if event.occurred_at else None,
        "differences": [
            {
                "aspect": found.aspect,
                "change": found.change,
                "before": found.before or None,
                "after": found.after or None,
            }
            for found in each.differences
        ],
    } | ({"text": event.text} if words else {})


def _tell(shown: dict[str, Any]) -> None:
    out = console()
    out.print(
        f"{shown['messages']} messages in {shown['conversations']} conversations since {shown['since']}: "
        f"{shown['differing']} would have been treated otherwise"
    )
    if not shown["connections_changed"]:
        out.print("no connection's rules differ from those that are applied")
        return
    out.print(f"rules differ for: {', '.join(shown['connections_changed'])}")
    for aspect, changes in shown["counts"].items():
        for change, number in changes.items():
            out.print(f"  {number:>8}  {aspect}: {change}")
    for reason, number in shown["not_judged"].items():
        out.print(f"  {number:>8}  not judged: {reason}")
    out.print(f"note: {shown['not_kept']}")
    same = shown["acknowledgements_as_recorded"]
    out.print(
        f"to judge the rehearsal by: with the rules that are applied, {same['same']} of {same['of']} messages get the "
        "acknowledgement that was recorded, or none as recorded"
    )
    if shown["examples"]:
        headings = (
            "where",
            "written",
            "what",
            "before",
            "after",
            *(["words"] if "text" in shown["examples"][0] else []),
        )
        table(headings, [row for each in shown["examples"] for row in _rows(each)])


def _rows(each: dict[str, Any]) -> list[tuple[str, ...]]:
    text = [each["text"]] if "text" in each else []
    return [
        (each["where"], each["written_at"] or "", f"{found['aspect']}: {found['change']}",
         _cut(found["before"]), _cut(found["after"]), *text)
        for found in each["differences"]
    ]  # fmt: skip


def _cut(text: str | None) -> str:
    text = " ".join((text or "").split())
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"

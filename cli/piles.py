"""Shared by `deskwire parked` and `deskwire dead`: read a queue, replay, discard, put the rest back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.operating.replaying import Replay, Replayer
from deskwire.ports import Found, Pile

from .aws import understood
from .operating import age, chosen, now
from .terminal import UserError, complain, console, json_document, table

if TYPE_CHECKING:
    import argparse

SHOWN = 8  # digits of an id in a list


@dataclass(frozen=True, slots=True)
class Heap:
    """One of the two queues, and how its messages are shown and replayed."""

    what: str
    pile: Pile
    replayer: Replayer
    row: Callable[[Found], dict[str, Any]]  # what `list` says of one, without customers' words
    whole: Callable[[Found, bool], dict[str, Any]]  # what `show` says of one, with words or without
    replay: Callable[[Found, bool], Replay]


def work(heap: Heap, args: argparse.Namespace) -> int:
    """Run the action; make messages that are not removed visible again, whatever happens."""
    if args.action in {"show", "replay", "discard"} and not (args.ids or args.all):
        raise UserError(f"which? `deskwire {heap.what} {args.action} ID…`, or --all", status=2)
    if args.action == "discard" and not args.reason.strip():
        raise UserError('say why: --reason "…"; it is kept', status=2)
    if args.dry_run and args.action != "replay":
        raise UserError(f"--dry-run is for replay: nothing was done. See what it is with `deskwire {heap.what} show`",
                        status=2)  # fmt: skip
    with understood(f"the {heap.what} queue"):
        lying = heap.pile.look()
    try:
        with understood(f"the {heap.what} queue"):
            return _act(heap, args, lying)
    finally:
        heap.pile.put_back(lying)  # what is gone by now is not found, and that is no fault


def _act(heap: Heap, args: argparse.Namespace, lying: Sequence[Found]) -> int:
    match args.action:
        case "list":
            return _list(heap, lying, as_json=args.json)
        case "show":
            json_document([heap.whole(found, args.text) for found in chosen(lying, args.ids, everything=args.all)])
            return 0
        case "discard":
            for found in chosen(lying, args.ids, everything=args.all):
                heap.replayer.discard(heap.pile, found, heap.what, args.reason.strip())
                complain(f"discarded {found.id[:SHOWN]}; why is kept")
            return 0
        case _:
            return _replay(heap, args, lying)


def _list(heap: Heap, lying: Sequence[Found], *, as_json: bool) -> int:
    rows = [{"id": found.id, "age_seconds": _age(found), "size": len(found.body), **heap.row(found)} for found in lying]
    if as_json:
        json_document(rows)
        return 0
    if not rows:
        console().print(f"nothing is {heap.what}")
        return 0
    names = [name for name in rows[0] if name not in {"id", "age_seconds", "size"}]
    shown = [(row["id"][:SHOWN], age(row["age_seconds"]), f"{row['size']:,}", *(str(row[name]) for name in names))
             for row in rows]  # fmt: skip
    table(("id", "age", "bytes", *names), shown)
    return 0


def _age(found: Found) -> int:
    return int(now().timestamp()) - found.sent_at // 1000 if found.sent_at else 0


def _replay(heap: Heap, args: argparse.Namespace, lying: Sequence[Found]) -> int:
    """Replay in order; with --all, until the queue returns no more (it returns ten of a FIFO group at a time)."""
    told: list[dict[str, Any]] = []
    failed = 0
    wanted = chosen(lying, args.ids, everything=args.all)
    while wanted:
        gone = 0
        for found in wanted:
            line = _one(heap, found, dry=args.dry_run)
            told.append(line)
            failed += not line["done"]
            gone += line["done"]
        wanted = list(heap.pile.look()) if args.all and gone and not args.dry_run else []
    if args.json:
        json_document(told)
    else:
        rows = [(line["id"][:SHOWN], str(line["events"]), str(line["new"]), _became(line, dry=args.dry_run))
                for line in told]  # fmt: skip
        table(("id", "events", "new", "what became of it"), rows)
    return 1 if failed else 0


def _became(line: dict[str, Any], *, dry: bool) -> str:
    if line["done"]:
        return "would be replayed" if dry else "replayed"
    return f"stays: {'; '.join(line['stays'])}"


def _one(heap: Heap, found: Found, *, dry: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"id": found.id, "events": 0, "new": 0, "known": [], "stays": [], "done": False}
    try:
        replay = heap.replay(found, dry)
    except (PayloadError, ConfigurationError, TemporaryError) as error:
        return line | {"stays": [str(error)]}
    known = [{"kind": str(event.kind), "event": event.key, "state": state or "new"} for event, state in replay.events]
    return line | {
        "events": len(replay.events),
        "new": replay.new,
        "known": known,
        "stays": list(replay.unreadable),
        "done": not replay.unreadable,
    }


def shape(value: object) -> object:
    """Return the structure of a JSON value without its content: members' names, types and lengths."""
    match value:
        case dict():
            return {name: shape(each) for name, each in value.items()}
        case list():
            return [shape(each) for each in value]
        case str():
            return f"text of {len(value)}"
        case None:
            return None
        case _:
            return type(value).__name__

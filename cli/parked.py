"""`deskwire parked`: genuine deliveries that no connector could read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deskwire.model.errors import PayloadError
from deskwire.operating.replaying import Replayer, parked
from deskwire.ports import Found
from deskwire.web.reading import read

from .operating import desk, now, opened
from .piles import Heap, shape, work

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> int:
    """List, show, replay or discard parked deliveries."""
    deployed = desk(args)
    replayer = Replayer(table=deployed.table, mailbox=deployed.mailbox, archive=deployed.archive, clock=now)
    pile = deployed.parked

    def whole(found: Found, text: bool) -> dict[str, Any]:  # noqa: FBT001 - the option's own value
        told = {"id": found.id, **row(found)}
        try:
            delivery = parked(found, deployed.archive)
        except PayloadError as error:
            return told | {"cannot_be_replayed": str(error)}
        told |= {"received_at": delivery.received_at.isoformat(), "content_type": delivery.headers["content-type"],
                 "bytes": len(delivery.body)}  # fmt: skip
        if text:
            return told | {"fragment": delivery.fragment, "body": delivery.body.decode("utf-8", "backslashreplace")}
        return told | {"shape": _shape(delivery.fragment, delivery.body)}

    heap = Heap("parked", pile, replayer, row, whole,
                lambda found, dry: replayer.replay_parked(pile, found, dry=dry))  # fmt: skip
    return work(heap, args)


def row(found: Found) -> dict[str, Any]:
    """Return a parked delivery's row in a list, without customers' words."""
    data = opened(found.body)
    return {"endpoint": data.get("endpoint", "?"), "reason": data.get("reason", "not a parked delivery")}


def _shape(fragment: object, body: bytes) -> object:
    if fragment is not None:
        return shape(fragment)
    try:
        return shape(read(body).raw)
    except PayloadError:
        return "no JSON"

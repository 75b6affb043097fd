"""`deskwire dead`: letters of the mailbox that failed five times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deskwire.configuration import connection_key, helpdesk_key
from deskwire.conversation.recorded import RECORDED
from deskwire.conversation.table import message_item
from deskwire.letters import content_of, read_letter
from deskwire.model.errors import PayloadError
from deskwire.model.keys import digest
from deskwire.operating.replaying import Replayer
from deskwire.ports import Found

from .operating import Desk, desk, now
from .piles import Heap, work

if TYPE_CHECKING:
    import argparse

    from deskwire.model.signals import Happened


def run(args: argparse.Namespace) -> int:
    """List, show, replay or discard dead letters."""
    deployed = desk(args)
    replayer = Replayer(table=deployed.table, mailbox=deployed.mailbox, archive=deployed.archive, clock=now)
    pile = deployed.dead

    def whole(found: Found, text: bool) -> dict[str, Any]:  # noqa: FBT001 - the option's own value
        told = {"id": found.id, **_row(deployed, found)}
        return told | ({"letter": _letter(found)} if text else {})

    heap = Heap("dead", pile, replayer, lambda found: _row(deployed, found), whole,
                lambda found, dry: replayer.replay_dead(pile, found, dry=dry))  # fmt: skip
    return work(heap, args)


def _row(deployed: Desk, found: Found) -> dict[str, Any]:
    try:
        data = read_letter(found.body)
    except PayloadError as error:
        return {"connection": "?", "kind": "?", "event": "", "state": str(error)}
    if "timer" in data:
        thread = digest(str(data["timer"]))[:12]
        return {"connection": "", "kind": "timer", "event": thread, "state": "only wakes a thread; sweep does it too"}
    if "mirror" in data:
        helpdesk, _, copied = map(str, data["mirror"])
        why = "not copied into it yet: replay it, or run `deskwire audit --mend`"
        return {"connection": helpdesk, "kind": "copy", "event": digest(copied[2:])[:12], "state": why}
    if "poll" in data:
        return {"connection": str(data["poll"][0]), "kind": "poll", "event": "", "state": "sweep asks for it again"}
    try:
        content = content_of(data, deployed.archive)
    except PayloadError as error:
        return {"connection": data["endpoint"], "kind": "?", "event": "", "state": str(error)}
    item = deployed.table.get(message_item(data.get("thread") or content.thread_key, content.key))
    state = "never recorded" if item is None else "without an outcome" if item["state"] == RECORDED else item["state"]
    return {
        "connection": _connection(deployed, content),
        "kind": str(content.kind),
        "event": digest(content.key)[:12],
        "state": state,
    }


def _connection(deployed: Desk, content: Happened) -> str:
    """Return the connection's name in deskwire.yaml."""
    for key in (connection_key(content.connector, content.account), helpdesk_key(content.account)):
        if item := deployed.table.get(key):
            return str(item["name"])
    return f"{content.connector}/{content.account}"


def _letter(found: Found) -> object:
    try:
        return json.loads(found.body)
    except ValueError:
        return found.body

"""Replay parked deliveries and dead letters through the usual path, so that nothing is filed twice.

A parked delivery is parsed again by the present connectors, and its events go to the mailbox as from `receive`. A dead
letter goes to the mailbox as it is. Either is removed only after that: an interrupted replay is repeated, and the
ledger recognises every event by its key.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskwire import registry
from deskwire.configuration import endpoint_key
from deskwire.conversation.ledger import Ledger
from deskwire.conversation.recorded import RECORDED, Outcome, Recorded
from deskwire.conversation.table import message_item, seconds
from deskwire.letters import check_version, content_of, letters_of, read_json, read_letter
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError
from deskwire.model.keys import digest
from deskwire.model.signals import Happened
from deskwire.ports import (
    Archive,
    Clock,
    Conflict,
    EndpointView,
    Equals,
    Found,
    Letter,
    Mailbox,
    Pile,
    Put,
    Table,
    Update,
)
from deskwire.receiving.content import content
from deskwire.web.request import Request

from .auditing import DISCARDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A parked delivery."""

    endpoint: str
    side: str
    reason: str
    received_at: datetime
    body: bytes
    headers: Mapping[str, str]
    fragment: object = None  # the part that could not be read; None: the whole

    def __repr__(self) -> str:
        return f"Delivery({self.endpoint}, {len(self.body)} bytes)"


def parked(found: Found, archive: Archive) -> Delivery:
    """Return the delivery in a parked message. Raises `PayloadError` if there is none, or its body has expired."""
    try:
        data: dict[str, Any] = json.loads(found.body)
        check_version(data, "parked delivery")
        content = json.loads(archive.fetch(data["archived"])) if "archived" in data else data
        return Delivery(
            endpoint=data["endpoint"],
            side=data["side"],
            reason=data["reason"],
            received_at=datetime.fromisoformat(data["received_at"]),
            body=base64.b64decode(content["body"], validate=True),
            headers={"content-type": data.get("content_type", ""), **data.get("headers", {})},
            fragment=json.loads(content["fragment"]) if "fragment" in content else None,
        )
    except PermanentError:
        raise PayloadError("its body is no longer in the archive") from None
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise PayloadError("not a parked delivery, or not a whole one") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The result of a replay: the `events` with the present state of each ("": new), and why the rest stays parked."""

    events: Sequence[tuple[Happened, str]] = ()
    unreadable: Sequence[str] = ()
    timers: int = 0  # letters that only wake a thread, or have something copied

    @property
    def new(self) -> int:
        """The number of events not recorded before."""
        return sum(not state for _, state in self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Replays and discards parked deliveries and dead letters."""

    table: Table
    mailbox: Mailbox
    archive: Archive
    clock: Clock

    # ---------------------------------------------------------------- what is parked

    def replay_parked(self, pile: Pile, found: Found, *, dry: bool = False) -> Replay:
        """Parse a parked delivery again, put its events on the mailbox, and remove it if all of it was readable.

        Raises `PayloadError`, and `ConfigurationError` if its endpoint is no longer configured.
        """
        delivery = parked(found, self.archive)
        endpoint = self._endpoint(delivery)
        events, unreadable = self._read(delivery, endpoint)
        replay = Replay(events=[(event, self._known(event.thread_key, event.key)) for event in events],
                        unreadable=unreadable)  # fmt: skip
        if dry:
            return replay
        letters = letters_of(events, endpoint.name, endpoint.side, delivery.received_at.isoformat(), self.archive)
        if letters:
            self.mailbox.send(letters)
        if not unreadable:
            pile.remove(found)
        return replay

    def _endpoint(self, delivery: Delivery) -> EndpointView:
        item = self.table.get(endpoint_key(delivery.endpoint))
        if item is None:
            raise ConfigurationError(f"the endpoint “{delivery.endpoint}” is no longer configured")
        return EndpointView.read(item["definition"])

    def _read(self, delivery: Delivery, endpoint: EndpointView) -> tuple[list[Happened], list[str]]:
        request = Request(
            method="POST", endpoint=delivery.endpoint, body=delivery.body, headers=delivery.headers,
            received_at=delivery.received_at,
        ).at(endpoint.settings)  # fmt: skip
        find = registry.helpdesk if endpoint.side == "helpdesks" else registry.channel
        found = content(request, endpoint, [find(name) for name in endpoint.connectors])
        return [each for each in found.events if not each.dismissed], [each.reason for each in found.parked]

    def _known(self, thread_key: str, key: str) -> str:
        item = self.table.get(message_item(thread_key, key))
        return str(item["state"]) if item else ""

    # ---------------------------------------------------------------- what is dead

    def replay_dead(self, pile: Pile, found: Found, *, dry: bool = False) -> Replay:
        """Put a dead letter on the mailbox again, in its group, and remove it. Raises `PayloadError`."""
        data = read_letter(found.body)
        if {"timer", "poll", "mirror"} & data.keys():
            replay = Replay(timers=1)
        else:
            event = content_of(data, self.archive)
            thread_key = data.get("thread") or event.thread_key
            replay = Replay(events=[(event, self._known(thread_key, event.key))])
        if not dry:
            # Its first dedupe id may still be remembered; this one is the same when we were interrupted here.
            self.mailbox.send([Letter(found.group, digest(f"again {found.id}"), found.body)])
            pile.remove(found)
        return replay

    # ---------------------------------------------------------------- what nobody wants

    def discard(self, pile: Pile, found: Found, what: str, reason: str) -> None:
        """Remove a message and record the reason, without its content. `what`: `parked` or `dead`."""
        data = read_json(found.body)
        kept = {
            "pk": DISCARDED, "sk": f"{what}#{found.id}", "what": what, "reason": reason, "at": seconds(self.clock()),
            "digest": digest(found.body), "endpoint": str(data.get("endpoint", "")), "sent_at": found.sent_at,
        }  # fmt: skip
        if what == "parked":
            kept["parked_because"] = str(data.get("reason", ""))
        self.table.put(Put(kept))
        if what == "dead" and "event" in data:
            self._end(data, reason)
        pile.remove(found)

    def _end(self, data: dict[str, Any], reason: str) -> None:
        """Give a discarded letter's event its outcome, so that the audit accounts for it."""
        try:
            event = content_of(data, self.archive)
        except PayloadError:
            return
        thread_key = data.get("thread") or event.thread_key
        ended = Recorded(key=event.key, state=Outcome.DEAD, reason=f"discarded: {reason}",
                         endpoint=str(data["endpoint"]), received_at=str(data["received_at"]))  # fmt: skip
        existing = Ledger(self.table, self.clock, "operator").record(thread_key, ended)
        if existing is None or existing.done:
            return
        change = {"state": str(ended.state), "reason": ended.reason, "done_at": seconds(self.clock()) * 1000}
        try:
            self.table.update(
                Update(message_item(thread_key, event.key), set=change, when=[("state", Equals(RECORDED))])
            )
        except Conflict:
            return  # it was given one just now

"""Looks at what cannot push, and at helpdesks as a net under their webhooks: one connection at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from deskwire.configuration import Connection, HelpdeskConnection
from deskwire.contracts.channel import Page, Polls
from deskwire.contracts.helpdesk import PollsTickets
from deskwire.dismissing import dismiss
from deskwire.letters import letters_of
from deskwire.model.errors import DeskwireError, where
from deskwire.model.events import Event
from deskwire.ports import Archive, Clock, Item, Key, Mailbox, Put, Table
from deskwire.telemetry import Telemetry

from .directory import Directory
from .health import LeftAlone
from .table import seconds

EARLY = 5  # seconds by which a look may come before its time: sweep's minutes are not that exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """Polls connections, and puts what it finds on the mailbox."""

    table: Table
    mailbox: Mailbox
    archive: Archive
    directory: Directory
    clock: Clock
    telemetry: Telemetry

    def poll(self, key: Key) -> int:
        """Look at one connection; return how many events were found. A look that fails is made again in a minute."""
        try:
            found = self._poll(key)
        except LeftAlone:
            return 0
        except Exception as error:  # noqa: BLE001 - a fault of ours; its words may be a customer's, and Lambda tells them
            look_failed(self.telemetry, key, error)
            return 0
        self.telemetry.count("Polled", found)
        return found

    def _poll(self, key: Key) -> int:
        item = self.table.get(key)
        if item is None:
            return 0
        if key[1] == "HELPDESK":
            definition = HelpdeskConnection.read(item["definition"])
            helpdesk, reach = self.directory.helpdesk_of(definition)
            if not (definition.poll and isinstance(helpdesk, PollsTickets)):
                return 0
            kept = self._kept(key)
            with self.directory.neighbours.asking(key[0]):
                page = helpdesk.poll(_cursor(kept), reach)
            events = [dataclasses.replace(event, account=definition.name) for event in page.events]
            return self._take(key, kept, page, events, definition.endpoint, "helpdesks")
        connection = Connection.read(item["definition"])
        channel, reach = self.directory.channel_of(connection)
        if not isinstance(channel, Polls):
            return 0
        kept, every = self._kept(key), channel.terms.every
        if every and seconds(self.clock()) - int(kept.get("looked_at", 0)) < every.value.total_seconds() - EARLY:
            return 0
        with self.directory.neighbours.asking(key[0]):
            page = channel.poll(_cursor(kept), reach)
        return self._take(key, kept, page, page.events, connection.endpoint, "channels", timed=every is not None)

    def _kept(self, key: Key) -> Item:
        """Return what the look before left: its `cursor`, and `looked_at` where looks are timed."""
        return self.table.get((key[0], "CURSOR")) or {}

    def _take(
        self,
        key: Key,
        kept: Item,
        page: Page,
        events: Sequence[Event],
        endpoint: str,
        side: str,
        *,
        timed: bool = False,
    ) -> int:
        """Put what was found on the mailbox, then move the cursor: what is looked at twice is filed once."""
        now = self.clock()
        pending = dismiss(events, self.telemetry)
        if pending:
            self.mailbox.send(letters_of(pending, endpoint, side, now.isoformat(), self.archive))
        if timed or page.cursor != _cursor(kept):
            moved = {"pk": key[0], "sk": "CURSOR", "cursor": page.cursor}
            self.table.put(Put(moved | ({"looked_at": seconds(now)} if timed else {})))
        return len(events)


def _cursor(kept: Item) -> str:
    return str(kept.get("cursor", ""))


def look_failed(telemetry: Telemetry, key: Key, error: Exception) -> None:
    """Count and log that a connection could not be looked at."""
    reason = str(error) if isinstance(error, DeskwireError) else where(error)
    telemetry.count("PollErrors")
    telemetry.log("ERROR", "a look failed", connection=key[0], reason=reason)

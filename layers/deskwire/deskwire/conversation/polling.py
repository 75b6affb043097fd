"""Poll platforms that cannot push, and helpdesks as a safety net for their webhooks: one connection at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from deskwire.configuration import Connection, HelpdeskConnection
from deskwire.contracts.channel import Polls
from deskwire.contracts.helpdesk import PollsTickets
from deskwire.contracts.terms import Figure
from deskwire.dismissing import dismiss
from deskwire.letters import letters_of
from deskwire.model.errors import DeskwireError, where
from deskwire.model.signals import Happened
from deskwire.ports import Archive, Clock, Item, Key, Mailbox, Put, Table
from deskwire.telemetry import Telemetry

from .directory import Directory
from .limits import LeftAlone
from .table import seconds

EARLY = 5  # seconds by which a poll may be early: sweep's minutes are not exact


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
        """Poll one connection; return the number of events found. A failed poll is repeated in a minute."""
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
        kept = self.table.get((key[0], "CURSOR")) or {}
        if key[1] == "HELPDESK":
            definition = HelpdeskConnection.read(item["definition"])
            helpdesk, reach = self.directory.helpdesk_of(definition)
            every = helpdesk.terms.every
            if not (definition.poll and isinstance(helpdesk, PollsTickets)) or self._is_early(kept, every):
                return 0
            with self.directory.neighbours.asking(key[0]):
                told = helpdesk.poll(_cursor(kept), reach)
            signals = [dataclasses.replace(signal, account=definition.name) for signal in told.signals]
            return self._take(
                key, kept, told.cursor, signals, definition.endpoint, "helpdesks", timed=every is not None
            )
        connection = Connection.read(item["definition"])
        channel, reach = self.directory.channel_of(connection)
        every = channel.terms.every
        if not isinstance(channel, Polls) or self._is_early(kept, every):
            return 0
        with self.directory.neighbours.asking(key[0], 0):
            page = channel.poll(_cursor(kept), reach)
        return self._take(key, kept, page.cursor, page.events, connection.endpoint, "channels", timed=every is not None)

    def _is_early(self, kept: Item, every: Figure[timedelta] | None) -> bool:
        if every is None:
            return False
        return seconds(self.clock()) - int(kept.get("looked_at", 0)) < every.value.total_seconds() - EARLY

    def _take(
        self,
        key: Key,
        kept: Item,
        cursor: str,
        found: Sequence[Happened],
        endpoint: str,
        side: str,
        *,
        timed: bool,
    ) -> int:
        """Put the events on the mailbox, then move the cursor: an event that is found twice is filed once."""
        now = self.clock()
        pending = dismiss(found, self.telemetry)
        if pending:
            self.mailbox.send(letters_of(pending, endpoint, side, now.isoformat(), self.archive))
        if timed or cursor != _cursor(kept):
            moved = {"pk": key[0], "sk": "CURSOR", "cursor": cursor}
            self.table.put(Put(moved | ({"looked_at": seconds(now)} if timed else {})))
        return len(found)


def _cursor(kept: Item) -> str:
    return str(kept.get("cursor", ""))


def look_failed(telemetry: Telemetry, key: Key, error: Exception) -> None:
    """Count and log that a connection could not be polled."""
    reason = str(error) if isinstance(error, DeskwireError) else where(error)
    telemetry.count("PollErrors")
    telemetry.log("ERROR", "a look failed", connection=key[0], reason=reason)

"""Every minute: wake threads that are due, look where nothing is pushed, say how things stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection
from deskwire.contracts.channel import Page, Polls
from deskwire.contracts.helpdesk import PollsTickets
from deskwire.conversation.directory import Directory
from deskwire.conversation.health import SLICE
from deskwire.conversation.table import seconds
from deskwire.letters import letters_of, timer
from deskwire.model.errors import DeskwireError, where
from deskwire.model.events import Event
from deskwire.model.keys import digest
from deskwire.ports import SHARDS, Archive, Clock, Key, Mailbox, Put, Table
from deskwire.receiving.dismissing import dismiss
from deskwire.telemetry import Telemetry
from deskwire.timing import OVERDUE_AFTER

MOST = 200  # threads woken a shard and minute; the rest a minute later
NAMED = 5  # unaccounted threads named in the log a minute; `deskwire audit` names all


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Everything sweep works with. `wait` lets seconds pass; without it, everything waits for the next minute."""

    table: Table
    mailbox: Mailbox
    archive: Archive
    directory: Directory
    clock: Clock
    telemetry: Telemetry
    wait: Callable[[float], None] | None = None

    def sweep(self) -> dict[str, int]:
        """Do one round; return how many threads were woken and how many events a look brought."""
        began = seconds(self.clock())
        shards = self._wake(MOST)
        self._count_unaccounted(shards, began)
        index = self.table.get(INDEX_KEY) or {}
        keys = [(pk, sk) for pk, sk in index.get("keys", [])]
        looked = self._look(keys)
        woken = sum(map(len, shards)) + self._more(began, [key for key in keys if key[1] == "HELPDESK"])
        self.telemetry.count("Woken", woken)
        self.telemetry.count("Polled", looked)
        self.telemetry.flush()
        return {"woken": woken, "polled": looked}

    def _wake(self, most: int) -> list[list[tuple[str, int]]]:
        """Wake so many threads of each shard that are due; return them by shard, with when they were."""
        now = seconds(self.clock())
        shards = [self.table.due(shard, now, most) for shard in range(SHARDS)]
        # The minute is part of the reason: a thread that nobody woke after all is tried again.
        letters = [timer(pk[2:], f"due {due_at} {now // 60}") for due in shards for pk, due_at in due]
        if letters:
            self.mailbox.send(letters)
        return shards

    def _more(self, began: int, helpdesks: Sequence[Key]) -> int:
        """Wake further threads in the course of the minute while a helpdesk recovers; return how many.

        It takes only so much at once (see `Neighbours.asking`), and so it gets it evenly.
        """
        woken = 0
        for start in range(began + SLICE, began + 60, SLICE):
            rest = start - seconds(self.clock())
            if self.wait is None or not self._recovering(helpdesks):
                break
            if rest > 0:
                self.wait(rest)
                woken += sum(map(len, self._wake(MOST * SLICE // 60)))
        return woken

    def _recovering(self, helpdesks: Sequence[Key]) -> bool:
        now = seconds(self.clock())
        return any(self.directory.neighbours.health(key).recovering_until > now for key in helpdesks)

    def _count_unaccounted(self, shards: Sequence[Sequence[tuple[str, int]]], now: int) -> None:
        """Count the threads that were woken again and again, and that no worker finished: each has an event or more.

        Nothing else has to be looked at: a thread is on this index from when it is taken until it is finished. Where
        more are due than are woken at once, they are late because it is not their turn yet.
        """
        late = [
            (pk, now - due_at)
            for due in shards
            for pk, due_at in due
            if len(due) < MOST and now - due_at > OVERDUE_AFTER.total_seconds()
        ]
        self.telemetry.count("UnaccountedEvents", len(late))
        for pk, age in late[:NAMED]:
            self.telemetry.log("ERROR", "unaccounted", thread=digest(pk[2:])[:12], seconds=age)

    def _look(self, keys: Sequence[Key]) -> int:
        """Poll what cannot push, and helpdesks as a net under their webhooks. One that fails hurts no other."""
        found = 0
        for pk, sk in keys:
            if sk not in {"CONNECTION", "HELPDESK"}:
                continue
            try:
                found += self._look_at((pk, sk))
            except Exception as error:  # noqa: BLE001 - a fault of ours; its words may be a customer's, and Lambda tells them
                reason = str(error) if isinstance(error, DeskwireError) else where(error)
                self.telemetry.count("PollErrors")
                self.telemetry.log("ERROR", "a look failed", connection=pk, reason=reason)
        return found

    def _look_at(self, key: Key) -> int:
        item = self.table.get(key)
        if item is None:
            return 0
        if key[1] == "HELPDESK":
            definition = HelpdeskConnection.read(item["definition"])
            helpdesk, reach = self.directory.helpdesk_of(definition)
            if not (definition.poll and isinstance(helpdesk, PollsTickets)):
                return 0
            page = helpdesk.poll(self._cursor(key), reach)
            events = [dataclasses.replace(event, account=definition.name) for event in page.events]
            return self._take(key, page, events, definition.endpoint, "helpdesks")
        connection = Connection.read(item["definition"])
        channel, reach = self.directory.channel_of(connection)
        if not isinstance(channel, Polls):
            return 0
        page = channel.poll(self._cursor(key), reach)
        return self._take(key, page, page.events, connection.endpoint, "channels")

    def _cursor(self, key: Key) -> str:
        item = self.table.get((key[0], "CURSOR"))
        return str(item["cursor"]) if item else ""

    def _take(self, key: Key, page: Page, events: Sequence[Event], endpoint: str, side: str) -> int:
        """Put what was found on the mailbox, then move the cursor: what is looked at twice is filed once."""
        now = self.clock().isoformat()
        pending = dismiss(events, self.telemetry)
        if pending:
            self.mailbox.send(letters_of(pending, endpoint, side, now, self.archive))
        if page.cursor != self._cursor(key):
            self.table.put(Put({"pk": key[0], "sk": "CURSOR", "cursor": page.cursor}))
        return len(events)

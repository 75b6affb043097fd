"""Every minute: wake threads that are due, have connections polled that cannot push, say how things stand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deskwire import registry
from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection, copies_shard
from deskwire.contracts.channel import Polls
from deskwire.contracts.helpdesk import PollsTickets
from deskwire.conversation.directory import Directory
from deskwire.conversation.health import SLICE
from deskwire.conversation.polling import look_failed
from deskwire.conversation.table import seconds
from deskwire.letters import look, poll, timer
from deskwire.model.keys import decompose, digest
from deskwire.ports import SHARDS, Clock, Key, Mailbox, Table
from deskwire.telemetry import Telemetry
from deskwire.timing import OVERDUE_AFTER

MOST = 200  # threads woken a shard and minute; the rest a minute later
AHEAD = 10  # times as many are looked at, so that those of every connection are among them
NAMED = 5  # unaccounted threads named in the log a minute; `deskwire audit` names all


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Everything sweep works with. `wait` lets seconds pass; without it, everything waits for the next minute."""

    table: Table
    mailbox: Mailbox
    directory: Directory
    clock: Clock
    telemetry: Telemetry
    wait: Callable[[float], None] | None = None

    def sweep(self) -> dict[str, int]:
        """Do one round; return how many threads were woken and how many connections are to be polled."""
        began = seconds(self.clock())
        shards = self._wake(MOST)
        self._count_unaccounted(shards, began)
        index = self.table.get(INDEX_KEY) or {}
        keys = [(pk, sk) for pk, sk in index.get("keys", [])]
        helpdesks = [key for key in keys if key[1] == "HELPDESK"]
        self._measure_unfiled(helpdesks)
        looked = self._look(keys)
        self._look_at_registrations(keys)
        woken = sum(map(len, shards)) + self._more(began, helpdesks)
        self.telemetry.count("Woken", woken)
        self.telemetry.flush()
        return {"woken": woken, "polls": looked}

    def _wake(self, most: int) -> list[list[tuple[str, int]]]:
        """Wake so many threads of each shard that are due; return them by shard, with when they were."""
        now = seconds(self.clock())
        shards = [in_turn(self.table.due(str(shard), now, most * AHEAD), most) for shard in range(SHARDS)]
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
        return any(self.directory.neighbours.health(key[0]).recovering_until > now for key in helpdesks)

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

    def _measure_unfiled(self, helpdesks: Sequence[Key]) -> None:
        """Say of each helpdesk how long the oldest message that it could not be given has waited; 0 where none has.

        So of a mirror's copies, apart: no customer waits for them. And the longest of all, without the helpdesk's name:
        an alarm watches one metric.
        """
        names = [decompose(pk[2:])[0] for pk, _ in helpdesks]
        self._measure_oldest("OldestUnfiledSeconds", dict(zip(names, (pk for pk, _ in helpdesks), strict=True)))
        self._measure_oldest("OldestUncopiedSeconds", {name: copies_shard(name) for name in names})

    def _measure_oldest(self, metric: str, shards: Mapping[str, str]) -> None:
        """Measure the age of the first entry of each helpdesk's shard."""
        now = seconds(self.clock())
        longest = 0
        for helpdesk, shard in shards.items():
            oldest = self.table.due(shard, now, 1)
            waited = now - oldest[0][1] if oldest else 0
            longest = max(longest, waited)
            self.telemetry.measure({metric: [waited]}, helpdesk=helpdesk)
        self.telemetry.count(metric, longest)

    def _look(self, keys: Sequence[Key]) -> int:
        """Have each connection looked at that is to be polled, by a letter of its own; return how many."""
        minute = seconds(self.clock()) // 60
        letters = [poll(key, str(minute)) for key in keys if self._polls(key)]
        if letters:
            self.mailbox.send(letters)
        return len(letters)

    def _look_at_registrations(self, keys: Sequence[Key]) -> None:
        """Have each connection's registration at its platform looked at once an hour, each in a minute of its own."""
        hour, minute = divmod(seconds(self.clock()) // 60, 60)
        letters = [
            look(key, str(hour))
            for key in keys
            if key[1] in {"CONNECTION", "HELPDESK"} and int(digest(key[0])[:8], 16) % 60 == minute
        ]
        if letters:
            self.mailbox.send(letters)

    def _polls(self, key: Key) -> bool:
        """Tell whether a connection is to be polled. One whose definition cannot be read hurts no other."""
        if key[1] not in {"CONNECTION", "HELPDESK"}:
            return False
        try:
            item = self.table.get(key)
            if item is None:
                return False
            if key[1] == "HELPDESK":
                definition = HelpdeskConnection.read(item["definition"])
                return definition.poll and isinstance(registry.helpdesk(definition.connector), PollsTickets)
            return isinstance(registry.channel(Connection.read(item["definition"]).channel), Polls)
        except Exception as error:  # noqa: BLE001 - a fault of ours; its words may be a customer's, and Lambda tells them
            look_failed(self.telemetry, key, error)
            return False


def in_turn(due: Sequence[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """Return at most so many of the threads that are due: one of each connection in turn, each one's earliest first.

    Else the many that a flooded connection has waiting would all come before what others' customers wrote.
    """
    if len(due) <= most:
        return list(due)
    connections: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for pk, due_at in due:
        connections.setdefault(tuple(decompose(pk[2:])[:2]), []).append((pk, due_at))
    rounds = itertools.zip_longest(*connections.values())
    return [each for one in rounds for each in one if each is not None][:most]

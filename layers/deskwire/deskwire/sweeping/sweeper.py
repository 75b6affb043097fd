"""Every minute: wake due threads, schedule polls of connections that cannot push, and publish metrics."""

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

MOST = 200  # threads woken per shard and minute; the rest wait a minute
AHEAD = 10  # times as many are read, so that threads of every connection are among them
NAMED = 5  # unaccounted threads logged per minute; `deskwire audit` lists all


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """The worker behind the schedule. `wait` sleeps for seconds; without it, threads are woken once a minute."""

    table: Table
    mailbox: Mailbox
    directory: Directory
    clock: Clock
    telemetry: Telemetry
    wait: Callable[[float], None] | None = None

    def sweep(self) -> dict[str, int]:
        """Run once; return the number of threads woken and of polls scheduled."""
        began = seconds(self.clock())
        shards = self._wake(MOST)
        self._count_unaccounted(shards, began)
        index = self.table.get(INDEX_KEY) or {}
        keys = [(pk, sk) for pk, sk in index.get("keys", [])]
        helpdesks = [key for key in keys if key[1] == "HELPDESK"]
        self._measure_unfiled(helpdesks)
        polls = self._schedule_polls(keys)
        self._schedule_registration_checks(keys)
        woken = sum(map(len, shards)) + self._more(began, helpdesks)
        self.telemetry.count("Woken", woken)
        self.telemetry.flush()
        return {"woken": woken, "polls": polls}

    def _wake(self, most: int) -> list[list[tuple[str, int]]]:
        """Wake at most `most` due threads of each shard; return them by shard, each with when it was due."""
        now = seconds(self.clock())
        shards = [in_turn(self.table.due(str(shard), now, most * AHEAD), most) for shard in range(SHARDS)]
        # The minute is part of the letter's id: a thread whose letter was lost is woken again.
        letters = [timer(pk[2:], f"due {due_at} {now // 60}") for due in shards for pk, due_at in due]
        if letters:
            self.mailbox.send(letters)
        return shards

    def _more(self, began: int, helpdesks: Sequence[Key]) -> int:
        """Wake further threads during the minute while a helpdesk recovers; return how many.

        A recovering helpdesk takes a limited number of requests per slice (see `Neighbours.asking`).
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
        """Count due threads that were woken repeatedly without being finished: each has at least one lost event.

        The index of due threads suffices: a thread is in it from when it is taken until it is finished. A shard with
        more due threads than are woken at once is skipped: those are late only because they have not been woken yet.
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
        """Measure for each helpdesk how long its oldest unfiled message has waited in seconds; 0 if none waits.

        Copies for a mirror are measured separately, as no customer waits for them. The longest wait is also published
        without a helpdesk's name, because an alarm watches a single metric.
        """
        names = [decompose(pk[2:])[0] for pk, _ in helpdesks]
        self._measure_oldest("OldestUnfiledSeconds", dict(zip(names, (pk for pk, _ in helpdesks), strict=True)))
        self._measure_oldest("OldestUncopiedSeconds", {name: copies_shard(name) for name in names})

    def _measure_oldest(self, metric: str, shards: Mapping[str, str]) -> None:
        """Measure the age of the first entry in each helpdesk's shard."""
        now = seconds(self.clock())
        longest = 0
        for helpdesk, shard in shards.items():
            oldest = self.table.due(shard, now, 1)
            waited = now - oldest[0][1] if oldest else 0
            longest = max(longest, waited)
            self.telemetry.measure({metric: [waited]}, helpdesk=helpdesk)
        self.telemetry.count(metric, longest)

    def _schedule_polls(self, keys: Sequence[Key]) -> int:
        """Send a letter for each connection that is to be polled; return how many."""
        minute = seconds(self.clock()) // 60
        letters = [poll(key, str(minute)) for key in keys if self._polls(key)]
        if letters:
            self.mailbox.send(letters)
        return len(letters)

    def _schedule_registration_checks(self, keys: Sequence[Key]) -> None:
        """Send a letter for each connection whose registration is to be checked: once an hour, spread over minutes."""
        hour, minute = divmod(seconds(self.clock()) // 60, 60)
        letters = [
            look(key, str(hour))
            for key in keys
            if key[1] in {"CONNECTION", "HELPDESK"} and int(digest(key[0])[:8], 16) % 60 == minute
        ]
        if letters:
            self.mailbox.send(letters)

    def _polls(self, key: Key) -> bool:
        """Return whether a connection is to be polled. If its definition cannot be read, log that and go on."""
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
    """Return at most `most` due threads: one of each connection in turn, the earliest first.

    Otherwise a flooded connection's threads would all come before those of other connections.
    """
    if len(due) <= most:
        return list(due)
    connections: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for pk, due_at in due:
        connections.setdefault(tuple(decompose(pk[2:])[:2]), []).append((pk, due_at))
    rounds = itertools.zip_longest(*connections.values())
    return [each for one in rounds for each in one if each is not None][:most]

"""Compute for each connection how fast customers are usually answered in the coming hours (see `care.usual`).

This happens once an hour, from the figures that `watch` counted, if a text of the policy states the wait. The result is
one item, which `converse` reads; it covers the coming hours only, so nothing outdated is promised if `watch` stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from deskwire.care.hours import Hours
from deskwire.care.usual import HOUR, LEARNED, RECENT, broken, promises
from deskwire.configuration import INDEX_KEY, Connection
from deskwire.conversation.figures import hour_of, waited, waits_item
from deskwire.conversation.table import DAY, moment, seconds
from deskwire.model.errors import where
from deskwire.model.keys import digest
from deskwire.ports import Clock, Table, Update
from deskwire.telemetry import Telemetry

COMING = 3  # hours ahead, beside this one and the last: a message may be acknowledged in the hour after its own


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitWatch:
    """Computes the usual waits."""

    table: Table
    clock: Clock
    telemetry: Telemetry
    _hours: set[int] = field(
        init=False, default_factory=set
    )  # the latest in which this worker had nothing left to note

    def note(self) -> int:
        """Store this hour's usual waits for each connection that states them and has none yet; return for how many.

        A failure of one connection delays no other, and is retried.
        """
        now, noted = self.clock(), 0
        hour, failed = seconds(now) // HOUR, 0
        if hour in self._hours:
            return 0
        for connection in self._connections():
            try:
                noted += self._note(connection, now)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others' customers are told, and it is seen
                failed += 1
                self.telemetry.count("WatchErrors")
                self.telemetry.log("ERROR", "usual waits not noted", connection=connection.name, reason=where(error))
        self._hours.clear()
        self._hours.update({hour} if not failed else ())
        return noted

    def _connections(self) -> Iterator[Connection]:
        index = self.table.get(INDEX_KEY) or {}
        for pk, sk in index.get("keys", ()):
            found = self.table.get((pk, sk)) if sk == "CONNECTION" else None
            if found is not None:
                connection = Connection.read(found["definition"])
                if connection.policy.says_usual_wait:
                    yield connection

    def _note(self, connection: Connection, now: datetime) -> bool:
        key, hours = waits_item(connection.channel, connection.account), connection.policy.hours
        before = self.table.get(key) or {}
        this, learned_by = seconds(now) // HOUR * HOUR, _regime(hours)
        if (before.get("made"), before.get("regime")) == (this, learned_by):
            return False
        # Waits depend on the opening hours: those from before a change of hours are not used.
        since = before.get("since", 0) if before.get("regime", learned_by) == learned_by else this
        first = max(now - LEARNED, moment(since))
        known = list(waited(self.table, connection.channel, connection.account, first, now))
        coming = range(this - HOUR, this + (COMING + 1) * HOUR, HOUR)
        found = promises(known, hours, coming, seconds(now))
        earlier = {int(hour): within for hour, within in before.get("lately", {}).items()}
        ahead = {hour: within for hour, within in found.items() if hour >= this}
        lately = {hour: within for hour, within in (earlier | ahead).items() if hour > this - RECENT}
        said = {} if broken(known, lately, seconds(now)) else found
        item = {
            "promises": {hour_of(moment(hour)): within for hour, within in said.items()},
            "lately": {str(hour): within for hour, within in lately.items()},
            "made": this, "regime": learned_by, "since": since, "expires": this + 60 * DAY,
        }  # fmt: skip
        self.table.update(Update(key, set=item))
        return True


def _regime(hours: Hours) -> str:
    """Return a digest of the opening hours without single days, which affect only themselves."""
    return digest(hours.model_dump_json(exclude={"days"}))[:16]

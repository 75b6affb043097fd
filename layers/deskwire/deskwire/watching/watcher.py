"""Count the stream's facts exactly once, and publish every outcome on the bus at least once.

Each fact has a token in the table, written in the same transaction as its counts: a fact with a token was counted
(docs/decisions/0034-counting-once.md). Events are published before that, metrics after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deskwire.configuration import Connection, connection_key
from deskwire.conversation.figures import hour_of, partition
from deskwire.model.errors import DeskwireError, TemporaryError, where
from deskwire.ports import Absent, Alarms, Bus, Conflict, Key, Put, Table, Update
from deskwire.telemetry import Telemetry

from .calling import call
from .facts import MEASURED, Case, Fact, facts_of
from .incidents import IncidentWatch
from .mirroring import MirrorWatch
from .published import Published
from .records import each_read
from .waits import WaitWatch

MOST = 30  # records handled at once
MOST_WRITES = 100  # of one transaction
TOKEN_SECONDS = 3 * 86_400  # a stream keeps its records for one day
FIGURES_SECONDS = 400 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """The worker of the function `watch`. `bus` and `alarms` are optional."""

    table: Table
    telemetry: Telemetry
    bus: Bus | None = None
    incidents: IncidentWatch | None = None
    mirrors: MirrorWatch | None = None
    waits: WaitWatch | None = None
    alarms: Alarms | None = None
    _names: dict[tuple[str, str], str] = field(init=False, default_factory=dict)

    def watch(self, records: Sequence[Mapping[str, Any]]) -> str:
        """Handle a batch of the stream; return the sequence number from which to redeliver it, or ""."""
        failed = ""
        for start in range(0, len(records), MOST):
            failed = self._watch(records[start : start + MOST])
            if failed:
                break
        self.telemetry.flush()
        return failed

    def _watch(self, records: Sequence[Mapping[str, Any]]) -> str:
        """Handle some records; return as `watch` does."""
        facts = [fact for _, found in each_read(records, facts_of, self.telemetry) for fact in found]
        try:
            self._take(facts)
            if self.incidents is not None:
                self.incidents.watch(records)
            if self.mirrors is not None:
                self.mirrors.watch(records)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are redelivered
            return self._failed(records[0], error)
        return ""

    def run_schedule(self) -> int:
        """Close the incidents that are over and store the usual waits; return how many incidents were closed."""
        closed = self.incidents.close_what_is_over() if self.incidents is not None else 0
        if self.waits is not None:
            self.waits.note()
        self.telemetry.flush()
        return closed

    def _failed(self, record: Mapping[str, Any], error: Exception) -> str:
        reason = str(error) if isinstance(error, DeskwireError) else where(error)
        self.telemetry.count("WatchErrors")
        self.telemetry.log("ERROR", "to be redelivered", error=type(error).__name__, reason=reason)
        return str(record["dynamodb"]["SequenceNumber"])

    def _take(self, facts: Sequence[Fact]) -> None:
        if self.bus is not None and (told := [self._event(fact) for fact in facts if fact.outcome]):
            self.bus.publish(told)
        self._call([fact for fact in facts if fact.call])
        self._measure(self._count(facts))

    def _call(self, facts: Sequence[Fact]) -> None:
        """Notify the people on call of facts not counted yet; repeated only if this worker dies before counting."""
        for fact in facts if self.alarms is not None else ():
            if self.table.get(token_item(fact.id)) is None:
                where = self._name(fact.channel, fact.account)
                call(self.alarms, self.telemetry, f"answer overdue on {where}", f"{fact.call}. Connection: {where}.")

    def _count(self, facts: Sequence[Fact]) -> list[Fact]:
        """Add the facts that were not counted before to the figures; return them. Raises `TemporaryError`."""
        once = {fact.id: fact for fact in reversed(facts)}  # if two have one id, keep the earlier
        return [fact for some in _together(once.values()) for fact in self._count_together(some)]

    def _count_together(self, facts: Sequence[Fact]) -> list[Fact]:
        left = {fact.id: fact for fact in facts}
        while left:
            try:
                self.table.transact([*_tokens(left.values()), *_figures(left.values())])
            except Conflict:
                known = {each for each in left if self.table.get(token_item(each)) is not None}
                if not known:
                    raise TemporaryError("another worker counts the same") from None
                left = {each: fact for each, fact in left.items() if each not in known}
            else:
                break
        return list(left.values())

    def _measure(self, facts: Sequence[Fact]) -> None:
        """Write the facts as metrics of their connections."""
        sums: defaultdict[tuple[str, str], defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for fact in facts:
            for name, number in fact.counts.items():
                sums[fact.channel, fact.account][metric_of(name)].append(number)
            for name in MEASURED & fact.of_case.keys():
                if fact.case is not None and fact.of_case[name] >= 0:  # corrections go into the table only
                    sums[fact.case.channel, fact.case.account][metric_of(name)].append(fact.of_case[name])
        for (channel, account), values in sums.items():
            self.telemetry.measure(values, channel=channel, connection=self._name(channel, account))

    def _name(self, channel: str, account: str) -> str:
        """Return the connection's name in deskwire.yaml, or the account if it is no connection."""
        if (channel, account) not in self._names:
            found = self.table.get(connection_key(channel, account))
            self._names[channel, account] = Connection.read(found["definition"]).name if found else account
        return self._names[channel, account]

    def _event(self, fact: Fact) -> dict[str, Any]:
        published = Published(
            id=fact.id,
            at=_time(fact.at).isoformat().replace("+00:00", "Z"),
            stack=self.telemetry.stack,
            stage=self.telemetry.stage,
            channel=fact.channel,
            account=fact.account,
            connection=self._name(fact.channel, fact.account),
            **fact.outcome,
        )
        return published.entry(_time(fact.at))


def token_item(identifier: str) -> Key:
    """Return the key of the token that says that a fact was counted."""
    return (f"W#{identifier}", "COUNTED")


def figures_item(channel: str, account: str, at: datetime) -> Key:
    """Return the key of an account's figures of an hour: `messages`, `tickets`, `answers`, each outcome, and sums."""
    return (partition(channel, account), f"H#{hour_of(at)}")


def case_item(case: Case) -> Key:
    """Return the key of the figures of similar tickets whose customers wrote in the same hour."""
    alike = f"{case.language}#{case.priority}#{case.kind}"
    return (partition(case.channel, case.account), f"C#{hour_of(_time(case.since))}#{alike}")


def metric_of(name: str) -> str:
    """Return the metric of a figure: FirstAnswerSeconds for `first_answer_seconds`."""
    return "".join(word.capitalize() for word in name.split("_"))


def _together(facts: Iterable[Fact]) -> Iterator[list[Fact]]:
    """Yield the facts in groups that fit into one transaction each."""
    some: list[Fact] = []
    for fact in facts:
        if len(some) + 1 + len(_figures([*some, fact])) > MOST_WRITES:
            yield some
            some = []
        some.append(fact)
    if some:
        yield some


def _tokens(facts: Iterable[Fact]) -> list[Put]:
    return [
        Put({"pk": pk, "sk": sk, "expires": fact.at + TOKEN_SECONDS}, when=[("pk", Absent())])
        for fact in facts
        for pk, sk in [token_item(fact.id)]
    ]


def _figures(facts: Iterable[Fact]) -> list[Update]:
    sums: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    latest: dict[Key, int] = {}
    for fact in facts:
        places = [(figures_item(fact.channel, fact.account, _time(fact.at)), fact.counts)]
        if fact.case is not None and fact.of_case:
            places.append((case_item(fact.case), fact.of_case))
        for key, counts in places:
            sums[key].update(counts)
            latest[key] = fact.at
    return [Update(key, add=counts, initial={"expires": latest[key] + FIGURES_SECONDS}) for key, counts in sums.items()]


def _time(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)

"""Count reports of trouble exactly once, open an incident if they exceed chance, and notify those concerned.

Each count is written with a token, as figures are. An incident is opened and closed in one transaction each, by
whichever worker sees the rise. Notifications follow from the stream's record of that write, and may be repeated when
the record is redelivered: letters are deduplicated by their keys, the event and the alarm name the incident.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deskwire.care.incident import BUCKET, FRESH, LEARNED, SAME, Alarm, Usual, alarm, concerns, over, slot
from deskwire.configuration import INCIDENTS_KEY, Incidents, connection_key
from deskwire.conversation import incidents
from deskwire.conversation.incidents import Incident, Trouble
from deskwire.conversation.table import DAY, moment
from deskwire.letters import notices
from deskwire.model.errors import TemporaryError
from deskwire.model.keys import compose, decompose, digest
from deskwire.model.notices import Notice
from deskwire.ports import Absent, Alarms, AtMost, Bus, Clock, Conflict, Item, Key, Mailbox, Put, Table, Update
from deskwire.telemetry import Telemetry

from .calling import call
from .published import PublishedIncident
from .records import each_read

TOKEN_SECONDS = 3 * DAY  # a stream keeps its records for one day
COUNTED_SECONDS = 35 * DAY
SEEN_SECONDS = int(SAME.total_seconds())
COUNT = re.compile(r"n\d\d .*", re.DOTALL)  # names of attributes: customers in five minutes, by topic
STALE = 2 * 3600  # seconds after which a message filed late opens no incident
HOUR = 3600


def trouble_in(record: Mapping[str, Any]) -> Trouble | None:
    """Return the trouble reported in a stream's record, or None. Raises as `facts_of` does."""
    change = record["dynamodb"]
    pk, sk = (str(change["Keys"][name]["S"]) for name in ("pk", "sk"))
    new, old = change.get("NewImage") or {}, change.get("OldImage") or {}
    ended_before = old.get("state", {}).get("S", "recorded") != "recorded"
    if not sk.startswith("M#") or "trouble" not in new or ended_before:
        return None
    told = json.loads(new["trouble"]["S"])
    channel, account = [*decompose(sk[2:]), "", ""][:2]
    topics = tuple(str(each) for each in told["topics"])
    return Trouble(
        id=digest(compose("trouble", pk, sk))[:32],
        at=incidents.seconds_of(new["received_at"]["S"]),
        channel=channel,
        account=account,
        thread=pk[2:],
        by=str(told["by"]),
        topics=topics,
        language=incidents.language_of(topics),
    )


def incident_in(record: Mapping[str, Any]) -> Incident | None:
    """Return the incident that a stream's record shows as opened or closed, or None."""
    change = record["dynamodb"]
    if change["Keys"]["pk"]["S"] != incidents.INCIDENTS or "NewImage" not in change:
        return None
    new, old = change["NewImage"], change.get("OldImage") or {}
    if new["state"] == old.get("state"):
        return None
    plain = {name: value.get("S", value.get("N")) for name, value in new.items() if {"S", "N"} & value.keys()}
    return Incident.model_validate(plain)


@dataclass(frozen=True, slots=True)
class History:
    """One scope's counts: customers of the last two days by topic and bucket, and the usual rates."""

    counts: Mapping[str, Mapping[int, int]]
    usual: Usual

    def rate(self, topic: str) -> Callable[[int], float]:
        """Return a function from a time to the topic's usual rate."""
        return lambda at: self.usual.rate(topic, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentWatch:
    """Watches for incidents. `bus` and `alarms` are optional."""

    table: Table
    mailbox: Mailbox
    clock: Clock
    telemetry: Telemetry
    bus: Bus | None = None
    alarms: Alarms | None = None

    def watch(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Handle a batch's trouble and incidents. Raises `TemporaryError`; the batch may then be repeated."""
        troubles = [found for _, found in each_read(records, trouble_in, self.telemetry) if found is not None]
        definition = self.table.get(INCIDENTS_KEY) if troubles else None
        if definition is not None:
            self._take(Incidents.read(definition["definition"]), troubles)
        for record, incident in each_read(records, incident_in, self.telemetry):
            if incident is not None:
                self._notify(incident, record)

    def close_what_is_over(self) -> int:
        """Close the incidents whose scopes have been quiet; return how many."""
        closed = 0
        for scope in incidents.scopes(self.table):
            incident = incidents.incident_of(self.table, str(scope.get("incident", "")))
            if incident is None:
                continue
            at = int(self.clock().timestamp())
            known = self._history(incident.scope, at)
            ended = over(known.counts.get(incident.topic, {}), known.rate(incident.topic), incident.opened_at, at)
            if ended is not None:
                closed += incidents.close_incident(self.table, incident, ended, "calm")
        return closed

    # ---------------------------------------------------------------- counting

    def _take(self, definition: Incidents, troubles: Sequence[Trouble]) -> None:
        by_scope: defaultdict[str, list[Trouble]] = defaultdict(list)
        connections: dict[str, tuple[str, ...]] = {}
        for trouble in troubles:
            scope, theirs = definition.scope(self._connection(trouble))
            by_scope[scope].append(trouble)
            connections[scope] = theirs
        for scope, found in by_scope.items():
            self._of_scope(scope, connections[scope], definition.priority, found)

    def _of_scope(self, scope: str, connections: Sequence[str], priority: str, troubles: Sequence[Trouble]) -> None:
        """Count one scope's trouble in a batch, open its incident if it is due, and link the members' tickets."""
        state = self.table.get(incidents.scope_item(scope)) or {}
        known = str(state.get("incident", ""))
        for trouble in troubles:
            self._count(scope, trouble)
        late = int(self.clock().timestamp()) - max(each.at for each in troubles) > STALE
        if not known and not late:
            self._open(scope, connections, priority, troubles, int(state.get("ended", 0)))
            known = str((self.table.get(incidents.scope_item(scope)) or {}).get("incident", ""))
        incident = incidents.incident_of(self.table, known)
        if incident is not None:
            self._link(incident, [each for each in troubles if concerns(incident.topic, each.topics)])

    def _count(self, scope: str, trouble: Trouble) -> None:
        """Count each customer once in six hours, and each message once. Raises `TemporaryError`."""
        start = trouble.at // HOUR * HOUR
        minute = (trouble.at - start) // BUCKET * BUCKET // 60
        sums = {f"n{minute:02} {topic}": 1 for topic in ("", *trouble.topics)}
        seen = {
            "until": trouble.at + SEEN_SECONDS,
            "at": trouble.at,
            "member": trouble.thread,
            "channel": trouble.channel,
            "account": trouble.account,
            "by": trouble.by,
            "topics": list(trouble.topics),
            "expires": trouble.at + 2 * SEEN_SECONDS,
        }
        token = token_of(trouble)
        try:
            self.table.transact(
                [
                    Put(token, when=[("pk", Absent())]),
                    Update(seen_item(scope, trouble.by), set=seen, when=[("until", AtMost(trouble.at))]),
                    Update(hour_item(scope, start), add=sums, initial={"expires": start + COUNTED_SECONDS}),
                ]
            )
        except Conflict:
            if self.table.get((token["pk"], token["sk"])) is not None:
                return
            lately = self.table.get(seen_item(scope, trouble.by))
            if lately is None or lately["until"] <= trouble.at:
                raise TemporaryError("another worker counts the same") from None
            self.table.put(Put(token))

    def _open(
        self, scope: str, connections: Sequence[str], priority: str, troubles: Sequence[Trouble], ended: int
    ) -> None:
        """Open an incident if there are more customers than chance explains."""
        at = max(each.at for each in troubles)
        topics = {"", *(topic for each in troubles for topic in each.topics)}
        history = self._history(scope, at)
        raised = alarm(sorted(topics), history.counts, history.usual, at, ended)
        if raised is None:
            return
        first = min(
            (each for each in troubles if concerns(raised.topic, each.topics)), key=lambda each: (each.at, each.id)
        )
        if not incidents.open_incident(self.table, _incident(scope, raised, first, priority, at), connections):
            self.telemetry.log("INFO", "an incident was opened by another worker")

    def _history(self, scope: str, at: int) -> History:
        """Return the counts up to a time: two bounded queries, and the profile."""
        today = at // DAY * DAY
        rows = [row for day in (today - DAY, today) for row in self.table.query(*_hours_of(scope, day))]
        counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for row in rows:
            for topic, bucket, number in _buckets(row):
                counts[topic][bucket] += number
        usual = self._profile(scope, today)
        fresh = [row for row in rows if today <= _hour_of(row) <= at - FRESH]
        since = min([usual.since or at, *map(_hour_of, rows)])
        return History(counts, _learned(usual, fresh, since))

    def _profile(self, scope: str, today: int) -> Usual:
        """Return the usual rates of the four weeks before today, computed once a day from at most 35 days' hours."""
        key = profile_item(scope)
        known = self.table.get(key)
        if known is not None and known["day"] == today:
            slots = {
                topic: {int(each): number for each, number in theirs.items()}
                for topic, theirs in json.loads(known["slots"]).items()
            }
            return Usual(known["since"], slots)
        rows = self.table.query(key[0], "H#")
        before = (known or {}).get("since", 0)
        since = min([*([before] if before else []), *map(_hour_of, rows)], default=0)
        first = today - int(LEARNED.total_seconds())
        usual = _learned(Usual(since, {}), [row for row in rows if first <= _hour_of(row) < today], since)
        item = {"pk": key[0], "sk": key[1], "day": today, "since": since, "expires": today + COUNTED_SECONDS}
        self.table.put(Put({**item, "slots": json.dumps(usual.slots, ensure_ascii=False)}))
        return usual

    def _connection(self, trouble: Trouble) -> str:
        found = self.table.get(connection_key(trouble.channel, trouble.account))
        return str(found["name"]) if found else trouble.account

    # ---------------------------------------------------------------- notifying

    def _link(self, incident: Incident, members: Iterable[Trouble]) -> None:
        """Send a note to each new member's ticket that it belongs to the incident, then record the member."""
        new: dict[str, Trouble] = {}
        for each in members:
            if each.thread not in new and self.table.get(incidents.member_item(incident.id, each.thread)) is None:
                new[each.thread] = each
        if not new:
            return
        self._send(incidents.joined(incident, each.channel, each.account, each.thread) for each in new.values())
        for each in new.values():
            pk, sk = incidents.member_item(incident.id, each.thread)
            self.table.put(
                Put(
                    {
                        "pk": pk,
                        "sk": sk,
                        "member": each.thread,
                        "by": each.by,
                        "channel": each.channel,
                        "account": each.account,
                        "language": each.language,
                        "at": each.at,
                        "expires": each.at + incidents.MEMBERS_KEPT,
                    }
                )
            )

    def _notify(self, incident: Incident, record: Mapping[str, Any]) -> None:
        """Send the notices, the event and the alarm of an incident that was opened or closed."""
        if incident.state == "open":
            self._send([incidents.opening(incident)])
            self._link(incident, self._earlier(incident))
            words = f"Incident {incident.id} was opened, about {incident.about}: {incident.reason}."
        else:
            members = len(self.table.query(*incidents.member_item(incident.id, "")))
            why = "two hours about as usual" if incident.closed_by == "calm" else "closed by hand"
            words = f"Incident {incident.id}, about {incident.about}, is over: {why}. Conversations: {members}."
            self._send([incidents.noted(incident, 0, words)])
        if self.bus is not None:
            at = datetime.fromtimestamp(int(record["dynamodb"]["ApproximateCreationDateTime"]), UTC)
            self.bus.publish([self._event(incident).entry(at)])
        subject = f"incident {incident.state}, {incident.topic or 'all trouble'}"
        call(self.alarms, self.telemetry, subject, words)
        self.telemetry.count("IncidentsOpened" if incident.state == "open" else "IncidentsClosed")

    def _earlier(self, incident: Incident) -> list[Trouble]:
        """Return the trouble reported between the incident's beginning and its opening."""
        rows = self.table.query(*seen_item(incident.scope, ""))
        found = [
            Trouble(
                id="", at=row["at"], channel=row["channel"], account=row["account"], thread=row["member"], by=row["by"],
                topics=tuple(row["topics"]), language=incidents.language_of(row["topics"]),
            )
            for row in rows
            if row["at"] >= incident.began_at
        ]  # fmt: skip
        return [each for each in found if concerns(incident.topic, each.topics)]

    def _send(self, given: Iterable[Notice]) -> None:
        self.mailbox.send(notices(given, self.clock().isoformat()))

    def _event(self, incident: Incident) -> PublishedIncident:
        at = incident.opened_at if incident.state == "open" else incident.closed_at
        return PublishedIncident(
            id=digest(compose("incident", incident.id, incident.state))[:32],
            at=moment(at).isoformat().replace("+00:00", "Z"),
            stack=self.telemetry.stack,
            stage=self.telemetry.stage,
            incident=incident.id,
            state=incident.state,
            scope=incident.scope,
            topic=incident.topic,
            customers=incident.customers,
            reason=incident.reason if incident.state == "open" else incident.closed_by,
        )


def _incident(scope: str, raised: Alarm, first: Trouble, priority: str, at: int) -> Incident:
    return Incident(
        sk=incidents.new_identifier(scope, at),
        scope=scope,
        topic=raised.topic,
        reason=raised.reason,
        customers=raised.customers,
        priority=priority,
        channel=first.channel,
        account=first.account,
        began_at=raised.since,
        opened_at=at,
    )


def token_of(trouble: Trouble) -> Item:
    """Return the item that marks a message as counted."""
    return {"pk": f"W#{trouble.id}", "sk": "COUNTED", "expires": trouble.at + TOKEN_SECONDS}


def seen_item(scope: str, by: str) -> Key:
    """Return the key of the item that marks a customer as counted."""
    return (f"Q#{scope}", f"C#{by}")


def hour_item(scope: str, start: int) -> Key:
    """Return the key of a scope's counts of an hour; `n05 app` counts five minutes of a topic."""
    return (f"Q#{scope}", f"H#{moment(start):%Y-%m-%dT%H}")


def profile_item(scope: str) -> Key:
    """Return the key of a scope's usual rates."""
    return (f"Q#{scope}", "PROFILE")


def _hours_of(scope: str, day: int) -> Key:
    return (f"Q#{scope}", f"H#{moment(day):%Y-%m-%d}")


def _buckets(row: Item) -> Iterator[tuple[str, int, int]]:
    """Yield (topic, bucket, customers) from an hour's counts."""
    start = _hour_of(row)
    for name, number in row.items():
        if COUNT.fullmatch(name):
            yield name[4:], (start + int(name[1:3]) * 60) // BUCKET, number


def _learned(usual: Usual, rows: Iterable[Item], since: int) -> Usual:
    """Return the usual rates after learning these hours, which are in order."""
    slots: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for topic, theirs in usual.slots.items():
        slots[topic].update(theirs)
    for row in rows:
        start, customers = _hour_of(row), Counter[str]()
        for topic, _, number in _buckets(row):
            customers[topic] += number
        known = Usual(since, slots)
        for topic, number in customers.items():
            slots[topic][slot(start)] += known.learned(topic, start, number)
    return Usual(since, slots)


def _hour_of(row: Item) -> int:
    return int((datetime.strptime(row["sk"][2:], "%Y-%m-%dT%H").replace(tzinfo=UTC)).timestamp())

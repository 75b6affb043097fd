"""Replay recorded conversations with another policy, to see what would have been sent and filed. Nothing is sent.

Each conversation is replayed through the real turn (`Conversation`), on a table in memory, at the times at which its
messages were recorded: once with the present policy, once with the other one. The connectors are the real ones, with
the methods that call outside replaced. So no decision is implemented twice, and any difference is due to the policy.

The recorded circumstances are reproduced: when agents answered, what the helpdesk signalled, which incidents were open,
who had opted out. Not reproduced: outages, and what customers would have written instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection, helpdesk_key
from deskwire.conversation.ledger import text_digest
from deskwire.conversation.recorded import MOVED, Recorded
from deskwire.conversation.table import seconds, sent_item, thread_item
from deskwire.conversation.wording import ACK
from deskwire.model.events import Event
from deskwire.model.keys import compose
from deskwire.ports import Table, WholeTable

from .staging import Effects, Script, Stage, World, script_of, world_of

SCANNED = ("pk", "sk", "state", "recorded_at", "channel")


ASPECTS = ("acknowledgement", "answer", "ticket", "priority", "tags", "heat", "hidden", "invitation", "notes")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between the policies for a message: the aspect, before and after, in words."""

    aspect: str
    change: str
    before: str
    after: str
    quotes: bool = False  # the company's own texts: they may be long


def differences(before: Effects, after: Effects) -> Iterator[Difference]:
    """Yield the differences between two effects of one message."""
    if before.acknowledged != after.acknowledged:
        change = "sent" if not before.acknowledged else "not sent" if not after.acknowledged else "another text"
        yield Difference(
            "acknowledgement", change, before.acknowledged or before.why, after.acknowledged or after.why, quotes=True
        )
    named = (("answer", before.answer, after.answer), ("priority", before.priority, after.priority))
    for aspect, old, new in named:
        if old != new:
            change = f"{old or 'none'} → {new or 'none'}"
            yield Difference(aspect, change, old, new)
    if before.ticket != after.ticket:
        yield Difference("ticket", f"{before.ticket} → {after.ticket}", before.ticket, after.ticket)
    if set(before.tags) != set(after.tags):
        added = [f"+{each}" for each in after.tags if each not in before.tags]
        gone = [f"-{each}" for each in before.tags if each not in after.tags]
        yield Difference("tags", " ".join(added + gone), ", ".join(before.tags), ", ".join(after.tags))
    if before.hot != after.hot:
        yield Difference("heat", "cold → hot" if after.hot else "hot → cold", "", "")
    if before.hidden != after.hidden:
        yield Difference("hidden", "hidden" if after.hidden else "not hidden", "", "")
    if before.invited != after.invited:
        change = "invited" if not before.invited else "not invited" if not after.invited else "another text"
        yield Difference("invitation", change, before.invited, after.invited, quotes=True)
    if before.notes != after.notes:
        yield Difference("notes", f"{before.notes} → {after.notes}", "", "")


@dataclass(frozen=True, slots=True)
class Differing:
    """A message for which the policies differ, with its ticket as `HELPDESK/TICKET`, or else its thread."""

    connection: str
    where: str
    event: Event
    differences: tuple[Difference, ...]


@dataclass
class Outcome:
    """The result of a rehearsal. `unjudged` counts the messages that could not be replayed, by reason."""

    since: datetime
    until: datetime
    messages: int = 0
    conversations: int = 0
    changed: tuple[str, ...] = ()  # the connections whose rules differ
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by aspect and change
    differing: int = 0
    examples: list[Differing] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)
    as_recorded: int = 0  # acknowledgements that the policy in force gives as they were recorded, sent or not
    compared: int = 0


GONE = "its words are no longer kept"
FAILED = "it could not be rehearsed"
REMOVED = "its connection is not in the file, or was not applied"


@dataclass(frozen=True, slots=True)
class Rules:
    """A connection with its present rules, and with those of the file."""

    before: Connection
    after: Connection
    desk: HelpdeskConnection

    @property
    def differ(self) -> bool:
        """Whether any rule differs."""
        return _rules(self.before) != _rules(self.after)


def _rules(connection: Connection) -> tuple[object, ...]:
    return connection.policy, connection.answers, connection.tags


def rules(table: Table, wanted: Iterable[object]) -> dict[tuple[str, str], Rules]:
    """Return the connections that are both applied and in the file, by channel and account.

    Their helpdesks and endpoints stay as applied: a rehearsal compares only rules.
    """
    new = {each.key: each for each in wanted if isinstance(each, Connection)}
    found = {}
    for pk, sk in (table.get(INDEX_KEY) or {}).get("keys", ()):
        row = table.get((pk, sk)) if (pk, sk) in new else None
        if row is None:
            continue
        before = Connection.read(row["definition"]).model_copy(update={"secret": ""})
        given = new[pk, sk]
        after = before.model_copy(
            update={"policy": given.policy, "answers": given.answers, "tags": given.tags, "name": before.name}
        )
        desk = table.get(helpdesk_key(before.helpdesk))
        if desk is not None:
            definition = HelpdeskConnection.read(desk["definition"]).model_copy(update={"secret": ""})
            found[before.channel, before.account] = Rules(before, after, definition)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Runs rehearsals. It writes only to tables in memory."""

    table: WholeTable
    known: Mapping[tuple[str, str], Rules]
    channel: str = ""  # this one alone
    most: int = 50  # examples that are kept

    def run(self, since: datetime, now: datetime) -> Outcome:
        """Replay every conversation with a message since `since`, one at a time, and return the differences."""
        found = Outcome(since, now, changed=tuple(each.before.name for each in self.known.values() if each.differ))
        world = world_of(self.table, since, now)
        for thread_key in sorted(self._threads(since)):
            self._thread(thread_key, world, found)
        return found

    def _threads(self, since: datetime) -> set[str]:
        """Return the threads with a message recorded since then."""
        return {
            str(each["pk"])[2:]
            for each in self.table.scan(SCANNED)
            if str(each["sk"]).startswith("M#")
            and each.get("recorded_at", 0) >= seconds(since) * 1000
            and each.get("state") != MOVED
            and (not self.channel or each.get("channel") == self.channel)
        }

    def _thread(self, thread_key: str, world: World, found: Outcome) -> None:
        rows = self.table.query(thread_item(thread_key)[0])
        script = script_of(thread_key, rows, self.table, world)
        judged = [each for each in script.inbound if each.recorded_at >= seconds(found.since) * 1000]
        bare = [
            row
            for row in rows
            if row["sk"].startswith("M#")
            and row.get("kind") == "message"
            and not row.get("own")
            and "event" not in row
            and row.get("recorded_at", 0) >= seconds(found.since) * 1000
        ]
        found.unjudged[GONE] += len(bare)
        theirs = {(each.event.channel, each.event.account) for each in script.inbound if each.event is not None}
        if not theirs <= self.known.keys():
            found.unjudged[REMOVED] += len(judged)
            return
        if not judged:
            return
        found.messages += len(judged)
        found.conversations += 1
        if not any(self.known[each].differ for each in theirs):
            return
        before, after = (self._played(script, theirs, after=after) for after in (False, True))
        for message in judged:
            self._compare(script, message, before.get(message.key), after.get(message.key), found)

    def _played(self, script: Script, theirs: Iterable[tuple[str, str]], *, after: bool) -> dict[str, Effects]:
        known = [self.known[each] for each in sorted(theirs)]
        stage = Stage(script, [each.after if after else each.before for each in known], [each.desk for each in known])
        return stage.play()

    def _compare(
        self, script: Script, message: Recorded, before: Effects | None, after: Effects | None, found: Outcome
    ) -> None:
        event = message.event
        if before is None or after is None or event is None:
            found.unjudged[FAILED] += 1
            return
        found.compared += 1
        found.as_recorded += _said(script, message) == (text_digest(before.acknowledged) if before.acknowledged else "")
        differing = tuple(differences(before, after))
        if not differing:
            return
        found.differing += 1
        found.counts.update((each.aspect, each.change) for each in differing)
        if len(found.examples) < self.most:
            desk = script.helpdesk or self.known[event.channel, event.account].before.helpdesk
            where = f"{desk}/{message.ticket}" if message.ticket else script.key
            name = self.known[event.channel, event.account].before.name
            found.examples.append(Differing(name, where, event, differing))


def _said(script: Script, message: Recorded) -> str:
    """Return the digest of the acknowledgement that was really sent for a message, "" if none was."""
    row = script.sent.get(sent_item(script.key, compose(ACK, message.key)))
    return str(row.get("text", "")) if row is not None and row.get("state") in {"sent", "unknown"} else ""

"""Replay one recorded conversation through the turn, on a table in memory, for a rehearsal.

The connectors are the real ones, with the methods that call outside replaced: these record their arguments as effects
of the latest message.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from deskwire.care.triage import HOT
from deskwire.care.usual import HOUR, LEARNED, Waited, promises
from deskwire.configuration import INCIDENTS_KEY, Connection, HelpdeskConnection, Incidents, item
from deskwire.contracts.channel import Channel, Reach
from deskwire.contracts.helpdesk import Abilities, Helpdesk
from deskwire.conversation.converse import Conversation
from deskwire.conversation.decide import SENT_BY_US
from deskwire.conversation.directory import Directory
from deskwire.conversation.figures import hour_of, waited
from deskwire.conversation.incidents import INCIDENTS, Incident
from deskwire.conversation.recorded import MOVED, Recorded, recorded
from deskwire.conversation.table import message_item, moment, person_item, seconds, thread_item
from deskwire.conversation.thread import Past, Thread
from deskwire.conversation.turn import is_inbound
from deskwire.conversation.wording import ACK, INVITE
from deskwire.letters import timer
from deskwire.model.errors import ConfigurationError, DeskwireError, PermanentError
from deskwire.model.events import Author
from deskwire.model.keys import compose
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.tickets import Change, Customer, Earlier, Entry, Filed, Sought, Ticket
from deskwire.ports import Item, Key, Put, Table, Update
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryTable
from deskwire.telemetry import Telemetry

from .auditing import again

if TYPE_CHECKING:
    from deskwire.contracts.terms import Permit

AFTER = 300  # seconds that a conversation goes on after its last message: albums are filed, and what waits is retried
MOST_TURNS = 20  # by timers, between two messages: reminders and retries
REPLIES = "S#reply/"
ABILITIES = Abilities(native_key=True, find_open=False, find_append=False, several=False)


@dataclass
class Effects:
    """The effects of a message; "" for none. `why`: the reason why it was not acknowledged."""

    ticket: str = ""  # how it ended: `filed`, or why not
    acknowledged: str = ""
    why: str = ""
    answer: str = ""  # the name of the declared answer in the acknowledgement
    priority: str = ""  # that it gave its ticket, or raised it to
    tags: tuple[str, ...] = ()  # that it gave its ticket
    hidden: bool = False
    invited: str = ""
    notes: int = 0  # for the agents: reminders, what was answered automatically

    @property
    def hot(self) -> bool:
        """Whether it made its ticket hot."""
        return HOT in self.tags


# ---------------------------------------------------------------- what is played


@dataclass(frozen=True, slots=True)
class UsualWaits:
    """The usual waits known at a time, by the figures that `watch` counted.

    They are computed anew, so they exist even if no text stated them then. Days on which they were withheld because too
    many customers waited longer are not reproduced.
    """

    table: Table
    since: datetime
    until: datetime
    _waited: dict[tuple[str, str], list[Waited]] = field(default_factory=dict)
    _known: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)

    def at(self, connection: Connection, now: datetime) -> Mapping[str, int]:
        """Return the usual waits for that hour and the one before, as `Directory.usual_waits` does."""
        if not connection.policy.says_usual_wait or now < self.since:
            return {}
        place, hours = (connection.channel, connection.account), connection.policy.hours
        hour = seconds(now) // HOUR * HOUR
        key = (*place, hours.model_dump_json(), str(hour))
        if key not in self._known:
            if place not in self._waited:
                self._waited[place] = list(waited(self.table, *place, self.since - LEARNED, self.until))
            learned = (each for each in self._waited[place] if hour - LEARNED.total_seconds() <= each.hour < hour)
            found = promises(learned, hours, (hour - HOUR, hour), hour)
            self._known[key] = {hour_of(moment(each)): within for each, within in found.items()}
        return self._known[key]


@dataclass(frozen=True, slots=True)
class World:
    """The circumstances common to all conversations: incidents, their scopes, and usual waits."""

    incidents: Sequence[Incident]
    definition: Incidents | None
    usual: UsualWaits

    def topics(self, connection: str, now: datetime) -> tuple[str, ...]:
        """Return the topics of the incidents that included a connection at this time."""
        if self.definition is None:
            return ()
        scope, at = self.definition.scope(connection)[0], seconds(now)
        return tuple(
            each.topic
            for each in self.incidents
            if each.scope == scope and each.opened_at <= at and (each.state == "open" or at < each.closed_at)
        )


def world_of(table: Table, since: datetime, until: datetime) -> World:
    """Return the circumstances between two times."""
    row = table.get(INCIDENTS_KEY)
    definition = Incidents.read(row["definition"]) if row is not None else None
    rows = table.query(INCIDENTS) if definition is not None else []
    return World([Incident.model_validate(each) for each in rows], definition, UsualWaits(table, since, until))


@dataclass(frozen=True, slots=True)
class _Step:
    """An event at a time in milliseconds: a message with its item, or an agent's answer (without either)."""

    at: int
    message: Recorded | None = None
    row: Item = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """A recorded conversation."""

    key: str
    helpdesk: str
    steps: Sequence[_Step]
    sent: Mapping[Key, Item]
    past: Past  # earlier tickets, and complaints among them, as the helpdesk told
    people: Sequence[Item]  # wishes of who wrote
    world: World

    @property
    def inbound(self) -> list[Recorded]:
        """The customers' messages in order."""
        return [step.message for step in self.steps if step.message is not None and is_inbound(step.message.event)]


def script_of(thread_key: str, rows: Sequence[Item], table: Table, world: World) -> Script:
    """Return the conversation in these items; its people's opt-outs and past are read from the table."""
    by_key: dict[Key, Item] = {(row["pk"], row["sk"]): row for row in rows}
    thread = Thread.model_validate(by_key.get(thread_item(thread_key)) or {"pk": thread_item(thread_key)[0]})
    steps = [*_messages(rows), *_answers(rows)]
    steps.sort(key=lambda step: (step.at, step.message is not None))
    began = steps[0].at if steps else 0
    ids = {
        (step.message.event.channel, each)
        for step in steps
        if step.message is not None and step.message.event is not None and not step.message.event.own
        for each in step.message.event.author_ids
    }
    wishes = [row for place in sorted(ids) if (row := table.get(person_item(*place))) is not None]
    return Script(
        key=thread_key,
        helpdesk=thread.helpdesk,
        steps=steps,
        sent={key: row for key, row in by_key.items() if key[1].startswith("S#")},
        past=thread.past or Past(0, 0),
        people=[row for row in wishes if row.get("opted_out") and row.get("opted_at", 0) * 1000 < began],
        world=world,
    )


def _messages(rows: Iterable[Item]) -> Iterator[_Step]:
    """Yield the messages that were received: without our notes and echoes, and with status signals only."""
    for row in rows:
        if not row["sk"].startswith("M#") or "event" not in row or row["state"] == MOVED:
            continue
        message = recorded(row)
        if message.event is not None and message.reason != SENT_BY_US:
            yield _Step(int(row.get("recorded_at", 0)), message, row)
        if message.signal is not None and message.signal.status is not None:
            yield _Step(int(row.get("recorded_at", 0)), message, row)


def _answers(rows: Iterable[Item]) -> Iterator[_Step]:
    """Yield the times at which agents' answers were sent."""
    for row in rows:
        if row["sk"].startswith(REPLIES) and row.get("state") == "sent" and row.get("done_at"):
            yield _Step(int(row["done_at"]))


class Stage:
    """Replays one conversation with one policy."""

    def __init__(self, script: Script, connections: Sequence[Connection], desks: Sequence[HelpdeskConnection]) -> None:
        self.script = script
        self.at = 0  # milliseconds
        self.effects: dict[str, Effects] = {}
        self.current = ""
        self.acknowledging = {compose(ACK, each.key): each.key for each in script.inbound}
        self.ticket = ""
        self.numbers = itertools.count(1)
        self.table = MemoryTable()
        self.mailbox = MemoryMailbox(self.now)
        self.archive = MemoryArchive()
        self.connections = connections
        for desk in desks:
            self.table.put(Put(item(desk)))
        for row in script.people:
            self.table.put(Put(row))
        directory = _Stand(
            table=self.table, clock=self.now, secrets=lambda _: Secrets({}), http=_refused, mail=_refused,
            fetch=_refused, original=_refused, pause=lambda _: None, stage=self,
        )  # fmt: skip
        self.conversation = Conversation(
            table=self.table, mailbox=self.mailbox, archive=self.archive, directory=directory, clock=self.now,
            telemetry=_Noted(self), owner=lambda: f"rehearsal-{next(self.numbers)}",
        )  # fmt: skip

    def now(self) -> datetime:
        """Return the present time of the replay."""
        return moment(self.at // 1000)

    @property
    def effect(self) -> Effects:
        """The effects of the latest message."""
        return self.effects.setdefault(self.current, Effects())

    def play(self) -> dict[str, Effects]:
        """Replay the conversation; return the effects by the messages' keys, without those that failed."""
        for step in self.script.steps:
            self._until(step.at)
            self.at = max(self.at, step.at)
            if step.message is None:
                self._answered()
            else:
                self._came(step.message, step.row)
        self._until(self.at + AFTER * 1000)
        return self.effects

    def _came(self, message: Recorded, row: Item) -> None:
        self.current, self.ticket = message.key, message.ticket
        if message.event is not None:
            self._configure(message.endpoint)
        try:
            self._handle(again(self.script.key, row, self.archive).body)
        except DeskwireError:
            self.effects.pop(message.key, None)
            return
        ended = self.table.get(message_item(self.script.key, message.key)) or {}
        if message.event is not None:
            self.effect.ticket = _ended(ended)

    def _configure(self, endpoint: str) -> None:
        """Configure the connection with the endpoint through which this message was received."""
        for each in self.connections:
            self.table.put(Put(item(each.model_copy(update={"endpoint": endpoint}))))

    def _answered(self) -> None:
        """Record an agent's answer as a turn would."""
        key = thread_item(self.script.key)
        if self.table.get(key) is not None:
            self.table.update(Update(key, set={"answered_at": self.at // 1000}))

    def _handle(self, body: str) -> None:
        """Handle a letter, and those put on the mailbox meanwhile."""
        self.conversation.handle(body)
        for _ in range(MOST_TURNS):
            letter = self.mailbox.take()
            if letter is None:
                break
            self.conversation.handle(letter.body)

    def _until(self, at: int) -> None:
        """Wake the thread by its timers up to a time."""
        for number in range(MOST_TURNS):
            due = int((self.table.get(thread_item(self.script.key)) or {}).get("due_at", 0)) * 1000
            if not due or due > at:
                return
            self.at = max(self.at, due)
            try:
                self._handle(timer(self.script.key, f"{self.at} {number}").body)
            except DeskwireError:
                return


def _ended(row: Item) -> str:
    state, reason = str(row.get("state", "")), str(row.get("reason", ""))
    return state if state == "filed" else f"{state}: {reason}" if reason else state


# ---------------------------------------------------------------- who plays with it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand(Directory):
    """The directory of a replay: the real connectors, without calls outside."""

    stage: Stage

    def channel_of(self, connection: Connection) -> tuple[Channel, Reach]:
        """Return a connection's connector, which records instead of sending."""
        real, reach = Directory.channel_of(self, connection)
        return _playing(type(real), "channel")(), dataclasses.replace(reach, original=_Heard(self.stage))

    def helpdesk_of(self, definition: HelpdeskConnection) -> tuple[Helpdesk, Reach]:
        """Return a helpdesk's connector, which records instead of filing."""
        real, reach = Directory.helpdesk_of(self, definition)
        return _playing(type(real), "helpdesk")(), dataclasses.replace(reach, original=_Heard(self.stage))

    def incidents(self, connection: Connection) -> tuple[str, ...]:
        """Return the topics of the incidents open at that time."""
        texts = connection.policy.incident
        wanted = bool(texts.private or texts.public)
        return self.stage.script.world.topics(connection.name, self.stage.now()) if wanted else ()

    def usual_waits(self, connection: Connection) -> Mapping[str, int]:
        """Return the usual waits at that time."""
        return self.stage.script.world.usual.at(connection, self.stage.now())


@dataclass(frozen=True, slots=True)
class _Heard:
    """The `original` of a replay's `Reach`, by which a stateless connector finds its stage."""

    stage: Stage

    def __call__(self, name: str) -> bytes:
        """Refuse: only the real archive has originals."""
        _refused(name)


def _stage(reach: Reach) -> Stage:
    heard = reach.original
    if not isinstance(heard, _Heard):
        raise ConfigurationError("a connector of a rehearsal was called from outside")
    return heard.stage


def _refused(*_: object, **__: object) -> NoReturn:
    raise PermanentError("a rehearsal reaches nothing outside")


class _Noted(Telemetry):
    """Telemetry that writes nothing but records why a message was not acknowledged."""

    def __init__(self, stage: Stage) -> None:
        super().__init__("rehearsal")
        self._stage = stage

    def log(self, level: str, message: str, **fields: object) -> None:
        """Record the reason in a line about an acknowledgement."""
        del level
        if message == "not acknowledged":
            self._stage.effect.why = str(fields.get("reason", ""))

    def _write(self, line: dict[str, object]) -> None:
        """Write nothing."""


def _send(_: object, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
    del permit
    stage = _stage(reach)
    if outgoing.key.startswith(f"{ACK}/"):
        effect = stage.effects.setdefault(stage.acknowledging[outgoing.key], Effects())
        effect.acknowledged, effect.why = outgoing.text, ""
        effect.answer = _answer(stage, outgoing)
    elif outgoing.key.startswith(f"{INVITE}/"):
        stage.effect.invited = outgoing.text
    return Sent((f"rehearsed-{next(stage.numbers)}",))


def _answer(stage: Stage, outgoing: Outgoing) -> str:
    """Return the name of the declared answer in an acknowledgement; the thread has it before the text is sent."""
    said = (stage.table.get(thread_item(stage.script.key)) or {}).get("said")
    return str(said[0]) if said and said[2] == outgoing.key else ""


def _moderate(_: object, object_id: str, reach: Reach, *, hidden: bool) -> None:
    del object_id
    _stage(reach).effect.hidden = hidden


_CHANNEL: Mapping[str, Any] = {
    "send": _send,
    "sent": lambda *_: None,
    "moderate": _moderate,
    "complete": lambda *_: None,
    "profile": lambda _, author, reach: _same(author, reach),
    "fetch": lambda *_: _refused(),
}


def _same(author: Author, reach: Reach) -> Author:
    del reach
    return author


def _open(_: object, ticket: Ticket, reach: Reach) -> Filed:
    stage = _stage(reach)
    stage.effect.priority, stage.effect.tags = ticket.priority, ticket.tags
    name = stage.ticket or f"rehearsed-{next(stage.numbers)}"
    return _filed(stage, name, ticket.entries)


def _append(_: object, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
    del thread
    stage = _stage(reach)
    stage.effect.notes += sum(not each.public for each in entries)
    return _filed(stage, ticket, entries)


def _filed(stage: Stage, ticket: str, entries: Iterable[Entry]) -> Filed:
    return Filed(ticket, {each.key: f"entry-{next(stage.numbers)}" for each in entries})


def _update(_: object, ticket: str, change: Change, reach: Reach) -> None:
    del ticket
    effect = _stage(reach).effect
    effect.priority = change.priority or effect.priority
    effect.tags = (*effect.tags, *(each for each in change.tags if each not in effect.tags))


def _history(_: object, customer: Customer, reach: Reach) -> Sequence[Earlier]:
    """Return as many earlier tickets as the helpdesk reported then."""
    del customer
    tickets, complaints = _stage(reach).script.past
    return [Earlier(ticket=f"earlier-{n}", subject="", open=False, complaint=n < complaints) for n in range(tickets)]


def _found(_: object, sought: Sought, reach: Reach) -> None:
    del sought, reach


_HELPDESK: Mapping[str, Any] = {
    "abilities": ABILITIES,
    "open": _open,
    "append": _append,
    "find": _found,
    "replies": lambda *_: (),
    "update": _update,
    "close": lambda *_: None,
    "history": _history,
    "redact": lambda *_: True,
    "file": lambda *_: _refused(),
}


@cache
def _playing(real: type[Any], side: Literal["channel", "helpdesk"]) -> type[Any]:
    """Return a connector's class with the methods that call outside replaced, and no others added."""
    played = _CHANNEL if side == "channel" else _HELPDESK
    replaced = {name: method for name, method in played.items() if hasattr(real, name)}
    return type(f"Rehearsed{real.__name__}", (real,), {"__module__": real.__module__, **replaced})

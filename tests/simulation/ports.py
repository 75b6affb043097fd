"""The ports of the simulated world: the product's in-memory twins behind one gate where every side effect is counted.

`Gate.pass_` is that gate. A plan says what happens at which effect: the worker dies just before or just after it, its
answer is lost, or tells nothing (a 502), it is refused, it takes long while others go on, or the client library repeats
it by itself.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from deskwire.aws.table import encode
from deskwire.model.errors import TemporaryError
from deskwire.ports import Put, Update
from deskwire.ports.memory import MemoryArchive, MemoryBlocks, MemoryPile, MemoryTable
from deskwire.web.rest import Answer

KINDS = ("before", "after", "lost", "refused", "broken")  # what may happen at one effect, in this order
DEDUPE = timedelta(minutes=5)
MOST_RECEIVED = 5  # as the template says; then it is a dead letter
INDEX_LAG = timedelta(seconds=2)


def possible(kind, what):
    """Tell whether this may happen at this effect: only who is asked by HTTP, for something, answers with a 502."""
    return kind != "broken" or what.startswith(("POST ", "PUT "))


class Crash(BaseException):
    """The machine of this worker is gone; nothing of ours may catch it."""


class Gate:
    """Counts side effects, and lets the plan's misfortunes happen."""

    def __init__(self, plan, meanwhile):
        self.plan = dict(plan)
        self.log = []
        self.happened = []
        self.open = False  # before the story begins nothing counts
        self._meanwhile = meanwhile
        self._stalled = False

    def pass_(self, what, act, *, lost, refused=None, twice=False):  # noqa: C901 - one case for each kind
        """Do `act`, or what the plan has instead. `lost` and `refused` make the errors the caller would see."""
        if not self.open:
            return act()
        index = len(self.log)
        self.log.append(what)
        kind = self.plan.get(index)
        if kind is None or not possible(kind, what):
            return act()
        self.happened.append((index, kind, what))
        match kind:
            case "before":
                raise Crash(what)
            case "after":
                act()
                raise Crash(what)
            case "lost":
                act()
                raise lost()
            case "broken":
                act()
                return Answer(502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")
            case "refused":
                refusal = refused or lost
                raise refusal()
            case "slow":
                self._stall(50)
                return act()
            case "late":
                result = act()
                self._stall(50)
                return result
            case "paused":  # longer than the lease: only where the fence stands
                self._stall(200 if what.startswith("table transact") else 50)
                return act()
            case "twice":
                if twice:
                    act()
                return act()
        raise AssertionError(kind)

    def _stall(self, seconds):
        if self._stalled:  # one sleeper is enough
            return
        self._stalled = True
        try:
            self._meanwhile(seconds)
        finally:
            self._stalled = False


def unanswered():
    return TemporaryError("no answer", ambiguous=True)


def throttled():
    return TemporaryError("throttled", ambiguous=True)  # as the adapters say: they cannot tell either


class Table:
    """DynamoDB's semantics (`MemoryTable`), with its limits; the index lags, and so does TTL."""

    def __init__(self, gate: Gate, now):
        self.ttl_lag = 0  # seconds
        self.memory = MemoryTable()
        self._gate = gate
        self._now = now
        self._changes = deque()
        self._index = {}  # key -> (shard, due_at), as the index shows it

    def _pass(self, what, act, key, **more):
        return self._gate.pass_(f"table {what} {key[1][:1] if key[1] != 'THREAD' else 'thread'}", act,
                                lost=unanswered, refused=throttled, **more)  # fmt: skip

    def get(self, key):
        return self._pass("get", lambda: self.memory.get(key), key)

    def put(self, put):
        return self._pass("put", lambda: self._written([put], lambda: self.memory.put(put)), _key(put), twice=True)

    def update(self, update):
        return self._pass(
            "update", lambda: self._written([update], lambda: self.memory.update(update)), _key(update), twice=True
        )

    def transact(self, writes):
        act = lambda: self._written(writes, lambda: self.memory.transact(writes))  # noqa: E731
        return self._pass("transact", act, ("", "/".join(sorted({_letter(_key(write)[1]) for write in writes}))))

    def query(self, pk, prefix=""):
        return self._pass("query", lambda: self.memory.query(pk, prefix), (pk, prefix))

    def scan(self, attributes=()):
        return self._gate.pass_("table scan", lambda: [*self.memory.scan(attributes)], lost=unanswered,
                                refused=throttled)  # fmt: skip

    def due(self, shard, until, limit):
        self._settle()
        found = sorted((due, pk) for (pk, _), (at, due) in self._index.items() if at == shard and due <= until)
        answer = [(pk, due) for due, pk in found[:limit]]
        return self._pass("due", lambda: answer, ("", "index")) if answer else answer

    def forget(self):
        """Let TTL take away what has expired."""
        until = self._now().timestamp() - self.ttl_lag
        for key in [key for key, item in self.memory.items.items() if item.get("expires", until) < until]:
            del self.memory.items[key]

    def earliest_due(self):
        """Return when the next thread is due (seconds), None when none is."""
        found = [
            item["due_at"] for key, item in self.memory.items.items() if key[1] == "THREAD" and "due_shard" in item
        ]
        return min(found, default=None)

    def _written(self, writes, write):
        for each in writes:
            _plausible(each)
        result = write()
        for each in writes:
            pk, sk = _key(each)
            if sk in {"THREAD", "UNFILED"}:
                item = self.memory.items.get((pk, sk), {})
                shown = (item["due_shard"], item["due_at"]) if "due_shard" in item else None
                self._changes.append((self._now() + INDEX_LAG, (pk, sk), shown))
        return result

    def _settle(self):
        while self._changes and self._changes[0][0] <= self._now():
            _, key, shown = self._changes.popleft()
            if shown is None:
                self._index.pop(key, None)
            else:
                self._index[key] = shown


def _key(write):
    return (write.item["pk"], write.item["sk"]) if isinstance(write, Put) else write.key


def _letter(sk):
    return "thread" if sk == "THREAD" else sk[:1]


def _plausible(write):
    """Refuse what DynamoDB refuses and our twin does not: nothing to do, one attribute named twice, a value it has not.

    Encoding a value raises for what is no value of a table's.
    """
    if isinstance(write, Put):
        encode(dict(write.item))
    if not isinstance(write, Update):
        return
    for values in (write.set, write.initial, write.add, write.append):
        encode(dict(values))
    parts = [*write.set, *write.initial, *write.add, *write.append, *write.copy, *write.remove]
    if not parts:
        raise ValueError("an update that changes nothing")
    if len(set(parts)) != len(parts):
        raise ValueError(f"two paths overlap: {sorted(parts)}")


@dataclass
class Message:
    """One message on the queue."""

    id: str
    letter: object
    visible_at: object
    received: int = 0


@dataclass
class Mailbox:
    """SQS FIFO: one batch of a group at a time, at least once, five minutes' memory, dead letters."""

    gate: Gate
    now: Callable
    visibility: float
    chance: random.Random | None = None  # mixes the groups; None: the oldest first
    queue: list = field(default_factory=list)
    dead: list = field(default_factory=list)
    _seen: dict = field(default_factory=dict)
    _numbers: object = field(default_factory=itertools.count)

    def send(self, letters):
        for start in range(0, len(letters), 10):
            batch = letters[start : start + 10]
            assert all(letter.body.isascii() for letter in batch)
            assert sum(len(letter.body) for letter in batch) <= 1_048_576
            self.gate.pass_(
                "mailbox send", lambda batch=batch: self._take(batch), lost=unanswered, refused=throttled, twice=True
            )

    def _take(self, letters):
        for letter in letters:
            key, now = (letter.group, letter.dedupe), self.now()
            if key in self._seen and now - self._seen[key] < DEDUPE:
                continue
            self._seen[key] = now
            self.queue.append(Message(str(next(self._numbers)), letter, now))

    def receive(self, most):
        """Return the next batch: the head of each free group, with what follows it."""
        now = self.now()
        blocked, groups = set(), {}
        for message in list(self.queue):
            group = message.letter.group
            if message.visible_at > now:
                blocked.add(group)
            if group in blocked:
                continue
            if message.received >= MOST_RECEIVED:
                self.queue.remove(message)
                self.dead.append(message.letter)
                continue
            groups.setdefault(group, []).append(message)
        order = [messages for group, messages in groups.items() if group not in blocked]
        if self.chance is not None:
            self.chance.shuffle(order)
        found = [message for messages in order for message in messages][:most]
        for message in found:
            message.received += 1
            message.visible_at = now + timedelta(seconds=self.visibility)
        return found

    def delete(self, messages):
        """Forget what was worked on: Lambda does that once the function has answered."""
        if messages:
            self.gate.pass_("mailbox delete", lambda: self._forget(messages), lost=lambda: Crash("deleting"))

    def _forget(self, messages):
        now = self.now()
        for each in messages:
            if each in self.queue and each.visible_at > now:  # else the receipt is worth nothing any more
                self.queue.remove(each)

    def next_visible(self):
        """Return when the next group is free: none flows while a part of it is in flight."""
        free = {}
        for message in self.queue:
            group = message.letter.group
            free[group] = max(free.get(group, message.visible_at), message.visible_at)
        return min(free.values(), default=None)


class Parked:
    """The queue of what a person must look at."""

    def __init__(self, gate):
        self.bodies = []
        self._gate = gate

    def park(self, body):
        self._gate.pass_("parked park", lambda: self.bodies.append(body), lost=unanswered, refused=throttled)


class Pile:
    """A queue as a person looks through it: what is parked, or dead."""

    def __init__(self, gate, lying):
        self._gate = gate
        self._memory = MemoryPile(lying)

    def look(self):
        return self._gate.pass_("pile look", self._memory.look, lost=unanswered, refused=throttled)

    def put_back(self, found):
        self._memory.put_back(found)  # whoever cannot, waits for two minutes

    def remove(self, found):
        self._gate.pass_("pile remove", lambda: self._memory.remove(found), lost=unanswered, refused=throttled)


class Archive:
    """The bucket."""

    def __init__(self, gate):
        self.memory = MemoryArchive()
        self._gate = gate

    def keep(self, name, data):
        self._gate.pass_("archive keep", lambda: self.memory.keep(name, data), lost=unanswered, refused=throttled)

    def lend(self, name, file):
        return self._gate.pass_(
            "archive lend", lambda: self.memory.lend(name, file), lost=unanswered, refused=throttled
        )

    def fetch(self, name):
        return self._gate.pass_("archive fetch", lambda: self.memory.fetch(name), lost=unanswered, refused=throttled)

    def names(self, prefix):
        return self.memory.names(prefix)

    def remove(self, name):
        return self._gate.pass_("archive remove", lambda: self.memory.remove(name), lost=unanswered, refused=throttled)


class Blocks:
    """The bucket of the archive of conversations."""

    def __init__(self, gate):
        self.memory = MemoryBlocks()
        self._gate = gate

    def add(self, name, data):
        return self._gate.pass_("blocks add", lambda: self.memory.add(name, data), lost=unanswered, refused=throttled)

    def fetch(self, name):
        return self._gate.pass_("blocks fetch", lambda: self.memory.fetch(name), lost=unanswered, refused=throttled)

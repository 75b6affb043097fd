"""The ports within one process: for tests, the simulator, and trying things without AWS."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from deskwire.model.errors import PermanentError
from deskwire.model.tickets import File

from . import (
    Absent,
    AbsentOr,
    AtMost,
    Condition,
    Conflict,
    Delete,
    Equals,
    Fewer,
    Found,
    Item,
    Key,
    Lacks,
    Letter,
    Present,
    Put,
    Update,
    When,
)

Value = TypeVar("Value")
LEAVES = frozenset({str, int, bool, bytes, type(None)})
DEDUPE_SECONDS = 300  # an SQS FIFO queue's memory


MISSING = object()  # an attribute that is not there; one that is None is there, as in DynamoDB
TRANSACTION = 100  # writes that DynamoDB takes at once


class MemoryTable:
    """A table with DynamoDB's conditional semantics; counts its calls."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.calls: list[str] = []
        self._lock = threading.RLock()

    def get(self, key: Key) -> Item | None:
        """Return the item as last written, or None."""
        with self._lock:
            self.calls.append("get")
            return _copied(self.items.get(key))

    def put(self, put: Put) -> None:
        """Write. Raises `Conflict` with what is there."""
        with self._lock:
            self.calls.append("put")
            self._check(_key(put), put.when)
            self._write(put)

    def update(self, update: Update) -> Item:
        """Change and return the whole item as it is now. Raises `Conflict` with what is there."""
        with self._lock:
            self.calls.append("update")
            self._check(update.key, update.when)
            return self._write(update)

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """Do all of it or nothing. Raises `Conflict`."""
        with self._lock:
            self.calls.append("transact")
            if len({_key(write) for write in writes}) != len(writes):
                raise ValueError("a transaction touches an item once")
            if len(writes) > TRANSACTION:
                raise ValueError(f"a transaction of {len(writes)} writes: {TRANSACTION} are taken")
            for write in writes:
                try:
                    self._check(_key(write), () if isinstance(write, Delete) else write.when)
                except Conflict:
                    raise Conflict from None
            for write in writes:
                if isinstance(write, Delete):
                    self.items.pop(write.key, None)
                else:
                    self._write(write)

    def query(self, pk: str, prefix: str = "") -> list[Item]:
        """Return the items of one partition whose sort key begins so, in its order."""
        with self._lock:
            self.calls.append("query")
            found = sorted(key for key in self.items if key[0] == pk and key[1].startswith(prefix))
            return [_copied(self.items[key]) for key in found]

    def due(self, shard: str, until: int, limit: int) -> list[tuple[str, int]]:
        """Return (pk, due_at) of the entries of one shard that are due, earliest first."""
        with self._lock:
            self.calls.append("due")
            found = sorted(
                (item["due_at"], pk)
                for (pk, _), item in self.items.items()
                if item.get("due_shard") == shard and item.get("due_at", until + 1) <= until
            )
            return [(pk, moment) for moment, pk in found[:limit]]

    def scan(self, attributes: Sequence[str] = ()) -> Iterator[Item]:
        """Yield every item, with these attributes alone."""
        with self._lock:
            self.calls.append("scan")
            found = [_copied(item) for item in self.items.values()]
        for item in found:
            yield {name: item[name] for name in attributes if name in item} if attributes else item

    def _check(self, key: Key, when: When) -> None:
        item = self.items.get(key)
        if not all(_holds(condition, (item or {}).get(name, MISSING)) for name, condition in when):
            raise Conflict(_copied(item))

    def _write(self, write: Put | Update) -> Item:
        key = _key(write)
        if isinstance(write, Put):
            self.items[key] = _copied(write.item)
            return write.item
        before = self.items.get(key, {"pk": key[0], "sk": key[1]})
        item = _copied(before)
        for name, source in write.copy.items():
            item[name] = _copied(before.get(source, []))
        for name, value in write.initial.items():
            item.setdefault(name, _copied(value))
        item.update(_copied(dict(write.set)))
        for name, number in write.add.items():
            item[name] = before.get(name, 0) + number
        for name, element in write.append.items():
            item[name] = [*before.get(name, []), element]
        for name in write.remove:
            item.pop(name, None)
        self.items[key] = item
        return _copied(item)


def _copied(value: Value) -> Value:
    """Return a deep copy; leaves are immutable, so they are shared (`copy.deepcopy` takes twenty times as long)."""
    if isinstance(value, dict):
        return {  # type: ignore[return-value]
            name: element if type(element) in LEAVES else _copied(element) for name, element in value.items()
        }
    if isinstance(value, list | tuple):  # a list, as a table gives it back
        return [element if type(element) in LEAVES else _copied(element) for element in value]  # type: ignore[return-value]
    return value


def _key(write: Put | Update | Delete) -> Key:
    return (write.item["pk"], write.item["sk"]) if isinstance(write, Put) else write.key


def _holds(condition: Condition, value: object) -> bool:
    match condition:
        case Absent():
            return value is MISSING
        case Present():
            return value is not MISSING
        case AbsentOr(wanted):
            return value is MISSING or bool(value == wanted)
        case Equals(wanted):
            return bool(value == wanted)
        case AtMost(limit):
            return value is MISSING or (isinstance(value, int) and value <= limit)
        case Lacks(element):
            return value is MISSING or not isinstance(value, list) or element not in value
        case Fewer(limit):
            return value is MISSING or (isinstance(value, list) and len(value) < limit)


class MemoryMailbox:
    """A FIFO queue with its five-minute memory. `take` gives the next letter of each group in turn."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._seen: dict[tuple[str, str], datetime] = {}
        self.letters: deque[Letter] = deque()
        self.calls: list[str] = []
        self._lock = threading.Lock()

    def send(self, letters: Sequence[Letter]) -> None:
        """Put the letters on the queue; duplicates within five minutes are dropped."""
        with self._lock:
            for start in range(0, len(letters), 10):
                self.calls.append("send")
                for letter in letters[start : start + 10]:
                    key, now = (letter.group, letter.dedupe), self._now()
                    seen = self._seen.get(key)
                    if seen is None or now - seen >= timedelta(seconds=DEDUPE_SECONDS):
                        self._seen[key] = now
                        self.letters.append(letter)

    def take(self) -> Letter | None:
        """Remove and return the oldest letter, or None."""
        with self._lock:
            return self.letters.popleft() if self.letters else None


class MemoryParked:
    """A list of parked deliveries."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def park(self, body: str) -> None:
        """Keep it."""
        self.bodies.append(body)


class MemoryArchive:
    """Objects by name."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes) -> None:
        """Write an object."""
        self.objects[name] = data

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""
        if name not in self.objects:
            raise PermanentError("there is no such object in the archive", status=404)
        return self.objects[name]

    def lend(self, name: str, file: File) -> str:
        """Write a file and return an address for it."""
        self.keep(name, file.data)
        return f"https://archive.example/{name}"

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names of the objects that begin so."""
        yield from sorted(name for name in self.objects if name.startswith(prefix))

    def remove(self, name: str) -> bool:
        """Remove an object; False when there was none."""
        return self.objects.pop(name, None) is not None


class MemoryBlocks:
    """Objects by name, each written once."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def add(self, name: str, data: bytes) -> bool:
        """Write an object where there is none; False when there is one."""
        if name in self.objects:
            return False
        self.objects[name] = data
        return True

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""
        if name not in self.objects:
            raise PermanentError("there is no such object in the archive", status=404)
        return self.objects[name]

    def names(self, prefix: str, after: str = "") -> Iterator[str]:
        """Yield the names that begin so and come after that one, in order."""
        yield from sorted(name for name in self.objects if name.startswith(prefix) and name > after)


class MemoryPile:
    """A queue for operators, over a list of parked bodies or of letters."""

    def __init__(self, lying: list[str] | list[Letter]) -> None:
        self.lying: list[str | Letter] = lying  # type: ignore[assignment] # the same list, not a copy
        self.hidden: set[str] = set()

    def look(self) -> list[Found]:
        """Return the messages that are not hidden, and hide them."""
        shown = [_found(each, number) for number, each in enumerate(self.lying)]
        found = [each for each in shown if each.id not in self.hidden]
        self.hidden.update(each.id for each in found)
        return found

    def put_back(self, found: Sequence[Found]) -> None:
        """Make messages visible again."""
        self.hidden.difference_update(each.id for each in found)

    def remove(self, found: Found) -> None:
        """Remove a message."""
        for number, each in enumerate(self.lying):
            if _found(each, number).id == found.id:
                del self.lying[number]
                return


def _found(lying: str | Letter, number: int) -> Found:
    body, group = (lying, "") if isinstance(lying, str) else (lying.body, lying.group)
    name = hashlib.sha256(body.encode()).hexdigest()[:16]
    return Found(name, str(number), body, group)

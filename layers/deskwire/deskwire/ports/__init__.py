"""The ports: what the machinery needs of a table, a mailbox, an archive and a clock, as data and small protocols.

Two adapters fill each: `aws/` on AWS, `memory.py` in one process. Both pass the same tests (`tests/ports`). One call
of a port is one call of AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from deskwire.model.values import dataclass, field

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.model.tickets import File

    from .outbox import Shown

Item: TypeAlias = dict[str, Any]  # text, whole numbers, truth values, bytes, None, lists and objects of them
Key: TypeAlias = tuple[str, str]  # pk, sk

SHARDS = 8  # of the index of due threads (see `Table.due`)


@dataclass(frozen=True, slots=True)
class Absent:
    """The attribute (or with `pk` the item) is not there."""


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute is there."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The attribute has this value."""

    value: Any


@dataclass(frozen=True, slots=True)
class AtMost:
    """The attribute is absent or a number not above this."""

    value: int


@dataclass(frozen=True, slots=True)
class Lacks:
    """The list is absent or does not hold this."""

    value: str


@dataclass(frozen=True, slots=True)
class AbsentOr:
    """The attribute is absent or has this value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Fewer:
    """The list is absent or has fewer elements than this."""

    value: int


Condition: TypeAlias = Absent | AbsentOr | Present | Equals | AtMost | Lacks | Fewer
When: TypeAlias = Sequence[tuple[str, Condition]]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item (with its `pk` and `sk`) when all conditions hold."""

    item: Item
    when: When = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change an item (made when absent) when all conditions hold.

    `copy` sets an attribute to another's value before this update (an empty list when it is absent); `append` adds
    one element to a list.
    """

    key: Key
    set: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)  # set only where absent
    add: Mapping[str, int] = field(default_factory=dict)
    append: Mapping[str, str] = field(default_factory=dict)
    copy: Mapping[str, str] = field(default_factory=dict)
    remove: Sequence[str] = ()
    when: When = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item, in a transaction with others. One that is not there is no fault."""

    key: Key


class Conflict(Exception):  # noqa: N818 - an answer, not an error
    """A condition did not hold. `item` is what is there (None: nothing; unknown for transactions)."""

    def __init__(self, item: Item | None = None) -> None:
        super().__init__("a condition did not hold")
        self.item = item


class Table(Protocol):
    """The one table."""

    def get(self, key: Key) -> Item | None:
        """Return the item as last written, or None."""

    def put(self, put: Put) -> None:
        """Write. Raises `Conflict` with what is there."""

    def update(self, update: Update) -> Item:
        """Change and return the whole item as it is now. Raises `Conflict` with what is there."""

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """Do all of it or nothing. Raises `Conflict`."""

    def query(self, pk: str, prefix: str = "") -> list[Item]:
        """Return the items of one partition whose sort key begins so, in its order."""

    def due(self, shard: str, until: int, limit: int) -> list[tuple[str, int]]:
        """Return (pk, due_at) of the entries of one shard of the index that are due, earliest first; may lag a little.

        The shards "0" to "7" hold threads; one named by a helpdesk's partition key (`H#…`) holds when each thread that
        waits for that helpdesk began to.
        """


class WholeTable(Table, Protocol):
    """The table as an operator reaches it. No function may walk through all of it: that costs what it weighs."""

    def scan(self, attributes: Sequence[str] = ()) -> Iterable[Item]:
        """Yield every item, with these attributes alone (none named: with all); in no order."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for the mailbox. `group` and `dedupe` are at most 128 letters and digits (see `model.digest`)."""

    group: str
    dedupe: str
    body: str


class Mailbox(Protocol):
    """The FIFO queue: in order within a group, what came twice within five minutes comes once."""

    def send(self, letters: Sequence[Letter]) -> None:
        """Put all of them on the queue, ten a call. Raises `TemporaryError` when any may be missing."""


class Parked(Protocol):
    """The queue of what a person must look at."""

    def park(self, body: str) -> None:
        """Keep it. Raises `TemporaryError`."""


class Archive(Protocol):
    """The bucket of large things."""

    def keep(self, name: str, data: bytes) -> None:
        """Write an object. Raises `TemporaryError`."""

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""


class LendingArchive(Archive, Protocol):
    """The bucket, from which others can be given a file for a while."""

    def lend(self, name: str, file: File) -> str:
        """Write a file and return an address from which anybody who knows it can load it for an hour.

        The object is gone after a day or two. Raises `TemporaryError`.
        """


class WholeArchive(Archive, Protocol):
    """The bucket as an operator reaches it."""

    def names(self, prefix: str) -> Iterable[str]:
        """Yield the names of the objects that begin so."""

    def remove(self, name: str) -> bool:
        """Remove an object with all its versions; False when there was none."""


class Blocks(Protocol):
    """The bucket of the archive of conversations: what is written there is never written again."""

    def add(self, name: str, data: bytes) -> bool:
        """Write an object where there is none; False when there is one. Raises `TemporaryError`."""

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""

    def names(self, prefix: str, after: str = "") -> Iterable[str]:
        """Yield the names that begin so and come after that one, in order."""


@dataclass(frozen=True, slots=True)
class Found:
    """One message of a queue, as a person finds it there. `handle` is good while it is hidden from others."""

    id: str
    handle: str
    body: str
    group: str = ""
    sent_at: int = 0  # milliseconds since 1970
    received: int = 0  # how often somebody took it

    def __repr__(self) -> str:
        return f"Found({self.id})"


class Pile(Protocol):
    """A queue that a person looks through: what is parked, or the dead letters."""

    def look(self) -> Sequence[Found]:
        """Return what lies there, oldest first, and hide it from others for some minutes.

        Of a FIFO group at most ten are shown at once; the rest of it when those are gone or put back.
        """

    def put_back(self, found: Sequence[Found]) -> None:
        """Show them to others again."""

    def remove(self, found: Found) -> None:
        """Take it away for good. Raises `TemporaryError` when it may still be there."""


class Bus(Protocol):
    """The event bus on which the company's own programs listen."""

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Put all of them on the bus, each with `Source`, `DetailType`, `Time` and `Detail`.

        Raises `TemporaryError` when any may be missing.
        """


class Alarms(Protocol):
    """The topic on which people are called."""

    def tell(self, subject: str, words: str) -> None:
        """Put a line on it. Raises `TemporaryError` when it may be missing."""


class Clock(Protocol):
    """Tells the time, in UTC."""

    def __call__(self) -> datetime:
        """Return now."""


@dataclass(frozen=True, slots=True)
class EndpointView:
    """What receive needs of an endpoint's definition."""

    name: str
    side: str
    connectors: tuple[str, ...]
    secret: str
    settings: Mapping[str, str]
    helpdesk: str
    accounts: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, Sequence[str]] = field(default_factory=dict)  # see `configuration.Endpoint`

    @staticmethod
    def read(definition: str) -> EndpointView:
        """Return the view of a definition's JSON (see `configuration.Endpoint`)."""
        data = json.loads(definition)
        return EndpointView(
            data["name"],
            data["side"],
            tuple(data["connectors"]),
            data.get("secret", ""),
            data.get("settings", {}),
            data.get("helpdesk", ""),
            data.get("accounts", {}),
            data.get("pages", {}),
        )


class Endpoints(Protocol):
    """Finds endpoints and secrets; keeps them for a minute."""

    def endpoint(self, name: str) -> EndpointView | None:
        """Return the endpoint, or None."""

    def secrets(self, name: str) -> Secrets:
        """Return the secrets of an entry. Raises `ConfigurationError`."""


class Showcase(Protocol):
    """Reads the outbox (see `ports.outbox`)."""

    def read(self, thread_key: str, after: str) -> Sequence[Shown]:
        """Return what was sent into a thread after a cursor. Raises `PayloadError` for what is no cursor."""


class Limits(Protocol):
    """Counts what comes in where anybody can write."""

    def allow(self, name: str, most: int, seconds: int) -> bool:
        """Count one under `name`; False when it is over `most` within the running `seconds`."""


class Presign(Protocol):
    """Makes an address for an upload."""

    def __call__(self, key: str, content_type: str, size: int) -> Mapping[str, Any]:
        """Return {url, fields} of a presigned POST."""

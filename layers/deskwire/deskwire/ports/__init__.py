"""The ports: the table, the mailbox, the archive and the like, as data and small protocols.

Each has two adapters: `aws/` on AWS, `memory.py` in one process. Both pass the same tests (`tests/ports`). One call of
a port is one call of AWS.
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
    """The attribute (or with `pk`, the item) does not exist."""


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute exists."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The attribute has this value."""

    value: Any


@dataclass(frozen=True, slots=True)
class AtMost:
    """The attribute is absent, or a number that is at most this."""

    value: int


@dataclass(frozen=True, slots=True)
class Lacks:
    """The list is absent or does not contain this."""

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
    """Write a whole item (with its `pk` and `sk`) if all conditions hold."""

    item: Item
    when: When = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change an item, or create it if it is absent, if all conditions hold.

    `copy` sets an attribute to another's value from before this update (an empty list if absent); `append` adds one
    element to a list.
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
    """Remove an item within a transaction. It need not exist."""

    key: Key


class Conflict(Exception):  # noqa: N818 - an answer, not an error
    """A condition did not hold. `item` is the existing item (None if there is none, or for transactions)."""

    def __init__(self, item: Item | None = None) -> None:
        super().__init__("a condition did not hold")
        self.item = item


class Table(Protocol):
    """The one table."""

    def get(self, key: Key) -> Item | None:
        """Return the item as last written, or None."""

    def put(self, put: Put) -> None:
        """Write an item. Raises `Conflict` with the existing item."""

    def update(self, update: Update) -> Item:
        """Change an item and return the whole of it. Raises `Conflict` with the existing item."""

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """Make all writes or none. Raises `Conflict`."""

    def query(self, pk: str, prefix: str = "") -> list[Item]:
        """Return a partition's items whose sort key begins with `prefix`, in order."""

    def due(self, shard: str, until: int, limit: int) -> list[tuple[str, int]]:
        """Return (pk, due_at) of the due entries in one shard of the index, earliest first; the index may lag a little.

        The shards "0" to "7" hold threads; one named by a helpdesk's partition key (`H#…`) holds since when each thread
        has waited for that helpdesk.
        """


class WholeTable(Table, Protocol):
    """The table for operators. No function may scan it, as that reads the whole table."""

    def scan(self, attributes: Sequence[str] = ()) -> Iterable[Item]:
        """Yield every item in any order, with only these attributes (none named: with all)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for the mailbox. `group` and `dedupe` are at most 128 letters and digits (see `model.digest`)."""

    group: str
    dedupe: str
    body: str


class Mailbox(Protocol):
    """The FIFO queue: in order within a group, without duplicates within five minutes."""

    def send(self, letters: Sequence[Letter]) -> None:
        """Put the letters on the queue, ten per call. Raises `TemporaryError` if any may be missing."""


class Parked(Protocol):
    """The queue of parked deliveries, for a person to look at."""

    def park(self, body: str) -> None:
        """Put a delivery on the queue. Raises `TemporaryError`."""


class Archive(Protocol):
    """The bucket of large objects."""

    def keep(self, name: str, data: bytes) -> None:
        """Write an object. Raises `TemporaryError`."""

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""


class LendingArchive(Archive, Protocol):
    """The archive, which can also lend a file to others for a while."""

    def lend(self, name: str, file: File) -> str:
        """Write a file and return an address from which anybody can download it for an hour.

        The object is deleted after a day or two. Raises `TemporaryError`.
        """


class WholeArchive(Archive, Protocol):
    """The archive for operators."""

    def names(self, prefix: str) -> Iterable[str]:
        """Yield the names of the objects that begin with `prefix`."""

    def remove(self, name: str) -> bool:
        """Remove an object with all its versions; return False if there was none."""


class Blocks(Protocol):
    """The bucket of the archive of conversations: an object is never overwritten."""

    def add(self, name: str, data: bytes) -> bool:
        """Write an object unless it exists; return whether it was written. Raises `TemporaryError`."""

    def fetch(self, name: str) -> bytes:
        """Return an object's bytes. Raises `PermanentError` when there is none."""

    def names(self, prefix: str, after: str = "") -> Iterable[str]:
        """Yield in order the names that begin with `prefix` and come after `after`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message received from a queue by an operator. `handle` is valid while the message is hidden from others."""

    id: str
    handle: str
    body: str
    group: str = ""
    sent_at: int = 0  # milliseconds since 1970
    received: int = 0  # how often somebody took it

    def __repr__(self) -> str:
        return f"Found({self.id})"


class Pile(Protocol):
    """A queue for operators: parked deliveries, or dead letters."""

    def look(self) -> Sequence[Found]:
        """Return the messages, oldest first, and hide them from others for some minutes.

        At most ten of a FIFO group are returned at once; the rest when those are removed or put back.
        """

    def put_back(self, found: Sequence[Found]) -> None:
        """Make messages visible to others again."""

    def remove(self, found: Found) -> None:
        """Remove a message for good. Raises `TemporaryError` if it may still be there."""


class Bus(Protocol):
    """The event bus for the company's own programs."""

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Put the events on the bus, each with `Source`, `DetailType`, `Time` and `Detail`.

        Raises `TemporaryError` if any may be missing.
        """


class Alarms(Protocol):
    """The topic that notifies the people on call."""

    def tell(self, subject: str, words: str) -> None:
        """Publish a notification. Raises `TemporaryError` if it may be missing."""


class Clock(Protocol):
    """Returns the present time in UTC."""

    def __call__(self) -> datetime:
        """Return now."""


@dataclass(frozen=True, slots=True)
class EndpointView:
    """The part of an endpoint's definition that receive needs."""

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
    """Looks up endpoints and secrets, cached for a minute."""

    def endpoint(self, name: str) -> EndpointView | None:
        """Return the endpoint, or None."""

    def secrets(self, name: str) -> Secrets:
        """Return the secrets stored under a name. Raises `ConfigurationError`."""


class Showcase(Protocol):
    """Reads the outbox (see `ports.outbox`)."""

    def read(self, thread_key: str, after: str) -> Sequence[Shown]:
        """Return what was sent into a thread after a cursor. Raises `PayloadError` for an invalid cursor."""


class Limits(Protocol):
    """Counts requests that anybody can send."""

    def allow(self, name: str, most: int, seconds: int) -> bool:
        """Count a request under `name`; return whether there are at most `most` in the present span of `seconds`."""


class Presign(Protocol):
    """Makes a presigned form for an upload."""

    def __call__(self, key: str, content_type: str, size: int) -> Mapping[str, Any]:
        """Return {url, fields} of a presigned POST."""

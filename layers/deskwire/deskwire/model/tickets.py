"""What is filed in a helpdesk, and what agents answer there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from deskwire.model.values import dataclass, field

from .events import Attachment
from .keys import digest


@dataclass(frozen=True, slots=True)
class File:
    """Bytes with a name and a media type."""

    name: str
    type: str
    data: bytes

    def __repr__(self) -> str:
        return f"File({self.type}, {len(self.data)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The person a ticket is for, as a helpdesk needs it. `external_id` is ours, stable and without a colon."""

    external_id: str
    name: str
    channel: str
    handle: str = ""
    email: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return f"Customer({digest(self.external_id)[:8]})"


MOST_EARLIER = 25  # tickets that a helpdesk is asked for about one person


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier ticket of a customer's.

    `number` is what agents call it, where that is not its id. `outcome` is the helpdesk's own word for its state, `at`
    when it was opened. `complaint`: it bears the tag of one.
    """

    ticket: str
    subject: str
    open: bool
    outcome: str = ""
    number: str = ""
    at: datetime | None = None
    complaint: bool = False

    def __repr__(self) -> str:
        return f"Earlier({self.ticket})"


COMPLAINT = "complaint"  # the tag of a ticket with a complaint, by our judgement or an agent's
PRIORITIES = ("low", "normal", "high", "urgent")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change in a ticket that exists: a priority to raise it to, tags to add, whose it is to be, a rating.

    `priority` is one of `PRIORITIES`, or empty to leave it. It never lowers one, and no tag is taken away. `group` and
    `assignee` are as the helpdesk calls them, and given to those with `Abilities.assigns` alone.
    `satisfaction` is what the customer gave (`1` to `5`, or empty), for the field that the helpdesk's settings name.
    """

    priority: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""
    assignee: str = ""
    satisfaction: str = ""

    def __bool__(self) -> bool:
        return bool(self.priority or self.tags or self.group or self.assignee or self.satisfaction)

    def raises(self, current: str) -> bool:
        """Return whether it raises this priority: empty is the lowest; one of the company's own is left as it is."""
        if not (self.priority and current):
            return bool(self.priority)
        return current in PRIORITIES and PRIORITIES.index(self.priority) > PRIORITIES.index(current)

    def missing(self, current: Collection[str]) -> tuple[str, ...]:
        """Return its tags that are not among these."""
        return tuple(tag for tag in self.tags if tag not in current)

    def __or__(self, other: Change) -> Change:
        """Return both as one change."""
        priority = other.priority if other.raises(self.priority) else self.priority
        tags = (*self.tags, *other.missing(self.tags))
        whose = other.group or self.group, other.assignee or self.assignee
        return Change(priority, tags, *whose, other.satisfaction or self.satisfaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to write into a ticket: a customer's message, or a note of ours.

    `key` is the event's key; the helpdesk keeps it findable (a marker, a field), so that `find(key)` answers.
    `body` is plain text, ready to be shown: the connector makes sure nothing in it becomes markup or a command.
    `change` is what these words change in a ticket, given to helpdesks with `Updates` alone. A connector whose helpdesk
    takes both in one request makes it in `append` and says so in `Filed.changed`; any other ignores it.
    """

    key: str
    body: str
    written_at: datetime | None
    public: bool  # seen by the customer in the helpdesk (a public comment), or an internal note
    files: tuple[File, ...] = ()
    author: str = ""  # who wrote it, by name: for helpdesks that show the connector as everything's author
    contact: str = ""  # the helpdesk's id of the customer, as `Filed.contact` gave it
    shared: bool = False  # others than the customer may write here: the author is to be named
    change: Change = Change()

    def __repr__(self) -> str:
        return f"Entry({digest(self.key)[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What `find` looks for after doubt: what became of `key`, a ticket's or an entry's.

    `ticket` is where an entry would be, and empty for a ticket that was being opened. `customer` is who it is for and
    `since` a time before which it certainly did not happen: a helpdesk that can list by these alone looks there, every
    other one ignores them.
    """

    key: str
    ticket: str = ""
    thread: str
    customer: Customer | None = None
    since: datetime | None = None

    def __repr__(self) -> str:
        return f"Sought({digest(self.key)[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket to be opened: for whom, about what, with the first messages of the thread."""

    key: str
    thread: str  # the thread key: what a ticket is found by (external id)
    reference: str  # ours, short, told to the customer
    subject: str
    customer: Customer
    entries: tuple[Entry, ...]
    priority: str = "normal"  # one of `PRIORITIES`
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    follow_up_of: str = ""

    def __repr__(self) -> str:
        return f"Ticket({digest(self.key)[:12]})"


@dataclass(frozen=True, slots=True)
class Filed:
    """Where it was filed: the ticket's id as the helpdesk now has it, and its id of each entry by entry key.

    `contact` is the helpdesk's id of the customer, where the connector wants it back in later entries. `changed`: what
    the entries change in the ticket (`Entry.change`) is done.
    """

    ticket: str
    entries: Mapping[str, str] = field(default_factory=dict)
    contact: str = ""
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReply:
    """What an agent wrote for the customer. `order` sorts them.

    `id` is the helpdesk's id of the comment, and tells it from all others, also when its ticket is merged.
    `withheld` says why it is not known that a member of staff wrote this to the customer; then it is not sent.
    What is not `public` is an internal note, and is never sent.
    """

    id: str
    order: int
    ticket: str
    text: str
    author: str
    written_at: datetime | None
    attachments: tuple[Attachment, ...] = ()
    withheld: str = ""
    public: bool = True

    def __repr__(self) -> str:
        return f"AgentReply({self.id})"

"""Tickets and entries to file in a helpdesk, and agents' replies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from deskwire.model.values import dataclass, field

from .events import Attachment
from .keys import digest


@dataclass(frozen=True, slots=True)
class File:
    """A file: its name, media type and content."""

    name: str
    type: str
    data: bytes

    def __repr__(self) -> str:
        return f"File({self.type}, {len(self.data)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The requester of a ticket. `external_id` is ours, stable and without a colon."""

    external_id: str
    name: str
    channel: str
    handle: str = ""
    email: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return f"Customer({digest(self.external_id)[:8]})"


MOST_EARLIER = 25  # earlier tickets of one person that a helpdesk is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier ticket of a customer.

    `number`: the number that agents use, if it is not the id. `outcome`: the helpdesk's own word for its state; `at`:
    when it was opened. `complaint`: it has the tag `COMPLAINT`.
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
    """A change of an existing ticket.

    `priority` is one of `PRIORITIES`, or "" to leave it; it never lowers a priority. `tags` are added, none is removed.
    `group` and `assignee` are the helpdesk's own names, only for helpdesks with `Abilities.assigns`. `satisfaction` is
    the customer's rating (`1` to `5`, or ""), for the field that the helpdesk's settings name.
    """

    priority: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""
    assignee: str = ""
    satisfaction: str = ""

    def __bool__(self) -> bool:
        return bool(self.priority or self.tags or self.group or self.assignee or self.satisfaction)

    def raises(self, current: str) -> bool:
        """Return whether it raises this priority: "" is the lowest; a priority not in `PRIORITIES` is never changed."""
        if not (self.priority and current):
            return bool(self.priority)
        return current in PRIORITIES and PRIORITIES.index(self.priority) > PRIORITIES.index(current)

    def missing(self, current: Collection[str]) -> tuple[str, ...]:
        """Return its tags that are not in `current`."""
        return tuple(tag for tag in self.tags if tag not in current)

    def __or__(self, other: Change) -> Change:
        """Return both changes as one; the other's values win."""
        priority = other.priority if other.raises(self.priority) else self.priority
        tags = (*self.tags, *other.missing(self.tags))
        whose = other.group or self.group, other.assignee or self.assignee
        return Change(priority, tags, *whose, other.satisfaction or self.satisfaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry to write into a ticket: a customer's message, or a note of ours.

    `key` is the event's key; the helpdesk stores it (as a marker or a field), so that `find(key)` finds the entry.
    `body` is plain text, ready to be shown: the connector makes sure that nothing in it becomes markup or a command.
    `change` is what the message changes in the ticket, only for helpdesks with `Updates`. A connector that can make it
    in the same request does so in `append` and sets `Filed.changed`; any other ignores it.
    """

    key: str
    body: str
    written_at: datetime | None
    public: bool  # seen by the customer in the helpdesk (a public comment), or an internal note
    files: tuple[File, ...] = ()
    author: str = ""  # the author's name, for helpdesks that show the connector as the author of every entry
    contact: str = ""  # the helpdesk's id of the customer, as `Filed.contact` gave it
    shared: bool = False  # several people may write here, so the author is to be named
    change: Change = Change()

    def __repr__(self) -> str:
        return f"Entry({digest(self.key)[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What `find` looks for after doubt: the ticket or the entry with this `key`.

    `ticket` is where an entry would be, "" if the ticket itself is sought. `customer` is the requester, `since` a time
    before which it certainly did not happen: helpdesks that can only list tickets search by these, others ignore them.
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
    """A ticket to open, with its first entries."""

    key: str
    thread: str  # the key by which the thread's ticket is found (external id)
    reference: str  # our short reference, as the customer knows it
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
    """The result of filing: the ticket's present id, and the helpdesk's id of each entry by its key.

    `contact` is the helpdesk's id of the customer, if the connector needs it in later entries. `changed`: the entries'
    changes of the ticket (`Entry.change`) are made.
    """

    ticket: str
    entries: Mapping[str, str] = field(default_factory=dict)
    contact: str = ""
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReply:
    """An agent's reply to the customer. `order` sorts replies.

    `id` is the helpdesk's id of the comment, unique also after its ticket is merged. `withheld`: why it is not certain
    that an agent wrote this to the customer; then it is not sent. Not `public`: an internal note, never sent.
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

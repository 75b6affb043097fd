"""The contract of a helpdesk: what a connector of the agents' side does.

As a channel, a helpdesk connector is one module with one class, without state. Whatever is written has a key,
which the connector puts into the request so that `find` can tell later whether it happened.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from deskwire.model.values import dataclass

from .connector import Connector, Reach

if TYPE_CHECKING:
    from deskwire.model.events import Attachment
    from deskwire.model.signals import Signal
    from deskwire.model.tickets import AgentReply, Change, Customer, Earlier, Entry, File, Filed, Sought, Ticket


FIRST_LOOK = timedelta(minutes=10)  # that the first poll looks back: a ticket may be opened and answered before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What the helpdesk can do; the machinery asks here, never by name.

    `find_open` / `find_append`: whether `find` can tell after doubt for tickets / for entries. `several`: whether
    `append` takes several entries as one update. `updates` is the budget of updates for one ticket: (how many,
    in which time). `entry_bytes` is the most one entry may hold, in UTF-8,
    also as several comments. `four_byte`: whether emoji survive.
    `pushes`: a signed webhook tells of agents' replies. `tells`: in their words (`About.ANSWER`), for they cannot be
    read: `replies` returns nothing then. `polls`: agents' replies can be looked up by a cursor.
    `reopens`: a closed ticket can be opened again; where not, a message for one opens a follow-up, whatever the policy
    says. `tells_closing`: it says when a ticket was closed, and `append` asks `Reach.reopens` with that before it opens
    one again; of the others, the last message filed counts.
    `assigns`: `Updates` can give a ticket to a group and an agent.
    `rate`, `left`: the headers (lower-case) in which each answer says how many requests an account may make in a
    minute, and how many of them are left.
    """

    native_key: bool
    find_open: bool
    find_append: bool
    several: bool
    edit: bool = False
    redact: bool = False
    attachments: bool = True
    entry_bytes: int = 65_535
    four_byte: bool = True
    updates: tuple[int, timedelta] | None = None
    pushes: bool = True
    polls: bool = False
    tells: bool = False
    reopens: bool = True
    tells_closing: bool = False
    assigns: bool = False
    rate: str = ""
    left: str = ""


class TicketGone(Exception):  # noqa: N818 - an outcome, not an error
    """The ticket takes nothing more.

    `state`: `closed`, `full` of comments, or `inaccessible`, moved to where our account has no rights (a follow-up is
    opened); `merged` (into `into`), `deleted`.

    `at`: when it was merged. What agents answered in the other ticket before was for others.
    """

    def __init__(self, state: str, into: str = "", at: datetime | None = None) -> None:
        super().__init__(f"the ticket is {state}")
        self.state = state
        self.into = into
        self.at = at


class Helpdesk(Connector):
    """A connector of the agents' side: `parse` yields signals. `replies` reads the words, unless `abilities.tells`."""

    abilities: ClassVar[Abilities]

    def field_faults(self, fields: Mapping[str, str], settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with the `fields` of a connection that files here, by their names; none by default.

        `settings` are the helpdesk's own; what is wrong with those, `faults` tells.
        """
        del fields, settings
        return {}

    @abstractmethod
    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Open a ticket for its customer (made or found), with its entries; `ticket.key` makes it one.

        Raises the errors of `rest.checked`, ambiguous when it may exist now.
        """

    @abstractmethod
    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Add the entries, in order. Several at once only where `abilities.several`.

        Public entries are the customer's words, the others internal notes. A ticket that was solved is opened again
        by a public one, if the company's rule says so. Returns where they are now: a merged ticket's id changes.
        Raises `TicketGone`, and the errors of `rest.checked`, ambiguous when some of it may be there now.
        """

    @abstractmethod
    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Return after doubt what the sought key became.

        None says that it certainly did not happen (as far as `abilities` promise).
        """

    @abstractmethod
    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return what staff wrote publicly after the reply with that id (empty: all), oldest first, never our own."""


@runtime_checkable
class Redacts(Protocol):
    """Can take words out of a ticket for ever."""

    def redact(self, ticket: str, entry: str, reach: Reach) -> bool:
        """Remove the words of the entry with that id (the helpdesk's); True when they are gone now."""


@runtime_checkable
class GivesFiles(Protocol):
    """Can hand over the files of an agent's answer."""

    def file(self, attachment: Attachment, reach: Reach) -> File:
        """Return one of `AgentReply.attachments`. Raises the errors of `rest.checked` and `media.fetch`."""


@runtime_checkable
class Updates(Protocol):
    """Can raise a ticket's priority and add tags later, and where `abilities.assigns` say whose it is."""

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        """Make the change, and nothing that is not in it: agents may have set another priority or tags meanwhile.

        It may be repeated, and writes nothing where all of it is so already. Raises `TicketGone`, and the errors of
        `rest.checked`; the words that asked for it are in the ticket by then.
        """


@runtime_checkable
class History(Protocol):
    """Can tell of a person's earlier tickets."""

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        """Return the tickets whose requester is this customer and nobody else, the newest first.

        They are known by our external id, and by `email` and `phone` where these are given: then the company wants it,
        and the platform vouches for them. At most `tickets.MOST_EARLIER`. Reads alone, in as few requests as it takes:
        agents wait for it, and customers must not. Raises the errors of `rest.checked`.
        """


@runtime_checkable
class Closes(Protocol):
    """Can solve a ticket: what `deskwire doctor` does with its own."""

    def close(self, ticket: str, reach: Reach) -> None:
        """Set the ticket to solved. Raises `TicketGone`, and the errors of `rest.checked`."""


@dataclass(frozen=True, slots=True)
class Signals:
    """One page of a poll: its signals and the next cursor."""

    signals: Sequence[Signal]
    cursor: str


@runtime_checkable
class PollsTickets(Protocol):
    """Can be asked which tickets got a reply since a cursor: the net under the webhook."""

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return the signals since `cursor` and the next cursor.

        The first poll has an empty cursor and returns none but the next: `FIRST_LOOK` before now, or before the newest
        change.
        """

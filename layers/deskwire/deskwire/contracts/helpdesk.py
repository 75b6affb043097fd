"""The contract of a helpdesk: a connector on the agents' side.

Like a channel, a helpdesk connector is one module with one class, without state. Everything it writes has a key, which
it puts into the request so that `find` can tell later whether the request took effect.
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
    """The helpdesk's abilities; the framework relies on these, never on its name.

    `find_open`, `find_append`: `find` can find a ticket, or an entry, after doubt. `several`: `append` takes several
    entries as one update. `updates`: the budget of updates for one ticket, as (number, time span). `entry_bytes`: the
    longest entry in bytes of UTF-8, if need be as several comments. `four_byte`: emoji survive. `pushes`: a signed
    webhook signals agents' replies. `tells`: the signals contain the replies (`About.ANSWER`), because they cannot be
    read; `replies` then returns nothing. `polls`: agents' replies can be polled with a cursor. `reopens`: a closed
    ticket can be reopened; if not, a message for one opens a follow-up, whatever the policy says. `tells_closing`: the
    helpdesk states when a ticket was closed, and `append` passes that to `Reach.reopens` before it reopens one; for
    other helpdesks, the time of the last filed message counts. `assigns`: `Updates` can assign a ticket to a group and
    an agent. `rate`, `left`: the headers (lower-case) in each answer with the requests allowed in a minute, and those
    left.
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
    """The ticket takes no more entries.

    `state`: `closed`, `full` of comments or `inaccessible`, moved out of our account's reach (a follow-up is opened in
    these cases); `merged` (into `into`); or `deleted`. `at`: when it was merged. Agents' earlier answers in the other
    ticket were for its own customer.
    """

    def __init__(self, state: str, into: str = "", at: datetime | None = None) -> None:
        super().__init__(f"the ticket is {state}")
        self.state = state
        self.into = into
        self.at = at


class Helpdesk(Connector):
    """A connector on the agents' side: `parse` yields signals; `replies` reads the words, unless `abilities.tells`."""

    abilities: ClassVar[Abilities]

    def field_faults(self, fields: Mapping[str, str], settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with the `fields` of a connection that files here, by name; nothing by default.

        `settings` are the helpdesk's own, which `faults` checks.
        """
        del fields, settings
        return {}

    @abstractmethod
    def open(self, ticket: Ticket, reach: Reach) -> Filed:
        """Open a ticket with its entries for its customer, who is created if new; `ticket.key` makes it unique.

        Raises the errors of `rest.checked`, ambiguous if the ticket may exist now.
        """

    @abstractmethod
    def append(self, ticket: str, thread: str, entries: Sequence[Entry], reach: Reach) -> Filed:
        """Add the entries in order; several only if `abilities.several`.

        Public entries are the customer's words, others are internal notes. A public entry reopens a solved ticket, if
        the company's rule says so. Return where they are: a merged ticket's id changes.
        Raises `TicketGone`, and the errors of `rest.checked`, ambiguous if some entries may have been added.
        """

    @abstractmethod
    def find(self, sought: Sought, reach: Reach) -> Filed | None:
        """Return after doubt where the ticket or entry with this key is.

        None means that it certainly does not exist, as far as `abilities` promise.
        """

    @abstractmethod
    def replies(self, ticket: str, after: str, reach: Reach) -> Sequence[AgentReply]:
        """Return agents' public replies after the one with this id ("": all), oldest first, without our own."""


@runtime_checkable
class Redacts(Protocol):
    """Can remove an entry's text for good."""

    def redact(self, ticket: str, entry: str, reach: Reach) -> bool:
        """Remove the text of the entry with this id of the helpdesk's; return whether it is gone."""


@runtime_checkable
class GivesFiles(Protocol):
    """Can download the files of an agent's answer."""

    def file(self, attachment: Attachment, reach: Reach) -> File:
        """Return one of `AgentReply.attachments`. Raises the errors of `rest.checked` and `media.fetch`."""


@runtime_checkable
class Updates(Protocol):
    """Can raise a ticket's priority and add tags later, and if `abilities.assigns`, assign it."""

    def update(self, ticket: str, change: Change, reach: Reach) -> None:
        """Make this change and no other: agents may have set another priority or tags meanwhile.

        Idempotent: writes nothing if the ticket is so already. Raises `TicketGone`, and the errors of `rest.checked`;
        the message that asked for the change is in the ticket by then.
        """


@runtime_checkable
class History(Protocol):
    """Can list a person's earlier tickets."""

    def history(self, customer: Customer, reach: Reach) -> Sequence[Earlier]:
        """Return the tickets whose requester is exactly this customer, newest first, at most `tickets.MOST_EARLIER`.

        Search by our external id, and by `email` and `phone` if given: then the company allows it, and the platform
        proves them. Only read, in as few requests as possible, because filing waits for it. Raises the errors of
        `rest.checked`.
        """


@runtime_checkable
class Closes(Protocol):
    """Can solve a ticket."""

    def close(self, ticket: str, reach: Reach) -> None:
        """Set the ticket to solved. Raises `TicketGone`, and the errors of `rest.checked`."""


@dataclass(frozen=True, slots=True)
class Signals:
    """One page of a poll: its signals and the next cursor."""

    signals: Sequence[Signal]
    cursor: str


@runtime_checkable
class PollsTickets(Protocol):
    """Can be polled for tickets with new replies, as a safety net for the webhook."""

    def poll(self, cursor: str, reach: Reach) -> Signals:
        """Return the signals since `cursor` and the next cursor.

        The first poll has an empty cursor and returns only the next one: `FIRST_LOOK` before now, or before the newest
        change.
        """

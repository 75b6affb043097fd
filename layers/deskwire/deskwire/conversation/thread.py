"""A thread and its messages as the table holds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from deskwire.care.judge import HOT_KINDS
from deskwire.model.events import Author, Visibility
from deskwire.model.keys import compose
from deskwire.model.reference import reference
from deskwire.model.sending import Outgoing
from deskwire.model.signals import Signal, Status
from deskwire.model.tickets import COMPLAINT

from .case import Case
from .spoken import Writer

MOST_LEFT = 3  # earlier tickets that a thread remembers
MOST_WRITERS = 20  # the latest, of a public thread


class Unfiled(NamedTuple):
    """The oldest message of a thread that a helpdesk could not be given yet."""

    helpdesk: str
    since: int


class Said(NamedTuple):
    """An answer that was said automatically: its name, its language, the key it was sent by, how it stands.

    `begun`: about to be sent; `asked`: sent, and the customer was asked whether that was it; `yes`; `over`: a person
    goes on. `told`: the ticket has the note on it.
    """

    name: str
    language: str
    key: str
    state: str = "begun"
    told: bool = False


OPEN = frozenset({"begun", "asked"})  # states of a question that waits for its answer


class Asked(NamedTuple):
    """The question how content the customer is, about a ticket of this thread: asked once, or not to be asked.

    `key` is what it is sent by, `at` when (Unix seconds), `figures` as what the ticket is counted. `begun`: about to be
    sent; `asked`: sent, or perhaps sent; `rated`: answered, by `rating`; `over`: it is not asked.
    """

    key: str
    at: int
    ticket: str
    helpdesk: str
    figures: str = ""
    language: str = ""
    state: str = "begun"
    rating: int = 0


class Clock(NamedTuple):
    """By when a waiting customer is to be answered. Times are whole seconds since 1970.

    `kind` is how the message was judged that set it, `since` when that was written, `at` when an answer is overdue:
    `minutes` later, of opening hours or `always`.
    """

    kind: str
    since: int
    at: int
    minutes: int
    always: bool = False

    @property
    def hot(self) -> bool:
        """Whether the message that set it was hot."""
        return self.kind in HOT_KINDS


HIDE, SHOW, INVITE = "hide", "show", "invite"  # what is to be done about a guarded message
HIDDEN, SHOWN, LEFT = "hidden", "shown", "left"  # what became of it; left: it cannot be hidden, or is gone


class Guard(NamedTuple):
    """A public message of which something is still to be done (`todo`) for the private matters in it, by `kinds`.

    `place` is the channel and the account that it came by; `at` when it was written, `since` when it was found;
    `note` are words for the ticket, as long as there is none.
    """

    object_id: str
    place: tuple[str, str]
    writer: str
    name: str
    at: int
    since: int
    kinds: tuple[str, ...]
    language: str
    todo: tuple[str, ...]
    note: str = ""

    @property
    def needed(self) -> bool:
        """Whether anything is left to be done or said."""
        return bool(self.todo or self.note)


class Past(NamedTuple):
    """How many earlier tickets of the customer the helpdesk told of, and how many of them were complaints."""

    tickets: int
    complaints: int


class Left(NamedTuple):
    """An earlier ticket of this thread, by what the helpdesk signalled and our judgement."""

    ticket: str
    opened_at: int
    solved: bool
    complaint: bool


class Assignee(NamedTuple):
    """Who has the ticket: the helpdesk's id of the agent (empty: no agent has it), and their name where it is told."""

    id: str
    name: str = ""


class Thread(BaseModel):
    """One conversation. Times are whole seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    pk: str
    created_at: int = 0
    channel: str = ""
    account: str = ""
    thread: str = ""
    visibility: Visibility = Visibility.PRIVATE
    author: dict[str, str] = Field(default_factory=dict)
    known_as: tuple[str, ...] = ()  # every id of that author, where the platform names them by several
    helpdesk: str = ""  # where the ticket is
    opens_in: str = (
        ""  # the helpdesk in which a ticket that nobody lived to note may be; empty: of before this was kept
    )
    contact: str = ""  # the helpdesk's id of the customer
    thread_kind: str = ""  # of the customer's last message: see `Terms.kinds`
    ticket: str = ""
    epoch: int = 0  # counts the tickets of this thread
    opened_at: int = 0
    case: Case | None = None  # the ticket as it is counted; None: not, or of before tickets were
    status: Status | None = None  # of the ticket, as far as the helpdesk signals it
    status_at: int = 0
    assignee: Assignee | None = None  # who has the ticket, as far as the helpdesk signals it; None: it did not say
    assigned_at: int = 0
    priority: str = ""  # of the ticket, as far as our hints raised it
    tags: tuple[str, ...] = ()  # of the ticket, that our hints gave it
    recall: bool = False  # the note on the customer's earlier tickets is still to be added
    past: Past | None = None  # what the helpdesk told of the customer before this ticket; None: nothing, so far
    earlier: tuple[Left, ...] = ()  # the last tickets before the present one, oldest first
    joined_at: int = 0  # when the ticket was merged into another customer's
    pending: tuple[str, ...] = ()  # keys of recorded messages without an outcome, oldest first
    aside: int = 0  # messages numbered so far that its list could not take (see `overflow`)
    waiting: int = 0  # of those, not taken up yet
    clean: tuple[str, ...] = ()  # of those, which were surely not begun
    was_clean: tuple[str, ...] = ()  # `clean` before this worker took the thread
    joined: dict[str, str] = Field(default_factory=dict)  # of those, the parts of an album: by the key of its first one
    missing: tuple[str, ...] = ()  # keys of attachments that follow their messages, once they can be had
    sending: tuple[str, ...] = ()  # keys of what may or may not have been sent
    last_inbound: int = 0
    last_written: int = 0  # the latest customer's own time that was filed
    filed_at: int = 0  # when something of theirs was filed last
    acknowledged_at: int = 0
    acknowledgements: tuple[int, ...] = ()  # when, in the last day
    answered_at: int = 0  # when an agent's answer last went out
    rested_at: int = 0  # no answer is due for words up to then: praise, noise, a yes to an automatic answer
    clock: Clock | None = None  # by when an answer is due, while they wait for one
    survey: Asked | None = None  # of the last ticket that was solved
    said: Said | None = None  # the automatic answer of the present ticket
    kept: tuple[str, ...] = ()  # keys of what got no ticket, to be quoted in the next words that are filed
    updates: tuple[int, ...] = ()  # when this ticket was lately updated
    last_reply: str = ""  # the agent's reply that was looked at last, of `last_ticket`
    last_ticket: str = ""
    reply_to: str = ""  # the customer's last object
    context: dict[str, str] = Field(default_factory=dict)
    other_at: int = 0  # when another person began to write, or what was private became public again
    public_at: int = 0  # the latter
    public_since: int = 0  # when a customer first wrote in public; 0: never, or before this was kept
    writers: tuple[Writer, ...] = ()  # in public, the latest last
    guards: tuple[Guard, ...] = ()
    guarded: dict[str, str] = Field(default_factory=dict)  # what became of guarded messages, by the platform's id
    language: str = ""  # of the customer's last public message, where the policy has something to say in it
    invited_at: int = 0  # when a writer was invited to continue in private
    offered_until: int = 0  # how long the one-time link that was posted last is good
    ended: dict[str, Any] = Field(default_factory=dict)  # the message that the last turn ended: see `Ledger.conclude`
    attempts: int = 0
    due_at: int = 0  # the earliest timer; in threads of before they had names, the only one
    timers: dict[str, int] = Field(default_factory=dict)  # when, by name (see `timers`)
    unfiled: Unfiled | None = None  # while something of it waits after a failure
    lease_owner: str = ""
    alias_of: str = ""
    mirrors: str = ""  # the key of the conversation that this thread copies into `helpdesk`; empty: it is one itself
    mirrored: tuple[str, ...] = ()  # the helpdesks into which it was copied so far
    expires: int = 0  # of a thread whose customer was erased, until they write again
    erased: dict[str, int] = Field(default_factory=dict)  # when, by `person_digest`

    @property
    def key(self) -> str:
        """The thread's key."""
        return self.pk[2:]

    def has(self, signal: Signal) -> bool:
        """Return whether a signal is about the present ticket. Two helpdesks may use one number."""
        return signal.ticket == self.ticket and signal.account in {"", self.helpdesk or signal.account}

    @property
    def conversation(self) -> str:
        """The key of the conversation: of a mirror, that of the thread it copies."""
        return self.mirrors or self.key

    @property
    def filing_key(self) -> str:
        """What the present ticket is found by in the helpdesk: another for each follow-up.

        And another for a customer who returns after their thread was forgotten: its tickets are not counted any more.
        """
        return compose(self.key, str(self.created_at), str(self.epoch))

    @property
    def reference(self) -> str:
        """Our short reference of the present ticket."""
        return reference(self.conversation, self.epoch)

    def writing(self, writer: Writer) -> tuple[Writer, ...]:
        """Return the writers once this one has written."""
        known = self.writers
        if not known and self.author and self.visibility is Visibility.PUBLIC:  # of before the writers were kept
            known = (Writer(self.author["id"], self.author.get("name", ""), self.reply_to, self.last_inbound),)
        others = [each for each in known if each.id != writer.id]
        newest = max([writer, *(each for each in known if each.id == writer.id)], key=lambda each: each.at)
        return (*others, newest)[-MOST_WRITERS:]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id of the customer as last seen."""
        return self.known_as or ((self.author["id"],) if self.author else ())

    def is_of(self, ids: Iterable[str]) -> bool:
        """Return whether one of these ids is the customer's as last seen."""
        return not set(self.ids).isdisjoint(ids)

    @property
    def leaving(self) -> tuple[Left, ...]:
        """The earlier tickets once the present one is left."""
        if not self.ticket:
            return self.earlier
        left = Left(self.ticket, self.opened_at, self.status is Status.SOLVED, COMPLAINT in self.tags)
        return (*self.earlier, left)[-MOST_LEFT:]

    @property
    def again(self) -> int:
        """2 where the customer has complained before, 1 where they had another ticket, else 0.

        After an erasure the tickets before it are not known any more, though they still count in `epoch`.
        """
        complained = (self.past is not None and self.past.complaints) or any(each.complaint for each in self.earlier)
        known = self.earlier or self.past or (self.epoch and not self.erased)
        return 2 if complained else 1 if known else 0

    def customer(self) -> Author | None:
        """Return the customer as last seen."""
        return Author(**self.author) if self.author else None


def outgoing(
    thread: Thread,
    *,
    key: str,
    text: str,
    automatic: bool,
    closed: bool = False,
    private: bool = False,
    to: Writer | None = None,
) -> Outgoing:
    """Return what to send to the customer of a thread, or to another of its writers."""
    customer = thread.customer()
    if to is not None and (customer is None or to.id != customer.id):
        return Outgoing(
            key=key,
            account=thread.account,
            thread=thread.thread,
            visibility=Visibility.PRIVATE,
            text=text,
            automatic=automatic,
            private_reply=thread.visibility is Visibility.PUBLIC,
            recipient=to.id,
            reply_to=to.reply_to,
        )
    return Outgoing(
        key=key,
        account=thread.account,
        thread=thread.thread,
        visibility=Visibility.PRIVATE if private else thread.visibility,
        text=text,
        automatic=automatic,
        closed=closed,
        private_reply=private and thread.visibility is Visibility.PUBLIC,
        recipient=customer.id if customer else "",
        reply_to=thread.reply_to,
        context=thread.context,
    )

"""A thread as the table stores it."""

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

MOST_LEFT = 3  # earlier tickets kept in a thread
MOST_WRITERS = 20  # latest writers kept in a public thread


class Unfiled(NamedTuple):
    """The helpdesk that has not taken a thread's oldest message yet, and since when (Unix seconds)."""

    helpdesk: str
    since: int


class Said(NamedTuple):
    """An automatic answer: its name, its language, the key it was sent under, its state.

    States: `begun` (about to be sent), `asked` (sent, with the question whether it helped), `yes`, `over` (a person
    continues). `told`: the ticket has the note about it.
    """

    name: str
    language: str
    key: str
    state: str = "begun"
    told: bool = False


OPEN = frozenset({"begun", "asked"})  # states of a survey that waits for its rating


class Asked(NamedTuple):
    """The survey about a ticket of this thread: asked once, or not to be asked.

    `key`: the key it is sent under; `at`: when (Unix seconds); `figures`: the ticket's case, encoded. States: `begun`
    (about to be sent), `asked` (sent, or perhaps sent), `rated` (answered with `rating`), `over` (not asked).
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
    """The time limit for answering a waiting customer. Times are whole seconds since 1970.

    `kind`: how the message that set it was judged; `since`: when that message was written; `at`: when the answer is
    overdue, `minutes` later: of opening hours, or `always`.
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
HIDDEN, SHOWN, LEFT = "hidden", "shown", "left"  # its state; left: it cannot be hidden, or was deleted


class Guard(NamedTuple):
    """A public message with something still to do (`todo`) about the private matters (`kinds`) in it.

    `place`: its channel and account; `at`: when it was written; `since`: when the matters were found; `note`: the note
    for the ticket, until there is a ticket.
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
    """How many earlier tickets of the customer the helpdesk reported, and how many of them were complaints."""

    tickets: int
    complaints: int


class Left(NamedTuple):
    """An earlier ticket of this thread: `solved` as the helpdesk signalled, `complaint` as we judged."""

    ticket: str
    opened_at: int
    solved: bool
    complaint: bool


class Assignee(NamedTuple):
    """The ticket's assignee: the helpdesk's id of the agent ("": unassigned), and their name if it is stated."""

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
    known_as: tuple[str, ...] = ()  # all ids of that author, if the platform uses several
    helpdesk: str = ""  # where the ticket is
    opens_in: str = (
        ""  # the helpdesk in which a ticket that nobody lived to note may be; empty: of before this was kept
    )
    contact: str = ""  # the helpdesk's id of the customer
    thread_kind: str = ""  # of the customer's last message: see `Terms.kinds`
    ticket: str = ""
    epoch: int = 0  # counts the tickets of this thread
    opened_at: int = 0
    case: Case | None = None  # the ticket as it is counted; None: it is not, or was opened before tickets were counted
    status: Status | None = None  # of the ticket, as far as the helpdesk signals it
    status_at: int = 0
    assignee: Assignee | None = None  # of the ticket, as far as the helpdesk signals it; None: it did not
    assigned_at: int = 0
    priority: str = ""  # of the ticket, as raised by our hints
    tags: tuple[str, ...] = ()  # that our hints added to the ticket
    recall: bool = False  # the note on the customer's earlier tickets is still to be added
    past: Past | None = None  # the customer's tickets before this thread's; None: not known yet, or none
    earlier: tuple[Left, ...] = ()  # the last tickets before the present one, oldest first
    joined_at: int = 0  # when the ticket was merged into another customer's
    pending: tuple[str, ...] = ()  # keys of recorded messages without an outcome, oldest first
    aside: int = 0  # number of messages put aside so far (see `overflow`)
    waiting: int = 0  # of those put aside, how many are not on the list yet
    clean: tuple[str, ...] = ()  # of the pending, those certainly not begun
    was_clean: tuple[str, ...] = ()  # `clean` before this worker took the thread
    joined: dict[str, str] = Field(default_factory=dict)  # pending further parts of albums: the key of the first part
    missing: tuple[str, ...] = ()  # keys of attachments still to be fetched and filed after their messages
    sending: tuple[str, ...] = ()  # keys of texts that may or may not have been sent
    last_inbound: int = 0
    last_written: int = 0  # the platform's time of the latest filed message
    filed_at: int = 0  # when a customer's message was last filed
    acknowledged_at: int = 0
    acknowledgements: tuple[int, ...] = ()  # their times in the last day
    answered_at: int = 0  # when an agent's answer was last sent
    rested_at: int = 0  # messages up to then need no answer: praise, noise, a yes to an automatic answer
    clock: Clock | None = None  # by when an answer is due, while the customer waits
    survey: Asked | None = None  # about the last ticket that was solved
    said: Said | None = None  # the automatic answer of the present ticket
    kept: tuple[str, ...] = ()  # keys of messages without a ticket, to be quoted in the next one that is filed
    updates: tuple[int, ...] = ()  # times of this ticket's recent updates
    last_reply: str = ""  # the last agent's reply handled on `last_ticket`
    last_ticket: str = ""
    reply_to: str = ""  # the customer's last object
    context: dict[str, str] = Field(default_factory=dict)
    other_at: int = 0  # when another person began to write, or a private thread became public
    public_at: int = 0  # when a private thread became public
    public_since: int = 0  # when a customer first wrote in public; 0: never, or before this was kept
    writers: tuple[Writer, ...] = ()  # in public, the latest last
    guards: tuple[Guard, ...] = ()
    guarded: dict[str, str] = Field(default_factory=dict)  # what became of guarded messages, by the platform's id
    language: str = ""  # of the customer's last public message, if the policy has public texts
    invited_at: int = 0  # when a writer was invited to continue in private
    offered_until: int = 0  # until when the last posted one-time link is valid
    ended: dict[str, Any] = Field(default_factory=dict)  # the outcome of the last turn's message: see `Ledger.conclude`
    attempts: int = 0
    due_at: int = 0  # the earliest timer; in items from before timers had names, the only one
    timers: dict[str, int] = Field(default_factory=dict)  # times by name (see `timers`)
    unfiled: Unfiled | None = None  # set while a message waits for the helpdesk after a failure
    lease_owner: str = ""
    alias_of: str = ""
    mirrors: str = ""  # key of the conversation that this mirror copies into `helpdesk`; "": this is a conversation
    mirrored: tuple[str, ...] = ()  # the helpdesks into which it has been copied
    expires: int = 0  # set if the customer was erased, until they write again
    erased: dict[str, int] = Field(default_factory=dict)  # times of erasures, by `person_digest`

    @property
    def key(self) -> str:
        """The thread's key."""
        return self.pk[2:]

    def has(self, signal: Signal) -> bool:
        """Return whether a signal is about the present ticket. Two helpdesks may use one number."""
        return signal.ticket == self.ticket and signal.account in {"", self.helpdesk or signal.account}

    @property
    def conversation(self) -> str:
        """The key of the conversation; for a mirror, the key of the thread that it copies."""
        return self.mirrors or self.key

    @property
    def filing_key(self) -> str:
        """The key by which the present ticket is found in the helpdesk; each follow-up has another.

        It includes when the thread began: a thread that was deleted and begins again counts its tickets anew.
        """
        return compose(self.key, str(self.created_at), str(self.epoch))

    @property
    def reference(self) -> str:
        """The present ticket's short reference."""
        return reference(self.conversation, self.epoch)

    def writing(self, writer: Writer) -> tuple[Writer, ...]:
        """Return the thread's writers with this one as the latest."""
        known = self.writers
        if not known and self.author and self.visibility is Visibility.PUBLIC:  # an item from before writers were kept
            known = (Writer(self.author["id"], self.author.get("name", ""), self.reply_to, self.last_inbound),)
        others = [each for each in known if each.id != writer.id]
        newest = max([writer, *(each for each in known if each.id == writer.id)], key=lambda each: each.at)
        return (*others, newest)[-MOST_WRITERS:]

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids of the customer as last seen."""
        return self.known_as or ((self.author["id"],) if self.author else ())

    def is_of(self, ids: Iterable[str]) -> bool:
        """Return whether one of these ids belongs to the customer as last seen."""
        return not set(self.ids).isdisjoint(ids)

    @property
    def leaving(self) -> tuple[Left, ...]:
        """The earlier tickets, including the present one that is about to be left."""
        if not self.ticket:
            return self.earlier
        left = Left(self.ticket, self.opened_at, self.status is Status.SOLVED, COMPLAINT in self.tags)
        return (*self.earlier, left)[-MOST_LEFT:]

    @property
    def again(self) -> int:
        """2 if the customer has complained before, 1 if they had an earlier ticket, else 0.

        Tickets from before an erasure do not count, though `epoch` still includes them.
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
    """Return a message to send to the customer of a thread, or to another of its writers (`to`)."""
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

"""What the script of a morning knows by itself: what happened, which deliveries told of it, what must become of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from deskwire.model.keys import compose

MARKER = re.compile(
    r"\b(?:NW|ANS|NOTE)-\d{3,}\b"
)  # a number that occurs nowhere else: in a customer's words, an agent's
EARLIER = "Earlier tickets of this customer"  # a note of Deskwire's that quotes the subjects of other tickets
Identity = tuple[str, str, str, str]  # channel, account, the platform's id of the thing, what was done to it


class Case(StrEnum):
    """What is special in a conversation, and looked at by itself (`sandbox.northwind.cases`)."""

    NONE = ""
    HOT = "hot"  # is to be read before others
    COLD = "cold"  # can wait
    PRAISE = "praise"
    OVERDUE = "overdue"  # is urgent, and nobody answers
    RATED = "rated"  # is solved, and the customer says how satisfied they are
    PRIVATE = "private"  # a private matter in public


@dataclass(slots=True, eq=False)
class Happening:
    """One thing that happened on a platform. `text` holds `marker`, which occurs nowhere else.

    `files`: whether it belongs into a ticket (None: it may: our own post where a ticket is open, a deletion). `shown`:
    whether its words stand there to the end (a deleted message's do not). `deliveries` are the numbers under which the
    sender knows the requests that told of it.
    """

    channel: str
    account: str
    object_id: str
    verb: str
    talk: Talk | None
    at: datetime
    text: str = ""
    marker: str = ""
    files: bool | None = True
    own: bool = False
    shown: bool = True
    late: bool = False
    deliveries: list[int] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        """What tells it from everything else, whatever a connector's key looks like."""
        return (self.channel, self.account, self.object_id, self.verb)


@dataclass(slots=True, eq=False)
class Answer:
    """Something an agent wrote. `reaches`: whether the customer must see it, at `place`; else nobody outside may."""

    marker: str
    text: str
    talk: Talk
    place: str
    reaches: bool
    noted: bool = False  # the ticket must say that it was not delivered
    comment: str = ""
    at: datetime | None = None


@dataclass(slots=True, eq=False)
class Talk:
    """One conversation. `place` is where the platform's books have what was said to the customer in it.

    `acknowledged` is whether an acknowledgement must have come (True), must not (False).
    """

    channel: str
    account: str
    thread: str
    place: str
    acknowledged: bool
    why: str = ""  # why none may come
    office: str = ""
    says: str = ""  # words that the acknowledgement must hold
    case: Case = Case.NONE
    aside: str = ""  # where a public conversation goes on in private, by our invitation
    said: list[Happening] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    ticket: str = ""

    @property
    def key(self) -> str:
        """The thread's name in the table."""
        return compose(self.channel, self.account, self.thread)

    @property
    def first(self) -> Happening | None:
        """What opened it."""
        return next((each for each in self.said if each.files and each.text), None)


@dataclass(slots=True, eq=False)
class Unreadable:
    """A genuine body, or a part of one, that no connector can read: it must be parked."""

    channel: str
    delivery: int
    part: str = ""  # words of the part; empty: the whole body


@dataclass(slots=True, eq=False)
class Intruder:
    """Something that was forged: nothing of it may be anywhere."""

    channel: str
    what: str
    marker: str
    delivery: int = 0
    status: int = 0  # of one that was sent past the sender


@dataclass(slots=True)
class Notes:
    """Everything the script wrote down."""

    happenings: list[Happening] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    intruders: list[Intruder] = field(default_factory=list)
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)  # the helpdesk's, in real time
    repeated: Counter[float] = field(default_factory=Counter)  # deliveries sent again, by the platform's seconds after
    unplayed: Counter[str] = field(default_factory=Counter)  # scenes that waited in vain for what comes in them


Step = Callable[[], object]

"""A channel's rules as dated data, and the permit that a sender needs.

Every figure says where it was read and when. `Terms.permit` is the only maker of a `Permit`, and a connector's
`send` takes one: what the platform's rules forbid cannot be expressed.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from deskwire.model.events import AttachmentKind, Visibility
from deskwire.model.values import dataclass, field

Value = TypeVar("Value", covariant=True)  # noqa: PLC0105


@dataclass(frozen=True, slots=True)
class Figure(Generic[Value]):
    """One figure of a vendor: its value, the page it stands on, the day it was read.

    `confirmed=False` marks what only a third party says.
    """

    value: Value
    source: str
    checked: date
    confirmed: bool = True


class Unit(StrEnum):
    """In what a platform counts the length of a text."""

    CHARACTERS = "characters"  # code points
    UTF16 = "utf16"
    BYTES = "bytes"
    WEIGHTED = "weighted"  # X's way


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How long a text may be, and how many pieces a longer one may be split into (1: it is refused)."""

    most: int
    unit: Unit
    pieces: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time after the customer's last message in which the platform takes answers (`span` None: no end).

    `automatic`: whether what no person wrote may be sent in it. A message is sent with the window's `tag`, where it
    has one (Meta's HUMAN_AGENT), or only as a `template` that the platform approved (WhatsApp after a day).
    """

    name: str
    span: Figure[timedelta | None]
    automatic: Figure[bool]
    tag: str = ""
    template: bool = False

    def is_open(self, last_inbound: datetime | None, now: datetime) -> bool:
        """Return whether the customer's last message (None: there is none) lies within the window's span."""
        span = self.span.value
        return span is None or (last_inbound is not None and now - last_inbound <= span)


@dataclass(frozen=True, slots=True)
class FileLimit:
    """Files of one kind that may be sent: the most bytes of one, and their media types (none named: any)."""

    kind: AttachmentKind
    most: int
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfferLimit:
    """How many choices one message may show, how long the title of one may be, and the text above them.

    In characters; which are counted is seldom said.
    """

    most: int
    title: int
    text: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How many messages or requests, all of one `name` together, the other side takes of an account in a `span`.

    The name is a plural for people, such as “private replies”.
    """

    name: str
    most: int
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What may be sent into a thread of one visibility, and in which windows; the first open one applies.

    `files` are those that the connector sends beside a text, from an address that the platform fetches them from.
    `pace`: how fast, over all threads of an account. It costs a write for each message, so only a pace that answers can
    reach is declared; all others wait for the platform's 429.
    """

    text: Figure[TextLimit]
    windows: tuple[Window, ...]
    files: Figure[tuple[FileLimit, ...]] | None = None
    pace: Figure[Pace] | None = None

    @property
    def automatic(self) -> bool:
        """Whether an automatic answer is allowed at all."""
        return any(window.automatic.value for window in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadKind:
    """The rules of one kind of thread, such as the comments on a live broadcast, in place of the ordinary ones.

    Where they have no entry, nothing can be sent; `refusal` says why, in words for the agent.
    """

    sending: dict[Visibility, Sending] = field(default_factory=dict)
    private_reply: Sending | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rules of one platform.

    `sending` are the rules of a public or private thread, `private_reply` those of a private answer to a public message
    (None: there is no such thing). `kinds` are the rules of the threads whose events name a `thread_kind`.
    `keeps_words` is how long we may keep what people wrote (None: as long as the company wants). Within `idempotent` of
    the first attempt the same message may be sent again without harm, since the platform knows it by our key.
    `at_once` is how many calls an account takes at the same time, `pace` how many requests in a span (of a helpdesk;
    messages to customers have theirs in `Sending`): each costs a write or two for each call.
    """

    sending: dict[Visibility, Sending] = field(default_factory=dict)
    private_reply: Sending | None = None
    kinds: dict[str, ThreadKind] = field(default_factory=dict)
    body_limit: Figure[int]  # bytes of the largest delivery we take
    deadline: Figure[timedelta]  # in which a delivery is to be answered
    redelivery: Figure[timedelta]  # how long the platform repeats what we did not answer
    every: Figure[timedelta] | None = None  # the least time between two polls
    keeps_words: Figure[timedelta] | None = None
    idempotent: Figure[timedelta] | None = None
    at_once: Figure[int] | None = None
    pace: Figure[Pace] | None = None
    api_version: Figure[str] | None = None
    sunset: Figure[date] | None = None  # when that version ends
    figures: dict[str, Figure[object]] = field(default_factory=dict)  # further ones, by name

    @property
    def places(self) -> dict[str, Sending]:
        """The rules of every place that can be written to, by its name: public, private, private reply."""
        replies = {"private reply": self.private_reply} if self.private_reply is not None else {}
        return {str(visibility): rules for visibility, rules in self.sending.items()} | replies

    def rules(self, kind: str = "") -> ThreadKind:
        """Return the rules of a kind of thread: the ordinary ones unless `kinds` has others."""
        return self.kinds.get(kind) or ThreadKind(sending=self.sending, private_reply=self.private_reply)

    def permit(
        self,
        visibility: Visibility,
        *,
        automatic: bool,
        last_inbound: datetime | None,
        now: datetime,
        private_reply: bool = False,
        kind: str = "",
    ) -> Permit | Refusal:
        """Return leave to send now, or why not.

        `last_inbound` is when the customer last wrote (None: never); `private_reply` as in `Outgoing`; `kind` is the
        thread's.
        """
        known = self.rules(kind)
        rules = known.private_reply if private_reply else known.sending.get(visibility)
        if rules is None:
            place = "as a private answer" if private_reply else f"to a {visibility} thread"
            return Refusal(known.refusal or f"nothing can be sent {place} on this channel")
        windows = [window for window in rules.windows if window.automatic.value or not automatic]
        if not windows:
            return Refusal(f"the platform allows no automatic answer in a {visibility} thread")
        window = next((each for each in windows if each.is_open(last_inbound, now)), None)
        if window is not None:
            return _permit(rules, window)
        longest = max(window.span.value for window in windows if window.span.value is not None)
        return Refusal(
            f"the customer's last message is older than the {_span(longest)} in which the platform takes an answer"
        )


def _permit(rules: Sending, window: Window) -> Permit:
    files = rules.files.value if rules.files is not None and not window.template else ()
    pace = rules.pace.value if rules.pace is not None else None
    return Permit(_GRANT, rules.text.value, window.name, window.tag, window.template, files, pace)


def _span(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours} hours" if hours <= 48 else f"{hours // 24} days"


_GRANT = object()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one message now: the limit of its text, and the window that is open with its tag or template.

    `files`: the kinds of file that may go with it. `pace`: how fast the platform takes such messages.
    """

    grant: object = field(repr=False)
    limit: TextLimit
    window: str
    tag: str = ""
    template: bool = False
    files: tuple[FileLimit, ...] = ()
    pace: Pace | None = None

    def refuses(self, kind: AttachmentKind, media_type: str, size: int = 0) -> str:
        """Return why a file cannot be sent, in words for the agent; empty when it can be. `size` in bytes."""
        of_kind = [limit for limit in self.files if limit.kind is kind]
        fitting = [limit for limit in of_kind if not limit.types or media_type in limit.types]
        if not fitting:
            return f"files of the type {media_type or kind} cannot be sent here"
        most = max(limit.most for limit in fitting)
        return f"it is larger than the {most // 1_000_000} MB that can be sent here" if size > most else ""

    def __post_init__(self) -> None:
        if self.grant is not _GRANT:
            msg = "a permit is made by Terms.permit alone"
            raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing may be sent, in words for the agent."""

    reason: str

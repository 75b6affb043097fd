"""A platform's rules as dated data, and the permit that sending requires.

Every figure has its source and date. Only `Terms.permit` makes a `Permit`, and a connector's `send` takes one: code
that breaks the platform's rules cannot be written.
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
    """A vendor's figure: its value, its source, the day it was read.

    `confirmed=False`: only a third party states it.
    """

    value: Value
    source: str
    checked: date
    confirmed: bool = True


class Unit(StrEnum):
    """The unit in which a platform counts a text's length."""

    CHARACTERS = "characters"  # code points
    UTF16 = "utf16"
    BYTES = "bytes"
    WEIGHTED = "weighted"  # X's way


@dataclass(frozen=True, slots=True)
class TextLimit:
    """The longest text, and the number of pieces into which a longer one may be split (1: it is refused)."""

    most: int
    unit: Unit
    pieces: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span after the customer's last message in which the platform takes answers (`span` None: without end).

    `automatic`: automatic messages are allowed. A message is sent with the window's `tag` if it has one (Meta's
    HUMAN_AGENT), or only as an approved `template` (WhatsApp after a day).
    """

    name: str
    span: Figure[timedelta | None]
    automatic: Figure[bool]
    tag: str = ""
    template: bool = False

    def is_open(self, last_inbound: datetime | None, now: datetime) -> bool:
        """Return whether the window is open, by the time of the customer's last message (None: there is none)."""
        span = self.span.value
        return span is None or (last_inbound is not None and now - last_inbound <= span)


@dataclass(frozen=True, slots=True)
class FileLimit:
    """The limit for files of one kind: bytes, and media types (empty: any)."""

    kind: AttachmentKind
    most: int
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfferLimit:
    """The limits for choices: their number, the length of a title, and that of the text above.

    Lengths are in characters; platforms seldom state in which unit.
    """

    most: int
    title: int
    text: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The number of messages or requests called `name` that the other side takes from an account in a `span`.

    The name is a plural for people, such as “private replies”.
    """

    name: str
    most: int
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The rules for sending into threads of one visibility; the first open window applies.

    `files`: files that the connector can send beside a text, from an address that the platform downloads. `pace`: the
    limit over all threads of an account. It costs a write for each message, so declare it only if answers can reach it;
    otherwise the platform's 429 is enough.
    """

    text: Figure[TextLimit]
    windows: tuple[Window, ...]
    files: Figure[tuple[FileLimit, ...]] | None = None
    pace: Figure[Pace] | None = None

    @property
    def automatic(self) -> bool:
        """Whether automatic messages are allowed at all."""
        return any(window.automatic.value for window in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadKind:
    """The rules of one kind of thread, such as the comments on a live broadcast, replacing the usual ones.

    Without an entry, nothing can be sent; `refusal` states why, in words for the agent.
    """

    sending: dict[Visibility, Sending] = field(default_factory=dict)
    private_reply: Sending | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rules of one platform.

    `sending`: the rules for public and private threads; `private_reply`: those for a private answer to a public message
    (None: not possible). `kinds`: the rules for threads whose events name a `thread_kind`. `keeps_words`: how long we
    may keep people's messages (None: as long as the company wants). `idempotent`: the time after the first attempt in
    which sending a message again is harmless, because the platform recognises our key. `at_once`: the number of
    concurrent calls that an account takes; `pace`: the requests in a span (for a helpdesk; messages to customers have
    theirs in `Sending`). Each costs a write or two for each call.
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
        """The rules by place: public, private, private reply."""
        replies = {"private reply": self.private_reply} if self.private_reply is not None else {}
        return {str(visibility): rules for visibility, rules in self.sending.items()} | replies

    def rules(self, kind: str = "") -> ThreadKind:
        """Return the rules for a kind of thread: the usual ones unless `kinds` has others."""
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
        """Return the permit to send now, or the refusal.

        `last_inbound`: when the customer last wrote (None: never); `private_reply`: as in `Outgoing`; `kind`: the
        thread's kind.
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
    """The permission to send one message now: its text limit, and the open window's tag or template.

    `files`: the limits for files by kind. `pace`: how fast the platform takes such messages.
    """

    grant: object = field(repr=False)
    limit: TextLimit
    window: str
    tag: str = ""
    template: bool = False
    files: tuple[FileLimit, ...] = ()
    pace: Pace | None = None

    def refuses(self, kind: AttachmentKind, media_type: str, size: int = 0) -> str:
        """Return why a file cannot be sent, in words for the agent; "" if it can. `size` in bytes."""
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
    """The reason why nothing may be sent, in words for the agent."""

    reason: str

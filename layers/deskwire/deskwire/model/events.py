"""Events of channels, with their authors and attachments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from deskwire.model.values import dataclass, field

from .choices import Choice, choice_from_json
from .errors import PayloadError
from .keys import ADD, compose, digest

MOST_STARS = 5


class Kind(StrEnum):
    """The kind of an event."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETION = "deletion"
    REACTION = "reaction"
    RECEIPT = "receipt"
    STATE = "state"  # a change of an object or account, not a message: hidden, handed over, consent withdrawn
    UNDELIVERED = "undelivered"  # a text of ours (`object_id`: the platform's id) was not delivered; `text` says why
    ATTACHMENT = "attachment"  # made by us: an attachment filed after its message
    TIMER = "timer"  # made by us: a thread is due
    OTHER = "other"  # genuine, of an unknown kind


# Kinds that need no ticket, no answer and no record, with the reason that is logged.
DISMISSED = {Kind.RECEIPT: "receipt", Kind.REACTION: "reaction", Kind.STATE: "state", Kind.OTHER: "unknown kind"}


class Visibility(StrEnum):
    """Who can read it."""

    PUBLIC = "public"
    PRIVATE = "private"


class AttachmentKind(StrEnum):
    """The kind of an attachment."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    LINK = "link"

    @classmethod
    def of(cls, media_type: str) -> AttachmentKind:
        """Return the kind of a media type (`image/png`), `FILE` by default."""
        main = media_type.partition("/")[0]
        return cls(main) if main in {cls.IMAGE, cls.AUDIO, cls.VIDEO} else cls.FILE


def is_given(owner: object, *names: str) -> None:
    """Raise `PayloadError` unless each of these fields is a non-empty string."""
    for name in names:
        value = getattr(owner, name)
        if not isinstance(value, str) or not value:
            msg = f"{type(owner).__name__}.{name} is missing"
            raise PayloadError(msg)


def in_utc(owner: object, name: str) -> None:
    """Raise `PayloadError` if this field is a time that is not in UTC."""
    moment = getattr(owner, name)
    if moment is not None and moment.utcoffset() != timedelta(0):
        msg = f"{type(owner).__name__}.{name} is not in UTC"
        raise PayloadError(msg)


def written_moment(moment: datetime | None) -> str | None:
    """Return a time in UTC as written in JSON."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Author:
    """The author of an event. `id` is the channel's id of the person, never empty."""

    id: str
    name: str = ""
    handle: str = ""
    email: str = ""
    phone: str = ""

    def __post_init__(self) -> None:
        is_given(self, "id")

    def __repr__(self) -> str:
        return f"Author({digest(self.id)[:8]})"


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment: with a `url` if the platform gives an address, with an `id` if it is fetched by id.

    `size` in bytes is set for files to send, and not stored.
    """

    kind: AttachmentKind
    url: str = ""
    id: str = ""
    name: str = ""
    type: str = ""  # media type, image/jpeg
    size: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the attachment as plain JSON."""
        texts = {name: getattr(self, name) or None for name in ("url", "id", "name", "type")}
        return {"kind": str(self.kind), **texts}

    def line(self) -> str:
        """Return the attachment as a line of text: `[image: zip.jpg]`."""
        return f"[{self.kind}: {self.name}]" if self.name else f"[{self.kind}]"

    def __repr__(self) -> str:
        return f"Attachment({self.kind})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened in a thread.

    `account` is "" if a delivery names none: the receiver fills it in from the endpoint. `object_id` is the platform's
    id of the object (an edit or deletion has the id of the original), `verb` what was done to it, `version`
    distinguishes events with the same verb; with channel and account they form the `key`, which is the same for every
    redelivery. `thread` is the conversation as the channel defines it; `thread_kind` names a kind of threads with rules
    of its own for sending (see `Terms.kinds`). The messages of an album share a `group`, the platform's id of it: they
    become one entry. `occurred_at` is the platform's time in UTC, None if it gives none. `text` is never empty for a
    message: a sticker or a location has a line, too. `complete=False`: the text must be fetched before filing.
    `no_automatic_reply` is the reason why nothing may be answered automatically (`standby`, `automated` …), "" if it
    may. `raw` is the platform's own fragment.

    Everything the core reads is a field of its own. `facts` are shown to the agent as given, in order: a label in plain
    words, then the value. `stars` is a rating of one to five, 0 if there is none. `attention` says what a person of the
    company has to do, and raises an alarm. `echo_of` is our own mark returned by the platform: the digest of the key of
    the text we sent. `dismissal` says why the event needs nothing. `suspicion` says why a message may be spam: it is
    filed all the same, and tagged. `aliases` are other ids of the same `thread` and, in private, of its customer; a
    STATE with aliases says that the customer continues as its `author` (a new number). `choice` is the button of our
    question that the customer pressed. `came_by` is the token of the one-time link that the visitor used. `keep` is
    returned to the channel in `Outgoing.context`. `stored` names an object that the platform put into the archive for
    this event (see `contracts.connector.Original`); it is erased with the event. `unknown` holds the fields of a newer
    version that this one does not know; they are written again.
    """

    channel: str
    account: str
    kind: Kind
    object_id: str
    verb: str
    version: str = ""
    group: str = ""
    thread: str
    thread_kind: str = ""
    visibility: Visibility
    author: Author | None = None
    own: bool = False
    text: str = ""
    occurred_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    language: str = ""
    subject: str = ""
    complete: bool = True
    no_automatic_reply: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    stars: int = 0
    attention: str = ""
    echo_of: str = ""
    dismissal: str = ""
    suspicion: str = ""
    aliases: tuple[str, ...] = ()
    choice: Choice | None = None
    came_by: str = ""
    keep: Mapping[str, str] = field(default_factory=dict)
    stored: str = ""
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        is_given(self, "channel", "object_id", "verb", "thread")
        in_utc(self, "occurred_at")
        if not 0 <= self.stars <= MOST_STARS:
            msg = "a rating is of one to five stars"
            raise PayloadError(msg)
        if self.kind is Kind.MESSAGE and self.complete and not self.text.strip():
            msg = "a message has no line of text"
            raise PayloadError(msg)

    @property
    def key(self) -> str:
        """The event's key: the same for each redelivery, different for every other event."""
        return compose(self.channel, self.account, self.object_id, self.verb, self.version)

    @property
    def original(self) -> str:
        """The key of the message that an edit or deletion is about (its verb was `add`)."""
        return compose(self.channel, self.account, self.object_id, ADD, "")

    @property
    def thread_key(self) -> str:
        """The thread's key, unique over all channels and accounts."""
        return compose(self.channel, self.account, self.thread)

    @property
    def alias_keys(self) -> list[str]:
        """The thread's keys under its other ids."""
        return [compose(self.channel, self.account, alias) for alias in self.aliases if alias != self.thread]

    @property
    def author_ids(self) -> tuple[str, ...]:
        """All ids by which the event names its author."""
        return () if self.author is None else tuple(dict.fromkeys((self.author.id, *self.aliases)))

    @property
    def renames(self) -> bool:
        """Whether it is a change of the customer's id, not a message."""
        return self.kind is Kind.STATE and self.author is not None and bool(self.alias_keys)

    @property
    def connector(self) -> str:
        """The name of the connector that parsed it."""
        return self.channel

    @property
    def dismissed(self) -> str:
        """Why the event is only counted and gets no letter; "" if it is to be handled."""
        if self.renames:
            return ""
        return self.dismissal or DISMISSED.get(self.kind, "")

    def to_json(self) -> dict[str, Any]:
        """Return the event as plain JSON, with the same field names for all channels."""
        return {
            "kind": str(self.kind),
            "key": self.key,
            "channel": self.channel,
            "account": self.account,
            "object_id": self.object_id,
            "verb": self.verb,
            "version": self.version or None,
            **({"group": self.group} if self.group else {}),
            "thread": self.thread,
            **({"thread_kind": self.thread_kind} if self.thread_kind else {}),
            "visibility": str(self.visibility),
            "author": None
            if self.author is None
            else {name: getattr(self.author, name) or None for name in Author.__slots__},
            "own": self.own,
            "text": self.text,
            "occurred_at": written_moment(self.occurred_at),
            "attachments": [item.to_json() for item in self.attachments],
            "reply_to": self.reply_to or None,
            "language": self.language or None,
            "subject": self.subject or None,
            "complete": self.complete,
            "no_automatic_reply": self.no_automatic_reply or None,
            "facts": dict(self.facts),
            "stars": self.stars or None,
            "attention": self.attention or None,
            "echo_of": self.echo_of or None,
            "dismissal": self.dismissal or None,
            **({"suspicion": self.suspicion} if self.suspicion else {}),
            "aliases": list(self.aliases),
            **({"choice": dict(self.choice.to_json())} if self.choice else {}),
            **({"came_by": self.came_by} if self.came_by else {}),
            "keep": dict(self.keep),
            **({"stored": self.stored} if self.stored else {}),
            **self.unknown,
        }

    def __repr__(self) -> str:
        return f"Event({self.channel}, {self.kind}, {digest(self.key)[:12]})"


def event_from_json(data: Mapping[str, Any]) -> Event:
    """Return the event written by `to_json` in this or another version. Raises `PayloadError` for anything else.

    A missing field has its default; an unknown one is kept, but dropped within an author or an attachment.
    """
    try:
        given: dict[str, Any] = {name: data[name] for name in WRITTEN if data.get(name) is not None}
        given |= {name: read(given[name]) for name, read in READERS.items() if name in given}
        unknown = {name: value for name, value in data.items() if name not in WRITTEN and name not in DERIVED}
        return Event(**given, raw=data.get("raw", {}), unknown=unknown)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"not an event: {type(error).__name__}"
        raise PayloadError(msg) from None


def _author(data: Mapping[str, Any]) -> Author:
    return Author(**{name: data.get(name) or "" for name in Author.__slots__})


def attachment_from_json(data: Mapping[str, Any]) -> Attachment:
    """Return the attachment written by `Attachment.to_json`."""
    url, number, name, kind = (str(data.get(each) or "") for each in ("url", "id", "name", "type"))
    return Attachment(AttachmentKind(data["kind"]), url, number, name, kind)


DERIVED = frozenset({"key", "raw"})
WRITTEN = frozenset(Event.__slots__) - {"raw", "unknown"}
READERS: Mapping[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "visibility": Visibility,
    "author": _author,
    "occurred_at": datetime.fromisoformat,
    "attachments": lambda items: tuple(attachment_from_json(item) for item in items),
    "aliases": tuple,
    "facts": dict,
    "keep": dict,
    "stars": int,
    "choice": choice_from_json,
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A fragment of a genuine delivery that a connector could not read: it is parked, the rest is handled."""

    reason: str
    fragment: object

    def __repr__(self) -> str:
        return f"Unreadable({self.reason})"

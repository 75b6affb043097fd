"""Notices: what an incident has to say in its own ticket, and in the conversations of its members."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from deskwire.model.values import dataclass, field

from .errors import PayloadError
from .events import Visibility, is_given
from .keys import compose, digest

PLACE = "incident"  # the keys of incidents' own threads begin so: no channel has this name


class Purpose(StrEnum):
    """What a notice is for."""

    OPENED = "opened"  # opens the incident's ticket
    NOTE = "note"  # a note in the incident's ticket
    JOINED = "joined"  # a member's ticket belongs to the incident
    UPDATE = "update"  # is said to a member


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that an incident says in one thread.

    `channel` and `account` name a connection of the incident's; `thread` is the key of the thread it is for. `number`
    tells the updates, and the notes, of one incident apart. `words` are for the ticket; `texts` are said to the
    customer, by language, and `default` is the language of those whose own is not among them. `language` is what the
    member wrote in, as far as it was recognised. `unknown` holds the fields that a newer version wrote.
    """

    incident: str
    purpose: Purpose
    number: int = 0
    channel: str
    account: str
    thread: str
    subject: str = ""
    words: str = ""
    priority: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    language: str = ""
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        is_given(self, "incident", "channel", "thread")
        if bool(self.texts) != (self.purpose is Purpose.UPDATE) or (self.texts and self.default not in self.texts):
            raise PayloadError("an update has texts, one of them in its default language, and nothing else has any")

    @property
    def key(self) -> str:
        """The same for each redelivery of this notice, another for every other one."""
        return compose(PLACE, self.incident, str(self.purpose), str(self.number), digest(self.thread)[:16])

    @property
    def thread_key(self) -> str:
        """The thread that it is for."""
        return self.thread

    @property
    def visibility(self) -> Visibility:
        """Who can read the incident's own ticket."""
        return Visibility.PRIVATE

    @property
    def tag(self) -> str:
        """The tag of every ticket of the incident."""
        return f"{PLACE}-{self.incident}"

    @property
    def own(self) -> bool:
        """Whether we did it ourselves."""
        return True

    @property
    def connector(self) -> str:
        """The channel of its connection."""
        return self.channel

    @property
    def kind(self) -> str:
        """What it is called in counts and logs."""
        return PLACE

    @property
    def dismissed(self) -> str:
        """Nothing is to be done without it being recorded."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the notice as plain JSON."""
        written = {name: getattr(self, name) for name in sorted(WRITTEN)}
        return {**written, "purpose": str(self.purpose), "texts": dict(self.texts), "key": self.key, **self.unknown}

    def __repr__(self) -> str:
        return f"Notice({self.incident}, {self.purpose}, {digest(self.key)[:12]})"


def notice_from_json(data: Mapping[str, Any]) -> Notice:
    """Return the notice that `to_json` wrote, in this or another version. Raises `PayloadError` for anything else."""
    try:
        given: dict[str, Any] = {name: data[name] for name in WRITTEN if data.get(name) is not None}
        given |= {"purpose": Purpose(given["purpose"]), "texts": dict(given.get("texts", {}))}
        unknown = {name: value for name, value in data.items() if name not in WRITTEN and name not in {"key", "raw"}}
        return Notice(**given, raw=data.get("raw", {}), unknown=unknown)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PayloadError(f"not a notice: {type(error).__name__}") from None


def incident_thread(incident: str) -> str:
    """Return the key of the thread whose ticket is the incident's."""
    return compose(PLACE, incident)


def is_incident(thread_key: str) -> bool:
    """Return whether a thread is an incident's own, and no customer's."""
    return thread_key.startswith(f"{PLACE}/")


WRITTEN = frozenset(Notice.__slots__) - {"raw", "unknown"}

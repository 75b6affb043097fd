"""Notices of an incident, for its own ticket and for its members' conversations."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from deskwire.model.values import dataclass, field

from .errors import PayloadError
from .events import Visibility, is_given
from .keys import compose, digest

PLACE = "incident"  # the first part of incidents' thread keys; no channel has this name


class Purpose(StrEnum):
    """The purpose of a notice."""

    OPENED = "opened"  # opens the incident's ticket
    NOTE = "note"  # a note in the incident's ticket
    JOINED = "joined"  # a member's ticket belongs to the incident
    UPDATE = "update"  # an update for a member


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice of an incident in one thread.

    `channel` and `account` name a connection of the incident; `thread` is the key of the thread it is for. `number`
    counts the updates, and the notes, of one incident. `words` are for the ticket; `texts` are for the customer, by
    language, and `default` is the language for customers whose own is missing. `language` is the one that the member
    wrote in, if it was recognised. `unknown` holds the fields of a newer version.
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
        """The notice's key: the same for each redelivery, different for every other notice."""
        return compose(PLACE, self.incident, str(self.purpose), str(self.number), digest(self.thread)[:16])

    @property
    def thread_key(self) -> str:
        """The key of the thread it is for."""
        return self.thread

    @property
    def visibility(self) -> Visibility:
        """The visibility of the incident's own ticket."""
        return Visibility.PRIVATE

    @property
    def tag(self) -> str:
        """The tag of every ticket of the incident."""
        return f"{PLACE}-{self.incident}"

    @property
    def own(self) -> bool:
        """Whether it is our own; always so."""
        return True

    @property
    def connector(self) -> str:
        """The channel of its connection."""
        return self.channel

    @property
    def kind(self) -> str:
        """Its name in metrics and logs."""
        return PLACE

    @property
    def dismissed(self) -> str:
        """Always "": a notice is never dismissed."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the notice as plain JSON."""
        written = {name: getattr(self, name) for name in sorted(WRITTEN)}
        return {**written, "purpose": str(self.purpose), "texts": dict(self.texts), "key": self.key, **self.unknown}

    def __repr__(self) -> str:
        return f"Notice({self.incident}, {self.purpose}, {digest(self.key)[:12]})"


def notice_from_json(data: Mapping[str, Any]) -> Notice:
    """Return the notice written by `to_json` in this or another version. Raises `PayloadError` for anything else."""
    try:
        given: dict[str, Any] = {name: data[name] for name in WRITTEN if data.get(name) is not None}
        given |= {"purpose": Purpose(given["purpose"]), "texts": dict(given.get("texts", {}))}
        unknown = {name: value for name, value in data.items() if name not in WRITTEN and name not in {"key", "raw"}}
        return Notice(**given, raw=data.get("raw", {}), unknown=unknown)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PayloadError(f"not a notice: {type(error).__name__}") from None


def incident_thread(incident: str) -> str:
    """Return the key of an incident's own thread."""
    return compose(PLACE, incident)


def is_incident(thread_key: str) -> bool:
    """Return whether a thread is an incident's own."""
    return thread_key.startswith(f"{PLACE}/")


WRITTEN = frozenset(Notice.__slots__) - {"raw", "unknown"}

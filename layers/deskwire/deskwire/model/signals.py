"""Signals: a helpdesk's notices that something happened in a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from deskwire.model.values import dataclass, field

from .errors import PayloadError
from .events import Event, attachment_from_json, in_utc, is_given, written_moment
from .keys import ADD, compose, digest
from .notices import Notice
from .tickets import AgentReply


class About(StrEnum):
    """The subject of a signal."""

    TICKET = "ticket"  # an agent may have answered in this ticket: read its replies
    ANSWER = "answer"  # an agent answered; the words are in the signal
    STATUS = "status"  # the ticket's status or assignee changed
    OTHER = "other"  # nothing that concerns us; `reason` says what


class Status(StrEnum):
    """The status of a ticket. REOPENED: it is open, which matters only after it was solved."""

    SOLVED = "solved"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Assignee:
    """The agent assigned to a ticket: the helpdesk's id ("": unassigned), and the name if it is stated."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One thing that happened in a ticket, as parsed by the connector `helpdesk`.

    `account` is the helpdesk's name in deskwire.yaml; the framework fills it in. `object_id` is the helpdesk's id of
    what happened, the same for every redelivery; `version` distinguishes signals with the same id. `own`: we did it
    ourselves. `answer`: what an agent wrote, for `About.ANSWER`. `status`, `assignee`: the ticket's, None if not
    stated; a signal with `About.TICKET` may have them, too, if one poll shows both. `unknown` holds the fields of a
    newer version that this one does not know, `raw` the helpdesk's own fragment.
    """

    helpdesk: str
    account: str = ""
    about: About = About.TICKET
    object_id: str
    version: str = ""
    ticket: str
    own: bool = False
    answer: AgentReply | None = None
    status: Status | None = None
    assignee: Assignee | None = None
    reason: str = ""
    occurred_at: datetime | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        is_given(self, "helpdesk", "object_id", "ticket")
        in_utc(self, "occurred_at")
        if (self.answer is not None) != (self.about is About.ANSWER):
            raise PayloadError("a signal about an answer holds it, and no other does")
        if self.stands if self.about in {About.ANSWER, About.OTHER} else self.about is About.STATUS and not self.stands:
            raise PayloadError("a signal about a status holds it; of the others, one about a ticket alone may")
        if self.answer is not None and (self.answer.ticket != self.ticket or not self.answer.id):
            raise PayloadError("a signalled answer has an id, and is of the signal's ticket")

    @property
    def stands(self) -> bool:
        """Whether it states the ticket's status or assignee."""
        return self.status is not None or self.assignee is not None

    @property
    def key(self) -> str:
        """The signal's key: the same for each redelivery, different for every other signal."""
        return compose(self.helpdesk, self.account, self.object_id, ADD, self.version)

    @property
    def thread_key(self) -> str:
        """A key for the ticket, unique over all helpdesks, used until the ticket's thread is found."""
        return compose(self.helpdesk, self.account, self.ticket)

    @property
    def connector(self) -> str:
        """The name of the connector that parsed it."""
        return self.helpdesk

    @property
    def kind(self) -> str:
        """Its name in metrics and logs."""
        return str(self.about)

    @property
    def dismissed(self) -> str:
        """Why the signal is only counted and gets no letter; "" if it is to be handled."""
        if self.own:
            return "own"
        if self.answer is not None and not self.answer.public:
            return "an internal note"
        return (self.reason or "unknown kind") if self.about is About.OTHER else ""

    def to_json(self) -> dict[str, Any]:
        """Return the signal as plain JSON."""
        return {
            "about": str(self.about),
            "key": self.key,
            "helpdesk": self.helpdesk,
            "account": self.account,
            "object_id": self.object_id,
            "version": self.version or None,
            "ticket": self.ticket,
            "own": self.own,
            "answer": None if self.answer is None else _answer_to_json(self.answer),
            "status": None if self.status is None else str(self.status),
            **({} if self.assignee is None else {"assignee": {"id": self.assignee.id, "name": self.assignee.name}}),
            "reason": self.reason or None,
            "occurred_at": written_moment(self.occurred_at),
            **self.unknown,
        }

    def __repr__(self) -> str:
        return f"Signal({self.helpdesk}, {self.about}, {digest(self.key)[:12]})"


def shown_as(*, solved: bool, agent: str, name: str = "") -> dict[str, Any]:
    """Return a signal's fields for a ticket's status and assignee; `agent` is "" if it is unassigned."""
    return {"status": Status.SOLVED if solved else Status.REOPENED, "assignee": Assignee(agent, name if agent else "")}


Happened: TypeAlias = Event | Signal | Notice


def signal_from_json(data: Mapping[str, Any]) -> Signal:
    """Return the signal written by `to_json` in this or another version. Raises `PayloadError` for anything else."""
    try:
        given: dict[str, Any] = {name: data[name] for name in WRITTEN if data.get(name) is not None}
        given |= {name: read(given[name]) for name, read in READERS.items() if name in given}
        unknown = {name: value for name, value in data.items() if name not in WRITTEN and name not in DERIVED}
        return Signal(**given, raw=data.get("raw", {}), unknown=unknown)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PayloadError(f"not a signal: {type(error).__name__}") from None


def signal_of_event(data: Mapping[str, Any]) -> Signal:
    """Return the signal that an older version wrote as an event's JSON. Raises `PayloadError`."""
    told = data.get("kind") == About.TICKET
    names = {"helpdesk": "channel", "ticket": "thread", "reason": "text"}
    kept = {name: data.get(name) for name in ("account", "object_id", "version", "own", "occurred_at")}
    renamed = {name: data.get(old) for name, old in names.items()}
    return signal_from_json({**kept, **renamed, "about": About.TICKET if told else About.OTHER})


def _answer_to_json(answer: AgentReply) -> dict[str, Any]:
    return {
        "id": answer.id,
        "order": answer.order,
        "ticket": answer.ticket,
        "text": answer.text,
        "author": answer.author,
        "written_at": written_moment(answer.written_at),
        "attachments": [each.to_json() for each in answer.attachments],
        "withheld": answer.withheld or None,
        "public": answer.public,
    }


def _answer_from_json(data: Mapping[str, Any]) -> AgentReply:
    given = {name: data[name] for name in AgentReply.__slots__ if data.get(name) is not None}
    written_at = data.get("written_at")
    return AgentReply(
        **given
        | {
            "written_at": None if written_at is None else datetime.fromisoformat(written_at),
            "attachments": tuple(attachment_from_json(each) for each in given.get("attachments", ())),
        }
    )


DERIVED = frozenset({"key", "raw"})
WRITTEN = frozenset(Signal.__slots__) - {"raw", "unknown"}
READERS: Mapping[str, Any] = {
    "about": About,
    "answer": _answer_from_json,
    "status": Status,
    "assignee": lambda data: Assignee(data["id"], data.get("name", "")),
    "occurred_at": datetime.fromisoformat,
}

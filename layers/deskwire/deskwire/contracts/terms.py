"""A channel's rules as dated data, and the permit that a sender needs.

Every figure says where it was read and when. `Terms.permit` is the only maker of a `Permit`, and a connector's
`send` takes one: what the platform's rules forbid cannot be expressed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from deskwire.model.events import Visibility

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
class Sending:
    """What may be sent into a thread of one visibility.

    `window` is the time after the customer's last message in which anything may be sent (None: no limit);
    `human_window` the longer one for what a person wrote. `automatic`: whether the platform allows an automatic
    answer there at all.
    """

    text: Figure[TextLimit]
    automatic: Figure[bool]
    window: Figure[timedelta | None]
    human_window: Figure[timedelta | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rules of one platform."""

    sending: dict[Visibility, Sending] = field(default_factory=dict)
    body_limit: Figure[int]  # bytes of the largest delivery we take
    deadline: Figure[timedelta]  # in which a delivery is to be answered
    redelivery: Figure[timedelta]  # how long the platform repeats what we did not answer
    api_version: Figure[str] | None = None
    sunset: Figure[date] | None = None  # when that version ends
    figures: dict[str, Figure[object]] = field(default_factory=dict)  # further ones, by name

    def permit(
        self, visibility: Visibility, *, automatic: bool, last_inbound: datetime | None, now: datetime
    ) -> Permit | Refusal:
        """Return leave to send now, or why not. `last_inbound` is when the customer last wrote (None: never)."""
        rules = self.sending.get(visibility)
        if rules is None:
            return Refusal(f"nothing can be sent to a {visibility} thread of this channel")
        if automatic and not rules.automatic.value:
            return Refusal(f"the platform allows no automatic answer in a {visibility} thread")
        window = rules.window.value
        if window is None:
            return Permit(_GRANT, rules.text.value, human=False)
        age = None if last_inbound is None else now - last_inbound
        if age is not None and age <= window:
            return Permit(_GRANT, rules.text.value, human=False)
        longer = rules.human_window.value if rules.human_window and not automatic else None
        if age is not None and longer is not None and age <= longer:
            return Permit(_GRANT, rules.text.value, human=True)
        limit = longer or window
        return Refusal(
            f"the customer's last message is older than the {_span(limit)} in which the platform takes an answer"
        )


def _span(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours} hours" if hours <= 48 else f"{hours // 24} days"


_GRANT = object()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one message now. `human`: only as a person's late answer (Meta's HUMAN_AGENT tag)."""

    grant: object = field(repr=False)
    limit: TextLimit
    human: bool

    def __post_init__(self) -> None:
        if self.grant is not _GRANT:
            msg = "a permit is made by Terms.permit alone"
            raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing may be sent, in words for the agent."""

    reason: str

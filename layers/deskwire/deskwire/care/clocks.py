"""Within which time a waiting customer is answered, by the company's own rules, and what follows where they are not.

Pure: the caller brings the time and how the message was judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .hours import Hours
from .judge import HOT_KINDS

UNHURRIED = frozenset({"praise"})  # needs no answer by a certain time
MOST_MINUTES = 30 * 24 * 60

TimedKind = Literal["hot", "complaint", "urgent", "outage", "question", "mention"]
Priority = Literal["low", "normal", "high", "urgent"]
Word = Annotated[str, Field(pattern=r"^[^\s,]{1,60}$", description="A tag, without spaces.")]
Name = Annotated[str, Field(max_length=100)]


class AnswerWithin(BaseModel):
    """One rule: for these messages, an answer is due within this time."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    minutes: int = Field(ge=1, le=MOST_MINUTES, description="Minutes within which a customer is to be answered.")
    lead_minutes: int | None = Field(
        None,
        ge=1,
        le=MOST_MINUTES,
        description="Minutes before its end at which the ticket gets a note; left out: a quarter of the time.",
    )
    hours: Literal["open", "always"] = Field(
        "open", description="open: opening hours alone count; always: around the clock."
    )
    channels: tuple[str, ...] = Field((), description="On these channels alone; left out: on all.")
    kinds: tuple[TimedKind, ...] = Field(
        (), description="For messages judged so alone; hot stands for complaint, urgent and outage. Left out: for all."
    )

    @model_validator(mode="after")
    def _warns_in_between(self) -> AnswerWithin:
        if self.lead_minutes is not None and self.lead_minutes >= self.minutes:
            raise ValueError(f"lead_minutes ({self.lead_minutes}) must be less than minutes ({self.minutes})")
        return self

    @property
    def judged(self) -> frozenset[str]:
        """The kinds that it is for; empty for all."""
        return frozenset(each for kind in self.kinds for each in (HOT_KINDS if kind == "hot" else (kind,)))

    @property
    def lead(self) -> timedelta:
        """How long before the end the agents are reminded."""
        minutes = self.minutes / 4 if self.lead_minutes is None else self.lead_minutes
        return timedelta(minutes=minutes)

    def fits(self, channel: str, kind: str) -> bool:
        """Return whether it is for messages of this kind on this channel."""
        return (not self.channels or channel in self.channels) and (not self.kinds or kind in self.judged)

    def takes_all_of(self, other: AnswerWithin) -> bool:
        """Return whether each message that the other is for fits this one."""
        channels = not self.channels or (bool(other.channels) and set(other.channels) <= set(self.channels))
        return channels and (not self.kinds or (bool(other.kinds) and other.judged <= self.judged))


class Escalation(BaseModel):
    """What follows in the ticket before and after the time to answer has run out, each once."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    due_tags: tuple[Word, ...] = Field(("answer-due",), description="Tags of a ticket whose time is soon to run out.")
    tags: tuple[Word, ...] = Field(("answer-overdue",), description="Tags of a ticket whose time has run out.")
    priority: Priority | None = Field(None, description="The priority that it is raised to; left out: as it is.")
    group: Name = Field(
        "",
        description="The group that it goes to, as the helpdesk calls it: Zendesk's or Freshdesk's id, Request "
        "Tracker's queue.",
    )
    assignee: Name = Field("", description="The agent whom it goes to, likewise: an id, or in Request Tracker a name.")
    call: Literal["none", "hot", "all"] = Field(
        "none", description="Whether the topic of the alarms gets a line: never, for what is hot, or for all."
    )

    def calls(self, kind: str) -> bool:
        """Return whether the people on call are told of a message of this kind."""
        return self.call == "all" or (self.call == "hot" and kind in HOT_KINDS)


def unreachable(rules: Sequence[AnswerWithin]) -> str:
    """Return which rule no message ever comes to, and why; an empty text where there is none."""
    for number, rule in enumerate(rules):
        for before, earlier in enumerate(rules[:number]):
            if earlier.takes_all_of(rule):
                return (
                    f"answer_within: rule {number + 1} is never reached, rule {before + 1} takes all of its messages; "
                    "the first that fits counts, so write the special ones first"
                )
    return ""


def rule_for(rules: Sequence[AnswerWithin], channel: str, kind: str) -> AnswerWithin | None:
    """Return the first rule for such a message; None if no answer to it is due."""
    if kind in UNHURRIED:
        return None
    return next((rule for rule in rules if rule.fits(channel, kind)), None)


def ends(rule: AnswerWithin, hours: Hours, since: datetime) -> tuple[datetime, datetime] | None:
    """Return when the agents are reminded and when an answer is overdue; None: not within a year."""
    span = timedelta(minutes=rule.minutes)
    if rule.hours == "always":
        return since + span - rule.lead, since + span
    due, overdue = hours.after(since, span - rule.lead), hours.after(since, span)
    return None if due is None or overdue is None else (due, overdue)

"""Whether a message is acknowledged, and in which words. Pure: the caller brings the time and what is known.

Promise 4 of the plan lives here: at most once per thread and quiet period, only where the platform's rules allow
it, never to ourselves, to a machine, to who opted out, or outside the window. That it is *sent* at most once is the
caller's: it records `acknowledged_at` before it sends.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.events import Event, Kind

from .addresses import no_person
from .answers import Given
from .languages import Language, among, detect
from .measure import cut, measure
from .policy import Policy
from .promising import sentence
from .texts import USUAL_WAIT, Texts, Wording, opening, render
from .words import unaccented

COMMAND = re.compile(r"[\W_]*/")  # a command of a bot's, whatever stands before it


class Reason(StrEnum):
    """Why nothing is said."""

    OWN = "own"  # the account itself wrote it
    NO_MESSAGE = "no_message"  # an edit, a deletion, a reaction, a receipt …
    NO_PERSON = "no_person"  # the address is a machine's, or our own
    MARKED = "marked"  # the channel says: standby, automated, a bot …
    OPTING = "opting"  # it is the word that turns automatic answers off or on
    OPTED_OUT = "opted_out"
    SWITCHED_OFF = "switched_off"  # by the policy, for this visibility
    QUIET = "quiet"  # acknowledged a short time ago
    ATTENDED = "attended"  # a person answered a short time ago
    BUDGET = "budget"  # too many automatic answers in this thread, or to this unproved address
    LATE = "late"  # the message is old
    FORBIDDEN = "forbidden"  # the platform's rules
    NO_TEXT = "no_text"  # the policy has no words for this
    ASIDE = "aside"  # it gets no ticket, and no thanks either


class Opting(StrEnum):
    """What a person asks with a single word."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The facts that the decision to acknowledge an event is based on, once it is filed or set aside.

    `permit` is the contract's answer for an automatic message now; `acknowledged_at` and `answered_at` are when this
    thread last got an acknowledgement and an agent's reply; `automatic_replies` counts what was sent into it
    automatically in the last 24 hours. `praised`: the message may be thanked for, and the conversation holds nothing
    hot. `aside`: it gets no ticket. `answer` is the declared answer to it. `incident`: it is about an incident that is
    open. `usual_wait`: within how many seconds customers of its hour are usually answered, where that is known. `ours`
    are the company's own addresses.
    """

    event: Event
    permit: Permit | Refusal
    reference: str
    opted_out: bool = False
    acknowledged_at: datetime | None = None
    answered_at: datetime | None = None
    automatic_replies: int = 0
    praised: bool = False
    incident: bool = False
    aside: bool = False
    answer: Given | None = None
    usual_wait: int = 0
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The acknowledgement to send. `closed`: it is outside business hours. `answer` names the declared answer in it."""

    text: str
    language: str
    closed: bool = False
    answer: str = ""

    def __repr__(self) -> str:
        return f"Acknowledge({self.language}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Say nothing. `detail` is for the person who asks why; it holds nothing of the customer's."""

    reason: Reason
    detail: str = ""


def opting(text: str, policy: Policy) -> Opting | None:
    """Return what the whole message asks for: no more automatic answers, automatic answers again, or neither."""
    if len(text) > 120:
        return None
    said = unaccented(text)
    if said and said in policy.opting_out:
        return Opting.OUT
    # A messenger's button writes “/start” when a chat with a bot begins: that is no wish for automatic answers.
    command = COMMAND.match(unicodedata.normalize("NFKC", text)) is not None
    return Opting.IN if said and said in policy.opting_in and not command else None


def acknowledgement(situation: Situation, policy: Policy, now: datetime) -> Acknowledge | Suppressed:
    """Return what to say to the customer, or why nothing is said: the first reason that holds, in Reason's order."""
    objection = _of_the_event(situation.event, policy, situation.ours) or _of_the_thread(situation, policy, now)
    if objection is not None:
        return objection
    if isinstance(situation.permit, Refusal):
        return Suppressed(Reason.FORBIDDEN, situation.permit.reason)
    return _answer(situation, situation.permit, policy, now) or _words(situation, situation.permit, policy, now)


def agrees(text: str, policy: Policy) -> bool:
    """Return whether the whole message says yes to “was that it?”."""
    return len(text) <= 120 and (unaccented(text) or text.strip()) in policy.agreeing


def _of_the_event(event: Event, policy: Policy, ours: frozenset[str]) -> Suppressed | None:
    if event.own:
        return Suppressed(Reason.OWN)
    if event.kind is not Kind.MESSAGE:
        return Suppressed(Reason.NO_MESSAGE, str(event.kind))
    if event.author is not None and event.author.email and no_person(event.author.email, ours):
        return Suppressed(Reason.NO_PERSON)
    if event.no_automatic_reply:
        return Suppressed(Reason.MARKED, event.no_automatic_reply)
    if opting(event.text, policy) is not None:
        return Suppressed(Reason.OPTING)
    return None


def _of_the_thread(situation: Situation, policy: Policy, now: datetime) -> Suppressed | None:
    event = situation.event
    if situation.opted_out:
        return Suppressed(Reason.OPTED_OUT)
    if situation.aside and not _thanks(situation, policy):
        return Suppressed(Reason.ASIDE)
    said = _thanks(situation, policy) or _asking(situation, policy)
    if not policy.acknowledges(event.visibility) and not said:
        return Suppressed(Reason.SWITCHED_OFF, str(event.visibility))
    if situation.acknowledged_at is not None and now - situation.acknowledged_at < policy.quiet:
        return Suppressed(Reason.QUIET)
    if situation.answered_at is not None and now - situation.answered_at < policy.quiet:
        return Suppressed(Reason.ATTENDED)
    if situation.automatic_replies >= policy.replies_per_day:
        return Suppressed(Reason.BUDGET)
    if event.occurred_at is not None and now - event.occurred_at > policy.late:
        return Suppressed(Reason.LATE)
    return None


def _words(situation: Situation, permit: Permit, policy: Policy, now: datetime) -> Acknowledge | Suppressed:
    event = situation.event
    texts = policy.judging.thanks if _thanks(situation, policy) else policy.texts
    if situation.incident and policy.incident.of(event.visibility):
        texts = policy.incident
    language = _language(event, texts)
    chosen = texts.choose(event.visibility, language, policy.default_language)
    if chosen is None:
        return Suppressed(Reason.NO_TEXT, str(event.visibility))
    tag, wording = chosen
    usual = sentence(tag, situation.usual_wait) if situation.usual_wait else ""
    text, closed = worded(wording, situation.reference, policy, now, usual)
    if not text:
        return Suppressed(Reason.NO_TEXT, f"a placeholder of texts.{event.visibility}.{tag} has no value")
    return Acknowledge(cut(text, permit.limit.most, permit.limit.unit), tag, closed)


def _answer(situation: Situation, permit: Permit, policy: Policy, now: datetime) -> Acknowledge | None:
    """Return the declared answer with “was that it?”; None where there is none, or not all of it can be said."""
    given, asking = situation.answer, _asking(situation, policy)
    if given is None or asking is None:
        return None
    asked, closed = worded(asking, situation.reference, policy, now)
    text = f"{given.text}\n\n{asked}"
    if asked is None or measure(text, permit.limit.unit) > permit.limit.most:
        return None
    return Acknowledge(text, given.language, closed, given.name)


def _asking(situation: Situation, policy: Policy) -> Wording | None:
    """Return the policy's “was that it?” in the answer's language."""
    if situation.answer is None:
        return None
    asking = policy.answering.ask.of(situation.event.visibility)
    return asking.get(among(Language(situation.answer.language), asking) or "")


def worded(
    wording: Wording, reference: str, policy: Policy, now: datetime, usual_wait: str = ""
) -> tuple[str | None, bool]:
    """Return a text of the company's as it is said now, and whether it is the one for closed hours.

    The text is None if one of its placeholders has no value.
    """
    closed = not policy.hours.is_open(now)
    values = {"reference": reference, "company": policy.company, USUAL_WAIT: usual_wait}
    template = wording.closed if closed else wording.open
    if "opens_" in template and (opens := policy.hours.next_opening(now)) is not None:
        values |= opening(opens)
    return render(template, values), closed


def _thanks(situation: Situation, policy: Policy) -> bool:
    """Return whether thanks are said in place of the acknowledgement."""
    return situation.praised and bool(policy.judging.thanks.of(situation.event.visibility))


def _language(event: Event, texts: Texts) -> Language | None:
    """Detect only where there is a choice: the model is not loaded for a company of one language."""
    offered = texts.of(event.visibility)
    return detect(event.text, event.language or None, offered) if len(offered) > 1 else None

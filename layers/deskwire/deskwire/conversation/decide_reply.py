"""Decide about an agent's reply: send it, skip it, tell the agent why not, or wait. Pure, as `decide` is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskwire.care.quotation import quoted_line
from deskwire.contracts.terms import Permit, Refusal
from deskwire.model.events import Visibility
from deskwire.model.tickets import AgentReply
from deskwire.timing import REMEMBERED

from . import wording
from .spoken import Writer
from .table import seconds
from .thread import Thread

RECENT = timedelta(days=1)
TYPING = 120  # seconds: an agent may have been writing for so long without noticing what arrived meanwhile
PATIENCE = 900  # seconds for which a reply is retried while the platform cannot take it; then the agent is told
ENDED = frozenset({"sent", "refused", "unknown", "undelivered"})  # final states; the last by a delivery report


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How sending ended: `failed` (certainly not sent, may be retried), `refused` or `unknown`."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A reply with everything that the decision depends on.

    `ticket`: the ticket it was read on; `signalled_at`: when the helpdesk signalled it. `text`: the words to send;
    `files`: it has files that can be sent; `unsure`: the words may be meant for the customer alone. `matters`: the
    kinds of private matters that hold it back. `to`: the writer whom a private answer in a public thread names. `link`:
    post a one-time link in its place, with this permit; `offered`: an earlier link is still good. `repeated`: this turn
    has handled it already, on a ticket that was merged into this one. `state`, `first_at` (Unix seconds): the record of
    earlier attempts, "" and 0 if there is none. `attempt`: how the sending ended that this turn has just tried.
    """

    reply: AgentReply
    ticket: str
    signalled_at: datetime
    thread: Thread
    visibility: Visibility
    permit: Permit | Refusal
    now: datetime
    text: str
    files: bool = False
    unsure: bool = False
    matters: tuple[str, ...] = ()
    to: Writer | None = None
    link: bool = False
    offered: bool = False
    repeated: bool = False
    state: str = ""
    first_at: int = 0
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send the reply, with this permit."""

    permit: Permit


@dataclass(frozen=True, slots=True)
class Skip:
    """Do nothing. `ours`: the reply belongs to this thread and has been handled."""

    ours: bool


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the agent that the reply was not sent (`refused`), or may not have been (`unknown`).

    `audience`: the reason is that the audience changed; from then on the agents know. `detail` is for the note only: it
    may name or quote people, so it is never logged. `held`: private matters hold the reply back.
    """

    state: str
    reason: str
    audience: bool = False
    detail: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again later; later replies of the thread wait as well."""

    reason: str


def decide_reply(case: Case) -> Send | Skip | Tell | Wait:
    """Return what to do with a reply."""
    if not case.reply.public or not _is_theirs(case):
        return Skip(ours=False)
    if case.repeated or case.state in ENDED:
        return Skip(ours=True)
    if case.attempt is not None:
        return _after(case, case.attempt)
    if unfit := _unfit(case):
        return unfit
    if isinstance(case.permit, Refusal):
        return Tell("refused", case.permit.reason)
    if case.state != "sending" and (late := _too_late(case)):
        return late
    return Send(case.permit)


def _too_late(case: Case) -> Tell | None:
    """Return the refusal of a reply whose link was posted already, or whose audience has changed; else None."""
    if case.link:
        return Tell("refused", wording.LINK_WAITS) if case.offered and case.state != "failed" else None
    if not _is_overtaken(case):
        return None
    private = case.visibility is Visibility.PRIVATE
    return Tell("refused", wording.overtaken(private=private), audience=True)


def _unfit(case: Case) -> Tell | None:
    """Return the refusal of a reply that must not reach the customer in this form, else None."""
    if case.reply.withheld:
        return Tell("refused", case.reply.withheld)
    if not case.text.strip() and not case.files:
        return Tell("refused", wording.WORDLESS, detail=wording.left_behind(case.reply.attachments))
    if case.visibility is Visibility.PUBLIC and (unfit := _unfit_for_all(case)):
        return unfit
    if _of_several(case) and case.to is None:
        return Tell("refused", wording.TO_WHOM, detail=wording.begin_with(case.thread.writers))
    line = quoted_line(case.text, case.thread.author)
    return Tell("refused", wording.QUOTES, detail=f"It is about this line: {line[:100]}") if line else None


def _unfit_for_all(case: Case) -> Tell | None:
    """Return the refusal of a public reply that may not be meant for everybody, else None."""
    if case.unsure:
        return Tell("refused", wording.PERHAPS_PRIVATE)
    if case.matters and case.state != "sending":  # if it was being sent, the sender asks what became of it
        return Tell("refused", wording.holds_private(case.matters), held=True)
    return None


def _of_several(case: Case) -> bool:
    """Return whether this is a private answer in a public thread with several writers."""
    thread = case.thread
    in_public = case.visibility is Visibility.PRIVATE and thread.visibility is Visibility.PUBLIC
    return in_public and len(thread.writers) > 1


def _after(case: Case, attempt: Attempt) -> Tell | Wait:
    """Return what to do after an attempt that did not succeed."""
    now = seconds(case.now)
    if attempt.state == "failed" and now - (case.first_at or now) < PATIENCE:
        return Wait(attempt.reason)
    return Tell("unknown" if attempt.state == "unknown" else "refused", attempt.reason)


def _is_theirs(case: Case) -> bool:
    """Return whether a reply is for this customer, and recent enough that a record of its sending would still exist."""
    written_at, thread = case.reply.written_at, case.thread
    if case.ticket != thread.ticket:  # an earlier ticket: older replies were sent when they were new
        return written_at is not None and case.signalled_at - written_at <= RECENT
    if written_at is None:
        return True
    # Written before this ticket was merged into another, signalled afterwards: it was meant for the other's customer.
    others = seconds(written_at) < thread.joined_at <= seconds(case.signalled_at)
    return not others and case.now - written_at <= REMEMBERED  # the record of an older one may have expired


def _is_overtaken(case: Case) -> bool:
    """Return whether the audience changed after the agent wrote this reply."""
    thread = case.thread
    if case.to is not None:
        return False
    since = thread.other_at if case.visibility is Visibility.PRIVATE else thread.public_at
    return since > 0 and seconds(case.reply.written_at or case.now) <= since + TYPING

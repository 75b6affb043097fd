"""What is done about an agent's reply, for every situation that makes a difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskwire.contracts.terms import Permit, Refusal
from deskwire.conversation.decide_reply import (
    PATIENCE,
    RECENT,
    TYPING,
    Attempt,
    Case,
    Send,
    Skip,
    Tell,
    Wait,
    decide_reply,
)  # fmt: skip
from deskwire.conversation.spoken import Writer
from deskwire.conversation.table import seconds
from deskwire.conversation.thread import Thread
from deskwire.model.events import Visibility
from deskwire.model.tickets import AgentReply
from deskwire.timing import REMEMBERED

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
PERMIT = object.__new__(Permit)
NOT_OURS, DONE = Skip(ours=False), Skip(ours=True)


def case_of(
    *,
    written_at: datetime | None = NOW - MINUTE,
    thread: dict[str, Any] | None = None,
    withheld: str = "",
    public: bool = True,
    **more: Any,
) -> Case:
    given: dict[str, Any] = {
        "ticket": "7", "signalled_at": NOW, "visibility": Visibility.PRIVATE, "permit": PERMIT, "text": "Hello",
    }  # fmt: skip
    return Case(
        reply=AgentReply(
            id="1", order=1, ticket="7", text="Hello", author="Ann", written_at=written_at, withheld=withheld,
            public=public,
        ),
        thread=Thread(pk="T#messenger/41/9", **{"ticket": "7", **(thread or {})}),
        now=NOW, **{**given, **more},
    )  # fmt: skip


def told(state, **more):
    return case_of(attempt=Attempt(state=state, reason="why"), **more)


def changed(ago, field="other_at"):
    return {field: seconds(NOW - ago)}


PUBLICLY = {"visibility": Visibility.PUBLIC}
MARTA, BOB = Writer("1", "Marta", "c1", 1), Writer("2", "Bob", "c2", 2)
SEVERAL = {"visibility": Visibility.PUBLIC, "writers": (MARTA, BOB)}
KNOWN_AS = {"author": {"id": "1", "name": "Marta Berg", "email": "marta@example.org", "phone": "+354 555 0100"}}
HELD = "it holds a telephone number, and everybody would have read it"
CASES = {
    "a reply is sent": (case_of(), Send(PERMIT)),
    "a reply without a time is sent": (case_of(written_at=None), Send(PERMIT)),
    # Whose it is.
    "a recent reply in an earlier ticket is theirs": (case_of(ticket="6", written_at=NOW - RECENT), Send(PERMIT)),
    "an old reply in an earlier ticket was sent then": (
        case_of(ticket="6", written_at=NOW - RECENT - SECOND), NOT_OURS),
    "a reply in an earlier ticket is as old as it was when it was signalled, however long its letter waited": (
        case_of(ticket="6", written_at=NOW - 3 * RECENT, signalled_at=NOW - 2 * RECENT), Send(PERMIT)),
    "one without a time in an earlier ticket is not sent": (case_of(ticket="6", written_at=None), NOT_OURS),
    "what stood in another's ticket before the merge is not theirs": (
        case_of(thread=changed(SECOND, "joined_at")), NOT_OURS),
    "what was written after the merge is theirs": (case_of(thread=changed(2 * MINUTE, "joined_at")), Send(PERMIT)),
    "what was signalled before the merge was in their own ticket": (
        case_of(thread=changed(SECOND, "joined_at"), signalled_at=NOW - 2 * SECOND), Send(PERMIT)),
    "the oldest reply whose record is still there is sent": (case_of(written_at=NOW - REMEMBERED), Send(PERMIT)),
    "one that is too old to know is not": (case_of(written_at=NOW - REMEMBERED - SECOND), NOT_OURS),
    # What is known of earlier attempts.
    "one that was sent is not sent again": (case_of(state="sent"), DONE),
    "one that was refused is not tried again": (case_of(state="refused"), DONE),
    "one of which it is unknown is not sent again": (case_of(state="unknown"), DONE),
    "one that certainly was not sent is": (case_of(state="failed"), Send(PERMIT)),
    "one that was being sent goes to the sender, which asks": (case_of(state="sending"), Send(PERMIT)),
    "one dealt with on the ticket merged into this one is done": (case_of(repeated=True), DONE),
    "one that was sent is done, though the window has closed": (case_of(state="sent", permit=Refusal("late")), DONE),
    # Whether it may be sent.
    "an internal note is never sent": (case_of(public=False), NOT_OURS),
    "outside the window the agent is told": (case_of(permit=Refusal("late")), Tell("refused", "late")),
    "where there is no private answer the agent is told": (
        case_of(permit=Refusal("no private answers"), state="failed"), Tell("refused", "no private answers")),
    "the audience is of no matter when it changed long before": (
        case_of(thread=changed(MINUTE + (TYPING + 1) * SECOND)), Send(PERMIT)),
    "a public reply is not concerned by who else writes": (case_of(thread=changed(SECOND), **PUBLICLY), Send(PERMIT)),
    "one that was being sent is not overtaken any more": (
        case_of(state="sending", thread=changed(SECOND)), Send(PERMIT)),
    "what was surely not sent, and is not to be, is not tried again": (
        case_of(state="failed", withheld="why"), Tell("refused", "why")),
    "a private answer to one of several who is named is sent, whoever wrote last": (
        case_of(thread={**SEVERAL, **changed(SECOND)}, to=MARTA), Send(PERMIT)),
    "a private answer where one alone writes is sent": (
        case_of(thread={**SEVERAL, "writers": (MARTA,)}), Send(PERMIT)),
    "in a private talk what may be meant in private is sent": (case_of(unsure=True), Send(PERMIT)),
    "an answer with the company's own telephone is sent": (
        case_of(text="Call us:\nPhone: +354 555 9999", thread=KNOWN_AS), Send(PERMIT)),
    "in public what holds private matters is held back": (
        case_of(matters=("phone",), **PUBLICLY), Tell("refused", HELD, held=True)),
    "it is, also when it was surely not sent before": (
        case_of(matters=("phone",), state="failed", **PUBLICLY), Tell("refused", HELD, held=True)),
    "in a private talk they may stand": (case_of(matters=("phone",)), Send(PERMIT)),
    "what was being sent before it would be held back goes to the sender, which asks": (
        case_of(matters=("phone",), state="sending", **PUBLICLY), Send(PERMIT)),
    # After a send.
    "what the platform cannot take now waits": (told("failed"), Wait("why")),
    "it waits as long as there is patience": (told("failed", first_at=seconds(NOW) - PATIENCE + 1), Wait("why")),
    "then the agent is told": (told("failed", first_at=seconds(NOW) - PATIENCE), Tell("refused", "why")),
    "what the platform refuses is told": (told("refused"), Tell("refused", "why")),
    "what is unknown is told as unknown": (told("unknown"), Tell("unknown", "why")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_decided(name):
    case, decision = CASES[name]
    assert decide_reply(case) == decision


@pytest.mark.parametrize(
    ("more", "words", "detail"),
    [
        ({"withheld": "it came by mail"}, "it came by mail", ""),
        ({"text": " \n"}, "no words", ""),
        ({"unsure": True, **PUBLICLY}, "#private", ""),
        ({"thread": SEVERAL}, "does not name", "“#private Marta: …” or “#private Bob: …”"),
        ({"text": "It is here.\nCustomer: Marta Berg · marta", "thread": KNOWN_AS}, "quote this ticket", "Marta Berg"),
        ({"text": "Yes\n> Phone: +354 555 0100", "thread": KNOWN_AS}, "quote this ticket", "555 0100"),
        ({"text": "Yes\n\nFrom: Ann\nSent: Monday\n\nold"}, "head of a mail", "From: Ann"),
    ],
)
def test_what_is_not_for_the_customer_stays_inside_and_the_agent_is_told_why(more, words, detail):
    decision = decide_reply(case_of(**more))
    assert isinstance(decision, Tell)
    assert decision.state == "refused"
    assert words in decision.reason
    assert detail in decision.detail
    assert "Marta" not in decision.reason  # the reason is logged


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"thread": changed(MINUTE + TYPING * SECOND)}, "somebody else"),
        ({"thread": changed(SECOND)}, "somebody else"),
        ({"thread": changed(SECOND, "public_at"), **PUBLICLY}, "in public since"),
        ({"thread": changed(SECOND), "state": "failed"}, "somebody else"),
    ],
)
def test_a_reply_that_others_would_read_now_is_not_sent_and_the_agent_is_told_why(more, words):
    decision = decide_reply(case_of(**more))
    assert isinstance(decision, Tell)
    assert (decision.state, decision.audience) == ("refused", True)
    assert words in decision.reason

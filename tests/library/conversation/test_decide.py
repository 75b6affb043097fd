"""The decision, as the pure function it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.care.policy import ClosedTickets, Policy
from deskwire.contracts.helpdesk import Abilities
from deskwire.conversation.decide import Pending, decide, end
from deskwire.conversation.recorded import Outcome, Recorded
from deskwire.conversation.thread import Thread
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.reference import reference
from deskwire.model.signals import About, Assignee, Signal, Status

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
RULE = ClosedTickets()
CAN = Abilities(native_key=False, find_open=True, find_append=True, several=True)
BUDGET = Abilities(
    native_key=False, find_open=True, find_append=True, several=True, updates=(30, timedelta(minutes=10))
)


def event(number=1, **more):
    given = {
        "channel": "messenger", "account": "41", "kind": Kind.MESSAGE, "object_id": f"m{number}", "verb": ADD,
        "thread": "9", "visibility": Visibility.PRIVATE, "text": "Hello", "occurred_at": NOW,
    }  # fmt: skip
    return Event(**(given | more))


def pending(number=1, *, state=None, **more):
    found = event(number, **more)
    message = Recorded(key=found.key, event=found, received_at=NOW.isoformat())
    return Pending(message=message, **(state or {}))


def thread(**more):
    return Thread(pk="T#messenger/41/9", **more)


def plan(*items, of=None, abilities=CAN, closed=RULE, now=NOW):
    return decide(of or thread(), items, abilities, closed, now)


def test_a_customers_message_is_filed():
    item = pending()
    assert plan(item).file == (item,)


def test_messages_filed_together_stand_in_the_customers_order():
    late, early = pending(1, occurred_at=NOW), pending(2, occurred_at=NOW - timedelta(minutes=5))
    assert plan(late, early).file == (early, late)


def test_our_own_echo_needs_nothing_and_what_a_person_typed_elsewhere_is_filed_where_there_is_a_ticket():
    assert plan(pending(own=True, state={"echo": True}), of=thread(ticket="7")).ended[0].reason == "own: sent by us"
    assert plan(pending(own=True)).ended[0].reason == "own"
    assert len(plan(pending(own=True), of=thread(ticket="7")).file) == 1


def test_what_is_gone_before_its_words_were_fetched_is_suppressed():
    assert plan(pending(state={"gone": True})).ended[0].state == Outcome.SUPPRESSED


def test_a_twin_is_merged():
    assert plan(pending(state={"twin": True})).ended[0].state == Outcome.MERGED


def test_a_deletion_of_what_was_never_filed_needs_nothing():
    gone = pending(kind=Kind.DELETION, verb="delete", text="")
    assert plan(gone).ended[0].state == Outcome.SUPPRESSED
    assert len(plan(gone, of=thread(ticket="7")).file) == 1


def test_a_helpdesks_signal_is_relayed():
    told = Signal(helpdesk="zendesk", account="acme", object_id="1", ticket="7")
    signal = Pending(message=Recorded(key=told.key, signal=told, received_at=NOW.isoformat()))
    assert plan(signal).relay == (signal.message,)
    assert plan(signal).file == ()


def test_after_the_longest_retry_an_event_is_dead():
    item = pending()
    recorded = replace(item.message, recorded_at=int(NOW.timestamp() * 1000))
    assert plan(replace(item, message=recorded), now=NOW + timedelta(days=15)).ended[0].state == Outcome.DEAD


def test_a_dead_letter_that_is_replayed_after_weeks_is_filed():
    item = pending()
    assert plan(item, now=NOW + timedelta(days=27)).file == (item,)


def test_a_thread_that_slept_gets_a_new_ticket():
    asleep = thread(ticket="7", filed_at=int((NOW - timedelta(days=15)).timestamp()))
    assert plan(pending(), of=asleep).follow_up
    assert not plan(pending(own=True), of=asleep).follow_up
    awake = thread(ticket="7", filed_at=int((NOW - timedelta(days=13)).timestamp()))
    assert not plan(pending(), of=awake).follow_up


def test_the_budget_of_updates_is_waited_for_and_the_acknowledgement_is_not():
    start = int(NOW.timestamp())
    full = thread(ticket="7", updates=tuple(start - 500 + number for number in range(28)))
    waiting = plan(pending(), of=full, abilities=BUDGET)
    assert waiting.file == ()
    assert waiting.wait == 101
    later = plan(pending(), of=full, abilities=BUDGET, now=NOW + timedelta(seconds=waiting.wait))
    assert len(later.file) == 1
    assert plan(pending(), of=full).wait == 0


def test_a_note_waits_for_nothing_but_a_ticket():
    note = Pending(message=Recorded(key="n", note="words"))
    assert plan(note, of=thread(ticket="7")).file == (note,)
    assert plan(note).ended[0].state == Outcome.SUPPRESSED


def test_receipts_and_unknown_kinds_are_dismissed_with_a_reason_and_messages_are_not():
    for kind in (Kind.RECEIPT, Kind.REACTION, Kind.STATE, Kind.OTHER):
        assert event(kind=kind).dismissed
    for kind in (Kind.MESSAGE, Kind.EDIT, Kind.DELETION):
        assert not event(kind=kind).dismissed


def test_another_id_of_the_customer_needs_a_turn_and_no_ticket_whatever_is_in_doubt():
    changed = {"kind": Kind.STATE, "author": Author("10"), "aliases": ("10",)}
    assert not event(**changed).dismissed
    assert event(**{**changed, "aliases": ("9",)}).dismissed  # the thread's own
    found = plan(pending(**changed, state={"doubtful": True}), of=thread(ticket="7"))
    assert [each.reason for each in found.ended] == ["the customer goes on under another id"]
    assert (found.file, found.doubted) == ((), ())


def test_an_end_keeps_what_is_known():
    message = end(Recorded(key="k", endpoint="e"), Outcome.FILED, ticket="7")
    assert (message.endpoint, message.ticket, message.done) == ("e", "7", True)


def test_a_reference_is_stable_readable_and_another_for_each_ticket():
    one = reference("messenger/41/9", 0)
    assert one == reference("messenger/41/9", 0)
    assert one != reference("messenger/41/9", 1)
    assert len(one) == 11
    assert not set(one) & set("ILOU")


def test_a_status_ends_at_once_and_of_an_earlier_ticket_says_nothing():
    told = Signal(helpdesk="z", account="acme", object_id="1", ticket="7", about=About.STATUS, status=Status.SOLVED)
    signal = Pending(message=Recorded(key=told.key, signal=told, received_at=NOW.isoformat()))
    assert [(each.state, each.ticket) for each in plan(signal, of=thread(ticket="7")).ended] == [(Outcome.FILED, "7")]
    assert plan(signal, of=thread(ticket="8")).ended[0].state == Outcome.SUPPRESSED


@pytest.mark.parametrize(
    ("known", "told", "reason"),
    [
        ({}, {"status": Status.SOLVED}, "the ticket was solved"),
        ({"status": "solved"}, {"status": Status.REOPENED}, "the ticket was reopened"),
        ({}, {"status": Status.REOPENED}, ""),  # it was open
        ({}, {"assignee": Assignee("5", "Agnes")}, "the ticket was assigned"),
        ({"assignee": ("5", "Agnes")}, {"assignee": Assignee("6")}, "the ticket was reassigned"),
        ({"assignee": ("5", "Agnes")}, {"assignee": Assignee("")}, "the ticket was released by its agent"),
        ({"assignee": ("", "")}, {"assignee": Assignee("5")}, "the ticket was assigned"),
        ({"assignee": ("5", "")}, {"assignee": Assignee("5", "Agnes")}, ""),
        ({}, {"status": Status.REOPENED, "assignee": Assignee("")}, ""),
        ({}, {"status": Status.SOLVED, "assignee": Assignee("5")}, "the ticket was solved and assigned"),
    ],
)
def test_what_is_new_of_how_a_ticket_stands_is_the_outcome_and_names_no_agent(known, told, reason):
    signal = Signal(helpdesk="z", account="acme", object_id="1", ticket="7", about=About.STATUS, **told)
    item = Pending(message=Recorded(key=signal.key, signal=signal, received_at=NOW.isoformat()))
    (ended,) = plan(item, of=thread(ticket="7", **known)).ended
    if reason:
        assert (ended.state, ended.reason) == (Outcome.FILED, reason)
    else:
        assert ended.state == Outcome.MERGED


def test_a_ticket_to_look_at_is_looked_at_whatever_is_said_of_how_it_stands():
    told = Signal(helpdesk="z", account="acme", object_id="1", ticket="7", status=Status.SOLVED)
    assert plan(Pending(message=Recorded(key=told.key, signal=told)), of=thread(ticket="7")).relay


def stamp(days):
    return int((NOW - timedelta(days=days)).timestamp())


@pytest.mark.parametrize(
    ("filed", "solved", "rule", "follows_up"),
    [
        (13, None, {}, False),
        (15, None, {}, True),
        (15, 3, {}, False),  # it was solved three days ago
        (15, 14.1, {}, True),
        (3, None, {"reopen_days": 2}, True),
        (300, 200, {"afterwards": "same"}, False),
    ],
)
def test_a_closed_ticket_is_opened_again_for_as_long_as_the_company_says(filed, solved, rule, follows_up):
    status = {} if solved is None else {"status": Status.SOLVED, "status_at": stamp(solved)}
    known = thread(ticket="7", filed_at=stamp(filed), **status)
    assert plan(pending(), of=known, closed=ClosedTickets(**rule)).follow_up == follows_up


def test_a_helpdesk_that_tells_when_a_ticket_was_closed_is_asked_as_it_is_looked_at():
    can = replace(CAN, tells_closing=True)
    assert not plan(pending(), of=thread(ticket="7", filed_at=stamp(300)), abilities=can).follow_up


def test_the_rule_of_before_is_read_under_its_old_name():
    policy = Policy.model_validate_json('{"reopen_days": 3}')
    assert policy.closed_tickets.reopen_days == 3
    with pytest.raises(ValueError, match="reopen_days"):
        Policy.model_validate({"reopen_days": 3, "closed_tickets": {"reopen_days": 4}})

"""A customer waits: the ticket says so before an answer is overdue, and before the platform takes none any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deskwire.care.hours import Hours
from deskwire.configuration import Connection, item
from deskwire.ports import Put
from sandbox.neighbours.neighbour import broken

from .conftest import PAGE, POLICY, START

MINUTE, HOUR, DAY = 60, 3600, 86_400
WEEK = 7 * DAY  # Messenger takes a person's answer for so long
WINDOW, DUE, OVERDUE = "takes one until", "It is due within", "should have been answered"


def rules(company, **more):
    """Give the company's connections other rules."""
    for known in company.definitions:
        if isinstance(known, Connection):
            changed = known.policy.model_validate({**POLICY, **more})
            company.table.put(Put(item(known.model_copy(update={"policy": changed}))))


def notes(company, words):
    return [comment for comment in company.comments() if words in comment]


def asks(company, text="Where is my parcel?"):
    company.deliver(company.message(text))
    company.work()


def answers(company, text="It is on its way."):
    ticket = company.zendesk.tickets[0].id
    company.zendesk.agent_replies(ticket, text)
    company.signalled(ticket, f"invocation {text}")
    company.work()


def test_a_window_that_closes_is_noted_once(company):
    asks(company)
    company.later(WEEK - HOUR - 1)
    assert notes(company, WINDOW) == []
    company.later(1)
    assert len(notes(company, WINDOW)) == 1
    assert "Messenger takes one until 2026-11-09 09:00 UTC" in notes(company, WINDOW)[0]
    company.later(DAY)
    assert len(notes(company, WINDOW)) == 1
    assert company.counted("WindowsClosing") == 1
    assert "due_at" not in company.thread()


def test_who_was_answered_waits_for_nothing(company):
    asks(company)
    company.tick(MINUTE)
    answers(company)
    assert "due_at" not in company.thread()
    company.later(WEEK - HOUR)
    assert notes(company, WINDOW) == []


def test_who_writes_again_opens_the_window_again(company):
    asks(company)
    company.later(DAY)
    asks(company, "Are you there?")
    company.later(WEEK - HOUR - DAY)
    assert notes(company, WINDOW) == []
    company.later(DAY)
    assert len(notes(company, WINDOW)) == 1


def test_the_note_comes_while_somebody_is_there_to_read_it(company):
    weekdays = ("monday", "tuesday", "wednesday", "thursday", "friday")
    rules(company, hours={"week": {day: ["10:00-16:00"] for day in weekdays}})
    asks(company)  # on a Monday at nine: the window closes before the office opens
    friday = 4 * DAY + 7 * HOUR - MINUTE  # a minute before the office closes for the weekend
    company.later(friday - 1)
    assert notes(company, WINDOW) == []
    company.later(1)
    assert len(notes(company, WINDOW)) == 1


def test_no_note_opens_a_ticket_of_its_own(company):
    asks(company)
    company.zendesk.close(company.zendesk.tickets[0].id)
    company.later(WEEK - HOUR)
    assert len(company.zendesk.tickets) == 1
    assert notes(company, WINDOW) == []
    assert "due_at" not in company.thread()


def test_a_note_that_dies_with_its_worker_comes_once(company):
    asks(company)
    company.tick(WEEK - HOUR)
    company.sweep()
    letter = company.dies_at()
    company.tick(HOUR // 2)
    company.conversation.handle(letter.body)
    company.work()
    assert len(notes(company, WINDOW)) == 1


def test_a_thread_without_a_ticket_is_reminded_of_once_it_has_one(company):
    rules(company, answer_within_minutes=60)
    company.zendesk.faults.add(broken(503), times=1_000_000)
    asks(company)
    for _ in range(12):
        company.later(5 * MINUTE)
    company.zendesk.faults.clear()
    for _ in range(6):
        company.later(5 * MINUTE)
    assert len(notes(company, "Where is my parcel?")) == 1
    assert len(notes(company, OVERDUE)) == 1


def test_an_answer_is_due_and_overdue_from_the_first_message_on(company):
    rules(company, answer_within_minutes=60)
    asks(company)
    company.later(30 * MINUTE)
    asks(company, "Are you there?")
    company.later(15 * MINUTE - 1)
    assert notes(company, DUE) == []
    company.later(1)
    assert len(notes(company, DUE)) == 1
    company.later(15 * MINUTE - 1)
    assert notes(company, OVERDUE) == []
    company.later(1)
    assert len(notes(company, OVERDUE)) == 1
    company.later(MINUTE)  # sweep writes the metrics
    assert (company.counted("AnswersDue"), company.counted("AnswersOverdue")) == (1, 1)
    answers(company)
    company.tick(HOUR)
    asks(company, "It has not come.")
    company.later(HOUR)
    assert len(notes(company, OVERDUE)) == 2


def test_a_clock_runs_in_opening_hours_alone(company):
    rules(company, answer_within_minutes=60, hours={"week": {"monday": ["09:30-10:00"], "tuesday": ["09:00-17:00"]}})
    asks(company)
    company.later(DAY + 30 * MINUTE - 1)
    assert notes(company, OVERDUE) == []
    company.later(1)
    assert len(notes(company, OVERDUE)) == 1


def test_both_can_be_switched_off(company):
    rules(company, window_note_minutes=0)
    asks(company)
    assert "due_at" not in company.thread()


def test_a_connection_that_was_removed_reminds_of_nothing(company):
    asks(company)
    company.table.items.pop((f"C#messenger/{PAGE}", "CONNECTION"))
    company.later(WEEK - HOUR)
    assert "due_at" not in company.thread()
    assert notes(company, WINDOW) == []


@pytest.mark.parametrize("public", [True, False])
def test_what_can_be_answered_at_any_time_has_no_clock(company, public):
    company.deliver(company.comment("Where is my parcel?") if public else company.message("Where is it?"))
    company.work()
    found = [kept for (_, sk), kept in company.table.items.items() if sk == "THREAD" and "timers" in kept]
    assert [("window" in kept["timers"]) for kept in found] == [not public]


def test_the_last_opening_never_lies_before_the_message():
    assert Hours(week="never").last_open(START, START - timedelta(days=1)) == START
    assert Hours().last_open(START, START + timedelta(hours=1)) == START + timedelta(hours=1)

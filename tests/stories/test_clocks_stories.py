"""By when a customer is answered: by channel, judgement and hours, and what follows where nobody does."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, item
from deskwire.model.errors import TemporaryError
from deskwire.telemetry import Telemetry
from deskwire.watching.watcher import Watcher
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.streams import StreamingTable, chosen

from .conftest import POLICY, START, Company

MINUTE, HOUR = 60, 3600
DUE, OVERDUE = "It is due within", "should have been answered"
HOT = "My parcel was stolen and I want my money back immediately, this is a scandal!"
COLD = "Where is my parcel?"
PRAISE = "Thank you so much, your team is amazing and so helpful!"
RULES = {
    "window_note_minutes": 0,
    "answer_within": [
        {"kinds": ["hot"], "minutes": 20, "lead_minutes": 5, "hours": "always"},
        {"channels": ["messenger"], "minutes": 60},
        {"minutes": 240},
    ],
    "escalation": {"priority": "urgent", "tags": ["answer-overdue", "night"], "call": "hot"},
}


class Pager:
    def __init__(self):
        self.lines = []

    def tell(self, subject, words):
        self.lines.append(f"{subject} | {words}")


class Bus:
    def __init__(self):
        self.events = []

    def publish(self, events):
        self.events += [each["Detail"] for each in events]


@pytest.fixture
def firm():
    """Return a maker of companies whose stream is read: rules beside `RULES`."""
    made = []

    def make(**more):
        clock = Clock(START, held=True)
        zendesk = Zendesk(clock)
        zendesk.__enter__()
        company = Company(clock, zendesk, {**POLICY, **RULES, **more})
        stream = StreamingTable(company.now)
        stream.items = company.table.items
        for holder in (company, company.conversation, company.directory, company.sweeper):
            object.__setattr__(holder, "table", stream)
        made.append((company, zendesk))
        return company

    yield make
    for company, zendesk in made:
        company.close()
        zendesk.__exit__(None, None, None)


def writes(company, text, **more):
    company.deliver(company.message(text, **more))
    company.work()


def notes(company, words):
    return [text for text in company.comments() if words in text]


def answers(company, text="It is on its way."):
    ticket = company.zendesk.tickets[0].id
    company.zendesk.agent_replies(ticket, text)
    company.signalled(ticket, f"invocation {text}")
    company.work()


def watched(company):
    """Have watch read the stream twice, as a redelivery does; return what bus and pager were told."""
    bus, pager = Bus(), Pager()
    watcher = Watcher(
        table=company.table, telemetry=Telemetry("test", stream=company, now=lambda: 0), bus=bus, alarms=pager
    )
    for _ in range(2):
        assert not watcher.watch(chosen(company.table.stream))
    return bus.events, pager.lines


def test_a_hot_message_has_the_shorter_clock_and_escalates_once(firm):
    company = firm()
    writes(company, HOT)
    company.later(15 * MINUTE - 1)
    assert notes(company, DUE) == []
    company.later(1)
    (ticket,) = company.zendesk.tickets
    assert len(notes(company, DUE)) == 1
    assert ("answer-due" in ticket.tags, "answer-overdue" in ticket.tags) == (True, False)
    company.later(5 * MINUTE)
    assert len(notes(company, OVERDUE)) == 1
    assert {"answer-overdue", "night"} <= set(ticket.tags)
    assert ticket.priority == "urgent"
    company.later(10 * HOUR)
    assert (len(notes(company, DUE)), len(notes(company, OVERDUE))) == (1, 1)
    events, lines = watched(company)
    assert len(lines) == 1
    assert "answer overdue on page-dm" in lines[0]
    facts = {each["id"]: each for each in events if each["fact"]}
    assert sorted((each["fact"], each["within_minutes"]) for each in facts.values()) == [
        ("answer_due", 20), ("answer_overdue", 20),
    ]  # fmt: skip
    assert all(each["ticket"] == str(ticket.id) and each["judged"] == "urgent" for each in facts.values())


def test_a_cold_one_waits_longer_and_calls_nobody(firm):
    company = firm()
    writes(company, COLD)
    company.later(HOUR - 1)
    assert notes(company, OVERDUE) == []
    company.later(1)
    assert "within 1 h of opening hours" in notes(company, OVERDUE)[0]
    assert watched(company)[1] == []


def test_a_conversation_that_becomes_hot_has_the_shorter_clock_from_then_on(firm):
    company = firm()
    writes(company, COLD)
    company.tick(10 * MINUTE)
    writes(company, HOT)
    company.later(20 * MINUTE)
    assert "judged urgent" in notes(company, OVERDUE)[0]
    company.later(2 * HOUR)
    assert len(notes(company, OVERDUE)) == 1


def test_a_hot_message_shortly_before_the_end_gives_no_more_time(firm):
    company = firm()
    writes(company, COLD)
    company.tick(50 * MINUTE)
    writes(company, HOT)
    company.later(10 * MINUTE)
    assert len(notes(company, OVERDUE)) == 1


def test_what_becomes_hot_after_its_time_ran_out_escalates_as_hot(firm):
    company = firm()
    writes(company, COLD)
    company.later(2 * HOUR)
    writes(company, HOT)
    company.later(20 * MINUTE)
    assert len(notes(company, OVERDUE)) == 2
    assert len(watched(company)[1]) == 1


def test_praise_has_no_clock_and_a_question_after_it_has_one(firm):
    company = firm()
    writes(company, PRAISE)
    assert "due_at" not in company.thread()
    company.tick(MINUTE)
    writes(company, COLD)
    company.later(HOUR)
    assert len(notes(company, OVERDUE)) == 1


@pytest.mark.parametrize("by", ["desk", "app", "solving"])
def test_an_answer_stops_the_clock_and_the_next_message_starts_it_anew(firm, by):
    company = firm()
    writes(company, COLD)
    company.tick(10 * MINUTE)
    if by == "desk":
        answers(company)
    elif by == "app":
        writes(company, "On its way.", own=True)
    else:
        (ticket,) = company.zendesk.tickets
        solved = {"type": "zen:event-type:ticket.status_changed", "id": "E1", "time": company.now().isoformat(),
                  "detail": {"id": str(ticket.id)}, "event": {"current": "SOLVED", "previous": "OPEN"}}  # fmt: skip
        company.called(solved)
        company.work()
    company.later(2 * HOUR)
    assert notes(company, OVERDUE) == []
    assert company.thread()["clock"] is None
    writes(company, "It has not come.")
    company.later(HOUR)
    assert len(notes(company, OVERDUE)) == 1


def test_other_channels_have_other_times(firm):
    company = firm()
    company.deliver(company.comment(COLD))
    company.work()
    company.later(2 * HOUR)
    assert notes(company, OVERDUE) == []
    company.later(2 * HOUR)
    assert len(notes(company, OVERDUE)) == 1


def test_a_group_and_an_agent_are_asked_for_where_the_helpdesk_can(firm):
    company = firm(escalation={"group": "4471", "assignee": "900"})
    writes(company, COLD)
    company.later(HOUR)
    (ticket,) = company.zendesk.tickets
    assert (ticket.group_id, ticket.assignee_id) == (4471, 900)


def test_a_group_that_the_helpdesk_refuses_is_told_and_the_note_stands(firm):
    company = firm(escalation={"group": "nobody"})
    writes(company, COLD)
    company.later(HOUR)
    assert len(notes(company, OVERDUE)) == 1
    assert len(notes(company, "group nobody")) == 1


def test_a_worker_that_dies_escalates_once(firm):
    company = firm()
    writes(company, HOT)
    company.tick(20 * MINUTE)
    company.sweep()
    letter = company.dies_at()
    company.tick(HOUR // 2)
    company.conversation.handle(letter.body)
    company.work()
    assert len(notes(company, OVERDUE)) == 1
    assert len(watched(company)[1]) == 1


def test_during_an_outage_people_are_called_all_the_same(firm):
    company = firm()
    writes(company, COLD)
    direct, company._direct = company._direct, _down
    writes(company, HOT)
    for _ in range(5):
        company.later(5 * MINUTE)
    assert len(watched(company)[1]) == 1
    company._direct = direct


def test_what_ran_out_while_there_was_no_ticket_is_told_as_soon_as_there_is_one(firm):
    company = firm()
    direct, company._direct = company._direct, _down
    writes(company, HOT)
    for _ in range(21):
        company.later(MINUTE)
    assert not company.comments()
    company._direct = direct
    writes(company, "Are you there?")
    company.later(MINUTE)
    assert len(notes(company, OVERDUE)) == 1


def _down(call):
    raise TemporaryError("down")


# ------------------------------------------------------------------------------------------------------ the rules


def test_what_an_earlier_version_wrote_is_read_as_a_rule():
    assert [each.minutes for each in Policy.model_validate({"answer_within_minutes": 60}).answer_within] == [60]
    assert Policy.model_validate({"answer_within_minutes": 0}).answer_within == ()


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([{"minutes": 60}, {"minutes": 20, "kinds": ["hot"]}], "rule 2 is never reached"),
        ([{"minutes": 60, "kinds": ["hot"]}, {"minutes": 20, "kinds": ["outage"]}], "rule 2 is never reached"),
        ([{"minutes": 60, "lead_minutes": 60}], "must be less than minutes"),
        ([{"minutes": 0}], "greater than or equal to 1"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rules, reason):
    with pytest.raises(ValidationError, match=reason):
        Policy.model_validate({"answer_within": rules})


def test_a_clock_of_a_thread_that_an_earlier_version_wrote_still_runs_out(firm):
    company = firm()
    writes(company, COLD)
    company.thread().pop("clock")
    company.later(HOUR)
    assert len(notes(company, OVERDUE)) == 1


def test_every_connection_is_written_with_its_rules():
    policy = Policy.model_validate({**POLICY, **RULES})
    definition = Connection(name="a", channel="messenger", account="1", endpoint="meta", helpdesk="acme", policy=policy)
    assert Connection.read(item(definition)["definition"]).policy == policy


def test_noise_sets_no_clock_for_the_question_that_is_worked_on_with_it(firm):
    """The worker that took the noise died: the next one finds both, and the time runs from the question."""
    company = firm(judging={"noise": "none"})
    company.deliver(company.comment("👍👍", comment="1"))
    company.dies_at()
    company.tick(10 * MINUTE)
    company.deliver(company.comment(COLD, comment="2", parent="122200000000501_1"))
    asked = int(company.now().timestamp())
    company.tick(MINUTE)
    company.work()
    (clock,) = [row["clock"] for row in company.table.items.values() if row.get("clock")]
    assert clock[1:3] == [asked, asked + 4 * HOUR]

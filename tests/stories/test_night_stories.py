"""Simple questions are answered at night, praise needs no ticket, and noise under public posts neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deskwire.care.answers import Answer
from deskwire.configuration import Connection, item
from deskwire.model.errors import TemporaryError
from deskwire.operating.auditing import audit
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.stories.conftest import PAGE, POLICY, Company

NIGHT = datetime(2026, 11, 2, 23, tzinfo=UTC)
HOURS = "We are open from nine to five on weekdays."
ASK = "Was that it? A person reads whatever else you write."
QUESTION = "When are you open on weekdays?"
PRAISE = "Thank you so much, your team is amazing and so helpful!"
ANSWERS = {
    "opening-hours": {
        "questions": [
            "When are you open?",
            "What are your opening hours on weekdays?",
            "When are you open on weekdays?",
        ],
        "answer": {"en": HOURS},
        "hours": "closed",
        "channels": ["messenger", "facebook"],
    },
    "parking": {
        "questions": ["Where can I park my car?", "Is there a car park near the shop?", "Do you have free parking?"],
        "answer": {"en": "There is free parking behind the shop."},
    },
}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
OPEN = {"time_zone": "UTC", "week": {day: ["09:00-17:00"] for day in DAYS}}
RULES = {
    **POLICY,
    "hours": OPEN,
    "answering": {"ask": {"private": {"en": ASK}, "public": {"en": ASK}}, "confirmed": "solve"},
}


@pytest.fixture
def firm():
    """Return a maker of companies: rules beside `RULES`, answers beside `ANSWERS`."""
    made = []

    def make(rules=None, answers=ANSWERS, at=NIGHT):
        clock = Clock(at, held=True)
        zendesk = Zendesk(clock)
        zendesk.__enter__()
        company = Company(clock, zendesk, {**RULES, **(rules or {})})
        declared = {name: Answer.model_validate(each) for name, each in answers.items()}
        for found in company.definitions:
            if isinstance(found, Connection):
                company.table.items[found.key] = item(found.model_copy(update={"answers": declared}))
        made.append((company, zendesk))
        return company

    yield make
    for company, zendesk in made:
        company.close()
        zendesk.__exit__(None, None, None)


def said(company):
    messages = [each["message"] for each in company.graph.sent]
    return [each if isinstance(each, str) else each["text"] for each in messages]


def told(company, text, **more):
    company.deliver(company.message(text, **more))
    return company.work()


def comment(company, text, **more):
    company.deliver(company.comment(text, **more))
    return company.work()


def _down(call):
    raise TemporaryError("down")


def test_a_simple_question_at_night_is_answered_once_and_shown_in_the_ticket(firm):
    company = firm()
    told(company, QUESTION)
    assert said(company) == [f"{HOURS}\n\n{ASK}"]
    (ticket,) = company.zendesk.tickets
    note = company.zendesk.comments(ticket.id)[-1]
    assert "opening-hours" in note.words
    assert HOURS in note.words
    assert not note.public
    assert "answered-automatically" in ticket.tags


def test_during_the_day_it_is_acknowledged(firm):
    company = firm(at=datetime(2026, 11, 2, 10, tzinfo=UTC))
    told(company, QUESTION)
    assert said(company)[0].startswith("Thank you, we have it")
    assert company.zendesk.tickets[0].tags.count("answered-automatically") == 0


@pytest.mark.parametrize(
    "text",
    [
        "Where is my parcel?",
        "When are you open on weekdays? My card was stolen, block it immediately!",
        "When are you open on weekdays? My card is 4111 1111 1111 1111",
    ],
)
def test_what_is_not_sure_is_acknowledged(firm, text):
    company = firm()
    told(company, text)
    assert len(said(company)) == 1
    assert HOURS not in said(company)[0]


def test_a_yes_is_noted_and_solves_the_ticket(firm):
    company = firm()
    told(company, QUESTION)
    company.tick(60)
    told(company, "Yes, thanks! 👍")
    (ticket,) = company.zendesk.tickets
    assert ticket.status == "solved"
    assert "answer-confirmed" in ticket.tags
    assert any("was what they needed" in words for words in company.comments())
    assert len(said(company)) == 1
    company.telemetry.flush()
    assert [company.counted(each) for each in ("AnswersSaid", "AnswersConfirmed", "AnswersHandedOver")] == [1, 1, 0]


def test_an_emoji_that_says_yes_in_public_is_no_noise(firm):
    public = {name: {**each, "visibility": ["public"]} for name, each in ANSWERS.items()}
    company = firm({"judging": {"noise": "none"}}, answers=public)
    comment(company, QUESTION)
    company.tick(60)
    comment(company, "👍", comment="78", parent="122200000000501_993300000000077")
    company.work()
    (ticket,) = company.zendesk.tickets
    assert (ticket.status, "answer-confirmed" in ticket.tags) == ("solved", True)
    company.tick(60)
    comment(company, "👍", comment="79", parent="122200000000501_993300000000077", author="9")
    assert reasons(company)[-1] == "no ticket: noise, emoji alone"


def test_a_question_right_after_the_yes_keeps_the_ticket_open(firm):
    company = firm()
    told(company, QUESTION)
    company.tick(60)
    company.deliver(company.message("yes"))
    company.conversation.handle(company.mailbox.take().body)
    company.mailbox.take()  # the turn that solves comes late
    company.tick(5)
    told(company, "and where is my parcel?")
    (ticket,) = company.zendesk.tickets
    assert "answer-confirmed" in ticket.tags
    assert ticket.status != "solved"


def test_where_the_policy_does_not_ask_whether_that_was_it_nothing_is_answered(firm):
    company = firm({"answering": {"ask": {"public": {"en": ASK}}}})
    told(company, QUESTION)
    assert HOURS not in said(company)[0]


def test_nothing_is_answered_in_a_follow_up_shortly_after_an_agents_words(firm):
    company = firm()
    told(company, "Where is my parcel?")
    company.tick(10 * 86400)
    company.deliver(company.message("On its way", own=True))
    company.work()
    company.tick(5 * 86400)
    told(company, QUESTION)
    assert len(company.zendesk.tickets) == 2
    assert not any(HOURS in text for text in said(company))
    company.tick(40 * 86400)
    told(company, QUESTION)
    assert HOURS in said(company)[-1]


def test_anything_but_a_yes_hands_over_to_a_person(firm):
    company = firm()
    told(company, QUESTION)
    company.tick(60)
    told(company, "no, on Christmas")
    (ticket,) = company.zendesk.tickets
    assert ticket.status != "solved"
    assert "answer-not-enough" in ticket.tags
    assert any("please answer" in words for words in company.comments())
    assert len(said(company)) == 1
    company.tick(60)
    told(company, "yes")
    assert ticket.status != "solved"
    company.tick(14 * 3600)
    told(company, QUESTION)
    assert HOURS not in said(company)[-1]


def test_nothing_is_answered_where_an_agent_has_spoken(firm):
    company = firm()
    told(company, "Where is my parcel?")
    (ticket,) = company.zendesk.tickets
    company.zendesk.agent_replies(ticket.id, "On its way")
    company.signalled(ticket.id)
    company.work()
    company.tick(24 * 3600)
    told(company, QUESTION)
    assert not any(HOURS in text for text in said(company))


def test_a_yes_after_an_agents_words_is_for_the_agent(firm):
    company = firm()
    told(company, QUESTION)
    (ticket,) = company.zendesk.tickets
    company.tick(60)
    company.zendesk.agent_replies(ticket.id, "May we call you?")
    company.signalled(ticket.id)
    company.work()
    company.tick(60)
    told(company, "yes")
    assert "answer-confirmed" not in ticket.tags
    assert ticket.status != "solved"


def test_two_messages_at_once_are_for_a_person(firm):
    company = firm()
    company.deliver(company.message(QUESTION), company.message("hello?"))
    company.conversation.handle(company.mailbox.take().body)
    company.work()
    assert sum(HOURS in text for text in said(company)) <= 1


def test_in_public_an_answer_is_said_only_where_it_is_declared(firm):
    company = firm()
    comment(company, QUESTION)
    assert said(company) == []
    public = {name: {**each, "visibility": ["public"]} for name, each in ANSWERS.items()}
    company = firm(answers=public)
    comment(company, QUESTION)
    assert len(said(company)) == 1
    assert HOURS in said(company)[0]


def test_a_worker_that_dies_after_the_answer_says_it_no_second_time_and_the_ticket_tells(firm):
    company = firm()
    company.deliver(company.message(QUESTION))
    letter = company.dies_at()
    company.tick(600)
    company.conversation.handle(letter.body)
    company.work()
    assert sum(HOURS in text for text in said(company)) == 1
    (ticket,) = company.zendesk.tickets
    assert sum("said to the customer automatically" in words for words in company.comments()) == 1
    assert "answered-automatically" in ticket.tags


def test_an_answer_does_not_wait_for_the_helpdesk_and_is_noted_when_it_is_back(firm):
    company = firm()
    direct, company._direct = company._direct, _down
    told(company, QUESTION)
    assert [HOURS in text for text in said(company)] == [True]
    company._direct = direct
    company.later(900)
    company.later(900)
    assert any("said to the customer automatically" in words for words in company.comments())
    assert len(said(company)) == 1


def test_an_answer_that_the_platform_did_not_take_is_tried_again_as_an_acknowledgement(firm):
    company = firm()
    company.graph.next = [TemporaryError("busy")]
    told(company, QUESTION)
    company.later(600)
    assert len(said(company)) == 1
    assert sum("said to the customer automatically" in words for words in company.comments()) == sum(
        HOURS in text for text in said(company)
    )


# ------------------------------------------------------------------------------------------------- praise and noise

THANKS = {"private": {"en": "Thank YOU!"}, "public": {"en": "Thank YOU!"}}


def praise(ticket, noise="ticket"):
    return {"judging": {"thanks": THANKS, "praise": {"ticket": ticket}, "noise": noise}}


def reasons(company):
    return [each["reason"] for key, each in company.table.items.items() if key[1].startswith("M#")]


def test_praise_without_a_ticket_is_thanked_for_and_recorded(firm):
    company = firm(praise("none"))
    assert told(company, PRAISE) == ["suppressed"]
    assert said(company) == ["Thank YOU!"]
    assert company.zendesk.tickets == []
    assert reasons(company) == ["no ticket: praise"]
    company.telemetry.flush()
    assert company.counted("SetAside") == 1
    assert not company.thread()["timers"]


def test_thanks_that_the_platform_did_not_take_are_said_later_once(firm):
    company = firm(praise("none"))
    company.graph.next = [TemporaryError("busy")]
    told(company, PRAISE)
    assert said(company) == []
    company.later(600)
    company.later(600)
    assert said(company) == ["Thank YOU!"]
    assert company.zendesk.tickets == []
    assert reasons(company) == ["no ticket: praise"]


def test_praise_in_an_outage_is_solved_when_the_helpdesk_is_back(firm):
    company = firm(praise("solved"))
    direct, company._direct = company._direct, _down
    told(company, PRAISE)
    company._direct = direct
    company.later(900)
    company.later(900)
    assert company.zendesk.tickets[0].status == "solved"


def test_audit_names_what_got_no_ticket(firm):
    company = firm(praise("none", "none"))
    told(company, PRAISE)
    comment(company, "🎉🎉")
    found = audit(company.table, since=NIGHT - timedelta(days=1), now=NIGHT + timedelta(hours=1))
    assert found.aside == {"no ticket: noise, emoji alone": 1, "no ticket: praise": 1}
    assert found.outcomes == {"suppressed": 2}
    assert not found.strays


def test_later_words_that_need_a_person_open_a_ticket_that_quotes_the_praise(firm):
    company = firm({**praise("none"), "answer_within_minutes": 60})
    told(company, PRAISE)
    company.tick(3600)
    told(company, "Where is my parcel?")
    (ticket,) = company.zendesk.tickets
    (first, *_) = company.zendesk.comments(ticket.id)
    assert first.words.index(PRAISE) < first.words.index("Where is my parcel?")
    assert {"answer", "overdue"} <= set(company.thread()["timers"])
    company.tick(60)
    told(company, "Number 4471")
    assert sum(PRAISE in words for words in company.comments()) == 1


def test_praise_beside_a_question_stands_in_its_ticket(firm):
    company = firm(praise("none"))
    company.deliver(company.message("Where is my parcel?"), company.message(PRAISE))
    company.work()
    assert len(company.zendesk.tickets) == 1
    assert sum(PRAISE in words for words in company.comments()) == 1


def test_praise_that_was_taken_back_is_not_quoted(firm):
    company = firm(praise("none"))
    comment(company, PRAISE)
    gone = company.comment(PRAISE)
    gone["changes"][0]["value"]["verb"] = "remove"
    company.deliver(gone)
    company.work()
    assert company.zendesk.tickets == []
    comment(company, "Do you have it in green?", comment="994", parent="122200000000501_993300000000077")
    assert any("green" in words for words in company.comments())
    assert not any("amazing" in words for words in company.comments())


def test_praise_in_a_ticket_that_is_solved_at_once(firm):
    company = firm(praise("solved"))
    told(company, PRAISE)
    (ticket,) = company.zendesk.tickets
    assert ticket.status == "solved"
    assert "praise" in ticket.tags
    assert said(company) == ["Thank YOU!"]
    company.tick(60)
    told(company, "Where is my parcel?")
    assert ticket.status != "solved"


def test_praise_after_a_question_solves_nothing(firm):
    company = firm(praise("solved"))
    told(company, "Where is my parcel?")
    company.tick(60)
    told(company, PRAISE)
    assert company.zendesk.tickets[0].status != "solved"


def test_noise_under_a_public_post_is_counted_and_goes_nowhere(firm):
    company = firm(praise("open", "none"))
    for number, text in enumerate(("🎉🎉", "@anna.j @jon_k", "❤")):
        comment(company, text, comment=f"99{number}")
    assert company.zendesk.tickets == []
    assert said(company) == []
    company.telemetry.flush()
    assert company.counted("SetAside") == 3
    assert set(reasons(company)) == {"no ticket: noise, emoji alone", "no ticket: noise, names of others alone"}


def test_noise_in_a_group_stands_together_in_the_next_ticket(firm):
    company = firm(praise("open", "group"))
    comment(company, "🎉🎉", comment="991")
    comment(company, "@anna.j", comment="992", parent=f"{PAGE}_991")
    comment(company, "Do you have it in green?", comment="991000", parent="122200000000501_991")
    assert any("green" in words and "🎉🎉" in words for words in company.comments())


def test_noise_that_came_after_the_words_is_quoted_with_the_next_ones(firm):
    company = firm(praise("open", "group"))
    thread = {"parent": "122200000000501_990"}
    comment(company, "🎉🎉", comment="990")
    direct, company._direct = company._direct, _down
    company.tick(5)
    comment(company, "Do you have it in green?", comment="991", **thread)
    company.tick(5)
    comment(company, "❤❤", comment="992", **thread)
    company._direct = direct
    company.later(900)
    assert ["🎉🎉" in words for words in company.comments()] == [True]
    assert "❤❤" not in company.comments()[0]
    comment(company, "Or in blue?", comment="993", **thread)
    assert ["❤❤" in words for words in company.comments()] == [False, True]
    assert "🎉🎉" not in company.comments()[1]


def test_an_unhappy_emoji_is_no_noise(firm):
    company = firm(praise("open", "none"))
    comment(company, "😡")
    assert len(company.zendesk.tickets) == 1

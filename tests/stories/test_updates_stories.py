"""A later message may be more urgent than the first: the ticket's priority is raised once, and tags are added."""

import pytest

from deskwire.conversation import entries
from sandbox.helpdesks.zendesk.account import Refused, invalid
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock, Fault, Reply, cut_after
from tests.stories.conftest import POLICY, START, Company

CARD = "My card is 4111 1111 1111 1111"


@pytest.fixture
def company():
    """The company, to which “lawyer” is an urgent word."""
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Company(clock, zendesk, {**POLICY, "priority_words": ["lawyer"]})
        yield company
        company.close()


def says(company, text):
    company.deliver(company.message(text))
    return company.work()


def calls(company):
    """Return what Zendesk was asked, and forget it."""
    asked = [each.partition(" ")[2] for each in company.http_calls if each.startswith("acme.")]
    company.http_calls.clear()
    return [each.replace("/api/v2/", "") for each in asked]


def ticket_of(company):
    (ticket,) = company.zendesk.tickets
    return ticket


def notes(company):
    return [each.words for each in company.zendesk.comments(ticket_of(company).id) if not each.public]


def refuses(company, fields, refusal):
    """Let Zendesk refuse the API's updates of these fields (and others)."""
    account = company.zendesk.account
    taken = account.update

    def update(number, by, given, **limits):
        if limits and fields <= given.keys():
            raise refusal
        return taken(number, by, given, **limits)

    account.update = update


def opened(company):
    says(company, "Where is my parcel?")
    calls(company)
    return ticket_of(company)


def test_a_third_and_angrier_message_raises_the_ticket(company):
    ticket = opened(company)
    says(company, "It is number 4471.")
    assert (ticket.priority, len(calls(company))) == ("normal", 1)
    says(company, "My lawyer will write to you!")
    assert ticket.priority == "high"
    assert calls(company) == [f"GET tickets/{ticket.id}.json", f"PUT tickets/{ticket.id}.json"]
    assert company.zendesk.comments(ticket.id)[-1].words.startswith("My lawyer")
    assert notes(company) == []


def test_it_is_raised_once(company):
    ticket = opened(company)
    says(company, "My lawyer will write to you!")
    company.zendesk.account.update(ticket.id, company.zendesk.agent, {"priority": "low"})
    calls(company)
    says(company, "My lawyer, I said!")
    assert ticket.priority == "low"
    assert len(calls(company)) == 1


def test_a_ticket_that_was_opened_as_urgent_is_not_raised_again(company):
    says(company, "My lawyer will write to you!")
    calls(company)
    says(company, "My lawyer, I said!")
    assert len(calls(company)) == 1


def test_what_agents_set_meanwhile_is_not_lowered(company):
    ticket = opened(company)
    company.zendesk.account.update(ticket.id, company.zendesk.agent, {"priority": "urgent", "tags": ["vip"]})
    says(company, f"My lawyer will write to you! {CARD}")
    assert ticket.priority == "urgent"
    assert ticket.tags == ["vip", "hot", "complaint", "sensitive"]


def test_personal_data_in_a_later_message_tag_the_ticket(company):
    ticket = opened(company)
    before = list(ticket.tags)
    says(company, CARD)
    assert ticket.tags == [*before, "sensitive"]
    calls(company)
    says(company, CARD)
    assert len(calls(company)) == 1


def test_an_edit_that_turns_angry_raises_it_too(company):
    event = company.comment("Nice shop")
    company.deliver(event)
    company.work()
    event["changes"][0]["value"] |= {"verb": "edited", "message": "My lawyer will write to you!"}
    company.tick(60)
    event["changes"][0]["value"]["created_time"] += 60
    company.deliver(event)
    company.work()
    assert ticket_of(company).priority == "high"


def test_a_follow_up_has_a_priority_of_its_own(company):
    ticket = opened(company)
    says(company, "My lawyer will write to you!")
    company.zendesk.close(ticket.id)
    says(company, "And now?")
    says(company, "My lawyer, I said!")
    assert [each.priority for each in company.zendesk.tickets] == ["high", "high"]
    assert len(company.zendesk.comments(company.zendesk.tickets[1].id)) == 2


def test_where_the_change_is_refused_the_words_stand_and_a_note_says_so(company):
    ticket = opened(company)
    refuses(company, {"priority"}, invalid("priority", "Priority: is locked"))
    says(company, "My lawyer will write to you!")
    words = [each.words for each in company.zendesk.comments(ticket.id)]
    assert [each.partition("\n")[0] for each in words[1:2]] == ["My lawyer will write to you!"]
    (note,) = notes(company)
    assert "priority high" in note
    assert "by hand" in note
    assert set(company.outcomes().values()) == {"filed"}
    says(company, "My lawyer, I said!")
    assert len(notes(company)) == 1


def test_somebody_who_changes_the_ticket_at_the_same_moment_holds_up_no_words(company):
    ticket = opened(company)
    conflict = Reply.json(409, {"error": "UpdateConflict"})
    company.zendesk.faults.add(Fault(instead=conflict), method="PUT", times=1)
    says(company, "My lawyer will write to you!")
    assert ticket.priority == "high"
    assert len(company.zendesk.comments(ticket.id)) == 2


def test_an_outage_between_the_words_and_the_change_loses_neither(company):
    ticket = opened(company)
    refuses(company, {"priority"}, Refused(503, {}))
    refuses(company, {"priority", "comment"}, Refused(409, {"error": "UpdateConflict"}))
    says(company, "My lawyer will write to you!")
    assert (ticket.priority, len(company.zendesk.comments(ticket.id))) == ("normal", 2)
    del company.zendesk.account.update
    company.later(300)
    assert (ticket.priority, len(company.zendesk.comments(ticket.id))) == ("high", 2)
    assert set(company.outcomes().values()) == {"filed"}


def test_a_lost_answer_makes_neither_words_nor_change_twice(company):
    ticket = opened(company)
    company.zendesk.faults.add(cut_after(), method="PUT", times=1)
    says(company, "My lawyer will write to you!")
    company.later(300)
    assert (ticket.priority, len(company.zendesk.comments(ticket.id))) == ("high", 2)
    assert len([audit for audit in ticket.audits if audit["author_id"] == company.zendesk.bot.id]) == 2


def test_a_worker_that_dies_before_its_end_leaves_a_ticket_that_is_raised_once(company):
    ticket = opened(company)
    company.deliver(company.message("My lawyer will write to you!"))
    letter = company.dies_at()
    assert ticket.priority == "high"
    company.tick(400)
    company.conversation.handle(letter.body)
    company.work()
    assert len(company.zendesk.comments(ticket.id)) == 2
    calls(company)
    says(company, "My lawyer, I said!")
    assert len(calls(company)) == 1


def test_a_helpdesk_that_cannot_update_is_not_asked(company, monkeypatch):
    monkeypatch.setattr(entries, "Updates", type("Unable", (), {}))
    ticket = opened(company)
    says(company, "My lawyer will write to you!")
    assert (ticket.priority, len(calls(company))) == ("normal", 1)

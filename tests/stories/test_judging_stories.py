"""How a message was judged stands in its ticket, and praise is thanked for where nothing hot came before."""

import pytest

from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.stories.conftest import POLICY, START, Company

PRAISE = "Thank you so much, your team is amazing and so helpful!"
STOLEN = "My card was stolen, block it immediately!"


@pytest.fixture
def company():
    """The company, which thanks for praise."""
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Company(clock, zendesk, {**POLICY, "judging": {"thanks": {"private": {"en": "Thank YOU!"}}}})
        yield company
        company.close()


def said(company):
    return [each["message"]["text"] for each in company.graph.sent]


def test_a_hot_message_says_in_the_ticket_what_it_is_and_why(company):
    company.deliver(company.message(STOLEN))
    company.work()
    (ticket,) = company.zendesk.tickets
    assert ticket.priority == "urgent"
    assert {"hot", "urgent"} <= set(ticket.tags)
    assert any("Judged hot, urgent, mood" in words and "cannot wait: “stolen”" in words for words in company.comments())


def test_a_later_message_raises_a_quiet_ticket_and_says_why(company):
    company.deliver(company.message("When do you open on Saturday?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    assert (ticket.priority, "hot" in ticket.tags) == ("normal", False)
    company.deliver(company.message(STOLEN))
    company.work()
    assert (ticket.priority, "hot" in ticket.tags) == ("urgent", True)
    assert "Judged hot, urgent" in company.comments()[-1]


def test_praise_is_thanked_for(company):
    company.deliver(company.message(PRAISE))
    company.work()
    assert said(company) == ["Thank YOU!"]
    assert len(company.zendesk.tickets) == 1


def test_praise_after_a_complaint_is_not(company):
    company.deliver(company.message(STOLEN))
    company.work()
    company.clock.advance(13 * 3600)
    company.deliver(company.message(PRAISE))
    company.work()
    assert len(said(company)) == 2
    assert "Thank YOU!" not in said(company)

"""A message for a closed ticket: opened again for as long as the company says, else another one linked to the old."""

import json
from pathlib import Path

import pytest

from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.stories.conftest import POLICY, START, Company

DAY = 86_400
TOLD = json.loads(json.loads(Path("events/zendesk/status_changed.json").read_text(encoding="utf-8"))["body"])


@pytest.fixture
def ruled():
    """Return a company for a rule, as `ruled(reopen_days=3)`."""
    made = []

    def make(**rule):
        clock = Clock(START, held=True)
        zendesk = Zendesk(clock)
        zendesk.start()
        company = Company(clock, zendesk, {**POLICY, "closed_tickets": rule})
        made.append(company)
        return company

    yield make
    for company in made:
        company.close()
        company.zendesk.stop()


def says(company, text):
    company.deliver(company.message(text))
    company.work()


def solved(company):
    """Let an agent solve the ticket, and Zendesk signal it."""
    ticket = company.zendesk.tickets[-1]
    company.zendesk.solve(ticket.id)
    detail = {**TOLD["detail"], "id": str(ticket.id)}
    told = {"id": "solved-1", "time": company.now().isoformat(), "event": {"current": "SOLVED", "previous": "OPEN"}}
    event = {**TOLD, **told, "subject": f"zen:ticket:{ticket.id}", "detail": detail}
    company.called(event, "solved")
    company.work()


def test_the_days_count_from_when_it_was_solved(ruled):
    company = ruled(reopen_days=7)
    says(company, "Where is my parcel?")
    company.tick(10 * DAY)
    solved(company)
    company.tick(6 * DAY)
    says(company, "It is not here")
    (ticket,) = company.zendesk.tickets
    assert ticket.status == "open"


def test_later_another_one_is_opened_and_linked(ruled):
    company = ruled(reopen_days=7)
    says(company, "Where is my parcel?")
    solved(company)
    company.tick(8 * DAY)
    says(company, "It is not here")
    first, second = company.zendesk.tickets
    assert (first.status, len(company.zendesk.comments(first.id))) == ("solved", 1)
    assert f"Follow-up of ticket #{first.id}" in company.zendesk.comments(second.id)[0].words


def test_a_company_may_stay_in_one_ticket_as_long_as_the_helpdesk_takes_it(ruled):
    company = ruled(afterwards="same")
    says(company, "Where is my parcel?")
    company.tick(300 * DAY)
    says(company, "It is not here")
    (ticket,) = company.zendesk.tickets
    company.zendesk.close(ticket.id)
    says(company, "Hello?")
    first, second = company.zendesk.tickets
    assert (len(company.zendesk.comments(first.id)), second.followup_of) == (2, first.id)


def test_a_merged_ticket_is_followed(ruled):
    company = ruled(afterwards="same")
    says(company, "Where is my parcel?")
    (ticket,) = company.zendesk.tickets
    account = company.zendesk.account
    other, _ = account.create(company.zendesk.agent, {"subject": "Another", "comment": {"body": "Another"}})
    company.zendesk.merge(ticket.id, into=other.id)
    company.tick(100 * DAY)
    says(company, "It is not here")
    assert company.thread()["ticket"] == str(other.id)

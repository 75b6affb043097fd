"""Somebody fills in a lead form on Pinterest: it becomes a ticket, and whatever is not Pinterest's becomes none."""

import json

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.registry import channel
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event
from sandbox.platforms.pinterest.books import ACCOUNT, HOOK
from sandbox.platforms.pinterest.played import Pinterest

from .conftest import POLICY, SECRETS

OTHER = {"cryptographic_key": "YW5vdGhlci1pbnZlbnRlZC1rZXktb2YtMzItYnl0ZXM"}
ANSWERS = ("Ása Lindqvist", "asa@customer.example", "Is the cave open on Sunday?")


class Form:
    """The form, and the endpoint to which its leads come."""

    def __init__(self, company):
        self.company = company
        self.player = Pinterest(ACCOUNT, "invented", HOOK["cryptographic_key"], clock=company.clock)
        for each in (
            Endpoint(name="leads", side="channels", connectors=("pinterest",), secret="leads",
                     accounts={"pinterest": ACCOUNT}),
            Connection(name="leads", channel="pinterest", account=ACCOUNT, endpoint="leads", secret="leads",
                       helpdesk="acme", policy=Policy.model_validate(POLICY)),
        ):  # fmt: skip
            company.table.put(Put(item(each)))

    def request(self, *leads, **secrets):
        request = Request(
            method="POST", endpoint="leads", body=json.dumps(list(leads)).encode(), received_at=self.company.now()
        )
        return channel("pinterest").verification.sign(request, Secrets(HOOK | secrets), self.company.now())

    def arrives(self, request):
        status = self.company.receiver.handle(gateway_event(request))["statusCode"]
        return status, self.company.work()


@pytest.fixture
def form(company, monkeypatch):
    monkeypatch.setitem(SECRETS, "leads", HOOK)
    return Form(company)


def test_a_lead_becomes_a_ticket_with_the_answers(company, form):
    assert form.arrives(form.request(form.player.submits(ANSWERS))) == (200, ["filed"])
    (words, *_) = company.comments()
    assert ANSWERS[2] in words
    assert "asa@customer.example" in words


def test_a_test_lead_says_what_it_is(company, form):
    form.arrives(form.request(form.player.submits(ANSWERS, test=True)))
    form.arrives(form.request(form.player.submits(("Jón Meyer", "jon@customer.example", "Where are you?"))))
    tested, real = (
        "\n".join(comment.words for comment in company.zendesk.comments(ticket.id))
        for ticket in company.zendesk.tickets
    )
    assert "perhaps, it names no advertisement" in tested
    assert "no advertisement" not in real


def test_a_lead_delivered_again_is_filed_once(company, form):
    request = form.request(form.player.submits(ANSWERS))
    for _ in range(3):
        assert form.arrives(request)[0] == 200
        company.tick(400)
    assert len(company.zendesk.tickets) == 1


def test_a_captured_lead_under_other_ids_opens_no_other_ticket(company, form):
    request = form.request(form.player.submits(ANSWERS))
    form.arrives(request)
    body = json.loads(request.body)
    for number in range(3):
        body[0]["lead_id"] = f"77{number}"
        again = Request(
            method="POST", endpoint="leads", body=json.dumps(body).encode(), query=request.query,
            received_at=company.now(),
        )  # fmt: skip
        assert form.arrives(again)[0] == 200
    assert len(company.zendesk.tickets) == 1


def test_what_our_key_does_not_open_calls_a_person_and_is_delivered_again(company, form, monkeypatch):
    """The address is right, so it is Pinterest, and the key stored is not the subscription's."""
    request = form.request(form.player.submits(ANSWERS), **OTHER)
    assert form.arrives(request) == (503, [])
    assert company.counted("ConfigurationErrors") == 1
    assert not company.counted("SignatureFailures")
    assert not company.parked.bodies
    monkeypatch.setitem(SECRETS, "leads", HOOK | OTHER)
    assert form.arrives(request) == (200, ["filed"])


def test_a_stranger_calls_nobody_and_leaves_nothing(company, form):
    for request in (
        form.request(form.player.submits(ANSWERS), address_key="guessed"),
        form.request({"lead_id": "1", "answers": []}, address_key="guessed", **OTHER),
    ):
        assert form.arrives(request) == (401, [])
    assert company.counted("SignatureFailures") == 2
    assert not company.counted("ConfigurationErrors")
    assert not company.parked.bodies


def test_a_lead_without_answers_is_parked_opened_so_that_it_can_be_looked_at(company, form):
    assert form.arrives(form.request({"lead_id": "1", "answers": []})) == (200, [])
    (parked,) = company.parked.bodies
    assert "no answer that can be read" in json.loads(parked)["reason"]


def test_an_agent_s_answer_is_not_sent_and_the_ticket_says_so(company, form):
    form.arrives(form.request(form.player.submits(ANSWERS)))
    ticket = company.zendesk.tickets[-1].id
    company.zendesk.agent_replies(ticket, "It is open")
    company.signalled(ticket)
    company.work()
    assert any("Pinterest lead ads takes no answers through its interface" in words for words in company.comments())

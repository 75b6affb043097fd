"""What people do with two Viber bots: no delivery names its bot, and much is told only after it was sent."""

import json

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.registry import channel
from deskwire.web.request import Request
from deskwire.web.rest import with_hosts
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import error_inside
from sandbox.platforms.viber.played import API, Viber

from .conftest import POLICY, SECRETS

TOKENS = {"north": "token-of-north", "south": "token-of-south"}


class Bots:
    """Two bots, each with an endpoint and a connection of its own."""

    def __init__(self, company, player):
        self.company, self.player = company, player
        player.tell = self.deliver
        for bot in TOKENS:
            for each in (
                Endpoint(name=f"viber-{bot}", side="channels", connectors=("viber",), secret=f"viber-{bot}",
                         accounts={"viber": bot}),
                Connection(name=bot, channel="viber", account=bot, endpoint=f"viber-{bot}", secret=f"viber-{bot}",
                           helpdesk="acme", settings={"sender_name": "Northwind"},
                           policy=Policy.model_validate(POLICY)),
            ):  # fmt: skip
                company.table.put(Put(item(each)))

    def deliver(self, bot, told, *, signed_by=""):
        now, secret = self.company.now(), TOKENS[signed_by or bot]
        body = json.dumps(told).encode()
        request = Request(method="POST", endpoint=f"viber-{bot}", body=body, received_at=now)
        signed = channel("viber").verification.sign(request, Secrets({"auth_token": secret}), now)
        return self.company.receiver.handle(gateway_event(signed))["statusCode"]

    def writes(self, bot, person, text):
        assert self.deliver(bot, self.player.writes(bot, person, text)[1]) == 200
        return self.company.work()

    def answered(self, text="On its way"):
        """Let the agent answer in the newest ticket, and the worker send it."""
        ticket = self.company.zendesk.tickets[-1].id
        self.company.zendesk.agent_replies(ticket, text)
        self.company.signalled(ticket, invocation=text)
        self.company.work()

    def heard(self, person):
        return [each.text for each in self.player.messages if each.ours and each.person == person.id]


@pytest.fixture
def bots(company, monkeypatch):
    for bot, token in TOKENS.items():
        monkeypatch.setitem(SECRETS, f"viber-{bot}", {"auth_token": token})
    with Viber({token: bot for bot, token in TOKENS.items()}, clock=company.clock) as player:
        hosts = {company.zendesk.host: company.zendesk.address, API: player.address}
        company._direct = with_hosts(company._open, hosts)
        yield Bots(company, player)


def test_each_bot_s_customers_are_filed_acknowledged_and_answered_by_that_bot(company, bots):
    people = {bot: bots.player.person(bot, f"Ilse of {bot}") for bot in TOKENS}
    for bot, person in people.items():
        assert bots.writes(bot, person, f"Hello {bot}") == ["filed"]
        bots.answered(f"Answer of {bot}")
    assert [ticket.subject for ticket in company.zendesk.tickets]
    for bot, person in people.items():
        acknowledgement, answer = bots.heard(person)
        assert acknowledgement.startswith("Thank you, we have it")
        assert answer == f"Answer of {bot}"
        assert (f"T#viber/{bot}/{person.id}".replace("/a+b", "%2Fa+b"), "THREAD") in company.table.items


def test_one_bot_s_token_opens_no_other_s_endpoint(company, bots):
    person = bots.player.person("north", "Mallory")
    told = bots.player.writes("north", person, "Hello")[1]
    assert bots.deliver("south", told, signed_by="north") == 401
    assert company.zendesk.tickets == []


def test_what_is_redelivered_is_filed_once(company, bots):
    person = bots.player.person("north", "Ilse")
    told = bots.player.writes("north", person, "Hello")[1]
    for _ in range(3):
        assert bots.deliver("north", told) == 200
        company.tick(400)
        company.work()
    assert len(company.zendesk.tickets) == 1
    assert len(bots.heard(person)) == 1


def test_a_device_that_cannot_show_an_answer_becomes_a_note_with_viber_s_reason(company, bots):
    person = bots.player.person("north", "Ilse")
    bots.writes("north", person, "Hello")
    person.old = True
    bots.answered()
    (note,) = [words for words in company.comments() if "NOT delivered" in words]
    assert "Why: the device cannot show this message." in note


def test_receipts_and_comings_and_goings_cost_no_letter(company, bots):
    person = bots.player.person("north", "Ilse")
    bots.writes("north", person, "Hello")
    told = [bots.player.opens(person), bots.player.leaves(person), bots.player._told("webhook")]
    before = len(company.mailbox.calls)
    assert [bots.deliver("north", each) for each in told] == [200, 200, 200]
    assert len(company.mailbox.calls) == before
    assert (company.counted("DismissedReceipt"), company.counted("DismissedState")) == (2, 2)


def test_who_left_is_told_of_on_the_ticket_and_is_answered_again_once_they_write(company, bots):
    person = bots.player.person("north", "Ilse")
    bots.writes("north", person, "Hello")
    bots.deliver("north", bots.player.leaves(person))
    bots.answered("On its way")
    assert any("has left the bot" in words and "On its way" in words for words in company.comments())
    bots.writes("north", person, "I am back")
    bots.answered("Welcome back")
    assert bots.heard(person)[-1] == "Welcome back"


def test_an_answer_with_an_unknown_status_is_sent_once_and_the_ticket_says_that_nobody_knows(company, bots):
    person = bots.player.person("north", "Ilse")
    bots.writes("north", person, "Hello")
    bots.player.faults.add(error_inside({"status": 99, "status_message": "General error"}), times=1)
    bots.answered("On its way")
    for _ in range(3):
        company.later(1000)
    assert bots.heard(person)[1:] == []
    assert bots.player.books.count("POST", "/pa/send_message") == 2  # the acknowledgement, and the answer once
    assert company.comments()[-1].startswith("It is unknown whether this answer reached the customer")


def test_too_many_messages_to_one_person_wait_and_hold_up_nobody_else(company, bots):
    person, other = (bots.player.person("north", name) for name in ("Ilse", "Ines"))
    bots.writes("north", person, "Hello")
    limited = error_inside({"status": 12, "status_message": "Too many requests"})
    bots.player.faults.add(limited, times=1)
    bots.answered("On its way")
    bots.writes("north", other, "Hello too")
    assert len(bots.heard(other)) == 1
    company.later(1000)
    assert bots.heard(person)[-1] == "On its way"

"""A customer calls a WhatsApp number and nobody answers: the agent sees it in the ticket, once, and can write back."""

import json

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.registry import channel
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from sandbox.neighbours.gateway import gateway_event

from .conftest import POLICY, SECRETS

NUMBER, OURS, INES = "440000000000012", "4930555010", "491705550133"


class Number:
    """One WhatsApp number of the company's; `sent` is what its customers were sent."""

    def __init__(self, company):
        self.company, self.sent = company, []
        company.graph = self.graph
        for each in (
            Endpoint(name="wa", side="channels", connectors=("whatsapp",), secret="meta"),
            Connection(name="wa", channel="whatsapp", account=NUMBER, endpoint="wa", secret="wa", helpdesk="acme",
                       policy=Policy.model_validate(POLICY)),
        ):  # fmt: skip
            company.table.put(Put(item(each)))

    def graph(self, call):
        self.sent.append(json.loads(call.body))
        return Answer(200, {}, json.dumps({"messages": [{"id": f"wamid.ours{len(self.sent)}"}]}).encode())

    def hears(self, field, **value):
        about = {"phone_number_id": NUMBER, "display_phone_number": OURS}
        contacts = [{"profile": {"name": "Ines A."}, "wa_id": INES}]
        value = {"messaging_product": "whatsapp", "metadata": about, "contacts": contacts, **value}
        entry = {"id": "33", "changes": [{"field": field, "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        request = Request(method="POST", endpoint="wa", body=body, received_at=self.company.now())
        signed = channel("whatsapp").verification.sign(
            request, Secrets({"app_secret": "invented-app-secret"}), self.company.now()
        )
        assert self.company.receiver.handle(gateway_event(signed))["statusCode"] == 200
        return self.company.work()

    def call(self, number, **more):
        stamp = str(int(self.company.now().timestamp()))
        call = {"id": f"wacid.{number}", "from": INES, "to": OURS, "direction": "USER_INITIATED", "timestamp": stamp}
        return self.hears("calls", calls=[{**call, **more}])

    def misses(self, number):
        rung = self.call(number, event="connect", session={"sdp_type": "offer", "sdp": "v=0"})
        return rung + self.call(number, event="terminate", status="FAILED")


@pytest.fixture
def number(company, monkeypatch):
    monkeypatch.setitem(SECRETS, "wa", {"access_token": "invented-token"})
    return Number(company)


def test_a_missed_call_opens_a_ticket_is_acknowledged_and_answered(company, number):
    assert number.misses(1) == ["filed"]
    (ticket,) = company.zendesk.tickets
    assert "[missed call]" in company.comments()[0]
    company.zendesk.agent_replies(ticket.id, "Sorry that we missed you. May we call back at three?")
    company.signalled(ticket.id)
    company.work()
    acknowledgement, answer = number.sent
    assert (acknowledgement["to"], answer["to"]) == (f"+{INES}", f"+{INES}")
    assert "context" not in answer  # a call cannot be quoted
    assert answer["text"]["body"] == "Sorry that we missed you. May we call back at three?"


def test_a_call_is_filed_once_and_each_call_of_a_customer_in_one_ticket(company, number):
    number.misses(1)
    company.tick(400)  # the mailbox has forgotten it
    number.call(1, event="terminate", status="FAILED")
    assert sum("[missed call]" in words for words in company.comments()) == 1
    number.misses(2)
    text = {
        "id": "wamid.1",
        "from": INES,
        "timestamp": "1793610000",
        "type": "text",
        "text": {"body": "Are you there?"},
    }
    number.hears("messages", messages=[text])
    (_,) = company.zendesk.tickets
    words = company.comments()
    assert sum("[missed call]" in each for each in words) == 2
    assert sum("Are you there?" in each for each in words) == 1


def test_a_call_that_was_answered_is_no_message(company, number):
    number.call(1, event="connect")
    number.call(1, event="terminate", status="COMPLETED", start_time="1793610000", duration=60)
    assert company.zendesk.tickets == []
    assert number.sent == []

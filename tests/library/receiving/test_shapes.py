"""Connectors of other shapes than those we ship go through receive without a change to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from deskwire import registry
from deskwire.contracts.channel import Channel
from deskwire.contracts.connector import Connector
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.secret import Secrets
from deskwire.ports import EndpointView
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked
from deskwire.receiving.receiver import Receiver
from deskwire.telemetry import Telemetry
from deskwire.verification.address import Address
from deskwire.verification.hmac import HmacHeader
from deskwire.verification.never import Never
from deskwire.web.request import Request, Response
from sandbox.neighbours.gateway import gateway_event
from tests.library.receiving.shapes.mastodon import Mastodon
from tests.library.receiving.shapes.salesforce import ACK, Salesforce
from tests.library.receiving.shapes.slack import Slack
from tests.library.receiving.shapes.twilio import TWIML, Twilio
from tests.library.receiving.shapes.viber import Viber

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRETS = Secrets(dict.fromkeys(("auth_token", "signing_secret", "token", "app_secret"), "invented"))
SHAPES = {each.name: each() for each in (Viber, Twilio, Slack, Salesforce, Mastodon)}


@pytest.fixture(autouse=True)
def shapes(monkeypatch):
    for side in ("channel", "helpdesk"):
        found = getattr(registry, side)
        monkeypatch.setattr(registry, side, lambda name, found=found: SHAPES.get(name) or found(name))


class Edge:
    """receive in front of one endpoint."""

    def __init__(self, *connectors, side="channels", settings=None, accounts=None):
        self.view = EndpointView("here", side, connectors, "s", settings or {}, "acme", accounts or {})
        self.mailbox, self.parked = MemoryMailbox(lambda: NOW), MemoryParked()
        self.receiver = Receiver(
            endpoints=self, mailbox=self.mailbox, parked=self.parked, archive=MemoryArchive(), http=None,
            clock=lambda: NOW, telemetry=Telemetry("test", stream=self, now=lambda: 0), limits=self,
            presign=lambda *_: {},
        )  # fmt: skip

    def endpoint(self, _):
        return self.view

    def secrets(self, _):
        return SECRETS

    def allow(self, *_):
        return True

    def write(self, text):
        """Take a log line, and drop it."""

    def post(self, body, rule=None):
        """Send a body, signed by `rule` or by that of the endpoint's first connector; return the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method="POST", endpoint="here", body=data, received_at=NOW)
        rule = rule or SHAPES[self.view.connectors[0]].verification
        return self.send(rule.sign(request, SECRETS, NOW))

    def send(self, request):
        return self.receiver.handle(gateway_event(request, side=self.view.side))

    @property
    def events(self):
        return [json.loads(letter.body)["event"] for letter in self.mailbox.letters]


VIBER = {
    "event": "message", "message_token": "57", "sender": {"id": "Marta"}, "message": {"text": "Góðan dag"}
}  # fmt: skip


def test_the_account_that_a_delivery_does_not_name_is_that_of_the_endpoint():
    edge = Edge("viber", accounts={"viber": "the-bot"})
    assert edge.post(VIBER)["statusCode"] == 200
    assert [(event["account"], event["key"]) for event in edge.events] == [("the-bot", "viber/the-bot/57/add/")]


def test_without_a_single_account_the_delivery_is_parked_and_not_lost():
    edge = Edge("viber")
    assert edge.post(VIBER)["statusCode"] == 200
    assert (edge.events, len(edge.parked.bodies)) == ([], 1)


def test_what_tells_of_nothing_is_answered_as_the_platform_wants_it():
    welcomed = Edge("viber", settings={"welcome": "Velkomin!"}).post({"event": "conversation_started"})
    assert json.loads(welcomed["body"]) == {"type": "text", "text": "Velkomin!"}
    status = Edge("twilio").post(urlencode({"MessageSid": "SM1", "SmsStatus": "delivered"}).encode())
    assert (status["body"], status["headers"]["content-type"]) == (TWIML, "text/xml")


def test_a_delivery_that_is_parked_is_acknowledged_too():
    edge = Edge("twilio")
    assert edge.post(b"Nothing=1")["body"] == TWIML
    assert len(edge.parked.bodies) == 1


def test_a_helpdesk_acknowledges_in_its_own_words():
    edge = Edge("salesforce", side="helpdesks")
    answer = edge.post(b"<notifications><Id>04l1</Id><CaseId>5003</CaseId></notifications>")
    assert (answer["statusCode"], answer["body"]) == (200, ACK)
    assert [(signal["account"], signal["ticket"]) for signal in edge.events] == [("acme", "5003")]


def test_a_registration_check_that_is_posted_is_answered_after_verification_alone():
    challenge = {"type": "url_verification", "challenge": "3eZbrw1a"}
    assert Edge("slack").post(challenge)["body"] == "3eZbrw1a"
    forged = Request(method="POST", endpoint="here", body=json.dumps(challenge).encode(), received_at=NOW)
    answer = Edge("slack").send(forged)
    assert answer["statusCode"] == 401
    assert "3eZbrw1a" not in answer["body"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_what_is_only_polled_has_no_webhook(method):
    edge = Edge("mastodon")
    assert edge.send(Request(method=method, endpoint="here", body=b"{}", received_at=NOW))["statusCode"] == 404
    assert edge.events == []


def test_a_connector_without_a_webhook_reads_none_and_one_with_a_webhook_reads_it():
    terms = Mastodon.terms
    with pytest.raises(TypeError, match="Never has none"):
        type("Deaf", (Channel,), {
            "__module__": "x.deaf", "name": "deaf", "title": "Deaf", "terms": terms, "verification": Viber.verification,
        })  # fmt: skip
    with pytest.raises(TypeError, match="Never has none"):
        type("Odd", (Channel,), {
            "__module__": "x.odd", "name": "odd", "title": "Odd", "terms": terms, "verification": Never(),
            "parse": Viber.parse,
        })  # fmt: skip


def test_both_sides_have_one_base():
    assert issubclass(Channel, Connector)
    assert issubclass(Helpdesk, Connector)


# ---------------------------------------------------------------------------------------- shared endpoints


class _Sibling(Slack):
    """Another product of the same vendor, whose deliveries have another shape."""

    __module__ = "x.slack"

    def parse(self, request):
        return Viber.parse(self, request)

    def acknowledged(self, request, events):
        return Response(202, f"{len(events)} of ours")

    def answer_headers(self, request):
        return {"x-sibling": f"{len(request.body)}"}

    def limits(self, request):
        return [(f"{len(request.body)} bytes", 1, 1)]


def test_a_delivery_that_one_sibling_reads_is_not_parked_by_the_other(monkeypatch):
    monkeypatch.setitem(SHAPES, "sibling", _Sibling())
    edge = Edge("slack", "sibling", accounts={"slack": "T1"})
    answer = edge.post(VIBER)
    assert (answer["statusCode"], answer["headers"]["x-sibling"]) == (202, "0")
    assert [event["text"] for event in edge.events] == ["Góðan dag"]
    assert edge.parked.bodies == []


def test_what_no_sibling_reads_is_parked_once(monkeypatch):
    monkeypatch.setitem(SHAPES, "sibling", _Sibling())
    edge = Edge("slack", "sibling")
    edge.post({"object": "something else"})
    assert (edge.events, len(edge.parked.bodies)) == ([], 1)


def test_a_sibling_s_fault_costs_the_other_nothing_and_is_looked_at(monkeypatch):
    monkeypatch.setitem(SHAPES, "sibling", _Sibling())
    monkeypatch.setattr(Slack, "parse", lambda *_: 1 / 0)
    edge = Edge("slack", "sibling", accounts={"slack": "T1"})
    edge.post(VIBER)
    assert (len(edge.events), len(edge.parked.bodies)) == (1, 1)


def test_the_larger_limit_of_two_siblings_counts(monkeypatch):
    monkeypatch.setitem(SHAPES, "sibling", _Sibling())
    monkeypatch.setitem(
        SHAPES, "larger", type("Larger", (_Sibling,), {"__module__": "x.slack", "terms": Twilio.terms})()
    )
    body = {**VIBER, "padding": "x" * 1500}
    assert Edge("slack", "sibling").post(body)["statusCode"] == 413
    assert Edge("slack", "larger").post(body)["statusCode"] == 202


def test_only_those_whose_rule_verified_a_delivery_read_it():
    edge = Edge("slack", "viber", accounts={"viber": "the-bot"})
    assert edge.post(VIBER, rule=Viber.verification)["statusCode"] == 200
    assert [event["channel"] for event in edge.events] == ["viber"]
    stranger = HmacHeader(header="X-Other", secret="auth_token")
    assert edge.post(VIBER, rule=stranger)["statusCode"] == 401


class _Addressed(Slack):
    """Proven by its address alone."""

    __module__ = "x.slack"
    verification = Address(secret="signing_secret")

    def parse(self, request):
        assert request.query == {"team": ("T1",)}, "a connector sees the secret of its address"
        return Viber.parse(self, request)


def test_a_secret_in_the_address_lets_in_and_no_connector_sees_it(monkeypatch):
    monkeypatch.setitem(SHAPES, "addressed", _Addressed())
    edge = Edge("addressed", accounts={"slack": "T1"})
    query = {"key": ("invented",), "team": ("T1",)}
    request = Request(method="POST", endpoint="here", body=json.dumps(VIBER).encode(), received_at=NOW, query=query)
    assert edge.send(request)["statusCode"] == 200
    assert len(edge.events) == 1

"""Promise 6: no method of a connector sees the body of a POST before its rule has verified it."""

import dataclasses
import functools
import inspect

import pytest

from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.secret import Secrets
from deskwire.ports import EndpointView
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked
from deskwire.receiving.receiver import Receiver
from deskwire.telemetry import Telemetry
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event
from tests.conformance import world


class Watch:
    """Notes which methods of a connector are called with a body, before its rule verified it and after."""

    def __init__(self, connector, monkeypatch):
        self.verified, self.before, self.after, self.called = False, [], [], []
        cls = type(connector)
        for name in dir(cls):
            if not name.startswith("__") and inspect.isfunction(inspect.getattr_static(cls, name)):
                monkeypatch.setattr(cls, name, self._watched(name, getattr(cls, name)))
        rule = type(connector.verification)
        monkeypatch.setattr(rule, "verify", self._noting(rule.verify))

    def _watched(self, name, method):
        @functools.wraps(method)
        def call(*given, **named):
            self.called.append(name)
            if any(isinstance(each, Request) and each.body for each in (*given, *named.values())):
                (self.after if self.verified else self.before).append(name)
            return method(*given, **named)

        return call

    def _noting(self, verify):
        @functools.wraps(verify)
        def call(*given):
            facts = verify(*given)
            self.verified = True
            return facts

        return call


class Edge:
    """receive with one endpoint, that of a capture's connector."""

    def __init__(self, capture, secrets):
        self.capture, self._secrets = capture, secrets
        self.mailbox, self.parked = MemoryMailbox(self.now), MemoryParked()
        self.receiver = Receiver(
            endpoints=self, mailbox=self.mailbox, parked=self.parked, archive=MemoryArchive(),
            http=world.context(capture.connector, self.now()).http, clock=self.now,
            telemetry=Telemetry("test", stream=self, now=lambda: 0), limits=self, presign=lambda *_: {},
        )  # fmt: skip

    def now(self):
        return self.capture.arrived.received_at

    def endpoint(self, name):
        settings = world.endpoint_settings(self.capture.connector)
        return EndpointView(name, self.side, (self.capture.connector,), "s", settings, "acme")

    @property
    def side(self):
        return "helpdesks" if isinstance(world.connectors()[self.capture.connector], Helpdesk) else "channels"

    def secrets(self, _):
        return Secrets(self._secrets)

    def allow(self, *_):
        return True

    def write(self, text):
        """Take a log line, and drop it."""

    def answers(self, request):
        return self.receiver.handle(gateway_event(request, side=self.side))["statusCode"]


def delivered(capture, monkeypatch, request, secrets=None):
    """Return what was seen of a request, and receive's answer."""
    edge = Edge(capture, world.secret_values(capture.connector) if secrets is None else secrets)
    watch = Watch(world.connectors()[capture.connector], monkeypatch)
    status = edge.answers(dataclasses.replace(request, endpoint=request.endpoint or "here"))
    return watch, status, edge


def named(rule, request):
    """Return the request as a stranger sends it: without what proves it in headers and query, from another address."""
    headers = {name: value for name, value in request.headers.items() if name not in rule.headers}
    return dataclasses.replace(request, headers=headers, query={}, source="198.51.100.9")


@pytest.mark.rule("C6.order")
def test_the_body_of_a_genuine_post_is_seen_after_its_rule_verified_it(genuine, monkeypatch):
    watch, _, _ = delivered(genuine, monkeypatch, genuine.arrived)
    assert watch.before == []
    assert watch.after
    assert "handshake" not in watch.called, "a POST is no handshake"


@pytest.mark.rule("C6.forged")
def test_nothing_of_a_connector_sees_the_body_of_a_forged_post(genuine, monkeypatch):
    request = named(world.rule_of(genuine), genuine.arrived)
    watch, status, edge = delivered(genuine, monkeypatch, request)
    assert (watch.before, watch.after) == ([], [])
    assert status == 401
    assert not edge.mailbox.letters
    assert not edge.parked.bodies


@pytest.mark.rule("C6.unchecked")
def test_nothing_sees_a_body_that_nobody_can_check(genuine, monkeypatch):
    names = world.rule_of(genuine).names()
    if not names:
        pytest.skip("its keys are published")
    watch, status, _ = delivered(genuine, monkeypatch, genuine.arrived, {name: [] for name in names})
    assert (watch.before, watch.after) == ([], [])
    assert status == 503

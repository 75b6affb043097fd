"""No request that nothing proves reaches a count that rings at the first one, a queue, or a fault of ours.

For every connector that is delivered to, by existing: its captured requests without what proves them, and nonsense.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re

import pytest
import yaml

from deskwire.contracts.channel import Channel
from deskwire.contracts.helpdesk import Helpdesk
from deskwire.model.secret import Secrets
from deskwire.ports import EndpointView
from deskwire.web.rest import Answer
from tests.conformance import world
from tests.conformance.conftest import _delivered
from tests.deployment.conftest import CloudFormationLoader

from .edge import Edge

COUNTED = re.compile(r'"(\w+)":\d')
BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b"a=1&b=2",
    b"<xml/>",
    b"\x00",
    b"x" * 7_000_000,
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
HEADERS = (
    {},
    {"authorization": "Bearer x"},
    {"authorization": "Basic eA=="},
    {"authorization": "Bearer " + ".".join(base64.urlsafe_b64encode(b"{}").decode() for _ in range(3))},
    {"content-type": "multipart/form-data; boundary=", "content-length": "-1"},
    {"content-type": "text/plain; charset=idna", "x-hub-signature-256": "sha256=" + "0" * 64},
    {"origin": "null", "cookie": "a" * 5000},
)
QUERIES = (
    {},
    {"hub.mode": ["subscribe"], "hub.verify_token": ["x"], "hub.challenge": ["1"]},
    {"hub.mode": ["subscribe"]},
    {"crc_token": ["{}"]},
    {"challengeCode": ["x"], "applicationId": ["\u202e"]},
    {"validationToken": [""], "token": ["x" * 5000], "secret": ["\x00"]},
)
ACTIONS = ("", "upload", "session", "messages", "../x", "a" * 500)


def ringing():
    """Return the names of our own counts whose alarm rings at one."""
    resources = yaml.load((world.ROOT / "template.yaml").read_text(), CloudFormationLoader)["Resources"].values()
    alarms = [each["Properties"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    return {each["MetricName"] for each in alarms if each["Namespace"] == "Deskwire" and each["Threshold"] == 1}


class Strange(Edge):
    """receive with one endpoint for one connector; nothing outside proves anything."""

    def __init__(self, name, side):
        super().__init__()
        self.name, self.side = name, side

    def endpoint(self, name):
        settings = world.endpoint_settings(self.name)
        desk = "acme" if self.side == "helpdesks" else ""
        return EndpointView("here", self.side, (self.name,), "here", settings, desk) if name == "here" else None

    def secrets(self, name):
        return Secrets(world.secret_values(self.name), entry=name)

    def http(self, call):
        return Answer(200, {}, json.dumps({"success": False, "error-codes": ["invalid-input-response"]}).encode())


def unproved(name):
    """Yield requests to a connector's endpoint that nothing proves."""
    taken = [each for each in world.captures(name) if each.signed]
    rule = world.connectors()[name].verification
    genuine = dataclasses.replace(taken[0].arrived, source="203.0.113.7")
    bare = {each: value for each, value in genuine.headers.items() if each.lower() not in rule.headers}
    for headers in HEADERS:
        for body in (*BODIES, genuine.body):
            yield dataclasses.replace(genuine, headers=bare | headers, body=body, query={})
    for method in METHODS:
        for query in QUERIES:
            for action in ACTIONS:
                given = {"method": method, "query": query, "action": action, "headers": {}, "body": b"{}"}
                yield dataclasses.replace(genuine, **given)
    for capture in taken:
        yield dataclasses.replace(capture.arrived, headers={}, query={}, source=genuine.source)


@pytest.mark.parametrize("name", _delivered((Channel, Helpdesk)))
def test_what_nothing_proves_rings_nobody(name):
    side = "channels" if isinstance(world.connectors()[name], Channel) else "helpdesks"
    edge = Strange(name, side)
    rings = ringing()
    assert {"ConfigurationErrors", "TooLarge"} <= rings
    for request in unproved(name):
        edge.log.seek(0)
        edge.log.truncate()
        edge.moment = request.received_at
        answer = edge.receiver.receive(dataclasses.replace(request, endpoint="here"), side)
        assert answer.status < 500, request
        edge.receiver.telemetry.flush()
        counted = set(COUNTED.findall(edge.log.getvalue()))
        assert not counted & rings, request
        assert not edge.effects, request

"""What X-Ray gets to see: Lambda's own segments, and what the runtime tells of a crash; no word of ours.

The template turns tracing on at the service (times, faults). Of an invocation that fails, Lambda's runtime client
sends the error's text along (`make_xray_fault` in awslambdaric): so no error that leaves a function may quote anybody.
"""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

import deskwire
from deskwire import registry, runtime
from sandbox.neighbours.gateway import gateway_event

from .edge import secrets_of, signed
from .test_marked_values import NAME, PERSON, WORDS

ROOT = Path(__file__).parents[2]
TOLD = f"{WORDS} {NAME} {PERSON} invented-page-token"
TRACERS = ("aws_xray_sdk", "aws_lambda_powertools.tracing", "opentelemetry")
ROADS_TO_TRACES = ("xray", "x-ray", "_x_amzn_trace_id", "powertools_trace")


def sources():
    folders = (Path(deskwire.__file__).parent, ROOT / "functions")
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_ours_writes_to_a_trace(path):
    text = path.read_text(encoding="utf-8")
    assert not [name for name in imported(ast.parse(text)) if name.startswith(TRACERS)]
    assert not [road for road in ROADS_TO_TRACES if road in text.lower()]


def test_no_layer_brings_a_tracer():
    wanted = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text(encoding="utf-8").lower()
    assert "pydantic" in wanted
    assert not [name for name in ("aws-xray-sdk", "opentelemetry") if name in wanted]


class Runtime:
    """Lambda's runtime client, as far as an invocation tells it something."""

    def __init__(self):
        self.told = []
        self.failed = False
        self.marshaller = LambdaMarshaller()

    def post_invocation_error(self, _invocation, error, xray, *_):
        self.failed = True
        self.told += [error, xray]

    def post_invocation_result(self, _invocation, result, *_):
        self.told.append(str(result))

    def log(self, text, *_):
        self.told.append(str(text))

    log_error = log

    def invokes(self, handler, event):
        """Invoke a function as Lambda does; return everything that is told of it."""
        deadline = 4_000_000_000_000
        bootstrap.handle_event_request(
            self, handler, "id", json.dumps(event), "application/json", None, None, "arn", deadline, None, self
        )
        return "\n".join(self.told)


def crash(*_args, **_more):
    raise ValueError(TOLD)


def of_receive(company):
    object.__setattr__(company.receiver, "endpoints", SimpleNamespace(endpoint=crash))
    return lambda event, _context: company.receiver.handle(event), gateway_event(signed("meta"))


def of_receive_behind_the_signature(company):
    object.__setattr__(company.receiver, "mailbox", SimpleNamespace(send=crash))
    request = dataclasses.replace(signed("meta"), endpoint="meta")
    object.__setattr__(company.receiver, "endpoints", company)
    object.__setattr__(company.receiver, "clock", lambda: request.received_at)
    company.secrets = lambda _name: secrets_of("meta")
    return lambda event, _context: company.receiver.handle(event), gateway_event(request)


def of_converse(company, monkeypatch):
    broken = dataclasses.replace(company.conversation, directory=SimpleNamespace(connection=crash))
    monkeypatch.setattr(runtime, "conversation", lambda: broken)
    company.deliver(company.message(WORDS, customer=PERSON))
    record = {
        "messageId": "1", "body": company.mailbox.take().body, "attributes": {"MessageGroupId": "g"},
    }  # fmt: skip
    return lambda event, _context: runtime.converse(event, lambda: 60_000.0), {"Records": [record]}


class Polled:
    """A helpdesk whose polling fails with somebody's words; a class of its own, for `isinstance` remembers classes."""

    poll = staticmethod(crash)

    def __init__(self, helpdesk):
        self._helpdesk = helpdesk

    def __getattr__(self, name):
        return getattr(self._helpdesk, name)


def of_a_poll(company, monkeypatch):
    polled = Polled(registry.helpdesk("zendesk"))
    monkeypatch.setattr("deskwire.registry.helpdesk", lambda _name: polled)
    item = company.table.items[("H#acme", "HELPDESK")]
    item["definition"] = json.dumps(json.loads(item["definition"]) | {"poll": True})
    return lambda _event, _context: (company.sweeper.sweep(), company.work()), {}


CRASHES = [of_receive, of_receive_behind_the_signature, of_converse, of_a_poll]


@pytest.mark.parametrize("way", CRASHES)
def test_what_the_runtime_tells_of_a_crash_quotes_nobody(company, monkeypatch, way, capsys):
    takes = way.__code__.co_argcount
    handler, event = way(*(company, monkeypatch)[:takes])
    told = Runtime().invokes(handler, event) + "\n".join(company.lines) + capsys.readouterr().out
    assert "ValueError" in told, "the crash did not happen"
    for mark in (WORDS, NAME, PERSON, "invented-page-token"):
        assert mark not in told


def test_the_runtime_would_tell_a_trace_what_an_error_says():
    runtime_client = Runtime()
    assert WORDS in runtime_client.invokes(lambda *_: crash(), {})
    assert runtime_client.failed
    assert WORDS in json.loads(runtime_client.told[-1])["exceptions"][0]["message"]

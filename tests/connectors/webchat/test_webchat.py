"""The web chat beyond conformance: what its documentation promises of the connector and of the widget."""

import dataclasses
import gzip
import re

import pytest

from deskwire.channels.webchat import WebChat
from deskwire.model.errors import ConfigurationError, PayloadError
from deskwire.verification.session import Session
from deskwire.web.request import Request
from sandbox.platforms.webchat import played
from tests.conformance import world

CHANNEL = WebChat()
WIDGET = played.WIDGET.decode()
TEXT = world.Capture("webchat", "text")


def arrived(action="", **settings):
    request = TEXT.arrived
    return Request(
        method="POST", endpoint="e", action=action, body=b"", headers=request.headers, source="2001:db8:7:9::1",
        received_at=request.received_at,
    ).at(settings)  # fmt: skip


def test_the_widget_is_small_and_needs_nobody_else():
    assert len(gzip.compress(WIDGET.encode(), 9, mtime=0)) < 12_000
    assert set(re.findall(r"https?://[a-z0-9][^\s\"'`]*", WIDGET)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(import|require)\b\s*\(", WIDGET)


FORBIDDEN = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", ".style.", "cssText",
    "document.cookie", 'createElement("style',
)  # fmt: skip


@pytest.mark.parametrize("way", FORBIDDEN)
def test_the_widget_does_nothing_that_a_policy_forbids(way):
    assert way not in WIDGET


def test_every_language_of_the_widget_has_every_text():
    (names,) = re.findall(r"const names = \[(.*?)\];", WIDGET, re.DOTALL)
    languages = re.findall(r"^    ([a-z]{2}): \[(.*?)\],$", WIDGET, re.DOTALL | re.MULTILINE)
    assert len(languages) >= 6
    for language, texts in languages:
        assert len(re.findall(r'"[^"]+"', texts)) == len(re.findall(r'"[a-z]+"', names)), language


def test_reading_is_counted_by_nobody_and_all_else_is():
    """A count is a write: it would double what a look costs."""
    assert not CHANNEL.limits(arrived("messages"))
    assert not CHANNEL.budgets(arrived("messages"))
    assert CHANNEL.limits(arrived()) == [("message from 2001:db8:7:9::/64", 120, 600)]
    assert CHANNEL.limits(arrived("session", session_rate="3")) == [("session from 2001:db8:7:9::/64", 3, 600)]
    assert [most for _, most, _ in CHANNEL.budgets(arrived("files", visitor_rate="5"))] == [5, 1200]
    with pytest.raises(ConfigurationError):
        CHANNEL.limits(arrived(address_rate="many"))


def test_an_origin_that_no_browser_sends_is_told_before_it_is_applied():
    assert "origins" in Session().faults({"origins": "https://www.example.org/shop"})
    assert not Session().faults({"origins": "https://www.example.org http://127.0.0.1:8000"})


def test_a_request_of_no_session_is_read_by_nobody():
    request = Request(method="POST", endpoint="e", body=TEXT.arrived.body, received_at=TEXT.arrived.received_at)
    with pytest.raises(PayloadError):
        list(CHANNEL.parse(request))


def test_one_id_of_two_visitors_is_two_messages():
    headers = {**TEXT.arrived.headers, "authorization": f"Bearer v1.website.{'0' * 32}.1795248000.{'0' * 64}"}
    requests = TEXT.request, dataclasses.replace(TEXT.request, headers=headers)
    (first,), (second,) = (list(CHANNEL.parse(each)) for each in requests)
    assert first.object_id != second.object_id
    assert first.text == second.text

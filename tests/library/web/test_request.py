"""Requests as API Gateway hands them over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.errors import PayloadError
from deskwire.web.request import Request, Response, from_gateway, neighbourhood
from sandbox.neighbours.gateway import gateway_event

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)


@given(st.binary(max_size=200), st.dictionaries(WORDS, st.tuples(WORDS), max_size=3), st.booleans())
def test_a_request_survives_the_gateway(body, query, encoded):
    request = Request(method="POST", endpoint="meta", action="uploads", body=body, query=query, received_at=NOW)
    found = from_gateway(gateway_event(request, encoded=encoded))
    assert (found.body, found.query, found.endpoint, found.action) == (body, query, "meta", "uploads")
    assert found.received_at == NOW


def test_a_plus_stays_a_plus_and_a_value_is_decoded_once():
    event = gateway_event(Request(method="GET", endpoint="x", body=b"", received_at=NOW))
    event["rawQueryString"] = "crc_token=ab+c%2Fd%253D&crc=1&crc=2&empty"
    found = from_gateway(event)
    assert found.parameter("crc_token") == "ab+c/d%3D"
    assert found.parameter("crc") == "", "given twice is not given"
    assert found.query["empty"] == ("",)


@pytest.mark.parametrize(
    "event",
    [{}, {"requestContext": {}}, {"requestContext": {"http": {}}}, {"requestContext": None}, {"requestContext": []}],
)
def test_what_is_no_request_is_refused(event):
    with pytest.raises(PayloadError):
        from_gateway(event)


def test_headers_are_found_whatever_their_case():
    event = gateway_event(Request(method="POST", endpoint="x", body=b"", received_at=NOW))
    event["headers"]["X-Hub-Signature-256"] = "sha256=1"
    assert from_gateway(event).header("x-hub-signature-256") == "sha256=1"
    assert from_gateway(event).header("other") == ""


def test_an_answer_is_not_kept_and_not_guessed_at():
    answer = Response.json(200, {"a": "þ"}).to_gateway()
    assert answer["headers"]["cache-control"] == "no-store"
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert answer["statusCode"] == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
    ],
)
def test_a_neighbourhood_is_counted_as_one(address, counted):
    assert neighbourhood(address) == counted


def test_a_request_shows_no_body():
    assert "MARKER" not in repr(Request(method="POST", endpoint="x", body=b"MARKER", received_at=NOW))

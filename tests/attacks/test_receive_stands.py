"""What one endpoint, one broken connector or one lying delivery may not do to the others."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest

from deskwire.channels.messenger import Messenger
from deskwire.channels.webform import WebForm
from deskwire.channels.x import X
from deskwire.model.errors import PayloadError, PermanentError, TemporaryError
from deskwire.telemetry import Telemetry
from deskwire.web.reading import read

from .edge import Edge, arriving, genuine, signed

WORDS = "the words of a customer"


@pytest.fixture
def edge():
    return Edge()


def test_a_genuine_delivery_on_which_a_connector_breaks_is_kept_and_answered(edge, monkeypatch):
    def broken(self, request):
        raise KeyError(WORDS)

    monkeypatch.setattr(X, "parse", broken)
    assert edge.send(arriving("x", genuine("x")))["statusCode"] == 200
    assert edge.effects == {"parked": 1}
    assert json.loads(edge.parked.bodies[0])["reason"].startswith("the connector failed: KeyError at test_")
    assert '"Failures":1' in edge.log.getvalue()
    assert WORDS not in edge.log.getvalue()


def test_what_a_connector_found_before_it_broke_is_not_half_taken(edge, monkeypatch):
    def broken(self, request):
        raise ValueError(WORDS)

    monkeypatch.setattr(Messenger, "parse", broken)
    edge.send(arriving("meta", genuine("meta")))
    assert edge.effects == {"parked": 1}


def test_a_fault_of_ours_does_not_tell_lambda_s_log_a_customer_s_words(edge, monkeypatch):
    def broken(self, request):
        raise KeyError(WORDS)

    monkeypatch.setattr(WebForm, "parse", broken)
    with pytest.raises(RuntimeError) as caught:
        edge.send(arriving("form", genuine("form")))
    assert str(caught.value).startswith("KeyError at test_")
    assert caught.value.__suppress_context__
    assert WORDS not in str(caught.value)


def test_keys_of_google_that_cannot_be_had_are_an_outage_and_no_fault(edge):
    def gone(call):
        raise PermanentError("HTTP 404")

    edge.receiver = dataclasses.replace(edge.receiver, http=gone)
    assert edge.send(arriving("google", genuine("google")))["statusCode"] == 503
    assert edge.effects == {}


def test_an_event_from_another_endpoint_does_not_make_the_queue_drop_the_account_s_own(edge):
    """Two apps may be subscribed to one page, or one may lie: the queue's memory tells them apart."""
    assert edge.send(arriving("meta", dataclasses.replace(stranger(), endpoint="meta-b")))["statusCode"] == 200
    assert edge.send(arriving("meta", genuine("meta")))["statusCode"] == 200
    first, second = edge.mailbox.letters
    assert (first.group, json.loads(first.body)["endpoint"]) == (second.group, "meta-b")


def stranger():
    from .edge import secrets_of

    return signed("meta", secrets=secrets_of("meta", other=True))


def test_a_genuine_delivery_sent_again_is_one_letter_for_the_queue(edge):
    for _ in range(3):
        assert edge.send(arriving("meta", genuine("meta")))["statusCode"] == 200
    assert edge.effects == {"letters": 1}


def test_a_replay_within_the_window_of_a_stamped_signature_is_one_letter(edge):
    for kind in ("zendesk", "rt"):
        for _ in range(3):
            assert edge.send(arriving(kind, genuine(kind)))["statusCode"] == 200
    assert edge.effects == {"letters": 2}


def test_a_name_of_an_endpoint_cannot_break_a_line_of_the_log(edge):
    class Out:
        def endpoint(self, name):
            raise TemporaryError("out")

    log = io.StringIO()
    receiver = dataclasses.replace(edge.receiver, endpoints=Out(), telemetry=Telemetry("test", stream=log))
    hostile = 'x\r\n{"_aws":{}}\x1b[31m\u2028\u202e{"level":"ERROR"}'
    receiver.handle(arriving("meta", genuine("meta")) | {"pathParameters": {"endpoint": hostile}})
    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    told = json.loads(lines[0])
    assert "_aws" not in told
    assert not {"\r", "\n", "\x1b", "\u2028", "\u202e"} & set(told["endpoint"])


def test_an_id_of_4000_digits_is_no_id():
    """As text it was refused; as a number it went into keys and names."""
    for text in ("9" * 513, "-" + "9" * 4_000):
        with pytest.raises(PayloadError):
            read(text).identifier()
    assert read("9" * 512).identifier() == "9" * 512


def test_no_error_of_reading_names_what_stands_where_a_field_s_name_should():
    person = "24900000000000717"
    document = read(json.dumps({"users": {person: {"name": 7}, WORDS: 1}}))
    with pytest.raises(PayloadError, match=r"body\.users\.\*\.name is a number, not text"):
        document["users"][person]["name"].text()
    for _, node in document["users"].members():
        assert person not in node.path
        assert WORDS not in node.path

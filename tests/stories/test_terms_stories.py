"""Stories of a platform's terms: how long words are kept, and where sending again is harmless."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, timedelta

import pytest

from deskwire.channels.messenger import Messenger
from deskwire.contracts.terms import Figure, ThreadKind
from deskwire.conversation.table import seconds
from deskwire.model.errors import PayloadError, TemporaryError
from deskwire.operating.replaying import parked
from deskwire.ports import Found
from deskwire.receiving.receiver import BRIEF
from deskwire.timing import KEEP_SECONDS
from sandbox.neighbours.neighbour import broken

HOURS = Figure(timedelta(hours=48), "https://vendor.example/terms", date(2026, 11, 21))


@pytest.fixture
def terms(monkeypatch):
    """Return a function that changes Messenger's terms."""
    return lambda **changes: monkeypatch.setattr(Messenger, "terms", dataclasses.replace(Messenger.terms, **changes))


def messages(company):
    return [found for key, found in company.table.items.items() if key[1].startswith("M#") and "event" in found]


def test_words_expire_when_the_platform_s_terms_say(company, terms):
    terms(keeps_words=HOURS)
    company.deliver(company.message("Where is my order?"))
    assert company.work() == ["filed"]
    (message,) = messages(company)
    assert message["expires"] == seconds(company.now()) + 48 * 3600
    assert "raw" not in message
    assert company.archive.objects == {}


def test_words_that_cannot_be_filed_yet_expire_as_well(company, terms):
    terms(keeps_words=HOURS)
    company.zendesk.faults.add(broken(503))
    company.deliver(company.message("Where is my order?"))
    company.work()
    (message,) = messages(company)
    assert (message["state"], message["expires"]) == ("recorded", seconds(company.now()) + 48 * 3600)


def test_words_that_nobody_can_read_are_parked_where_they_are_soon_deleted(company, terms):
    terms(keeps_words=HOURS)
    company.deliver(company.message(["Where is my order?"]))
    (letter,) = company.parked.bodies
    assert "body" not in json.loads(letter)
    ((name, _),) = company.archive.objects.items()
    assert name.startswith(BRIEF)
    assert b"Where is my order?" in parked(Found("id", "handle", letter), company.archive).body
    company.archive.objects.clear()  # after a day
    with pytest.raises(PayloadError, match="no longer in the archive"):
        parked(Found("id", "handle", letter), company.archive)


def test_other_words_that_nobody_can_read_are_parked_in_their_letter(company):
    company.deliver(company.message(["Where is my order?"]))
    (letter,) = company.parked.bodies
    assert json.loads(letter)["body"]
    assert company.archive.objects == {}


def test_other_words_are_kept_as_long_as_ever(company):
    company.deliver(company.message("Where is my order?"))
    company.work()
    (message,) = messages(company)
    assert message["expires"] == seconds(company.now()) + KEEP_SECONDS
    assert message["raw"]


@pytest.fixture
def asked(company):
    company.deliver(company.message("Where is my order?"))
    company.work()
    company.graph.sent.clear()
    company.zendesk.agent_replies(company.zendesk.tickets[0].id, "On its way")
    company.signalled(company.zendesk.tickets[0].id)
    return company


def test_an_answer_in_doubt_is_sent_again_where_that_is_harmless(asked, terms):
    terms(idempotent=HOURS)
    asked.graph.next = [TemporaryError("the answer was lost", ambiguous=True)]
    asked.work()
    assert [each["message"]["text"] for each in asked.graph.sent] == ["On its way"] * 2
    assert not [words for words in asked.comments() if "unknown" in words]


def test_an_answer_that_is_in_doubt_twice_is_unknown(asked, terms):
    terms(idempotent=HOURS)
    lost = TemporaryError("the answer was lost", ambiguous=True)
    asked.graph.next = [lost, lost]
    asked.work()
    assert len(asked.graph.sent) == 2
    assert [words for words in asked.comments() if "unknown" in words]


def test_an_answer_in_doubt_is_not_sent_again_to_a_platform_that_is_left_alone(asked, terms):
    terms(idempotent=HOURS)
    asked.graph.next = [TemporaryError("HTTP 503", ambiguous=True, after=60)]
    asked.work()
    assert len(asked.graph.sent) == 1
    assert [words for words in asked.comments() if "unknown" in words]


def test_an_answer_whose_worker_died_is_sent_again_where_that_is_harmless(asked, terms, monkeypatch):
    terms(idempotent=HOURS)
    send = Messenger.send

    def dies(*given):
        send(*given)
        raise SystemExit

    monkeypatch.setattr(Messenger, "send", dies)
    with pytest.raises(SystemExit):
        asked.work()
    monkeypatch.setattr(Messenger, "send", send)
    asked.later(1000)
    assert [each["message"]["text"] for each in asked.graph.sent] == ["On its way"] * 2
    assert not [words for words in asked.comments() if "unknown" in words]


def test_an_answer_in_doubt_is_not_sent_again_anywhere_else(asked):
    asked.graph.next = [TemporaryError("the answer was lost", ambiguous=True)]
    asked.work()
    assert len(asked.graph.sent) == 1
    assert [words for words in asked.comments() if "unknown" in words]


def test_after_the_platform_s_time_an_answer_in_doubt_is_not_sent_again(asked, terms):
    terms(idempotent=dataclasses.replace(HOURS, value=timedelta(0)))
    asked.graph.next = [TemporaryError("the answer was lost", ambiguous=True)]
    asked.work()
    assert len(asked.graph.sent) == 1


@pytest.fixture
def on_air(monkeypatch, terms):
    """Let each message be of a kind of thread that takes no answer."""
    terms(kinds={"on air": ThreadKind(refusal="who is on air is not written to")})
    parse = Messenger.parse

    def read(self, request):
        return [dataclasses.replace(each, thread_kind="on air") for each in parse(self, request)]

    monkeypatch.setattr(Messenger, "parse", read)


def test_a_thread_keeps_to_the_rules_of_its_kind(company, on_air):
    company.deliver(company.message("Where is my order?"))
    company.work()
    assert company.graph.sent == [], "not acknowledged"
    assert company.thread()["timers"] == {}, "no window to remind of"
    company.zendesk.agent_replies(company.zendesk.tickets[0].id, "On its way")
    company.signalled(company.zendesk.tickets[0].id)
    company.work()
    assert company.graph.sent == []
    assert "who is on air is not written to" in company.comments()[-1]

"""The suite itself: a connector that breaks a rule is found by it."""

import dataclasses

import pytest

from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.requesttracker import RequestTracker
from deskwire.model.events import Unreadable
from deskwire.model.tickets import Change
from deskwire.registry import channel, helpdesk
from tests.conformance import world
from tests.conformance.conftest import _sends, _writes
from tests.conformance.test_captures import (
    test_the_ids_that_sending_returns_are_those_that_the_echo_brings as ids_equal,
)
from tests.conformance.test_helpdesks import test_a_ticket_that_is_so_already_is_only_looked_at as looked_at
from tests.conformance.test_helpdesks import (
    test_appending_says_that_it_changed_the_ticket_only_where_another_request_did as changes_told,
)
from tests.conformance.test_helpdesks import test_two_answers_in_a_row_are_two_signals as two_signals
from tests.conformance.test_hygiene import test_no_error_of_a_call_tells_a_secret_or_words as errors_are_silent


@pytest.fixture
def breaking(monkeypatch):
    """Let a connector's parser change each of its events."""

    def broken(connector, change):
        whole = type(connector).parse

        def parse(self, request):
            return [each if isinstance(each, Unreadable) else change(each) for each in whole(self, request)]

        monkeypatch.setattr(type(connector), "parse", parse)

    return broken


@pytest.mark.parametrize("name", ["zendesk", "requesttracker"])
def test_signals_told_apart_by_their_ticket_alone_are_found(breaking, name):
    two_signals(name)
    breaking(helpdesk(name), lambda event: dataclasses.replace(event, object_id=event.ticket, version=""))
    with pytest.raises(AssertionError, match="two keys"):
        two_signals(name)


@pytest.mark.parametrize("name", ["facebook", "messenger", "x"])
def test_an_echo_under_another_id_than_was_sent_is_found(breaking, name):
    ids_equal(name)
    breaking(channel(name), lambda event: dataclasses.replace(event, object_id=f"mid.{event.object_id}"))
    with pytest.raises(AssertionError, match=r"no (public|private) echo"):
        ids_equal(name)


def test_an_update_that_lowers_what_agents_set_is_found(monkeypatch):
    """It makes a request more than the exchange has."""
    for name in ("zendesk", "requesttracker", "vtiger"):
        looked_at(name)
    monkeypatch.setattr(Change, "raises", lambda self, current: True)
    for name in ("zendesk", "vtiger"):
        with pytest.raises(AssertionError, match="one request more"):
            looked_at(name)


def test_an_update_that_writes_tags_a_second_time_is_found(monkeypatch):
    monkeypatch.setattr(Change, "missing", lambda self, current: self.tags)
    for name in ("zendesk", "requesttracker", "vtiger"):
        with pytest.raises(AssertionError, match="one request more"):
            looked_at(name)


def test_an_append_that_claims_a_change_it_never_made_is_found(monkeypatch):
    (shown,) = [item for item in world.exchanges("requesttracker") if item.name == "append"]
    changes_told(shown)
    whole = RequestTracker.append
    claims = dataclasses.replace

    def append(self, ticket, thread, entries, reach):
        return claims(whole(self, ticket, thread, entries, reach), changed=any(entry.change for entry in entries))

    monkeypatch.setattr(RequestTracker, "append", append)
    with pytest.raises(AssertionError, match="the same requests"):
        changes_told(shown)


def exchange(call, **data):
    """Return an exchange that is not in a file."""
    made = world.Exchange("zendesk", "made-up")
    filled = {"call": call, "steps": [], "result": {"filed": {"ticket": "7", "entries": {}}}, **data}
    return type("Made", (world.Exchange,), {"data": filled})(made.connector, made.name)


def test_what_asks_nobody_is_spared_the_rules_about_answers():
    assert not _writes(exchange("append"))
    assert not _sends(exchange("send"))
    assert _writes(exchange("append", steps=[{}]))


def test_a_page_s_channel_puts_what_it_sends_into_the_outbox():
    outgoing = {"key": "k1", "account": "1", "thread": "t", "visibility": "private", "text": "Hi", "automatic": False}
    made = exchange("send", outgoing=outgoing)
    reach = world.reach_of(made, world.Script([]))
    assert reach.outbox(world.built(world.Outgoing, outgoing)) == "outbox-k1"


def test_a_ticket_that_is_gone_is_an_end_like_others(monkeypatch, caplog):
    """The rule about errors' words looks at it, and does not fall over."""

    def gone(self, *arguments, **options):
        raise TicketGone("deleted")

    (shown, *_) = [item for item in world.exchanges("zendesk") if item.call == "append" and item.ends_well]
    monkeypatch.setattr(world, "played", gone)
    errors_are_silent(shown, caplog)

"""The suite itself: a connector that breaks a rule is found by it."""

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskwire.channels.viber import registering
from deskwire.contracts.helpdesk import TicketGone
from deskwire.contracts.registration import Finding
from deskwire.helpdesks.requesttracker import RequestTracker
from deskwire.model.events import Unreadable
from deskwire.model.signals import Status
from deskwire.model.tickets import Change
from deskwire.registry import channel, helpdesk
from deskwire.web.request import Request
from tests.conformance import world
from tests.conformance.conftest import _sends, _writes
from tests.conformance.test_captures import (
    test_an_album_is_several_messages_that_one_person_sent_into_one_thread as of_one_album,
)
from tests.conformance.test_captures import (
    test_the_ids_that_sending_returns_are_those_that_the_echo_brings as ids_equal,
)
from tests.conformance.test_helpdesks import test_a_ticket_that_is_so_already_is_only_looked_at as looked_at
from tests.conformance.test_helpdesks import (
    test_answers_that_are_signalled_are_signed_told_apart_and_never_asked_for as answers_told,
)
from tests.conformance.test_helpdesks import (
    test_appending_says_that_it_changed_the_ticket_only_where_another_request_did as changes_told,
)
from tests.conformance.test_helpdesks import (
    test_missing_or_wrong_fields_in_an_answer_are_an_error_of_ours as missing_fields,
)
from tests.conformance.test_helpdesks import test_two_answers_in_a_row_are_two_signals as two_signals
from tests.conformance.test_helpdesks import (
    test_what_became_of_a_ticket_is_signalled_each_time_and_with_its_time as statuses_told,
)
from tests.conformance.test_hygiene import (
    test_each_kind_of_thread_has_rules_of_its_own_and_a_capture as kinds_have_rules,
)
from tests.conformance.test_hygiene import test_no_error_of_a_call_tells_a_secret_or_words as errors_are_silent
from tests.conformance.test_registration import test_it_is_set_up_once_and_then_only_looked_at as set_up_once
from tests.conformance.test_registration import test_no_secret_is_in_what_is_told as no_secret
from tests.conformance.test_registration import test_what_is_right_and_what_is_wrong_are_told_apart as told_apart
from tests.simulation.hotline import Hotline

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE = Path(__file__).parent
RULE = re.compile(r'mark\.rule\("([^"]+)"\)')


def test_setting_up_what_is_set_up_already_is_found(monkeypatch):
    set_up_once("viber")
    monkeypatch.setattr("deskwire.contracts.registration.Finding.mends", True)
    with pytest.raises(AssertionError, match="request more"):
        set_up_once("viber")


def test_a_look_that_finds_nothing_wrong_is_found(monkeypatch):
    told_apart("viber")
    monkeypatch.setattr(registering, "complete", lambda what, *_: Finding(what=what))
    monkeypatch.setattr(registering, "address", lambda what, *_: Finding(what=what))
    with pytest.raises(AssertionError, match="finds what it mends"):
        told_apart("viber")


def test_a_finding_that_shows_a_secret_is_found(monkeypatch):
    (shown,) = [item for item in world.exchanges("viber") if item.name == "registration"]
    no_secret(shown)
    whole = type(channel("viber")).registration

    def registration(self, site, reach):
        return [*whole(self, site, reach), Finding(what=reach.secrets.one("auth_token").reveal())]

    monkeypatch.setattr(type(channel("viber")), "registration", registration)
    with pytest.raises(AssertionError):
        no_secret(shown)


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


@pytest.mark.parametrize(
    ("what", "group"), [("an album of one", lambda event: event.object_id), ("of several", lambda event: "album")]
)
def test_a_group_that_is_no_album_is_found(breaking, what, group):
    of_one_album("messenger")
    breaking(channel("messenger"), lambda event: dataclasses.replace(event, group=group(event)))
    with pytest.raises(AssertionError, match=what):
        of_one_album("messenger")


@pytest.mark.parametrize("name", ["instagram", "x"])
def test_a_kind_of_thread_that_the_terms_do_not_know_is_found(breaking, name):
    kinds_have_rules(name)
    breaking(channel(name), lambda event: dataclasses.replace(event, thread_kind=event.thread_kind.upper()))
    with pytest.raises(AssertionError):
        kinds_have_rules(name)


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


@pytest.fixture
def hotline(monkeypatch):
    """Return the checking of a hotline, changed as it is said: its class, and each of its signals."""

    def checked(rule, change=lambda signal: signal, **fields):
        subject = type("hotline", (Hotline,), {"__module__": "tests.simulation.hotline", **fields})()
        bodies = [json.dumps(each).encode() for each in TOLD]
        asked = [Request(method="POST", endpoint="desk", body=body, received_at=NOW) for body in bodies]
        told = [change(each) for request in asked for each in subject.parse(request)]
        monkeypatch.setattr(world, "connectors", lambda: {"hotline": subject})
        monkeypatch.setattr(world, "happened", lambda name: told)
        rule("hotline")

    return checked


SAID = {"ticket": 7, "words": "It is on its way", "agent": "Agnes", "at": "2026-11-21T12:00:00Z", "public": True}
TOLD = (
    {"call": 1, "id": 31, **SAID},
    {"call": 2, "id": 32, **SAID, "words": "and here is the number"},
    {"call": 3, "id": 33, **SAID, "words": "he is angry", "public": False},
    {"call": 4, "id": 34, **SAID, "words": "We have it: 7", "agent": "Deskwire"},
)


def owned(signal):
    """Return the signal as the hotline should make it: what Deskwire wrote is our own."""
    return dataclasses.replace(signal, own=signal.answer.author == "Deskwire")


def test_a_hotline_that_does_all_of_it_passes(hotline):
    hotline(answers_told, owned)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("internal note", {"public": True}),
        ("one id", {"id": "7"}),
    ],
)
def test_an_answer_that_is_signalled_wrong_is_found(hotline, what, change):
    with pytest.raises(AssertionError, match=what):
        hotline(
            answers_told,
            lambda each: dataclasses.replace(owned(each), answer=dataclasses.replace(each.answer, **change)),
        )


def test_answers_of_one_key_and_our_own_words_as_an_answer_are_found(hotline):
    with pytest.raises(AssertionError, match="one key"):
        hotline(answers_told, lambda each: dataclasses.replace(owned(each), object_id=each.ticket))
    with pytest.raises(AssertionError, match="our own words"):
        hotline(answers_told)


def test_answers_that_are_not_signed_or_are_read_as_well_are_found(hotline):
    with pytest.raises(AssertionError, match="not signed"):
        hotline(answers_told, owned, known_gaps={"C4.body": "it shows a token and signs nothing"})
    with pytest.raises(AssertionError, match="sent twice"):
        hotline(answers_told, owned, replies=lambda *_: ("an answer",))


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("no time", {"occurred_at": None}),
        ("solved twice", {"object_id": "status", "version": ""}),
        ("one reopened", {"status": Status.SOLVED}),
    ],
)
def test_a_status_that_is_signalled_wrong_is_found(breaking, what, change):
    statuses_told("zendesk")
    breaking(helpdesk("zendesk"), lambda each: dataclasses.replace(each, **change) if each.status else each)
    with pytest.raises(AssertionError, match=what):
        statuses_told("zendesk")


def exchange(call, **data):
    """Return an exchange that is not in a file."""
    filled = {"call": call, "steps": [], "result": {"filed": {"ticket": "7", "entries": {}}}, **data}
    return world.Unrecorded(filled, "zendesk")


def test_what_asks_nobody_is_spared_the_rules_about_answers():
    assert not _writes(exchange("append"))
    assert not _sends(exchange("send"))
    assert _writes(exchange("append", steps=[{}]))


def test_a_page_s_channel_puts_what_it_sends_into_the_outbox():
    outgoing = {"key": "k1", "account": "1", "thread": "t", "visibility": "private", "text": "Hi", "automatic": False}
    made = exchange("send", outgoing=outgoing)
    reach = world.reach_of(made, world.Script([]))
    assert reach.outbox(world.built(world.Outgoing, outgoing)) == "outbox-k1"


@pytest.mark.parametrize(("name", "call"), [("requesttracker", "open"), ("viber", "send"), ("hubspot", "poll")])
def test_an_answer_that_is_parked_behind_the_queue_is_found(monkeypatch, name, call):
    """A connector whose call goes past the base class, which makes a `TemporaryError` of it."""

    def look():
        for item in world.exchanges(name):
            if item.call == call and item.ends_well and item.data["steps"]:
                missing_fields(item)

    look()
    kind = type(world.connectors()[name])
    monkeypatch.setattr(kind, call, getattr(kind, call).__wrapped__)
    with pytest.raises(pytest.fail.Exception, match="never parked"):
        look()


def test_each_test_of_a_rule_has_a_name_of_its_own_for_a_gap():
    names = [name for path in sorted(HERE.glob("test_*.py")) for name in RULE.findall(path.read_text(encoding="utf-8"))]
    assert names
    assert [name for name in names if "." not in name or names.count(name) > 1] == []


def test_a_ticket_that_is_gone_is_an_end_like_others(monkeypatch, caplog):
    """The rule about errors' words looks at it, and does not fall over."""

    def gone(self, *arguments, **options):
        raise TicketGone("deleted")

    (shown, *_) = [item for item in world.exchanges("zendesk") if item.call == "append" and item.ends_well]
    monkeypatch.setattr(world, "played", gone)
    errors_are_silent(shown, caplog)

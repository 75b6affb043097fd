"""C1, C2, C11, C12: what the captured requests become."""

import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.letters import content_in, stored
from deskwire.model.errors import PayloadError, SignatureError
from deskwire.model.events import Kind
from deskwire.model.secret import Secrets
from tests.conformance import world

ERRORS = {"PayloadError": PayloadError, "SignatureError": SignatureError}


@pytest.mark.rule("C1.complete")
def test_each_capture_says_what_it_must_become(capture_file):
    expected = capture_file.expected
    assert expected is not None, f"tests/expected/{capture_file}.json is missing"
    assert "events" in expected or "error" in expected or set(expected) == {"response"}


@pytest.mark.rule("C1.paired")
def test_each_expected_result_has_its_capture(connector):
    expected = {path.stem for path in (world.EXPECTED / connector).glob("*.json")}
    assert expected == {item.name for item in world.captures(connector)}


@pytest.mark.rule("C1.exact")
def test_a_capture_becomes_exactly_what_is_expected(capture):
    request = capture.request
    events, unreadable = world.parsed(capture.connector, request)
    assert [event.to_json() for event in events] == capture.expected["events"]
    assert len(unreadable) == capture.expected.get("unreadable", 0)
    wanted = capture.expected.get("response")
    if wanted:
        response = world.connectors()[capture.connector].acknowledged(request, events)
        assert response is not None
        assert {name: getattr(response, name) for name in wanted} == wanted


@pytest.mark.rule("C1.refused")
def test_what_cannot_be_used_is_refused_as_expected(refused):
    connector, request = world.connectors()[refused.connector], refused.arrived
    secrets = Secrets(world.secret_values(refused.connector))
    with pytest.raises(ERRORS[refused.expected["error"]]) as caught:  # noqa: PT012 - one delivery's way
        assert connector.handshake(request, secrets) is None
        facts = connector.verification.verify(request, secrets, world.context(refused.connector, request.received_at))
        verified = dataclasses.replace(request, facts={**request.facts, **facts})
        list(connector.parse(connector.verification.cleared(verified)))
    wanted = refused.expected.get("response", {})
    if wanted:
        response = connector.reject(request, caught.value)
        assert {name: getattr(response, name) for name in wanted} == wanted


@pytest.mark.rule("C2.redelivery")
def test_a_redelivery_has_the_same_keys(redelivery):
    first = world.Capture(redelivery.connector, redelivery.name.removesuffix("-again"))
    assert first.gateway != redelivery.gateway, "the second delivery is a copy of the first request"
    keys = [[event.key for event in world.parsed(item.connector, item.request)[0]]
            for item in (first, redelivery)]  # fmt: skip
    assert keys[0]
    assert sorted(keys[0]) == sorted(keys[1])


@pytest.mark.rule("C2.delivery")
def test_no_two_events_of_a_delivery_share_a_key(capture):
    keys = Counter(event.key for event in world.parsed(capture.connector, capture.request)[0])
    assert not [key for key, times in keys.items() if times > 1]


@pytest.mark.rule("C2.distinct")
def test_different_things_have_different_keys(delivered_connector):
    """Over all captures: one key means one event (a redelivery may differ in nothing that is filed)."""
    assert world.captures(delivered_connector), "there is no capture"
    found = {}
    for capture in world.captures(delivered_connector):
        if "events" not in (capture.expected or {}):
            continue
        for event in world.parsed(delivered_connector, capture.request)[0]:
            mine = (event.kind, event.object_id, getattr(event, "verb", ""), getattr(event, "text", ""))
            assert found.setdefault(event.key, mine) == mine, f"{capture}: another event has this key"


@pytest.mark.rule("C2.original")
def test_an_edit_or_deletion_has_its_own_key_and_points_at_the_original(channel):
    changes, originals = [], set()
    for event in world.happened(channel):
        if event.kind is Kind.MESSAGE:
            originals.add(event.key)
        elif event.kind in {Kind.EDIT, Kind.DELETION}:
            changes.append(event)
    for event in changes:
        assert event.key != event.original
        assert event.key not in originals
    assert not changes or any(event.original in originals for event in changes), (
        "no captured edit or deletion is about a captured message"
    )


@pytest.mark.rule("C2.album")
def test_an_album_is_several_messages_that_one_person_sent_into_one_thread(channel):
    """Its id is the album's own: one that several albums share would join them, a message's own joins nothing."""
    albums = {}
    for event in world.happened(channel):
        if event.group:
            albums.setdefault((event.account, event.group), []).append(event)
    for (_, group), events in albums.items():
        assert len({event.key for event in events}) > 1, f"{group}: an album of one"
        assert len({(event.thread, event.own, event.author_ids) for event in events}) == 1, f"{group}: of several"
        assert {event.kind for event in events} <= {Kind.MESSAGE, Kind.EDIT, Kind.DELETION}, group


@pytest.mark.rule("C11.times")
def test_times_are_in_utc_and_in_the_right_unit(capture):
    request = capture.request
    for event in world.parsed(capture.connector, request)[0]:
        if event.occurred_at is not None:
            assert event.occurred_at.utcoffset() == timedelta(0)
            assert datetime(2010, 1, 1, tzinfo=UTC) < event.occurred_at
            assert event.occurred_at < request.received_at + timedelta(days=1)


@pytest.mark.rule("C11.stable")
def test_two_parses_give_the_same_and_its_json_reads_back(capture):
    first, second = (world.parsed(capture.connector, capture.request)[0] for _ in range(2))
    assert first == second
    for event in first:
        assert event.connector == capture.connector
        # Where a delivery names no account, receive fills it in.
        assert bool(event.account) is world.connectors()[capture.connector].names_account
        for value in (event.object_id, event.thread_key, event.key):
            assert isinstance(value, str)
            assert value
        assert content_in(stored(event)) == event


@pytest.mark.rule("C11.identity")
def test_an_author_is_found_under_the_id_that_events_carry(channel):
    """Else who asks to be erased is not found, and the certificate says that nothing was there."""
    subject = world.connectors()[channel]
    for event in world.happened(channel):
        if event.author is not None:
            written = [event.author.id, f" {event.author.id}\n"]
            written += [event.author.id.upper()] if event.author.id == event.author.email else []
            assert {subject.identity(each) for each in written} == {event.author.id}


@pytest.mark.rule("C11.labels")
def test_what_it_says_beside_the_words_is_text_with_labels_for_people(channel_capture):
    for event in world.parsed(channel_capture.connector, channel_capture.request)[0]:
        assert all(
            isinstance(text, str) for pairs in (event.facts, event.keep) for pair in pairs.items() for text in pair
        )
        # The agent reads the labels as they are: words, and no name of a program's.
        assert not any(label != label.strip() or "_" in label or label[0].islower() for label in event.facts)


@pytest.mark.rule("C12.own")
def test_what_the_account_wrote_is_known_as_its_own(channel):
    own = [event for event in world.happened(channel) if event.own]
    assert own, "no capture shows a message of the account itself"
    assert any(event.kind is Kind.MESSAGE for event in own)


@pytest.mark.rule("C12.ids")
def test_the_ids_that_sending_returns_are_those_that_the_echo_brings(replying_channel):
    """Else our own message comes back as another's. In each place a captured echo is that of a recorded `send`."""
    own = [event for event in world.happened(replying_channel) if event.own and event.kind is Kind.MESSAGE]
    assert own, "no capture shows a message of the account itself"
    sends = [item for item in world.exchanges(replying_channel) if item.call == "send" and item.ends_well]
    for place in {event.visibility for event in own} & {item.data["outgoing"]["visibility"] for item in sends}:
        echoed = {event.object_id for event in own if event.visibility == place}
        sent = {
            text for item in sends if item.data["outgoing"]["visibility"] == place for text in world.played(item)[0].ids
        }
        assert echoed & sent, f"no {place} echo has an id that a recorded `send` returns"

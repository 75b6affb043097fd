"""Every letter and item that a released version wrote is read as what it was: see released/README.md."""

import base64
import json
from functools import cache
from pathlib import Path

import pytest

from deskwire.conversation.recorded import recorded
from deskwire.conversation.thread import Thread
from deskwire.letters import content_of, opened, read_letter, stored
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.signals import Signal
from deskwire.operating.replaying import parked
from deskwire.ports import Found
from deskwire.ports.memory import MemoryArchive

RELEASED = Path(__file__).parent / "released"
VERSIONS = sorted(path.name for path in RELEASED.iterdir() if path.is_dir())


@cache
def recording(version, name):
    return json.loads((RELEASED / version / f"{name}.json").read_text(), object_hook=_bytes)


def _bytes(found):
    return base64.b64decode(found["base64"]) if found.keys() == {"base64"} else found


def archive_of(version):
    archive = MemoryArchive()
    for name, data in recording(version, "archive").items():
        archive.keep(name, data)
    return archive


def shown(event):
    """Return the fields of an event that are not their default, as plain JSON; a signal as the event that it was."""
    if isinstance(event, Signal):
        was = {new: event.to_json()[old] for old, new in NAMES_OF_0_1_0.items() if event.to_json()[old]}
        return {name: value for name, value in was.items() if (name, value) != ("kind", "other")} | {"verb": "add"}
    least = Event(channel="-", account="-", kind=Kind.OTHER, object_id="-", verb="-", thread="-",
                  visibility=Visibility.PRIVATE).to_json()  # fmt: skip
    return {name: value for name, value in event.to_json().items() if value != least[name]}


def every(name, key="name"):
    return [
        pytest.param(version, each, id=f"{version}: {each[key]}")
        for version in VERSIONS
        for each in recording(version, name)
    ]


@pytest.mark.parametrize(("version", "letter"), every("letters"))
def test_a_letter_is_read_as_what_it_was(version, letter):
    data = read_letter(letter["body"])
    values = recording(version, "values")[letter["name"]]
    if "timer" in data:
        assert {"timer": data["timer"]} == values
        return
    archive = archive_of(version)
    envelope = opened(data, archive)
    assert shown(envelope.content) == values["event"]
    assert (envelope.endpoint, envelope.side, envelope.thread) == (values["endpoint"], values["side"], values["thread"])
    assert envelope.received_at
    if envelope.raw_at:
        assert archive.fetch(envelope.raw_at)


@pytest.mark.parametrize(("version", "letter"), every("dead", "id"))
def test_a_dead_letter_is_read_as_a_letter(version, letter):
    data = read_letter(Found(handle="", **letter).body)
    assert "timer" in data or content_of(data, archive_of(version)).key


@pytest.mark.parametrize("version", VERSIONS)
def test_a_parked_delivery_is_read_whole(version):
    for body in recording(version, "parked"):
        delivery = parked(Found("1", "", body), archive_of(version))
        assert (delivery.endpoint, delivery.side) == ("meta", "channels")
        assert delivery.reason
        assert json.loads(delivery.body)["object"] == "page"


@pytest.mark.parametrize(("version", "moment"), every("items"))
def test_every_item_is_read_and_what_is_written_back_says_the_same(version, moment):
    kinds = set()
    for row in moment["rows"]:
        kinds.add(row["sk"][:2])
        if row["sk"].startswith("M#"):
            message = recorded(row)
            assert message.state == row["state"]
            event = message.content
            if event is None:
                assert message.note
                continue
            assert event.key == message.key
            again = recorded({**row, "event": stored(event)})
            assert again.content == event
        elif row["sk"] == "THREAD" and row["pk"].startswith("T#"):
            thread = Thread.model_validate(row)
            assert thread.key == row["pk"].removeprefix("T#")
            assert isinstance(thread.context, dict)
    assert {"TH", "S#"} <= kinds


@pytest.mark.parametrize("version", ["0.1.0"])
def test_the_recording_holds_every_kind(version):
    kinds = {_kind(version, each) for each in recording(version, "letters")}
    assert kinds == KINDS_OF_0_1_0
    rows = [row for moment in recording(version, "items") for row in moment["rows"]]
    assert {row["sk"][:2] for row in rows} >= {"M#", "S#", "O#", "TH", "PE"}
    assert {row["pk"][:2] for row in rows} == {"K#", "N#", "P#", "T#"}
    assert {row["state"] for row in rows if row["sk"].startswith("M#")} >= {
        "recorded",
        "filed",
        "suppressed",
        "refused",
    }


def _kind(version, letter):
    data = read_letter(letter["body"])
    return "timer" if "timer" in data else str(content_of(data, archive_of(version)).kind)


NAMES_OF_0_1_0 = {
    "about": "kind", "key": "key", "helpdesk": "channel", "account": "account", "object_id": "object_id",
    "version": "version", "ticket": "thread", "own": "own", "reason": "text", "occurred_at": "occurred_at",
}  # fmt: skip
KINDS_OF_0_1_0 = {"message", "edit", "deletion", "reaction", "receipt", "state", "ticket", "timer", "other"}


def test_nothing_of_an_event_of_0_1_0_is_lost_but_what_its_words_or_its_fields_say():
    values = recording("0.1.0", "values")
    form = values["webform: a visitor's own fields"]["event"]
    assert {"stars", "attention", "echo_of", "keep"} & form.keys() == set()
    assert form["facts"]["Form field “rating”"] == "1"
    assert values["google: a completed review"]["event"]["stars"] == 2
    assert values["webform: honeypot"]["event"]["dismissal"] == "honeypot"
    assert values["state with attention"]["event"]["attention"] == "Meta's policy: block"
    assert len(values["own echo with metadata"]["event"]["echo_of"]) == 64
    assert values["x: consent_withdrawn"]["event"]["attention"] == "connect the account again"

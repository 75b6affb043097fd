"""What is on the mailbox and in the table: written with a version, read in every older one, refused in a newer."""

import ast
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

import deskwire
from deskwire.letters import VERSION, event_in, letter_of, opened, read_letter, stored, timer
from deskwire.model.errors import PayloadError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.values import replace
from deskwire.ports.memory import MemoryArchive

EVENT = Event(
    channel="messenger", account="41", kind=Kind.MESSAGE, object_id="m_1", verb="add", thread="99", text="Góðan dag",
    visibility=Visibility.PRIVATE, author=Author("99"), occurred_at=datetime(2026, 11, 2, 9, tzinfo=UTC),
    facts={"Order": "SO-1"}, stars=2, keep={"post": "7"},
)  # fmt: skip


def written(event=EVENT, archive=None):
    return letter_of(event, "meta", "channels", "2026-11-02T09:00:00+00:00", archive or MemoryArchive())


def changed(letter, **fields):
    return json.dumps({**json.loads(letter.body), **fields})


def test_a_letter_and_its_event_say_their_version_and_read_back():
    data = read_letter(written().body)
    assert (data["v"], data["event"]["v"], read_letter(timer("t", "x").body)["v"]) == (VERSION,) * 3
    assert opened(data, MemoryArchive()).content == EVENT
    assert event_in(stored(EVENT)) == EVENT


@pytest.mark.parametrize("version", [VERSION + 1, VERSION + 40, "2", None, 2.5])
def test_what_a_newer_version_wrote_is_refused_and_never_misread(version):
    with pytest.raises(PayloadError, match="deploy the newer code"):
        read_letter(changed(written(), v=version))
    with pytest.raises(PayloadError, match="deploy the newer code"):
        read_letter(json.dumps({"v": version, "timer": "t"}))
    event = {**EVENT.to_json(), "v": version}
    with pytest.raises(PayloadError, match="deploy the newer code"):
        opened(read_letter(changed(written(), event=event)), MemoryArchive())
    with pytest.raises(PayloadError, match="deploy the newer code"):
        event_in(zlib.compress(json.dumps(event).encode()))


def test_a_field_that_most_events_leave_empty_is_written_where_it_is_not():
    event = replace(EVENT, thread_kind="live comment", group="14001122334455667")
    assert event_in(stored(event)) == event
    assert not {"thread_kind", "group"} & EVENT.to_json().keys()


def test_an_unknown_field_of_letter_and_event_goes_along_wherever_they_are_written_again():
    body = changed(written(), hurry=True, event={**json.loads(written().body)["event"], "mood": "glad"})
    envelope = opened(read_letter(body), MemoryArchive())
    forwarded = json.loads(envelope.forwarded("elsewhere").body)
    assert (forwarded["hurry"], forwarded["event"]["mood"], forwarded["thread"]) == (True, "glad", "elsewhere")
    assert json.loads(zlib.decompress(stored(envelope.content)))["mood"] == "glad"
    assert json.loads(written(event_in(stored(envelope.content))).body)["event"]["mood"] == "glad"


def test_a_missing_field_is_its_default():
    event = {name: EVENT.to_json()[name] for name in ("channel", "account", "kind", "object_id", "verb", "thread",
                                                      "visibility", "text")}  # fmt: skip
    read = opened(read_letter(changed(written(), event={**event, "v": VERSION})), MemoryArchive()).content
    assert (read.key, read.stars, read.facts, read.author, read.complete) == (EVENT.key, 0, {}, None, True)


@pytest.mark.parametrize("damage", [{"event": 5}, {"event": []}, {"raw": "a"}, {"raw": 7}])
def test_what_is_none_of_ours_is_refused(damage):
    with pytest.raises(PayloadError):
        opened(read_letter(changed(written(), **damage)), MemoryArchive())


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "7", "{}", '{"event": {}}'])
def test_what_is_no_letter_is_refused(body):
    with pytest.raises(PayloadError):
        read_letter(body)


CORE = ("conversation", "care", "receiving", "sweeping", "operating")


def _reads(tree):
    """Yield each place that looks for a label in an event's facts, or for a key in what its channel keeps."""
    for node in ast.walk(tree):
        looked = node.value if isinstance(node, ast.Subscript | ast.Attribute) else None
        if isinstance(node, ast.Attribute) and node.attr not in {"get", "pop"}:
            looked = None
        of_event = isinstance(looked, ast.Attribute) and looked.attr in {"facts", "keep", "details"}
        # `.facts` of a request are what its verification found out.
        if of_event and not (isinstance(looked.value, ast.Name) and looked.value.id == "request"):
            yield node.lineno
        if isinstance(node, ast.Attribute) and node.attr == "details":
            yield node.lineno


@pytest.mark.parametrize("room", CORE)
def test_the_core_reads_no_connector_s_private_key(room):
    for path in (Path(deskwire.__file__).parent / room).rglob("*.py"):
        assert list(_reads(ast.parse(path.read_text()))) == [], path.name


def test_that_test_finds_what_it_looks_for():
    lines = 'event.details.get("rating")\nevent.facts["Order"]\nevent.keep.get("x")\nmeta.facts({})\nrequest.facts["a"]'
    found = sorted({*_reads(ast.parse(lines))})
    assert found == [1, 2, 3]

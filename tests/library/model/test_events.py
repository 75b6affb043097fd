"""Events, keys, and what they must hold."""

from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.errors import ConfigurationError, PayloadError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Visibility, event_from_json
from deskwire.model.keys import ADD, compose, digest
from deskwire.model.secret import Secret, Secrets, secrets_from_json

EVENT = Event(
    channel="messenger", account="41", kind=Kind.MESSAGE, object_id="m_1", verb=ADD, thread="99",
    visibility=Visibility.PRIVATE, author=Author("99", "Marta"), text="Góðan dag 👩‍👩‍👧",
    occurred_at=datetime(2026, 11, 2, 9, tzinfo=UTC),
    attachments=(Attachment(AttachmentKind.IMAGE, url="https://x.example/a.jpg", name="a.jpg", type="image/jpeg"),),
    reply_to="m_0", language="is", subject="s", no_automatic_reply="standby", facts={"Order": "SO-1", "Link": "l"},
    stars=2,
    attention="call them", echo_of="e", dismissal="d", aliases=("a1",), keep={"k": "v"},
)  # fmt: skip
MISSING = dataclasses.MISSING
NEEDED = {"channel", "account", "kind", "object_id", "verb", "thread", "visibility"}


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5), st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_other_parts_give_another_key(one, two):
    assert (compose(*one) == compose(*two)) == (one == two)


def test_no_id_can_pose_as_two():
    assert compose("a/b", "c") != compose("a", "b/c")
    assert compose("a", "") != compose("a")


@given(st.text(min_size=600, max_size=900), st.text(min_size=600, max_size=900))
def test_an_over_long_key_is_short_and_still_its_own(one, two):
    assert len(compose("channel", one * 2).encode()) < 1000
    assert (compose("c", one * 2) == compose("c", two * 2)) == (one == two)


def test_an_event_survives_its_json():
    assert event_from_json(EVENT.to_json()) == EVENT
    assert list(event_from_json(EVENT.to_json()).facts) == ["Order", "Link"]


@given(st.sampled_from(sorted(EVENT.to_json().keys() - NEEDED)))
def test_a_field_that_an_older_version_did_not_write_is_its_default(name):
    data = {key: value for key, value in EVENT.to_json().items() if key != name} | {"kind": "edit"}
    default = next((each.default for each in dataclasses.fields(Event) if each.name == name), MISSING)
    if default is not MISSING or name in {"facts", "keep"}:
        assert getattr(event_from_json(data), name) == ({} if default is MISSING else default)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_what_an_event_cannot_be_without_is_not_made_up(name):
    data = {key: value for key, value in EVENT.to_json().items() if key != name}
    with pytest.raises(PayloadError):
        event_from_json(data)


def test_a_field_of_a_newer_version_is_kept_and_written_again():
    data = EVENT.to_json() | {"mood": {"is": "glad"}}
    event = event_from_json(data)
    assert event == EVENT
    assert dataclasses.replace(event, text="completed").to_json()["mood"] == {"is": "glad"}


def test_of_people_and_attachments_what_is_unknown_is_passed_over():
    data = EVENT.to_json()
    data["author"]["shoe_size"], data["attachments"][0]["weight"] = "44", 7
    assert event_from_json(data) == EVENT


@pytest.mark.parametrize("stars", [-1, 6, 9**99])
def test_a_rating_has_one_to_five_stars(stars):
    with pytest.raises(PayloadError):
        dataclasses.replace(EVENT, stars=stars)


def test_an_edit_points_at_its_original():
    edit = dataclasses.replace(EVENT, kind=Kind.EDIT, verb="edit", version="1")
    assert edit.key != EVENT.key
    assert edit.original == EVENT.key


@pytest.mark.parametrize("name", ["channel", "object_id", "verb", "thread"])
def test_an_event_without_an_id_cannot_be_made(name):
    with pytest.raises(PayloadError):
        dataclasses.replace(EVENT, **{name: ""})


def test_a_message_has_a_line_of_text_and_a_time_in_utc():
    with pytest.raises(PayloadError):
        dataclasses.replace(EVENT, text=" ")
    with pytest.raises(PayloadError):
        dataclasses.replace(EVENT, occurred_at=datetime(2026, 11, 2, 9, tzinfo=timezone(timedelta(hours=1))))
    assert dataclasses.replace(EVENT, text="", complete=False).text == ""


def test_an_author_has_an_id():
    with pytest.raises(PayloadError):
        Author("")


def test_no_repr_shows_a_persons_words_name_or_id():
    shown = repr(EVENT) + repr(EVENT.author) + repr(EVENT.attachments)
    assert not any(word in shown for word in ("Marta", "dag", "a.jpg", "'99'"))


@pytest.mark.parametrize("damage", [{"kind": "song"}, {"author": 5}, {"occurred_at": "soon"}, {"attachments": [5]}])
def test_what_is_no_event_is_refused(damage):
    with pytest.raises(PayloadError):
        event_from_json(EVENT.to_json() | damage)


def test_a_digest_fits_a_queue():
    assert len(digest("þ")) == 64
    assert digest("þ").isalnum()


def test_a_secret_shows_itself_to_nobody():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {Secrets({'a': 'hunter2'})!r}"
    for keeper in (secret, Secrets({"a": "hunter2"})):
        with pytest.raises(TypeError):
            pickle.dumps(keeper)


@pytest.mark.parametrize("values", [{}, {"a": ""}, {"a": []}, {"a": ["x", ""]}, {"a": 5}])
def test_a_missing_or_empty_secret_is_a_matter_for_a_person(values):
    with pytest.raises(ConfigurationError, match="“a” is missing or empty"):
        secrets_from_json(json.dumps(values), entry="deskwire/x").one("a")


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null"])
def test_a_secret_that_is_no_object_is_named_and_not_shown(text):
    with pytest.raises(ConfigurationError, match="deskwire/x"):
        secrets_from_json(text, entry="deskwire/x")


def test_during_a_rotation_two_are_valid():
    assert [each.reveal() for each in Secrets({"a": ["now", "next"]}).every("a")] == ["now", "next"]


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", AttachmentKind.IMAGE),
        ("audio/ogg; codecs=opus", AttachmentKind.AUDIO),
        ("video/mp4", AttachmentKind.VIDEO),
        ("application/pdf", AttachmentKind.FILE),
        ("sticker", AttachmentKind.FILE),
        ("", AttachmentKind.FILE),
    ],
)
def test_a_media_type_stands_for_a_kind(media_type: str, kind: AttachmentKind) -> None:
    assert AttachmentKind.of(media_type) is kind

"""Notices: what an incident says, as letters carry it and the table keeps it."""

import pytest

from deskwire.letters import content_in, content_of, notices, opened, read_letter, stored
from deskwire.model.errors import PayloadError
from deskwire.model.keys import digest
from deskwire.model.notices import Notice, Purpose, incident_thread, is_incident, notice_from_json

THREAD = "messenger/41/2490"


def update(**more):
    given = {
        "incident": "20261102-3f9c1",
        "purpose": Purpose.UPDATE,
        "number": 1,
        "channel": "messenger",
        "account": "41",
        "thread": THREAD,
        "texts": {"en": "It works.", "fa": "درست شد"},
        "default": "en",
    }
    return Notice(**{**given, **more})


def test_a_notice_is_the_same_after_its_letter_and_in_the_table():
    (letter,) = notices([update()], "2026-11-02T09:00:00+00:00")
    assert letter.body.isascii()
    assert letter.group == digest(THREAD)
    data = read_letter(letter.body)
    assert content_of(data, None) == content_in(stored(update())) == update()
    assert opened(data, None).forwarded("messenger/41/other").group == digest("messenger/41/other")


def test_its_key_tells_updates_threads_and_purposes_apart_and_nothing_else():
    others = [update(number=2), update(thread="messenger/41/1"), update(incident="20261103-3f9c1")]
    linked = update(purpose=Purpose.JOINED, texts={}, default="")
    assert len({each.key for each in (update(), linked, *others)}) == 5
    assert update(texts={"en": "Other words."}).key == update().key


def test_what_a_newer_version_wrote_is_kept_and_a_missing_field_is_its_default():
    data = {**update().to_json(), "mood": "calm"}
    assert notice_from_json(data).to_json()["mood"] == "calm"
    del data["priority"]
    assert notice_from_json(data) == update()


@pytest.mark.parametrize(
    "fault", [{"texts": {}}, {"default": "is"}, {"purpose": Purpose.NOTE}, {"thread": ""}, {"channel": ""}]
)
def test_an_update_without_words_and_words_that_are_no_update_are_refused(fault):
    with pytest.raises(PayloadError):
        update(**fault)


@pytest.mark.parametrize("data", [{"incident": "a"}, {"incident": "a", "purpose": "sold"}, {"incident": 1}])
def test_what_is_no_notice_is_refused(data):
    with pytest.raises(PayloadError):
        notice_from_json(data)


def test_an_incidents_thread_is_no_customers():
    assert is_incident(incident_thread("20261102-3f9c1"))
    assert not is_incident(THREAD)

"""A button's payload comes back as the choice it stands for, through letters too."""

import dataclasses

import pytest

from deskwire.letters import content_in, stored
from deskwire.model.choices import Choice, choice_in, question_of
from deskwire.model.events import Event, Kind, Visibility, event_from_json

CHOICE = Choice(question_of("survey/t/1/0"), "4")
EVENT = Event(
    channel="messenger", account="1", kind=Kind.MESSAGE, object_id="m", verb="add", thread="9", text="4",
    visibility=Visibility.PRIVATE, choice=CHOICE,
)  # fmt: skip


def test_a_payload_is_read_as_the_choice_it_stands_for():
    assert choice_in(CHOICE.payload) == CHOICE
    assert len(CHOICE.payload) <= 64


@pytest.mark.parametrize("payload", ["", "TOPIC", "deskwire:", "deskwire:x:4", CHOICE.payload + ":5", "4"])
def test_anything_else_is_no_choice_of_ours(payload):
    assert choice_in(payload) is None


def test_a_choice_goes_through_a_letter_and_one_without_is_written_as_before():
    assert content_in(stored(EVENT)).choice == CHOICE
    plain = dataclasses.replace(EVENT, choice=None)
    assert "choice" not in plain.to_json()
    assert event_from_json(plain.to_json()).choice is None

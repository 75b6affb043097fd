"""Which declared answer a question gets, and what is no doubt."""

import pytest
from pydantic import ValidationError

from deskwire.care.acknowledge import agrees
from deskwire.care.answers import Answer, Matcher
from deskwire.care.noise import noise
from deskwire.care.policy import Policy
from deskwire.model.events import Attachment, AttachmentKind, Event, Kind, Visibility

HOURS = {
    "questions": {
        "en": ["When are you open?", "What are your opening hours?", "Are you open on Saturdays?"],
        "pl": ["O której otwieracie?", "Jakie są godziny otwarcia?"],
    },
    "answer": {"en": "Nine to six.", "pl": "Od dziewiątej do osiemnastej."},
}
RETURNS = {"questions": ["How do I return shoes?", "Can I send shoes back?"], "answer": {"en": "By post."}}


def matcher(hours=HOURS, returns=RETURNS):
    return Matcher({"hours": Answer.model_validate(hours), "returns": Answer.model_validate(returns)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what are your opening hours", "Nine to six."),
        ("Hello! When are you open please?", "Nine to six."),
        ("Jakie są godziny otwarcia?", "Od dziewiątej do osiemnastej."),
        ("How can I return my shoes?", "By post."),
    ],
)
def test_what_was_declared_is_answered_in_the_language_of_the_question(text, said):
    given = matcher().match(text)
    assert given is not None
    assert given.text == said


@pytest.mark.parametrize(
    "text",
    [
        "Do you sell gift cards?",
        "When do you open the package?",
        "What are your opening hours? My card was stolen, block it!",
        "What are your opening hours? Call me at +354 555 1234",
        "What are your opening hours and why did nobody in the shop know how to return shoes to you?",
        "open",
        "",
        "?" * 50,
        "when are you open " * 40,
    ],
)
def test_at_any_doubt_nothing_is_said(text):
    assert matcher().match(text) is None


def test_a_question_that_only_looks_like_a_declared_one_is_for_a_person():
    asked = "Can I return shoes I have worn?"
    declared = {**RETURNS, "questions": ["Can I return shoes?", "Can I return shoes I bought?"]}
    assert matcher(returns=declared).match(asked) is not None
    assert matcher(returns={**declared, "unlike": [asked]}).match(asked) is None


@pytest.mark.parametrize(
    ("rules", "channel", "is_open", "visibility", "said"),
    [
        ({}, "messenger", True, Visibility.PRIVATE, True),
        ({}, "facebook", True, Visibility.PUBLIC, False),
        ({"visibility": ["public"]}, "facebook", True, Visibility.PUBLIC, True),
        ({"visibility": ["public"]}, "facebook", True, Visibility.PRIVATE, False),
        ({"channels": ["x"]}, "messenger", True, Visibility.PRIVATE, False),
        ({"hours": "closed"}, "messenger", True, Visibility.PRIVATE, False),
        ({"hours": "closed"}, "messenger", False, Visibility.PRIVATE, True),
        ({"languages": ["pl"]}, "messenger", True, Visibility.PRIVATE, False),
    ],
)
def test_it_is_said_only_where_and_when_it_is_declared(rules, channel, is_open, visibility, said):
    found = matcher(hours={**HOURS, **rules}).match(
        "What are your opening hours?", channel=channel, is_open=is_open, visibility=visibility
    )
    assert (found is not None) is said


def test_an_answer_without_a_place_is_refused():
    with pytest.raises(ValidationError):
        Answer.model_validate({**HOURS, "visibility": []})


@pytest.mark.parametrize(
    ("text", "yes"),
    [("Yes!", True), ("yes, thanks 🙏", True), ("👍", True), ("Tak, dziękuję", True), ("да, хвала", True),
     ("já takk", True), ("no", False), ("yes, but where is my parcel?", False), ("thanks", False), ("😡", False),
     ("", False)],
)  # fmt: skip
def test_a_yes_is_a_whole_message(text, yes):
    assert agrees(text, Policy()) is yes


def comment(text, *, visibility=Visibility.PUBLIC, stars=0, kinds=()):
    return Event(
        channel="facebook", account="1", kind=Kind.MESSAGE, object_id="2", verb="add", thread="3",
        visibility=visibility, text=text, stars=stars, attachments=tuple(Attachment(each) for each in kinds),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (comment("🎉🎉!!"), "emoji alone"),
        (comment("@anna.j @jón_k 😂"), "names of others alone"),
        (comment("[sticker]", kinds=[AttachmentKind.STICKER]), "a sticker"),
        (comment("😡"), ""),
        (comment("@anna.j look"), ""),
        (comment("anna@example.com"), ""),
        (comment("why?"), ""),
        (comment("🎉", stars=1), ""),
        (comment("🎉", visibility=Visibility.PRIVATE), ""),
        (comment("[image]", kinds=[AttachmentKind.IMAGE]), ""),
        (comment("broken [sticker]", kinds=[AttachmentKind.STICKER]), ""),
    ],
)
def test_noise_says_nothing_that_a_person_has_to_read(event, reason):
    assert noise(event) == reason

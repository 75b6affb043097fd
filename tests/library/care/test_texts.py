"""The company's texts: placeholders, languages, visibility, and faults in plain words."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deskwire.care.languages import Language
from deskwire.care.texts import Texts, Wording, opening, render
from deskwire.model.events import Visibility

TEXTS = Texts.model_validate(
    {
        "private": {"en": "Hello", "is": {"open": "Halló", "closed": "Lokað til {opens_at}"}, "sr-Latn": "Zdravo"},
        "public": {"en": "Hello all"},
    }
)


def test_placeholders_are_filled():
    text = "{company}: {reference}, {opens_day} {opens_at}"
    values = {"company": "Northwind", "reference": "W-9K2F7", "opens_day": "2026-11-23", "opens_at": "09:00"}
    assert render(text, values) == "Northwind: W-9K2F7, 2026-11-23 09:00"


@given(st.text(alphabet="ab{}0.!r:_%$", max_size=30))
def test_a_value_is_inserted_as_it_is_and_not_read_again(value):
    assert render("<{company}|{reference}>", {"company": value or "x", "reference": "{company}"}) == (
        f"<{value or 'x'}|{{company}}>"
    )


def test_doubled_braces_are_braces():
    assert render("{{{company}}} {{company}}", {"company": "N"}) == "{N} {company}"


def test_a_placeholder_without_a_value_gives_no_text():
    assert render("Back at {opens_at}", {"company": "N"}) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {name}", "is no placeholder"),
        ("Hi {text}", "there are {reference}, {company}"),
        ("{company.__class__}", "is no placeholder"),
        ("{0}", "is no placeholder"),
        ("{}", "is no placeholder"),
        ("{company!r}", "is no placeholder"),
        ("{company", "a lone"),
        ("company}", "a lone"),
        ("  ", "empty"),
        ("a\x00b", "control character"),
        ("Back at {opens_at}", "means nothing while you are open"),
        ("x" * 2001, "2000"),
    ],
)
def test_a_fault_in_a_text_is_named_before_anything_is_sent(text, words):
    with pytest.raises(ValidationError) as caught:
        Wording.model_validate(text)
    assert words in str(caught.value)


@given(st.text(max_size=60))
def test_whatever_is_accepted_can_be_rendered(text):
    try:
        wording = Wording.model_validate(text)
    except ValidationError:
        return
    values = {"company": "c", "reference": "r", "opens_day": "d", "opens_at": "t"}
    assert render(wording.open, values) is not None


def test_the_customers_language_is_chosen_then_one_they_read_then_the_default():
    def chosen(language):
        return TEXTS.choose(Visibility.PRIVATE, Language(language), "en")[0]

    assert [chosen(each) for each in ("is", "hr", "fr")] == ["is", "sr-Latn", "en"]


def test_a_private_text_is_never_said_in_public():
    private_only = Texts.model_validate({"private": {"en": "Hello"}})
    assert private_only.choose(Visibility.PUBLIC, Language("en"), "en") is None
    assert TEXTS.choose(Visibility.PUBLIC, Language("is"), "en")[1].open == "Hello all"


def test_the_next_opening_is_told_as_date_and_time_of_the_companys_clock():
    moment = datetime(2026, 11, 23, 9, 5, tzinfo=ZoneInfo("Europe/Warsaw"))
    assert opening(moment) == {"opens_day": "2026-11-23", "opens_at": "09:05"}


def test_norwegian_without_quotes_is_explained():
    with pytest.raises(ValidationError, match="in quotes for Norwegian"):
        Texts.model_validate({"private": {False: "Hei"}})


def test_a_language_that_is_none_is_refused():
    with pytest.raises(ValidationError):
        Texts.model_validate({"private": {"English": "Hello"}})

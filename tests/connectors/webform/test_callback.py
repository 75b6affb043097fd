"""“Call me back” in a web form: numbers, times, consent, and what the visitor's page is told."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.channels.webform import WebForm
from deskwire.families.forms import FormError
from deskwire.model.errors import ConfigurationError
from deskwire.web.request import Request

NOW = datetime(2026, 11, 29, 10, 2, tzinfo=UTC)
WORDS = "I agree that Northwind calls me."
SETTINGS = {
    "callback_consent": f"{WORDS}\nIch möchte, dass Northwind mich anruft.\n",
    "callback_region": "BE",
    "callback_zone": "Europe/Brussels",
}
CALL = {"phone": "0470 00 00 17", "call_at": "2026-12-01T10:30", "consent": {"call": WORDS}}


def submitted(settings=SETTINGS, at=NOW, **more):
    form = {
        "schema": "form.submitted/1", "form_id": "contact", "submission_id": "0f7b5c1e-6f1d-4a53-9a3e-2d8f1c0b7e51",
        "email": "asa@customer.example", "message": "My order 4411", **more,
    }  # fmt: skip
    request = Request(method="POST", endpoint="form", body=json.dumps(form).encode(), received_at=at).at(settings)
    (event,) = WebForm().parse(request)
    return event


def problems(**more):
    with pytest.raises(FormError) as caught:
        submitted(**more)
    return caught.value.problems


def test_the_agent_reads_number_time_and_consent():
    assert submitted(**CALL).facts == {
        "Telephone": "+32 470 00 00 17 (BE)",
        "Call back at": "Tuesday 2026-12-01 10:30 Europe/Brussels (2026-12-01 09:30 UTC)",
        "Consent to the call": f"“{WORDS}”, given on 2026-11-29 10:02 UTC",
    }


def test_the_ticket_is_named_after_the_call_unless_the_visitor_named_it():
    named = "Call back: Tuesday 2026-12-01 10:30 Europe/Brussels (2026-12-01 09:30 UTC)"
    assert submitted(**CALL).subject == named
    assert submitted(**CALL, subject="Order 4411").subject == "Order 4411"


def test_a_call_needs_no_further_words_and_no_time():
    event = submitted(**CALL | {"message": " ", "call_at": ""})
    assert event.text == "[asks to be called: as soon as possible]"
    assert event.facts["Call back at"] == "as soon as possible"


def test_a_form_without_a_call_is_as_it_was():
    event = submitted()
    assert (event.facts, event.subject) == ({}, "")
    assert event.key == submitted(settings={}).key
    assert problems(message="") == {"message": "is missing"}


def test_another_number_or_time_is_another_message_of_the_thread():
    events = [submitted(**CALL), submitted(**CALL | {"phone": "+32470000018"}), submitted(**CALL | {"call_at": ""})]
    assert len({event.key for event in events}) == 3
    assert len({event.thread for event in events}) == 1
    assert submitted(**CALL | {"phone": "+32 470/00.00.17"}).key == events[0].key


# ---------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+354 555 0123", "+354 555 0123 (IS)"),
        ("00354 555 0123", "+354 555 0123 (IS)"),
        ("+49 (30) 901820", "+49 30 901820 (DE)"),
        ("٠٤٧٠٠٠٠٠١٧", "+32 470 00 00 17 (BE)"),
        ("+39 06 6982 0000", "+39 06 6982 0000 (VA)"),
    ],
)
def test_numbers_of_any_country_and_spelling_are_read(phone, shown):
    assert submitted(**CALL | {"phone": phone}).facts["Telephone"] == shown


@pytest.mark.parametrize(
    "phone",
    ["12", "+32 470 00 00", "+32 470 00 00 17 18 19", "call me", "+", "0" * 41, "<b>0470</b>", "0470\n000017x9"],
)
def test_what_is_no_number_is_told_by_its_field(phone):
    assert problems(**CALL | {"phone": phone}) in (
        {"phone": "is not a telephone number"},
        {"phone": "needs + and the country's code"},
    )


@pytest.mark.parametrize("phone", ["+32 900 00 000", "+44 909 879 0000", "+44 70 1234 5678"])
def test_a_number_that_costs_its_caller_is_refused(phone):
    assert problems(**CALL | {"phone": phone}) == {"phone": "is a number that costs extra to call"}


def test_without_a_country_set_a_number_needs_its_own():
    settings = SETTINGS | {"callback_region": ""}
    assert problems(settings=settings, **CALL) == {"phone": "needs + and the country's code"}
    assert submitted(settings=settings, **CALL | {"phone": "+32470000017"}).facts["Telephone"].endswith("(BE)")


@pytest.mark.parametrize("wished", [CALL["call_at"], ""])
def test_a_time_or_consent_without_a_number_wants_the_number(wished):
    assert problems(**CALL | {"phone": "", "call_at": wished}) == {"phone": "is missing"}


# ------------------------------------------------------------------------------------------------------------ times


@pytest.mark.parametrize(
    ("wished", "shown"),
    [
        ("2026-12-01T10:30:00Z", "Tuesday 2026-12-01 11:30"),
        ("2026-12-01T10:30+05:30", "Tuesday 2026-12-01 06:00"),
        ("2026-12-01 10:30", "Tuesday 2026-12-01 10:30"),
        ("2026-11-29T11:02", "Sunday 2026-11-29 11:02"),  # this very minute
    ],
)
def test_times_with_and_without_an_offset_are_read(wished, shown):
    assert submitted(**CALL | {"call_at": wished}).facts["Call back at"].startswith(f"{shown} Europe/Brussels")


@pytest.mark.parametrize(
    ("wished", "problem"),
    [
        ("2026-11-29T11:01", "is in the past"),
        ("2026-11-29T10:01:59Z", "is in the past"),
        ("1999-12-31T23:59", "is in the past"),
        ("2027-02-28T10:00", "is more than 90 days ahead"),
        ("9999-12-31T23:59:59-23:59", "is not a time such as 2026-12-01T10:30"),
        ("0001-01-01T00:00+23:00", "is not a time such as 2026-12-01T10:30"),
        ("tomorrow at ten", "is not a time such as 2026-12-01T10:30"),
        ("2026-13-45T10:30", "is not a time such as 2026-12-01T10:30"),
        ("1" * 50, "is not a time such as 2026-12-01T10:30"),
    ],
)
def test_a_time_that_nobody_can_keep_is_told_by_its_field(wished, problem):
    assert problems(**CALL | {"call_at": wished}) == {"call_at": problem}


def test_in_utc_the_time_stands_once():
    shown = submitted(settings=SETTINGS | {"callback_zone": ""}, **CALL).facts["Call back at"]
    assert shown == "Tuesday 2026-12-01 10:30 UTC"


# ---------------------------------------------------------------------------------------------------------- consent


@pytest.mark.parametrize("consent", [{}, {"call": ""}, {"call": True}, {"call": {}}, "yes", None])
def test_without_consent_nobody_is_called(consent):
    assert problems(**CALL | {"consent": consent}) == {"consent": "to the call is missing"}


def test_consent_to_other_words_than_the_companys_is_none():
    told = problems(**CALL | {"consent": {"call": "Call me whenever and sell me anything"}})
    assert told == {"consent": "to the call has other words than the form's"}


def test_each_language_s_words_count_and_are_kept():
    event = submitted(**CALL | {"consent": {"call": " Ich möchte, dass  Northwind mich anruft. "}})
    assert event.facts["Consent to the call"].startswith("“Ich möchte, dass Northwind mich anruft.”")


def test_everything_that_is_wrong_is_told_at_once():
    told = problems(phone="12", call_at="2020-01-01T10:00", message="", email="")
    assert set(told) == {"phone", "call_at", "consent", "email"}


# --------------------------------------------------------------------------------------------------------- settings


def test_a_form_that_is_not_set_up_for_calls_takes_none():
    assert problems(settings={}, **CALL) == {"phone": "is not asked for by this form"}
    assert problems(settings={}, call_at="2026-12-01T10:30") == {"call_at": "is not asked for by this form"}


@pytest.mark.parametrize(
    "wrong", [{"callback_region": "Belgium"}, {"callback_zone": "Mars/Olympus"}, {"callback_zone": "/etc"}]
)
def test_a_wrong_setting_calls_a_person_and_blames_no_visitor(wrong):
    with pytest.raises(ConfigurationError):
        submitted(settings=SETTINGS | wrong, **CALL)


def test_no_error_tells_the_number():
    with pytest.raises(FormError) as caught:
        submitted(**CALL | {"phone": "+32 470 00 00 99 99 99"})
    assert "470" not in str(caught.value)


def test_a_call_asked_for_again_while_the_page_is_open_is_the_same():
    assert submitted(**CALL).key == submitted(at=NOW + timedelta(seconds=20), **CALL).key

"""Promise 4: once per thread and quiet period, only where it is allowed, never to a machine or an opt-out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deskwire.care.acknowledge import Acknowledge, Opting, Reason, Situation, Suppressed, acknowledgement, opting
from deskwire.care.measure import measure
from deskwire.care.policy import Policy
from deskwire.contracts.terms import Figure, Sending, Terms, TextLimit, Unit, Window
from deskwire.model.events import Author, Event, Kind, Visibility

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday, 11:00 in Warsaw
POLICY = Policy.model_validate(
    {
        "company": "Northwind",
        "hours": {"time_zone": "Europe/Warsaw", "week": {"monday": ["09:00-17:00"]}},
        "texts": {
            "private": {
                "en": {"open": "Thanks! {reference}", "closed": "Back on {opens_day} at {opens_at}. {reference}"},
                "pl": {"open": "Dziękujemy! {reference}", "closed": "Wracamy {opens_day} o {opens_at}."},
            },
            "public": {"en": "Thanks, we have written to you."},
        },
    }
)


def figure(value):
    return Figure(value, "https://example.com", date(2026, 11, 21))


def permit(most=2000, unit=Unit.CHARACTERS, window=timedelta(hours=24), last_inbound=NOW, automatic=True):
    standard = Window(name="standard", span=figure(window), automatic=figure(automatic))
    sending = Sending(text=figure(TextLimit(most, unit)), windows=(standard,))
    terms = Terms(
        sending=dict.fromkeys(Visibility, sending),
        body_limit=figure(1),
        deadline=figure(timedelta(1)),
        redelivery=figure(timedelta(1)),
    )
    return terms.permit(Visibility.PRIVATE, automatic=True, last_inbound=last_inbound, now=NOW)


EVENT = Event(
    channel="messenger",
    account="1",
    kind=Kind.MESSAGE,
    object_id="m1",
    verb="add",
    thread="t",
    visibility=Visibility.PRIVATE,
    author=Author("7"),
    text="Where is my order? I am still waiting",
    occurred_at=NOW - timedelta(seconds=5),
)
SITUATION = Situation(event=EVENT, permit=permit(), reference="W-9K2F7")


def answer(policy=POLICY, now=NOW, event=None, **known):
    return acknowledgement(replace(SITUATION, event=replace(EVENT, **(event or {})), **known), policy, now)


def test_a_fresh_message_is_acknowledged():
    assert answer() == Acknowledge("Thanks! W-9K2F7", "en")


def test_it_is_answered_in_the_customers_language():
    event = {"text": "Moja paczka jeszcze nie dotarła, a czekam tydzień"}
    assert answer(event=event) == Acknowledge("Dziękujemy! W-9K2F7", "pl")


def test_an_unsure_language_gets_the_default():
    assert answer(event={"text": "4471 👍"}) == Acknowledge("Thanks! W-9K2F7", "en")


def test_outside_business_hours_it_says_when_somebody_is_back():
    late = NOW + timedelta(hours=8)
    event = {"occurred_at": late}
    assert answer(now=late, event=event) == Acknowledge("Back on 2026-11-30 at 09:00. W-9K2F7", "en", closed=True)


MINUTE = timedelta(minutes=1)
REASONS = [
    (Reason.OWN, {"event": {"own": True}}),
    (Reason.NO_MESSAGE, {"event": {"kind": Kind.REACTION}}),
    (Reason.NO_MESSAGE, {"event": {"kind": Kind.EDIT}}),
    (Reason.NO_MESSAGE, {"event": {"kind": Kind.DELETION}}),
    (Reason.NO_MESSAGE, {"event": {"kind": Kind.RECEIPT}}),
    (Reason.MARKED, {"event": {"no_automatic_reply": "standby"}}),
    (Reason.OPTING, {"event": {"text": "STOP!"}}),
    (Reason.OPTING, {"event": {"text": "start"}}),
    (Reason.OPTED_OUT, {"opted_out": True}),
    (Reason.SWITCHED_OFF, {"event": {"visibility": Visibility.PUBLIC}}),
    (Reason.QUIET, {"acknowledged_at": NOW - timedelta(hours=11, minutes=59)}),
    (Reason.ATTENDED, {"answered_at": NOW - timedelta(hours=11, minutes=59)}),
    (Reason.BUDGET, {"automatic_replies": 3}),
    (Reason.LATE, {"event": {"occurred_at": NOW - 61 * MINUTE}}),
    (Reason.FORBIDDEN, {"permit": permit(last_inbound=NOW - timedelta(hours=25))}),
    (Reason.FORBIDDEN, {"permit": permit(automatic=False)}),
    (Reason.NO_TEXT, {"policy": Policy()}),
]


@pytest.mark.parametrize(("reason", "change"), REASONS)
def test_nothing_is_said_and_the_reason_is_told(reason, change):
    found = answer(**change)
    assert isinstance(found, Suppressed)
    assert found.reason is reason


@given(st.lists(st.sampled_from([each for each in REASONS if "policy" not in each[1]]), min_size=1, max_size=4))
def test_of_several_reasons_one_is_told_and_never_none(chosen):
    known, event = {}, {}
    for _, change in chosen:
        event |= change.get("event", {})
        known |= {name: value for name, value in change.items() if name != "event"}
    found = answer(event=event, **known)
    assert isinstance(found, Suppressed)
    assert found.reason in {reason for reason, _ in chosen}


@pytest.mark.parametrize(
    "known",
    [
        {"acknowledged_at": NOW - timedelta(hours=12)},
        {"answered_at": NOW - timedelta(hours=12)},
        {"automatic_replies": 2},
        {"event": {"occurred_at": NOW - 60 * MINUTE}},
        {"event": {"occurred_at": None}},
    ],
)
def test_at_the_edge_it_is_said(known):
    assert isinstance(answer(**known), Acknowledge)


def test_in_public_only_who_switched_it_on():
    public = Policy.model_validate(POLICY.model_dump() | {"acknowledge": {"public": True}})
    found = answer(policy=public, event={"visibility": Visibility.PUBLIC})
    assert found == Acknowledge("Thanks, we have written to you.", "en")


def test_the_text_is_cut_to_the_channels_unit():
    words = Policy.model_validate({"texts": {"private": {"en": "日本語 " * 100}}})
    found = answer(policy=words, permit=permit(280, Unit.WEIGHTED))
    assert measure(found.text, Unit.WEIGHTED) <= 280
    assert found.text.endswith("…")


def test_what_the_customer_wrote_is_never_repeated():
    found = answer(event={"text": "{company} {reference} secret-word-of-mine", "author": Author("7", name="{company}")})
    assert "secret" not in found.text


def test_a_company_of_one_language_needs_no_detection(monkeypatch):
    monkeypatch.setattr("deskwire.care.acknowledge.detect", lambda *_: pytest.fail("detected"))
    one = Policy.model_validate({"default_language": "pl", "texts": {"private": {"pl": "Dziękujemy"}}})
    assert answer(policy=one) == Acknowledge("Dziękujemy", "pl")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("STOP", Opting.OUT),
        (" stop. ", Opting.OUT),
        ("Stop 🛑", Opting.OUT),
        ("Hætta", Opting.OUT),
        ("прекини", Opting.OUT),
        ("لغو", Opting.OUT),
        ("START", Opting.IN),
        ("arret", Opting.OUT),
        ("ARRE\u0302T", Opting.OUT),
        ("desabonner", Opting.OUT),
        ("haetta", Opting.OUT),
        ("СТОП!", Opting.OUT),
        ("Отписаться", Opting.OUT),
        ("اوقف", Opting.OUT),
        ("cancelar inscricao", Opting.OUT),
        ("Stoppa", Opting.OUT),
        ("cancelar suscripcion", Opting.OUT),
        ("cregjistrohu", Opting.OUT),
        ("rezygnuje", Opting.OUT),
        ("ايقاف", Opting.OUT),
        ("إيقـــاف", Opting.OUT),
        ("أيقاف", Opting.OUT),
        ("الغا الاشتراك", Opting.OUT),
        ("الغاء الإشتراك", Opting.OUT),
        ("لغو اشتراك", Opting.OUT),
        ("ｓｔｏｐ", Opting.OUT),
        ("/stop", Opting.OUT),
        ("st\u00adop", Opting.OUT),
        ("\u200bST\u200bOP\u2060", Opting.OUT),
        ("لغو\u200cاشتراک", Opting.OUT),
        ("/start", None),
        ("\u200b/start", None),
        ("／start", None),
        ("“/start”", None),
        ("*/Start*", None),
        ("🚀 /start", None),
        ("Start!", Opting.IN),
        (" /START ", None),
        ("/start promo-7", None),
        ("please stop sending me the wrong size", None),
        ("stopp den Versand bitte", None),
        ("👍", None),
        ("", None),
    ],
)
def test_only_a_whole_message_turns_answers_off_or_on(text, asked):
    assert opting(text, POLICY) is asked


def test_neither_answer_nor_reason_shows_words_in_its_repr():
    assert "Thanks" not in repr(answer())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"texts": {"private": {"pl": "Cześć"}}}, "no text in the default language"),
        ({"acknowledge": {"public": True}}, "texts.public holds no text"),
        ({"quiet_hours": 0}, "greater than 0"),
        ({"colour": "blue"}, "colour"),
        ({"hours": {"week": {"monday": ["nine"]}}}, "hours.week"),
    ],
)
def test_a_fault_in_a_policy_is_named(wrong, words):
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate(wrong)
    assert words in str(caught.value)


def test_a_policy_survives_its_own_json_and_describes_each_field():
    assert Policy.model_validate_json(POLICY.model_dump_json()) == POLICY
    schema = Policy.model_json_schema()
    assert all("description" in each for each in schema["properties"].values())


THANKS = {"private": {"en": "Thank you, {company} is glad!"}, "public": {"en": "Thank you!"}}
THANKFUL = Policy.model_validate(POLICY.model_dump() | {"judging": {"thanks": THANKS}})


def test_praise_is_thanked_for_in_place_of_the_acknowledgement():
    assert answer(THANKFUL, praised=True) == Acknowledge("Thank you, Northwind is glad!", "en")
    assert answer(THANKFUL) == Acknowledge("Thanks! W-9K2F7", "en")
    assert answer(praised=True) == Acknowledge("Thanks! W-9K2F7", "en")


def test_public_praise_is_thanked_for_where_arrivals_are_not_acknowledged():
    event = {"visibility": Visibility.PUBLIC}
    assert answer(THANKFUL, event=event, praised=True) == Acknowledge("Thank you!", "en")
    assert answer(THANKFUL, event=event) == Suppressed(Reason.SWITCHED_OFF, "public")


def test_thanks_are_said_once_in_the_quiet_period():
    said = answer(THANKFUL, praised=True, acknowledged_at=NOW - timedelta(hours=1))
    assert said == Suppressed(Reason.QUIET)


def test_thanks_without_a_text_in_the_default_language_are_refused():
    with pytest.raises(ValidationError, match=r"judging\.thanks\.private has no text in the default language"):
        Policy.model_validate({"judging": {"thanks": {"private": {"pl": "Dziękujemy!"}}}})

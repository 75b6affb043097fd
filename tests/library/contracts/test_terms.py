"""The permit: what a platform's rules forbid cannot be expressed."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest

from deskwire.contracts.terms import Figure, Permit, Refusal, Sending, Terms, TextLimit, ThreadKind, Unit, Window
from deskwire.model.events import Visibility

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def figure(value):
    return Figure(value, "https://vendor.example/limits", date(2026, 11, 21))


def contract(*, automatic=True, window=DAY, human=7 * DAY):
    windows = [Window(name="standard", span=figure(window), automatic=figure(automatic))]
    if human is not None:
        windows.append(Window(name="late", span=figure(human), automatic=figure(False), tag="HUMAN_AGENT"))
    sending = Sending(text=figure(TextLimit(2000, Unit.CHARACTERS)), windows=tuple(windows))
    return Terms(
        sending={Visibility.PRIVATE: sending}, body_limit=figure(1), deadline=figure(DAY), redelivery=figure(DAY)
    )


def asked(rules, *, automatic=False, age=None, visibility=Visibility.PRIVATE):
    last = None if age is None else NOW - age
    return rules.permit(visibility, automatic=automatic, last_inbound=last, now=NOW)


def test_within_the_window_anything_may_be_sent():
    assert isinstance(asked(contract(), automatic=True, age=DAY), Permit)
    assert (asked(contract(), age=DAY).window, asked(contract(), age=DAY).tag) == ("standard", "")


def test_after_the_window_only_a_person_may_answer_and_not_for_ever():
    late = DAY + timedelta(seconds=1)
    assert isinstance(asked(contract(), automatic=True, age=late), Refusal)
    assert (asked(contract(), age=late).window, asked(contract(), age=late).tag) == ("late", "HUMAN_AGENT")
    assert isinstance(asked(contract(), age=7 * DAY + timedelta(seconds=1)), Refusal)
    assert isinstance(asked(contract(human=None), age=late), Refusal)


def test_nobody_is_written_to_first():
    assert isinstance(asked(contract()), Refusal)


def test_without_a_window_there_is_no_limit():
    assert isinstance(asked(contract(window=None), age=900 * DAY), Permit)
    assert isinstance(asked(contract(window=None)), Permit)


def test_where_the_platform_forbids_automatic_answers_none_goes_out():
    assert isinstance(asked(contract(automatic=False), automatic=True, age=DAY), Refusal)
    assert isinstance(asked(contract(automatic=False), age=DAY), Permit)


def test_a_visibility_without_rules_takes_nothing():
    assert "public" in asked(contract(), visibility=Visibility.PUBLIC, age=DAY).reason


def test_the_refusal_says_the_time_in_words():
    assert "7 days" in asked(contract(), age=9 * DAY).reason
    assert "24 hours" in asked(contract(), automatic=True, age=9 * DAY).reason


def test_nobody_else_makes_a_permit():
    with pytest.raises(TypeError):
        Permit(object(), TextLimit(1, Unit.BYTES), "standard")


def test_a_private_answer_to_a_public_message_has_rules_of_its_own():
    reply = Sending(
        text=figure(TextLimit(1000, Unit.BYTES)),
        windows=(Window(name="private reply", span=figure(7 * DAY), automatic=figure(True)),),
    )
    given = {"automatic": True, "last_inbound": NOW - 6 * DAY, "now": NOW, "private_reply": True}
    permit = dataclasses.replace(contract(), private_reply=reply).permit(Visibility.PRIVATE, **given)
    assert isinstance(permit, Permit)
    assert (permit.window, permit.limit, permit.tag) == ("private reply", TextLimit(1000, Unit.BYTES), "")
    assert isinstance(contract().permit(Visibility.PRIVATE, **given), Refusal)


def test_a_kind_of_thread_may_have_rules_of_its_own():
    hours = Sending(
        text=figure(TextLimit(100, Unit.BYTES)),
        windows=(Window(name="live", span=figure(timedelta(hours=4)), automatic=figure(True)),),
    )
    live = ThreadKind(private_reply=hours, refusal="a live comment takes a private reply only")
    rules = dataclasses.replace(contract(), kinds={"live": live})
    given = {"automatic": False, "now": NOW}
    late = {"last_inbound": NOW - timedelta(hours=5), **given}
    soon = {"last_inbound": NOW - timedelta(hours=1), "private_reply": True, **given}
    assert rules.permit(Visibility.PRIVATE, kind="live", **soon).window == "live"
    assert rules.permit(Visibility.PRIVATE, kind="live", **late) == Refusal(live.refusal)
    assert "4 hours" in rules.permit(Visibility.PRIVATE, kind="live", private_reply=True, **late).reason
    assert rules.permit(Visibility.PRIVATE, **late).window == "standard"
    assert rules.permit(Visibility.PRIVATE, kind="of a newer version", **late).window == "standard"

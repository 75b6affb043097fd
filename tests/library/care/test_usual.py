"""How long an answer usually takes: nine in ten are answered within it, of enough days, and nobody flatters."""

import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from pydantic import ValidationError

import deskwire.care
from deskwire.care.hours import Hours
from deskwire.care.policy import Policy
from deskwire.care.promising import sentence, speaks
from deskwire.care.texts import render
from deskwire.care.usual import DAY, HOUR, MINUTE, STEPS, Waited, broken, promise, promises, situation
from deskwire.care.waits import bucket, end

NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())  # a Monday
OFFICE = Hours.model_validate(
    {
        "time_zone": "Europe/Warsaw",
        "week": {
            **{day: ["09:00-17:00"] for day in ("monday", "tuesday", "wednesday", "thursday")},
            "friday": ["09:00-15:00"],
        },
        "days": {"2026-12-24": ["09:00-12:00"]},
    }
)
QUICK, SLOW = bucket(10 * MINUTE), bucket(5 * HOUR)


def of(day, customers, answered, **more):
    return Waited(NOW - day * DAY, customers, answered, **more)


def days(number, waited=QUICK, customers=2, first=3, **more):
    return [of(first + day, customers, {waited: customers}, **more) for day in range(number)]


@pytest.mark.parametrize(
    ("quick", "slow", "said"),
    [
        (20, 0, 15 * MINUTE),  # the end of ten minutes' bucket is 724 seconds
        (19, 1, 15 * MINUTE),  # 19 of 20, of 21: nine in ten
        (18, 2, 6 * HOUR),
        (9, 0, None),  # too few customers are known
    ],
)
def test_days_are_counted_and_the_next_one(quick, slow, said):
    assert promise([*days(quick), *days(slow, SLOW, first=3 + quick)], NOW) == said


def test_many_customers_of_few_days_are_few():
    assert promise(days(8, customers=50), NOW) is None
    assert promise(days(9, customers=50), NOW) == 15 * MINUTE


def test_who_waits_still_counts_as_not_answered_and_who_wrote_just_now_counts_for_nothing():
    assert promise([*days(20), Waited(NOW, 5, {})], NOW) == 15 * MINUTE
    survivors = [of(day, 4, {QUICK: 2}) for day in range(3, 30)]  # half were quick, half wait until today
    assert promise(survivors, NOW) is None


def test_no_weekday_no_language_and_no_hot_message_is_promised_what_the_others_get():
    quick = days(36)
    assert promise(quick, NOW) == 15 * MINUTE
    for more in ({"language": "pl"}, {"kind": "complaint"}):
        assert promise([*quick, *[of(day, 1, {SLOW: 1}, **more) for day in (4, 5, 6)]], NOW) == 6 * HOUR
    mondays = [of(day, 2, {SLOW if day in {7, 14} else QUICK: 2}) for day in range(3, 40)]
    assert promise(mondays, NOW) == 6 * HOUR
    assert promise([*quick, of(3, 1, {SLOW: 1}, language="fa")], NOW) == 15 * MINUTE  # one is no sign


def at(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp())


def test_hours_are_alike_where_the_company_opens_and_closes_alike():
    tuesday, wednesday = at(2026, 11, 24, 10), at(2026, 11, 25, 10)
    friday, weekend = at(2026, 11, 20, 10), at(2026, 11, 21, 10)
    assert situation(OFFICE, tuesday) == situation(OFFICE, wednesday) == (11, 0, 0, 6 * 60, 22 * 60)
    assert len({situation(OFFICE, each) for each in (tuesday, friday, weekend, at(2026, 12, 24, 10))}) == 4
    summer = int((datetime(2026, 7, 14, 9, tzinfo=UTC)).timestamp())  # the same hour of the company's clock
    assert situation(OFFICE, summer) == situation(OFFICE, tuesday)
    assert situation(Hours(), friday) != situation(Hours(), weekend)
    assert situation(Hours.model_validate("never"), tuesday) == (10, 0)


def weeks(waits_at_night):
    """Return six weeks of an office: at ten an answer takes ten minutes, in the evening until the next morning."""
    return [
        Waited(hour, 2, {QUICK if OFFICE.is_open(datetime.fromtimestamp(hour, UTC)) else waits_at_night: 2})
        for hour in range(NOW - 42 * DAY, NOW - 2 * DAY, HOUR)
    ]


def test_at_night_it_is_until_the_morning_by_the_clock():
    evening, later = at(2026, 11, 24, 20), at(2026, 11, 25, 10)
    found = promises(weeks(bucket(13 * HOUR)), OFFICE, [evening, later], NOW)
    assert found == {evening: 18 * HOUR, later: 15 * MINUTE}
    assert promises(weeks(bucket(13 * HOUR)), OFFICE, [at(2026, 12, 24, 10)], NOW) == {}  # no such day is known


@pytest.mark.parametrize(
    ("customers", "missed", "said"), [(2, 1, False), (3, 3, True), (100, 17, False), (100, 19, True)]
)
def test_as_many_broken_promises_as_chance_explains_are_none(customers, missed, said):
    hour = NOW - 3 * HOUR
    waited = Waited(hour, customers, {QUICK: customers - missed})
    assert broken([waited], {hour: HOUR}, NOW) is said
    assert not broken([waited], {hour: 3 * HOUR}, NOW)  # not due yet
    assert not broken([waited], {}, NOW)


def test_a_bad_morning_is_seen_beside_a_good_yesterday_and_forgotten_after_a_day():
    yesterday = [Waited(NOW - hours * HOUR, 5, {QUICK: 5}) for hours in range(8, 24)]
    today = [Waited(NOW - hours * HOUR, 2, {}) for hours in (2, 3, 4)]
    said = {each.hour: 15 * MINUTE for each in (*yesterday, *today)}
    assert broken([*yesterday, *today], said, NOW)
    assert not broken(yesterday, said, NOW)
    assert not broken(today, said, NOW + 2 * DAY)


def test_many_customers_are_no_trouble():
    hour = NOW - 3 * HOUR
    assert not broken([Waited(hour, 100_000, {QUICK: 91_000})], {hour: HOUR}, NOW)
    assert broken([Waited(hour, 100_000, {QUICK: 89_000})], {hour: HOUR}, NOW)


@pytest.mark.parametrize(
    ("language", "within", "said"),
    [
        ("en", HOUR, "Usually answered within an hour."),
        ("en-GB", 45 * MINUTE, "Usually answered within 45 minutes."),
        ("pl", HOUR, "Zwykle odpowiadamy w ciągu godziny."),
        ("pl", 2 * HOUR, "Zwykle odpowiadamy w ciągu 2 godzin."),
        ("sr-Latn", 3 * HOUR, "Obično odgovaramo u roku od 3 sata."),
        ("sr", 5 * HOUR, "Obično odgovaramo u roku od 5 sati."),
        ("sr-Cyrl", 2 * DAY, "Обично одговарамо у року од 2 дана."),
        ("ru", 2 * DAY, "Обычно мы отвечаем в течение 2 суток."),
        ("is", DAY, "Við svörum yfirleitt innan sólarhrings."),
        ("is", 30 * MINUTE, "Við svörum yfirleitt innan 30 mínútna."),
        ("sq", 2 * DAY, "Zakonisht përgjigjemi brenda 2 ditëve."),
        ("fa", 12 * HOUR, "معمولاً ظرف ۱۲ ساعت پاسخ می‌دهیم."),
        ("de", 2 * HOUR, "Meist antworten wir innerhalb von 2 Stunden."),
        ("fr", HOUR, "Nous répondons généralement en moins d’une heure."),
        ("ja", HOUR, ""),
    ],
)
def test_it_is_said_in_the_customers_language(language, within, said):
    assert sentence(language, within) == said


def test_every_language_with_phrases_has_the_sentence_for_every_step_and_it_is_a_draft():
    folder = files(deskwire.care)
    languages = [
        each.name.removesuffix(".txt") for each in folder.joinpath("phrases").iterdir() if each.name[2:] == ".txt"
    ]
    assert len(languages) == 14
    for language in [*languages, "sr-Cyrl"]:
        assert speaks(language)
        said = [sentence(language, step) for step in STEPS]
        assert len(set(said)) == len(STEPS)
        assert not any(sign in each for each in said for sign in "{}|")
    assert "status: draft" in folder.joinpath("usual.txt").read_text("utf-8").splitlines()[0]


def test_a_bucket_that_reaches_beyond_a_step_does_not_count_for_it():
    assert end(bucket(HOUR)) > HOUR
    assert promise(days(20, bucket(HOUR)), NOW) == 2 * HOUR


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"texts": {"private": {"en": "Thanks.", "ja": "{usual_wait}"}}}, "there is no {usual_wait} in “ja” yet"),
        ({"judging": {"thanks": {"private": {"en": "Thanks. {usual_wait}"}}}}, "judging.thanks names {usual_wait}"),
        ({"incident": {"private": {"en": {"open": "Yes.", "closed": "{usual_wait}"}}}}, "incident names {usual_wait}"),
    ],
)
def test_where_it_means_nothing_it_is_refused(policy, reason):
    with pytest.raises(ValidationError, match=re.escape(reason)):
        Policy.model_validate(policy)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Thanks. {usual_wait} Bye.", "Thanks. Bye."),
        ("{usual_wait} Bye.", "Bye."),
        ("Thanks. {usual_wait}", "Thanks."),
        ("Thanks.\n{usual_wait}\nBye.", "Thanks.\nBye."),
        ("Thanks.\n\n{usual_wait} Bye.", "Thanks.\n\nBye."),
        ("Thanks. {usual_wait}\n\nBye.", "Thanks.\n\nBye."),
    ],
)
def test_a_text_reads_on_where_nothing_is_known(text, without):
    assert render(text, {"usual_wait": ""}) == without
    assert "Soon." in render(text, {"usual_wait": "Soon."})

"""Business hours: blocks, midnight, holidays, daylight saving, and faults said in plain words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from deskwire.care.hours import Hours

SHOP = Hours.model_validate(
    {
        "time_zone": "Europe/Warsaw",
        "week": {
            "monday": ["09:00-12:00", "13:00-17:00"],
            "friday": ["9:00 – 15:30"],
            "saturday": ["22:00-02:00"],
        },
        "holidays": "PL",
        "days": {"2026-12-28": ["10:00-11:00"], "2027-01-01": []},
    }
)


def at(text, zone="Europe/Warsaw"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T12:00", False),
        ("2026-11-23T12:59", False),
        ("2026-11-23T16:59", True),
        ("2026-11-23T17:00", False),
        ("2026-11-24T10:00", False),  # a Tuesday is not named
        ("2026-11-27T15:29", True),
        ("2026-11-28T23:00", True),
        ("2026-11-29T01:59", True),  # Sunday, in Saturday's block
        ("2026-11-29T02:00", False),
        ("2027-11-01T10:00", False),  # a Monday, All Saints
        ("2026-12-28T09:30", False),  # a day of its own
        ("2026-12-28T10:30", True),
    ],
)
def test_it_is_open_when_the_clock_on_the_wall_says_so(moment, expected):
    assert SHOP.is_open(at(moment)) is expected


def test_a_time_of_another_zone_is_understood():
    assert SHOP.is_open(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert not SHOP.is_open(datetime(2026, 11, 23, 7, 59, tzinfo=UTC))


def test_the_next_opening_is_now_while_open():
    moment = at("2026-11-23T10:17")
    assert SHOP.next_opening(moment) == moment


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-23T12:30", "2026-11-23T13:00"),
        ("2026-11-23T17:00", "2026-11-27T09:00"),
        ("2026-11-29T02:00", "2026-11-30T09:00"),
        ("2027-10-31T12:00", "2027-11-05T09:00"),  # over the holiday
    ],
)
def test_the_next_opening_skips_what_is_closed(moment, opening):
    found = SHOP.next_opening(at(moment))
    assert found == at(opening)
    assert found.tzinfo == ZoneInfo("Europe/Warsaw")


def test_a_day_of_ones_own_goes_before_a_holiday():
    open_on_new_year = Hours.model_validate({"holidays": "IS", "days": {"2027-01-01": ["10:00-12:00"]}})
    assert open_on_new_year.is_open(datetime(2027, 1, 1, 11, tzinfo=UTC))
    assert not open_on_new_year.is_open(datetime(2027, 1, 1, 13, tzinfo=UTC))


def test_a_part_of_a_country_has_its_own_holidays():
    epiphany = datetime(2027, 1, 6, 12, tzinfo=UTC)
    assert not Hours(holidays="DE-BY").is_open(epiphany)
    assert Hours(holidays="DE-BE").is_open(epiphany)


def test_always_and_never_are_words_of_their_own():
    moment = datetime(2026, 11, 23, 3, tzinfo=UTC)
    assert Hours.model_validate("always").is_open(moment)
    assert not Hours.model_validate("never").is_open(moment)
    assert Hours.model_validate("never").next_opening(moment) is None


def test_a_week_without_blocks_opens_on_a_day_of_its_own_within_a_year_or_not_at_all():
    moment = datetime(2026, 11, 23, 3, tzinfo=UTC)
    near = {"week": {}, "days": {"2027-11-20": ["09:00-10:00"]}}
    far = {"week": {}, "days": {"2027-12-20": ["09:00-10:00"]}}
    assert Hours.model_validate(near).next_opening(moment) == datetime(2027, 11, 20, 9, tzinfo=UTC)
    assert Hours.model_validate(far).next_opening(moment) is None


# Warsaw skips 02:00-03:00 on 2026-03-29 and has it twice on 2026-10-25.
def daily(*blocks):
    return Hours.model_validate({"time_zone": "Europe/Warsaw", "week": {"sunday": list(blocks)}})


def test_a_block_that_begins_in_the_skipped_hour_begins_when_the_clock_jumps():
    hours = daily("02:30-05:00")
    assert hours.next_opening(datetime(2026, 3, 29, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_block_inside_the_skipped_hour_does_not_open():
    hours = daily("02:15-02:45")
    assert hours.next_opening(datetime(2026, 3, 29, 0, tzinfo=UTC)) == datetime(2026, 4, 5, 0, 15, tzinfo=UTC)


def test_a_block_that_ends_in_the_skipped_hour_ends_when_the_clock_jumps():
    hours = daily("01:00-02:30")
    assert hours.is_open(datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))


def test_the_repeated_hour_is_open_from_its_first_to_its_second_coming():
    hours = daily("02:15-02:45")
    opened = [
        minute
        for minute in range(180)
        if hours.is_open(datetime(2026, 10, 25, 0, tzinfo=UTC) + timedelta(minutes=minute))
    ]
    assert opened == list(range(15, 105))


BLOCKS = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda block: block[0] != block[1]),
    max_size=2,
)


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


def shows(day_blocks, local):
    """What the brute force sees: the clock on the wall, today's blocks and yesterday's past midnight."""
    minute = local.hour * 60 + local.minute
    today = day_blocks[local.weekday()]
    yesterday = day_blocks[(local.weekday() - 1) % 7]
    return any(start <= minute < (end if end > start else 1440) for start, end in today) or any(
        end < start and minute < end for start, end in yesterday
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(BLOCKS, min_size=7, max_size=7),
    st.sampled_from(["Europe/Warsaw", "America/St_Johns", "Australia/Lord_Howe", "Asia/Tehran", "Atlantic/Reykjavik"]),
    st.sampled_from([(2026, 3, 28), (2026, 10, 24), (2026, 11, 1), (2026, 4, 4), (2026, 10, 3), (2026, 6, 1)]),
)
def test_opening_agrees_with_a_scan_of_every_seventh_minute(week, zone, day):
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    try:
        hours = Hours.model_validate(
            {
                "time_zone": zone,
                "week": {n: [f"{clock(a)}-{clock(b)}" for a, b in d] for n, d in zip(names, week, strict=True)},
            }
        )
    except ValidationError as error:
        assert "overlap" in str(error)  # noqa: PT017
        return
    tz, begin = ZoneInfo(zone), datetime(*day, tzinfo=UTC)
    first_open = None
    for minute in range(0, 2 * 1440, 7):
        moment = begin + timedelta(minutes=minute)
        local = moment.astimezone(tz)
        again = local.replace(fold=1 - local.fold).astimezone(UTC) != moment and (
            local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
        )
        found = hours.is_open(moment)
        if not again:  # in a repeated hour we stay open longer than the wall clock says
            assert found == shows(week, local)
        elif shows(week, local):
            assert found
        if found and first_open is None:
            first_open = moment
    opening = hours.next_opening(begin)
    if first_open is not None:
        assert begin <= opening <= first_open
        assert hours.is_open(opening)
    elif opening is not None:
        assert hours.is_open(opening)
        assert not hours.is_open(opening - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"week": {"monday": ["9-17"]}}, "write it like 09:00-12:30"),
        ({"week": {"monday": ["09:00-25:00"]}}, "no clock shows"),
        ({"week": {"monday": ["09:61-10:00"]}}, "no clock shows"),
        ({"week": {"monday": ["09:00-09:00"]}}, "00:00-24:00"),
        ({"week": {"monday": ["09:00-12:00", "11:00-13:00"]}}, "overlap"),
        ({"week": {"mondy": ["09:00-12:00"]}}, "mondy"),
        ({"time_zone": "Warsaw"}, "no time zone"),
        ({"time_zone": "../etc/passwd"}, "no time zone"),
        ({"holidays": "XX"}, "no holidays are known"),
        ({"holidays": "DE-XX"}, "no holidays are known"),
        ({"holidays": False}, "NO"),
        ({"days": {"Christmas": []}}, "date"),
    ],
)
def test_a_fault_is_named_in_plain_words(settings_, words):
    with pytest.raises(ValidationError) as caught:
        Hours.model_validate(settings_)
    assert words in str(caught.value)


def test_hours_survive_their_own_json():
    assert Hours.model_validate_json(SHOP.model_dump_json()) == SHOP

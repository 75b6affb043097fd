"""Incidents on small cases."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import exp, factorial, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.care.incident import BUCKET, Usual, alarm, changes, read, slot, surprise

START = datetime(2026, 6, 1, 10, tzinfo=UTC)


def usual(days):
    return [(START + timedelta(hours=hour), f"c{hour}", (), hour % 3 == 0) for hour in range(24 * days)]


def test_an_outage_opens_one_incident_and_closes_it():
    began = START + timedelta(days=10)
    outage = [(began + timedelta(minutes=3 * each), f"o{each}", ("app",), True) for each in range(60)]
    opened, closed = changes(sorted([*usual(12), *outage]))
    assert (opened.opened, opened.topic) == (True, "app")
    assert opened.at - began < timedelta(minutes=30)
    assert not closed.opened


def test_ordinary_days_and_one_loud_customer_open_none():
    loud = [(START + timedelta(days=5, minutes=each), "loud", ("app",), True) for each in range(100)]
    assert not list(changes(sorted([*usual(12), *loud])))


def test_a_message_of_trouble_is_read_with_its_topic():
    topics, trouble = read("The app is not working for anyone", ["en"])
    assert trouble
    assert "outage" in topics
    assert read("When do you open?", ["en"]) == ((), False)


@pytest.mark.parametrize(("count", "mean"), [(4, 28_000.0), (28_000, 28_000.0), (1, 1.5), (0, 0.1), (5, 5.0)])
def test_a_count_up_to_the_usual_is_no_surprise(count, mean):
    assert surprise(count, mean) == 0.0


@pytest.mark.parametrize("times", [1.5, 2, 3, 5])
def test_the_surprise_of_a_large_company_is_that_of_the_limiting_distribution(times):
    """A negative binomial of a large mean is about a gamma distribution, whose tail is a sum of few terms."""
    mean, shape = 40_000.0, 4
    x = shape * times
    tail = exp(-x) * sum(x**term / factorial(term) for term in range(shape))
    assert surprise(int(mean * times), mean, shape) == pytest.approx(-log(tail), abs=0.2)


def test_a_quiet_half_hour_of_a_busy_company_raises_no_alarm():
    at = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp())
    busy = Usual(since=at - 28 * 86_400, slots={"": dict.fromkeys(range(48), 1_000_000)})
    assert alarm(("",), {"": {at // 300: 4}}, busy, at) is None


# ---------------------------------------------------------------- what must never open one

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = 3600


def busy(hours, *, until, customers=40):
    """Return what is usual where customers write only in these hours of the week (0 is Monday's first)."""
    slots = Counter()
    for hour in range(28 * 24):
        if hour % 168 in hours:
            slots[slot(int((until - timedelta(days=28)).timestamp()) + hour * HOUR)] += customers
    return Usual(int((until - timedelta(days=28)).timestamp()), {"": slots})


def written(at, minutes, every):
    """Return the counts of customers who wrote in the minutes before a time."""
    stamps = range(int(at.timestamp()) - minutes * 60, int(at.timestamp()) + 1, every)
    return {"": Counter(stamp // BUCKET for stamp in stamps)}


@pytest.mark.parametrize(
    ("hours", "at"),
    [
        (range(120), MONDAY + timedelta(days=5, minutes=1)),  # busy on working days: Saturday begins
        (range(120, 168), MONDAY + timedelta(minutes=1)),  # busy on weekends: Monday begins
    ],
    ids=["Saturday", "Monday"],
)
def test_the_usual_of_the_hour_before_is_no_incident_of_the_next_one(hours, at):
    usual = busy(hours, until=MONDAY)
    counts = written(at, 30, 100)  # 19 customers; usual are 20
    assert alarm([""], counts, usual, int(at.timestamp())) is None
    assert alarm([""], written(at, 29, 10), usual, int(at.timestamp())) is not None


@given(
    rate=st.floats(0.1, 5000), share=st.floats(0, 1), hour=st.integers(0, 167), minute=st.integers(0, 59),
    grow=st.floats(0.2, 5),
)  # fmt: skip
@settings(deadline=None)
def test_no_more_than_the_usual_opens_none(rate, share, hour, minute, grow):
    until = MONDAY + timedelta(hours=hour, minutes=minute)
    slots = {each: round(rate * (grow if each % 2 else 1)) * (20 if each < 24 else 8) for each in range(48)}
    usual = Usual(int((until - timedelta(days=28)).timestamp()), {"": slots})
    now, counts, owed = int(until.timestamp()), Counter(), 0.0
    for bucket in range((now - 13 * HOUR) // BUCKET, now // BUCKET):
        owed += share * usual.rate("", bucket * BUCKET) * BUCKET / HOUR
        counts[bucket], owed = int(owed), owed - int(owed)
    assert alarm([""], {"": counts}, usual, now) is None


def test_a_count_below_a_great_usual_is_no_surprise():
    at = int((MONDAY + timedelta(hours=10, minutes=4)).timestamp())
    usual = Usual(at - 28 * 24 * HOUR, {"": dict.fromkeys(range(48), 2_000_000)})
    assert alarm([""], {"": Counter({at // BUCKET: 5})}, usual, at) is None


def test_a_slow_incident_says_what_was_usual_in_all_of_its_hours():
    at = MONDAY + timedelta(hours=9, minutes=30)
    usual = busy([day * 24 + hour for day in range(5) for hour in range(8, 18)], until=MONDAY, customers=4)
    counts = {"": Counter({int((at - timedelta(hours=each)).timestamp()) // BUCKET: 5 for each in range(10)})}
    raised = alarm([""], counts, usual, int(at.timestamp()))
    customers, expected = int(raised.reason.split()[0]), float(raised.reason.split()[-1])
    assert expected < 20
    assert customers > 40


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(minutes=40), timedelta(hours=7), timedelta(days=30)])
def test_a_clock_that_goes_backwards_opens_none(back):
    rows = usual(40)
    later = [(at + timedelta(days=40), f"later {customer}", *rest) for at, customer, *rest in rows]
    again = [(at - back, f"again {customer}", *rest) for at, customer, *rest in later]
    assert not list(changes([*rows, *(each for pair in zip(later, again, strict=True) for each in pair)]))

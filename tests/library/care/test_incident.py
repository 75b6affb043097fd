"""Incidents on small cases."""

from datetime import UTC, datetime, timedelta
from math import exp, factorial, log

import pytest

from deskwire.care.incident import Usual as Known
from deskwire.care.incident import alarm, changes, read, surprise

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
    busy = Known(since=at - 28 * 86_400, slots={"": dict.fromkeys(range(48), 1_000_000)})
    assert alarm(("",), {"": {at // 300: 4}}, busy, at) is None

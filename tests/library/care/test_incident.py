"""Incidents on small cases."""

from datetime import UTC, datetime, timedelta

from deskwire.care.incident import changes, read

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

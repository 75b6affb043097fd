"""Incidents and declared answers on small cases."""

from datetime import UTC, datetime, timedelta

from deskwire.care.answers import Answer, Matcher
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


def test_only_what_was_declared_is_answered_and_nothing_hot():
    hours = Answer(questions=["When are you open?", "What are your opening hours?"], answer={"en": "Nine to six."})
    matcher = Matcher(
        {"hours": hours, "returns": Answer(questions=["How do I return shoes?"], answer={"en": "By post."})}
    )
    assert matcher.match("what are your opening hours").text == "Nine to six."
    assert matcher.match("Do you sell gift cards?") is None
    assert matcher.match("Opening hours are a lie, my card was stolen!") is None

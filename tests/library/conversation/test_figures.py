"""What is read of the figures that watch keeps: each hour of the span alone, and no length that was taken back."""

from datetime import UTC, datetime, timedelta

from deskwire.conversation.figures import by_length, hour_of, partition, read
from deskwire.ports import Put
from deskwire.ports.memory import MemoryTable

HOUR = timedelta(hours=1)
PLACE = partition("messenger", "41")


def hours(table, since, until, letter="H"):
    return [at for at, _, _ in read(table, PLACE, letter, since, until)]


def test_a_length_that_was_taken_back_is_none():
    counted = {"a17": 2, "a03": 0, "a05": -1, "r05": 1, "answers": 3, "a": 4, "resolved": -2}
    assert by_length(counted, "a") == {17: 2}
    assert by_length(counted, "r") == {5: 1}


def test_the_hour_that_a_span_begins_in_is_read_whole_and_the_one_after_it_is_not():
    table = MemoryTable()
    begin = datetime(2026, 10, 31, 22, tzinfo=UTC)
    known = [begin + number * HOUR for number in range(6)]  # over the end of a month
    for at in known:
        table.put(Put({"pk": PLACE, "sk": f"H#{hour_of(at)}", "messages": 1, "expires": 5}))
        table.put(Put({"pk": PLACE, "sk": f"C#{hour_of(at)}#en#normal#question", "tickets": 1, "expires": 5}))
    half = HOUR / 2
    assert hours(table, known[1] + half, known[4] + half) == known[1:5]
    assert hours(table, known[1], known[4]) == known[1:5]
    assert hours(table, known[5], known[5]) == known[5:]
    found = list(read(table, PLACE, "C", known[2], known[2]))
    assert found == [(known[2], ["en", "normal", "question"], {"tickets": 1})]

"""Where the first poll begins whose cursor is a number."""

from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.helpdesk import FIRST_LOOK
from deskwire.families.polls import begin
from deskwire.web.reading import Node

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def rows(*ages):
    """Return rows of these ages in seconds, the newest first, numbered down to 11."""
    times = [(NOW - timedelta(seconds=age)).isoformat() for age in ages]
    return [Node({"id": 10 + len(ages) - place, "date": time}) for place, time in enumerate(times)]


@pytest.mark.parametrize(
    ("ages", "cursor"),
    [
        ((), "0"),
        ((0, 30, 599), "10"),
        ((30, 600, 3000), "12"),
        ((3000, 4000), "12"),
    ],
)
def test_it_begins_with_what_is_younger_than_the_first_look(ages, cursor):
    assert timedelta(seconds=600) == FIRST_LOOK
    assert begin(rows(*ages), "date", NOW) == cursor


def test_a_row_without_a_time_is_taken_for_old():
    assert begin([Node({"id": 12}), Node({"id": 11})], "date", NOW) == "12"

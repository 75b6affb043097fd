"""Where a first poll begins whose cursor is a number, and tickets that cannot be read."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from deskwire.contracts.helpdesk import FIRST_LOOK
from deskwire.families.polling import begin, polled
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.signals import Signal
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


def looked(cursor, wanted, look):
    """Return the tickets that a poll signals, how many it reports, and its next cursor."""
    reported = []
    reach = SimpleNamespace(left_out=lambda what, _node: reported.append(what))
    found = polled(cursor, lambda own: (dict.fromkeys(wanted, own), "later"), look, reach)
    return [each.ticket for each in found.signals], len(reported), found.cursor


def refusing(error, *those):
    def look(ticket, _since):
        if ticket in those:
            raise error
        return [Signal(helpdesk="redmine", account="main", object_id=ticket, ticket=ticket)]

    return look


def test_issues_that_are_refused_hold_up_no_other_however_many_come_first():
    look = refusing(ConfigurationError("HTTP 403"), "1", "2", "3", "4")
    assert looked("now", "123456", look) == (["5", "6"], 4, "later aside:1@now,2@now,3@now,4@now")
    assert looked("later aside:1@now,2@now", "", refusing(None)) == (["1", "2"], 0, "later")


def test_an_outage_moves_no_cursor():
    with pytest.raises(TemporaryError):
        looked("now", "1234", refusing(TemporaryError("HTTP 503"), *"1234"))

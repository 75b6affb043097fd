"""What a poll of Redmine finds where its list shifts, is longer than a poll, or holds an issue that cannot be read."""

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from deskwire.families import polling
from deskwire.helpdesks.redmine import Redmine
from deskwire.model.errors import TemporaryError
from deskwire.web.rest import Answer
from tests.connectors.living import reach_of

connector = Redmine()
START = datetime(2026, 11, 29, 8, tzinfo=UTC)
OUTAGE = Answer(502, {}, b"<html>")


def stamp(seconds):
    return f"{START + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


class Played:
    """Redmine's list of issues, sorted and cut as IssueQuery#issues does, and the issues with one answer each."""

    def __init__(self):
        self.changed = {}  # issue -> seconds since the start
        self.broken = {}  # issue -> what is answered instead
        self.listing = lambda: None  # what happens after a page was listed
        self.asked = []

    def __call__(self, call):
        parts = urlsplit(call.url)
        if parts.path == "/users/current.json":
            return Answer(200, {}, b'{"user": {"id": 1}}')
        if parts.path == "/issues.json":
            return self.listed({name: values[0] for name, values in parse_qs(parts.query).items()})
        number = int(re.fullmatch(r"/issues/([0-9]+)\.json", parts.path)[1])
        self.asked.append(number)
        return self.broken.get(number) or Answer(200, {}, json.dumps({"issue": self.issue(number)}).encode())

    def listed(self, query):
        since = query["updated_on"].removeprefix(">=")
        limit = int(query["limit"])
        offset = int(query.get("offset") or (int(query.get("page", "1")) - 1) * limit)
        assert (query["sort"], limit <= 100) == ("updated_on", True)
        found = [number for number, at in self.changed.items() if stamp(at) >= since]
        found.sort(key=lambda number: (stamp(self.changed[number]), -number))
        rows = [{"id": number, "updated_on": stamp(self.changed[number])} for number in found[offset : offset + limit]]
        self.listing()
        return Answer(200, {}, json.dumps({"issues": rows, "total_count": len(found)}).encode())

    def issue(self, number):
        journal = {"id": 1000 + number, "user": {"id": 5}, "notes": "an answer", "private_notes": False,
                   "created_on": stamp(self.changed[number]), "details": []}  # fmt: skip
        return {"id": number, "journals": [journal]}


@pytest.fixture
def played():
    return Played()


@pytest.fixture
def reach(played):
    found = reach_of(played, {"address": "https://redmine.example.com", "project": "help"}, {"api_key": "invented"})
    return dataclasses.replace(found, now=START + timedelta(hours=1))


def polls(reach, cursor, times):
    """Poll so often; return the tickets that were told, and the last cursor."""
    tickets = set()
    for _ in range(times):
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        tickets |= {int(signal.ticket) for signal in page.signals}
    return tickets, cursor


def test_an_answer_is_found_where_an_issue_changes_while_the_pages_are_read(played, reach):
    played.changed = {number: number for number in range(1, 151)}

    def change_another():
        played.changed[3] = 200
        played.listing = lambda: None

    played.listing = change_another
    told, _ = polls(reach, stamp(0), 2)
    assert told == set(range(1, 151))


def test_answers_are_found_where_more_issues_change_than_one_poll_looks_at(played, reach):
    played.changed = {number: number for number in range(1, 701)}
    told, cursor = polls(reach, stamp(0), 1)
    assert 100 <= len(told) <= 200, "a poll ends within its minute"
    told, cursor = polls(reach, cursor, 5)
    assert 700 in told
    assert polls(reach, stamp(0), 6)[0] == set(range(1, 701))
    assert cursor == stamp(700)


def test_answers_of_one_second_are_all_found_where_they_are_more_than_one_poll_lists(played, reach):
    played.changed = dict.fromkeys(range(1, 701), 5)
    told, cursor = polls(reach, stamp(0), 8)
    assert told == set(range(1, 701))
    played.changed[900] = 6
    told, cursor = polls(reach, cursor, 1)
    assert 900 in told
    assert polls(reach, cursor, 1) == ({900}, stamp(6))


def test_an_answer_of_the_cursor_s_own_second_is_found(played, reach):
    played.changed = {1: 5}
    _, cursor = polls(reach, stamp(0), 1)
    played.changed[2] = 5
    assert 2 in polls(reach, cursor, 1)[0]


def left_out(reach):
    said = []
    return said, dataclasses.replace(reach, left_out=lambda what, node: said.append(what))


@pytest.mark.parametrize(
    "answer",
    [
        OUTAGE,
        Answer(404, {}, b"<html>"),
        Answer(200, {}, b"<html>"),
        Answer(200, {}, b'{"issue": {}}'),
    ],
)
def test_an_issue_that_cannot_be_read_holds_up_no_other_and_is_asked_for_again(answer, played, reach):
    played.changed = {1: 1, 2: 2, 3: 3}
    played.broken[2] = answer
    said, counting = left_out(reach)
    told, cursor = polls(counting, stamp(0), 1)
    assert told == {1, 3}
    assert cursor.startswith(stamp(3))
    assert len(said) == 1
    assert "ticket 2" in said[0]
    played.changed[4] = 100
    told, cursor = polls(counting, cursor, 2)
    assert 4 in told
    assert len(said) == 3
    del played.broken[2]
    told, cursor = polls(counting, cursor, 1)
    assert 2 in told
    assert cursor == stamp(100)


def test_an_issue_that_was_deleted_meanwhile_is_not_asked_for_again(played, reach):
    played.changed, played.broken[1] = {1: 1}, Answer(404, {}, b"")
    assert polls(reach, stamp(0), 1) == (set(), stamp(1))


def test_where_redmine_fails_for_all_the_cursor_stays(played, reach):
    played.changed = {number: number for number in range(1, 50)}
    played.broken = dict.fromkeys(played.changed, OUTAGE)
    with pytest.raises(TemporaryError):
        connector.poll(stamp(0), reach)
    assert len(played.asked) == 3


def test_issues_for_which_no_time_is_left_are_looked_at_by_the_next_poll(played, reach, monkeypatch):
    played.changed = {number: number for number in range(1, 11)}
    monkeypatch.setattr(polling, "clock", lambda: 10.0 * len(played.asked))
    told, cursor = polls(reach, stamp(0), 1)
    assert told == {1, 2, 3}
    monkeypatch.undo()
    assert polls(reach, cursor, 1)[0] >= set(range(4, 11))


def test_issues_that_fail_each_time_do_not_keep_the_others_that_were_set_aside_waiting(played, reach):
    played.changed = {number: number for number in range(1, 8)}
    played.broken = dict.fromkeys(range(2, 8), OUTAGE)
    _, cursor = polls(reach, stamp(0), 2)
    del played.broken[7]
    assert 7 in polls(reach, cursor, 3)[0]


def test_with_too_many_set_aside_no_further_ones_are_asked_for(played, reach, monkeypatch):
    monkeypatch.setattr(polling, "MOST", 2)
    played.changed = {1: 1, 2: 2, 3: 3}
    played.broken = dict.fromkeys((2, 3), OUTAGE)
    _, cursor = polls(reach, stamp(0), 1)
    played.changed[4] = 4
    told, cursor = polls(reach, cursor, 1)
    assert told == set()
    played.broken.clear()
    assert polls(reach, cursor, 2)[0] == {2, 3, 4}

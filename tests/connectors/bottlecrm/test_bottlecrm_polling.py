"""What a poll of BottleCRM finds where its list of activities is too short, or a ticket cannot be read."""

import dataclasses
import json
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from deskwire.helpdesks.bottlecrm import BottleCRM
from deskwire.helpdesks.bottlecrm.words import mark
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.web.rest import Answer
from tests.connectors.living import reach_of

connector = BottleCRM()
START = datetime(2026, 11, 29, 8, tzinfo=UTC)
ME, MINE, AGENT, USER = (str(uuid.UUID(int=number)) for number in (1, 2, 3, 4))
OUTAGE = Answer(502, {}, b"<html>")


def number_of(ticket):
    return str(uuid.UUID(int=1000 + ticket))


def place_of(number):
    return uuid.UUID(number).int - 1000


class Played:
    """Tickets, the newest first, and the fifty newest activities, as django-crm 1.35 lists them."""

    def __init__(self):
        self.now = START
        self.tickets = {}  # ticket -> when it was made
        self.answers = {}  # ticket -> [(id, when)]
        self.activities = []
        self.broken = {}  # ticket -> what is answered instead
        self.looked = []
        self.listing = lambda: None  # what happens after tickets were listed

    def make(self, *tickets):
        for ticket in tickets:
            self.now += timedelta(milliseconds=100)
            self.tickets[ticket] = self.now

    def answer(self, ticket):
        self.now += timedelta(milliseconds=100)
        self.answers.setdefault(ticket, []).append((str(uuid.uuid4()), self.now))
        self.activities.append((number_of(ticket), USER, self.now))

    def noise(self, count, every=0.1):
        for _ in range(count):
            self.now += timedelta(seconds=every)
            self.activities.append((number_of(9_999), MINE, self.now))

    def __call__(self, call):
        parts = urlsplit(call.url)
        path, query = parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "/api/profile/":
            return told({"user_obj": {"id": ME, "user_details": {"id": MINE}}})
        if path == "/api/activities/":
            rows = [
                {"entity_id": ticket, "user": {"id": user}, "timestamp": at.isoformat()}
                for ticket, user, at in reversed(self.activities)
            ]
            return told({"activities": rows[: min(50, int(query["limit"]))]})
        if path == "/api/cases/":
            return self.listed(query)
        ticket = place_of(path.split("/")[3])
        self.looked.append(ticket)
        return self.broken.get(ticket) or told(self.shown(ticket))

    def listed(self, query):
        newest = sorted(self.tickets, key=lambda ticket: self.tickets[ticket], reverse=True)
        assert query.get("ordering", "-created_at") == "-created_at"
        begin = int(query.get("offset", "0"))
        rows = newest[begin : begin + int(query["limit"])]
        found = [{"id": number_of(ticket), "created_at": self.tickets[ticket].isoformat()} for ticket in rows]
        self.listing()
        return told({"cases": found, "cases_count": len(newest)})

    def shown(self, ticket):
        comments = [
            {"id": number, "commented_by": {"id": AGENT}, "is_internal": False, "comment": "an answer",
             "commented_on": at.isoformat()}
            for number, at in self.answers.get(ticket, ())
        ]  # fmt: skip
        case = {"id": number_of(ticket), "is_active": True, "description": mark(f"k {ticket}"), "assigned_to": []}
        parts = ("internal_notes", "attachments", "activities", "merged_from_cases")
        return {"cases_obj": case, "comments": comments} | {part: [] for part in parts}


def told(body):
    return Answer(200, {}, json.dumps(body).encode())


@pytest.fixture
def played():
    return Played()


@pytest.fixture
def reach(played):
    return reach_of(played, {"address": "https://crm.example.com"}, {"token": "invented"}, now=START)


def polls(reach, played, cursor, times, apart=timedelta(minutes=1)):
    """Poll so often; return the tickets that were told, and the last cursor."""
    tickets = set()
    for _ in range(times):
        played.now += apart
        page = connector.poll(cursor, dataclasses.replace(reach, now=played.now))
        cursor = page.cursor
        tickets |= {place_of(signal.ticket) for signal in page.signals}
    return tickets, cursor


def started(played, reach, tickets):
    played.make(*tickets)
    played.noise(1)
    played.now += timedelta(minutes=5)
    return connector.poll("", dataclasses.replace(reach, now=played.now)).cursor


def test_answers_are_found_where_more_happened_than_bottlecrm_lists(played, reach):
    cursor = started(played, reach, range(1, 351))
    for ticket in range(1, 351):
        played.answer(ticket)
    tickets, cursor = polls(reach, played, cursor, 1)
    assert len(played.looked) <= 150, "a poll ends within its minute"
    assert tickets >= set(range(251, 351)), "those of the newest tickets go out first"
    assert tickets | polls(reach, played, cursor, 4)[0] == set(range(1, 351))


def test_a_round_ends_and_a_quiet_desk_is_asked_for_its_list_alone(played, reach):
    cursor = started(played, reach, range(1, 151))
    for ticket in range(1, 151):
        played.answer(ticket)
    _, cursor = polls(reach, played, cursor, 8)
    played.looked.clear()
    assert polls(reach, played, cursor, 2) == (set(), cursor)
    assert played.looked == []
    played.answer(7)
    assert polls(reach, played, cursor, 1)[0] == {7}


def test_answers_during_a_round_are_found_where_the_list_is_too_short_again(played, reach):
    cursor = started(played, reach, range(1, 401))
    played.noise(60)
    _, cursor = polls(reach, played, cursor, 1)
    played.answer(390)  # a ticket that the round has passed
    played.noise(60)
    assert 390 in polls(reach, played, cursor, 9)[0]


@pytest.mark.parametrize("removed", [(350,), range(220, 401)])
def test_tickets_that_are_removed_during_a_round_hide_no_other(removed, played, reach):
    cursor = started(played, reach, range(1, 401))
    for ticket in (300, 210, 1):
        played.answer(ticket)
    played.noise(60)
    tickets, cursor = polls(reach, played, cursor, 1)
    for ticket in removed:
        del played.tickets[ticket]
    assert {300, 210, 1} & played.tickets.keys() <= tickets | polls(reach, played, cursor, 8)[0]


def test_new_tickets_during_a_round_hide_no_other(played, reach):
    cursor = started(played, reach, range(1, 401))
    for ticket in (300, 299, 1):
        played.answer(ticket)
    played.noise(60)
    tickets, cursor = polls(reach, played, cursor, 1)
    played.make(*range(500, 620))
    assert {300, 299, 1} <= tickets | polls(reach, played, cursor, 6)[0]


@pytest.mark.parametrize(
    "answer",
    [OUTAGE, Answer(500, {}, b"{}"), Answer(403, {}, b"{}"), Answer(404, {}, b"<html>"), Answer(200, {}, b"<html>"),
     Answer(200, {}, b"{}")],
)  # fmt: skip
def test_a_ticket_that_cannot_be_read_holds_up_no_other_and_is_asked_for_again(answer, played, reach):
    said = []
    reach = dataclasses.replace(reach, left_out=lambda what, node: said.append(what))
    cursor = started(played, reach, (1, 2, 3))
    for ticket in (1, 2, 3):
        played.answer(ticket)
    played.broken[2] = answer
    tickets, cursor = polls(reach, played, cursor, 2)
    assert tickets == {1, 3}
    assert len(said) == 2
    assert number_of(2) in said[0]
    del played.broken[2]
    tickets, cursor = polls(reach, played, cursor, 1)
    assert tickets == {2}
    assert cursor == played.answers[3][-1][1].isoformat()


def test_a_ticket_that_was_deleted_holds_up_nothing_and_is_not_asked_for_again(played, reach):
    cursor = started(played, reach, (1, 2))
    played.answer(1)
    played.answer(2)
    played.broken[2] = Answer(404, {}, b'{"detail": "No such case."}')
    tickets, cursor = polls(reach, played, cursor, 2)
    assert (tickets, cursor) == ({1}, played.answers[2][-1][1].isoformat())


def test_where_bottlecrm_fails_for_all_the_cursor_stays(played, reach):
    cursor = started(played, reach, range(1, 10))
    for ticket in range(1, 10):
        played.answer(ticket)
    played.broken = dict.fromkeys(range(1, 10), OUTAGE)
    with pytest.raises(TemporaryError):
        polls(reach, played, cursor, 1)
    assert len(played.looked) == 3


def test_another_cursor_is_refused(reach):
    for cursor in ("yesterday", "2026-11-29T08:00:00+00:00|x", "2026-11-29T08:00:00+00:00|a|b|c|d"):
        with pytest.raises(PermanentError, match="no cursor"):
            connector.poll(cursor, reach)

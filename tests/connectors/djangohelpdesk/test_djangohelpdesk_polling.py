"""What a poll of django-helpdesk finds where a ticket cannot be read, without a django-helpdesk."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from deskwire.helpdesks.djangohelpdesk import DjangoHelpdesk
from deskwire.helpdesks.djangohelpdesk.words import mark
from deskwire.model.errors import TemporaryError
from deskwire.web.rest import Answer
from tests.connectors.living import reach_of

connector = DjangoHelpdesk()
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
OURS, AGENT = 1, 5


class Played:
    """The follow-ups of all tickets on one page, and each ticket with its own."""

    def __init__(self):
        self.followups = []
        self.merged = {}  # ticket -> into
        self.broken = {}  # ticket -> what is answered instead

    def said(self, ticket, user=AGENT):
        number = len(self.followups) + 1
        comment = f"hello\n\n{mark(f'thread {ticket}', 'k')}" if user == OURS else "an answer"
        at = NOW - timedelta(hours=1) + timedelta(seconds=number)
        self.followups.append(
            {"id": number, "ticket": ticket, "user": user, "public": True, "comment": comment, "message_id": None,
             "title": "", "date": at.isoformat(), "new_status": None, "followupattachment_set": []}
        )  # fmt: skip
        return str(number)

    def merge(self, ticket, into):
        self.merged[ticket] = into
        for row in self.followups:
            if row["ticket"] == ticket:
                row |= {"ticket": into, "title": f"[Merged from #{ticket}]"}

    def __call__(self, call):
        path = urlsplit(call.url).path
        if path.endswith("/followups/"):
            return Answer(200, {}, json.dumps({"count": len(self.followups), "results": self.followups}).encode())
        ticket = int(path.rstrip("/").rpartition("/")[2])
        shown = {"id": ticket, "merged_to": self.merged.get(ticket), "assigned_to": None,
                 "followup_set": [row for row in self.followups if row["ticket"] == ticket]}  # fmt: skip
        return self.broken.get(ticket) or Answer(200, {}, json.dumps(shown).encode())


@pytest.fixture
def played():
    found = Played()
    for ticket in (1, 2, 3):
        found.said(ticket, OURS)
    return found


@pytest.fixture
def reach(played):
    settings = {"address": "https://desk.example.com/helpdesk", "queue": "1", "user_id": str(OURS)}
    return dataclasses.replace(reach_of(played, settings, {"token": "invented"}), now=NOW)


def told(page):
    return [(signal.ticket, signal.object_id) for signal in page.signals]


@pytest.mark.parametrize(
    "answer",
    [Answer(500, {}, b"<html>"), Answer(403, {}, b"{}"), Answer(404, {}, b"<html>"), Answer(200, {}, b"<html>"),
     Answer(200, {}, b'{"id": 2}')],
)  # fmt: skip
def test_a_ticket_that_cannot_be_read_holds_up_no_other_and_is_asked_for_again(answer, played, reach):
    said = []
    reach = dataclasses.replace(reach, left_out=lambda what, node: said.append(what))
    start = connector.poll("", reach).cursor
    one, two, three = (played.said(ticket) for ticket in (1, 2, 3))
    played.broken[2] = answer
    first = connector.poll(start, reach)
    assert told(first) == [("1", one), ("3", three)]
    assert len(said) == 1
    assert "ticket 2" in said[0]
    again = connector.poll(first.cursor, reach)
    assert told(again) == []
    del played.broken[2]
    last = connector.poll(again.cursor, reach)
    assert told(last) == [("2", two)]
    assert last.cursor == three


def test_a_ticket_that_was_merged_before_it_could_be_read_loses_no_answer(played, reach):
    start = connector.poll("", reach).cursor
    played.said(1)
    two = played.said(2)
    played.broken[2] = Answer(500, {}, b"")
    first = connector.poll(start, reach)
    played.merge(2, 3)
    del played.broken[2]
    assert ("2", two) in told(connector.poll(first.cursor, reach))


def test_where_it_fails_for_all_the_cursor_stays(played, reach):
    start = connector.poll("", reach).cursor
    for ticket in (1, 2, 3):
        played.said(ticket)
    played.broken = dict.fromkeys((1, 2, 3), Answer(500, {}, b""))
    with pytest.raises(TemporaryError):
        connector.poll(start, reach)

"""What the connector makes of django-helpdesk's lists, whatever their order, without a django-helpdesk."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from deskwire.helpdesks.djangohelpdesk import DjangoHelpdesk
from deskwire.helpdesks.djangohelpdesk.words import mark
from deskwire.model.tickets import Sought
from deskwire.web.rest import Answer
from tests.connectors.living import reach_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
AGES = {
    "by date": lambda row: row["id"],
    "the newest first": lambda row: -row["id"],
    "two clocks": lambda row: row["id"] + 30 * (row["id"] % 2),
    "the newest first, by two clocks": lambda row: -row["id"] - 30 * (row["id"] % 2),
}
connector = DjangoHelpdesk()


class Listed:
    """A django-helpdesk with one ticket and many follow-ups, which it lists in an order of its own."""

    def __init__(self, order, *, until=250):
        self.order = order
        self.asked = []
        self.rows = [self.row(number) for number in range(1, until + 1)]
        self.meanwhile = None

    def row(self, number, *, user=2, comment="an answer"):
        at = NOW - timedelta(minutes=600 - number)
        return {
            "id": number, "ticket": 1, "user": user, "comment": comment, "public": True, "new_status": None,
            "message_id": None, "followupattachment_set": [], "date": at.isoformat(),
        }  # fmt: skip

    def __call__(self, call):
        parts = urlsplit(call.url)
        self.asked.append(parts.path)
        ordered = sorted(self.rows, key=self.order)
        if "/tickets/" in parts.path:
            return Answer(200, {}, json.dumps(self.ticket(ordered)).encode())
        query = parse_qs(parts.query)
        size, number = int(query["page_size"][0]), query["page"][0]
        place = (-(-len(ordered) // size) if number == "last" else int(number)) - 1
        body = {"count": len(ordered), "results": ordered[place * size : (place + 1) * size]}
        if self.meanwhile is not None and len(self.asked) > 1:
            self.rows.append(self.meanwhile)
            self.meanwhile = None
        return Answer(200, {}, json.dumps(body).encode())

    def ticket(self, ordered):
        ours = self.row(999, user=1, comment=f"hello\n\n{mark('t', 'k')}")
        return {"id": 1, "merged_to": None, "assigned_to": None, "description": "", "followup_set": [*ordered, ours]}


def reaching(desk):
    settings = {"address": "https://desk.example.com", "queue": "1", "user_id": "1"}
    return reach_of(desk, settings, {"token": "invented"}, now=NOW)


def told(desk, cursor):
    page = connector.poll(cursor, reaching(desk))
    return [int(signal.object_id) for signal in page.signals], page.cursor


@pytest.mark.parametrize("order", AGES.values(), ids=AGES)
@pytest.mark.parametrize("since", [20, 130, 249, 250])
def test_a_look_tells_all_that_is_new_in_whatever_order_the_list_is(order, since):
    assert told(Listed(order), str(since)) == (list(range(since + 1, 251)), "250")


@pytest.mark.parametrize("order", AGES.values(), ids=AGES)
def test_the_first_look_begins_after_the_newest(order):
    assert connector.poll("", reaching(Listed(order))).cursor == "250"


def test_a_look_during_which_the_list_changed_is_made_once_more():
    desk = Listed(AGES["by date"])
    desk.meanwhile = desk.row(251)
    assert told(desk, "120")[1] == "120"
    assert told(desk, "120") == (list(range(121, 252)), "251")


@pytest.mark.parametrize("order", AGES.values(), ids=AGES)
@pytest.mark.parametrize("place", [3, 95, 160, 250])
def test_a_ticket_is_found_by_its_key_in_whatever_order_the_list_is(order, place):
    desk = Listed(order)
    desk.rows[place - 1] |= {"user": 1, "ticket": 7, "comment": f"Customer: Ana\n\n{mark('t', 'k')}"}
    for since in (None, datetime.fromisoformat(desk.rows[place - 1]["date"])):
        assert connector.find(Sought(key="k", thread="t", since=since), reaching(desk)).ticket == "7"


def test_a_message_is_looked_for_in_its_ticket_and_not_in_the_list():
    desk = Listed(AGES["by date"])
    found = connector.find(Sought(key="k", ticket="1", thread="t", since=NOW), reaching(desk))
    assert found.entries == {"k": "999"}
    assert desk.asked == ["/api/tickets/1/"]

"""What a helpdesk signals of a ticket before the way back from it is noted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deskwire.conversation.ledger import MOST_EARLY, Ledger, Signalled
from deskwire.conversation.recorded import Recorded
from deskwire.conversation.table import ticket_item
from deskwire.model.signals import About, Assignee, Signal, Status
from deskwire.ports.memory import MemoryTable

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
KEY, MESSAGE = "messenger/41/24", "messenger/41/m_1/add/"


@pytest.fixture
def ledger():
    return Ledger(MemoryTable(), lambda: NOW, "a")


@pytest.fixture
def opened(ledger):
    """Return a thread whose ticket was opened a moment ago."""
    ledger.record(KEY, Recorded(key=MESSAGE, note="x", received_at=NOW.isoformat()))
    return ledger.take(KEY, None, MESSAGE).model_copy(update={"ticket": "7", "helpdesk": "acme"})


def signal(number, **more):
    return Signal(helpdesk="zendesk", account="acme", object_id=f"s{number}", ticket="7", **more)


SOLVED = signal(1, about=About.STATUS, status=Status.SOLVED)


def signalled(ledger, opened, added=()):
    """Try to note the ticket; return what had been signalled."""
    with pytest.raises(Signalled) as caught:
        ledger.intend(opened, opened=opened, added=added)
    return [each.key for each in caught.value.told], caught.value.look


@pytest.mark.parametrize(
    ("came", "kept", "look"),
    [
        ([signal(1)], 0, True),
        ([SOLVED], 1, False),
        ([SOLVED, SOLVED], 1, False),
        ([SOLVED, signal(2)], 1, True),
        ([signal(2), SOLVED], 1, True),
        ([signal(1, about=About.STATUS, assignee=Assignee("4", "Agnes"))], 1, False),
        ([signal(1, status=Status.SOLVED)], 1, False),  # a poll's: the look and what it saw
    ],
)
def test_what_no_look_would_show_is_kept_and_the_rest_is_looked_for(ledger, opened, came, kept, look):
    assert [ledger.whose(each) for each in came] == [""] * len(came)
    told, looks = signalled(ledger, opened)
    assert (len(told), looks) == (kept, look)


def test_a_look_that_is_asked_for_beside_a_known_status_is_not_lost(ledger, opened):
    ledger.whose(SOLVED)
    added = [Recorded(key=SOLVED.key, signal=SOLVED, received_at=NOW.isoformat())]
    ledger.whose(signal(2))
    assert signalled(ledger, opened, added) == ([SOLVED.key], True)


def test_the_way_back_is_noted_once_all_of_it_is_known(ledger, opened):
    ledger.whose(SOLVED)
    ledger.intend(opened, opened=opened, added=[Recorded(key=SOLVED.key, signal=SOLVED, received_at=NOW.isoformat())])
    item = ledger.table.get(ticket_item("acme", "7"))
    assert item["thread"] == KEY
    assert not {"told", "early", "early_keys", "look", "expires"} & item.keys()
    assert ledger.whose(SOLVED) == KEY


def test_a_ticket_that_is_never_ours_keeps_no_more_than_so_many(ledger, opened):
    for number in range(MOST_EARLY + 5):
        ledger.whose(signal(number, about=About.STATUS, status=Status.SOLVED))
    told, look = signalled(ledger, opened)
    assert (len(told), look) == (MOST_EARLY, True)

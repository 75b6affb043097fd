"""A helpdesk or a platform that takes only so much: the rest comes later, and nothing failed."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from deskwire.configuration import HelpdeskConnection, item
from deskwire.contracts.terms import Figure, Pace
from deskwire.conversation.health import Neighbours
from deskwire.model.events import Visibility
from deskwire.ports import Put
from deskwire.registry import channel
from deskwire.timing import PLACE_SECONDS

from .conftest import START

CUSTOMERS = [f"249000000000{number:05}" for number in range(5)]


def _one_call_at_once(company):
    """Let the helpdesk take one call at once; return its name."""
    desk = next(each for each in company.definitions if isinstance(each, HelpdeskConnection))
    company.table.put(Put(item(desk.model_copy(update={"at_once": 1}))))
    return desk.key[0]


def test_a_message_waits_for_the_call_of_another_worker_and_is_acknowledged_all_the_same(company):
    name = _one_call_at_once(company)
    other = Neighbours(company.table, company.now)
    other.limits.declare(name, 1)
    give_back = other.limits.take(name)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    assert company.zendesk.tickets == []
    assert len(company.graph.sent) == 1
    assert company.thread()["attempts"] == 0
    give_back()
    company.later(10)
    assert set(company.outcomes().values()) == {"filed"}


def test_a_worker_that_dies_in_its_call_holds_up_the_others_for_a_minute_and_a_half(company):
    name = _one_call_at_once(company)
    dead = Neighbours(company.table, company.now)
    dead.limits.declare(name, 1)
    dead.limits.take(name)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    for _ in range(PLACE_SECONDS // 15 + 1):
        company.later(15)
    assert set(company.outcomes().values()) == {"filed"}
    assert len(company.zendesk.tickets) == 1


def test_messages_to_customers_keep_the_pace_that_the_platform_takes(company, monkeypatch):
    kind = channel("messenger")
    pace = Figure(Pace("messages", 2, timedelta(minutes=1)), "https://example.com", START.date())
    private = dataclasses.replace(kind.terms.sending[Visibility.PRIVATE], pace=pace)
    monkeypatch.setattr(kind, "terms", dataclasses.replace(kind.terms, sending={Visibility.PRIVATE: private}))
    for customer in CUSTOMERS:
        company.deliver(company.message("Where is my parcel?", customer=customer))
    company.work()
    sent = [len(company.graph.sent)]
    for _ in range(4):
        company.later(60)
        sent.append(len(company.graph.sent))
    assert sent[:3] == [2, 4, 5]
    assert sent[-1] == 5
    assert len(company.zendesk.tickets) == 5, "filing waits for no acknowledgement"
    assert set(company.outcomes().values()) == {"filed"}

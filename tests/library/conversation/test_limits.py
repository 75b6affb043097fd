"""A neighbour gets no more calls at once, or messages in a span, from all workers together than it takes."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.configuration import HelpdeskConnection
from deskwire.contracts.terms import Pace
from deskwire.conversation.directory import Directory
from deskwire.conversation.health import Neighbours
from deskwire.conversation.limits import LeftAlone
from deskwire.helpdesks.hubspot import HubSpot
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.ports.memory import MemoryTable
from deskwire.timing import PLACE_SECONDS
from deskwire.web.rest import Answer
from sandbox.neighbours.neighbour import Clock

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
DESK = "H#desk"
PACE = Pace("replies", 3, timedelta(seconds=60))


class Throttled(MemoryTable):
    """A table of which a write that is named fails, as the adapter says it: nobody knows whether it was done."""

    refused = ""

    def update(self, update):
        if self.refused and update.key[1].startswith(self.refused):
            raise TemporaryError("throttled", ambiguous=True)
        return super().update(update)


class Company:
    def __init__(self):
        self.clock, self.table = Clock(START, held=True), Throttled()

    def container(self, at_once=0, pace=None):
        neighbours = Neighbours(self.table, self.clock.now)
        neighbours.limits.declare(DESK, at_once, pace)
        return neighbours

    def places(self):
        found = self.table.items.get((DESK, "PLACES"), {})
        return [name for name in found if name.startswith("place_")]


@pytest.fixture
def company():
    return Company()


def asked(neighbours, count=1, **options):
    try:
        with neighbours.asking(DESK, count, **options):
            return True
    except LeftAlone:
        return False


def test_all_workers_together_make_no_more_calls_at_once_than_are_declared(company):
    containers = [company.container(2) for _ in range(3)]
    with ExitStack() as calls:
        calls.enter_context(containers[0].asking(DESK))
        calls.enter_context(containers[1].asking(DESK))
        assert not asked(containers[2])
    assert asked(containers[2])
    assert company.places() == []


def test_one_that_found_another_faster_takes_a_place_that_is_free(company):
    first, second = company.container(3), company.container(3)
    with first.asking(DESK), second.asking(DESK):
        assert len(company.places()) == 2
        assert asked(first)


def test_who_finds_no_place_comes_back_soon_and_nothing_failed(company):
    first, second = company.container(1), company.container(1)
    with first.asking(DESK):
        for _ in range(5):
            with pytest.raises(LeftAlone) as told, second.asking(DESK):
                pass
            assert told.value.after <= 5
            assert not told.value.ambiguous
        health = second.health(DESK)
    assert health.open_until == 0, "the helpdesk is in order, it is busy with us"
    assert health.recovering_until > 0, "sweep wakes those who wait more often"
    assert asked(second)


def test_a_worker_that_dies_holding_a_place_gives_it_back_by_its_lease(company):
    company.container(1).limits.take(DESK)
    other = company.container(1)
    assert not asked(other)
    company.clock.advance(PLACE_SECONDS)
    assert asked(other)


def test_a_worker_that_outlived_its_lease_takes_no_place_from_another(company):
    late, other = company.container(1), company.container(1)
    give_back = late.limits.take(DESK)
    company.clock.advance(PLACE_SECONDS)
    other.limits.take(DESK)
    give_back()
    assert company.places() == ["place_0"]


@pytest.mark.parametrize("error", [PermanentError("no"), TemporaryError("later"), KeyError("a fault of ours")])
def test_a_call_that_fails_gives_its_place_back(company, error):
    container = company.container(1)
    with pytest.raises(type(error)), container.asking(DESK):
        raise error
    assert company.places() == []
    assert asked(container)


def test_a_place_that_cannot_be_given_back_is_not_the_calls_failure(company):
    container = company.container(1)
    with container.asking(DESK):
        company.table.refused = "PLACES"
    company.table.refused = ""
    company.clock.advance(PLACE_SECONDS)
    assert asked(container)


@pytest.mark.parametrize("refused", ["PLACES", "PACE"])
def test_where_the_table_does_not_answer_the_neighbour_was_surely_not_asked(company, refused):
    container = company.container(1, PACE)
    company.table.refused = refused
    with pytest.raises(LeftAlone) as told, container.asking(DESK):
        pass
    assert not told.value.ambiguous
    company.table.refused = ""
    assert asked(container)


def test_all_workers_together_keep_the_pace(company):
    containers = [company.container(pace=PACE) for _ in range(2)]
    assert [asked(containers[number % 2]) for number in range(5)] == [True, True, True, False, False]
    with pytest.raises(LeftAlone) as told, containers[0].asking(DESK):
        pass
    assert told.value.after == 60
    company.clock.advance(59)
    assert not asked(containers[1])
    company.clock.advance(1)
    assert [asked(containers[number % 2]) for number in range(4)] == [True, True, True, False]


def test_a_span_begins_with_its_first_message_and_not_with_the_clock(company):
    container = company.container(pace=PACE)
    company.clock.advance(50)
    assert asked(container, 3)
    company.clock.advance(20)  # the clock's next minute
    assert not asked(container)
    company.clock.advance(40)
    assert asked(container)


def test_what_takes_more_than_a_span_allows_is_sent_all_the_same(company):
    assert asked(company.container(pace=PACE), 10)


def test_paces_of_different_names_do_not_count_each_other(company):
    container = company.container(pace=PACE)
    assert asked(container, 3)
    assert asked(container, pace=Pace("direct messages", 3, timedelta(seconds=60)))
    assert not asked(container)


def test_a_look_is_no_message(company):
    container = company.container(pace=PACE)
    assert all(asked(container, 0) for _ in range(10))


def test_who_is_full_is_asked_no_more_of_and_costs_no_write(company):
    container = company.container(pace=PACE)
    assert asked(container, 3)
    before = dict(company.table.items[(DESK, "PACE#replies")])
    assert not asked(container)
    assert company.table.items[(DESK, "PACE#replies")] == before


def test_who_declares_nothing_pays_nothing(company):
    container = company.container()
    assert asked(container)
    before = len(company.table.calls)
    assert all(asked(container) for _ in range(10))
    assert len(company.table.calls) == before


@pytest.mark.parametrize("limit", [{"at_once": 2}, {"pace": Pace("replies", 100, timedelta(hours=1))}])
def test_a_limit_costs_a_write_or_two_for_each_call(company, limit):
    container = company.container(**limit)
    assert asked(container)
    before = len(company.table.calls)
    assert asked(container)
    assert len(company.table.calls) - before == (2 if "at_once" in limit else 1)


def test_what_terms_and_the_company_declare_holds(company):
    desk = HelpdeskConnection(name="desk", connector="hubspot", secret="desk", at_once=1)
    directory = Directory(
        table=company.table, clock=company.clock.now, secrets=lambda _: Secrets({}), mail=lambda **_: "",
        http=lambda _: Answer(200, {}, b"{}"),
    )  # fmt: skip
    directory.helpdesk_of(desk)
    assert asked(directory.neighbours, HubSpot.terms.pace.value.most)
    assert not asked(directory.neighbours)
    company.clock.advance(HubSpot.terms.pace.value.span.total_seconds())
    with directory.neighbours.asking(DESK):
        assert company.places() == ["place_0"]

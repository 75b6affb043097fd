"""A helpdesk that was down gets what waited for it no faster than it takes it."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from deskwire import runtime
from deskwire.configuration import INDEX_KEY, HelpdeskConnection, item
from deskwire.conversation.decide import Plan
from deskwire.conversation.directory import Directory
from deskwire.conversation.health import RECOVERY, SLICE
from deskwire.conversation.shares import REMEMBERED, SHARE
from deskwire.conversation.table import seconds
from deskwire.conversation.thread import Thread
from deskwire.conversation.turn import Turn
from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.ports.memory import MemoryMailbox, MemoryTable
from deskwire.sweeping.sweeper import MOST, Sweeper
from deskwire.telemetry import Telemetry
from deskwire.web.rest import Answer, Call
from sandbox.neighbours.neighbour import Clock

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
DESK = HelpdeskConnection(name="desk", connector="zendesk", secret="desk", settings={"subdomain": "acme"})
LIMIT = 700
SHARE_OF_A_SLICE = int(LIMIT * SHARE * SLICE / 60)


class Company:
    def __init__(self):
        self.clock = Clock(START, held=True)
        self.table = MemoryTable()
        self.table.put(Put(item(DESK)))
        self.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": [list(DESK.key)]}))
        self.headers = {"x-rate-limit": str(LIMIT)}

    def container(self):
        return Directory(
            table=self.table, clock=self.clock.now, secrets=lambda _: Secrets({}), mail=lambda **_: "",
            http=lambda _: Answer(200, self.headers, b"{}"),
        )  # fmt: skip

    def recovering(self):
        """Return a container that was refused, and has seen the helpdesk answer since."""
        directory = self.container()
        directory.neighbours.failed(DESK.key[0], TemporaryError("too many", after=3))
        self.clock.advance(SLICE)
        _, reach = directory.helpdesk_of(DESK)
        reach.http(Call("GET", "https://acme.zendesk.com/"))
        directory.neighbours.worked(DESK.key[0])
        return directory


@pytest.fixture
def company():
    return Company()


def asked(directory, requests=1, asker="C#messenger/41"):
    try:
        with directory.neighbours.asking(DESK.key[0], requests, asker=asker):
            return True
    except TemporaryError:
        return False


def test_after_failures_one_thread_tries_and_the_others_wait(company):
    directory = company.container()
    for _ in range(3):
        directory.neighbours.failed(DESK.key[0], TemporaryError("down"))
    company.clock.advance(60)
    with ExitStack() as stack:
        stack.enter_context(directory.neighbours.asking(DESK.key[0], 1))
        assert not asked(directory)
    assert asked(directory)


def test_who_waited_to_try_looks_again_first(company):
    first, second = company.container(), company.container()
    for _ in range(3):
        second.neighbours.failed(DESK.key[0], TemporaryError("down"))
    company.clock.advance(60)
    second.neighbours.admit(DESK.key[0])
    first.neighbours.failed(DESK.key[0], TemporaryError("down", after=30))
    assert not asked(second)


def test_a_helpdesk_that_recovers_is_asked_no_more_than_its_rate_limit_allows(company):
    directories = company.recovering(), company.recovering()
    times = sum(asked(directories[number % 2]) for number in range(3 * SHARE_OF_A_SLICE))
    assert times == SHARE_OF_A_SLICE
    company.clock.advance(SLICE)
    assert asked(directories[0])


def test_one_message_that_takes_more_than_a_slice_allows_is_filed_all_the_same(company):
    company.headers = {"x-rate-limit": "10"}
    assert asked(company.recovering(), 4)


def test_a_container_that_does_not_know_the_limit_yet_asks_with_one_thread(company):
    assert asked(company.recovering(), 10)
    directory = company.container()
    directory.helpdesk_of(DESK)
    with ExitStack() as stack:
        stack.enter_context(directory.neighbours.asking(DESK.key[0], 1))
        assert not asked(directory)


def test_who_tries_takes_from_the_same_share(company):
    directory, trying = company.recovering(), company.container()
    trying.helpdesk_of(DESK)
    assert asked(trying, SHARE_OF_A_SLICE)
    assert not asked(directory)


def test_recovery_lasts_as_long_as_there_is_more_to_do_than_the_helpdesk_takes(company):
    directory = company.recovering()
    for _ in range(2 * RECOVERY // SLICE):
        company.clock.advance(SLICE)
        assert not all(asked(directory, 10) for _ in range(SHARE_OF_A_SLICE))
    assert directory.neighbours.health(DESK.key[0]).recovering_until > seconds(company.clock.now())
    company.clock.advance(RECOVERY + 1)
    assert all(asked(directory, 10) for _ in range(SHARE_OF_A_SLICE))


def used(directory, asker, most=3 * LIMIT):
    """Return how many requests in this slice are admitted, of at most so many."""
    return sum(asked(directory, asker=asker) for _ in range(most))


def test_who_writes_little_is_let_in_however_many_write_elsewhere(company):
    directories = company.recovering(), company.recovering()
    assert used(directories[0], "C#facebook/1") == SHARE_OF_A_SLICE
    assert used(directories[1], "C#viber/2", 3) == 3  # in what is left free for others who may ask the helpdesk
    assert not asked(directories[1], asker="C#facebook/1")


def test_what_others_wanted_in_the_last_minute_is_left_free_for_them(company):
    directory = company.recovering()
    used(directory, "C#facebook/1")
    assert used(directory, "C#viber/2", 20) < 20  # more than is left free without notice
    for _ in range(REMEMBERED):
        company.clock.advance(SLICE)
        assert used(directory, "C#facebook/1") == SHARE_OF_A_SLICE - 8
        assert used(directory, "C#viber/2", 8) == 8
    company.clock.advance(SLICE)
    assert used(directory, "C#facebook/1") == SHARE_OF_A_SLICE - 8


def test_nothing_is_left_free_for_those_who_went_away(company):
    directory = company.recovering()
    assert used(directory, "C#viber/2", 20) == 20
    company.clock.advance(SLICE)
    assert used(directory, "C#facebook/1") == SHARE_OF_A_SLICE - 20
    for _ in range(REMEMBERED):
        company.clock.advance(SLICE)
        used(directory, "C#facebook/1")
    company.clock.advance(SLICE)
    assert used(directory, "C#facebook/1") == SHARE_OF_A_SLICE


def test_two_floods_get_the_same(company):
    directory = company.recovering()
    for _ in range(REMEMBERED):
        company.clock.advance(SLICE)
        both = Counter()
        for _ in range(LIMIT):
            both += {asker: asked(directory, asker=asker) for asker in ("C#facebook/1", "C#messenger/1")}
    assert max(both.values()) - min(both.values()) <= 1
    assert SHARE_OF_A_SLICE - 1 <= sum(both.values()) <= SHARE_OF_A_SLICE


def test_where_many_share_a_small_limit_each_still_gets_a_whole_message_in(company):
    company.headers["x-rate-limit"] = "150"  # 28 in a slice, and twelve connections
    directory = company.recovering()
    others = [f"C#viber/{number}" for number in range(11)]
    turned_away = 0
    for moment in range(44):
        if moment % 4 == 0:
            company.clock.advance(SLICE)
            used(directory, "C#facebook/1", 60)
        turned_away += not asked(directory, 3, others[moment % 11])
    assert turned_away <= 4  # in the first slice, before anything was known of them


def test_all_containers_leave_free_what_one_of_them_was_asked_for(company):
    first, second = company.recovering(), company.recovering()
    assert used(first, "C#viber/2", 9) == 9
    company.clock.advance(SLICE)
    assert used(second, "C#facebook/1") == SHARE_OF_A_SLICE - 9


def test_a_helpdesk_that_has_few_requests_left_is_asked_by_slices_before_it_refuses(company):
    for left, calm in (("500", True), ("100", False)):
        company.headers["x-rate-limit-remaining"] = left
        directory = company.container()
        directory.helpdesk_of(DESK)[1].http(Call("GET", "https://acme.zendesk.com/"))
        assert (directory.neighbours.health(DESK.key[0]).recovering_until == 0) == calm
    assert used(directory, "C#facebook/1") == SHARE_OF_A_SLICE


def test_a_calm_helpdesk_costs_no_call_more(company):
    directory = company.container()
    directory.helpdesk_of(DESK)
    asked(directory)
    before = len(company.table.calls)
    assert all(asked(directory, 10) for _ in range(SHARE_OF_A_SLICE))
    assert len(company.table.calls) == before


def test_no_container_shortens_what_another_was_told(company):
    first, second = company.container(), company.container()
    first.neighbours.failed(DESK.key[0], TemporaryError("too many", after=50))
    second.neighbours.failed(DESK.key[0], TemporaryError("too many", after=1))
    assert second.neighbours.health(DESK.key[0]).open_until == seconds(START) + 50


def test_a_helpdesk_is_not_asked_a_part_of_a_second_too_early(company):
    company.clock.advance(0.9)
    directory = company.container()
    directory.neighbours.failed(DESK.key[0], TemporaryError("too many", after=3))
    assert directory.neighbours.health(DESK.key[0]).open_until == seconds(START) + 4


def test_a_thread_that_was_only_turned_away_comes_back_when_it_was_told_to():
    for number in range(5):
        turn = held(number)
        assert turn.closing(Plan())["due_at"] == seconds(START) + 40


def held(number):
    turn = Turn(
        thread=Thread(pk=f"T#messenger/41/{number}", pending=("m",)), connection=None, definition=DESK, channel=None,
        outside=None, helpdesk=None, inside=None, now=START,
    )  # fmt: skip
    turn.trouble, turn.held = TemporaryError("left alone", after=40), True
    return turn


class Waiting:
    """A sweep of which the waiting is told, and passes on the clock."""

    def __init__(self, company):
        self.company, self.waited, self.told = company, [], ""
        self.mailbox = MemoryMailbox(company.clock.now)
        self.sweeper = Sweeper(
            table=company.table, mailbox=self.mailbox, directory=company.container(),
            clock=company.clock.now, telemetry=Telemetry("test", stream=self), wait=self.wait,
        )  # fmt: skip

    def write(self, line):
        self.told += line

    def wait(self, span):
        self.waited.append(span)
        self.company.clock.advance(span)


def due(company, count, at=START):
    for number in range(count):
        company.table.put(
            Put({"pk": f"T#messenger/41/{number}", "sk": "THREAD", "due_at": seconds(at), "due_shard": "0"})
        )


def test_sweep_wakes_in_the_course_of_the_minute_while_a_helpdesk_recovers(company):
    company.recovering()
    due(company, 3, START + timedelta(seconds=30))
    sweep = Waiting(company)
    began = company.clock.now()
    assert sweep.sweeper.sweep()["woken"] >= 3
    assert {letter.group for letter in sweep.mailbox.letters}
    assert sweep.waited == [SLICE] * 4
    assert company.clock.now() - began < timedelta(seconds=55)  # its time-out


def test_it_wakes_fewer_each_time_than_at_its_beginning(company):
    company.recovering()
    due(company, 3 * MOST)
    sweep = Waiting(company)
    woken = sweep.sweeper.sweep()["woken"]
    assert woken == MOST + 4 * MOST * SLICE // 60


def test_those_whom_sweep_wakes_are_of_every_connection(company):
    due(company, 3 * MOST)
    for number in range(3):
        thread = {"pk": f"T#viber/7/{number}", "sk": "THREAD", "due_at": seconds(START) + 9, "due_shard": "0"}
        company.table.put(Put(thread))
    company.clock.advance(60)
    sweep = Waiting(company)
    assert sweep.sweeper.sweep()["woken"] == MOST
    assert sum("viber" in letter.body for letter in sweep.mailbox.letters) == 3


@pytest.mark.parametrize(("waiting", "counted"), [(MOST - 1, MOST - 1), (MOST, 0), (3 * MOST, 0)])
def test_who_waits_for_their_turn_is_not_called_unaccounted(company, waiting, counted):
    due(company, waiting)
    company.clock.advance(1200)
    sweep = Waiting(company)
    sweep.sweeper.sweep()
    assert f'"UnaccountedEvents":{counted}' in sweep.told


def test_while_all_is_well_sweep_waits_for_nothing(company):
    due(company, 3)
    sweep = Waiting(company)
    assert sweep.sweeper.sweep()["woken"] == 3
    assert not sweep.waited


@pytest.mark.parametrize(("sandbox", "waits"), [("{}", True), ('{"acme.zendesk.com": "http://127.0.0.1:1"}', False)])
def test_sweep_waits_on_aws_and_not_in_the_sandbox_which_hurries_its_minutes(monkeypatch, sandbox, waits):
    for name in ("TABLE", "MAILBOX", "ARCHIVE"):
        monkeypatch.setenv(f"DESKWIRE_{name}", "made-up")
    monkeypatch.setenv("DESKWIRE_SANDBOX", sandbox)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(runtime, "_directory", lambda: Company().container())
    assert (runtime.sweeper.__wrapped__().wait is not None) == waits

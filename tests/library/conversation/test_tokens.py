"""A token that several workers share is renewed once, and a worker that dies in between is noticed."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.connector import Token
from deskwire.conversation.tokens import SharedTokens
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secret, Secrets
from deskwire.ports.memory import MemoryTable
from deskwire.timing import TOKEN_LEASE_SECONDS

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = 3600
OWNER = "channel/shop"


class CrashError(BaseException):
    """The worker's end, wherever it was."""


class Vendor:
    """Gives a new refresh token with each access token; an old one voids nothing, but gets nothing any more."""

    def __init__(self, *, rotates=True):
        self.rotates = rotates
        self.valid = "seed"
        self.renewals = []
        self.meanwhile = lambda: None
        self.fate = None

    def renew(self, held):
        self.renewals.append(held.reveal())
        self.meanwhile()
        if isinstance(self.fate, TemporaryError) and not self.fate.ambiguous:
            raise self.fate
        if held.reveal() != self.valid:
            raise PermanentError("refreshing: HTTP 400 (invalid_grant)", status=400, code="invalid_grant")
        number = len(self.renewals)
        if self.rotates:
            self.valid = f"refresh-{number}"
        if self.fate is not None:
            fate, self.fate = self.fate, None
            raise fate
        return Token(Secret(f"access-{number}"), HOUR, Secret(self.valid) if self.rotates else None)


class World:
    def __init__(self, **vendor):
        self.table, self.vendor, self.now = MemoryTable(), Vendor(**vendor), START
        self.pauses = []
        self.meanwhile = lambda: None

    def worker(self, seed="seed"):
        """Return the tokens as another process has them."""
        store = SharedTokens(self.table, lambda: self.now, self._pause)
        return store.of(OWNER, Secrets({"refresh_token": seed}, entry="deskwire/shop"))

    def _pause(self, seconds):
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.meanwhile()

    def get(self, worker):
        return worker("refresh_token", self.vendor.renew).reveal()

    def tick(self, seconds):
        self.now += timedelta(seconds=seconds)

    @property
    def item(self):
        (found,) = self.table.items.values()
        return found


@pytest.fixture
def world():
    return World()


def test_two_workers_share_one_renewal_of_a_rotating_token(world):
    one, two = world.worker(), world.worker()
    assert [world.get(one), world.get(two), world.get(one)] == ["access-1"] * 3
    world.tick(HOUR - 10)
    assert [world.get(two), world.get(one)] == ["access-2"] * 2
    assert world.vendor.renewals == ["seed", "refresh-1"]


def test_what_is_kept_costs_no_call(world):
    worker = world.worker()
    world.get(worker)
    calls = list(world.table.calls)
    world.get(worker)
    assert calls == world.table.calls == ["get", "update", "update"]


def test_of_two_workers_at_the_same_moment_one_renews_and_the_other_waits(world):
    """In threads, truly at once: the second looks while the first one's request is on its way."""
    asked, may_end, got = threading.Event(), threading.Event(), []

    def slowly():
        asked.set()
        assert may_end.wait(5)

    world.vendor.meanwhile = slowly
    first = threading.Thread(target=lambda: got.append(world.get(world.worker())))
    first.start()
    assert asked.wait(5)

    def ended():
        may_end.set()
        first.join(5)

    world.meanwhile = ended
    assert world.get(world.worker()) == "access-1"
    assert got == ["access-1"]
    assert len(world.pauses) == 1
    assert world.vendor.renewals == ["seed"]


def test_while_one_worker_renews_early_the_others_go_on_with_the_old_token(world):
    one, two = world.worker(), world.worker()
    world.get(one)
    world.tick(HOUR - 200)
    others = []

    def others_go_on():
        world.vendor.meanwhile = lambda: None
        others.append(world.get(two))

    world.vendor.meanwhile = others_go_on
    assert world.get(one) == "access-2"
    assert others == ["access-1"]
    assert world.pauses == []


def test_one_that_waits_too_long_comes_again_later(world):
    world.vendor.fate = CrashError()
    with pytest.raises(CrashError):
        world.get(world.worker())
    with pytest.raises(TemporaryError, match="another worker") as caught:
        world.get(world.worker())
    assert not caught.value.ambiguous
    assert sum(world.pauses) <= 10


def test_a_worker_that_died_before_it_asked_costs_its_lease_alone(world):
    def dies():
        world.vendor.renewals.clear()
        raise CrashError

    world.vendor.meanwhile = dies
    with pytest.raises(CrashError):
        world.get(world.worker())
    world.vendor.meanwhile = lambda: None
    world.tick(TOKEN_LEASE_SECONDS)
    assert world.get(world.worker()) == "access-1"
    assert "renewing" not in world.item


def test_a_worker_that_died_after_the_vendor_rotated_calls_a_person_who_mends_it(world):
    one = world.worker()
    world.get(one)
    world.tick(HOUR)
    world.vendor.fate = CrashError()
    with pytest.raises(CrashError):
        world.get(one)
    world.tick(TOKEN_LEASE_SECONDS)
    for _ in range(2):  # and again, for as long as nobody mended it
        with pytest.raises(ConfigurationError, match=r"worker stopped before .* sign in again .* “deskwire/shop”"):
            world.get(world.worker())
    world.vendor.valid = "signed-in-again"
    assert world.get(world.worker("signed-in-again")) == "access-5"
    world.tick(HOUR)
    assert world.get(world.worker("signed-in-again")) == "access-6"


def test_where_nothing_rotates_a_dead_worker_is_made_up_for(world):
    world = World(rotates=False)
    world.vendor.fate = CrashError()
    with pytest.raises(CrashError):
        world.get(world.worker())
    world.tick(TOKEN_LEASE_SECONDS)
    assert world.get(world.worker()) == "access-2"
    assert world.vendor.renewals == ["seed", "seed"]


def test_a_lost_answer_leaves_the_doubt_and_not_the_lease(world):
    world.vendor.fate = TemporaryError("the answer was lost", ambiguous=True)
    with pytest.raises(TemporaryError) as caught:
        world.get(world.worker())
    assert not caught.value.ambiguous, "the message that needed the token has certainly not been sent"
    with pytest.raises(ConfigurationError, match="worker stopped"):
        world.get(world.worker())


def test_an_outage_leaves_neither(world):
    world.vendor.fate = TemporaryError("unavailable", after=30)
    with pytest.raises(TemporaryError) as caught:
        world.get(world.worker())
    assert caught.value.after == 30
    assert not {"lease", "renewing", "before"} & world.item.keys()
    world.vendor.fate = None
    assert world.get(world.worker()) == "access-2"


def test_a_refusal_is_the_account_s_and_never_the_message_s(world):
    world.vendor.valid = "another"
    with pytest.raises(ConfigurationError, match=r"invalid_grant.*: sign in again and store the new “refresh_token”"):
        world.get(world.worker())
    world.vendor.valid = "seed"
    assert world.get(world.worker()) == "access-2"


def test_a_token_that_the_vendor_refuses_early_is_renewed_once(world):
    one, two = world.worker(), world.worker()
    old = one("refresh_token", world.vendor.renew)
    two("refresh_token", world.vendor.renew)
    for worker in (one, two):
        worker.refused("refresh_token", old)
        assert world.get(worker) == "access-2"
    assert world.vendor.renewals == ["seed", "refresh-1"]


def test_a_new_secret_begins_anew(world):
    world.get(world.worker())
    world.vendor.valid = "signed-in-again"
    assert world.get(world.worker("signed-in-again")) == "access-2"


def test_nothing_readable_is_stored_and_one_connection_cannot_read_another_s(world):
    world.get(world.worker())
    stored = json.dumps(world.item, default=bytes.hex)
    for value in ("seed", "access-1", "refresh-1"):
        assert value not in stored
        assert value.encode().hex() not in stored
    other = ("A#channel/other/refresh_token", "TOKEN")
    world.table.items[other] = {**world.item, "pk": other[0]}
    store = SharedTokens(world.table, lambda: world.now, None)
    again = store.of("channel/other", Secrets({"refresh_token": "seed"}))
    world.vendor.valid = "seed"
    assert again("refresh_token", world.vendor.renew).reveal() == "access-2"  # not the one sealed elsewhere


def test_a_token_is_stored_though_the_table_refuses_at_first(world):
    update, refusals = world.table.update, iter([TemporaryError("throttled"), TemporaryError("throttled")])

    def refusing(change):
        if "sealed" in change.set and (error := next(refusals, None)):
            raise error
        return update(change)

    world.table.update = refusing
    assert world.get(world.worker()) == "access-1"
    assert world.get(world.worker()) == "access-1"
    assert len(world.pauses) == 2


def test_a_worker_that_was_frozen_beyond_its_lease_does_not_overwrite_the_newer_token(world):
    world = World(rotates=False)
    others = []

    def frozen():
        world.vendor.meanwhile = lambda: None
        world.tick(TOKEN_LEASE_SECONDS)
        others.append(world.get(world.worker()))

    world.vendor.meanwhile = frozen
    with pytest.raises(TemporaryError):
        world.get(world.worker())
    assert world.get(world.worker()) == others[0]

"""A part of `make simulate`: every scenario as told, pairs, and random histories that shrink.

Crash points of every scenario are played by the gate's own step (`python -m tests.simulation --sixteenth N`).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation import explore, histories
from tests.simulation.scenarios import SCENARIOS, play
from tests.simulation.world import World, simulated


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_when_nothing_goes_wrong(name):
    _, violation = explore.attempt(SCENARIOS[name])
    assert violation is None, f"\n{violation}"


def test_the_promises_hold_at_pairs_of_crash_points():
    told = SCENARIOS["agents reply (messenger, zendesk)"]
    for number, violation in enumerate(explore.pairs(told, part=1, parts=16)):
        assert violation is None, f"\n{violation}"
        if number == 60:
            break


@pytest.mark.parametrize("seed", range(0, 20, 5))
def test_the_promises_hold_through_five_seeded_histories(seed):
    for each in range(seed, seed + 5):
        _, violation = histories.attempt(histories.of_seed(each), f"seed {each}")
        assert violation is None, f"\n{violation}"


@st.composite
def random_histories(draw):
    return histories.composed(lambda options: draw(st.sampled_from(options)), lambda most: draw(st.integers(0, most)))


@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(random_histories())
def test_the_promises_hold_through_whatever_hypothesis_thinks_of(history):
    _, violation = histories.attempt(history)
    assert violation is None, f"\n{violation}"


def test_one_seed_gives_one_story():
    one, two = (_story_of(41) for _ in range(2))
    assert one == two
    assert one != _story_of(42)


def _story_of(seed):
    histories.attempt(histories.of_seed(seed))
    return [*World.present.story, *World.present.gate.log]


def test_a_crash_takes_the_containers_memory_with_it():
    told = SCENARIOS["first message (messenger, zendesk)"]
    with simulated():
        world = play(told, ((13, "before"),), end=False)
    dead = [line for line in world.story if "dies" in line]
    assert len(dead) == 1
    assert dead[0].split()[2] not in {each.name for each in world._pool}


def test_the_books_are_the_neighbours_own():
    told = SCENARIOS["first message (messenger, zendesk)"]
    with simulated():
        world = play(told)
    assert [ticket.id for ticket in world.desk.zendesk.tickets] == [int(kept.id) for kept in world.desk.books()]

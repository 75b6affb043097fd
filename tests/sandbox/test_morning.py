"""The order in which a morning at Northwind is played."""

from itertools import count
from random import Random

import pytest

from sandbox.northwind.morning import Morning
from sandbox.northwind.notes import Notes
from sandbox.northwind.scenes import Scene
from sandbox.northwind.script import Script


@pytest.mark.parametrize("seed", range(5))
def test_the_troubles_begin_it_so_that_customers_write_while_the_helpdesk_is_down(seed):
    morning = Morning.__new__(Morning)
    morning.random, morning._scale = Random(seed), 1.0
    early = Scene(lambda: None, 1, 0.0, early=True)
    morning.scenes = [Scene(lambda: None, 30, 0.0), early]
    scenes = morning._in_order()
    assert len(scenes) == 32
    assert scenes[:2] == [morning._troubles, early.play]


@pytest.fixture
def script(monkeypatch):
    """A script whose people wait three seconds, on a clock that goes on with each step."""
    made = Script.__new__(Script)
    made.notes, made.patience, made._agenda, made._order, made._started = Notes(), 3, [], count(), 0.0
    clock = count()
    monkeypatch.setattr("sandbox.northwind.script.time.monotonic", lambda: float(next(clock)))
    return made


def played(script):
    for _ in range(100):
        if not script._agenda:
            return
        script._do_next()
    pytest.fail("it goes on for ever")


def test_a_scene_goes_on_when_what_it_waits_for_is_seen(script):
    seen, done = iter([False, False, True]), []
    script.when(lambda: next(seen), lambda: done.append("went on"))
    played(script)
    assert (done, script.notes.unplayed) == (["went on"], {})


def test_a_scene_that_waits_in_vain_ends_and_is_named(script):
    done = []

    def scene():
        script.when(lambda: False, lambda: done.append("went on"))

    scene()
    played(script)
    assert done == []
    assert script.notes.unplayed == {"sandbox test_a_scene_that_waits_in_vain_ends_and_is_named": 1}

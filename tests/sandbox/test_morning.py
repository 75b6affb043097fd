"""The order in which a morning at Northwind is played."""

from random import Random

import pytest

from sandbox.northwind.morning import Morning
from sandbox.northwind.scenes import Scene


@pytest.mark.parametrize("seed", range(5))
def test_the_troubles_begin_it_so_that_customers_write_while_the_helpdesk_is_down(seed):
    morning = Morning.__new__(Morning)
    morning.random, morning._scale = Random(seed), 1.0
    early = Scene(lambda: None, 1, 0.0, early=True)
    morning.scenes = [Scene(lambda: None, 30, 0.0), early]
    scenes = morning._in_order()
    assert len(scenes) == 32
    assert scenes[:2] == [morning._troubles, early.play]

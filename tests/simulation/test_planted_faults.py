"""The simulator is tested, too: `make simulate` plants each mistake and must notice it; the gate, a sixteenth."""

from __future__ import annotations

import pytest

from deskwire.conversation.filing import Filing
from tests.simulation import explore
from tests.simulation.faults import FAULTS, Fault, caught, planted
from tests.simulation.scenarios import SCENARIOS


def test_there_are_enough_of_them():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_piece_that_a_fault_replaces_is_in_the_product(fault):
    with planted(fault):
        pass
    assert all(name in SCENARIOS for name in fault.shown_by)


def test_one_is_caught_and_no_scenario_without_it_fails():
    assert caught(FAULTS[0]) is not None
    assert explore.attempt(SCENARIOS[FAULTS[0].shown_by[0]])[1] is None


def test_a_fault_is_gone_afterwards():
    before = Filing._open.__code__
    with planted(FAULTS[0]):
        assert Filing._open.__code__ is not before
    assert Filing._open.__code__ is before
    assert explore.attempt(SCENARIOS["first message (messenger, zendesk)"])[1] is None


def test_a_fault_for_which_there_is_no_place_fails():
    fault = Fault("of yesterday", "conversation.filing:Filing", "_open", "no such words", "pass", ())
    with pytest.raises(LookupError, match="of yesterday"), planted(fault):
        pass

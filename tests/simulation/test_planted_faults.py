"""The simulator is tested, too: each planted mistake in the product is noticed."""

from __future__ import annotations

import pytest

from deskwire.conversation.filing import Filing
from tests.simulation import explore
from tests.simulation.faults import FAULTS, Fault, caught, planted
from tests.simulation.scenarios import SCENARIOS


def test_there_are_enough_of_them():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_is_caught(fault):
    assert caught(fault) is not None, f"nobody noticed that {fault.name}"


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

"""The list itself; `make faults` plants each."""

import pytest

from .__main__ import caught
from .faults import FAULTS
from .plant import ROOT, place


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_a_fault_replaces_is_there_once_and_its_tests_exist(fault):
    assert place(fault)[1].read_text().count(fault.before) == 1
    assert fault.before != fault.after
    assert all((ROOT / each).exists() for each in fault.tests)


def test_there_are_enough_with_a_name_each():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40


def test_a_planted_fault_is_caught():
    number = next(number for number, fault in enumerate(FAULTS) if fault.module == "telemetry")
    assert caught(number)

"""The public message with a one-time link: the whole link, below as many of the words as there is room for."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.care.measure import measure
from deskwire.contracts.terms import Unit
from deskwire.conversation.linking import _fitted

ADDRESS = "https://shop.example.org/chat#deskwire=AAAAAAAAAAAAAAAAAAAAAA"
SAID = "Please write to us in private, 谢谢 👋🏽."


def fitted(said, most, unit):
    return _fitted(said, ADDRESS, SimpleNamespace(limit=SimpleNamespace(unit=unit, most=most)))


@pytest.mark.parametrize("unit", Unit)
@given(said=st.text(max_size=8), more=st.integers(0, 12))
def test_a_link_is_never_cut_and_never_too_long_with_its_words(unit, said, more):
    most = measure(ADDRESS, unit) + more
    text = fitted(said, most, unit)
    assert text.endswith(ADDRESS)
    assert measure(text, unit) <= most


@pytest.mark.parametrize("unit", Unit)
def test_words_that_fit_to_the_last_unit_stay_and_one_unit_less_cuts_them(unit):
    both = f"{SAID}\n{ADDRESS}"
    assert fitted(SAID, measure(both, unit), unit) == both
    assert fitted(SAID, measure(both, unit) - 1, unit) == f"Please write to us in private, 谢谢…\n{ADDRESS}"

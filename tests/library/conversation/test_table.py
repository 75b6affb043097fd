"""Where items lie: each part of a key counts, or two helpdesks, forms or accounts would share what is one's own."""

import inspect

import pytest

from deskwire import configuration
from deskwire.conversation import table
from deskwire.watching import watcher

PLACES = [
    function
    for module in (table, configuration)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if name.endswith(("_item", "_key", "_digest")) and function.__module__ == module.__name__
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_each_part_of_a_key_counts(place):
    parts = list(inspect.signature(place).parameters)
    usual = dict.fromkeys(parts, "a")
    keys = [place(**usual), *(place(**{**usual, part: "b"}) for part in parts)]
    assert len(set(keys)) == len(parts) + 1


def test_no_two_kinds_of_items_share_a_place():
    assert len({place(*["a"] * len(inspect.signature(place).parameters)) for place in PLACES}) == len(PLACES)
    assert watcher.token_item("a")[0] not in {
        place(*["a"] * len(inspect.signature(place).parameters))[0] for place in PLACES
    }

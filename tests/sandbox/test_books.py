"""Which two things that a customer said must stand in the ticket in their order."""

from datetime import UTC, datetime

import pytest

from sandbox.northwind.books import _have_an_order
from sandbox.northwind.notes import Happening


def said(object_id, verb="add"):
    return Happening("linkedin", "page", object_id, verb, None, datetime(2026, 7, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("one", "other", "ordered"),
    [
        (said("1"), said("2"), True),
        (said("1"), said("1", "edit"), True),
        (said("2"), said("1", "edit"), False),
        (said("1", "edit"), said("2"), False),
    ],
)
def test_an_edit_has_an_order_only_with_what_it_edits(one, other, ordered):
    assert _have_an_order(one, other) is ordered

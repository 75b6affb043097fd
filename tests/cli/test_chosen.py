"""An operator names what lies in a queue by the beginning of its id."""

import pytest

from cli.operating import chosen
from cli.terminal import UserError
from deskwire.ports import Found

LYING = [Found(id=each, handle="h", body="", group="", sent_at=0, received=1) for each in ("4f2a-1", "4f2a-2", "9c")]


def test_a_beginning_that_fits_one_means_it():
    assert [each.id for each in chosen(LYING, ["9", "4f2a-2"], everything=False)] == ["9c", "4f2a-2"]


@pytest.mark.parametrize(("name", "why"), [("4f2a", "more than one"), ("zz", "none that can be seen")])
def test_a_beginning_that_fits_several_or_none_is_refused(name, why):
    with pytest.raises(UserError, match=why):
        chosen(LYING, [name], everything=False)

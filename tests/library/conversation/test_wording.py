"""What we write into tickets."""

import pytest

from deskwire.conversation.wording import called, who
from deskwire.model.events import Author

NOTHING = ("\u3164", "\u200b \u2060", "\u2800\u2800", "\u202e", "\ufe0f", "\u115f\u1160", " \u0301", "\U000e0020")


@pytest.mark.parametrize("name", NOTHING)
def test_a_name_that_nobody_can_see_falls_back(name):
    assert called(Author("7", name=name, handle="anna")) == "anna"
    assert called(Author("7", name=name, handle=name)) == ""
    assert who(Author("7", name=name)) == "7"


@pytest.mark.parametrize("name", ["Anna", "👩\u200d🚀", "आनंद", "ㅤㅤ지은", ".", "7"])
def test_a_name_that_can_be_seen_is_kept(name):
    assert called(Author("7", name=name)) == name

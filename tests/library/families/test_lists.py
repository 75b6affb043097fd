"""What is odd in an answer's rows is reported, and costs none of the others."""

from types import SimpleNamespace

import pytest

from deskwire.families.ids import id_of
from deskwire.families.lists import flag, known, listed, words, writer
from deskwire.model.errors import TemporaryError
from deskwire.web.reading import Node


@pytest.fixture
def reach():
    told = []
    return SimpleNamespace(left_out=lambda what, node: told.append(f"{what}: {node.path}"), told=told)


@pytest.mark.parametrize("odd", [None, {}, "x", 7, {"0": {}}])
def test_a_list_that_is_missing_is_not_an_empty_one(odd):
    with pytest.raises(TemporaryError, match="looking: the answer has no list"):
        listed(Node(odd), "looking")
    assert listed(Node([]), "looking") == []


def test_rows_whose_id_can_be_read_are_known_and_the_others_are_reported(reach):
    rows = Node([{"id": 1}, {"id": None}, {}, None, {"id": "2"}], "body").rows()
    assert [id_of(row["id"]) for row in known(rows, "looking", reach)] == ["1", "2"]
    assert reach.told == [f"looking: body[{number}].id" for number in (1, 2, 3)]


@pytest.mark.parametrize("odd", [None, 0, 1, "false", "true", {}, []])
def test_only_a_truth_value_is_a_flag(odd, reach):
    assert flag(Node(True), "looking", reach) is True
    assert flag(Node(False), "looking", reach) is False
    assert reach.told == []
    assert flag(Node(odd), "looking", reach) is None
    assert reach.told == ["looking: value"]


@pytest.mark.parametrize("odd", [True, {}, ["x"]])
def test_words_are_text_or_nothing(odd, reach):
    assert [words(Node(each), "looking", reach) for each in ("a", 7, None, "")] == ["a", "7", "", ""]
    assert reach.told == []
    assert words(Node(odd), "looking", reach) == ""
    assert reach.told == ["looking: value"]


@pytest.mark.parametrize("odd", [True, {}, ["x"], 0.5])
def test_a_writer_has_an_id_or_is_nobody(odd, reach):
    assert [writer(Node(each), "looking", reach) for each in ("a", 7, None)] == ["a", "7", ""]
    assert reach.told == []
    assert writer(Node(odd), "looking", reach) == ""
    assert reach.told == ["looking: value"]


@pytest.mark.parametrize("odd", [None, True, 1.0, -1, "", "1a", "١", 10**19, "1" * 20])
def test_an_id_is_digits_that_64_bits_hold(odd):
    assert id_of(Node(odd)) == ""
    assert id_of(Node(10**18)) == "1" + "0" * 18

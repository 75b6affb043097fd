"""Values: what a class declared as a dataclass promises, kept without generating its methods."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from typing import ClassVar

import pytest

from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Point:
    unit: ClassVar[str] = "px"
    x: int
    y: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    note: str = field(default="", repr=False, compare=False)

    def __post_init__(self):
        if self.x < 0:
            raise ValueError("x is negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    name: str
    size: int = 3

    def __repr__(self):
        return "Named(…)"


class Base:
    def which(self):
        return "base"


@dataclass(frozen=True, slots=True)
class Child(Base):
    name: str

    def which(self):
        return super().which() + " and child"


def test_fields_are_given_by_position_or_name_with_defaults():
    assert Point(1).y == 0
    assert Point(1, y=2) == Point(1, 2)
    assert (Point(1).x, Point.unit) == (1, "px")


@pytest.mark.parametrize("make", [
    Point, lambda: Point(1, 2, {}, "", 5), lambda: Point(1, z=2), lambda: Named("a"), Named,
])  # fmt: skip
def test_too_few_too_many_and_unknown_ones_are_refused(make):
    with pytest.raises(TypeError):
        make()


def test_a_default_is_made_for_each_value():
    assert Point(1).tags is not Point(1).tags


def test_nothing_can_be_changed_added_or_deleted():
    point = Point(1)
    for change in (
        lambda: setattr(point, "x", 2), lambda: setattr(point, "z", 2), lambda: delattr(point, "x"),
    ):  # fmt: skip
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert not hasattr(point, "__dict__")


def test_a_new_value_is_checked_and_so_is_a_changed_copy():
    with pytest.raises(ValueError, match="negative"):
        Point(-1)
    with pytest.raises(ValueError, match="negative"):
        replace(Point(1), x=-1)


def test_equality_hash_and_repr_leave_out_what_is_marked():
    named = Named(name="a")
    assert Point(1, note="one") == Point(1, note="two")
    assert Point(1) != Point(2)
    assert Point(1) != named
    assert hash(Named(name="a")) == hash(named) != hash(Named(name="b"))
    assert repr(Point(1, note="hidden")) == "Point(x=1, y=0, tags={})"
    assert repr(named) == "Named(…)"


def test_a_method_may_ask_its_base():
    assert Child("a").which() == "base and child"


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_a_copy_is_changed_by_name(change):
    assert change(Point(1, 2), y=5) == Point(1, 5)
    with pytest.raises(TypeError):
        change(Point(1), z=1)


def test_dataclasses_takes_it_for_one_of_its_own():
    assert dataclasses.is_dataclass(Point)
    assert [each.name for each in dataclasses.fields(Point(1))] == ["x", "y", "tags", "note"]
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 0, "tags": {}, "note": ""}


def test_what_dataclasses_asks_for_is_made_once_for_a_class():
    assert dataclasses.fields(Child("a"))[0].name == "name"
    assert Child.__dict__["__dataclass_fields__"] is Child("b").__dataclass_fields__


def test_values_are_copied_and_pickled():
    event = Event(
        channel="x", account="1", kind=Kind.MESSAGE, object_id="2", verb="add", thread="3", text="hi",
        visibility=Visibility.PUBLIC, author=Author("4"),
    )  # fmt: skip
    assert copy.copy(event) == event == pickle.loads(pickle.dumps(event))


def test_only_frozen_and_slotted_ones_are_made():
    with pytest.raises(TypeError, match="use dataclasses"):
        dataclass(frozen=False, slots=True)


def test_declaring_and_making_one_imports_neither_dataclasses_nor_inspect():
    code = (
        "import sys; sys.path.insert(0, 'layers/deskwire'); from deskwire.model.events import Author;"
        "Author('1'); assert not {'dataclasses', 'inspect'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)

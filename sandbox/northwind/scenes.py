"""What happens at Northwind: a scene is one customer's conversation, or what a stranger sends.

A platform's scenes, and a helpdesk's, lie in `scenes.py` of its folder: one class derived from `Scenes`.

    class Scenes(scenes.Scenes):
        @scene(morning=8, soak=2)          # eight times in a morning; in a soak, twice as often as one of weight 1
        def writes(self) -> None:
            text, marker = self.script.marked()
            …

        @way("messenger", "private message")   # in which the page of `make sandbox` lets a person write
        def by_hand(self, account: str) -> tuple[Talk, Step]:
            …
            return talk, lambda: self._writes(who, talk)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from sandbox.neighbours.sender import Forgery
from sandbox.northwind.notes import Intruder, Step, Talk, Unreadable

if TYPE_CHECKING:
    from sandbox.northwind.script import Script

Method = TypeVar("Method", bound=Callable[[Any], object])
Begins = TypeVar("Begins", bound=Callable[[Any, str], tuple[Talk, Step]])


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene: how often it is played in a morning, its weight in a soak, whether it begins the morning."""

    play: Step
    morning: int
    soak: float
    early: bool = False


def scene(*, morning: int = 0, soak: float = 0.0, early: bool = False) -> Callable[[Method], Method]:
    """Make a method of `Scenes` a scene."""

    def mark(function: Method) -> Method:
        function.scene = (morning, soak, early)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a person writes to the company.

    `begin` is given one of the channel's accounts; it writes the script's next words there, and returns the
    conversation and what writes on in it.
    """

    channel: str
    title: str
    begin: Callable[[str], tuple[Talk, Step]]


def way(channel: str, title: str) -> Callable[[Begins], Begins]:
    """Make a method of `Scenes` the `begin` of a way."""

    def mark(function: Begins) -> Begins:
        function.way = (channel, title)  # type: ignore[attr-defined]
        return function

    return mark


class Scenes:
    """The scenes of one folder. Each is called once for each time it happens."""

    forgeries: ClassVar[tuple[Forgery, ...]] = tuple(Forgery)  # those that its verification can tell

    def __init__(self, script: Script) -> None:
        """Play in this script."""
        self.script, self.company = script, script.company
        self.random, self.names, self.numbers = script.random, script.names, script.numbers
        self._kinds = itertools.cycle(self.forgeries)

    def scenes(self) -> list[Scene]:
        """Return every scene."""
        return [Scene(play, *figures) for play, figures in self._marked("scene")]

    def ways(self) -> list[Way]:
        """Return every way to write."""
        return [Way(channel, title, begin) for begin, (channel, title) in self._marked("way")]

    def _marked(self, mark: str) -> list[tuple[Callable[..., Any], Any]]:
        found = ((name, getattr(getattr(type(self), name), mark, None)) for name in dir(type(self)))
        return [(getattr(self, name), marked) for name, marked in found if marked is not None]

    def forge(self, channel: str, route: str, fragment: object, marker: str) -> None:
        """Send what a stranger would, with `marker` in it: one kind of forgery after the other."""
        kind = next(self._kinds)
        number = self.company.sender.forge(self.company.routes[route], [fragment], kind)
        self.script.notes.intruders.append(Intruder(channel, str(kind), marker, number))

    def nonsense(self, channel: str, route: str, body: str) -> None:
        """Send what is rightly signed and cannot be read: it is parked, and answered 2xx."""
        number = self.company.sender.raw(self.company.routes[route], body.encode())
        self.script.notes.unreadable.append(Unreadable(channel, number))

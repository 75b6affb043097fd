"""What a platform's folder gives the sandbox, and how folders are found.

A folder of `sandbox/platforms` is a platform. Its `played.py` plays the vendor (`neighbour.Neighbour`), its `books.py`
holds one `Platform`: Northwind's account there, how it is configured, where deliveries go, what the company said. Its
`scenes.py`, if any, holds one `sandbox.northwind.scenes.Scenes`: what people do there.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from deskwire import registry
from sandbox import platforms
from sandbox.neighbours.neighbour import Clock, Neighbour, cut_after
from sandbox.neighbours.sender import Route

if TYPE_CHECKING:
    from sandbox.cloud.stack import Stack

REFERENCE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}\b")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something that a customer could read: where, what, when."""

    place: str
    text: str
    at: datetime

    @property
    def automatic(self) -> bool:
        """Whether it is an acknowledgement: these carry a reference, agents' answers a marker."""
        return bool(REFERENCE.search(self.text)) and "ANS-" not in self.text


class Platform(ABC):
    """A platform as the sample company uses it.

    `channels` are the connectors whose webhooks it delivers. `sends` are the requests (method, route pattern) by which
    the company speaks there, for whoever orders faults. `test_accounts` are those of a dashboard's test button.
    `long_known` is a channel's account of which a demo makes up the weeks before, if any.
    """

    channels: ClassVar[tuple[str, ...]]
    sends: ClassVar[tuple[tuple[str, str], ...]] = ()
    test_accounts: ClassVar[frozenset[str]] = frozenset()
    long_known: ClassVar[tuple[str, str] | None] = None
    player: Neighbour

    @abstractmethod
    def __init__(self, clock: Clock) -> None:
        """Play by this clock; start nothing yet."""

    @property
    @abstractmethod
    def hosts(self) -> Mapping[str, str]:
        """Which loopback address plays which of the vendor's hosts, once started."""

    @property
    @abstractmethod
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        """The entries of Secrets Manager, invented."""

    @property
    @abstractmethod
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """Its part of deskwire.yaml: `endpoints` and `connections` by name."""

    @property
    def origins(self) -> Sequence[str]:
        """The origins of its pages, from which visitors upload files."""
        return ()

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameters of the template that it needs."""
        return {}

    @abstractmethod
    def routes(self) -> Mapping[str, Route]:
        """Return, by name, where it delivers and how that is signed."""

    @abstractmethod
    def spoken(self) -> Iterator[Spoken]:
        """Yield what the company said to customers, from the platform's own books."""

    def said(self, place: str) -> Iterator[Spoken]:
        """Yield what the company said at one place; the embedded AWS keeps what went by mail."""
        return (each for each in self.spoken() if each.place == place)

    def hides(self, place: str) -> bool:
        """Return whether what a customer wrote at a public place is hidden from the public."""
        del place
        return False

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        """What a person can look at: a name and its address."""
        title = " and ".join(registry.channel(name).title for name in self.channels)
        return [(title, f"{self.player.address}/")]

    def start(self, children: contextlib.ExitStack) -> None:
        """Start what plays it; `children` ends it."""
        children.enter_context(self.player)

    def open(self, children: contextlib.ExitStack, api: str, aws: str) -> None:
        """Start what needs the deployed template's address, or that of the embedded AWS (nothing, by default)."""
        del children, api, aws

    def attach(self, stack: Stack) -> None:
        """Take the deployed stack, for what AWS itself delivers (nothing, by default); before `rules` is read."""
        del stack

    def lose_answers(self, *, times: int | None = None, probability: float = 1.0) -> None:
        """Let what the company says arrive, and the platform's answer be lost."""
        for method, path in self.sends:
            self.player.faults.add(cut_after(), method=method, path=path, times=times, probability=probability)


def kinds() -> dict[str, type[Platform]]:
    """Return every platform that has a folder."""
    return found(platforms, "books", Platform)  # type: ignore[type-abstract]


def found(package: ModuleType, module: str, base: type[Found]) -> dict[str, type[Found]]:
    """Return, by folder, the class derived from `base` in that module of each folder; a folder may lack the module."""
    classes = {}
    for folder in sorted(each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg):
        name = f"{package.__name__}.{folder}.{module}"
        if importlib.util.find_spec(name) is None:
            continue
        loaded = importlib.import_module(name)
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == name:
                classes[folder] = value
    return classes

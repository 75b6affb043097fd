"""What a helpdesk's folder gives the sandbox: what agents do there, and what its own books say.

A folder of `sandbox/helpdesks` is a helpdesk. Its `played.py` plays the vendor (or runs the real one), its `books.py`
holds one `Desk`, its `scenes.py`, if any, one `sandbox.northwind.scenes.Scenes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from sandbox import helpdesks
from sandbox.neighbours.neighbour import Clock, Neighbour
from sandbox.neighbours.platform import found
from sandbox.neighbours.sender import Sender

DEFAULT = "zendesk"  # where tickets go unless another is asked for
WEBHOOK = "desk-webhook"  # the endpoint that the helpdesk signals agents' replies to


class DeskError(RuntimeError):
    """The helpdesk cannot be had on this machine; the message says what to do."""


def kinds() -> dict[str, type[Desk]]:
    """Return every helpdesk that has a folder."""
    return found(helpdesks, "books", Desk)  # type: ignore[type-abstract]


def named(text: str) -> str:
    """Return the folder of the helpdesk that people call so (`django-helpdesk`, `rt`); an unknown name as it is."""
    plain = "".join(letter for letter in text.lower() if letter.isalnum())
    return next((folder for folder, each in kinds().items() if plain in {folder, each.short or folder}), text)


class By(StrEnum):
    """Whose a comment is."""

    CUSTOMER = "customer"
    AGENT = "agent"
    NOTE = "note"  # Deskwire's own, for agents


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment of a ticket. `exact`: whether `at` is finer than a second."""

    id: str
    by: By
    text: str
    at: datetime
    public: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket with its comments, the oldest first; the rest is empty unless the desk `shows_state`."""

    id: str
    subject: str
    comments: list[Comment] = field(default_factory=list)
    priority: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""


class Desk(ABC):
    """A helpdesk: a context manager. `secrets` are entries to store, `host` the name under which Deskwire asks it.

    `player` misbehaves on demand, unless it is None: the helpdesk is a real one. `opens` and `appends` are the requests
    (method, route pattern) that open a ticket and add to one, for whoever orders faults. `scale` is how much of a
    morning it bears. `webhook` are the settings of the endpoint that it signals to. `shows_state` is whether its books
    have the tickets' priorities, tags and queue as well, and it signals that one is solved. `short` is another name for
    it on the command line.
    """

    opens: ClassVar[tuple[str, str]]
    appends: ClassVar[tuple[str, str]]
    scale: ClassVar[float] = 1.0
    shows_state: ClassVar[bool] = False
    short: ClassVar[str] = ""
    player: Neighbour | None = None
    host: str
    webhook: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play by this clock, or run what is real in `directory`; start nothing yet."""

    @property
    @abstractmethod
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        """The entries of Secrets Manager, once it runs: `desk`, and `desk-webhook` where its signals are signed."""

    @property
    @abstractmethod
    def rules(self) -> Mapping[str, Any]:
        """The helpdesk in deskwire.yaml: connector, secret, settings."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it answers."""

    @property
    @abstractmethod
    def page(self) -> str:
        """Where a person looks at the tickets, and how they sign in."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def connect(self, webhook: str) -> None:  # noqa: B027 - a helpdesk that is polled tells nobody
        """Tell this address of agents' answers."""

    @abstractmethod
    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        """Let an agent answer, or note something (`public=False`); return the comment's id."""

    @abstractmethod
    def tickets(self) -> list[Ticket]:
        """Return every ticket, from the helpdesk's own books."""

    @abstractmethod
    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        """Return (ticket, words) of each comment written after a position (0: all), and the position to go on from."""

    def queue(self) -> list[str]:
        """Return the unsolved tickets, the next one to answer first, where it `shows_state`."""
        return []

    def solve(self, ticket: str) -> None:  # noqa: B027 - where it is not signalled, nothing follows
        """Let an agent solve a ticket, where it `shows_state`."""

    def kept(self, text: str) -> str:
        """Return a customer's words as this helpdesk is to hold them, where it cannot hold every character."""
        return text

    @abstractmethod
    def count(self) -> int:
        """Return how many tickets there are."""

    def settle(self) -> bool:
        """Wait until the webhook told everything; whether it did."""
        return True


class PlayedDesk(Desk):
    """A helpdesk that a player plays."""

    player: Neighbour

    @property
    def address(self) -> str:
        return self.player.address

    def __enter__(self) -> Self:
        self.player.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.player.__exit__(kind, error, trace)


class SignallingDesk(PlayedDesk):
    """A played helpdesk that tells of agents' answers by a webhook, once it is connected."""

    _sender: Sender | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sender is not None:
            self._sender.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    def connect(self, webhook: str) -> None:
        self._sender = Sender(webhook.removesuffix(f"/helpdesks/{WEBHOOK}"), workers=1).__enter__()

    def settle(self) -> bool:
        return self._sender is None or self._sender.settle()

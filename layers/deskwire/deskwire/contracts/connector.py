"""What connectors of both sides share: what they may reach, what a look brings, what a class must declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deskwire.model.events import Event

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.rest import Transport


class Mail(Protocol):
    """Sends e-mail (SES behind it)."""

    def __call__(self, *, sender: str, recipient: str, subject: str, text: str, headers: Mapping[str, str]) -> str:
        """Send one plain text mail and return its message id. Raises the errors of `rest.checked`."""


class Remember(Protocol):
    """Keeps a value for a while in this process (an access token)."""

    def __call__(self, name: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return the value kept under `name`, or what `make` gives now: (value, seconds it stays good)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a connector may use behind the queue: its connection's settings and secrets, and ways outside.

    `account` is the platform's id of the page, number or profile (for a helpdesk: the connection's name).
    """

    account: str
    settings: Mapping[str, str]
    secrets: Secrets
    http: Transport
    now: datetime
    mail: Mail
    remember: Remember

    def __repr__(self) -> str:
        return f"Reach({self.account})"


@dataclass(frozen=True, slots=True)
class Page:
    """What one look brought: the events, and where to go on next time."""

    events: Sequence[Event]
    cursor: str


def declared(cls: type) -> None:
    """Raise `TypeError` when a connector's class does not name itself, its verification and its terms."""
    from deskwire.verification.rule import Verification

    module = cls.__module__.rpartition(".")[2]
    if getattr(cls, "name", None) != module:
        msg = f"{cls.__qualname__}.name must be {module!r}, as its module is called"
        raise TypeError(msg)
    if not isinstance(getattr(cls, "verification", None), Verification):
        msg = f"{cls.__qualname__} declares no verification: a connector without one cannot be defined"
        raise TypeError(msg)
    if not hasattr(cls, "terms") or not hasattr(cls, "title"):
        msg = f"{cls.__qualname__} declares no terms or no title"
        raise TypeError(msg)

"""Declared actions: further routes of a connector, for pages in visitors' browsers.

`ANY /pages/{endpoint}/{action}` calls the action of that name. It has its own methods, verification rule and body
limit; `Connector.limits` sets its rates (the request names the action). `act` is pure: it returns what is to be done,
and the framework does it, if the action declares that it may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, runtime_checkable

from deskwire.model.events import Event
from deskwire.model.values import dataclass, field
from deskwire.web.request import Request, Response

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.verification.rule import Verification


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a visitor is about to send; answered with an address and its `id`.

    It goes to `incoming/` of the archive. A later event names it as an `Attachment` with that `id`, and no `url`.
    """

    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class Write:
    """Events of this connector for the mailbox, and the response once they are stored there."""

    events: Sequence[Event]
    response: Response


@dataclass(frozen=True, slots=True)
class Read:
    """Read what was sent into a thread after the cursor `after` of an earlier read; "": everything."""

    account: str
    thread: str
    after: str = ""


Wanted: TypeAlias = Upload | Write | Read | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One route. `may` lists what it may return besides a response."""

    methods: tuple[str, ...]
    verification: Verification
    may: frozenset[type] = field(default_factory=frozenset)
    body_limit: int = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class Visit:
    """A verified request to an action. Its rule's findings are in `request.facts`."""

    action: str
    request: Request
    settings: Mapping[str, str]  # of the endpoint
    secrets: Secrets  # of the endpoint
    fresh: str  # 128 random bits in hexadecimal, others at each visit: an id for what begins here


@runtime_checkable
class Actions(Protocol):
    """Serves further routes for its pages."""

    actions: ClassVar[Mapping[str, Action]]

    def act(self, visit: Visit) -> Wanted:
        """Return what to do for a verified request. Raises `PayloadError` if it is not allowed."""


def owns_uploads(connector: object) -> bool:
    """Return whether this connector has an action that uploads files to `incoming/`."""
    return isinstance(connector, Actions) and any(Upload in action.may for action in connector.actions.values())

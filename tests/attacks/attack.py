"""One attack: what it is, what is sent, and what must come of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from deskwire.web.request import Request

from .edge import arriving

Event = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Attack:
    """`status` is exact. `effects` names what may be different afterwards: nothing, unless it is said.

    `before` is how often the same request was sent before; `captcha` is what the captcha's provider answers.
    """

    group: str
    kind: str
    name: str
    status: int
    make: Callable[[], Event]
    effects: Mapping[str, int] = dataclasses.field(default_factory=dict)
    before: int = 0
    captcha: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.group}: {self.kind}: {self.name}"


def request_attack(group, kind, name, status, make: Callable[[], Request], **more) -> Attack:
    """Return an attack given as a request."""
    return Attack(group, kind, name, status, lambda: arriving(kind, make()), **more)


def with_headers(request: Request, **headers) -> Request:
    """Return the request with headers set (underscores are dashes), or taken away (None)."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in request.headers.items() if name not in changed}
    return dataclasses.replace(
        request, headers=kept | {name: value for name, value in changed.items() if value is not None}
    )


def with_header(request: Request, name: str, value: str | None) -> Request:
    """Return the request with one header set, or taken away (None)."""
    kept = {key: text for key, text in request.headers.items() if key != name}
    return dataclasses.replace(request, headers=kept if value is None else {**kept, name: value})

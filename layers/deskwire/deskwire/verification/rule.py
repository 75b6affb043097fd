"""Verification rules as data: each verifies requests, and signs them as the platform would.

The framework verifies a request before a connector sees its body. Every rule refuses with `SignatureError`, and with
`ConfigurationError` if there is no secret to check with: nothing is accepted unchecked. All secrets of a name are valid
at the same time, so that they can be rotated without a gap.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from deskwire.model.errors import SignatureError
from deskwire.model.values import dataclass, field

if TYPE_CHECKING:
    from deskwire.model.secret import Secret, Secrets
    from deskwire.web.request import Request
    from deskwire.web.rest import Transport

EPOCH = re.compile(r"[0-9]{9,11}")
TOLERANCE = 300  # seconds either way, as in the Standard Webhooks specification

UNAVAILABLE = "unavailable"  # the fact `captcha` of a request that was let in unchecked: its provider was out of reach


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may use besides the request: the time, HTTP (for captchas, published keys), a cache."""

    now: datetime
    http: Transport
    settings: Mapping[str, str] = field(default_factory=dict)  # the endpoint's own (audience, service account …)
    cache: MutableMapping[str, object] = field(default_factory=dict)  # lives as long as the process


class Verification(ABC):
    """A verification rule."""

    @abstractmethod
    def verify(self, request: Request, secrets: Secrets, context: Context) -> Mapping[str, str]:
        """Return the facts found (often none) if the request is genuine; raise `SignatureError` otherwise."""

    @abstractmethod
    def sign(self, request: Request, secrets: Secrets, now: datetime) -> Request:
        """Return the request as the platform would send it; used by the sandbox and the tests."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the rule needs."""

    @property
    @abstractmethod
    def headers(self) -> tuple[str, ...]:
        """The headers (lower-case) that a genuine request must have; empty if the proof is in the body."""

    stamped: ClassVar[bool] = False  # whether the platform signs the time
    opens: ClassVar[bool] = False  # whether connectors see what it opened in place of the body, see `cleared`

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with an endpoint's settings, by name, so that the rule would refuse every request.

        Settings missing from `endpoint_settings` are reported elsewhere.
        """
        del settings
        return {}

    def cleared(self, request: Request) -> Request:
        """Return the request as connectors see it: without a secret in its address, and decrypted if it was sealed.

        It has the facts of `verify`.
        """
        return request


class SecretRule(Verification):
    """A rule that needs one secret, named `secret`."""

    secret: str

    def names(self) -> tuple[str, ...]:
        """Return the one secret's name."""
        return (self.secret,)


def fresh(stamp: str, now: datetime, tolerance: int, header: str) -> None:
    """Raise `SignatureError` unless the text is Unix seconds within `tolerance` seconds from now."""
    if not EPOCH.fullmatch(stamp):
        msg = f"{header} has no time in Unix seconds"
        raise SignatureError(msg)
    near(int(stamp), now, tolerance, header)


def near(at: float, now: datetime, tolerance: int, header: str) -> None:
    """Raise `SignatureError` unless a time (Unix seconds) is within `tolerance` seconds from now."""
    if abs(now.timestamp() - at) > tolerance:
        msg = f"{header} is more than {tolerance} seconds away from now"
        raise SignatureError(msg)


def same(given: str, wanted: Secret) -> bool:
    """Compare a token with a secret in constant time."""
    return hmac.compare_digest(
        hashlib.sha256(given.encode("utf-8", "replace")).digest(), hashlib.sha256(wanted.encode()).digest()
    )

"""The contract of a connector that can look at its webhook at the platform, and set it up.

`deskwire plan` shows what it finds, `deskwire apply` has it set right, and sweep has it looked at every hour.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from deskwire.model.secret import Secrets
from deskwire.model.values import dataclass, field

if TYPE_CHECKING:
    from deskwire.model.secret import Secret
    from deskwire.web.rest import Transport

    from .connector import Reach


class State(StrEnum):
    """How something stands at the platform."""

    RIGHT = "right"
    MISSING = "missing"  # nothing is delivered, or nothing can be sent, until it is there
    DIFFERENT = "different"  # something is there, but not what we want
    EXPIRING = "expiring"  # it ends soon, or has ended
    LIMITED = "limited"  # it works within a limit that only a person lifts, and perhaps not yet: it rings no alarm
    UNKNOWN = "unknown"  # it cannot be seen; `remedy` says what to do so that it can


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing at the platform: as it is, and as it should be.

    `remedy` says what a person does; it is empty where `register` sets it right. `ends` is when a token or a
    subscription ends, where the platform tells: the machinery makes `expiring` of it when that is near.
    """

    what: str
    state: State = State.RIGHT
    found: str = ""
    wanted: str = ""
    remedy: str = ""
    ends: datetime | None = None

    @property
    def mends(self) -> bool:
        """Whether `register` sets it right."""
        return self.state in {State.MISSING, State.DIFFERENT} and not self.remedy

    @property
    def text(self) -> str:
        """It in words, without the remedy."""
        if self.state is State.RIGHT:
            return f"{self.what}: {self.found or 'right'}"
        if self.state is State.MISSING:
            return f"{self.what}: missing" + (f", wanted {self.wanted}" if self.wanted else "")
        if self.state is State.DIFFERENT:
            return f"{self.what}: {self.found}" + (f", wanted {self.wanted}" if self.wanted else "")
        return f"{self.what}: {self.found or 'cannot be seen'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the platform is to deliver: the endpoint of a connection.

    `address` is empty where it is not known: then the address at the platform is not judged, and nothing is set up.
    `channels` are all that the endpoint serves: a platform may want the fields of all of them in one list. `fields` are
    those of each connection that files into a helpdesk, by the connection's name.
    """

    address: str = ""
    secrets: Secrets = field(default_factory=lambda: Secrets({}))
    settings: Mapping[str, str] = field(default_factory=dict)
    channels: Sequence[str] = ()
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What `register` did, in words (nothing: all was right), and secrets that the platform made for the endpoint."""

    did: Sequence[str] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@runtime_checkable
class Registers(Protocol):
    """Can look at the webhook at the platform, and set it up."""

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        """Return how the webhook, its fields, the permissions and the tokens of one account stand; change nothing.

        What concerns the account is a finding. Raises the errors of `rest.checked` where the platform could not be
        asked.
        """

    def register(self, site: Site, reach: Reach) -> Registered:
        """Set right what `registration` would show as missing or different without a remedy.

        Looks first, and writes nothing where all is right; it may be repeated. Raises the errors of `rest.checked`.
        """


def address(what: str, found: str, wanted: str, remedy: str = "") -> Finding:
    """Return the finding of a webhook's address (empty: none is registered, or none is known to be wanted)."""
    if not wanted:
        return Finding(what=what, found=found or "none")
    if found == wanted:
        return Finding(what=what, found=found)
    state = State.DIFFERENT if found else State.MISSING
    return Finding(what=what, state=state, found=found, wanted=wanted, remedy=remedy)


def complete(what: str, found: Collection[str], wanted: Collection[str], remedy: str = "") -> Finding:
    """Return the finding of a list that must hold all that is wanted; it may hold more."""
    missing = sorted(set(wanted) - set(found))
    if not missing:
        return Finding(what=what, found=", ".join(sorted(wanted)))
    if not found:
        return Finding(what=what, state=State.MISSING, wanted=", ".join(sorted(wanted)), remedy=remedy)
    return Finding(what=what, state=State.DIFFERENT, found=f"lacks {', '.join(missing)}", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One account that a person let us have: its id, its name, the secrets of its connection, and settings known.

    `void` names secrets that an earlier consent may have left: they count no more.
    """

    account: str
    name: str
    secrets: Mapping[str, Secret]
    void: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One attempt to sign in: when, where the platform leads back to, and what ties its answer to the attempt.

    `verifier` is PKCE's (RFC 7636), for platforms that document it.
    """

    at: datetime
    redirect: str
    state: str
    verifier: Secret


@runtime_checkable
class SignsIn(Protocol):
    """Lets a person sign in at the platform, for `deskwire connect`; what does not takes pasted tokens."""

    redirect: ClassVar[str]  # where the platform leads the person back to, unless another address is given
    application: ClassVar[Sequence[str]]  # secrets of the connection that are the app's: `site` has them, too

    def dialog(self, site: Site, sign_in: SignIn) -> str:
        """Return the address of the login page."""

    def grants(self, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
        """Return the accounts that the person's code gives. Raises the errors of `rest.checked`."""

    def tried(self, site: Site, http: Transport) -> str:
        """Try whether our address would be taken; return in words what was seen, "" where nothing can be tried.

        Raises the errors of `rest.checked`.
        """

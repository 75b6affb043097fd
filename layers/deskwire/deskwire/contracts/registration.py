"""The contract of a connector that can check its webhook at the platform, and set it up.

`deskwire plan` shows its findings, `deskwire apply` corrects them, and `sweep` has them checked every hour.
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
    """The state of something at the platform."""

    RIGHT = "right"
    MISSING = "missing"  # until it is there, nothing is delivered, or nothing can be sent
    DIFFERENT = "different"  # something is there, but not what we want
    EXPIRING = "expiring"  # it ends soon, or has ended
    LIMITED = "limited"  # it works within a limit that only a person can lift, perhaps later: raises no alarm
    UNKNOWN = "unknown"  # it cannot be seen; `remedy` says what to do so that it can


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing at the platform: as it is, and as it should be.

    `remedy` says what a person must do; "" if `register` can correct it. `ends` is when a token or a subscription ends,
    if the platform states it: the framework makes the finding `EXPIRING` when that is near.
    """

    what: str
    state: State = State.RIGHT
    found: str = ""
    wanted: str = ""
    remedy: str = ""
    ends: datetime | None = None

    @property
    def mends(self) -> bool:
        """Whether `register` corrects it."""
        return self.state in {State.MISSING, State.DIFFERENT} and not self.remedy

    @property
    def text(self) -> str:
        """The finding in words, without the remedy."""
        if self.state is State.RIGHT:
            return f"{self.what}: {self.found or 'right'}"
        if self.state is State.MISSING:
            return f"{self.what}: missing" + (f", wanted {self.wanted}" if self.wanted else "")
        if self.state is State.DIFFERENT:
            return f"{self.what}: {self.found}" + (f", wanted {self.wanted}" if self.wanted else "")
        return f"{self.what}: {self.found or 'cannot be seen'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The endpoint to which the platform is to deliver.

    `address` is "" if unknown: then the address at the platform is not checked, and nothing is set up. `channels` are
    all channels of the endpoint: a platform may want one list of fields for all of them. `fields` are those of each
    connection that files into a helpdesk, by the connection's name.
    """

    address: str = ""
    secrets: Secrets = field(default_factory=lambda: Secrets({}))
    settings: Mapping[str, str] = field(default_factory=dict)
    channels: Sequence[str] = ()
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What `register` did, in words (empty if all was right), and secrets that the platform made for the endpoint."""

    did: Sequence[str] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@runtime_checkable
class Registers(Protocol):
    """Can check the webhook at the platform, and set it up."""

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        """Return findings about one account's webhook, its fields, permissions and tokens; change nothing.

        A fault of the account is a finding. Raises the errors of `rest.checked` if the platform could not be asked.
        """

    def register(self, site: Site, reach: Reach) -> Registered:
        """Correct what `registration` reports as missing or different without a remedy.

        Idempotent: reads first, and writes nothing if all is right. Raises the errors of `rest.checked`.
        """


def address(what: str, found: str, wanted: str, remedy: str = "") -> Finding:
    """Return the finding about a webhook's address ("": none is registered, or the wanted one is unknown)."""
    if not wanted:
        return Finding(what=what, found=found or "none")
    if found == wanted:
        return Finding(what=what, found=found)
    state = State.DIFFERENT if found else State.MISSING
    return Finding(what=what, state=state, found=found, wanted=wanted, remedy=remedy)


def complete(what: str, found: Collection[str], wanted: Collection[str], remedy: str = "") -> Finding:
    """Return the finding about a list that must have all wanted values; it may have more."""
    missing = sorted(set(wanted) - set(found))
    if not missing:
        return Finding(what=what, found=", ".join(sorted(wanted)))
    if not found:
        return Finding(what=what, state=State.MISSING, wanted=", ".join(sorted(wanted)), remedy=remedy)
    return Finding(what=what, state=State.DIFFERENT, found=f"lacks {', '.join(missing)}", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An account to which a person gave us access: its id, name, secrets and known settings.

    `void` names secrets of an earlier consent that are no longer valid.
    """

    account: str
    name: str
    secrets: Mapping[str, Secret]
    void: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One attempt to sign in: its time, the redirect address, and the state that ties the answer to the attempt.

    `verifier` is PKCE's (RFC 7636), for platforms that document it.
    """

    at: datetime
    redirect: str
    state: str
    verifier: Secret


@runtime_checkable
class SignsIn(Protocol):
    """Lets a person sign in at the platform for `deskwire connect`; other connectors take pasted tokens."""

    redirect: ClassVar[str]  # where the platform leads the person back to, unless another address is given
    application: ClassVar[Sequence[str]]  # secrets of the connection that are the app's: `site` has them, too

    def dialog(self, site: Site, sign_in: SignIn) -> str:
        """Return the address of the login page."""

    def grants(self, site: Site, code: Secret, sign_in: SignIn, http: Transport) -> Sequence[Grant]:
        """Return the accounts to which a person's code gives access. Raises the errors of `rest.checked`."""

    def tried(self, site: Site, http: Transport) -> str:
        """Test whether the platform would accept our address; return the result in words, "" if there is no test.

        Raises the errors of `rest.checked`.
        """

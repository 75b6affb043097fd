"""The base of connectors of both sides: what a class declares, answers and reads, and what it may reach."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Protocol

from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.model.events import Event
from deskwire.model.values import dataclass, field

if TYPE_CHECKING:
    from deskwire.model.events import Unreadable
    from deskwire.model.secret import Secret, Secrets
    from deskwire.model.sending import Outgoing
    from deskwire.model.signals import Happened
    from deskwire.model.tickets import File
    from deskwire.verification.rule import Verification
    from deskwire.web.reading import Node
    from deskwire.web.request import Request, Response
    from deskwire.web.rest import Answer, Call, Transport

    from .terms import Terms


# What a connector does behind the queue: it asks the vendor, and reads the answers.
ASKING: Final = (
    "send", "sent", "complete", "profile", "fetch", "poll", "open", "append", "find", "replies", "redact", "update",
    "file", "registration", "register", "close", "history",
)  # fmt: skip


class Connector(ABC):
    """A connector. Subclasses declare; the framework verifies a POST, and only then shows its body to the connector.

    What is only polled declares `Never()` as its verification, and no `parse`.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # as people write it: "Facebook Page"
    verification: ClassVar[Verification]  # of its webhook
    terms: ClassVar[Terms]
    # False: its deliveries do not say which account they are for. An endpoint then serves one connection of it, whose
    # account the framework fills in where `parse` leaves it empty.
    names_account: ClassVar[bool] = True
    # Name -> what it is. `deskwire plan` asks for all of them but those whose words say “optional”; one that begins
    # with “or ” is an alternative to the one before it.
    connection_settings: ClassVar[Mapping[str, str]] = {}
    endpoint_settings: ClassVar[Mapping[str, str]] = {}
    connection_secrets: ClassVar[Mapping[str, str]] = {}  # what calls to the platform or helpdesk need
    endpoint_secrets: ClassVar[Mapping[str, str]] = {}
    # Whether the platform vouches for who wrote. What is only claimed (an address that a visitor typed) changes no
    # profile in the helpdesk and no wish, and gets few automatic answers over all its threads together.
    proves_authors: ClassVar[bool] = True
    # What a person does at the platform where no API does it, step by step, after `deskwire.yaml` and the secrets:
    # `{address}` stands for the endpoint's. `deskwire plan` prints it. What `Registers` sets up is not repeated.
    by_hand: ClassVar[Sequence[str]] = ()
    aws_services: ClassVar[tuple[str, ...]] = ()  # that `reach.aws` may call; the function's role must allow it, too
    known_gaps: ClassVar[Mapping[str, str]] = {}  # rule of conformance -> why it cannot hold

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401
        """Refuse a connector that could let in anything unchecked; see to what its calls may raise."""
        super().__init_subclass__(**options)
        declared(cls)
        for name in ASKING:
            method = vars(cls).get(name)
            if method is not None and not getattr(method, "__isabstractmethod__", False):
                setattr(cls, name, _asking(method))

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with a connection's settings, by their names; none by default.

        What can be told of the file alone, for `deskwire check`. A setting that is missing is told already.
        """
        del settings
        return {}

    def parse(self, request: Request) -> Iterable[Happened | Unreadable]:
        """Yield what a verified request says. Pure: no network, no clock.

        A channel yields events, a helpdesk signals. Raises `PayloadError` when nothing of it can be read; one bad
        fragment is an `Unreadable` (see `channel.each`).
        """
        raise NotImplementedError

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        """Answer the platform's registration check; None when this is no handshake (the default).

        Called before verification, for requests without a body alone: GET, HEAD and a browser's OPTIONS. A connector
        signs nothing of a shape that the platform does not document. Raises `SignatureError` for a wrong one.
        """
        del request, secrets
        return None

    def greeting(self, request: Request, secrets: Secrets) -> Response | None:
        """Answer a registration check that comes as a POST; None when this is none (the default).

        Called after verification, before `parse`.
        """
        del request, secrets
        return None

    def acknowledged(self, request: Request, events: Sequence[Any]) -> Response | None:
        """Return what the sender wants to hear after its delivery is safe; None for a plain empty 200.

        `events` (of a helpdesk: signals) are this connector's own. There are none when the delivery told of nothing, or
        was parked.
        """
        del request, events
        return None

    def delivered_at(self, request: Request, events: Sequence[Any]) -> datetime | None:
        """Return when the platform made this delivery, where the signed body says so; None otherwise (the default).

        Asked where the rule signs no time of its own. What is older than outcomes are remembered is a replay: it would
        be filed again, and bring back the words of a person who was erased. `events` are the connector's own.
        """
        del request, events
        return None

    def limits(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Return the rates to keep where anybody can write: (name, most, seconds) each.

        Called before verification, so the request has no body here.
        """
        del request
        return ()

    def budgets(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Return the rates that strangers share, as `limits` does.

        Called once the rule has let the request in, so that nobody spends what others need without passing it.
        """
        del request
        return ()

    def answer_headers(self, request: Request) -> Mapping[str, str]:
        """Return headers for every answer to a browser (CORS); none by default. The request has no body here."""
        del request
        return {}


def _asking(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method with a `PayloadError` of its as an ambiguous `TemporaryError`.

    Parking is for what was delivered to us. An answer that cannot be read may have had its effect: the vendor is asked
    later what came of it.
    """

    @wraps(method)
    def asked(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the method's own
        try:
            return method(*args, **options)
        except PayloadError as error:
            raise TemporaryError(f"the answer cannot be read: {error}", ambiguous=True) from None

    return asked


class Mail(Protocol):
    """Sends e-mail (SES behind it)."""

    def __call__(  # noqa: PLR0913 - what a mail is made of
        self,
        *,
        sender: str,
        recipient: str,
        subject: str,
        text: str,
        headers: Mapping[str, str],
        html: str = "",
        files: Sequence[File] = (),
        tags: Mapping[str, str] | None = None,
        copies: Sequence[str] = (),
    ) -> str:
        """Send one mail and return SES's id of it: the part of its Message-ID before the @.

        `copies` are the addresses in Cc. `headers` may hold `In-Reply-To` and `References`; SES sets the Message-ID
        itself. `tags` come back with SES's later notices of this mail. Raises the errors of `rest.checked`; nothing
        given can add a header or a recipient.
        """


class Remember(Protocol):
    """Keeps a value for a while in this process."""

    def __call__(self, name: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return the value kept under `name`, or what `make` gives now: (value, seconds it stays good)."""


class Show(Protocol):
    """Puts what is sent into its thread's outbox, for a page in the visitor's browser (see `contracts.actions`)."""

    def __call__(self, outgoing: Outgoing) -> str:
        """Return the id under which the page reads it. Once for each `outgoing.key`: it may be repeated after doubt."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and its lifetime in seconds.

    `refresh` is the token for the next renewal, where the vendor rotates it.
    """

    access: Secret
    good_for: float
    refresh: Secret | None = None


class Tokens(Protocol):
    """Access tokens that all workers share, and one worker at a time renews."""

    def __call__(self, secret: str, renew: Callable[[Secret], Token]) -> Secret:
        """Return the access token obtained with the connection's secret of this name.

        When it is time, `renew` asks the vendor, with that secret or with the `refresh` of the last renewal. While one
        worker does, the others go on with the old token, or wait shortly. Raises `TemporaryError`, and
        `ConfigurationError` when the vendor refuses: a person must sign in again.
        """

    def refused(self, secret: str, access: Secret) -> None:
        """Report that the vendor rejected this token early; the next call renews it unless another worker has."""


class Fetch(Protocol):
    """Downloads a file, guarded as any attachment is (see `web.media`)."""

    def __call__(self, call: Call, hosts: Collection[str] = ()) -> File:
        """Return what the GET downloads, with the call's headers and secrets.

        It may lie on the connector's `media_hosts` and on `hosts`, or below them; nowhere else. Raises the errors of
        `media.fetch`.
        """


class Aws(Protocol):
    """Calls an AWS service with the function's own role."""

    def __call__(
        self, service: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return whatever status came. `service` must be one of the connector's `aws_services`.

        Raises what a `Transport` does, and `ConfigurationError` for another service.
        """


class Original(Protocol):
    """Reads what the platform stored in the archive, such as a mail as it came."""

    def __call__(self, name: str) -> bytes:
        """Return an object below `originals/`, the endpoint's name and a slash. Raises `PermanentError` if none is."""


def not_given(*_: object, **__: object) -> NoReturn:
    """Raise `ConfigurationError`: the default of what a `Reach` was made without."""
    raise ConfigurationError("what the connector asks for is not available here")


class _NoTokens:
    __call__ = refused = staticmethod(not_given)


class Reopens(Protocol):
    """The company's rule for closed tickets."""

    def __call__(self, closed_at: datetime | None) -> bool:
        """Return whether a ticket that was closed then is opened again by a customer's message, or takes no more."""


def always(closed_at: datetime | None) -> bool:
    """Return True: what nobody made a rule for is opened again."""
    del closed_at
    return True


class LeftOut(Protocol):
    """Reports what could not be read in an answer that was asked for."""

    def __call__(self, what: str, node: Node) -> None:
        """Count and log it by its place, never by its words: the rest of the answer is used, a person looks at this."""


def unreported(what: str, node: Node) -> None:
    """Report nothing: the default of a `Reach` made where nobody counts."""
    del what, node


@dataclass(frozen=True, slots=True)
class Reach:
    """What a connector may use behind the queue: its connection's settings and secrets, HTTP, mail and AWS.

    `account` is the platform's id of the page, number or profile (for a helpdesk: the connection's name). `reopens` is
    for helpdesks that tell when a ticket was closed (`Abilities.tells_closing`). `left_out` is to be called for each
    row that is skipped because a field the core needs is missing or of another type.
    """

    account: str
    settings: Mapping[str, str]
    secrets: Secrets
    http: Transport
    now: datetime
    mail: Mail
    remember: Remember
    fetch: Fetch = not_given
    tokens: Tokens = field(default_factory=_NoTokens)
    aws: Aws = not_given
    original: Original = not_given
    outbox: Show = not_given
    reopens: Reopens = always
    left_out: LeftOut = unreported

    def __repr__(self) -> str:
        return f"Reach({self.account})"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a poll: its events and the next cursor."""

    events: Sequence[Event]
    cursor: str


def declared(cls: type[Connector]) -> None:
    """Raise `TypeError` when a connector's class does not name itself, its verification and its terms."""
    from deskwire.verification.never import Never
    from deskwire.verification.rule import Verification

    if cls.__module__.startswith("deskwire.contracts."):
        return  # a side, not a connector
    module = cls.__module__.rpartition(".")[2]
    if getattr(cls, "name", None) != module:
        msg = f"{cls.__qualname__}.name must be {module!r}, as its module is called"
        raise TypeError(msg)
    rule = getattr(cls, "verification", None)
    if not isinstance(rule, Verification):
        msg = f"{cls.__qualname__} declares no verification: a connector without one cannot be defined"
        raise TypeError(msg)
    if not hasattr(cls, "terms") or not hasattr(cls, "title"):
        msg = f"{cls.__qualname__} declares no terms or no title"
        raise TypeError(msg)
    if (cls.parse is Connector.parse) != isinstance(rule, Never):
        msg = f"{cls.__qualname__}: `parse` reads what a rule verified; a connector of the rule Never has none"
        raise TypeError(msg)

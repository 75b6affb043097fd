"""The base class of connectors on both sides, and the `Reach` through which they act."""

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
    """A connector. The framework verifies a POST by the declared rule before the connector sees its body.

    A connector that is only polled declares `Never()` as its verification, and no `parse`.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # as people write it: "Facebook Page"
    verification: ClassVar[Verification]  # of its webhook
    terms: ClassVar[Terms]
    # False: its deliveries do not say which account they are for. An endpoint then serves one connection of it, whose
    # account the framework fills in if `parse` leaves it empty.
    names_account: ClassVar[bool] = True
    # Name -> description. `deskwire plan` requires all except those described as “optional”; a description that begins
    # with “or ” marks an alternative to the one before.
    connection_settings: ClassVar[Mapping[str, str]] = {}
    endpoint_settings: ClassVar[Mapping[str, str]] = {}
    connection_secrets: ClassVar[Mapping[str, str]] = {}  # what calls to the platform or helpdesk need
    endpoint_secrets: ClassVar[Mapping[str, str]] = {}
    # Whether the platform proves who wrote. An identity that is only claimed (an address that a visitor typed) changes
    # no profile in the helpdesk and no opt-out, and gets few automatic answers in all its threads together.
    proves_authors: ClassVar[bool] = True
    # What a person does at the platform where no API does it, step by step, after `deskwire.yaml` and the secrets:
    # `{address}` stands for the endpoint's. `deskwire plan` prints it. What `Registers` sets up is not repeated.
    by_hand: ClassVar[Sequence[str]] = ()
    aws_services: ClassVar[tuple[str, ...]] = ()  # that `reach.aws` may call; the function's role must allow it, too
    known_gaps: ClassVar[Mapping[str, str]] = {}  # rule of conformance -> why it cannot hold

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401
        """Check that the class declares its verification, and wrap its calls: see `_asking`."""
        super().__init_subclass__(**options)
        declared(cls)
        for name in ASKING:
            method = vars(cls).get(name)
            if method is not None and not getattr(method, "__isabstractmethod__", False):
                setattr(cls, name, _asking(method))

    def faults(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with a connection's settings, by name; nothing by default.

        This is for `deskwire check`, which sees only the file and reports missing settings itself.
        """
        del settings
        return {}

    def parse(self, request: Request) -> Iterable[Happened | Unreadable]:
        """Yield the content of a verified request. Pure: no network, no clock.

        A channel yields events, a helpdesk signals. Raises `PayloadError` if nothing can be read; a single bad fragment
        is an `Unreadable` (see `channel.each`).
        """
        raise NotImplementedError

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        """Return the response to a platform's registration check; None if this is not one (the default).

        Called before verification, only for requests without a body: GET, HEAD and a browser's OPTIONS. Sign only what
        has the shape that the platform documents. Raises `SignatureError` for a wrong one.
        """
        del request, secrets
        return None

    def greeting(self, request: Request, secrets: Secrets) -> Response | None:
        """Return the response to a registration check by POST; None if this is not one (the default).

        Called after verification, before `parse`.
        """
        del request, secrets
        return None

    def acknowledged(self, request: Request, events: Sequence[Any]) -> Response | None:
        """Return the response that the platform expects once its delivery is stored; None for an empty 200.

        `events` are this connector's own (a helpdesk's are signals); none if the delivery had none, or was parked.
        """
        del request, events
        return None

    def delivered_at(self, request: Request, events: Sequence[Any]) -> datetime | None:
        """Return when the platform made this delivery, if the signed body states it, else None (the default).

        Called if the rule signs no time itself. A delivery older than outcomes are kept is refused as a replay: it
        would be filed again, and restore the words of an erased person. `events` are the connector's own.
        """
        del request, events
        return None

    def limits(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Return the limits for requests that anybody can send, each as (name, most, seconds).

        Called before verification, so the request has no body here.
        """
        del request
        return ()

    def budgets(self, request: Request) -> Sequence[tuple[str, int, int]]:
        """Return the limits for verified requests that all visitors share, in the form of `limits`.

        Called after verification, so that requests that fail it cannot use up the others' share.
        """
        del request
        return ()

    def answer_headers(self, request: Request) -> Mapping[str, str]:
        """Return headers for every response to a browser (CORS); none by default. The request has no body here."""
        del request
        return {}


def _asking(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method with its `PayloadError`s turned into ambiguous `TemporaryError`s.

    Only deliveries can be parked. A call whose answer cannot be read may have had its effect, so the vendor is asked
    later.
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
        """Send one mail and return SES's id: the part of its Message-ID before the @.

        `copies` are the addresses in Cc. `headers` may have `In-Reply-To` and `References`; SES sets the Message-ID
        itself. `tags` are returned in SES's later notices about this mail. Raises the errors of `rest.checked`. No
        argument can inject a header or a recipient.
        """


class Remember(Protocol):
    """Caches a value in this process."""

    def __call__(self, name: str, make: Callable[[], tuple[str, float]]) -> str:
        """Return the value cached under `name`, else that of `make`, which returns (value, seconds it is valid)."""


class Show(Protocol):
    """Puts a sent message into its thread's outbox, for the page in the visitor's browser (see `contracts.actions`)."""

    def __call__(self, outgoing: Outgoing) -> str:
        """Put the message and return its id for the page. Idempotent by `outgoing.key`, so it may be repeated."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and its lifetime in seconds.

    `refresh` is the token for the next renewal, if the vendor rotates it.
    """

    access: Secret
    good_for: float
    refresh: Secret | None = None


class Tokens(Protocol):
    """Access tokens shared by all workers and renewed by one worker at a time."""

    def __call__(self, secret: str, renew: Callable[[Secret], Token]) -> Secret:
        """Return the access token obtained with the connection's secret of this name.

        If it is due, `renew` asks the vendor, with that secret or with the `refresh` of the last renewal. Meanwhile the
        other workers use the old token, or wait briefly. Raises `TemporaryError`, and `ConfigurationError` if the
        vendor refuses: then a person must sign in again.
        """

    def refused(self, secret: str, access: Secret) -> None:
        """Report that the vendor rejected this token early; the next call renews it unless another worker has."""


class Fetch(Protocol):
    """Downloads a file with the checks of `web.media`."""

    def __call__(self, call: Call, hosts: Collection[str] = ()) -> File:
        """Return the file that this GET downloads, with the call's headers and secrets.

        Allowed are the connector's `media_hosts`, `hosts`, and their subdomains. Raises the errors of `media.fetch`.
        """


class Aws(Protocol):
    """Calls an AWS service with the function's own role."""

    def __call__(
        self, service: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer, whatever its status. `service` must be one of the connector's `aws_services`.

        Raises what a `Transport` does, and `ConfigurationError` for another service.
        """


class Original(Protocol):
    """Reads objects that the platform stored in the archive, such as a mail in its original form."""

    def __call__(self, name: str) -> bytes:
        """Return the object `originals/ENDPOINT/NAME`. Raises `PermanentError` if there is none."""


def not_given(*_: object, **__: object) -> NoReturn:
    """Raise `ConfigurationError`: the default for what a `Reach` was made without."""
    raise ConfigurationError("what the connector asks for is not available here")


class _NoTokens:
    __call__ = refused = staticmethod(not_given)


class Reopens(Protocol):
    """The company's rule for closed tickets."""

    def __call__(self, closed_at: datetime | None) -> bool:
        """Return whether a customer's message reopens a ticket closed at this time."""


def always(closed_at: datetime | None) -> bool:
    """Return True: without a rule, every closed ticket is reopened."""
    del closed_at
    return True


class LeftOut(Protocol):
    """Reports rows of an answer that could not be read."""

    def __call__(self, what: str, node: Node) -> None:
        """Count and log the row's place in the answer, never its content. The other rows are used."""


def unreported(what: str, node: Node) -> None:
    """Report nothing: the default of a `Reach`."""
    del what, node


@dataclass(frozen=True, slots=True)
class Reach:
    """What a connector may use behind the queue: its connection's settings and secrets, HTTP, mail and AWS.

    `account` is the platform's id of the page, number or profile (for a helpdesk: the connection's name). `reopens` is
    for helpdesks that state when a ticket was closed (`Abilities.tells_closing`). Call `left_out` for each row that is
    skipped because a field the core needs is missing or of the wrong type.
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
    """Raise `TypeError` if a connector's class does not declare its name, its verification and its terms."""
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

"""The contract of a channel: a connector on the customers' side.

A connector is one module in `channels/`, named after the platform's product, with one subclass of `Channel`. It has no
state and uses no AWS, no database, no logger and no vendor SDK. Each ability beyond `parse` is a small protocol
(`Replies`, `Asks`, `Offers`, `Moderates`, `Fetches`, `Polls`, `Profiles`, `MediaHosts`), found by `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeVar, runtime_checkable

from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, Author, Event, Unreadable
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.tickets import File

from .connector import Connector, Mail, Page, Reach, Remember

if TYPE_CHECKING:
    from deskwire.model.signals import Signal
    from deskwire.web.reading import Node
    from deskwire.web.request import Request, Response

    from .terms import Figure, OfferLimit, Permit


LINK_SECRET: Final = "link_secret"  # noqa: S105 - the name of what signs one-time links to a page's connection
Read = TypeVar("Read", Event, "Signal")


class Channel(Connector):
    """A connector on the customers' side."""

    def identity(self, author: str) -> str:
        """Return an author's id as this channel's events spell it, from any spelling by a person."""
        return author.strip()


def each(nodes: Iterable[Node], read: Callable[[Node], Iterable[Read]]) -> Iterator[Read | Unreadable]:
    """Yield the events (or signals) of each node; a node that cannot be read becomes an `Unreadable`."""
    for node in nodes:
        try:
            yield from list(read(node))
        except PayloadError as error:
            yield Unreadable(str(error), node.raw)


def line(text: str, attachments: Iterable[Attachment], otherwise: str) -> str:
    """Return a message's text, or a line for its content without text: a sticker, a place or a voice note."""
    return text if text.strip() else " ".join(item.line() for item in attachments) or f"[{otherwise}]"


def filled(values: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that are not empty."""
    return {label: value for label, value in values.items() if value}


def newest(events: Iterable[Event]) -> datetime | None:
    """Return the latest time of these events; None if none has one."""
    return max((event.occurred_at for event in events if event.occurred_at), default=None)


def in_turn(sends: Sequence[Callable[[], str]]) -> tuple[str, ...]:
    """Send the parts one by one and return their ids.

    After the first part was sent, the whole must not be repeated blindly: a temporary failure is then ambiguous, and a
    refusal states how many parts were sent.
    """
    ids: list[str] = []
    for send in sends:
        try:
            ids.append(send())
        except TemporaryError as error:
            raise error.retold(ambiguous=error.ambiguous or bool(ids)) from None
        except ConfigurationError as error:
            if not ids:
                raise
            raise ConfigurationError(f"{len(ids)} of {len(sends)} parts were sent: {error}", ambiguous=True) from None
        except PermanentError as error:
            if not ids:
                raise
            raise PermanentError(
                f"only {len(ids)} of {len(sends)} parts were sent: {error}",
                status=error.status, code=error.code,
            ) from None  # fmt: skip
    return tuple(ids)


def place(name: str, latitude: Node, longitude: Node) -> str:
    """Return a place's name and coordinates as text; only the name if the coordinates are invalid."""
    try:
        degrees = [axis.fraction() for axis in (latitude, longitude)]
    except PayloadError:
        return name
    if not all(-180 <= value <= 180 for value in degrees):
        return name
    where = ", ".join(f"{value:.6f}".rstrip("0").rstrip(".") for value in degrees)
    return f"{name} ({where})" if name else where


@runtime_checkable
class Replies(Protocol):
    """Can send into a thread."""

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Send a message; split its text here if it is longer than the permit's limit.

        Raises `TemporaryError` (ambiguous if it may have been sent), `PermanentError`, `ConfigurationError`.
        """


@runtime_checkable
class Asks(Protocol):
    """Can find out after doubt whether a message was sent."""

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Return what was sent for this message since `since`, or None if the platform shows that nothing was."""


@runtime_checkable
class Offers(Protocol):
    """Can show choices below a text (`Outgoing.offers`) and read the one that was pressed (`Event.choice`)."""

    offers: ClassVar[Figure[OfferLimit]]


@runtime_checkable
class Moderates(Protocol):
    """Can hide a public message, and show it again."""

    def moderate(self, object_id: str, reach: Reach, *, hidden: bool) -> None:
        """Hide or show an object; idempotent.

        Raises `TemporaryError`, `PermanentError` for an object that this account may not hide, `ConfigurationError`.
        """


@runtime_checkable
class Fetches(Protocol):
    """Fetches the text of its events, as its webhook contains none."""

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Return the event with its text, or None if the object no longer exists."""


@runtime_checkable
class Polls(Protocol):
    """Is polled, because it cannot push or as a safety net for its webhook."""

    def poll(self, cursor: str, reach: Reach) -> Page:
        """Return the events since `cursor` ("": from now on) and the next cursor."""


@runtime_checkable
class Profiles(Protocol):
    """Can look up an author's profile if the event has none."""

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the author with a name, or unchanged if the platform gives none. Raises nothing."""


@runtime_checkable
class Media(Protocol):
    """Fetches attachments itself (by id, with a token); otherwise their `url`s are fetched from `media_hosts`."""

    def fetch(self, attachment: Attachment, reach: Reach) -> File:
        """Return the file, downloaded by `reach.fetch`. Raises the errors of `rest.checked` and `media.fetch`."""


@runtime_checkable
class MediaHosts(Protocol):
    """Names the hosts (suffixes) from which its attachments may be fetched."""

    media_hosts: ClassVar[tuple[str, ...]]


@runtime_checkable
class Rejects(Protocol):
    """Serves visitors' browsers: a request that cannot be parsed is not parked, the visitor is told to correct it."""

    def reject(self, request: Request, error: PayloadError) -> Response:
        """Return the response that says what is wrong. The request has no body here if it was not verified."""


def serves_pages(connector: object) -> bool:
    """Return whether visitors' browsers call this connector: anybody can, so the API limits their rate separately."""
    return isinstance(connector, Rejects) or bool(getattr(connector, "actions", {}))


__all__ = [
    "LINK_SECRET", "Asks", "Channel", "Fetches", "Mail", "Media", "MediaHosts", "Moderates", "Offers", "Page", "Polls",
    "Profiles", "Reach", "Rejects", "Remember", "Replies", "each", "filled", "in_turn", "line", "newest", "place",
    "serves_pages",
]  # fmt: skip

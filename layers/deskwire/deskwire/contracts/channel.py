"""The contract of a channel: what a connector of the customers' side does.

A connector is one module in `channels/`, named as the platform's product, with one subclass of `Channel` in it. It
has no state and knows no AWS, no database, no logger and no vendor SDK. What it can do beyond `parse` are small
protocols of their own (`Replies`, `Asks`, `Offers`, `Moderates`, `Fetches`, `Polls`, `Profiles`, `MediaHosts`), found
by `isinstance`.
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
    """A connector of the customers' side."""

    def identity(self, author: str) -> str:
        """Return an author's id as this channel's events carry it, from how a person may have written it."""
        return author.strip()


def each(nodes: Iterable[Node], read: Callable[[Node], Iterable[Read]]) -> Iterator[Read | Unreadable]:
    """Yield the events (or signals) of each node; what cannot be read becomes an `Unreadable` and the rest goes on."""
    for node in nodes:
        try:
            yield from list(read(node))
        except PayloadError as error:
            yield Unreadable(str(error), node.raw)


def line(text: str, attachments: Iterable[Attachment], otherwise: str) -> str:
    """Return the words of a message, or a line for what came instead: no sticker, place or voice note is dropped."""
    return text if text.strip() else " ".join(item.line() for item in attachments) or f"[{otherwise}]"


def filled(values: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that are not empty."""
    return {label: value for label, value in values.items() if value}


def newest(events: Iterable[Event]) -> datetime | None:
    """Return when the latest of these happened; None where none says so."""
    return max((event.occurred_at for event in events if event.occurred_at), default=None)


def in_turn(sends: Sequence[Callable[[], str]]) -> tuple[str, ...]:
    """Send one after the other and return the ids.

    Once a part has left, the whole must not be repeated blindly: a temporary failure is then ambiguous, and a
    refusal says how much went out.
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
    """Return a place in words, its name and its coordinates; the name alone where these are none."""
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
        """Send; the text already keeps the permit's limit where the machinery cut it, longer ones are split here.

        Raises `TemporaryError` (ambiguous when it may have been sent), `PermanentError`, `ConfigurationError`.
        """


@runtime_checkable
class Asks(Protocol):
    """Can tell, after doubt, whether something was sent."""

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Return what was sent for this `Outgoing` since then, or None when the platform shows it was not."""


@runtime_checkable
class Offers(Protocol):
    """Shows choices below a text (`Outgoing.offers`), and reads which one was pressed (`Event.choice`)."""

    offers: ClassVar[Figure[OfferLimit]]


@runtime_checkable
class Moderates(Protocol):
    """Can hide a public message, and show it again."""

    def moderate(self, object_id: str, reach: Reach, *, hidden: bool) -> None:
        """Hide an object, or show it; what is so already stays so, without an error.

        Raises `TemporaryError`, `PermanentError` for what this account may not hide, `ConfigurationError`.
        """


@runtime_checkable
class Fetches(Protocol):
    """Its webhook carries no words: they are fetched."""

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Return the event with its words, or None when the object is gone by now."""


@runtime_checkable
class Polls(Protocol):
    """Cannot push, or is looked at as a net under the pushes."""

    def poll(self, cursor: str, reach: Reach) -> Page:
        """Return what came since `cursor` (empty: from now on)."""


@runtime_checkable
class Profiles(Protocol):
    """Can tell who an author is where the event does not."""

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the author with a name; as given when the platform tells none. Never fails an event."""


@runtime_checkable
class Media(Protocol):
    """Must ask for its attachments (by id, with a token); without it, `url`s are fetched from `media_hosts`."""

    def fetch(self, attachment: Attachment, reach: Reach) -> File:
        """Return the file, downloaded by `reach.fetch`. Raises the errors of `rest.checked` and `media.fetch`."""


@runtime_checkable
class MediaHosts(Protocol):
    """Names the hosts (suffixes) from which its attachments may be fetched."""

    media_hosts: ClassVar[tuple[str, ...]]


@runtime_checkable
class Rejects(Protocol):
    """Talks to people's browsers: what cannot be parsed is the visitor's to mend, and is told so, not parked."""

    def reject(self, request: Request, error: PayloadError) -> Response:
        """Return the answer that says what is wrong. What was not verified has no body here."""


def serves_pages(connector: object) -> bool:
    """Return whether visitors' browsers talk to this connector: anybody can, and the API keeps a rate of their own."""
    return isinstance(connector, Rejects) or bool(getattr(connector, "actions", {}))


__all__ = [
    "LINK_SECRET", "Asks", "Channel", "Fetches", "Mail", "Media", "MediaHosts", "Moderates", "Offers", "Page", "Polls",
    "Profiles", "Reach", "Rejects", "Remember", "Replies", "each", "filled", "in_turn", "line", "newest", "place",
    "serves_pages",
]  # fmt: skip

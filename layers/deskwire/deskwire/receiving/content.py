"""Parse a verified delivery with the connectors of its endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deskwire.model.errors import PayloadError, where
from deskwire.model.events import Event, Unreadable
from deskwire.model.values import dataclass, replace
from deskwire.ports import EndpointView

if TYPE_CHECKING:
    from deskwire.contracts.connector import Connector
    from deskwire.model.signals import Happened
    from deskwire.web.request import Request


@dataclass(frozen=True, slots=True)
class Content:
    """A delivery's events or signals, and its unreadable fragments.

    `error` is set if a person must look at the whole delivery.
    """

    events: Sequence[Happened]
    unreadable: Sequence[Unreadable]
    error: Exception | None

    @property
    def parked(self) -> list[Unreadable]:
        """The fragments to park for a person; the whole delivery if there is an error."""
        return [*self.unreadable, *([] if self.error is None else [_whole(self.error)])]


def content(request: Request, endpoint: EndpointView, connectors: Sequence[Connector]) -> Content:
    """Return what the connectors parse from a delivery.

    On a shared endpoint each connector sees the others' deliveries. One that cannot read a delivery is ignored if
    another can; one that crashes is not.
    """
    found: list[Happened | Unreadable] = []
    refused: PayloadError | None = None
    failed: Exception | None = None
    for connector in connectors:
        try:
            # If text may be kept for a short time only, drop the raw fragment: it could go to the archive.
            keeps_raw = connector.terms.keeps_words is None
            found += [_completed(each, endpoint, keeps_raw=keeps_raw) for each in connector.parse(request)]
        except PayloadError as error:
            refused = refused or error
        except Exception as error:  # noqa: BLE001 - a fault of ours, which the caller counts
            failed = failed or error
    return Content(
        [each for each in found if not isinstance(each, Unreadable)],
        [each for each in found if isinstance(each, Unreadable)],
        failed or (None if found else refused),
    )


def _completed(found: Happened | Unreadable, endpoint: EndpointView, *, keeps_raw: bool) -> Happened | Unreadable:
    """Return the event with its endpoint's account if the delivery names none; a helpdesk's never does."""
    if isinstance(found, Unreadable):
        return found
    if not keeps_raw:
        found = replace(found, raw={})
    if not isinstance(found, Event):
        return replace(found, account=endpoint.helpdesk)
    if found.account:
        return found
    account = endpoint.accounts.get(found.channel, "")
    if not account:
        raise PayloadError(f"the delivery names no account, and the endpoint has no single one of {found.channel}")
    return replace(found, account=account)


def _whole(error: Exception) -> Unreadable:
    return Unreadable(str(error) if isinstance(error, PayloadError) else f"the connector failed: {where(error)}", None)

"""Handle requests to declared actions: each is limited to what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deskwire.contracts.actions import Action, Actions, Read, Wanted, Write
from deskwire.model.keys import compose
from deskwire.web.request import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deskwire.contracts.connector import Connector
    from deskwire.ports.outbox import Shown


def find(connectors: Iterable[Connector], name: str) -> tuple[Connector, Actions, Action] | None:
    """Return the action of this name, after its connector (as `Connector` and as `Actions`); None if none has it."""
    for connector in connectors:
        if isinstance(connector, Actions) and name in connector.actions:
            return connector, connector, connector.actions[name]
    return None


def allowed(wanted: Wanted, action: Action, owner: str) -> Wanted:
    """Return what an action wants to do. Raises `RuntimeError` if it may not."""
    if not isinstance(wanted, Response) and type(wanted) not in action.may:
        raise RuntimeError(f"an action of {owner} wants to {type(wanted).__name__.lower()}, which it does not declare")
    if isinstance(wanted, Write) and any(event.channel != owner for event in wanted.events):
        raise RuntimeError(f"an action of {owner} writes events of another connector")
    return wanted


def thread_of(wanted: Read, owner: str) -> str:
    """Return the key of the thread whose outbox is read; it always belongs to the action's own connector."""
    return compose(owner, wanted.account, wanted.thread)


def page(found: Sequence[Shown], after: str) -> Mapping[str, object]:
    """Return the answer for a page: the texts, and the cursor for the next request."""
    texts = [
        {
            "id": each.id,
            "text": each.text,
            "automatic": each.automatic,
            "closed": each.closed,
            "at": each.at,
            **(
                {"choices": [{"choice": payload, "title": title} for payload, title in each.offers]}
                if each.offers
                else {}
            ),
        }
        for each in found
    ]
    return {"messages": texts, "cursor": str(found[-1].number) if found else after}

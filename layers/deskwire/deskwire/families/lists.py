"""Lists in helpdesks' answers, and the fields of their rows that the core needs: what is odd there is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from deskwire.model.errors import TemporaryError
from deskwire.web.reading import Node

from .ids import id_of

if TYPE_CHECKING:
    from deskwire.contracts.connector import Reach


def listed(node: Node, what: str) -> list[Node]:
    """Return the rows of a list in the answer to `what`.

    Raises `TemporaryError` where there is none: that a list is missing does not mean that it is empty.
    """
    if not isinstance(node.raw, list):
        raise TemporaryError(f"{what}: the answer has no list")
    return node.rows()


def known(
    rows: Iterable[Node], what: str, reach: Reach, name: str = "id", read: Callable[[Node], str] = id_of
) -> list[Node]:
    """Return the rows whose id (or whose field of that `name`) can be read; the others are reported."""
    found: list[Node] = []
    for row in rows:
        if read(row[name]):
            found.append(row)
        else:
            reach.left_out(what, row[name])
    return found


def flag(node: Node, what: str, reach: Reach) -> bool | None:
    """Return a truth value; for whatever else stands there None, and that is reported."""
    found = node.raw
    if isinstance(found, bool):
        return found
    reach.left_out(what, node)
    return None


def words(node: Node, what: str, reach: Reach) -> str:
    """Return text, empty where there is none; what is no text is reported."""
    if node and (isinstance(node.raw, bool) or not isinstance(node.raw, str | int | float)):
        reach.left_out(what, node)
    return node.text("")


def writer(node: Node, what: str, reach: Reach) -> str:
    """Return the id of who wrote something, empty where nobody is named; what is no id is reported."""
    found = node.any_id()
    if node and not found:
        reach.left_out(what, node)
    return found

"""Read lists in helpdesks' answers and the essential fields of their rows; unexpected values are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from deskwire.model.errors import TemporaryError
from deskwire.web.reading import Node

from .ids import id_of

if TYPE_CHECKING:
    from deskwire.contracts.connector import Reach


def listed(node: Node, what: str) -> list[Node]:
    """Return the rows of the list in the answer to `what`.

    Raises `TemporaryError` if there is none: a missing list is not an empty one.
    """
    if not isinstance(node.raw, list):
        raise TemporaryError(f"{what}: the answer has no list")
    return node.rows()


def known(
    rows: Iterable[Node], what: str, reach: Reach, name: str = "id", read: Callable[[Node], str] = id_of
) -> list[Node]:
    """Return the rows with a readable id (or field `name`); report the others."""
    found: list[Node] = []
    for row in rows:
        if read(row[name]):
            found.append(row)
        else:
            reach.left_out(what, row[name])
    return found


def flag(node: Node, what: str, reach: Reach) -> bool | None:
    """Return a boolean; for anything else, report it and return None."""
    found = node.raw
    if isinstance(found, bool):
        return found
    reach.left_out(what, node)
    return None


def words(node: Node, what: str, reach: Reach) -> str:
    """Return text, "" if there is none; for anything else, report it and return ""."""
    if node and (isinstance(node.raw, bool) or not isinstance(node.raw, str | int | float)):
        reach.left_out(what, node)
    return node.text("")


def writer(node: Node, what: str, reach: Reach) -> str:
    """Return an author's id, "" if none is named; for anything else, report it and return ""."""
    found = node.any_id()
    if node and not found:
        reach.left_out(what, node)
    return found

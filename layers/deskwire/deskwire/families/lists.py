"""Lists in helpdesks' answers."""

from __future__ import annotations

from deskwire.model.errors import TemporaryError
from deskwire.web.reading import Node


def listed(node: Node, what: str) -> list[Node]:
    """Return the rows of a list in the answer to `what`.

    Raises `TemporaryError` where there is none: that a list is missing does not mean that it is empty.
    """
    if not isinstance(node.raw, list):
        raise TemporaryError(f"{what}: the answer has no list")
    return node.rows()

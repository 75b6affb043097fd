"""Ids that are numbers, as most helpdesks give them: read out of answers, and checked before they go into addresses."""

from __future__ import annotations

import re

from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.web.reading import Node

NUMBER = re.compile(r"[0-9]{1,19}")


def id_of(node: Node) -> str:
    """Return an id in an answer (always digits), or nothing."""
    number = str(node.raw)
    return number if type(node.raw) in {int, str} and NUMBER.fullmatch(number) else ""


def required_id(node: Node, what: str) -> str:
    """Return an id in the answer to `what`. Raises `TemporaryError` (ambiguous) where there is none."""
    number = id_of(node)
    if not number:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True)
    return number


def numbered(text: str) -> str:
    """Return an id, once checked to be nothing but a number: it becomes a part of an address.

    Raises `PermanentError` for any other.
    """
    if not NUMBER.fullmatch(text):
        raise PermanentError("the id is no number")
    return text

"""Numeric ids, as most helpdesks have them: read from answers, and checked before they go into URLs."""

from __future__ import annotations

import re

from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.web.reading import Node

NUMBER = re.compile(r"[0-9]{1,19}")


def id_of(node: Node) -> str:
    """Return the id in an answer (only digits), or ""."""
    number = str(node.raw)
    return number if type(node.raw) in {int, str} and NUMBER.fullmatch(number) else ""


def required_id(node: Node, what: str) -> str:
    """Return the id in the answer to `what`. Raises `TemporaryError` (ambiguous) if there is none."""
    number = id_of(node)
    if not number:
        raise TemporaryError(f"{what}: the answer names none", ambiguous=True)
    return number


def numbered(text: str) -> str:
    """Return an id after checking that it is a number, as it becomes part of a URL.

    Raises `PermanentError` otherwise.
    """
    if not NUMBER.fullmatch(text):
        raise PermanentError("the id is no number")
    return text

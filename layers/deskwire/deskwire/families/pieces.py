"""Long words as several comments, for helpdesks in which one holds less than a message."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from deskwire.care.measure import measure, split
from deskwire.contracts.terms import Unit

SMALLEST = 64  # units of a piece below which cutting gains nothing


def pieces(text: str, safe: Callable[[str], str], most: int, unit: Unit = Unit.BYTES) -> list[str]:
    """Return the words as safe texts of at most `most` units each, in order.

    What makes a text safe makes it longer, so the words are cut smaller until each piece fits.
    """
    whole = safe(text)
    if measure(whole, unit) <= most:
        return [whole]
    for divisor in count(1):
        found = [safe(piece) for piece in split(text, max(most // divisor, 1), unit)]
        if all(measure(piece, unit) <= most for piece in found) or most // divisor < SMALLEST:
            return found
    raise AssertionError  # pragma: no cover - `count` has no end


def keyed(key: str, texts: list[str]) -> list[tuple[str, str]]:
    """Return each piece with a key. The last has the entry's own: what is found by that one is there as a whole."""
    last = len(texts)
    return [(key if number == last else f"{key} {number}", text) for number, text in enumerate(texts, 1)]

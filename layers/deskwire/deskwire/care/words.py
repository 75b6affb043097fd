"""Finding configured words in what somebody wrote: by whole words, whatever the case and the punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .measure import composed

_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """Return the words of a text in lower case, single spaces between, without punctuation and emoji."""
    return " ".join(_WORD.findall(composed(text).casefold()))


def says(text: str, phrases: Iterable[str]) -> bool:
    """Return whether a folded text holds one of the phrases as whole words."""
    spaced = f" {text} "
    return any((phrase := folded(each)) and f" {phrase} " in spaced for each in phrases)

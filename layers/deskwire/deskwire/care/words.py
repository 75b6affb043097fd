"""Finding configured words in what somebody wrote: by whole words, whatever the case and the punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .measure import composed

# Letters of Arabic and Persian that people write one for another: hamza left out or set on another letter, and so on.
# Left out are the stretcher of words, which has no sound, and hamza on its own.
_ALIKE = str.maketrans("أإآٱؤئىیةک", "ااااوييي" + "هك", "ـء")
_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """Return the words of a text in lower case, single spaces between, without punctuation and emoji."""
    return " ".join(_WORD.findall(composed(text).casefold()))


def unaccented(text: str) -> str:
    """Return a short text folded, without accents and with Arabic letters that stand for one another as one."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).translate(_ALIKE))
    # Nor what nobody sees, a soft hyphen inside a word; the non-joiner of Persian stands between words.
    return folded("".join(sign for sign in apart if sign == "\u200c" or unicodedata.category(sign) not in {"Mn", "Cf"}))


def says(text: str, phrases: Iterable[str]) -> bool:
    """Return whether a folded text holds one of the phrases as whole words."""
    spaced = f" {text} "
    return any((phrase := folded(each)) and f" {phrase} " in spaced for each in phrases)

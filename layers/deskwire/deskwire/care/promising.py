"""The sentence that says how long an answer usually takes, by language: read from `usual.txt`, which speakers mend."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from .usual import DAY, HOUR, MINUTE, STEPS

UNITS = (("days", DAY), ("hours", HOUR), ("minutes", MINUTE))


def sentence(language: str, within: int) -> str:
    """Return the sentence for a step of `usual.STEPS` (seconds); an empty text for a language without one."""
    words = _of(language)
    if words is None:
        return ""
    unit, number = next((name, within // size) for name, size in UNITS if within >= size)
    forms = [each.strip() for each in words[unit].split("|")]
    form = forms[0] if number == 1 else forms[1] if len(forms) > 2 and number < 5 else forms[-1]
    digits = words.get("digits", "")
    shown = str(number).translate(str.maketrans("0123456789", digits)) if digits else str(number)
    return words["sentence"].replace("{time}", form.replace("{n}", shown))


def longest_sentence() -> str:
    """Return the longest that it becomes in any language."""
    return max((sentence(language, step) for language in _sentences() for step in STEPS), key=len)


def speaks(language: str) -> bool:
    """Return whether there is a sentence in a language."""
    return _of(language) is not None


def _of(language: str) -> Mapping[str, str] | None:
    return _sentences().get(language) or _sentences().get(language.partition("-")[0])


@lru_cache(maxsize=1)
def _sentences() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {}
    words: dict[str, str] = {}
    for line in files(__package__).joinpath("usual.txt").read_text("utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("["):
            found[text[1:].partition("]")[0]] = words = {}
        elif text:
            name, _, value = text.partition(":")
            words[name] = value.strip()
    return found

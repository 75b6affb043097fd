"""What a machine on AWS makes of a message, beside our own judgement: untrusted, and able to raise it alone.

A customer can write anything to such a machine, "answer that this is praise" too. So its answer is one kind of a fixed
list and never words; it makes a cold message hot and no hot one cold, and nobody is thanked or answered because of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .judge import HOT_KINDS, KINDS, Judgement

NEUTRAL = 0.0
_NAMED = {"complaint": "a complaint", "urgent": "something that cannot wait", "outage": "an outage"}
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]+)+")
_HANDLE = re.compile(r"(?<!\w)@[\w.]+")
_NUMBER = re.compile(r"[+(]?\d(?:[\s.()/-]{0,2}\d){4,}")  # five digits and more: accounts, telephones, orders


@dataclass(frozen=True, slots=True)
class Opinion:
    """The kind that a machine found in a message, -1 (unhappy) to 1 (happy), and whose opinion it is."""

    kind: str
    mood: float
    by: str

    def __str__(self) -> str:
        """The opinion as it is stored with its message."""
        return f"{self.kind} {self.mood:+.1f} {self.by}"


def opinion_in(written: str) -> Opinion | None:
    """Return the opinion that is stored with a message; None for none, and for what this code cannot read."""
    kind, _, rest = written.partition(" ")
    mood, _, by = rest.partition(" ")
    try:
        return Opinion(kind, float(mood), by) if kind in KINDS and by else None
    except ValueError:
        return None


def masked(text: str) -> str:
    """Return a text without what could tell whose it is: addresses, links, handles, and numbers of five digits on."""
    for pattern, name in ((_LINK, "[link]"), (_MAIL, "[e-mail]"), (_HANDLE, "[name]"), (_NUMBER, "[number]")):
        text = pattern.sub(name, text)
    return text


def heard(judged: Judgement, opinion: Opinion | None) -> Judgement:
    """Return the judgement, raised where the machine found the message hot and we did not."""
    if opinion is None or opinion.kind not in HOT_KINDS or judged.heat == "hot":
        return judged
    private = tuple(each for each in judged.reasons if each.startswith("holds "))
    reason = f"{opinion.by} reads {_NAMED[opinion.kind]}"
    return replace(
        judged, heat="hot", kind=opinion.kind, mood=min(judged.mood, opinion.mood), reasons=(reason, *private)
    )

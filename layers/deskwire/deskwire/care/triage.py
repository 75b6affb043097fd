"""What the judgement of a message changes in its ticket: a priority, tags, and the reasons in words.

Nothing is withheld because of a judgement. Which kind gets which priority is the company's policy, and it can switch
the judging off: then a poor rating and its own words alone raise a ticket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from . import private
from .incident import about
from .judge import Judgement, Own, judge, private_matters
from .opinion import Opinion, heard
from .policy import MATTER, Policy, Rated

HOT = "hot"  # the tag of a ticket with a hot message
# What is private also in a private conversation: agents need telephone numbers and addresses there.
_GUARDED = frozenset({"card", "iban", "national", "password", "health", "identity"})
_BETWEEN = " .-/()"  # what sets the parts of a number apart


@dataclass(frozen=True, slots=True)
class Hints:
    """What to tell the helpdesk: a priority, tags, and why.

    `praises`: it may be thanked for. `trouble`: with what it is trouble (see `incident.about`), None: with nothing.
    `language` (empty: unsure) and `kind` are what it was judged to be, and what the figures count it as.
    """

    priority: str = "normal"
    tags: tuple[str, ...] = ()
    line: str = ""
    praises: bool = False
    trouble: tuple[str, ...] | None = None
    kind: str = "mention"
    language: str = ""


def judged_by(
    text: str, policy: Policy, *, hint: str = "", stars: int = 0, public: bool = False, again: int = 0
) -> Judgement:
    """Return our own judgement of a message under a policy; the arguments are `triage`'s."""
    rules = policy.judging
    learned = rules.learned.learned if rules.learned and rules.on else None
    return judge(
        text,
        expected=policy.languages,
        hint=hint or None,
        public=public,
        stars=stars,
        again=again,
        own=Own(policy.priority_words, policy.sensitive_words, rules.on, learned),
    )


def triage(
    text: str,
    policy: Policy,
    *,
    hint: str = "",
    stars: int = 0,
    public: bool = False,
    again: int = 0,
    opinion: Opinion | None = None,
) -> Hints:
    """Return the hints for a message.

    `hint` is the platform's statement of the language, `stars` a rating of one to five or 0, `again` 1 where the
    customer had a ticket before, 2 after a complaint, `opinion` what a machine made of it. No reason repeats what is
    private.
    """
    rules = policy.judging
    judged = judged_by(text, policy, hint=hint, stars=stars, public=public, again=again)
    judged = heard(judged, opinion) if rules.on else judged
    hot = judged.heat == "hot"
    tags: tuple[str, ...] = (HOT, judged.kind) if hot and rules.on else ()
    if public and judged.private:
        tags += ("sensitive-in-public", *(f"{MATTER}{kind}" for kind in judged.private))
    elif _GUARDED.intersection(judged.private):
        tags += ("sensitive",)
    priority: Rated = next((each for kind, each in rules.priorities.items() if kind == judged.kind), "normal")
    told = rules.on and (rules.reasons == "all" or (rules.reasons == "hot" and hot))
    praises = rules.on and judged.kind == "praise" and not judged.private
    line = _line(judged) if told else _warning(judged) if public else ""
    return Hints(priority, tags, line, praises, about(judged, text), judged.kind, judged.language or "")


def matters(text: str, policy: Policy) -> tuple[str, ...]:
    """Return the kinds of private matters in a text that the policy guards; the company's own contacts are none."""
    rules = policy.private
    for own in rules.ours:
        text = _spaced(own).sub(" ", text)
    return tuple(kind for kind in private_matters(text, policy.languages) if kind in rules.kinds)


@lru_cache(maxsize=256)
def _spaced(own: str) -> re.Pattern[str]:
    """Return the pattern of a contact of the company's, however its parts are set apart."""
    letters = (re.escape(letter) for letter in own if letter not in _BETWEEN)
    return re.compile(rf"(?<!\w){f'[{re.escape(_BETWEEN)}]*'.join(letters)}(?!\w)", re.IGNORECASE)


def _warning(judged: Judgement) -> str:
    """Return the line about private matters that everybody reads, empty where there are none."""
    return f"In public: {', '.join(private.NAMES[kind] for kind in judged.private)}" if judged.private else ""


def _line(judged: Judgement) -> str:
    mood = f"mood {judged.mood:+.1f}"
    return f"Judged {judged.heat}, {judged.kind}, {mood}: {'; '.join(judged.reasons)}"

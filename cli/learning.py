"""`deskwire learn`: fit the judgement to a company's labelled messages, and print the result for its policy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .judging import languages, rows
from .terminal import UserError

if TYPE_CHECKING:
    import argparse

    from deskwire.operating.learning import Lesson, Message, Score

COLD = ("cold", "question", "praise", "mention")


def learn(args: argparse.Namespace) -> int:
    """Print the learned weights, and on stderr how much the judgement improves."""
    from deskwire.operating.learning import learn as learned

    tags = frozenset(each.strip().casefold() for each in args.hot_tags.split(",") if each.strip())
    given = [_message(row, tags, place) for place, row in rows(args.files)]
    messages = [each for each in given if each is not None]
    if skipped := len(given) - len(messages):
        print(f"left out: {skipped} with a rating of 3", file=sys.stderr)
    try:
        lesson = learned(messages, languages(args.languages), _progress)
    except ValueError as error:
        raise UserError(f"{error}: label more") from None
    print(_figures(lesson), file=sys.stderr)
    if not lesson.better:
        raise UserError("this is no better than luck explains: keep the usual judgement, or label more messages")
    print(_section(lesson))
    return 0


def _message(row: dict[str, Any], tags: frozenset[str], place: str) -> Message | None:
    """Return a line's message; None if its rating is neither hot nor cold."""
    from deskwire.care.judge import HOT_KINDS
    from deskwire.operating.learning import Message

    label, rating = row.get("label"), row.get("rating")
    if label in {"hot", *HOT_KINDS} or label in COLD:
        return Message(row["text"], label not in COLD)
    if tags and isinstance(row.get("tags"), str | list):
        given = row["tags"].split() if isinstance(row["tags"], str) else row["tags"]
        return Message(row["text"], any(str(tag).casefold() in tags for tag in given))
    if isinstance(rating, int) and 1 <= rating <= 5:
        return None if rating == 3 else Message(row["text"], rating < 3)
    known = ", ".join(("hot", *HOT_KINDS, *COLD))
    raise UserError(
        f"{place}: this does not say what the message was: give it a “label” ({known}), “tags” (with --hot-tags), "
        "or a “rating” from 1 to 5",
        status=2,
    )


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\rlearning: {done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def _figures(lesson: Lesson) -> str:
    luck = "less than 1 in 10,000" if lesson.chance < 1e-4 else f"{lesson.chance:.1%}"
    return (
        f"judged as usual:       {_shown(lesson.before)}\n"
        f"by what others teach:  {_shown(lesson.after)}\n"
        f"chance that the difference is luck: {luck}"
    )


def _shown(score: Score) -> str:
    return (
        f"hot found {score.found / score.hot:.2f} ({score.found} of {score.hot}), "
        f"cold raised {score.raised / score.cold:.2f} ({score.raised} of {score.cold})"
    )


def _section(lesson: Lesson) -> str:
    """Return the section for `deskwire.yaml`, with the weightiest words first."""
    learned = lesson.learned
    lines = ["learned: # belongs under `judging` of a policy", f"  hot: {learned.hot}"]
    for name, points in (("weights", learned.weights), ("words", learned.words)):
        pairs = sorted(points.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
        lines += [f"  {name}:", *(f'    "{key}": {number}' for key, number in pairs)] if pairs else []
    return "\n".join(lines)

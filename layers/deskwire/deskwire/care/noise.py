"""Tells what under a public post says nothing: stickers, emoji, the names of friends. Pure."""

from __future__ import annotations

import re

from deskwire.model.events import Event, Visibility

from .judge import judge
from .words import folded

# Names as platforms write a mention: letters, digits, dots, hyphens and underscores after an at sign.
_MENTIONS = re.compile(r"(?<![\w@])@[\w.-]+")


def noise(event: Event) -> str:
    """Return in what way a message says nothing that a person has to read, empty for any other message.

    An unhappy emoji says something, and so does what has a rating, a picture or a subject.
    """
    if event.visibility is not Visibility.PUBLIC or event.stars or event.subject:
        return ""
    kinds = {str(each.kind) for each in event.attachments}
    if kinds - {"sticker"}:
        return ""
    if kinds:
        return "a sticker" if not folded(event.text.replace(event.attachments[0].line(), "")) else ""
    left = _MENTIONS.sub(" ", event.text)
    if folded(left) or judge(left, expected=("en",)).mood < 0:
        return ""
    return "names of others alone" if left != event.text else "emoji alone"

"""LinkedIn's names of posts, comments and people, in the spellings in which they arrive.

One comment was seen under two names within one notification, `urn:li:comment:(activity:7…,7…)` and
`urn:li:comment:(urn:li:activity:7…,7…)`. One post has two as well, its activity and its share or ugcPost, with numbers
of their own. https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/urns
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from deskwire.model.values import dataclass
from deskwire.web.reading import Node

# A group's post is named by two numbers: urn:li:groupPost:GROUP-POST (seen).
COMMENT: Final = re.compile(
    r"urn:li:comment:\((?:urn:li:)?([A-Za-z]{1,40}:[0-9]{1,20}(?:-[0-9]{1,20})?),([0-9]{1,20})\)"
)
POST: Final = re.compile(r"urn:li:(?:activity|share|ugcPost|groupPost|instantRepost):([0-9]{1,20}(?:-[0-9]{1,20})?)")
PERSON: Final = "urn:li:person:"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: the URN of the post whose comments it belongs to, and its own number.

    The number is what survives: the post may be named by its activity once and by its share another time.
    """

    post: str
    number: str

    @property
    def urn(self) -> str:
        """The comment's name as the Comments API writes it."""
        return f"urn:li:comment:({self.post},{self.number})"


def comment(name: str) -> Comment | None:
    """Return the comment that a URN names, in either spelling; None when it names none."""
    found = COMMENT.fullmatch(name)
    return Comment(f"urn:li:{found[1]}", found[2]) if found else None


def number(name: str) -> str:
    """Return the number of a post's URN; an empty string when it is none."""
    found = POST.fullmatch(name)
    return found[1] if found else ""


def posts(*nodes: Node) -> list[str]:
    """Return the posts that these places name, each once."""
    return list(dict.fromkeys(name for node in nodes if number(name := node.any_id())))


def encoded(urn: str) -> str:
    """Return a URN as it stands in an address: all of it percent-encoded, parentheses too."""
    return quote(urn, safe="")


def link(post: str, found: Comment | None = None) -> str:
    """Return where a person sees a post, or one comment of it, in the browser."""
    address = f"https://www.linkedin.com/feed/update/{post}/"
    return f"{address}?commentUrn={encoded(found.urn)}" if found else address

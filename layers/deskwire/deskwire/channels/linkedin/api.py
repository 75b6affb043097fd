"""LinkedIn's versioned REST interface as far as it is asked: tokens, headers, errors, comments, posts.

| status | what LinkedIn says | what happens |
|---|---|---|
| 401 | the member took their consent back, or the token ended | renewed at the next try; else a person is called |
| 403 | the member administers the page no more, or the app lacks a permission | a person is called |
| 403 “Unpermitted fields” | the request has what the API does not take (a picture in a comment) | refused |
| 404 | there is no such comment or post (any more) | refused, or gone |
| 426 | the version of the header has ended | a person is called |
| 429 “creation rate limit” | too many comments of the member in a minute | again after a minute |
| 429 | the calls of the day are used up until midnight UTC; now and then for protection | later |

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api (403, 429)
https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling (401, 404)
https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits (429)
https://learn.microsoft.com/en-us/linkedin/marketing/versioning (426)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from deskwire.families import lists, oauth2
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secret
from deskwire.web.refusals import wait
from deskwire.web.rest import Answer, Call, checked, not_there

from . import urns

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.web.reading import Node

API: Final = "https://api.linkedin.com/rest"
# A version lives for a year at least; this is the newest of which a page of LinkedIn's could be read.
VERSION: Final = "202607"
SIGN_IN: Final = "https://www.linkedin.com/oauth/v2/accessToken"
HINT: Final = (
    "the connection's token: its permissions, and the member's role at the page; "
    "`deskwire connect linkedin` gets a new one"
)
# No other words tell one 403 or 429 from another: there is no code for them.
TOO_FAST: Final = b"creation rate limit"
NOT_TAKEN: Final = b"Unpermitted fields"
MINUTE: Final = 60.0
# Midnight UTC brings a day's calls back. But LinkedIn answers 429 to protect itself, too, so it is asked again before.
LONGEST: Final = 900.0
PAGE: Final = 100
MOST_PAGES: Final = 20
MENTION: Final = re.compile(r"@\[((?:[^\]\\]|\\.){0,500})\]\([^)\s]{0,200}\)")
HASHTAG: Final = re.compile(r"\{hashtag\|\\?#\|([^}]{0,200})\}")
ESCAPED: Final = re.compile(r"\\([|{}@\[\]()<>#\\*_~])")


def asked(method: str, path: str, reach: Reach, payload: object = None) -> Answer:
    """Return LinkedIn's answer, whatever its status. A token that it rejects is renewed for the next call."""
    access = _access(reach)
    url, sent = f"{API}{path}", headers(access)
    call = Call(method, url, sent) if payload is None else Call.json(method, url, payload, headers=sent)
    return oauth2.asked(reach, call, access)


def headers(access: Secret) -> Mapping[str, str]:
    """Return the headers of every call."""
    return {
        "Authorization": f"Bearer {access.reveal()}",
        "LinkedIn-Version": VERSION,
        "X-Restli-Protocol-Version": "2.0.0",
    }


def settled(answer: Answer, reach: Reach, *, what: str) -> Answer:
    """Return an answer of 2xx; raise for any other what happens next. Its words are looked at and never passed on."""
    if answer.status == 429:
        fast = TOO_FAST in answer.body
        raise TemporaryError(f"{what}: HTTP 429", after=wait(answer.headers) or (MINUTE if fast else _midnight(reach)))
    if answer.status == 403 and NOT_TAKEN in answer.body:
        raise PermanentError(f"{what}: LinkedIn does not take what was sent", status=403, code="fields")
    if answer.status == 426:
        raise ConfigurationError(f"{what}: LinkedIn's version {VERSION} has ended, deploy a newer Deskwire")
    if not_there(answer):
        raise PermanentError(f"{what}: the comment or the post is gone", status=404, code="gone")
    return checked(answer, what=what, secret_hint=HINT)


def read_comment(comment: urns.Comment, reach: Reach) -> Node | None:
    """Return a comment as the Comments API has it; None when it is gone."""
    answer = asked("GET", f"/socialActions/{urns.encoded(comment.post)}/comments/{comment.number}", reach)
    return None if not_there(answer) else settled(answer, reach, what="reading a comment").node().object()


def read_post(post: str, reach: Reach) -> Node | None:
    """Return a post; None when it is gone or not shown to this page's administrator (a member's own may not be)."""
    answer = asked("GET", f"/posts/{urns.encoded(post)}", reach)
    return (
        None
        if answer.status == 403 or not_there(answer)
        else settled(answer, reach, what="reading a post").node().object()
    )


def listed(path: str, parameters: Mapping[str, str], reach: Reach, *, what: str) -> Iterator[Node]:
    """Yield the elements of a list that the connection's token shows, as `every` does."""

    def ask(address: str) -> Answer:
        return settled(asked("GET", address, reach), reach, what=what)

    return every(path, parameters, ask, what=what)


def every(path: str, parameters: Mapping[str, str], ask: Callable[[str], Answer], *, what: str) -> Iterator[Node]:
    """Yield the elements of a list, page by page; the parameters are encoded as Rest.li wants them.

    `ask` returns the answer to a path, of 2xx. Raises `PermanentError` when the list has no end.
    """
    for page in range(MOST_PAGES):
        given = {**parameters, "count": str(PAGE), "start": str(page * PAGE)}
        query = "&".join(f"{name}={given[name]}" for name in sorted(given))
        elements = lists.listed(ask(f"{path}?{query}").node()["elements"], what)
        yield from elements
        if len(elements) < PAGE:
            return
    raise PermanentError(f"{what}: more than {PAGE * MOST_PAGES} entries", code="unknown")


def plain(commentary: str) -> str:
    r"""Return a post's words as people see them: `@[Name](urn)`, `{hashtag|\#|word}` and escapes undone.

    https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
    """
    shown = HASHTAG.sub(r"#\1", MENTION.sub(r"@\1", commentary))
    return ESCAPED.sub(r"\1", shown)


def _midnight(reach: Reach) -> float:
    tomorrow = reach.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return min((tomorrow - reach.now).total_seconds(), LONGEST)


def _access(reach: Reach) -> Secret:
    """Return the access token, of 60 days. The refresh token stays the same, and ends 365 days after the consent."""

    def renewal(held: Secret) -> Call:
        fields = {"grant_type": oauth2.REFRESH, oauth2.REFRESH: held.reveal(), **oauth2.application(reach.secrets)}
        return Call.form("POST", SIGN_IN, fields)

    remedy = "have the page's administrator consent again (`deskwire connect linkedin`)"
    return oauth2.access(reach, renewal, what="renewing LinkedIn's access token", remedy=remedy)

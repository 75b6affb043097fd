"""What is asked of LinkedIn behind the queue: words, answers, and what no push told of.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from deskwire.care import measure
from deskwire.contracts.channel import Page, filled, line
from deskwire.model.errors import PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Author, Event
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import replace
from deskwire.web.reading import Node

from . import api, notifications, urns

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.contracts.terms import Permit

ACTIONS: Final = ("COMMENT", "COMMENT_EDIT", "COMMENT_DELETE", "ADMIN_COMMENT", "SHARE_MENTION")
OVERLAP: Final = timedelta(minutes=10)  # by which two looks overlap: when a notification can be found is not stated
WRITTEN: Final = frozenset({"COMMENT", "COMMENT_EDIT", "ADMIN_COMMENT"})


# ----------------------------------------------------------------------------------------------------- the words


def complete(event: Event, reach: Reach) -> Event | None:
    """Return the event with its words and author, None when the comment is gone."""
    if (comment := urns.comment(event.keep.get("comment", ""))) is None:
        return _mention(event, reach)
    found = api.read_comment(comment, reach)
    if found is None:
        return None
    owner = found["actor"].identifier("")
    attachments = notifications.pictures(found)
    return replace(
        event,
        complete=True,
        author=event.author or (Author(owner) if owner else None),
        own=event.own or owner == event.account,
        text=line(notifications.words(found), attachments, "a comment without words: look at it on LinkedIn"),
        attachments=attachments,
        occurred_at=event.occurred_at or found["created"]["time"].epoch(),
    )


def _mention(event: Event, reach: Reach) -> Event:
    post = api.read_post(event.object_id, reach) or Node({})
    owner = post["author"].identifier("")
    return replace(
        event,
        complete=True,
        author=event.author or (Author(owner) if owner else None),
        own=event.own or owner == event.account,
        text=line(event.text or api.plain(post["commentary"].exact("")), (), "a mention: look at it on LinkedIn"),
    )


# ---------------------------------------------------------------------------------------------------- the answer


def send(outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
    """Comment as the page and return the comment's number."""
    if outgoing.attachments:
        raise PermanentError("a comment on LinkedIn takes words only: take the attachment out", code="attachment")
    text = "".join(measure.pieces(outgoing.text, permit.limit))
    under, place = _place(outgoing, reach)
    payload = {"actor": reach.account, **place, "message": {"text": text}}
    answer = api.asked("POST", f"/socialActions/{urns.encoded(under)}/comments", reach, payload)
    return Sent((_made(api.settled(answer, reach, what="commenting").headers.get("x-restli-id", ""), answer.node()),))


def _place(outgoing: Outgoing, reach: Reach) -> tuple[str, dict[str, str]]:
    """Return under what to comment, and how the request says so.

    Comments have two levels: who answered in a conversation is answered below the comment that it began with. Whether
    LinkedIn finds such a reply by its post is not documented, so one that it does not find is answered all the same.
    """
    if post := outgoing.context.get("post"):
        return post, {"object": post}
    comment = urns.comment(outgoing.context.get("comment", ""))
    if comment is None:
        raise PermanentError("it is not known which comment is to be answered: answer on LinkedIn", code="place")
    found = api.read_comment(comment, reach)
    root = comment if found is None else notifications.names_parent(found) or comment
    return root.urn, {"object": root.post, "parentComment": root.urn}


def _made(header: str, answer: Node) -> str:
    """Return a new comment's number: the header's, else the body's; it may stand there as a URN."""
    names = (header, answer["id"].any_id(), answer["commentUrn"].any_id(), answer["$URN"].any_id())
    for name in filter(None, names):
        found = urns.comment(name)
        return found.number if found else name
    raise TemporaryError("commenting: the answer names no comment", ambiguous=True)


def sent(outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
    """Return our comment, if it is there."""
    under, _ = _place(outgoing, reach)
    path = f"/socialActions/{urns.encoded(under)}/comments"
    for comment in api.listed(path, {}, reach, what="looking for our comment"):
        said = notifications.words(comment)
        at = comment["created"]["time"].epoch()
        ours = comment["actor"].any_id() == reach.account and said.split() == outgoing.text.split()
        if ours and (at is None or at >= since.replace(microsecond=0)):
            return Sent((_made("", comment),))
    return None


# ------------------------------------------------------------------------------------------------------ the net


def poll(cursor: str, reach: Reach) -> Page:
    """Return what happened since the cursor; at first from now on."""
    now = _milliseconds(reach.now)
    if not cursor:
        return Page((), str(now))
    start = int(cursor) - _milliseconds(OVERLAP)
    criteria = {
        "q": "criteria",
        "actions": f"List({','.join(ACTIONS)})",
        "organizationalEntity": urns.encoded(reach.account),
        "timeRange": f"(end:{now},start:{start})",
    }
    events: dict[str, Event] = {}
    for node in api.listed("/organizationalEntityNotifications", criteria, reach, what="asking what happened"):
        for event in _read(node, reach):
            events.setdefault(event.key, event)
    return Page(tuple(events.values()), str(now))


def _read(node: Node, reach: Reach) -> Iterator[Event]:
    """Yield the event of a polled notification, with what it lacks asked for.

    One that cannot be read calls a person: there is no delivery to park, and the others must be told of.
    """
    try:
        raw = {"organizationalEntity": reach.account, **node.object().raw}
        full = Node(raw)
        content = full["decoratedGeneratedActivity"]["comment"]
        comment = notifications.named(full, content)
        if full["action"].text() not in WRITTEN or comment is None:
            yield from notifications.event(full)
        elif _told(full, content):
            yield from notifications.event(full, looked=True)
        elif (found := api.read_comment(comment, reach)) is not None:
            yield from notifications.event(Node(_decorated(raw, comment, found)), looked=True)
    except PayloadError as error:
        unread = notifications.other(node, reach.account, "unreadable")
        yield replace(unread, attention=f"LinkedIn: a polled notification cannot be read: {error}")


def _told(node: Node, content: Node) -> bool:
    """Return whether a notification says all: who wrote what, and, where the page wrote, in answer to whom."""
    own = node["action"].text() == notifications.ADMIN or notifications.owner(content) == notifications.account(node)
    whole = bool(notifications.owner(content) and notifications.words(content).strip())
    return whole and not (own and notifications.names_parent(content) is None)


def _decorated(raw: dict[str, Any], comment: urns.Comment, found: Node) -> dict[str, Any]:
    """Return a notification with its comment as a push would have it."""
    parent = notifications.names_parent(found)
    content = filled(
        {
            "entity": comment.urn,
            "owner": found["actor"].identifier(""),
            "text": notifications.words(found),
            "parentComment": parent.urn if parent else "",
        }
    )
    shown = {**content, "content": found["content"].raw}
    return {**raw, "decoratedGeneratedActivity": {"comment": shown}}


def _milliseconds(when: datetime | timedelta) -> int:
    seconds = when.total_seconds() if isinstance(when, timedelta) else when.timestamp()
    return int(seconds * 1000)

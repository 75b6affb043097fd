"""What LinkedIn notifies of: comments, their edits and deletions, mentions, reactions.

A thread begins with a comment and is named by it: so an edit or a deletion, which may name nobody, comes after its
comment in the same queue group. A notification says who wrote, and not which comment a reply answers. Therefore a
comment has another name, the person under that post: the next one that they write there, an answer to ours for
instance, goes on in the same thread.

The words may be kept for 48 hours, so no event has a raw fragment, wherever it came from.
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from deskwire.contracts.channel import filled, line
from deskwire.model.errors import PayloadError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.web.reading import Node

from . import urns

NAME: Final = "linkedin"
TYPE: Final = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"
ADMIN: Final = "ADMIN_COMMENT"
COMMENTED: Final = frozenset({"COMMENT", ADMIN})
# PHOTO_MENTION and COMMENT_MENTION are on no page of the present documentation; public code expects them.
MENTIONED: Final = frozenset({"SHARE_MENTION", "PHOTO_MENTION", "COMMENT_MENTION"})
EDITED, DELETED = "COMMENT_EDIT", "COMMENT_DELETE"
# A repost too: whether its `text` holds the member's words or the original's is not documented.
REACTED: Final = frozenset({"LIKE", "SHARE"})
WHERE_UNKNOWN: Final = "the page's own comment: the next poll finds what it answers"
POST_SHOWN: Final = 200  # characters of the company's post that the agent sees beside a comment


def event(node: Node, *, looked: bool = False) -> Iterator[Event]:
    """Yield the event of one notification. `looked`: the Comments API was asked what the comment answers.

    Its `notificationId` is in no key: LinkedIn dedupes by it, but two admins who subscribed have one each for the same
    thing, and a poll may have a third. The comment's number and what was done to it are the same everywhere.
    """
    action = node["action"].text()
    content = node["decoratedGeneratedActivity"]["comment"]
    comment = named(node, content)
    if comment is not None and action in COMMENTED | MENTIONED:
        yield _commented(node, content, comment, own=action == ADMIN, looked=looked)
    elif comment is not None and action == EDITED:
        yield _edited(node, content, comment)
    elif comment is not None and action == DELETED:
        yield _about(node, content, comment, kind=Kind.DELETION, verb="delete")
    elif action in MENTIONED:
        yield _mentioned(node)
    elif action in REACTED:
        yield _reacted(node, action)
    elif action in COMMENTED | {EDITED, DELETED}:
        raise PayloadError(f"{node.path} names no comment")
    else:
        yield other(node, account(node), action)


def account(node: Node) -> str:
    """Return the organization's URN: a page, or a showcase page (`organizationBrand`)."""
    return node["organizationalEntity"].identifier()


def other(node: Node, page: str, what: str) -> Event:
    """Return what is genuine and of a kind that is not read here."""
    number = node["notificationId"].any_id() or hashlib.sha256(json.dumps(node.raw).encode()).hexdigest()[:32]
    return Event(
        channel=NAME,
        account=page,
        kind=Kind.OTHER,
        object_id=number,
        verb=what.lower(),
        thread=number,
        visibility=Visibility.PUBLIC,
        text=f"[{what.lower()}]",
        occurred_at=node["lastModifiedAt"].epoch(),
    )


def names_parent(content: Node) -> urns.Comment | None:
    """Return the comment that this one answers, where it is said.

    The Comments API has `parentComment`; a notification is not documented to have it, nor whether `object` may be it.
    """
    found = (urns.comment(content[name].any_id()) for name in ("parentComment", "object"))
    return next((each for each in found if each is not None), None)


def words(content: Node) -> str:
    """Return a comment's text: `text` as documented; `message.text`, as the Comments API has it, was seen as well."""
    message = content["message"]
    plain = message["text"] if isinstance(message.raw, dict) else message
    return content["text"].exact("") or plain.exact("")


def owner(content: Node) -> str:
    """Return who wrote a comment: `owner` as documented for notifications, `actor` as the Comments API has it."""
    return content["owner"].any_id() or content["actor"].any_id()


def pictures(content: Node) -> tuple[Attachment, ...]:
    """Return a comment's pictures: `content` is a list whose entries have a `url` (seen, not documented)."""
    addresses = (item["url"].text("") for item in content["content"].rows())
    return tuple(Attachment(AttachmentKind.IMAGE, url=url) for url in addresses if url)


def named(node: Node, content: Node) -> urns.Comment | None:
    """Return the comment that a notification is about, in whichever spelling it names it."""
    found = (urns.comment(place.any_id()) for place in (content["entity"], node["generatedActivity"]))
    return next((each for each in found if each is not None), None)


def _commented(node: Node, content: Node, comment: urns.Comment, *, own: bool, looked: bool) -> Event:
    text, attachments, writer = words(content), pictures(content), owner(content)
    own = own or writer == account(node)
    lost = own and not looked and names_parent(content) is None
    return _about(
        node,
        content,
        comment,
        kind=Kind.MESSAGE,
        verb=ADD,
        own=own,
        text=line(text, attachments, "a comment without words") if own or attachments else text,
        attachments=attachments,
        # Else a picture alone, or LinkedIn did not send the words along.
        complete=own or bool((text.strip() or attachments) and writer),
        dismissal=WHERE_UNKNOWN if lost else "",
    )


def _edited(node: Node, content: Node, comment: urns.Comment) -> Event:
    """Return an edit. Its words tell it from others of the same comment (going back to earlier words is lost).

    Whether `lastModifiedAt` is the edit's time or the notification's is not documented.
    """
    text = words(content)
    told = bool(text.strip())
    version = hashlib.sha256(text.encode()).hexdigest()[:16] if told else node["notificationId"].any_id()
    return _about(node, content, comment, kind=Kind.EDIT, verb="edit", text=text, version=version, complete=told)


def _about(node: Node, content: Node, comment: urns.Comment, *, own: bool = False, **more: Any) -> Event:  # noqa: ANN401
    """Return an event about a comment."""
    page, source = account(node), node["decoratedSourcePost"]
    writer = owner(content) or (page if own else "")
    own = own or writer == page
    parent = names_parent(content)
    thread, *aliases = _names(
        _numbers([comment.post, *urns.posts(node["sourcePost"], source["entity"])]),
        comment,
        "" if own else writer,
        parent if own else None,
        top=own and more["kind"] is Kind.MESSAGE,
    )
    shown = source["text"].text("")[:POST_SHOWN] if source["owner"].any_id() == page else ""
    return Event(
        channel=NAME,
        account=page,
        object_id=comment.number,
        thread=thread,
        aliases=tuple(aliases),
        visibility=Visibility.PUBLIC,
        author=Author(writer) if writer else None,
        own=own,
        occurred_at=node["lastModifiedAt"].epoch(),
        reply_to=parent.number if parent else "",
        facts=filled({"Link": urns.link(comment.post, comment), "Post": shown}),
        keep={"comment": comment.urn},
        **more,
    )


def _numbers(posts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(number for post in posts if (number := urns.number(post))))


def _names(
    posts: Sequence[str], comment: urns.Comment, owner: str, answered: urns.Comment | None, *, top: bool
) -> list[str]:
    """Return the names of a thread, its own first.

    A customer's is the comment, and the person under each name of the post. What the page wrote goes where the comment
    is that it answers, at the `top` of a member's post where that post is.
    """
    if owner:
        person = owner.rpartition(":")[2]
        return [comment.number, *(f"{post}:{person}" for post in posts)]
    if answered:
        return [answered.number]
    return list(posts) if top and posts else [comment.number]


def _mentioned(node: Node) -> Event:
    """Return a member's post that mentions the page."""
    share, page = node["decoratedGeneratedActivity"]["share"], account(node)
    # What the post shares may be named as its source: a post of the page's own is no name of theirs.
    shared = node["decoratedSourcePost"]["owner"].any_id() == page
    posts = urns.posts(share["entity"], node["generatedActivity"], *(() if shared else (node["sourcePost"],)))
    if not posts:
        raise PayloadError(f"{node.path} names no post")
    owner, text = share["owner"].any_id(), share["text"].exact("")
    numbers, person = _numbers(posts), owner.rpartition(":")[2]
    # Our comment on the post names the post alone; what they comment there themselves, them, too.
    thread, *aliases = [*numbers, *(f"{number}:{person}" for number in numbers if person)]
    whole = bool(text.strip() and owner)
    return Event(
        channel=NAME,
        account=page,
        kind=Kind.MESSAGE,
        object_id=posts[0],
        verb=ADD,
        thread=thread,
        aliases=tuple(aliases),
        visibility=Visibility.PUBLIC,
        author=Author(owner) if owner else None,
        own=owner == page,
        text=line(text, (), "a mention") if whole else "",
        occurred_at=node["lastModifiedAt"].epoch(),
        complete=whole,
        facts={"Link": urns.link(posts[0]), "Mention": "in a post of theirs"},
        keep={"post": posts[0]},
    )


def _reacted(node: Node, action: str) -> Event:
    """Return a reaction or a repost: counted, and in no ticket."""
    source, done = node["sourcePost"].any_id(), node["generatedActivity"].any_id()
    about = source or done or node["notificationId"].any_id() or "unknown"
    return Event(
        channel=NAME,
        account=account(node),
        kind=Kind.REACTION,
        object_id=about,
        verb="react",
        version=":".join((action.lower(), node["notificationId"].any_id() or done)),
        thread=urns.number(about) or about,
        visibility=Visibility.PUBLIC,
        text=f"[{action.lower()}]",
        occurred_at=node["lastModifiedAt"].epoch(),
        facts={"Reaction": action.lower()},
    )

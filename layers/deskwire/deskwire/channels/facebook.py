"""Facebook Page: comments on posts and ads, visitors' posts, mentions and recommendations, answered in public or not.

Set-up: in the Meta app add the product Webhooks, object **Page**, with this endpoint's address and a verify token; tick
`feed`, `mention` and `ratings` with “Include Values” on. One app has ONE address for the object, so the same endpoint
serves Messenger too. Then `POST /{page-id}/subscribed_apps?subscribed_fields=feed,mention,ratings` (plus Messenger's:
the call replaces the list). With the setting `app_id`, `deskwire apply` does all of it. Permissions:
`pages_manage_metadata`, `pages_show_list`, `pages_read_user_content`, `pages_read_engagement`,
`pages_manage_engagement`, and `pages_messaging` for private replies; “Require app secret” stays off.
https://developers.facebook.com/docs/graph-api/webhooks/reference/page/

Signature: `X-Hub-Signature-256`, HMAC-SHA256 of the raw body under the App Secret, in hex.
https://developers.facebook.com/docs/graph-api/webhooks/getting-started/

Secrets: endpoint `app_secret`, `verify_token`; connection `page_token`, a long-lived Page token of a person with the
task MODERATE. https://developers.facebook.com/docs/pages-api/overview

Limits: one private reply to a comment or visitor's post, within 7 days, 2,000 characters
(https://developers.facebook.com/documentation/business-messaging/messenger-platform/discovery/private-replies); no
idempotency key; a version of the Graph API lives about two years; Page budget 4,800 calls a day for
each engaged user (https://developers.facebook.com/docs/graph-api/overview/rate-limiting/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, filled, in_turn, line
from deskwire.contracts.terms import Figure, FileLimit, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.families import meta, meta_inbox
from deskwire.families.meta_reading import EDITS, REMOVALS, TEST_ACCOUNT, repeats, unknown
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import MOST_STARS, Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD, compose, digest
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import replace
from deskwire.web.reading import Node, fragment

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request, Response

PRIVATE_REPLIES: Final = (
    "https://developers.facebook.com/documentation/business-messaging/messenger-platform/discovery/private-replies"
)
COMMENTS: Final = "https://developers.facebook.com/docs/graph-api/reference/object/comments/"
POSTS: Final = frozenset({"post", "status", "photo", "video", "share", "album", "event", "link", "note"})
WRITTEN: Final = POSTS | {"comment", "rating"}
WANTED: Final = "from{id,name},message,created_time,permalink_url"  # a post has no `attachment`

# Comments take pictures; Meta's page names no types and no size for them, so those of a photo post are relied on.
PICTURES: Final = (FileLimit(AttachmentKind.IMAGE, 4_000_000, ("image/jpeg", "image/png", "image/gif")),)


class Facebook(meta.PageLogin, Channel):
    """The connector. Every event is public; only an answer can be private."""

    name = "facebook"
    title = "Facebook Page"
    verification = meta.SIGNATURE
    endpoint_secrets = meta.ENDPOINT_SECRETS
    endpoint_settings = meta.ENDPOINT_SETTINGS
    connection_secrets = meta.CONNECTION_SECRETS
    media_hosts: ClassVar[tuple[str, ...]] = meta.MEDIA_HOSTS
    terms = Terms(
        sending={
            Visibility.PUBLIC: Sending(
                # Not stated anywhere by Meta; 8,000 circulates.
                text=Figure(TextLimit(8000, Unit.UTF16), COMMENTS, meta.CHECKED, confirmed=False),
                files=Figure(PICTURES, COMMENTS, meta.CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, COMMENTS, meta.CHECKED),
                        # Not forbidden, but identical automated comments are the classic signal for spam (error 368).
                        automatic=Figure(True, COMMENTS, meta.CHECKED, confirmed=False),  # noqa: FBT003
                    ),
                ),
            ),
        },
        private_reply=meta_inbox.private_reply(
            Figure(TextLimit(2000, Unit.UTF16), PRIVATE_REPLIES, meta.CHECKED, confirmed=False), PRIVATE_REPLIES
        ),
        body_limit=meta.BODY_LIMIT,
        # “Promptly” for the feed; the same address gets Messenger's events, which want it within 5 seconds.
        deadline=Figure(timedelta(seconds=5), meta.WEBHOOKS, meta.CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=36), meta.WEBHOOKS, meta.CHECKED),
        api_version=meta.API_VERSION,
        sunset=meta.SUNSET,
        figures={"private_replies": Figure(1, PRIVATE_REPLIES, meta.CHECKED)},
    )

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        return meta.handshake(request, secrets)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return meta.delivered_at(request)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        # `messaging` and `standby` are Messenger's, which reads the same delivery.
        return meta.updates(request, "page", ("changes", "changed_fields"), _read)

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Return the event with its author and words, as far as Facebook shows them to this page.

        A mention may stand where the page cannot look: the ticket then has what the webhook had.
        """
        wanted = WANTED if _is_post(event.object_id, event.account) else WANTED + ",attachment"
        found = meta.ask((event.object_id,), wanted, reach, what="reading what was written")
        if found is None:
            return replace(event, complete=True, text=line(event.text, event.attachments, _nothing(event)))
        author = event.author or _person(found["from"]["id"], found["from"]["name"])
        text = event.text or found["message"].exact("")
        attachments = event.attachments or _shown(found["attachment"])
        own = author is not None and author.id == event.account
        permalink = found["permalink_url"].text("")
        return replace(
            event,
            complete=True,
            author=author,
            own=own,
            text=line(text, attachments, _nothing(event)),
            attachments=attachments,
            occurred_at=event.occurred_at or meta.moment(found["created_time"]),
            facts={**event.facts, **filled({"Link": permalink})},
        )

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Comment in the thread, or write a private reply to one comment or visitor's post."""
        from deskwire.care import measure

        text = "".join(measure.pieces(outgoing.text, permit.limit))
        if outgoing.visibility is Visibility.PRIVATE:
            return _answer_privately(outgoing, text, reach)
        # The thread's root takes the answer: threads have two levels, a reply to a reply lands there as well.
        target = outgoing.thread
        contents = [{"message": text} if text.strip() else {}, *({} for _ in outgoing.attachments[1:])]
        if not all(item.kind is AttachmentKind.IMAGE and item.url for item in outgoing.attachments):
            raise PermanentError("a comment on Facebook takes pictures only", code="attachment")
        for content, attachment in zip(contents, outgoing.attachments, strict=False):
            content["attachment_url"] = attachment.url
        ids = in_turn([lambda content=content: _comment(target, content, reach) for content in contents])  # type: ignore[misc]
        made = _named(target, ids[0], reach.account)
        elsewhere = compose(self.name, reach.account, made) if _is_post(target, reach.account, ids[0]) else ""
        return Sent((made, *(_named(target, one, reach.account) for one in ids[1:])), elsewhere)

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Look for our comment under the thread's root: the page's own, of the same words, not older than `since`."""
        if outgoing.visibility is Visibility.PRIVATE:
            raise PermanentError(
                "Facebook does not tell whether a private reply went out: look into the page's inbox",
                code="unknown",
            )
        call = meta.page_request(
            "GET", (outgoing.thread, "comments"), None, reach,
            filter="stream", order="reverse_chronological", fields="id,from{id},message,created_time", limit="100",
        )  # fmt: skip
        answer = meta.settled(reach.http(call), what="looking for our comment")
        for comment in answer["data"].items():
            by = comment["from"]["id"].any_id()
            if by == reach.account and repeats(comment, "message", outgoing.text, since):
                made = comment["id"].identifier()
                name = _named(outgoing.thread, made, reach.account)
                post = _is_post(outgoing.thread, reach.account, made)
                return Sent((name,), compose(self.name, reach.account, name) if post else "")
        return None

    def moderate(self, object_id: str, reach: Reach, *, hidden: bool) -> None:
        """Hide a comment, or show it: who wrote it and their friends see it all the same.

        The comment's page of the reference lost its section on updating; what it takes is said where it was introduced:
        https://developers.facebook.com/docs/graph-api/changelog/version2.2
        """
        if _is_post(object_id, reach.account) or "_" not in object_id:
            raise PermanentError("Facebook hides comments only, no posts and recommendations", code="no-comment")
        call = meta.page_request("POST", (object_id,), {"is_hidden": hidden}, reach)
        meta.accepted(reach.http(call), what="hiding a comment")

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from deskwire.families import meta_registration as registration

        return registration.findings(registration.page(self.name, site, reach.account), site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from deskwire.families import meta_registration as registration

        return registration.set_up(registration.page(self.name, site, reach.account), site, reach)


# No event carries a delivery id, so each key is made of what a redelivery repeats: the object's id and the verb.
# Edits have neither number nor time of their own: the words tell them apart (going back to earlier words is lost).


def _read(entry: Node, change: Node, name: str) -> Iterator[Event]:
    if name == "changed_fields":  # instead of `changes`, without “Include Values”
        yield unknown("facebook", entry, change, change.identifier(), " without its values: switch on “Include Values”")
        return
    field, value = change["field"].text(), change["value"]
    item, verb = _item(value), value["verb"].exact("")
    if not verb and item in WRITTEN and (value["message"] or value["review_text"]):
        verb = ADD  # words are new, unless it says otherwise
    # The dashboard's test button (page “0”), likes of the page, fields and verbs that we do not know.
    other = "-".join(part for part in (field, item, verb) if part)
    yield _happened(entry, field, value, item, verb) or unknown("facebook", entry, change, other)


def _item(value: Node) -> str:
    """Return what a change is about: `item`, or where it is missing what the words and ids beside it say."""
    item = value["item"].exact("")
    if item or not (value["message"] or value["review_text"]):
        return item
    if value["review_text"]:
        return "rating"
    return "comment" if value["comment_id"] else "post" if value["post_id"] else ""


def _happened(entry: Node, field: str, value: Node, item: str, verb: str) -> Event | None:
    """Return what a change says happened; None for what is not known here."""
    page = entry["id"].identifier()
    if page == TEST_ACCOUNT or field not in {"feed", "mention", "ratings"}:
        return None
    if item in {"reaction", "like"} and ("post_id" in value or "open_graph_story_id" in value):
        return _reaction(entry, value)
    if item in WRITTEN and verb in {ADD, *EDITS, *REMOVALS} and not _is_kept_by_page(page, item, value):
        return _written(entry, field, value, verb)
    if verb in {"hide", "unhide"} and ("comment_id" in value or "post_id" in value):
        return _hidden(entry, value)
    return None


def _is_kept_by_page(page: str, item: str, value: Node) -> bool:
    """Return whether this is a thing of the page's own and no post: an album, a cover. Nobody wrote it to the page."""
    posted = any(name in value for name in ("comment_id", "post_id", "open_graph_story_id"))
    said = value["message"].text("").strip() and value["from"]["id"].any_id() != page
    return item in POSTS - {"post"} and not posted and not said


def _event(entry: Node, value: Node, kind: Kind, verb: str, **more: Any) -> Event:  # noqa: ANN401
    page, author = entry["id"].identifier(), _author(value)
    object_id, thread = _place(value, page)
    given = {"own": author is not None and author.id == page, "occurred_at": meta.moment(entry["time"]), **more}
    return Event(
        channel="facebook",
        account=page,
        kind=kind,
        object_id=object_id,
        verb=verb,
        thread=thread,
        visibility=Visibility.PUBLIC,
        author=author,
        raw=fragment(value),
        **given,
    )


def _written(entry: Node, field: str, value: Node, verb: str) -> Event:
    """Return what somebody wrote, edited or removed: a comment, a post, a recommendation."""
    item = _item(value)
    known = _known(field, value)
    if verb in REMOVALS:  # `from` is who wrote it, also where a moderator removed it
        return _event(entry, value, Kind.DELETION, "delete", **known)
    attachments = _attachments(value)
    text = value["review_text" if item == "rating" else "message"].exact("")
    if verb in EDITS:  # created_time stays the original's: the notification's time is the best there is
        version = meta.mark(text)
        return _event(entry, value, Kind.EDIT, "edit", version=version, text=text, attachments=attachments, **known)
    author, page = _author(value), entry["id"].identifier()
    # The page's own posts come as status, photo, video or share; what comes as post is a visitor's.
    own = author.id == page if author else field == "feed" and item in POSTS - {"post"}
    said = bool(text.strip() or attachments) or item == "rating" or own
    whole = said and (author is not None or own)
    return _event(
        entry,
        value,
        Kind.MESSAGE,
        ADD,
        own=own,
        text=line(text, attachments, _verdict(value) if item == "rating" else item) if said else "",
        # Posts and recommendations come without a time of their own now and then.
        occurred_at=meta.moment(value["created_time"]) or meta.moment(entry["time"]),
        attachments=attachments,
        reply_to=(value["parent_id"].any_id() or value["post_id"].any_id()) if item == "comment" else "",
        complete=whole,
        **known,
    )


def _hidden(entry: Node, value: Node) -> Event:
    """Return that something was hidden or shown again: by a moderator, often by ourselves."""
    verb, when = value["verb"].text(), meta.moment(entry["time"])
    # It may happen several times, and the entry's time is all that tells the times apart.
    return _event(entry, value, Kind.STATE, verb, version=meta.epoch(when) if when else "", text=f"[{verb}]")


def _reaction(entry: Node, value: Node) -> Event:
    kind, when, author = value["reaction_type"].text("like"), meta.moment(value["created_time"]), _author(value)
    verb = "unreact" if value["verb"].text("") in REMOVALS else "react"
    version = ":".join((author.id if author else "", kind, meta.epoch(when) if when else ""))
    return _event(
        entry,
        value,
        Kind.REACTION,
        verb,
        version=version,
        text=f"[{kind}]",
        occurred_at=when,
        facts={"Reaction": kind},
    )


def _place(value: Node, page: str) -> tuple[str, str]:
    """Return the object's id, and its thread's: a root comment, a post, or a recommendation's story.

    Ids come as text, or as numbers now and then; a comment's with its post's in front, or without.
    """
    post, story = value["post_id"].identifier(""), value["open_graph_story_id"].identifier("")
    comment, parent = (_full(value[name].identifier(""), post) for name in ("comment_id", "parent_id"))
    object_id = comment or story or post
    if not object_id:
        raise PayloadError(f"{value.path} names no comment, post or story")
    # A comment under one photo of a post names the photo, `{page}_{photo}`, for its parent: that is no comment.
    answers = parent not in {"", post, story} and not parent.startswith(f"{page}_")
    root = parent if answers else comment
    return object_id, story or (root if comment else post)


def _full(identifier: str, post: str) -> str:
    """Return a comment's (or the post's) id with the post's in front."""
    tail = post.rpartition("_")[2]
    if identifier == tail:
        return post
    return f"{tail}_{identifier}" if identifier and tail and "_" not in identifier else identifier


def _author(value: Node) -> Author | None:
    """Return who wrote: `from`, which may be missing; `reviewer_*` of ratings; `sender_*` of older apps."""
    writer = _person(value["from"]["id"], value["from"]["name"])
    for source in ("reviewer", "sender"):
        if found := _person(value[f"{source}_id"], value[f"{source}_name"]):
            return writer if writer and writer.id == found.id and writer.name else found
    return writer


def _person(identifier: Node, name: Node) -> Author | None:
    found = identifier.any_id()  # of whom none can be read, Facebook is asked
    return Author(found, name.text("")) if found else None


def _verdict(value: Node) -> str:
    kind = value["recommendation_type"].text("").upper()
    known = {"POSITIVE": "recommends the page", "NEGATIVE": "does not recommend the page"}
    return known.get(kind) or (f"rating: {value['rating'].text('')}" if value["rating"].text("") else "a rating")


def _known(field: str, value: Node) -> dict[str, Any]:
    """Return what else is known of what was written, as fields of the event."""
    post = value["post"]
    stars = value["rating"].number(0)
    facts = {
        "Link": post["permalink_url"].text("") or value["permalink_url"].text(""),
        # A dark post (an ad) is not in the page's feed.
        "Advertisement": "yes" if "is_published" in post and not post["is_published"].truth(default=True) else "",
        "Promotion": post["promotion_status"].text(""),
        "Recommendation": value["recommendation_type"].text("").lower(),
    }
    return {
        "stars": stars if 0 < stars <= MOST_STARS else 0,
        "facts": filled(facts),
        "keep": {"field": field} if field == "mention" else {},
    }


def _attachments(value: Node) -> tuple[Attachment, ...]:
    found = [Attachment(AttachmentKind.IMAGE, node.text("")) for node in value["photos"].rows()]
    # Of a photo or video the link is the file itself.
    linked = {"photo": AttachmentKind.IMAGE, "video": AttachmentKind.VIDEO}.get(_item(value))
    kinds = {"photo": AttachmentKind.IMAGE, "video": AttachmentKind.VIDEO, "link": linked or AttachmentKind.LINK}
    found += [Attachment(kind, url) for name, kind in kinds.items() if (url := value[name].text(""))]
    return meta.distinct(found)


def _shown(node: Node) -> tuple[Attachment, ...]:
    """Return the attachment of a comment as Graph describes it (`attachment{type,url,media,title}`)."""
    if not node:
        return ()
    kind, title = node["type"].text(""), node["title"].text("")
    if "video" in kind:
        return (Attachment(AttachmentKind.VIDEO, node["media"]["source"].text(node["url"].text("")), name=title),)
    if image := node["media"]["image"]["src"].text(""):
        sticker = AttachmentKind.STICKER if "sticker" in kind else AttachmentKind.IMAGE
        return (Attachment(sticker, image, name=title),)
    return (Attachment(AttachmentKind.LINK, node["url"].text(""), name=title),)


def _nothing(event: Event) -> str:
    return "a mention" if event.keep.get("field") == "mention" else "without words: look at it on Facebook"


def _comment(target: str, content: Mapping[str, str], reach: Reach) -> str:
    call = meta.page_request("POST", (target, "comments"), content, reach)
    made = meta.posted(meta.settled(reach.http(call), what="commenting"), "id", what="commenting")
    if made == target:  # the same address without /comments edits
        raise PermanentError("Facebook answered with the id of what was to be answered", code="edited")
    return made


def _answer_privately(outgoing: Outgoing, text: str, reach: Reach) -> Sent:
    target = outgoing.reply_to or outgoing.thread
    if "_" not in target:  # comments and posts have it, stories of recommendations do not
        raise PermanentError("Facebook has no private reply to a recommendation", code="no-private-reply")
    if not text or outgoing.attachments:
        raise PermanentError("a private reply to a comment is one message of words", code="no-private-reply")
    kind = "post_id" if _is_post(target, reach.account) else "comment_id"
    answer = meta.message({kind: target}, {"text": text, "metadata": digest(outgoing.key)}, reach)
    # This is the one place that ties the author of a comment to a person in Messenger.
    person = answer["recipient_id"].identifier("")
    made = meta.posted(answer, "message_id", what="replying privately")
    return Sent((made,), compose("messenger", reach.account, person) if person else "")


def _is_post(target: str, page: str, made: str = "") -> bool:
    """Tell a post (`{page}_{post}`) from a comment (`{post}_{comment}`), by what was `made` under it if known."""
    head, _, tail = target.rpartition("_")
    return bool(head) and (head == page or made.startswith(f"{tail}_"))


def _named(target: str, made: str, page: str) -> str:
    """Return a new comment's id as the webhooks write it: Graph answers `{comment}` or `{post}_{comment}`."""
    head, _, tail = target.rpartition("_")
    post = tail if _is_post(target, page) else head
    return made if "_" in made or not post else f"{post}_{made}"

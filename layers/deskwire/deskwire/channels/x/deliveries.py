"""What X delivers, in three envelopes: Activity API (v2 shapes), Account Activity API (v1.1 shapes), Filtered Stream.

All three come to the same address with the same signature. A post may arrive several times (as mention, as reply and
as quote; for each subscribed account; in two products at once): its key is the account and the post's own id, so it
is one event for each account. https://docs.x.com/x-api/activity/event-payloads
https://docs.x.com/x-api/account-activity/introduction https://docs.x.com/x-api/webhooks/stream/introduction
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from deskwire.contracts.channel import each, line
from deskwire.model.errors import PayloadError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD
from deskwire.web.reading import Node, fragment

NAME: Final = "x"
NOT_SUMMONED: Final = "the author did not summon the account"
ENCRYPTED: Final = "encrypted chat"
STREAM: Final = "stream"  # the account of what names none: a stream rule's tag, a subscription to a keyword

MEDIA: Final = {
    "photo": AttachmentKind.IMAGE,
    "video": AttachmentKind.VIDEO,
    "animated_gif": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
}
POSTS: Final = frozenset({"post.mention.create", "post.reply.create", "post.quote.create", "post.create"})
MESSAGES, SEEN, _ = WHISPERED = (
    "direct_message_events",
    "direct_message_mark_read_events",
    "direct_message_indicate_typing_events",
)
SUMMONING: Final = frozenset({"post.mention.create", "post.quote.create"})
READ: Final = POSTS | {
    "post.repost.create", "post.delete", "chat.received", "chat.sent", "dm.received", "dm.sent", "oauth.revoke",
}  # fmt: skip
EXACT: Final = 2**53  # no parser rounds a whole number below


# ------------------------------------------------------------------------------------------------ Activity API


def activity(data: Node) -> Iterator[Event | Unreadable]:
    """Yield the events of one XAA delivery: it holds one, direct messages a list.

    The id that survives a redelivery is the post's or message's own; `event_uuid` (a string, maybe negative) names
    the delivery and serves only where there is nothing else.
    """
    what, payload = data["event_type"].text(), data["payload"]
    # `oauth.revoke` has an empty filter.
    account = data["filter"]["user_id"].identifier(payload["user_id"].identifier(""))
    if not account and what in READ:
        raise PayloadError(f"{data.path} names no account")
    if what in POSTS or what == "post.repost.create":
        yield _post(data, payload, account, what)
    elif what == "post.delete":
        # Only the account's own posts: X does not tell when a customer deletes.
        yield _deleted(account, payload["id"].identifier(), payload["author_id"].identifier(account), None, payload)
    elif what in {"chat.received", "chat.sent"}:
        yield _chat(payload, account)
    elif what == "oauth.revoke":
        yield _revoked(account, payload["date_time"], data)
    elif what.startswith("dm.") and (found := list(_private(payload, account))):
        yield from found
    elif what in {"dm.received", "dm.sent"}:
        yield _direct(data, payload, account)
    else:  # `news.new` is of a keyword, and of no account
        yield _other(what, account or STREAM, data["event_uuid"].identifier(fingerprint(data)), data)


def _post(data: Node, post: Node, account: str, what: str) -> Event:
    """Return a v2 post: a message, an edit, or a repost.

    An edit is a NEW post id; the first id of its history stays the original's, which is the object's id here.
    """
    # A stream has the author where `author_id` was asked for: of itself it shows id, history and text alone.
    number, author = post["id"].identifier(), post["author_id"].identifier("")
    history = [item.identifier() for item in _first(post, "edit_history_tweet_ids", "edit_history_post_ids").items()]
    original = history[0] if history else number
    references = {
        item["type"].text(""): item["id"].any_id()
        for item in _first(post, "referenced_tweets", "referenced_posts").rows()
    }
    if references.get("retweeted"):
        return _reposted(account, number, references["retweeted"], _written(data, author), post)
    # A long post has its whole text here; X's OpenAPI file now calls it note_post.
    text = _first(post, "note_tweet", "note_post")["text"].exact(post["text"].exact(""))
    attachments = tuple(_attached(data, post))
    own = author == account
    edited = original != number
    answers = _first(post, "in_reply_to_tweet_id", "in_reply_to_post_id").any_id() or references.get("replied_to", "")
    person = _written(data, author)
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.EDIT if edited else Kind.MESSAGE,
        object_id=original,
        verb="edit" if edited else ADD,
        version=number if edited else "",
        thread=post["conversation_id"].identifier(answers or original),
        visibility=Visibility.PUBLIC,
        author=person,
        own=own,
        text=line(_readable(text, post["entities"]["urls"].rows()), attachments, "post"),
        occurred_at=post["created_at"].iso(),
        attachments=attachments,
        reply_to=answers,
        language=_language(post["lang"].text("")),
        no_automatic_reply="" if own or what in SUMMONING or _mentions(post, account) else NOT_SUMMONED,
        facts=_facts(person, number, references.get("quoted", "")),
        raw=fragment(post),
    )


def _mentions(post: Node, account: str) -> bool:
    """Tell whether the author mentioned the account, and not X by itself at the head of a reply.

    What X puts there lies before `display_text_range`. Whether a bare reply summons is not stated anywhere.
    """
    begin = post["display_text_range"][0].number(0)
    return any(
        item["id"].any_id() == account and item["start"].number(0) >= begin
        for item in post["entities"]["mentions"].rows()
    )


def _written(data: Node, number: str) -> Author | None:
    """Return the author of a post, None where X does not say."""
    return _author(data, number) if number else None


def _author(data: Node, number: str) -> Author:
    """Return a person; `includes.users` is flat in post events, wrapped in `data` elsewhere, and often empty."""
    for user in data["includes"]["users"].rows():
        found = user["data"] or user
        if found["id"].any_id() == number:
            return Author(number, found["name"].text(""), found["username"].text(""))
    return Author(number)


def _attached(data: Node, post: Node) -> Iterator[Attachment]:
    media = {item["media_key"].any_id(): item for item in data["includes"]["media"].rows()}
    for key in post["attachments"]["media_keys"].rows():
        item = media.get(key.any_id(), Node(None, key.path))
        kind = MEDIA.get(item["type"].text(""), AttachmentKind.FILE)
        url = item["url"].text("") or _largest(item["variants"], "bit_rate") or item["preview_image_url"].text("")
        yield Attachment(kind, url, key.any_id(), item["alt_text"].text(""))


def _largest(variants: Node, rate: str) -> str:
    """Return the address of the best mp4 of a video."""
    found = [(item[rate].number(0), item["url"].text("")) for item in variants.rows()
             if item["content_type"].text("") == "video/mp4"]  # fmt: skip
    return max(found)[1] if found else ""


def _reposted(account: str, number: str, original: str, author: Author | None, post: Node) -> Event:
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.REACTION,
        object_id=number,
        verb="react",
        thread=original,
        visibility=Visibility.PUBLIC,
        author=author,
        own=author is not None and author.id == account,
        text="repost",
        occurred_at=_moment(post),
        reply_to=original,
        raw=fragment(post),
    )


def _deleted(account: str, number: str, author: str, when: datetime | None, node: Node) -> Event:
    """Return the deletion of an own post. X names no conversation with it: the post itself stands for the thread."""
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.DELETION,
        object_id=number,
        verb="delete",
        thread=number,
        visibility=Visibility.PUBLIC,
        author=Author(author),
        own=author == account,
        occurred_at=when,
        raw=fragment(node),
    )


def _chat(payload: Node, account: str) -> Event:
    """Return a message of the encrypted chat, which nobody reads without the keys: a person opens it in X.

    `conversation_id` is two user ids around a colon (groups: not documented).
    """
    sender, conversation = payload["sender_id"].identifier(), payload["conversation_id"].identifier()
    others = [part for part in conversation.split(":") if part != account]
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.MESSAGE,
        object_id=payload["id"].identifier(),
        verb=ADD,
        thread="chat-" + ":".join(others),
        thread_kind=ENCRYPTED,
        visibility=Visibility.PRIVATE,
        author=Author(sender),
        own=sender == account,
        text="[encrypted chat: open in X]",
        occurred_at=payload["created_at_msec"].epoch(),
        no_automatic_reply=ENCRYPTED,
        raw=fragment(payload),
    )


def _revoked(account: str, when: Node, node: Node) -> Event:
    moment = when.iso()
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.STATE,
        object_id=account,
        verb="revoke",
        version="" if moment is None else moment.isoformat(),
        thread=account,
        visibility=Visibility.PRIVATE,
        text="The account withdrew its consent: connect it again.",
        occurred_at=moment,
        attention="connect the account again",
        raw=fragment(node),
    )


def _other(what: str, account: str, number: str, node: Node) -> Event:
    """Return an event of a kind that is not read (likes, follows, typing …): counted, never dropped silently."""
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.OTHER,
        object_id=number,
        verb="notify",
        thread=number,
        visibility=Visibility.PRIVATE,
        text=f"[{what}]",
        raw=fragment(node),
    )


# --------------------------------------------------------------------------- direct messages, both envelopes


def _private(node: Node, account: str) -> Iterator[Event | Unreadable]:
    """Yield direct messages and read receipts; one that cannot be read costs none of the others."""
    for name in WHISPERED:
        yield from each(node[name].items(), lambda item, name=name: _whispered(item, name, node["users"], account))  # type: ignore[misc]


def _whispered(item: Node, name: str, users: Node, account: str) -> Iterator[Event]:
    """Yield the event of one item of the list `name`: the same shapes in both envelopes.

    (XAA's own samples show messages only; that its receipts look as AAA's is an assumption, and a receipt of
    another shape is counted as an unknown kind.)
    """
    if name == MESSAGES:
        kind = item["type"].text("message_create" if item["message_create"] else "")
        if kind == "message_create":
            yield _message(users, item, account)
        else:
            yield _other(f"dm.{kind}", account, item["id"].identifier(""), item)
    elif name == SEEN:
        yield _seen(item, account)
    else:
        yield _other("dm.indicate_typing", account, fingerprint(item), item)


def _seen(item: Node, account: str) -> Event:
    sender = item["sender_id"].identifier()
    other = item["target"]["recipient_id"].identifier() if sender == account else sender
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.RECEIPT,
        object_id=item["last_read_event_id"].identifier(),
        verb="read",
        version=item["created_timestamp"].identifier(""),
        thread=f"dm-{other}",
        visibility=Visibility.PRIVATE,
        author=Author(sender),
        own=sender == account,
        occurred_at=item["created_timestamp"].epoch(),
        raw=fragment(item),
    )


def _message(users: Node, item: Node, account: str) -> Event:
    """Return a direct message. There is no conversation id: the thread is the other participant."""
    content = item["message_create"].object()
    sender, recipient = content["sender_id"].identifier(), content["target"]["recipient_id"].identifier()
    data = content["message_data"]
    attachment = data["attachment"]
    attachments = (_enclosed(attachment),) if attachment else ()
    media = (attachment["media"],) if attachment["media"] else ()
    user = users[sender]["data"] or users[sender]
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.MESSAGE,
        object_id=item["id"].identifier(),
        verb=ADD,
        thread=f"dm-{recipient if sender == account else sender}",
        visibility=Visibility.PRIVATE,
        author=Author(sender, user["name"].text(""), _first(user, "username", "screen_name").text("")),
        own=sender == account,
        text=line(_readable(data["text"].exact(""), data["entities"]["urls"].rows(), media), attachments, "message"),
        occurred_at=item["created_timestamp"].epoch(),
        attachments=attachments,
        raw=fragment(item),
    )


def _direct(data: Node, item: Node, account: str) -> Event:
    """Return a direct message that comes by itself, in the shape of the API v2 (`DmEvent` of X's OpenAPI file).

    X's samples of XAA wrap v1.1's shape; others' captures have this one (unconfirmed). A conversation of two is named
    by both ids, with a hyphen between them; of a group's, the answer goes to who wrote.
    """
    sender, kind = item["sender_id"].identifier(), item["event_type"].text("MessageCreate")
    if kind != "MessageCreate":  # somebody joined or left
        return _other(f"dm.{kind}", account, item["id"].identifier(), item)
    named = item["dm_conversation_id"].identifier("")
    people = [*named.split("-"), *(person.any_id() for person in item["participant_ids"].rows())]
    other = next((person for person in people if person not in {"", account}), named) if sender == account else sender
    attachments = tuple(_attached(data, item))
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.MESSAGE,
        object_id=item["id"].identifier(),
        verb=ADD,
        thread=f"dm-{other or account}",
        visibility=Visibility.PRIVATE,
        author=_author(data, sender),
        own=sender == account,
        text=line(_readable(item["text"].exact(""), item["entities"]["urls"].rows()), attachments, "message"),
        occurred_at=item["created_at"].iso(),
        attachments=attachments,
        raw=fragment(item),
    )


def _enclosed(attachment: Node) -> Attachment:
    """Return what came with a direct message: media or a place, in the shape that v1.1 documented.

    (No official sample of XAA has an attachment. The address of a medium is private: it takes the account's consent.)
    """
    kind, media = attachment["type"].text(""), attachment["media"]
    if kind == "location":
        place = attachment["location"]
        point = [str(item.raw) for item in place["shared_coordinate"]["coordinates"]["coordinates"].rows()]
        place = place["shared_place"]["place"]
        name = place["full_name"].text(place["name"].text("")) or ", ".join(reversed(point))  # GeoJSON: longitude first
        return Attachment(AttachmentKind.LOCATION, name=name)
    if kind != "media":
        return Attachment(AttachmentKind.FILE, name=kind)
    return _medium(media)


def _medium(media: Node) -> Attachment:
    """Return a medium of v1.1. Its number loses precision in `id`, so only `id_str` is read."""
    video = media["video_info"]
    kind = MEDIA.get(media["type"].text(""), AttachmentKind.FILE)
    if video["audio_only"].truth(default=False):
        kind = AttachmentKind.AUDIO
    url = _largest(video["variants"], "bitrate") or media["media_url_https"].text("")
    return Attachment(kind, url, media["id_str"].any_id(), media["ext_alt_text"].text(""))


# ---------------------------------------------------------------------------- Account Activity API (deprecated)


def lists(body: Node) -> Mapping[str, list[Node]]:
    """Return the items of an AAA delivery by the name of their list. Raises `PayloadError` when there is none."""
    found = {name: list(items.items()) for name, items in body.members() if name.endswith("_events")}
    if not found:
        raise PayloadError("the delivery names an account and no events")
    return found


def account_activity(body: Node, item: Node, name: str) -> Iterator[Event]:
    """Yield the events of one item of the list `name`."""
    account = body["for_user_id"].identifier()
    if name == "tweet_create_events":
        yield _status(item, account)
    elif name == "tweet_delete_events":
        status = item["status"]
        number, author = (_number(status, field) for field in ("id", "user_id"))
        yield _deleted(account, number, author, item["timestamp_ms"].epoch(), item)
    elif name in WHISPERED:
        yield from _whispered(item, name, body["users"], account)
    else:
        yield _other(name, account, fingerprint(item), item)


def revoked(body: Node) -> Event:
    """Return AAA's word that an account withdrew its consent; it has no `for_user_id`."""
    revoke = body["user_event"]["revoke"]
    return _revoked(revoke["source"]["user_id"].identifier(), revoke["date_time"], body)


def _status(status: Node, account: str) -> Event:
    """Return a v1.1 post. It names no conversation, so the post that it answers stands for the thread."""
    number, user = _number(status, "id"), status["user"]
    author = Author(_number(user, "id"), user["name"].text(""), user["screen_name"].text(""))
    if status["retweeted_status"]:
        return _reposted(account, number, _number(status["retweeted_status"], "id"), author, status)
    long = status["extended_tweet"]
    source = long if long["full_text"] else status
    media = source["extended_entities"]["media"] or source["entities"]["media"]
    attachments = tuple(_medium(item) for item in media.rows())
    text = long["full_text"].exact(status["full_text"].exact(status["text"].exact("")))
    answers = status["in_reply_to_status_id_str"].identifier("")
    quoted = status["quoted_status_id_str"].any_id()
    begin = source["display_text_range"][0].number(0)
    summoned = bool(quoted and status["quoted_status"]["user"]["id_str"].any_id() == account) or any(
        item["id_str"].any_id() == account and item["indices"][0].number(0) >= begin
        for item in source["entities"]["user_mentions"].rows()
    )
    # v1.1's shape of an edit, documented for the enterprise products that share it (edit-tweets).
    original = status["edit_history"]["initial_tweet_id"].identifier(number)
    edited = original != number
    return Event(
        channel=NAME,
        account=account,
        kind=Kind.EDIT if edited else Kind.MESSAGE,
        object_id=original,
        verb="edit" if edited else ADD,
        version=number if edited else "",
        thread=answers or original,
        visibility=Visibility.PUBLIC,
        author=author,
        own=author.id == account,
        text=line(_readable(text, source["entities"]["urls"].rows(), media.rows()), attachments, "post"),
        occurred_at=_moment(status),
        attachments=attachments,
        reply_to=answers,
        language=_language(status["lang"].text("")),
        no_automatic_reply="" if summoned or author.id == account else NOT_SUMMONED,
        facts=_facts(author, number, quoted),
        raw=fragment(status),
    )


def _number(node: Node, name: str) -> str:
    """Return an id of v1.1: `id_str`, not the number, which loses its last digits where a program rounds it.

    (A deletion carries `id` as a string.)
    """
    raw = node[name].raw
    if f"{name}_str" not in node and (isinstance(raw, str) or (isinstance(raw, int) and raw < EXACT)):
        return node[name].identifier()
    return node[f"{name}_str"].identifier()


# --------------------------------------------------------------------------------------------- Filtered Stream


def streamed(body: Node) -> Iterator[Event]:
    """Yield a post found by keyword, once for each account that a matching rule's tag begins with.

    A stream belongs to the app, not to an account, so the rule's tag says for whom it is: "900000000000000010 brand".
    """
    tags = [rule["tag"].exact("") for rule in body["matching_rules"].items()]
    heads = [tag.split(" ")[0] for tag in tags]
    accounts = dict.fromkeys(head for head in heads if head.isascii() and head.isdigit()) or {STREAM: None}
    for account in accounts:
        yield _post(body, body["data"].object(), account, "stream")


def replayed(status: Node) -> Event:
    """Return the end of a replay job that the operator had started; it names no account but the webhook."""
    job, state = status["job_id"].identifier(), status["job_state"].text()
    description = status["job_state_description"].text("")
    return Event(
        channel=NAME,
        account=status["webhook_id"].identifier(),
        kind=Kind.OTHER,
        object_id=job,
        verb="replay",
        version=state,
        thread=f"replay-{job}",
        visibility=Visibility.PRIVATE,
        text=f"[replay {state}]",
        facts={"Description": description} if description else {},
        raw=fragment(status),
    )


# ------------------------------------------------------------------------------------------------- small words


def fingerprint(node: Node) -> str:
    """Return a short digest of a fragment, the same for each redelivery, where X gives no id."""
    return hashlib.sha256(json.dumps(node.raw, sort_keys=True).encode()).hexdigest()[:24]


def _first(node: Node, *names: str) -> Node:
    """Return the first of the members that is there: X renames `tweet` to `post` in its documents, one by one."""
    return next((node[name] for name in names if node[name]), node[names[0]])


def _readable(text: str, urls: Iterable[Node], media: Iterable[Node] = ()) -> str:
    """Return the words as written: X escapes `&`, `<` and `>`, and puts its own address in place of each link.

    The address of a medium (it has a `media_key`, or is v1.1's media entity) was not written by anybody. Media come
    first, for those of direct messages stand among the links, too.
    """
    for item in (*media, *urls):
        short, long = item["url"].text(""), item["expanded_url"].text("")
        if short and ("media_key" in item or "id_str" in item):
            text = text.replace(short, "").rstrip()
        elif short and long:
            text = text.replace(short, long)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _language(given: str) -> str:
    """Return X's guess; `und` and its codes for what is no language (`qme`, `zxx` …) say nothing."""
    return given if given not in {"und", "zxx"} and not given.startswith("q") else ""


def _moment(post: Node) -> datetime | None:
    """Return the time of a post: Unix milliseconds, ISO 8601, or v1.1's "Tue Sep 01 00:45:01 +0000 2026"."""
    if post["timestamp_ms"]:
        return post["timestamp_ms"].epoch()
    text = post["created_at"].text("")
    try:
        # The names are English whatever the process's locale is: Lambda's is C.
        return datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y").astimezone(UTC)
    except (ValueError, OverflowError):
        return post["created_at"].iso()


def _facts(author: Author | None, number: str, quoted: str) -> Mapping[str, str]:
    quotes = {"Quotes": f"https://x.com/i/status/{quoted}"} if quoted else {}
    return {"Link": f"https://x.com/{(author and author.handle) or 'i'}/status/{number}", **quotes}

"""Instagram: comments, mentions and direct messages of a professional account.

Set-up: in the Meta app add the product Instagram (or Webhooks, object **Instagram**) with this endpoint's address and
a verify token; tick `comments`, `live_comments`, `mentions`, `messages`, `message_edit`, `messaging_postbacks` and
`messaging_referral`, then `POST /me/subscribed_apps` for each account. Step by step, with permissions and app review:
docs/channels/instagram.md. https://developers.facebook.com/docs/instagram-platform/webhooks

Signature: `X-Hub-Signature-256`, HMAC-SHA256 of the raw body in hex, under the App Secret, or under the Instagram app
secret where the app uses Instagram Login. Which one signs when an app uses both is not documented, so a list in
`app_secret` accepts either. https://developers.facebook.com/docs/graph-api/webhooks/getting-started/

Secrets: endpoint `app_secret`, `verify_token`; connection `instagram_token` (Instagram Login, 60 days) or `page_token`
of the linked Page (Facebook Login). https://developers.facebook.com/docs/instagram-platform/overview

Limits: 1,000 bytes of UTF-8 a message; 24 hours after the customer's last message, 7 days for a person's answer
(HUMAN_AGENT); one private reply to a comment, within 7 days; a live comment is answered privately, during the
broadcast. https://developers.facebook.com/documentation/instagram-platform/private-replies

What survives a redelivery: a comment's `id`, a message's `mid` (an unsend and an edit carry the original's). All else
has no id: its key is made of person and time, which the repeated body repeats. The key holds neither the login nor
the shape of the body, since one event may come by both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, each, filled, in_turn, line
from deskwire.contracts.terms import Figure, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.families import meta
from deskwire.model.errors import DeskwireError, PayloadError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD, compose
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.values import replace
from deskwire.web.reading import Node, fragment, read

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request, Response

WEBHOOKS: Final = "https://developers.facebook.com/docs/instagram-platform/webhooks"
PRIVATE_REPLIES: Final = "https://developers.facebook.com/documentation/instagram-platform/private-replies"
MESSAGING: Final = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api"
)
REPLIES: Final = (
    "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-comment/replies"
)
BY_INSTAGRAM: Final = meta.Login("https://graph.instagram.com", "instagram_token")
TEST_ACCOUNT: Final = "0"  # the dashboard's test button
COMMENTS: Final = frozenset({"comments", "live_comments"})
# No webhook of an edited or removed comment is documented; were there one, it would say so as a Page's feed does.
EDITS: Final = frozenset({"edit", "edited"})
REMOVALS: Final = frozenset({"remove", "delete"})
HANDOVERS: Final = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
# Fields that come in `changes` with the content itself as the value, without its name around it (seen in parsers).
BARE: Final = {"message_edit": "message_edit", "message_reactions": "reaction", "messaging_seen": "read"}
# https://developers.facebook.com/documentation/business-messaging/instagram-messaging/changelog/ (share of a post:
# removed in favour of ig_post; both came together for some months)
KINDS: Final = {
    "image": AttachmentKind.IMAGE,
    "animated_image": AttachmentKind.IMAGE,
    "video": AttachmentKind.VIDEO,
    "reel": AttachmentKind.VIDEO,
    "ig_reel": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
    "file": AttachmentKind.FILE,
    "like_heart": AttachmentKind.STICKER,
    "sticker": AttachmentKind.STICKER,
    "share": AttachmentKind.LINK,
    "ig_post": AttachmentKind.LINK,
    "post": AttachmentKind.LINK,
    "template": AttachmentKind.LINK,
    "fallback": AttachmentKind.LINK,
}
NAMES: Final = {
    "like_heart": "heart",
    "story_mention": "a story that mentions us",
    "ephemeral": "a picture or video to be seen once",  # no address is to be expected
}
SENDABLE: Final = {
    AttachmentKind.IMAGE: "image",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.FILE: "file",
}


class Instagram(Channel):
    """The connector. A thread is a root comment or a mentioning post (public), or a person (private)."""

    name = "instagram"
    title = "Instagram"
    verification = meta.SIGNATURE
    endpoint_secrets: ClassVar[Mapping[str, str]] = {
        **meta.ENDPOINT_SECRETS,
        "app_secret": "the App Secret, or the Instagram app secret with Instagram Login; a list accepts both",
    }
    connection_secrets: ClassVar[Mapping[str, str]] = {
        BY_INSTAGRAM.token: "the Instagram user access token (Instagram Login, 60 days)",
        meta.PAGE_TOKEN: "or the Page access token of the linked Page (Facebook Login)",
    }
    media_hosts: ClassVar[tuple[str, ...]] = (*meta.MEDIA_HOSTS, "cdninstagram.com")
    terms = Terms(
        sending={
            Visibility.PUBLIC: Sending(
                # Current pages state no length. 300 is that of an interface retired since, 2,196 a tool's: the
                # larger is not relied on, and what Instagram refuses is told to the agent.
                text=Figure(TextLimit(2196, Unit.UTF16), REPLIES, meta.CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, REPLIES, meta.CHECKED),
                        automatic=Figure(True, REPLIES, meta.CHECKED, confirmed=False),  # noqa: FBT003
                    ),
                ),
            ),
            Visibility.PRIVATE: Sending(
                text=Figure(TextLimit(1000, Unit.BYTES, pieces=5), MESSAGING, meta.CHECKED),
                windows=(
                    Window(
                        name="standard",
                        span=Figure(timedelta(hours=24), MESSAGING, meta.CHECKED),
                        automatic=Figure(True, MESSAGING, meta.CHECKED),  # noqa: FBT003
                    ),
                    Window(
                        name="human agent",
                        span=Figure(timedelta(days=7), MESSAGING, meta.CHECKED),
                        automatic=Figure(False, MESSAGING, meta.CHECKED),  # noqa: FBT003
                        tag="HUMAN_AGENT",
                    ),
                ),
            ),
        },
        private_reply=Sending(
            text=Figure(TextLimit(1000, Unit.BYTES), MESSAGING, meta.CHECKED),
            windows=(
                Window(
                    name="private reply",
                    span=Figure(timedelta(days=7), PRIVATE_REPLIES, meta.CHECKED),
                    automatic=Figure(True, PRIVATE_REPLIES, meta.CHECKED),  # noqa: FBT003
                ),
            ),
        ),
        body_limit=meta.BODY_LIMIT,
        deadline=Figure(timedelta(seconds=5), meta.WEBHOOKS, meta.CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=36), meta.WEBHOOKS, meta.CHECKED),
        api_version=meta.API_VERSION,
        sunset=meta.SUNSET,
        figures={
            "private_replies": Figure(1, PRIVATE_REPLIES, meta.CHECKED),
        },
    )

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        return meta.handshake(request, secrets)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Read a delivery of the object `instagram`; `page` is Messenger's and Facebook's.

        The examples of Instagram Login show the whole in a list, so that is accepted as well.
        """
        body = read(request.body)
        for delivery in [*body.items()] if isinstance(body.raw, list) and body.raw else [body]:
            if delivery.object()["object"].text() != self.name:
                raise PayloadError("the delivery is not of the object “instagram”")
            if "entry" not in delivery:
                raise PayloadError("the delivery has no entry")
            for entry in delivery["entry"].items():
                yield from _entry(entry)

    def complete(self, event: Event, reach: Reach) -> Event | None:
        """Return the event with its author and words; a mention's webhook has ids alone.

        Instagram Login documents no such look-up, and a post may be hidden by now: the ticket then has the ids.
        """
        mention = event.keep.get("mention", "")
        path, fields = _lookup(event, mention)
        found = meta.ask(path, fields, reach, what="reading a mention") if reach.secrets.has(meta.PAGE_TOKEN) else None
        if found is None:
            return replace(event, complete=True, text=line(event.text, (), "a mention: look at it on Instagram"))
        if mention:
            found = found[f"mentioned_{mention}"]
        author = event.author or _commenter(found["from"]) or _named(_said(found["username"]))
        text = event.text or _said(found["text"]) or _said(found["caption"])
        return replace(
            event,
            complete=True,
            author=author,
            text=line(text, (), "a mention: look at it on Instagram"),
            occurred_at=_when(found["timestamp"]) or event.occurred_at,
            facts={**event.facts, **filled({"Link": _said(found["permalink"])})},
        )

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the person's name and handle; Instagram tells them of people who have written privately."""
        if author.handle:
            return author
        login = _login(reach)
        try:
            call = meta.graph_request(login, "GET", (author.id,), None, reach, fields="name,username")
            found = meta.settled(reach.http(call), what="asking for a name", token=login.token)
            return replace(author, name=found["name"].text(""), handle=found["username"].text(""))
        except DeskwireError:  # a name is a nicety, the next sending will tell what is wrong
            return author

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Answer a comment or a mention in public, or privately; or write to a person in their window."""
        if permit.tag and outgoing.automatic:
            raise PermanentError(f"the tag {permit.tag} is for what a person wrote", code="human-agent")
        from deskwire.care import measure

        texts = measure.pieces(outgoing.text, permit.limit)
        if outgoing.visibility is Visibility.PUBLIC:
            return Sent((_comment(outgoing, texts, reach),))
        if outgoing.private_reply:
            return _answer_privately(outgoing, texts, reach)
        how = {"messaging_type": "MESSAGE_TAG", "tag": permit.tag} if permit.tag else {}
        contents: list[Mapping[str, object]] = [{"text": text} for text in texts]
        contents += [_sendable(attachment) for attachment in outgoing.attachments]

        def sender(content: Mapping[str, object]) -> Callable[[], str]:
            def send() -> str:
                answer = _message({"id": outgoing.thread}, content, reach, **how)
                return meta.posted(answer, "message_id", what="sending a message")

            return send

        return Sent(in_turn([sender(content) for content in contents]))

    def sent(self, outgoing: Outgoing, since: datetime, reach: Reach) -> Sent | None:
        """Look for our reply under its comment: the same words, not older than `since`."""
        if outgoing.visibility is Visibility.PRIVATE or outgoing.context.get("mention"):
            raise PermanentError(
                "Instagram does not tell whether this went out: look into the app's inbox, or at the post",
                code="unknown",
            )
        answer = _asked("GET", (outgoing.thread, "replies"), None, reach, "looking for our reply",
                        fields="id,text,timestamp,from", limit="50")  # fmt: skip
        for reply in answer["data"].items():
            written = _when(reply["timestamp"])
            if (
                _said(reply["from"]["id"]) in {"", reach.account}
                and _said(reply["text"]).split() == outgoing.text.split()
                and (written is None or written >= since - timedelta(minutes=1))  # their clock and ours
            ):
                return Sent((reply["id"].identifier(),))
        return None


# ------------------------------------------------------------------------------------------------ what is sent


def _login(reach: Reach) -> meta.Login:
    return BY_INSTAGRAM if reach.secrets.has(BY_INSTAGRAM.token) else meta.PAGE


def _asked(method: str, path: tuple[str, ...], payload: object, reach: Reach, what: str, **query: str) -> Node:
    login = _login(reach)
    call = meta.graph_request(login, method, path, payload, reach, **query)
    return meta.settled(reach.http(call), what=what, token=login.token)


def _message(recipient: Mapping[str, str], content: Mapping[str, object], reach: Reach, **how: str) -> Node:
    """Send through the inbox: `me` is the account by its own token, and the linked Page by a Page's."""
    payload = {"recipient": dict(recipient), **how, "message": dict(content)}
    return _asked("POST", ("me", "messages"), payload, reach, "sending a message")


def _sendable(attachment: Attachment) -> Mapping[str, object]:
    kind = SENDABLE.get(attachment.kind)
    if kind is None or not attachment.url.startswith("https://"):
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    return {"attachment": {"type": kind, "payload": {"url": attachment.url}}}


def _comment(outgoing: Outgoing, texts: list[str], reach: Reach) -> str:
    """Reply under the root comment (a reply to a reply lands there anyhow), or to what mentions us."""
    if outgoing.attachments or len(texts) != 1:
        raise PermanentError("a comment on Instagram is words alone", code="attachment")
    if outgoing.context.get("place") == "live_comments":
        raise PermanentError("a live comment takes a private reply only, while the broadcast lasts", code="live")
    path, payload = (outgoing.thread, "replies"), {"message": texts[0]}
    if outgoing.context.get("mention"):
        path = (reach.account, "mentions")
        payload["media_id"] = outgoing.context.get("media", outgoing.thread)
        if outgoing.context["mention"] == "comment":
            payload["comment_id"] = outgoing.thread
    answer = _asked("POST", path, payload, reach, "commenting")
    return meta.posted(answer, "id", what="commenting")


def _answer_privately(outgoing: Outgoing, texts: list[str], reach: Reach) -> Sent:
    """Send the one private reply that a comment may have; what comes back is in the person's own thread."""
    if outgoing.context.get("mention") == "media":
        raise PermanentError("Instagram has no private reply to a caption", code="no-private-reply")
    if len(texts) != 1 or outgoing.attachments:
        raise PermanentError("a private reply is one message of at most 1,000 bytes", code="one-piece")
    answer = _message({"comment_id": outgoing.reply_to or outgoing.thread}, {"text": texts[0]}, reach)
    made = meta.posted(answer, "message_id", what="replying privately")
    person = _said(answer["recipient_id"])
    return Sent((made,), compose("instagram", reach.account, person) if person else "")


def _lookup(event: Event, mention: str) -> tuple[tuple[str, ...], str]:
    if mention == "comment":
        return (event.account,), f"mentioned_comment.comment_id({event.object_id}){{text,timestamp,username}}"
    if mention == "media":
        wanted = "caption,timestamp,username,permalink"
        return (event.account,), f"mentioned_media.media_id({event.object_id}){{{wanted}}}"
    return (event.object_id,), "from,text,timestamp,username"


# ------------------------------------------------------------------------------------------------ what is read


def _said(node: Node) -> str:
    """Return a secondary text or id; what is of another type is left out, since it must not park the words."""
    try:
        return node.text("") if isinstance(node.raw, str) else node.identifier("")
    except PayloadError:
        return ""


def _when(node: Node) -> datetime | None:
    """Return a time; none where it cannot be read (Meta writes seconds, milliseconds, texts and +0000)."""
    try:
        return meta.moment(node)
    except PayloadError:
        return None


def _identifier(node: Node) -> str:
    """Return a secondary id, "" where it is none."""
    try:
        return node.identifier("")
    except PayloadError:
        return ""


def _flag(node: Node) -> bool:
    return node.raw is True or node.raw == "true"


def _list(node: Node) -> Iterable[Node]:
    """Return the elements, or the one thing that stands where a list is documented."""
    return node.items() if isinstance(node.raw, list) else [node] if node else []


def _entry(entry: Node) -> Iterator[Event | Unreadable]:
    """Yield what an entry says: messages, changes, and the one change that stands in the entry itself."""
    if not isinstance(entry.raw, dict):
        yield Unreadable(f"{entry.path} is no object", entry.raw)
        return
    for name in ("messaging", "standby"):
        standby = name == "standby"
        yield from each(_list(entry[name]), lambda item, standby=standby: _item(entry, item, standby=standby))  # type: ignore[misc]
    changes = [*_list(entry["changes"]), *([entry] if "field" in entry else [])]
    yield from each(changes, lambda change: _change(entry, change.object()))
    if not changes and not {"messaging", "standby", "changes"} & entry.raw.keys():
        yield from each([entry], lambda node: [_other(node, node, "nothing")])


def _change(entry: Node, change: Node) -> Iterator[Event]:
    field = change["field"].text()
    values = list(_list(change["value"])) or [change["value"]]
    for value in values:
        if _identifier(entry["id"]) == TEST_ACCOUNT:
            yield _other(entry, value, field)
        elif field in COMMENTS:
            yield _written(entry, value.object(), field)
        elif field == "mentions":
            yield _mention(entry, value.object())
        elif {"sender", "recipient", "message"} & _keys(value) or field in BARE:
            yield from _item(entry, value, standby=field == "standby", field=field)
        else:
            yield _other(entry, value, field)


def _keys(node: Node) -> set[str]:
    return set(node.raw) if isinstance(node.raw, dict) else set()


def _other(entry: Node, node: Node, what: str) -> Event:
    """Return what is genuine and not known here, and the dashboard's test button."""
    account = entry["id"].identifier()
    return Event(
        channel="instagram",
        account=account,
        kind=Kind.OTHER,
        # There is no id: two of a kind in one second count once.
        object_id=f"{what[:60]}:{_identifier(entry['time'])}",
        verb="unknown",
        thread=account,
        visibility=Visibility.PUBLIC,
        text=f"[{what[:60]}]",
        facts=filled({"Test": "yes" if account == TEST_ACCOUNT else ""}),
        raw=fragment(node),
    )


def _commenter(node: Node) -> Author | None:
    """Return who commented; an id is missing now and then, and the name is unique."""
    handle = _said(node["username"])
    identifier = _identifier(node["id"]) or _identifier(node["self_ig_scoped_id"])
    return Author(identifier, _said(node["name"]), handle) if identifier else _named(handle)


def _named(handle: str) -> Author | None:
    return Author(handle, handle=handle) if handle else None


def _public(entry: Node, value: Node, object_id: str, **more: Any) -> Event:  # noqa: ANN401
    fields: dict[str, Any] = {
        "verb": ADD,
        "kind": Kind.MESSAGE,
        "thread": object_id,
        "occurred_at": _when(value["created_time"]) or _when(value["timestamp"]) or _when(entry["time"]),
        **more,
    }
    return Event(
        channel="instagram",
        account=entry["id"].identifier(),
        object_id=object_id,
        visibility=Visibility.PUBLIC,
        raw=fragment(value),
        **fields,
    )


def _written(entry: Node, value: Node, field: str) -> Event:
    """Return a comment. Its value has no time of its own, so the entry's is the best there is."""
    account = entry["id"].identifier()
    object_id = (value["id"] or value["comment_id"]).identifier()
    sender, media = value["from"], value["media"]
    author, parent, text = _commenter(sender), _identifier(value["parent_id"]), value["text"].text("")
    verb, attachments = _said(value["verb"]), ()
    known: dict[str, Any] = {
        "thread": parent or object_id,
        "author": author,
        # Our own comment names our scoped id; https://developers.facebook.com/docs/instagram-platform/webhooks
        "own": author is not None and (author.id == account or "self_ig_scoped_id" in sender),
        "reply_to": parent,
        "facts": filled(
            {
                "Post": _identifier(media["id"]) or _identifier(value["media_id"]),
                "Kind of post": _said(media["media_product_type"]),
                "Advertisement": _said(media["ad_title"]) or _said(media["ad_id"]),
            }
        ),
        "keep": {"place": field},
    }
    if verb in REMOVALS:
        return _public(entry, value, object_id, kind=Kind.DELETION, verb="delete", **known)
    if verb in EDITS:
        version = meta.mark(text)
        return _public(entry, value, object_id, kind=Kind.EDIT, verb="edit", version=version, text=text, **known)
    empty = "a comment without words: look at it on Instagram"
    return _public(
        entry, value, object_id, complete=author is not None, text=line(text, attachments, empty) if author else text,
        **known,
    )  # fmt: skip


def _mention(entry: Node, value: Node) -> Event:
    """Return a mention: in a caption (`media_id` alone) or in a comment. Its words are fetched."""
    media, comment = _identifier(value["media_id"]), _identifier(value["comment_id"])
    if not media and not comment:
        raise PayloadError(f"{value.path} names neither media nor comment")
    keep = {"place": "mentions", "mention": "comment" if comment else "media", "media": media}
    text, author = _said(value["text"]), _commenter(value["from"])
    return _public(
        entry, value, comment or media, author=author, text=text, complete=bool(text and author),
        facts=filled({"Post": media, "Mention": "in a comment" if comment else "in a caption"}), keep=filled(keep),
    )  # fmt: skip


def _item(entry: Node, item: Node, *, standby: bool, field: str = "") -> Iterator[Event]:
    return _Item(entry, item.object(), standby=standby, field=field).events()


class _Item:
    """One item of `messaging` or `standby`, or the value of such a change."""

    def __init__(self, entry: Node, item: Node, *, standby: bool, field: str) -> None:
        self.entry, self.item, self.standby, self.field = entry, item, standby, field
        self.account = entry["id"].identifier()
        bare = BARE.get(field, "")
        self.parts = {bare: item} if bare and bare not in item else {name: item[name] for name in _keys(item)}
        sender = _identifier(item["sender"]["id"]) or _identifier(item["from"]["id"])
        recipient = _identifier(item["recipient"]["id"])
        # `is_self` marks what the account writes to itself: its own too.
        self.own = sender == self.account or any(_flag(item[at]["is_echo"]) for at in ("message", "postback"))
        self.person = (recipient if self.own else sender) or self.account
        self.sender = sender
        self.at = _when(item["timestamp"]) or _when(entry["time"])
        self.stamp = _identifier(item["timestamp"]) or _identifier(entry["time"])

    def events(self) -> Iterator[Event]:
        """Yield the one thing it says."""
        readers: Mapping[str, Callable[[Node], Event]] = {
            "message": self._message,
            "message_edit": self._edit,
            "reaction": self._reaction,
            "postback": self._postback,
            "read": self._seen,
            "referral": self._referral,
            "optin": self._optin,
            **dict.fromkeys(HANDOVERS, self._handover),
        }
        for name, reader in readers.items():
            if self.account != TEST_ACCOUNT and self.parts.get(name):
                self.name = name
                yield reader(self.parts[name])
                return
        known = {"sender", "recipient", "timestamp", "is_self"}
        what = self.field or next((name for name in self.item.raw if name not in known), "nothing")
        yield _other(self.entry, self.item, what)

    def _event(self, kind: Kind, object_id: str, verb: str, **more: Any) -> Event:  # noqa: ANN401
        fields: dict[str, Any] = {
            "own": self.own,
            "no_automatic_reply": "standby" if self.standby else "",
            **more,
        }
        return Event(
            channel="instagram",
            account=self.account,
            kind=kind,
            object_id=object_id,
            verb=verb,
            thread=self.person,
            visibility=Visibility.PRIVATE,
            author=Author(self.sender) if self.sender else None,
            occurred_at=self.at,
            raw=fragment(self.item),
            **fields,
        )

    def _message(self, message: Node) -> Event:
        mid = message["mid"].identifier()
        if _flag(message["is_deleted"]):
            return self._event(Kind.DELETION, mid, "delete")
        if not self.sender:
            raise PayloadError(f"{message.path} has no sender")
        text, story = message["text"].text(""), message["reply_to"]["story"]
        attachments = [_attachment(node) for node in _list(message["attachments"])]
        if address := _said(story["url"]):  # it lives about a day, so the agent needs a copy
            attachments.append(
                Attachment(AttachmentKind.FILE, address, _identifier(story["id"]), "the story that is answered")
            )
        found = meta.distinct(attachments)
        closed = "a message that Instagram does not pass on: open the app's inbox"
        return self._event(
            Kind.MESSAGE,
            mid,
            ADD,
            text=line(text, found, closed if _flag(message["is_unsupported"]) else "an empty message"),
            attachments=found,
            reply_to=_identifier(message["reply_to"]["mid"]),
            facts=filled(
                {
                    "Answers the story": _identifier(story["id"]),
                    "Quick reply": _said(message["quick_reply"]["payload"]),
                    "App": _identifier(message["app_id"]) if self.own else "",
                    "Product": _identifier(message["referral"]["product"]["id"]),
                    **_referral(message["referral"]),
                }
            ),
        )

    def _edit(self, edit: Node) -> Event:
        """Return an edit. It comes with number 0, without words or people, of messages that nobody edited too."""
        number, text = _identifier(edit["num_edit"]), _said(edit["text"])
        mid = edit["mid"].identifier()
        if number == "0" or (self.person == self.account and not text):
            return self._event(Kind.STATE, mid, "message_edit", version=self.stamp, text="[message_edit]")
        words = line(text, (), "edited; Instagram does not show the new words")
        return self._event(Kind.EDIT, mid, "edit", version=number or meta.mark(text), text=words)

    def _reaction(self, reaction: Node) -> Event:
        undone = {_said(reaction["action"]), _said(reaction["verb"])} & {"unreact", "remove"}
        verb, kind = "unreact" if undone else "react", _said(reaction["reaction"])
        return self._event(
            Kind.REACTION,
            reaction["mid"].identifier(),
            verb,
            version=f"{self.sender}:{self.stamp}",
            text=_said(reaction["emoji"]) or f"[{kind or verb}]",
            facts=filled({"Reaction": kind}),
        )

    def _postback(self, postback: Node) -> Event:
        payload, title = _said(postback["payload"]), _said(postback["title"])
        made = f"{self.person}:{self.stamp}:{meta.mark(payload)}"
        return self._event(
            Kind.MESSAGE,
            _identifier(postback["mid"]) or made,
            ADD,
            text=line(title or payload, (), "a button was pressed"),
            facts=filled({"Button": payload, **_referral(postback["referral"])}),
        )

    def _seen(self, seen: Node) -> Event:
        mid = _identifier(seen["mid"]) or f"{self.person}:{_identifier(seen['watermark']) or self.stamp}"
        return self._event(Kind.RECEIPT, mid, "read", text="[read]")

    def _referral(self, referral: Node) -> Event:
        facts = _referral(referral)
        object_id = f"{self.person}:{self.stamp}:{facts.get('Referral', '')[:200]}"
        return self._event(Kind.STATE, object_id, "referral", text="[came by a link]", facts=facts)

    def _optin(self, optin: Node) -> Event:
        facts = filled({"Opted in to": _said(optin["type"])})
        return self._event(Kind.STATE, f"{self.person}:{self.stamp}", "optin", text="[opted in]", facts=facts)

    def _handover(self, control: Node) -> Event:
        owner = _identifier(control["new_owner_app_id"]) or _identifier(control["requested_owner_app_id"])
        facts = filled({"New owner": owner, "Previous owner": _identifier(control["previous_owner_app_id"])})
        return self._event(Kind.STATE, f"{self.person}:{self.stamp}", self.name, text=f"[{self.name}]", facts=facts)


def _referral(node: Node) -> dict[str, str]:
    names = {"ref": "Referral", "source": "Referral source", "type": "Referral type", "ad_id": "Advertisement"}
    return filled({ours: _said(node[theirs]) for theirs, ours in names.items()})


def _attachment(node: Node) -> Attachment:
    """Return an attachment; one that cannot be read is named, and the words beside it stay."""
    kind, payload = _said(node["type"]), node["payload"]
    elements = payload["generic"]["elements"] if "generic" in payload else payload["elements"]
    name = NAMES.get(kind) or _said(payload["title"]) or _said(node["title"]) or _said(elements[0]["title"])
    if (not name and kind not in KINDS) or (kind == "template" and not name):
        name = kind or "an attachment"
    url = _said(payload["url"]) or _said(node["url"])
    identifier = next(
        (
            found
            for field in ("id", "reel_video_id", "ig_post_media_id", "sticker_id")
            if (found := _identifier(payload[field]))
        ),
        "",
    )
    return Attachment(KINDS.get(kind, AttachmentKind.FILE), url, identifier, name[:200])

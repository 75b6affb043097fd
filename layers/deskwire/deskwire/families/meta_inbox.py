"""Shared by Messenger and Instagram's direct messages: items of `messaging`, attachments, windows and sending.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
https://developers.facebook.com/docs/instagram-platform/webhooks/examples/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from deskwire.contracts.channel import filled, in_turn, line, place
from deskwire.contracts.terms import Figure, FileLimit, OfferLimit, Pace, Permit, Sending, TextLimit, Window
from deskwire.model.choices import choice_in
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.sending import Outgoing, Sent
from deskwire.web.reading import Node, fragment

from . import meta
from .meta_reading import TEST_ACCOUNT, flag, listed

HANDOVERS: Final = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
ABOUT: Final = frozenset({"sender", "recipient", "timestamp", "is_self"})
# Messenger: …/webhook-events/messages (location: older clients only). Instagram's shared posts came as `share` until
# 2026-04-27, for some months together with `ig_post`:
# https://developers.facebook.com/documentation/business-messaging/instagram-messaging/changelog/
KINDS: Final = {
    "image": AttachmentKind.IMAGE,
    "animated_image": AttachmentKind.IMAGE,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
    "reel": AttachmentKind.VIDEO,
    "ig_reel": AttachmentKind.VIDEO,
    "file": AttachmentKind.FILE,
    "sticker": AttachmentKind.STICKER,
    "like_heart": AttachmentKind.STICKER,
    "location": AttachmentKind.LOCATION,
    "fallback": AttachmentKind.LINK,
    "post": AttachmentKind.LINK,
    "ig_post": AttachmentKind.LINK,
    "share": AttachmentKind.LINK,
    "template": AttachmentKind.LINK,
    "appointment_booking": AttachmentKind.LINK,
    # A story that mentions us is shown by its address and never copied: "You must not store the media content".
    # https://developers.facebook.com/docs/messenger-platform/instagram/features/story-mention
    "story_mention": AttachmentKind.LINK,
    # A story that the person shares; not documented. Its fields are those of others' captures.
    "ig_story": AttachmentKind.LINK,
}
NAMES: Final = {
    "like_heart": "heart",
    "story_mention": "a story that mentions us",
    "ig_story": "a shared story",
    "ephemeral": "a picture or video to be seen once",  # comes without an address
    "appointment_booking": "appointment_booking",
    "unsupported_type": "a shared post, reel or advertisement",  # seen by users of Zernio's API, not documented
}
IDS: Final = ("id", "reel_video_id", "ig_post_media_id", "story_media_id", "sticker_id")
SENDABLE: Final = {
    AttachmentKind.IMAGE: "image",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.FILE: "file",
}
# What Instagram takes; Messenger's page names 25 MB and no types (unconfirmed: it is held to the same).
# https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/attachment-upload
FILES: Final = (
    FileLimit(AttachmentKind.IMAGE, 8_000_000, ("image/jpeg", "image/png", "image/gif")),
    FileLimit(AttachmentKind.AUDIO, 25_000_000, ("audio/aac", "audio/mp4", "audio/wav", "audio/x-m4a")),
    FileLimit(
        AttachmentKind.VIDEO, 25_000_000, ("video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm")
    ),
    FileLimit(AttachmentKind.FILE, 25_000_000, ("application/pdf",)),
)

# Quick replies: 13, each with a title of 20 characters and a payload of 1,000, which comes back as `quick_reply`.
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/quick-replies
# https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/quick-replies (not shown
# on a computer: there the number is typed)
OFFERS: Final = Figure(
    OfferLimit(13, 20, 1000),
    "https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/quick-replies",
    meta.CHECKED,
)


# ------------------------------------------------------------------------------------------------ what is read


Reader = Callable[[Any, Node], Iterator[Event]]


class Item:
    """One item of `messaging` or `standby`: a message, or a change of one, in a person's thread.

    Ids that survive a redelivery: `message.mid` and `postback.mid` (an unsend and an edit have the original's). Other
    items have no id: their key is made of person, time and content, which a redelivery repeats.
    """

    channel: ClassVar[str]
    hidden: ClassVar[str]  # the line for a message that the platform does not pass on

    def __init__(self, entry: Node, item: Node, *, standby: bool) -> None:
        """Read the person and the time. Raises `PayloadError` if it is not an object, or its entry has no id."""
        self.item = item.object()
        self.account = entry["id"].identifier()
        self.standby = standby
        self.sender = party(item["sender"])
        self.own = self.sender == self.account or any(flag(item[at]["is_echo"]) for at in ("message", "postback"))
        recipient = party(item["recipient"]) if self.own else ""  # of a customer's message it says nothing new
        # An echo names the account as its sender; in some captures of libraries, as its recipient.
        ends = (recipient, self.sender) if self.own else (self.sender,)
        self.person = next((end for end in ends if end not in {"", self.account}), self.account)
        made = item["timestamp"]
        self.at = meta.moment(made)
        self.stamp = made.any_id() or entry["time"].any_id()

    def events(self) -> Iterator[Event]:
        """Yield the item's events; an unknown kind, and the dashboard's test, is an event of its own."""
        if self.account != TEST_ACCOUNT:
            for name, reader in self.readers.items():
                if name in self.item:
                    yield from reader(self, self.item[name])
                    return
        yield self._unknown()

    def attachments(self, message: Node) -> tuple[Attachment, ...]:
        """Return a message's attachments."""
        return meta.distinct([attachment(node) for node in listed(message["attachments"])])

    def facts(self, message: Node) -> Mapping[str, str]:
        """Return further facts about a message."""
        payload = message["quick_reply"]["payload"].text("")
        return {
            "Quick reply": "" if choice_in(payload) else payload,
            # Of an echo: who wrote it. No app, or the inbox's, is a person in Meta's own inbox.
            "App": message["app_id"].any_id() if self.own else "",
            **referral(message["referral"]),
        }

    def _event(self, kind: Kind, object_id: str, verb: str, **more: Any) -> Event:  # noqa: ANN401
        fields: dict[str, Any] = {
            "occurred_at": self.at,
            "own": self.own,
            "author": Author(self.sender) if self.sender else None,
            "thread": self.person,
            "no_automatic_reply": "standby" if self.standby else "",
            **more,
        }
        return Event(
            channel=self.channel,
            account=self.account,
            kind=kind,
            object_id=object_id,
            verb=verb,
            visibility=Visibility.PRIVATE,
            raw=fragment(self.item),
            **fields,
        )

    def _message(self, message: Node) -> Iterator[Event]:
        mid = message["mid"].identifier()
        if flag(message["is_deleted"]):  # documented for Instagram; seen in parsers of Messenger
            yield self._event(Kind.DELETION, mid, "delete")
            return
        if not self.sender:
            raise PayloadError(f"{message.path} has no sender")
        attachments, facts = self.attachments(message), filled(self.facts(message))
        pressed = message["quick_reply"]["payload"]
        text = message["text"].exact("") or pressed.exact("")
        otherwise = "a question about a product" if "Product" in facts else "an empty message"
        if flag(message["is_unsupported"]):
            otherwise = self.hidden
        yield self._event(
            Kind.MESSAGE,
            mid,
            ADD,
            text=line(text, attachments, otherwise),
            attachments=attachments,
            reply_to=message["reply_to"]["mid"].any_id(),
            echo_of=message["metadata"].text("") if self.own else "",
            choice=choice_in(pressed.text("")),
            facts=facts,
        )

    def _edit(self, edit: Node) -> Iterator[Event]:
        text = edit["text"].exact("")
        version = edit["num_edit"].any_id() or meta.mark(text)
        words = line(text, (), "edited; the new words are not passed on")
        yield self._event(Kind.EDIT, edit["mid"].identifier(), "edit", version=version, text=words)

    def _reaction(self, reaction: Node) -> Iterator[Event]:
        undone = {reaction["action"].text(""), reaction["verb"].text("")} & {"unreact", "remove"}
        verb, kind = "unreact" if undone else "react", reaction["reaction"].text("")
        yield self._event(
            Kind.REACTION,
            reaction["mid"].identifier(),
            verb,
            version=f"{self.sender}:{self.stamp}",
            text=reaction["emoji"].text("") or f"[{kind or verb}]",
            facts=filled({"Reaction": kind}),
        )

    def _postback(self, postback: Node) -> Iterator[Event]:
        payload, title = postback["payload"].exact(""), postback["title"].exact("")  # on standby: no payload
        made = f"{self.person}:{self.stamp}:{meta.mark(payload)}"  # before v11 there was no mid
        yield self._event(
            Kind.MESSAGE,
            postback["mid"].any_id() or made,
            ADD,
            text=line(title or payload, (), "a button was pressed"),
            choice=choice_in(payload),
            facts=filled({"Button": "" if choice_in(payload) else payload, **referral(postback["referral"])}),
        )

    def _seen(self, seen: Node) -> Iterator[Event]:
        """Return a receipt: Instagram names the message, Messenger a time up to which all was read."""
        object_id = seen["mid"].any_id() or f"{self.person}:{seen['watermark'].any_id() or self.stamp}"
        at = self.at or meta.moment(seen["watermark"])
        yield self._event(Kind.RECEIPT, object_id, "read", text="[read]", occurred_at=at)

    def _referral(self, node: Node) -> Iterator[Event]:
        facts = referral(node)
        object_id = f"{self.person}:{self.stamp}:{facts.get('Referral', '')[:200]}"
        yield self._event(Kind.STATE, object_id, "referral", text="[came by a link]", facts=facts)

    def _optin(self, optin: Node) -> Iterator[Event]:
        facts = filled({"Opted in to": optin["type"].text(""), "Referral": optin["ref"].text("")})
        yield self._event(Kind.STATE, f"{self.person}:{self.stamp}", "optin", text="[opted in]", facts=facts)

    def _handover(self, control: Node) -> Iterator[Event]:
        name = str(control.step)
        owner = control["new_owner_app_id"].any_id() or control["requested_owner_app_id"].any_id()
        facts = {
            "New owner": owner,
            "Previous owner": control["previous_owner_app_id"].any_id(),
            "Note": control["metadata"].text(""),
        }
        object_id = f"{self.person}:{self.stamp}"
        yield self._event(Kind.STATE, object_id, name, text=f"[{name}]", facts=filled(facts))

    def _unknown(self) -> Event:
        """Return the event of a genuine item of unknown kind, or of the dashboard's test button."""
        name = next((key[:60] for key, _ in self.item.members() if key not in ABOUT), "nothing")
        return self._event(
            Kind.OTHER,
            f"{self.person}:{self.stamp}",
            name,
            text=f"[{name}]",
            facts=filled({"Test": "yes" if self.account == TEST_ACCOUNT else ""}),
        )

    readers: ClassVar[Mapping[str, Reader]] = {
        "message": _message,
        "message_edit": _edit,
        "reaction": _reaction,
        "postback": _postback,
        "read": _seen,
        "referral": _referral,
        "optin": _optin,
        **dict.fromkeys(HANDOVERS, _handover),
    }


def party(node: Node) -> str:
    """Return the id of sender or recipient; an opt-in from a website has only a `user_ref`."""
    return node["id"].identifier("") or node["user_ref"].identifier("")


def referral(node: Node) -> dict[str, str]:
    """Return the link, advertisement or product through which the person came."""
    if not node:
        return {}
    names = {"ref": "Referral", "source": "Referral source", "type": "Referral type", "ad_id": "Advertisement"}
    facts = {ours: node[theirs].text("") for theirs, ours in names.items()}
    title, product = node["ads_context_data"]["ad_title"].text(""), node["product"]["id"].any_id()
    return filled(facts | {"Title of the advertisement": title, "Product": product})


def attachment(node: Node) -> Attachment:
    """Return an attachment; one that cannot be read is only named, so that the text beside it is kept."""
    kind, payload = node["type"].text(""), node["payload"]
    url = payload["url"].text("") or payload["story_media_url"].text("") or node["url"].text("")
    name = NAMES.get(kind) or payload["title"].text("") or node["title"].text("")
    known = next((found for at in IDS if (found := payload[at].any_id())), "")
    if url.startswith("/reel/"):  # a reel on Facebook itself is told by its path, and is a page to look at
        return Attachment(AttachmentKind.LINK, f"https://www.facebook.com{url}", known, name)
    if payload["sticker_id"].any_id():
        return Attachment(AttachmentKind.STICKER, url, known, name)
    if kind == "location":
        where = payload["coordinates"]
        return Attachment(AttachmentKind.LOCATION, url, name=place(name, where["lat"], where["long"]))
    if kind == "template":
        name = name or _template(payload)
    elif kind not in KINDS:
        name = name or kind or "an attachment"
    return Attachment(KINDS.get(kind, AttachmentKind.FILE), url, known, name)


def _template(payload: Node) -> str:
    elements = (payload["elements"], payload["product"]["elements"], payload["generic"]["elements"])
    words = (payload["text"], *(found[0]["title"] for found in elements), payload["template_type"])
    return next((found for node in words if (found := node.text(""))), "template")


# ------------------------------------------------------------------------------------------------ what is sent


def windows(source: str) -> tuple[Window, ...]:
    """Return the windows: a day for any message, and a week for a person's answer."""
    return (
        Window(
            name="standard",
            span=Figure(timedelta(hours=24), source, meta.CHECKED),
            automatic=Figure(True, source, meta.CHECKED),  # noqa: FBT003
        ),
        Window(
            name="human agent",
            span=Figure(timedelta(days=7), source, meta.CHECKED),
            automatic=Figure(False, source, meta.CHECKED),  # noqa: FBT003
            tag="HUMAN_AGENT",
        ),
    )


def private_reply(
    limit: Figure[TextLimit],
    source: str,
    pace: Figure[Pace] | None = None,
    span: Figure[timedelta | None] | None = None,
) -> Sending:
    """Return the rules for a comment's single private reply, within a week or another span."""
    window = Window(
        name="private reply",
        span=span or Figure(timedelta(days=7), source, meta.CHECKED),
        automatic=Figure(True, source, meta.CHECKED),  # noqa: FBT003
    )
    return Sending(text=limit, windows=(window,), pace=pace)


def send(
    outgoing: Outgoing,
    permit: Permit,
    message: Callable[[Mapping[str, object], Mapping[str, str]], Node],
    sendable: Callable[[Attachment], Mapping[str, object]] | None = None,
) -> Sent:
    """Send the text, in pieces if necessary, then each attachment as a separate message.

    `message` sends one content with the tag's fields, and returns Graph's answer.
    """
    from deskwire.care import measure

    if permit.tag and outgoing.automatic:
        raise PermanentError(f"the tag {permit.tag} is for what a person wrote", code="human-agent")
    tagged = {"messaging_type": "MESSAGE_TAG", "tag": permit.tag} if permit.tag else {}
    pieces = measure.pieces(outgoing.text, permit.limit) if outgoing.text.strip() else []
    contents: list[dict[str, object]] = [{"text": text} for text in pieces]
    if contents and outgoing.offers:
        contents[-1]["quick_replies"] = quick_replies(outgoing)
    contents += [dict((sendable or sendable_by_address)(each)) for each in outgoing.attachments]

    def sender(content: Mapping[str, object]) -> Callable[[], str]:
        return lambda: meta.posted(message(content, tagged), "message_id", what="sending a message")

    return Sent(in_turn([sender(content) for content in contents]))


def quick_replies(outgoing: Outgoing) -> list[Mapping[str, str]]:
    """Return a message's choices in the Send API's form."""
    return [{"content_type": "text", "title": each.title, "payload": each.choice.payload} for each in outgoing.offers]


def sendable_by_address(attachment: Attachment) -> Mapping[str, object]:
    """Return an attachment in the Send API's form; Meta downloads the address. Raises `PermanentError`."""
    kind = SENDABLE.get(attachment.kind)
    if kind is None or not attachment.url:
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    return {"attachment": {"type": kind, "payload": {"url": attachment.url}}}

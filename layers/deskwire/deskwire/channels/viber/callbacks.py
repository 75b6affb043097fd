"""Viber's callbacks: one event in each request.

https://developers.viber.com/docs/api/rest-bot-api/ (callbacks), read with the classes of Viber's own library for Python
(https://github.com/Viber/viber-bot-python, viberbot 1.0.12). An event or a type of message that is new has a line all
the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from deskwire.contracts.channel import filled, line, place
from deskwire.model.choices import choice_in
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Visibility
from deskwire.model.keys import ADD, digest
from deskwire.web.reading import Node, fragment

OPENED: Final = "conversation_started"
# Of these nothing is filed: `subscribed` and `conversation_started` say no words, and after `unsubscribed` Viber itself
# refuses every message (status 6) until the person writes again, which subscribes them anew.
TOLD: Final = {
    "subscribed": (Kind.STATE, "[subscribed]"),
    "unsubscribed": (Kind.STATE, "[unsubscribed]"),
    OPENED: (Kind.STATE, "[opened the chat]"),
    "delivered": (Kind.RECEIPT, "[delivered]"),
    "seen": (Kind.RECEIPT, "[seen]"),
}
MEDIA: Final = {
    "picture": AttachmentKind.IMAGE,
    "video": AttachmentKind.VIDEO,
    "file": AttachmentKind.FILE,
    "sticker": AttachmentKind.STICKER,
    "url": AttachmentKind.LINK,
}


def event(body: Node, channel: str) -> Event:
    """Return what a callback tells. Raises `PayloadError` without what its kind needs."""
    name = body["event"].text()
    if name == "message":
        return _message(body, channel)
    if name == "failed":
        # Checks that the person's device makes come after an answer of status 0. https://developers.viber.com/docs/faq/
        reason = body["desc"].text("") or "Viber gives no reason"
        token = body["message_token"].identifier()
        return _event(body, channel, Kind.UNDELIVERED, token, name, text=reason)
    # `webhook` is the check of `set_webhook`; `client_status` and `action` have been seen and are not documented.
    kind, text = TOLD.get(name, (Kind.OTHER, f"[{name[:60]}]"))
    facts = {"Context": body["context"].text("")} if name == OPENED else {}
    token = body["message_token"].any_id() or digest(json.dumps(body.raw, sort_keys=True))
    return _event(body, channel, kind, token, name[:60] or "nothing", text=text, facts=filled(facts))


def _event(body: Node, channel: str, kind: Kind, token: str, verb: str, **more: Any) -> Event:  # noqa: ANN401
    named = (body["user_id"], body["user"]["id"], body["sender"]["id"])
    person = next((found for node in named if (found := node.any_id())), "")
    fields: dict[str, Any] = {"thread": person or "bot", "author": Author(person) if person else None, **more}
    return Event(
        channel=channel,
        account="",
        kind=kind,
        object_id=token,
        verb=verb,
        visibility=Visibility.PRIVATE,
        occurred_at=body["timestamp"].epoch(),
        raw=fragment(body),
        **fields,
    )


def _message(body: Node, channel: str) -> Event:
    sender, message = body["sender"], body["message"]
    person, kind = sender["id"].identifier(), message["type"].text("")[:60]
    attachments = READERS.get(kind, _unknown)(message)
    facts = {
        "Country": sender["country"].text(""),
        "Language": sender["language"].text(""),
        "Picture": sender["avatar"].text(""),
    }
    return _event(
        body,
        channel,
        Kind.MESSAGE,
        body["message_token"].identifier(),
        ADD,
        thread=person,
        author=Author(person, name=sender["name"].text("")),
        text=line(message["text"].exact(""), attachments, kind or "an empty message"),
        attachments=attachments,
        choice=choice_in(f"{message['tracking_data'].text('')}:{message['text'].text('')}"),
        language=sender["language"].text(""),
        facts=filled(facts),
    )


def _media(kind: AttachmentKind) -> Callable[[Node], tuple[Attachment, ...]]:
    def read(message: Node) -> tuple[Attachment, ...]:
        url = message["media"].text("")
        return (Attachment(kind, url, id=message["sticker_id"].any_id(), name=message["file_name"].text("")),)

    return read


def _contact(message: Node) -> tuple[Attachment, ...]:
    contact = message["contact"]
    words = filter(None, (contact["name"].text(""), contact["phone_number"].text("")))
    return (Attachment(AttachmentKind.CONTACT, name=", ".join(words)),)


def _location(message: Node) -> tuple[Attachment, ...]:
    where = message["location"]
    return (Attachment(AttachmentKind.LOCATION, name=place(where["address"].text(""), where["lat"], where["lon"])),)


def _unknown(message: Node) -> tuple[Attachment, ...]:
    url = message["media"].text("")
    return (Attachment(AttachmentKind.FILE, url, name=message["file_name"].text("")),) if url else ()


READERS: Final[Mapping[str, Callable[[Node], tuple[Attachment, ...]]]] = {
    "text": lambda _: (),
    "contact": _contact,
    "location": _location,
    **{name: _media(kind) for name, kind in MEDIA.items()},
}

"""Build the bodies of messages to WhatsApp, whether through Meta or through AWS.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from deskwire.contracts.channel import filled
from deskwire.contracts.terms import Figure, FileLimit, OfferLimit, Pace, Permit, Sending, TextLimit, Unit, Window
from deskwire.model.choices import Offer
from deskwire.model.errors import PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Visibility
from deskwire.model.keys import digest
from deskwire.model.sending import Outgoing

from .people import NUMBER

CHECKED: Final = date(2026, 11, 28)
SEND: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages"
MEDIA: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media"
THROUGHPUT: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput"
SENDABLE: Final = {
    AttachmentKind.IMAGE: "image",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.FILE: "document",
    AttachmentKind.STICKER: "sticker",
}
# Of each kind, what WhatsApp takes: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
FILES: Final = (
    FileLimit(AttachmentKind.IMAGE, 5_000_000, ("image/jpeg", "image/png")),
    FileLimit(AttachmentKind.AUDIO, 16_000_000, ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg")),
    FileLimit(AttachmentKind.VIDEO, 16_000_000, ("video/mp4", "video/3gpp")),
    FileLimit(
        AttachmentKind.FILE,
        100_000_000,
        (
            *("text/plain", "application/pdf", "application/msword", f"{_OFFICE}.wordprocessingml.document"),
            *("application/vnd.ms-excel", f"{_OFFICE}.spreadsheetml.sheet"),
            *("application/vnd.ms-powerpoint", f"{_OFFICE}.presentationml.presentation"),
        ),
    ),
)
# A list message: ten rows, a title of 24 characters, an id of 200. Three of its reply buttons would be too few.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-list-messages
OFFERS: Final = Figure(
    OfferLimit(10, 24, 4096),
    "https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-list-messages",
    CHECKED,
)
# The rules that WhatsApp has for what is written to a customer, whichever way it goes.
RULES: Final = {
    Visibility.PRIVATE: Sending(
        # 4,096 “characters”: which is not said, so UTF-16 units, the strictest reading. Five pieces: ours.
        text=Figure(TextLimit(4096, Unit.UTF16, pieces=5), SEND, CHECKED, confirmed=False),
        files=Figure(FILES, MEDIA, CHECKED),
        # What comes in counts, too; a number may be raised to 1,000.
        pace=Figure(Pace("messages", 80, timedelta(seconds=1)), THROUGHPUT, CHECKED),
        windows=(
            Window(
                name="customer service",
                span=Figure(timedelta(hours=24), SEND, CHECKED),
                automatic=Figure(True, SEND, CHECKED),  # noqa: FBT003
            ),
            Window(
                name="template",
                span=Figure(None, SEND, CHECKED),
                automatic=Figure(False, SEND, CHECKED),  # noqa: FBT003 - ours: each is billed
                template=True,
            ),
        ),
    ),
}
# `#template name language`, then the values of its body, if it has any: `#template order_sent en_GB | Ines | 4471`.
TEMPLATE_COMMAND: Final = re.compile(
    r"#template[ \t]+([a-z0-9_]{1,512})[ \t]+([a-z]{2,3}(?:_[A-Za-z]{2,4})?)[ \t]*(\|.*)?", re.DOTALL
)
LONGEST_VALUE: Final = 1024  # of a template's whole body, so its fixed words come on top
SETTING: Final = "optional: the approved templates that agents may send, “name language”, separated by commas"
RULE: Final = (
    "optional: the approved template, “name language”, in which an agent's answer goes out when 24 hours have passed; "
    "the answer becomes the one value of its body"
)
SETTINGS: Final[Mapping[str, str]] = {
    "templates": SETTING,
    "template_when_closed": RULE,
    "mark_as_read": "optional: “yes” shows the customer that a message was read when it is answered",
}


def contents(outgoing: Outgoing, permit: Permit, settings: Mapping[str, str]) -> list[Mapping[str, object]]:
    """Return the contents to send: the text, in pieces if necessary, then each attachment; or the requested template.

    After the window only a template may be sent: that of `template_when_closed`, with the answer as its value. Raises
    `PermanentError` if none is set, with the available templates.
    """
    from deskwire.care.measure import pieces

    templates = declared(settings.get("templates", ""))
    wanted = None if outgoing.automatic else template(outgoing.text, templates)
    if wanted is None and permit.template:
        wanted = carried(outgoing.text, settings.get("template_when_closed", ""))
    if permit.template and (wanted is None or outgoing.attachments):
        raise PermanentError(
            "more than 24 hours have passed since the customer last wrote, and WhatsApp takes only templates now, "
            f"no files; {offered(templates)}",
            code="window",
        )
    said = pieces(outgoing.text, permit.limit) if outgoing.text.strip() else []
    spoken = [wanted] if wanted else texts(said)
    if outgoing.offers and said and not wanted:
        spoken[-1] = listed(said[-1], outgoing.offers)
    return [*spoken, *(media(attachment) for attachment in outgoing.attachments)]


def seen(outgoing: Outgoing, settings: Mapping[str, str]) -> Mapping[str, object] | None:
    """Return the request that marks the answered message as read, None if that is not wanted."""
    message = outgoing.context.get("message", "")
    if outgoing.automatic or not message or settings.get("mark_as_read", "").lower() != "yes":
        return None
    return {"messaging_product": "whatsapp", "status": "read", "message_id": message}


def declared(setting: str) -> list[tuple[str, str]]:
    """Return the templates (name, language) in a connection's setting `templates`."""
    pairs = [part.split() for part in setting.split(",")]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def offered(templates: list[tuple[str, str]]) -> str:
    """Return a sentence with the templates that an agent may request."""
    if not templates:
        return "no template is declared for this number (the connection's setting “templates”)"
    return "answer with one of: " + ", ".join(f"#template {name} {language}" for name, language in templates)


def template(text: str, templates: list[tuple[str, str]]) -> Mapping[str, object] | None:
    """Return the template that an answer requests, None if it requests none.

    Raises `PermanentError`, which lists the declared ones, for an unknown template.
    """
    text = text.strip()
    if not text.lower().startswith("#template"):
        return None
    found = TEMPLATE_COMMAND.fullmatch(text)
    if found is None or (found[1], found[2]) not in templates:
        raise PermanentError(f"this is no template that may be sent; {offered(templates)}", code="template")
    values = [value.strip() for value in (found[3] or "").split("|")[1:]]
    content: dict[str, object] = {"name": found[1], "language": {"code": found[2]}}
    if values:
        parameters = [{"type": "text", "text": value} for value in values]
        content["components"] = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": content}


def carried(text: str, rule: str) -> Mapping[str, object] | None:
    """Return the template of the setting `template_when_closed` with an answer as its value, None if none is set.

    Line breaks are removed, as a value has none. Raises `PermanentError` for an answer that is too long.
    """
    templates = declared(rule)
    if not templates:
        return None
    value = " ".join(text.split())
    if len(value) > LONGEST_VALUE:
        raise PermanentError(f"the answer is longer than a template takes ({LONGEST_VALUE} characters)", code="length")
    name, language = templates[0]
    parameters = [{"type": "text", "text": value}]
    content = {"name": name, "language": {"code": language}, "components": [{"type": "body", "parameters": parameters}]}
    return {"type": "template", "template": content}


def recipient(outgoing: Outgoing) -> Mapping[str, str]:
    """Return the recipient: the group, the number (with + and country code), else the business-scoped id."""
    if group := outgoing.context.get("group"):
        return {"recipient_type": "group", "to": group}
    number = outgoing.context.get("to") or next(
        (each for each in (outgoing.recipient, outgoing.thread) if NUMBER.fullmatch(each)), ""
    )
    if number:
        return {"recipient_type": "individual", "to": f"+{number.lstrip('+')}"}
    return {
        "recipient_type": "individual",
        "recipient": outgoing.context.get("user_id") or outgoing.recipient or outgoing.thread,
    }


def bodies(outgoing: Outgoing, contents: list[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """Yield a request for each content; `biz_opaque_callback_data` is returned in its statuses."""
    common = {"messaging_product": "whatsapp", **recipient(outgoing)}
    for content in contents:
        yield {**common, **content, "biz_opaque_callback_data": digest(outgoing.key)}


def texts(pieces: list[str]) -> list[Mapping[str, object]]:
    """Return the pieces of a text as contents."""
    return [{"type": "text", "text": {"body": piece, "preview_url": False}} for piece in pieces]


def listed(text: str, offers: Sequence[Offer]) -> Mapping[str, object]:
    """Return a text with choices as a list message; the button that opens it shows the first and the last value."""
    rows = [{"id": each.choice.payload, "title": each.title} for each in offers]
    button = f"{offers[0].choice.value} - {offers[-1].choice.value}"
    sections = [{"title": button, "rows": rows}]
    action = {"button": button, "sections": sections}
    return {"type": "interactive", "interactive": {"type": "list", "body": {"text": text}, "action": action}}


def media(attachment: Attachment) -> Mapping[str, object]:
    """Return a file, which WhatsApp downloads from its address. Raises `PermanentError` if it cannot be sent."""
    kind = SENDABLE.get(attachment.kind)
    if kind is None or not attachment.url:
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    named = {"filename": attachment.name} if kind == "document" and attachment.name else {}
    return {"type": kind, kind: {"link": attachment.url, **filled(named)}}

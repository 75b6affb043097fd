"""What is written to WhatsApp: the body of a message, by whichever way it goes.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from deskwire.contracts.channel import filled
from deskwire.contracts.terms import FileLimit
from deskwire.model.errors import PermanentError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.keys import digest
from deskwire.model.sending import Outgoing

from .people import NUMBER

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


def declared(setting: str) -> list[tuple[str, str]]:
    """Return the templates (name, language) that a connection's setting `templates` lists."""
    pairs = [part.split() for part in setting.split(",")]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def offered(templates: list[tuple[str, str]]) -> str:
    """Return what an agent may write instead, in a sentence."""
    if not templates:
        return "no template is declared for this number (the connection's setting “templates”)"
    return "answer with one of: " + ", ".join(f"#template {name} {language}" for name, language in templates)


def template(text: str, templates: list[tuple[str, str]]) -> Mapping[str, object] | None:
    """Return the template that an answer asks for, None when it asks for none.

    Raises `PermanentError`, which offers those there are, for one that is not declared.
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
    """Return the template of the setting `template_when_closed` with an answer as its value, None where none is set.

    A value has no line breaks. Raises `PermanentError` for an answer that is too long.
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
    """Return to whom: the group, the number (with + and country code), else the business-scoped id."""
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
    """Yield a request for each content; `biz_opaque_callback_data` comes back in its statuses."""
    common = {"messaging_product": "whatsapp", **recipient(outgoing)}
    for content in contents:
        yield {**common, **content, "biz_opaque_callback_data": digest(outgoing.key)}


def texts(pieces: list[str]) -> list[Mapping[str, object]]:
    """Return the pieces of a text as contents."""
    return [{"type": "text", "text": {"body": piece, "preview_url": False}} for piece in pieces]


def media(attachment: Attachment) -> Mapping[str, object]:
    """Return a file, which WhatsApp fetches from its address. Raises `PermanentError` for what cannot be sent."""
    kind = SENDABLE.get(attachment.kind)
    if kind is None or not attachment.url:
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    named = {"filename": attachment.name} if kind == "document" and attachment.name else {}
    return {"type": kind, kind: {"link": attachment.url, **filled(named)}}

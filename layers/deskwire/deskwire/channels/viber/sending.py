"""What is written to Viber: the content of a message.

https://creators.viber.com/docs/bots-api/resources/messaging/send-message; sizes and formats as
https://www.infobip.com/docs/viber/bots/message-types quotes them. Whether Viber keeps a file, or has the customer's app
load it from its address, which we lend for an hour, is said nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from deskwire.contracts.channel import filled
from deskwire.contracts.terms import FileLimit
from deskwire.model.choices import PREFIX, Offer
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind

LONGEST_SENDER: Final = 28
LONGEST_LINK: Final = 2000
LONGEST_NAME: Final = 256
PICTURES: Final = FileLimit(AttachmentKind.IMAGE, 1_000_000, ("image/jpeg", "image/png", "image/gif"))
VIDEOS: Final = FileLimit(AttachmentKind.VIDEO, 26_000_000, ("video/mp4",))
# Any file may go as a document; one is loaded through Deskwire, so its own limit is the lower one.
DOCUMENTS: Final = tuple(FileLimit(kind, 50_000_000) for kind in (
    AttachmentKind.IMAGE, AttachmentKind.AUDIO, AttachmentKind.VIDEO, AttachmentKind.FILE,
))  # fmt: skip
FILES: Final = (PICTURES, VIDEOS, *DOCUMENTS)


def sender(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return who customers see as the sender. Raises `ConfigurationError` for a name that Viber does not take."""
    name = settings.get("sender_name", "").strip()
    if not 0 < len(name) <= LONGEST_SENDER:
        raise ConfigurationError(f"the connection's setting “sender_name” needs 1 to {LONGEST_SENDER} characters")
    return filled({"name": name, "avatar": settings.get("sender_avatar", "")})


def texts(pieces: list[str]) -> list[Mapping[str, object]]:
    """Return the pieces of a text as contents."""
    return [{"type": "text", "text": piece} for piece in pieces]


def keyboard(offers: Sequence[Offer]) -> Mapping[str, object]:
    """Return choices as a keyboard below a text. What is pressed is sent as a message, of the value and no more.

    The question's id is in `tracking_data`, which comes back with the customer's next message: quoted by
    https://docs.amio.io/reference/viber-messages-metadata, Viber's own page of callbacks could not be read.
    https://creators.viber.com/docs/bots-api/resources/messaging/keyboards
    """
    buttons = [
        {"Columns": 6, "Rows": 1, "ActionType": "reply", "ActionBody": each.choice.value, "Text": each.title}
        for each in offers
    ]
    shown = {"Type": "keyboard", "DefaultHeight": False, "Buttons": buttons}
    return {"keyboard": shown, "tracking_data": f"{PREFIX}{offers[0].choice.question}"}


def media(attachment: Attachment) -> Mapping[str, object]:
    """Return a file by its address. Raises `PermanentError` for what cannot be sent.

    Pictures and videos are shown in the chat as far as their format and size allow, all else is a document.
    """
    url, size = attachment.url, attachment.size
    sendable = attachment.kind in {limit.kind for limit in DOCUMENTS}
    if not sendable or not url.startswith("https://") or len(url) > LONGEST_LINK or not size:
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    if _shown(attachment, PICTURES):
        return {"type": "picture", "text": "", "media": url}
    if _shown(attachment, VIDEOS):
        return {"type": "video", "media": url, "size": size}
    name = attachment.name[-LONGEST_NAME:] or "file"  # its end says what it is
    return {"type": "file", "media": url, "size": size, "file_name": name}


def _shown(attachment: Attachment, limit: FileLimit) -> bool:
    fits = attachment.kind is limit.kind and attachment.type in limit.types
    return fits and attachment.size <= limit.most

"""What is written to Viber: the content of a message.

https://creators.viber.com/docs/bots-api/resources/messaging/send-message; sizes and formats as
https://www.infobip.com/docs/viber/bots/message-types quotes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deskwire.contracts.channel import filled
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind

LONGEST_SENDER: Final = 28
LONGEST_LINK: Final = 2000
PICTURES: Final = frozenset({"", "image/jpeg", "image/png", "image/gif"})  # "": the helpdesk does not say
SENDABLE: Final = frozenset(
    {AttachmentKind.IMAGE, AttachmentKind.AUDIO, AttachmentKind.VIDEO, AttachmentKind.FILE, AttachmentKind.LINK}
)


def sender(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return who customers see as the sender. Raises `ConfigurationError` for a name that Viber does not take."""
    name = settings.get("sender_name", "").strip()
    if not 0 < len(name) <= LONGEST_SENDER:
        raise ConfigurationError(f"the connection's setting “sender_name” needs 1 to {LONGEST_SENDER} characters")
    return filled({"name": name, "avatar": settings.get("sender_avatar", "")})


def texts(pieces: list[str]) -> list[Mapping[str, object]]:
    """Return the pieces of a text as contents."""
    return [{"type": "text", "text": piece} for piece in pieces]


def media(attachment: Attachment) -> Mapping[str, object]:
    """Return a file by its address. Raises `PermanentError` for what cannot be sent.

    A picture is shown in the chat. For a video or a file Viber wants the size in bytes, which no helpdesk's address
    tells, so the customer gets the address itself. A picture that is too large comes back as `failed`.
    """
    url = attachment.url
    if attachment.kind not in SENDABLE or not url.startswith("https://") or len(url) > LONGEST_LINK:
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    if attachment.kind is AttachmentKind.IMAGE and attachment.type in PICTURES:
        return {"type": "picture", "text": "", "media": url}
    return {"type": "url", "media": url}

"""The pictures of an agent's answer: uploaded to X first, then named in the post or the message.

https://docs.x.com/x-api/media/image-or-subtitle-media-upload: one request holds a picture in Base64; it names OAuth
2.0 alone, while others upload with OAuth 1.0a of the account, as here (unconfirmed). Videos and GIFs take an upload in
pieces and time to be processed, so they are not sent. A post holds four pictures, a message one.
https://docs.x.com/x-api/media/quickstart/best-practices https://docs.x.com/x-api/direct-messages/manage/integrate
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deskwire.contracts.terms import FileLimit
from deskwire.model.errors import PermanentError
from deskwire.model.events import AttachmentKind
from deskwire.web.rest import Call

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach
    from deskwire.model.events import Attachment
    from deskwire.model.sending import Outgoing
    from deskwire.web.reading import Node

PICTURES: Final = (FileLimit(AttachmentKind.IMAGE, 5_000_000, ("image/jpeg", "image/png", "image/webp")),)
IN_A_POST: Final = 4

Upload = Callable[[object], "Node"]  # posts it to X and returns the answer


def uploaded(outgoing: Outgoing, reach: Reach, upload: Upload, *, category: str) -> list[str]:
    """Return the ids that X gave the answer's pictures. Raises `PermanentError` for what is none."""
    return [_uploaded(each, reach, upload, category) for each in outgoing.attachments]


def _uploaded(attachment: Attachment, reach: Reach, upload: Upload, category: str) -> str:
    if attachment.kind is not AttachmentKind.IMAGE or not attachment.url.startswith("https://"):
        raise PermanentError("X takes pictures, and no other files", code="attachment")
    file = reach.fetch(Call("GET", attachment.url), (urlsplit(attachment.url).hostname or "",))
    if file.type not in PICTURES[0].types or len(file.data) > PICTURES[0].most:
        raise PermanentError("X takes pictures of 5 MB at most (JPEG, PNG, WebP)", code="attachment")
    media = base64.b64encode(file.data).decode()
    # Not `media_type`: optional in X's OpenAPI file 2.159, it is no longer allowed in 2.167.
    # https://docs.x.com/openapi.json
    return upload({"media": media, "media_category": category})["data"]["id"].identifier()


def post(outgoing: Outgoing, pictures: Sequence[str]) -> dict[str, object]:
    """Return the body of a post that replies."""
    body: dict[str, object] = {
        "text": outgoing.text,
        "reply": {"in_reply_to_tweet_id": outgoing.reply_to or outgoing.thread},
    }
    return body | ({"media": {"media_ids": list(pictures)}} if pictures else {})


def messages(outgoing: Outgoing, pictures: Sequence[str]) -> list[dict[str, object]]:
    """Return the bodies of the messages: the words with the first picture, then each further one."""
    first: dict[str, object] = {"text": outgoing.text} if outgoing.text.strip() else {}
    held: list[dict[str, object]] = [{"attachments": [{"media_id": each}]} for each in pictures]
    return [first | (held[0] if held else {}), *held[1:]]

"""Attachments of agents' answers for helpdesks that state no media type: it is derived from the file's name."""

from __future__ import annotations

from mimetypes import guess_type

from deskwire.model.events import Attachment, AttachmentKind


def attached(number: str, name: str) -> Attachment:
    """Return the attachment with this id and name; it has no type if the name's extension is unknown."""
    kind = guess_type(name)[0] or ""
    return Attachment(AttachmentKind.of(kind), id=number, name=name, type=kind)

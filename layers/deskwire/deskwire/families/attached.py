"""Files of agents' answers of which the helpdesk says no media type: the name's ending tells it."""

from __future__ import annotations

from mimetypes import guess_type

from deskwire.model.events import Attachment, AttachmentKind


def attached(number: str, name: str) -> Attachment:
    """Return the file with this id and name; without a known ending it has no type."""
    kind = guess_type(name)[0] or ""
    return Attachment(AttachmentKind.of(kind), id=number, name=name, type=kind)

"""The files of agents' comments: which belong to one, and how Vtiger hands them over.

Read in the code of 8.0.0 (data/CRMEntity.php, include/Webservices/DataTransform.php): a comment's `filename` holds the
numbers of its files, and a row tells them as `imageattachmentids`. Seen: `files_retrieve` takes such an id and gives
the bytes in Base64. On PHP 8 it ends in an empty HTTP 500, as long as its function calls `$file_id` what the operation
is registered with as `id`.
"""

from __future__ import annotations

import base64
import binascii

from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.tickets import File
from deskwire.web.media import called
from deskwire.web.reading import Node

from .api import RECORD, DeniedError, Service, SilentError, known, value

SILENT = "Vtiger's “files_retrieve” fails, as it does on PHP 8: see docs/helpdesks/vtiger.md"


def attachments(row: Node, prefix: str) -> tuple[Attachment, ...]:
    """Return the files of a comment; their names and types come with the bytes. One without a number has no id."""
    given = value(row["imageattachmentids"]) or value(row["filename"])
    parts = filter(None, map(str.strip, given.split(",")))
    numbers = [f"{prefix}x{part}" if part.isdecimal() else part for part in parts]
    return tuple(
        Attachment(AttachmentKind.FILE, id=number)
        if RECORD.fullmatch(number)
        else Attachment(AttachmentKind.FILE, name=number)
        for number in numbers
    )


def loaded(service: Service, attachment: Attachment) -> File:
    """Return a file. What Vtiger does not hand over is never waited for: the words would wait with it."""
    what = "loading an agent's file"
    if not attachment.id:
        raise PermanentError("Vtiger does not say which file that is")
    number = known(attachment.id)
    service.session()  # its own refusals call a person; what refuses the file alone does not
    try:
        rows = service.get("files_retrieve", what, id=number).rows()
    except SilentError:
        raise PermanentError(SILENT) from None
    except DeniedError:
        raise PermanentError("Vtiger denies it to Deskwire's user") from None
    except ConfigurationError as error:  # a Vtiger that is too old for it
        raise PermanentError(str(error)) from None
    shown = next((row for row in rows if value(row["fileid"]) == number.partition("x")[2]), Node({}, "file"))
    try:
        data = base64.b64decode(shown["filecontents"].text(""), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or value(shown["filesize"]) not in {"", str(len(data))}:
        raise PermanentError("Vtiger's answer does not hold the file")
    return called(File("", shown["filetype"].text(""), data), shown["filename"].text(""))

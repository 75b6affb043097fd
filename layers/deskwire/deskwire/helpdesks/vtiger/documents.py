"""Customers' files, kept as documents of their ticket.

Vtiger answers an upload with success, name and size, also where it drops the file. Seen on 8.0.0 with PHP 8.2:

* Dropped: pictures other than JPEG, PNG, GIF and BMP (WebP, HEIC, AVIF, TIFF, SVG), and any picture with `<?php` in its
  bytes (with PHP's `short_open_tag`: with `<?`, as most photographs have). The content decides, not the name.
* A JPEG that PHP's GD cannot draw again: an empty HTTP 500, and a document without a file. A good one loses its EXIF.
* A document that has its file tells `imageattachmentids`; one whose file was dropped does not.

What was dropped is stored in a ZIP, whose content Vtiger does not look at.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from deskwire.model.errors import Concern, PermanentError
from deskwire.model.keys import digest
from deskwire.model.tickets import Entry, File
from deskwire.web.reading import Node

from .api import SOURCE, DeniedError, Service, SilentError, quoted, record, stored_name, value
from .words import line

PATIENCE = timedelta(minutes=10)  # since the customer wrote: so long a file is tried again before it is left out
WHAT = "storing a file"


def stored(service: Service, ticket: str, entry: Entry, file: File) -> str:
    """Store a file as a document of the ticket; return a line for the comment, empty where it is there as it was sent.

    Raises `TemporaryError` while the message is young and Vtiger gives no answer.
    """
    left_out = f"[Vtiger did not take the file {line(file.name)}, {len(file.data)} bytes]"
    if not file.data:
        return left_out
    titles = [_title(entry, file, ending) for ending in ("", ".zip")]
    there = _documents(service, titles)
    in_zip = there.get(titles[1])
    plain = there.get(titles[0]) or (None if in_zip else _created(service, titles[0], entry, file))
    if plain and not _has_size(plain, file):
        _deleted(service, plain)  # over PHP's limit for uploads: success, and an empty document
        return left_out
    if plain and _has_file(plain):
        _related(service, ticket, plain)
        return ""
    if plain and not in_zip:
        in_zip = _created(service, titles[1], entry, zipped(file))
    if in_zip and _has_file(in_zip):
        _related(service, ticket, in_zip)
        _deleted(service, plain)
        return f"[Vtiger does not keep the file {line(file.name)} as it is: it is in {line(file.name)}.zip]"
    if not plain:
        return left_out
    # A version that never tells (unconfirmed), or one that keeps nothing at all.
    _related(service, ticket, plain)
    _deleted(service, in_zip)
    return f"[Vtiger does not say whether it kept the file {line(file.name)}, {len(file.data)} bytes]"


def zipped(file: File) -> File:
    """Return a ZIP with the file in it: the same bytes each time."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(stored_name(file)), file.data, zipfile.ZIP_DEFLATED)
    return File(f"{stored_name(file)}.zip", "application/zip", data.getvalue())


def _title(entry: Entry, file: File, ending: str) -> str:
    """Return the title by which a document is found again: entry, name and content make it."""
    mark = digest(f"{entry.key} {stored_name(file)} {hashlib.sha256(file.data).hexdigest()}")[:16]
    return f"{stored_name(file)}{ending} [{mark}]"


def _documents(service: Service, titles: list[str]) -> Mapping[str, Node]:
    """Return the documents with these titles, by title: the oldest of each.

    `*` for `imageattachmentids`, which is no column that can be asked for.
    """
    any_of = ",".join(map(quoted, titles))
    rows = service.rows("*", "Documents", f"notes_title IN ({any_of})", what=WHAT, order="id")
    return {value(row["notes_title"]): row for row in reversed(rows)}


def _created(service: Service, title: str, entry: Entry, file: File) -> Node | None:
    """Return a new document; None where Vtiger does not take the file.

    Over the limit of a post it answers each time with an empty HTTP 500, which may as well be a fault that passes. So
    the file is sent once more at least; while the message is young, again later.
    """
    element = {
        "notes_title": title,
        "assigned_user_id": service.user,
        "filelocationtype": "I",
        "filestatus": "1",
        "source": SOURCE,
    }
    young = entry.written_at is not None and service.reach.now - entry.written_at < PATIENCE
    for _ in range(2):
        try:
            return service.write("create", WHAT, element, file=file, elementType="Documents")
        except PermanentError as error:
            if error.status != 413:  # a proxy's
                raise
            return None
        except SilentError as error:
            if made := _documents(service, [title]).get(title):
                return made
            if young:
                raise error.retold(concerns=Concern.TICKET) from None
    return None


def _has_size(document: Node, file: File) -> bool:
    # Where a version does not tell the size (unconfirmed), the name must do.
    size = value(document["filesize"])
    return size == str(len(file.data)) if size else bool(value(document["filename"]))


def _has_file(document: Node) -> bool:
    return bool(value(document["imageattachmentids"]))


def _related(service: Service, ticket: str, document: Node) -> None:
    number = record(document["id"], WHAT)
    service.write("add_related", WHAT, sourceRecordId=ticket, relatedRecordId=number, relationIdLabel="Documents")


def _deleted(service: Service, document: Node | None) -> None:
    """Delete a document without a file; without the right to it stays, and belongs to no ticket."""
    if document is not None:
        with suppress(DeniedError):
            service.write("delete", "removing an empty document", id=record(document["id"], WHAT))

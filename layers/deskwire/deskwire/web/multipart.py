"""Encode forms with files as multipart bodies (RFC 7578)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

TEXT = "text/plain; charset=utf-8"  # of a form's field
FILE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}")


def multipart(parts: Iterable[tuple[str, str, bytes]]) -> tuple[str, bytes]:
    """Return the content type and body of parts: (Content-Disposition's parameters, media type, data) each.

    The boundary is a digest of the data, so the same form has the same bytes. An invalid media type is sent as
    `application/octet-stream`.
    """
    written = [(head.encode(), _kind(kind).encode(), data) for head, kind, data in parts]
    boundary = hashlib.sha256(b"".join(data for _, _, data in written)).hexdigest().encode()
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary, *part)
        for part in written
    )
    return f"multipart/form-data; boundary={boundary.decode()}", body + b"--%b--\r\n" % boundary


def _kind(kind: str) -> str:
    return kind if kind == TEXT or FILE.fullmatch(kind) else "application/octet-stream"

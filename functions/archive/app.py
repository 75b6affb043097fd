"""archive: write conversations to the archive, if the stack has one."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import archive, archiver

ARCHIVER = archiver()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Archive a batch of the stream; return the record from which to redeliver it, if any."""
    return archive(event)

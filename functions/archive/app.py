"""archive: what was said in conversations is written to the archive, where the stack has one."""

from __future__ import annotations

from typing import Any

from deskwire.runtime import archive, archiver

ARCHIVER = archiver()  # in the init phase


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return from which record on the batch is to be redelivered."""
    return archive(event)

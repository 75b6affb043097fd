"""Files that a helpdesk, or a proxy before it, finds too large for one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deskwire.model.tickets import File
from deskwire.web.rest import Answer

TRIES = 3  # with a file less each time, before all are left out: each sends megabytes


def with_fewer(files: Sequence[File], send: Callable[[Sequence[File], Sequence[File]], Answer]) -> Answer:
    """Return the answer to files and those left out: the largest, one more after each 413, and at last all of them."""
    left_out: list[File] = []
    while True:
        kept = [file for file in files if file not in left_out]
        answer = send(kept, left_out)
        if answer.status != 413 or not kept:
            return answer
        left_out = [*files] if len(left_out) >= TRIES else [*left_out, max(kept, key=lambda file: len(file.data))]

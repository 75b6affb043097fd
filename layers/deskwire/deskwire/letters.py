"""What goes on the mailbox: written and read here alone."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import Event, event_from_json
from deskwire.model.keys import compose, digest
from deskwire.model.values import dataclass, field
from deskwire.ports import Archive, Found, Letter
from deskwire.web.reading import write

ENVELOPE = 1  # version of what goes on the queue
LETTER_LIMIT = 96_000  # bytes of one letter: ten of them are below the 1 MiB that SQS takes in a call


def letter_of(event: Event, endpoint: str, side: str, received_at: str, archive: Archive) -> Letter:
    """Return the letter of an event: ASCII JSON, for SQS refuses some characters for ever.

    What is too large for a letter goes to the archive, named by its own digest.
    """
    data = event.to_json()
    raw = write(dict(event.raw)).encode()
    envelope: dict[str, Any] = {
        "v": ENVELOPE, "endpoint": endpoint, "side": side, "received_at": received_at, "event": data,
        "raw": base64.b64encode(compress(raw)).decode() if event.raw else None,
    }  # fmt: skip
    body = write(envelope)
    if len(body) > LETTER_LIMIT and event.raw:
        envelope["raw"], envelope["raw_at"] = None, _keep(archive, raw)
        body = write(envelope)
    if len(body) > LETTER_LIMIT:
        envelope["event"], envelope["event_at"] = None, _keep(archive, json.dumps(data).encode())
        body = write(envelope)
    # The endpoint is a part of it: one that signs for another's account must not make the queue drop the genuine event.
    return Letter(digest(event.thread_key), digest(compose(endpoint, event.key)), body)


def compress(data: bytes) -> bytes:
    """Return the data compressed (zlib), with a window of 8 KiB: setting up the usual 32 costs ten times the work."""
    small = zlib.compressobj(wbits=13, memLevel=5)
    return small.compress(data) + small.flush()


def _keep(archive: Archive, data: bytes) -> str:
    name = f"raw/{hashlib.sha256(data).hexdigest()}"
    archive.keep(name, data)
    return name


def letter(found: Found) -> dict[str, Any]:
    """Return a letter's JSON. Raises `PayloadError` for what is none of ours."""
    data = read_json(found.body)
    if "timer" not in data and not {"event", "endpoint", "side"} <= data.keys():
        raise PayloadError("a letter that is none of ours")
    return data


def event_of(data: Mapping[str, Any], archive: Archive) -> Event:
    """Return the event of a letter. Raises `PayloadError` when it is none, or no longer in the archive."""
    try:
        return event_from_json(data["event"] or json.loads(archive.fetch(data["event_at"])))
    except PermanentError:
        raise PayloadError("its event is no longer in the archive") from None
    except (KeyError, TypeError, ValueError):
        raise PayloadError("a letter that is none of ours") from None


def read_json(body: str) -> dict[str, Any]:
    """Return the JSON object of a body; an empty one for anything else."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def timer(thread_key: str, why: str) -> Letter:
    """Return a letter that wakes a thread; for one reason it wakes it once."""
    return Letter(digest(thread_key), digest(f"timer {thread_key} {why}"), json.dumps({"timer": thread_key}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is on the mailbox: an event and how it came."""

    event: Event
    endpoint: str
    side: str
    received_at: str
    thread: str = ""  # where it was routed to, when that is not the event's own thread
    raw: bytes = b""
    raw_at: str = ""
    data: dict[str, Any] = field(default_factory=dict, compare=False)


def opened(data: dict[str, Any], event: dict[str, Any]) -> Envelope:
    """Return the envelope in a letter's JSON, with its event (which may have come from the archive)."""
    return Envelope(
        event=event_from_json(event),
        endpoint=data["endpoint"],
        side=data["side"],
        received_at=data["received_at"],
        thread=data.get("thread", ""),
        raw=base64.b64decode(data["raw"]) if data.get("raw") else b"",
        raw_at=data.get("raw_at") or "",
        data=data,
    )

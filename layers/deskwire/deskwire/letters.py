"""Write and read letters of the mailbox and stored events and signals, with a version.

A letter, an event and a signal each state the version that wrote them. Every older version is read; a newer one is
refused, so that its letter is redelivered, or waits among the dead letters, until the newer code is deployed. Within a
version, a missing field has its default, and an unknown one is kept and written again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import MOST_STARS, Event, Kind, event_from_json
from deskwire.model.keys import compose, digest
from deskwire.model.mirrors import mirror_thread
from deskwire.model.values import dataclass, field
from deskwire.model.writing import write
from deskwire.ports import Archive, Key, Letter

if TYPE_CHECKING:
    from deskwire.model.notices import Notice
    from deskwire.model.signals import Happened

VERSION = 2  # raised when older code would misread what is written: see docs/decisions/0024
NOTICES = "incidents"  # the side and the endpoint of notices
SIGNALLED = "ticket"  # the kind of an event in which older versions wrote a signal
REGISTRATION = "REGISTRATION"  # a poll with this sort key checks the connection's registration instead
LETTER_LIMIT = 96_000  # bytes of one letter: ten stay below the 1 MiB that SQS takes in a call


def letter_of(event: Happened, endpoint: str, side: str, received_at: str, archive: Archive) -> Letter:
    """Return the letter of an event or a signal: ASCII JSON, as SQS refuses some characters.

    Parts too large for a letter go to the archive, named by their digest.
    """
    raw = write(dict(event.raw)).encode()
    envelope: dict[str, Any] = {
        "v": VERSION, "endpoint": endpoint, "side": side, "received_at": received_at, "event": _written(event),
        "raw": base64.b64encode(compress(raw)).decode() if event.raw else None,
    }  # fmt: skip
    body = write(envelope)
    if len(body) > LETTER_LIMIT and event.raw:
        envelope["raw"], envelope["raw_at"] = None, _keep(archive, raw)
        body = write(envelope)
    if len(body) > LETTER_LIMIT:
        envelope["event"], envelope["event_at"] = None, _keep(archive, _text(event))
        body = write(envelope)
    # The endpoint is part of the id: if it signs for another's account, the queue must not drop the genuine event.
    return Letter(digest(event.thread_key), digest(compose(endpoint, event.key)), body)


def letters_of(
    events: Iterable[Happened], endpoint: str, side: str, received_at: str, archive: Archive
) -> list[Letter]:
    """Return the letters of one delivery's events, without duplicates."""
    return distinct(letter_of(event, endpoint, side, received_at, archive) for event in events)


def routed(letter: Letter, thread_key: str, archive: Archive) -> Letter:
    """Return the letter that brings the same to another thread."""
    return opened(read_letter(letter.body), archive).forwarded(thread_key)


def notices(given: Iterable[Notice], received_at: str) -> list[Letter]:
    """Return the letters of these notices, without duplicates."""
    found = []
    for each in given:
        data = {"v": VERSION, "endpoint": NOTICES, "side": NOTICES, "received_at": received_at, "event": _written(each)}
        found.append(Letter(digest(each.thread_key), digest(each.key), write(data)))
    return distinct(found)


def distinct(letters: Iterable[Letter]) -> list[Letter]:
    """Return the letters without those that the mailbox would drop as duplicates."""
    found: dict[tuple[str, str], Letter] = {}
    for letter in letters:
        found.setdefault((letter.group, letter.dedupe), letter)
    return list(found.values())


def compress(data: bytes) -> bytes:
    """Return the data compressed by zlib, with a window of 8 KiB: setting up the usual 32 KiB costs ten times the work.

    The fastest level makes a message 2 % larger than the default, for two thirds of the work.
    """
    small = zlib.compressobj(level=1, wbits=13, memLevel=5)
    return small.compress(data) + small.flush()


def timer(thread_key: str, why: str) -> Letter:
    """Return a letter that wakes a thread; letters with the same `why` are deduplicated."""
    body = json.dumps({"v": VERSION, "timer": thread_key})
    return Letter(digest(thread_key), digest(f"timer {thread_key} {why}"), body)


def copy(helpdesk: str, thread_key: str, item: str) -> Letter:
    """Return the letter that copies a conversation's item into another helpdesk.

    It names the item and holds no words. Its group is the mirror's, so it delays nothing in the conversation.
    """
    body = json.dumps({"v": VERSION, "mirror": [helpdesk, thread_key, item]})
    mirror = mirror_thread(helpdesk, thread_key)
    return Letter(digest(mirror), digest(f"mirror {mirror} {item}"), body)


def read_letter(body: str) -> dict[str, Any]:
    """Return a letter's JSON. Raises `PayloadError` if it is not a letter of ours, or of a newer version."""
    data = read_json(body)
    check_version(data, "letter")
    if not {"timer", "poll", "mirror"} & data.keys() and not {"event", "endpoint", "side"} <= data.keys():
        raise PayloadError("a letter that is none of ours")
    return data


def read_json(body: str) -> dict[str, Any]:
    """Return the JSON object in a body; {} for anything else."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def content_of(data: Mapping[str, Any], archive: Archive) -> Happened:
    """Return the event or the signal in a letter. Raises `PayloadError` if there is none, or it left the archive."""
    try:
        content = data["event"] or json.loads(archive.fetch(data["event_at"]))
        return _read(content, signal=data["side"] == "helpdesks")
    except PermanentError:
        raise PayloadError("its event is no longer in the archive") from None
    except (KeyError, TypeError, ValueError):
        raise PayloadError("a letter that is none of ours") from None


def poll(key: Key, why: str) -> Letter:
    """Return a letter that polls one connection, in a group of its own: a slow poll delays no other."""
    return Letter(digest(key[0]), digest(f"poll {key[0]} {why}"), json.dumps({"v": VERSION, "poll": list(key)}))


def look(key: Key, why: str) -> Letter:
    """Return a letter that checks one connection's registration at its platform.

    It looks like a poll of an item that does not exist: earlier versions of the code ignore it.
    """
    return poll((key[0], REGISTRATION), f"{key[1]} {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A letter's event, signal or notice, and how it was received."""

    content: Happened
    endpoint: str
    side: str
    received_at: str
    thread: str = ""  # the thread it was forwarded to, if not the event's own
    raw: bytes = b""
    raw_at: str = ""
    data: dict[str, Any] = field(default_factory=dict, compare=False)

    def forwarded(self, thread_key: str) -> Letter:
        """Return the letter that forwards this to another thread."""
        body = write({**self.data, "thread": thread_key})
        return Letter(digest(thread_key), digest(self.content.key), body)


def opened(data: dict[str, Any], archive: Archive) -> Envelope:
    """Return the envelope in a letter's JSON. Raises `PayloadError` if there is none."""
    content = content_of(data, archive)
    try:
        return Envelope(
            content=content,
            endpoint=data["endpoint"],
            side=data["side"],
            received_at=data["received_at"],
            thread=data.get("thread", ""),
            raw=base64.b64decode(data["raw"]) if data.get("raw") else b"",
            raw_at=data.get("raw_at") or "",
            data=data,
        )
    except (KeyError, TypeError, ValueError):
        raise PayloadError("a letter that is none of ours") from None


def stored(event: Happened) -> bytes:
    """Return an event or a signal in its stored form."""
    return compress(_text(event))


def content_in(data: bytes) -> Happened:
    """Return the stored event or signal. Raises `PayloadError` if a newer version wrote it."""
    return _read(json.loads(zlib.decompress(data)))


def event_in(data: bytes) -> Event:
    """Return the stored event. Raises `PayloadError` for a signal, too."""
    content = content_in(data)
    if not isinstance(content, Event):
        raise PayloadError("a signal, and no event")
    return content


def archived_as(data: bytes) -> str:
    """Return a stored event's name in the archive if it was too large for its letter, else ""."""
    text = zlib.decompress(data)
    return _name(text) if len(text) > LETTER_LIMIT // 2 else ""


def _name(data: bytes) -> str:
    return f"raw/{hashlib.sha256(data).hexdigest()}"


def _keep(archive: Archive, data: bytes) -> str:
    archive.keep(name := _name(data), data)
    return name


def _text(event: Happened) -> bytes:
    """Return an event as it is stored and archived; its name in the archive is the digest of this."""
    return json.dumps(_written(event)).encode()


def _written(event: Happened) -> dict[str, Any]:
    return {"v": VERSION, **event.to_json()}


def _read(data: object, *, signal: bool = False) -> Happened:
    """Return the content read from JSON. `signal`: it came from a helpdesk; older versions wrote it as an event."""
    if not isinstance(data, dict):
        raise PayloadError("not an event")
    check_version(data, "event")
    given = {name: value for name, value in data.items() if name != "v"}
    if "incident" in given:
        from deskwire.model.notices import notice_from_json

        return notice_from_json(given)
    if signal or "helpdesk" in given or given.get("kind") == SIGNALLED:
        from deskwire.model.signals import signal_from_json, signal_of_event

        return signal_from_json(given) if "helpdesk" in given else signal_of_event(given)
    return event_from_json(given if "v" in data else _typed(given))


def check_version(data: Mapping[str, Any], what: str) -> None:
    """Raise `PayloadError` if a newer version of this code wrote it: it could be misread."""
    version = data.get("v", 1)
    if not isinstance(version, int) or version > VERSION:
        raise PayloadError(
            f"the {what} is of version {version}, this code reads up to {VERSION}: deploy the newer code"
        )


# ---------------------------------------------------------------- version 1 had further facts in untyped `details`

LABELS = {
    "permalink": "Link", "page_url": "Page", "consent": "Consent", "recommendation": "Recommendation",
    "advertisement": "Advertisement", "promotion": "Promotion", "reaction": "Reaction", "quick_reply": "Quick reply",
    "postback": "Button", "referral": "Referral", "referral_source": "Referral source",
    "referral_type": "Referral type",
    "ad_id": "Advertisement", "commands": "Commands", "anonymous": "Anonymous", "answered": "Answered already",
    "reply_url": "Reply at", "quoted": "Quotes", "app_id": "App", "new_owner": "New owner",
    "previous_owner": "Previous owner", "ref": "Referral", "action": "Action", "reason": "Reason",
    "description": "Description",
}  # fmt: skip
FORMS = frozenset({"webform"})  # channels whose fields had names of the company's own


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of version 1 with its `details` moved to fields of their own."""
    event = dict(data)
    details: dict[str, str] = dict(event.pop("details", None) or {})
    form, kind = event.get("channel") in FORMS, event.get("kind")
    if kind != Kind.MESSAGE or not form:
        event["dismissal"] = details.pop("suppressed", "")
    if kind == Kind.STATE:
        event["attention"] = details.pop("attention", "")
    if event.get("own"):
        event["echo_of"] = details.pop("metadata", "")
    if not form:
        event["stars"] = _stars(details.pop("rating", ""))
    event["facts"] = {_label(name, form=form): value for name, value in details.items() if form or name in LABELS}
    event["keep"] = {name: value for name, value in details.items() if not form and name not in LABELS}
    return event


def _label(name: str, *, form: bool) -> str:
    ours = name in LABELS and (not form or name in {"page_url", "consent"})
    return LABELS[name] if ours else f"Form field “{name.replace('_', ' ')}”"


def _stars(rating: str) -> int:
    return int(rating) if rating.isdecimal() and len(rating) == 1 and int(rating) <= MOST_STARS else 0

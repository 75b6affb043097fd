"""The keys of a conversation's items in the table."""

from __future__ import annotations

from datetime import UTC, datetime

from deskwire.model.keys import compose, digest
from deskwire.ports import Key

DAY = 86_400  # seconds


def seconds(moment: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(moment.timestamp())


def moment(stamp: int) -> datetime:
    """Return the time of whole seconds since 1970, in UTC."""
    return datetime.fromtimestamp(stamp, UTC)


def thread_item(thread_key: str) -> Key:
    """Return the key of a thread."""
    return (f"T#{thread_key}", "THREAD")


def unfiled_item(thread_key: str) -> Key:
    """Return the key of the item that states how long a thread has waited for its helpdesk."""
    return (f"T#{thread_key}", "UNFILED")


def message_item(thread_key: str, event_key: str) -> Key:
    """Return the key of a thread's message."""
    return (f"T#{thread_key}", f"M#{event_key}")


def page_item(thread_key: str, number: int) -> Key:
    """Return the key of a page of a flooded thread's messages."""
    return (f"T#{thread_key}", f"W#{number:08}")


def sent_item(thread_key: str, key: str) -> Key:
    """Return the key of a text sent into a thread."""
    return (f"T#{thread_key}", f"S#{key}")


def origin_item(place: str, platform_id: str) -> Key:
    """Return the key of the way back from a sent text to its thread. `place` is the channel and the account."""
    return (f"O#{place}/{compose(platform_id)}", "SENT")


def echo_item(thread_key: str, platform_id: str) -> Key:
    """Return the key under which version 0.1 noted the platform's id of a sent text; such items lived for 30 days."""
    return (f"T#{thread_key}", f"O#{compose(platform_id)}")


def ticket_item(helpdesk: str, ticket: str) -> Key:
    """Return the key of the way back from a ticket to its thread."""
    return (f"K#{compose(helpdesk, ticket)}", "THREAD")


def reference_item(text: str) -> Key:
    """Return the key of the way from a reference to its thread."""
    return (f"N#{compose(text)}", "THREAD")


LINK = "LINK"  # the sort key of a one-time link


def link_item(token: str) -> Key:
    """Return the key of a one-time link. It holds the token's digest: reading the table lets nobody use a link."""
    return (f"L#{digest(token)}", LINK)


def person_item(channel: str, author: str) -> Key:
    """Return the key of a person's item, with their opt-out."""
    return (f"P#{compose(channel, author)}", "PERSON")


def survey_item(channel: str, author: str) -> Key:
    """Return the key of the item that states when a person was last asked for a rating."""
    return (person_item(channel, author)[0], "SURVEY")


def person_digest(channel: str, author: str) -> str:
    """Return the digest under which a thread records that a person was erased."""
    return digest(compose(channel, author))[:32]

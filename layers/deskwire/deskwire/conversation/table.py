"""Where each item of a conversation lies in the table."""

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
    """Return where a thread is."""
    return (f"T#{thread_key}", "THREAD")


def unfiled_item(thread_key: str) -> Key:
    """Return where a thread says how long it has waited for its helpdesk."""
    return (f"T#{thread_key}", "UNFILED")


def message_item(thread_key: str, event_key: str) -> Key:
    """Return where a message of a thread is."""
    return (f"T#{thread_key}", f"M#{event_key}")


def page_item(thread_key: str, number: int) -> Key:
    """Return where a page of what waits behind a flooded thread is."""
    return (f"T#{thread_key}", f"W#{number:08}")


def sent_item(thread_key: str, key: str) -> Key:
    """Return where something we sent into a thread is."""
    return (f"T#{thread_key}", f"S#{key}")


def origin_item(place: str, platform_id: str) -> Key:
    """Return where the way back from something we sent to its thread is. `place` is the channel and the account."""
    return (f"O#{place}/{compose(platform_id)}", "SENT")


def echo_item(thread_key: str, platform_id: str) -> Key:
    """Return where version 0.1 noted the platform's id of something we sent. It wrote the last of them 30 days ago."""
    return (f"T#{thread_key}", f"O#{compose(platform_id)}")


def ticket_item(helpdesk: str, ticket: str) -> Key:
    """Return where the way back from a ticket to its thread is."""
    return (f"K#{compose(helpdesk, ticket)}", "THREAD")


def reference_item(text: str) -> Key:
    """Return where the way from our reference to its thread is."""
    return (f"N#{compose(text)}", "THREAD")


LINK = "LINK"  # of a one-time link


def link_item(token: str) -> Key:
    """Return where a one-time link is, by the digest of its token: who reads the table can open none."""
    return (f"L#{digest(token)}", LINK)


def person_item(channel: str, author: str) -> Key:
    """Return where a person's own wishes are."""
    return (f"P#{compose(channel, author)}", "PERSON")


def survey_item(channel: str, author: str) -> Key:
    """Return where it is noted when a person was last asked how content they are."""
    return (person_item(channel, author)[0], "SURVEY")


def person_digest(channel: str, author: str) -> str:
    """Return the short name by which a thread knows a person whom it must forget."""
    return digest(compose(channel, author))[:32]

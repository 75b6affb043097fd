"""The envelope of WhatsApp's updates: messages, echoes, statuses, and what is told of the account.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview (up to 1,000 updates of
several numbers in one body, in no promised order, more than once).

What survives a redelivery: a message's `id`; a status's `id` with its `status`. What is told of an account has no id:
its key is made of the field, the time and what is read of it, which the repeated body repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from deskwire.contracts.channel import each
from deskwire.families import meta
from deskwire.model.errors import PayloadError
from deskwire.model.events import Event, Kind, Unreadable, Visibility
from deskwire.web.reading import Node, fragment

from .content import nodes, when
from .errors import explained
from .messages import Place
from .people import contacts, described, either, person, token, words

OBJECT: Final = "whatsapp_business_account"
# https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/account_update,
# …/account_alerts, …/account_review_update, …/message_template_status_update, …/phone_number_quality_update:
# what a person of the company has to look at. Others are counted.
ALARMING: Final = frozenset({
    "ACCOUNT_DELETED", "ACCOUNT_RESTRICTION", "ACCOUNT_VIOLATION", "DISABLED_UPDATE", "PARTNER_REMOVED",
    "PARTNER_APP_UNINSTALLED", "ACCOUNT_OFFBOARDED", "REJECTED", "FLAGGED", "DOWNGRADE", "PAUSED", "DISABLED",
    "PENDING_DELETION", "CRITICAL", "WARNING", "RESTRICTED", "DISABLE",
})  # fmt: skip
SAYS: Final = ("event", "decision", "alert_severity", "current_limit", "new_quality_score")


def updates(body: Node, channel: str) -> Iterator[Event | Unreadable]:
    """Yield the events of a delivery; what cannot be read is an `Unreadable`, and the rest goes on.

    Raises `PayloadError` for a delivery of another object, or none.
    """
    body = body.object()
    if words(body["object"]) != OBJECT:
        raise PayloadError(f"the delivery is not of the object “{OBJECT}”")
    if "entry" not in body:
        raise PayloadError("the delivery has no entry")
    yield from entries(body["entry"].items(), channel)


def entries(found: Iterable[Node], channel: str) -> Iterator[Event | Unreadable]:
    """Yield the events of entries, which each are one account's of WhatsApp Business."""
    for entry in found:
        try:
            changes = list(entry.object()["changes"].items())
        except PayloadError as error:
            yield Unreadable(str(error), entry.raw)
            continue
        for change in changes:
            yield from _change(entry, change, channel)


def _change(entry: Node, change: Node, channel: str) -> Iterator[Event | Unreadable]:
    try:
        value, name = change.object()["value"].object(), words(change["field"])
        lists = [value[part] for part in ("messages", "message_echoes", "statuses", "errors") if part in value]
        told = name in {"messages", "smb_message_echoes", "standby", ""} and bool(lists)
        number = value["metadata"]["phone_number_id"].identifier() if told else ""
        said, echoes, statuses, problems = (
            list(value[part].items()) if told else [] for part in ("messages", "message_echoes", "statuses", "errors")
        )
    except PayloadError as error:
        yield Unreadable(str(error), change.raw)
        return
    if not told:
        yield from each([change], lambda node: [_account(entry, node, channel)])
        return
    people = tuple(contacts(value["contacts"]))
    # `standby`: another agent (Meta's own) has the conversation, its words come as echoes (field of 2026-08-04; its
    # value is as that of `messages`, which 360dialog documents).
    place = Place(channel, number, people, standby=name == "standby")
    own = Place(channel, number, people, own=True, standby=name == "standby")
    yield from each(said, place.events)
    yield from each(echoes, own.events)
    yield from each(statuses, lambda node: [_status(node, place)])
    yield from each(problems, lambda node: [_problem(entry, node, place)])


def _status(node: Node, place: Place) -> Event:
    """Return what became of a message of ours; they come in any order, and `failed` without `contacts`."""
    node.object()
    kind = words(node["status"])[:60] or "status"
    user = either(node["recipient_user_id"], node["user_id"])
    who = described(person(node["recipient_id"], user, node["parent_recipient_user_id"]), place.people)
    failed = kind == "failed"
    problem = (nodes(node["errors"]) or [Node({}, "error")])[0]
    return Event(
        channel=place.channel,
        account=place.account,
        kind=Kind.UNDELIVERED if failed else Kind.RECEIPT,
        object_id=node["id"].identifier(),
        verb=kind,
        # To a group there is one of each for every member.
        version=token(node["recipient_participant_id"]) or token(node["participant_recipient_id"]),
        thread=who.id or place.account,
        visibility=Visibility.PRIVATE,
        own=False,
        text=explained(problem) if failed else f"[{kind}]",
        occurred_at=when(node["timestamp"]),
        echo_of=words(node["biz_opaque_callback_data"]),
        raw=fragment(node),
    )


def _problem(entry: Node, node: Node, place: Place) -> Event:
    """Return an error that is about no single message: a person has to know."""
    node.object()
    text = explained(node)
    return _told(entry, node, place.channel, place.account, "error", text, attention=f"WhatsApp reports: {text}")


def _account(entry: Node, change: Node, channel: str) -> Event:
    """Return what is told of the account, a number or a template, or of what is not read here."""
    name, value = words(change["field"])[:60] or "nothing", change["value"]
    alert = value["alert_info"]
    said = [words(value[part]) or words(alert[part]) for part in SAYS]
    loud = next((part for part in said if part.upper() in ALARMING), "")
    about = (
        words(value["message_template_name"]) or words(value["display_phone_number"]) or words(value["phone_number"])
    )
    reason = words(value["reason"]) or words(value["rejection_reason"]) or words(alert["alert_description"])
    text = " ".join(filter(None, (name, about, next(filter(None, said), ""), reason)))
    account = token(value["metadata"]["phone_number_id"]) or token(entry["id"])
    attention = f"WhatsApp: {text}" if loud else ""
    return _told(entry, change, channel, account, name, f"[{text}]", attention=attention)


def _told(entry: Node, node: Node, channel: str, account: str, name: str, text: str, *, attention: str) -> Event:
    known = name.startswith(
        ("account", "business", "message_template", "phone_number", "template", "error", "security")
    )
    return Event(
        channel=channel,
        account=account or entry["id"].identifier(),
        kind=Kind.STATE if known or attention else Kind.OTHER,
        object_id=f"{token(entry['time'])}:{meta.mark(text)}",
        verb=name,
        thread=account or entry["id"].identifier(),
        visibility=Visibility.PRIVATE,
        text=text,
        occurred_at=when(entry["time"]),
        attention=attention,
        raw=fragment(node),
    )

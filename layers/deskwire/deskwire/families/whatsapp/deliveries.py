"""Read the envelope of WhatsApp's updates: messages, echoes, statuses, and notices about the account.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview (up to 1,000 updates of
several numbers in one body, in no promised order, more than once).

Updates without a message to us are only counted, whatever they hold: the account, templates, calls (except missed
ones), and `history` with `smb_app_state_sync`, which are about conversations from before the number was connected.

Ids that survive a redelivery: a message's and a call's `id`; a status's `id` with its `status`. A notice about the
account has no id: its key is made of the field, its position, the time and what is read, which a redelivery repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from deskwire.contracts.channel import each
from deskwire.model.errors import PayloadError
from deskwire.model.events import Event, Kind, Unreadable, Visibility
from deskwire.web.reading import Node, fragment

from .content import nodes, when
from .errors import explained
from .messages import Place
from .notices import Notice
from .people import People, either, identity, party, person

OBJECT: Final = "whatsapp_business_account"
STANDBY: Final = (
    "standby"  # https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/standby/
)
SPOKEN: Final = frozenset({"messages", "smb_message_echoes", "user_id_update", STANDBY})  # `history` is not: it is over
LISTS: Final = ("messages", "message_echoes", "statuses", "errors", "user_id_update")
# Who of a group a status is about; both orders of the words are documented.
MEMBER: Final = ("recipient_participant_id", "participant_recipient_id", "recipient_participant_user_id")


def updates(body: Node, channel: str) -> Iterator[Event | Unreadable]:
    """Yield the events of a delivery; an update that cannot be read becomes an `Unreadable`.

    Raises `PayloadError` for a delivery about another object.
    """
    body = body.object()
    if body["object"].text("") != OBJECT:
        raise PayloadError(f"the delivery is not of the object “{OBJECT}”")
    if "entry" not in body:
        raise PayloadError("the delivery has no entry")
    yield from entries(body["entry"].items(), channel)


def entries(found: Iterable[Node], channel: str) -> Iterator[Event | Unreadable]:
    """Yield the events of entries, each of one WhatsApp Business account."""
    for entry in found:
        try:
            changes = list(entry.object()["changes"].items())
        except PayloadError as error:
            yield Unreadable(str(error), entry.raw)
            continue
        for at, change in enumerate(changes):
            yield from _change(entry, change, channel, at)


def _change(entry: Node, change: Node, channel: str, at: int) -> Iterator[Event | Unreadable]:
    field, value, notice = change["field"], change["value"], Notice(channel, entry, at)
    name = field.text("") if isinstance(field.raw, str) else ""
    # While another agent (Meta's own) has the conversation, all this stands one level deeper.
    said = value["standby"] or value
    if name == "calls":
        yield from _calls(change, notice)
        return
    told = (name in SPOKEN or not name) and any(part in said for part in LISTS)
    if not told and not (name in {"messages", ""} and not value):
        yield from each([change], notice.account)
        return
    try:
        number = value.object()["metadata"]["phone_number_id"].identifier()
    except PayloadError as error:
        yield Unreadable(str(error), change.raw)
        return
    senders = {party(message, "from").id for message in nodes(said["messages"])}
    people = People(said["contacts"] or value["contacts"], of_one=len(senders) == 1)
    place = Place(channel, number, people, standby=name == STANDBY)
    own = Place(channel, number, people, own=True, standby=name == STANDBY)
    readers: dict[str, Callable[[Node], Iterable[Event]]] = {
        "messages": place.events,
        "message_echoes": lambda node: own.events(_requested(node)),
        "statuses": lambda node: [_status(node, place)],
        "errors": lambda node: notice.problem(node, number),
        "user_id_update": lambda node: [place.user_id(node)],
    }
    for part, reader in readers.items():
        try:
            found = list(said[part].items())
        except PayloadError as error:
            yield Unreadable(str(error), change.raw)
            continue
        yield from each(found, reader)


def _calls(change: Node, notice: Notice) -> Iterator[Event | Unreadable]:
    """Yield missed calls, each as a message of the customer's; the others are counted together."""
    value = change["value"]
    calls, number = nodes(value["calls"]), value["metadata"]["phone_number_id"].any_id()
    ours = identity(value["metadata"]["display_phone_number"].any_id())
    place = Place(notice.channel, number, People(value["contacts"], of_one=len(calls) == 1))
    missed = [event for call in calls if number and (event := place.missed(call, ours))]
    yield from missed
    if not missed or len(missed) < len(calls):
        yield from each([change], notice.account)


def _requested(echo: Node) -> Node:
    """Return an echo in the form of the phone's echoes: in `standby`, the sent request is a separate field."""
    request = echo["message"]
    if "type" not in request or "type" in echo:
        return echo
    # Beside it stands the definition of the template or Flow that the request names.
    return Node({**echo.raw, "to_user_id": request["recipient"].raw, **request.raw}, "echo")


def _status(node: Node, place: Place) -> Event:
    """Return the status of a message of ours; statuses come in any order, and `failed` without `contacts`."""
    node.object()
    kind = node["status"].text("")[:60] or "status"
    user = either(node["recipient_user_id"], node["user_id"])
    who = place.people.describe(person(node["recipient_id"], user, node["parent_recipient_user_id"]))
    failed = kind == "failed"
    problem = (nodes(node["errors"]) or [Node({}, "error")])[0]
    return Event(
        channel=place.channel,
        account=place.account,
        kind=Kind.UNDELIVERED if failed else Kind.RECEIPT,
        object_id=node["id"].identifier(),
        verb=kind,
        # To a group there is one of each for every member.
        version=next(filter(None, (node[name].any_id() for name in MEMBER)), ""),
        thread=who.id or place.account,
        visibility=Visibility.PRIVATE,
        own=False,
        text=explained(problem) if failed else f"[{kind}]",
        occurred_at=when(node["timestamp"]),
        echo_of=node["biz_opaque_callback_data"].text(""),
        raw=fragment(node),
    )

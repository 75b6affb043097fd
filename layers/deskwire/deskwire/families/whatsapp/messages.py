"""Read one WhatsApp message, a customer's or an echo of our own, as an event.

The id that survives a redelivery: `id` (`wamid.…`). An edit and a deletion have an id of their own and name the
original. Only the author is required; other unexpected fields are left out, and the text is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from deskwire.contracts.channel import filled, line
from deskwire.families import meta
from deskwire.model.errors import PayloadError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, fragment

from .content import Content, content, nodes, when
from .people import People, Person, changed, either, party, person

MISSED: Final = "[missed call]"
ENDS: Final = ("", "_user_id", "_parent_user_id")
HAPPENED: Final = ("revoke", "edit", "reaction", "system")  # to a message or a person: all else is one


@dataclass(frozen=True, slots=True)
class Place:
    """The context of one change's messages: the channel, our number, the people described beside them."""

    channel: str
    account: str
    people: People
    own: bool = False
    standby: bool = False

    def events(self, message: Node) -> Iterator[Event]:
        """Yield the events of one message."""
        message.object()
        kind = message["type"].text("")
        if not message[kind]:  # the type may be missing: what is there is read by its name
            kind = next((name for name in HAPPENED if message[name]), kind)
        original = message[kind]["original_message_id"].any_id()
        if kind == "revoke" and original:
            yield self._event(message, Kind.DELETION, original, "delete")
        elif kind == "edit" and original:
            said, own_id = content(message["edit"]["message"]), message["id"].any_id()
            yield self._event(
                message, Kind.EDIT, original, "edit", version=own_id, text=said.text, attachments=said.attachments
            )
        elif kind == "reaction":
            yield self._reaction(message)
        elif kind == "system":
            yield self._system(message)
        elif kind == "request_welcome":  # opened the chat for the first time, and wrote nothing
            yield self._event(message, Kind.STATE, self._id(message), "opened", text="[opened the chat]")
        else:
            yield self._message(message, content(message["edit"]["message"] if kind == "edit" else message))

    def missed(self, call: Node, ours: str) -> Event | None:
        """Return a customer's missed call once it has ended; None for every other call.

        A call has a `start_time` “only when the call was picked up by the other party”, whatever its `status`, and the
        same `id` in all updates about it. The customer is the end without our number (`ours`): documented examples of
        a user's call have them in `to`, observed ones in `from`.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-initiated-calls
        """
        if ours and call["from"].any_id().lstrip("+") == ours:
            turned = {f"from{end}": call[f"to{end}"].raw for end in ENDS}
            call = Node({**call.raw, **turned}, "call")
        ended = (call["event"].text(""), call["direction"].text("")) == ("terminate", "USER_INITIATED")
        picked_up = call["start_time"].any_id() or call["duration"].number(0)
        who = self._who(call)
        if not ended or picked_up or not who.id:
            return None
        # A call is not a message: nothing can be sent in answer to it, or mark it as read.
        keep = filled({"to": who.number, "user_id": who.user_id})
        payload = call["cta_payload"].text("") or call["deeplink_payload"].text("")
        facts = filled({"Call button": payload})
        return self._event(call, Kind.MESSAGE, self._id(call), ADD, text=MISSED, keep=keep, facts=facts)

    def _id(self, message: Node) -> str:
        """Return the wamid; without one, a digest, which is the same in a redelivery."""
        return message["id"].any_id() or meta.mark(json.dumps(message.raw, sort_keys=True))

    def _who(self, message: Node) -> Person:
        """Return the customer: the author, or the recipient of a message from our own phone."""
        return self.people.describe(party(message, "to" if self.own else "from"))

    def _event(self, message: Node, kind: Kind, object_id: str, verb: str, **more: Any) -> Event:  # noqa: ANN401
        who, group = self._who(message), message["group_id"].any_id()
        thread = more.pop("thread", "") or group or who.id
        if not thread:
            raise PayloadError("the message says neither from whom nor to whom it is")
        joined = kind in {Kind.MESSAGE, Kind.EDIT, Kind.DELETION} and not group
        # Where an answer goes: a group, else the number, else the business-scoped id.
        kept = {
            "group": group,
            "to": who.number,
            "user_id": who.user_id,
            "message": "" if self.own else self._id(message),
        }
        ours = Person(message["from"].any_id().lstrip("+")).author or Author(self.account)
        fields: dict[str, Any] = {
            "author": ours if self.own else who.author,
            "aliases": who.aliases if joined else (),
            "keep": filled(kept) if joined or group else {},
            **more,
        }
        return Event(
            channel=self.channel,
            account=self.account,
            kind=kind,
            object_id=object_id,
            verb=verb,
            thread=thread,
            visibility=Visibility.PRIVATE,
            own=self.own,
            occurred_at=when(message["timestamp"]),
            no_automatic_reply="standby" if self.standby else "",
            raw=fragment(message),
            **fields,
        )

    def _message(self, message: Node, said: Content) -> Event:
        problem = nodes(message["errors"])[:1]
        details = [each["error_data"]["details"].text("") or each["title"].text("") for each in problem]
        facts = {
            **(said.facts or {}),
            "WhatsApp says": "".join(details),
            "Group": message["group_id"].any_id(),
            **_context(message["context"]),
            **_referral(message["referral"]),
        }
        return self._event(
            message,
            Kind.MESSAGE,
            self._id(message),
            ADD,
            text=said.text if said.text.strip() else line("", said.attachments, "an empty message"),
            attachments=said.attachments,
            reply_to=message["context"]["id"].any_id(),
            choice=said.choice,
            facts=filled(facts),
        )

    def _reaction(self, message: Node) -> Event:
        reaction = message["reaction"]
        emoji, own_id = reaction["emoji"].text(""), self._id(message)
        return self._event(
            message,
            Kind.REACTION,
            reaction["message_id"].any_id() or own_id,
            "react" if emoji else "unreact",
            version=own_id,
            text=emoji or "[reaction taken back]",
        )

    def _system(self, message: Node) -> Event:
        """Read a changed number or id: not a message, but the thread's customer continues under another id.

        The new number is `wa_id` (`new_wa_id` before v12), and missing if they hide it. Since August 2026 the former
        ids are fields; before, the former business-scoped id was only in the text.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system/
        """
        system = message["system"]
        kind, text = system["type"].text("")[:60] or "system", system["body"].text("")
        before, after = changed(text)
        old = person(
            either(message["from"], system["customer"]),
            either(system["previous_user_id"], message["from_user_id"]),
            either(system["previous_parent_user_id"], message["from_parent_user_id"]),
        )
        new = person(either(system["wa_id"], system["new_wa_id"]), system["user_id"], system["parent_user_id"])
        if self.own or not new.id:  # another phone, for instance (`customer_identity_changed`)
            known = self._who(message) if self.own else old
            return self._event(
                message, Kind.STATE, self._id(message), kind, thread=known.id or self.account, text=text or f"[{kind}]"
            )
        return self.renamed(message, self._id(message), kind, (*old.ids, before, *new.ids, after), new, text=text)

    def user_id(self, update: Node) -> Event:
        """Read a changed business-scoped id from the field `user_id_update`, used before there was a system message."""
        ids = [update[kind][age] for age in ("previous", "current") for kind in ("user_id", "parent_user_id")]
        new = person(update["wa_id"], update["user_id"]["current"], update["parent_user_id"]["current"])
        names = (*(each.any_id() for each in ids), *new.ids)
        made = f"{update['timestamp'].any_id()}:{meta.mark(' '.join(names))}"  # it has no id
        return self.renamed(update, made, "user_id_update", names, new, text=update["detail"].text(""))

    def renamed(
        self, node: Node, object_id: str, verb: str, names: tuple[str, ...], new: Person, *, text: str
    ) -> Event:
        """Return the event that the person with these ids, the first of them known, continues under another."""
        known, *others = dict.fromkeys(filter(None, names)) or [""]
        if not known:
            raise PayloadError("the update names nobody")
        return self._event(
            node, Kind.STATE, object_id, verb, thread=known, author=new.author, aliases=tuple(others),
            keep=filled({"to": new.number, "user_id": new.user_id}), text=text or f"[{verb}]",
        )  # fmt: skip


def _context(context: Node) -> dict[str, str]:
    often, product = context["frequently_forwarded"].raw is True, context["referred_product"]
    forwarded = "many times" if often else "yes" if context["forwarded"].raw is True else ""
    return {"Forwarded": forwarded, "Product": product["product_retailer_id"].any_id()}


def _referral(referral: Node) -> dict[str, str]:
    """Return the facts of an advertisement that the customer clicked on."""
    names = {
        "headline": "Advertisement",
        "body": "Advertisement's text",
        "source_url": "Advertisement's address",
        "source_id": "Advertisement's id",
        "source_type": "Came by",
        "ref": "Referral",
        "ctwa_clid": "Click",
    }
    return {label: referral[name].text("") for name, label in names.items()}

"""One message of WhatsApp, a customer's or an echo of our own, as an event.

What survives a redelivery: `id` (`wamid.…`). An edit and a deletion have an id of their own and name the original.
Only who wrote is needed; whatever else is odd is left out, and the words go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deskwire.contracts.channel import filled, line
from deskwire.families import meta
from deskwire.model.errors import PayloadError
from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.values import dataclass
from deskwire.web.reading import Node, fragment

from .content import Content, content, nodes, when
from .people import Person, described, either, person, token, words


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages of one change are read: the channel, our number, the people described beside them."""

    channel: str
    account: str
    people: tuple[Person, ...] = ()
    own: bool = False
    standby: bool = False

    def events(self, message: Node) -> Iterator[Event]:
        """Yield what one message says."""
        message.object()
        kind = words(message["type"])
        original = token(message[kind]["original_message_id"])
        if kind == "revoke" and original:
            yield self._event(message, Kind.DELETION, original, "delete")
        elif kind == "edit" and original:
            said, own_id = content(message["edit"]["message"]), token(message["id"])
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

    def _id(self, message: Node) -> str:
        """Return the wamid; of what has none, a digest, which the repeated body repeats."""
        return token(message["id"]) or meta.mark(json.dumps(message.raw, sort_keys=True))

    def _who(self, message: Node) -> Person:
        """Return the customer: who wrote, or to whom our own phone did."""
        end = "to" if self.own else "from"
        found = person(message[end], message[f"{end}_user_id"], message[f"{end}_parent_user_id"])
        return described(found, self.people)

    def _event(self, message: Node, kind: Kind, object_id: str, verb: str, **more: Any) -> Event:  # noqa: ANN401
        who, group = self._who(message), token(message["group_id"])
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
        fields: dict[str, Any] = {
            "author": Person(token(message["from"]).lstrip("+") or self.account).author if self.own else who.author,
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
        details = [words(each["error_data"]["details"]) or words(each["title"]) for each in problem]
        facts = {
            **(said.facts or {}),
            "WhatsApp says": "".join(details),
            "Group": token(message["group_id"]),
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
            reply_to=token(message["context"]["id"]),
            facts=filled(facts),
        )

    def _reaction(self, message: Node) -> Event:
        reaction = message["reaction"]
        emoji, own_id = words(reaction["emoji"]), self._id(message)
        return self._event(
            message,
            Kind.REACTION,
            token(reaction["message_id"]) or own_id,
            "react" if emoji else "unreact",
            version=own_id,
            text=emoji or "[reaction taken back]",
        )

    def _system(self, message: Node) -> Event:
        """Read a changed number or id: nobody wrote, and the thread gets another name beside its own.

        The new number is `wa_id` (`new_wa_id` before v12). Since August 2026 the former ids are named, too.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system/
        """
        system = message["system"]
        kind = words(system["type"])[:60] or "system"
        if self.own:
            return self._event(message, Kind.STATE, self._id(message), kind, text=f"[{kind}]")
        new = person(either(system["wa_id"], system["new_wa_id"]), system["user_id"], system["parent_user_id"])
        old = person(
            either(message["from"], system["customer"]),
            either(system["previous_user_id"], message["from_user_id"]),
            system["previous_parent_user_id"],
        )
        known = old.id or new.id
        names = (*old.aliases, new.id, *new.aliases) if "changed" in kind else ()
        return self._event(
            message,
            Kind.STATE,
            self._id(message),
            kind,
            thread=known or self.account,
            author=old.author or new.author,
            aliases=tuple(dict.fromkeys(name for name in names if name and name != known)),
            text=words(system["body"]) or f"[{kind}]",
        )


def _context(context: Node) -> dict[str, str]:
    often, product = context["frequently_forwarded"].raw is True, context["referred_product"]
    forwarded = "many times" if often else "yes" if context["forwarded"].raw is True else ""
    return {"Forwarded": forwarded, "Product": token(product["product_retailer_id"])}


def _referral(referral: Node) -> dict[str, str]:
    """Return what an advertisement that was clicked on adds."""
    names = {
        "headline": "Advertisement",
        "body": "Advertisement's text",
        "source_url": "Advertisement's address",
        "source_id": "Advertisement's id",
        "source_type": "Came by",
        "ref": "Referral",
        "ctwa_clid": "Click",
    }
    return {label: words(referral[name]) for name, label in names.items()}

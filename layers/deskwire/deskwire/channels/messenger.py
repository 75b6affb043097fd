"""Messenger: what people write to a Facebook Page in private.

Set-up: in the Meta app add the products Messenger and Webhooks, object **Page**, with this endpoint's address and a
verify token (one app has ONE address for the object, so the same endpoint serves the page's feed). Tick `messages`,
`message_echoes`, `message_edits`, `messaging_postbacks`, `messaging_referrals`, `messaging_optins`,
`messaging_handovers`, `messaging_policy_enforcement` and `standby` (reactions, reads and deliveries are known, needed
for nothing and paid for); then `POST /{page-id}/subscribed_apps` with the union of all fields (the call replaces the
list). Permissions: `pages_messaging`, `pages_manage_metadata`; “Require app secret” stays off; for answers after 24
hours the feature Human Agent; for names the feature Business Asset User Profile Access.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks

Signature: `X-Hub-Signature-256`, HMAC-SHA256 of the raw body under the App Secret, in hex.
https://developers.facebook.com/docs/graph-api/webhooks/getting-started/

Secrets: endpoint `app_secret`, `verify_token`; connection `page_token`, a long-lived Page token of a person with the
task MESSAGING. https://developers.facebook.com/docs/messenger-platform/reference/send-api

Limits: 2,000 characters; 24 hours after the customer's last message, 7 days for a person's answer (HUMAN_AGENT); 5
seconds to answer a delivery, after an hour of failures the page is unsubscribed; no idempotency key (`metadata` comes
back in the echo); 300 texts a second; stickers are `image` and `sticker` until 2026-08-30, then `sticker` only.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/changelog/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, filled, in_turn, line, place
from deskwire.contracts.terms import Figure, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.families import meta
from deskwire.model.errors import DeskwireError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD, digest
from deskwire.model.sending import Outgoing, Sent
from deskwire.web.reading import Node, fragment

if TYPE_CHECKING:
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request, Response

SEND: Final = "https://developers.facebook.com/docs/messenger-platform/reference/send-api"
POLICY: Final = "https://developers.facebook.com/docs/messenger-platform/policy/policy-overview"
EVENTS: Final = "https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks"

# https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messages
# (location: older clients only)
KINDS: Final = {
    "image": AttachmentKind.IMAGE,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
    "reel": AttachmentKind.VIDEO,
    "ig_reel": AttachmentKind.VIDEO,
    "file": AttachmentKind.FILE,
    "sticker": AttachmentKind.STICKER,
    "location": AttachmentKind.LOCATION,
    "fallback": AttachmentKind.LINK,
    "post": AttachmentKind.LINK,
    "ig_post": AttachmentKind.LINK,
    "template": AttachmentKind.LINK,
    "appointment_booking": AttachmentKind.LINK,
}
SENDABLE: Final = {
    AttachmentKind.IMAGE: "image",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.FILE: "file",
}
HANDOVERS: Final = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")


class Messenger(Channel):
    """The connector. A thread is a person (their page-scoped id); everything is private."""

    name = "messenger"
    title = "Messenger"
    verification = meta.SIGNATURE
    endpoint_secrets = meta.ENDPOINT_SECRETS
    connection_secrets = meta.CONNECTION_SECRETS
    media_hosts: ClassVar[tuple[str, ...]] = meta.MEDIA_HOSTS
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                # 2,000 “characters”: which is not said, so UTF-16 units, the strictest reading. Five pieces: ours.
                text=Figure(TextLimit(2000, Unit.UTF16, pieces=5), SEND, meta.CHECKED, confirmed=False),
                windows=(
                    Window(
                        name="standard",
                        span=Figure(timedelta(hours=24), POLICY, meta.CHECKED),
                        automatic=Figure(True, POLICY, meta.CHECKED),  # noqa: FBT003
                    ),
                    Window(
                        name="human agent",
                        span=Figure(timedelta(days=7), POLICY, meta.CHECKED),
                        automatic=Figure(False, POLICY, meta.CHECKED),  # noqa: FBT003
                        tag="HUMAN_AGENT",
                    ),
                ),
            ),
        },
        body_limit=meta.BODY_LIMIT,
        deadline=Figure(timedelta(seconds=5), EVENTS, meta.CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=36), meta.WEBHOOKS, meta.CHECKED),
        api_version=meta.API_VERSION,
        sunset=meta.SUNSET,
        # After an hour of failures the page is unsubscribed (quoted by others; older texts say 8 hours).
        figures={"unsubscribed_after": Figure(timedelta(hours=1), EVENTS, meta.CHECKED, confirmed=False)},
    )

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        return meta.handshake(request, secrets)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return meta.delivered_at(request)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        # `changes` are the page's feed, which the connector “facebook” reads in the same delivery.
        return meta.updates(
            request,
            "page",
            ("messaging", "standby"),
            lambda entry, item, name: _Item(entry, item, standby=name == "standby").events(),
        )

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Send the text, in pieces if need be, then each attachment as a message of its own.

        `metadata` comes back in the echo, which may overtake the answer: that is how an echo is known as ours.
        """
        from deskwire.care import measure

        if permit.tag and outgoing.automatic:
            raise PermanentError(f"the tag {permit.tag} is for what a person wrote", code="human-agent")
        how = {"messaging_type": "MESSAGE_TAG", "tag": permit.tag} if permit.tag else {"messaging_type": "RESPONSE"}
        contents: list[Mapping[str, object]] = [{"text": text} for text in measure.pieces(outgoing.text, permit.limit)]
        contents += [_sendable(attachment) for attachment in outgoing.attachments]
        token = digest(outgoing.key)

        def sender(content: Mapping[str, object]) -> Callable[[], str]:
            def send() -> str:
                answer = meta.message({"id": outgoing.thread}, {**content, "metadata": token}, reach, **how)
                return meta.posted(answer, "message_id", what="sending a message")

            return send

        return Sent(in_turn([sender(content) for content in contents]))

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the person's name; some never resolve, and many apps may not ask."""
        try:
            found = meta.ask((author.id,), "first_name,last_name", reach, what="asking for a name")
            names = [found[name].text("") for name in ("first_name", "last_name")] if found else []
        except DeskwireError:  # a name is a nicety, the next sending will tell what is wrong
            return author
        name = " ".join(part for part in names if part)
        return Author(author.id, name) if name else author


def _sendable(attachment: Attachment) -> Mapping[str, object]:
    if attachment.kind is AttachmentKind.STICKER and attachment.id:
        return {"sticker_id": int(attachment.id) if attachment.id.isdecimal() else attachment.id}
    kind = SENDABLE.get(attachment.kind)
    if kind is None or not attachment.url.startswith("https://"):
        raise PermanentError(f"an attachment of the kind {attachment.kind} cannot be sent", code="attachment")
    return {"attachment": {"type": kind, "payload": {"url": attachment.url}}}


class _Item:
    """One item of `messaging` or `standby`.

    What survives a redelivery: `message.mid` and `postback.mid` (an unsending and an edit carry the original's); all
    else has no id, so its key is made of person, time and content, which the repeated body repeats.
    """

    def __init__(self, entry: Node, item: Node, *, standby: bool) -> None:
        self.item = item.object()
        self.page = entry["id"].identifier()
        self.standby = standby
        sender, recipient = _party(item["sender"]), _party(item["recipient"])
        self.own = sender == self.page or _flag(item["message"]["is_echo"])
        self.person = (recipient if self.own else sender) or self.page
        self.sender = sender
        self.at = meta.moment(item["timestamp"])
        self.stamp = item["timestamp"].text("")

    def events(self) -> Iterator[Event]:
        """Yield what it says: one event, or several receipts."""
        readers: Mapping[str, Callable[[Node], Iterator[Event]]] = {
            "message": self._message,
            "message_edit": self._edit,
            "reaction": self._reaction,
            "postback": self._postback,
            "delivery": self._delivery,
            "read": self._seen,
            "referral": self._referral,
            "optin": self._optin,
            **dict.fromkeys(HANDOVERS, self._handover),
            "policy-enforcement": self._policy,  # with a hyphen in the test data of libraries
            "policy_enforcement": self._policy,
        }
        for name, reader in readers.items():
            if name in self.item and self.page != "0":
                self.name = name
                yield from reader(self.item[name])
                return
        yield self._unknown()

    def _event(self, kind: Kind, object_id: str, verb: str, **more: Any) -> Event:  # noqa: ANN401
        fields: dict[str, Any] = {
            "occurred_at": self.at,
            "own": self.own,
            "author": Author(self.sender) if self.sender else None,
            "thread": self.person,
            "no_automatic_reply": "standby" if self.standby else "",
            **more,
        }
        return Event(
            channel="messenger",
            account=self.page,
            kind=kind,
            object_id=object_id,
            verb=verb,
            visibility=Visibility.PRIVATE,
            raw=fragment(self.item),
            **fields,
        )

    def _message(self, message: Node) -> Iterator[Event]:
        mid = message["mid"].identifier()
        if _flag(message["is_deleted"]):
            # Documented for Instagram only, where the flag may be the text "true"; seen in parsers of Messenger.
            yield self._event(Kind.DELETION, mid, "delete")
            return
        text, attachments = message["text"].exact(""), _attachments(message["attachments"])
        unsupported = _flag(message["is_unsupported"])
        closed = "a message that Messenger does not pass on: open the page's inbox"
        yield self._event(
            Kind.MESSAGE,
            mid,
            ADD,
            text=line(text, attachments, closed if unsupported else "an empty message"),
            attachments=attachments,
            reply_to=message["reply_to"]["mid"].any_id(),
            echo_of=message["metadata"].text("") if self.own else "",
            facts=filled(
                {
                    "Quick reply": message["quick_reply"]["payload"].text(""),
                    # Of an echo: who wrote it. No app, or the inbox's, is a person in Meta's own inbox.
                    "App": message["app_id"].any_id() if self.own else "",
                    "Commands": ", ".join(command["name"].text("") for command in message["commands"].rows()),
                    **_referral(message["referral"]),
                }
            ),
        )

    def _edit(self, edit: Node) -> Iterator[Event]:
        # Written as text as well. It tells the edits apart, so one of another type is none to guess.
        number = str(edit["num_edit"].number() if "num_edit" in edit else 0)
        text = edit["text"].exact("")
        yield self._event(Kind.EDIT, edit["mid"].identifier(), "edit", version=number, text=text)

    def _reaction(self, reaction: Node) -> Iterator[Event]:
        verb = "unreact" if reaction["action"].text("react") == "unreact" else "react"
        kind = reaction["reaction"].text("")
        yield self._event(
            Kind.REACTION,
            reaction["mid"].identifier(),
            verb,
            version=f"{self.sender}:{self.stamp}",
            text=reaction["emoji"].text("") or f"[{kind or verb}]",
            facts=filled({"Reaction": kind}),
        )

    def _postback(self, postback: Node) -> Iterator[Event]:
        payload, title = postback["payload"].exact(""), postback["title"].exact("")  # on standby: no payload
        made = f"{self.person}:{self.stamp}:{meta.mark(payload)}"  # before v11 there was no mid
        yield self._event(
            Kind.MESSAGE,
            postback["mid"].identifier("") or made,
            ADD,
            text=line(title or payload, (), "a button was pressed"),
            facts=filled({"Button": payload, **_referral(postback["referral"])}),
        )

    def _delivery(self, delivery: Node) -> Iterator[Event]:
        """`mids` names the messages, where it is there; all before the watermark are meant in any case."""
        at = self.at or meta.moment(delivery["watermark"])  # old samples have no timestamp
        mids = [mid.identifier() for mid in delivery["mids"].items()]
        for mid in dict.fromkeys(mids) or [f"{self.person}:{delivery['watermark'].identifier()}"]:
            yield self._event(Kind.RECEIPT, mid, "delivered", text="[delivered]", occurred_at=at)

    def _seen(self, seen: Node) -> Iterator[Event]:
        at = self.at or meta.moment(seen["watermark"])
        object_id = f"{self.person}:{seen['watermark'].identifier()}"
        yield self._event(Kind.RECEIPT, object_id, "read", text="[read]", occurred_at=at)

    def _referral(self, referral: Node) -> Iterator[Event]:
        facts = _referral(referral)
        object_id = f"{self.person}:{self.stamp}:{facts.get('Referral', '')}"
        yield self._event(Kind.STATE, object_id, "referral", text="[came by a link]", facts=facts)

    def _optin(self, optin: Node) -> Iterator[Event]:
        facts = filled({"Opted in to": optin["type"].text(""), "Referral": optin["ref"].text("")})
        yield self._event(
            Kind.STATE,
            f"{self.person}:{self.stamp}",
            "optin",
            text="[opted in]",
            facts=facts,
        )

    def _handover(self, control: Node) -> Iterator[Event]:
        owner = control["new_owner_app_id"].identifier("") or control["requested_owner_app_id"].identifier("")
        facts = filled(
            {
                "New owner": owner,
                "Previous owner": control["previous_owner_app_id"].identifier(""),
                "Note": control["metadata"].text(""),
            }
        )
        object_id = f"{self.person}:{self.stamp}"
        yield self._event(Kind.STATE, object_id, self.name, text=f"[{self.name}]", facts=facts)

    def _policy(self, policy: Node) -> Iterator[Event]:
        """Meta blocks (or unblocks) the page's sending: a person must look."""
        action, reason = policy["action"].text("block"), policy["reason"].text("")
        yield self._event(
            Kind.STATE,
            f"{self.page}:{self.stamp}",
            f"policy_{action}",
            thread=self.page,
            author=None,
            text=f"[Meta: {action}] {reason}".rstrip(),
            facts=filled({"Action": action, "Reason": reason}),
            attention=f"Meta's policy: {action}",
        )

    def _unknown(self) -> Event:
        """Return what is genuine and not known here, and the dashboard's test button (page “0”)."""
        known = {"sender", "recipient", "timestamp"}
        name = next((key[:60] for key, _ in self.item.members() if key not in known), "nothing")
        return self._event(
            Kind.OTHER,
            f"{self.person}:{self.stamp}",
            name,
            text=f"[{name}]",
            facts=filled({"Test": "yes" if self.page == "0" else ""}),
        )


def _party(node: Node) -> str:
    """Return the id of sender or recipient; an opt-in from a website has only a `user_ref`."""
    return node["id"].identifier("") or node["user_ref"].identifier("")


def _flag(node: Node) -> bool:
    return node.raw in ("true", True)


def _referral(node: Node) -> dict[str, str]:
    names = {"ref": "Referral", "source": "Referral source", "type": "Referral type", "ad_id": "Advertisement"}
    return filled({ours: node[theirs].any_id() for theirs, ours in names.items()})


def _attachments(nodes: Node) -> tuple[Attachment, ...]:
    """Return the attachments; until 2026-08-30 a sticker comes twice, as image and as sticker."""
    found = [_attachment(node) for node in nodes.rows()]
    stickers = {item.id for item in found if item.kind is AttachmentKind.STICKER}
    once = {item.id for item in found if item.id in stickers}
    kept = [item for item in found if item.id not in once]
    kept += {item.id: item for item in found if item.id in once}.values()
    return meta.distinct(kept)


def _attachment(node: Node) -> Attachment:
    kind, payload = node["type"].text(""), node["payload"]
    sticker = payload["sticker_id"].any_id()
    url = payload["url"].text("") or node["url"].text("")
    name = payload["title"].text("") or node["title"].text("")
    if sticker:
        return Attachment(AttachmentKind.STICKER, url, sticker, name)
    if kind == "location":
        where = payload["coordinates"]
        return Attachment(AttachmentKind.LOCATION, url, name=place(name, where["lat"], where["long"]))
    if kind == "template":
        name = name or payload["text"].text("") or payload["elements"][0]["title"].text("")
        name = name or payload["product"]["elements"][0]["title"].text("") or payload["template_type"].text("")
    elif kind not in KINDS or kind == "appointment_booking":
        name = name or kind
    return Attachment(KINDS.get(kind, AttachmentKind.FILE), url, payload["id"].any_id(), name)

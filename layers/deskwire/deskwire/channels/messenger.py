"""Messenger: what people write to a Facebook Page in private.

Set-up: in the Meta app add the products Messenger and Webhooks, object **Page**, with this endpoint's address and a
verify token (one app has ONE address for the object, so the same endpoint serves the page's feed). Tick `messages`,
`message_echoes`, `message_edits`, `messaging_postbacks`, `messaging_referrals`, `messaging_optins`,
`messaging_handovers`, `messaging_policy_enforcement` and `standby` (reactions, reads and deliveries are known, needed
for nothing and paid for), and where the page has a shop or sends forms `send_cart`, `messaging_customer_information`
and `messaging_feedback`; then `POST /{page-id}/subscribed_apps` with the union of all fields (the call replaces the
list); with the setting `app_id`, `deskwire apply` does all of it. Permissions: `pages_messaging`,
`pages_manage_metadata`; “Require app secret” stays off; for answers after 24 hours the feature Human Agent; for names
the feature Business Asset User Profile Access.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks

Signature: `X-Hub-Signature-256`, HMAC-SHA256 of the raw body under the App Secret, in hex.
https://developers.facebook.com/docs/graph-api/webhooks/getting-started/

Secrets: endpoint `app_secret`, `verify_token`; connection `page_token`, a long-lived Page token of a person with the
task MESSAGING. https://developers.facebook.com/docs/messenger-platform/reference/send-api

Limits: 2,000 characters; 24 hours after the customer's last message, 7 days for a person's answer (HUMAN_AGENT); 5
seconds to answer a delivery, after an hour of failures the page is unsubscribed; no idempotency key (`metadata` comes
back in the echo); 300 texts, 10 audios or videos a second; stickers are `image` and `sticker` until 2026-08-30, then
`sticker` only.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/changelog/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, each, filled
from deskwire.contracts.terms import Figure, Permit, Sending, Terms, TextLimit, Unit
from deskwire.families import meta, meta_inbox
from deskwire.families.meta_reading import listed, ordered
from deskwire.model.errors import DeskwireError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Unreadable, Visibility
from deskwire.model.keys import ADD, digest
from deskwire.model.sending import Outgoing, Sent
from deskwire.web.reading import Node

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request, Response

SEND: Final = "https://developers.facebook.com/docs/messenger-platform/reference/send-api"
POLICY: Final = "https://developers.facebook.com/docs/messenger-platform/policy/policy-overview"
EVENTS: Final = "https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks"


class Messenger(meta.PageLogin, Channel):
    """The connector. A thread is a person (their page-scoped id); everything is private."""

    name = "messenger"
    title = "Messenger"
    verification = meta.SIGNATURE
    endpoint_secrets = meta.ENDPOINT_SECRETS
    endpoint_settings = meta.ENDPOINT_SETTINGS
    connection_secrets = meta.CONNECTION_SECRETS
    media_hosts: ClassVar[tuple[str, ...]] = meta.MEDIA_HOSTS
    offers = meta_inbox.OFFERS
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                # 2,000 “characters”: which is not said, so UTF-16 units, the strictest reading. Five pieces: ours.
                text=Figure(TextLimit(2000, Unit.UTF16, pieces=5), SEND, meta.CHECKED, confirmed=False),
                files=Figure(meta_inbox.FILES, SEND, meta.CHECKED, confirmed=False),
                windows=meta_inbox.windows(POLICY),
            ),
        },
        body_limit=meta.BODY_LIMIT,
        deadline=Figure(timedelta(seconds=5), EVENTS, meta.CHECKED, confirmed=False),
        redelivery=Figure(timedelta(hours=36), meta.WEBHOOKS, meta.CHECKED),
        api_version=meta.API_VERSION,
        sunset=meta.SUNSET,
        # After an hour of failures the page is unsubscribed (quoted by others; older texts say 8 hours).
        figures={
            "unsubscribed_after": Figure(timedelta(hours=1), EVENTS, meta.CHECKED, confirmed=False),
            "texts_a_second": Figure(300, meta.SENDING, meta.CHECKED),
            "audio_or_video_a_second": Figure(10, meta.SENDING, meta.CHECKED),
        },
    )

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        return meta.handshake(request, secrets)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return meta.delivered_at(request)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        for entry in meta.entries(request, "page"):
            yield from meta.updates_of(entry, ("messaging", "standby"), _item)
            if isinstance(entry.raw, dict):
                yield from each(listed(entry["changes"]), partial(_change, entry))

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Send the text, in pieces if need be, then each attachment as a message of its own.

        `metadata` comes back in the echo, which may overtake the answer: that is how an echo is known as ours.
        """
        token = digest(outgoing.key)

        def message(content: Mapping[str, object], tagged: Mapping[str, str]) -> Node:
            content = {**content, "metadata": token}
            return meta.message({"id": outgoing.thread}, content, reach, {"messaging_type": "RESPONSE", **tagged})

        return meta_inbox.send(outgoing, permit, message, _sendable)

    def profile(self, author: Author, reach: Reach) -> Author:
        """Return the person's name; some never resolve, and many apps may not ask."""
        try:
            found = meta.ask((author.id,), "first_name,last_name", reach, what="asking for a name")
            names = [found[name].text("") for name in ("first_name", "last_name")] if found else []
        except DeskwireError:  # a name is a nicety, the next sending will tell what is wrong
            return author
        name = " ".join(part for part in names if part)
        return Author(author.id, name) if name else author

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from deskwire.families import meta_registration as registration

        return registration.findings(registration.page(self.name, site, reach.account), site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from deskwire.families import meta_registration as registration

        return registration.set_up(registration.page(self.name, site, reach.account), site, reach)


def _item(entry: Node, item: Node, name: str) -> Iterator[Event]:
    return _Item(entry, item, standby=name == "standby").events()


def _change(entry: Node, change: Node) -> Iterator[Event]:
    """Yield a message that came as a change; all else there is the page's feed, which the connector “facebook” reads.

    So it is shown on the pages of single fields: https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messaging_postbacks
    """
    value = change["value"]
    if isinstance(value.raw, dict) and {"sender", "recipient"} <= value.raw.keys():
        yield from _item(entry, value, change["field"].text(""))


def _sendable(attachment: Attachment) -> Mapping[str, object]:
    if attachment.kind is AttachmentKind.STICKER and attachment.id:
        return {"sticker_id": int(attachment.id) if attachment.id.isdecimal() else attachment.id}
    return meta_inbox.sendable_by_address(attachment)


class _Item(meta_inbox.Item):
    """One item of `messaging` or `standby`."""

    channel = "messenger"
    hidden = "a message that Messenger does not pass on: open the page's inbox"

    def attachments(self, message: Node) -> tuple[Attachment, ...]:
        """Return the attachments; until 2026-08-30 a sticker comes twice, as image and as sticker.

        A thumb of old clients is told by `message.sticker_id` alone.
        """
        found = super().attachments(message)
        if not found and (sticker := message["sticker_id"].any_id()):
            return (Attachment(AttachmentKind.STICKER, id=sticker),)
        stickers = {item.id: item for item in found if item.kind is AttachmentKind.STICKER and item.id}
        kept = [item for item in found if item.id not in stickers]
        return meta.distinct([*kept, *stickers.values()])

    def facts(self, message: Node) -> Mapping[str, str]:
        commands = [command["name"].text("") for command in listed(message["commands"])]
        return {**super().facts(message), "Commands": ", ".join(filter(None, commands))}

    def _delivery(self, delivery: Node) -> Iterator[Event]:
        """`mids` names the messages, where it is there; all before the watermark are meant in any case."""
        at = self.at or meta.moment(delivery["watermark"])  # old samples have no timestamp
        mids = [mid.identifier() for mid in delivery["mids"].items()]
        for mid in dict.fromkeys(mids) or [f"{self.person}:{delivery['watermark'].identifier()}"]:
            yield self._event(Kind.RECEIPT, mid, "delivered", text="[delivered]", occurred_at=at)

    def _feedback(self, feedback: Node) -> Iterator[Event]:
        """Yield what a customer filled into a feedback form: a score for each question, and maybe their own words.

        The form is documented; the answer's shape only partly, so what is elsewhere in it is left out.
        https://developers.facebook.com/docs/messenger-platform/send-messages/templates/customer-feedback-template
        """
        asked = [screen["questions"] for screen in feedback["feedback_screens"].rows()]
        answers = [each for questions in asked if isinstance(questions.raw, dict) for each in questions.members()]
        said = {name: (answer["payload"].text(""), answer["follow_up"]["payload"].text("")) for name, answer in answers}
        lines = [f"{name}: {' · '.join(filter(None, parts))}" for name, parts in said.items() if any(parts)]
        yield self._filled("feedback", ["[a feedback form]", *lines])

    def _information(self, information: Node) -> Iterator[Event]:
        """Yield what a customer filled into a form of ours: the fields of each screen, by their keys.

        The form is documented, its answer is not; so it is read by others.
        https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/templates/structured-information-template
        """
        answers = [each for screen in information["screens"].rows() for each in screen["responses"].rows()]
        lines = [f"{each['key'].text('')}: {said}" for each in answers if (said := each["value"].text(""))]
        yield self._filled("information", ["[a form with the customer's data]", *lines])

    def _order(self, order: Node) -> Iterator[Event]:
        """Yield a cart that a customer sent, with their note.

        https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/send_cart
        """
        lines = [ordered(each, "name", "unit_price") for each in order["products"].rows()]
        yield self._filled("order", [order["note"].text("") or "[order]", *lines])

    def _filled(self, what: str, lines: Sequence[str]) -> Event:
        return self._event(Kind.MESSAGE, f"{self.person}:{self.stamp}:{what}", ADD, text="\n".join(lines))

    def _policy(self, policy: Node) -> Iterator[Event]:
        """Meta blocks (or unblocks) the page's sending: a person must look."""
        action, reason = policy["action"].text("block"), policy["reason"].text("")
        yield self._event(
            Kind.STATE,
            f"{self.account}:{self.stamp}",
            f"policy_{action}",
            thread=self.account,
            author=None,
            text=f"[Meta: {action}] {reason}".rstrip(),
            facts=filled({"Action": action, "Reason": reason}),
            attention=f"Meta's policy: {action}",
        )

    readers: ClassVar[Mapping[str, meta_inbox.Reader]] = {
        **meta_inbox.Item.readers,
        "delivery": _delivery,
        "policy-enforcement": _policy,  # with a hyphen in the test data of libraries
        "policy_enforcement": _policy,
        "messaging_feedback": _feedback,
        "messaging_customer_information": _information,
        "order": _order,
    }

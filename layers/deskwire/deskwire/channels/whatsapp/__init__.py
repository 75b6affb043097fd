"""WhatsApp: what people write to a number of the company, through Meta's Cloud API.

Set-up: in the Meta app add the products WhatsApp and Webhooks, object **WhatsApp Business Account**, with this
endpoint's address and a verify token. Tick `messages`, `account_alerts`, `account_update`,
`message_template_status_update`, `phone_number_quality_update`; for a number that is also used on a phone
`smb_message_echoes`, with Meta's own agent `standby`, where customers may call `calls`. Then
`POST /{waba-id}/subscribed_apps` for each account. Permissions: `whatsapp_business_messaging`,
`whatsapp_business_management`.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint

Signature: `X-Hub-Signature-256`, HMAC-SHA256 of the raw body under the App Secret, in hex.
https://developers.facebook.com/docs/graph-api/webhooks/getting-started/

Secrets: endpoint `app_secret`, `verify_token`; connection `access_token`, of a system user with the account as asset.
https://developers.facebook.com/documentation/business-messaging/whatsapp/access-tokens/

Limits: 4,096 characters; 24 hours after the customer's last message, then approved templates only; no idempotency key
(`biz_opaque_callback_data` comes back in the statuses); 80 messages a second and number; redelivered for 7 days.
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote, urlencode

from deskwire.contracts.channel import Channel, Reach, in_turn, newest
from deskwire.contracts.terms import Figure, Permit, Terms
from deskwire.families import meta
from deskwire.families.whatsapp import deliveries, people, sending
from deskwire.families.whatsapp.errors import settled
from deskwire.model.errors import Concern, DeskwireError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, Event, Unreadable
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.tickets import File
from deskwire.model.values import replace
from deskwire.web.media import LIMIT
from deskwire.web.reading import Node, read
from deskwire.web.rest import Call

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.model.secret import Secrets
    from deskwire.web.request import Request, Response

TOKEN: Final = "access_token"  # noqa: S105 - a name
CHECKED: Final = sending.CHECKED
WEBHOOKS: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview"

TEST_NUMBER: Final = "123456123"


class WhatsApp(Channel):
    """The connector. A thread is a person at one of our numbers; everything is private."""

    name = "whatsapp"
    title = "WhatsApp"
    verification = meta.SIGNATURE
    endpoint_secrets = meta.ENDPOINT_SECRETS
    endpoint_settings = meta.ENDPOINT_SETTINGS
    connection_secrets: ClassVar[Mapping[str, str]] = {
        TOKEN: "the access token of a system user (Business settings, System users)"
    }
    connection_settings: ClassVar[Mapping[str, str]] = {
        "waba_id": "the id of the WhatsApp Business Account, to look at its subscription (optional)",
        **sending.SETTINGS,
    }
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C12.ids": "what goes through the interface has no echo, only statuses; echoes are of the phone's app"
    }
    media_hosts: ClassVar[tuple[str, ...]] = meta.MEDIA_HOSTS
    offers = sending.OFFERS
    terms = Terms(
        sending=sending.RULES,
        body_limit=meta.BODY_LIMIT,
        # Wanted is a median of a quarter of a second (quoted by 360dialog); after how long Meta gives up is not said.
        deadline=Figure(timedelta(seconds=5), WEBHOOKS, CHECKED, confirmed=False),
        redelivery=Figure(timedelta(days=7), WEBHOOKS, CHECKED),
        api_version=meta.API_VERSION,
        sunset=meta.SUNSET,
        figures={
            "media_link_lives": Figure(timedelta(minutes=5), sending.MEDIA, CHECKED),
        },
    )

    def identity(self, author: str) -> str:
        """Return a number as WhatsApp writes it, also one written with a plus and spaces."""
        return people.identity(author)

    def handshake(self, request: Request, secrets: Secrets) -> Response | None:
        return meta.handshake(request, secrets)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        # The dashboard's test button sends a message of 2017 to a number of its own.
        return newest(event for event in events if event.account != TEST_NUMBER)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        return deliveries.updates(read(request.body), self.name)

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Send the text, then each attachment, or a template; see `families.whatsapp.sending.contents`."""
        contents = sending.contents(outgoing, permit, reach.settings)
        self._read(outgoing, reach)

        def sender(body: Mapping[str, object]) -> Callable[[], str]:
            return lambda: _sent(_post(body, reach, what="sending a message"))

        return Sent(in_turn([sender(body) for body in sending.bodies(outgoing, contents)]))

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, reach)

    def _read(self, outgoing: Outgoing, reach: Reach) -> None:
        """Mark what is answered as read, where that is wanted; a nicety that stops no answer."""
        body = sending.seen(outgoing, reach.settings)
        if body is None:
            return
        try:
            _post(body, reach, what="marking a message as read")
        except DeskwireError:
            return

    def fetch(self, attachment: Attachment, reach: Reach) -> File:
        """Return the file: first its address is asked for, which lives five minutes, then it is loaded with the token.

        Where the size or the SHA-256 is told, it must be right.
        """
        if not attachment.id and not attachment.url:
            raise PermanentError("this attachment is no file", code="attachment")
        url, about = attachment.url, Node({}, "media")
        if attachment.id:
            query = urlencode({"phone_number_id": reach.account})
            call = Call("GET", f"{_address(attachment.id)}?{query}", _headers(reach))
            about = settled(reach.http(call), what="asking for a file", secret=TOKEN)
            url = about["url"].text()
        size = about["file_size"].text("")
        if size.isdecimal() and len(size) < 16 and int(size) > LIMIT:
            raise PermanentError("the attachment is larger than allowed", code="attachment")
        file = reach.fetch(Call("GET", url, _headers(reach)))
        if not _whole(file.data, about["sha256"].text("")):
            raise TemporaryError("the attachment arrived damaged: its SHA-256 is another", concerns=Concern.HOST)
        return replace(file, name=attachment.name) if attachment.name else file


def _address(*path: str) -> str:
    return f"{meta.GRAPH}/{meta.VERSION}/" + "/".join(quote(part, safe="") for part in path)


def _headers(reach: Reach) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {reach.secrets.one(TOKEN).reveal()}"}


def _post(body: Mapping[str, object], reach: Reach, *, what: str) -> Node:
    call = Call.json("POST", _address(reach.account, "messages"), body, headers=_headers(reach))
    return settled(reach.http(call), what=what, secret=TOKEN)


def _sent(answer: Node) -> str:
    return meta.posted(answer["messages"][0], "id", what="sending a message")


def _whole(data: bytes, told: str) -> bool:
    """Return whether the bytes have this SHA-256: in hex, as the interface gives it, or in base64, as webhooks do."""
    found = hashlib.sha256(data)
    if len(told) == 64:
        return told.lower() == found.hexdigest()
    return len(told) != 44 or told == b64encode(found.digest()).decode()

"""WhatsApp through AWS End User Messaging Social: the same numbers and events, with AWS in between and no webhook.

Set-up: link the WhatsApp Business Account in the console of AWS End User Messaging; deploy with `InboundTopic` and, for
what is sent, `WhatsAppNumbers`; `deskwire apply` makes the stack's topic the account's event destination. Step by step:
docs/channels/whatsappaws.md. https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destinations.html

Signature: none; AWS itself checks who publishes to the topic, and the rule `Arn` from which topic a notice comes.
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html

Secrets: none; AWS is called with the function's own role.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_socialmessaging.html

Limits: WhatsApp's own, as for the connector `whatsapp`; 1,000 messages and 100 files a second; no idempotency key.
https://docs.aws.amazon.com/social-messaging/latest/userguide/quotas.html

What survives a redelivery: Meta's ids, see `families.whatsapp.deliveries`; SNS repeats a notice as it was.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, in_turn, newest
from deskwire.contracts.terms import Figure, Permit, Terms
from deskwire.families import meta
from deskwire.families.whatsapp import deliveries, people, sending
from deskwire.model.errors import ConfigurationError, DeskwireError, PayloadError, PermanentError
from deskwire.model.events import Attachment, Event, Unreadable
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.tickets import File
from deskwire.model.values import replace
from deskwire.verification.arn import Arn
from deskwire.web.media import LIMIT
from deskwire.web.reading import Node, read
from deskwire.web.rest import not_there

from . import api

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.web.request import Request

CHECKED: Final = date(2026, 11, 29)
GUIDE: Final = "https://docs.aws.amazon.com/social-messaging/latest/userguide"
REFERENCE: Final = "https://docs.aws.amazon.com/social-messaging/latest/APIReference"
SNS: Final = "https://docs.aws.amazon.com/general/latest/gr/sns.html"
RETRIES: Final = "https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"
ASYNCHRONOUS: Final = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html"
MEDIA_ID: Final = re.compile(r"[A-Za-z0-9]{1,100}")
PLACE: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(originals/[A-Za-z0-9_.-]{1,256}/)")
VERSION: Final = re.compile(r"v[0-9]{1,3}\.[0-9]")
# The version in AWS's examples. Which ones it takes is listed in its General Reference, which could not be read here.
DEFAULT_VERSION: Final = "v20.0"


class WhatsAppAWS(Channel):
    """The connector. Threads, people and accounts are those of the connector `whatsapp`."""

    name = "whatsappaws"
    title = "WhatsApp through AWS"
    verification = Arn()
    aws_services = (api.SERVICE,)
    endpoint_settings: ClassVar[Mapping[str, str]] = {
        "source": "the ARN of the topic that is the account's event destination (the stack's output InboundTopicArn)",
    }
    connection_settings: ClassVar[Mapping[str, str]] = {
        "phone_number_id": "AWS's id of the number, phone-number-id-…, or its ARN (the account is Meta's id of it)",
        "media": "where AWS puts customers' files: s3://, the stack's output ArchiveName, /originals/, the endpoint, /",
        "api_version": f"optional: the version of Meta's interface, of those that AWS takes (else {DEFAULT_VERSION})",
        **sending.SETTINGS,
    }
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C4.body": "AWS signs no notice; it checks itself who may publish and who may invoke",
        "C12.ids": "what goes through the interface has no echo, only statuses; echoes are of the phone's app",
    }
    offers = sending.OFFERS
    terms = Terms(
        sending=sending.RULES,
        body_limit=Figure(262_144, SNS, CHECKED),
        # SNS hands over to Lambda, which waits as long as the function may run; both repeat.
        deadline=Figure(timedelta(seconds=9), ASYNCHRONOUS, CHECKED),
        redelivery=Figure(timedelta(days=23), RETRIES, CHECKED),
        api_version=Figure(DEFAULT_VERSION, f"{GUIDE}/example-response.html", CHECKED, confirmed=False),
        figures={
            "messages_per_second": Figure(1000, f"{GUIDE}/quotas.html", CHECKED),
            "files_per_second": Figure(100, f"{GUIDE}/quotas.html", CHECKED),
            "message_bytes": Figure(2_048_000, f"{REFERENCE}/API_SendWhatsAppMessage.html", CHECKED),
        },
    )

    def identity(self, author: str) -> str:
        """Return a number as WhatsApp writes it, also one written with a plus and spaces."""
        return people.identity(author)

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return newest(events)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Yield what a notice says: AWS's envelope holds one of Meta's entries as JSON in a text.

        https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destination-dlrs.html. What has a
        file names the object that AWS will put it into, so that it is erased with the event.
        """
        body = read(request.body).object()
        if "whatsAppWebhookEntry" not in body:
            raise PayloadError("no notice of AWS End User Messaging: it has no whatsAppWebhookEntry")
        entry = body["whatsAppWebhookEntry"]
        for found in deliveries.entries([_entry(entry)], self.name):
            files = () if isinstance(found, Unreadable) else found.attachments
            stored = next((file.id for file in files if MEDIA_ID.fullmatch(file.id)), "")
            yield replace(found, stored=stored) if stored and isinstance(found, Event) else found

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Send the text, then each attachment, or a template; see `families.whatsapp.sending.contents`.

        Unconfirmed: that the id in the answer is Meta's, which statuses name. They bring `biz_opaque_callback_data`.
        """
        contents = sending.contents(outgoing, permit, reach.settings)
        receipt = sending.seen(outgoing, reach.settings)
        if receipt is not None:
            with suppress(DeskwireError):  # a nicety that stops no answer
                _post(receipt, reach, what="marking a message as read")

        def sender(body: Mapping[str, object]) -> Callable[[], str]:
            return lambda: meta.posted(_post(body, reach, what="sending a message"), "messageId", what="sending")

        return Sent(in_turn([sender(body) for body in sending.bodies(outgoing, contents)]))

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, reach)

    def fetch(self, attachment: Attachment, reach: Reach) -> File:
        """Have AWS put the file into the archive, below the endpoint's prefix, and return it from there."""
        what = "asking for a file"
        if not MEDIA_ID.fullmatch(attachment.id):
            raise PermanentError("this attachment is no file", code="attachment")
        place = PLACE.fullmatch(reach.settings.get("media", ""))
        if place is None:
            raise ConfigurationError("“media” is not written like s3://BUCKET/originals/ENDPOINT/")
        asked = {
            "mediaId": attachment.id,
            "originationPhoneNumberId": api.number(reach),
            "destinationS3File": {"bucketName": place[1], "key": place[2]},
        }
        answer = api.ask("POST", "/v1/whatsapp/media/get", asked, reach)
        if not_there(answer):  # of the number or of the file: of the number, what is sent tells
            raise PermanentError(f"{what}: WhatsApp has it no more", status=404, code="attachment")
        told = api.settled(answer, what=what)
        if told["fileSize"].number(0) * 1024 > LIMIT:
            raise PermanentError("the attachment is larger than allowed", code="attachment")
        kind = told["mimeType"].text("").partition(";")[0].strip() or attachment.type
        # The name is the prefix and the id: https://docs.aws.amazon.com/social-messaging/latest/APIReference/API_S3File.html
        data = reach.original(attachment.id)
        if len(data) > LIMIT:
            raise PermanentError("the attachment is larger than allowed", code="attachment")
        return File(attachment.name or attachment.id, kind or "application/octet-stream", data)


def _entry(entry: Node) -> Node:
    """Return Meta's entry, which is a text; an object is taken, too. Raises `PayloadError`."""
    return entry if isinstance(entry.raw, dict) else read(entry.text().encode("utf-8", "surrogatepass")).object()


def _post(message: Mapping[str, object], reach: Reach, *, what: str) -> Node:
    """Pass a message of Meta's interface on, and return the answer."""
    version = reach.settings.get("api_version", "") or DEFAULT_VERSION
    if not VERSION.fullmatch(version):
        raise ConfigurationError("“api_version” is not written like v20.0")
    blob = base64.b64encode(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()).decode()
    asked = {"originationPhoneNumberId": api.number(reach), "message": blob, "metaApiVersion": version}
    return api.settled(api.ask("POST", "/v1/whatsapp/send", asked, reach), what=what)

"""AWS End User Messaging Social, played: the numbers of the played WhatsApp behind AWS's interface, and its notices.

https://docs.aws.amazon.com/social-messaging/latest/APIReference/Welcome.html and
https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destination-dlrs.html. Unconfirmed, and
played as the connector's comments have it: in which of AWS's errors a refusal of Meta's comes.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from sandbox.neighbours.neighbour import Asked, Clock, Reply, route
from sandbox.platforms.whatsapp.played import ACCOUNT, WhatsApp

SCOPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=\w+/\d{8}/[a-z0-9-]+/social-messaging/aws4_request, "
    r"SignedHeaders=\S+, Signature=[0-9a-f]{64}"
)
WABA = "waba-1f2e3d4c5b6a49788796a5b4c3d2e1f0"  # AWS's id of the account
TOPIC = re.compile(r"arn:aws:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")  # a FIFO topic is none
VERSIONS = ("v20.0", "v21.0", "v22.0", "v23.0")  # invented: the list could not be read


def refused(status: int, kind: str, message: str) -> Reply:
    """Return an error in AWS's shape."""
    return Reply.json(status, {"message": message}, {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/"})


def bundle(changes: Sequence[Any]) -> bytes:
    """Return what AWS publishes to the topic: one entry of Meta's as JSON in a text."""
    entry = {"id": ACCOUNT, "changes": list(changes)}
    account = {"wabaId": ACCOUNT, "arn": "arn:aws:social-messaging:eu-west-1:000000000000:waba/1f"}
    notice = {
        "context": {"MetaWabaIds": [account], "MetaPhoneNumberIds": []},
        "whatsAppWebhookEntry": json.dumps(entry, separators=(",", ":")),
        "aws_account_id": "000000000000",
        "message_timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "messageId": str(uuid.uuid4()),
    }
    return json.dumps(notice).encode()


class SocialMessaging(WhatsApp):
    """Numbers of one account. `store` puts a file into a bucket: it is given the bucket, the key and the bytes."""

    name: ClassVar[str] = "whatsappaws"

    def __init__(
        self, ids: Mapping[str, str], shown: Mapping[str, str], templates: Sequence[tuple[str, str]], *, clock: Clock
    ) -> None:
        """Play numbers: AWS's id of each to Meta's, and Meta's to the number that people see."""
        super().__init__(shown, "held by AWS", templates, clock=clock)
        self.ids = dict(ids)
        self.status = "COMPLETE"  # of the account's registration
        self.destinations: list[dict[str, str]] = []
        self.store: Callable[[str, str, bytes], None] = lambda _bucket, _key, _data: None

    def plays(self, asked: Asked) -> bool:
        """Say that its host is its own."""
        del asked
        return True

    def authorize(self, asked: Asked) -> Reply | None:
        """Want a request that is signed for this service."""
        signed = SCOPE.fullmatch(asked.header("authorization")) and asked.header("x-amz-date")
        return None if signed else refused(403, "AccessDeniedException", "The request is not signed for this service")

    def unknown(self, asked: Asked) -> Reply:
        """Refuse other addresses as AWS does."""
        return refused(404, "UnknownOperationException", asked.path)

    @route("GET", "/v1/whatsapp/waba/phone/details")
    def number(self, asked: Asked) -> Reply:
        """Show a number, and the account that it is of."""
        ours = asked.parameter("id")
        if ours not in self.ids:
            return refused(404, "ResourceNotFoundException", "The phone number was not found")
        return Reply.json(200, {"phoneNumber": self._shown(ours), "linkedWhatsAppBusinessAccountId": WABA})

    @route("GET", "/v1/whatsapp/waba/details")
    def account(self, asked: Asked) -> Reply:
        """Show the account."""
        if asked.parameter("id") != WABA:
            return refused(404, "ResourceNotFoundException", "The account was not found")
        account = {
            "arn": f"arn:aws:social-messaging:eu-west-1:000000000000:waba/{WABA.removeprefix('waba-')}",
            "id": WABA, "wabaId": ACCOUNT, "registrationStatus": self.status, "linkDate": 1794000000,
            "wabaName": "Northwind", "eventDestinations": self.destinations,
            "phoneNumbers": [self._shown(each) for each in self.ids],
        }  # fmt: skip
        return Reply.json(200, {"account": account})

    @route("PUT", "/v1/whatsapp/waba/eventdestinations")
    def publish(self, asked: Asked) -> Reply:
        """Set where AWS publishes: one topic at most."""
        given = asked.json()
        if given.get("id") != WABA:
            return refused(404, "ResourceNotFoundException", "The account was not found")
        wanted = given.get("eventDestinations")
        if (
            not isinstance(wanted, list)
            or len(wanted) > 1
            or not all(TOPIC.fullmatch(each.get("eventDestinationArn", "")) for each in wanted)
        ):
            return refused(400, "ValidationException", "eventDestinations is not valid")
        self.destinations = wanted
        return Reply.json(200, {})

    def _shown(self, ours: str) -> dict[str, Any]:
        number = self.ids[ours]
        arn = f"arn:aws:social-messaging:eu-west-1:000000000000:phone-number-id/{ours.removeprefix('phone-number-id-')}"
        return {
            "arn": arn, "phoneNumber": self.numbers[number], "phoneNumberId": ours, "metaPhoneNumberId": number,
            "displayPhoneNumberName": "Northwind", "displayPhoneNumber": self.numbers[number], "qualityRating": "GREEN",
        }  # fmt: skip

    @route("POST", "/v1/whatsapp/send")
    def pass_on(self, asked: Asked) -> Reply:
        """Pass a message on to WhatsApp."""
        given = asked.json()
        number = self.ids.get(given.get("originationPhoneNumberId", ""))
        if number is None:
            return refused(404, "ResourceNotFoundException", "The phone number was not found")
        if given.get("metaApiVersion") not in VERSIONS:
            return refused(400, "ValidationException", "metaApiVersion is not supported")
        try:
            message = base64.b64decode(given["message"], validate=True)
        except (KeyError, ValueError):
            return refused(400, "ValidationException", "message is no blob")
        reply = self.send(replace(asked, body=message), given["metaApiVersion"], number)
        body = json.loads(reply.body)
        if "error" in body:
            return refused(502, "DependencyException", body["error"]["message"])
        return Reply.json(200, {"messageId": body["messages"][0]["id"] if "messages" in body else ""})

    @route("POST", "/v1/whatsapp/media/get")
    def media(self, asked: Asked) -> Reply:
        """Put a customer's file into the bucket."""
        given = asked.json()
        data, place = self._files.get(given.get("mediaId", "")), given.get("destinationS3File") or {}
        if data is None or given.get("originationPhoneNumberId") not in self.ids:
            return refused(404, "ResourceNotFoundException", "The media file was not found")
        if not place.get("bucketName") or not place.get("key"):
            return refused(400, "InvalidParametersException", "one destination is needed")
        self.store(place["bucketName"], place["key"] + given["mediaId"], data)
        return Reply.json(200, {"mimeType": "image/jpeg", "fileSize": 1})

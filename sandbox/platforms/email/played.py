"""Customers' mail programs and SES's receiving side: raw mails with their notices, and what became of ours.

What the company sends goes to the embedded AWS's own SES. The shape of the notices:
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-examples.html
"""

from __future__ import annotations

import html
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, ClassVar

from deskwire.channels.email.heads import words
from deskwire.channels.email.threads import thread
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.platforms.email.ses import Account, signed

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(32)


@dataclass(slots=True)
class Writer:
    """Somebody with a mailbox of their own, and what they have written so far."""

    name: str
    address: str
    chain: list[str] = field(default_factory=list)  # message ids of the conversation, the first to begin it

    @property
    def thread(self) -> str:
        """The conversation as the connector names it."""
        return thread(self.chain[0], self.address)


class Mail(Neighbour):
    """Writes mails. `store` puts a raw one where SES's rule puts it; a page shows what was written."""

    name: ClassVar[str] = "mail"

    def __init__(self, topic: str, endpoint: str, *, clock: Clock | None = None) -> None:
        """Write to the endpoint's topic."""
        super().__init__(clock)
        self.topic, self.endpoint = topic, endpoint
        self.store: Callable[[str, bytes], None] = lambda _name, _raw: None
        self.written: list[EmailMessage] = []
        self.ses = Account()
        self._numbers = itertools.count(1)
        self._numbering = threading.Lock()

    def authorize(self, asked: Asked) -> Reply | None:
        """Let anybody look at the page; SES wants a signature."""
        return None if asked.path == "/" and asked.method == "GET" else signed(asked)

    @route("POST", "/")
    def first(self, asked: Asked) -> Reply:
        """Answer as SES's first interface does."""
        return self.ses.asked(asked.form())

    @route("GET", "/v2/email/account")
    def account(self, asked: Asked) -> Reply:
        """Show whether the account may send."""
        del asked
        return Reply.json(200, {"ProductionAccessEnabled": self.ses.production, "SendingEnabled": self.ses.sending})

    @route("GET", "/v2/email/configuration-sets/{name}/event-destinations")
    def published(self, asked: Asked, name: str) -> Reply:
        """Show whom a configuration set tells of events."""
        del asked
        return self.ses.published(name)

    @route("GET", "/v2/email/identities/{name}")
    def identity(self, asked: Asked, name: str) -> Reply:
        """Show an identity."""
        del asked
        return self.ses.shown(name)

    @route("GET", "/")
    def page(self, asked: Asked) -> Reply:
        """Show what was written."""
        del asked
        with self.lock:
            rows = [f"{each['From']}: {each['Subject']}" for each in self.written]
        listed = "".join(f"<li>{html.escape(row)}</li>" for row in rows)
        return Reply(
            200,
            f"<!doctype html><meta charset=utf-8><title>Mail</title><ul>{listed}</ul>".encode(),
            {"content-type": "text/html; charset=utf-8"},
        )

    def writes(  # noqa: PLR0913 - what a mail is made of
        self,
        who: Writer,
        mailbox: str,
        text: str,
        *,
        markup: bool = False,
        picture: bool = False,
        quotes: str = "",
        fields: Mapping[str, str] | None = None,
        verdicts: Mapping[str, str] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """Let somebody write; store the mail, and return its message id and SES's notice."""
        with self._numbering:
            number = next(self._numbers)
        identity, stored = f"{number}.{len(who.chain)}@mail.example", f"played{number:034}"
        message = EmailMessage()
        name, at, domain = who.address.rpartition("@")
        message["From"] = Address(who.name, username=name, domain=domain) if at else who.address
        message["To"], message["Message-ID"] = mailbox, f"<{identity}>"
        message["Subject"] = "Re: my order" if who.chain else "My order 📦"
        message["Date"] = format_datetime(datetime.now(UTC))
        if who.chain:
            message["In-Reply-To"] = f"<{who.chain[-1]}>"
            message["References"] = " ".join(f"<{each}>" for each in who.chain)
        for key, value in (fields or {}).items():
            message[key] = value
        whole = (
            f"{text}\n\nOn Monday, 2 Nov 2026 at 09:00, Northwind <{mailbox}> wrote:\n> {quotes}\n" if quotes else text
        )
        if markup:
            message.set_content(f"<p>{html.escape(whole)}</p>", subtype="html")
        else:
            message.set_content(whole)
        if picture:
            message.add_attachment(PICTURE, maintype="image", subtype="png", filename="zip.png")
        raw = message.as_bytes()
        self.store(f"originals/{self.endpoint}/{stored}", raw)
        with self.lock:
            self.written.append(message)
        who.chain.append(identity)
        return identity, self._notice(message, who, mailbox, stored, verdicts or {})

    def _notice(
        self, message: EmailMessage, who: Writer, mailbox: str, stored: str, verdicts: Mapping[str, str]
    ) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found = {"spam": "PASS", "virus": "PASS", "spf": "PASS", "dkim": "PASS", "dmarc": "PASS", **verdicts}
        listed = [{"name": name, "value": str(value)} for name, value in message.raw_items()]
        return {
            "notificationType": "Received",
            "receipt": {
                "timestamp": now, "processingTimeMillis": 300, "recipients": [mailbox],
                **{f"{name}Verdict": {"status": status} for name, status in found.items()},
                "action": {
                    "type": "S3", "topicArn": self.topic, "bucketName": "archive",
                    "objectKeyPrefix": f"originals/{self.endpoint}/",
                    "objectKey": f"originals/{self.endpoint}/{stored}",
                },
            },
            "mail": {
                "timestamp": now, "source": who.address, "messageId": stored, "destination": [mailbox],
                "headersTruncated": False, "headers": listed,
                "commonHeaders": {
                    "from": [str(message["From"])], "to": [mailbox], "returnPath": who.address,
                    "messageId": message["Message-ID"], "date": str(message["Date"]),
                    "subject": words(str(message["Subject"])),
                },
            },
        }  # fmt: skip

    def bounces(self, sent: str, sender: str, address: str) -> dict[str, Any]:
        """Return SES's notice that a mail of ours did not arrive."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": "Permanent", "bounceSubType": "General", "timestamp": now,
                "feedbackId": f"feedback-{sent}",
                "bouncedRecipients": [
                    {"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": "550 unknown"}
                ],
            },
            "mail": {"timestamp": now, "source": sender, "messageId": sent, "destination": [address]},
        }  # fmt: skip


def notice(topic: str, body: bytes) -> dict[str, Any]:
    """Return what Lambda is invoked with for a topic's notice.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {
        "Type": "Notification", "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "TopicArn": topic,
        "Message": body.decode(), "Timestamp": datetime.now(UTC).isoformat(),
    }}]}  # fmt: skip


def single(fragments: Sequence[Any]) -> bytes:
    """Return the one notice as it is published."""
    (fragment,) = fragments
    return fragment if isinstance(fragment, bytes) else json.dumps(fragment, ensure_ascii=False).encode()

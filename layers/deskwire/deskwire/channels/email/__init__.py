"""E-mail: what people write to a mailbox of the company, through Amazon SES in both directions.

Set-up: name an endpoint in the template's parameter `InboundTopic` (and the senders in `FromAddress`); in SES verify
the domain, point its MX at SES, and make a receipt rule with one action: S3, bucket `ArchiveName`, prefix `originals/`,
the endpoint's name and a slash, SNS topic `InboundTopicArn`; scanning on. Set the endpoint's `source` to that ARN and
`mailboxes` to the addresses; send bounces and complaints to the same topic. With `archive` set, `deskwire apply` does
the rule and the topic. Step by step: docs/channels/email.md.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-setting-up.html

Signature: none; AWS itself checks who publishes to the topic, and the rule `Arn` from which topic a notice comes. Who
wrote a mail is what SES found by SPF, DKIM and DMARC. https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html

Secrets: none; SES is called with the function's own role.
https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html

Limits: 40 MB a mail in both directions; a notice holds the first 10 KB of the headers; answers from verified addresses
alone; no idempotency key. https://docs.aws.amazon.com/ses/latest/dg/quotas.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from deskwire.contracts.channel import Channel, Reach, newest
from deskwire.contracts.terms import Figure, FileLimit, Permit, Sending, Terms, TextLimit, Unit, Window
from deskwire.model.errors import PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Event, Unreadable, Visibility
from deskwire.model.keys import compose
from deskwire.model.sending import Outgoing, Sent
from deskwire.model.tickets import File
from deskwire.verification.arn import Arn
from deskwire.web.media import LIMIT

from . import heads, notices, threads

if TYPE_CHECKING:
    from deskwire.contracts.registration import Finding, Registered, Site
    from deskwire.web.request import Request

CHECKED: Final = date(2026, 11, 29)
QUOTAS: Final = "https://docs.aws.amazon.com/ses/latest/dg/quotas.html"
CONTENTS: Final = "https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html"
AUTOMATIC: Final = "https://www.rfc-editor.org/rfc/rfc3834"
SNS: Final = "https://docs.aws.amazon.com/general/latest/gr/sns.html"
RETRIES: Final = "https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"
# One file: as large as we download. All of them: `sending.MOST_BYTES`.
FILES: Final = tuple(
    FileLimit(kind, LIMIT)
    for kind in (AttachmentKind.IMAGE, AttachmentKind.AUDIO, AttachmentKind.VIDEO, AttachmentKind.FILE)
)
ASYNCHRONOUS: Final = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html"


class Email(Channel):
    """The connector. A thread is a conversation with one address; an account is a mailbox, by its address."""

    name = "email"
    title = "E-mail"
    verification = Arn()
    aws_services = ("email",)  # SES, to look at
    proves_authors = False  # the address is what the mail says; SES's findings are shown
    endpoint_settings: ClassVar[Mapping[str, str]] = {
        "source": "the ARN of the topic that SES notifies (the stack's output InboundTopicArn)",
        "mailboxes": (
            "the accounts of its connections, separated by spaces, each with its further addresses: "
            "help@example.org=info@example.org,shop@example.org sales@example.org"
        ),
        "archive": "optional: the stack's output ArchiveName; `deskwire apply` then makes the receipt rules",
        "drop": "mail that is only counted, any of: virus spam unproved bulk automatic (optional, else none)",
    }
    connection_settings: ClassVar[Mapping[str, str]] = {
        "sender": (
            "optional: From of answers, verified in SES, Example <help@example.org>; of several, separated by commas, "
            "the one that the customer wrote to (else the account's address)"
        ),
        "subject": "optional: the subject of an answer to a mail that has none",
        "copies": "optional: “no” answers the writer alone, and none of those in To and Cc",
        "plus": "optional: “no” where help+anything@example.org does not arrive",
    }
    known_gaps: ClassVar[Mapping[str, str]] = {
        "C4.body": "AWS signs no notice; it checks itself who may publish and who may invoke",
        "C13.words": "the words lie in a mail's MIME parts; tests/connectors/email follows them there",
        "C16.edit": "a mail cannot be changed once it was sent",
        "C16.deletion": "a mail cannot be taken back once it was sent",
        "C19": "a mail has no buttons: a question is answered by a number",
    }
    by_hand: ClassVar[Sequence[str]] = (
        "in SES verify the domain and point its MX at SES",
        "set the endpoint's `source` to the output InboundTopicArn, `archive` to ArchiveName (docs/channels/email.md)",
        "apply makes the receipt rule; by hand: S3 into that bucket, prefix originals/ENDPOINT/, SNS topic that ARN",
    )
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                # 40 MB is SES's own limit; ours is what a person still reads.
                text=Figure(TextLimit(100_000, Unit.CHARACTERS), QUOTAS, CHECKED),
                files=Figure(FILES, QUOTAS, CHECKED),
                windows=(
                    Window(
                        name="always",
                        span=Figure(None, AUTOMATIC, CHECKED),
                        automatic=Figure(True, AUTOMATIC, CHECKED),  # noqa: FBT003
                    ),
                ),
            ),
        },
        body_limit=Figure(262_144, SNS, CHECKED),
        # SNS hands over to Lambda, which waits as long as the function may run; both repeat.
        deadline=Figure(timedelta(seconds=9), ASYNCHRONOUS, CHECKED),
        redelivery=Figure(timedelta(days=23), RETRIES, CHECKED),
        figures={
            "mail_bytes": Figure(40_000_000, QUOTAS, CHECKED),
            "mail_bytes_by_an_sns_action": Figure(150_000, QUOTAS, CHECKED),
            "notice_header_bytes": Figure(10_000, CONTENTS, CHECKED),
            "recipients": Figure(50, QUOTAS, CHECKED),
            "mails_a_day_in_ses_sandbox": Figure(200, QUOTAS, CHECKED),
            "mails_a_second_in_ses_sandbox": Figure(1, QUOTAS, CHECKED),
        },
    )

    def identity(self, author: str) -> str:
        """Return an address in lower case."""
        return author.strip().lower()

    def delivered_at(self, request: Request, events: Sequence[Event]) -> datetime | None:
        return newest(events)

    def parse(self, request: Request) -> Iterator[Event | Unreadable]:
        """Yield what a notice of SES says; a mail itself (`.eml`) is read as well, for `deskwire parse`."""
        return notices.happened(request, self.name)

    def registration(self, site: Site, reach: Reach) -> Sequence[Finding]:
        from . import registering

        return registering.findings(site, reach)

    def register(self, site: Site, reach: Reach) -> Registered:
        from . import registering

        return registering.set_up(site, reach)

    def complete(self, event: Event, reach: Reach) -> Event:
        """Return the event with the words and files of the stored mail."""
        from .completing import completed

        return completed(event, reach.original(event.stored))

    def fetch(self, attachment: Attachment, reach: Reach) -> File:
        """Return a file of the stored mail. What came by an SNS action was stored nowhere."""
        from . import mime

        stored, _, place = attachment.id.rpartition("#")
        if not stored:
            raise PermanentError("the mail was not stored: use the receipt rule's S3 action", code="attachment")
        try:
            name, kind, data = mime.file(reach.original(stored), place)
        except (LookupError, ValueError):
            raise PermanentError("the mail has no such file", code="attachment") from None
        if len(data) > LIMIT:
            raise PermanentError("the attachment is larger than allowed", code="attachment")
        return File(name, kind, data)

    def send(self, outgoing: Outgoing, permit: Permit, reach: Reach) -> Sent:
        """Mail the answer into the customer's thread; an automatic one says that it is automatic."""
        from deskwire.care.measure import measure

        from . import reports, sending

        if not outgoing.text.strip() and not outgoing.attachments:
            raise PermanentError("the answer has neither words nor files")
        if measure(outgoing.text, permit.limit.unit) > permit.limit.most:
            raise PermanentError(f"an answer takes {permit.limit.most} characters: shorten it, or attach it as a file")
        sender = sending.sender(outgoing, reach.settings)
        recipient = sending.recipient(outgoing, sender)
        identity = reach.mail(
            sender=sender,
            recipient=recipient,
            copies=sending.copies(outgoing, reach.settings, recipient),
            subject=sending.subject(outgoing, reach.settings),
            text=outgoing.text,
            html=sending.markup(outgoing.text),
            headers=sending.headers(outgoing, reach.settings),
            files=sending.files(outgoing, reach),
            tags={reports.TAG: reports.tag(outgoing.account)},
        )
        # Some mail programs refer to nothing but the mail that they answer.
        elsewhere = compose(self.name, outgoing.account, threads.thread(heads.canonical(identity), outgoing.recipient))
        return Sent((identity,), elsewhere=elsewhere)

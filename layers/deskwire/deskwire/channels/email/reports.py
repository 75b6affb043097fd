"""What became of a mail that we sent: SES's notices of bounces and complaints, and reports of mail servers.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import re
from typing import Final

from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.keys import digest
from deskwire.model.values import dataclass, replace
from deskwire.web.reading import Node, fragment

from .automatic import report
from .heads import EMPTY_LINE, Heads, addresses, canonical, identities, sent_by_ses, words
from .threads import Mailboxes

TAG: Final = "deskwire-mailbox"  # of each mail, so that its notices say whose it was
DELIVERED: Final = {"delivery", "send", "open", "click", "deliverydelay", "subscription"}
FAILED: Final = {"bounce", "complaint", "reject", "rendering failure", "renderingfailure"}
KINDS: Final = {
    "Permanent": "for good", "Transient": "for now, and SES gave up", "Undetermined": "for a reason SES does not know",
}  # fmt: skip
COMPLAINT: Final = (
    "it arrived, but the customer, or their mail provider, reported it as spam{kind}: write no more to {who} by mail "
    "unless they ask"
)

# As rows of a report's body, whatever stands around them: parts, or text that quotes the head of the mail.
OURS: Final = re.compile(
    rb"(?:\A|[\r\n])[> \t]{0,9}message-id:\s{0,9}<([^<>\s@]{1,200}@(?:[\w-]{1,40}\.){0,3}amazonses\.com)>",
    re.IGNORECASE,
)
ACTION: Final = re.compile(rb"(?:\A|[\r\n])action:[ \t]{0,9}([a-z]{1,20})", re.IGNORECASE)  # RFC 3464
DIAGNOSIS: Final = re.compile(rb"(?:\A|[\r\n])diagnostic-code:[ \t]{0,9}([^\r\n]{1,400})", re.IGNORECASE)
COMPLAINED: Final = re.compile(rb"(?:\A|[\r\n])feedback-type:", re.IGNORECASE)  # RFC 5965
SOFT_BREAK: Final = re.compile(rb"=\r?\n")
DAEMON: Final = re.compile(r"(?:mailer|mail)[-_.]?(?:daemon|delivery)[^@]{0,40}@|po+stmaster[^@]{0,40}@", re.IGNORECASE)
# How servers begin the subject of a report that they still try, or that it arrived; others quote the mail's subject.
PENDING: Final = re.compile(
    r"delayed mail\b|warning: (?:could not send|message \S{1,80} delayed)|relayed:|delivered:|successful mail delivery"
    r"|delivery status notification:? \(?(?:mail delivery )?(?:delay|relay|success|delivered)"
    r"|delivery (?:notification: delivery )?(?:has been )?delayed",
    re.IGNORECASE,
)


def tag(account: str) -> str:
    """Return a mailbox as a tag's value may be: letters and digits."""
    return digest(account)[:32]


def account_of(mail: Node, mailboxes: Mailboxes) -> str:
    """Return whose mail a notice is about: by our tag, else by its sender."""
    tags = {row.raw for row in mail["tags"][TAG].rows() if isinstance(row.raw, str)}
    for account in mailboxes.known.values():
        if tag(account) in tags:
            return account
    given = [row.text("") for row in mail["commonHeaders"]["from"].rows()]
    for each in addresses(*given, mail["source"].text("")):
        if account := mailboxes.account(each.address):
            return account
    return next(iter(mailboxes.known.values()), "unknown")


def told(channel: str, node: Node, kind: str, mailboxes: Mailboxes) -> list[Event]:
    """Return what a notice says of a mail that we sent; nothing for a kind that is not known."""
    name, mail = kind.lower(), node["mail"]
    if name not in DELIVERED | FAILED:
        return []
    # What failed to be rendered is in `failure`; all else is under the kind's own name.
    body = node["failure" if name.startswith("rendering") else name]
    failed = name in FAILED
    identity = mail["messageId"].identifier() if failed else mail["messageId"].any_id() or "unknown"
    feedback = body["feedbackId"].any_id() or body["timestamp"].text("")
    return [
        Event(
            channel=channel,
            account=account_of(mail, mailboxes),
            kind=Kind.UNDELIVERED if failed else Kind.RECEIPT,
            object_id=identity,
            verb=name.replace(" ", "-"),
            version=digest(feedback)[:16] if feedback else "",
            thread=identity,
            visibility=Visibility.PRIVATE,
            text=_why(name, body) if failed else f"[{name}]",
            occurred_at=body["timestamp"].iso() or mail["timestamp"].iso(),
            raw=fragment(node),
        )
    ]


def _why(name: str, body: Node) -> str:
    if name == "bounce":
        rows = body["bouncedRecipients"].rows()
        said = [f"{_recipient(row)}: {_diagnosis(row)}" for row in rows] or ["it bounced"]
        how = KINDS.get(body["bounceType"].text(""), "")
        return "; ".join(said)[:800] + (f" ({how})" if how else "")
    if name == "complaint":
        who = ", ".join(_recipient(row) for row in body["complainedRecipients"].rows()) or "them"
        kind = body["complaintFeedbackType"].text("")
        return COMPLAINT.format(who=who[:300], kind=f" ({kind[:40]})" if kind else "")
    reason = body["reason"].text("") or body["errorMessage"].text("")
    return f"SES did not send it: {reason[:300] or 'it gave no reason'}"


def _recipient(row: Node) -> str:
    return words(row["emailAddress"].text("")) or "a recipient"


def _diagnosis(row: Node) -> str:
    parts = (row["status"].text(""), words(row["diagnosticCode"].text("")))
    return " ".join(filter(None, parts))[:300] or row["action"].text("") or "not delivered"


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server says of a mail of ours: SES's id of it, and what became of it."""

    mail: str
    failed: bool
    why: str


def about(heads: Heads, raw: bytes | None = None) -> Report | None:
    """Return what a mail server reports of a mail of ours; None for all other mail, a person's above all.

    The head says which mail, or else the mail that comes back with the report (`raw`): SES itself mails its reports so,
    beside its notices, unless the identity's feedback forwarding is off. That something failed a head alone says only
    where it names the recipients: other reports are read with their body.
    https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityFeedbackForwardingEnabled.html
    """
    kind = report(heads)
    if kind == "disposition-notification" or not (kind or _is_daemon(heads)):
        return None
    if raw is None and "x-failed-recipients" not in heads:
        return None
    body = b"" if raw is None else SOFT_BREAK.sub(b"", EMPTY_LINE.split(raw, maxsplit=1)[-1])
    mail = (_named(heads) if kind == "delivery-status" else "") or _returned(body)
    if not mail:
        return None
    who = ", ".join(each.address for each in addresses(*heads.all("x-failed-recipients")))
    if COMPLAINED.search(body):
        return Report(mail, failed=True, why=COMPLAINT.format(who=who or "them", kind=""))
    subject = words(heads.first("subject"))
    actions = {found[1].lower() for found in ACTION.finditer(body)}
    said = who or "; ".join(_told(found[1]) for found in DIAGNOSIS.finditer(body))[:600]
    return Report(
        mail,
        failed=b"failed" in actions if actions else not PENDING.match(subject),
        why=f"a mail server reports: {subject or 'not delivered'}" + (f" ({said})" if said else ""),
    )


def reported(event: Event, found: Report) -> Event:
    """Return the event of a mail that came in as what the mail is: a report on one of ours."""
    kind = Kind.UNDELIVERED if found.failed else Kind.RECEIPT
    return replace(
        event, kind=kind, object_id=found.mail, verb=str(kind), complete=True, text=found.why, aliases=(), keep={}
    )


def _is_daemon(heads: Heads) -> bool:
    """Return whether a mail server's own address wrote it: many send their reports as plain text."""
    writers = addresses(*heads.all("from"))
    return not writers or bool(DAEMON.match(writers[0].address))


def _named(heads: Heads) -> str:
    """Return the mail of ours that a report's head names, by SES's id of it."""
    before = identities(" ".join((*heads.all("references"), *heads.all("in-reply-to"))))
    named = [*before, *(each.strip("<> ") for each in heads.all("x-original-message-id"))]
    return next((canonical(each) for each in reversed(named) if sent_by_ses(each)), "")


def _returned(body: bytes) -> str:
    """Return the mail of ours that a report brings back: whole, its head alone, or as text."""
    found = OURS.search(body)
    return canonical(found[1].decode("ascii", "replace")) if found else ""


def _told(value: bytes) -> str:
    return words(value.decode("utf-8", "replace"))[:200]

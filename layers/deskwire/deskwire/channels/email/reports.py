"""What became of a mail that we sent: SES's notices of bounces and complaints, and reports of mail servers.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deskwire.model.events import Event, Kind, Visibility
from deskwire.model.keys import digest
from deskwire.web.reading import Node, fragment

from .heads import Heads, addresses, canonical, sent_by_ses, words
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


def failed(heads: Heads, answers: Sequence[str]) -> str:
    """Return which mail of ours a mail server's report is about, by SES's id of it; empty where its head says none."""
    named = [*answers, *(each.strip("<> ") for each in heads.all("x-original-message-id"))]
    return next((canonical(each) for each in reversed(named) if sent_by_ses(each)), "")


def bounced_mail(heads: Heads, subject: str) -> str:
    """Return what a mail server's report says in its head."""
    who = ", ".join(each.address for each in addresses(*heads.all("x-failed-recipients")))
    return f"a mail server reports: {subject or 'not delivered'}" + (f" ({who})" if who else "")

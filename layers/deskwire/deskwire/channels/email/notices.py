"""SES's notices: a mail that came in, and what became of one that went out.

What survives a redelivery: a mail's own Message-ID, and SES's `mail.messageId` of one that has none. The same mail to
two of our addresses may come as two, with two ids of SES's and one Message-ID. Some programs write one Message-ID into
every mail: so the version is made of its sender, date and subject.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from deskwire.care.addresses import no_person
from deskwire.contracts.channel import filled
from deskwire.model.errors import PayloadError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.keys import ADD, compose, digest
from deskwire.model.reference import reference
from deskwire.web.reading import Node, fragment, read

from . import reports, threads
from .automatic import automatic, bulk, report
from .heads import Address, Heads, addresses, canonical, identities, sent_by_ses, words
from .threads import Mailboxes

if TYPE_CHECKING:
    from deskwire.web.request import Request

# A field, which may be all that there is; JSON on one line would look like one.
RAW: Final = re.compile(
    rb"\A(?![{\[\"])(?:From [^\r\n]{1,300}(?:\r\n?|\n))?[!-9;-~]{1,80}[ \t]{0,20}:[^\r\n]{0,20000}(?:[\r\n]|\Z)"
)
VALIDATED: Final = b"Successfully validated SNS topic"  # what SES publishes when a destination of events is set up
SET_UP: Final = "AMAZON_SES_SETUP_NOTIFICATION"
SENDERS: Final = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
CONTENTS: Final = {"spam": "spam", "virus": "virus"}
UNPROVED: Final = frozenset({"quarantine", "reject"})
MOST_REFERENCES: Final = 10
VIRUS: Final = "[SES found a virus in this mail: it was not opened, and nothing of it is attached]"
LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?")


def happened(request: Request, channel: str) -> Iterator[Event]:
    """Yield what a notice says; the body may be a mail itself, as `deskwire parse` is given."""
    mailboxes = Mailboxes.read(request.settings.get("mailboxes", ""))
    if request.body.startswith(VALIDATED):
        return
    raw = request.body.removeprefix(codecs.BOM_UTF8).lstrip()  # Gmail puts a line of blanks before what it shows
    if RAW.match(raw):
        yield Received(channel, Node({}), request, mailboxes, raw).event()
        return
    node = read(request.body).object()
    if "receipt" in node or node["notificationType"].raw == "Received":
        mail = Received(channel, node, request, mailboxes, _inline(node))
        if mail.ses_id == SET_UP:
            yield _other(channel, node, mailboxes, "[SES checked the receipt rule]")
            return
        yield mail.event()
        return
    kind = node["notificationType"].text("") or node["eventType"].text("")
    if not kind or not node["mail"]:
        raise PayloadError("neither a notice of SES nor a mail")
    yield from reports.told(channel, node, kind, mailboxes) or [_other(channel, node, mailboxes, f"[SES: {kind[:60]}]")]


def _other(channel: str, node: Node, mailboxes: Mailboxes, text: str) -> Event:
    account = reports.account_of(node["mail"], mailboxes)
    identity = node["mail"]["messageId"].any_id() or digest(text)
    return Event(
        channel=channel, account=account, kind=Kind.OTHER, object_id=identity, verb="told", version=digest(text)[:16],
        thread=identity, visibility=Visibility.PRIVATE, text=text, raw=fragment(node),
    )  # fmt: skip


def _inline(node: Node) -> bytes | None:
    """Return the mail in the notice of an SNS action, None where it lies in the archive."""
    given = node["content"].raw
    if not isinstance(given, str):
        return None
    if node["receipt"]["action"]["encoding"].text("").upper() == "BASE64":
        try:
            return base64.b64decode(given)
        except (ValueError, binascii.Error):
            raise PayloadError("the mail in the notice is not Base64") from None
    return given.encode("utf-8", "replace")


class Received:
    """A mail that came in, by its notice, by the mail itself, or by both."""

    def __init__(
        self, channel: str, node: Node, request: Request, mailboxes: Mailboxes, raw: bytes | None = None
    ) -> None:
        self.channel, self.node, self.request, self.raw = channel, node, request, raw
        self.receipt, self.mail = node["receipt"], node["mail"]
        first = next(iter(self.envelope), None) or next((each.address for each in self.to), "")
        self.mailboxes = mailboxes if mailboxes.known else Mailboxes.read(threads.split(first)[0])

    # ---------------------------------------------------------------- what the notice says

    @cached_property
    def heads(self) -> Heads:
        """The mail's fields: of the mail where it is at hand, else the first ten kilobytes, which the notice holds."""
        if self.raw is not None:
            from .mime import heads

            return heads(self.raw)
        rows = [(row["name"].raw, row["value"].raw) for row in self.mail["headers"].rows()]
        return Heads((name, value) for name, value in rows if isinstance(name, str) and isinstance(value, str))

    def common(self, name: str) -> list[str]:
        """Return a field, from the summary of the notice where the list of fields has been cut off."""
        given = self.mail["commonHeaders"][name].raw
        listed = [each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str)]
        return self.heads.all({"messageId": "message-id", "replyTo": "reply-to"}.get(name, name)) or listed

    @cached_property
    def ses_id(self) -> str:
        return self.mail["messageId"].any_id()

    @cached_property
    def subject(self) -> str:
        return words(next(iter(self.common("subject")), ""))[:998]

    @cached_property
    def written_by(self) -> Address | None:
        return next(iter(addresses(*self.common("from"))), None) or next(iter(addresses(self.source)), None)

    @cached_property
    def source(self) -> str:
        """The envelope's sender; empty for a machine's, and where it is not said."""
        return self.mail["source"].text("").strip().strip("<>")

    @cached_property
    def to(self) -> list[Address]:
        return addresses(*self.common("to"))

    @cached_property
    def copies(self) -> list[Address]:
        return addresses(*self.common("cc"))

    @cached_property
    def envelope(self) -> list[str]:
        found = [row.raw for row in self.receipt["recipients"].rows()] or [
            row.raw for row in self.mail["destination"].rows()
        ]
        return [each.address for each in addresses(*(text for text in found if isinstance(text, str)))]

    def verdict(self, name: str) -> str:
        """Return SES's finding (PASS, FAIL, GRAY, PROCESSING_FAILED, DISABLED), empty where it was not asked."""
        return self.receipt[f"{name}Verdict"]["status"].text("").upper()

    @property
    def policy(self) -> str:
        return self.receipt["dmarcPolicy"].text("").lower()

    @property
    def unproved(self) -> bool:
        """Whether the domain that it is said to come from wants it treated with suspicion."""
        return self.verdict("dmarc") == "FAIL" and self.policy in UNPROVED

    @property
    def infected(self) -> bool:
        return self.verdict("virus") == "FAIL"

    @cached_property
    def at(self) -> datetime | None:
        """When SES took it, which no sender can choose; without a notice, when they say they wrote it."""
        moment = self.mail["timestamp"].iso()
        if moment is None and self.raw is not None and not self.receipt:
            try:
                given = parsedate_to_datetime(self.heads.first("date"))
                moment = given.replace(tzinfo=given.tzinfo or UTC).astimezone(UTC)
            except (ValueError, TypeError, OverflowError):
                return None
        return moment

    @cached_property
    def identity(self) -> str:
        """The Message-ID, empty where there is none."""
        return next(iter(identities(" ".join(self.common("messageId")))), "")

    @cached_property
    def stored(self) -> str:
        """The name under which SES has stored it. Raises `PayloadError` where that is nowhere we may read."""
        if self.raw is not None:
            return ""
        prefix = f"originals/{self.request.endpoint}/"
        key = self.receipt["action"]["objectKey"].text("")
        if not key.startswith(prefix) or key == prefix:
            raise PayloadError(
                f"the mail is not stored below {prefix}: that is the prefix of the receipt rule's action"
            )
        return key.removeprefix(prefix)

    # ---------------------------------------------------------------- what follows from it

    @cached_property
    def boxes(self) -> tuple[str, str]:
        header = [each for each in (*self.to, *self.copies) if self.mailboxes.account(each.address)]
        account, written_to = self.mailboxes.of(header, self.envelope or [each.address for each in self.to])
        return account or "unknown", written_to

    @property
    def account(self) -> str:
        return self.boxes[0]

    @cached_property
    def own(self) -> bool:
        return self.written_by is not None and bool(self.mailboxes.account(self.written_by.address))

    @cached_property
    def fallback(self) -> str:
        """An id for a mail that has none."""
        return f"ses.{self.ses_id}" if self.ses_id else f"sha256.{hashlib.sha256(self.raw or b'').hexdigest()}"

    @cached_property
    def object_id(self) -> str:
        """The Message-ID; our own mail has the one by which `send` knows it."""
        if not self.identity:
            return self.fallback
        return canonical(self.identity) if self.own or not sent_by_ses(self.identity) else self.identity

    @cached_property
    def answers(self) -> list[str]:
        """The mails that it refers to, the beginning of the conversation first."""
        before = identities(" ".join(self.heads.all("references")))
        return list(dict.fromkeys([*before, *identities(" ".join(self.heads.all("in-reply-to")))]))

    @cached_property
    def tokens(self) -> list[str]:
        return self.mailboxes.tokens(self.envelope, self.to + self.copies)

    @cached_property
    def writer(self) -> str:
        """The address whose conversation it is: of our own mail, the customer's."""
        if self.own:
            return next((each.address for each in self.mailboxes.others(self.to + self.copies)), "")
        return self.written_by.address if self.written_by else ""

    @cached_property
    def root(self) -> str:
        if self.unproved:  # whose address this is, is not known: it joins nothing but by the token
            return f"unproved {self.object_id}"
        return canonical(self.answers[0]) if self.answers else canonical(self.identity) or self.fallback

    @cached_property
    def thread(self) -> str:
        return threads.thread(self.root, self.writer)

    @cached_property
    def aliases(self) -> tuple[str, ...]:
        """Every other id of the conversation: what may lead into one that has begun comes first."""
        found = [threads.by_token(token) for token in self.tokens]
        if not self.unproved:
            found += [threads.thread(canonical(each), self.writer) for each in self.answers[-1:]]
            found += [
                threads.by_reference(each, self.writer) for each in threads.REFERENCE.findall(self.subject.upper())[:2]
            ]
        if self.ses_id:
            found.append(threads.by_token(threads.token(self.ses_id)))
        if not self.answers and not self.unproved:
            named = reference(compose(self.channel, self.account, self.thread), 0)
            found.append(threads.by_reference(named, self.writer))
        if not self.unproved and not self.own and self.machine is None:
            others = self.mailboxes.others(self.to + self.copies)[: threads.MOST_PARTICIPANTS]
            found += [threads.thread(self.root, each.address) for each in others]
        return tuple(each for each in dict.fromkeys(found) if each != self.thread)

    @cached_property
    def machine(self) -> str | None:
        """The mail server's address that reports something, None for a person's mail."""
        reporting = report(self.heads) not in {"", "disposition-notification"}
        return (self.written_by.address if self.written_by else "") if reporting else None

    @cached_property
    def silent(self) -> str:
        """Why no automatic answer may go to it, or an empty string."""
        visible = self.to + self.copies
        reasons = (
            (self.infected, "it holds a virus"),
            (self.verdict("spam") == "FAIL", "it is taken for spam"),
            (self.unproved, "its sender is not proved"),
            (automatic(self.heads), ""),
            (self.node["mail"]["source"].raw == "" or self.source == "MAILER-DAEMON", "without a return path"),
            (bulk(self.heads), ""),
            (self.written_by is None, "nobody is named as its writer"),
            (self.answer_to is not None and no_person(self.answer_to.address), "its address is a program's"),
            (not any(self.mailboxes.account(each.address) for each in visible) and bool(self.mailboxes.known),
             "it is not addressed to us"),
        )  # fmt: skip
        return next((why or str(found) for found, why in reasons if found), "")

    @property
    def suspicion(self) -> str:
        """Why it may be none of a customer's, or an empty string."""
        if self.verdict("spam") == "FAIL":
            return "SES takes it for spam"
        if self.infected:
            return "SES found a virus in it"
        return f"it fails DMARC, and its domain asks to {self.policy} such mail" if self.unproved else ""

    @property
    def dismissal(self) -> str:
        """Why the endpoint's setting `drop` lets it go no further, or an empty string."""
        found = {
            "virus": self.infected,
            "spam": self.verdict("spam") == "FAIL",
            "unproved": self.unproved,
            "bulk": bool(bulk(self.heads)),
            "automatic": bool(automatic(self.heads)),
        }
        dropped = self.request.settings.get("drop", "").lower().replace(",", " ").split()
        return next((f"dropped: {name}" for name in dropped if found.get(name)), "")

    # ---------------------------------------------------------------- the event

    def event(self) -> Event:
        """Return the event; its words are still to be fetched, unless the mail came along."""
        if report(self.heads) == "disposition-notification":
            return self._event(Kind.RECEIPT, complete=True, text="[a confirmation of reading]")
        if not self.own and (found := reports.about(self.heads, self.raw)):
            return reports.reported(self._event(Kind.RECEIPT, complete=True, text="…"), found)
        if self.infected:
            return self._event(Kind.MESSAGE, complete=True, text=VIRUS)
        event = self._event(Kind.MESSAGE, complete=self.raw is not None, text="" if self.raw is None else "…")
        if self.raw is None:
            return event
        from .completing import completed

        return completed(event, self.raw)

    def _event(self, kind: Kind, *, complete: bool, text: str) -> Event:
        by = self.written_by
        author = None if by is None or (self.machine is not None and self.tokens) else Author(
            by.address, name=by.name, email=by.address
        )  # fmt: skip
        date = next(iter(self.common("date")), "")
        mark = "\n".join((by.address if by else "", date.strip(), self.subject))
        return Event(
            channel=self.channel,
            account=self.account,
            kind=kind,
            object_id=self.object_id,
            verb=ADD if kind is Kind.MESSAGE else str(kind),
            version=hashlib.sha256(mark.encode()).hexdigest()[:16],
            thread=self.thread,
            visibility=Visibility.PRIVATE,
            author=author,
            own=self.own,
            text=text,
            occurred_at=self.at,
            reply_to=self.answers[-1] if self.answers else "",
            language=self._language(),
            subject=self.subject,
            complete=complete,
            no_automatic_reply="" if self.own else self.silent,
            facts=self.facts(),
            dismissal=self.dismissal if kind is Kind.MESSAGE else "",
            suspicion=self.suspicion,
            aliases=self.aliases if kind is Kind.MESSAGE else (),
            keep=self.kept(),
            stored=self.stored,
            raw=fragment(self.node),
        )

    def _language(self) -> str:
        given = self.heads.first("content-language").partition(",")[0].strip()
        return given if LANGUAGE.fullmatch(given) else ""

    def facts(self) -> Mapping[str, str]:
        """Return what the agent is told beside the words."""
        sender = next(iter(addresses(self.heads.first("sender"))), None)
        by = self.written_by.address if self.written_by else ""
        others = [each.shown for each in self.to if self.mailboxes.account(each.address) != self.account]
        return filled({
            "Written to": self.boxes[1] if self.boxes[1] != self.account else "",
            "Also to": ", ".join(others)[:500],
            "Copies to": ", ".join(each.shown for each in self.copies)[:500],
            "Sent by": sender.shown if sender and sender.address != by else "",
            "Answers go to": self.answer_to.shown if self.answer_to and self.answer_to.address != by else "",
            "Automatic mail": automatic(self.heads) or bulk(self.heads),
            "Sender checks": self._checks(SENDERS) + (
                f" (its domain asks to {self.policy} such mail)" if self.policy in UNPROVED else ""
            ),
            "Content checks": self._checks(CONTENTS),
        })  # fmt: skip

    def _checks(self, names: Mapping[str, str]) -> str:
        said = {label: self.verdict(name).lower().replace("_", " ") for name, label in names.items()}
        return ", ".join(f"{label} {status}" for label, status in said.items() if status)

    @cached_property
    def answer_to(self) -> Address | None:
        """Where answers go: to Reply-To, unless a forged mail could draw a conversation that has begun there."""
        asked = self.mailboxes.others(addresses(*self.common("replyTo")))
        proved = self.verdict("dmarc") == "PASS" or not (self.answers or self.tokens or self.unproved)
        return asked[0] if asked and proved else self.written_by

    def kept(self) -> Mapping[str, str]:
        """Return what an answer to it needs."""
        if self.own or self.machine is not None:
            return {}
        chain = [*self.answers[:1], *self.answers[1:][-MOST_REFERENCES:]]
        others = [
            each.address
            for each in self.mailboxes.others(self.to + self.copies)
            if not self.answer_to or each.address not in {self.answer_to.address, self.writer}
        ]
        return filled({
            "message": self.identity,
            "references": " ".join(f"<{each}>" for each in chain),
            "to": self.answer_to.address if self.answer_to else "",
            "copies": "" if self.unproved else " ".join(others[: threads.MOST_PARTICIPANTS]),
            "written_to": self.boxes[1],
            "token": threads.token(self.ses_id) if self.ses_id else "",
            "ours": "yes" if self.tokens else "",
            "proved": "yes" if self.verdict("dmarc") == "PASS" else "",
        })  # fmt: skip

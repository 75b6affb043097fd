"""What agents wrote in Request Tracker: which of it was for this customer, by whom, and their own words of it."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from deskwire.families.ids import id_of, numbered
from deskwire.families.lists import known, listed
from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.tickets import AgentReply, File
from deskwire.web.markup import plain
from deskwire.web.reading import Node

from .api import HOUR, Tracker
from .mail import withheld

TARGET = re.compile(r"/ticket/([0-9]{1,18})$")
MERGES = 10  # one after the other, that are followed
QUOTE = re.compile(r"<(/?)(?:div|blockquote)\b([^<>]*)>", re.IGNORECASE)
QUOTING = re.compile(
    r"(?:gmail|yahoo|protonmail|tutanota|zmail|moz-cite|mail-quote|gmx|js-helper|quoted)[-_]?(?:quote|quoted|prefix)"
    r"|type\s*=\s*[\"']?cite",
    re.IGNORECASE,
)
# Outlook on the web and on telephones; Outlook on the desktop draws a line above the head, in one of two colours.
BELOW = re.compile(
    r"<(?:div|hr|span)\b[^<>]{0,400}(?:appendonsend|divRplyFwdMsg|stopSpelling|OLK_SRC_BODY_SECTION|ms-outlook-mobile-reference"
    r"|border-top:\s*solid\s*#(?:E1E1E1|B5C4DF))[^<>]{0,400}>",
    re.IGNORECASE,
)


def written_on(tracker: Tracker, ticket: str) -> str:
    """Return the condition for what was written on this ticket, and on each that it was merged into since then.

    What stood on the other ticket before was written for somebody else. REST 2 shows merged tickets as one, in
    histories as in a transaction's `Object`; only ObjectId in a query still tells them apart.
    """
    shown = tracker.get(f"ticket/{ticket}", what="looking at the ticket")
    survivor = shown["EffectiveId"]["id"].identifier(shown["id"].any_id() or ticket)
    here, since, parts = ticket, "", []
    for _ in range(MERGES):
        parts.append(f"(ObjectId = {here} AND id > {since})" if since else f"ObjectId = {here}")
        if here == survivor:
            break
        links = tracker.get(
            "transactions",
            what="reading the merge",
            query=f"ObjectType = 'RT::Ticket' AND ObjectId = {here} AND Type = 'AddLink' AND Field = 'MergedInto'",
            orderby="id",
            order="DESC",
            per_page="1",
            fields="NewValue",
        )
        merge = next((row for row in links["items"].items() if id_of(row["id"])), None)
        if merge is None:
            break
        # fsck.com-rt://example.org/ticket/7; where it is not told, the survivor is as near as we get.
        target = TARGET.search(merge["NewValue"].text(""))
        here, since = target[1] if target else numbered(survivor), id_of(merge["id"])
    return f"({' OR '.join(parts)})" if len(parts) > 1 else parts[0]


def staff(tracker: Tracker, name: str) -> str:
    """Return the name to show for a member of staff, or an empty string for anybody else."""

    def look() -> tuple[str, float]:
        found = tracker.get(f"user/{quote(name, safe='')}", what="reading an author")
        if "Privileged" not in found:
            raise ConfigurationError(f"the user “{tracker.user}” may not see who is staff: it needs AdminUsers")
        return (found["RealName"].text("") or name) if found["Privileged"].number() else "", HOUR

    return tracker.kept(f"staff/{name}", look)


def reply(tracker: Tracker, ticket: str, row: Node, author: str) -> AgentReply:
    """Return a correspondence as the reply to be sent."""
    transaction = numbered(row["id"].identifier())
    shown = tracker.get(
        f"transaction/{transaction}/attachments",
        what="reading a reply",
        fields="Filename,ContentType",
        per_page="100",
    )
    parts = known(listed(shown["items"], "reading a reply"), "reading a reply", tracker.reach)
    texts = {
        part["ContentType"].text(""): part["id"].identifier()
        for part in reversed(parts)  # the first of each type counts
        if not part["Filename"].text("")
    }
    chosen = next((kind for kind in ("text/plain", "text/html") if kind in texts), "")
    if texts and not chosen:
        tracker.reach.left_out("reading a reply", shown["items"])
    words = _attachment_of(tracker, texts[chosen]) if chosen else Node({})
    # The headers of the whole stand with its outermost part, which RT stores first.
    first = min((part["id"].identifier() for part in parts), key=lambda each: int(numbered(each)), default="")
    whole = words if chosen and texts[chosen] == first else _attachment_of(tracker, first) if first else Node({})
    return AgentReply(
        id=transaction,
        order=int(transaction),
        ticket=ticket,
        text=words_of(_content(words), chosen) if chosen else "",
        author=author,
        written_at=row["Created"].iso(),
        attachments=tuple(_attachment(part) for part in parts if part["Filename"].text("")),
        withheld=withheld(whole["Headers"].text(""), tracker.reach.settings.get("staff_mail", "").strip()),
    )


def _attachment_of(tracker: Tracker, attachment: str) -> Node:
    return tracker.get(f"attachment/{numbered(attachment)}", what="reading an attachment")


def file_of(tracker: Tracker, attachment: Attachment) -> File:
    """Return the file of an answer."""
    return File(attachment.name, attachment.type, _content(_attachment_of(tracker, attachment.id)))


def _content(shown: Node) -> bytes:
    try:
        # RT leaves out what its database has no value for: on Oracle, an empty text (RT::Record, Serialize).
        return base64.b64decode(shown["Content"].exact(""))
    except (ValueError, PayloadError):
        raise TemporaryError("the answer holds broken base64") from None


def _attachment(part: Node) -> Attachment:
    kind = part["ContentType"].text("")
    return Attachment(
        AttachmentKind.of(kind),
        id=part["id"].identifier(),
        name=part["Filename"].text(""),
        type=kind,
    )


def words_of(data: bytes, kind: str) -> str:
    """Return an agent's own words of a stored text, without what they quote."""
    from deskwire.care.quotation import own_words

    text = data.decode("utf-8", "replace").replace("\r\n", "\n")  # RT stores UTF-8 whatever came
    return own_words(plain(answer_of(text)) if kind == "text/html" else text)


def answer_of(markup: str) -> str:
    """Return an agent's HTML without the message that it answers.

    RT's own editor and Gmail put that into a `gmail_quote`, Apple Mail and Thunderbird into a quotation of type `cite`,
    Yahoo and Proton into a class of theirs. Outlook marks where it begins and has all after it.
    """
    below = BELOW.search(markup)
    if below is not None:
        markup = markup[: below.start()]
    kept: list[str] = []
    since = depth = 0
    for tag in QUOTE.finditer(markup):
        if depth:
            depth += -1 if tag[1] else 1
            since = tag.end()
        elif not tag[1] and QUOTING.search(tag[2]):
            kept.append(markup[since : tag.start()])
            depth, since = 1, len(markup)
    return "".join([*kept, markup[since:]])

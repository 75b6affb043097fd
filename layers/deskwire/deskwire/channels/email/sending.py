"""An answer as a mail: who it is from and for, its subject, and the fields by which mail programs thread it.

https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4 https://www.rfc-editor.org/rfc/rfc3834#section-3.1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from deskwire.care.addresses import bare, no_person
from deskwire.contracts.channel import Reach
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import File
from deskwire.web.markup import paragraph
from deskwire.web.media import called
from deskwire.web.rest import Call

from .heads import ADDRESS
from .threads import addressed

SUBJECT: Final = "Your message to us"
ANSWERED: Final = re.compile(
    r"(re|aw|sv|vs|antw|odp|rif|res|ynt|vá|ha|回复|回覆|답장)\s*(\[\d+\])?\s*[:\uff1a]", re.IGNORECASE
)
BREAKS: Final = re.compile(r"[\r\n\x00\v\f\x1c-\x1e\x85\u2028\u2029]")
LONGEST_CHAIN: Final = 900  # characters of References: a line may have 998 (RFC 5322, 2.1.1)
MOST_BYTES: Final = 40_000_000  # of a mail that SES takes, its files in Base64
BASE64: Final = 4 / 3 * 78 / 76


def sender(outgoing: Outgoing, settings: Mapping[str, str]) -> str:
    """Return whom an answer is from: the one whose address the customer wrote to, else the first; else the mailbox."""
    senders = [each.strip() for each in settings.get("sender", "").split(",") if each.strip()]
    by_address = {bare(each): each for each in senders}
    found = by_address.get(outgoing.context.get("written_to", "")) or by_address.get(outgoing.account)
    found = found or next(iter(senders), outgoing.account)
    if not ADDRESS.fullmatch(bare(found)) or BREAKS.search(found):
        raise ConfigurationError("the connection's setting “sender” is no address: write Example <help@example.org>")
    return found


def recipient(outgoing: Outgoing, own: str) -> str:
    """Return whom an answer is for. Raises `PermanentError` for whom none can be, or none may that is automatic."""
    found = outgoing.context.get("to") or outgoing.recipient
    if not ADDRESS.fullmatch(found):
        raise PermanentError("the mail names no address that could be answered")
    if outgoing.automatic and no_person(found, {own, outgoing.account}):
        raise PermanentError("the address is a machine's or our own")
    return found


def copies(outgoing: Outgoing, settings: Mapping[str, str], to: str) -> list[str]:
    """Return who else gets an answer: those the customer wrote to as well, unless it is automatic."""
    if outgoing.automatic or settings.get("copies", "").lower() == "no":
        return []
    found = outgoing.context.get("copies", "").split()
    return [
        each for each in found if ADDRESS.fullmatch(each) and each != to and not no_person(each, {outgoing.account})
    ]


def subject(outgoing: Outgoing, settings: Mapping[str, str]) -> str:
    """Return the subject. An automatic answer to an address that is not proved repeats no stranger's words."""
    theirs = BREAKS.sub(" ", outgoing.context.get("subject", "")).strip()
    if not theirs or (outgoing.automatic and not outgoing.context.get("proved")):
        return settings.get("subject") or SUBJECT
    return theirs if ANSWERED.match(theirs) else f"Re: {theirs}"


def headers(outgoing: Outgoing, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the fields by which a mail program threads it, and by which machines know an automatic answer."""
    found: dict[str, str] = {}
    context = outgoing.context
    if message := context.get("message", ""):
        found["In-Reply-To"] = f"<{message}>"
        found["References"] = _chain([*context.get("references", "").split(), f"<{message}>"])
    token = context.get("token", "")
    if token and settings.get("plus", "").lower() != "no":
        found["Reply-To"] = addressed(outgoing.account, token)
    if outgoing.automatic:
        found["Auto-Submitted"] = "auto-replied"
        # Exchange answers automatic mail unless told not to: [MS-OXCMAIL] 2.2.3.2.14.
        found["X-Auto-Response-Suppress"] = "All"
    return found


def _chain(identities: list[str]) -> str:
    """Return the references: the first, which names the conversation, and as many of the last as there is room for."""
    kept = list(dict.fromkeys(identities))
    while len(" ".join(kept)) > LONGEST_CHAIN and len(kept) > 2:
        kept.pop(1)
    return " ".join(kept)


def markup(text: str) -> str:
    """Return the words as HTML: a paragraph for each block of lines."""
    return "\n".join(paragraph(block) for block in re.split(r"\n{2,}", text.replace("\r\n", "\n")) if block.strip())


def files(outgoing: Outgoing, reach: Reach) -> list[File]:
    """Return the files of an answer, downloaded. Raises `PermanentError` for what is none, and for too much."""
    found: list[File] = []
    for each in outgoing.attachments:
        if not each.url.startswith("https://"):
            raise PermanentError(f"an attachment of the kind {each.kind} cannot be sent", code="attachment")
        file = reach.fetch(Call("GET", each.url), (urlsplit(each.url).hostname or "",))
        found.append(called(file, each.name or file.name))
    if sum(len(file.data) for file in found) * BASE64 + len(outgoing.text) * 4 > MOST_BYTES:
        raise PermanentError("the files are larger than a mail may be (40 MB, as they are encoded)", code="attachment")
    return found

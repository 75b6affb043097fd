"""Mail that Request Tracker took for a colleague's answer: whether it is known to be theirs.

RT's gateway believes the addresses in a mail. What the company's own mail server found out about them stands in
`Authentication-Results` (RFC 8601) with that server's name, which its administrator makes sure nobody else can write.
"""

from __future__ import annotations

import re
from email import message_from_string
from email.message import Message
from email.utils import getaddresses

from deskwire.model.values import dataclass

TRUSTED = "trusted"  # the setting's word for a gateway that itself refuses mail which does not authenticate
COMMENT = re.compile(r"\([^()]*\)")
RESULT = re.compile(r"([a-z0-9-]+)\s*=\s*([a-z]+)")
PROPERTY = re.compile(r"(smtp\.mailfrom|header\.(?:d|from))\s*=\s*\"?(?:[^\s@\"]*@)?([^\s\";]+)")
HEADERS_OF_MAIL = ("Received", "Return-Path", "Authentication-Results", "DKIM-Signature")


@dataclass(frozen=True, slots=True)
class Result:
    """What one method found (`dkim`, `pass`), and for which domain."""

    method: str
    outcome: str
    domains: tuple[str, ...]


def withheld(headers: str, server: str) -> str:
    """Return why a correspondence with these headers may not be its author's answer, or an empty string.

    `server` is the setting `staff_mail`: the mail server's name in `Authentication-Results`, `trusted`, or empty.
    """
    message = message_from_string(headers)
    interface = str(message.get("X-RT-Interface", "")).strip().lower()
    # RT writes X-RT-Interface itself over whatever a mail brings: lib/RT/Interface/Email.pm, `Gateway`.
    if interface != "email" and (interface or not any(name in message for name in HEADERS_OF_MAIL)):
        return ""
    if str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no":
        return "it is mail that was generated automatically"
    if server == TRUSTED:
        return ""
    if not server:
        return "it came by mail, which anybody can send in a colleague's name; the setting “staff_mail” lets it through"
    author = _author(message)
    if not author:
        return "it came by mail that does not say plainly who wrote it"
    if _authenticated(_results(message, server), author):
        return ""
    return "it came by mail, and the mail server did not find that it is from its sender's domain"


def _author(message: Message) -> str:
    """Return the domain of a mail's one author; empty where the addresses that RT looks at name several."""
    # RT takes the first of these for the author (ParseSenderAddressFromHead); a mail server examines From alone.
    found = {
        address.lower()
        for name in ("Reply-To", "From")
        for _, address in getaddresses([str(value) for value in message.get_all(name, [])])
    }
    only = found.pop() if len(found) == 1 else ""
    return only.rpartition("@")[2] if len(message.get_all("From", [])) == 1 else ""


def _results(message: Message, server: str) -> list[Result]:
    """Return what the mail server found: its own topmost header counts, others' never."""
    for value in message.get_all("Authentication-Results", []):
        head, *parts = COMMENT.sub(" ", str(value)).lower().split(";")
        if (head.split() or [""])[0] != server.lower():
            continue
        found = []
        for part in parts:
            result = RESULT.match(part.strip())
            if result is not None:
                domains = tuple(domain.rstrip(".") for _, domain in PROPERTY.findall(part))
                found.append(Result(result[1], result[2], domains))
        return found
    return []


def _authenticated(results: list[Result], author: str) -> bool:
    """Return whether the author's domain was proven: by DMARC, or without it by SPF or DKIM of that same domain."""
    dmarc = [result for result in results if result.method == "dmarc" and result.outcome != "none"]
    if dmarc:
        return all(result.outcome == "pass" and set(result.domains) <= {author} for result in dmarc)
    return any(
        result.method in {"spf", "dkim"} and result.outcome == "pass" and author in result.domains for result in results
    )

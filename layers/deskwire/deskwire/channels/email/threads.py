"""Which conversation a mail belongs to: told by its references and its writer, or by a token in the address.

A thread is the first message id of its references, and the address that writes: knowing somebody's message id lets no
stranger in. The token in `help+token@…`, to which answers are asked for, is made of SES's own id of a mail that came,
which nobody outside can guess; it lets in whoever was given it. Both are aliases of the thread (`Event.aliases`).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Final

from deskwire.model.keys import compose, digest
from deskwire.model.values import dataclass, field

from .heads import ADDRESS, Address

TOKEN: Final = re.compile(r"[a-z2-7]{26}")
REFERENCE: Final = re.compile(r"(?<![0-9A-Z-])[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}(?![0-9A-Z-])")
LONGEST_LOCAL: Final = 64  # octets left of the @: RFC 5321, 4.5.3.1.1
MOST_PARTICIPANTS: Final = 8


def thread(root: str, address: str) -> str:
    """Return the conversation that began with this message id, as this address takes part in it."""
    return digest(compose(root, address))[:32]


def by_token(token: str) -> str:
    """Return the alias of the thread that a token leads to."""
    return f"token:{token}"


def by_reference(reference: str, address: str) -> str:
    """Return the alias under which an address finds its ticket by the reference it was told."""
    return f"reference:{digest(compose(reference, address))[:32]}"


def token(ses_id: str) -> str:
    """Return the token of a mail that came, by SES's id of it."""
    return base64.b32encode(hashlib.sha256(ses_id.encode()).digest()[:16]).decode().rstrip("=").lower()


def addressed(mailbox: str, made: str) -> str:
    """Return the mailbox's address with a token; as it is where that would be too long."""
    local, at, domain = mailbox.rpartition("@")
    return f"{local}+{made}{at}{domain}" if made and len(local) + 1 + len(made) <= LONGEST_LOCAL else mailbox


def split(address: str) -> tuple[str, str]:
    """Return an address without what stands behind a `+`, and that."""
    local, at, domain = address.rpartition("@")
    name, _, tag = local.partition("+")
    return (f"{name}{at}{domain}", tag) if name else (address, "")


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The endpoint's mailboxes in their order: each connection's account with its further addresses."""

    known: dict[str, str] = field(default_factory=dict)  # address -> account

    @staticmethod
    def read(setting: str) -> Mailboxes:
        """Return those of the setting `mailboxes`: `help@x.org=info@x.org,shop@x.org sales@x.org`."""
        known: dict[str, str] = {}
        for entry in setting.lower().split():
            account, _, others = entry.partition("=")
            for address in (account, *others.split(",")):
                if ADDRESS.fullmatch(address):
                    known.setdefault(address, account)
        return Mailboxes(known)

    def account(self, address: str) -> str:
        """Return whose address this is, with or without a tag; empty for none of ours."""
        return self.known.get(address) or self.known.get(split(address)[0], "")

    def of(self, header: Sequence[Address], envelope: Sequence[str]) -> tuple[str, str]:
        """Return the account that a mail is for, and the address of ours that it was written to.

        Both copies of a mail to two of ours must give the same: so the head comes before the envelope. What goes to
        no known address (a rule takes a whole domain) is for the first mailbox.
        """
        for address in (*(each.address for each in header), *envelope):
            if account := self.account(address):
                return account, split(address)[0] if address not in self.known else address
        written_to = split(envelope[0])[0] if envelope else header[0].address if header else ""
        return next(iter(self.known.values()), written_to), written_to

    def tokens(self, envelope: Sequence[str], header: Sequence[Address]) -> list[str]:
        """Return the tokens in addresses of ours."""
        tags = (split(each) for each in (*envelope, *(each.address for each in header)))
        return list(dict.fromkeys(tag for name, tag in tags if self.account(name) and TOKEN.fullmatch(tag)))

    def others(self, header: Sequence[Address]) -> list[Address]:
        """Return the addresses that are not ours."""
        return [each for each in header if not self.account(each.address)]

"""E-mail addresses that nobody is to be answered at automatically.

https://www.rfc-editor.org/rfc/rfc3834#section-2 names the null sender, `MAILER-DAEMON`, `owner-…` and `…-request`;
`listserv` and `majordomo` are programs of mailing lists (https://www.rfc-editor.org/rfc/rfc5230#section-4.6);
`postmaster` is read by people, and gets enough; the spellings of “no reply” are common use, not a standard.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_MACHINES: Final = frozenset(
    {
        "mailerdaemon", "postmaster", "listserv", "majordomo", "noreply", "noresponse", "donotreply", "nobody",
        "bounce", "bounces", "autoreply",
    }
)  # fmt: skip
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
_APART: Final = re.compile(r"[-._]")
_WITHIN: Final = re.compile(r"<([^<>]*)>\s*$")


def bare(address: str) -> str:
    """Return an address without the name before it, in lower case: `Help <Help@x.org>` is `help@x.org`."""
    found = _WITHIN.search(address)
    return (found[1] if found else address).strip().lower()


def mailbox(address: str) -> str:
    """Return the one mailbox that all spellings of an address lead to: no case, nothing behind a `+` (RFC 5233).

    At Gmail, no dots either: https://support.google.com/mail/answer/7436150
    """
    local, at, domain = bare(address).rpartition("@")
    local, domain = local.partition("+")[0] or local, domain.rstrip(".")
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}{at}{domain}"


def no_person(address: str, ours: Collection[str] = ()) -> bool:
    """Return whether an automatic answer to this address would reach a machine, nobody, or ourselves (`ours`)."""
    address = bare(address)
    local = address.rpartition("@")[0].partition("+")[0]
    if not local or address in {bare(own) for own in ours}:
        return True
    return (
        _APART.sub("", local) in _MACHINES
        or local.startswith(("owner-", "bounce-", "bounces-", "noreply-", "no-reply-"))
        or local.endswith(("-request", "-owner", "-bounces", "-noreply", "-no-reply"))
    )

"""Post one-time links from a public conversation to a web form or chat, if the channel takes no private answer.

A link is public, so anybody may open it. It carries only a token: no history, no words of an agent, no reference. The
visitor begins a new conversation, whose ticket says that their identity is not proved. The token is an HMAC of the
public thread and the agent's answer under the page's `link_secret`: nobody else can make one, and an attempt after
doubt posts the same link. The first thread that files a message with it is linked, and no other.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

from deskwire import registry
from deskwire.care.measure import ELLIPSIS, cut, measure
from deskwire.care.policy import Link
from deskwire.contracts.channel import LINK_SECRET
from deskwire.contracts.terms import Permit
from deskwire.model.errors import ConfigurationError
from deskwire.model.keys import compose, digest
from deskwire.model.sending import Outgoing
from deskwire.model.values import replace

from . import wording
from .directory import Directory
from .guarding import rendered
from .ledger import Ledger
from .recorded import Outcome
from .spoken import Writer
from .table import DAY, seconds
from .thread import Thread, outgoing
from .turn import Turn

FRAGMENT = "#deskwire="  # browsers send no fragment, so the token is in no request and no web server's log
TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Linking:
    """Posts links, and notes on the tickets when a visitor used one."""

    ledger: Ledger
    directory: Directory

    def message(self, turn: Turn, link: Link, key: str, to: Writer | None, permit: Permit) -> Outgoing:
        """Note the link in place of the answer with this key, and return the public message that posts it.

        Raises `ConfigurationError` if the page's connection or its secret is missing, `TemporaryError` if they
        cannot be read now.
        """
        token = self._token(link, turn.thread, key)
        self.ledger.offer(token, turn.thread.key, seconds(turn.now) + link.days * DAY)
        thread, policy = turn.thread, turn.connection.policy
        said = rendered(policy.private.said_with_link, policy, thread.language, thread.reference, turn.now)
        text = _fitted(said, f"{link.page}{FRAGMENT}{token}", permit)
        message = outgoing(thread, key=key, text=text, automatic=False)
        return message if to is None else replace(message, reply_to=to.reply_to)

    def good_until(self, turn: Turn, key: str) -> int:
        """Return until when the link in place of the answer with this key is valid (Unix seconds); 0: there is none."""
        link = turn.connection.policy.private.link
        return self.ledger.offered(self._token(link, turn.thread, key)) if link is not None else 0

    def link_tickets(self, turn: Turn) -> None:
        """Note on both tickets that the visitor came by a link, once their message is filed."""
        for each in turn.outcomes:
            if each.event is not None and each.event.came_by and each.state == Outcome.FILED:
                self._link(turn, each.event.came_by)

    def _token(self, link: Link, thread: Thread, key: str) -> str:
        connection = self.directory.connection(link.channel, link.account)
        if connection is None:
            raise ConfigurationError(f"private.link names {link.channel} “{link.account}”, which is no connection")
        secret = self.directory.channel_of(connection)[1].secrets.one(LINK_SECRET)
        made = hmac.digest(secret.encode(), compose("link", "v1", thread.key, key).encode(), "sha256")
        return base64.urlsafe_b64encode(made[:TOKEN_BYTES]).decode().rstrip("=")

    def _link(self, turn: Turn, token: str) -> None:
        key = compose("link", digest(token))
        if self.ledger.message(turn.thread.key, compose("note", key)) is not None:
            return  # noted with an earlier message
        found = self.ledger.come(token, turn.thread.key, turn.now)
        if found is None:
            return
        public, first = found
        there = self.ledger.thread(public) if first else None
        if there is None or not there.ticket:
            turn.note(key, wording.came_by("", "", "") if first else wording.LINK_USED)
            return
        name = there.author.get("name", "")
        turn.note(key, wording.came_by(name, _title(there.channel), there.ticket))
        if there.helpdesk == turn.definition.name:  # a ticket in another helpdesk keeps only the note about the link
            turn.note(compose(key, "used"), wording.link_used(turn.thread.ticket, name), there.ticket)
        turn.counted.append("LinksUsed")


def _title(channel: str) -> str:
    """Return a channel's title, an empty one for a connector that is no more."""
    try:
        return registry.channel(channel).title
    except ConfigurationError:
        return ""


def _fitted(said: str, address: str, permit: Permit) -> str:
    """Return the text with the link below it; the text is cut if both together are too long, the link never."""
    unit, most = permit.limit.unit, permit.limit.most
    room = most - measure(f"\n{address}", unit)
    if measure(said, unit) > room:
        said = cut(said, room, unit) if room >= measure(ELLIPSIS, unit) else ""
    return f"{said}\n{address}".strip()

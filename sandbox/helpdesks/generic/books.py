"""Northwind's own desk, which takes Deskwire's messages: the account, what its agents do, what its books say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deskwire import registry
from deskwire.model.secret import Secrets
from sandbox.helpdesks.generic import played
from sandbox.helpdesks.generic.played import Generic
from sandbox.neighbours.desk import WEBHOOK, By, Comment, SignallingDesk, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.sender import Route

TO_DESK = "whsec_ZGVtby1nZW5lcmljLXNpZ25pbmctdG8tdGhlLWRlc2s="
FROM_DESK = "whsec_ZGVtby1nZW5lcmljLXNpZ25pbmctZnJvbS1pdHMtZGVzaw=="


class GenericDesk(SignallingDesk):
    """The played one."""

    opens = ("POST", "/deskwire")
    appends = ("POST", "/deskwire")
    host = "desk.northwind.example"
    player: Generic

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play Northwind's receiver."""
        del directory, progress
        self.player = Generic(TO_DESK, clock=clock)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"signing_secret": TO_DESK}, WEBHOOK: {"signing_secret": FROM_DESK}}

    @property
    def rules(self) -> Mapping[str, Any]:
        return {"connector": "generic", "secret": "desk", "settings": {"address": f"https://{self.host}/deskwire"}}

    @property
    def page(self) -> str:
        return f"{self.address}/agent/tickets"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        said = self.player.agent_replies(ticket, text, public=public)
        if self._sender is not None:
            data = {"id": said.id, "ticket": ticket, "text": text, "author": "Agnes Example", "public": public}
            message = {"type": "answer.created", "timestamp": said.at.isoformat(), "data": data}
            self._sender.raw(_route(said.id), json.dumps(message).encode())
        return said.id

    def tickets(self) -> list[Ticket]:
        with self.player.lock:
            return [
                Ticket(each.id, each.data["subject"], [_comment(message) for message in each.messages])
                for each in self.player.tickets
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        with self.player.lock:
            written = self.player.written[position:]
        return [(ticket.id, message.text) for ticket, message in written], position + len(written)

    def count(self) -> int:
        return len(self.player.tickets)


def _route(identity: str) -> Route:
    """Return the way of one message; its webhook-id is the same at each attempt."""
    return Route(
        endpoint=WEBHOOK,
        verification=registry.helpdesk("generic").verification,
        secrets=Secrets({"signing_secret": FROM_DESK}),
        side="helpdesks",
        headers={"content-type": "application/json", "webhook-id": f"msg_{identity}"},
    )


def _comment(message: played.Message) -> Comment:
    by = By.AGENT if message.staff else By.CUSTOMER if message.public else By.NOTE
    return Comment(message.id, by, message.text, message.at, message.public)

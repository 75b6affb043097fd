"""Northwind's Freshdesk: the account, what its agents do, and what its own books say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deskwire import registry
from deskwire.model.secret import Secrets
from sandbox.helpdesks.freshdesk import played
from sandbox.helpdesks.freshdesk.played import AGENT, Freshdesk
from sandbox.neighbours.desk import WEBHOOK, By, Comment, SignallingDesk, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.sender import Route

KEY, SECRET = "demo-freshdesk-key-40aa", "demo-freshdesk-webhook-77d3"


class FreshdeskDesk(SignallingDesk):
    """The played one."""

    opens = ("POST", "/api/v2/tickets")
    appends = ("POST", "/api/v2/tickets/{ticket}/notes")
    host = "northwind.freshdesk.com"
    player: Freshdesk

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play the account “northwind”."""
        del directory, progress
        self.player = Freshdesk(KEY, clock=clock)
        self._route = Route(
            endpoint=WEBHOOK,
            verification=registry.helpdesk("freshdesk").verification,
            secrets=Secrets({"webhook_secret": SECRET}),
            side="helpdesks",
        )

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"api_key": KEY}, WEBHOOK: {"webhook_secret": SECRET}}

    @property
    def rules(self) -> Mapping[str, Any]:
        return {"connector": "freshdesk", "secret": "desk", "poll": True, "settings": {"subdomain": "northwind"}}

    @property
    def page(self) -> str:
        return f"{self.address}/a/tickets"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        said = self.player.agent_replies(int(ticket), text, public=public)
        if self._sender is not None:
            signal = {"ticket_id": ticket, "event": "Reply is sent" if public else "Note is added : Private"}
            self._sender.together(self._route, [signal])
        return str(said.id)

    def tickets(self) -> list[Ticket]:
        with self.player.lock:
            return [
                Ticket(str(each.id), each.values["subject"], [_comment(note) for note in (each.opening, *each.notes)])
                for each in self.player.tickets
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        with self.player.lock:
            written = self.player.written[position:]
        return [(str(ticket.id), note.words) for ticket, note in written], position + len(written)

    def count(self) -> int:
        return len(self.player.tickets)


def _comment(note: played.Note) -> Comment:
    by = By.AGENT if note.user == AGENT else By.NOTE if note.private else By.CUSTOMER
    return Comment(str(note.id), by, note.words, note.at, not note.private)

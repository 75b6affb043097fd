"""Northwind's Zendesk: the account, what its agents do, and what its own books say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.desk import WEBHOOK, By, Comment, PlayedDesk, Ticket
from sandbox.neighbours.neighbour import Clock

EMAIL = "deskwire@northwind.example"
TOKEN, SIGNING = "demo-zendesk-token-e6f1", "demo-zendesk-signing-83d0"
STATUS_SIGNING = "demo-zendesk-status-signing-5b17"


class ZendeskDesk(PlayedDesk):
    """The played Zendesk, with the High Volume add-on, as a company with such mornings has it."""

    opens = ("POST", "/api/v2/tickets.json")
    appends = ("PUT", "/api/v2/tickets/{ticket}.json")
    shows_state = True

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play the account “northwind”."""
        del directory, progress
        self.zendesk = self.player = Zendesk(
            clock, subdomain="northwind", email=EMAIL, webhook_twice_every=5,
            requests_per_minute=2500, updates_per_minute=300, api_token=TOKEN, signing_secret=SIGNING,
            status_secret=STATUS_SIGNING,
        )  # fmt: skip
        self.host = self.zendesk.host

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"api_token": TOKEN}, WEBHOOK: {"signing_secret": [SIGNING, STATUS_SIGNING]}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"subdomain": "northwind", "email": EMAIL}
        return {"connector": "zendesk", "secret": "desk", "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address}/agent/tickets"

    def connect(self, webhook: str) -> None:
        self.zendesk.connect(webhook)

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return str(self.zendesk.agent_replies(int(ticket), text, public=public).id)

    def tickets(self) -> list[Ticket]:
        zendesk = self.zendesk
        with zendesk.lock:
            return [
                Ticket(
                    str(ticket.id),
                    ticket.subject,
                    [
                        Comment(str(each.id), self._by(each.author_id), each.words, each.created_at, each.public)
                        for each in ticket.comments
                    ],
                    ticket.priority or "",
                    tuple(ticket.tags),
                    str(ticket.group_id or ""),
                )
                for ticket in zendesk.tickets
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        written = self.zendesk.account.written[position:]
        return [(str(ticket), comment.words) for ticket, comment in written], position + len(written)

    def queue(self) -> list[str]:
        with self.zendesk.lock:
            return [str(ticket.id) for ticket in self.zendesk.account.queue()]

    def solve(self, ticket: str) -> None:
        self.zendesk.solve(int(ticket))

    def count(self) -> int:
        return len(self.zendesk.account.tickets)

    def _by(self, author: int) -> By:
        if author == self.zendesk.bot.id:
            return By.NOTE
        user = self.zendesk.account.users.get(author)
        return By.CUSTOMER if user is None or user.role == "end-user" else By.AGENT

    def settle(self) -> bool:
        return self.zendesk.settle()

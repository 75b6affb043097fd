"""Northwind's Zammad: the account, what its agents do, and what its own books say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from deskwire import registry
from deskwire.model.secret import Secrets
from deskwire.web.markup import plain
from sandbox.helpdesks.zammad.played import BOT, Row, Zammad
from sandbox.neighbours.desk import WEBHOOK, By, Comment, SignallingDesk, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.sender import Route, Sender

TOKEN, SIGNATURE = "demo-zammad-token-40aa", "demo-zammad-signature-77d3"
ATTEMPTS = (10.0, 20.0, 30.0, 40.0)  # seconds between them: app/jobs/trigger_webhook_job.rb


class ZammadDesk(SignallingDesk):
    """The played one."""

    opens = ("POST", "/api/v1/tickets")
    appends = ("POST", "/api/v1/ticket_articles")
    host = "support.northwind.example"
    player: Zammad

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play Northwind's Zammad."""
        del directory, progress
        self.player = Zammad(TOKEN, clock=clock)
        self._route = Route(
            endpoint=WEBHOOK,
            verification=registry.helpdesk("zammad").verification,
            secrets=Secrets({"signature_token": SIGNATURE}),
            side="helpdesks",
            schedule=ATTEMPTS,
            headers={
                "content-type": "application/json; charset=utf-8",
                "user-agent": "Zammad User Agent",
                "x-zammad-trigger": "Deskwire",
                "x-zammad-delivery": "0b6f7b6e-3f0f-4d55-9f0e-2b1c9a6d4e11",
            },
        )

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"token": TOKEN}, WEBHOOK: {"signature_token": SIGNATURE}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"address": f"https://{self.host}", "group": "Support"}
        return {"connector": "zammad", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address}/tickets"

    def connect(self, webhook: str) -> None:
        clock = self.player.clock
        self._sender = Sender(webhook.removesuffix(f"/helpdesks/{WEBHOOK}"), clock=clock, workers=1).__enter__()

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        said = self.player.agent_writes(int(ticket), text, public=public)
        if public and self._sender is not None:
            with self.player.lock:
                told = self.player.payload(said)
            self._sender.together(self._route, [told])
        return str(said["id"])

    def tickets(self) -> list[Ticket]:
        with self.player.lock:
            return [
                Ticket(str(number), ticket["title"], [_comment(row) for row in self.player.of(number)])
                for number, ticket in self.player.tickets.items()
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        with self.player.lock:
            written = list(self.player.articles.values())[position:]
        return [(str(row["ticket_id"]), _words(row)) for row in written], position + len(written)

    def count(self) -> int:
        with self.player.lock:
            return len(self.player.tickets)


def _words(row: Row) -> str:
    return plain(row["body"]) if row["content_type"] == "text/html" else str(row["body"])


def _comment(row: Row) -> Comment:
    public = not row["internal"]
    by = By.AGENT if row["created_by_id"] != BOT else By.CUSTOMER if public else By.NOTE
    return Comment(str(row["id"]), by, _words(row), datetime.fromisoformat(row["created_at"]), public)

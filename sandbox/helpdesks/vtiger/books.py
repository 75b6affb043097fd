"""Northwind's Vtiger: the account, what its agents do, and what its own books say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deskwire.helpdesks.vtiger.words import readable
from sandbox.helpdesks.vtiger.played import BOT, Vtiger
from sandbox.neighbours.desk import By, Comment, PlayedDesk, Ticket
from sandbox.neighbours.neighbour import Clock

USER, ACCESS_KEY = "deskwire", "demoVtigerKey40a"


class VtigerDesk(PlayedDesk):
    """The played one; it is only polled."""

    opens = ("POST", "/webservice.php")
    appends = ("POST", "/webservice.php")
    host = "crm.northwind.example"
    player: Vtiger

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play Northwind's Vtiger."""
        del directory, progress
        self.player = Vtiger(USER, ACCESS_KEY, clock=clock)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"access_key": ACCESS_KEY}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"address": f"https://{self.host}", "user": USER}
        return {"connector": "vtiger", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address}/index.php"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return self.player.agent_comments(ticket, text, public=public)

    def tickets(self) -> list[Ticket]:
        with self.player.lock:
            return [
                Ticket(
                    ticket["id"],
                    ticket["ticket_title"],
                    [_comment(row) for row in self.player.of("ModComments") if row["related_to"] == ticket["id"]],
                )
                for ticket in self.player.of("HelpDesk")
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        with self.player.lock:
            written = self.player.of("ModComments")[position:]
        return [(row["related_to"], row["commentcontent"]) for row in written], position + len(written)

    def kept(self, text: str) -> str:
        return readable(text)

    def count(self) -> int:
        with self.player.lock:
            return len(self.player.of("HelpDesk"))


def _comment(row: Mapping[str, str]) -> Comment:
    public = row["is_private"] != "1"
    by = By.AGENT if row["creator"] != BOT else By.CUSTOMER if public else By.NOTE
    at = datetime.strptime(row["createdtime"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return Comment(row["id"], by, row["commentcontent"], at, public)

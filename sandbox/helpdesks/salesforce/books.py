"""Northwind's Salesforce: the org, what its agents do, and what its own books say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.helpdesks.salesforce.played import Salesforce
from sandbox.neighbours.desk import By, Comment, PlayedDesk, Ticket
from sandbox.neighbours.neighbour import Clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

CLIENT, USERNAME = "3MVG9demoNorthwindDeskwire", "deskwire@northwind.example"
LOGIN = "https://login.salesforce.com"


@cache
def key() -> RSAPrivateKey:
    """Return the key of the app's certificate, made anew for each run."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048)


@cache
def pem() -> str:
    """Return that key as it is stored."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class SalesforceDesk(PlayedDesk):
    """The played one; it is only polled."""

    opens = ("POST", "/services/data/{version}/composite")
    appends = ("POST", "/services/data/{version}/composite/sobjects")
    host = "northwind.my.salesforce.com"
    player: Salesforce

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play Northwind's org."""
        del directory, progress
        self.player = Salesforce(CLIENT, USERNAME, key().public_key(), LOGIN, clock=clock)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"private_key": pem()}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"domain": self.host, "client_id": CLIENT, "username": USERNAME, "origin": "Web"}
        return {"connector": "salesforce", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address}/cases"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return self.player.agent_comments(ticket, text, public=public)

    def tickets(self) -> list[Ticket]:
        with self.player.lock:
            return [
                Ticket(case["Id"], case["Subject"], [self._comment(row) for row in self.player.comments(case["Id"])])
                for case in self.player.records["Case"].values()
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        with self.player.lock:
            written = [*self.player.records["CaseComment"].values()][position:]
        return [(row["ParentId"], row["CommentBody"]) for row in written], position + len(written)

    def count(self) -> int:
        with self.player.lock:
            return len(self.player.records["Case"])

    def settle(self) -> bool:
        return self.player.told_all

    def _comment(self, row: Mapping[str, Any]) -> Comment:
        public = bool(row["IsPublished"])
        by = By.AGENT if row["CreatedById"] != self.player.bot else By.CUSTOMER if public else By.NOTE
        return Comment(row["Id"], by, row["CommentBody"], datetime.fromisoformat(row["CreatedDate"]), public)

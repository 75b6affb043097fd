"""Northwind's HubSpot: the account, what its agents do, and what its own books say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from deskwire import registry
from deskwire.model.secret import Secrets
from deskwire.web.markup import plain
from sandbox.helpdesks.hubspot.played import HubSpot, Row
from sandbox.neighbours.desk import WEBHOOK, By, Comment, SignallingDesk, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.sender import Route

TOKEN, CLIENT_SECRET = "demo-hubspot-token-40aa", "demo-hubspot-client-77d3"


def array(events: Sequence[Any]) -> bytes:
    """Return the body of a delivery: its events as an array."""
    return json.dumps(list(events), ensure_ascii=False).encode()


class HubSpotDesk(SignallingDesk):
    """The played one."""

    opens = ("POST", "/crm/v3/objects/tickets")
    appends = ("POST", "/crm/v3/objects/notes")
    host = "api.hubapi.com"
    webhook: ClassVar[Mapping[str, str]] = {"address": "https://hooks.northwind.example/helpdesks/desk-webhook"}
    player: HubSpot

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Play Northwind's account."""
        del directory, progress
        self.player = HubSpot(TOKEN, clock=clock)
        self._said: list[tuple[str, str, str]] = []  # ticket, id and words of each entry, in order
        self._route = Route(
            endpoint=WEBHOOK,
            verification=registry.helpdesk("hubspot").verification,
            secrets=Secrets({"client_secret": CLIENT_SECRET}),
            side="helpdesks",
            bundle=array,
            most=100,
            settings=self.webhook,
        )

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"desk": {"access_token": TOKEN}, WEBHOOK: {"client_secret": CLIENT_SECRET}}

    @property
    def rules(self) -> Mapping[str, Any]:
        return {"connector": "hubspot", "secret": "desk", "poll": True}

    @property
    def page(self) -> str:
        return f"{self.address}/tickets"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        if not public:
            return str(self.player.agent_notes(ticket, text)["id"])
        told = self.player.agent_replies(ticket, text)
        if self._sender is not None:
            self._sender.together(self._route, [told])
        return _answer(ticket, self.player.history[ticket][0]).id

    def tickets(self) -> list[Ticket]:
        with self.player.lock:
            return [
                Ticket(number, row["properties"]["subject"], self._entries(number))
                for number, row in self.player.records["tickets"].items()
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        with self.player.lock:
            known = {entry for _, entry, _ in self._said}
            for number in self.player.records["tickets"]:
                fresh = [each for each in self._entries(number) if each.id not in known]
                self._said += [(number, each.id, each.text) for each in fresh]
        return [(ticket, words) for ticket, _, words in self._said[position:]], len(self._said)

    def count(self) -> int:
        with self.player.lock:
            return len(self.player.records["tickets"])

    def _entries(self, ticket: str) -> list[Comment]:
        """Return the notes and answers of a ticket by time. A customer's note names another than Deskwire."""
        found = [_note(row) for row in self.player.notes(ticket)]
        found += [_answer(ticket, row) for row in self.player.history.get(ticket, [])]
        return sorted(found, key=lambda each: each.at)


def _note(row: Row) -> Comment:
    words = plain(row["properties"]["hs_note_body"])
    ours = words.rstrip().rpartition("\n")[2].startswith("dw-")
    by = By.AGENT if not ours else By.NOTE if words.startswith("Deskwire") else By.CUSTOMER
    return Comment(row["id"], by, words, datetime.fromisoformat(row["createdAt"]), public=by is By.CUSTOMER)


def _answer(ticket: str, row: Row) -> Comment:
    at = row["timestamp"]
    return Comment(f"r{ticket}-{at}", By.AGENT, row["value"], datetime.fromisoformat(at), public=True)

"""Northwind's django-helpdesk, a real one of its own; what is in it is read from its own database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deskwire.helpdesks.djangohelpdesk.words import safe
from deskwire.web.markup import JOINER
from sandbox.helpdesks.djangohelpdesk.played import PASSWORD, DjangoHelpdesk
from sandbox.neighbours.desk import By, Comment, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.real import RealDesk


class DjangoDesk(RealDesk[DjangoHelpdesk]):
    """A django-helpdesk in an environment of its own."""

    scale = 0.5  # each request for a ticket loads all of them
    host = "desk.northwind.example"

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Keep it under `directory`; it lives by the real clock."""
        del clock
        self.running = DjangoHelpdesk(directory, progress=progress)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        """The token, known once it runs."""
        return {"desk": {"token": self.running.token}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"address": f"https://{self.host}", "queue": self.running.queue, "user_id": self.running.user_id}
        return {"connector": "djangohelpdesk", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address} (agent, {PASSWORD})"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return self.running.agent_replies(ticket, text, public=public)

    def tickets(self) -> list[Ticket]:
        query = """
            select t.id, t.title, f.id, f.user_id, f.public, f.comment, f.date
            from helpdesk_ticket t join helpdesk_followup f on f.ticket_id = t.id order by f.id
        """
        found: dict[str, Ticket] = {}
        with contextlib.closing(self._database()) as database:
            for ticket, title, number, user, public, comment, moment in database.execute(query):
                own = str(user) == self.running.user_id
                made = found.get(str(ticket))
                if made is None:  # the first one holds the facts of the ticket, no words of a customer's
                    made = found[str(ticket)] = Ticket(str(ticket), title)
                    by = By.NOTE if own else By.AGENT
                else:
                    by = By.AGENT if not own else By.CUSTOMER if public else By.NOTE
                at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
                made.comments.append(Comment(str(number), by, comment or "", at, bool(public)))
        return list(found.values())

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        query = "select id, ticket_id, comment from helpdesk_followup where id > ? order by id"
        with contextlib.closing(self._database()) as database:
            rows = database.execute(query, [position]).fetchall()
        return [(str(ticket), comment or "") for _, ticket, comment in rows], rows[-1][0] if rows else position

    def kept(self, text: str) -> str:
        return safe(text).replace(JOINER, "")  # the books compare without it

    def count(self) -> int:
        with contextlib.closing(self._database()) as database:
            return int(database.execute("select count(*) from helpdesk_ticket").fetchone()[0])

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.running.home / 'helpdesk.sqlite'}?mode=ro", uri=True, timeout=30)

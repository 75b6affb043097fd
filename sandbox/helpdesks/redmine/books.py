"""Northwind's Redmine, a real one of its own; what is in it is read from its own database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.helpdesks.redmine.played import Redmine
from sandbox.neighbours.desk import By, Comment, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.real import RealDesk


class RedmineDesk(RealDesk[Redmine]):
    """A Redmine of Debian's packages."""

    scale = 0.5  # it is slow
    host = "redmine.northwind.example"

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Keep it under `directory`; it lives by the real clock."""
        del clock
        self.running = Redmine(directory, progress=progress)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        """The key, known once it runs."""
        return {"desk": {"api_key": self.running.key}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"address": f"https://{self.host}", "project": self.running.project}
        return {"connector": "redmine", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address}/issues (agent, sandbox-only)"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return self.running.agent_replies(ticket, text, public=public)

    def tickets(self) -> list[Ticket]:
        query = """
            select i.id, i.subject, j.id, j.user_id, j.private_notes, j.notes, j.created_on
            from issues i left join journals j
                on j.journalized_type = 'Issue' and j.journalized_id = i.id and j.notes <> '' order by i.id, j.id
        """
        found: dict[str, Ticket] = {}
        with contextlib.closing(self._database()) as database:
            for issue, subject, number, user, private, notes, moment in database.execute(query):
                made = found.setdefault(str(issue), Ticket(str(issue), subject))
                if number is None:
                    continue
                by = By.AGENT if str(user) != self.running.user_id else By.NOTE if private else By.CUSTOMER
                at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
                made.comments.append(Comment(str(number), by, notes, at, not private))
        return list(found.values())

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        query = "select id, journalized_id, notes from journals where id > ? order by id"
        with contextlib.closing(self._database()) as database:
            rows = database.execute(query, [position]).fetchall()
        return [(str(issue), notes or "") for _, issue, notes in rows], rows[-1][0] if rows else position

    def count(self) -> int:
        with contextlib.closing(self._database()) as database:
            return int(database.execute("select count(*) from issues").fetchone()[0])

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.running.home / 'redmine.sqlite'}?mode=ro", uri=True, timeout=30)

"""Northwind's BottleCRM, a real one of its own; what is in it is read from its own database."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deskwire.helpdesks.bottlecrm.words import safe
from deskwire.web.markup import JOINER
from sandbox.helpdesks.bottlecrm.played import BottleCRM
from sandbox.neighbours.desk import By, Comment, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.real import RealDesk

POLLED = 65.0  # seconds after an answer in which Deskwire has certainly looked for it


class BottleDesk(RealDesk[BottleCRM]):
    """A BottleCRM in an environment of its own."""

    scale = 0.5
    host = "crm.northwind.example"

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Keep it under `directory`; it lives by the real clock."""
        del clock
        self.running = BottleCRM(directory, progress=progress)
        self._replied = -POLLED

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        """The token, known once it runs."""
        return {"desk": {"token": self.running.token}}

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"address": f"https://{self.host}"}
        return {"connector": "bottlecrm", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return f"{self.address}/api/cases/ (its web pages are another program; Bearer {self.running.agent_token})"

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        number = self.running.agent_replies(ticket, text, public=public)
        self._replied = time.monotonic()
        return number

    def settle(self) -> bool:
        return time.monotonic() - self._replied > POLLED

    def tickets(self) -> list[Ticket]:
        query = """
            select t.id, t.name, c.id, c.commented_by_id, c.is_internal, c.comment, c.commented_on
            from "case" t left join comment c on c.object_id = t.id order by t.created_at, c.commented_on
        """
        found: dict[str, Ticket] = {}
        with contextlib.closing(self._database()) as database:
            for ticket, name, number, author, internal, text, moment in database.execute(query):
                made = found.setdefault(ticket, Ticket(str(uuid.UUID(ticket)), name))
                if number is None:
                    continue
                own = str(uuid.UUID(author)) == self.running.profile if author else False
                by = By.AGENT if not own else By.NOTE if text.startswith("Note") else By.CUSTOMER
                at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
                made.comments.append(Comment(str(uuid.UUID(number)), by, text, at, not internal or by is By.CUSTOMER))
        return list(found.values())

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        query = "select rowid, object_id, comment from comment where rowid > ? order by rowid"
        with contextlib.closing(self._database()) as database:
            rows = database.execute(query, [position]).fetchall()
        return [(str(uuid.UUID(ticket)), text) for _, ticket, text in rows], rows[-1][0] if rows else position

    def kept(self, text: str) -> str:
        return safe(text).replace(JOINER, "")  # the books compare without it

    def count(self) -> int:
        with contextlib.closing(self._database()) as database:
            return int(database.execute('select count(*) from "case"').fetchone()[0])

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.running.home / 'crm.sqlite'}?mode=ro", uri=True, timeout=30)

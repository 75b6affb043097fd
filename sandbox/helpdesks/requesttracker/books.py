"""Northwind's Request Tracker, a real one of its own; what is in it is read from its own database."""

from __future__ import annotations

import base64
import contextlib
import quopri
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.helpdesks.requesttracker.played import RequestTracker
from sandbox.neighbours.desk import WEBHOOK, By, Comment, Ticket
from sandbox.neighbours.neighbour import Clock
from sandbox.neighbours.real import RealDesk


class TrackerDesk(RealDesk[RequestTracker]):
    """A Request Tracker 5 of Debian's packages."""

    scale = 0.7  # it is slow
    host = "rt.northwind.example"
    short = "rt"

    def __init__(self, clock: Clock, directory: Path, progress: Callable[[str], None]) -> None:
        """Keep it under `directory`; it lives by the real clock."""
        del clock
        self.running = RequestTracker(directory, progress=progress)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        """The token and the webhook's secret, known once it runs."""
        return {
            "desk": {"token": self.running.bot_token}, WEBHOOK: {"webhook": self.running.webhook_secret}
        }  # fmt: skip

    @property
    def rules(self) -> Mapping[str, Any]:
        settings = {"address": f"https://{self.host}", "queue": "General"}
        return {"connector": "requesttracker", "secret": "desk", "poll": True, "settings": settings}

    @property
    def page(self) -> str:
        return self.address

    def connect(self, webhook: str) -> None:
        self.running.deliver_to(webhook)

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return self.running.agent_replies(ticket, text) if public else self.running.agent_notes(ticket, text)

    def tickets(self) -> list[Ticket]:
        query = """
            select t.EffectiveId, t.Subject, x.id, x.Type, u.Name, x.Created, a.Content, a.ContentEncoding
            from Tickets t
            join Transactions x on x.ObjectType = 'RT::Ticket' and x.ObjectId = t.id
            join Users u on u.id = x.Creator
            join Attachments a on a.TransactionId = x.id and a.ContentType like 'text/%'
                 and (a.Filename is null or a.Filename = '')
            where x.Type in ('Create', 'Correspond', 'Comment') order by x.id, a.id
        """
        found: dict[str, Ticket] = {}
        seen: set[str] = set()
        with contextlib.closing(self._database()) as database:
            for ticket, subject, number, kind, author, created, content, encoding in database.execute(query):
                if str(number) in seen:
                    continue
                seen.add(str(number))
                by = By.AGENT if author != self.running.bot else By.NOTE if kind == "Comment" else By.CUSTOMER
                at = datetime.fromisoformat(created).replace(tzinfo=UTC)
                made = found.setdefault(str(ticket), Ticket(str(ticket), subject or ""))
                made.comments.append(Comment(str(number), by, _text(content, encoding), at, kind != "Comment"))
        return list(found.values())

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        fresh = [
            (ticket.id, comment)
            for ticket in self.tickets()
            for comment in ticket.comments
            if int(comment.id) > position
        ]
        return [(ticket, comment.text) for ticket, comment in fresh], max(
            (int(comment.id) for _, comment in fresh), default=position
        )

    def count(self) -> int:
        with contextlib.closing(self._database()) as database:
            return int(database.execute("select count(*) from Tickets").fetchone()[0])

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.running.home / 'rt.sqlite'}?mode=ro", uri=True, timeout=30)


def _text(content: Any, encoding: str | None) -> str:
    data = content if isinstance(content, bytes) else str(content or "").encode()
    if encoding == "base64":
        data = base64.b64decode(data)
    elif encoding == "quoted-printable":
        data = quopri.decodestring(data)
    return data.decode("utf-8", "replace")

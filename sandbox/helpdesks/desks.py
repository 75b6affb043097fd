"""The helpdesk's side of a demonstration, whichever helpdesk it is: what agents do, and what its own books say."""

from __future__ import annotations

import base64
import contextlib
import quopri
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from sandbox.helpdesks.requesttracker.played import RequestTracker
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock


class By(StrEnum):
    """Whose a comment is."""

    CUSTOMER = "customer"
    AGENT = "agent"
    NOTE = "note"  # Deskwire's own, for agents


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment of a ticket. `exact`: whether `at` is finer than a second."""

    id: str
    by: By
    text: str
    at: datetime
    public: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket with its comments, the oldest first."""

    id: str
    subject: str
    comments: list[Comment] = field(default_factory=list)


class Desk(ABC):
    """A helpdesk: a context manager. `secrets` are entries to store, `host` the name under which Deskwire asks it."""

    name: ClassVar[str]
    host: str
    secrets: Mapping[str, Mapping[str, Any]]

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it answers."""

    @property
    @abstractmethod
    def page(self) -> str:
        """Where a person looks at the tickets, and how they sign in."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def connect(self, webhook: str) -> None:
        """Tell this address of agents' answers."""

    @abstractmethod
    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        """Let an agent answer, or note something (`public=False`); return the comment's id."""

    @abstractmethod
    def tickets(self) -> list[Ticket]:
        """Return every ticket, from the helpdesk's own books."""

    @abstractmethod
    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        """Return (ticket, words) of each comment written after a position (0: all), and the position to go on from."""

    @abstractmethod
    def count(self) -> int:
        """Return how many tickets there are."""

    @abstractmethod
    def settle(self) -> bool:
        """Wait until the webhook told everything; whether it did."""


class ZendeskDesk(Desk):
    """The played Zendesk, with the High Volume add-on, as a company with such mornings has it."""

    name = "zendesk"

    def __init__(self, clock: Clock) -> None:
        """Play the account “northwind”."""
        token, signing = "demo-zendesk-token-e6f1", "demo-zendesk-signing-83d0"
        self.secrets = {"desk": {"api_token": token}, "desk-webhook": {"signing_secret": signing}}
        self.zendesk = Zendesk(
            clock, subdomain="northwind", email="deskwire@northwind.example", webhook_twice_every=5,
            requests_per_minute=2500, updates_per_minute=300, api_token=token, signing_secret=signing,
        )  # fmt: skip
        self.host = self.zendesk.host

    @property
    def address(self) -> str:
        return self.zendesk.address

    @property
    def page(self) -> str:
        return f"{self.address}/agent/tickets"

    def __enter__(self) -> Self:
        self.zendesk.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.zendesk.__exit__(kind, error, trace)

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
                )
                for ticket in zendesk.tickets
            ]

    def since(self, position: int) -> tuple[list[tuple[str, str]], int]:
        written = self.zendesk.account.written[position:]
        return [(str(ticket), comment.words) for ticket, comment in written], position + len(written)

    def count(self) -> int:
        return len(self.zendesk.account.tickets)

    def _by(self, author: int) -> By:
        if author == self.zendesk.bot.id:
            return By.NOTE
        user = self.zendesk.account.users.get(author)
        return By.CUSTOMER if user is None or user.role == "end-user" else By.AGENT

    def settle(self) -> bool:
        return self.zendesk.settle()


class TrackerDesk(Desk):
    """A real Request Tracker 5 of its own; what is in it is read from its own database."""

    name = "rt"
    host = "rt.northwind.example"

    def __init__(self, directory: Path, progress: Callable[[str], None]) -> None:
        """Keep it under `directory`."""
        self.tracker = RequestTracker(directory, progress=progress)
        self._directory = directory

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]
        """The token and the webhook's secret, known once it runs."""
        return {
            "desk": {"token": self.tracker.bot_token}, "desk-webhook": {"webhook": self.tracker.webhook_secret}
        }  # fmt: skip

    @property
    def address(self) -> str:
        return self.tracker.address

    @property
    def page(self) -> str:
        return self.address

    def __enter__(self) -> Self:
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        self.tracker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tracker.stop()

    def connect(self, webhook: str) -> None:
        self.tracker.deliver_to(webhook)

    def reply(self, ticket: str, text: str, *, public: bool = True) -> str:
        return self.tracker.agent_replies(ticket, text) if public else self.tracker.agent_notes(ticket, text)

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
                by = By.AGENT if author != self.tracker.bot else By.NOTE if kind == "Comment" else By.CUSTOMER
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
        return sqlite3.connect(f"file:{self.tracker.home / 'rt.sqlite'}?mode=ro", uri=True, timeout=30)

    def settle(self) -> bool:
        return True  # the scrip posts before RT answers the agent


def _text(content: Any, encoding: str | None) -> str:
    data = content if isinstance(content, bytes) else str(content or "").encode()
    if encoding == "base64":
        data = base64.b64decode(data)
    elif encoding == "quoted-printable":
        data = quopri.decodestring(data)
    return data.decode("utf-8", "replace")

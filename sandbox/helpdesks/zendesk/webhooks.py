"""Tells the company's endpoint of agents' comments, as Zendesk does: signed, repeated, now and then twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import queue
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.helpdesks.zendesk.account import Comment, Ticket, User, stamp
from sandbox.neighbours.neighbour import Clock

DELAYS = (1, 2, 5, 10)  # seconds between attempts; that there are some is documented, their number is not
TIMEOUT = 12.0  # real seconds


@dataclass(slots=True)
class Invocation:
    """One call of the webhook: its id stays over its attempts; `answers` are the statuses (0: none)."""

    id: str
    ticket: int
    comment: int
    body: bytes
    answers: list[int] = field(default_factory=list)
    done: bool = False

    @property
    def taken(self) -> bool:
        """Whether it was answered with 2xx."""
        return bool(self.answers) and 200 <= self.answers[-1] < 300


class Webhook:
    """One webhook: `events` sends the envelope of an event subscription, otherwise a trigger's ids."""

    def __init__(
        self, url: str, secret: str, clock: Clock, *, account: str, events: bool = False, twice_every: int = 0
    ) -> None:
        """Call `url`; every `twice_every`-th comment makes two invocations (0: none does)."""
        self.url = url
        self.events = events
        self.invocations: list[Invocation] = []
        self._secret = secret
        self._clock = clock
        self._account = account
        self._twice_every = twice_every
        self._told = 0
        self._queue: queue.Queue[Invocation | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True, name="zendesk-webhook")
        self._thread.start()

    def tell(self, ticket: Ticket, comment: Comment, author: User) -> None:
        """Call the webhook about a comment, in the background."""
        self._told += 1
        twice = self._twice_every and self._told % self._twice_every == 0
        event = {
            "comment": {
                "id": str(comment.id), "body": comment.words, "is_public": comment.public,
                "author": {"id": str(author.id), "is_staff": author.role != "end-user", "name": author.name},
            },
            "meta": {"version": "1.0", "sequence": {"id": f"S{comment.audit_id}", "position": 1}},
        }  # fmt: skip
        body: dict[str, Any] = {"ticket_id": str(ticket.id)}
        if self.events:
            body = self._envelope(ticket, "comment_added", comment.created_at, event)
        for _ in range(2 if twice else 1):
            self._call(ticket, comment.id, body)

    def tell_status(self, ticket: Ticket, before: str) -> None:
        """Call the webhook about a change of the ticket's status, in the background."""
        event = {"current": ticket.status.upper(), "previous": before.upper()}
        self._call(ticket, 0, self._envelope(ticket, "status_changed", ticket.updated_at, event))

    def _call(self, ticket: Ticket, comment: int, body: dict[str, Any]) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        invocation = Invocation(uuid.uuid4().hex.upper(), ticket.id, comment, content)
        self.invocations.append(invocation)
        self._queue.put(invocation)

    def settled(self) -> bool:
        """Tell whether nothing is under way."""
        return all(invocation.done for invocation in self.invocations)

    def stop(self) -> None:
        """Let the thread end."""
        self._queue.put(None)
        self._thread.join(timeout=TIMEOUT + 1)

    def headers(self, invocation: Invocation) -> dict[str, str]:
        """Return the headers of an attempt: stamped and signed now."""
        moment = stamp(self._clock.now())
        signature = hmac.digest(self._secret.encode(), moment.encode() + invocation.body, hashlib.sha256)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": self._account,
            "X-Zendesk-Webhook-Id": "01J0SANDBOX",
            "X-Zendesk-Webhook-Invocation-Id": invocation.id,
            "X-Zendesk-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Zendesk-Webhook-Signature-Timestamp": moment,
        }

    def _envelope(self, ticket: Ticket, kind: str, at: datetime, event: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": f"zen:event-type:ticket.{kind}",
            "account_id": int(self._account),
            "id": str(uuid.uuid4()),
            "time": stamp(at),
            "zendesk_event_version": "2022-11-06",
            "subject": f"zen:ticket:{ticket.id}",
            "detail": {
                "id": str(ticket.id), "external_id": ticket.external_id, "status": ticket.status.upper(),
                "requester_id": str(ticket.requester_id), "via": {"channel": "api"}, "tags": ticket.tags,
            },
            "event": event,
        }  # fmt: skip

    def _work(self) -> None:
        while (invocation := self._queue.get()) is not None:
            for delay in (0, *DELAYS):
                if delay:
                    self._clock.sleep(delay)
                invocation.answers.append(self._attempt(invocation))
                if invocation.taken or invocation.answers[-1] in {400, 401, 403, 404}:
                    break
            invocation.done = True

    def _attempt(self, invocation: Invocation) -> int:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        line = kind(parts.netloc, timeout=TIMEOUT)
        try:
            line.request("POST", parts.path or "/", invocation.body, self.headers(invocation))
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            line.close()

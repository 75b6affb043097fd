"""The helpdesks of the simulated world, each with its own semantics, behind one face for the agents and the books."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from deskwire.model.errors import TemporaryError
from deskwire.web.rest import Answer
from sandbox.helpdesks.vtiger.played import AGENT, Vtiger, number
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Asked

from . import logbook, tracker


@dataclass(frozen=True)
class Kept:
    """One ticket as it stands in the helpdesk's own books; `words` in their order, `merged` into which."""

    id: str
    words: tuple
    merged: str = ""
    closed: bool = False
    by_agent: frozenset = frozenset()  # positions of what agents wrote
    urgent: bool = True  # its priority is above the usual; so says a desk that cannot change it later


def asked(neighbour, call):
    """Ask a neighbour of the sandbox without a socket. Raises as a transport when it hangs up."""
    parts = urlsplit(call.address)
    reply = neighbour.serve(
        Asked(
            method=call.method, path=parts.path, query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in {"host": parts.netloc, **call.headers}.items()},
            body=call.body, at=neighbour.clock.now(),
        )
    )  # fmt: skip
    if neighbour.crashes:
        raise neighbour.crashes[0]
    if reply is None:
        raise TemporaryError("the line was cut", ambiguous=True)
    return Answer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.body)


class ZendeskDesk:
    """Zendesk: a key for two hours on opening, marks to be searched by, follow-ups, merges, budgets."""

    connector = "zendesk"
    asks = True
    subdomain = "acme"
    secrets = {"api_token": "invented-zendesk-token", "signing_secret": "invented-zendesk-signing"}  # noqa: RUF012
    poll = False

    def __init__(self, clock):
        self.zendesk = Zendesk(clock, subdomain=self.subdomain, updates_per_minute=300)
        self.settings = {"subdomain": self.subdomain, "email": "deskwire@acme.example"}
        self.host = self.zendesk.host
        self._calls = itertools.count(1)

    def serve(self, call):
        return asked(self.zendesk, call)

    def books(self):
        closes = re.compile(r"merged into request #(\d+)")
        kept = []
        for ticket in self.zendesk.account.tickets.values():
            comments = list(ticket.comments)
            merges = [closes.search(each.words) for each in comments]
            into = next((found[1] for found in merges if found), "")
            agents = {n for n, each in enumerate(comments) if each.author_id == self.zendesk.agent.id}
            kept.append(Kept(str(ticket.id), tuple(each.words for each in comments), into,
                             ticket.status == "closed" or ticket.deleted, frozenset(agents),
                             ticket.priority in {"high", "urgent"}))  # fmt: skip
        return kept

    def files(self):
        """Return what is attached, a row a file."""
        tickets = self.zendesk.account.tickets.values()
        return [file.data.decode() for ticket in tickets for comment in ticket.comments for file in comment.files]

    def agent_replies(self, ticket, words):
        """Let an agent answer; return the body and headers with which the webhook tells of it."""
        self.zendesk.agent_replies(int(ticket), words)
        return self.told(ticket)

    def told(self, ticket):
        headers = {"x-zendesk-webhook-invocation-id": f"INVOCATION-{next(self._calls)}"}
        return json.dumps({"ticket_id": ticket}).encode(), headers

    def becomes(self, ticket, status):
        """Return the event of a ticket's status, as the webhook that is subscribed to events gets it."""
        number = next(self._calls)
        told = {
            "type": "zen:event-type:ticket.status_changed", "id": f"EVENT-{number}", "detail": {"id": str(ticket)},
            "time": self.zendesk.clock.now().isoformat(), "event": {"current": status.upper(), "previous": "OPEN"},
            "subject": f"zen:ticket:{ticket}",
        }  # fmt: skip
        return json.dumps(told).encode(), {"x-zendesk-webhook-invocation-id": f"INVOCATION-{number}"}

    def foreign(self, words):
        """Let there be a ticket that is none of ours, with an agent's answer in it; return its number."""
        account = self.zendesk.account
        ticket, _ = account.create(account.person("Somebody", "end-user"), {"comment": {"body": "an e-mail of mine"}})
        self.zendesk.agent_replies(ticket.id, words)
        return str(ticket.id)

    def close(self, ticket):
        self.zendesk.close(int(ticket))

    def merge(self, ticket, into):
        self.zendesk.merge(int(ticket), into=int(into))

    def delete(self, ticket):
        self.zendesk.delete(int(ticket))

    def unpolled(self, cursor):
        return False


class TrackerDesk:
    """Request Tracker: no keys, a unique field, a scrip that tells once, polling as the net."""

    connector = "requesttracker"
    asks = True
    settings = {"address": f"https://{tracker.HOST}", "queue": "General"}  # noqa: RUF012
    secrets = {"token": "invented-rt-token", "webhook": "invented-rt-webhook"}  # noqa: RUF012
    poll = True
    host = tracker.HOST

    def __init__(self, clock):
        self.tracker = tracker.Tracker(clock.now)

    def serve(self, call):
        return self.tracker.serve(call)

    def books(self):
        kept = []
        for ticket in self.tracker.tickets.values():
            said = [each for each in ticket.transactions if each.words]
            agents = {n for n, each in enumerate(said) if each.creator == tracker.AGENT}
            into = str(self.tracker.survivor(ticket.id)) if ticket.into else ""
            if ticket.status != "deleted":
                words, urgent = tuple(each.words for each in said), ticket.priority > 50
                kept.append(Kept(str(ticket.id), words, into, by_agent=frozenset(agents), urgent=urgent))
        return kept

    def agent_replies(self, ticket, words):
        self.tracker.agent_replies(int(ticket), words)
        return self.told(ticket)

    def told(self, ticket):
        return json.dumps({"tickets": [int(ticket)], "transactions": [
            {"id": self.tracker.newest(), "type": "Correspond", "staff": True, "created": "2026-11-02T09:00:00Z"}
        ]}).encode(), {}  # fmt: skip

    def merge(self, ticket, into):
        self.tracker.merge(int(ticket), int(into))

    def unpolled(self, cursor):
        said = [each.id for ticket in self.tracker.tickets.values() for each in ticket.transactions
                if each.kind == "Correspond" and each.creator == tracker.AGENT]  # fmt: skip
        return max(said, default=0) > int(cursor or 0)


class VtigerDesk:
    """Vtiger: no keys but a field, a log-in that all share, no webhook: answers are found by polling alone."""

    connector = "vtiger"
    asks = True
    host = "crm.acme.example"
    settings = {"address": f"https://{host}", "user": "deskwire"}  # noqa: RUF012
    secrets = {"access_key": "inventedKey40aQ7"}  # noqa: RUF012
    poll = True

    def __init__(self, clock):
        self.vtiger = Vtiger("deskwire", self.secrets["access_key"], clock=clock)
        self.deleted = []

    def serve(self, call):
        return asked(self.vtiger, call)

    def books(self):
        kept = []
        high = {row["id"] for row in self.vtiger.of("HelpDesk") if row["ticketpriorities"] == "High"}
        for ticket in [*self.deleted, *(row["id"] for row in self.vtiger.of("HelpDesk"))]:
            said = [row for row in self.vtiger.of("ModComments") if row["related_to"] == ticket]
            agents = frozenset(n for n, row in enumerate(said) if row["creator"] == AGENT)
            words = tuple(row["commentcontent"] for row in said)
            gone = ticket in self.deleted
            kept.append(Kept(ticket, words, closed=gone, by_agent=agents, urgent=ticket in high))
        return kept

    def agent_replies(self, ticket, words):
        self.vtiger.agent_comments(ticket, words)

    def delete(self, ticket):
        self.vtiger.remove(ticket)
        self.deleted.append(ticket)

    def unpolled(self, cursor):
        said = [number(row["id"]) for row in self.vtiger.of("ModComments") if row["creator"] == AGENT]
        return max(said, default=0) > (number(re.split("[;|]", cursor)[0]) if cursor else 0)


class LogbookDesk:
    """The poorest: no keys, nothing to ask."""

    connector = "logbook"
    asks = False
    settings = {}  # noqa: RUF012
    secrets = {"token": "invented-logbook-token", "webhook": "invented-logbook-webhook"}  # noqa: RUF012
    poll = False
    host = logbook.HOST

    def __init__(self, clock):
        self.desk = logbook.Desk(clock.now)
        self._calls = itertools.count(1)

    def serve(self, call):
        return self.desk.serve(call)

    def books(self):
        kept = []
        for page in self.desk.pages.values():
            said = sorted([*page.entries, *((each["id"], each["words"], None) for each in page.replies)])
            agents = {n for n, each in enumerate(said) if each[2] is None}
            kept.append(Kept(str(page.id), tuple(words for _, words, _ in said), by_agent=frozenset(agents)))
        return kept

    def agent_replies(self, ticket, words):
        self.desk.agent_replies(int(ticket), words)
        return json.dumps({"call": next(self._calls), "ticket": int(ticket)}).encode(), {}

    def unpolled(self, cursor):
        return False


class HotlineDesk(LogbookDesk):
    """It cannot be asked for answers either: it signals their words."""

    connector = "hotline"

    def agent_replies(self, ticket, words):
        number = self.desk.agent_replies(int(ticket), words)
        at = self.desk.pages[int(ticket)].replies[-1]["at"]
        told = {"call": next(self._calls), "ticket": int(ticket), "id": number, "words": words, "agent": "Agnes",
                "at": at, "public": True}  # fmt: skip
        return json.dumps(told).encode(), {}

    def becomes(self, ticket, status="", *, agent=None, at=None):
        """Return the signal of a ticket's status and of who has it, at a time: an agent, or nobody (an empty name)."""
        told = {"call": next(self._calls), "ticket": int(ticket)}
        told |= {"status": status} if status else {}
        told |= {} if agent is None else {"assignee": agent}
        told |= {} if at is None else {"at": at.isoformat()}
        return json.dumps(told).encode(), {}


class SecondZendesk(ZendeskDesk):
    """Another account, whose tickets have other numbers."""

    subdomain = "nova"

    def __init__(self, clock):
        super().__init__(clock)
        self.zendesk.account._next["ticket"] += 1000


DESKS = {
    "hotline": HotlineDesk,
    "zendesk": ZendeskDesk,
    "requesttracker": TrackerDesk,
    "vtiger": VtigerDesk,
    "logbook": LogbookDesk,
}

SECOND = {**DESKS, "zendesk": SecondZendesk}  # beside another one

"""A helpdesk that can neither take a key nor be asked: a connector of its own, and the desk it files into.

It stands for the poorest interfaces there are. With it the declared exception holds: after doubt what a customer
wrote is written again, and says so.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar

from deskwire.contracts.helpdesk import Abilities, Helpdesk
from deskwire.contracts.terms import Figure, Terms
from deskwire.model.signals import Signal
from deskwire.model.tickets import AgentReply, Filed
from deskwire.verification.hmac import HmacHeader
from deskwire.web.reading import read
from deskwire.web.rest import Answer, Call, checked

HOST = "logbook.example"
WRITTEN = date(2026, 11, 21)


class Logbook(Helpdesk):
    """The connector: plain posts, nothing to find them by."""

    name = "logbook"
    title = "Logbook"
    verification = HmacHeader(header="X-Logbook-Signature", secret="webhook")
    terms = Terms(
        body_limit=Figure(65_536, "here", WRITTEN),
        deadline=Figure(timedelta(seconds=5), "here", WRITTEN),
        redelivery=Figure(timedelta(minutes=10), "here", WRITTEN),
    )
    abilities = Abilities(native_key=False, find_open=False, find_append=False, several=False, attachments=False)
    connection_secrets: ClassVar = {"token": "a token"}

    def open(self, ticket, reach):
        payload = {"subject": ticket.subject, "words": [entry.body for entry in ticket.entries]}
        number = self._ask(reach, "POST", "tickets", payload)["id"].identifier()
        return Filed(number)

    def append(self, ticket, thread, entries, reach):
        for entry in entries:
            self._ask(reach, "POST", f"tickets/{ticket}/entries", {"words": entry.body, "public": entry.public})
        return Filed(ticket)

    def find(self, sought, reach):
        raise AssertionError("it was asked, though it cannot be")

    def replies(self, ticket, after, reach):
        rows = self._ask(reach, "GET", f"tickets/{ticket}/replies?after={after or 0}", None)
        return [
            AgentReply(
                id=row["id"].identifier(), order=row["id"].number(), ticket=ticket, text=row["words"].text(),
                author="Agnes", written_at=row["at"].iso(),
            )
            for row in rows.items()
        ]  # fmt: skip

    def parse(self, request):
        body = read(request.body).object()
        yield Signal(helpdesk=self.name, object_id=body["call"].identifier(), ticket=body["ticket"].identifier())

    def _ask(self, reach, method, path, payload):
        headers = {"Authorization": f"token {reach.secrets.one('token').reveal()}"}
        url = f"https://{HOST}/{path}"
        call = Call(method, url, headers) if payload is None else Call.json(method, url, payload, headers=headers)
        return checked(reach.http(call), what="writing into the logbook").node()


@dataclass
class Page:
    """One ticket of the desk."""

    id: int
    subject: str
    entries: list = field(default_factory=list)  # (id, words, by the customer)
    replies: list = field(default_factory=list)  # {id, words, at}
    closed: bool = False


class Desk:
    """The desk: it does what it is told, each time."""

    def __init__(self, now):
        self.pages = {}
        self._now = now
        self._numbers = itertools.count(1)

    def serve(self, call):
        path = call.url.partition(HOST)[2].partition("?")[0]
        payload = json.loads(call.body) if call.body else {}
        if call.method == "POST" and path == "/tickets":
            page = Page(next(self._numbers), payload["subject"])
            page.entries = [(next(self._numbers), words, True) for words in payload["words"]]
            self.pages[page.id] = page
            return _answer(201, {"id": page.id})
        number, _, what = path.removeprefix("/tickets/").partition("/")
        page = self.pages.get(int(number))
        if page is None:
            return _answer(404, {"error": "no such ticket"})
        if what == "entries":
            page.entries.append((next(self._numbers), payload["words"], payload["public"]))
            return _answer(201, {"id": page.entries[-1][0]})
        after = int(re.search(r"after=(\d+)", call.url)[1])
        return _answer(200, [each for each in page.replies if each["id"] > after])

    def agent_replies(self, ticket, words):
        number = next(self._numbers)
        reply = {"id": number, "words": words, "at": self._now().strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.pages[ticket].replies.append(reply)
        return number


def _answer(status, payload):
    return Answer(status, {"content-type": "application/json"}, json.dumps(payload).encode())

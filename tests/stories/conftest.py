"""A small company in one process: the product's own code on the in-memory ports, with a played Zendesk and Meta."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import INDEX_KEY, Connection, Endpoint, HelpdeskConnection, item
from deskwire.conversation.converse import Conversation
from deskwire.conversation.directory import Directory, reporting
from deskwire.model.errors import PermanentError
from deskwire.model.secret import Secrets
from deskwire.ports import EndpointView, Put, Update
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked, MemoryTable
from deskwire.receiving.receiver import Receiver
from deskwire.registry import channel, helpdesk
from deskwire.sweeping.sweeper import Sweeper
from deskwire.telemetry import Telemetry
from deskwire.web.request import Request
from deskwire.web.rest import Answer, Direct, with_hosts
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import Clock

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
PAGE, CUSTOMER = "410000000000001", "24900000000000017"
POLICY = {
    "company": "Northwind",
    "texts": {
        "private": {"en": "Thank you, we have it: {reference}", "is": "Takk, við höfum fengið þetta: {reference}"},
        "public": {"en": "Thank you, we are looking at it."},
    },
}
SECRETS = {
    "meta": {"app_secret": ["invented-app-secret", "next-app-secret"], "verify_token": "invented-verify"},
    "page": {"page_token": "invented-page-token"},
    "zendesk": {"api_token": "invented-zendesk-token", "signing_secret": "invented-zendesk-signing"},
}


class Graph:
    """Meta's Graph API, as far as a story needs it: what was sent, and what to do about the next call."""

    def __init__(self):
        self.sent = []
        self.next = []
        self.numbers = itertools.count(1)

    def looked(self, call):
        names = b'{"first_name": "Marta", "last_name": "Lindqvist"}'
        return Answer(200, {}, names if "first_name" in call.url else b'{"data": []}')

    def __call__(self, call):
        if call.method == "GET":
            return self.looked(call)
        fault = self.next.pop(0) if self.next else None
        if isinstance(fault, Exception) and not getattr(fault, "ambiguous", False):
            raise fault
        if isinstance(fault, Answer):
            return fault
        number = next(self.numbers)
        self.sent.append(json.loads(call.body) if call.body.startswith(b"{") else call.body.decode())
        if fault is not None:
            raise fault
        return Answer(
            200,
            {},
            json.dumps(
                {"recipient_id": CUSTOMER, "message_id": f"m_ours{number}", "id": f"77_{number}", "success": True}
            ).encode(),
        )


class Company:
    """The whole of it. `write` has a customer write on Messenger; `work` empties the mailbox."""

    def __init__(self, tmp_clock, zendesk, policy=POLICY):
        self.clock = tmp_clock
        self.zendesk = zendesk
        self.graph = Graph()
        self.table = MemoryTable()
        self.mailbox = MemoryMailbox(self.now)
        self.parked = MemoryParked()
        self.archive = MemoryArchive()
        self.lines = []
        self.http_calls = []
        self.mails = []
        self.numbers = itertools.count(1)
        self.owners = itertools.count(1)
        telemetry = Telemetry("test", stream=self, now=lambda: 0)
        self.telemetry = telemetry
        self.directory = Directory(
            table=self.table,
            clock=self.now,
            secrets=self.secrets,
            http=self.http,
            mail=self.mail,
            fetch=self.fetch,
            original=self.archive.fetch,
            left_out=reporting(telemetry),
        )
        self.receiver = Receiver(
            endpoints=self, mailbox=self.mailbox, parked=self.parked, archive=self.archive, http=self.http,
            clock=self.now, telemetry=telemetry, limits=self, presign=lambda *_: {},
        )  # fmt: skip
        self.conversation = Conversation(
            table=self.table, mailbox=self.mailbox, archive=self.archive, directory=self.directory, clock=self.now,
            telemetry=telemetry, owner=lambda: f"worker-{next(self.owners)}",
        )  # fmt: skip
        self.sweeper = Sweeper(
            table=self.table, mailbox=self.mailbox, directory=self.directory, clock=self.now, telemetry=telemetry
        )
        self.definitions = [
            Endpoint(name="meta", side="channels", connectors=("facebook", "messenger"), secret="meta"),
            Endpoint(name="desk", side="helpdesks", connectors=("zendesk",), secret="zendesk", helpdesk="acme"),
            Connection(
                name="page-dm", channel="messenger", account=PAGE, endpoint="meta", secret="page", helpdesk="acme",
                policy=Policy.model_validate(policy),
            ),
            Connection(
                name="page", channel="facebook", account=PAGE, endpoint="meta", secret="page", helpdesk="acme",
                policy=Policy.model_validate(policy),
            ),
            HelpdeskConnection(
                name="acme", connector="zendesk", endpoint="desk", secret="zendesk",
                settings={"subdomain": "acme", "email": "deskwire@acme.example"},
            ),
        ]  # fmt: skip
        for definition in self.definitions:
            self.table.put(Put(item(definition)))
        keys = [list(definition.key) for definition in self.definitions]
        self.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": keys}))
        self._open = Direct()
        self.connect()

    def connect(self):
        """Find Zendesk where it is now."""
        self._direct = with_hosts(self._open, {self.zendesk.host: self.zendesk.address})

    def close(self):
        self._open.close()

    # ------------------------------------------------------------------ what the ports need

    def now(self):
        return self.clock.now()

    def http(self, call):
        host = call.url.split("/")[2]
        self.http_calls.append(f"{host} {call.method} {call.url.partition(host)[2].partition('?')[0]}")
        return self.graph(call) if host.startswith("graph.") else self._direct(call)

    def endpoint(self, name):
        found = self.table.items.get((f"E#{name}", "ENDPOINT"))
        return EndpointView.read(found["definition"]) if found else None

    def secrets(self, name):
        return Secrets(SECRETS[name], entry=name)

    def allow(self, *_):
        return True

    def mail(self, **mail):
        self.mails.append(mail)
        return "mail-1"

    def fetch(self, call, hosts):
        raise PermanentError("no pictures in this story")

    def write(self, text):
        """Take a log line (the telemetry's stream)."""
        self.lines.append(text)

    # ------------------------------------------------------------------ what happens

    def message(self, text, *, mid="", at=None, customer=CUSTOMER, page=PAGE, own=False, **more):
        mid = mid or f"m_{next(self.numbers)}"
        stamp = int((at or self.now()).timestamp() * 1000)
        people = {"sender": {"id": customer}, "recipient": {"id": page}}
        if own:
            people = {"sender": {"id": page}, "recipient": {"id": customer}}
            more["is_echo"] = True
        return {
            "id": page, "time": stamp,
            "messaging": [{**people, "timestamp": stamp, "message": {"mid": mid, "text": text, **more}}],
        }  # fmt: skip

    def comment(
        self, text, *, comment="993300000000077", parent="", post="122200000000501", author="7300000000000011",
        name="Marta Lindqvist",
    ):  # fmt: skip
        stamp = int(self.now().timestamp())
        value = {
            "item": "comment", "verb": "add", "from": {"id": author, "name": name},
            "post_id": f"{PAGE}_{post}", "parent_id": parent or f"{PAGE}_{post}", "comment_id": f"{post}_{comment}",
            "created_time": stamp, "message": text,
        }  # fmt: skip
        return {"id": PAGE, "time": stamp, "changes": [{"field": "feed", "value": value}]}

    def deliver(self, *entries, secret="invented-app-secret"):
        body = json.dumps({"object": "page", "entry": list(entries)}).encode()
        request = Request(method="POST", endpoint="meta", body=body, received_at=self.now())
        signed = channel("messenger").verification.sign(request, Secrets({"app_secret": secret}), self.now())
        return self.receiver.handle(gateway_event(signed))["statusCode"]

    def signalled(self, ticket, invocation="INVOCATION-1"):
        """Call the helpdesk's endpoint as Zendesk's trigger does; return the status."""
        return self.called({"ticket_id": str(ticket)}, invocation)

    def called(self, payload, invocation="INVOCATION-1"):
        """Call the helpdesk's endpoint with this body; return the status."""
        request = Request(
            method="POST", endpoint="desk", body=json.dumps(payload).encode(),
            headers={"x-zendesk-webhook-invocation-id": invocation, "content-type": "application/json"},
            received_at=self.now(),
        )  # fmt: skip
        signed = helpdesk("zendesk").verification.sign(request, Secrets(SECRETS["zendesk"]), self.now())
        return self.receiver.handle(gateway_event(signed, side="helpdesks"))["statusCode"]

    def work(self):
        done = []
        while (letter := self.mailbox.take()) is not None:
            done.append(self.conversation.handle(letter.body))
        return done

    def dies_at(self, item=""):
        """Have a worker take the next letter and die as it lets go of its thread; return the letter.

        `item`: at the first update of an item that has a key beginning so.
        """
        letter, table = self.mailbox.take(), self.table
        update, transact = table.update, table.transact

        def alive(write):
            if any(key.startswith(item) for key in write.key) if item else "lease_owner" in write.remove:
                raise RuntimeError("the machine is gone")

        def updating(write):
            alive(write)
            return update(write)

        def transacting(writes):
            for each in writes:
                if isinstance(each, Update):
                    alive(each)
            transact(writes)

        table.update, table.transact = updating, transacting
        with pytest.raises(RuntimeError):
            self.conversation.handle(letter.body)
        table.update, table.transact = update, transact
        return letter

    def tick(self, seconds):
        self.clock.advance(seconds)

    def sweep(self):
        return self.sweeper.sweep()

    def later(self, seconds):
        """Let time pass, and sweep wake what is due then; return what became of it."""
        self.tick(seconds)
        self.sweep()
        return self.work()

    # ------------------------------------------------------------------ the books

    def thread(self, customer=CUSTOMER):
        return self.table.items[(f"T#messenger/{PAGE}/{customer}", "THREAD")]

    def counted(self, metric):
        """Return how often a metric was counted and written so far."""
        return sum(json.loads(line).get(metric, 0) for line in self.lines)

    def outcomes(self):
        return {
            key[1][2:]: found["state"]
            for key, found in self.table.items.items()
            if key[1].startswith("M#") and not found.get("by")
        }

    def comments(self):
        return [comment.words for ticket in self.zendesk.tickets for comment in self.zendesk.comments(ticket.id)]


@pytest.fixture
def company():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Company(clock, zendesk)
        yield company
        company.close()

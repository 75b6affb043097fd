"""What tests on a real helpdesk share: the way to it, which may lose an answer, and tickets and entries to write."""

import dataclasses
from datetime import UTC, datetime

from deskwire.care.policy import ClosedTickets
from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK
from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.tickets import Customer, Entry, Ticket
from deskwire.web.rest import Call, Direct, with_hosts

WRITTEN = datetime(2026, 11, 21, 9, 14, 3, tzinfo=UTC)
FAMILY = "👩‍👩‍👧‍👦"
HARD = f"a\u0301 é {FAMILY} 🌷 مرحبا שלום 你好 \u200fאב\u200e <b>&amp;</b> \\ ' \" %s {{x}} 10 % _a_ *b* `c`"
counter = iter(range(1, 100_000))


def ruled(reach, days):
    """Return the reach of a company that opens closed tickets again for so many days."""
    rule, now = ClosedTickets(reopen_days=days), reach.now
    return dataclasses.replace(reach, reopens=lambda closed_at: rule.reopens(closed_at, now))


class Wire:
    """The way to the server; counts, and can lose the answer to a request (a part of its address) after its effect."""

    def __init__(self, host, address):
        self.direct = Direct()
        self.send = with_hosts(self.direct, {host: address})
        self.calls = []
        self.lose = None

    def __call__(self, call: Call):
        self.calls.append(call)
        answer = self.send(call)
        if self.lose and self.lose in call.url and call.method != "GET":
            self.lose = None
            raise TemporaryError("the answer was lost", ambiguous=True)
        return answer

    @property
    def asked(self):
        return [call.method for call in self.calls]


def reach_of(wire, settings, secrets, *, now=None):
    kept = {}

    def remember(name, make):
        if name not in kept:
            kept[name] = make()[0]
        return kept[name]

    return Reach(
        account="main",
        settings=settings,
        secrets=Secrets(secrets),
        http=wire,
        now=now or datetime.now(UTC),
        mail=None,
        remember=remember,
    )


def from_now_on(connector, reach):
    """Return the first poll of a connection that was made `FIRST_LOOK` ago, after which nothing happened."""
    return connector.poll("", dataclasses.replace(reach, now=datetime.now(UTC) + FIRST_LOOK))


def a_ticket(*bodies, **changes):
    number = next(counter)
    entries = tuple(an_entry(body, f"messenger/page/{number}/{place}") for place, body in enumerate(bodies))
    values = {
        "key": f"messenger/page/t-{number}/1",
        "thread": f"messenger/page/t-{number}",
        "reference": f"DW-{number}",
        "subject": f"[Messenger] Мария 🌷 {number}",
        "customer": Customer(external_id=f"messenger-{number}", name="Мария 🌷 علي", channel="messenger"),
        "entries": entries,
    }
    return Ticket(**{**values, **changes})


def an_entry(body, key=None, **changes):
    values = {"key": key or f"messenger/page/m-{next(counter)}/add", "body": body, "written_at": WRITTEN}
    return Entry(**{**values, "public": True, "author": "Мария 🌷", **changes})

"""A ticket that takes nothing more: the conversation goes on in a follow-up, and nothing of it is lost."""

import json
from types import SimpleNamespace

import pytest

from deskwire.configuration import Endpoint, HelpdeskConnection, item
from deskwire.model.errors import Concern, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.tickets import File
from deskwire.ports import Put
from deskwire.registry import helpdesk
from deskwire.web.request import Request
from deskwire.web.rest import with_hosts
from sandbox.helpdesks.freshdesk import played as freshdesk
from sandbox.helpdesks.freshdesk.played import Freshdesk
from sandbox.helpdesks.generic.played import Generic
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import Clock

from .conftest import START, Company

SIGNING = "whsec_aW52ZW50ZWQtc2VjcmV0LW9mLWRlc2t3aXJlJ3Mtb3du"
PICTURE = [{"type": "image", "payload": {"url": "https://scontent.xx.fbcdn.net/v/a.jpg?oe=1"}}]


class Elsewhere(Company):
    """The company of the stories, which has another helpdesk; `missing`: a picture cannot be had now."""

    missing = False

    def __init__(self, clock, desk, hosts, connector, settings, secrets):
        self._hosts, self._secrets = hosts, secrets
        super().__init__(clock, desk)
        self.desk = desk
        for definition in (
            Endpoint(name="desk", side="helpdesks", connectors=(connector,), secret="desk", helpdesk="acme"),
            HelpdeskConnection(name="acme", connector=connector, endpoint="desk", secret="desk", settings=settings),
        ):
            self.table.put(Put(item(definition)))

    def connect(self):
        self._direct = with_hosts(self._open, self._hosts)

    def secrets(self, name):
        return Secrets(self._secrets, entry=name) if name == "desk" else super().secrets(name)

    def fetch(self, call, hosts):
        if self.missing:
            raise TemporaryError("fetching an attachment: HTTP 503", concerns=Concern.HOST)
        return File("a.jpg", "image/jpeg", b"\xff\xd8\xff\xe0...")

    def written(self):
        """Return the first line of each message by the customer, ticket by ticket."""
        return [[each.split("\n")[0] for each in ticket] for ticket in self.words()]


class WithGeneric(Elsewhere):
    def words(self):
        return [[each.text for each in ticket.messages if each.public] for ticket in self.desk.tickets]

    def answers(self, ticket, words):
        data = {"id": "a1", "ticket": ticket, "text": words, "author": "Emma"}
        body = json.dumps({"type": "answer.created", "timestamp": self.now().isoformat(), "data": data}).encode()
        request = Request(
            method="POST", endpoint="desk", body=body, headers={"webhook-id": "msg_1"}, received_at=self.now()
        )
        signed = helpdesk("generic").verification.sign(request, Secrets(self._secrets), self.now())
        return self.receiver.handle(gateway_event(signed, side="helpdesks"))["statusCode"]


class WithFreshdesk(Elsewhere):
    def words(self):
        return [
            [ticket.opening.words, *(each.words for each in ticket.notes if each.incoming)]
            for ticket in self.desk.tickets
        ]


@pytest.fixture
def generic(monkeypatch):
    clock = Clock(START, held=True)
    told = SimpleNamespace(time=lambda: clock.now().timestamp())  # by which the played desk judges a stamp
    monkeypatch.setattr("sandbox.helpdesks.generic.played.time", told)
    with Generic(SIGNING, clock=clock) as desk:
        settings = {"address": "https://desk.northwind.example/deskwire"}
        hosts = {"desk.northwind.example": desk.address}
        company = WithGeneric(clock, desk, hosts, "generic", settings, {"signing_secret": SIGNING})
        yield company
        company.close()


@pytest.fixture
def with_freshdesk():
    clock = Clock(START, held=True)
    with Freshdesk("invented-key", clock=clock) as desk:
        hosts = {"northwind.freshdesk.com": desk.address}
        secrets = {"api_key": "invented-key", "webhook_secret": "invented-webhook-secret"}
        company = WithFreshdesk(clock, desk, hosts, "freshdesk", {"subdomain": "northwind"}, secrets)
        yield company
        company.close()


def test_a_generic_desks_full_ticket_gets_a_follow_up_in_which_the_thread_goes_on(generic):
    generic.desk.most = 4  # with what we note about acknowledgements
    for number in range(5):
        assert generic.deliver(generic.message(f"message {number}")) == 200
        generic.work()
        generic.tick(60)
    first, second = generic.written()
    assert [*first, *second] == [f"message {number}" for number in range(5)]
    assert first
    assert second
    earlier, later = generic.desk.tickets
    assert later.data["follow_up_of"] == earlier.id
    assert set(generic.outcomes().values()) == {"filed"}
    assert generic.answers(later.id, "It left today.") == 200
    generic.work()
    assert generic.graph.sent[-1]["message"]["text"] == "It left today."


@pytest.mark.parametrize("late", [False, True], ids=["with its words", "later than its words"])
def test_a_picture_that_a_full_ticket_has_no_room_for_stands_in_a_follow_up(with_freshdesk, monkeypatch, late):
    monkeypatch.setattr(freshdesk, "MOST_BYTES", 10)
    monkeypatch.setattr("deskwire.helpdesks.freshdesk.conversations.UPLOAD_BYTES", 10)
    company = with_freshdesk
    for number in range(3):
        company.missing = late
        assert company.deliver(company.message(f"look at number {number}", attachments=PICTURE)) == 200
        company.work()
        company.missing = False
        company.later(600)
    assert len(company.desk.tickets) == 3
    files = [sum(len(note.files) for note in (ticket.opening, *ticket.notes)) for ticket in company.desk.tickets]
    assert files == [1, 1, 1]
    assert set(company.outcomes().values()) == {"filed"}
    assert "not taken" not in str(company.words())
    assert sum("look at number" in words for ticket in company.words() for words in ticket) == 3

"""What visitors of a web chat do: they write, are answered, leave an address, and come back."""

from __future__ import annotations

import json
import uuid

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.model.errors import PermanentError
from deskwire.ports import Put
from deskwire.ports.outbox import TableOutbox
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event

from .conftest import POLICY, SECRETS

SHOP = "https://shop.example.org"
CLOSED = {"hours": {"time_zone": "UTC", "week": "never"}}
ADDRESS = "vera@customer.example"


class Chat:
    """The chat of a company, as browsers see it."""

    def __init__(self, company):
        self.company, self.counted, self.source = company, {}, "203.0.113.7"
        self.settings = {"origins": SHOP}
        self.configure()
        for name, value in {
            "outbox": TableOutbox(company.table, company.now),
            "presign": lambda key, kind, size: {"url": f"https://archive/{key}", "fields": {"Content-Type": kind}},
            "limits": self,
        }.items():
            object.__setattr__(company.receiver, name, value)

    def configure(self, account="website", **policy):
        for each in (
            Endpoint(
                name="chat", side="channels", connectors=("webchat",), secret="chat", settings=self.settings,
                pages={"webchat": ("website", "away")},
            ),
            Connection(
                name=account, channel="webchat", account=account, endpoint="chat", helpdesk="acme",
                settings={"sender": "Northwind <help@northwind.example>"},
                policy=Policy.model_validate(POLICY | policy),
            ),
        ):  # fmt: skip
            self.company.table.put(Put(item(each)))

    def allow(self, name, most, seconds):
        self.counted[name] = self.counted.get(name, 0) + 1
        return self.counted[name] <= most

    def post(self, path, content, *, bearer="", origin=SHOP, **headers):
        headers = {"origin": origin, "content-type": "application/json", **headers}
        headers |= {"authorization": f"Bearer {bearer}"} if bearer else {}
        request = Request(
            method="POST", endpoint="chat", action=path, body=json.dumps(content).encode(), source=self.source,
            received_at=self.company.now(), headers={name: value for name, value in headers.items() if value},
        )  # fmt: skip
        answer = self.company.receiver.handle(gateway_event(request, side="pages"))
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    def begin(self, **more):
        """Begin a session, and return its token."""
        status, answer = self.post("session", {"schema": "chat.session/1", "widget_id": "website"}, **more)
        assert status == 201
        return answer["token"]

    def write(self, bearer, text="Do you have tents?", number="", **more):
        content = {"schema": "chat.message/1", "id": number or str(uuid.uuid4()), "message": text, **more}
        return self.post("", content, bearer=bearer)

    def contact(self, bearer, email=ADDRESS):
        content = {"schema": "chat.contact/1", "id": str(uuid.uuid4()), "name": "Vera", "email": email}
        return self.post("", content, bearer=bearer)

    def read(self, bearer, after=""):
        status, page = self.post("messages", {"schema": "chat.read/1", "after": after}, bearer=bearer)
        assert status == 200
        return page

    def answered(self, text, invocation="INVOCATION-1"):
        """Let an agent answer the one ticket there is."""
        ticket = self.company.zendesk.tickets[0].id
        self.company.zendesk.agent_replies(ticket, text)
        self.company.signalled(ticket, invocation)
        self.company.work()


@pytest.fixture
def chat(company, monkeypatch):
    monkeypatch.setitem(SECRETS, "chat", {"session_secret": ["invented-session-secret", "next-session-secret"]})
    return Chat(company)


@pytest.fixture
def visitor(chat):
    return chat.begin()


def test_a_visitor_writes_is_acknowledged_and_answered_on_the_page(company, chat, visitor):
    status, told = chat.write(visitor, page_url=f"{SHOP}/tents")
    assert status == 202
    company.work()
    page = chat.read(visitor)
    (acknowledgement,) = page["messages"]
    assert told["reference"] in acknowledgement["text"]
    assert (acknowledgement["automatic"], acknowledgement["closed"]) == (True, False)
    assert f"{SHOP}/tents" in company.comments()[0]
    chat.answered("Yes, two of them 🏕")
    (answer,) = chat.read(visitor, page["cursor"])["messages"]
    assert (answer["text"], answer["automatic"]) == ("Yes, two of them 🏕", False)
    assert not company.mails


def test_who_writes_while_nobody_is_there_is_answered_by_mail_too(company, chat):
    chat.configure(**CLOSED)
    visitor = chat.begin()
    chat.write(visitor)
    company.work()
    assert chat.read(visitor)["messages"][0]["closed"]
    assert chat.contact(visitor)[0] == 202
    company.work()
    assert ADDRESS in company.comments()[1]
    assert len(company.zendesk.tickets) == 1
    assert not company.mails, "an address that a stranger gave gets nothing automatic"
    chat.answered("Yes, two of them 🏕")
    (mail,) = company.mails
    assert (mail["recipient"], mail["text"]) == (ADDRESS, "Yes, two of them 🏕")
    assert [each["text"] for each in chat.read(visitor)["messages"]][1:] == ["Yes, two of them 🏕"]


def test_who_came_back_and_wrote_again_is_answered_on_the_page_alone(company, chat, visitor):
    chat.contact(visitor)
    company.work()
    company.tick(60)
    chat.write(visitor, "I am here now")
    company.work()
    chat.answered("Good morning!")
    assert not company.mails
    assert chat.read(visitor)["messages"][-1]["text"] == "Good morning!"


def test_an_answer_that_cannot_be_mailed_is_told_on_the_ticket_and_stands_on_the_page(company, chat, visitor):
    chat.write(visitor, email=ADDRESS, name="Vera")
    company.work()

    def refused(**_):
        raise PermanentError("the address is on SES's suppression list")

    object.__setattr__(company.directory, "mail", refused)
    chat.answered("Yes")
    assert chat.read(visitor)["messages"][-1]["text"] == "Yes"
    assert "the chat shows it, but it could not be mailed" in company.comments()[-1]


def test_a_message_that_is_sent_again_is_filed_once(company, chat, visitor):
    number = str(uuid.uuid4())
    for waited in (0, 3, 1800):
        assert chat.write(visitor, number=number, waited=waited)[0] == 202
        company.tick(400)  # past the mailbox's own memory
        company.work()
    assert len(company.comments()) == 1


def test_what_waited_for_the_network_says_so_on_the_ticket(company, chat, visitor):
    chat.write(visitor, waited=1260)
    company.work()
    assert "21 minutes before it arrived" in company.comments()[0]


def test_two_visitors_have_two_threads_whatever_ids_their_pages_use(company, chat):
    number = str(uuid.uuid4())
    first, second = chat.begin(), chat.begin()
    for bearer, text in ((first, "I am Vera"), (second, "I am Oona")):
        chat.write(bearer, text, number)
    company.work()
    assert len(company.zendesk.tickets) == 2
    assert [len(chat.read(each)["messages"]) for each in (first, second)] == [1, 1]


def test_a_file_stands_in_the_ticket_and_two_visitors_have_two_places(company, chat, visitor):
    wanted = {"schema": "upload.requested/1", "name": "zip.txt", "type": "text/plain", "size": 3}

    def announced(bearer):
        return chat.post("files", {**wanted, "id": str(uuid.uuid4())}, bearer=bearer)

    status, made = announced(visitor)
    assert status == 201
    assert announced(chat.begin())[1]["id"] != made["id"]
    assert chat.post("files", wanted, bearer=visitor)[0] == 400, "of nobody's own it could be anybody's place"
    company.archive.keep(f"incoming/{made['id']}", b"zip")
    chat.write(visitor, "", uploads=[{"id": made["id"], "name": "zip.txt", "type": "text/plain"}])
    company.work()
    (comment,) = company.zendesk.comments(company.zendesk.tickets[0].id)
    assert [file.data for file in comment.files] == [b"zip"]


def test_a_receipt_is_counted_and_kept_nowhere(company, chat, visitor):
    assert chat.post("", {"schema": "chat.seen/1", "seen": "0" * 32}, bearer=visitor)[0] == 202
    assert not company.mailbox.letters


def test_a_chat_that_nobody_configured_is_told_to_its_page_alone(company, chat):
    status, answer = chat.post("session", {"schema": "chat.session/1", "widget_id": "another"})
    assert status == 201  # anybody may ask; the first message finds out
    status, answer = chat.write(answer["token"])
    assert (status, answer["fields"]) == (400, [{"field": "widget_id", "problem": "is not known"}])
    assert not company.mailbox.letters
    assert not company.parked.bodies


def test_a_session_goes_on_while_its_secret_is_rotated_and_ends_after_four_weeks(company, chat, visitor):
    SECRETS["chat"]["session_secret"].reverse()
    assert chat.write(visitor)[0] == 202
    company.tick(27 * 86_400)
    assert chat.write(visitor)[0] == 202
    company.tick(86_400 + 1)
    assert chat.write(visitor)[0] == 401

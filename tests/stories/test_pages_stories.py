"""Stories of a page in a visitor's browser: an invented chat that uses every kind of declared action."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import ClassVar

import pytest

from deskwire import registry
from deskwire.care.policy import Policy
from deskwire.configuration import INDEX_KEY, Connection, Endpoint, item
from deskwire.contracts.actions import Action, Read, Upload, Visit, Write
from deskwire.contracts.channel import Channel
from deskwire.contracts.terms import Figure, Sending, Terms, TextLimit, Unit, Window
from deskwire.model.errors import PayloadError, SignatureError
from deskwire.model.events import Attachment, AttachmentKind, Author, Event, Kind, Visibility
from deskwire.model.keys import ADD
from deskwire.model.sending import Sent
from deskwire.ports import Put
from deskwire.ports.outbox import TableOutbox
from deskwire.verification.rule import Verification
from deskwire.web.reading import read
from deskwire.web.request import Request, Response
from sandbox.neighbours.gateway import gateway_event

from .conftest import POLICY, SECRETS

TODAY = date(2026, 11, 2)
PAGE = "https://www.acme.example"


def token(visitor, secrets):
    key = secrets.one("session").reveal().encode()
    return f"{visitor}.{hmac.new(key, visitor.encode(), hashlib.sha256).hexdigest()}"


class Anybody(Verification):
    """Lets in whoever comes from the company's page."""

    headers = ("origin",)

    def names(self):
        return ()

    def sign(self, request, secrets, now):
        return replace(request, headers={**request.headers, "origin": PAGE})

    def verify(self, request, secrets, context):
        if request.header("origin") != PAGE:
            raise SignatureError("not from the page")
        return {}


class Session(Verification):
    """Lets in a visitor with the token that `session` gave out; the fact `visitor` is who it is."""

    headers = ("authorization",)

    def names(self):
        return ("session",)

    def sign(self, request, secrets, now):
        return replace(request, headers={**request.headers, "authorization": f"Bearer {token('anna', secrets)}"})

    def verify(self, request, secrets, context):
        given = request.header("authorization").removeprefix("Bearer ")
        visitor = given.partition(".")[0]
        if not hmac.compare_digest(given.encode(), token(visitor, secrets).encode()):
            raise SignatureError("no session")
        return {"visitor": visitor}


class Chat(Channel):
    """A chat on a page. Module and class are of this test."""

    name = __name__.rpartition(".")[2]
    title = "Chat"
    verification = Session()
    terms = Terms(
        sending={
            Visibility.PRIVATE: Sending(
                text=Figure(TextLimit(2000, Unit.CHARACTERS), PAGE, TODAY),
                windows=(Window(name="always", span=Figure(None, PAGE, TODAY), automatic=Figure(True, PAGE, TODAY)),),
            )
        },
        body_limit=Figure(65_536, PAGE, TODAY),
        deadline=Figure(timedelta(seconds=2), PAGE, TODAY),
        redelivery=Figure(timedelta(0), PAGE, TODAY),
    )
    actions: ClassVar[dict[str, Action]] = {
        "session": Action(methods=("POST",), verification=Anybody()),
        "write": Action(methods=("POST",), verification=Session(), may=frozenset({Write}), body_limit=4000),
        "messages": Action(methods=("GET",), verification=Session(), may=frozenset({Read})),
        "files": Action(methods=("POST",), verification=Session(), may=frozenset({Upload})),
        "crooked": Action(methods=("GET",), verification=Session()),
    }

    def limits(self, request: Request):
        return [(f"{request.action} of all", 5, 60)] if request.action == "session" else []

    def act(self, visit: Visit):
        request, visitor = visit.request, visit.request.facts.get("visitor", "")
        if visit.action == "session":
            return Response.json(201, {"token": token(visit.fresh, visit.secrets)})
        if visit.action in {"messages", "crooked"}:
            return Read("shop", visitor, request.parameter("after"))
        body = read(request.body)
        if visit.action == "files":
            return Upload(body["name"].text(), body["type"].text(), body["size"].number())
        text = body["text"].text("")
        if not text.strip():
            raise PayloadError("a message without words")
        files = tuple(Attachment(AttachmentKind.FILE, id=each.text(), name="zip.txt") for each in body["files"].items())
        event = Event(
            channel=self.name, account="shop", kind=Kind.MESSAGE, object_id=body["id"].identifier(), verb=ADD,
            thread=visitor, visibility=Visibility.PRIVATE, author=Author(visitor), text=text, attachments=files,
            occurred_at=request.received_at,
        )  # fmt: skip
        return Write([event], Response.json(202, {"status": "accepted"}))

    def parse(self, request):
        return ()

    def send(self, outgoing, permit, reach):
        return Sent((reach.outbox(outgoing),))


@pytest.fixture
def chat(company, monkeypatch):
    found = registry.channel
    monkeypatch.setattr(registry, "channel", lambda name: Chat() if name == Chat.name else found(name))
    monkeypatch.setitem(SECRETS, "chat", {"session": "invented-session-secret"})
    company.definitions += [
        Endpoint(name="chat", side="channels", connectors=(Chat.name,), secret="chat"),
        Connection(
            name="shop-chat", channel=Chat.name, account="shop", endpoint="chat", helpdesk="acme",
            policy=company.definitions[2].policy,
        ),
    ]  # fmt: skip
    for definition in company.definitions[-2:]:
        company.table.put(Put(item(definition)))
    keys = [list(definition.key) for definition in company.definitions]
    company.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": keys}))
    for name, value in {
        "outbox": TableOutbox(company.table, company.now),
        "presign": lambda key, kind, size: {"url": f"https://archive/{key}", "fields": {"Content-Type": kind}},
    }.items():
        object.__setattr__(company.receiver, name, value)
    return company


def ask(chat, method, action, body=None, *, bearer="", origin=PAGE, after="", side="pages"):
    headers = {"origin": origin, **({"authorization": f"Bearer {bearer}"} if bearer else {})}
    request = Request(
        method=method, endpoint="chat", action=action, body=json.dumps(body).encode() if body else b"",
        headers=headers, received_at=chat.now(), query={"after": [after]} if after else {},
    )  # fmt: skip
    answer = chat.receiver.handle(gateway_event(request, side=side))
    return answer["statusCode"], json.loads(answer.get("body") or "{}")


@pytest.fixture
def visitor(chat):
    status, answer = ask(chat, "POST", "session", {"hello": "there"})
    assert status == 201
    return answer["token"]


def test_a_visitor_writes_an_agent_answers_and_the_page_reads_on_from_its_cursor(chat, visitor):
    assert ask(chat, "POST", "write", {"id": "1", "text": "Do you have tents?"}, bearer=visitor)[0] == 202
    assert chat.work() == ["filed"]
    status, page = ask(chat, "GET", "messages", bearer=visitor)
    assert status == 200
    (acknowledgement,) = page["messages"]
    assert acknowledgement["automatic"]
    assert not acknowledgement["closed"]
    ticket = chat.zendesk.tickets[0].id
    chat.zendesk.agent_replies(ticket, "Yes, for two and for four 🏕")
    chat.signalled(ticket)
    chat.work()
    status, page = ask(chat, "GET", "messages", bearer=visitor, after=page["cursor"])
    assert [(each["text"], each["automatic"]) for each in page["messages"]] == [("Yes, for two and for four 🏕", False)]
    assert ask(chat, "GET", "messages", bearer=visitor, after=page["cursor"])[1]["messages"] == []


def test_a_page_is_told_that_the_company_is_closed(chat):
    policy = Policy.model_validate(POLICY | {"hours": {"time_zone": "UTC", "week": "never"}})
    chat.table.put(Put(item(chat.definitions[-1].model_copy(update={"policy": policy}))))
    bearer = ask(chat, "POST", "session", {"hello": "there"})[1]["token"]
    ask(chat, "POST", "write", {"id": "1", "text": "Do you have tents?"}, bearer=bearer)
    chat.work()
    (acknowledgement,) = ask(chat, "GET", "messages", bearer=bearer)[1]["messages"]
    assert acknowledgement["closed"]


@pytest.mark.parametrize(("side", "status"), [("pages", 201), ("channels", 201), ("helpdesks", 404)])
def test_a_page_is_served_among_the_pages_and_at_its_address_of_before(chat, side, status):
    assert ask(chat, "POST", "session", {"hello": "there"}, side=side)[0] == status


def test_a_worker_that_dies_while_it_answers_leaves_one_text_in_the_outbox(chat, visitor):
    ask(chat, "POST", "write", {"id": "1", "text": "Do you have tents?"}, bearer=visitor)
    chat.dies_at()
    chat.later(1000)
    assert len(ask(chat, "GET", "messages", bearer=visitor)[1]["messages"]) == 1


def test_a_file_that_was_uploaded_stands_in_the_ticket(chat, visitor):
    status, made = ask(chat, "POST", "files", {"name": "zip.txt", "type": "text/plain", "size": 3}, bearer=visitor)
    assert status == 201
    chat.archive.keep(f"incoming/{made['id']}", b"zip")
    ask(chat, "POST", "write", {"id": "1", "text": "See here", "files": [made["id"]]}, bearer=visitor)
    chat.work()
    (comment,) = chat.zendesk.comments(chat.zendesk.tickets[0].id)
    assert [file.data for file in comment.files] == [b"zip"]


def test_nobody_reads_or_writes_without_a_session_or_in_that_of_another(chat, visitor):
    other = ask(chat, "POST", "session", {"hello": "there"})[1]["token"]
    ask(chat, "POST", "write", {"id": "1", "text": "a secret of mine"}, bearer=visitor)
    chat.work()
    for bearer in ("", "x", visitor[:-1], f"{other.partition('.')[0]}.{visitor.partition('.')[2]}"):
        assert ask(chat, "GET", "messages", bearer=bearer)[0] == 401
        assert ask(chat, "POST", "write", {"id": "2", "text": "hello"}, bearer=bearer)[0] == 401
    assert ask(chat, "GET", "messages", bearer=other)[1]["messages"] == []
    assert ask(chat, "POST", "session", {"hello": "there"}, origin="https://evil.example")[0] == 401


def test_an_action_has_its_own_methods_limits_and_rates(chat, visitor):
    assert ask(chat, "GET", "write", bearer=visitor)[0] == 405
    assert ask(chat, "POST", "messages", {"after": ""}, bearer=visitor)[0] == 405
    assert ask(chat, "POST", "unknown", {"a": 1}, bearer=visitor)[0] == 404
    assert ask(chat, "POST", "write", {"id": "1", "text": "x" * 5000}, bearer=visitor)[0] == 413
    assert ask(chat, "POST", "write", {"id": "1", "text": " "}, bearer=visitor)[0] == 400
    assert ask(chat, "GET", "messages", bearer=visitor, after="no cursor")[0] == 400
    chat.allow = lambda *_: False
    assert ask(chat, "POST", "session", {"hello": "there"})[0] == 429


def test_an_action_may_not_do_what_it_does_not_declare(chat, visitor):
    with pytest.raises(RuntimeError):
        ask(chat, "GET", "crooked", bearer=visitor)


def test_sessions_begin_with_ids_of_their_own(chat):
    tokens = {ask(chat, "POST", "session", {"hello": "there"})[1]["token"] for _ in range(3)}
    assert len(tokens) == 3

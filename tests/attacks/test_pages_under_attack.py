"""Attacks on a chat's declared actions and its outbox, from a browser that anybody may drive."""

from __future__ import annotations

import pytest

from deskwire.configuration import Connection, Endpoint, item
from deskwire.contracts.actions import Read, Write
from deskwire.model.keys import compose
from deskwire.model.values import replace
from deskwire.ports import Put
from deskwire.ports.outbox import box
from deskwire.receiving import acting
from deskwire.registry import channel
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event
from tests.stories.conftest import SECRETS, company  # noqa: F401 - the fixture's own
from tests.stories.test_pages_stories import PAGE, Chat, ask, chat, visitor  # noqa: F401

SECRET = "a secret of mine"


@pytest.fixture
def neighbours(chat, monkeypatch):  # noqa: F811
    """Two shops with a page each: the chat's, and another's with secrets of its own."""
    monkeypatch.setitem(SECRETS, "other", {"session": "another-invented-secret"})
    for name, secret, account in (("chat", "chat", "shop"), ("other", "other", "mill")):
        pages = {Chat.name: (account,)}
        endpoint = Endpoint(name=name, side="channels", connectors=(Chat.name,), secret=secret, pages=pages)
        chat.table.put(Put(item(endpoint)))
    mill = Connection(
        name="mill-chat", channel=Chat.name, account="mill", endpoint="other", helpdesk="acme",
        policy=chat.definitions[2].policy,
    )  # fmt: skip
    chat.table.put(Put(item(mill)))
    return chat


def asked(company, endpoint, action, *, bearer="", method="GET", body=b"", **query):  # noqa: F811
    headers = {"origin": PAGE, "authorization": f"Bearer {bearer}"}
    request = Request(
        method=method, endpoint=endpoint, action=action, body=body, headers=headers, received_at=company.now(),
        query={name: (value,) for name, value in query.items()},
    )  # fmt: skip
    return company.receiver.handle(gateway_event(request, side="pages"))


def effects(company):  # noqa: F811
    return len(company.mailbox.letters), len(company.parked.bodies), company.counted("Events")


def said(chat, visitor):  # noqa: F811
    """Let a visitor write; return what their page shows: the acknowledgement."""
    ask(chat, "POST", "write", {"id": "1", "text": SECRET}, bearer=visitor)
    chat.work()
    return ask(chat, "GET", "messages", bearer=visitor)[1]["messages"]


def test_a_session_of_one_page_opens_no_other(neighbours, visitor):  # noqa: F811
    assert said(neighbours, visitor)
    before = effects(neighbours)
    for action, method, body in (("messages", "GET", b""), ("write", "POST", b'{"id": "2", "text": "hi"}')):
        assert asked(neighbours, "other", action, bearer=visitor, method=method, body=body)["statusCode"] == 401
    assert effects(neighbours) == before


def test_a_page_reads_and_writes_its_own_endpoint_s_accounts_alone(neighbours, visitor, monkeypatch):  # noqa: F811
    """Also where a connector takes the account from the page: a session of one shop's is none of another's."""
    assert said(neighbours, visitor)
    honest = Chat.act

    def careless(self, visit):
        wanted, account = honest(self, visit), visit.request.parameter("account") or "shop"
        if isinstance(wanted, Write):
            return replace(wanted, events=[replace(each, account=account) for each in wanted.events])
        return replace(wanted, account=account) if isinstance(wanted, Read) else wanted

    monkeypatch.setattr(Chat, "act", careless)
    before = effects(neighbours)
    answer = asked(neighbours, "chat", "messages", bearer=visitor, account="mill")
    assert answer["statusCode"] == 400
    body = b'{"id": "2", "text": "hello"}'
    answer = asked(neighbours, "chat", "write", bearer=visitor, method="POST", body=body, account="mill")
    assert answer["statusCode"] == 400
    assert effects(neighbours) == before
    assert asked(neighbours, "chat", "messages", bearer=visitor, account="shop")["statusCode"] == 200


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "anna",
        "anna." + "0" * 64,
        ".",
        "x" * 20_000,
        "anna.\u0663\u0663",
        "a/../b." + "0" * 64,
    ],
    ids=["none", "no mark", "a wrong mark", "nothing but a dot", "20,000 characters", "other digits", "a path"],
)
def test_a_stranger_s_token_reads_writes_and_uploads_nothing(neighbours, bearer):
    before = effects(neighbours)
    for action, method, body in (
        ("messages", "GET", b""),
        ("write", "POST", b'{"id": "2", "text": "hi"}'),
        ("files", "POST", b'{"name": "a", "type": "text/plain", "size": 1}'),
    ):
        answer = asked(neighbours, "chat", action, bearer=bearer, method=method, body=body)
        assert answer["statusCode"] == 401
        assert "messages" not in answer["body"]
    assert effects(neighbours) == before
    assert neighbours.counted("SignatureFailures") == 0, "anybody could call a person with it"


def test_a_request_that_is_sent_again_is_one_message_and_one_file(neighbours, visitor):  # noqa: F811
    body = b'{"id": "1", "text": "once"}'
    for _ in range(3):
        assert asked(neighbours, "chat", "write", bearer=visitor, method="POST", body=body)["statusCode"] == 202
        neighbours.tick(400)  # past the mailbox's own memory
        neighbours.work()
    assert len(neighbours.zendesk.comments(neighbours.zendesk.tickets[0].id)) == 1
    assert len(neighbours.zendesk.tickets) == 1
    body = b'{"name": "a", "type": "text/plain", "size": 1}'
    made = {asked(neighbours, "chat", "files", bearer=visitor, method="POST", body=body)["body"] for _ in range(3)}
    assert len(made) == 1


def test_what_is_too_large_is_refused_before_anybody_is_verified(neighbours, visitor, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Chat.actions["write"].verification.__class__, "verify", lambda *_: pytest.fail("it was read"))
    body = b'{"id": "1", "text": "' + b"x" * 5000 + b'"}'
    before = effects(neighbours)
    assert asked(neighbours, "chat", "write", bearer=visitor, method="POST", body=body)["statusCode"] == 413
    assert effects(neighbours) == before
    assert neighbours.counted("TooLarge") == 0, "anybody could call a person with it"


@pytest.mark.parametrize("cursor", ["-1", "9" * 13, "1' OR 1=1", "M#000000000000", "\u0661", "0x1", "K#"])
def test_a_cursor_that_is_none_is_refused_and_shows_nothing(neighbours, visitor, cursor):  # noqa: F811
    said(neighbours, visitor)
    answer = asked(neighbours, "chat", "messages", bearer=visitor, after=cursor)
    assert answer["statusCode"] == 400
    assert "messages" not in answer["body"]


def test_what_a_page_reads_is_kept_by_nobody_on_the_way(neighbours, visitor):  # noqa: F811
    answer = asked(neighbours, "chat", "messages", bearer=visitor)
    assert answer["headers"]["cache-control"] == "no-store"


def test_an_action_writes_no_events_of_another_connector(neighbours, visitor, monkeypatch):  # noqa: F811
    honest = Chat.act

    def crooked(self, visit):
        wanted = honest(self, visit)
        events = [replace(each, channel="messenger") for each in wanted.events]
        return replace(wanted, events=events)

    monkeypatch.setattr(Chat, "act", crooked)
    before = effects(neighbours)
    with pytest.raises(RuntimeError):
        asked(neighbours, "chat", "write", bearer=visitor, method="POST", body=b'{"id": "1", "text": "hi"}')
    assert effects(neighbours) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a/b", "c"), ("a", "b/c")), (("a", "b/M#1"), ("a", "b")), (("a", "b%2Fc"), ("a", "b/c"))],
    ids=["a slash in the account", "a sort key in the thread", "a slash written otherwise"],
)
def test_no_account_or_thread_that_a_page_names_leads_to_the_outbox_of_another(one, other):
    boxes = [box(acting.thread_of(Read(*each), "chat")) for each in (one, other)]
    assert boxes[0] != boxes[1]
    assert all(each.startswith("V#chat/") for each in boxes)
    assert compose("chat", *one) != compose("chat", *other)


def test_a_form_lets_nobody_read():
    """Its one action uploads: no page of a form has an outbox."""
    assert all(Read not in action.may for action in channel("webform").actions.values())

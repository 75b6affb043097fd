"""Attacks on the web chat, from pages of other sites and from programs that pose as a browser."""

from __future__ import annotations

import pytest

from deskwire.model.secret import Secrets
from deskwire.verification.session import Session
from tests.stories.conftest import SECRETS, company  # noqa: F401 - the fixture's own
from tests.stories.test_webchat_stories import SHOP, chat, visitor  # noqa: F401

from .forms import ORIGINS, TYPES

READ = {"schema": "chat.read/1", "after": ""}
WRITE = {"schema": "chat.message/1", "id": "0b3c1d52-6c1e-4b7e-9c55-000000000001", "message": "hello"}
FILE = {"schema": "upload.requested/1", "id": WRITE["id"], "name": "a.txt", "type": "text/plain", "size": 1}
WAYS = {"": WRITE, "messages": READ, "files": FILE}


def effects(company):  # noqa: F811
    return len(company.mailbox.letters), len(company.parked.bodies), company.counted("Events")


def refused(company, chat, statuses=(401,), **more):  # noqa: F811
    """Check that nothing can be read, written or uploaded so, and that no person is called."""
    before = effects(company)
    for path, content in WAYS.items():
        status, answer = chat.post(path, content, **more)
        assert status in statuses, path
        assert "messages" not in answer
    assert effects(company) == before
    assert company.counted("SignatureFailures") == 0


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
def test_a_page_of_another_site_begins_nothing_and_goes_on_with_no_stolen_token(company, chat, visitor, origin):  # noqa: F811
    status, _ = chat.post("session", {"schema": "chat.session/1", "widget_id": "website"}, origin=origin)
    assert status == 401
    refused(company, chat, bearer=visitor, origin=origin)


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_what_needs_no_preflight_is_refused(company, chat, visitor, kind):  # noqa: F811
    refused(company, chat, bearer=visitor, **{"content-type": kind})


def forged(token, secret="a guess", **changes):
    """Return the token with parts changed, and signed by somebody who guesses the secret."""
    _, account, name, at, _ = token.split(".")
    parts = {"account": account, "visitor": name, "origin": SHOP} | changes
    from datetime import UTC, datetime

    now = datetime.fromtimestamp(int(at), UTC)
    return Session().issue(secrets=Secrets({"session_secret": secret}), now=now, **parts)


TOKENS = {
    "none": lambda token: "",
    "cut": lambda token: token[:-1],
    "with a wrong mark": lambda token: token[:-64] + "0" * 64,
    "of another visitor": lambda token: token.replace(token.split(".")[2], "0" * 32),
    "of another chat": lambda token: token.replace("website", "another"),
    "that lasts longer": lambda token: token.replace(token.split(".")[3], str(int(token.split(".")[3]) + 86_400)),
    "of another version": lambda token: token.replace("v1.", "v2."),
    "twice": lambda token: f"{token}, Bearer {token}",
    "with a line break": lambda token: f"{token}\n",
    "in upper case": lambda token: token.upper(),
    "in wide digits": lambda token: token.replace("1", "\uff11"),
    "of 20,000 characters": lambda token: token * 150,
    "with a path": lambda token: token.replace("website", "../x"),
    "signed by a guess": forged,
    "signed with an empty secret's like": lambda token: forged(token, " "),
    "of another site, with our secret": lambda token: forged(
        token, SECRETS["chat"]["session_secret"][0], origin="https://evil.example"
    ),
}


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_a_token_that_nobody_gave_out_reads_and_writes_nothing(company, chat, visitor, make):  # noqa: F811
    chat.write(visitor)
    company.work()
    refused(company, chat, bearer=make(visitor))


def test_a_token_in_the_address_is_none(company, chat, visitor):  # noqa: F811
    from deskwire.web.request import Request
    from sandbox.neighbours.gateway import gateway_event

    request = Request(
        method="POST", endpoint="chat", action="messages", body=b'{"schema": "chat.read/1"}', received_at=company.now(),
        headers={"origin": SHOP, "content-type": "application/json"},
        query={"authorization": (f"Bearer {visitor}",), "token": (visitor,)},
    )  # fmt: skip
    assert company.receiver.handle(gateway_event(request, side="pages"))["statusCode"] == 401


def test_sessions_cannot_be_guessed_from_one_another(chat):  # noqa: F811
    visitors = {chat.begin().split(".")[2] for _ in range(20)}
    assert len(visitors) == 20
    assert all(len(each) == 32 for each in visitors)


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"])
def test_a_flood_of_sessions_from_one_address_is_held_up_whatever_it_claims(company, chat, header):  # noqa: F811
    wanted = {"schema": "chat.session/1", "widget_id": "website"}
    statuses = [chat.post("session", wanted, **{header: f"198.51.100.{number}"})[0] for number in range(21)]
    assert statuses == [201] * 20 + [429]
    chat.source = "203.0.113.8"
    assert chat.post("session", wanted)[0] == 201


def test_a_flood_of_one_visitor_is_held_up_from_wherever_it_comes_and_no_other_is(company, chat, visitor):  # noqa: F811
    other = chat.begin()
    statuses = []
    for number in range(41):
        chat.source = f"198.51.100.{number}"
        statuses.append(chat.write(visitor)[0])
    assert statuses == [202] * 40 + [429]
    assert chat.write(other)[0] == 202
    assert chat.read(visitor)["messages"] == []


def test_a_stranger_spends_nothing_of_what_visitors_share(company, chat, visitor):  # noqa: F811
    for number in range(50):
        chat.source = f"198.51.100.{number}"
        chat.write("v1.website." + "0" * 32 + ".1762074000." + "0" * 64)
    assert not any("in all" in name and count > 1 for name, count in chat.counted.items())


@pytest.mark.parametrize("cursor", ["-1", "9" * 13, "1' OR 1=1", "M#000000000000", "\u0661", "0x1", "K#"])
def test_a_cursor_that_is_none_is_refused_and_shows_nothing(company, chat, visitor, cursor):  # noqa: F811
    chat.write(visitor)
    company.work()
    status, answer = chat.post("messages", READ | {"after": cursor}, bearer=visitor)
    assert (status, "messages" in answer) == (400, False)

"""The played mail: what it writes, the connector reads."""

import json

import pytest

from deskwire.channels.email import Email
from deskwire.model.events import Kind
from deskwire.web.request import Request
from sandbox.neighbours.neighbour import Clock
from sandbox.platforms.email.books import ENDPOINT, MAILBOX, TOPIC
from sandbox.platforms.email.played import Mail, Writer, notice


@pytest.fixture
def played():
    return Mail(TOPIC, ENDPOINT, clock=Clock())


def read(played, told):
    request = Request(
        method="POST", endpoint=ENDPOINT, body=json.dumps(told).encode(), source=TOPIC, received_at=played.clock.now()
    )
    (event,) = Email().parse(request.at({"source": TOPIC, "mailboxes": MAILBOX}))
    return event


def test_what_is_written_is_stored_under_the_name_that_its_notice_gives(played):
    stored = {}
    played.store = stored.__setitem__
    who = Writer("Þóra", "thora@mail.example")
    identity, told = played.writes(who, MAILBOX, "Hvar er pakkinn? 📦", picture=True)
    event = read(played, told)
    assert (event.object_id, event.thread, event.author.name) == (identity, who.thread, "Þóra")
    assert list(stored) == [f"originals/{ENDPOINT}/{event.stored}"]


def test_a_second_mail_of_the_conversation_has_its_thread(played):
    who = Writer("Ines", "ines@mail.example")
    first, second = (read(played, played.writes(who, MAILBOX, "Hello")[1]) for _ in range(2))
    assert first.thread == second.thread
    assert first.key != second.key


def test_a_bounce_is_about_the_mail_that_was_sent(played):
    event = read(played, played.bounces("0102-1", MAILBOX, "ines@mail.example"))
    assert (event.kind, event.object_id, event.account) == (Kind.UNDELIVERED, "0102-1", MAILBOX)


def test_a_notice_is_handed_over_as_lambda_is_invoked():
    record = notice(TOPIC, b"{}")["Records"][0]
    assert (record["Sns"]["TopicArn"], record["Sns"]["Message"]) == (TOPIC, "{}")

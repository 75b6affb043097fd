"""Stories of LinkedIn: one ticket for a member under a post, pushed or polled, and words that go after 48 hours."""

from __future__ import annotations

from contextlib import suppress

import pytest

from deskwire.configuration import INDEX_KEY, Connection, Endpoint, item
from deskwire.conversation.table import seconds
from deskwire.model.errors import TemporaryError
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.registry import channel
from deskwire.web.request import Request
from deskwire.web.rest import with_hosts
from sandbox.neighbours.gateway import gateway_event
from sandbox.platforms.linkedin import played
from tests.stories import conftest

PAGE = "urn:li:organization:88000001"
MEMBER = "urn:li:person:aB3InventedX"
CLIENT = {"client_id": "invented-client", "client_secret": "invented-secret", "refresh_token": "invented-refresh"}


@pytest.fixture
def linkedin(company, monkeypatch):
    """Return a played LinkedIn to which the company has a connection."""
    monkeypatch.setitem(conftest.SECRETS, "linkedin", CLIENT)
    with played.LinkedIn(CLIENT, (PAGE,), clock=company.clock) as linkedin:
        hosts = dict.fromkeys(played.HOSTS, linkedin.address)
        company._direct = with_hosts(company._open, {company.zendesk.host: company.zendesk.address, **hosts})
        added = [
            Endpoint(name="linkedin", side="channels", connectors=("linkedin",), secret="linkedin"),
            Connection(
                name="page-on-linkedin", channel="linkedin", account=PAGE, endpoint="linkedin", secret="linkedin",
                helpdesk="acme",
            ),
        ]  # fmt: skip
        for definition in added:
            company.table.put(Put(item(definition)))
        keys = [list(definition.key) for definition in (*company.definitions, *added)]
        company.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": keys}))
        linkedin.post = linkedin.publishes(PAGE, "We have new tents")
        yield linkedin


def push(company, *notices):
    """Deliver notifications and return what became of them."""
    body = played.bundle(notices)
    request = Request(method="POST", endpoint="linkedin", body=body, received_at=company.now())
    signed = channel("linkedin").verification.sign(request, Secrets(CLIENT), company.now())
    assert company.receiver.handle(gateway_event(signed))["statusCode"] == 200
    return company.work()


def last(linkedin):
    return next(reversed(linkedin.comments.values()))


def answered(company, ticket, text):
    company.zendesk.agent_replies(ticket, text)
    company.signalled(ticket, f"INVOCATION-{text}")
    company.work()


def messages(company):
    return [found for key, found in company.table.items.items() if key[1].startswith("M#linkedin") and "event" in found]


def test_a_conversation_below_a_comment_is_one_ticket(company, linkedin):
    assert push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?")) == ["filed"]
    (ticket,) = company.zendesk.tickets
    answered(company, ticket.id, "They do")
    ours = last(linkedin)
    assert (ours.text, ours.below) == ("They do", next(iter(linkedin.comments)))
    assert push(company, linkedin.writes(linkedin.post, MEMBER, "Thank you!", ours.number)) == ["routed", "filed"]
    answered(company, ticket.id, "With pleasure")
    assert last(linkedin).below == ours.below
    assert len(company.zendesk.tickets) == 1


def test_what_the_page_says_through_us_is_only_counted(company, linkedin):
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    echoes = []
    linkedin.echo = echoes.append
    answered(company, company.zendesk.tickets[0].id, "They do")
    known = len(company.comments())
    assert push(company, *echoes) == []
    look(company)
    look(company)
    assert len(company.comments()) == known
    assert len(company.zendesk.tickets) == 1


def test_a_deletion_that_names_nobody_takes_the_words_out_of_the_ticket(company, linkedin):
    push(company, linkedin.writes(linkedin.post, MEMBER, "My number is 555 0199"))
    assert any("555 0199" in words for words in company.comments())
    push(company, linkedin.deletes(last(linkedin).number))
    assert not any("555 0199" in words for words in company.comments())
    assert len(company.zendesk.tickets) == 1


def test_a_deletion_right_after_its_comment_takes_out_that_one_alone(company, linkedin):
    """Also where the comment goes on in the ticket of an earlier one, in whose queue group neither was."""
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    written = linkedin.writes(linkedin.post, MEMBER, "My number is 555 0199")
    push(company, written, linkedin.deletes(last(linkedin).number))
    assert not any("555 0199" in words for words in company.comments())
    assert any("Do they fold?" in words for words in company.comments())
    assert len(company.zendesk.tickets) == 1


def test_a_deletion_that_comes_before_its_comment_keeps_it_out(company, linkedin):
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    written = linkedin.writes(linkedin.post, MEMBER, "My number is 555 0199")
    push(company, linkedin.deletes(last(linkedin).number))
    push(company, written)
    assert not any("555 0199" in words for words in company.comments())


def test_an_edit_reaches_the_ticket(company, linkedin):
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    assert push(company, linkedin.rewrites(last(linkedin).number, "Do they float?")) == ["filed"]
    assert any("Do they float?" in words for words in company.comments())
    assert len(company.zendesk.tickets) == 1


def look(company):
    """Have the connections polled: half an hour lies between two looks."""
    company.tick(1800)
    company.sweep()
    return company.work()


def test_a_poll_files_what_no_push_told_of_and_once_what_both_did(company, linkedin):
    look(company)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    company.tick(60)
    linkedin.writes(linkedin.post, "urn:li:person:cC4InventedY", "And in the rain?")  # its push was lost
    assert look(company).count("filed") == 1
    assert len(company.zendesk.tickets) == 2
    look(company)
    assert len(company.zendesk.tickets) == 2
    assert sum("Do they fold?" in words for words in company.comments()) == 1


def test_what_a_poll_found_and_the_mailbox_did_not_take_is_found_again(company, linkedin, monkeypatch):
    look(company)
    linkedin.writes(linkedin.post, MEMBER, "Do they fold?")
    company.tick(1800)
    company.sweep()

    def refuse(letters):
        raise TemporaryError("SQS")

    with monkeypatch.context() as down:
        down.setattr(company.mailbox, "send", refuse)
        while (letter := company.mailbox.take()) is not None:
            with suppress(TemporaryError):
                company.conversation.handle(letter.body)
    assert not company.zendesk.tickets
    assert look(company).count("filed") == 1


def test_a_colleagues_comment_reaches_the_ticket_by_the_poll(company, linkedin):
    look(company)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    question = last(linkedin)
    company.tick(60)
    assert push(company, linkedin.writes(linkedin.post, PAGE, "Colleagues say they do", question.number)) == []
    assert not any("Colleagues say they do" in words for words in company.comments())
    look(company)
    assert sum("Colleagues say they do" in words for words in company.comments()) == 1
    assert len(company.zendesk.tickets) == 1


def test_words_go_after_48_hours_pushed_or_polled(company, linkedin):
    look(company)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Do they fold?"))
    linkedin.writes(linkedin.post, "urn:li:person:cC4InventedY", "And in the rain?")
    pushed_at = seconds(company.now())
    look(company)
    pushed, polled = sorted(messages(company), key=lambda each: each["expires"])
    assert pushed["expires"] == pushed_at + 48 * 3600
    assert polled["expires"] == seconds(company.now()) + 48 * 3600
    assert "raw" not in pushed | polled
    assert not company.archive.objects

"""Stories of answers that a rule moves into private, and of the link where a channel takes no private answer."""

from __future__ import annotations

import re

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, connection_key, item
from deskwire.conversation.table import link_item
from deskwire.operating.erasing import Eraser, Person
from deskwire.ports import Put
from deskwire.ports.memory import MemoryPile

from .conftest import PAGE, POLICY, SECRETS
from .test_held_up_stories import throttled_secrets
from .test_linkedin_stories import MEMBER, last, linkedin, push  # noqa: F401 - a fixture
from .test_linkedin_stories import PAGE as ORGANIZATION
from .test_webchat_stories import Chat

SAYS = {"en": "Please write to us in private:", "pl": "Prosimy napisać do nas prywatnie:"}
LINK = {"page": "https://shop.example.org/chat", "channel": "webchat", "account": "website", "says": SAYS}
OTHER = "urn:li:person:cC4InventedY"
SECRET_WORDS = "Your order 4471 goes to Elm Street 5"


def _ruled(company, channel, account, **private):
    """Let a connection have these rules for what is private."""
    key = connection_key(channel, account)
    found = Connection.read(company.table.items[key]["definition"])
    policy = Policy.model_validate({**POLICY, "private": private})
    company.table.put(Put(item(found.model_copy(update={"policy": policy}))))
    company.tick(61)  # it is read again


def _answers(company, ticket, words):
    company.zendesk.agent_replies(ticket, words)
    company.signalled(ticket, invocation=f"of {words}")
    company.work()


def _notes(company, ticket):
    return [comment.words for comment in company.zendesk.comments(ticket)]


# ---------------------------------------------------------------- a declared rule


@pytest.mark.parametrize(
    ("comment", "move"),
    [
        ("Where is it?", {"always": True}),
        ("Where is it?", {"channels": ["facebook"]}),
        ("My number is +354 555 0100", {"tags": ["sensitive-in-public"]}),
        ("My number is +354 555 0100", {"matters": ["phone"]}),
    ],
    ids=str,
)
def test_an_answer_goes_to_the_customer_alone_where_the_policy_says_so(company, comment, move):
    _ruled(company, "facebook", PAGE, move=move)
    company.deliver(company.comment(comment))
    company.work()
    ticket = company.zendesk.tickets[0].id
    _answers(company, ticket, "It is on its way")
    (sent,) = company.graph.sent
    assert sent["recipient"] == {"comment_id": "122200000000501_993300000000077"}


def test_an_answer_with_what_is_private_goes_to_the_customer_alone_and_is_not_held_back(company):
    _ruled(company, "facebook", PAGE, move={"matters": ["phone"]})
    company.deliver(company.comment("Where is it?"))
    company.work()
    _answers(company, company.zendesk.tickets[0].id, "Please call +354 555 0100")
    (sent,) = company.graph.sent
    assert sent["recipient"] == {"comment_id": "122200000000501_993300000000077"}


@pytest.mark.parametrize(
    ("words", "move"),
    [
        ("#public It is on its way", {"always": True}),
        ("It is on its way", {"channels": ["x"], "tags": ["complaint"], "matters": ["card"]}),
        ("It is on its way", {}),
    ],
    ids=str,
)
def test_what_no_rule_moves_stays_in_public(company, words, move):
    _ruled(company, "facebook", PAGE, move=move)
    company.deliver(company.comment("My number is +354 555 0100"))
    company.work()
    _answers(company, company.zendesk.tickets[0].id, words)
    (sent,) = company.graph.sent
    assert "recipient" not in sent


def test_among_several_a_moved_answer_must_name_whom_it_is_for(company):
    _ruled(company, "facebook", PAGE, move={"always": True})
    company.deliver(company.comment("Where is it?"))
    company.deliver(
        company.comment(
            "mine, too", comment="8", parent="122200000000501_993300000000077", author="73000000000099", name="Bob S"
        )
    )
    company.work()
    ticket = company.zendesk.tickets[0].id
    _answers(company, ticket, "It is on its way")
    assert company.graph.sent == []
    assert "“#private Bob S: …”" in _notes(company, ticket)[-1]
    _answers(company, ticket, "Bob S: it is on its way")
    assert company.graph.sent[-1]["recipient"] == {"comment_id": "122200000000501_8"}


# ---------------------------------------------------------------- a one-time link


@pytest.fixture
def chat(company, monkeypatch):
    monkeypatch.setitem(SECRETS, "chat", {"session_secret": ["invented-session-secret", "next-session-secret"]})
    monkeypatch.setitem(SECRETS, "chat-links", {"link_secret": "invented-link-secret"})
    chat = Chat(company)
    found = Connection.read(company.table.items[connection_key("webchat", "website")]["definition"])
    company.table.put(Put(item(found.model_copy(update={"secret": "chat-links"}))))
    return chat


@pytest.fixture
def offered(company, chat, linkedin):  # noqa: F811 - the fixture
    """Return the ticket of a public conversation in which a link was posted, and the link's token."""
    _ruled(company, "linkedin", ORGANIZATION, link=LINK)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Where is my order?"))
    ticket = company.zendesk.tickets[0].id
    _answers(company, ticket, f"#private {SECRET_WORDS}")
    return ticket, re.search(r"#deskwire=(\S+)$", last(linkedin).text)[1]


def _came(company, chat, token, text="Hello, it is me"):
    """Have a new visitor write by a link; return their ticket's number."""
    before = {each.id for each in company.zendesk.tickets}
    status, _ = chat.write(chat.begin(), text, link=token)
    assert status == 202
    company.work()
    (ticket,) = [each.id for each in company.zendesk.tickets if each.id not in before]
    return ticket


def test_where_no_private_answer_is_taken_a_link_is_posted_and_the_words_stay(company, linkedin, offered):  # noqa: F811
    ticket, token = offered
    ours = last(linkedin)
    assert ours.text == f"Please write to us in private:\nhttps://shop.example.org/chat#deskwire={token}"
    assert "4471" not in " ".join(each.text for each in linkedin.comments.values())
    note = _notes(company, ticket)[-1]
    assert "LinkedIn takes no private answer" in note
    assert "2026-11-05" in note  # three days
    company.telemetry.flush()
    assert company.counted("LinksPosted") == 1


def test_who_comes_by_the_link_gets_a_ticket_of_their_own_and_both_name_each_other(company, chat, offered):
    ticket, token = offered
    theirs = _came(company, chat, token)
    assert "NOT proved" in _notes(company, theirs)[-1]
    assert f"ticket #{ticket}" in _notes(company, theirs)[-1]
    assert f"ticket #{theirs}" in _notes(company, ticket)[-1]
    company.telemetry.flush()
    assert company.counted("LinksUsed") == 1


def test_a_ticket_of_another_helpdesk_is_named_and_gets_no_note_under_its_number(company, chat, offered):
    ticket, token = offered
    public = [row for (pk, _), row in company.table.items.items() if pk.startswith("T#linkedin/")]
    (thread,) = [row for row in public if row.get("ticket") == str(ticket) and "epoch" in row]
    thread["helpdesk"] = "former"
    known = len(_notes(company, ticket))
    theirs = _came(company, chat, token)
    assert f"ticket #{ticket}" in _notes(company, theirs)[-1]
    assert len(_notes(company, ticket)) == known
    company.telemetry.flush()
    assert company.counted("LinksUsed") == 1


def test_who_follows_the_public_link_reads_nothing(company, chat, offered):
    _, token = offered
    session = chat.begin()
    chat.write(session, "Hello", link=token)
    company.work()
    said = str(chat.read(session))
    assert "4471" not in said
    assert "LinkedIn" not in said
    assert token not in str(company.lines)


def test_a_link_is_good_once(company, chat, offered):
    ticket, token = offered
    _came(company, chat, token, "I am a stranger")
    known = len(_notes(company, ticket))
    theirs = _came(company, chat, token, "It is really me")
    assert "used before" in _notes(company, theirs)[-1]
    assert str(ticket) not in _notes(company, theirs)[-1]
    assert len(_notes(company, ticket)) == known


def test_who_writes_again_in_the_same_conversation_is_linked_once(company, chat, offered):
    ticket, token = offered
    session = chat.begin()
    for text in ("Hello", "it is me"):
        chat.write(session, text, link=token)
        company.work()
    assert sum("one-time link and wrote" in words for words in _notes(company, ticket)) == 1


@pytest.mark.parametrize("token", ["A" * 22, "short", "../../etc", ""])
def test_an_invented_link_links_nothing(company, chat, offered, token):
    ticket, _ = offered
    known = len(_notes(company, ticket))
    theirs = _came(company, chat, token)
    assert "link" not in " ".join(_notes(company, theirs))
    assert len(_notes(company, ticket)) == known


def test_a_link_ends(company, chat, offered):
    ticket, token = offered
    company.tick(3 * 86_400)
    theirs = _came(company, chat, token)
    assert "link" not in " ".join(_notes(company, theirs))
    assert str(ticket) not in " ".join(_notes(company, theirs))


def test_a_second_private_answer_posts_no_second_link_as_long_as_the_first_is_good(company, linkedin, offered):  # noqa: F811
    ticket, _ = offered
    posted = len(linkedin.comments)
    _answers(company, ticket, "#private And the other one to Oak Road 7")
    assert len(linkedin.comments) == posted
    assert "still good" in _notes(company, ticket)[-1]
    company.tick(3 * 86_400)
    _answers(company, ticket, "#private Are you there?")
    assert len(linkedin.comments) == posted + 1


def test_the_table_holds_no_token(company, offered):
    _, token = offered
    assert token not in str(company.table.items)
    assert link_item(token) in company.table.items


def test_who_is_erased_leaves_no_link(company, chat, offered):
    _, token = offered
    assert _erased(company, "linkedin", MEMBER)["complete"]
    assert link_item(token) not in company.table.items
    assert "came by" not in " ".join(_notes(company, _came(company, chat, token)))


def test_who_came_by_a_link_and_is_erased_leaves_none_either(company, chat, offered):
    _, token = offered
    _came(company, chat, token)
    (visitor,) = [row["author"]["id"] for (_, sk), row in company.table.items.items()
                  if sk == "THREAD" and row.get("channel") == "webchat"]  # fmt: skip
    assert _erased(company, "webchat", visitor)["complete"]
    assert link_item(token) not in company.table.items


def test_a_link_stays_where_others_write_in_the_conversation_too(company, linkedin, offered):  # noqa: F811
    _, token = offered
    (asked,) = [number for number, each in linkedin.comments.items() if each.owner == MEMBER]
    push(company, linkedin.writes(linkedin.post, OTHER, "Mine is late, too", asked))
    assert _erased(company, "linkedin", OTHER)["complete"]
    assert link_item(token) in company.table.items


def _erased(company, channel, author):
    eraser = Eraser(
        table=company.table, archive=company.archive, parked=MemoryPile([]), dead=MemoryPile([]),
        directory=company.directory, clock=company.now, owner=lambda: f"erase-{next(company.owners)}",
    )  # fmt: skip
    return eraser.erase(Person(channel, author))


def test_a_worker_that_dies_over_it_posts_no_second_link(company, chat, linkedin):  # noqa: F811
    _ruled(company, "linkedin", ORGANIZATION, link=LINK)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Where is my order?"))
    ticket, before = company.zendesk.tickets[0].id, len(linkedin.comments)
    company.zendesk.agent_replies(ticket, f"#private {SECRET_WORDS}")
    company.signalled(ticket)
    company.conversation.handle(company.mailbox.take().body)  # routed
    letter = company.dies_at()
    company.tick(1000)
    company.conversation.handle(letter.body)
    company.later(60)
    assert len(linkedin.comments) == before + 1
    assert "posted in public" in " ".join(_notes(company, ticket))


def test_a_form_without_its_secret_is_told_to_the_agent_and_calls_a_person(company, chat, linkedin):  # noqa: F811
    found = Connection.read(company.table.items[connection_key("webchat", "website")]["definition"])
    company.table.put(Put(item(found.model_copy(update={"secret": ""}))))
    _ruled(company, "linkedin", ORGANIZATION, link=LINK)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Where is my order?"))
    ticket, posted = company.zendesk.tickets[0].id, len(linkedin.comments)
    _answers(company, ticket, f"#private {SECRET_WORDS}")
    assert len(linkedin.comments) == posted
    assert "NOT delivered" in _notes(company, ticket)[-1]
    company.telemetry.flush()
    assert company.counted("ConfigurationErrors") == 1


def test_a_link_whose_secret_cannot_be_read_now_is_posted_later(company, chat, linkedin):  # noqa: F811
    _ruled(company, "linkedin", ORGANIZATION, link=LINK)
    push(company, linkedin.writes(linkedin.post, MEMBER, "Where is my order?"))
    ticket, posted = company.zendesk.tickets[0].id, len(linkedin.comments)
    with throttled_secrets(company, "chat-links"):
        _answers(company, ticket, f"#private {SECRET_WORDS}")
        assert len(linkedin.comments) == posted
    company.later(60)
    assert "#deskwire=" in last(linkedin).text
    assert len(linkedin.comments) == posted + 1
    assert "NOT delivered" not in " ".join(_notes(company, ticket))


def test_a_ticket_is_linked_although_the_other_connections_secret_cannot_be_read_now(company, chat, offered):
    ticket, token = offered
    with throttled_secrets(company, "linkedin"):
        theirs = _came(company, chat, token)
    assert f"ticket #{ticket}" in _notes(company, theirs)[-1]
    assert "LinkedIn" in _notes(company, theirs)[-1]

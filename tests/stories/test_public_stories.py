"""Stories of what everybody can read: comments, public answers, private ones, and where the talk goes on."""

from __future__ import annotations

import json

import pytest

from deskwire import registry
from deskwire.care.policy import Policy
from deskwire.configuration import connection_key, item
from deskwire.conversation import relaying
from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.model.tickets import AgentReply
from deskwire.ports import Put
from deskwire.web.rest import Answer

from .conftest import PAGE, POLICY


def test_a_public_comment_opens_a_ticket_and_is_not_acknowledged_unless_asked_for(company):
    company.deliver(company.comment("My parcel 4471 still shows in transit"))
    assert company.work() == ["filed"]
    assert company.graph.sent == []
    assert "Marta Lindqvist" in company.zendesk.tickets[0].subject


def test_an_agents_answer_to_a_comment_is_a_comment(company):
    company.deliver(company.comment("Where is it?"))
    company.work()
    ticket = company.zendesk.tickets[0]
    company.zendesk.agent_replies(ticket.id, "We are looking into it")
    company.signalled(ticket.id)
    company.work()
    assert len(company.graph.sent) == 1
    assert any("993300000000077/comments" in call for call in company.http_calls)


def test_a_private_answer_leads_the_private_talk_into_the_same_ticket(company):
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    ticket = company.zendesk.tickets[0]
    company.zendesk.agent_replies(ticket.id, "#private Please tell us the number of your order")
    company.signalled(ticket.id)
    company.work()
    (sent,) = company.graph.sent
    assert sent["message"]["text"] == "Please tell us the number of your order"
    assert "comment_id" in sent["recipient"]
    company.deliver(company.message("It is 4471"))
    assert "filed" in company.work()
    assert len(company.zendesk.tickets) == 1
    assert any("It is 4471" in words for words in company.comments())
    company.zendesk.agent_replies(ticket.id, "Thank you, found it")
    company.signalled(ticket.id, invocation="third")
    company.work()
    assert company.graph.sent[-1]["recipient"] == {"id": "24900000000000017"}


def _bob_writes(company, text):
    company.deliver(
        company.comment(
            text, comment="8", parent="122200000000501_993300000000077", author="73000000000099", name="Bob Stranger"
        )
    )
    company.work()


def _answered(company, words):
    """Return what was sent, and what the ticket says, when an agent answers so."""
    ticket, before = company.zendesk.tickets[0], len(company.graph.sent)
    company.zendesk.agent_replies(ticket.id, words)
    company.signalled(ticket.id, invocation=f"of {words}")
    company.work()
    return company.graph.sent[before:], company.comments()[-1]


def test_who_else_writes_under_a_comment_is_named_in_the_ticket(company):
    company.deliver(company.comment("Where is it?"))
    company.work()
    _bob_writes(company, "mine is missing, too")
    first, second = company.comments()
    assert "Marta" not in first  # the ticket is hers
    assert second.startswith("Bob Stranger · 2026-11-02 09:00:00 UTC\nmine is missing, too")


def test_a_private_answer_among_several_goes_to_the_one_it_names_and_not_to_who_wrote_last(company):
    company.deliver(company.comment("Where is it?"))
    company.work()
    _bob_writes(company, "mine is missing, too")
    sent, note = _answered(company, "#private It goes to Elm Street 5")
    assert sent == []
    assert "NOT delivered" in note
    assert "“#private Marta Lindqvist: …” or “#private Bob Stranger: …”" in note
    (hers,), _ = _answered(company, "#private Marta Lindqvist: it goes to Elm Street 5")
    assert hers["recipient"] == {"comment_id": "122200000000501_993300000000077"}
    assert hers["message"]["text"] == "it goes to Elm Street 5"
    (his,), _ = _answered(company, "#private Bob, please tell us your order")
    assert his["recipient"] == {"comment_id": "122200000000501_8"}


@pytest.mark.parametrize(
    "words", ["Hi Marta, #private it is in Elm Street", "#privately: Elm Street", "private: Elm Street"]
)
def test_what_was_perhaps_meant_in_private_is_not_published(company, words):
    company.deliver(company.comment("Where is it?"))
    company.work()
    sent, note = _answered(company, words)
    assert sent == []
    assert "NOT delivered" in note


def _commented(company, **private):
    """Have a comment wait in its ticket, under these rules for private matters."""
    for known in company.definitions:
        if private and getattr(known, "policy", None):
            policy = Policy.model_validate({**POLICY, "private": private})
            company.table.put(Put(item(known.model_copy(update={"policy": policy}))))
    company.deliver(company.comment("Where is it?"))
    company.work()


def test_a_public_answer_with_private_matters_is_held_back_until_the_agent_says_that_everybody_may_read_it(company):
    _commented(company)
    sent, note = _answered(company, "Please call +354 555 0100")
    assert sent == []
    assert "NOT published" in note
    assert "a telephone number" in note
    assert "555" not in note
    assert "555" not in str(company.lines)
    (sent,), _ = _answered(company, "#public Please call +354 555 0100")
    assert sent["message"] == "Please call +354 555 0100"


def test_a_held_back_answer_goes_to_the_customer_alone_when_the_agent_says_so(company):
    _commented(company)
    _answered(company, "Please call +354 555 0100")
    (sent,), _ = _answered(company, "#private Please call +354 555 0100")
    assert sent["recipient"] == {"comment_id": "122200000000501_993300000000077"}


BESIDE = {"en": "We have written to you privately.", "pl": "Napisaliśmy do Państwa prywatnie."}


def test_a_private_answer_has_a_line_in_public_beside_it_once(company):
    _commented(company, beside=BESIDE)
    (answer, line), _ = _answered(company, "#private Please tell us the number of your order")
    assert answer["recipient"] == {"comment_id": "122200000000501_993300000000077"}
    assert line["message"] == "We have written to you privately."
    (again,), _ = _answered(company, "#private It is on its way")
    assert "recipient" in again
    assert "NOT delivered" not in " ".join(company.comments())


def test_the_line_is_in_the_customers_language(company):
    _commented(company, beside=BESIDE)
    company.deliver(company.comment("Dzień dobry, gdzie jest moja paczka? Proszę o pomoc", comment="8"))
    company.work()
    ticket = company.zendesk.tickets[-1]
    company.zendesk.agent_replies(ticket.id, "#private Proszę o numer zamówienia")
    company.signalled(ticket.id, invocation="in Polish")
    company.work()
    assert company.graph.sent[-1]["message"] == "Napisaliśmy do Państwa prywatnie."


def test_no_line_stands_in_public_where_the_private_answer_did_not_go_out(company):
    _commented(company, beside=BESIDE)
    company.graph.next = [PermanentError("activity already replied to")]
    sent, note = _answered(company, "#private Please tell us the number of your order")
    assert sent == []
    assert "NOT delivered" in note


@pytest.mark.parametrize("error", [PermanentError("no"), TemporaryError("down"), TemporaryError("?", ambiguous=True)])
def test_a_line_that_does_not_go_out_takes_nothing_from_the_answer(company, error):
    _commented(company, beside=BESIDE)
    company.graph.next = [None, error]
    _answered(company, "#private Please tell us the number of your order")
    company.later(1000)
    said = [sent for sent in company.graph.sent if "recipient" in sent]
    lines = [sent for sent in company.graph.sent if "recipient" not in sent]
    assert len(said) == 1
    assert len(lines) <= 1
    assert "NOT delivered" not in " ".join(company.comments())


def test_a_public_answer_has_no_such_line(company):
    _commented(company, beside=BESIDE)
    assert len(_answered(company, "We are looking into it")[0]) == 1


def test_it_is_held_back_again_where_the_word_is_misspelt(company):
    _commented(company)
    sent, note = _answered(company, "#pubilc Please call +354 555 0100")
    assert sent == []
    assert "“#public” spelt so" in note


@pytest.mark.parametrize(
    "private", [{"hold": False}, {"ours": ["+3545550100"]}, {"kinds": ["card", "password"]}], ids=str
)
def test_the_policy_says_what_may_stand_in_public(company, private):
    _commented(company, **private)
    assert len(_answered(company, "Please call +354 555 0100")[0]) == 1


def test_an_internal_note_is_not_looked_through_for_private_matters(company, monkeypatch):
    looked, look = [], relaying.matters
    monkeypatch.setattr(relaying, "matters", lambda text, policy: looked.append(text) or look(text, policy))
    read = type(registry.helpdesk("zendesk")).replies
    note = AgentReply(
        id="1", order=1, ticket="1", text="Call them on +354 555 0100", author="", written_at=None, public=False
    )
    monkeypatch.setattr(type(registry.helpdesk("zendesk")), "replies", lambda *given: [note, *read(*given)])
    _commented(company)
    sent, _ = _answered(company, "We are looking into it")
    assert (looked, len(sent)) == (["We are looking into it"], 1)


def test_the_companys_own_number_is_no_leave_for_another(company):
    _commented(company, ours=["+354 555 0100"])
    sent, _ = _answered(company, "Please call +354 555 0100 or me: +354 691 2345")
    assert sent == []


def test_a_private_answer_to_the_one_who_wrote_last_goes_out_when_there_was_time_to_see_who_it_is(company):
    company.deliver(company.comment("Where is it?"))
    company.work()
    _bob_writes(company, "mine is missing, too")
    assert len(_answered(company, "We are looking into it")[0]) == 1  # all may read it
    company.tick(121)
    (sent,), _ = _answered(company, "#private Bob, please tell us your order")
    assert sent["recipient"] == {"comment_id": "122200000000501_8"}


def test_what_an_agent_says_in_a_private_talk_is_not_published_when_somebody_comments_meanwhile(company):
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    _answered(company, "#private Please tell us the number of your order")
    company.tick(300)
    company.deliver(company.message("It is 4471"))
    company.work()
    company.tick(300)
    ticket = company.zendesk.tickets[0]
    company.zendesk.agent_replies(ticket.id, "It goes to Elm Street 5")
    company.tick(5)
    _bob_writes(company, "mine is missing, too")
    before = len(company.graph.sent)
    company.signalled(ticket.id, invocation="of the private one")
    company.work()
    assert len(company.graph.sent) == before
    assert "gone on in public" in company.comments()[-1]
    company.tick(1)
    assert len(_answered(company, "We are looking into it")[0]) == 1


def test_replies_under_one_comment_are_one_thread_and_another_comment_another(company):
    company.deliver(company.comment("first", comment="1"))
    company.deliver(company.comment("more of the first", comment="2", parent="122200000000501_1"))
    company.deliver(company.comment("second", comment="3"))
    company.work()
    assert len(company.zendesk.tickets) == 2


def test_an_edit_and_a_removal_of_a_comment_show_in_the_ticket_and_its_words_are_taken_out(company):
    company.deliver(company.comment("my phone is 555-0199"))
    company.work()
    edited = company.comment("my phone is secret")
    edited["changes"][0]["value"]["verb"] = "edited"
    company.deliver(edited)
    company.work()
    assert any("my phone is secret" in words for words in company.comments())
    removed = company.comment("")
    removed["changes"][0]["value"] |= {"verb": "remove"}
    del removed["changes"][0]["value"]["message"]
    company.deliver(removed)
    assert company.work() == ["filed"]
    assert "deleted" in company.comments()[-1]
    assert "555-0199" not in company.comments()[0]


# ------------------------------------------------------------------------- one conversation in two of Meta's channels

UNDER_IT = "122200000000501_993300000000077"


def _asked_in_private(company):
    """Have a comment answered in private, so that the thread may go on in Messenger."""
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    ticket = company.zendesk.tickets[0]
    company.zendesk.agent_replies(ticket.id, "#private Please tell us the number of your order")
    company.signalled(ticket.id)
    company.work()


def _without_words(company):
    """Return a comment of which Meta's webhook says only that it is there, as of another company's page."""
    company.graph.looked = lambda call: Answer(200, {}, json.dumps({
        "from": {"id": "73000000000099", "name": "Bob Stranger"}, "message": "mine is missing, too",
        "created_time": int(company.now().timestamp()),
    }).encode())  # fmt: skip
    entry = company.comment("", comment="5", parent=UNDER_IT)
    for name in ("message", "from"):
        del entry["changes"][0]["value"][name]
    return entry


def test_a_comment_is_fetched_from_facebook_also_when_the_talk_has_gone_on_in_messenger(company):
    _asked_in_private(company)
    company.deliver(company.message("It is 4471"))
    company.work()
    company.deliver(_without_words(company))
    company.work()
    assert "mine is missing, too" in company.comments()[-1]
    assert "Facebook Page" in company.comments()[-1]


def test_the_first_message_in_messenger_is_acknowledged_there(company):
    _asked_in_private(company)
    company.tick(20 * 3600)
    company.deliver(company.message("It is 4471"))
    company.work()
    assert company.graph.sent[-1]["recipient"] == {"id": "24900000000000017"}


def _both_wait(company):
    """Have a comment and a message wait together, since the helpdesk is down."""
    _asked_in_private(company)
    direct, company._direct = company._direct, _down
    company.tick(20 * 3600)
    company.deliver(company.comment("Is anybody there?", comment="6", parent=UNDER_IT))
    company.work()
    company.tick(1)
    company.deliver(company.message("It is 4471"))
    company.work()
    company._direct = direct
    company.tick(400)


def _down(call):
    raise TemporaryError("down")


def test_what_waited_in_both_is_filed_in_order_at_once_each_by_its_own_connector(company):
    _both_wait(company)
    company.sweep()
    company.work()
    comment, message = company.comments()[-2:]
    assert "Is anybody there?\n\nFacebook Page" in comment
    assert "It is 4471\n\nMessenger" in message
    assert company.graph.sent[-1]["recipient"] == {"id": "24900000000000017"}
    company.zendesk.agent_replies(company.zendesk.tickets[0].id, "Thank you, found it")
    company.signalled(company.zendesk.tickets[0].id, invocation="third")
    company.work()
    assert company.graph.sent[-1]["recipient"] == {"id": "24900000000000017"}


def test_what_came_by_a_connection_that_was_removed_is_refused_alone(company):
    _both_wait(company)
    del company.table.items[connection_key("facebook", "410000000000001")]
    company.later(61)
    assert sorted(company.outcomes().values()) == ["filed", "filed", "filed", "refused"]
    assert "It is 4471" in company.comments()[-1]


def test_an_answer_goes_to_messenger_though_a_comment_written_before_comes_late(company):
    _asked_in_private(company)
    late = company.comment("Is anybody there?", comment="6", parent=UNDER_IT)
    company.tick(20 * 3600)
    company.deliver(company.message("It is 4471"))
    company.work()
    company.zendesk.agent_replies(company.zendesk.tickets[0].id, "Thank you, found it")
    company.deliver(late)
    direct, company._direct = company._direct, _down
    company.work()
    company.signalled(company.zendesk.tickets[0].id, invocation="third")
    company.work()
    company._direct = direct
    company.later(400)
    assert company.graph.sent[-1]["recipient"] == {"id": "24900000000000017"}
    assert "Is anybody there?" in company.comments()[-1]
    assert len(company.graph.sent) == 3


@pytest.mark.parametrize("together", [False, True])
def test_what_the_company_posted_before_anybody_wrote_answers_nobody(company, together):
    ours = company.comment("The Reykjavík shop opens at eight today", author=PAGE, name="Northwind")
    theirs = company.comment("And tomorrow?", comment="8", parent="122200000000501_993300000000077")
    for entries in [(ours, theirs)] if together else [(ours,), (theirs,)]:
        company.deliver(*entries)
        company.work()
        company.tick(10)
    (thread,) = [
        item for key, item in company.table.items.items() if key[1] == "THREAD" and "993300000000077" in key[0]
    ]
    assert thread["last_inbound"]
    assert not thread.get("answered_at")


def _acknowledges_in_public(company):
    page = next(each for each in company.definitions if getattr(each, "channel", "") == "facebook")
    policy = Policy.model_validate(POLICY | {"acknowledge": {"public": True}})
    company.table.put(Put(item(page.model_copy(update={"policy": policy}))))


def test_a_post_of_before_that_is_delivered_after_the_customers_words_keeps_no_acknowledgement_back(company):
    _acknowledges_in_public(company)
    ours = company.comment("The Reykjavík shop opens at eight today", author=PAGE, name="Northwind")
    theirs = company.comment("And tomorrow?", comment="8", parent="122200000000501_993300000000077")
    company.graph.next = [TemporaryError("busy", after=60)]
    for each in (theirs, ours):
        company.deliver(each)
        company.work()
        company.tick(10)
    company.later(60)
    (said,) = company.graph.sent
    assert said == {"message": "Thank you, we are looking at it."}
    assert not company.counted("AcknowledgementsSuppressed")


def test_an_acknowledgement_that_was_held_up_until_a_colleague_answered_is_dropped_with_a_count(company):
    _acknowledges_in_public(company)
    company.graph.next = [TemporaryError("busy", after=60)]
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    company.tick(30)
    place = {"comment": "8", "parent": "122200000000501_993300000000077"}
    company.deliver(company.comment("At the post office", author=PAGE, name="Northwind", **place))
    company.work()
    company.later(60)
    assert company.graph.sent == []
    assert company.counted("AcknowledgementsSuppressed") == 1
    (kept,) = [found for (_, sk), found in company.table.items.items() if sk.startswith("S#ack")]
    assert (kept["state"], kept["reason"]) == ("refused", "not acknowledged: attended")


def test_a_colleagues_public_answer_in_the_platforms_own_app_counts_as_one(company):
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    company.tick(60)
    ours = company.comment(
        "At the post office", comment="8", parent="122200000000501_993300000000077", author=PAGE, name="Northwind"
    )
    company.deliver(ours)
    company.work()
    (thread,) = [
        item for key, item in company.table.items.items() if key[1] == "THREAD" and "993300000000077" in key[0]
    ]
    assert thread["answered_at"] == int(company.now().timestamp())


def _private_talk(company):
    """A comment was answered in private, and the customer goes on there: the thread is private now."""
    company.deliver(company.comment("Where is my parcel?"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.zendesk.agent_replies(ticket.id, "#private Please tell us the number of your order")
    company.signalled(ticket.id)
    company.work()
    company.tick(60)
    company.deliver(company.message("It is 4471"))
    company.work()
    company.tick(60)
    return ticket


def _comments_again(company, text):
    company.deliver(company.comment(text, comment="9", parent="122200000000501_993300000000077"))
    company.work()


def test_what_is_private_in_a_comment_is_tagged_as_public_though_the_talk_was_private_until_then(company):
    ticket = _private_talk(company)
    assert "sensitive" not in ticket.tags
    _comments_again(company, "My card is 4111 1111 1111 1111, refund it!")
    assert {"sensitive-in-public", "private-card"} <= set(ticket.tags)
    assert "sensitive" not in ticket.tags


def test_a_comment_that_opens_a_follow_up_of_a_private_talk_is_tagged_as_public(company):
    ticket = _private_talk(company)
    ticket.status = "closed"
    _comments_again(company, "Nobody answers")
    follow_up = company.zendesk.tickets[-1]
    assert follow_up.id != ticket.id
    assert "public" in follow_up.tags
    assert "private" not in follow_up.tags


def test_a_private_message_that_opens_a_follow_up_of_a_public_talk_is_tagged_as_private(company):
    ticket = _private_talk(company)
    _comments_again(company, "Nobody answers")
    ticket.status = "closed"
    company.tick(60)
    company.deliver(company.message("My card is 4111 1111 1111 1111, refund it!"))
    company.work()
    follow_up = company.zendesk.tickets[-1]
    assert follow_up.id != ticket.id
    assert {"private", "sensitive"} <= set(follow_up.tags)
    assert not {"public", "sensitive-in-public"} & set(follow_up.tags)

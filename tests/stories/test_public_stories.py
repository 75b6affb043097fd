"""Stories of what everybody can read: comments, public answers, private ones, and where the talk goes on."""

from __future__ import annotations


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

"""Stories of agents' answers: from the ticket back to the channel, once, or a note that says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deskwire.model.errors import PermanentError, TemporaryError
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import broken

from .conftest import PAGE


@pytest.fixture
def asked(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.graph.sent.clear()
    return company


def test_an_agents_public_answer_reaches_the_customer_once(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "On its way 🚚")
    assert asked.signalled(ticket.id) == 200
    assert asked.work() == ["routed", "filed"]
    assert [each["message"]["text"] for each in asked.graph.sent] == ["On its way 🚚"]
    asked.signalled(ticket.id, invocation="another")
    assert asked.work() == ["routed", "merged"]
    assert len(asked.graph.sent) == 1


def test_an_answer_whose_worker_died_before_the_thread_knew_is_sent_once_and_counts_as_given(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "On its way 🚚")
    asked.signalled(ticket.id)
    assert asked.conversation.handle(asked.mailbox.take().body) == "routed"
    letter = asked.dies_at()
    assert not asked.thread().get("answered_at")
    asked.tick(600)
    assert asked.conversation.handle(letter.body) == "filed"
    assert len(asked.graph.sent) == 1
    assert asked.thread()["answered_at"]


def test_a_note_and_our_own_comments_stay_inside(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "customer is angry", public=False)
    asked.signalled(ticket.id)
    asked.work()
    assert asked.graph.sent == []


def test_an_answer_of_a_file_alone_that_cannot_be_sent_counts_as_not_delivered(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, " ", files=[("plan.zip", "application/zip", b"zip")])
    asked.signalled(ticket.id)
    asked.work()
    assert asked.graph.sent == []
    note = asked.zendesk.comments(ticket.id)[-1]
    assert "NOT delivered" in note.words
    assert "plan.zip" in note.words
    assert not note.public
    assert [found["state"] for (_, sk), found in asked.table.items.items() if sk.startswith("S#reply")] == ["refused"]
    assert not asked.thread().get("answered_at")


def test_what_a_merge_writes_in_an_agents_name_stays_inside_and_one_note_says_why(asked):
    public = asked.zendesk.tickets[0]
    account = asked.zendesk.account
    private, _ = account.create(account.person("Somebody", "end-user"), {"comment": {"body": "My number is 555-0199"}})
    asked.zendesk.merge(private.id, into=public.id, public=True)
    for invocation in ("I-1", "I-2"):
        asked.signalled(public.id, invocation=invocation)
        asked.work()
        asked.tick(60)
    assert asked.graph.sent == []
    notes = [words for words in asked.comments() if "NOT sent" in words]
    assert len(notes) == 1
    assert "Zendesk wrote it when tickets were merged" in notes[0]
    assert "Request" in notes[0]
    assert not any("555-0199" in line for line in asked.lines)


def test_a_mail_in_an_agents_name_that_zendesk_does_not_trust_stays_inside(asked):
    ticket = asked.zendesk.tickets[0]
    via = {"channel": "email", "source": {"from": {"address": "agnes@acme.example"}, "to": {}, "rel": None}}
    flagged = {"flags": [0], "flags_options": {"0": {"trusted": False}}, "trusted": False}
    asked.zendesk.agent_replies(ticket.id, "Pay at https://evil.example", shown={"via": via, "metadata": flagged})
    asked.zendesk.agent_replies(ticket.id, "On its way")
    asked.signalled(ticket.id)
    asked.work()
    assert [each["message"]["text"] for each in asked.graph.sent] == ["On its way"]
    assert sum("NOT sent" in words for words in asked.comments()) == 1


def test_an_answer_that_quotes_the_head_of_a_mail_stays_inside(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Yes\n\nFrom: Marta\nSent: Monday\nTo: us\n\nMy number is 555 0100")
    asked.signalled(ticket.id)
    asked.work()
    assert asked.graph.sent == []
    assert "NOT delivered" in asked.zendesk.comments(ticket.id)[-1].words
    assert not any("Marta" in line for line in asked.lines)


def test_an_answer_outside_the_window_is_noted_on_the_ticket(asked):
    asked.tick(8 * 86400)
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Sorry for the delay")
    asked.signalled(ticket.id)
    asked.work()
    assert asked.graph.sent == []
    note = asked.zendesk.comments(ticket.id)[-1]
    assert "NOT delivered" in note.words
    assert "7 days" in note.words
    assert not note.public
    asked.signalled(ticket.id, invocation="another")
    asked.work()
    assert asked.zendesk.comments(ticket.id)[-1].id == note.id


def test_a_late_answer_of_a_person_goes_out_with_the_tag(asked):
    asked.tick(2 * 86400)
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Here it is")
    asked.signalled(ticket.id)
    asked.work()
    assert asked.graph.sent[0]["tag"] == "HUMAN_AGENT"


def test_an_answer_that_the_platform_refuses_is_noted_with_the_reason(asked):
    asked.graph.next = [PermanentError("the person blocked the page")]
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Hello")
    asked.signalled(ticket.id)
    asked.work()
    assert "the person blocked the page" in asked.zendesk.comments(ticket.id)[-1].words


def test_an_answer_that_surely_did_not_go_out_is_sent_later_once(asked):
    asked.graph.next = [TemporaryError("not now", ambiguous=False)]
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Hello")
    asked.signalled(ticket.id)
    asked.work()
    assert asked.graph.sent == []
    asked.later(30)
    assert [each["message"]["text"] for each in asked.graph.sent] == ["Hello"]


def test_an_answer_has_its_own_tries_however_often_the_helpdesk_was_asked_in_vain_before(asked):
    asked.zendesk.faults.add(broken(503))
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Hello")
    asked.signalled(ticket.id)
    asked.work()
    for _ in range(12):
        asked.later(400)
    assert asked.thread()["attempts"] > 8
    asked.zendesk.faults.clear()
    asked.graph.next = [TemporaryError("not now", ambiguous=False)]
    for _ in range(3):
        asked.later(400)
    assert [each["message"]["text"] for each in asked.graph.sent] == ["Hello"]


def test_an_answer_that_the_platform_does_not_take_for_a_quarter_of_an_hour_is_noted(asked):
    asked.graph.next = [TemporaryError("not now", ambiguous=False)] * 200
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Hello")
    asked.signalled(ticket.id)
    asked.work()
    for _ in range(13):
        asked.tick(60)
        asked.deliver(asked.message("hello?"))
        asked.sweep()
        asked.work()
        assert "NOT delivered" not in "".join(asked.comments())
    for _ in range(2):  # it is noted, and written
        asked.later(400)
    assert "NOT delivered" in "".join(asked.comments())
    assert asked.graph.sent == []


def test_an_answer_of_which_nobody_knows_is_not_repeated_and_noted(asked):
    asked.graph.next = [TemporaryError("time-out", ambiguous=True)]
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "Hello")
    asked.signalled(ticket.id)
    asked.work()
    assert len(asked.graph.sent) == 1
    assert "unknown" in asked.zendesk.comments(ticket.id)[-1].words
    asked.later(600)
    assert len(asked.graph.sent) == 1


def test_two_answers_keep_their_order(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.agent_replies(ticket.id, "first")
    asked.zendesk.agent_replies(ticket.id, "second")
    asked.signalled(ticket.id)
    asked.work()
    assert [each["message"]["text"] for each in asked.graph.sent] == ["first", "second"]


@pytest.mark.parametrize(("waited", "sent"), [(0, 50), (8 * 86400, 0)], ids=["sent", "refused"])
def test_more_answers_than_can_be_written_down_at_once_are_brought_one_turn_after_another(asked, waited, sent):
    ticket = asked.zendesk.tickets[0]
    asked.tick(waited)
    answers = [f"answer {number}" for number in range(50)]
    for words in answers:
        asked.zendesk.agent_replies(ticket.id, words)
    asked.signalled(ticket.id)
    asked.work()
    assert [each["message"]["text"] for each in asked.graph.sent] == answers[:sent]
    notes = "".join(words for words in asked.comments() if "NOT delivered" in words)
    assert notes.count("NOT delivered") == len(answers) - sent
    assert asked.thread()["pending"] == []
    assert set(asked.outcomes().values()) == {"filed"}


def test_a_slow_platform_takes_one_answer_a_turn(asked):
    ticket = asked.zendesk.tickets[0]
    answers = [f"answer {number}" for number in range(6)]
    for words in answers:
        asked.zendesk.agent_replies(ticket.id, words)
    asked.signalled(ticket.id)
    ask, turns = asked.http, []

    def slow(call):
        if call.method == "POST" and "graph." in call.url:
            asked.tick(11)
        return ask(call)

    object.__setattr__(asked.directory, "http", slow)
    while (letter := asked.mailbox.take()) is not None:
        began = asked.now()
        asked.conversation.handle(letter.body)
        turns.append((asked.now() - began).total_seconds())
    assert [each["message"]["text"] for each in asked.graph.sent] == answers
    assert max(turns) == 11


def test_two_answers_of_the_same_words_are_both_noted_when_the_platform_names_one_for_both(company):
    """A worker died after sending both; asked, the platform shows the newest of these words."""
    company.deliver(company.comment("Where is it?"))
    company.work()
    stands = {"id": "77_2", "from": {"id": PAGE}, "message": "Thank you!"}
    stands["created_time"] = int(company.now().timestamp())
    company.graph.looked = lambda call: Answer(200, {}, json.dumps({"data": [stands]}).encode())
    company.graph.next = [TemporaryError("time-out", ambiguous=True)] * 2
    ticket = company.zendesk.tickets[0]
    for _ in range(2):
        company.zendesk.agent_replies(ticket.id, "Thank you!")
    company.signalled(ticket.id)
    company.work()
    assert len(company.graph.sent) == 2
    assert set(company.outcomes().values()) == {"filed"}
    assert [item["state"] for key, item in company.table.items.items() if key[1].startswith("S#")] == ["sent", "sent"]


def test_who_has_a_ticket_is_known_until_another_has_it(asked):
    for event, known, outcome in (
        ("assigned", ("3901200", ""), "the ticket was assigned"),
        ("reassigned", ("3901201", ""), "the ticket was reassigned"),
        ("unassigned", ("", ""), "the ticket was released by its agent"),
    ):
        told = json.loads(json.loads(Path(f"events/zendesk/{event}.json").read_text())["body"])
        told["detail"]["id"] = str(asked.zendesk.tickets[0].id)
        before = asked.comments()
        assert asked.called(told) == 200
        assert asked.work() == ["routed", "filed"]
        assert asked.comments() == before
        assert tuple(asked.thread()["assignee"]) == known
        assert outcome in [item.get("reason") for _, item in asked.table.items.items()]
    assert "status" not in asked.thread()


def test_a_solved_ticket_is_known_as_solved_until_the_customer_writes(asked):
    told = json.loads(json.loads(Path("events/zendesk/status_changed.json").read_text())["body"])
    told["detail"]["id"] = str(asked.zendesk.tickets[0].id)
    before = asked.comments()
    assert asked.called(told) == 200
    assert asked.work() == ["routed", "filed"]
    assert asked.comments() == before
    assert asked.thread()["status"] == "solved"
    asked.deliver(asked.message("One more thing"))
    asked.work()
    assert asked.thread()["status"] == "reopened"


def test_a_ticket_that_is_none_of_ours_is_left_alone(asked):
    asked.signalled(999_999)
    assert asked.work() == ["suppressed"]


@pytest.mark.parametrize("capture", ["internal_note", "customers_comment_filed_by_us"])
def test_what_the_helpdesk_tells_that_is_no_answer_writes_nothing_into_the_ticket(asked, capture):
    told = json.loads(json.loads(Path(f"events/zendesk/{capture}.json").read_text())["body"])
    told["detail"]["id"] = str(asked.zendesk.tickets[0].id)
    before, calls = asked.comments(), len(asked.http_calls)
    assert asked.called(told) == 200
    assert asked.work() == []
    assert asked.counted("DismissedTicket") + asked.counted("DismissedOther") == 1
    assert (asked.comments(), len(asked.http_calls)) == (before, calls)


def test_an_answer_before_the_way_back_is_noted_reaches_the_customer(company):
    """The agent is faster than the worker that opened the ticket, which hears of it and looks."""
    ask, seen = company.http, []

    def hurried(call):
        answer = ask(call)
        if company.zendesk.tickets and not seen:
            seen.append(company.zendesk.tickets[0].id)
            company.zendesk.agent_replies(seen[0], "On its way 🚚")
            company.signalled(seen[0])
            signal = next(letter for letter in company.mailbox.letters if '"side":"helpdesks"' in letter.body)
            company.mailbox.letters.remove(signal)
            assert company.conversation.handle(signal.body) == "suppressed"
        return answer

    object.__setattr__(company.directory, "http", hurried)
    company.deliver(company.message("Where is my parcel?"))
    assert company.work() == ["filed", "woken"]
    acknowledgement, answer = [each["message"]["text"] for each in company.graph.sent]
    assert acknowledgement.startswith("Thank you")
    assert answer == "On its way 🚚"
    assert company.thread()["pending"] == []
    company.signalled(seen[0], invocation="another")
    assert company.work() == ["routed", "merged"]
    assert len(company.graph.sent) == 2


def test_a_forged_signal_is_refused(asked):
    ticket = asked.zendesk.tickets[0]
    signature = {"x-zendesk-webhook-signature": "AAAA", "x-zendesk-webhook-signature-timestamp": "2026-11-02T09:00:00Z"}
    body = b'{"ticket_id": "%d"}' % ticket.id
    request = Request(method="POST", endpoint="desk", body=body, received_at=asked.now(), headers=signature)
    assert asked.receiver.handle(gateway_event(request, side="helpdesks"))["statusCode"] == 401


def test_a_ticket_that_was_deleted_ends_the_signal_and_nothing_comes_again(asked):
    ticket = asked.zendesk.tickets[0]
    asked.zendesk.delete(ticket.id)
    asked.signalled(ticket.id)
    assert asked.work() == ["routed", "refused"]
    assert asked.thread()["pending"] == []

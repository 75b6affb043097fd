"""Stories of what a platform reports later: receipts, reactions, our own echoes, what was not delivered after all."""

from __future__ import annotations

import itertools

import pytest

from deskwire.channels import messenger
from deskwire.conversation.table import echo_item
from deskwire.model.events import Kind
from deskwire.ports import Put

from .conftest import CUSTOMER, PAGE

STAMPS = itertools.count(1793610000000)


def item(company, name, content, *, customer=CUSTOMER, page=PAGE):
    """Return an entry of Messenger that holds something else than a message."""
    stamp = next(STAMPS)
    people = {"sender": {"id": customer}, "recipient": {"id": page}}
    return {"id": page, "time": stamp, "messaging": [{**people, "timestamp": stamp, name: content}]}


def receipts(company, mid):
    """Return the two receipts that Messenger sends for everything a page wrote."""
    stamp = int(company.now().timestamp() * 1000)
    return [
        item(company, "delivery", {"mids": [mid], "watermark": stamp}),
        item(company, "read", {"watermark": stamp + next(STAMPS)}),
    ]


def echo(company, number, text):
    return company.message(text, mid=f"m_ours{number}", own=True)


def exchange(company):
    """Play an ordinary exchange, each event in a delivery of its own; return how many deliveries it took."""
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    acknowledged = company.graph.sent[-1]["message"]["text"]
    deliveries = [echo(company, 1, acknowledged), *receipts(company, "m_ours1")]
    ticket = company.zendesk.tickets[0].id
    company.zendesk.agent_replies(ticket, "On its way")
    company.signalled(ticket)
    company.work()
    deliveries += [echo(company, 2, "On its way"), *receipts(company, "m_ours2"), company.message("Thank you")]
    for entry in deliveries:
        assert company.deliver(entry) == 200
        company.work()
    return len(deliveries) + 2


def test_the_receipts_of_an_ordinary_exchange_cost_neither_a_letter_nor_an_item(company):
    sent = company.mailbox.send
    letters = []
    company.mailbox.send = lambda given: (letters.extend(given), sent(given))
    assert exchange(company) == 9
    routed = 1  # the agent's signal goes on into the thread's own group
    assert len(letters) == 9 - 4 + routed
    assert company.counted("DismissedReceipt") == 4
    assert company.counted("Deliveries") == 9
    assert (
        len([key for key in company.table.items if key[1].startswith("M#")]) == 5
    )  # noted: two messages, two echoes, one signal


def test_reactions_and_unknown_kinds_end_where_they_arrive_with_their_reason(company):
    company.deliver(item(company, "reaction", {"mid": "m_1", "action": "react", "emoji": "❤"}))
    company.deliver(item(company, "something_new", {"of": "Meta's"}))
    assert company.mailbox.calls == []
    assert company.counted("DismissedReaction") == 1
    assert company.counted("DismissedOther") == 1
    assert any('"dismissed"' in line and '"unknown kind"' in line for line in company.lines)
    assert not [key for key in company.table.items if key[0].startswith("T#")]


def test_what_a_person_must_do_about_an_account_raises_the_alarm_from_receive(company):
    company.deliver(item(company, "policy_enforcement", {"action": "block", "reason": "spam"}))
    assert company.mailbox.calls == []
    assert company.counted("ConfigurationErrors") == 1
    assert any("a person must act" in line and "Meta's policy: block" in line for line in company.lines)


def test_what_needs_nothing_does_not_hold_back_what_came_with_it(company):
    company.deliver(*receipts(company, "m_0"), company.message("Hello"))
    assert company.work() == ["filed"]


# ---------------------------------------------------------------------------------------------- our own echoes


def test_our_own_echo_ends_without_taking_the_thread(company):
    company.deliver(company.message("Hello"))
    company.work()
    text = company.graph.sent[-1]["message"]["text"]
    company.deliver(echo(company, 1, text))
    before = company.thread()
    company.table.calls.clear()
    assert company.work() == ["suppressed"]
    assert company.table.calls == ["get", "put"]
    assert company.thread() == before
    company.tick(400)
    company.deliver(echo(company, 1, text))
    assert company.work() == ["duplicate"]


def test_an_echo_is_known_by_what_an_earlier_version_noted(company):
    company.deliver(company.message("Hello"))
    company.work()
    pk, sk = echo_item(company.thread()["pk"][2:], "m_of_yesterday")
    company.table.put(Put({"pk": pk, "sk": sk, "key": "ack/1"}))
    company.deliver(company.message("We open at nine", mid="m_of_yesterday", own=True))
    assert company.work() == ["suppressed"]
    assert len(company.comments()) == 1


def test_an_echo_that_comes_before_its_sending_was_noted_is_known(company):
    """The worker died after it had sent; the platform brings the text back before anybody looks again."""
    company.deliver(company.message("Hello"))
    company.dies_at("O#")
    (sent,) = company.graph.sent
    company.tick(200)
    company.deliver(echo(company, 1, sent["message"]["text"]))
    company.work()
    company.later(1000)
    assert len(company.comments()) == 1
    assert len(company.graph.sent) == 1


# ------------------------------------------------------------------------------- what was not delivered after all


@pytest.fixture
def reporting(company, monkeypatch):
    """Let Messenger report failures, as WhatsApp does: `failed` names the message and says why."""
    unknown = messenger._Item._unknown

    def read(self):
        failed = self.item["failed"]
        if not failed:
            return unknown(self)
        mid, why = failed["mid"].identifier(), failed["reason"].text("")
        return self._event(
            Kind.UNDELIVERED, mid, "failed", text=why, author=None, thread=failed["of"].text(self.person)
        )

    monkeypatch.setattr(messenger._Item, "_unknown", read)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    return company


def fails(company, mid, reason="the number is blocked", *, of=CUSTOMER):
    return company.deliver(item(company, "failed", {"mid": mid, "reason": reason, "of": of}))


def answered(company, text="On its way"):
    """Let the agent answer; return the platform's id of what was sent."""
    ticket = company.zendesk.tickets[0].id
    company.zendesk.agent_replies(ticket, text)
    company.signalled(ticket, invocation=text)
    company.work()
    return f"m_ours{len(company.graph.sent)}"


def notes(company):
    return [words for words in company.comments() if "NOT delivered" in words]


def test_a_failure_reported_later_becomes_a_note_on_the_ticket_and_a_metric(reporting):
    mid = answered(reporting)
    reporting.tick(600)
    fails(reporting, mid)
    assert reporting.work() == ["filed"]
    (note,) = notes(reporting)
    assert note.startswith("An answer (sent 2026-11-02 09:00 UTC) was NOT delivered")
    assert "Why: the number is blocked." in note
    ticket = reporting.zendesk.tickets[0].id
    assert not reporting.zendesk.comments(ticket)[-1].public
    reporting.conversation.telemetry.flush()
    assert reporting.counted("Undelivered") == 1


def test_an_acknowledgement_that_was_not_delivered_is_noted_too(reporting):
    fails(reporting, "m_ours1")
    reporting.work()
    assert notes(reporting)[0].startswith("The automatic acknowledgement (sent")
    reporting.conversation.telemetry.flush()
    assert reporting.counted("UndeliveredAutomatic") == 1
    assert not reporting.counted("Undelivered"), "a visitor who types an address that is none rings nobody"


def test_a_failure_is_noted_once_however_often_and_for_however_many_parts_it_is_reported(reporting):
    mid = answered(reporting, "x" * 2500)  # two parts
    reporting.tick(400)
    fails(reporting, mid)
    fails(reporting, f"m_ours{int(mid[6:]) - 1}")
    assert reporting.work() == ["filed", "merged"]
    reporting.tick(400)
    fails(reporting, mid)
    assert reporting.work() in (["duplicate"], ["merged"])
    assert len(notes(reporting)) == 1


def test_a_report_that_names_no_thread_finds_it_by_the_id(reporting):
    mid = answered(reporting)
    fails(reporting, mid, of="nobody-we-know")
    assert reporting.work() == ["routed", "filed"]
    assert len(notes(reporting)) == 1


def test_a_report_on_what_we_did_not_send_is_suppressed_and_counted(reporting):
    before = reporting.comments()
    fails(reporting, "m_of_another_app")
    assert reporting.work() == ["suppressed"]
    reporting.conversation.telemetry.flush()
    assert reporting.counted("UnknownReports") == 1
    assert reporting.comments() == before


def test_a_report_that_comes_before_the_sending_was_noted_is_noted_all_the_same(reporting):
    """It names no thread, so it is worked on at once, while the worker that sent the answer is still at it."""
    ask, seen = reporting.http, []

    def hurried(call):
        answer = ask(call)
        if "graph" in call.url and call.method == "POST" and not seen:
            seen.append(fails(reporting, f"m_ours{len(reporting.graph.sent)}", of="nobody-we-know"))
            report = next(letter for letter in reporting.mailbox.letters if '"undelivered"' in letter.body)
            reporting.mailbox.letters.remove(report)
            assert reporting.conversation.handle(report.body) == "suppressed"
        return answer

    object.__setattr__(reporting.directory, "http", hurried)
    answered(reporting)
    assert seen
    assert reporting.work() == []
    assert len(notes(reporting)) == 1
    assert reporting.thread()["pending"] == []


def test_a_report_leaves_the_customers_own_times_as_they_were(reporting):
    before = reporting.thread()["last_written"], reporting.thread()["filed_at"]
    mid = answered(reporting)
    reporting.tick(3600)
    fails(reporting, mid)
    reporting.work()
    assert (reporting.thread()["last_written"], reporting.thread()["filed_at"]) == before

"""Stories of what a platform reports later: receipts, reactions, our own echoes, what was not delivered after all."""

from __future__ import annotations

import itertools

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

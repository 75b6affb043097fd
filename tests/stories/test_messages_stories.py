"""Stories of messages: the product's own code, from the signed delivery to the ticket and the acknowledgement."""

from __future__ import annotations

from collections import Counter

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import connection_key, helpdesk_key, item
from deskwire.model.errors import TemporaryError
from deskwire.ports import Put
from deskwire.registry import helpdesk
from sandbox.neighbours.neighbour import broken, cut_after, throttled

from .conftest import PAGE, POLICY


def test_a_first_message_opens_a_ticket_and_is_acknowledged(company):
    assert company.deliver(company.message("Where is my parcel 4471? It should have come on Monday.")) == 200
    assert company.work() == ["filed"]
    (ticket,) = company.zendesk.tickets
    assert "Where is my parcel 4471?" in company.comments()[0]
    reference = company.graph.sent[0]["message"]["text"].rpartition(" ")[2]
    assert reference in company.comments()[0]
    assert company.graph.sent[0]["recipient"] == {"id": "24900000000000017"}
    assert set(company.outcomes().values()) == {"filed"}
    assert company.thread()["pending"] == []
    assert "lease_owner" not in company.thread()
    assert ticket.external_id


def test_a_first_message_costs_ten_calls_of_the_table_three_of_the_helpdesk_and_one_acknowledgement(company):
    """Of the helpdesk's, the first looks for what is known of the customer: one for each conversation."""
    company.deliver(company.message("warm up the caches", customer="24900000000000099"))
    company.work()
    company.table.calls.clear()
    company.mailbox.calls.clear()
    company.http_calls.clear()
    company.deliver(company.message("Hello, where is my parcel?"))
    assert company.mailbox.calls == ["send"]
    company.work()
    assert Counter(company.table.calls) == {"put": 1, "get": 1, "update": 7, "transact": 1}
    assert len([call for call in company.http_calls if "zendesk" in call]) == 3, company.http_calls
    assert len([call for call in company.http_calls if "graph" in call and " POST " in call]) == 1


def test_a_follow_up_costs_four_calls_of_the_table_and_one_of_the_helpdesk(company):
    company.deliver(company.message("Hello, where is my parcel?"))
    company.work()
    company.table.calls.clear()
    company.http_calls.clear()
    company.deliver(company.message("It is number 4471."))
    company.work()
    assert company.table.calls == ["put", "update", "update", "update"]
    assert len(company.http_calls) == 1, company.http_calls
    assert len(company.comments()) == 2


def test_a_delivery_of_ten_events_is_one_call_of_the_queue(company):
    entries = [company.message(f"message {number}", customer=f"2490000000000{number:04}") for number in range(10)]
    assert company.deliver(*entries) == 200
    assert company.mailbox.calls == ["send"]


def test_a_redelivery_at_once_and_after_the_queues_memory_changes_nothing(company):
    entry = company.message("Where is my parcel?", mid="m_same")
    company.deliver(entry)
    company.deliver(entry)
    assert company.work() == ["filed"]
    company.tick(301)
    company.deliver(entry)
    assert company.work() == ["duplicate"]
    assert len(company.comments()) == 1
    assert len(company.graph.sent) == 1


def test_an_acknowledgement_comes_once_in_a_quiet_period(company):
    for number in range(4):
        company.deliver(company.message(f"message {number}"))
        company.work()
        company.tick(60)
    assert len(company.graph.sent) == 1
    company.tick(13 * 3600)
    company.deliver(company.message("are you there?"))
    company.work()
    assert len(company.graph.sent) == 2


def test_an_album_within_milliseconds_is_one_ticket(company):
    for number in range(5):
        company.deliver(company.message(f"picture {number}"))
    company.work()
    assert len(company.zendesk.tickets) == 1
    assert len(company.comments()) == 5
    assert len(company.graph.sent) == 1


def test_a_wrong_signature_leaves_nothing(company):
    before = dict(company.table.items)
    assert company.deliver(company.message("let me in"), secret="another") == 401
    assert company.work() == []
    assert company.table.items == before


def test_a_rotated_secret_is_let_in(company):
    assert company.deliver(company.message("Hello"), secret="next-app-secret") == 200


def test_an_answer_lost_on_opening_ends_as_one_ticket(company):
    company.zendesk.faults.add(cut_after(), method="POST", path="/api/v2/tickets.json", times=2)
    company.deliver(company.message("Where is my parcel?"))
    assert company.work() == ["recorded"]
    assert len(company.graph.sent) == 1, "acknowledged all the same"
    assert len(company.zendesk.tickets) == 1
    company.tick(10)
    assert company.sweep()["woken"] == 1
    company.work()
    assert len(company.zendesk.tickets) == 1
    assert len(company.comments()) == 1
    assert set(company.outcomes().values()) == {"filed"}
    assert len(company.graph.sent) == 1


def test_an_answer_lost_on_extending_ends_as_one_comment(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.zendesk.faults.add(cut_after(), method="PUT", times=1)
    company.deliver(company.message("It is 4471"))
    company.work()
    company.later(10)
    assert len(company.comments()) == 2
    assert set(company.outcomes().values()) == {"filed"}


def test_during_an_outage_customers_are_acknowledged_and_nothing_is_lost_or_turned_round(company):
    company.zendesk.stop()
    for number in range(3):
        company.deliver(company.message(f"message {number}"))
        company.work()
        company.tick(1)
    company.deliver(company.message("another person", customer="24900000000000055"))
    company.work()
    assert len(company.graph.sent) == 2
    company.zendesk.start()
    company.connect()
    company.tick(400)
    assert company.sweep()["woken"] == 2
    company.work()
    first = next(t for t in company.zendesk.tickets if len(company.zendesk.comments(t.id)) > 1)
    text = "\n".join(comment.words for comment in company.zendesk.comments(first.id))
    assert text.index("message 0") < text.index("message 1") < text.index("message 2")
    assert set(company.outcomes().values()) == {"filed"}
    assert len(company.graph.sent) == 2


def test_a_rate_limit_is_waited_for(company):
    company.zendesk.faults.add(throttled(30), method="POST", times=1)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.later(10)
    assert company.zendesk.tickets == []
    company.later(60)
    assert len(company.zendesk.tickets) == 1


def test_an_edit_shows_what_was_written_before(company):
    company.deliver(company.message("order 4471", mid="m_one"))
    company.work()
    entry = company.message("order 4472", mid="m_one")
    (item,) = entry["messaging"]
    item["message_edit"] = {"mid": "m_one", "text": "order 4472", "num_edit": "1"}
    del item["message"]
    company.deliver(entry)
    assert company.work() == ["filed"]
    assert "order 4472" in company.comments()[1]
    assert "order 4471" in company.comments()[1]


def test_our_own_echo_opens_nothing_and_one_typed_elsewhere_is_noted(company):
    company.deliver(company.message("Hello, are you open?"))
    company.work()
    company.deliver(company.message("Thank you", mid="m_ours1", own=True))
    assert company.work() == ["suppressed"]
    company.deliver(company.message("We close at five. Anna", mid="m_typed_in_the_inbox", own=True))
    assert company.work() == ["filed"]
    note = company.zendesk.comments(company.zendesk.tickets[0].id)[-1]
    assert "We close at five" in note.words
    assert not note.public


def test_an_account_of_another_endpoint_is_refused(company):
    company.deliver(company.message("Hello", page="999999999999999"))
    assert company.work() == ["refused"]
    assert company.zendesk.tickets == []


def test_an_unreadable_but_genuine_delivery_is_parked_and_answered(company):
    entry = company.message("Hello")
    entry["messaging"][0]["message"]["mid"] = {"not": "an id"}
    assert company.deliver(entry, company.message("this one is fine")) == 200
    assert len(company.parked.bodies) == 1
    assert company.work() == ["filed"]


def test_who_says_stop_is_not_answered_automatically_any_more(company):
    company.deliver(company.message("STOP"))
    company.work()
    company.tick(13 * 3600)
    company.deliver(company.message("My parcel is still missing"))
    company.work()
    assert company.graph.sent == []
    company.deliver(company.message("start"))
    company.work()
    company.tick(13 * 3600)
    company.deliver(company.message("Thank you, and now?"))
    company.work()
    assert len(company.graph.sent) == 1


def test_a_closed_ticket_is_followed_up(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    first = company.zendesk.tickets[0]
    company.zendesk.close(first.id)
    company.deliver(company.message("And now another thing"))
    assert company.work() == ["filed"]
    assert len(company.zendesk.tickets) == 2
    company.deliver(company.message("more of it"))
    company.work()
    assert len(company.zendesk.comments(company.zendesk.tickets[-1].id)) == 2


def test_a_merged_ticket_is_followed(company):
    company.deliver(company.message("Where is my parcel?"))
    company.deliver(company.message("Mine too", customer="24900000000000055"))
    company.work()
    one, two = company.zendesk.tickets
    company.zendesk.merge(one.id, into=two.id)
    company.deliver(company.message("It came!"))
    assert company.work() == ["filed"]
    assert any("It came!" in comment.words for comment in company.zendesk.comments(two.id))
    assert company.thread()["ticket"] == str(two.id)


def test_a_failed_acknowledgement_that_surely_did_not_go_out_is_sent_later_once(company):
    company.graph.next = [TemporaryError("refused", ambiguous=False)]
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    assert company.graph.sent == []
    company.later(30)
    assert len(company.graph.sent) == 1
    assert company.thread()["pending"] == []


def test_an_acknowledgement_of_which_nobody_knows_is_not_repeated(company):
    company.graph.next = [TemporaryError("time-out", ambiguous=True)]
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.later(600)
    company.deliver(company.message("Hello?"))
    company.work()
    assert len(company.graph.sent) == 1


def test_many_messages_at_once_are_one_update_of_the_ticket(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.zendesk.faults.add(throttled(30), method="PUT", times=1)
    for number in range(6):
        company.deliver(company.message(f"and {number}"))
        company.work()
    company.tick(60)
    company.http_calls.clear()
    company.sweep()
    company.work()
    assert len([call for call in company.http_calls if " PUT " in call]) == 1
    text = company.comments()[-1]
    assert [text.index(f"and {number}") for number in range(6)] == sorted(text.index(f"and {n}") for n in range(6))
    assert set(company.outcomes().values()) == {"filed"}


def test_the_budget_of_updates_for_a_ticket_is_kept_and_nothing_is_lost(company):
    for number in range(40):
        company.deliver(company.message(f"message {number} of many"))
        company.work()
        company.tick(2)
    assert not any(entry.status == 429 for entry in company.zendesk.books.entries("PUT"))
    for _ in range(3):
        company.later(400)
    text = "\n".join(company.comments())
    assert all(text.count(f"message {number} of many") == 1 for number in range(40))
    assert set(company.outcomes().values()) == {"filed"}


@pytest.mark.parametrize(("sign", "count"), [("x", 150_000), ("€", 60_000)])  # the helpdesk counts bytes
def test_a_message_longer_than_the_helpdesk_takes_goes_along_whole_as_a_file(company, sign, count):
    company.deliver(company.message(sign * count + " the end"))
    assert company.work() == ["filed"]
    comment = company.zendesk.comments(company.zendesk.tickets[0].id)[0]
    assert comment.files[0].data.decode().count(sign) >= count
    assert len(comment.words.encode()) <= helpdesk("zendesk").abilities.entry_bytes


def test_a_message_that_the_helpdesk_never_takes_is_refused_and_the_next_one_filed(company):
    company.zendesk.faults.add(broken(422), method="POST", path="/api/v2/tickets.json", times=1)
    company.deliver(company.message("Where is my parcel?"))
    assert company.work() == ["refused"]
    company.deliver(company.message("Hello?"))
    assert company.work() == ["filed"]


def test_a_thread_comes_back_after_a_long_time_as_a_new_ticket_that_names_the_old_one(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.zendesk.close(company.zendesk.tickets[0].id)
    company.tick(40 * 86400)
    company.deliver(company.message("Another parcel is late"))
    assert company.work() == ["filed"]
    first, second = company.zendesk.tickets
    assert second.followup_of == first.id


def test_two_workers_on_one_thread_do_not_both_write(company):
    company.deliver(company.message("Where is my parcel?"))
    letter = company.mailbox.take()
    ledger = company.conversation._ledger()
    taken = ledger.take(f"messenger/{'410000000000001'}/24900000000000017", None, "")
    assert taken.lease_owner == ledger.owner
    with pytest.raises(TemporaryError):
        company.conversation.handle(letter.body)
    assert company.zendesk.tickets == []
    company.tick(200)
    assert company.conversation.handle(letter.body) == "filed"


def test_a_worker_that_died_after_recording_is_followed_by_one_that_files_once(company):
    company.deliver(company.message("Where is my parcel?"))
    letter = company.dies_at("K#")  # the ticket was opened, nothing was noted
    company.tick(600)
    assert company.conversation.handle(letter.body) == "filed"
    assert len(company.zendesk.tickets) == 1
    assert len(company.comments()) == 1


def test_a_worker_that_died_before_it_wrote_an_outcome_is_followed_by_one_that_asks_nobody(company):
    company.deliver(company.message("Where is my parcel?"))
    letter = company.dies_at("M#")  # the thread says already how it ended
    assert set(company.outcomes().values()) == {"recorded"}
    calls = len(company.http_calls)
    company.tick(600)
    assert company.conversation.handle(letter.body) == "recorded"
    assert set(company.outcomes().values()) == {"filed"}
    assert company.thread()["pending"] == []
    assert (len(company.http_calls), len(company.comments())) == (calls, 1)


def test_a_customer_has_a_name_in_the_ticket_and_the_platform_is_asked_for_it_once(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.deliver(company.message("It is 4471"))
    company.work()
    (ticket,) = company.zendesk.tickets
    assert "Marta Lindqvist" in ticket.subject
    assert {company.zendesk.author(each).name for each in company.zendesk.comments(ticket.id)} == {"Marta Lindqvist"}
    assert len([call for call in company.http_calls if "graph" in call and " GET " in call]) == 1


def test_an_edit_of_what_never_came_to_us_stands_for_the_message_and_can_be_answered(company):
    entry = company.message("order 4472", mid="m_unseen")
    (item,) = entry["messaging"]
    item["message_edit"] = {"mid": "m_unseen", "text": "order 4472", "num_edit": "1"}
    del item["message"]
    company.deliver(entry)
    assert company.work() == ["filed"]
    ticket = company.zendesk.tickets[0]
    company.zendesk.agent_replies(ticket.id, "Thank you")
    company.signalled(ticket.id)
    company.work()
    assert company.graph.sent[-1]["recipient"] == {"id": "24900000000000017"}


def test_who_says_stop_before_they_could_be_acknowledged_gets_no_automatic_answer(company):
    definition = company.table.items.pop(helpdesk_key("acme"))
    for text in ("Where is my parcel?", "STOP"):
        company.deliver(company.message(text))
        company.work()
    company.table.items[helpdesk_key("acme")] = definition
    company.later(300)
    company.tick(2 * 86400)
    company.deliver(company.message("hello?"))
    company.work()
    assert company.graph.sent == []
    assert len(company.zendesk.comments(company.zendesk.tickets[0].id)) == 3


def test_what_waits_when_its_connection_is_removed_ends_with_a_reason_however_much_it_is(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.zendesk.faults.add(broken(503))
    for number in range(110):
        company.deliver(company.message(f"more {number}"))
        company.work()
        company.tick(1)
    del company.table.items[connection_key("messenger", PAGE)]
    company.later(600)
    assert Counter(company.outcomes().values()) == {"filed": 1, "refused": 110}
    assert company.thread()["pending"] == []


def test_nothing_automatic_is_said_in_the_middle_of_a_colleagues_talk_in_the_platforms_own_app(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    company.tick(13 * 3600)  # the quiet period is over
    before = len(company.graph.sent)
    spoke_at = int(company.now().timestamp())
    company.deliver(company.message("It is at the post office", mid="m_inbox_1", own=True))
    company.work()
    company.tick(60)
    company.deliver(company.message("Until when is it open?"))
    company.work()
    assert company.graph.sent[before:] == []
    assert company.thread()["answered_at"] == spoke_at
    notes = [comment for comment in company.zendesk.comments(company.zendesk.tickets[0].id) if not comment.public]
    assert any("It is at the post office" in note.words for note in notes)


def test_our_own_echo_is_no_colleagues_answer(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    ours = company.graph.sent[-1]["message"]
    company.deliver(company.message(ours["text"], mid="m_ours1", own=True))
    company.work()
    assert not company.thread().get("answered_at")


@pytest.mark.parametrize("state", ["open", "solved", "closed"])
def test_a_follow_up_names_the_earlier_ticket_whatever_became_of_that(company, state):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (first,) = company.zendesk.tickets
    if state != "open":
        {"solved": company.zendesk.solve, "closed": company.zendesk.close}[state](first.id)
    company.tick(15 * 86400)
    company.deliver(company.message("It is still not here"))
    company.work()
    (second,) = [ticket for ticket in company.zendesk.tickets if ticket.id != first.id]
    assert f"#{first.id}" in company.zendesk.comments(second.id)[0].words


def test_a_ticket_that_nobody_has_looked_at_stays_new(company):
    for text in ("Hello", "my parcel 4471", "is lost"):
        company.deliver(company.message(text))
        company.work()
        company.tick(20)
    (ticket,) = company.zendesk.tickets
    assert ticket.status == "new"
    assert len(company.zendesk.comments(ticket.id)) == 3


@pytest.mark.parametrize("status", ["open", "pending", "hold", "solved"])
def test_a_customers_message_opens_a_ticket_that_waits(company, status):
    company.deliver(company.message("Hello"))
    company.work()
    (ticket,) = company.zendesk.tickets
    company.zendesk.agent_replies(ticket.id, "a note", public=False, status=status)
    company.deliver(company.message("is lost"))
    company.work()
    assert ticket.status == "open"


def test_the_days_limit_of_automatic_answers_is_that_of_a_day(company):
    mine = next(each for each in company.definitions if getattr(each, "channel", "") == "messenger")
    often = Policy.model_validate({**POLICY, "quiet_hours": 1, "replies_per_day": 2})
    company.table.put(Put(item(mine.model_copy(update={"policy": often}))))
    for _ in range(3):
        company.deliver(company.message("Where is my parcel?"))
        company.work()
        company.tick(2 * 3600)
    assert len(company.graph.sent) == 2
    company.tick(24 * 3600)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    assert len(company.graph.sent) == 3


@pytest.mark.parametrize(
    ("place", "tag"), [("message", "sensitive"), ("comment", "sensitive-in-public")], ids=["private", "public"]
)
def test_a_card_number_is_tagged_by_who_can_see_it(company, place, tag):
    company.deliver(getattr(company, place)("My card is 4111 1111 1111 1111"))  # a test number that passes the check
    company.work()
    (ticket,) = company.zendesk.tickets
    assert [each for each in ticket.tags if each.startswith("sensitive")] == [tag]


def test_the_ticket_says_which_message_a_customer_answers(company):
    company.deliver(company.message("Which size do you have?\nI need a large one.", mid="m_first"))
    company.tick(90)
    company.deliver(company.message("And in blue?", mid="m_second"))
    company.deliver(company.message("That one", mid="m_third", reply_to={"mid": "m_first"}))
    company.work()
    assert company.comments()[-1].splitlines() == [
        "That one", "", "Messenger", "In reply to: their own message of 2026-11-02 09:00 UTC",
    ]  # fmt: skip


def test_what_answers_their_last_message_says_nothing_of_it(company):
    company.deliver(company.message("Which size do you have?", mid="m_first"))
    company.work()
    company.deliver(company.message("A large one", mid="m_second", reply_to={"mid": "m_first"}))
    company.deliver(company.message("And blue", mid="m_third", reply_to={"mid": "m_unknown"}))
    company.work()
    assert not any("In reply to" in comment for comment in company.comments())


def test_an_answer_to_ours_says_when_we_wrote(company):
    company.deliver(company.message("Which size do you have?"))
    company.work()
    company.tick(60)
    company.deliver(company.message("Thank you", reply_to={"mid": "m_ours1"}))
    company.work()
    assert "In reply to: our message of 2026-11-02 09:00 UTC" in company.comments()[-1].splitlines()

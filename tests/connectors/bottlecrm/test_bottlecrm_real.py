"""The connector and the harness against a real BottleCRM."""

import dataclasses
import json
import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.bottlecrm import BottleCRM
from deskwire.helpdesks.bottlecrm.api import Api
from deskwire.helpdesks.bottlecrm.words import COMMENT, mark
from deskwire.model.errors import ConfigurationError, PermanentError, SignatureError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.signals import About, Status
from deskwire.model.tickets import Change, Customer, File, Sought
from deskwire.operating.examining import Examination
from deskwire.verification.rule import Context
from deskwire.web.media import Network, fetch
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from sandbox.helpdesks.bottlecrm.played import INSTALL, available
from sandbox.helpdesks.bottlecrm.played import BottleCRM as Server
from sandbox.neighbours.desk import DeskError
from tests.connectors.living import FAMILY, HARD, Wire, a_ticket, an_entry, reach_of, ruled

pytestmark = pytest.mark.skipif(not available(), reason=f"BottleCRM is not installed: {INSTALL}")

HOST = "crm.example.com"
PIXEL = b"\x89PNG\r\n\x1a\n\x00\xff"
connector = BottleCRM()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("bottlecrm")) as server:
        yield server


@pytest.fixture
def wire(desk):
    found = Wire(HOST, desk.address)
    yield found
    found.direct.close()


@pytest.fixture
def reach(desk, wire):
    return reaching(desk, wire)


def reaching(desk, wire, token=""):
    found = reach_of(wire, {"address": f"https://{HOST}"}, {"token": token or desk.token})
    network = Network(sandbox={HOST: desk.address})
    return dataclasses.replace(found, fetch=lambda call, hosts: fetch(call, hosts, network=network))


def opened(reach, *bodies, **changes):
    ticket = a_ticket(*(bodies or ("Where is my parcel?",)), **changes)
    return ticket, connector.open(ticket, reach).ticket


def notes(desk, number):
    return sorted(desk.ticket(number)["internal_notes"], key=lambda row: row["commented_on"])


def case(desk, number):
    return desk.ticket(number)["cases_obj"]


# ------------------------------------------------------------------------------------------------- its webhook


def delivered(sent):
    return Request(
        method="POST", endpoint="crm-webhook", body=sent["body"].encode(), received_at=datetime.now(UTC),
        headers={name.lower(): value for name, value in sent["headers"].items()},
    )  # fmt: skip


def told(desk, request):
    rule, secrets = connector.verification, Secrets({"signing_secret": desk.webhook_secret})
    rule.verify(request, secrets, Context(datetime.now(UTC), http=None))
    return list(connector.parse(request))


def test_a_vector_that_bottlecrm_signed_verifies_and_tells_of_a_public_comment_alone(desk, reach):
    before = len(desk.webhooks())
    ticket, number = opened(reach)
    connector.append(number, ticket.thread, [an_entry("note", public=False)], reach)
    desk.agent_replies(number, "between us", public=False)
    answer = desk.agent_replies(number, "It left today 🌷", file=("label.png", "image/png", PIXEL))
    signals = [signal for sent in desk.webhooks()[before:] for signal in told(desk, delivered(sent))]
    (said,) = (signal for signal in signals if signal.about is About.TICKET)
    assert (said.ticket, said.account, said.own) == (number, "crm-webhook", False)
    assert {(signal.about, signal.reason) for signal in signals if signal is not said} <= {
        (About.OTHER, "[ticket.created]"), (About.OTHER, "[ticket.updated]"),
    }  # fmt: skip
    (reply,) = connector.replies(number, "", reach)
    assert (reply.id, reply.text, len(reply.attachments)) == (answer, "It left today 🌷", 1)


def test_a_webhook_with_a_changed_body_is_refused(desk, reach):
    _, number = opened(reach)
    desk.agent_replies(number, "an answer")
    request = delivered(desk.webhooks()[-1])
    with pytest.raises(SignatureError):
        told(desk, dataclasses.replace(request, body=request.body.replace(number.encode(), b"another")))


# ------------------------------------------------------------------------------------------------ H1: open, append


def test_h1_a_ticket_is_opened_with_its_facts_and_words_and_mails_nobody(desk, reach, wire):
    customer = Customer(external_id="w-1", name="Мария 🌷", channel="webform", email="maria@customer.example")
    ticket = a_ticket("Where is my parcel? 🌷", priority="high", tags=("webform", "vip"), customer=customer)
    note = an_entry("Look: a regular customer", public=False, author="")
    ticket = dataclasses.replace(ticket, entries=(*ticket.entries, note), fields={"permalink": "https://x.example/1"})
    filed = connector.open(ticket, reach)
    made, (words, noted) = case(desk, filed.ticket), notes(desk, filed.ticket)
    assert (made["name"], made["priority"], made["status"]) == (
        f"{ticket.subject} · {ticket.reference}",
        "High",
        "New",
    )
    for fact in ("Customer: Мария 🌷", "E-mail: maria@customer.example", "Reference: DW-", "permalink: https://x.ex"):
        assert fact in made["description"]
    assert {tag["name"] for tag in made["tags"]} == {"webform", "vip"}
    assert words["comment"].startswith("Мария 🌷, 2026-11-21 09:14 UTC:\n\nWhere is my parcel? 🌷")
    assert noted["comment"].startswith("Note, 2026-11-21 09:14 UTC:\n\nLook")
    assert [filed.entries[entry.key] for entry in ticket.entries] == [words["id"], noted["id"]]
    assert made["first_response_at"] is None, "BottleCRM takes the customer's words for the company's first answer"
    assert "maria@customer.example" not in desk.mails()
    wire.calls.clear()
    connector.open(a_ticket("again", tags=("vip",)), reach)
    assert wire.asked == ["POST", "POST"], "tags are asked for once an hour"


def test_h1_a_message_is_appended_in_two_calls(desk, reach, wire):
    ticket, number = opened(reach)
    wire.calls.clear()
    entry = an_entry("It is order 4711")
    filed = connector.append(number, ticket.thread, [entry], reach)
    assert wire.asked == ["GET", "POST"]
    assert filed.entries[entry.key] == notes(desk, number)[-1]["id"]


@pytest.mark.parametrize("status", ["Closed", "Rejected"])
def test_h1_a_customer_opens_a_ticket_again_and_a_note_does_not(status, desk, reach):
    ticket, number = opened(reach)
    desk.agent_sets(number, status=status)
    connector.append(number, ticket.thread, [an_entry("internal words", public=False)], reach)
    assert case(desk, number)["status"] == status
    connector.append(number, ticket.thread, [an_entry("not solved at all")], reach)
    assert case(desk, number)["status"] == "New"


def test_h1_a_ticket_that_is_opened_again_goes_to_whom_it_was_assigned(desk, reach):
    ticket, number = opened(reach)
    desk.agent_sets(number, status="Closed", assigned_to=[desk.call("GET", "profile/")["user_obj"]["id"]])
    connector.append(number, ticket.thread, [an_entry("not solved at all")], reach)
    assert case(desk, number)["status"] == "Assigned"


def test_h13_a_ticket_closed_for_longer_than_is_declared_gets_a_follow_up(desk, reach):
    ticket, number = opened(reach)
    desk.agent_sets(number, status="Closed")
    later = ruled(dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(days=4)), 3)
    with pytest.raises(TicketGone, match="closed"):
        connector.append(number, ticket.thread, [an_entry("again")], later)
    connector.append(number, ticket.thread, [an_entry("at once")], ruled(reach, 3))
    assert case(desk, number)["status"] == "New"


def test_h1_a_deleted_ticket_is_said_to_be_gone(desk, reach):
    ticket, hidden = opened(reach)
    desk.agent_sets(hidden, is_active=False)
    for number in ("6910b085-7bf3-4889-83c4-c025304740af", hidden):
        with pytest.raises(TicketGone) as gone:
            connector.append(number, ticket.thread, [an_entry("anybody?")], reach)
        assert gone.value.state == "deleted"
        with pytest.raises(TicketGone):
            connector.update(number, Change("high"), reach)
    with pytest.raises(PermanentError):
        connector.replies("7/../../profile", "", reach)


def test_h1_a_merged_ticket_says_into_which_and_since_when(desk, reach):
    ticket, number = opened(reach)
    other = desk.agent_opens(f"the same by telephone, {number}")
    desk.agent_merges(number, other)
    with pytest.raises(TicketGone) as gone:
        connector.append(number, ticket.thread, [an_entry("and another thing")], reach)
    assert (gone.value.state, gone.value.into) == ("merged", other)
    assert abs(gone.value.at - datetime.now(UTC)) < timedelta(minutes=10)
    found = Sought(key=ticket.entries[0].key, ticket=number, thread=ticket.thread)
    assert connector.find(found, reach).entries, "its words were moved along"


def test_two_tickets_of_one_name_are_both_opened(desk, reach):
    """BottleCRM takes no name twice: a name that an agent gave by chance is none of ours."""
    ticket = a_ticket("hello")
    taken = desk.agent_opens(f"{ticket.subject} · {ticket.reference}")
    number = connector.open(ticket, reach).ticket
    assert number != taken
    assert case(desk, number)["name"].startswith(f"{ticket.subject} · {ticket.reference} ")
    long = a_ticket("hello", subject="x" * 300)
    assert len(case(desk, connector.open(long, reach).ticket)["name"]) <= 64


# ------------------------------------------------------------------------------------------------- what errors say


def test_a_token_that_is_refused_or_scoped_too_narrowly_calls_a_person(desk, wire, reach):
    with pytest.raises(ConfigurationError, match="token"):
        opened(reaching(desk, wire, token="bcrm_pat_unknown"))
    with pytest.raises(ConfigurationError, match="scopes"):
        Api(reach).get("accounts/", "looking")


def test_tickets_that_are_switched_off_call_a_person_and_are_not_deleted_ones(desk, reach):
    _, number = opened(reach)
    desk.call("PUT", "org/modules/", {"off": ["tickets"], "order": []})
    try:
        for call in (
            lambda: connector.append(number, "t", [an_entry("anybody?")], reach),
            lambda: connector.find(Sought(key="k", thread="t"), reach),
            lambda: opened(reach),
        ):
            with pytest.raises(ConfigurationError, match="switched off"):
                call()
    finally:
        desk.call("PUT", "org/modules/", {"off": [], "order": []})


def test_a_change_of_the_status_that_is_refused_costs_no_message(reach):
    ticket, number = opened(reach)
    connector.close(number, reach)
    refusing = dataclasses.replace(
        reach, http=lambda call: Answer(400, {}, b'{"error": true}') if call.method == "PATCH" else reach.http(call)
    )
    with pytest.raises(TemporaryError) as told:
        connector.append(number, ticket.thread, [an_entry("hello?")], refusing)
    assert told.value.concerns == "ticket"


# -------------------------------------------------------------------------------------------------------- H2: keys


def test_h2_what_lost_its_answer_is_found_by_its_key_and_not_written_twice(desk, reach, wire):
    ticket, entry = a_ticket("hello"), an_entry("once only")
    assert connector.find(Sought(key=ticket.key, thread=ticket.thread), reach) is None
    wire.lose = "/cases/"
    with pytest.raises(TemporaryError) as error:
        connector.open(ticket, reach)
    assert error.value.ambiguous
    found = connector.find(Sought(key=ticket.key, thread=ticket.thread), reach)
    wire.lose = f"/cases/{found.ticket}/"
    with pytest.raises(TemporaryError):
        connector.append(found.ticket, ticket.thread, [entry], reach)
    again = connector.find(Sought(key=entry.key, ticket=found.ticket, thread=ticket.thread), reach)
    assert again == connector.append(found.ticket, ticket.thread, [entry], reach)
    assert again.entries == {entry.key: notes(desk, found.ticket)[-1]["id"]}
    absent = Sought(key=ticket.entries[0].key, ticket=found.ticket, thread=ticket.thread)
    assert connector.find(absent, reach) is None, "its answer was lost before the words went out"


def test_h2_a_ticket_is_not_made_twice_even_where_nobody_asked(desk, reach, wire):
    ticket = a_ticket("hello")
    wire.lose = "/cases/"
    with pytest.raises(TemporaryError):
        connector.open(ticket, reach)
    first, second = connector.open(ticket, reach), connector.open(ticket, reach)
    assert first == second
    assert len(notes(desk, first.ticket)) == 1


def test_h2_files_of_an_attempt_that_was_cut_off_are_not_sent_twice(desk, reach, wire):
    ticket, number = opened(reach)
    entry = an_entry("look", files=(File("a.txt", "text/plain", b"a"), File("b.png", "image/png", PIXEL)))
    wire.lose = f"/cases/{number}/"  # after the first file
    with pytest.raises(TemporaryError):
        connector.append(number, ticket.thread, [entry], reach)
    assert connector.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach) is None
    first = connector.append(number, ticket.thread, [entry], reach)
    assert first == connector.append(number, ticket.thread, [entry], reach)
    assert sorted(row["file_name"] for row in desk.ticket(number)["attachments"]) == ["a.txt", "b.png"]
    connector.append(number, ticket.thread, [an_entry("again", files=(File("a.txt", "text/plain", b"a"),))], reach)
    assert len(desk.ticket(number)["attachments"]) == 3, "a later file of that name is another one"


# ------------------------------------------------------------------------------------------- H6, H9, H10: the words


def test_h6_nobody_is_mentioned_by_a_customer_s_text(desk, reach):
    words = "@agent ä@agent @@agent (@agent) https://x.example/@agent www.x.example/@agent/1"
    ticket, number = opened(reach, words, subject="@agent")
    connector.append(
        number, ticket.thread, [an_entry(words, author="@agent"), an_entry("to agent@northwind.example")], reach
    )
    assert desk.call("GET", f"cases/{number}/watchers/")["watchers"] == []
    assert desk.call("GET", "notifications/")["results"] == []
    seen = notes(desk, number)[-1]["comment"]
    assert "to agent@northwind.example" in seen
    assert "https://x.example/%40agent" in notes(desk, number)[0]["comment"], "an address works as before"
    desk.call("POST", f"cases/{number}/", {"comment": "@agent", "is_internal": True}, token=desk.token)
    assert desk.call("GET", f"cases/{number}/watchers/")["watchers"], "the test sees no mention"


def test_h9_long_texts_and_four_byte_characters_arrive_whole(desk, reach):
    body = f"{FAMILY} é 🌷\n" * 260
    assert len(body) < COMMENT
    _, number = opened(reach, f"{HARD}\x00", body)
    hard, long = (row["comment"].replace("\u2060", "") for row in notes(desk, number))
    assert f"{HARD}\ufffd" in hard
    assert body in long
    most = an_entry("x" * COMMENT, author="y" * 300)
    connector.append(number, "t", [most], reach)
    assert len(notes(desk, number)[-1]["comment"]) < 10_000, "an agent could not correct it"


def test_h9_a_longer_message_is_several_comments_in_order(desk, reach, wire):
    words = [f"{number} @agent @bela" for number in range(3_000)]  # each mention that is broken makes it longer
    entry = an_entry("\n".join(words), files=(File("look.png", "image/png", PIXEL),))
    ticket, number = opened(reach)
    wire.lose = f"/cases/{number}/"
    with pytest.raises(TemporaryError):
        connector.append(number, ticket.thread, [entry], reach)
    assert connector.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach) is None
    filed = connector.append(number, ticket.thread, [entry], reach)
    _, *written = notes(desk, number)
    assert len(written) > 3
    assert all(len(row["comment"]) < 10_000 for row in written), "an agent could not correct it"
    said = "\n".join(row["comment"].replace("\r", "").replace("\u2060", "") for row in written)
    assert [each for each in said.split("\n") if each.endswith("@bela")] == words
    assert filed.entries[entry.key] == written[-1]["id"]
    assert [row["file_name"] for row in desk.ticket(number)["attachments"]] == ["look.png"]
    assert connector.append(number, ticket.thread, [entry], reach) == filed


def test_h10_files_arrive_with_name_type_and_bytes_and_what_is_refused_is_named(desk, reach):
    files = (
        File("ärger 🌷.png", "image/png", PIXEL),
        File("voice", "audio/ogg", b"\x00\x01"),
        File(f"{'long' * 40}.pdf", "application/pdf", b"%PDF"),
        File("huge.txt", "text/plain", b"x" * (25 * 1024 * 1024 + 1)),
    )
    ticket, number = opened(reach)
    connector.append(number, ticket.thread, [an_entry("look", files=files)], reach)
    shown = desk.ticket(number)
    stored = sorted(shown["attachments"], key=lambda row: row["created_at"])
    assert [row["file_name"] for row in stored] == ["ärger 🌷.png", "voice.ogg", f"{('long' * 40)[:56]}.pdf"]
    assert "did not take the file huge.txt" in notes(desk, number)[-1]["comment"]
    path = stored[0]["file_path"].partition("/media/")[2]
    assert (desk.home / "media" / urllib.parse.unquote(path)).read_bytes() == PIXEL


# ------------------------------------------------------------------------------------------------------ H8: answers


def test_h8_replies_are_what_staff_wrote_publicly_since_and_never_ours(desk, reach):
    ticket, number = opened(reach)
    first = desk.agent_replies(number, "First answer 🌷\nwith a second line")
    connector.append(number, ticket.thread, [an_entry("thanks"), an_entry("note", public=False)], reach)
    desk.agent_replies(number, "internal: grumpy", public=False, file=("grumpy.png", "image/png", PIXEL))
    second = desk.agent_replies(number, "Second answer", file=("label.png", "image/png", PIXEL))
    desk.call("POST", f"cases/{number}/", {"comment": "by our user, in public"}, token=desk.token)
    everything = connector.replies(number, "", reach)
    assert [(reply.id, reply.text) for reply in everything] == [
        (first, "First answer 🌷\nwith a second line"), (second, "Second answer"),
    ]  # fmt: skip
    assert [reply.id for reply in connector.replies(number, first, reach)] == [second]
    assert not any(reply.withheld for reply in everything)
    assert abs((everything[0].written_at - datetime.now(UTC)).total_seconds()) < 600
    (attachment,) = everything[1].attachments
    assert (attachment.kind, attachment.name, attachment.type) == ("image", "label.png", "image/png")
    assert connector.file(attachment, reach).data == PIXEL


def test_h8_a_file_that_another_sends_at_the_same_moment_is_not_the_answer_s(desk, reach):
    ticket, number = opened(reach)
    desk.agent_replies(number, "an answer")
    entry = an_entry("mine", files=(File("mine.png", "image/png", PIXEL),))
    connector.append(number, ticket.thread, [entry], reach)
    assert connector.replies(number, "", reach)[0].attachments == ()


def test_h8_a_copy_of_our_words_is_withheld(desk, reach):
    _, number = opened(reach)
    desk.agent_replies(number, f"Look what they wrote:\n{mark('k')}")
    assert [bool(reply.withheld) for reply in connector.replies(number, "", reach)] == [True]


def test_h8_after_a_merge_only_what_is_surely_for_this_customer_is_sent(desk, reach):
    _, number = opened(reach)
    other = desk.agent_opens(f"somebody else's complaint, {number}")
    early = desk.agent_replies(other, "secret of somebody else")
    desk.agent_merges(number, other)
    sure = desk.agent_replies(other, "for both, after")
    found = {reply.id: bool(reply.withheld) for reply in connector.replies(number, "", reach)}
    assert found == {early: True, sure: False}


def test_h8_polling_finds_answers_and_statuses_of_our_tickets_and_each_once(desk, reach, wire):
    start = connector.poll("", reach)
    assert not start.signals
    since = datetime.now(UTC).isoformat()
    ticket, number = opened(reach)
    _, merged = opened(reach)
    other = desk.agent_opens(f"elsewhere, {number}")
    desk.agent_merges(merged, other)
    one = desk.agent_replies(number, "one")
    desk.agent_replies(number, "a note", public=False)
    desk.agent_sets(number, status="Pending")
    desk.agent_sets(number, status="Closed")
    connector.append(number, ticket.thread, [an_entry("again")], reach)
    desk.agent_sets(number, status="Closed")
    desk.agent_sets(number, status="New")
    two = desk.agent_replies(other, "two")
    desk.agent_replies(desk.agent_opens(f"not ours, {number}"), "three")
    later = dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5))
    page = connector.poll(since, later)
    told = [each for each in page.signals if each.ticket == number]
    assert [each.object_id for each in told if each.about is About.TICKET] == [one]
    assert [each.status for each in told if each.status] == [
        Status.SOLVED, Status.SOLVED, Status.REOPENED,
    ]  # fmt: skip
    assert (merged, two) in {(each.ticket, each.object_id) for each in page.signals}
    assert len({each.key for each in page.signals}) == len(page.signals)
    assert not any(each.status for each in page.signals if each.ticket == merged), "merged is not solved"
    wire.calls.clear()
    assert connector.poll(page.cursor, later) == dataclasses.replace(page, signals=())
    assert wire.asked == ["GET"]


def test_h14_a_poll_tells_who_has_a_ticket_each_time(desk, reach):
    _, number = opened(reach)
    agent = desk.call("GET", "profile/")["user_obj"]
    found = []
    for whose, priority in (([agent["id"]], "Low"), ([], "High"), ([agent["id"]], "High")):
        since = datetime.now(UTC).isoformat()
        kept = {name: desk.ticket(number)["cases_obj"][name] for name in ("name", "status")}
        desk.call("PUT", f"cases/{number}/", {**kept, "priority": priority, "assigned_to": whose})
        later = dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5))
        found += [each for each in connector.poll(since, later).signals if each.ticket == number and each.assignee]
    assert [each.assignee.id for each in found] == [agent["id"], "", agent["id"]]
    assert found[0].assignee.name == agent["user_details"]["email"]
    assert len({each.key for each in found}) == len(found)


def test_h8_a_comment_of_this_minute_is_told_again_for_one_before_it_may_not_be_visible_yet(desk, reach):
    since = datetime.now(UTC).isoformat()
    _, number = opened(reach)
    desk.agent_replies(number, "just now")
    page = connector.poll(since, dataclasses.replace(reach, now=datetime.now(UTC)))
    again = connector.poll(page.cursor, dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5)))
    assert [each.key for each in page.signals] == [each.key for each in again.signals] != []


def test_h8_where_more_happened_than_is_listed_all_our_tickets_are_looked_at(desk, reach, monkeypatch):
    monkeypatch.setattr("deskwire.helpdesks.bottlecrm.rounds.ROWS", 4)
    monkeypatch.setattr("deskwire.helpdesks.bottlecrm.rounds.LOOKS", 3)
    _, number = opened(reach)
    for _ in range(5):
        opened(reach)
    cursor = datetime.now(UTC).isoformat()
    answer = desk.agent_replies(number, "one")
    noise = desk.agent_opens(f"noise, {number}")
    for count in range(4):
        desk.agent_sets(noise, priority=("Low", "High")[count % 2])
    found = set()
    for _ in range(5):
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        found |= {each.object_id for each in page.signals}
    assert answer in found


# --------------------------------------------------------------------------------------- H11: priority and tags later


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(desk, reach, wire):
    filed = connector.open(a_ticket("hello", priority="normal", tags=("messenger", "vip")), reach)
    before = notes(desk, filed.ticket)
    wire.calls.clear()
    connector.update(filed.ticket, Change("urgent", ("sensitive", "vip")), reach)
    changed = case(desk, filed.ticket)
    assert changed["priority"] == "Urgent"
    assert {tag["name"] for tag in changed["tags"]} == {"messenger", "vip", "sensitive"}
    assert wire.asked[-2:] == ["POST", "POST"], "the tag is made, and set"
    wire.calls.clear()
    connector.update(filed.ticket, Change("low", ("Sensitive",)), reach)
    assert wire.asked == ["GET"]
    assert notes(desk, filed.ticket) == before, "no message is written"


def test_h11_a_tag_that_bottlecrm_has_or_does_not_take_costs_no_ticket(desk, reach):
    desk.call("POST", "tags/", {"name": "Big Customer"})
    number = connector.open(a_ticket("hello", tags=("big customer", "!", "z" * 60)), reach).ticket
    made = case(desk, number)
    assert [tag["name"] for tag in made["tags"]] == ["Big Customer"]
    assert f"Tags: !, {'z' * 60}" in made["description"]


# ------------------------------------------------------------------------------------------------------ H12: history


def test_h12_earlier_tickets_of_the_customer_alone_are_told(desk, reach):
    customer = Customer(external_id="messenger-h12", name="Мария", channel="messenger")
    first = connector.open(a_ticket("Lost", customer=customer, subject="Lost", tags=("complaint",)), reach).ticket
    second = connector.open(a_ticket("Late", customer=customer, subject="Late"), reach).ticket
    connector.open(a_ticket("Somebody else's"), reach)
    desk.agent_sets(second, status="Closed")
    told = connector.history(customer, reach)
    assert [(each.ticket, each.open, each.outcome, each.complaint) for each in told] == [
        (second, False, "Closed", False), (first, True, "New", True),
    ]  # fmt: skip
    assert told[0].subject.startswith("Late · DW-")
    assert told[0].at is not None
    assert connector.history(Customer(external_id="messenger-h13", name="Ana", channel="messenger"), reach) == []


def test_h12_tickets_of_the_customer_s_contact_are_told_by_e_mail_or_telephone_where_these_are_given(desk, reach):
    mine = desk.agent_adds_contact(email="maria.h12@customer.example", phone="+48 600 700 812")
    other = desk.agent_adds_contact(email="other@customer.example", phone="+49 600 700 812", last_name="Other")
    called = desk.agent_opens("By telephone", contacts=[mine])
    desk.agent_opens("Somebody else called", contacts=[other])
    known = Customer(external_id="whatsapp-h12", name="Maria", channel="whatsapp")
    assert connector.history(known, reach) == []
    for given in ({"email": "Maria.H12@customer.example"}, {"phone": "+48600700812"}):
        told = connector.history(dataclasses.replace(known, **given), reach)
        assert [(each.ticket, each.subject) for each in told] == [(called, "By telephone")]


# ------------------------------------------------------------------------------------------------------ the rest


def test_doctor_proves_it_and_leaves_its_ticket_closed(desk, reach):
    steps = examined(reach)
    assert [each for each in steps if each.good is not True] == []
    (ticket,) = {each.said.split()[1] for each in steps if each.name == "open a ticket"}
    assert case(desk, ticket)["status"] == "Closed"


def test_doctor_names_a_token_that_is_refused_and_opens_nothing(desk, wire):
    steps = list(Examination(connector, reaching(desk, wire, token="bcrm_pat_no"), "run").read())
    assert {each.good for each in steps} == {False}
    assert all("token" in each.said for each in steps)


def examined(reach):
    examination = Examination(connector, reach, f"run-{datetime.now(UTC).timestamp()}")
    return [*examination.read(), *examination.write()]


def test_stopping_leaves_no_process(tmp_path):
    with Server(tmp_path) as second:
        assert json.loads((second.home / "made.json").read_text())
        assert second.call("GET", "cases/")["cases_count"] == 0
    with pytest.raises(DeskError, match="refused"):
        second.call("GET", "cases/")

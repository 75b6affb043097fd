"""The connector and the harness against a real django-helpdesk."""

import dataclasses
import html
import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.djangohelpdesk import DjangoHelpdesk
from deskwire.helpdesks.djangohelpdesk.words import FOLLOW_UP, mark
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.signals import About, Status
from deskwire.model.tickets import Change, Customer, File, Sought
from deskwire.web.media import Network, fetch
from sandbox.helpdesks.djangohelpdesk.played import INSTALL, available
from sandbox.helpdesks.djangohelpdesk.played import DjangoHelpdesk as Server
from sandbox.neighbours.desk import DeskError
from tests.connectors.living import FAMILY, HARD, Wire, a_ticket, an_entry, from_now_on, reach_of, ruled

pytestmark = pytest.mark.skipif(not available(), reason=f"django-helpdesk is not installed: {INSTALL}")

HOST = "desk.example.com"
PIXEL = b"\x89PNG\r\n\x1a\n\x00\xff"
connector = DjangoHelpdesk()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("django-helpdesk")) as server:
        yield server


@pytest.fixture
def wire(desk):
    found = Wire(HOST, desk.address)
    yield found
    found.direct.close()


@pytest.fixture
def reach(desk, wire):
    return reaching(desk, wire)


def reaching(desk, wire, *, secrets=None, **settings):
    given = {"address": f"https://{HOST}", "queue": desk.queue, "user_id": desk.user_id, **settings}
    found = reach_of(wire, given, secrets or {"token": desk.token})
    network = Network(sandbox={HOST: desk.address})
    return dataclasses.replace(found, fetch=lambda call, hosts: fetch(call, hosts, network=network))


def opened(reach, *bodies, **changes):
    ticket = a_ticket(*(bodies or ("Where is my parcel?",)), **changes)
    return ticket, connector.open(ticket, reach).ticket


def rows(desk, number):
    return sorted(desk.ticket(number)["followup_set"], key=lambda row: row["id"])


def shown(desk, number):
    """Return what stands on a ticket's page, as words."""
    return html.unescape(desk.page(f"tickets/{number}/"))


# ------------------------------------------------------------------------------------------------ H1: open, append


def test_h1_a_ticket_is_opened_with_its_facts_and_words_and_mails_nobody(desk, reach, wire):
    customer = Customer(external_id="w-1", name="Мария 🌷", channel="webform", email="maria@customer.example")
    ticket = a_ticket("Where is my parcel? 🌷", "مرحبا", priority="high", tags=("webform", "vip"), customer=customer)
    note = an_entry("Look: a regular customer", public=False, author="")
    ticket = dataclasses.replace(ticket, entries=(*ticket.entries, note), fields={"permalink": "https://x.example/1"})
    filed = connector.open(ticket, reach)
    made = desk.ticket(filed.ticket)
    opening, *written = rows(desk, filed.ticket)
    assert (made["title"], made["priority"], made["status"]) == (ticket.subject, 2, 1)
    for fact in ("Customer: Мария 🌷", "maria@customer.example", "Reference: DW-", "Tags: webform, vip", "x.example/1"):
        assert fact in made["description"]
    assert [row["public"] for row in written] == [True, True, False]
    assert "Мария 🌷, 2026-11-21 09:14 UTC:\n\nWhere is my parcel? 🌷" in written[0]["comment"]
    assert "مرحبا" in written[1]["comment"]
    assert [filed.entries[entry.key] for entry in ticket.entries] == [str(row["id"]) for row in written]
    assert str(opening["user"]) == desk.user_id
    assert wire.asked == ["POST"] * 4
    assert "maria@customer.example" not in desk.mails()


def test_h1_a_message_is_appended_in_two_calls_and_renames_nothing(desk, reach, wire):
    ticket, number = opened(reach)
    wire.calls.clear()
    entry = an_entry("It is order 4711")
    filed = connector.append(number, ticket.thread, [entry], reach)
    assert wire.asked == ["GET", "POST"]
    assert "It is order 4711" in next(
        row["comment"] for row in rows(desk, number) if str(row["id"]) == filed.entries[entry.key]
    )
    assert desk.ticket(number)["title"] == ticket.subject


@pytest.mark.parametrize("status", [3, 4])
def test_h1_a_customer_opens_a_ticket_again_and_a_note_does_not(status, desk, reach):
    ticket, number = opened(reach)
    desk.agent_answers(number, "Solved by hand", status=status)
    connector.append(number, ticket.thread, [an_entry("internal words", public=False)], reach)
    after_note = desk.ticket(number)
    connector.append(number, ticket.thread, [an_entry("not solved at all")], reach)
    after_words = desk.ticket(number)
    assert after_note["status"] == status
    assert after_words["status"] == 2
    assert after_note["resolution"] == after_words["resolution"] == "Solved by hand", "our words became it"
    assert "internal words" in rows(desk, number)[-2]["comment"]


def test_h13_a_ticket_closed_for_longer_than_is_declared_gets_a_follow_up(desk, wire):
    reach = ruled(reaching(desk, wire), 3)
    ticket, number = opened(reach)
    desk.agent_answers(number, "Done", status=4)
    later = ruled(dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(days=4)), 3)
    with pytest.raises(TicketGone, match="closed"):
        connector.append(number, ticket.thread, [an_entry("again")], later)
    connector.append(number, ticket.thread, [an_entry("at once")], reach)
    assert desk.ticket(number)["status"] == 2


def test_h1_a_deleted_ticket_is_said_to_be_gone(reach):
    for call in (connector.append, lambda number, _, __, reach: connector.update(number, Change("high"), reach)):
        with pytest.raises(TicketGone) as gone:
            call("987654", "t", [an_entry("anybody?")], reach)
        assert gone.value.state == "deleted"


def test_h1_a_merged_ticket_says_into_which(desk, reach):
    ticket, number = opened(reach)
    other = desk.agent_opens("the same by telephone")
    desk.agent_merges(number, other)
    with pytest.raises(TicketGone) as gone:
        connector.append(number, ticket.thread, [an_entry("and another thing")], reach)
    assert (gone.value.state, gone.value.into, gone.value.at) == ("merged", other, reach.now)


def test_an_unknown_queue_and_a_wrong_password_call_a_person(desk, wire):
    with pytest.raises(ConfigurationError, match="queue"):
        opened(reaching(desk, wire, queue="4711"))
    with pytest.raises(ConfigurationError, match="password"):
        opened(reaching(desk, wire, user="deskwire", secrets={"password": "wrong"}))
    assert opened(reaching(desk, wire, user="deskwire", secrets={"password": "sandbox-only"}))[1]


# -------------------------------------------------------------------------------------------------------- H2: keys


def test_h2_what_lost_its_answer_is_found_by_its_key(desk, reach, wire):
    ticket, entry = a_ticket("hello"), an_entry("once only")
    since = datetime.now(UTC)
    assert connector.find(Sought(key=ticket.key, thread=ticket.thread, since=since), reach) is None
    wire.lose = "/tickets/"
    with pytest.raises(TemporaryError) as error:
        connector.open(ticket, reach)
    assert error.value.ambiguous
    found = connector.find(Sought(key=ticket.key, thread=ticket.thread, since=since), reach)
    wire.lose = "/followups/"
    with pytest.raises(TemporaryError):
        connector.append(found.ticket, ticket.thread, [entry], reach)
    again = connector.find(Sought(key=entry.key, ticket=found.ticket, thread=ticket.thread, since=since), reach)
    assert again.entries[entry.key] == str(rows(desk, found.ticket)[-1]["id"])
    absent = Sought(key=ticket.entries[0].key, ticket=found.ticket, thread=ticket.thread)
    assert connector.find(absent, reach) is None, "its answer was lost before the words went out"


def test_h2_what_is_there_already_is_not_written_twice(desk, reach, wire):
    ticket, number = opened(reach)
    entry = an_entry("hello", files=(File("a.txt", "text/plain", b"a"), File("b.png", "image/png", PIXEL)))
    wire.lose = "/followups-attachments/"  # after the words and the first file
    with pytest.raises(TemporaryError):
        connector.append(number, ticket.thread, [entry], reach)
    assert connector.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach) is None
    first = connector.append(number, ticket.thread, [entry], reach)
    second = connector.append(number, ticket.thread, [entry], reach)
    opening, asked, written = rows(desk, number)
    assert first == second
    assert first.entries[entry.key] == str(written["id"])
    assert sorted(file["filename"] for file in written["followupattachment_set"]) == ["a.txt", "b.png"]
    assert written["comment"].endswith(mark(ticket.thread, entry.key))
    assert asked["id"] > opening["id"]


# ------------------------------------------------------------------------------------------- H6, H9, H10: the words


def test_h6_markup_templates_and_references_in_a_customers_text_stay_words(desk, reach):
    other = desk.agent_opens("somebody else's")
    lines = [
        "{{ ticket.title }} {% load x %} {# gone #} X-HELPDESK-COMMENT-VERBATIM X-HELPDESK-COMMENT-ENDVERBATIM",
        "# heading", "> quoted", "- item", "1. one", "    code", "```", "===",
        "**bold** *i* _u_ `code` [click](https://evil.example) ![see](https://evil.example/p.png) [a]: https://b.example",
        "<script>alert(1)</script> <https://evil.example> &lt;b&gt; \\*",
        f"see #{other} and @agent",
    ]  # fmt: skip
    ticket, number = opened(reach, "\n".join(lines))
    connector.append(number, ticket.thread, [an_entry("\n".join(lines), author="{{ queue.title }} *x*")], reach)
    page = desk.page(f"tickets/{number}/")
    seen = html.unescape(page).replace("\u2060", "")
    for line in lines:
        assert line in seen, line
    assert "{{ queue.title }} *x*" in seen
    for markup in (
        "<script>alert",
        "<img src=",
        'href="https://evil',
        "<strong>bold",
        "<h1>heading",
        "<pre>",
        "<li>item",
    ):
        assert markup not in page.partition("Follow-Ups")[2], markup
    assert [row["title"] for row in rows(desk, other)] == ["Ticket Opened"], "it was referred to"


def test_h9_long_texts_and_four_byte_characters_arrive_whole(desk, reach):
    _, number = opened(reach, HARD)
    body = f"{FAMILY} é 🌷\n" * 2_900
    assert 98_000 < len(body.encode()) < FOLLOW_UP
    _, long = opened(reach, body)
    assert HARD in shown(desk, number).replace("\u2060", "")
    assert body.strip() in rows(desk, long)[-1]["comment"]


def test_h9_a_longer_message_is_several_follow_ups_in_order(desk, reach, wire):
    words = [f"row {number} *bold* _it_ #1" for number in range(9_000)]  # each sign that is escaped makes it longer
    files = (File("look.png", "image/png", PIXEL), File("clip.mp4", "video/mp4", b"x"))
    entry = an_entry("\n".join(words), files=files)
    ticket, number = opened(reach)
    for part in ("/followups/", "/followups-attachments/"):
        wire.lose = part
        with pytest.raises(TemporaryError):
            connector.append(number, ticket.thread, [entry], reach)
        assert connector.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach) is None
    filed = connector.append(number, ticket.thread, [entry], reach)
    written = [row for row in rows(desk, number) if "row " in row["comment"]]
    assert len(written) > 2
    said = "\n".join(row["comment"].replace("\r", "").replace("\u2060", "").replace("\\", "") for row in written)
    assert [each for each in said.split("\n") if each.startswith("row ")] == words
    assert filed.entries[entry.key] == str(written[-1]["id"])
    assert [each["filename"] for each in written[-1]["followupattachment_set"]] == ["look.png"]
    assert "did not take the file clip.mp4" in written[-1]["comment"]
    assert connector.append(number, ticket.thread, [entry], reach) == filed


def test_h10_files_arrive_with_name_type_and_bytes_and_what_is_refused_is_named(desk, reach):
    files = (
        File("ärger 🌷.png", "image/png", PIXEL),
        File("clip.mp4", "video/mp4", b"\x00\x01"),
        File("empty.txt", "text/plain", b""),
    )
    ticket, number = opened(reach)
    connector.append(number, ticket.thread, [an_entry("look", files=files)], reach)
    written = rows(desk, number)[-1]
    (stored,) = written["followupattachment_set"]
    assert (stored["filename"], stored["mime_type"], stored["size"]) == ("ärger 🌷.png", "image/png", len(PIXEL))
    assert "did not take the file clip.mp4" in written["comment"]
    assert "did not take the file empty.txt" in written["comment"]
    path = urllib.parse.unquote(stored["file"].partition("/media/")[2])
    assert (desk.home / "media" / path).read_bytes() == PIXEL


# ------------------------------------------------------------------------------------------------------ H8: answers


def test_h8_replies_are_what_staff_wrote_publicly_since_and_never_ours(desk, reach):
    ticket, number = opened(reach)
    desk.agent_answers(number, "First answer 🌷\nwith a second line")
    connector.append(number, ticket.thread, [an_entry("thanks"), an_entry("note", public=False)], reach)
    desk.agent_answers(number, "internal: grumpy", public=False)
    desk.agent_answers(number, "", status=3)
    second = desk.agent_replies(number, "Second answer", files=[("label.png", "image/png", PIXEL)])
    everything = connector.replies(number, "", reach)
    assert [reply.text for reply in everything] == ["First answer 🌷\nwith a second line", "Second answer"]
    assert [reply.id for reply in connector.replies(number, everything[0].id, reach)] == [second]
    assert not any(reply.withheld for reply in everything)
    assert abs((everything[0].written_at - datetime.now(UTC)).total_seconds()) < 600
    (attachment,) = everything[1].attachments
    assert (attachment.kind, attachment.name, attachment.type) == ("image", "label.png", "image/png")
    assert connector.file(attachment, reach).data == PIXEL


def test_h8_a_copy_of_our_words_under_another_user_is_withheld(desk, wire, reach):
    ticket, number = opened(reach)
    desk.agent_replies(number, f"Look what they wrote:\n{mark(ticket.thread, 'k')}")
    wrong = reaching(desk, wire, user_id=desk.agent_id)
    assert [bool(reply.withheld) for reply in connector.replies(number, "", reach)] == [True]
    assert {bool(reply.withheld) for reply in connector.replies(number, "", wrong)} == {True}, "our words go to nobody"


def test_h8_after_a_merge_only_what_is_surely_for_this_customer_is_sent(desk, reach):
    ticket, number = opened(reach)
    mine = desk.agent_replies(number, "for Maria, before")
    other = desk.agent_opens("somebody else's complaint")
    early = desk.agent_replies(other, "secret of somebody else")
    desk.agent_merges(number, other)
    unsure = desk.agent_replies(other, "to whom?")
    found = {reply.id: bool(reply.withheld) for reply in connector.replies(number, "", reach)}
    assert found[mine] is False
    assert found[unsure] is True
    assert found.get(early) is not False, "somebody else's answer would be sent"
    connector.append(other, ticket.thread, [an_entry("hello?")], reach)
    sure = desk.agent_replies(other, "for both, after")
    assert {reply.id: bool(reply.withheld) for reply in connector.replies(number, "", reach)}[sure] is False


def test_h8_polling_finds_answers_and_statuses_of_our_tickets_and_each_once(desk, reach, wire):
    start = from_now_on(connector, reach)
    ticket, number = opened(reach)
    _, merged = opened(reach)
    other = desk.agent_opens("elsewhere")
    desk.agent_merges(merged, other)
    one = desk.agent_replies(number, "one")
    desk.agent_replies(number, "a note", public=False)
    desk.agent_answers(number, "closing", status=4)
    connector.append(number, ticket.thread, [an_entry("again")], reach)
    two = desk.agent_replies(other, "two")
    desk.agent_replies(desk.agent_opens("not ours"), "three")
    later = dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5))
    page = connector.poll(start.cursor, later)
    assert not start.signals
    told = [(each.ticket, each.object_id, each.status) for each in page.signals]
    assert next(each for each in told if each[0] == number) == (number, one, None)
    assert [status for where, _, status in told if where == number and status] == [Status.SOLVED]
    assert (merged, two, None) in told
    assert len({each.key for each in page.signals}) == len(page.signals)
    wire.calls.clear()
    assert connector.poll(page.cursor, later) == dataclasses.replace(page, signals=())
    assert wire.asked == ["GET"]


def test_h8_what_was_answered_before_the_first_poll_is_found(desk, reach):
    _, number = opened(reach)
    answer = desk.agent_replies(number, "at once")
    start = connector.poll("", dataclasses.replace(reach, now=datetime.now(UTC)))
    found = connector.poll(start.cursor, dataclasses.replace(reach, now=datetime.now(UTC)))
    assert answer in [each.object_id for each in found.signals if each.ticket == number]


def test_h14_a_poll_tells_who_has_a_ticket_each_time(desk, reach):
    _, number = opened(reach)
    agent = int(desk.agent_id)
    found = []
    for owner, words in ((agent, ""), (0, ""), (agent, "I look into it")):
        start = from_now_on(connector, reach)
        desk.agent_answers(number, words, owner=owner)
        later = dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5))
        found += [each for each in connector.poll(start.cursor, later).signals if each.ticket == number]
    assert [(each.about, each.assignee.id) for each in found] == [
        (About.STATUS, str(agent)), (About.STATUS, ""), (About.TICKET, str(agent)),
    ]  # fmt: skip
    assert len({each.key for each in found}) == len(found)


def test_h8_a_follow_up_of_this_minute_is_told_again_for_one_before_it_may_not_be_visible_yet(desk, reach):
    start = from_now_on(connector, reach)
    _, number = opened(reach)
    desk.agent_replies(number, "just now")
    now = datetime.now(UTC)
    page = connector.poll(start.cursor, dataclasses.replace(reach, now=now))
    again = connector.poll(page.cursor, dataclasses.replace(reach, now=now + timedelta(minutes=5)))
    assert [each.key for each in page.signals] == [each.key for each in again.signals] != []


# --------------------------------------------------------------------------------------- H11: priority and tags later


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(desk, reach, wire):
    filed = connector.open(a_ticket("hello", priority="normal", tags=("messenger", "vip")), reach)
    before = rows(desk, filed.ticket)
    wire.calls.clear()
    connector.update(filed.ticket, Change("urgent", ("sensitive", "vip")), reach)
    changed = desk.ticket(filed.ticket)
    assert changed["priority"] == 1
    assert "Tags: messenger, vip, sensitive\n" in changed["description"]
    assert wire.asked == ["GET", "PATCH"]
    wire.calls.clear()
    connector.update(filed.ticket, Change("low", ("sensitive",)), reach)
    assert wire.asked == ["GET"]
    assert rows(desk, filed.ticket) == before, "no message is written"


def test_stopping_leaves_no_process(tmp_path):
    with Server(tmp_path) as second:
        assert second.call("GET", "tickets/")["count"] == 0
        address = second.address
    with pytest.raises(DeskError, match="refused"):
        second.call("GET", "tickets/")
    assert address

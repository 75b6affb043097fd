"""The connector and the harness against a real Redmine 5."""

import dataclasses
import html
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.redmine import Redmine
from deskwire.helpdesks.redmine.words import NOTE, mark
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.signals import About, Status
from deskwire.model.tickets import Change, Customer, File, Sought
from deskwire.web.media import Network, fetch
from sandbox.helpdesks.redmine.played import INSTALL, available
from sandbox.helpdesks.redmine.played import Redmine as Server
from tests.connectors.living import FAMILY, HARD, Wire, a_ticket, an_entry, reach_of, ruled

pytestmark = pytest.mark.skipif(not available(), reason=f"Redmine is not installed: {INSTALL}")

HOST = "redmine.example.com"
PIXEL = b"\x89PNG\r\n\x1a\n\x00\xff"
connector = Redmine()


@pytest.fixture(scope="module")
def redmine(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("redmine")) as server:
        yield server


@pytest.fixture
def wire(redmine):
    found = Wire(HOST, redmine.address)
    yield found
    found.direct.close()


@pytest.fixture
def reach(redmine, wire):
    return reaching(redmine, wire)


def reaching(redmine, wire, key="", **settings):
    given = {"address": f"https://{HOST}", "project": redmine.project, **settings}
    found = reach_of(wire, given, {"api_key": key or redmine.key})
    network = Network(sandbox={HOST: redmine.address})
    return dataclasses.replace(found, fetch=lambda call, hosts: fetch(call, hosts, network=network))


def opened(reach, *bodies, **changes):
    ticket = a_ticket(*(bodies or ("Where is my parcel?",)), **changes)
    return ticket, connector.open(ticket, reach).ticket


def notes(redmine, number):
    return [row for row in redmine.issue(number)["journals"] if row["notes"]]


def test_h1_a_ticket_is_opened_with_its_facts_and_words(redmine, reach, wire):
    customer = Customer(external_id="w-1", name="Мария 🌷", channel="webform", email="maria@customer.example")
    ticket = a_ticket("Where is my parcel? 🌷", priority="high", tags=("webform", "vip"), customer=customer)
    note = an_entry("Look: a regular customer", public=False, author="")
    ticket = dataclasses.replace(ticket, entries=(*ticket.entries, note), fields={"permalink": "https://x.example/1"})
    reach.remember("redmine/main/statuses", lambda: ('{"1": false}', 1.0))
    filed = connector.open(ticket, reach)
    shown, written = redmine.issue(filed.ticket), notes(redmine, filed.ticket)
    assert (shown["subject"], shown["priority"]["name"], shown["status"]["name"]) == (ticket.subject, "High", "New")
    for fact in ("Customer: Мария 🌷", "Reference: DW", "Tags: webform, vip", "permalink: https", "E-mail: maria"):
        assert fact in shown["description"].replace("\u2060", "")
    assert [row["private_notes"] for row in written] == [False, True]
    assert "Мария 🌷, 2026" in written[0]["notes"]
    assert "Where is my parcel? 🌷" in written[0]["notes"]
    assert [filed.entries[entry.key] for entry in ticket.entries] == [str(row["id"]) for row in written]
    assert wire.asked == ["GET", "GET", "POST", *["PUT", "GET"] * 2], "project and priorities once an hour"


def test_h1_h13_a_customer_opens_a_closed_ticket_again_and_a_note_does_not(redmine, wire, reach):
    ticket, number = opened(reach)
    redmine.agent_sets(number, status="Closed")
    connector.append(number, ticket.thread, [an_entry("internal words", public=False)], reach)
    assert redmine.issue(number)["status"]["name"] == "Closed"
    late = ruled(reach, 3)
    later = ruled(dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(days=4)), 3)
    with pytest.raises(TicketGone, match="closed"):
        connector.append(number, ticket.thread, [an_entry("again")], later)
    wire.calls.clear()
    connector.append(number, ticket.thread, [an_entry("not solved at all")], late)
    assert redmine.issue(number)["status"]["name"] == "New"
    assert wire.asked == ["GET", "PUT", "GET"]


def test_h1_a_ticket_that_redmine_opens_no_more_gets_a_follow_up(redmine, reach):
    version = redmine.call("POST", f"projects/{redmine.project}/versions.json", {"version": {"name": "1.0"}})
    released = f"versions/{version['version']['id']}.json"
    ticket, of_version = opened(reach)
    redmine.agent_sets(of_version, fixed_version_id=version["version"]["id"], status="Closed")
    parent, (_, child) = redmine.agent_opens("a bigger thing"), opened(reach)
    redmine.agent_sets(child, parent_issue_id=int(parent), status="Closed")
    redmine.agent_sets(parent, status="Closed")
    redmine.call("PUT", released, {"version": {"status": "closed"}})
    for number in (of_version, child):
        before = len(notes(redmine, number))
        with pytest.raises(TicketGone, match="closed"):
            connector.append(number, ticket.thread, [an_entry("not solved at all")], reach)
        connector.append(number, ticket.thread, [an_entry("internal words", public=False)], reach)
        assert len(notes(redmine, number)) == before + 1
    redmine.call("PUT", released, {"version": {"status": "open"}})
    redmine.agent_sets(parent, status="New")
    for number in (of_version, child):
        connector.append(number, ticket.thread, [an_entry("not solved at all")], reach)
        assert redmine.issue(number)["status"]["name"] == "New"


def test_h1_a_deleted_ticket_is_said_to_be_gone(reach):
    for call in (connector.append, lambda number, _, __, reach: connector.update(number, Change("high"), reach)):
        with pytest.raises(TicketGone) as gone:
            call("987654", "t", [an_entry("anybody?")], reach)
        assert gone.value.state == "deleted"


def test_a_wrong_project_key_or_right_calls_a_person(redmine, wire, reach):
    with pytest.raises(ConfigurationError, match="project"):
        opened(reaching(redmine, wire, project="nowhere"))
    with pytest.raises(ConfigurationError, match="api_key"):
        opened(reaching(redmine, wire, key="0" * 40))


def test_h2_what_lost_its_answer_is_found_by_its_key_and_not_written_twice(redmine, reach, wire):
    ticket, entry = a_ticket("hello"), an_entry("once only")
    assert connector.find(Sought(key=ticket.key, thread=ticket.thread), reach) is None
    wire.lose = "/issues.json"
    with pytest.raises(TemporaryError) as error:
        connector.open(ticket, reach)
    assert error.value.ambiguous
    found = connector.find(Sought(key=ticket.key, thread=ticket.thread), reach)
    wire.lose = f"/issues/{found.ticket}.json"
    with pytest.raises(TemporaryError):
        connector.append(found.ticket, ticket.thread, [entry], reach)
    again = connector.find(Sought(key=entry.key, ticket=found.ticket, thread=ticket.thread), reach)
    assert again == connector.append(found.ticket, ticket.thread, [entry], reach)
    assert again.entries == {entry.key: str(notes(redmine, found.ticket)[-1]["id"])}
    absent = Sought(key=ticket.entries[0].key, ticket=found.ticket, thread=ticket.thread)
    assert connector.find(absent, reach) is None, "its answer was lost before the words went out"


def test_h6_markup_macros_and_references_in_a_customers_text_stay_words(redmine, reach):
    other = redmine.agent_opens("somebody else's")
    lines = [
        "h1. heading", "# heading", "> quoted", "* item", "1. one", "    code", "```", "|_. a |b |", "bq. said",
        '*bold* _i_ -s- @code@ "click":https://evil.example !https://evil.example/p.png! [x](https://evil.example)',
        "{{toc}} {{include(Wiki)}} [[Wiki]] user:agent commit:abc attachment:a.png r12",
        "</pre><script>alert(1)</script> <b>x</b> &lt;i&gt; \\*",
        f"see #{other} and @agent",
    ]  # fmt: skip
    _, number = opened(reach, "\n".join(lines), subject="*bold* <b>x</b> {{toc}}")
    connector.append(number, "t", [an_entry("hello", author='"click":https://evil.example *x* @agent #1')], reach)
    for formatting in ("textile", "common_mark"):
        redmine.formats(formatting)
        page = redmine.page(number)
        seen = html.unescape(page).replace("\u2060", "")
        for line in lines:
            assert line in seen, (formatting, line)
        for markup in (
            "<script>alert",
            'src="https://evil',
            'href="https://evil',
            "<b>x</b>",
            "<strong>bold",
            "<h1>head",
            "<em>",
        ):
            assert markup not in page, (formatting, markup)
    redmine.formats("textile")


def test_h9_long_texts_and_four_byte_characters_arrive_whole(redmine, reach):
    body = f"{FAMILY} é 🌷\n" * 1_465
    assert 49_000 < len(body.encode()) <= NOTE
    _, number = opened(reach, HARD, body)
    hard, long = notes(redmine, number)
    assert HARD in html.unescape(redmine.page(number)).replace("\u2060", "")
    assert FAMILY in hard["notes"]
    assert body.strip() in long["notes"].replace("\r\n", "\n")


def test_h9_a_longer_message_is_several_notes_in_order_of_which_each_fits_mysql(redmine, reach, wire):
    words = [f"<b>{number} &amp; @agent</b>" for number in range(6_000)]  # each sign of markup makes it longer
    entry = an_entry("\n".join(words), files=(File("look.png", "image/png", PIXEL),))
    ticket, number = opened(reach)
    redmine.agent_sets(number, status="Closed")
    wire.lose = f"/issues/{number}.json"
    with pytest.raises(TemporaryError):
        connector.append(number, ticket.thread, [entry], reach)
    assert connector.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach) is None
    filed = connector.append(number, ticket.thread, [entry], reach)
    _, *written = notes(redmine, number)
    assert len(written) > 3
    assert all(len(row["notes"].encode()) < 65_535 for row in written)
    said = "\n".join(row["notes"].replace("\r", "").replace("\u2060", "") for row in written)
    assert [each for each in said.split("\n") if each.startswith("<b>")] == words
    assert filed.entries[entry.key] == str(written[-1]["id"])
    assert redmine.issue(number)["status"]["name"] == "New"
    assert [each["filename"] for each in redmine.issue(number)["attachments"]] == ["look.png"]
    assert connector.append(number, ticket.thread, [entry], reach) == filed


def test_h10_files_arrive_with_name_type_and_bytes_and_what_is_refused_is_named(redmine, reach):
    files = (
        File("ärger 🌷.png", "image/png", PIXEL),
        File("huge.bin", "application/octet-stream", b"\x00" * (5 * 1024 * 1024 + 1)),
        File("empty.txt", "text/plain", b""),
    )
    _, number = opened(reach)
    connector.append(number, "t", [an_entry("look", files=files)], reach)
    (stored,) = redmine.issue(number)["attachments"]
    written = notes(redmine, number)[-1]["notes"].replace("\u2060", "")
    assert (stored["filename"], stored["content_type"], stored["filesize"]) == ("ärger 🌷.png", "image/png", len(PIXEL))
    assert [path.read_bytes() for path in (redmine.home / "files").rglob("*") if path.is_file()] == [PIXEL]
    assert "did not take the file huge.bin" in written
    assert "did not take the file empty.txt" in written


def test_h8_replies_are_what_others_wrote_publicly_since_and_never_ours(redmine, reach):
    ticket, number = opened(reach)
    first = redmine.agent_replies(number, "First answer 🌷\nwith a second line")
    connector.append(number, ticket.thread, [an_entry("thanks"), an_entry("note", public=False)], reach)
    redmine.agent_replies(number, "internal: grumpy", public=False)
    redmine.agent_sets(number, status="Resolved")
    second = redmine.agent_replies(
        number, "Мария wrote in #note-1:\n> thanks\n\nSecond answer", files=[("label.png", "image/png", PIXEL)]
    )
    redmine.agent_replies(number, f"They wrote:\n{mark('k')}")
    everything = connector.replies(number, "", reach)
    assert [reply.id for reply in everything][:2] == [first, second]
    assert everything[0].text.replace("\r\n", "\n") == "First answer 🌷\nwith a second line"
    assert everything[1].text.endswith("Second answer")
    assert [bool(reply.withheld) for reply in everything] == [False, False, True]
    assert everything[0].author == "Agnes Agent"
    assert next(iter(connector.replies(number, first, reach))).id == second
    (attachment,) = everything[1].attachments
    assert (attachment.kind, attachment.name, attachment.type) == ("image", "label.png", "image/png")
    assert connector.file(attachment, reach).data == PIXEL


def test_h8_polling_finds_answers_and_statuses_of_our_tickets(redmine, reach):
    ticket, number = opened(reach)
    start = connector.poll("", reach)
    cursor = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"  # the tickets of other tests are left alone
    one = redmine.agent_replies(number, "one")
    redmine.agent_replies(number, "a note", public=False)
    redmine.agent_sets(number, status="Closed")
    connector.append(number, ticket.thread, [an_entry("again")], reach)
    redmine.agent_replies(redmine.agent_opens("not ours"), "three")
    later = dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5))
    page = connector.poll(cursor, later)
    assert not start.signals
    assert start.cursor < cursor
    told = [(each.about, each.object_id, each.status) for each in page.signals if each.ticket == number]
    assert told[0] == (About.TICKET, one, None)
    assert [each[2] for each in told[1:]] == [Status.SOLVED]
    assert len({each.key for each in page.signals}) == len(page.signals)
    assert page.cursor >= cursor


def test_h14_a_poll_tells_who_has_a_ticket_each_time(redmine, reach):
    _, number = opened(reach)
    agent = str(redmine.call("GET", "users/current.json")["user"]["id"])
    cursor = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for whose in (agent, "", agent):
        redmine.agent_sets(number, assigned_to_id=whose)
    redmine.agent_sets(number, status="Closed")
    later = dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(minutes=5))
    told = [each for each in connector.poll(cursor, later).signals if each.ticket == number]
    assert [each.assignee.id for each in told if each.assignee] == [agent, "", agent]
    assert [each.assignee.name for each in told if each.assignee] == ["Agnes Agent", "", "Agnes Agent"]
    assert [each.status for each in told if each.status] == [Status.SOLVED]
    assert len({each.key for each in told}) == len(told) == 4


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(redmine, reach, wire):
    filed = connector.open(a_ticket("hello", priority="normal", tags=("messenger", "vip")), reach)
    before = notes(redmine, filed.ticket)
    wire.calls.clear()
    connector.update(filed.ticket, Change("urgent", ("sensitive", "vip")), reach)
    shown = redmine.issue(filed.ticket)
    assert shown["priority"]["name"] == "Urgent"
    assert "Tags: messenger, vip, sensitive\n" in shown["description"].replace("\r\n", "\n")
    assert wire.asked == ["GET", "PUT"]
    redmine.agent_sets(filed.ticket, priority_id=5)  # above all of ours
    wire.calls.clear()
    connector.update(filed.ticket, Change("urgent", ("sensitive",)), reach)
    assert wire.asked == ["GET"]
    assert notes(redmine, filed.ticket) == before, "no message is written"


@pytest.mark.parametrize(("public", "closed"), [(False, False), (True, True)])
def test_h1_an_issue_that_was_moved_out_of_reach_is_said_to_be_so(public, closed, redmine, reach):
    _, number = opened(reach)
    opened(reach)
    redmine.moves(number, public=public, closed=closed)
    for write in (
        lambda: connector.append(number, "t", [an_entry("hello?")], reach),
        lambda: connector.update(number, Change("urgent"), reach),
    ):
        with pytest.raises(TicketGone) as gone:
            write()
        assert gone.value.state == "inaccessible"


def test_h1_an_issue_that_moved_to_where_it_can_be_written_is_gone_on_with(redmine, reach):
    _, number = opened(reach)
    redmine.moves(number, public=True)
    connector.append(number, "t", [an_entry("hello?")], reach)
    assert "hello?" in notes(redmine, number)[-1]["notes"]


def test_h3_an_account_that_lost_its_project_is_for_a_person(redmine, tmp_path):
    with Server(tmp_path) as server:
        wire = Wire(HOST, server.address)
        reach = reaching(server, wire)
        _, number = opened(reach)
        server.loses_its_role()
        with pytest.raises(ConfigurationError):
            connector.append(number, "t", [an_entry("hello?")], reach)
        wire.direct.close()


def test_h12_earlier_issues_of_the_customer_alone_are_told(redmine, reach):
    customer = Customer(external_id="messenger-h12", name="Мария", channel="messenger")
    _, first = opened(reach, customer=customer, subject="Lost", tags=("vip", "complaint"))
    _, second = opened(reach, customer=customer, subject="Late")
    opened(reach, subject="Somebody else's")
    redmine.agent_sets(second, status="Closed")
    told = connector.history(customer, reach)
    assert [(each.ticket, each.subject, each.open, each.outcome, each.complaint) for each in told] == [
        (second, "Late", False, "Closed", False), (first, "Lost", True, "New", True),
    ]  # fmt: skip
    assert told[0].at is not None
    assert connector.history(Customer(external_id="messenger-h13", name="Ana", channel="messenger"), reach) == []

"""Zammad: what must hold on the living helpdesk, which `sandbox/helpdesks/zammad` plays."""

import dataclasses
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.zammad import articles
from deskwire.helpdesks.zammad.articles import marker
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.signals import About
from deskwire.model.tickets import Customer, Entry, File, Sought, Ticket
from deskwire.registry import helpdesk
from deskwire.web import media, rest
from deskwire.web.reading import Node
from sandbox.helpdesks.zammad.played import AGENT, BOT, COLLEAGUE, GROUPS, LONGEST, Refused, Zammad, words
from sandbox.neighbours.neighbour import Clock, Fault, Reply, broken
from tests.connectors.living import ruled

EVENTS = Path(__file__).parents[3] / "events" / "zammad"
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOST = "support.northwind.example"


def unused(**_):
    raise AssertionError


@pytest.fixture(scope="module")
def running():
    with Zammad("invented-token", clock=Clock(NOW, held=True)) as played:
        yield played


@pytest.fixture
def desk(running):
    """Return the one server, without the rows of the test before."""
    running.tickets.clear()
    running.articles.clear()
    running.users = {number: running.users[number] for number in (BOT, AGENT, COLLEAGUE)}
    running.links.clear()
    running.files.clear()
    running.faults.clear()
    running.books.clear()
    running.maintenance = False
    running.reads, running.writes = set(GROUPS.values()), set(GROUPS.values())
    return running


@pytest.fixture
def reach(desk):
    transport, kept = rest.Direct(), {}

    def remember(name, make):
        if name not in kept:
            value, seconds = make()
            if not seconds:
                return value
            kept[name] = value
        return kept[name]

    yield Reach(
        account="main",
        settings={"address": f"https://{HOST}", "group": "Support"},
        secrets=Secrets({"token": "invented-token"}),
        http=rest.with_hosts(transport, {HOST: desk.address}),
        now=desk.clock.now(),
        mail=unused,
        remember=remember,
    )
    transport.close()


def entry(key, body="My parcel 4471 is lost", *, public=True, **more):
    return Entry(key=key, body=body, written_at=NOW, public=public, **more)


def ticket(*entries, key="t1", **more):
    customer = Customer(
        external_id="messenger-5512883", name="Jóna Example", channel="messenger", email="j@example.org"
    )
    given = {"subject": "Lost", "customer": customer, "entries": entries, "tags": ("deskwire",)} | more
    return Ticket(key=key, thread="c7", reference="ABCDE-FGHJK", **given)


def at(reach, settings=None, **later):
    return dataclasses.replace(
        reach, now=reach.now + timedelta(**later), settings={**reach.settings, **(settings or {})}
    )


def state(desk, number):
    return desk.tickets[int(number)]["state_id"]


def test_h1_a_ticket_is_opened_extended_opened_again_followed_and_gone(desk, reach):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1"), entry("k2", "A note", public=False)), reach)
    number = int(filed.ticket)
    (first, note) = desk.of(number)
    assert filed.entries == {"k1": str(first["id"]), "k2": str(note["id"])}
    assert (first["sender"], first["internal"], first["from"]) == ("Customer", False, "Jóna Example <>")
    assert (note["sender"], note["internal"]) == ("Agent", True)
    assert first["origin_by_id"] == int(filed.contact) == desk.tickets[number]["customer_id"]
    desk.close(number)
    connector.append(filed.ticket, "c7", [entry("k3", "Between us", public=False)], reach)
    assert state(desk, number) == 4
    again = connector.append(filed.ticket, "c7", [entry("k4")], reach)
    assert again.entries == {"k4": str(desk.of(number)[-1]["id"])}
    assert state(desk, number) == 2
    other = connector.open(ticket(entry("k5"), key="t2"), reach)
    desk.clock.advance(60)
    left = desk.merge(number, int(other.ticket))
    desk.clock.advance(60)
    desk._touch(number)  # a tag, say: the merge was earlier
    with pytest.raises(TicketGone) as caught:
        connector.append(filed.ticket, "c7", [entry("k6")], reach)
    assert (caught.value.state, caught.value.into) == ("merged", other.ticket)
    assert caught.value.at == datetime.fromisoformat(left["created_at"])
    desk.remove(int(other.ticket))
    with pytest.raises(TicketGone) as caught:
        connector.append(other.ticket, "c7", [entry("k6")], reach)
    assert caught.value.state == "deleted"


@pytest.mark.parametrize("rights", ["reads", "writes"])
@pytest.mark.parametrize("closed", [True, False])
def test_h1_a_ticket_that_was_moved_to_a_group_without_us_is_said_to_be_out_of_reach(desk, reach, rights, closed):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1")), reach)
    connector.open(ticket(entry("k2"), key="t2"), reach)
    setattr(desk, rights, {GROUPS["Support"]})
    desk.move(int(filed.ticket), "Billing")
    if closed:
        desk.close(int(filed.ticket))
    with pytest.raises(TicketGone) as caught:
        connector.append(filed.ticket, "c7", [entry("k3")], reach)
    assert caught.value.state == "inaccessible"
    if rights == "reads":
        with pytest.raises(TicketGone):
            connector.replies(filed.ticket, "", reach)
        assert connector.find(Sought(key="k3", ticket=filed.ticket, thread="c7"), reach) is None


@pytest.mark.parametrize("rights", ["reads", "writes"])
def test_h3_an_agent_that_lost_its_group_is_for_a_person(desk, reach, rights):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1")), reach)
    setattr(desk, rights, set())
    with pytest.raises(ConfigurationError):
        connector.append(filed.ticket, "c7", [entry("k3")], reach)


def test_pending_tickets_are_opened_and_new_ones_stay_new(desk, reach):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1")), reach)
    connector.append(filed.ticket, "c7", [entry("k2")], reach)
    assert state(desk, filed.ticket) == 1
    desk.tickets[int(filed.ticket)]["state_id"] = 3
    connector.append(filed.ticket, "c7", [entry("k3")], reach)
    assert state(desk, filed.ticket) == 2


@pytest.mark.parametrize(("days", "later", "gone"), [(0, 1, True), (7, 6, False), (7, 8, True)])
def test_h13_a_closed_ticket_takes_messages_for_as_long_as_the_company_says(desk, reach, days, later, gone):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.close(int(filed.ticket))
    now = ruled(at(reach, {}, days=later), days)
    if not gone:
        connector.append(filed.ticket, "c7", [entry("k2")], now)
        assert state(desk, filed.ticket) == 2
        return
    with pytest.raises(TicketGone) as caught:
        connector.append(filed.ticket, "c7", [entry("k2")], now)
    assert caught.value.state == "closed"
    connector.append(filed.ticket, "c7", [entry("k3", public=False)], now)  # a note for agents is always taken


def test_h2_what_was_filed_is_found_by_its_key_also_after_a_merge(desk, reach):
    connector = helpdesk("zammad")
    assert connector.find(Sought(key="t1", thread="c7"), reach) is None
    filed = connector.open(ticket(entry("k1"), entry("k2")), reach)
    found = connector.find(Sought(key="t1", thread="c7"), reach)
    assert (found.ticket, found.contact) == (filed.ticket, filed.contact)
    for key in ("k1", "k2"):
        assert connector.find(Sought(key=key, ticket=filed.ticket, thread="c7"), reach).entries == {
            key: filed.entries[key]
        }
    assert connector.find(Sought(key="k3", ticket=filed.ticket, thread="c7"), reach) is None
    other = connector.open(ticket(entry("k5"), key="t2"), reach)
    desk.merge(int(filed.ticket), int(other.ticket))
    assert connector.find(Sought(key="t1", thread="c7"), reach).ticket == other.ticket
    assert connector.find(Sought(key="k1", ticket=other.ticket, thread="c7"), reach).entries == {
        "k1": filed.entries["k1"]
    }


def test_a_condition_that_zammad_leaves_out_finds_nothing_wrong(desk, reach):
    connector = helpdesk("zammad")
    connector.open(ticket(entry("k1"), key="t2"), reach)
    everything = Reply.json(200, [desk._shown(number) for number in desk.tickets])
    desk.faults.add(Fault(instead=everything), method="POST", path="/api/v1/tickets/search")
    assert connector.find(Sought(key="t1", thread="c7"), reach) is None
    assert connector.find(Sought(key="t2", thread="c7"), reach) is not None
    desk.faults.clear()
    many = Reply.json(200, [desk._shown(number) for number in desk.tickets] * 6)
    desk.faults.add(Fault(instead=many), method="POST", path="/api/v1/tickets/search")
    with pytest.raises(ConfigurationError, match="message_id_md5"):
        connector.find(Sought(key="t1", thread="c7"), reach)


def test_a_ticket_whose_answer_was_lost_is_found(desk, reach):
    desk.faults.add(Fault(cut="after"), method="POST", path="/api/v1/tickets", times=1)
    with pytest.raises(TemporaryError) as caught:
        helpdesk("zammad").open(ticket(entry("k1")), reach)
    assert caught.value.ambiguous
    (number,) = desk.tickets
    assert helpdesk("zammad").find(Sought(key="t1", thread="c7"), reach).ticket == str(number)


@pytest.mark.parametrize(("status", "error"), [(429, TemporaryError), (403, ConfigurationError)])
def test_a_ticket_that_was_written_in_part_is_in_doubt(desk, reach, status, error):
    desk.faults.add(broken(status), method="POST", path="/api/v1/ticket_articles")
    with pytest.raises(error) as caught:
        helpdesk("zammad").open(ticket(entry("k1"), entry("k2")), reach)
    assert caught.value.ambiguous
    desk.faults.clear()
    found = helpdesk("zammad").find(Sought(key="t1", thread="c7"), reach)
    assert helpdesk("zammad").find(Sought(key="k1", ticket=found.ticket, thread="c7"), reach) is not None
    assert helpdesk("zammad").find(Sought(key="k2", ticket=found.ticket, thread="c7"), reach) is None


def test_h6_markup_and_template_marks_stay_words(desk, reach):
    said = "<b>bold</b> <img src=x onerror=1> #{ticket.id} {{ticket.id}} @@agnes"
    customer = Customer(external_id="x-1", name="<i>O'Hara</i>", channel="x", handle="<u>#{config.fqdn}</u>")
    filed = helpdesk("zammad").open(ticket(entry("k1", said), subject=said, customer=customer, key="t9"), reach)
    (row,) = desk.of(int(filed.ticket))
    assert row["content_type"] == "text/plain"
    assert "<img" not in words(row)
    shown = desk.users[int(filed.contact)]
    for text in (row["body"], desk.tickets[int(filed.ticket)]["title"], shown["note"]):
        assert "#{" not in text
    assert "<u>" not in shown["note"]


def test_h9_four_byte_characters_and_the_longest_entry_arrive(desk, reach):
    connector = helpdesk("zammad")
    said = "🚚" * (connector.abilities.entry_bytes // 4)
    assert connector.abilities.entry_bytes < LONGEST
    filed = connector.open(ticket(entry("k1", said)), reach)
    assert desk.of(int(filed.ticket))[0]["body"] == said
    long = ticket(entry("k2"), key="t2", subject="word " * 100, follow_up_of="no number")
    assert len(desk.tickets[int(connector.open(long, reach).ticket)]["title"]) <= 250


def test_h10_an_attachment_arrives_with_name_type_and_bytes(desk, reach):
    files = (File("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00"), File("empty.txt", "text/plain", b""))
    filed = helpdesk("zammad").open(ticket(entry("k1", files=files)), reach)
    (row,) = desk.of(int(filed.ticket))
    assert list(desk.files.values()) == [("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00")]
    assert "[not taken by Zammad: empty.txt, 0 bytes]" in row["body"]


def test_files_beyond_a_request_are_named(desk, reach, monkeypatch):
    monkeypatch.setattr(articles.article, "__defaults__", ("", 5))
    files = (File("a.bin", "", b"1234"), File("b.bin", "", b"5678"), File("c", "", b"9"))
    filed = helpdesk("zammad").open(ticket(entry("k1", files=files)), reach)
    assert [name for name, _, _ in desk.files.values()] == ["a.bin", "c"]
    assert "[not taken by Zammad: b.bin, 4 bytes]" in desk.of(int(filed.ticket))[0]["body"]


def test_files_that_a_proxy_finds_too_large_are_left_out_and_named(desk, reach):
    desk.faults.add(Fault(instead=Reply.html("<h1>413</h1>", 413)), method="POST", path="/api/v1/tickets", times=1)
    filed = helpdesk("zammad").open(ticket(entry("k1", files=(File("a.bin", "", b"1234"),))), reach)
    assert not desk.files
    assert "[not taken by Zammad: a.bin, 4 bytes]" in desk.of(int(filed.ticket))[0]["body"]


def test_one_person_is_one_customer_and_ids_of_another_case_are_another_person(desk, reach):
    connector = helpdesk("zammad")
    contacts = []
    for number, identity in enumerate(("line-Uab", "line-Uab", "line-UAB")):
        person = Customer(external_id=identity, name="", channel="line")
        contacts.append(connector.open(ticket(entry(f"k{number}"), key=f"t{number}", customer=person), reach).contact)
    assert contacts[0] == contacts[1] != contacts[2]


def test_the_customer_gets_no_address_that_zammad_would_mail(desk, reach):
    filed = helpdesk("zammad").open(ticket(entry("k1")), reach)
    customer = desk.users[int(filed.contact)]
    assert customer["email"] == ""
    assert "j@example.org" in customer["note"]


def test_a_message_in_a_merged_ticket_keeps_its_own_author(desk, reach):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1")), reach)
    other = Customer(external_id="x-9", name="Other Person", channel="x")
    target = connector.open(ticket(entry("k2"), key="t2", customer=other), reach)
    connector.append(target.ticket, "c7", [entry("k3", contact=filed.contact)], reach)
    assert desk.of(int(target.ticket))[-1]["from"].startswith("Jóna Example")


def test_an_answer_is_known_by_its_number_and_not_by_its_digits(desk, reach, monkeypatch):
    usual = {"type": "note", "internal": False, "sender": "Agent", "created_by_id": 7, "body": "x"}
    rows = [Node({**usual, "id": number}) for number in (100, 9, 10)]
    monkeypatch.setattr("deskwire.helpdesks.zammad.api.Api.articles", lambda *_: rows)
    assert [each.id for each in helpdesk("zammad").replies("1", "", reach)] == ["9", "10", "100"]
    assert [each.id for each in helpdesk("zammad").replies("1", "9", reach)] == ["10", "100"]


def test_only_public_notes_of_other_agents_are_answers(desk, reach):
    connector = helpdesk("zammad")
    filed = connector.open(ticket(entry("k1")), reach)
    number = int(filed.ticket)
    desk.agent_writes(number, "between us", public=False)
    desk.agent_writes(number, "rang them", kind="phone")
    desk._article(number, {"body": "public, and by our own agent", "type": "note"}, BOT)
    said = desk.agent_writes(number, "On its way\n\nAgnes & co")
    desk._article(number, {"body": "a rule", "sender": "System"}, 1)
    mail = desk.agent_writes(number, "by mail", kind="email")
    rule = desk._article(number, {"body": "a rule", "type": "note"}, 1)
    first, *withheld = connector.replies(filed.ticket, filed.entries["k1"], reach)
    assert (first.id, first.text, first.author) == (str(said["id"]), "On its way\n\nAgnes & co", "Agnes Example")
    assert not first.withheld
    assert [each.id for each in withheld] == [str(mail["id"]), str(rule["id"])]
    assert ("“email”" in withheld[0].withheld, withheld[0].author) == (True, "Agnes Example")
    assert "rule" in withheld[1].withheld
    assert connector.replies(filed.ticket, str(rule["id"]), reach) == []


def test_pictures_in_an_answer_count_as_attachments(desk, reach):
    filed = helpdesk("zammad").open(ticket(entry("k1")), reach)
    file = {"filename": "label.pdf", "data": "AAAA", "mime-type": "application/pdf"}
    said = desk.agent_writes(int(filed.ticket), "See", attachments=[file])
    said["body"] += '<img style="width:9px" src="/api/v1/ticket_attachment/101/9/777?view=inline">'
    (reply,) = helpdesk("zammad").replies(filed.ticket, "", reach)
    assert [(str(each.kind), each.name or each.id) for each in reply.attachments] == [
        ("file", "label.pdf"),
        ("image", "777"),
    ]
    assert reply.attachments[1].url == f"https://{HOST}/api/v1/ticket_attachment/101/9/777"


def test_a_file_of_an_answer_is_loaded_with_our_token(desk, reach):
    filed = helpdesk("zammad").open(ticket(entry("k1")), reach)
    desk.agent_writes(
        int(filed.ticket), "See", attachments=[{"filename": "a.pdf", "data": "AAAA", "mime-type": "application/pdf"}]
    )
    (reply,) = helpdesk("zammad").replies(filed.ticket, "", reach)
    network = media.Network(sandbox={HOST: desk.address})
    loading = dataclasses.replace(reach, fetch=lambda call, hosts=(): media.fetch(call, hosts, network=network))
    file = helpdesk("zammad").file(reply.attachments[0], loading)
    assert (file.type, file.data) == ("application/pdf", b"\0\0\0")
    assert desk.books.entries("GET")[-1].status == 200


def answered(page):
    return [each for each in page.signals if each.about is About.TICKET]


def stood(page):
    told = [each for each in page.signals if each.about is About.STATUS]
    return [(each.ticket, str(each.status), each.assignee.id, each.assignee.name) for each in told]


def test_h14_a_look_tells_how_a_changed_ticket_stands_each_time(desk, reach):
    connector = helpdesk("zammad")
    cursor = connector.poll("", reach).cursor
    number = int(connector.open(ticket(entry("k1")), reach).ticket)
    told, keys = [], set()
    for change in (
        lambda: desk.assign(number, AGENT),
        lambda: desk.close(number),
        lambda: desk.assign(number, COLLEAGUE),
        lambda: desk.reopen(number),
        lambda: desk.assign(number),
        lambda: desk.close(number),
    ):
        desk.clock.advance(90)
        change()
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        told += stood(page)
        keys |= {each.key for each in page.signals}
    assert told == [
        (str(number), "reopened", "5", "agnes"), (str(number), "solved", "5", "agnes"),
        (str(number), "solved", "6", "bela"), (str(number), "reopened", "6", "bela"), (str(number), "reopened", "", ""),
        (str(number), "solved", "", ""),
    ]  # fmt: skip
    assert len(keys) == len(told)


def test_the_look_how_tickets_stand_asks_once_more_and_goes_on_where_a_full_page_ended(desk, reach, monkeypatch):
    connector = helpdesk("zammad")
    cursor = connector.poll("", reach).cursor
    numbers = []
    for each in range(3):
        desk.clock.advance(1)
        numbers.append(connector.open(ticket(entry(f"k{each}"), key=f"t{each}"), reach).ticket)
    monkeypatch.setattr("deskwire.helpdesks.zammad.api.Api.most", 2)
    monkeypatch.setattr("deskwire.helpdesks.zammad.PAGES", 1)
    desk.books.clear()
    first = connector.poll(cursor, reach)
    assert [each.asked.path for each in desk.books.entries("POST")] == ["/api/v1/tickets/search"] * 2
    second = connector.poll(first.cursor, reach)
    assert [each[0] for each in stood(first)] == numbers[:2]
    assert numbers[2] in [each[0] for each in stood(second)]
    desk.merge(int(numbers[0]), int(numbers[1]))
    assert numbers[0] not in [each[0] for each in stood(connector.poll(cursor, reach))]


def test_a_look_signals_each_answer_once(desk, reach):
    connector = helpdesk("zammad")
    start = connector.poll("", reach).cursor
    numbers = [connector.open(ticket(entry(f"k{each}"), key=f"t{each}"), reach).ticket for each in range(3)]
    desk.clock.advance(5)
    quiet = connector.poll(start, reach)
    assert answered(quiet) == []
    for number in numbers[:2]:
        desk.agent_writes(int(number), "On its way")
    first = connector.poll(quiet.cursor, reach)
    assert [signal.ticket for signal in answered(first)] == numbers[:2]
    again = connector.poll(first.cursor, reach)
    assert {signal.key for signal in first.signals} == {signal.key for signal in again.signals}
    assert connector.poll("", reach).cursor > start  # from the newest change on, by Zammad's clock
    desk.clock.advance(600)
    desk.agent_writes(int(numbers[0]), "It arrives at noon")
    later = connector.poll(again.cursor, reach)
    (signal,) = [each for each in answered(later) if each.ticket == numbers[0]]
    assert signal.key not in {each.key for each in first.signals}
    desk.clock.advance(600)
    assert connector.poll(connector.poll(later.cursor, reach).cursor, reach).signals[0].key == signal.key
    with pytest.raises(PermanentError):
        connector.poll("yesterday", reach)


def waiting(desk, reach, count):
    """Open so many tickets, of which each gets an answer, a second after the one before; return their ids."""
    made = [
        int(helpdesk("zammad").open(ticket(entry(f"k{each}"), key=f"t{each}"), reach).ticket) for each in range(count)
    ]
    for number in made:
        desk.clock.advance(1)
        desk.agent_writes(number, "On its way")
    return made


def polls(reach, cursor, times):
    """Poll so often; return the tickets that were told to have an answer, and the last cursor."""
    told = set()
    for _ in range(times):
        page = helpdesk("zammad").poll(cursor, reach)
        cursor = page.cursor
        told |= {int(each.ticket) for each in answered(page)}
    return told, cursor


def test_a_poll_tells_all_answers_where_a_ticket_goes_while_pages_are_read(desk, reach, monkeypatch):
    monkeypatch.setattr("deskwire.helpdesks.zammad.api.Api.most", 5)
    cursor = helpdesk("zammad").poll("", reach).cursor
    made = waiting(desk, reach, 14)

    def shifting(call):
        answer = reach.http(call)
        if call.url.endswith("/search") and made[1] in desk.tickets:
            del desk.tickets[made[1]]
        return answer

    assert polls(dataclasses.replace(reach, http=shifting), cursor, 1)[0] == set(made)


def test_a_poll_that_goes_on_where_the_one_before_ended_misses_no_answer_given_meanwhile(desk, reach, monkeypatch):
    monkeypatch.setattr("deskwire.helpdesks.zammad.api.Api.most", 5)
    monkeypatch.setattr("deskwire.helpdesks.zammad.PAGES", 2)
    cursor = helpdesk("zammad").poll("", reach).cursor
    first = int(helpdesk("zammad").open(ticket(entry("first"), key="first"), reach).ticket)
    made = waiting(desk, reach, 14)
    told, cursor = polls(reach, cursor, 1)
    desk.clock.advance(30)
    desk.agent_writes(first, "It arrives at noon")
    desk.clock.advance(600)
    desk.assign(made[-1], AGENT)
    more, cursor = polls(reach, cursor, 6)
    assert told | more == {first, *made}
    assert polls(reach, cursor, 1)[0] <= {made[-1]}, "the cursor goes on"


def test_a_cursor_with_a_page_of_an_older_version_begins_its_look_anew(desk, reach):
    cursor = helpdesk("zammad").poll("", reach).cursor
    made = waiting(desk, reach, 2)
    assert polls(reach, f"{cursor};6;2026-11-02T09:00:00.000Z|{cursor}", 1)[0] == set(made)


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (Refused(401, "Not authorized (token expired)!"), ConfigurationError),
        (Refused(403, "Maintenance mode enabled!"), TemporaryError),
        (Refused(403, "Not authorized"), ConfigurationError),
        (Refused(422, "No lookup value found for 'group': \"Sales\""), ConfigurationError),
        (Refused(422, "PG::NotNullViolation", hidden=True), ConfigurationError),
        (Refused(422, "Object already exists!"), TemporaryError),
        (Refused(422, "body of article is too large"), PermanentError),
    ],
)
def test_what_zammad_says_decides_who_has_to_act(desk, reach, refused, error):
    desk.faults.add(Fault(instead=refused.reply()), method="POST", path="/api/v1/tickets")
    with pytest.raises(error):
        helpdesk("zammad").open(ticket(entry("k1")), reach)


def test_an_address_without_a_zammad_is_no_deleted_ticket(desk, reach):
    desk.faults.add(Fault(instead=Reply.html("<html>nginx</html>", 404)))
    with pytest.raises(ConfigurationError, match="address"):
        helpdesk("zammad").append("101", "c7", [entry("k1")], reach)


def test_an_address_that_could_take_the_token_elsewhere_is_refused(reach):
    for address in ("http://support.example.com", "https://support.example.com@evil.example", "support.example.com"):
        with pytest.raises(ConfigurationError, match="address"):
            helpdesk("zammad").find(Sought(key="t1", thread="c7"), at(reach, {"address": address}))


def test_a_marker_says_nothing_and_is_the_same_for_a_key():
    assert marker("facebook/page/1") == marker("facebook/page/1")
    assert "facebook" not in marker("facebook/page/1")


def test_a_vector_signed_by_openssl_verifies():
    """The header as `set_signature` of lib/user_agent.rb writes it: sha1= and the hexadecimal HMAC of the body."""
    event = json.loads((EVENTS / "replied.json").read_text(encoding="utf-8"))
    secret = json.loads((EVENTS / "secrets.json").read_text(encoding="utf-8"))["signature_token"]
    done = subprocess.run(
        ["openssl", "dgst", "-sha1", "-hmac", secret], input=event["body"].encode(), capture_output=True, check=True
    )
    assert event["headers"]["x-hub-signature"] == "sha1=" + done.stdout.decode().split()[-1]


def test_h12_earlier_tickets_of_the_customer_alone_are_told(desk, reach):
    connector = helpdesk("zammad")
    first = ticket(entry("k1"), tags=("deskwire", "complaint"))
    connector.open(first, reach)
    number = connector.open(ticket(entry("k2"), key="t2", subject="Late"), reach).ticket
    stranger = dataclasses.replace(first.customer, external_id="messenger-77", email="")
    other = connector.open(ticket(entry("k3"), key="t3", customer=stranger), reach).ticket
    desk.close(int(number))
    late, lost = connector.history(dataclasses.replace(first.customer, email=""), reach)
    assert (late.number, late.subject, late.open, late.outcome) == (f"67{number}", "Late", False, "closed")
    assert (lost.subject, lost.open, lost.complaint) == ("Lost", True, True)
    assert [each.ticket for each in connector.history(stranger, reach)] == [other]


def test_h12_rows_that_name_another_customer_are_left_out(desk, reach):
    """A condition that Zammad does not understand is left out, and everything found."""
    connector = helpdesk("zammad")
    first = ticket(entry("k1"))
    filed = connector.open(first, reach)
    desk.tickets[int(filed.ticket)]["customer_id"] = AGENT
    desk._meets = lambda *_: True
    try:
        assert connector.history(first.customer, reach) == []
    finally:
        del desk._meets

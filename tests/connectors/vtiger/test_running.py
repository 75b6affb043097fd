"""The connector against a running Vtiger on this machine, and what `sandbox/helpdesks/vtiger` plays of it."""

import base64
import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.vtiger import Vtiger
from deskwire.helpdesks.vtiger.api import DeniedError, Service, quoted
from deskwire.helpdesks.vtiger.words import readable
from deskwire.model.errors import ConfigurationError, TemporaryError
from deskwire.model.secret import Secret, Secrets
from deskwire.model.signals import About, Status
from deskwire.model.tickets import Change, Customer, File, Sought
from deskwire.operating.examining import Examination
from deskwire.web.markup import JOINER
from tests.conformance.world import Renewed
from tests.connectors.living import HARD, Wire, a_ticket, an_entry, reach_of

NEEDED = ("URL", "USER", "KEY", "AGENT", "AGENT_KEY")
GIVEN = {name: os.environ.get(f"DESKWIRE_VTIGER_{name}", "") for name in NEEDED}
pytestmark = pytest.mark.skipif(
    not all(GIVEN.values()),
    reason="no running Vtiger: set " + ", ".join(f"DESKWIRE_VTIGER_{name}" for name in NEEDED),
)

HOST = "vtiger.example.com"
RUN = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"  # what an earlier run wrote is still there
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
connector = Vtiger()


@pytest.fixture
def wire():
    found = Wire(HOST, GIVEN["URL"])
    yield found
    found.direct.close()


def reaching(wire, user="USER", key="KEY", **settings):
    secrets = {"access_key": GIVEN[key]}
    given = {"address": f"https://{HOST}", "user": GIVEN[user], **settings}
    if zone := os.environ.get("DESKWIRE_VTIGER_ZONE"):
        given["time_zone"] = zone
    return dataclasses.replace(reach_of(wire, given, secrets), tokens=Renewed(Secrets(secrets)))


@pytest.fixture
def reach(wire):
    return reaching(wire)


@pytest.fixture
def agent(wire):
    return Service(reaching(wire, "AGENT", "AGENT_KEY"))


def later(reach, **span):
    return dataclasses.replace(reach, now=datetime.now(UTC) + timedelta(**span))


def a_new_ticket(*bodies, **changes):
    """Return a ticket of this run's own customer, with keys of its own."""
    ticket = a_ticket(*bodies, **changes)
    entries = tuple(dataclasses.replace(entry, key=f"{entry.key}/{RUN}") for entry in ticket.entries)
    customer = dataclasses.replace(ticket.customer, external_id=f"{ticket.customer.external_id}-{RUN}")
    return dataclasses.replace(ticket, key=f"{ticket.key}/{RUN}", entries=entries, customer=customer)


def a_new_entry(body, **changes):
    entry = an_entry(body, **changes)
    return dataclasses.replace(entry, key=f"{entry.key}/{RUN}")


def opened(reach, *bodies, **changes):
    ticket = a_new_ticket(*(bodies or ("Where is my parcel?",)), **changes)
    return ticket, connector.open(ticket, reach).ticket


def shown(reach, ticket):
    (row,) = Service(reach).rows("*", "HelpDesk", f"id = {quoted(ticket)}", what="testing")
    return row.raw


def comments(reach, ticket):
    where = f"related_to = {quoted(ticket)}"
    return [row.raw for row in Service(reach).rows("*", "ModComments", where, what="testing", order="id")]


def words(comment):
    """Return a comment's words, without who wrote them and when."""
    return comment["commentcontent"].partition("\n\n")[2].replace(JOINER, "")


def says(agent, ticket, text, **more):
    """Let the agent comment; returns the comment's id."""
    element = {"commentcontent": text, "related_to": ticket, "assigned_user_id": agent.user, "source": "CRM", **more}
    return agent.write("create", "testing", element, elementType="ModComments").raw["id"]


def sets(agent, ticket, **fields):
    agent.write("revise", "testing", {"id": ticket, **fields})


def answers_of(page):
    return [each.object_id for each in page.signals if each.about is About.TICKET]


def test_h1_h2_a_ticket_is_opened_once_extended_and_found(reach):
    ticket = a_new_ticket("Where is it?", "It is blue", priority="high", tags=("messenger",))
    assert connector.find(Sought(key=ticket.key, thread=ticket.thread), reach) is None
    filed = connector.open(ticket, reach)
    assert connector.open(ticket, reach) == filed
    standing = shown(reach, filed.ticket)
    assert (standing["ticketstatus"], standing["ticketpriorities"], standing["source"]) == ("Open", "High", "DESKWIRE")
    assert "Tags: messenger" in standing["description"]
    added = a_new_entry("And urgent")
    note = a_new_entry("A regular customer", public=False)
    for entry in (added, note):
        connector.append(filed.ticket, ticket.thread, [entry], reach)
    rows = comments(reach, filed.ticket)
    assert [words(row) for row in rows] == ["Where is it?", "It is blue", "And urgent", "A regular customer"]
    assert [row["is_private"] for row in rows] == ["0", "0", "0", "1"]
    assert connector.find(Sought(key=ticket.key, thread=ticket.thread), reach).ticket == filed.ticket
    sought = Sought(key=added.key, ticket=filed.ticket, thread=ticket.thread)
    assert connector.find(sought, reach).entries == {added.key: rows[2]["id"]}


def test_h2_an_attempt_whose_answer_was_lost_is_found(reach, wire):
    ticket = a_new_ticket("Where is it?")
    connector.find(Sought(key=ticket.key, thread=ticket.thread), reach)  # the log-in is no part of it
    for _ in ("contact", "ticket", "comment"):
        wire.lose = "webservice.php"
        with pytest.raises(TemporaryError) as caught:
            connector.open(ticket, reach)
        assert caught.value.ambiguous
    filed = connector.open(ticket, reach)
    assert len(comments(reach, filed.ticket)) == 1
    field = Service(reach).module("HelpDesk")[1]
    rows = Service(reach).rows(
        "id", "HelpDesk", f"{field} = {quoted(shown(reach, filed.ticket)[field])}", what="testing"
    )
    assert len(rows) == 1


@pytest.mark.parametrize("status", ["Closed", "Wait For Response"])
def test_h1_a_customer_opens_a_waiting_ticket_again_and_a_note_does_not(reach, agent, status):
    ticket, number = opened(reach)
    sets(agent, number, ticketstatus=status)
    connector.append(number, ticket.thread, [a_new_entry("Looking", public=False)], reach)
    assert shown(reach, number)["ticketstatus"] == status
    connector.append(number, ticket.thread, [a_new_entry("Still missing")], reach)
    assert shown(reach, number)["ticketstatus"] == "Open"


def test_h1_a_deleted_ticket_is_gone_and_nothing_is_written_to_it(reach, agent):
    ticket, number = opened(reach)
    try:
        agent.write("delete", "testing", id=number)
    except DeniedError:
        pytest.skip("the agent may not delete tickets here")
    for act in (
        lambda: connector.append(number, ticket.thread, [a_new_entry("Hello?")], reach),
        lambda: connector.update(number, Change("high"), reach),
        lambda: connector.close(number, reach),
    ):
        with pytest.raises(TicketGone):
            act()
    assert connector.open(ticket, reach).ticket != number


TEXTS = {
    "hard": HARD,
    "right to left": "مرحبا، أين طردي؟ \u200fשלום\u200e 12",
    "markup": '<b onclick="x">a</b> <img src=x onerror=1> a < b & &lt; &amp; "q" \'p\'',
    "script": '> <script>alert("x")</script>\n"no" $(rm -rf /) `ls` $contact-name$ {{x}} @agent \'; SELECT 1; \\\' %s',
    "link": 'The "description" at https://shop.example/scripts/a.js',
}


@pytest.mark.parametrize("said", TEXTS.values(), ids=TEXTS)
def test_h6_h9_what_a_customer_wrote_arrives_word_for_word(reach, said):
    _, number = opened(reach, said, subject=said.partition("\n")[0])
    (comment,) = comments(reach, number)
    assert words(comment) == readable(said)
    assert "????" not in comment["commentcontent"]
    assert "<b" not in comment["commentcontent"]
    assert "&lt;script" not in comment["commentcontent"] + shown(reach, number)["ticket_title"]


def test_h9_a_long_text_becomes_several_comments_and_nothing_is_cut(reach):
    ticket, number = opened(reach)
    long = a_new_entry('Где <"посылка"> 🚚? ' * 4_000)
    connector.append(number, ticket.thread, [long], reach)
    parts = [row["commentcontent"] for row in comments(reach, number)[1:]]
    assert len(parts) > 1
    assert sum(part.count('Где <"посылка"> :delivery truck:?') for part in parts) == 4_000
    sought = Sought(key=long.key, ticket=number, thread=ticket.thread)
    assert connector.find(sought, reach).entries == {long.key: comments(reach, number)[-1]["id"]}


KEPT = [
    File("mynd þ мир.png", "image/png", PNG),
    File("report.pdf", "application/pdf", b"%PDF-1.4\n%%EOF"),
    File("voice.ogg", "audio/ogg", b"OggS" + bytes(60)),
    File("film.mp4", "video/mp4", b"\0\0\0\x18ftypmp42" + bytes(60)),
    File("note.txt", "text/plain", b"see <?php echo 1; ?>"),
    File("page.html", "text/html", b"<html><script>1</script>"),
    File("run.php", "text/x-php", b"<?php echo 1;"),
    File("a,b & 'c'.csv", "text/csv", b"a,b\n"),
    File("no-ending", "application/octet-stream", b"x"),
]
DROPPED = [
    File("photo.webp", "image/webp", b"RIFF\x24\0\0\0WEBPVP8 " + bytes(24)),
    File("photo.heic", "image/heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)),
    File("logo.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    File("scan.tiff", "image/tiff", b"II*\0" + bytes(20)),
    File("broken.jpg", "image/jpeg", b"\xff\xd8\xff\0broken"),
    File("named.jpg", "image/jpeg", PNG),
    File("odd.png", "image/png", PNG + b"<?php"),
]


def test_h10_each_file_is_kept_as_it_is_or_in_a_zip(reach):
    ticket, number = opened(reach)
    entry = a_new_entry("My files", files=(*KEPT, *DROPPED, File("empty.txt", "text/plain", b"")))
    connector.append(number, ticket.thread, [entry], reach)
    text = comments(reach, number)[-1]["commentcontent"]
    related = {"relatedType": "Documents", "relatedLabel": "Documents"}
    documents = Service(reach).get("retrieve_related", "testing", id=number, **related).raw
    assert all(row.get("imageattachmentids") for row in documents)
    names = sorted(row["notes_title"].rpartition(" [")[0] for row in documents)
    assert names == sorted([*(file.name for file in KEPT), *(f"{file.name}.zip" for file in DROPPED)])
    assert [f"it is in {file.name}.zip]" in text for file in DROPPED] == [True] * len(DROPPED)
    assert "did not take the file empty.txt, 0 bytes" in text
    assert not [file.name for file in KEPT if file.name in text]
    again = dataclasses.replace(entry, key=entry.key)
    connector.append(number, ticket.thread, [again], reach)
    assert len(Service(reach).get("retrieve_related", "testing", id=number, **related).raw) == len(documents)


def test_h10_a_file_over_every_limit_is_named(reach):
    ticket, number = opened(reach)
    size = int(os.environ.get("DESKWIRE_VTIGER_UPLOAD", "2097152")) + 1
    file = File("film.mp4", "video/mp4", os.urandom(size))
    connector.append(number, ticket.thread, [a_new_entry("Film", files=(file,))], reach)
    assert f"did not take the file film.mp4, {size} bytes" in comments(reach, number)[-1]["commentcontent"]


def test_h11_a_priority_is_raised_and_tags_are_added(reach):
    _, number = opened(reach, tags=("messenger",))
    connector.update(number, Change("urgent", ("sensitive",)), reach)
    connector.update(number, Change("low", ("messenger",)), reach)
    standing = shown(reach, number)
    assert standing["ticketpriorities"] == "Urgent"
    assert "Tags: messenger, sensitive" in standing["description"]


def test_h12_earlier_tickets_of_this_customer_are_told(reach, agent):
    ticket, number = opened(reach, tags=("complaint",))
    second = dataclasses.replace(a_new_ticket("Another"), customer=ticket.customer)
    other = connector.open(second, reach).ticket
    sets(agent, number, ticketstatus="Closed")
    found = connector.history(ticket.customer, reach)
    assert [(each.ticket, each.open, each.complaint) for each in found] == [(other, True, False), (number, False, True)]
    assert all(abs(each.at - datetime.now(UTC)) < timedelta(minutes=5) for each in found)
    stranger = Customer(external_id=f"nobody-{RUN}", name="N", channel="messenger")
    assert connector.history(stranger, reach) == []


def test_agents_answers_are_found_by_polling_also_in_one_second_and_read_once(reach, agent):
    _, number = opened(reach)
    cursor = connector.poll("", reach).cursor
    said, told = [], []
    for text in ("One", 'Two <b>&</b> "q"', 'Put <script src="a.js"></script> there'):
        said.append(says(agent, number, text))
        page = connector.poll(cursor, later(reach))
        cursor, told = page.cursor, [*told, *answers_of(page)]
    says(agent, number, "Between us", is_private="1")
    assert [each for each in dict.fromkeys(told) if each in said] == said
    found = connector.replies(number, "", reach)
    assert [each.id for each in found] == said
    assert [each.text for each in found] == ["One", 'Two <b>&</b> "q"', 'Put <script src="a.js"></script> there']
    assert all(abs(each.written_at - datetime.now(UTC)) < timedelta(minutes=5) for each in found)
    assert [each.id for each in connector.replies(number, said[0], reach)] == said[1:]
    for seconds in (61, 122):
        page = connector.poll(cursor, later(reach, seconds=seconds))
        cursor = page.cursor
    assert not [each for each in answers_of(page) if each in said], "once settled, it is not told again"


def test_h14_a_poll_says_how_a_ticket_stands(reach, agent):
    _, number = opened(reach)
    cursor = connector.poll("", reach).cursor
    sets(agent, number, ticketstatus="Closed", assigned_user_id=agent.user)
    told = [each for each in connector.poll(cursor, reach).signals if each.about is About.STATUS]
    (signal,) = [each for each in told if each.ticket == number]
    assert (signal.status, signal.assignee.id) == (Status.SOLVED, agent.user)


def test_two_workers_with_one_login_disturb_each_other_in_nothing(wire, reach):
    ticket, number = opened(reach)
    workers = [dataclasses.replace(reach, http=reaching(wire).http) for _ in range(2)]

    def work(worker):
        entries = [a_new_entry(f"Message {place}") for place in range(5)]
        return [connector.append(number, ticket.thread, [entry], worker).entries for entry in entries]

    with ThreadPoolExecutor(2) as pool:
        filed = [place for each in pool.map(work, workers) for place in each]
    assert len({value for each in filed for value in each.values()}) == 10
    assert len(comments(reach, number)) == 11


def test_a_second_session_of_the_same_user_leaves_the_first_alive(wire, reach):
    ticket, number = opened(reach)
    connector.append(number, ticket.thread, [a_new_entry("By another worker")], reaching(wire))
    connector.append(number, ticket.thread, [a_new_entry("By the first again")], reach)
    assert len(comments(reach, number)) == 3


def test_a_session_that_has_ended_is_renewed_and_a_wrong_key_calls_a_person(wire, reach):
    ticket, number = opened(reach)
    reach.tokens.kept["access_key"] = Secret(f"{Service(reach).user} 0123456789abcdef01234")
    connector.append(number, ticket.thread, [a_new_entry("Hello?")], reach)
    wrong = {"access_key": "wrong"}
    stranger = dataclasses.replace(reach, secrets=Secrets(wrong), tokens=Renewed(Secrets(wrong)))
    with pytest.raises(ConfigurationError):
        connector.find(Sought(key=ticket.key, thread=ticket.thread), stranger)


def test_doctor_succeeds_and_leaves_a_closed_ticket(reach):
    examined = Examination(connector, reach, RUN)
    steps = [*examined.read(), *examined.write()]
    assert {step.name: step.said for step in steps if step.good is False} == {}
    assert steps[-1].good
    assert shown(reach, steps[-1].said.split()[1])["ticketstatus"] == "Closed"

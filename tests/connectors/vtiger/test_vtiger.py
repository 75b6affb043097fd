"""Vtiger: what must hold on the living helpdesk, which `sandbox/helpdesks/vtiger` plays as it was seen."""

import dataclasses
import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.vtiger import api, words
from deskwire.helpdesks.vtiger.api import SOURCE
from deskwire.helpdesks.vtiger.documents import PATIENCE
from deskwire.helpdesks.vtiger.records import marker
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.secret import Secrets
from deskwire.model.signals import About
from deskwire.model.tickets import Change, Customer, Entry, File, Sought, Ticket
from deskwire.operating.examining import SUBJECT, Examination
from deskwire.registry import helpdesk
from deskwire.web import rest
from deskwire.web.markup import JOINER
from deskwire.web.reading import Node
from sandbox.helpdesks.vtiger.played import BOT, Vtiger
from sandbox.neighbours.neighbour import Clock, Reply
from tests.conformance.world import Renewed

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SECRETS = Secrets({"access_key": "inventedKey40aQ7"})
HOST = "crm.northwind.example"


def unused(**_):
    raise AssertionError


@pytest.fixture
def desk():
    with Vtiger("deskwire", "inventedKey40aQ7", clock=Clock(NOW, held=True)) as played:
        yield played


@pytest.fixture
def reach(desk):
    transport = rest.Direct()
    yield Reach(
        account="main",
        settings={"address": f"https://{HOST}", "user": "deskwire"},
        secrets=SECRETS,
        http=rest.with_hosts(transport, {HOST: desk.address}),
        now=NOW,
        mail=unused,
        remember=lambda _name, make: make()[0],
        tokens=Renewed(SECRETS),
    )
    transport.close()


def entry(key, body="My parcel 4471 is lost", *, public=True, **more):
    return Entry(key=key, body=body, written_at=NOW, public=public, **more)


def ticket(*entries, key="t1", **more):
    customer = Customer(external_id="c7", name="Jóna Example", channel="messenger", email="jona@example.org")
    given = {"subject": "Lost", "customer": customer, "entries": entries} | more
    return Ticket(key=key, thread="c7", reference="ABCDE-FGHJK", **given)


def at(reach, **later):
    return dataclasses.replace(reach, now=NOW + timedelta(**later))


def asked(desk, operation):
    return [item for item in desk.books.entries("POST") if item.asked.form().get("operation") == operation]


def test_h1_a_ticket_is_opened_extended_opened_again_and_one_that_is_gone_says_so(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    (standing,) = desk.of("HelpDesk")
    assert filed.ticket == standing["id"]
    assert standing["source"] == SOURCE
    standing["ticketstatus"] = "Closed"
    connector.append(filed.ticket, "c7", [entry("k2", public=False)], reach)
    assert standing["ticketstatus"] == "Closed"
    connector.append(filed.ticket, "c7", [entry("k3")], reach)
    assert standing["ticketstatus"] == "Open"
    desk.remove(filed.ticket)
    with pytest.raises(TicketGone):
        connector.append(filed.ticket, "c7", [entry("k4")], reach)
    with pytest.raises(TicketGone):  # a Vtiger that was moved numbers its modules anew
        connector.append("9x104", "c7", [entry("k4")], reach)
    assert len(desk.of("ModComments")) == 3


def test_doctor_s_round_trip_succeeds_and_closes_its_ticket(desk, reach):
    examined = Examination(helpdesk("vtiger"), reach, "run-1")
    steps = [*examined.read(), *examined.write()]
    assert {step.name: step.said for step in steps if not step.good} == {}
    (standing,) = desk.of("HelpDesk")
    assert (standing["ticket_title"], standing["ticketstatus"]) == (SUBJECT, "Closed")
    desk.remove(standing["id"])
    with pytest.raises(TicketGone):
        helpdesk("vtiger").close(standing["id"], reach)


def test_h2_what_was_filed_is_found_by_its_key_and_opened_once(desk, reach):
    connector = helpdesk("vtiger")
    assert connector.find(Sought(key="t1", thread="c7"), reach) is None
    filed = connector.open(ticket(entry("k1")), reach)
    assert connector.find(Sought(key="t1", thread="c7"), reach).ticket == filed.ticket
    assert connector.find(Sought(key="k1", ticket=filed.ticket, thread="c7"), reach).entries == filed.entries
    assert connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), reach) is None
    assert connector.open(ticket(entry("k1")), reach) == filed
    assert len(desk.of("HelpDesk")) == len(desk.of("ModComments")) == len(desk.of("Contacts")) == 1


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1"), tags=("messenger",), fields={"Rating": "1"}), reach)
    (standing,) = desk.of("HelpDesk")
    connector.update(filed.ticket, Change("high", ("sensitive", "messenger")), reach)
    assert standing["ticketpriorities"] == "High"
    assert "\nTags: messenger, sensitive\nRating: 1" in standing["description"]
    connector.update(filed.ticket, Change("normal", ("sensitive",)), reach)
    assert standing["ticketpriorities"] == "High"
    standing |= {"ticketpriorities": "Board level", "description": ""}
    connector.update(filed.ticket, Change("urgent", ("sensitive",)), reach)
    assert standing["ticketpriorities"] == "Board level", "a company's own is left as it is"
    assert standing["description"].strip() == "Tags: sensitive"
    assert len(asked(desk, "revise")) == 2
    assert len(desk.of("ModComments")) == 1
    desk.remove(filed.ticket)
    with pytest.raises(TicketGone):
        connector.update(filed.ticket, Change("urgent"), reach)


def test_h6_markup_and_quotes_stay_words(desk, reach):
    said = "<b>bold</b> <img src=x onerror=1> {{ticket.id}} @agent '; SELECT * FROM Users; \\' a<1"
    customer = Customer(external_id="o'hara\\' OR id", name="O'Hara", channel="messenger")
    helpdesk("vtiger").open(ticket(entry("k1", said), customer=customer, subject=said), reach)
    helpdesk("vtiger").open(ticket(entry("k2", said), customer=customer, key="t2"), reach)
    (contact,) = desk.of("Contacts")
    assert contact["cf_857"] == marker("messenger:o'hara\\' OR id")
    text = desk.of("ModComments")[0]["commentcontent"]
    assert "<b" not in text
    assert "<img" not in text
    assert "{{" not in text
    assert "a<1" in text or "a&lt;1" in text
    assert all(item.status == 200 for item in desk.books.entries())


def test_h9_four_byte_signs_become_words_and_long_text_is_parted(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1", "Hæ 🌷 🇮🇸 👍🏽 𝐇 ☂")), reach)
    text = desk.of("ModComments")[0]["commentcontent"]
    assert text.endswith("Hæ :tulip: :flag IS: :thumbs up sign: H ☂")
    long = "🚚 parcel. " * 5000
    connector.append(filed.ticket, "c7", [entry("k2", long)], reach)
    parts = [row["commentcontent"] for row in desk.of("ModComments")[1:]]
    assert len(parts) > 1
    assert all(len(part.encode()) <= words.ENOUGH for part in parts)
    assert sum(part.count(":delivery truck: parcel.") for part in parts) == 5000
    assert (
        connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), reach).entries["k2"]
        == desk.of("ModComments")[-1]["id"]
    )


def test_a_long_text_that_broke_off_goes_on_where_it_stopped(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    long = entry("k2", "parcel. " * 20000)
    real, writes = reach.http, []

    def breaking(call):
        if b"operation=create" in call.body:
            writes.append(call)
            if len(writes) == 2:
                raise TemporaryError("cut", ambiguous=False)
        return real(call)

    with pytest.raises(TemporaryError) as caught:
        connector.append(filed.ticket, "c7", [long], dataclasses.replace(reach, http=breaking))
    assert (
        not caught.value.ambiguous or connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), reach) is None
    )
    connector.append(filed.ticket, "c7", [long], reach)
    parts = [row["commentcontent"] for row in desk.of("ModComments")[1:]]
    assert sum(part.count("parcel.") for part in parts) == 20000


def test_h10_an_attachment_arrives_with_name_type_and_bytes(desk, reach):
    files = (File("mynd þ.jpg", "image/jpeg", b"\xff\xd8\xff\xd9"),)
    filed = helpdesk("vtiger").open(ticket(entry("k1", files=files)), reach)
    ((document, file),) = desk.files.items()
    assert file == ("mynd_þ.jpg", "image/jpeg", b"\xff\xd8\xff\xd9")
    assert desk.related == [(filed.ticket, document)]


LATER = PATIENCE.total_seconds() + 1


def silent(reach, *, times=1, effect=False):
    """Return a reach whose uploads are answered with an empty HTTP 500, and the list of these."""
    seen, real = [], reach.http

    def http(call):
        if b"Content-Disposition" not in call.body or len(seen) >= times:
            return real(call)
        seen.append(call)
        if effect:
            real(call)
        return rest.Answer(500)

    return dataclasses.replace(reach, http=http), seen


PICTURE = File("mynd.jpg", "image/jpeg", b"\xff\xd8\xff\xd9")


@pytest.mark.parametrize("effect", [False, True])
def test_an_upload_answered_with_an_empty_500_is_looked_for_and_stored_once(desk, reach, effect):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    seldom, seen = silent(reach, effect=effect)
    if not effect:
        with pytest.raises(TemporaryError) as caught:
            connector.append(filed.ticket, "c7", [entry("k2", files=(PICTURE,))], seldom)
        assert caught.value.ambiguous
        assert caught.value.concerns is Concern.TICKET
        assert connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), seldom) is None
    connector.append(filed.ticket, "c7", [entry("k2", files=(PICTURE,))], seldom)
    (document,) = desk.of("Documents")
    assert desk.related == [(filed.ticket, document["id"])]
    assert "did not take" not in desk.of("ModComments")[-1]["commentcontent"]
    assert len(seen) == 1


def test_an_empty_500_to_an_old_messages_file_is_tried_once_more_at_once(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    seldom, _ = silent(at(reach, seconds=LATER))
    connector.append(filed.ticket, "c7", [entry("k2", files=(PICTURE,))], seldom)
    assert len(desk.of("Documents")) == 1
    assert "did not take" not in desk.of("ModComments")[-1]["commentcontent"]


@pytest.mark.parametrize(
    "file",
    [
        File("film.mp4", "video/mp4", b"x" * 3 * 1024 * 1024),  # over PHP's limit: success, and an empty document
        File("film.mp4", "video/mp4", b"x" * 9 * 1024 * 1024),  # over that of a post: an empty 500
        File("tomt.txt", "text/plain", b""),
    ],
)
def test_a_file_that_vtiger_does_not_take_is_named_and_the_words_arrive(desk, reach, file):
    helpdesk("vtiger").open(ticket(entry("k1", files=(file,))), at(reach, seconds=LATER))
    assert f"{file.name}, {len(file.data)} bytes" in desk.of("ModComments")[0]["commentcontent"]
    assert not desk.of("Documents")


DROPPED = [
    File("mynd.webp", "image/webp", b"RIFF\x24\0\0\0WEBPVP8 "),
    File("mynd.heic", "image/heic", b"\0\0\0\x18ftypheic"),
    File("mynd.jpg", "image/jpeg", b"RIFF\x24\0\0\0WEBPVP8 "),
    File("merki.svg", "image/svg+xml", b"<svg/>"),
    File("mynd.png", "image/png", b"\x89PNG<?php"),
    File("broken.jpg", "image/jpeg", b"\xff\xd8\xff\0broken"),  # an empty 500, and a document without a file
]


@pytest.mark.parametrize("file", DROPPED, ids=lambda file: file.name)
def test_a_file_that_vtiger_drops_with_success_is_kept_in_a_zip(desk, reach, file):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    connector.append(filed.ticket, "c7", [entry("k2", files=(file, PICTURE))], reach)
    (number, (name, kind, data)), (_, picture) = desk.files.items()
    assert (name, kind, picture[2]) == (f"{file.name}.zip", "application/zip", PICTURE.data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [(each, archive.read(each)) for each in archive.namelist()] == [(file.name, file.data)]
    assert len(desk.of("Documents")) == 2, "the one without its file is gone"
    assert (filed.ticket, number) in desk.related
    assert f"{file.name} as it is: it is in {file.name}.zip]" in desk.of("ModComments")[-1]["commentcontent"]
    connector.append(filed.ticket, "c7", [entry("k2", files=(file, PICTURE))], reach)
    assert len(desk.of("Documents")) == 2, "an attempt after doubt finds the ZIP"


def test_where_vtiger_never_tells_whether_it_kept_a_file_the_comment_says_so(desk, reach):
    real = reach.http

    def silent_about_ids(call):
        answer = real(call)
        return dataclasses.replace(answer, body=answer.body.replace(b"imageattachmentids", b"unknown"))

    helpdesk("vtiger").open(ticket(entry("k1", files=(PICTURE,))), dataclasses.replace(reach, http=silent_about_ids))
    (document,) = desk.of("Documents")
    assert desk.related == [(desk.of("HelpDesk")[0]["id"], document["id"])]
    assert "does not say whether it kept the file mynd.jpg" in desk.of("ModComments")[-1]["commentcontent"]


def test_a_file_that_a_proxy_finds_too_large_is_named_and_the_words_arrive(desk, reach):
    real = reach.http

    def http(call):
        return rest.Answer(413, {}, b"<h1>413</h1>") if b"Content-Disposition" in call.body else real(call)

    helpdesk("vtiger").open(ticket(entry("k1", files=(PICTURE,))), dataclasses.replace(reach, http=http))
    assert "did not take the file mynd.jpg" in desk.of("ModComments")[0]["commentcontent"]


def test_an_empty_document_whose_answer_was_lost_is_not_taken_for_the_file(desk, reach):
    file, real, lost = File("film.mp4", "video/mp4", b"x" * 3 * 1024 * 1024), reach.http, []

    def losing(call):
        answer = real(call)
        if b"Content-Disposition" in call.body and not lost:
            lost.append(call)
            raise TemporaryError("cut", ambiguous=True)
        return answer

    connector, losing = helpdesk("vtiger"), dataclasses.replace(reach, http=losing)
    with pytest.raises(TemporaryError):
        connector.open(ticket(entry("k1", files=(file,))), losing)
    connector.open(ticket(entry("k1", files=(file,))), losing)
    assert "did not take the file film.mp4" in desk.of("ModComments")[0]["commentcontent"]
    assert not desk.of("Documents")


def test_two_files_of_one_name_and_length_are_two(desk, reach):
    files = (PICTURE, dataclasses.replace(PICTURE, data=b"\xff\xd8\xff\x00\xff\xd9"), File("a.txt", "text/plain", b"1"))
    files += (dataclasses.replace(files[-1], data=b"2"),)
    helpdesk("vtiger").open(ticket(entry("k1", files=files)), reach)
    assert sorted(data for _, _, data in desk.files.values()) == sorted(file.data for file in files)


def test_an_idle_session_is_renewed_and_the_call_is_made(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.clock.advance(1801)
    connector.append(filed.ticket, "c7", [entry("k2")], reach)
    assert len(asked(desk, "login")) == 2
    assert len(desk.of("ModComments")) == 2


def test_a_challenge_lost_to_another_is_asked_again_and_a_wrong_key_calls_a_person(desk, reach):
    real, lost = reach.http, []

    def racing(call):
        answer = real(call)
        if "getchallenge" in call.url and not lost:
            lost.append(real(call))  # another worker's, which voids ours
        return answer

    connector = helpdesk("vtiger")
    assert connector.open(ticket(entry("k1")), dataclasses.replace(reach, http=racing)).ticket
    unknown = dataclasses.replace(reach, settings={**reach.settings, "user": "nobody"}, tokens=Renewed(SECRETS))
    with pytest.raises(ConfigurationError, match="check “user”"):
        connector.find(Sought(key="t1", thread="c7"), unknown)
    wrong = Secrets({"access_key": "another"})
    with pytest.raises(ConfigurationError):
        connector.find(Sought(key="t1", thread="c7"), dataclasses.replace(reach, secrets=wrong, tokens=Renewed(wrong)))


def test_our_comments_mail_nobody(desk, reach):
    filed = helpdesk("vtiger").open(ticket(entry("k1"), entry("k2", public=False)), reach)
    (contact,) = desk.of("Contacts")
    assert (contact["email"], contact["emailoptout"]) == ("", "1")
    assert desk.mails == []
    contact |= {"email": "jona@example.org", "emailoptout": "0"}  # an agent's doing
    private = dataclasses.replace(reach, settings={**reach.settings, "comments": "private"})
    helpdesk("vtiger").append(filed.ticket, "c7", [entry("k3")], private)
    assert desk.mails == []
    misspelt = dataclasses.replace(reach, settings={**reach.settings, "comments": "Private"})
    with pytest.raises(ConfigurationError, match="comments"):
        helpdesk("vtiger").append(filed.ticket, "c7", [entry("k4")], misspelt)
    assert desk.mails == []


def test_replies_are_the_public_ones_of_agents_beyond_a_hundred(desk, reach):
    connector, desk.administrator = helpdesk("vtiger"), True
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "between us", public=False)
    desk.agent_comments(filed.ticket, "a customer's, in the portal", customer=desk.of("Contacts")[0]["id"])
    desk.agent_comments(filed.ticket, "ours by another way", source=SOURCE)
    desk._made("ModComments", {"commentcontent": "our user's", "related_to": filed.ticket, "source": "CRM"}, BOT)
    said = [desk.agent_comments(filed.ticket, f"answer {number}", source="WEBSERVICE") for number in range(129)]
    said.append(desk.agent_comments(filed.ticket, "", is_private="", filename="stamp.pdf, 4711"))
    found = connector.replies(filed.ticket, "", reach)
    assert [reply.id for reply in found] == said
    assert (found[0].author, found[0].written_at) == ("Agnes Example", NOW)
    assert [(each.name, each.id) for each in found[-1].attachments] == [("stamp.pdf", ""), ("", "30x4711")]
    assert [reply.id for reply in connector.replies(filed.ticket, said[-2], reach)] == said[-1:]


def test_a_comment_that_does_not_say_whether_it_is_private_is_no_answer(desk, reach):
    connector, left = helpdesk("vtiger"), []
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "between us", public=False)
    real = reach.http

    def hiding(call):
        answer = real(call)
        body = json.loads(answer.body)
        for row in body["result"] if "ModComments" in call.url and isinstance(body["result"], list) else ():
            row.pop("is_private", None)
        return dataclasses.replace(answer, body=json.dumps(body).encode())

    hidden = dataclasses.replace(reach, http=hiding, left_out=lambda what, node: left.append((what, node.path)))
    assert connector.replies(filed.ticket, "", hidden) == []
    assert left == [("reading the replies", "body.result[0].is_private")]


PLAN, PRICES = ("plan.png", "image/png", b"png"), ("prices.pdf", "", b"pdf")


def test_an_answer_s_files_come_with_name_type_and_bytes(desk, reach):
    connector, desk.php = helpdesk("vtiger"), 7
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "between us", public=False, files=(PRICES,))
    desk.agent_comments(filed.ticket, "The plan", files=(PLAN, PRICES))
    (reply,) = connector.replies(filed.ticket, "", reach)
    files = [connector.file(each, reach) for each in reply.attachments]
    assert [(file.name, file.type, file.data) for file in files] == [
        ("plan.png", "image/png", b"png"), ("prices.pdf", "application/pdf", b"pdf"),
    ]  # fmt: skip


def test_on_php_8_an_answer_s_file_is_not_waited_for(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "The plan", files=(PLAN,))
    (reply,) = connector.replies(filed.ticket, "", reach)
    with pytest.raises(PermanentError, match="PHP 8"):
        connector.file(reply.attachments[0], reach)


@pytest.mark.parametrize(
    "answer",
    [
        {"success": True, "result": []},
        {"success": True, "result": [{"fileid": "105", "filetype": "image/png", "filecontents": "cG5n"}]},
        {"success": True, "result": [{"fileid": "104", "filesize": "3", "filecontents": "cG5"}]},
        {"success": True, "result": [{"fileid": "104", "filesize": "4", "filecontents": "cG5n"}]},
        {"success": True, "result": [{"fileid": "104", "filesize": "0", "filecontents": ""}]},
        {"success": False, "error": {"code": "ACCESS_DENIED", "message": "Permission … is denied"}},
        {"success": False, "error": {"code": "RECORD_NOT_FOUND", "message": "Record … is not found"}},
        {"success": False, "error": {"code": "UNKNOWN_OPERATION", "message": "Unknown operation requested"}},
        {"success": False, "error": {"code": "NEVER_SEEN", "message": "?"}},
    ],
)
def test_an_answer_s_file_that_does_not_come_whole_is_told_and_holds_up_no_words(desk, reach, answer):
    connector, real = helpdesk("vtiger"), reach.http

    def http(call):
        told = rest.Answer(200, {}, json.dumps(answer).encode())
        return told if "files_retrieve" in call.url else real(call)

    with pytest.raises(PermanentError):
        connector.file(Attachment(AttachmentKind.FILE, id="30x104"), dataclasses.replace(reach, http=http))


@pytest.mark.parametrize("number", ["", "30", "30x1' OR '1'='1", "../30x1"])
def test_only_a_file_of_a_comment_is_asked_for(desk, reach, number):
    with pytest.raises(PermanentError):
        helpdesk("vtiger").file(Attachment(AttachmentKind.FILE, id=number), reach)
    assert not [each for each in desk.books.entries("GET") if each.asked.parameter("operation") == "files_retrieve"]


def answers_of(page):
    return [each for each in page.signals if each.about is About.TICKET]


def test_h14_a_poll_says_how_changed_tickets_stand(desk, reach, monkeypatch):
    connector, desk.administrator = helpdesk("vtiger"), True
    first = connector.open(ticket(entry("k1")), reach).ticket
    cursor = connector.poll("", reach).cursor
    desk._made("HelpDesk", {"ticket_title": "a colleague's"}, "19x6")
    desk.records["19x9"] = {"id": "19x9", "first_name": "Béla", "last_name": ""}
    told = []
    for change in (
        {"assigned_user_id": "19x6"},
        {"ticketstatus": "Closed"},
        {"ticketstatus": "Open", "assigned_user_id": "19x9"},
        {"ticketstatus": "Closed"},
        {"ticketstatus": "Wait For Response", "assigned_user_id": "20x2"},
    ):
        desk.clock.advance(90)
        desk.agent_sets(first, **change)
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        told += [(each.ticket, str(each.status), each.assignee.id, each.assignee.name) for each in page.signals]
    assert told == [
        (first, "reopened", "19x6", "Agnes Example"), (first, "solved", "19x6", "Agnes Example"),
        (first, "reopened", "19x9", "Béla"), (first, "solved", "19x9", "Béla"), (first, "reopened", "", ""),
    ]  # fmt: skip
    second = connector.open(ticket(entry("k2"), key="t2"), reach).ticket
    desk.clock.advance(5)
    desk.agent_sets(second, ticketstatus="Closed")
    monkeypatch.setattr("deskwire.helpdesks.vtiger.standing.PAGE", 1)
    found = []
    for _ in range(3):
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        found += [each.ticket for each in page.signals]
    assert second in found


def test_a_poll_tells_of_our_tickets_once_they_have_settled_and_beyond_all_pages(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    cursor = connector.poll("", reach).cursor
    desk._made("ModComments", {"commentcontent": "our user's", "related_to": filed.ticket, "source": "CRM"}, BOT)
    other = desk._made("HelpDesk", {"ticket_title": "a colleague's"}, "19x6")["id"]
    desk.agent_comments(other, "nothing of ours")
    said = [desk.agent_comments(filed.ticket, f"answer {number}") for number in range(620)]
    first = connector.poll(cursor, reach)
    rest_ = connector.poll(first.cursor, reach)
    told = [[signal.object_id for signal in answers_of(page)] for page in (first, rest_)]
    assert (told[0], told[1]) == (said[:499], said[399:]), "the last page of a full look is read again"
    assert {signal.ticket for signal in first.signals} == {filed.ticket}
    assert answers_of(connector.poll(rest_.cursor, reach))  # younger than a minute: told again
    last = at(reach, seconds=61)
    cursor = rest_.cursor
    for _ in range(2):
        cursor = connector.poll(cursor, last).cursor
    assert answers_of(connector.poll(cursor, last)) == []
    with pytest.raises(PermanentError):
        connector.poll("2026' OR id", reach)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Warsaw"])
def test_a_second_answer_in_the_same_second_is_found_whatever_vtigers_zone(desk, reach, zone):
    desk.zone, connector = ZoneInfo(zone), helpdesk("vtiger")
    reach = dataclasses.replace(reach, settings={**reach.settings, "time_zone": zone})
    filed = connector.open(ticket(entry("k1")), reach)
    cursor = connector.poll("", reach).cursor
    said, found = [], []
    for _ in range(3):
        said.append(desk.agent_comments(filed.ticket, "Found it"))
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        found += [each.object_id for each in answers_of(page)]
    assert list(dict.fromkeys(found)) == said
    assert {each.occurred_at for each in page.signals} == {NOW}
    assert [each.written_at for each in connector.replies(filed.ticket, "", reach)] == [NOW] * 3
    (earlier,) = connector.history(dataclasses.replace(ticket().customer, email=""), reach)
    assert earlier.at == NOW


def test_an_answer_in_an_hour_that_comes_twice_is_found(desk, reach):
    desk.zone, connector = ZoneInfo("Europe/Warsaw"), helpdesk("vtiger")
    now = datetime(2026, 10, 25, 0, 55, tzinfo=UTC)  # 02:55 there, and five minutes later 02:00 again
    desk.clock.advance((now - NOW).total_seconds())
    filed = connector.open(ticket(entry("k1")), reach)
    cursor, found = connector.poll("", reach).cursor, []
    for _ in range(5):
        desk.clock.advance(120)
        said = desk.agent_comments(filed.ticket, "Found it")
        page = connector.poll(cursor, dataclasses.replace(reach, now=desk.clock.now()))
        cursor = page.cursor
        found.append(answers_of(page)[-1].object_id == said)
    assert found == [True] * 5


def test_an_answer_that_becomes_visible_after_a_later_one_is_found(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    cursor = connector.poll("", reach).cursor
    late = desk.agent_comments(filed.ticket, "The slow one")
    row = desk.records.pop(late)
    desk.agent_comments(filed.ticket, "The quick one")
    cursor = connector.poll(cursor, reach).cursor
    desk.records[late] = row
    assert late in [each.object_id for each in answers_of(connector.poll(cursor, at(reach, seconds=59)))]


@pytest.mark.parametrize("former", ["2026-11-02 08:59:00", "2026-11-02 08:59:00;30x1;2026-11-02 08:59:00"])
def test_a_cursor_of_times_is_gone_on_from(desk, reach, former):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    said = desk.agent_comments(filed.ticket, "Found it")
    for cursor in (former, f"{former}|2026-11-02 08:59:00"):
        page = connector.poll(cursor, reach)
        assert [each.object_id for each in answers_of(page)] == [said]
        assert [each.ticket for each in page.signals] == [filed.ticket] * 2
    page = connector.poll("2026-11-02 09:01:00", reach)
    assert page.signals == []
    said = desk.agent_comments(filed.ticket, "And again")
    assert [each.object_id for each in answers_of(connector.poll(page.cursor, reach))] == [said]


def test_a_time_zone_that_does_not_exist_is_told_by_check_and_calls_a_person(desk, reach):
    connector = helpdesk("vtiger")
    assert connector.faults({"time_zone": "Europe/Warszawa"}).keys() == {"time_zone"}
    assert connector.faults({"time_zone": "Europe/Warsaw"}) == connector.faults({}) == {}
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "Found it")
    wrong = dataclasses.replace(reach, settings={**reach.settings, "time_zone": "../etc"})
    with pytest.raises(ConfigurationError, match="Europe/Warsaw"):
        connector.replies(filed.ticket, "", wrong)


def test_h12_earlier_tickets_of_the_customer_alone_are_told(desk, reach):
    connector = helpdesk("vtiger")
    first = ticket(entry("k1"), tags=("deskwire", "complaint"))
    connector.open(first, reach)
    connector.open(ticket(entry("k2"), key="t2", subject="Late"), reach)
    stranger = dataclasses.replace(first.customer, external_id="c8")
    connector.open(ticket(entry("k3"), key="t3", customer=stranger), reach)
    desk.of("HelpDesk")[1]["ticketstatus"] = "Closed"
    customer = dataclasses.replace(first.customer, email="")
    late, lost = connector.history(customer, reach)
    assert (late.subject, late.number, late.open, late.outcome) == ("Late", "TT2", False, "Closed")
    assert (lost.subject, lost.open, lost.complaint, lost.at) == ("Lost", True, True, NOW)
    assert connector.history(dataclasses.replace(customer, external_id="c9"), reach) == []


def test_h12_an_address_is_asked_for_where_it_is_given(desk, reach):
    connector = helpdesk("vtiger")
    connector.open(ticket(entry("k1")), reach)
    desk.of("Contacts")[0] |= {"email": "anna@example.org", "mobile": "+354 555"}
    for given in ({"email": "anna@example.org"}, {"phone": "+354 555"}):
        known = Customer(external_id="c9", name="Anna", channel="whatsapp", **given)
        assert [each.subject for each in connector.history(known, reach)] == ["Lost"]


def test_a_right_or_a_field_that_is_missing_calls_a_person_before_anything_is_written(desk, reach):
    desk.createable = False
    with pytest.raises(ConfigurationError, match="profile"):
        helpdesk("vtiger").open(ticket(entry("k1")), reach)
    assert not desk.of("Contacts")


def test_a_record_refused_as_a_duplicate_is_the_one_of_an_attempt_without_an_answer(desk, reach):
    desk.unique = {"HelpDesk", "ModComments", "Contacts"}
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    real, blind = reach.http, []

    def overtaken(call):
        """See nothing at first: the other attempt is written between our look and our writing."""
        if "operation=query" in call.url and len(blind) < 2:
            blind.append(call)
            return rest.Answer(200, {}, b'{"success":true,"result":[]}')
        return real(call)

    assert connector.open(ticket(entry("k1")), dataclasses.replace(reach, http=overtaken)).ticket == filed.ticket
    assert len(desk.of("HelpDesk")) == len(desk.of("Contacts")) == 1
    assert connector.append(filed.ticket, "c7", [entry("k1")], reach).entries == filed.entries


def test_a_duplicate_by_a_field_of_the_companys_own_calls_a_person(desk, reach):
    real = reach.http

    def refusing(call):
        if b"elementType=Contacts" in call.body:
            return rest.Answer(200, {}, b'{"success":false,"error":{"message":"Duplicate(s) detected!","code":0}}')
        return real(call)

    with pytest.raises(ConfigurationError, match="Deskwire Key"):
        helpdesk("vtiger").open(ticket(entry("k1")), dataclasses.replace(reach, http=refusing))


@pytest.mark.parametrize("code", ["UNKNOWN_OPERATION", "OPERATION_NOT_SUPPORTED", "UNKOWN_ENTITY"])
def test_what_this_vtiger_cannot_do_calls_a_person_and_refuses_no_message(desk, reach, code):
    def old(call):
        answer = json.dumps({"success": False, "error": {"code": code, "message": "Unknown operation requested"}})
        related = b"add_related" in call.body
        return rest.Answer(200, {}, answer.encode()) if related else reach.http(call)

    with pytest.raises(ConfigurationError, match="too old"):
        helpdesk("vtiger").open(ticket(entry("k1", files=(PICTURE,))), dataclasses.replace(reach, http=old))


@pytest.mark.parametrize("operation", [b"operation=revise", b"operation=create"])
def test_a_ticket_deleted_while_it_is_written_to_is_gone(desk, reach, operation):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.of("HelpDesk")[0]["ticketstatus"] = "Closed"
    real = reach.http

    def deleting(call):
        if operation in call.body and filed.ticket in desk.records:
            desk.remove(filed.ticket)
        return real(call)

    hasty = dataclasses.replace(reach, http=deleting)
    with pytest.raises((TicketGone, TemporaryError)) as caught:
        connector.append(filed.ticket, "c7", [entry("k2")], hasty)
    assert isinstance(caught.value, TicketGone) or caught.value.concerns is Concern.TICKET
    assert connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), hasty) is None
    with pytest.raises(TicketGone):
        connector.append(filed.ticket, "c7", [entry("k2")], hasty)


def test_an_owner_that_is_nobody_calls_a_person_and_names_the_setting(desk, reach):
    nobody = dataclasses.replace(reach, settings={**reach.settings, "owner": "19x404"})
    with pytest.raises(ConfigurationError, match="owner"):
        helpdesk("vtiger").open(ticket(entry("k1")), nobody)
    group = dataclasses.replace(reach, settings={**reach.settings, "owner": "20x3"})
    helpdesk("vtiger").open(ticket(entry("k1")), group)
    assert desk.of("HelpDesk")[0]["assigned_user_id"] == "20x3"


def test_an_authors_name_that_may_not_be_seen_holds_up_no_answer(desk, reach):
    filed = helpdesk("vtiger").open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "Found it")
    (found,) = helpdesk("vtiger").replies(filed.ticket, "", reach)
    assert (found.text, found.author) == ("Found it", ""), "our user is no administrator"
    real = reach.http

    def hiding(call):
        if "FROM%20Users" in call.url:
            return rest.Answer(200, {}, b'{"success":false,"error":{"message":"","code":"INTERNAL_SERVER_ERROR"}}')
        return real(call)

    (found,) = helpdesk("vtiger").replies(filed.ticket, "", dataclasses.replace(reach, http=hiding))
    assert (found.text, found.author) == ("Found it", "")


@pytest.mark.parametrize(
    "said",
    [
        """> <script>alert("x")</script> is what your page shows, isn't it?""",
        'The "description" of https://shop.example/Scripts/a.js',
    ],
    ids=["quoted", "link"],
)
def test_h6_a_script_in_a_text_keeps_its_words_and_signs(desk, reach, said):
    helpdesk("vtiger").open(ticket(entry("k1", said), subject=said[:60]), reach)
    shown = "".join(row["commentcontent"] for row in desk.of("ModComments")).replace(JOINER, "")
    assert shown.partition("\n\n")[2] == said
    assert desk.of("HelpDesk")[0]["ticket_title"].replace(JOINER, "") == said[:60]


def test_a_long_text_with_scripts_is_not_cut(desk, reach):
    helpdesk("vtiger").open(ticket(entry("k1", '"<script></script>' * 6_000)), reach)
    shown = "".join(row["commentcontent"] for row in desk.of("ModComments"))
    assert [shown.count(sign) for sign in ('"', "<", "&")] == [6_000, 12_000, 0]


def test_an_agent_s_answer_with_a_script_reaches_the_customer_as_it_was_written(desk, reach):
    connector, said = helpdesk("vtiger"), 'Put <script src="a.js"></script> into\nthe page & reload'
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, said)
    desk.agent_comments(filed.ticket, "Write &lt; for a bracket")
    assert "&lt;script" in desk.of("ModComments")[-2]["commentcontent"]
    assert [each.text for each in connector.replies(filed.ticket, "", reach)] == [said, "Write &lt; for a bracket"]


def test_a_text_full_of_the_word_is_read_in_no_time():
    began = time.process_time()
    words.storable('"' + "script " * 40_000)
    assert time.process_time() - began < 1


def test_a_link_in_a_text_that_vtiger_does_not_change_stays_whole():
    said = "The description of https://shop.example/scripts/a.js"
    assert words.storable(said) == said


@pytest.mark.parametrize("given", ["1", 1, True])
def test_numbers_and_truth_values_are_read_as_text_is(given):
    assert api.value(Node(given)) == "1"
    assert api.value(Node(None)) == ""


def answered(body, status=200):
    data = rest.Answer(status, {}, Reply.json(status, body).body)
    return api.outcome(data, "trying")


@pytest.mark.parametrize(
    ("code", "kind", "ambiguous"),
    [
        (0, api.DuplicateError, None),
        ("INTERNAL_SERVER_ERROR", TemporaryError, True),
        ("ACCESS_DENIED", ConfigurationError, None),
        ("MANDATORY_FIELDS_MISSING", ConfigurationError, None),
        ("REFERENCE_INVALID", PermanentError, None),
        ("SOMETHING_NEW", PermanentError, None),
    ],
)
def test_an_error_inside_a_200_says_what_happens_next(code, kind, ambiguous):
    _, told = answered({"success": False, "error": {"code": code, "message": "…"}})
    error = api.failure(told, "trying", writes=True)
    assert isinstance(error, kind)
    assert getattr(error, "ambiguous", False) == bool(ambiguous)


@pytest.mark.parametrize("code", ["QUERY_SYNTAX_ERROR", "UNKNOWN_ENTITY", "SOMETHING_NEW"])
def test_what_refuses_a_question_speaks_of_the_account_as_no_customers_words_are_in_it(code):
    assert isinstance(api.failure(code, "trying", writes=False), ConfigurationError)
    assert isinstance(api.failure("INVALID_ID_ATTRIBUTE", "trying", writes=False), PermanentError)


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b""), (200, b"<html>Sorry!</html>"), (200, b"{}")])
def test_an_empty_answer_or_a_page_leaves_the_outcome_unknown(status, body):
    with pytest.raises(TemporaryError) as caught:
        api.outcome(rest.Answer(status, {}, body), "trying")
    assert caught.value.ambiguous


def test_a_value_cannot_leave_its_quotes():
    assert api.quoted("O'Hara'; x") == "'O''Hara''; x'"
    with pytest.raises(PermanentError):
        api.quoted("\\' OR 1=1")

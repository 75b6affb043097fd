"""Vtiger: what must hold on the living helpdesk, which `sandbox/helpdesks/vtiger` plays as it was seen."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.vtiger import api, words
from deskwire.helpdesks.vtiger.records import SOURCE, marker
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.tickets import Customer, Entry, File, Ticket
from deskwire.registry import helpdesk
from deskwire.web import rest
from sandbox.helpdesks.vtiger.played import Vtiger
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
    del desk.records[filed.ticket]
    with pytest.raises(TicketGone):
        connector.append(filed.ticket, "c7", [entry("k4")], reach)
    assert len(desk.of("ModComments")) == 3


def test_h2_what_was_filed_is_found_by_its_key_and_opened_once(desk, reach):
    connector = helpdesk("vtiger")
    assert connector.find("t1", "", "c7", reach) is None
    filed = connector.open(ticket(entry("k1")), reach)
    assert connector.find("t1", "", "c7", reach).ticket == filed.ticket
    assert connector.find("k1", filed.ticket, "c7", reach).entries == filed.entries
    assert connector.find("k2", filed.ticket, "c7", reach) is None
    assert connector.open(ticket(entry("k1")), reach) == filed
    assert len(desk.of("HelpDesk")) == len(desk.of("ModComments")) == len(desk.of("Contacts")) == 1


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
    assert connector.find("k2", filed.ticket, "c7", reach).entries["k2"] == desk.of("ModComments")[-1]["id"]


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
    assert not caught.value.ambiguous or connector.find("k2", filed.ticket, "c7", reach) is None
    connector.append(filed.ticket, "c7", [long], reach)
    parts = [row["commentcontent"] for row in desk.of("ModComments")[1:]]
    assert sum(part.count("parcel.") for part in parts) == 20000


def test_h10_an_attachment_arrives_with_name_type_and_bytes(desk, reach):
    files = (File("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00"),)
    filed = helpdesk("vtiger").open(ticket(entry("k1", files=files)), reach)
    ((document, file),) = desk.files.items()
    assert file == ("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00")
    assert desk.related == [(filed.ticket, document)]


@pytest.mark.parametrize("size", [3 * 1024 * 1024, 9 * 1024 * 1024])
def test_a_file_that_vtiger_does_not_take_is_named_and_the_words_arrive(desk, reach, size):
    files = (File("film.mp4", "video/mp4", b"x" * size),)
    helpdesk("vtiger").open(ticket(entry("k1", files=files)), reach)
    assert f"film.mp4, {size} bytes" in desk.of("ModComments")[0]["commentcontent"]
    assert not desk.of("Documents")


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
    wrong = Secrets({"access_key": "another"})
    with pytest.raises(ConfigurationError):
        connector.find("t1", "", "c7", dataclasses.replace(reach, secrets=wrong, tokens=Renewed(wrong)))


def test_our_comments_mail_nobody(desk, reach):
    filed = helpdesk("vtiger").open(ticket(entry("k1"), entry("k2", public=False)), reach)
    (contact,) = desk.of("Contacts")
    assert (contact["email"], contact["emailoptout"]) == ("", "1")
    assert desk.mails == []
    contact |= {"email": "jona@example.org", "emailoptout": "0"}  # an agent's doing
    private = dataclasses.replace(reach, settings={**reach.settings, "comments": "private"})
    helpdesk("vtiger").append(filed.ticket, "c7", [entry("k3")], private)
    assert desk.mails == []


def test_replies_are_the_public_ones_of_agents_beyond_a_hundred(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_comments(filed.ticket, "between us", public=False)
    desk.agent_comments(filed.ticket, "a customer's, in the portal", customer=desk.of("Contacts")[0]["id"])
    desk.agent_comments(filed.ticket, "ours by another way", source=SOURCE)
    said = [desk.agent_comments(filed.ticket, f"answer {number}", source="WEBSERVICE") for number in range(130)]
    found = connector.replies(filed.ticket, "", reach)
    assert [reply.id for reply in found] == said
    assert (found[0].author, found[0].written_at) == ("Agnes Example", NOW)
    assert [reply.id for reply in connector.replies(filed.ticket, said[-2], reach)] == said[-1:]


def test_a_poll_tells_of_our_tickets_once_they_have_settled_and_beyond_all_pages(desk, reach):
    connector = helpdesk("vtiger")
    filed = connector.open(ticket(entry("k1")), reach)
    cursor = connector.poll("", reach).cursor
    other = desk._made("HelpDesk", {"ticket_title": "a colleague's"}, "19x6")["id"]
    desk.agent_comments(other, "nothing of ours")
    said = [desk.agent_comments(filed.ticket, f"answer {number}") for number in range(620)]
    first = connector.poll(cursor, reach)
    rest_ = connector.poll(first.cursor, reach)
    assert [signal.object_id for signal in (*first.signals, *rest_.signals)] == said
    assert {signal.ticket for signal in first.signals} == {filed.ticket}
    assert connector.poll(rest_.cursor, reach).signals  # younger than a minute: told again
    last = at(reach, seconds=61)
    cursor = rest_.cursor
    for _ in range(2):
        cursor = connector.poll(cursor, last).cursor
    assert connector.poll(cursor, last).signals == []
    with pytest.raises(PermanentError):
        connector.poll("2026' OR id", reach)


def test_earlier_tickets_are_named_in_a_new_one(desk, reach):
    connector = helpdesk("vtiger")
    connector.open(ticket(entry("k1")), reach)
    connector.open(ticket(entry("k2"), key="t2"), reach)
    first, second = desk.of("HelpDesk")
    assert "Earlier" not in first["description"]
    assert "Earlier tickets: TT1 Lost (Open)" in second["description"]


def test_a_right_or_a_field_that_is_missing_calls_a_person_before_anything_is_written(desk, reach):
    desk.createable = False
    with pytest.raises(ConfigurationError, match="profile"):
        helpdesk("vtiger").open(ticket(entry("k1")), reach)
    assert not desk.of("Contacts")


def answered(body, status=200):
    data = rest.Answer(status, {}, Reply.json(status, body).body)
    return api.outcome(data, "trying")


@pytest.mark.parametrize(
    ("code", "kind", "ambiguous"),
    [
        (0, TemporaryError, True),
        ("INTERNAL_SERVER_ERROR", TemporaryError, True),
        ("ACCESS_DENIED", ConfigurationError, None),
        ("MANDATORY_FIELDS_MISSING", ConfigurationError, None),
        ("REFERENCE_INVALID", PermanentError, None),
    ],
)
def test_an_error_inside_a_200_says_what_happens_next(code, kind, ambiguous):
    _, told = answered({"success": False, "error": {"code": code, "message": "…"}})
    error = api.failure(told, "trying", writes=True)
    assert isinstance(error, kind)
    assert getattr(error, "ambiguous", False) == bool(ambiguous)


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b""), (200, b"<html>Sorry!</html>"), (200, b"{}")])
def test_an_empty_answer_or_a_page_leaves_the_outcome_unknown(status, body):
    with pytest.raises(TemporaryError) as caught:
        api.outcome(rest.Answer(status, {}, body), "trying")
    assert caught.value.ambiguous


def test_a_value_cannot_leave_its_quotes():
    assert api.quoted("O'Hara'; x") == "'O''Hara''; x'"
    with pytest.raises(PermanentError):
        api.quoted("\\' OR 1=1")

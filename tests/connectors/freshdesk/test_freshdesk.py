"""Freshdesk: what must hold on the played one (`sandbox/helpdesks/freshdesk`), and what its documentation promises."""

import base64
import dataclasses
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.freshdesk import LOOKBACK, conversations
from deskwire.helpdesks.freshdesk.conversations import mark
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.tickets import Change, Customer, Entry, File, Sought, Ticket
from deskwire.model.values import replace
from deskwire.registry import helpdesk
from deskwire.verification.rule import Context
from deskwire.web import rest
from deskwire.web.markup import JOINER
from deskwire.web.reading import Node
from deskwire.web.request import from_gateway
from sandbox.helpdesks.freshdesk import played
from sandbox.helpdesks.freshdesk.played import AGENT, Freshdesk
from sandbox.neighbours.neighbour import Clock, broken, cut_after
from tests.connectors.living import ruled

EVENTS = Path(__file__).parents[3] / "events" / "freshdesk"
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CONNECTOR = helpdesk("freshdesk")


def unused(**_):
    raise AssertionError


@pytest.fixture
def desk():
    with Freshdesk("invented-key", clock=Clock(NOW, held=True)) as played_:
        yield played_


@pytest.fixture
def reach(desk):
    transport = rest.Direct()
    yield Reach(
        account="main",
        settings={"subdomain": "northwind"},
        secrets=Secrets({"api_key": "invented-key"}),
        http=rest.with_hosts(transport, {"northwind.freshdesk.com": desk.address}),
        now=NOW,
        mail=unused,
        remember=lambda _name, make: make()[0],
    )
    transport.close()


def entry(key, body="My parcel 4471 is lost", **more):
    return Entry(key=key, body=body, written_at=NOW, **{"public": True, "author": "Jóna Example", **more})


def ticket(*entries, **more):
    given = {
        "key": "t1",
        "thread": "c7",
        "reference": "ABCDE-FGHJK",
        "subject": "Lost",
        "tags": ("deskwire", "messenger"),
    }
    return Ticket(**given | more, customer=CUSTOMER, entries=entries)


def words(desk, number=1):
    return [each.words for each in desk.tickets[number - 1].notes]


def test_h1_a_ticket_is_opened_and_extended_as_its_customer(desk, reach):
    filed = CONNECTOR.open(ticket(entry("k1"), entry("k2", "And another thing", public=False)), reach)
    (opened,) = desk.tickets
    assert (filed.ticket, filed.contact) == ("1", str(desk.contacts["messenger-c7"]))
    assert opened.opening.words.startswith("My parcel 4471 is lost\nAs given: jona@example.org")
    CONNECTOR.append("1", "c7", [entry("k3", "Hello?")], reach)
    note, message = opened.notes
    assert (note.private, note.incoming, note.user) == (True, False, played.BOT)
    assert (message.private, message.incoming, message.user) == (False, True, opened.requester)
    assert "email" not in opened.values, "Freshdesk would mail the customer what Deskwire delivers"


@pytest.mark.parametrize(("status", "becomes"), [(3, 2), (4, 2), (6, 2), (2, 2), (7, 7)])
def test_h1_a_customers_message_opens_a_ticket_that_sleeps_and_a_note_does_not(desk, reach, status, becomes):
    CONNECTOR.open(ticket(entry("k1")), reach)
    desk.tickets[0].values["status"] = status
    CONNECTOR.append("1", "c7", [entry("k2", public=False)], reach)
    assert desk.tickets[0].values["status"] == status
    CONNECTOR.append("1", "c7", [entry("k3")], reach)
    assert desk.tickets[0].values["status"] == becomes


def test_h1_closed_merged_deleted_archived_and_spam_say_what_became_of_the_ticket(desk, reach):
    for number in range(5):
        CONNECTOR.open(ticket(entry("k1"), key=f"t{number}"), reach)
    desk.tickets[0].values["status"] = 5
    desk.merge(2, 5)
    desk.tickets[2].deleted, desk.tickets[3].archived, desk.tickets[4].spam = True, True, True
    told = []
    never = ruled(replace(reach, now=NOW + timedelta(days=1)), 0)
    for number in range(1, 6):
        with pytest.raises(TicketGone) as gone:
            CONNECTOR.append(str(number), "c7", [entry("k9")], never)
        told.append((gone.value.state, gone.value.into))
    assert told == [("closed", ""), ("merged", "5"), ("deleted", ""), ("closed", ""), ("deleted", "")]
    assert CONNECTOR.append("2", "c7", [entry("k9", "About an answer", public=False)], reach).ticket == "2"


def test_h13_a_closed_ticket_is_opened_again_for_as_long_as_the_company_says(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    desk.tickets[0].values["status"] = 5
    later = replace(reach, now=NOW + timedelta(days=3))
    with pytest.raises(TicketGone):
        CONNECTOR.append("1", "c7", [entry("k2")], ruled(later, 2))
    CONNECTOR.append("1", "c7", [entry("k2")], ruled(later, 3))
    assert desk.tickets[0].values["status"] == 2


CUSTOMER = Customer(external_id="messenger-c7", name="Jóna Example", channel="messenger", email="jona@example.org")


def sought(key, number="", **more):
    return Sought(
        key=key, ticket=number, thread="c7", **{"customer": CUSTOMER, "since": NOW - timedelta(hours=1)} | more
    )


def test_h2_what_was_filed_is_found_by_its_key(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    CONNECTOR.append("1", "c7", [entry("k2")], reach)
    assert CONNECTOR.find(sought("k1", "1"), reach).entries == {"k1": "description"}
    assert CONNECTOR.find(sought("k2", "1"), reach).entries == {"k2": str(desk.tickets[0].notes[0].id)}
    assert CONNECTOR.find(sought("k3", "1"), reach) is None
    assert CONNECTOR.find(sought("t1"), reach).ticket == "1"
    assert CONNECTOR.find(sought("t1", since=None), reach).ticket == "1"
    assert CONNECTOR.find(sought("t2"), reach) is None
    with pytest.raises(PermanentError):
        CONNECTOR.find(sought("t1", customer=None), reach)


def test_h2_a_ticket_whose_answer_was_lost_is_found_at_once_among_many(desk, reach, monkeypatch):
    monkeypatch.setattr("deskwire.helpdesks.freshdesk.tickets.PAGE", 2)
    for number in range(3):
        CONNECTOR.open(ticket(entry("k1"), key=f"before{number}"), reach)
    desk.faults.add(cut_after(), method="POST", times=1)
    with pytest.raises(TemporaryError) as lost:
        CONNECTOR.open(ticket(entry("k1")), reach)
    assert lost.value.ambiguous
    assert CONNECTOR.find(sought("t1"), reach).ticket == "4"


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    values = desk.tickets[0].values
    CONNECTOR.update("1", Change("high", ("sensitive", "messenger")), reach)
    assert (values["priority"], values["tags"]) == (3, ["deskwire", "messenger", "sensitive"])
    CONNECTOR.update("1", Change("normal", ("sensitive",)), reach)
    assert len(desk.books.entries("PUT")) == 1
    CONNECTOR.update("1", Change("", ("late, very",)), reach)
    assert (values["priority"], values["tags"][-1]) == (3, "late  very")
    values["priority"] = 7
    CONNECTOR.update("1", Change("urgent", ("late, very",)), reach)
    assert values["priority"] == 7, "a company's own is left as it is"
    assert not desk.tickets[0].notes
    desk.tickets[0].deleted = True
    with pytest.raises(TicketGone):
        CONNECTOR.update("1", Change("urgent"), reach)


def test_h11_how_satisfied_the_customer_is_goes_into_the_field_for_it_once(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    values, rated = desk.tickets[0].values, Change(satisfaction="4")
    CONNECTOR.update("1", rated, reach)
    assert not desk.books.entries("PUT"), "no field is named"
    reach = dataclasses.replace(reach, settings={**reach.settings, "fields": "satisfaction=cf_rating"})
    for _ in range(2):
        CONNECTOR.update("1", rated, reach)
    assert values["custom_fields"]["cf_rating"] == "4"
    assert values["custom_fields"].keys() == {"cf_deskwire_key", "cf_rating"}
    assert len(desk.books.entries("PUT")) == 1


def test_a_note_whose_answer_was_lost_is_found_and_its_ticket_opened_again(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    desk.tickets[0].values["status"] = 4
    desk.faults.add(cut_after(), method="POST", times=1)
    with pytest.raises(TemporaryError) as lost:
        CONNECTOR.append("1", "c7", [entry("k2", "Hello?")], reach)
    assert lost.value.ambiguous
    assert CONNECTOR.find(sought("k2", "1"), reach) is not None
    assert (words(desk), desk.tickets[0].values["status"]) == (["Hello?"], 2)


def test_a_ticket_that_may_not_be_opened_again_leaves_its_note_in_doubt(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    desk.tickets[0].values["status"] = 4
    desk.faults.add(broken(403, {}), method="PUT", times=1)
    with pytest.raises(ConfigurationError) as refused:
        CONNECTOR.append("1", "c7", [entry("k2", "Hello?")], reach)
    assert refused.value.ambiguous
    assert CONNECTOR.find(sought("k2", "1"), reach) is not None
    assert (words(desk), desk.tickets[0].values["status"]) == (["Hello?"], 2)


def test_where_no_contact_may_write_the_words_name_the_customer(desk, reach):
    desk.strangers = False
    CONNECTOR.open(ticket(entry("k1")), reach)
    CONNECTOR.append("1", "c7", [entry("k2", "Hello?")], reach)
    (note,) = desk.tickets[0].notes
    assert note.incoming
    assert note.words == "Jóna Example · 2026-11-02 09:00 UTC\n\nHello?"


def test_h6_markup_stays_words_and_placeholders_are_broken(desk, reach):
    text = "<b>bold</b> [link](https://example.org) {{ticket.id}} {% if x %} @agent <script>x</script>"
    CONNECTOR.open(ticket(entry("k1", text), subject="{{ticket.url}} <i>"), reach)
    CONNECTOR.append("1", "c7", [entry("k2", text)], reach)
    (opened,) = desk.tickets
    for shown in (opened.opening, *opened.notes):
        assert not {"<b>", "<script", "{{", "{%"} & set(shown.body.split())
        assert "<b>" not in shown.body
        assert "{{" not in shown.body
        assert "{%" not in shown.body
        assert shown.words.replace(JOINER, "").startswith(text)
    assert opened.values["subject"].replace(JOINER, "") == "{{ticket.url}} <i>"
    assert "{{" not in opened.values["subject"]


def test_h9_four_byte_characters_and_the_longest_entry_arrive(desk, reach):
    text = "🚚" * (CONNECTOR.abilities.entry_bytes // 4)
    CONNECTOR.open(ticket(entry("k1")), reach)
    CONNECTOR.append("1", "c7", [entry("k2", text)], reach)
    assert words(desk) == [text]


def test_h10_an_attachment_arrives_with_name_type_and_bytes(desk, reach):
    files = (File("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00\r\n--x"),)
    CONNECTOR.open(ticket(entry("k1", files=files)), reach)
    CONNECTOR.append("1", "c7", [entry("k2", files=files)], reach)
    (opened,) = desk.tickets
    for (file,) in (opened.files, opened.notes[0].files):
        assert (file["name"], file["type"], file["data"]) == ("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00\r\n--x")
    assert opened.values["tags"] == ["deskwire", "messenger"]
    assert opened.values["custom_fields"] == {"cf_deskwire_key": mark("t1")}
    assert opened.notes[0].incoming


def test_files_over_the_tickets_20_megabytes_are_named_in_the_words(desk, reach, monkeypatch):
    monkeypatch.setattr(played, "MOST_BYTES", 5)
    CONNECTOR.open(ticket(entry("k1", files=(File("a.txt", "text/plain", b"123456"),))), reach)
    CONNECTOR.append("1", "c7", [entry("k2", "b", files=(File("b.txt", "text/plain", b"123456"),))], reach)
    assert "[not taken by Freshdesk: a.txt, 6 bytes]" in desk.tickets[0].opening.words
    assert words(desk) == ["b\n[not taken by Freshdesk: b.txt, 6 bytes]"]
    monkeypatch.setattr("deskwire.helpdesks.freshdesk.conversations.UPLOAD_BYTES", 5)
    CONNECTOR.append("1", "c7", [entry("k3", "c", files=(File("c.txt", "text/plain", b"123456"),))], reach)
    assert words(desk)[1] == "c\n[not taken by Freshdesk: c.txt, 6 bytes]"


def test_h1_a_ticket_that_has_no_room_for_a_file_is_full_also_where_agents_filled_it(desk, reach, monkeypatch):
    for place in (played, conversations):
        monkeypatch.setattr(place, "MOST_BYTES" if place is played else "UPLOAD_BYTES", 10)
    picture = (File("a.txt", "text/plain", b"123456"),)
    CONNECTOR.open(ticket(entry("k1", files=picture)), reach)
    for public in (True, False):
        with pytest.raises(TicketGone) as gone:
            CONNECTOR.append("1", "c7", [entry("k2", "b", files=picture, public=public)], reach)
        assert (gone.value.state, gone.value.into) == ("full", "")
    assert words(desk) == []
    CONNECTOR.open(ticket(entry("k3"), key="t2"), reach)
    desk.agent_replies(2, "see", files=[{"name": "b.txt", "type": "text/plain", "data": b"123456"}])
    with pytest.raises(TicketGone):
        CONNECTOR.append("2", "c7", [entry("k4", "c", files=picture)], reach)


def test_a_ticket_that_is_full_before_all_of_it_is_there_is_looked_for(desk, reach, monkeypatch):
    monkeypatch.setattr(played, "MOST_BYTES", 10)
    monkeypatch.setattr(conversations, "UPLOAD_BYTES", 10)
    picture = (File("a.txt", "text/plain", b"123456"),)
    with pytest.raises(TemporaryError) as raised:
        CONNECTOR.open(ticket(entry("k1", files=picture), entry("k2", files=picture)), reach)
    assert raised.value.ambiguous


def test_a_file_that_is_refused_after_the_contact_was_costs_the_file_and_not_the_words(desk, reach):
    desk.strangers = False
    CONNECTOR.open(ticket(entry("k1")), reach)

    def refusing(call):
        if b'filename="' in call.body and b'name="user_id"' not in call.body:
            return rest.Answer(400, {}, json.dumps(refused("attachments", "invalid_value")).encode())
        return reach.http(call)

    blocked = entry("k2", "b", files=(File("b.exe", "application/x-msdownload", b"123456"),))
    CONNECTOR.append("1", "c7", [blocked], replace(reach, http=refusing))
    assert words(desk) == ["Jóna Example · 2026-11-02 09:00 UTC\n\nb\n[not taken by Freshdesk: b.exe, 6 bytes]"]


def test_answers_are_public_ones_of_agents_without_the_ticket_quoted_below(desk, reach):
    CONNECTOR.open(ticket(entry("k1", "My address is Main Street 1")), reach)
    CONNECTOR.append("1", "c7", [entry("k2", "Hello?"), entry("k3", "Acknowledged", public=False)], reach)
    desk.agent_replies(1, "between us", public=False)
    first = desk.agent_replies(1, "Á leiðinni 🚚\n\n1 < 2 & so on")
    desk.agent_replies(1, "from a tweet", source=5)
    desk.agent_replies(1, "said with Deskwire's own key", user=played.BOT)
    desk.agent_replies(1, "from a rule", automation=7)
    second = desk.agent_replies(1, "Done")
    found = CONNECTOR.replies("1", "", reach)
    assert [(each.text, bool(each.withheld)) for each in found] == [
        ("Á leiðinni 🚚\n\n1 < 2 & so on", False), ("from a tweet", True), ("from a rule", True), ("Done", False),
    ]  # fmt: skip
    assert [each.id for each in CONNECTOR.replies("1", str(first.id), reach)][-1] == str(second.id)
    assert CONNECTOR.replies("1", str(second.id), reach) == []


def test_an_answer_is_known_by_its_number_and_not_by_its_digits(desk, reach, monkeypatch):
    rows = [{"id": number, "private": False, "incoming": False, "user_id": 7, "source": 2} for number in (100, 9, 10)]
    monkeypatch.setattr("deskwire.helpdesks.freshdesk.api.Api.conversations", lambda *_: iter(map(Node, rows)))
    assert [each.id for each in CONNECTOR.replies("1", "", reach)] == ["9", "10", "100"]
    assert [each.id for each in CONNECTOR.replies("1", "9", reach)] == ["10", "100"]


def test_more_than_a_page_of_notes_is_read(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    for number in range(120):
        desk.agent_replies(1, f"{number}", public=False)
    said = desk.agent_replies(1, "at last")
    assert [each.id for each in CONNECTOR.replies("1", "", reach)] == [str(said.id)]


def test_entries_are_redacted(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    filed = CONNECTOR.append("1", "c7", [entry("k2")], reach)
    assert CONNECTOR.redact("1", filed.entries["k2"], reach)
    assert CONNECTOR.redact("1", "description", reach)
    assert (words(desk), desk.tickets[0].opening.words) == ([], "[removed]")


# ------------------------------------------------------------------------------------------------------ the poll


def test_a_poll_tells_of_our_tickets_alone_and_goes_on_where_it_was(desk, reach):
    start = CONNECTOR.poll("", reach).cursor
    CONNECTOR.open(ticket(entry("k1")), reach)
    CONNECTOR.open(ticket(entry("k1"), key="t2"), reach)
    desk.tickets[1].values["custom_fields"] = {}
    seen = CONNECTOR.poll(start, reach)
    assert [each.ticket for each in seen.signals] == ["1"]
    desk.clock.advance(30)
    desk.agent_replies(1, "On its way")
    again = CONNECTOR.poll(seen.cursor, reach)
    assert {each.ticket for each in again.signals} == {"1"}
    assert {each.key for each in again.signals} - {each.key for each in seen.signals}
    assert again.cursor.startswith(f"{NOW + timedelta(seconds=30) - LOOKBACK:%Y-%m-%dT%H:%M:%SZ} told:")
    desk.clock.advance(3600)
    desk.agent_replies(1, "It arrives at noon")
    late = later(reach, 3600)
    third = CONNECTOR.poll(again.cursor, late)
    assert third.cursor.startswith(f"{NOW + timedelta(seconds=3630) - LOOKBACK:%Y-%m-%dT%H:%M:%SZ} told:")
    assert CONNECTOR.poll(third.cursor, late).signals == ()


def test_h14_a_look_at_a_changed_ticket_says_how_it_stands_without_a_request_more(desk, reach):
    cursor = CONNECTOR.poll("", reach).cursor
    CONNECTOR.open(ticket(entry("k1")), reach)
    told = []
    for change in ({}, {"responder_id": AGENT}, {"status": 4}, {"status": 3, "responder_id": 7}, {"status": 5},
                   {"status": 2, "responder_id": None}):  # fmt: skip
        desk.clock.advance(5)
        if change:
            desk.agent_sets(1, **change)
        asked = len(desk.books.entries("GET"))
        page = CONNECTOR.poll(cursor, reach)
        assert len(desk.books.entries("GET")) == asked + 1
        cursor = page.cursor
        told.append((str(page.signals[-1].status), page.signals[-1].assignee.id))
    assert told == [
        ("reopened", ""), ("reopened", str(AGENT)), ("solved", str(AGENT)), ("reopened", "7"), ("solved", "7"),
        ("reopened", ""),
    ]  # fmt: skip


def test_a_poll_reads_every_ticket_of_many_pages_once_the_next_look_goes_on(desk, reach, monkeypatch):
    monkeypatch.setattr("deskwire.helpdesks.freshdesk.PAGE", 2)
    monkeypatch.setattr("deskwire.helpdesks.freshdesk.LOOKS", 2)
    for number in range(9):
        CONNECTOR.open(ticket(entry("k1"), key=f"t{number}"), reach)
        if number > 5:
            desk.clock.advance(1)
    told, _ = polls(reach, "2026-11-02T08:59:00Z", 6)
    assert sorted(told) == [str(number) for number in range(1, 10)]


def later(reach, seconds):
    return dataclasses.replace(reach, now=reach.now + timedelta(seconds=seconds))


def polls(reach, cursor, times):
    """Poll so often; return the tickets that were told, and the last cursor."""
    told = []
    for _ in range(times):
        page = CONNECTOR.poll(cursor, reach)
        cursor = page.cursor
        told += [each.ticket for each in page.signals]
    return told, cursor


def test_a_cursor_of_an_older_version_goes_on(desk, reach):
    CONNECTOR.open(ticket(entry("k1")), reach)
    assert polls(reach, "2026-11-02T08:59:00Z;1", 1)[0] == ["1"]


def test_a_poll_tells_of_two_changes_in_one_second_with_a_poll_between_them(desk, reach):
    start = CONNECTOR.poll("", reach).cursor
    CONNECTOR.open(ticket(entry("k1")), reach)
    first = CONNECTOR.poll(start, reach)
    desk.agent_replies(1, "within the same second")
    second = CONNECTOR.poll(first.cursor, later(reach, 300))
    assert [each.ticket for each in second.signals] == ["1"]
    assert {each.key for each in first.signals}.isdisjoint({each.key for each in second.signals})
    assert CONNECTOR.poll(second.cursor, later(reach, 600)).signals == ()


def test_a_poll_tells_of_a_change_that_is_listed_late(desk, reach):
    start = CONNECTOR.poll("", reach).cursor
    CONNECTOR.open(ticket(entry("k1")), reach)
    desk.clock.advance(200)
    CONNECTOR.open(ticket(entry("k1"), key="t2"), reach)
    hidden = desk.tickets.pop(0)
    told, cursor = polls(later(reach, 300), start, 1)
    assert told == ["2"]
    desk.tickets.insert(0, hidden)
    assert polls(later(reach, 600), cursor, 1)[0] == ["1"]


def test_a_cursor_of_another_shape_is_refused(reach):
    with pytest.raises(PermanentError):
        CONNECTOR.poll("yesterday", reach)


# -------------------------------------------------------------------------------------------------- refusals


def refused(field, code):
    return {"description": "Validation failed", "errors": [{"field": field, "message": "no", "code": code}]}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(400, refused("description", "invalid_value"), PermanentError), (400, {"code": "invalid_json"}, PermanentError),
     (400, refused("cf_region", "missing_field"), ConfigurationError),
     (400, refused("source", "invalid_value"), ConfigurationError),
     (400, refused("requester_id", "inconsistent_state"), PermanentError),
     (400, refused("unique_external_id", "duplicate_value"), TemporaryError),
     (401, {"code": "invalid_credentials"}, ConfigurationError), (403, {"code": "access_denied"}, ConfigurationError),
     (403, {"code": "account_suspended"}, ConfigurationError), (404, {}, PermanentError), (409, {}, TemporaryError),
     (415, {}, ConfigurationError), (429, {}, TemporaryError), (500, {}, TemporaryError), (503, {}, TemporaryError)],
)  # fmt: skip
def test_each_refusal_says_what_happens_next(reach, status, body, error):
    answering = replace(reach, http=lambda _: rest.Answer(status, {"retry-after": "7"}, json.dumps(body).encode()))
    with pytest.raises(error) as caught:
        CONNECTOR.open(ticket(entry("k1")), answering)
    if status in {400, 409} and error is TemporaryError:
        assert caught.value.concerns is Concern.TICKET
    if status == 429:
        assert (caught.value.after, caught.value.concerns) == (7, Concern.ACCOUNT)


def test_the_key_goes_nowhere_but_to_freshdesk(reach):
    for subdomain in ("evil.example/", "a.b", "northwind.freshdesk.com", ""):
        with pytest.raises(ConfigurationError, match="subdomain"):
            CONNECTOR.open(ticket(entry("k1")), replace(reach, settings={"subdomain": subdomain}))


def test_the_trials_50_requests_a_minute_are_waited_for(desk, reach):
    desk._per_minute = 2
    CONNECTOR.open(ticket(entry("k1")), reach)
    with pytest.raises(TemporaryError) as caught:
        CONNECTOR.append("1", "c7", [entry("k2")], reach)
    assert caught.value.after == 61
    assert not words(desk)


def test_a_vector_of_curl_verifies():
    """No page gives one: what a rule sends is a header, as `curl --user` writes the API's."""
    done = subprocess.run(
        ["openssl", "base64", "-A"], input=b"invented-api-key:X", capture_output=True, check=True
    ).stdout.decode()
    exchange = json.loads((EVENTS.parents[1] / "tests/exchanges/freshdesk/open.json").read_text(encoding="utf-8"))
    assert exchange["steps"][0]["request"]["headers"]["authorization"] == f"Basic {done}"
    assert base64.b64decode(done) == b"invented-api-key:X"
    request = from_gateway(json.loads((EVENTS / "reply_sent.json").read_text(encoding="utf-8")))
    secrets = Secrets(json.loads((EVENTS / "secrets.json").read_text(encoding="utf-8")))
    assert CONNECTOR.verification.verify(request, secrets, Context(request.received_at, None)) == {}
    assert AGENT != played.BOT


def test_h12_earlier_tickets_of_the_customer_alone_are_told(desk, reach):
    CONNECTOR.open(ticket(entry("k1"), tags=("deskwire", "complaint")), reach)
    CONNECTOR.open(ticket(entry("k2"), key="t2", subject="Late"), reach)
    desk.tickets[1].values["status"] = 5
    customer = replace(CUSTOMER, email="")
    stranger = replace(customer, external_id="messenger-c8")
    late, lost = CONNECTOR.history(customer, reach)
    assert (late.ticket, late.subject, late.open, late.outcome) == ("2", "Late", False, "closed")
    assert (lost.subject, lost.open, lost.complaint, lost.at) == ("Lost", True, True, NOW)
    assert CONNECTOR.history(stranger, reach) == []

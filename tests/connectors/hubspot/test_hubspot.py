"""HubSpot: what must hold on the living helpdesk, which `sandbox/helpdesks/hubspot` plays."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from deskwire import registry
from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.hubspot.records import LONGEST, marker
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.signals import About
from deskwire.model.tickets import Customer, Entry, File, Sought, Ticket
from deskwire.registry import helpdesk
from deskwire.verification.rule import Context
from deskwire.web import media, rest
from deskwire.web.markup import plain
from deskwire.web.request import Request
from sandbox.helpdesks.hubspot.played import SIGNED, HubSpot, Refused
from sandbox.neighbours.neighbour import Clock, Fault, Reply, broken
from tests.connectors.living import ruled

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOST = "api.hubapi.com"


def unused(**_):
    raise AssertionError


@pytest.fixture(scope="module")
def running():
    with HubSpot("invented-token", clock=Clock(NOW, held=True), most=1000) as played:
        yield played


@pytest.fixture
def desk(running):
    """Return the one server, without the records of the test before."""
    for kind in running.records.values():
        kind.clear()
    for kept in (
        running.associations,
        running.history,
        running.put,
        running.files,
        running.merged,
        running._recent,
        running.listed,
    ):
        kept.clear()
    running.sees_hidden = True
    running.faults.clear()
    running.books.clear()
    running.most, running.notes_each = 1000, 10_000
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
        settings={},
        secrets=Secrets({"access_token": "invented-token"}),
        http=rest.with_hosts(transport, {HOST: desk.address}),
        now=desk.clock.now(),
        mail=unused,
        remember=remember,
    )
    transport.close()


def entry(key, body="My parcel 4471 is lost", *, public=True, **more):
    return Entry(key=key, body=body, written_at=NOW, public=public, author="Jóna Example", **more)


def ticket(*entries, key="t1", **more):
    customer = Customer(
        external_id="messenger-5512883", name="Jóna Example", channel="messenger", email="j@example.org"
    )
    given = {"subject": "Lost", "customer": customer, "entries": entries, "tags": ("deskwire",)} | more
    return Ticket(key=key, thread="c7", reference="ABCDE-FGHJK", **given)


OTHER = Customer(external_id="messenger-77", name="Agnes Example", channel="messenger")


def stage(desk, number):
    return desk.records["tickets"][number]["properties"]["hs_pipeline_stage"]


def words(desk, number):
    return [plain(row["properties"]["hs_note_body"]) for row in desk.notes(number)]


def test_h1_a_ticket_is_opened_extended_opened_again_followed_and_gone(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1"), entry("k2", "For agents", public=False)), reach)
    said = words(desk, filed.ticket)
    assert said[0].startswith("Jóna Example · 2026-11-02 09:00 UTC:\nMy parcel 4471 is lost")
    assert said[1].startswith("Deskwire · ")
    assert ("tickets", filed.ticket, "contacts", filed.contact) in desk.associations
    assert "ABCDE-FGHJK" in desk.records["tickets"][filed.ticket]["properties"]["content"]
    desk.close(filed.ticket)
    connector.append(filed.ticket, "c7", [entry("k3", public=False)], reach)
    assert stage(desk, filed.ticket) == "4"
    connector.append(filed.ticket, "c7", [entry("k4")], reach)
    assert stage(desk, filed.ticket) == "1"
    other = connector.open(ticket(entry("k5"), key="t2"), reach)
    desk.merge(filed.ticket, other.ticket)
    with pytest.raises(TicketGone) as caught:
        connector.append(filed.ticket, "c7", [entry("k6")], reach)
    assert (caught.value.state, caught.value.into, caught.value.at) == ("merged", other.ticket, desk.clock.now())
    desk.remove(other.ticket)
    with pytest.raises(TicketGone) as caught:
        connector.append(other.ticket, "c7", [entry("k6")], reach)
    assert caught.value.state == "deleted"


def test_h1_a_ticket_with_all_the_notes_it_may_have_is_full(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1"), entry("k2", "For agents", public=False)), reach)
    desk.notes_each = 2
    for public in (True, False):
        with pytest.raises(TicketGone) as gone:
            connector.append(filed.ticket, "c7", [entry("k3", public=public, contact=filed.contact)], reach)
        assert (gone.value.state, gone.value.into) == ("full", "")
    with pytest.raises(TemporaryError) as raised:
        connector.open(ticket(entry("k4"), entry("k5"), entry("k6"), key="t2", customer=OTHER), reach)
    assert raised.value.ambiguous


def test_a_contact_with_all_the_notes_it_may_have_is_left_out(desk, reach):
    connector = helpdesk("hubspot")
    first = connector.open(ticket(entry("k1"), entry("k2")), reach)
    desk.notes_each = 2
    second = connector.open(ticket(entry("k3"), key="t2", follow_up_of=first.ticket), reach)
    assert (second.contact, len(desk.notes(second.ticket))) == (first.contact, 1)
    assert ("notes", second.entries["k3"], "contacts", first.contact) not in desk.associations


@pytest.mark.parametrize("told", [200, 403])
def test_a_note_refused_by_a_ticket_that_is_not_full_is_refused(desk, reach, told):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.faults.add(broken(400, {"category": "VALIDATION_ERROR"}), method="POST", path="/crm/v3/objects/notes")
    if told != 200:
        desk.faults.add(broken(told), path="/crm/v3/limits/associations/records/0-5/0-46")
    with pytest.raises(PermanentError):
        connector.append(filed.ticket, "c7", [entry("k2", contact=filed.contact)], reach)


def test_a_refusal_that_speaks_of_a_file_or_a_profile_is_no_deleted_ticket(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    told = {"status": "error", "message": "No profile routes this address", "correlationId": "x"}
    lost = dataclasses.replace(reach, http=lambda _: rest.Answer(404, {}, json.dumps(told).encode()))
    with pytest.raises((PermanentError, ConfigurationError)):
        connector.append(filed.ticket, "c7", [entry("k2")], lost)


def test_h2_what_was_filed_is_found_by_its_key_and_opened_once(desk, reach):
    connector = helpdesk("hubspot")
    assert connector.find(Sought(key="t1", thread="c7"), reach) is None
    filed = connector.open(ticket(entry("k1")), reach)
    assert connector.find(Sought(key="t1", thread="c7"), reach).ticket == filed.ticket
    assert connector.find(Sought(key="k1", ticket=filed.ticket, thread="c7"), reach).entries == filed.entries
    assert connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), reach) is None
    assert connector.open(ticket(entry("k1")), reach) == filed
    assert len(desk.records["tickets"]) == len(desk.records["notes"]) == len(desk.records["contacts"]) == 1


@pytest.mark.parametrize("status", [400, 409])
def test_a_taken_key_means_the_ticket_that_has_it_whatever_its_status(desk, reach, status):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    told = Refused(status, "CONFLICT", f"{filed.ticket} already has that value.").reply()
    desk.faults.add(Fault(instead=told), method="POST", path="/crm/v3/objects/tickets")
    assert connector.open(ticket(entry("k1")), reach) == filed


def test_a_ticket_written_in_part_is_finished_without_doubles(desk, reach):
    connector = helpdesk("hubspot")
    desk.faults.add(Fault(cut="before"), method="POST", path="/crm/v3/objects/notes", times=1)
    with pytest.raises(TemporaryError) as caught:
        connector.open(ticket(entry("k1"), entry("k2", "And another")), reach)
    assert caught.value.ambiguous
    filed = connector.open(ticket(entry("k1"), entry("k2", "And another")), reach)
    assert len(desk.notes(filed.ticket)) == 2


def test_h6_markup_and_template_marks_stay_words(desk, reach):
    said = "<b>bold</b> <img src=x onerror=1> {{ticket.id}} @agnes"
    filed = helpdesk("hubspot").open(ticket(entry("k1", said), subject=said), reach)
    (note,) = desk.notes(filed.ticket)
    assert "<b>" not in note["properties"]["hs_note_body"]
    assert "<img" not in note["properties"]["hs_note_body"]
    assert (
        "{{" not in note["properties"]["hs_note_body"] + desk.records["tickets"][filed.ticket]["properties"]["subject"]
    )


def test_a_customer_who_writes_a_mark_is_no_entry_of_ours(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1", f"I know this: {marker('k9')}")), reach)
    assert connector.find(Sought(key="k9", ticket=filed.ticket, thread="c7"), reach) is None


def test_h9_emoji_arrive_and_long_text_is_parted_once(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1", "🚚 <&>" * 8000)), reach)
    notes = desk.notes(filed.ticket)
    assert len(notes) > 1
    assert all(len(row["properties"]["hs_note_body"]) <= LONGEST + 100 for row in notes)
    assert sum(text.count("🚚 <&>") for text in words(desk, filed.ticket)) >= 7990  # a joint may part one
    assert connector.find(Sought(key="k1", ticket=filed.ticket, thread="c7"), reach).entries["k1"] == notes[-1]["id"]
    real, writes = reach.http, []

    def breaking(call):
        if call.url.endswith("/notes"):
            writes.append(call)
            if len(writes) == 2:
                raise TemporaryError("cut", ambiguous=False)
        return real(call)

    long = entry("k2", "parcel. " * 20000)
    with pytest.raises(TemporaryError) as caught:
        connector.append(filed.ticket, "c7", [long], dataclasses.replace(reach, http=breaking))
    assert caught.value.ambiguous
    connector.append(filed.ticket, "c7", [long], reach)
    assert sum(text.count("parcel.") for text in words(desk, filed.ticket)) == 20000


def test_files_are_named(desk, reach):
    filed = helpdesk("hubspot").open(ticket(entry("k1", files=(File("a.jpg", "image/jpeg", b"1234"),))), reach)
    assert "[not taken by HubSpot: a.jpg, 4 bytes]" in words(desk, filed.ticket)[0]


def test_only_what_a_person_typed_into_the_reply_is_an_answer(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_notes(filed.ticket, "between us")
    for number, (text, source) in enumerate(
        [("On its way\n\nAgnes", "CRM_UI"), ("by a workflow", "AUTOMATION_PLATFORM"), ("", "CRM_UI"), ("by us?", "")]
    ):
        desk.clock.advance(60 + number)
        desk.agent_replies(filed.ticket, text, source=source)
    first, second, third = connector.replies(filed.ticket, "", reach)
    assert (first.text, first.withheld) == ("On its way\n\nAgnes", "")
    assert "AUTOMATION_PLATFORM" in second.withheld
    assert third.withheld
    assert connector.replies(filed.ticket, second.id, reach) == [third]


@pytest.mark.parametrize(
    ("source", "by", "sent"),
    [
        ("MOBILE_IOS", "userId:3300", True),
        ("HELP_DESK", "userId:3300", True),
        ("HELP_DESK", "auto", False),
        ("HELP_DESK_AI", "userId:3300", False),
        ("MERGE_OBJECTS", "userId:3300", False),
        ("INTEGRATION", "9001", False),
    ],
)
def test_who_filled_in_the_reply_decides_whether_it_is_sent(desk, reach, source, by, sent):
    filed = helpdesk("hubspot").open(ticket(entry("k1")), reach)
    desk.agent_replies(filed.ticket, "On its way", source=source, by=by)
    (reply,) = helpdesk("hubspot").replies(filed.ticket, "", reach)
    assert (not reply.withheld) == sent


def test_an_answer_keeps_its_id_through_a_merge(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    other = connector.open(ticket(entry("k2"), key="t2"), reach)
    desk.agent_replies(filed.ticket, "On its way")
    (before,) = connector.replies(filed.ticket, "", reach)
    desk.history[other.ticket] = desk.history[filed.ticket]
    desk.merge(filed.ticket, other.ticket)
    (after,) = connector.replies(other.ticket, "", reach)
    assert after.id == before.id


PLAN, PRICES = ("plan.png", "image/png", b"png"), ("prices.pdf", "application/pdf", b"pdf")


def loading(desk, reach):
    network = media.Network(sandbox={SIGNED: desk.address})
    return dataclasses.replace(reach, fetch=lambda call, hosts=(): media.fetch(call, hosts, network=network))


def names(reply):
    return [each.name for each in reply.attachments]


def test_an_answer_s_files_are_those_of_the_property_and_come_with_name_type_and_bytes(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_attaches(filed.ticket, PLAN, PRICES)
    desk.clock.advance(60)
    desk.agent_replies(filed.ticket, "Here is all of it")
    (reply,) = connector.replies(filed.ticket, "", reach)
    assert [(each.name, each.type, str(each.kind)) for each in reply.attachments] == [
        ("plan.png", "image/png", "image"), ("prices.pdf", "application/pdf", "file"),
    ]  # fmt: skip
    file = connector.file(reply.attachments[0], loading(desk, reach))
    assert (file.type, file.data) == ("image/png", b"png")
    assert desk.books.entries("GET", "/hubfs/44120/{number}")[-1].status == 200


def test_each_file_goes_with_the_answer_after_it_and_once(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    (plan,) = desk.agent_attaches(filed.ticket, PLAN)
    desk.agent_replies(filed.ticket, "The plan")  # saved at once
    desk.clock.advance(60)
    (prices,) = desk.agent_attaches(filed.ticket, PRICES, kept=(plan,))
    desk.clock.advance(60)
    desk.agent_replies(filed.ticket, "And the prices")
    desk.clock.advance(60)
    desk.agent_replies(filed.ticket, "That is all")
    desk.clock.advance(60)
    (wrong,) = desk.agent_attaches(filed.ticket, PLAN, kept=(plan, prices))
    desk.clock.advance(60)
    desk.agent_attaches(filed.ticket, kept=(plan, prices))  # taken out again
    assert wrong in desk.files
    desk.clock.advance(60)
    desk.agent_replies(filed.ticket, "Good-bye")
    found = connector.replies(filed.ticket, "", reach)
    assert [names(each) for each in found] == [["plan.png"], ["prices.pdf"], [], []]
    assert [names(each) for each in connector.replies(filed.ticket, found[0].id, reach)] == [["prices.pdf"], [], []]


def test_a_file_put_in_after_an_answer_waits_for_the_next(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_replies(filed.ticket, "The plan")
    desk.clock.advance(5)
    desk.agent_attaches(filed.ticket, PLAN)
    assert [names(each) for each in connector.replies(filed.ticket, "", reach)] == [[]]
    desk.clock.advance(5)
    desk.agent_replies(filed.ticket, "Here it is")
    assert [names(each) for each in connector.replies(filed.ticket, "", reach)] == [[], ["plan.png"]]


def test_what_a_workflow_attached_never_goes_and_a_withheld_answer_takes_no_file_along(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    (internal,) = desk.agent_attaches(filed.ticket, PRICES, source="AUTOMATION_PLATFORM")
    desk.agent_attaches(filed.ticket, PLAN, kept=(internal,))
    desk.clock.advance(5)
    desk.agent_replies(filed.ticket, "Shipped", source="AUTOMATION_PLATFORM")
    desk.clock.advance(5)
    desk.agent_replies(filed.ticket, "The plan")
    assert [names(each) for each in connector.replies(filed.ticket, "", reach)] == [[], ["plan.png"]]


def test_of_a_history_that_was_cut_off_no_old_file_goes_out_again(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    numbers = []
    for _ in range(21):
        numbers += desk.agent_attaches(filed.ticket, PLAN, kept=tuple(numbers))
        desk.clock.advance(5)
        desk.agent_replies(filed.ticket, f"The plan, number {len(numbers)}")
        desk.clock.advance(5)
    found = connector.replies(filed.ticket, "", reach)
    assert [len(each.attachments) for each in found] == [0] + [1] * 19


def test_a_note_s_file_is_no_answer_s(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_notes(filed.ticket, "between us")["properties"]["hs_attachment_ids"] = "4711"
    desk.agent_replies(filed.ticket, "On its way")
    assert [names(each) for each in connector.replies(filed.ticket, "", reach)] == [[]]


def test_a_file_that_hubspot_does_not_show_is_left_out_and_holds_up_no_words(desk, reach):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    (number,) = desk.agent_attaches(filed.ticket, PLAN)
    desk.agent_replies(filed.ticket, "The plan")
    desk.sees_hidden = False
    (reply,) = connector.replies(filed.ticket, "", reach)
    assert names(reply) == [f"file {number}"]
    with pytest.raises(PermanentError, match=r"files\.ui_hidden\.read"):
        connector.file(reply.attachments[0], loading(desk, reach))


@pytest.mark.parametrize(("status", "category"), [(403, "MISSING_SCOPES"), (404, "VALIDATION_ERROR")])
def test_without_the_scope_of_files_the_words_go_alone(desk, reach, status, category):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    (number,) = desk.agent_attaches(filed.ticket, PLAN)
    desk.agent_replies(filed.ticket, "The plan")
    told = {"status": "error", "message": "This file is not for you", "category": category}

    def refusing(call):
        refused = rest.Answer(status, {}, json.dumps(told).encode())
        return refused if "/files/v3/" in call.url else reach.http(call)

    without = dataclasses.replace(reach, http=refusing)
    (reply,) = connector.replies(filed.ticket, "", without)
    assert (reply.text, names(reply)) == ("The plan", [f"file {number}"])
    with pytest.raises(PermanentError, match="scopes “files”"):
        connector.file(reply.attachments[0], without)


@pytest.mark.parametrize("link", ["http://f.hubspotusercontent-na1.net/a", "https://127.0.0.1/a", "https://[/a", "", 5])
def test_a_link_that_leads_nowhere_good_is_not_followed(desk, reach, link):
    connector = helpdesk("hubspot")
    filed = connector.open(ticket(entry("k1")), reach)
    desk.agent_attaches(filed.ticket, PLAN)
    desk.agent_replies(filed.ticket, "The plan")
    (reply,) = connector.replies(filed.ticket, "", reach)
    path = "/files/v3/files/{number}/signed-url"
    desk.faults.add(Fault(instead=Reply.json(200, {"url": link})), method="GET", path=path)
    with pytest.raises(PermanentError):
        connector.file(reply.attachments[0], loading(desk, reach))


def answered(page):
    return [each for each in page.signals if each.about is About.TICKET]


def test_h14_a_look_at_changed_tickets_says_how_each_stands(desk, reach):
    connector = helpdesk("hubspot")
    cursor = connector.poll("", reach).cursor
    number = connector.open(ticket(entry("k1")), reach).ticket
    told = []
    for change in (
        {},
        {"hubspot_owner_id": "3300"},
        {"hs_pipeline_stage": "4"},
        {"hs_pipeline_stage": "2", "hubspot_owner_id": "3301"},
        {"hs_pipeline_stage": "4"},
        {"hubspot_owner_id": ""},
    ):
        desk.clock.advance(90)
        desk.agent_sets(number, **change)
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        told += [(each.about, str(each.status), each.assignee.id) for each in page.signals]
    status = About.STATUS
    assert told == [
        (status, "reopened", ""), (status, "reopened", "3300"), (status, "solved", "3300"),
        (status, "reopened", "3301"), (status, "solved", "3301"), (status, "solved", ""),
    ]  # fmt: skip
    desk.clock.advance(90)
    desk.agent_replies(number, "On its way")
    (both,) = connector.poll(cursor, reach).signals
    assert (both.about, str(both.status)) == (About.TICKET, "solved")


def test_a_look_signals_tickets_with_a_changed_reply(desk, reach):
    connector = helpdesk("hubspot")
    start = connector.poll("", reach).cursor
    filed = connector.open(ticket(entry("k1")), reach)
    connector.open(ticket(entry("k2"), key="t2"), reach)
    desk.clock.advance(5)
    assert answered(connector.poll(start, reach)) == []
    desk.agent_replies(filed.ticket, "On its way")
    first = connector.poll(start, reach)
    assert [signal.ticket for signal in answered(first)] == [filed.ticket]
    assert connector.poll(first.cursor, reach).signals == ()
    desk.clock.advance(600)
    desk.agent_replies(filed.ticket, "It arrives at noon")
    again = next(each for each in answered(connector.poll(first.cursor, reach)))
    assert again.key not in {each.key for each in first.signals}
    with pytest.raises(PermanentError):
        connector.poll("yesterday", reach)


def changed(desk, count):
    """Make so many tickets with a reply, one a second; return their ids."""
    made = []
    for number in range(count):
        desk.clock.advance(1)
        values = {"subject": "x", "deskwire_key": f"dw-{number}", "deskwire_reply": "said"}
        made.append(desk._made("tickets", values)["id"])
    return made


def polls(reach, cursor, times):
    """Poll so often; return the tickets that were told, in that order, and the last cursor."""
    told = []
    for _ in range(times):
        page = helpdesk("hubspot").poll(cursor, reach)
        cursor = page.cursor
        told += [each.ticket for each in page.signals]
    return told, cursor


def test_a_poll_tells_all_where_a_ticket_changes_while_pages_are_read(desk, reach):
    cursor = helpdesk("hubspot").poll("", reach).cursor
    made = changed(desk, 250)
    asked = []

    def shifting(call):
        answer = reach.http(call)
        if call.url.endswith("/search"):
            asked.append(call)
            desk.clock.advance(1)
            desk.agent_sets(made[len(asked)], hubspot_owner_id="3300")
        return answer

    assert set(polls(dataclasses.replace(reach, http=shifting), cursor, 1)[0]) == set(made)


def test_a_poll_goes_on_where_the_one_before_ended_and_tells_each_change_once(desk, reach, monkeypatch):
    monkeypatch.setattr("deskwire.helpdesks.hubspot.PAGES", 1)
    cursor = helpdesk("hubspot").poll("", reach).cursor
    made = changed(desk, 250)
    desk.listed[made[20]] = desk.clock.now() + timedelta(seconds=30)
    told, cursor = polls(reach, cursor, 2)
    assert len(told) > 150
    desk.clock.advance(60)
    more, _ = polls(reach, cursor, 8)
    assert sorted(told + more) == sorted(made)


def test_a_poll_tells_a_change_that_the_search_shows_ten_minutes_later(desk, reach):
    cursor = helpdesk("hubspot").poll("", reach).cursor
    late, early, newest = changed(desk, 3)
    desk.listed[late] = desk.clock.now() + timedelta(minutes=10)
    told, cursor = polls(reach, cursor, 2)
    assert told == [early, newest]
    desk.clock.advance(300)
    (another,) = changed(desk, 1)
    told, cursor = polls(reach, cursor, 1)
    assert told == [another]
    desk.clock.advance(301)
    assert polls(reach, cursor, 2)[0] == [late]


def test_a_poll_tells_all_where_the_search_shows_a_later_time_than_it_sorts_by(desk, reach):
    cursor = helpdesk("hubspot").poll("", reach).cursor
    made = changed(desk, 250)

    def inflated(call):
        answer = reach.http(call)
        if not call.url.endswith("/search"):
            return answer
        body = json.loads(answer.body)
        body["results"][-1]["properties"]["hs_lastmodifieddate"] = "2026-11-02T12:00:00Z"
        return dataclasses.replace(answer, body=json.dumps(body).encode())

    assert set(polls(dataclasses.replace(reach, http=inflated), cursor, 1)[0]) == set(made)


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (Refused(423, "LOCKED", "The record is locked"), TemporaryError),
        (Refused(477, "MIGRATION", "The account is moved"), TemporaryError),
        (Refused(401, "EXPIRED_AUTHENTICATION", "The OAuth token expired"), ConfigurationError),
        (Refused(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes"), ConfigurationError),
        (Refused(400, "VALIDATION_ERROR", 'Property "deskwire_key" does not exist'), ConfigurationError),
        (Refused(400, "VALIDATION_ERROR", "Invalid input JSON"), PermanentError),
        (Refused(404, "", "resource not found"), PermanentError),
        (Refused(502, "", "Bad gateway"), TemporaryError),
    ],
)
def test_what_hubspot_says_decides_who_has_to_act(desk, reach, refused, error):
    desk.faults.add(Fault(instead=refused.reply()), method="POST", path="/crm/v3/objects/tickets")
    with pytest.raises(error):
        helpdesk("hubspot").open(ticket(entry("k1")), reach)


def test_the_burst_limit_is_waited_for(desk, reach):
    desk.most = 3
    with pytest.raises(TemporaryError):
        helpdesk("hubspot").open(ticket(entry("k1")), reach)


def test_a_part_of_a_batch_is_no_success(desk, reach):
    told = Reply.json(207, {"status": "COMPLETE", "results": [{"id": "1001"}], "errors": [{"category": "CONFLICT"}]})
    desk.faults.add(Fault(instead=told), method="POST", path="/crm/v3/objects/contacts/batch/upsert")
    with pytest.raises(TemporaryError):
        helpdesk("hubspot").open(ticket(entry("k1")), reach)


def test_the_vector_of_hubspot_s_own_library_verifies():
    """https://github.com/HubSpot/hubspot-api-python/blob/master/tests/spec/utils/test_signature.py."""
    request = Request(
        method="POST",
        endpoint="e",
        body=b"{'example_field':'example_value'}",
        headers={
            "x-hubspot-signature-v3": "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=",
            "x-hubspot-request-timestamp": "15000000",
        },
        received_at=NOW,
    )
    secrets = Secrets({"client_secret": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"})
    context = Context(datetime.fromtimestamp(15_000, UTC), None, {"address": "https://www.example.com/webhook_uri"})
    assert registry.helpdesk("hubspot").verification.verify(request, secrets, context) == {}


def test_h12_earlier_tickets_of_the_customer_alone_are_told(desk, reach):
    connector = helpdesk("hubspot")
    first = ticket(entry("k1"))
    lost = connector.open(first, reach).ticket
    late = connector.open(ticket(entry("k2"), key="t2", subject="Late"), reach).ticket
    desk.close(late)
    customer = dataclasses.replace(first.customer, email="")
    told = connector.history(customer, reach)
    assert [(each.ticket, each.subject, each.open, each.outcome) for each in told] == [
        (late, "Late", False, "closed"), (lost, "Lost", True, "open"),
    ]  # fmt: skip
    assert told[0].at is not None
    assert connector.history(dataclasses.replace(customer, external_id="messenger-77"), reach) == []


def test_h13_a_closed_ticket_is_opened_again_for_as_long_as_the_company_says(desk, reach):
    connector = helpdesk("hubspot")
    number = connector.open(ticket(entry("k1")), reach).ticket
    desk.close(number)
    later = dataclasses.replace(reach, now=desk.clock.now() + timedelta(days=3))
    with pytest.raises(TicketGone, match="closed"):
        connector.append(number, "c7", [entry("k2")], ruled(later, 2))
    connector.append(number, "c7", [entry("k3", public=False)], ruled(later, 2))
    connector.append(number, "c7", [entry("k2")], ruled(later, 4))
    assert desk.records["tickets"][number]["properties"]["hs_pipeline_stage"] == "1"

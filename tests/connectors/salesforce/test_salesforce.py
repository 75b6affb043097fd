"""Salesforce: what must hold on the living helpdesk, which `sandbox/helpdesks/salesforce` plays."""

import base64
import dataclasses
import html
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.helpdesks.salesforce.api import full
from deskwire.helpdesks.salesforce.records import COMMENT_BYTES, marker
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, SignatureError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.signals import About
from deskwire.model.tickets import Change, Customer, Entry, File, Sought, Ticket
from deskwire.registry import helpdesk
from deskwire.verification.rule import Context
from deskwire.web import media, rest
from deskwire.web.request import from_gateway
from sandbox.helpdesks.salesforce.books import CLIENT, LOGIN, USERNAME, key, pem
from sandbox.helpdesks.salesforce.played import Refused, Salesforce
from sandbox.neighbours.neighbour import Clock, Fault, Reply, error_inside
from tests.connectors.living import ruled

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOST = "northwind.my.salesforce.com"
SETTINGS = {"domain": HOST, "client_id": CLIENT, "username": USERNAME}
OPEN = "/services/data/v66.0/composite"
EVENTS = Path(__file__).parents[3] / "events" / "salesforce"
ADD = "/services/data/v66.0/composite/sobjects"
FILE = "/services/data/v66.0/sobjects/ContentVersion"


def unused(**_):
    raise AssertionError


class Shared:
    """The tokens as the machinery keeps them: one for all, until it is refused."""

    def __init__(self, secrets):
        self.secrets, self.kept, self.refusals = secrets, None, 0

    def forget(self):
        self.kept = None

    def __call__(self, secret, renew):
        self.kept = self.kept or renew(self.secrets.one(secret)).access
        return self.kept

    def refused(self, secret, access):
        assert (secret, access) == ("private_key", self.kept)
        self.kept = None
        self.refusals += 1


@pytest.fixture(scope="module")
def running():
    with Salesforce(CLIENT, USERNAME, key().public_key(), LOGIN, clock=Clock(NOW, held=True)) as played:
        yield played


@pytest.fixture(scope="module")
def tokens():
    """Return the tokens that all tests share: signing takes long."""
    return Shared(Secrets({"private_key": pem()}))


@pytest.fixture
def org(running):
    """Return the one server, without the records of the test before."""
    running.begin_anew()
    running.faults.clear()
    running.books.clear()
    running.most = 1_000_000
    running.clock._base = NOW
    return running


@pytest.fixture
def reach(org, tokens):
    transport, kept = rest.Direct(), {}
    tokens.refusals = 0

    def remember(name, make):
        if name not in kept:
            value, seconds = make()
            if not seconds:
                return value
            kept[name] = value
        return kept[name]

    yield Reach(
        account="main", settings=SETTINGS, secrets=tokens.secrets, http=rest.with_hosts(transport, {HOST: org.address}),
        now=NOW, mail=unused, remember=remember, tokens=tokens,
    )  # fmt: skip
    transport.close()


def entry(key, body="My parcel 4471 is lost", *, public=True, **more):
    return Entry(key=key, body=body, written_at=NOW, public=public, author="Jóna Example", **more)


def ticket(*entries, key="t1", **more):
    customer = Customer(
        external_id="messenger-5512883", name="Jóna Example", channel="messenger", email="j@example.org"
    )
    given = {"subject": "Lost", "customer": customer, "entries": entries, "tags": ("deskwire",)} | more
    return Ticket(key=key, thread="c7", reference="ABCDE-FGHJK", **given)


def words(org, case):
    return [row["CommentBody"] for row in org.comments(case)]


def answer(org, method, path, reply, *, times=1):
    org.faults.add(Fault(instead=reply), method=method, path=path, times=times)


def test_h1_a_case_is_opened_extended_opened_again_followed_and_gone(org, reach):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1"), entry("k2", "For agents", public=False)), reach)
    case = org.records["Case"][filed.ticket]
    assert (case["Subject"], case["Priority"], case["SuppliedEmail"]) == ("Lost", "Medium", "j@example.org")
    assert "ABCDE-FGHJK" in case["Description"]
    assert org.records["Contact"][case["ContactId"]]["LastName"] == "Jóna Example"
    said = org.comments(filed.ticket)
    assert said[0]["CommentBody"].startswith("Jóna Example · 2026-11-02 09:00 UTC:\nMy parcel 4471 is lost\ndw-")
    assert said[1]["CommentBody"].startswith("Deskwire · ")
    assert [row["IsPublished"] for row in said] == [True, False]
    org.close(filed.ticket)
    connector.append(filed.ticket, "c7", [entry("k3", public=False)], reach)
    assert case["Status"] == "Closed"
    connector.append(filed.ticket, "c7", [entry("k4")], reach)
    assert case["Status"] == "New"
    other = connector.open(ticket(entry("k5"), key="t2", follow_up_of=filed.ticket), reach)
    assert org.records["Case"][other.ticket]["ParentId"] == filed.ticket
    org.merge(filed.ticket, other.ticket)
    with pytest.raises(TicketGone) as caught:
        connector.append(filed.ticket, "c7", [entry("k6")], reach)
    assert (caught.value.state, caught.value.into, caught.value.at) == ("merged", other.ticket, NOW)
    org.delete(other.ticket)
    with pytest.raises(TicketGone) as caught:
        connector.append(other.ticket, "c7", [entry("k6")], reach)
    assert caught.value.state == "deleted"


def test_a_case_that_lost_a_merge_and_was_kept_is_followed_as_well(org, reach):
    connector = helpdesk("salesforce")
    lost, master = (connector.open(ticket(entry(f"k{key}"), key=key), reach).ticket for key in ("t1", "t2"))
    org.merge(lost, master, kept=True)
    with pytest.raises(TicketGone) as caught:
        connector.append(lost[:15], "c7", [entry("k6")], reach)
    assert (caught.value.state, caught.value.into) == ("merged", master)


@pytest.mark.parametrize(("days", "gone"), [(0, True), (1, True), (2, False)])
def test_h13_a_case_takes_messages_for_some_days_after_it_was_closed(org, reach, days, gone):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), reach)
    org.close(filed.ticket)
    late = ruled(dataclasses.replace(reach, now=NOW + timedelta(days=2)), days)
    if gone:
        with pytest.raises(TicketGone, match="closed"):
            connector.append(filed.ticket, "c7", [entry("k2")], late)
    else:
        connector.append(filed.ticket, "c7", [entry("k2")], late)
        assert org.records["Case"][filed.ticket]["Status"] == "New"


def test_h2_what_was_filed_is_found_by_its_key_and_opened_once(org, reach):
    connector = helpdesk("salesforce")
    assert connector.find(Sought(key="t1", thread="c7"), reach) is None
    filed = connector.open(ticket(entry("k1")), reach)
    assert connector.find(Sought(key="t1", thread="c7"), reach).ticket == filed.ticket
    assert connector.find(Sought(key="k1", ticket=filed.ticket, thread="c7"), reach).entries == filed.entries
    assert connector.find(Sought(key="k1", ticket=filed.ticket[:15], thread="c7"), reach).ticket == filed.ticket
    assert connector.find(Sought(key="k2", ticket=filed.ticket, thread="c7"), reach) is None
    assert connector.open(ticket(entry("k1")), reach) == filed
    assert [len(org.records[name]) for name in ("Case", "Contact", "CaseComment")] == [1, 1, 1]


def test_a_ticket_is_opened_in_two_calls_and_a_log_in_that_all_share(org, reach):
    connector = helpdesk("salesforce")
    reach.tokens.forget()
    connector.open(ticket(entry("k1")), reach)
    assert org.books.count() == 3
    connector.open(ticket(entry("k2"), key="t2"), reach)
    assert org.books.count() == 5


def test_a_follow_up_of_a_deleted_case_has_no_parent_and_names_it(org, reach):
    connector = helpdesk("salesforce")
    before = connector.open(ticket(entry("k1")), reach).ticket
    org.delete(before)
    filed = connector.open(ticket(entry("k2"), key="t2", follow_up_of=before), reach)
    case = org.records["Case"][filed.ticket]
    assert "ParentId" not in case
    assert before in case["Description"]


def test_a_name_that_agents_corrected_stays(org, reach):
    connector = helpdesk("salesforce")
    connector.open(ticket(entry("k1")), reach)
    (contact,) = org.records["Contact"].values()
    contact["LastName"] = "Jónsdóttir"
    connector.open(ticket(entry("k2"), key="t2"), reach)
    assert contact["LastName"] == "Jónsdóttir"


def test_a_ticket_written_in_part_is_finished_without_doubles(org, reach):
    connector = helpdesk("salesforce")
    org.faults.add(Fault(cut="after"), method="POST", path=ADD, times=1)
    with pytest.raises(TemporaryError) as caught:
        connector.open(ticket(entry("k1"), entry("k2", "And another")), reach)
    assert caught.value.ambiguous
    filed = connector.open(ticket(entry("k1"), entry("k2", "And another")), reach)
    assert len(org.comments(filed.ticket)) == 2


def test_h6_markup_and_references_between_parts_of_a_request_stay_words(org, reach):
    said = "<b>bold</b> @{contact.id} {!Case.Id} @agnes @{case.id}"
    filed = helpdesk("salesforce").open(ticket(entry("k1", said), subject=said), reach)
    assert said in words(org, filed.ticket)[0]
    # In the one request that may refer to its parts, nothing does.
    assert org.records["Case"][filed.ticket]["Subject"] == said.replace("@{", "@ {")


def test_h9_long_words_become_comments_of_four_thousand_bytes(org, reach):
    for said in ("👩‍👩‍👧‍👦" * 1500, "þ" * 9000, "one two three " * 1500):
        filed = helpdesk("salesforce").open(ticket(entry(said[:9], said), key=said[:3]), reach)
        found = words(org, filed.ticket)
        assert len(found) > 2
        assert max(len(text.encode()) for text in found) <= COMMENT_BYTES
        joined = "".join(text.rpartition("\n")[0] for text in found)
        assert joined.partition(":\n")[2].replace(" ", "") == said.strip().replace(" ", "")
        assert found[-1].endswith(marker(said[:9]))
    assert org.books.count("POST", ADD) == 3, "none was refused as too long"


def test_a_vector_of_curl_verifies_and_its_case_is_read_again():
    """No page gives one: what a named credential sends is a header, as `curl -H` writes it."""
    request = from_gateway(json.loads((EVENTS / "comment_published.json").read_text(encoding="utf-8")))
    secrets = Secrets(json.loads((EVENTS / "secrets.json").read_text(encoding="utf-8")))
    rule = helpdesk("salesforce").verification
    assert rule.verify(request, secrets, Context(request.received_at, None)) == {}
    with pytest.raises(SignatureError):
        rule.verify(request, Secrets({"webhook_secret": "another"}), Context(request.received_at, None))
    (signal,) = helpdesk("salesforce").parse(request)
    assert (signal.about, signal.ticket, signal.answer) == (About.TICKET, "5005e000000005aAAA", None)


def test_h9_where_entities_count_long_words_become_smaller_comments_and_none_is_lost(org, reach):
    org.encodes = True
    author = "𝔐" * 300
    for number, said in enumerate(("<>&" * 900, '"' * 60_000, "one & two " * 390)):
        filed = helpdesk("salesforce").open(
            ticket(dataclasses.replace(entry(f"k{number}", said), author=author), key=f"t{number}"), reach
        )
        found = words(org, filed.ticket)
        assert max(len(html.escape(text).encode()) for text in found) <= COMMENT_BYTES
        joined = "".join(text.rpartition("\n")[0] for text in found)
        assert joined.partition(":\n")[2].replace(" ", "") == said.replace(" ", "")
        assert found[-1].endswith(marker(f"k{number}"))
        assert helpdesk("salesforce").replies(filed.ticket, "", reach) == []  # ours, all of them


def test_h9_what_is_too_long_however_it_is_cut_is_refused(org, reach):
    filed = helpdesk("salesforce").open(ticket(entry("k1")), reach)
    too_long = error_inside([{"success": False, "errors": [{"statusCode": "STRING_TOO_LONG"}]}])
    org.faults.add(too_long, method="POST", path=ADD, times=3)
    with pytest.raises(PermanentError):
        helpdesk("salesforce").append(filed.ticket, "c7", [entry("k2")], reach)
    assert len(words(org, filed.ticket)) == 1


def test_h10_a_file_arrives_with_its_name_and_bytes_before_its_words(org, reach):
    data = bytes(range(256))
    file = File("zip 📦.png", "image/png", data)
    filed = helpdesk("salesforce").open(ticket(entry("k1", files=(file,))), reach)
    (version,) = org.records["ContentVersion"].values()
    assert (version["PathOnClient"], base64.b64decode(version["VersionData"])) == ("zip 📦.png", data)
    assert version["FirstPublishLocationId"] == filed.ticket
    writes = [each.asked.path for each in org.books.entries("POST")]
    assert writes.index(FILE) < writes.index(ADD), "what bears the key is whole"


def test_a_file_that_is_refused_calls_a_person_before_the_words_are_filed(org, reach):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), reach)
    answer(org, "POST", FILE, Refused(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded").reply())
    files = (File("a.txt", "text/plain", b"a"),)
    with pytest.raises(ConfigurationError, match="STORAGE_LIMIT_EXCEEDED"):
        connector.append(filed.ticket, "c7", [entry("k2", files=files)], reach)
    assert len(org.comments(filed.ticket)) == 1
    org.faults.add(Fault(cut="before"), method="POST", path=ADD, times=1)
    with pytest.raises(TemporaryError) as caught:
        connector.append(filed.ticket, "c7", [entry("k2", files=files)], reach)
    assert caught.value.ambiguous


def test_comments_of_one_entry_are_filed_together_or_not_at_all(org, reach):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), reach)
    rolled = Refused(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "rolled back").of_collection()
    locked = Refused(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access").of_collection()
    answer(org, "POST", ADD, Reply.json(200, [rolled, locked]))
    with pytest.raises(TemporaryError, match="UNABLE_TO_LOCK_ROW") as caught:
        connector.append(filed.ticket, "c7", [entry("k2", "þ" * 3000)], reach)
    assert (caught.value.concerns, caught.value.ambiguous) == (Concern.TICKET, False)


def test_h11_a_priority_is_raised_and_tags_are_added_and_nothing_is_written_twice(org, reach):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), reach)
    case = org.records["Case"][filed.ticket]
    connector.update(filed.ticket, Change("urgent", ("legal",)), reach)
    assert (case["Priority"], case["Deskwire_Tags__c"]) == ("High", "deskwire; legal")
    assert len(org.comments(filed.ticket)) == 1
    before = org.books.count("PATCH")
    connector.update(filed.ticket, Change("urgent", ("legal",)), reach)
    connector.update(filed.ticket, Change("normal"), reach)
    case["Priority"] = "Board"  # a value of the company's own
    connector.update(filed.ticket, Change("urgent"), reach)
    assert org.books.count("PATCH") == before
    assert case["Priority"] == "Board"


def test_answers_are_published_comments_of_colleagues_and_nothing_else(org, reach):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1", "👋" * 1500)), reach)  # of several comments, all ours
    org.agent_comments(filed.ticket, "A note", public=False)
    org.clock.advance(60)
    first = org.agent_comments(filed.ticket, "On its way 🚚")
    org.clock.advance(60)
    org.agent_comments(filed.ticket, "I am the customer", by=org.guest)
    org.agent_comments(filed.ticket, "I am a flow", by=org.bot)
    found = connector.replies(filed.ticket, "", reach)
    assert [(each.text, each.author, bool(each.withheld)) for each in found] == [
        ("On its way 🚚", "Agnes Agent", False),
        ("I am the customer", "Portal Guest", True),
        ("I am a flow", "Deskwire", True),
    ]
    assert [each.text for each in connector.replies(filed.ticket, first[:15], reach)] == [
        "I am the customer", "I am a flow",
    ]  # fmt: skip


@pytest.fixture
def shared(org, reach):
    """Return what a connection may use whose company sends the files that agents share, and whose org has a site."""
    org.site = True
    network = media.Network(sandbox={HOST: org.address})
    return dataclasses.replace(
        reach,
        settings={**SETTINGS, "files": "shared"},
        fetch=lambda call, hosts=(): media.fetch(call, hosts, network=network),
    )


def names(replies):
    return [[each.name for each in reply.attachments] for reply in replies]


def test_an_answer_s_files_are_those_that_its_author_shared_and_come_with_name_type_and_bytes(org, shared):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "plan.png", b"png", shared=True)
    org.agent_attaches(filed.ticket, "margins.xlsx", b"ours")
    org.clock.advance(60)
    org.agent_comments(filed.ticket, "Here is the plan")
    (reply,) = connector.replies(filed.ticket, "", shared)
    assert [(each.name, each.type, str(each.kind)) for each in reply.attachments] == [
        ("plan.png", "image/png", "image")
    ]
    assert connector.file(reply.attachments[0], shared).data == b"png"


@pytest.mark.parametrize("settings", [{}, {"files": ""}, {"files": "Shared"}, {"files": "all"}])
def test_without_the_company_s_word_no_file_goes_out_and_none_is_asked_for(org, shared, settings):
    connector, silent = helpdesk("salesforce"), dataclasses.replace(shared, settings={**SETTINGS, **settings})
    filed = connector.open(ticket(entry("k1")), silent)
    org.agent_attaches(filed.ticket, "plan.png", b"png", shared=True)
    org.agent_comments(filed.ticket, "Here is the plan")
    assert names(connector.replies(filed.ticket, "", silent)) == [[]]
    assert not [each for each in org.books.entries("GET") if "ContentDocumentLink" in each.asked.parameter("q")]


@pytest.mark.parametrize("site", [None, False])
def test_in_an_org_without_a_site_nothing_goes_out_for_every_file_would_count_as_shared(org, shared, site):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.site = site
    link = org.agent_attaches(filed.ticket, "margins.xlsx", b"ours")
    assert org.records["ContentDocumentLink"][link]["Visibility"] == "AllUsers"
    org.agent_comments(filed.ticket, "On its way")
    with pytest.raises(ConfigurationError, match=r"site|INVALID_TYPE"):
        connector.replies(filed.ticket, "", shared)


def test_each_file_goes_with_its_author_s_first_comment_after_it_and_once(org, shared):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1", files=(File("own.png", "image/png", b"1"),))), shared)
    colleague = org.user("Bo Brown", "bo@northwind.example")
    org.agent_attaches(filed.ticket, "first.pdf", b"1", shared=True)
    late = org.agent_attaches(filed.ticket, "later.pdf", b"2")
    org.agent_attaches(filed.ticket, "bos.pdf", b"3", by=colleague, shared=True)
    org.agent_attaches(filed.ticket, "nobodys.pdf", b"4", by=org.guest, shared=True)
    said = []
    for text, by in [("one", ""), ("two", ""), ("between us", None), ("three", colleague), ("four", "")]:
        org.clock.advance(60)
        said.append(org.agent_comments(filed.ticket, text, public=by is not None, by=by or ""))
        org.clock.advance(60)
        if text == "two":
            org.agent_shares(late)
    found = connector.replies(filed.ticket, "", shared)
    assert names(found) == [["first.pdf"], [], ["bos.pdf"], ["later.pdf"]]
    assert names(connector.replies(filed.ticket, said[0], shared)) == [[], ["bos.pdf"], ["later.pdf"]]


def test_a_file_that_went_out_does_not_go_again_with_an_older_comment_published_later(org, shared):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "plan.png", b"png", shared=True)
    org.clock.advance(60)
    draft = org.agent_comments(filed.ticket, "The refund is on its way", public=False)
    org.clock.advance(60)
    last = org.agent_comments(filed.ticket, "The plan")
    assert names(connector.replies(filed.ticket, "", shared)) == [["plan.png"]]
    org.clock.advance(60)
    org.agent_publishes(draft)
    assert names(connector.replies(filed.ticket, last, shared)) == [[]]


def test_a_file_that_went_out_does_not_go_again_where_its_comment_is_corrected(org, shared):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "plan.png", b"png", shared=True)
    first = org.agent_comments(filed.ticket, "The plan")
    org.clock.advance(60)
    last = org.agent_comments(filed.ticket, "I am the customer", by=org.guest)
    org.clock.advance(60)
    org.agent_publishes(first)
    org.agent_comments(filed.ticket, "Bye")
    found = connector.replies(filed.ticket, last, shared)
    assert [(each.id == first, *names([each])) for each in found] == [(True, ["plan.png"]), (False, [])]


def test_a_file_goes_with_an_older_comment_published_later_where_no_other_took_it(org, shared):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "plan.png", b"png", shared=True)
    org.clock.advance(60)
    draft = org.agent_comments(filed.ticket, "The plan", public=False)
    org.clock.advance(60)
    last = org.agent_comments(filed.ticket, "I am the customer", by=org.guest)
    org.clock.advance(60)
    org.agent_publishes(draft)
    assert names(connector.replies(filed.ticket, last, shared)) == [["plan.png"]]
    org.clock.advance(60)
    org.agent_comments(filed.ticket, "Bye")
    assert names(connector.replies(filed.ticket, draft, shared)) == [[], []]


@pytest.mark.parametrize("visibility", ["InternalUsers", "SharedUsers", "", None, "allusers"])
def test_what_is_not_shared_with_customers_in_so_many_words_stays_inside(org, shared, visibility):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_shares(org.agent_attaches(filed.ticket, "plan.png", b"png"), visibility)
    org.agent_comments(filed.ticket, "On its way")
    assert names(connector.replies(filed.ticket, "", shared)) == [[]]


def test_a_note_of_salesforce_s_and_a_mere_link_are_no_files(org, shared):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "Call.snote", b"<b>ours</b>", shared=True)
    org.agent_attaches(filed.ticket, "elsewhere.url", b"", shared=True)
    org.agent_comments(filed.ticket, "On its way")
    assert names(connector.replies(filed.ticket, "", shared)) == [[]]


def test_where_older_comments_are_not_read_an_old_file_goes_with_none(org, shared, monkeypatch):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "old.pdf", b"1", shared=True)
    for number in range(3):
        org.clock.advance(60)
        org.agent_comments(filed.ticket, f"answer {number}")
    monkeypatch.setattr("deskwire.helpdesks.salesforce.records.LATEST", 2)
    assert names(connector.replies(filed.ticket, "", shared)) == [[], []]


def test_a_file_is_loaded_with_a_new_session_where_the_old_one_ended(org, shared, tokens):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), shared)
    org.agent_attaches(filed.ticket, "plan.png", b"png", shared=True)
    org.agent_comments(filed.ticket, "The plan")
    (reply,) = connector.replies(filed.ticket, "", shared)
    org.sessions.clear()
    assert connector.file(reply.attachments[0], shared).data == b"png"
    assert tokens.refusals == 1
    with pytest.raises(PermanentError):
        connector.file(dataclasses.replace(reply.attachments[0], id="../../query?q=x"), shared)


def answered(page):
    return [each for each in page.signals if each.about is About.TICKET]


def test_h14_a_poll_says_how_changed_cases_stand(org, reach, monkeypatch):
    connector = helpdesk("salesforce")
    cursor = connector.poll("", reach).cursor
    filed = connector.open(ticket(entry("k1")), reach)
    told = []
    for change in (
        {},
        {"OwnerId": org.agent},
        {"Status": "Closed"},
        {"Status": "Working", "OwnerId": org.guest},
        {"Status": "Closed"},
        {"OwnerId": "00G5e000000001aAAA"},
    ):
        org.clock.advance(90)
        org._changed("Case", filed.ticket, change)
        reach = dataclasses.replace(reach, now=org.clock.now())
        page = connector.poll(cursor, reach)
        cursor = page.cursor
        told += [(str(each.status), each.assignee.id, each.assignee.name) for each in page.signals]
    assert told == [
        ("reopened", "", ""), ("reopened", org.agent, "Agnes Agent"), ("solved", org.agent, "Agnes Agent"),
        ("reopened", org.guest, "Portal Guest"), ("solved", org.guest, "Portal Guest"), ("solved", "", ""),
    ]  # fmt: skip
    monkeypatch.setattr("deskwire.helpdesks.salesforce.PAGE", 1)
    full = connector.poll("2026-11-02T09:00:00Z", reach)
    assert [each.ticket for each in full.signals] == [filed.ticket]
    assert full.cursor > "2026-11-02T09:00:00Z"


def test_a_poll_tells_of_answers_once_published_and_not_of_our_own_words(org, reach):
    connector = helpdesk("salesforce")
    start = connector.poll("", reach).cursor
    filed = connector.open(ticket(entry("k1")), reach)
    assert not answered(connector.poll(start, reach))
    org.agent_comments(filed.ticket, "A note", public=False)
    org.agent_comments(filed.ticket, "On its way")
    org.agent_comments(filed.ticket, "It arrived")
    page = connector.poll(start, reach)
    assert [signal.ticket for signal in answered(page)] == [filed.ticket] * 2
    assert len({signal.key for signal in page.signals}) == 3
    assert {signal.key for signal in connector.poll(page.cursor, reach).signals} == {
        signal.key for signal in page.signals
    }, "what is told again is told as the same"
    later = dataclasses.replace(reach, now=NOW + timedelta(minutes=10))
    cursor = connector.poll(page.cursor, later).cursor
    assert not connector.poll(cursor, later).signals


@pytest.mark.parametrize("field", ["IsClosed", "SystemModstamp"])
def test_a_page_of_rows_that_cannot_be_read_does_not_move_a_look_past_those_behind_it(org, reach, monkeypatch, field):
    monkeypatch.setattr("deskwire.helpdesks.salesforce.PAGE", 2)
    connector = helpdesk("salesforce")
    start = connector.poll("", reach).cursor
    for number in range(3):
        connector.open(ticket(entry(f"k{number}"), key=f"t{number}"), reach)

    def odd(call):
        answer = reach.http(call)
        body = json.loads(answer.body)
        if "FROM%20Case%20" not in call.url:
            return answer
        for row in body["records"]:
            row[field] = None
        return dataclasses.replace(answer, body=json.dumps(body).encode())

    later = dataclasses.replace(reach, http=odd, now=NOW + timedelta(hours=1))
    assert connector.poll(start, later).cursor <= f"{NOW:%Y-%m-%dT%H:%M:%SZ}"


def test_an_answer_published_after_a_later_one_was_read_is_an_answer_and_none_is_read_again(org, reach):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), reach)
    draft = org.agent_comments(filed.ticket, "The refund is on its way", public=False)
    org.clock.advance(60)
    last = org.agent_comments(filed.ticket, "Anything else?")
    assert [each.id for each in connector.replies(filed.ticket, "", reach)] == [last]
    org.clock.advance(60)
    org.agent_publishes(draft)
    assert [each.id for each in connector.replies(filed.ticket, last, reach)] == [draft]
    org.clock.advance(60)
    newest = org.agent_comments(filed.ticket, "Bye")
    assert [each.id for each in connector.replies(filed.ticket, draft, reach)] == [last, newest]
    assert connector.replies(filed.ticket, newest, reach) == []


def test_a_poll_looks_at_deskwires_cases_alone(org, reach):
    connector = helpdesk("salesforce")
    start = connector.poll("", reach).cursor
    filed = connector.open(ticket(entry("k1")), reach)
    del org.records["Case"][filed.ticket]["Deskwire_Key__c"]
    org.agent_comments(filed.ticket, "For somebody else")
    assert not connector.poll(start, reach).signals


@pytest.mark.parametrize("cursor", ["yesterday", "2026-11-02T09:00:00Z OR Id != null"])
def test_a_cursor_that_is_none_is_refused(reach, cursor):
    with pytest.raises(PermanentError):
        helpdesk("salesforce").poll(cursor, reach)


def test_a_session_that_ended_is_renewed_once_and_the_request_made_again(org, reach):
    connector = helpdesk("salesforce")
    connector.open(ticket(entry("k1")), reach)
    org.sessions.clear()  # as after two hours
    filed = connector.open(ticket(entry("k2"), key="t2"), reach)
    assert (reach.tokens.refusals, len(org.comments(filed.ticket))) == (1, 1)
    answer(org, "POST", OPEN, Refused(401, "INVALID_SESSION_ID", "Session expired or invalid").reply(), times=9)
    with pytest.raises(ConfigurationError):
        connector.open(ticket(entry("k3"), key="t3"), reach)
    assert org.books.count("POST", OPEN) == 5


@pytest.mark.parametrize(
    ("code", "status", "error", "after"),
    [
        ("REQUEST_LIMIT_EXCEEDED", 403, TemporaryError, 900),
        ("UNABLE_TO_LOCK_ROW", 400, TemporaryError, 5),
        ("UNABLE_TO_LOCK_ROW", 500, TemporaryError, 5),
        ("ENTITY_IS_DELETED", 404, TemporaryError, 5),
        ("INSUFFICIENT_ACCESS_OR_READONLY", 400, ConfigurationError, None),
        ("API_DISABLED_FOR_ORG", 403, ConfigurationError, None),
        ("SERVER_UNAVAILABLE", 503, TemporaryError, None),
        ("JSON_PARSER_ERROR", 400, PermanentError, None),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400, ConfigurationError, None),
    ],
)
def test_each_code_says_what_happens_next(org, reach, code, status, error, after):
    connector = helpdesk("salesforce")
    filed = connector.open(ticket(entry("k1")), reach)
    answer(org, "POST", ADD, Refused(status, code, "words of a customer").reply())
    with pytest.raises(error) as caught:
        connector.append(filed.ticket, "c7", [entry("k2")], reach)
    assert "words" not in str(caught.value)
    assert getattr(caught.value, "after", None) == after


def test_the_limit_of_calls_is_waited_for(org, reach):
    connector = helpdesk("salesforce")
    connector.open(ticket(entry("k1")), reach)
    org.most = 0
    with pytest.raises(TemporaryError) as caught:
        connector.open(ticket(entry("k2"), key="t2"), reach)
    assert (caught.value.after, caught.value.concerns) == (900, Concern.ACCOUNT)


@pytest.mark.parametrize("name", ["Deskwire_Key__c", "Deskwire_Tags__c"])
def test_a_missing_field_calls_a_person(org, reach, name, monkeypatch):
    from sandbox.helpdesks.salesforce import played

    monkeypatch.setitem(played.FIELDS, "Case", played.FIELDS["Case"] - {name})
    monkeypatch.setitem(played.UNIQUE, "Case", "" if "Key" in name else "Deskwire_Key__c")
    with pytest.raises(ConfigurationError, match="salesforce"):
        helpdesk("salesforce").open(ticket(entry("k1")), reach)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"domain": "evil.example/northwind.my.salesforce.com"}, "domain"),
        ({"username": ""}, "username"),
        ({"username": "somebody@else.example"}, "invalid_grant"),
        ({"client_id": "another"}, "invalid_grant"),
        ({"audience": "https://test.salesforce.com"}, "invalid_grant"),
    ],
)
def test_a_log_in_that_is_refused_calls_a_person(reach, changed, word):
    reach.tokens.forget()
    mistaken = dataclasses.replace(reach, settings=SETTINGS | changed)
    with pytest.raises(ConfigurationError, match=word):
        helpdesk("salesforce").open(ticket(entry("k1")), mistaken)


@pytest.mark.parametrize("value", ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_calls_a_person_and_is_not_shown(reach, value):
    mistaken = dataclasses.replace(reach, tokens=Shared(Secrets({"private_key": value})))
    with pytest.raises(ConfigurationError) as caught:
        helpdesk("salesforce").open(ticket(entry("k1")), mistaken)
    assert value not in str(caught.value)


def test_the_assertion_names_the_app_the_user_and_three_minutes(org, reach):
    reach.tokens.forget()
    helpdesk("salesforce").open(ticket(entry("k1")), reach)
    (login,) = org.books.entries("POST", "/services/oauth2/token")
    claims = login.asked.form()["assertion"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == {
        "iss": CLIENT, "sub": USERNAME, "aud": LOGIN, "exp": int(NOW.timestamp()) + 180,
    }  # fmt: skip


# Ids in answers that Salesforce's REST guide shows.
@pytest.mark.parametrize("number", ["00190000001pPvHAAU", "001D000000IqhSLIAZ"])
def test_vector_of_an_id_in_fifteen_and_eighteen_characters(number):
    assert full(number[:15]) == full(number) == number


@pytest.mark.parametrize("number", ["", "500", "00190000001pPvHAAV", "50019000001pPv'--", "00190000001pPvHaau"])
def test_what_is_no_id_is_none(number):
    assert full(number) == ""


@pytest.mark.parametrize("number", ["7", "500' OR Id != null", "../../x"])
def test_a_ticket_that_is_no_id_never_becomes_part_of_a_query(reach, number):
    with pytest.raises(PermanentError):
        helpdesk("salesforce").replies(number, "", reach)


def test_h12_earlier_cases_of_the_customer_alone_are_told(org, reach):
    connector = helpdesk("salesforce")
    first = ticket(entry("k1"), tags=("deskwire", "complaint"))
    connector.open(first, reach)
    org.clock._base = NOW + timedelta(days=1)
    late = connector.open(ticket(entry("k2"), key="t2", subject="Late"), reach).ticket
    org.close(late)
    customer = dataclasses.replace(first.customer, email="", phone="")
    told = connector.history(customer, reach)
    assert [(each.subject, each.open, each.outcome, each.complaint) for each in told] == [
        ("Late", False, "Closed", False), ("Lost", True, "New", True),
    ]  # fmt: skip
    stranger = dataclasses.replace(customer, external_id="messenger-77")
    assert connector.history(stranger, reach) == []
    org.records["Contact"][next(iter(org.records["Contact"]))]["Email"] = "o'hara@example.org"
    assert len(connector.history(dataclasses.replace(stranger, email="o'hara@example.org"), reach)) == 2

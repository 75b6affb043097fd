"""Zendesk against the sandbox's Zendesk, which enforces what its documentation says."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import http.client
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.contracts.registration import Site
from deskwire.helpdesks.zendesk import Zendesk, external_id, registering
from deskwire.model.errors import ConfigurationError, PermanentError, SignatureError, TemporaryError
from deskwire.model.events import AttachmentKind
from deskwire.model.secret import Secrets
from deskwire.model.signals import About, Assignee, Status
from deskwire.model.tickets import Change, Customer, Entry, File, Sought, Ticket
from deskwire.verification.rule import Context
from deskwire.web.reading import Node
from deskwire.web.request import Request
from deskwire.web.rest import Direct, with_hosts
from sandbox.helpdesks.zendesk.account import Refused
from sandbox.helpdesks.zendesk.played import Zendesk as Sandbox
from sandbox.helpdesks.zendesk.played import edge_throttled
from sandbox.neighbours.neighbour import Clock, Neighbour, Reply, broken, cut_after, cut_before, route, throttled

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
DESK = Zendesk()
WORDS = "Hvar er pakkinn? 👩‍👩‍👧 مرحبا שלום Þökk"


class Listener(Neighbour):
    name = "listener"

    def __init__(self, heard):
        super().__init__()
        self.heard = heard

    def authorize(self, asked):
        return None

    @route("POST", "/helpdesks/{endpoint}")
    def hear(self, asked, endpoint):
        self.heard.append(asked)
        return Reply.json(200, {})


class World:
    def __init__(self, **options):
        self.clock = Clock(START, held=True)
        self.zendesk = Sandbox(self.clock, **options).start()
        self.transport = Direct()
        self.memory: dict[str, tuple[str, datetime]] = {}
        self.settings = {"subdomain": "acme", "email": "deskwire@acme.example", "fields": "reference=4410021"}
        self.secrets = Secrets({"api_token": "invented-zendesk-token"})

    def remember(self, name, make):
        value, until = self.memory.get(name, ("", START - timedelta(days=1)))
        if until <= self.clock.now():
            asked = self.zendesk.books.count()
            value, seconds = make()
            assert self.zendesk.books.count() == asked  # `remember` holds a lock over `make`
            self.memory[name] = value, self.clock.now() + timedelta(seconds=seconds)
        return value

    @property
    def reach(self):
        http = with_hosts(self.transport, {"acme.zendesk.com": self.zendesk.address})
        return Reach("acme", self.settings, self.secrets, http, self.clock.now(), None, self.remember)

    def asked(self, method="", path=""):
        return self.zendesk.books.count(method, path)

    def open(self, **changes):
        return int(DESK.open(ticket(**changes), self.reach).ticket)

    def append(self, number, *entries):
        return DESK.append(str(number), "x/1/t1", entries, self.reach)

    def comments(self, number):
        return self.zendesk.comments(number)


@pytest.fixture
def world():
    made = World()
    yield made
    made.transport.close()
    made.zendesk.stop()
    assert made.zendesk.crashes == []


def entry(key="x/1/m1/add/", body=WORDS, *, public=True, files=(), at=START):
    return Entry(key=key, body=body, written_at=at, public=public, files=files)


def ticket(**changes):
    given = {
        "key": "x/1/m1/add/",
        "thread": "x/1/t1",
        "reference": "DW-7K2M",
        "subject": "[X] Anna: Hvar er pakkinn?",
        "customer": Customer(external_id="x-1-anna", name="Anna Þórsdóttir", channel="x", handle="@anna"),
        "entries": (entry(),),
        "tags": ("x", "Public Post"),
    }
    return Ticket(**(given | changes))


# ------------------------------------------------------------------------------------------------------- in


def test_h1_a_ticket_is_opened_with_two_calls(world):
    filed = DESK.open(ticket(), world.reach)
    made = world.zendesk.account.tickets[int(filed.ticket)]
    assert world.asked() == 2
    assert made.subject == "[X] Anna: Hvar er pakkinn?"
    assert made.tags == ["deskwire", "x", "public_post"]
    assert made.custom_fields == {4410021: "DW-7K2M"}
    (comment,) = made.comments
    assert world.zendesk.author(comment).name == "Anna Þórsdóttir"
    assert world.zendesk.author(comment).external_id == "x-1-anna"
    assert comment.public
    assert filed.entries == {"x/1/m1/add/": str(comment.id)}
    assert filed.contact == str(made.requester_id)


def test_h1_a_follow_up_message_is_one_call_and_written_by_the_customer(world):
    number = world.open()
    contact = str(world.zendesk.tickets[0].requester_id)
    before = world.asked()
    filed = world.append(number, replace(entry("x/1/m2/add/", "It is order 4711"), contact=contact))
    assert world.asked() == before + 1
    comment = world.comments(number)[-1]
    assert (comment.words, comment.public) == ("It is order 4711", True)
    assert world.zendesk.author(comment).role == "end-user"
    assert filed.entries == {"x/1/m2/add/": str(comment.id)}


def test_fields_are_filled_by_the_settings_names_and_by_zendesks_own_ids(world):
    number = world.open(fields={"rating": "2", "4410099": "spring", "unknown": "x"}, tags=("deskwire", "X y"))
    made = world.zendesk.account.tickets[number]
    assert made.custom_fields == {4410021: "DW-7K2M", 4410099: "spring"}
    assert made.tags == ["deskwire", "x_y"]


@pytest.mark.parametrize("fields", ["reference", "reference=x", "a=1;b=2"])
def test_unreadable_fields_call_a_person(world, fields):
    world.settings["fields"] = fields
    with pytest.raises(ConfigurationError, match="fields"):
        world.open()


def test_settings_fill_tickets_and_a_connection_s_fields_come_first(world):
    records = world.zendesk.account.records
    records.form(51)
    for number in (71, 72):
        records.named("brands", number, f"Brand {number}")
    records.named("groups", 61, "Care")
    world.settings |= {"form": "51", "brand": "71", "group": "61", "type": "question", "values": "4410023=a, 4410024=b"}
    made = world.zendesk.account.tickets[world.open(fields={"brand": "72", "4410024": "c", "type": ""})]
    assert (made.ticket_form_id, made.brand_id, made.group_id, made.type) == (51, 72, 61, "question")
    assert made.custom_fields == {4410021: "DW-7K2M", 4410023: "a", 4410024: "c"}


def test_a_name_that_the_setting_gives_to_a_field_is_that_field_s(world):
    world.settings["fields"] = "brand=4410030"
    made = world.zendesk.account.tickets[world.open(fields={"brand": "Northwind Tea"})]
    assert (made.brand_id, made.custom_fields) == (None, {4410030: "Northwind Tea"})


@pytest.mark.parametrize(
    ("settings", "fields", "said"),
    [
        ({"form": "Complaint"}, {}, "“form” is not Zendesk's id of it, a number"),
        ({"type": "Question"}, {}, "“type” is none of question, incident, problem, task"),
        ({"values": "product=tea"}, {}, "“values” is not written as"),
        ({}, {"brand": "Tea"}, "the connection's field “brand” is not Zendesk's id"),
    ],
)
def test_what_cannot_be_filled_calls_a_person(world, settings, fields, said):
    world.settings |= settings
    with pytest.raises(ConfigurationError, match=said):
        world.open(fields=fields)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"form": "51"}, "form"),
        ({"brand": "71", "group": "62"}, "group"),  # the sandbox names one at a time
        ({"type": "task"}, "type"),
    ],
)
def test_a_ticket_is_opened_without_what_zendesk_does_not_take_and_a_note_names_it(world, monkeypatch, settings, named):
    world.zendesk.account.records.named("brands", 71, "Northwind")
    world.zendesk.account.records.named("groups", 61, "Care")
    monkeypatch.setattr("sandbox.helpdesks.zendesk.records.TYPES", {None})
    world.settings |= settings
    said = []
    reach = dataclasses.replace(world.reach, left_out=lambda what, node: said.append(what))
    number = int(DESK.open(ticket(), reach).ticket)
    words, note = world.comments(number)
    assert words.words.startswith("Hvar er pakkinn?")
    assert words.public
    assert f"does not take what is set for {named}: `deskwire plan` says more" in note.words
    assert not note.public
    assert named in said[0]
    made = world.zendesk.account.tickets[number]
    assert made.custom_fields == {4410021: "DW-7K2M"}, "what it takes stays"
    assert made.brand_id == (71 if "brand" in settings else None)


def test_a_field_that_was_switched_off_and_a_refusal_that_names_nothing_cost_no_words(world):
    world.settings["values"] = "4410023=tea"
    off = {"description": "Product: is not active", "error": "InvalidValue", "ticket_field_id": 4410023}
    for refused, kept, lost in (
        ({"base": [off]}, {4410021: "DW-7K2M"}, "field 4410023"),
        ({"base": [{"description": "Etwas fehlt"}]}, {}, "field 4410023, field 4410021"),
    ):
        key = f"x/1/{lost}/add/"
        world.zendesk.faults.add(
            broken(422, {"error": "RecordInvalid", "details": refused}), path="/api/v2/tickets.json", times=1
        )
        number = world.open(key=key, thread=key, entries=(entry(key),))
        assert world.zendesk.account.tickets[number].custom_fields == kept
        assert f"what is set for {lost}:" in world.comments(number)[-1].words


def test_a_suspended_customer_s_words_are_refused_with_the_reason(world):
    number = world.open()
    author = world.zendesk.account.users[world.zendesk.account.tickets[number].requester_id]
    author.suspended = True
    for attempt in (
        lambda: world.append(number, entry("x/1/m2/add/", "more")),
        lambda: world.open(key="x/1/m3/add/", entries=(entry("x/1/m3/add/"),)),
    ):
        with pytest.raises(PermanentError, match="suspended in Zendesk: unsuspend") as error:
            attempt()
        assert error.value.code == "UserSuspended"
    assert len(world.comments(number)) == 1


def test_an_older_refusal_of_a_suspended_customer_is_understood(world):
    said = {"error": "RecordInvalid", "details": {"requester": [{"description": "Requester: Anna is suspended."}]}}
    world.zendesk.faults.add(broken(422, said), path="/api/v2/tickets.json", times=1)
    with pytest.raises(PermanentError, match="suspended in Zendesk"):
        world.open()
    assert world.asked("POST", "/api/v2/tickets.json") == 1, "nothing else would change it"


@pytest.mark.parametrize(
    ("refused", "left", "said"),
    [
        ({"assignee": [{"description": "Assignee: is not a member of the group"}]}, (61, None), "without its assignee"),
        ({"group": [{"description": "Group: is invalid"}]}, (None, None), "without its group and its assignee"),
        ({"base": [{"description": "Product: is required when solving a ticket", "ticket_field_id": 4410023}]},
         (61, 7), ""),
    ],
)  # fmt: skip
def test_words_are_added_where_zendesk_refuses_what_the_ticket_has_beside_them(world, refused, left, said):
    number = world.open()
    shown = world.zendesk.account.tickets[number]
    shown.group_id, shown.assignee_id, shown.status = 61, 7, "solved"
    world.zendesk.account.records.named("groups", 61, "Care")
    refusal = {"error": "RecordInvalid", "details": refused}
    world.zendesk.faults.add(broken(422, refusal), method="PUT", times=1)
    filed = world.append(number, entry("x/1/m2/add/", "It is order 4711"))
    added = world.comments(number)[1:]
    assert added[0].words.startswith("It is order 4711")
    assert filed.entries == {"x/1/m2/add/": str(added[0].id)}
    assert (shown.group_id, shown.assignee_id) == left
    assert shown.status == "open"
    assert [said in each.words and not each.public for each in added[1:]] == ([True] if said else [])


def test_a_customer_without_an_organization_joins_that_of_the_settings_once(world):
    world.zendesk.account.records.named("organizations", 81, "Northwind")
    world.zendesk.account.records.named("organizations", 82, "Another")
    world.settings["organization"] = "81"
    made = world.zendesk.account.tickets[world.open()]
    assert made.organization_id == 81
    world.open(key="x/1/m2/add/", entries=(entry("x/1/m2/add/"),))
    assert world.asked("POST", "/api/v2/organization_memberships.json") == 1
    customer = world.zendesk.account.users[made.requester_id]
    customer.organizations = [82]  # as agents chose
    world.open(key="x/1/m3/add/", entries=(entry("x/1/m3/add/"),))
    assert customer.organizations == [82]


def test_an_organization_whose_answer_was_lost_is_joined_once(world):
    world.zendesk.account.records.named("organizations", 81, "Northwind")
    world.settings["organization"] = "81"
    world.zendesk.faults.add(cut_after(), path="/api/v2/organization_memberships.json", times=2)
    with pytest.raises(TemporaryError):
        world.open()
    made = world.zendesk.account.tickets[world.open()]
    assert made.organization_id == 81
    assert world.zendesk.account.users[made.requester_id].organizations == [81]
    assert len(world.zendesk.tickets) == 1


def test_an_organization_that_is_gone_calls_a_person(world):
    world.settings["organization"] = "81"
    with pytest.raises(ConfigurationError, match="there is no organization 81"):
        world.open()


def test_a_ticket_without_a_required_field_is_not_solved_and_each_field_is_named(world):
    records = world.zendesk.account.records
    records.ticket_field(4410023, "Product", required=True)
    records.ticket_field(4410024, "Order", required=True)
    number = world.open()
    with pytest.raises(PermanentError, match=r"“Product” \(4410023\), “Order” \(4410024\): give one"):
        DESK.close(str(number), world.reach)
    world.settings["values"] = "4410023=tea, 4410024=4711"
    number = world.open(key="x/1/m2/add/", entries=(entry("x/1/m2/add/"),))
    DESK.close(str(number), world.reach)
    assert world.zendesk.account.tickets[number].status == "solved"


def test_a_required_field_is_named_in_any_language_and_without_the_refusal_s_words(world):
    records = world.zendesk.account.records
    records.ticket_field(4410023, "Vara: er nauðsynleg", required=True)
    number = world.open()
    reason = {"description": "Vara: skylda til að leysa mál", "error": None, "ticket_field_id": 4410023}
    refused = {"error": "RecordInvalid", "details": {"base": [reason]}}
    world.zendesk.faults.add(broken(422, refused), method="PUT", times=1)
    with pytest.raises(PermanentError, match="without a value in field 4410023: give one"):
        DESK.close(str(number), world.reach)


def test_another_process_asks_once_who_the_customer_is(world):
    number = world.open()
    world.memory.clear()
    before = world.asked()
    world.append(number, entry("x/1/m2/add/", "two"))
    world.append(number, entry("x/1/m3/add/", "three"))
    assert world.asked() == before + 3
    assert world.zendesk.author(world.comments(number)[-1]).role == "end-user"


def test_a_note_is_internal_and_ours(world):
    number = world.open()
    world.append(number, entry("x/1/m1/edit/1", "edited: …", public=False))
    note = world.comments(number)[-1]
    assert not note.public
    assert world.zendesk.author(note) is world.zendesk.bot


def test_several_messages_become_one_comment_each_with_its_time_and_are_found_singly(world):
    number = world.open()
    before = world.asked("PUT")
    entries = [entry(f"x/1/m{n}/add/", f"part {n}", at=START + timedelta(seconds=n)) for n in (2, 3, 4)]
    filed = world.append(number, *entries)
    assert world.asked("PUT") == before + 1
    comment = world.comments(number)[-1]
    assert "2026-11-02 09:00:03 UTC" in comment.words
    assert comment.words.index("part 2") < comment.words.index("part 3") < comment.words.index("part 4")
    assert filed.entries["x/1/m3/add/"] == f"{comment.id}.2"
    found = DESK.find(Sought(key="x/1/m3/add/", ticket=str(number), thread="x/1/t1"), world.reach)
    assert found.entries == {"x/1/m3/add/": f"{comment.id}.2"}


def test_thirty_two_messages_at_once_keep_within_the_metadatas_kilobyte(world):
    number = world.open()
    entries = [entry(f"x/1/many{n}/add/", f"part {n}") for n in range(32)]
    filed = world.append(number, *entries)
    assert len(filed.entries) == 32
    assert len(world.comments(number)) == 3


def test_notes_and_messages_keep_their_order(world):
    number = world.open()
    world.append(number, entry("a", "one"), entry("b", "note", public=False), entry("c", "two"))
    assert [(c.words, c.public) for c in world.comments(number)[1:]] == [("one", True), ("note", False), ("two", True)]


@pytest.mark.parametrize("shape", ["status", "base", "ClosedTicket"])
def test_h1_a_closed_ticket_is_told_and_gets_a_follow_up(world, shape):
    number = world.open()
    world.zendesk.account.closed_shape = shape
    world.zendesk.close(number)
    with pytest.raises(TicketGone) as gone:
        world.append(number, entry("x/1/m2/add/", "hello again"))
    assert (gone.value.state, gone.value.into) == ("closed", "")
    second = world.open(key="x/1/m2/add/", follow_up_of=str(number), entries=(entry("x/1/m2/add/", "hello again"),))
    assert world.zendesk.account.tickets[second].followup_of == number


def test_h1_a_ticket_full_of_comments_is_told(world, monkeypatch):
    number = world.open()
    monkeypatch.setattr("sandbox.helpdesks.zendesk.account.COMMENTS_LIMIT", 2)
    monkeypatch.setattr("deskwire.helpdesks.zendesk.FULL", 2)
    world.append(number, entry("x/1/m2/add/", "one more"))
    for public in (True, False):
        with pytest.raises(TicketGone) as gone:
            world.append(number, entry("x/1/m3/add/", "and?", public=public))
        assert (gone.value.state, gone.value.into) == ("full", "")


def test_a_comment_refused_by_a_ticket_that_is_not_full_is_refused(world):
    number = world.open()
    world.zendesk.faults.add(broken(422, {"error": "RecordInvalid"}), method="PUT", times=1)
    with pytest.raises(PermanentError):
        world.append(number, entry("x/1/m2/add/", "one more"))


@pytest.mark.parametrize("told", ["via", "comment"])
def test_h1_a_merged_ticket_names_where_it_went(world, told):
    first, second = world.open(), world.open(key="x/1/other/add/", thread="x/1/t2")
    world.append(first, entry("x/1/m2/add/", "see #4711, please"))
    world.zendesk.merge(first, into=second, told=told)
    at = world.clock.now()
    world.clock.advance(90)
    with pytest.raises(TicketGone) as gone:
        world.append(first, entry("x/1/m3/add/", "and?"))
    assert (gone.value.state, gone.value.into, gone.value.at) == ("merged", str(second), at)


def test_a_number_in_the_customers_words_is_never_taken_for_a_merge(world):
    number = world.open()
    world.append(number, entry("x/1/m2/add/", "merged into request #4711"))
    world.zendesk.account.tickets[number].tags.append("closed_by_merge")
    world.zendesk.close(number)
    with pytest.raises(TicketGone) as gone:
        world.append(number, entry("x/1/m3/add/", "and?"))
    assert (gone.value.state, gone.value.into) == ("closed", "")


def test_a_number_in_the_words_of_an_agent_who_closes_is_never_taken_for_a_merge(world):
    number = world.open()
    world.zendesk.agent_replies(number, "Same as #4711", public=False, status="closed")
    with pytest.raises(TicketGone) as gone:
        world.append(number, entry("x/1/m3/add/", "and?"))
    assert (gone.value.state, gone.value.into) == ("closed", "")


def test_only_the_update_that_closed_a_merged_ticket_tells_where_it_went(world):
    first, second = world.open(), world.open(key="x/1/other/add/", thread="x/1/t2")
    world.zendesk.merge(first, into=second, told="comment")
    later = {"id": 1, "events": [{"id": 2, "type": "Notification", "body": "about #4711"}], "via": {"channel": "rule"}}
    world.zendesk.account.tickets[first].audits.append(later)
    with pytest.raises(TicketGone) as gone:
        world.append(first, entry("x/1/m3/add/", "and?"))
    assert (gone.value.state, gone.value.into) == ("merged", str(second))


def test_h1_a_deleted_ticket_is_told(world):
    number = world.open()
    world.zendesk.delete(number)
    with pytest.raises(TicketGone) as gone:
        world.append(number, entry("x/1/m2/add/", "hello?"))
    assert gone.value.state == "deleted"


def test_a_wrong_subdomain_is_not_taken_for_a_deleted_ticket(world):
    world.settings["subdomain"] = "acme2"
    http = with_hosts(world.transport, {"acme2.zendesk.com": world.zendesk.address})
    reach = Reach("acme", world.settings, world.secrets, http, START, None, world.remember)
    with pytest.raises(ConfigurationError, match="subdomain"):
        DESK.append("88001", "x/1/t1", [entry()], reach)


def test_a_solved_ticket_is_opened_by_the_customer_and_not_by_a_note(world):
    number = world.open()
    world.zendesk.solve(number)
    world.append(number, entry("n", "a note", public=False))
    assert world.zendesk.account.tickets[number].status == "solved"
    world.append(number, entry("x/1/m2/add/", "still broken"))
    assert world.zendesk.account.tickets[number].status == "open"


def test_a_customer_merged_by_agents_goes_on_writing(world):
    number = world.open()
    dead = world.zendesk.account.tickets[number].requester_id
    into = world.zendesk.account.person("Anna", "end-user")
    world.zendesk.merge_users(dead, into.id)
    world.append(number, entry("x/1/m2/add/", "me again"))
    assert world.zendesk.author(world.comments(number)[-1]) is into


def test_a_typed_email_address_makes_nobody_an_agent(world):
    customer = Customer(external_id="webform-1", name="Agnes", channel="webform", email="agnes@acme.example")
    number = world.open(customer=customer)
    assert world.zendesk.author(world.comments(number)[0]).role == "end-user"
    assert world.zendesk.agent.name == "Agnes Example"


# ---------------------------------------------------------------------------------------------------- doubt


def test_h2_a_lost_answer_does_not_make_a_second_ticket(world):
    world.zendesk.faults.add(cut_after(), method="POST", path="/api/v2/tickets.json", times=2)
    with pytest.raises(TemporaryError) as error:
        world.open()
    assert error.value.ambiguous
    found = DESK.find(Sought(key="x/1/m1/add/", thread="x/1/t1"), world.reach)
    assert found.ticket == str(world.open())
    assert len(world.zendesk.tickets) == 1


def test_h2_the_requests_of_a_retry_are_alike_to_the_byte(world):
    world.open()
    world.memory.clear()
    world.open()
    first, second = world.zendesk.books.entries("POST", "/api/v2/tickets.json")
    assert first.asked.body == second.asked.body
    assert first.asked.header("idempotency-key") == second.asked.header("idempotency-key") != ""
    assert len(world.zendesk.tickets) == 1


def test_h2_a_key_known_with_another_files_token_leads_to_the_ticket(world):
    files = (File("zip.png", "image/png", b"\x89PNG"),)
    number = world.open(entries=(entry(files=files),))
    world.memory.clear()  # another process uploads anew
    assert world.open(entries=(entry(files=files),)) == number


def test_h2_what_is_in_a_ticket_that_another_attempt_opened_can_be_redacted(world):
    def attempt():
        world.memory.clear()  # each by a process of its own, which uploads anew
        words = entry(body="my card is 4111", files=(File("zip.png", "image/png", b"\x89PNG"),))
        return DESK.open(ticket(entries=(words, entry("x/1/m2/add/", "and my PIN 0815"))), world.reach)

    first = attempt()
    before = world.asked()
    second = attempt()
    assert world.asked("POST") == 6  # two customers, two files, two tickets asked for
    assert world.asked() == before + 3 + 1 + 2 * 2  # as often as ever, then the ticket, then twice for each entry
    assert second == first
    assert sorted(second.entries) == ["x/1/m1/add/", "x/1/m2/add/"]
    assert DESK.redact(second.ticket, second.entries["x/1/m1/add/"], world.reach)
    (comment,) = world.comments(int(second.ticket))
    assert "4111" not in comment.words
    assert "0815" in comment.words


def test_h2_after_two_hours_the_external_id_still_finds_it(world):
    number = world.open()
    world.clock.advance(3 * 3600)
    assert DESK.find(Sought(key="x/1/m1/add/", thread="x/1/t1"), world.reach).ticket == str(number)
    assert DESK.find(Sought(key="x/1/never/add/", thread="x/1/t1"), world.reach) is None


def test_h2_a_comment_whose_answer_was_lost_is_found(world):
    number = world.open()
    world.zendesk.faults.add(cut_after(), method="PUT", times=1)
    with pytest.raises(TemporaryError) as error:
        world.append(number, entry("x/1/m2/add/", "two"))
    assert error.value.ambiguous
    found = DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), world.reach)
    assert found.entries == {"x/1/m2/add/": str(world.comments(number)[-1].id)}
    assert len(world.comments(number)) == 2


def test_h2_a_comment_that_never_arrived_is_not_found_and_then_added_safely(world):
    number = world.open()
    world.zendesk.faults.add(cut_before(), method="PUT", times=1)
    with pytest.raises(TemporaryError):
        world.append(number, entry("x/1/m2/add/", "two"))
    assert DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), world.reach) is None
    world.append(number, entry("x/1/m2/add/", "two"))
    assert len(world.comments(number)) == 2
    assert world.zendesk.books.entries("PUT")[-1].asked.json()["ticket"]["safe_update"] is True


def arrives_late(world, number, *entries):
    """Let the first attempt, of another process, end now."""
    late = World.__new__(World)
    late.__dict__ |= world.__dict__ | {"memory": {}}
    late.append(number, *entries)


@pytest.mark.parametrize("seconds", [2, 45])
def test_h2_an_attempt_that_arrives_late_is_not_doubled(world, seconds):
    number, turn = world.open(), world.reach
    assert DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), turn) is None
    world.clock.advance(seconds)  # finding others and uploading files takes its time
    arrives_late(world, number, entry("x/1/m2/add/", "two"))
    with pytest.raises(TemporaryError) as conflict:
        DESK.append(str(number), "x/1/t1", [entry("x/1/m2/add/", "two")], turn)
    assert conflict.value.ambiguous
    world.clock.advance(30)
    assert DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), world.reach) is not None
    assert len(world.comments(number)) == 2


def test_h2_an_attempt_that_arrives_late_is_not_doubled_by_a_batch_that_begins_with_a_fresh_message(world):
    number, turn = world.open(), world.reach
    fresh, doubtful = entry("x/1/m2/add/", "two"), entry("x/1/m3/add/", "three")
    assert DESK.find(Sought(key=doubtful.key, ticket=str(number), thread="x/1/t1"), turn) is None
    world.clock.advance(2)
    arrives_late(world, number, doubtful)
    with pytest.raises(TemporaryError) as conflict:
        DESK.append(str(number), "x/1/t1", [fresh, doubtful], turn)
    assert (conflict.value.ambiguous, conflict.value.after) == (True, 30)
    world.clock.advance(30)
    assert DESK.find(Sought(key=doubtful.key, ticket=str(number), thread="x/1/t1"), world.reach) is not None
    world.append(number, fresh)
    assert [comment.words for comment in world.comments(number)[1:]] == ["three", "two"]


def test_h2_an_attempt_that_arrives_between_two_looks_is_not_doubled(world):
    number, turn = world.open(), world.reach
    first, second = entry("x/1/m2/add/", "two"), entry("x/1/m3/add/", "three")
    assert DESK.find(Sought(key=first.key, ticket=str(number), thread="x/1/t1"), turn) is None
    world.clock.advance(2)
    arrives_late(world, number, first)
    assert DESK.find(Sought(key=second.key, ticket=str(number), thread="x/1/t1"), turn) is None
    with pytest.raises(TemporaryError):
        DESK.append(str(number), "x/1/t1", [first, second], turn)
    assert [comment.words for comment in world.comments(number)[1:]] == ["two"]


def test_h2_a_turn_goes_by_its_own_look_and_not_by_an_earlier_ones(world):
    number = world.open()
    assert DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), world.reach) is None
    world.clock.advance(30)
    world.zendesk.agent_replies(number, "a moment, please")
    world.clock.advance(1)
    assert DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), world.reach) is None
    world.append(number, entry("x/1/m2/add/", "two"))
    assert len(world.comments(number)) == 3


def test_a_part_that_was_added_is_not_repeated_when_the_rest_fails(world):
    number = world.open()
    note, message = entry("n", "note", public=False), entry("x/1/m2/add/", "two")
    taken = world.zendesk.account.comment
    limit = len(world.comments(number)) + 1

    def full(ticket, by, given, audit):
        if len(ticket.comments) >= limit:
            raise Refused(429, {"error": "APIRateLimitExceeded"})
        return taken(ticket, by, given, audit)

    world.zendesk.account.comment = full
    with pytest.raises(TemporaryError) as error:
        world.append(number, note, message)
    assert error.value.ambiguous
    world.zendesk.account.comment = taken
    assert DESK.find(Sought(key="n", ticket=str(number), thread="x/1/t1"), world.reach) is not None
    assert DESK.find(Sought(key="x/1/m2/add/", ticket=str(number), thread="x/1/t1"), world.reach) is None
    world.append(number, message)
    assert [comment.words for comment in world.comments(number)[1:]] == ["note", "two"]


# ---------------------------------------------------------------------------------------------- limits, errors


def test_h3_both_shapes_of_429_are_waited_for(world):
    number = world.open()
    for fault, after in (
        (throttled(31, {"error": "APIRateLimitExceeded", "description": "…"}), 31),
        (edge_throttled(), None),
    ):
        world.zendesk.faults.add(fault, method="PUT", times=1)
        with pytest.raises(TemporaryError) as error:
            world.append(number, entry("x/1/m2/add/", "two"))
        assert (error.value.after, error.value.ambiguous) == (after, False)


def test_h3_the_thirty_first_update_of_a_ticket_in_ten_minutes_is_put_off(world):
    number = world.open()
    for n in range(30):
        world.append(number, entry(f"x/1/u{n}/add/", str(n)))
        world.clock.advance(1)
    with pytest.raises(TemporaryError) as error:
        world.append(number, entry("x/1/u31/add/", "31"))
    assert error.value.after > 500
    world.clock.advance(error.value.after)
    world.append(number, entry("x/1/u31/add/", "31"))


def test_h3_the_hundred_and_first_update_of_a_minute_is_put_off(world):
    numbers = [world.open(key=f"k{n}", thread=f"t{n}") for n in range(4)]
    for n in range(100):
        world.append(numbers[n % 4], entry(f"x/1/u{n}/add/", str(n)))
    with pytest.raises(TemporaryError) as error:
        world.append(world.open(key="k5", thread="t5"), entry("x/1/u100/add/", "100"))
    assert error.value.after == 60


def test_h3_a_server_error_leaves_doubt_and_a_wrong_token_calls_a_person(world):
    number = world.open()
    world.zendesk.faults.add(broken(503), method="PUT", times=1)
    with pytest.raises(TemporaryError) as error:
        world.append(number, entry("x/1/m2/add/", "two"))
    assert error.value.ambiguous
    world.secrets = Secrets({"api_token": "another"})
    with pytest.raises(ConfigurationError, match="api_token"):
        world.append(number, entry("x/1/m2/add/", "two"))


def test_h3_a_refused_ticket_is_refused_for_good(world):
    with pytest.raises(PermanentError) as error:
        world.open(priority="whatever")
    assert error.value.status == 422


def test_an_oauth_token_does_as_well(world):
    world.secrets = Secrets({"oauth_token": "invented-zendesk-oauth"})
    assert world.open()


@pytest.mark.parametrize(
    "subdomain", ["", "acme.evil.example/", "acme@evil", "-acme", "acme.", "a" * 64, "ACME", "a/b", "ácme"]
)
def test_the_token_goes_nowhere_but_to_zendesk(world, subdomain):
    world.settings["subdomain"] = subdomain
    with pytest.raises(ConfigurationError, match="subdomain"):
        world.open()
    assert world.asked() == 0


@pytest.mark.parametrize("number", ["../users/1", "1/comments", "", "88 001", "x"])
def test_a_tickets_id_is_a_number(world, number):
    with pytest.raises(PermanentError):
        world.append(number, entry())
    assert world.asked() == 0


# ------------------------------------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script> <b>bold</b> I <3 you",
        "**bold** [click](https://evil.example) # title",
        "{{ticket.id}} {{ ticket.requester.email }} {% if 1 %}x{% endif %}",
        "@agnes please look, @Agnes!",
        "a  b\n\n   c & d &amp; e",
    ],
)
def test_h6_a_customers_words_stay_words(world, words):
    number = world.open(entries=(entry(body=words),), subject=words.replace("\n", " "))
    comment = world.comments(number)[0]
    made = world.zendesk.account.tickets[number]
    assert comment.words.replace("\u2060", "").replace("\u00a0", " ") == words
    for tag in ("<script", "<b>", "<strong", "<a "):
        assert tag not in comment.html
    assert made.followers == set()
    assert str(number) not in comment.words
    assert "{{" not in made.subject


def test_h9_emoji_right_to_left_and_ten_thousand_characters_arrive_unharmed(world):
    long = (WORDS + " ") * 300
    number = world.open(entries=(entry(body=long.strip()),))
    assert world.comments(number)[0].words == long.strip()


def test_h9_an_entry_of_the_declared_length_is_taken(world):
    number = world.open()
    world.append(number, entry("x/1/m2/add/", "<" * DESK.abilities.entry_bytes))
    assert len(world.comments(number)[-1].words) == DESK.abilities.entry_bytes


def test_h10_an_attachment_arrives_with_name_type_and_bytes(world):
    files = (File("zíp 🌷.png", "image/png", b"\x89PNG\x00\xff"), File("a.pdf", "application/pdf", b"%PDF"))
    number = world.open(entries=(entry(files=files),))
    first, second = world.comments(number)[0].files
    assert (first.name, first.type, first.data) == ("zíp 🌷.png", "image/png", b"\x89PNG\x00\xff")
    assert (second.name, second.type, second.data) == ("a.pdf", "application/pdf", b"%PDF")


def test_h10_a_file_zendesk_does_not_take_is_named_in_the_comment(world):
    world.zendesk.faults.add(broken(413), path="/api/v2/uploads.json", times=1)
    number = world.open(entries=(entry(files=(File("film.mov", "video/quicktime", b"x" * 9),)),))
    assert "[not taken by Zendesk: film.mov, 9 bytes]" in world.comments(number)[0].words


# ------------------------------------------------------------------------------------------------------- out


def test_an_agents_public_reply_is_read_once_and_nothing_else(world):
    number = world.open()
    world.append(number, entry("n", "note", public=False))
    world.zendesk.agent_replies(
        number, "", html="<p>On its way 🚚</p><p>See <a href='https://x.example/1'>here</a></p>"
    )
    world.zendesk.agent_replies(number, "internal", public=False)
    (reply,) = DESK.replies(str(number), "", world.reach)
    assert reply.text == "On its way 🚚\n\nSee here (https://x.example/1)"
    assert reply.author == "Agnes Example"
    assert reply.written_at == START
    assert DESK.replies(str(number), reply.id, world.reach) == []
    world.zendesk.agent_replies(number, "second")
    world.zendesk.agent_replies(number, "third")
    assert [found.text for found in DESK.replies(str(number), reply.id, world.reach)] == ["second", "third"]


def test_what_our_own_agent_wrote_publicly_is_never_sent(world):
    number = world.open()
    world.zendesk.agent_replies(number, "by Deskwire itself", agent=world.zendesk.bot)
    assert DESK.replies(str(number), "", world.reach) == []
    world.settings["bot_user_id"] = str(world.zendesk.bot.id)
    assert DESK.replies(str(number), "", world.reach) == []


def via(channel, rel=None):
    return {"via": {"channel": channel, "source": {"from": {}, "to": {}, "rel": rel}}}


def flagged(*flags, channel="email", **more):
    options = {str(flag): {"trusted": False} for flag in flags}
    return {**via(channel), "metadata": {"system": {}, "flags": list(flags), "flags_options": options, **more}}


@pytest.mark.parametrize(
    "shown",
    [
        {}, via("web"), via("api"), via("mobile", "mobile"), via(0), via("email"), via("email", "follow_up"),
        {"metadata": {"system": {}, "via": via("web")["via"]}},  # where the page's example has it
        flagged(5), flagged(18, 16),
        flagged(11, flags_options={"11": {"trusted": True, "message": {"user": "Ann"}}}),
        {**via("email"), "metadata": {"system": {}, "trusted": True}},
    ],
)  # fmt: skip
def test_what_an_agent_wrote_is_an_answer(world, shown):
    number = world.open()
    world.zendesk.agent_replies(number, "On its way", shown=shown)
    (reply,) = DESK.replies(str(number), "", world.reach)
    assert reply.withheld == ""


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (via("web", "merge"), "merged"),
        (via("merge"), "merged"),
        (via(19), "merged"),
        ({"metadata": {"via": via("web", "merge")["via"]}}, "merged"),
        (via("rule", "automation"), "rule"),
        (via("rule", "trigger"), "rule"),
        (via(8), "rule"),
        (via("ticket_tagging"), "came by “ticket_tagging”"),
        (via("whatsapp"), "came by “whatsapp”"),
        (flagged(0), "cannot be sure"),
        (flagged(2), "cannot be sure"),
        (flagged(3), "not signed in"),
        (flagged(4), "automatically"),
        (flagged(11), "somebody else"),
        (flagged(5, 14), "cannot be sure"),
        (flagged(20), "cannot be sure"),
        (flagged(99), "cannot be sure"),
        (flagged(0, flags_options={}), "cannot be sure"),
        (flagged(5, trusted=False), "does not trust"),
        ({**via("email"), "metadata": {"trusted": False}}, "does not trust"),
    ],
)
def test_what_merely_stands_under_an_agents_name_is_withheld(world, shown, why):
    number = world.open()
    world.zendesk.agent_replies(number, "Pay at https://evil.example", shown=shown)
    (reply,) = DESK.replies(str(number), "", world.reach)
    assert why in reply.withheld


@pytest.mark.parametrize(
    "shown",
    [
        {**via("voice"), "type": "VoiceComment"}, {"type": "VoiceComment"}, via("phone_call_inbound"),
        via("api_voicemail"), via(35), via("chat_transcript"), via("chat"), via(29),
    ],
)  # fmt: skip
def test_a_record_of_a_call_or_chat_is_no_answer(world, shown):
    number = world.open()
    world.zendesk.agent_replies(number, "Call from 555-0199", shown=shown)
    assert DESK.replies(str(number), "", world.reach) == []


def test_a_replys_files_are_named(world):
    number = world.open()
    world.zendesk.agent_replies(
        number, "Here", files=[("label.pdf", "application/pdf", b"%PDF"), ("a.png", "image/png", b"x")]
    )
    (reply,) = DESK.replies(str(number), "", world.reach)
    assert [(a.kind, a.name, a.type) for a in reply.attachments] == [
        (AttachmentKind.FILE, "label.pdf", "application/pdf"),
        (AttachmentKind.IMAGE, "a.png", "image/png"),
    ]
    assert reply.attachments[0].url.startswith("https://acme.zendesk.com/attachments/token/")


def test_replies_beyond_the_first_page_are_read_too(world):
    number = world.open()
    for n in range(150):
        world.zendesk.agent_replies(number, f"reply {n}")
        world.clock.advance(60)
    assert [reply.text for reply in DESK.replies(str(number), "", world.reach)] == [f"reply {n}" for n in range(150)]


def test_comments_are_ordered_by_their_number(world):
    """As text “9” stands after every longer number that begins with less."""
    number = world.open()
    world.zendesk.agent_replies(number, "On its way")
    assert [reply.text for reply in DESK.replies(str(number), "9", world.reach)] == ["On its way"]


@pytest.mark.parametrize("workspace", [True, False])
def test_a_deleted_message_is_redacted(world, workspace):
    world.zendesk.agent_workspace = workspace
    number = world.open()
    filed = world.append(number, entry("x/1/m2/add/", "my card is 4111\nand I <3 & you"))
    assert DESK.redact(str(number), filed.entries["x/1/m2/add/"], world.reach)
    assert "4111" not in world.comments(number)[-1].words
    assert "you" not in world.comments(number)[-1].words


@pytest.mark.parametrize("workspace", [True, False])
def test_of_several_messages_in_a_comment_only_the_deleted_one_is_redacted(world, workspace):
    world.zendesk.agent_workspace = workspace
    number = world.open()
    filed = world.append(number, entry("a", "first stays"), entry("b", "second goes"), entry("c", "third stays"))
    assert DESK.redact(str(number), filed.entries["b"], world.reach)
    words = world.comments(number)[-1].words
    assert "first stays" in words
    assert "third stays" in words
    assert "second" not in words


# -------------------------------------------------------------------------------------------------- webhook


def signed(body, secret, stamp="2026-11-02T09:00:00Z", order="stamp first"):
    content = stamp.encode() + body if order == "stamp first" else body + stamp.encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)).decode()
    headers = {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-invocation-id": "01J0SANDBOXINVOCATION",
    }
    return Request(method="POST", endpoint="acme-zendesk", body=body, headers=headers, received_at=START)


def verify(request, secret):
    return DESK.verification.verify(request, Secrets({"signing_secret": secret}), Context(now=START, http=None))


def test_a_vector_signed_by_openssl_verifies():
    # The secret that Zendesk's page names for webhooks not made yet; the order is that of its current page.
    secret = base64.b64decode("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==").decode()
    body, stamp = '{"ticket_id": "88001", "words": "Þökk 🌷"}'.encode(), "2026-11-02T09:00:00Z"
    command = ["openssl", "dgst", "-sha256", "-hmac", secret, "-binary"]
    made = subprocess.run(command, input=stamp.encode() + body, capture_output=True, check=True).stdout
    request = signed(body, "another", stamp)
    request.headers["x-zendesk-webhook-signature"] = base64.b64encode(made).decode()
    assert verify(request, secret) == {}


def test_the_older_order_of_signing_is_refused():
    with pytest.raises(SignatureError):
        verify(signed(b'{"ticket_id": "1"}', "s3cret", order="body first"), "s3cret")


@pytest.mark.parametrize(("key", "genuine"), [("invented-answers", True), ("invented-events", True), ("else", False)])
def test_either_webhook_s_secret_is_genuine_and_no_other(key, genuine):
    secrets = Secrets({"signing_secret": "invented-answers", "events_secret": "invented-events"})
    request = DESK.verification.sign(
        Request(method="POST", endpoint="acme-zendesk", body=b'{"ticket_id": "1"}', received_at=START),
        Secrets({"signing_secret": key}),
        START,
    )
    if genuine:
        assert DESK.verification.verify(request, secrets, Context(now=START, http=None)) == {}
    else:
        with pytest.raises(SignatureError):
            DESK.verification.verify(request, secrets, Context(now=START, http=None))


def test_h8_the_sandboxs_webhook_is_genuine_and_leads_to_the_reply(world):
    heard = []
    with Listener(heard) as listener:
        world.zendesk.connect(f"{listener.address}/helpdesks/acme-zendesk")
        listener.faults.add(broken(503), times=1)
        number = world.open()
        world.zendesk.agent_replies(number, "internal", public=False)
        world.zendesk.agent_replies(number, "On its way")
        assert world.zendesk.settle()
    assert [invocation.answers for invocation in world.zendesk.webhook.invocations] == [[503, 200]]
    (asked,) = heard
    request = Request(method="POST", endpoint="acme-zendesk", body=asked.body, headers=asked.headers, received_at=START)
    assert verify(request, "invented-zendesk-signing") == {}
    (event,) = DESK.parse(request)
    assert (event.about, event.ticket, event.account) == (About.TICKET, str(number), "acme-zendesk")
    assert [reply.text for reply in DESK.replies(event.ticket, "", world.reach)] == ["On its way"]


def test_an_event_told_twice_has_one_key_and_what_we_filed_is_known_as_ours(world):
    world.zendesk.stop()
    world.zendesk = Sandbox(world.clock, webhook_events=True, webhook_twice_every=1).start()
    heard = []
    with Listener(heard) as listener:
        world.zendesk.connect(f"{listener.address}/helpdesks/acme-zendesk")
        number = world.open()
        world.zendesk.agent_replies(number, "On its way")
        world.zendesk.agent_replies(number, "ask the depot", public=False)
        assert world.zendesk.settle()
    events = [
        event
        for asked in heard
        for event in DESK.parse(
            Request(method="POST", endpoint="e", body=asked.body, headers=asked.headers, received_at=START)
        )
    ]
    assert len(events) == 6
    assert len({event.key for event in events}) == 3
    assert [(event.about, event.own) for event in events[::2]] == [
        (About.TICKET, True),
        (About.TICKET, False),
        (About.OTHER, False),
    ]


@pytest.mark.parametrize("event", [{}, {"current": None}, {"current": ""}, {"current": 0}, {"current": "0"}])
def test_a_ticket_that_its_agent_let_go_is_nobody_s_however_zendesk_says_so(event):
    kind = "zen:event-type:ticket.agent_assignment_changed"
    told = {"type": kind, "id": "e1", "time": START.isoformat(), "detail": {"id": "7"}, "event": event}
    request = Request(method="POST", endpoint="acme-zendesk", body=json.dumps(told).encode(), received_at=START)
    (signal,) = DESK.parse(request)
    assert (signal.about, signal.assignee) == (About.STATUS, Assignee(""))


def test_a_second_webhook_signed_otherwise_says_that_a_ticket_is_solved(world):
    world.zendesk.stop()
    world.zendesk = Sandbox(world.clock, status_secret="of-the-status").start()
    heard = []
    with Listener(heard) as listener:
        world.zendesk.connect(f"{listener.address}/helpdesks/acme-zendesk")
        number = world.open()
        world.zendesk.agent_replies(number, "On its way")
        world.zendesk.solve(number)
        assert world.zendesk.settle()
    # Two webhooks have no order.
    answer, solved = (
        Request(method="POST", endpoint="e", body=each.body, headers=each.headers, received_at=START)
        for each in sorted(heard, key=lambda each: b"status_changed" in each.body)
    )
    verify(solved, ["of-the-status", "another"])
    with pytest.raises(SignatureError):
        verify(solved, "invented-zendesk-signing")
    verify(answer, "invented-zendesk-signing")
    (event,) = DESK.parse(solved)
    assert (event.ticket, event.status) == (str(number), Status.SOLVED)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_webhooks_of_events_the_one_that_has_more_of_them_is_looked_at(order):
    kinds = [[registering.ANSWERED], [*registering.EVENTS]]
    rows = [{"id": kind[0], "endpoint": "https://a.example/", "subscriptions": kind} for kind in kinds]
    webhooks = [Node(row) for row in rows[::order]]
    answers, events = registering._ours(webhooks, Site(address="https://a.example/"))
    assert (answers["id"].raw, events["id"].raw) == (registering.ANSWERED, registering.EVENTS[0])


def test_a_view_by_priority_shows_the_most_urgent_first_then_the_oldest_and_no_solved_one(world):
    low, first, urgent, second, solved = (world.open(key=key) for key in "abcde")
    account = world.zendesk.account
    account.ticket(low).priority, account.ticket(urgent).priority = "low", "urgent"
    account.ticket(first).priority = account.ticket(solved).priority = "normal"
    world.zendesk.solve(solved)
    assert [each.id for each in account.queue()] == [urgent, first, second, low]


def test_an_external_id_is_the_same_for_the_same_ticket_only():
    made = {external_id(thread, key) for thread in ("a", "b") for key in ("1", "2")}
    assert len(made) == 4
    assert all(len(value) <= 255 and value.isascii() for value in made)


# ---------------------------------------------------------------------------------------------------- pages


def page(world, path, form=None):
    line = http.client.HTTPConnection(urlsplit(world.zendesk.address).netloc, timeout=5)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    line.request("GET" if form is None else "POST", path, form and urlencode(form), kind)
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    return answer.status, text


def test_a_person_sees_the_tickets_with_everything_escaped_and_the_direction_found(world):
    hostile = "<script>alert(1)</script> مرحبا"
    customer = Customer(external_id="x-evil", name="<img src=x onerror=alert(2)>", channel="x")
    number = world.open(subject=hostile, entries=(entry(body=hostile),), customer=customer)
    for path in ("/agent/tickets", f"/agent/tickets/{number}"):
        status, text = page(world, path)
        assert status == 200
        assert "مرحبا" in text
        assert "<script" not in text
        assert "<img" not in text
        assert 'dir="auto"' in text


def test_a_person_answers_in_the_browser_and_the_reply_is_there_to_be_sent(world):
    number = world.open()
    assert (
        page(world, f"/agent/tickets/{number}", {"text": "Á leiðinni\n<b>!", "kind": "public", "status": "pending"})[0]
        == 303
    )
    assert [reply.text for reply in DESK.replies(str(number), "", world.reach)] == ["Á leiðinni\n<b>!"]
    assert page(world, f"/agent/tickets/{number}", {"text": "for us", "kind": "note", "status": "open"})[0] == 303
    assert not world.comments(number)[-1].public
    assert page(world, "/agent/tickets/1")[0] == 404


# ------------------------------------------------------------------------------------------- priority and tags later


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(world):
    number = world.open()
    made = world.zendesk.account.tickets[number]
    DESK.update(str(number), Change("high", ("Very Sensitive", "x")), world.reach)
    assert made.priority == "high"
    assert made.tags == ["deskwire", "x", "public_post", "very_sensitive"]
    writes = world.asked("PUT")
    DESK.update(str(number), Change("normal", ("Very Sensitive",)), world.reach)
    assert (made.priority, world.asked("PUT")) == ("high", writes)
    assert len(made.comments) == 1


def test_h11_words_and_what_they_change_are_one_update(world):
    number = world.open()
    urgent = dataclasses.replace(entry("x/1/m2/add/", "two"), change=Change("high", ("sensitive",)))
    filed = world.append(number, entry("x/1/m3/add/", "three"), urgent)
    made = world.zendesk.account.tickets[number]
    assert filed.changed
    assert (made.priority, made.tags[-1], world.asked("PUT")) == ("high", "sensitive", 1)


def test_h11_how_satisfied_the_customer_is_goes_into_the_field_for_it_once(world):
    number = world.open()
    made = world.zendesk.account.tickets[number]
    before, rated = dict(made.custom_fields), Change(satisfaction="4")
    DESK.update(str(number), rated, world.reach)
    assert (made.custom_fields, world.asked("PUT")) == (before, 0), "no field is named"
    world.settings["fields"] += ", satisfaction=4410023"
    for _ in range(2):
        DESK.update(str(number), rated, world.reach)
    assert (made.custom_fields, world.asked("PUT")) == ({**before, 4410023: "4"}, 1)


def test_h11_after_doubt_the_words_go_alone(world):
    """A safe update is held against what was seen when the entry was looked for."""
    number, turn = world.open(), world.reach
    urgent = dataclasses.replace(entry("x/1/m2/add/", "two"), change=Change("high"))
    assert DESK.find(Sought(key=urgent.key, ticket=str(number), thread="x/1/t1"), turn) is None
    filed = DESK.append(str(number), "x/1/t1", [urgent], turn)
    assert not filed.changed
    assert world.zendesk.account.tickets[number].priority == "normal"


def test_h11_a_ticket_that_is_closed_or_gone_says_so(world):
    number, other = world.open(), world.open(key="x/1/m9/add/")
    world.zendesk.close(number)
    world.zendesk.delete(other)
    for each in (number, other):
        with pytest.raises(TicketGone):
            DESK.update(str(each), Change("high"), world.reach)


def test_h12_earlier_tickets_of_the_customer_alone_are_told(world):
    lost = world.open(tags=("complaint",))
    late = world.open(key="t2", thread="x/1/t2", subject="Late")
    stranger = Customer(external_id="x-1-bob", name="Bob", channel="x")
    world.open(key="t3", thread="x/1/t3", customer=stranger)
    world.zendesk.close(late)
    told = DESK.history(ticket().customer, world.reach)
    assert [(each.ticket, each.subject, each.open, each.outcome, each.complaint) for each in told] == [
        (str(late), "Late", False, "closed", False), (str(lost), "[X] Anna: Hvar er pakkinn?", True, "new", True),
    ]  # fmt: skip
    assert told[0].at == START
    asked = world.asked()
    assert DESK.history(replace(stranger, external_id="x-1-eve"), world.reach) == []
    assert world.asked() == asked + 1


def test_h12_an_address_finds_customers_and_no_agents(world):
    """An agent's address would put a colleague's own tickets before everybody."""
    person = world.zendesk.account.person("Anna", "end-user", "anna@example.org")
    for who in (person, world.zendesk.agent):
        given = {"subject": "Mailed", "comment": {"body": "Hi"}, "requester_id": who.id}
        world.zendesk.account.create(world.zendesk.agent, given)
    stranger = Customer(external_id="x-1-eve", name="Eve", channel="x")
    for address, many in (("Anna@example.org", 1), ("agnes@acme.example", 0)):
        assert len(DESK.history(replace(stranger, email=address), world.reach)) == many

"""Generic desk: what must hold on the played receiver, with the official library, and with the example of the docs."""

import base64
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import TicketGone
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.model.keys import digest
from deskwire.model.secret import Secrets
from deskwire.model.signals import About
from deskwire.model.tickets import Change, Customer, Entry, File, Ticket
from deskwire.model.values import replace
from deskwire.registry import helpdesk
from deskwire.verification.rule import Context
from deskwire.web import rest
from deskwire.web.request import Request
from sandbox.helpdesks.generic.played import Generic
from sandbox.neighbours.neighbour import cut_after
from tests.connectors.generic import messages

ROOT = Path(__file__).parents[3]
HOST = "desk.northwind.example"
TO_DESK = "whsec_" + base64.b64encode(b"invented-secret-to-the-desk").decode()
FROM_DESK = "whsec_" + base64.b64encode(b"invented-secret-from-the-desk").decode()
RULE = helpdesk("generic").verification


def unused(**_):
    raise AssertionError


def reach_to(address, transport):
    return Reach(
        account="main",
        settings={"address": f"https://{HOST}/deskwire"},
        secrets=Secrets({"signing_secret": TO_DESK}),
        http=rest.with_hosts(transport, {HOST: address}),
        now=datetime.now(UTC),
        mail=unused,
        remember=lambda _name, make: make()[0],
    )


@pytest.fixture
def desk():
    with Generic(TO_DESK) as played:
        yield played


@pytest.fixture
def reach(desk):
    transport = rest.Direct()
    yield reach_to(desk.address, transport)
    transport.close()


def entry(key, body="My parcel 4471 is lost", **more):
    return Entry(key=key, body=body, written_at=datetime(2026, 11, 2, 9, tzinfo=UTC), **{"public": True, **more})


def ticket(*entries, **more):
    customer = Customer(external_id="messenger-c7", name="Jóna Example", channel="messenger")
    given = {"key": "t1", "thread": "c7", "reference": "ABCDE-FGHJK", "subject": "Lost", **more}
    return Ticket(**given, customer=customer, entries=entries)


def test_h1_a_ticket_is_opened_and_extended_and_what_is_gone_says_so(desk, reach):
    connector = helpdesk("generic")
    filed = connector.open(ticket(entry("k1")), reach)
    assert filed.entries == {"k1": desk.tickets[0].messages[0].id}
    connector.append(filed.ticket, "c7", [entry("k2", public=False)], reach)
    assert [each.public for each in desk.tickets[0].messages] == [True, False]
    desk.tickets[0].gone, desk.tickets[0].into = "merged", "T9"
    with pytest.raises(TicketGone) as gone:
        connector.append(filed.ticket, "c7", [entry("k3")], reach)
    assert (gone.value.state, gone.value.into) == ("merged", "T9")
    with pytest.raises(TicketGone, match="deleted"):
        connector.append("T77", "c7", [entry("k4")], reach)


def test_h2_what_is_repeated_after_a_lost_answer_is_there_once(desk, reach):
    connector = helpdesk("generic")
    desk.faults.add(cut_after(), times=1)
    with pytest.raises(TemporaryError) as lost:
        connector.open(ticket(entry("k1")), reach)
    assert lost.value.ambiguous
    filed = connector.open(ticket(entry("k1")), reach)
    desk.faults.add(cut_after(), times=1)  # of a kept connection: the transport itself repeats what is harmless
    connector.append(filed.ticket, "c7", [entry("k2", "Hello?")], reach)
    assert [each.status for each in desk.books.entries("POST")][-2:] == [0, 201]
    again = entry("k2", "Hello?\n\n(This may stand here twice)")
    entries = filed.entries | connector.append(filed.ticket, "c7", [again], reach).entries
    (opened,) = desk.tickets
    assert {each.id: each.text for each in opened.messages} == {
        entries["k1"]: "My parcel 4471 is lost", entries["k2"]: "Hello?",
    }  # fmt: skip


def test_a_ticket_opened_with_another_first_message_after_doubt_has_both(desk, reach):
    connector = helpdesk("generic")
    connector.open(ticket(entry("k1", "first")), reach)
    connector.open(ticket(entry("k2", "second")), reach)
    (opened,) = desk.tickets
    assert [each.text for each in opened.messages] == ["first", "second"]


def test_h6_markup_stays_words(desk, reach):
    words = "<b>bold</b> [link](https://example.org) {{ticket.id}} @agent"
    helpdesk("generic").open(ticket(entry("k1", words)), reach)
    assert desk.tickets[0].messages[0].text == words
    assert desk.books.entries("POST")[0].asked.header("content-type") == "application/json"


def test_h9_four_byte_characters_and_the_longest_entry_arrive(desk, reach):
    connector = helpdesk("generic")
    words = "🚚" * (connector.abilities.entry_bytes // 4)
    connector.open(ticket(entry("k1", words)), reach)
    assert desk.tickets[0].messages[0].text == words


def test_h10_an_attachment_arrives_with_name_type_and_bytes(desk, reach):
    files = (File("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00"),)
    helpdesk("generic").open(ticket(entry("k1", files=files)), reach)
    (file,) = desk.tickets[0].messages[0].files
    assert (file["name"], file["type"], base64.b64decode(file["data"])) == ("mynd þ.jpg", "image/jpeg", b"\xff\xd8\x00")


def test_a_file_too_large_is_named_in_the_words(desk, reach, monkeypatch):
    monkeypatch.setattr("sandbox.helpdesks.generic.played.LARGEST", 2000)
    files = (File("big.bin", "application/octet-stream", bytes(3000)),)
    helpdesk("generic").open(ticket(entry("k1", files=files)), reach)
    (written,) = desk.tickets[0].messages
    assert written.text.endswith("\n[too large to be taken: big.bin, 3000 bytes]")
    assert not written.files


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(desk, reach):
    connector = helpdesk("generic")
    filed = connector.open(ticket(entry("k1"), tags=("messenger",)), reach)
    for change in (Change("high", ("sensitive",)), Change("normal", ("messenger",)), Change("", ("late",))):
        connector.update(filed.ticket, change, reach)
    (opened,) = desk.tickets
    assert (opened.data["priority"], opened.data["tags"]) == ("high", ["messenger", "sensitive", "late"])
    assert len(opened.messages) == 1
    opened.gone = "deleted"
    with pytest.raises(TicketGone):
        connector.update(filed.ticket, Change("urgent"), reach)


def test_words_are_redacted(desk, reach):
    connector = helpdesk("generic")
    filed = connector.open(ticket(entry("k1")), reach)
    assert connector.redact(filed.ticket, filed.entries["k1"], reach)
    assert desk.tickets[0].messages[0].text == ""
    assert not connector.redact(filed.ticket, "M77", reach)


@pytest.mark.parametrize(
    "address", ["http://desk.example.com", "https://desk.example.com/?a=b", "https://u:p@desk.example.com/", ""]
)
def test_an_address_that_is_none_calls_a_person(reach, address):
    reach.settings["address"] = address
    with pytest.raises(ConfigurationError, match="address"):
        helpdesk("generic").open(ticket(entry("k1")), reach)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(410, b"{}", ConfigurationError), (401, b"{}", ConfigurationError), (404, b"<html>", ConfigurationError),
     (404, b"{}", PermanentError), (409, b'{"gone": "?"}', TemporaryError), (422, b"{}", PermanentError),
     (503, b"", TemporaryError), (201, b"{}", TemporaryError), (201, b'{"id": ""}', TemporaryError)],
)  # fmt: skip
def test_each_refusal_says_what_happens_next(reach, status, body, error):
    answering = Reach(**{name: getattr(reach, name) for name in reach.__slots__} | {
        "http": lambda _: rest.Answer(status, {}, body)
    })  # fmt: skip
    with pytest.raises(error):
        helpdesk("generic").append("T1", "c7", [entry("k1")], answering)


# ------------------------------------------------------------------------------------- the official library


def test_a_vector_of_the_official_library_verifies_and_it_accepts_ours(desk, reach):
    """https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries/python"""
    helpdesk("generic").open(ticket(entry("k1", "Þökk 🌷")), reach)
    for booked in desk.books.entries("POST"):
        headers = dict(booked.asked.headers)
        assert Webhook(TO_DESK).verify(booked.asked.body, headers)["id"] == headers["webhook-id"]
        with pytest.raises(WebhookVerificationError):
            Webhook(FROM_DESK).verify(booked.asked.body, headers)
    assert [each.asked.header("webhook-id") for each in desk.books.entries("POST")] == [digest("t1"), digest("k1")]

    now = datetime.now(UTC)
    body = json.dumps({"type": "ticket.solved", "timestamp": now.isoformat(), "data": {"ticket": "T1 🌷"}})
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": "v1a,bm90IG91cnM= " + Webhook(FROM_DESK).sign("msg_1", now, body),
    }  # fmt: skip
    (signal,) = arrived(body.encode(), headers)
    assert (signal.about, signal.ticket, signal.object_id) == (About.STATUS, "T1 🌷", "msg_1")


def arrived(body, headers):
    """Return the signals of a request, verified as at Deskwire's endpoint."""
    request = Request(method="POST", endpoint="desk", body=body, headers=headers, received_at=datetime.now(UTC))
    RULE.verify(request, Secrets({"signing_secret": FROM_DESK}), Context(request.received_at, None))
    return list(helpdesk("generic").parse(request))


# ---------------------------------------------------------------------------------------- what is published


def recorded(folder):
    for path in sorted((ROOT / folder / "generic").glob("*.json")):
        if path.stem not in {"secrets", "needed"}:
            yield path.stem, json.loads(path.read_text(encoding="utf-8"))


def test_the_published_schema_is_that_of_the_models():
    published = (ROOT / "docs" / "helpdesks" / "generic.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == messages.schema(), messages.__doc__


def test_every_recorded_request_and_answer_is_as_published():
    kinds = set()
    for _, exchange in recorded("tests/exchanges"):
        if exchange["call"] == "file":
            continue  # a download, not a message
        for step in exchange["steps"]:
            body, answer = step["request"]["body"], step["answer"]
            messages.TO_DESK[body["type"]].model_validate_json(json.dumps(body))
            kinds.add(body["type"])
            if answer["status"] == 409:
                messages.Gone.model_validate_json(json.dumps(answer["body"]))
            elif answer["status"] < 300 and body["type"] != "ticket.updated":  # to which any object says yes
                answers = {"message.redacted": messages.Redacted, "customer.history": messages.Told}
                model = answers.get(body["type"], messages.Taken)
                model.model_validate_json(json.dumps(answer["body"]))
    assert kinds == set(messages.TO_DESK)


def test_every_captured_message_is_as_published():
    kinds = set()
    for name, capture in recorded("events"):
        body = json.loads(capture["body"])
        if name in {"no_ticket", "ignored"}:
            continue
        messages.FROM_DESK[body["type"]].model_validate_json(capture["body"])
        kinds.add(body["type"])
    assert kinds == set(messages.FROM_DESK)


# ------------------------------------------------------------------------------------ the example of the docs


@pytest.fixture
def endpoint():
    """Deskwire's endpoint, as far as receive has it: it verifies, parses and puts signals on a queue."""
    signals = Queue()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            for signal in arrived(body, {name.lower(): value for name, value in self.headers.items()}):
                signals.put(signal)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/helpdesks/desk", signals
        server.shutdown()


def test_the_example_server_takes_a_message_and_sends_an_agents_answer(endpoint):
    webhook, signals = endpoint
    environment = {**os.environ, "WEBHOOK": webhook, "TO_DESK": TO_DESK, "FROM_DESK": FROM_DESK, "NO_PROXY": "*"}
    with subprocess.Popen(
        [sys.executable, "-I", str(ROOT / "docs" / "helpdesks" / "generic_server.py"), "0"],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        try:
            port = server.stdout.readline().split()[-1]
            reach = reach_to(f"http://127.0.0.1:{port}", rest.Direct())
            connector = helpdesk("generic")
            filed = connector.open(ticket(entry("k1")), reach)
            assert connector.open(ticket(entry("k1")), reach) == filed
            assert connector.append(filed.ticket, "c7", [entry("k2", "Hello? 👋")], reach).entries == {"k2": "2"}
            assert [server.stdout.readline() for _ in range(3)] == [
                "ticket 1: Lost (Jóna Example)\n", "ticket 1: My parcel 4471 is lost\n", "ticket 1: Hello? 👋\n",
            ]  # fmt: skip
            connector.update(filed.ticket, Change("urgent"), reach)
            assert server.stdout.readline() == "ticket 1: urgent []\n"
            assert connector.redact(filed.ticket, "1", reach)
            with pytest.raises(TicketGone):
                connector.append("7", "c7", [entry("k3")], reach)
            forger = Reach(**{name: getattr(reach, name) for name in reach.__slots__} | {
                "secrets": Secrets({"signing_secret": FROM_DESK})
            })  # fmt: skip
            with pytest.raises(ConfigurationError, match="signing_secret"):
                connector.append(filed.ticket, "c7", [entry("k4")], forger)
            server.stdin.write("1 Á leiðinni 🚚\n")
            server.stdin.flush()
            signal = signals.get(timeout=10)
            assert (signal.about, signal.ticket, signal.answer.text) == (About.ANSWER, "1", "Á leiðinni 🚚")
            assert signal.answer.public
        finally:
            server.kill()


def test_h12_earlier_tickets_are_asked_for_where_the_receiver_answers_that(desk, reach):
    connector = helpdesk("generic")
    first = ticket(entry("k1"), tags=("complaint",))
    connector.open(first, reach)
    connector.open(ticket(entry("k2"), key="t2", subject="Late"), reach)
    desk.tickets[1].gone = "closed"
    assert connector.history(first.customer, reach) == ()
    told = replace(reach, settings={**reach.settings, "history": "yes"})
    late, lost = connector.history(first.customer, told)
    assert (late.subject, late.open, late.outcome, late.complaint) == ("Late", False, "closed", False)
    assert (lost.ticket, lost.subject, lost.open, lost.complaint) == ("T1", "Lost", True, True)
    stranger = replace(first.customer, external_id="messenger-c9")
    assert connector.history(stranger, told) == []

"""The connector, the shipped scrip and the harness against a real Request Tracker 5."""

import base64
import dataclasses
import http.server
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskwire.contracts.channel import Reach
from deskwire.contracts.helpdesk import FIRST_LOOK, TicketGone
from deskwire.helpdesks.requesttracker import RequestTracker
from deskwire.helpdesks.requesttracker.tickets import MESSAGE, marker
from deskwire.model.errors import ConfigurationError, SignatureError, TemporaryError
from deskwire.model.secret import Secrets
from deskwire.model.signals import About, Signal
from deskwire.model.tickets import Change, Customer, Entry, File, Sought, Ticket
from deskwire.operating.examining import SUBJECT, Examination
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Answer, Call, Direct, with_hosts
from sandbox.helpdesks.requesttracker.played import INSTALL, available
from sandbox.helpdesks.requesttracker.played import RequestTracker as Server
from sandbox.neighbours.desk import DeskError

pytestmark = [
    pytest.mark.rt,
    pytest.mark.skipif(not available(), reason=f"Request Tracker 5 is not installed: {INSTALL}"),
]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WRITTEN = datetime(2026, 11, 21, 9, 14, 3, tzinfo=UTC)
FAMILY = "👩‍👩‍👧‍👦"
connector = RequestTracker()


class Listener:
    """Stands where Deskwire's webhook address is; `pause` is how long it takes to answer."""

    def __init__(self):
        self.requests = []
        self.pause = 0.0
        self.look = None
        self.status = 200
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if listener.look:
                    listener.look(json.loads(body)["tickets"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.requests.append(
                    Request(method="POST", endpoint="rt", body=body, headers=headers, received_at=datetime.now(UTC))
                )
                time.sleep(listener.pause)
                self.send_response(listener.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/helpdesks/rt"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def about(self, ticket, wanted=1):
        """Return what was told about a ticket, once it is `wanted` times; for none, after time enough for one."""
        deadline = time.monotonic() + (20 if wanted else 2)
        while True:
            found = [request for request in list(self.requests) if ticket in json.loads(request.body)["tickets"]]
            if time.monotonic() > deadline or (wanted and len(found) >= wanted):
                return found
            time.sleep(0.05)


@pytest.fixture(scope="module")
def listener():
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def tracker(tmp_path_factory, listener):
    home = tmp_path_factory.mktemp("request-tracker")
    with Server(home, webhook_address=listener.address) as server:
        yield server


class Wire:
    """The way to the server; counts, and can lose an answer after its effect or refuse the connection."""

    def __init__(self, address):
        self.direct = Direct()
        self.send = with_hosts(self.direct, {"rt.example.com": address})
        self.calls = []
        self.lose = None
        self.before = {}

    def __call__(self, call: Call):
        self.calls.append(call)
        for part, act in list(self.before.items()):
            if part in call.url and call.method != "GET":
                del self.before[part]
                act()
        answer = self.send(call)
        if self.lose and self.lose in call.url and call.method != "GET":
            self.lose = None
            raise TemporaryError("the answer was lost", ambiguous=True)
        return answer


@pytest.fixture
def wire(tracker):
    found = Wire(tracker.address)
    yield found
    found.direct.close()


@pytest.fixture
def reach(tracker, wire):
    return reach_of(tracker.bot_token, wire)


def reach_of(token, wire, **settings):
    kept = {}

    def remember(name, make):
        if name not in kept:
            kept[name] = make()[0]
        return kept[name]

    return Reach(
        account="main",
        settings={"address": "https://rt.example.com", "queue": "General", **settings},
        secrets=Secrets({"token": token}),
        http=wire,
        now=NOW,
        mail=None,
        remember=remember,
    )


counter = iter(range(1, 10_000))


def a_ticket(*bodies, **changes):
    number = next(counter)
    entries = tuple(an_entry(body, f"messenger/page/{number}/{place}") for place, body in enumerate(bodies))
    values = {
        "key": f"messenger/page/t-{number}/1",
        "thread": f"messenger/page/t-{number}",
        "reference": f"DW-{number}",
        "subject": f"[Messenger] Мария 🌷 {number}",
        "customer": Customer(external_id=f"messenger-{number}", name="Мария 🌷 علي", channel="messenger"),
        "entries": entries,
    }
    return Ticket(**{**values, **changes})


def an_entry(body, key=None, **changes):
    values = {"key": key or f"messenger/page/m-{next(counter)}/add", "body": body, "written_at": WRITTEN}
    return Entry(**{**values, "public": True, "author": "Мария 🌷", **changes})


def opened(reach, *bodies, **changes):
    ticket = a_ticket(*(bodies or ("Where is my parcel?",)), **changes)
    return ticket, connector.open(ticket, reach).ticket


@pytest.fixture(scope="module")
def number(tracker):
    """A ticket for those who only append."""
    wire = Wire(tracker.address)
    yield opened(reach_of(tracker.bot_token, wire))[1]
    wire.direct.close()


def kinds(tracker, number):
    return [row["Type"] for row in tracker.history(number) if row["Type"] in {"Create", "Correspond", "Comment"}]


# --------------------------------------------------------------------------------------------- H1: open, append


def test_h1_a_ticket_is_opened_for_its_customer_with_subject_words_and_fields(tracker, reach, wire):
    ticket = a_ticket("Where is my parcel? 🌷", "مرحبا", priority="high", tags=("messenger", "vip"))
    filed = connector.open(ticket, reach)
    shown = tracker.ticket(filed.ticket)
    values = {field["name"]: field["values"] for field in shown["CustomFields"]}
    opening = tracker.history(filed.ticket)[0]["content"]
    assert shown["Subject"] == ticket.subject
    assert [user["id"] for user in shown["Requestor"]] == [ticket.customer.external_id]
    assert shown["Priority"] == "100"
    assert values["Deskwire Reference"] == [ticket.reference]
    assert sorted(values["Deskwire Tags"]) == ["messenger", "vip"]
    assert "Мария 🌷, 2026-11-21 09:14 UTC:\n\nWhere is my parcel? 🌷" in opening
    assert opening.index("parcel") < opening.index("مرحبا")
    assert set(filed.entries) == {entry.key for entry in ticket.entries}
    assert len(wire.calls) == 4, "fields (once an hour), customer, ticket, check"


def test_h1_a_message_is_appended_in_one_call_under_its_time(tracker, reach, wire):
    _, number = opened(reach)
    wire.calls.clear()
    entry = an_entry("It is order 4711")
    filed = connector.append(number, "t", [entry], reach)
    row = next(row for row in tracker.history(number) if str(row["id"]) == filed.entries[entry.key])
    assert len(wire.calls) == 1
    assert (row["Type"], row["Creator"]["id"]) == ("Correspond", "deskwire")
    assert row["content"].strip() == "Мария 🌷, 2026-11-21 09:14 UTC:\n\nIt is order 4711"
    assert filed.ticket == number


def test_h1_a_note_is_a_comment_that_no_customer_sees(tracker, reach):
    _, number = opened(reach)
    connector.append(number, "t", [an_entry("could not be sent", public=False, author="")], reach)
    assert kinds(tracker, number) == ["Create", "Comment"]


@pytest.mark.parametrize("status", ["resolved", "rejected", "stalled", "deleted"])
def test_h1_a_customer_opens_a_ticket_again_that_was(status, tracker, reach):
    _, number = opened(reach)
    tracker.call("PUT", f"ticket/{number}", {"Status": status}, token=tracker.bot_token)
    assert tracker.ticket(number)["Status"] == status
    connector.append(number, "t", [an_entry("not solved at all")], reach)
    assert tracker.ticket(number)["Status"] == "open"


def test_h1_a_note_does_not_open_a_solved_ticket(tracker, reach):
    _, number = opened(reach)
    tracker.agent_sets(number, Status="resolved")
    connector.append(number, "t", [an_entry("delivered", public=False)], reach)
    assert tracker.ticket(number)["Status"] == "resolved"


def test_h1_a_ticket_that_is_no_more_is_said_to_be_gone(reach):
    with pytest.raises(TicketGone) as gone:
        connector.append("999999", "t", [an_entry("anybody?")], reach)
    assert gone.value.state == "deleted"


def test_h1_what_is_appended_to_a_merged_ticket_stands_in_the_one_that_is_left(tracker, reach):
    _, number = opened(reach)
    other = tracker.agent_opens("the same by telephone")
    tracker.agent_merges(number, other)
    entry = an_entry("and another thing")
    filed = connector.append(number, "t", [entry], reach)
    assert filed.ticket == number, "RT leads the old id to the new ticket for ever"
    assert "and another thing" in tracker.content(filed.entries[entry.key])
    assert filed.entries[entry.key] in {str(row["id"]) for row in tracker.history(other)}


def test_h1_a_customer_without_a_plain_id_is_the_requestor_all_the_same(tracker, reach):
    for external in ("telegram:5512", "5512", "Maria <m@example.org>", "a,b", "ABC", "line-Ué"):
        customer = Customer(external_id=external, name="Mária", channel="line")
        _, number = opened(reach, customer=customer)
        requestors = tracker.ticket(number)["Requestor"]
        assert len(requestors) == 1, external


def test_h1_two_customers_whose_ids_differ_in_case_stay_two(tracker, reach):
    names = set()
    for external in ("line-aB", "line-Ab"):
        _, number = opened(reach, customer=Customer(external_id=external, name="X", channel="line"))
        names.add(tracker.ticket(number)["Requestor"][0]["id"])
    assert len(names) == 2


def test_h1_a_known_customer_is_not_made_again(tracker, reach, wire):
    customer = Customer(external_id="messenger-known", name="Known", channel="messenger")
    opened(reach_of(tracker.bot_token, wire), customer=customer)
    _, number = opened(reach_of(tracker.bot_token, wire), customer=customer)
    assert tracker.ticket(number)["Requestor"][0]["id"] == "messenger-known"


def test_h1_opening_takes_three_calls_for_a_new_customer_and_two_for_a_known_one(reach, wire):
    opened(reach)
    customer = Customer(external_id="messenger-counted", name="Counted", channel="messenger")
    taken = []
    for _ in range(2):
        wire.calls.clear()
        opened(reach, customer=customer)
        taken.append([(call.method, call.url.partition("/2.0/")[2].partition("/")[0]) for call in wire.calls])
    assert taken == [[("POST", "user"), ("POST", "ticket"), ("GET", "ticket")], [("POST", "ticket"), ("GET", "ticket")]]


def test_h1_the_requestor_is_set_when_the_ticket_came_out_without(tracker, reach, wire):
    customer = Customer(external_id="messenger-late", name="Late", channel="messenger")
    known = reach_of(tracker.bot_token, wire)
    known.remember("requesttracker/main/user/messenger-late", lambda: ("messenger-late", 1.0))  # not yet true

    def create():
        tracker.call("POST", "user", {"Name": "messenger-late", "Privileged": 0}, token=tracker.bot_token)

    # RT makes the ticket without a requestor, in silence; the user is there only for the PUT.
    wire.before["ticket/"] = create
    _, number = opened(known, customer=customer)
    assert [user["id"] for user in tracker.ticket(number)["Requestor"]] == ["messenger-late"]


def test_h1_no_mail_goes_to_customers(tracker, reach):
    customer = Customer(external_id="webform-1", name="W", channel="webform", email="w@customer.example")
    _, number = opened(reach, customer=customer)
    connector.append(number, "t", [an_entry("more")], reach)
    tracker.agent_replies(number, "answer")
    assert "w@customer.example" not in [
        line.split(":", 1)[1].strip() for line in tracker.mails().splitlines() if line.startswith("To:")
    ]
    assert "w@customer.example" in tracker.history(number)[0]["content"]


# ------------------------------------------------------------------------------------------------- H2: keys


def test_h2_a_ticket_whose_answer_was_lost_is_found_by_its_key(tracker, reach, wire):
    ticket = a_ticket("hello")
    wire.lose = "/REST/2.0/ticket"
    with pytest.raises(TemporaryError) as error:
        connector.open(ticket, reach)
    found = connector.find(Sought(key=ticket.key, thread=ticket.thread), reach)
    assert error.value.ambiguous
    assert found is not None
    assert tracker.ticket(found.ticket)["Subject"] == ticket.subject


def test_h2_a_ticket_that_was_merged_before_anybody_looked_is_found(tracker, reach):
    ticket, number = opened(reach)
    tracker.agent_merges(number, tracker.agent_opens("elsewhere"))
    found = connector.find(Sought(key=ticket.key, thread=ticket.thread), reach)
    assert found is not None
    assert found.ticket == number


def test_h2_a_message_whose_answer_was_lost_is_found_by_its_key(tracker, reach, wire):
    _, number = opened(reach)
    entry = an_entry("did it arrive?")
    wire.lose = "/correspond"
    with pytest.raises(TemporaryError):
        connector.append(number, "t", [entry], reach)
    found = connector.find(Sought(key=entry.key, ticket=number, thread="t"), reach)
    assert found is not None
    assert found.ticket == number
    assert "did it arrive?" in tracker.content(found.entries[entry.key])


def test_h2_the_words_a_ticket_was_opened_with_are_found_by_their_own_key(reach):
    ticket, number = opened(reach, "one", "two")
    for entry in ticket.entries:
        found = connector.find(Sought(key=entry.key, ticket=number, thread=ticket.thread), reach)
        assert found is not None
        assert found.ticket == number
        assert entry.key in found.entries


@pytest.mark.parametrize("key", ["a/b'c\\d", "k/Ünï", "x" * 400, "k AND id > 0", "k%"])
def test_h2_any_key_is_found_and_only_that_one(key, number, reach):
    connector.append(number, "t", [an_entry("odd", key)], reach)
    assert connector.find(Sought(key=key, ticket=number, thread="t"), reach) is not None
    assert connector.find(Sought(key=key + "2", ticket=number, thread="t"), reach) is None
    assert connector.find(Sought(key=key.swapcase(), ticket=number, thread="t"), reach) is None


def test_h2_keys_that_differ_in_case_are_two(tracker, reach):
    number = next(counter)
    first = connector.open(a_ticket("one", key=f"k/{number}/aB"), reach)
    second = connector.open(a_ticket("two", key=f"k/{number}/Ab"), reach)
    assert first.ticket != second.ticket
    assert tracker.ticket(second.ticket)["Status"] == "new"


def test_h2_nothing_is_found_that_never_was(reach):
    _, number = opened(reach)
    assert connector.find(Sought(key="messenger/page/never/add", thread="t"), reach) is None
    assert connector.find(Sought(key="messenger/page/never/add", ticket=number, thread="t"), reach) is None


def test_h2_words_that_the_ticket_of_a_faster_attempt_does_not_hold_are_added_to_it(tracker, reach, wire):
    ticket, number = opened(reach)
    later = dataclasses.replace(ticket, entries=(*ticket.entries, an_entry("and by the way")))
    filed = connector.open(later, reach_of(tracker.bot_token, wire))
    assert filed.ticket == number
    assert set(filed.entries) == {entry.key for entry in later.entries}
    assert kinds(tracker, number) == ["Create", "Correspond"]
    assert "and by the way" in tracker.content(filed.entries[later.entries[-1].key])


def test_h2_whoever_loses_a_race_leaves_one_ticket(tracker, wire):
    ticket = a_ticket("twice at once")
    winner = connector.open(ticket, reach_of(tracker.bot_token, wire))
    loser = connector.open(ticket, reach_of(tracker.bot_token, wire))  # another process
    assert loser.ticket == winner.ticket
    standing = [row["id"] for row in tracker.tickets(f"Subject = '{ticket.subject}'")]
    assert standing == [winner.ticket]
    assert kinds(tracker, winner.ticket) == ["Create"], "the words stand there once"


def test_h2_an_opening_that_may_not_be_looked_at_is_not_repeated(tracker, reach, wire):
    ticket = a_ticket("x")
    original = wire.send
    wire.send = lambda call: Answer(403) if "/ticket/" in call.url and call.method == "GET" else original(call)
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            connector.open(ticket, reach)
    wire.send = original
    number = connector.open(ticket, reach).ticket
    with pytest.raises(DeskError, match="404"):
        tracker.ticket(str(int(number) + 1))


# -------------------------------------------------------------------------------------- H3: what RT's answers mean


def test_h3_a_wrong_token_is_for_a_person(wire):
    with pytest.raises(ConfigurationError, match="token"):
        connector.find(Sought(key="k", thread="t"), reach_of("1-1-wrong", wire))


def test_h3_a_queue_that_is_not_there_is_for_a_person(tracker, wire):
    with pytest.raises(ConfigurationError):
        connector.open(a_ticket("x"), reach_of(tracker.bot_token, wire, queue="Nope"))
    assert not tracker.tickets("Queue = 'Nope'")


def test_h3_a_user_without_the_rights_is_for_a_person(tracker, wire):
    with pytest.raises(ConfigurationError, match="right"):
        connector.open(a_ticket("x"), reach_of(tracker.agent_token, wire))


def test_h3_a_log_in_page_is_no_answer(tracker, reach, wire):
    browser = dataclasses.replace
    wire.send = with_hosts(
        lambda call: wire.direct(browser(call, headers={**call.headers, "User-Agent": "Mozilla/5.0"})),
        {"rt.example.com": tracker.address},
    )
    broken = reach_of("1-1-wrong", wire)
    with pytest.raises(ConfigurationError, match="log in"):
        connector.find(Sought(key="k", thread="t"), broken)


def test_h3_a_failure_after_the_ticket_was_opened_asks_to_look_first(tracker, reach, wire):
    ticket = a_ticket("x")

    def die():
        wire.send = lambda _call: (_ for _ in ()).throw(TemporaryError("refused"))

    original = wire.send

    def send(call):
        answer = original(call)
        if call.method == "POST" and call.url.endswith("/ticket"):
            die()
        return answer

    wire.send = send
    with pytest.raises(TemporaryError) as error:
        connector.open(ticket, reach)
    wire.send = original
    assert error.value.ambiguous, "else it would be opened twice"
    assert connector.find(Sought(key=ticket.key, thread=ticket.thread), reach) is not None


def test_h3_an_rt_without_our_fields_is_told_before_anything_is_opened(tracker, reach, wire):
    rows = tracker.tickets()
    original = wire.send

    def without(call):
        if "/customfields" in call.url:
            return dataclasses.replace(original(call), body=b'{"items":[]}')
        return original(call)

    wire.send = without
    with pytest.raises(ConfigurationError, match="initialdata"):
        connector.open(a_ticket("x"), reach)
    assert len(tracker.tickets()) == len(rows)


# ------------------------------------------------------------------------------ H5, H6, H9, H10: credentials, words


def test_h5_the_token_is_in_a_header_and_nowhere_else(tracker, reach, wire):
    _, number = opened(reach)
    connector.append(number, "t", [an_entry("x")], reach)
    for call in wire.calls:
        assert call.headers["Authorization"] == f"token {tracker.bot_token}"
        assert tracker.bot_token not in call.url
        assert tracker.bot_token.encode() not in call.body
        assert tracker.bot_token not in repr(call)


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script><b>bold</b> &amp; {{ticket}} <!-- x -->",
        "Status: resolved\nOwner: root\nCommandByMail: delete",
        "0",
        "   0   ",
        "=?UTF-8?B?0YQ=?=",
        "From me\n.\n\nContent-Type: text/html\n\n<h1>x</h1>",
        "@agent please",
    ],
)
def test_h6_words_stay_words(words, tracker, number, reach):
    entry = an_entry(words)
    filed = connector.append(number, "t", [entry], reach)
    part = next(part for part in tracker.parts(filed.entries[entry.key]) if part["data"])
    assert part["ContentType"] == "text/plain"
    assert part["data"].decode().endswith(f"UTC:\n\n{words}\n")
    assert tracker.ticket(number)["Status"] == "open"
    assert tracker.ticket(number)["Owner"]["id"] == "Nobody"


def test_h6_a_page_of_rt_shows_markup_as_text(tracker, reach):
    _, number = opened(reach, "<img src=x onerror=alert(1)>")
    log_in = urllib.request.Request(
        f"{tracker.address}/Ticket/Display.html?id={number}", data=b"user=agent&pass=sandbox-only"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    with opener.open(log_in, timeout=60) as answer:
        page = answer.read().decode()
    if "Deskwire Thread" not in page:
        pytest.fail("this is not the ticket's page")
    # The history is fetched by the page's script.
    with opener.open(f"{tracker.address}/Helpers/TicketHistory?id={number}", timeout=60) as answer:
        history = answer.read().decode()
    assert "onerror" in history
    assert "<img src=x" not in history


def test_h6_a_subject_with_lines_stays_one_line(tracker, reach):
    _, number = opened(reach, subject="Hello\r\nX-Evil: 1\n" + "x" * 400)
    shown = tracker.ticket(number)["Subject"]
    assert shown.startswith("Hello X-Evil: 1 xxx")
    assert len(shown) <= 200


SCRIPTS = [FAMILY, "שלום עליכם", "Þetta er á íslensku", "क्षि", "e\u0301", "𝒳🇮🇸", "مرحبا", "x" * 10_000]


def test_h9_every_script_arrives_unharmed(tracker, reach):
    subject = " ".join(SCRIPTS[:-1])
    _, number = opened(reach, *SCRIPTS, subject=subject)
    opening = tracker.history(number)[0]["content"]
    filed = connector.append(number, "t", [entry := an_entry("\n".join(SCRIPTS))], reach)
    assert [words for words in SCRIPTS if words not in opening] == []
    assert "\n".join(SCRIPTS) in tracker.content(filed.entries[entry.key])
    assert tracker.ticket(number)["Subject"] == subject


def test_h9_an_entry_of_a_megabyte_arrives_whole(tracker, number, reach):
    words = "🌷" * 262_144
    filed = connector.append(number, "t", [entry := an_entry(words)], reach)
    assert words in tracker.content(filed.entries[entry.key])


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("photo.png", "image/png", "photo.png"),
        ("фото 🌷.png", "image/png", "фото 🌷.png"),
        ("a" * 90 + "ж.pdf", "application/pdf", "a" * 90 + "ж.pdf"),
        ('we"ird/na\\me\r\nX: y.txt', "text/plain; charset=x\r\nX: y", "we_ird_na_me__X: y.txt"),
        ("=?UTF-8?B?0YQ=?=", "image/png", "=_UTF-8?B?0YQ=_="),
    ],
)
def test_h10_an_attachment_arrives_with_name_type_and_bytes(name, kind, shown, tracker, reach):
    data = bytes(range(256)) * 40
    ticket = a_ticket("see picture")
    ticket = dataclasses.replace(
        ticket, entries=(dataclasses.replace(ticket.entries[0], files=(File(name, kind, data),)),)
    )
    number = connector.open(ticket, reach).ticket
    filed = connector.append(number, "t", [entry := an_entry("again", files=(File(name, kind, data),))], reach)
    opening = str(tracker.history(number)[0]["id"])
    for transaction in (opening, filed.entries[entry.key]):
        (part,) = [part for part in tracker.parts(transaction) if part["Filename"]]
        assert part["Filename"] == shown
        assert part["ContentType"] == (kind if "\r" not in kind else "application/octet-stream")
        assert part["data"] == data


def test_h10_an_empty_file_is_named(tracker, number, reach):
    entry = an_entry("look", files=(File("empty.txt", "text/plain", b""),))
    filed = connector.append(number, "t", [entry], reach)
    assert "[empty file: empty.txt]" in tracker.content(filed.entries[entry.key])


# ----------------------------------------------------------------------------------------------- the way back


def events_of(request, secret):
    secrets = Secrets({"webhook": secret})
    connector.verification.verify(request, secrets, Context(now=datetime.now(UTC), http=None))
    found = list(connector.parse(request))
    assert all(isinstance(event, Signal) for event in found)
    return found


def test_h8_an_agents_reply_is_told_by_a_webhook_that_verifies(tracker, reach, listener):
    _, number = opened(reach)
    transaction = tracker.agent_replies(number, "On its way")
    (request,) = listener.about(number)
    (event,) = events_of(request, tracker.webhook_secret)
    assert (event.ticket, event.object_id) == (number, transaction)
    assert abs((event.occurred_at - datetime.now(UTC)).total_seconds()) < 60
    assert b"On its way" not in request.body
    with pytest.raises(SignatureError):
        events_of(dataclasses.replace(request, body=request.body + b" "), tracker.webhook_secret)


def a_mail(number, *headers):
    return "\n".join([
        *headers, "From: Agnes <agnes@sandbox.example>", "To: rt@example.com",
        f"Subject: Re: [sandbox.example #{number}] x",
        f"Message-ID: <{number}@evil.example>", "X-RT-Interface: Web", "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="b"', "",
        "--b", "Content-Type: text/plain; charset=utf-8", "", "Pay at https://evil.example", "--b--", "",
    ])  # fmt: skip


def test_mail_in_a_colleagues_name_is_withheld_unless_the_mail_server_found_it_authentic(tracker, reach, wire):
    _, number = opened(reach)
    tracker.mail(a_mail(number, "Authentication-Results: mx.example.com; dmarc=fail header.from=sandbox.example"))
    tracker.mail(a_mail(number, "Authentication-Results: mx.example.com; dmarc=pass header.from=sandbox.example"))
    written = tracker.agent_replies(number, "On its way", attachments=[("a.txt", "text/plain", b"a")])
    in_the_browser(tracker, number, "From the browser")
    replies = connector.replies(number, "", reach)
    assert [bool(reply.withheld) for reply in replies] == [True, True, False, False]
    assert replies[2].id == written
    strict = reach_of(tracker.bot_token, wire, staff_mail="mx.example.com")
    assert [bool(reply.withheld) for reply in connector.replies(number, "", strict)] == [True, False, False, False]
    trusting = reach_of(tracker.bot_token, wire, staff_mail="trusted")
    assert not any(reply.withheld for reply in connector.replies(number, "", trusting))


def in_the_browser(tracker, number, text):
    """Answer as the agent does it in a browser: log in, send the form."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    opener.addheaders = [("User-Agent", "Mozilla/5.0"), ("Referer", f"{tracker.address}/")]
    opener.open(f"{tracker.address}/NoAuth/Login.html", data=b"user=agent&pass=sandbox-only&next=").close()
    fields = {
        "id": number,
        "UpdateType": "response",
        "UpdateContent": text,
        "UpdateContentType": "text/html",
        "SubmitTicket": "Update Ticket",
    }
    address = f"{tracker.address}/Ticket/Update.html"
    opener.open(address, data=urllib.parse.urlencode(fields).encode(), timeout=60).close()


@pytest.mark.parametrize("written", [in_the_browser, lambda tracker, *what: tracker.agent_replies(*what)])
def test_h8_the_reply_can_be_read_when_its_webhook_arrives(written, tracker, reach, listener):
    _, number = opened(reach)
    seen = []
    listener.look = lambda tickets: seen.extend(connector.replies(number, "", reach) if number in tickets else ())
    try:
        written(tracker, number, "readable at once")
        listener.about(number)
    finally:
        listener.look = None
    assert [reply.text for reply in seen] == ["readable at once"]


def test_h8_what_deskwire_wrote_is_told_to_nobody(tracker, reach, listener):
    _, number = opened(reach)
    tracker.agent_sets(number, Subject="not a reply")
    connector.append(number, "t", [an_entry("more"), an_entry("note", public=False)], reach)
    assert listener.about(number, 0) == []


def test_h8_tickets_of_others_are_told_to_nobody(tracker, listener):
    other = tracker.agent_opens("by telephone")
    tracker.agent_replies(other, "yes")
    assert listener.about(other, 0) == []


def test_h8_a_comment_and_a_status_are_told_and_only_the_status_is_news(tracker, reach, listener):
    _, number = opened(reach)
    tracker.agent_notes(number, "call her?")
    tracker.agent_sets(number, Status="stalled")
    comment, status = sorted(listener.about(number, 2), key=lambda request: request.body)
    assert [row["type"] for row in json.loads(comment.body)["transactions"]] == ["Comment"]
    assert events_of(comment, tracker.webhook_secret) == []
    assert [event.ticket for event in events_of(status, tracker.webhook_secret)] == [number]


def test_h8_a_slow_or_refusing_deskwire_neither_stops_nor_delays_the_agent(tracker, reach, listener):
    _, number = opened(reach)
    for told, (pause, status) in enumerate(((7.0, 200), (0.0, 500), (0.0, 302)), start=1):
        listener.pause, listener.status = pause, status
        started = time.monotonic()
        transaction = tracker.agent_replies(number, f"answer {status}")
        assert time.monotonic() - started < 5, "the scrip's own patience: the agent waited for it"
        assert f"answer {status}" in tracker.content(transaction)
        listener.about(number, told)
        time.sleep(0.3)  # the scrip reads our answer and writes its line
        listener.pause, listener.status = 0.0, 200
    log = tracker.log.read_text()
    assert f"Deskwire was not told about ticket {number}: 500" in log
    assert f"Deskwire was not told about ticket {number}: 302" in log


def test_h8_replies_are_what_staff_wrote_publicly_since_and_never_ours(tracker, reach):
    _, number = opened(reach)
    first = tracker.agent_replies(number, "First answer 🌷")
    connector.append(number, "t", [an_entry("thanks")], reach)
    tracker.agent_notes(number, "internal: grumpy")
    second = tracker.agent_replies(number, "<p>Second <b>answer</b><br>line</p><ul><li>a</li></ul>", html=True)
    everything = connector.replies(number, "", reach)
    assert [(reply.id, reply.text) for reply in everything] == [
        (first, "First answer 🌷"),
        (second, "Second answer\nline\n\n- a"),
    ]
    assert [reply.id for reply in connector.replies(number, first, reach)] == [second]
    assert connector.replies(number, second, reach) == []
    assert everything[0].author == "Agnes Agent"
    assert everything[0].order < everything[1].order
    assert abs((everything[0].written_at - datetime.now(UTC)).total_seconds()) < 120


def test_h8_the_quoted_customer_is_not_sent_back(tracker, reach):
    _, number = opened(reach)
    tracker.agent_replies(number, "On Sat Nov 21 2026, messenger-1 wrote:\n> Where is\n> my parcel?\n\nAt the depot.")
    quoted = '<div class="gmail_quote">On Sat, x wrote:<br /><blockquote><div>old</div></blockquote></div><p>New</p>'
    tracker.agent_replies(number, quoted, html=True)
    assert [reply.text for reply in connector.replies(number, "", reach)] == ["At the depot.", "New"]


def test_h8_an_agents_attachment_is_named_with_its_type_and_id(tracker, reach):
    _, number = opened(reach)
    tracker.agent_replies(number, "see label", attachments=[("label.png", "image/png", b"\x89PNG\r\n\x1a\n\x00")])
    (reply,) = connector.replies(number, "", reach)
    (attachment,) = reply.attachments
    stored = tracker.call("GET", f"attachment/{attachment.id}")["Content"]
    assert reply.text == "see label"
    assert (attachment.kind, attachment.name, attachment.type) == ("image", "label.png", "image/png")
    assert base64.b64decode(stored) == b"\x89PNG\r\n\x1a\n\x00"


def test_h8_a_customers_mail_is_no_reply(tracker, reach, listener):
    ticket, number = opened(reach)
    user = tracker.call("GET", f"user/{ticket.customer.external_id}", token=tracker.bot_token)
    token = token_of(tracker, user["id"])
    tracker.call(
        "POST", f"ticket/{number}/correspond", {"Content": "it's me", "ContentType": "text/plain"}, token=token
    )
    (request,) = listener.about(number)
    assert connector.replies(number, "", reach) == []
    assert events_of(request, tracker.webhook_secret) == []


def token_of(tracker, user):
    """Make a token as an administrator would, with RT's own classes."""
    script = (
        "use lib '/usr/share/request-tracker5/lib'; use RT; RT::LoadConfig(); RT::Init();"
        "my ($i, $m, $t) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $ARGV[0], Description => 'x'); print $t"
    )
    return subprocess.run(
        ["perl", "-e", script, str(user)], env=tracker.environment(), capture_output=True, text=True, check=True
    ).stdout


def test_h8_after_a_merge_replies_reach_the_customer_and_older_ones_to_others_do_not(tracker, reach, listener):
    _, number = opened(reach)
    mine = tracker.agent_replies(number, "for Maria, before")
    other = tracker.agent_opens("somebody else's complaint")
    tracker.agent_replies(other, "secret of somebody else")
    tracker.agent_merges(number, other)
    later = tracker.agent_replies(other, "for both, after")
    assert [reply.id for reply in connector.replies(number, "", reach)] == [mine, later]
    events = events_of(listener.about(number)[-1], tracker.webhook_secret)
    assert [event.ticket for event in events] == [number], "told under the id we know"


def test_h8_each_ticket_of_a_chain_of_merges_tells_only_what_was_answered_since_then(tracker, reach):
    _, number = opened(reach)
    first, last = tracker.agent_opens("somebody else's complaint"), tracker.agent_opens("a third one's")
    tracker.agent_replies(first, "secret of somebody else")
    tracker.agent_merges(number, first)
    between = tracker.agent_replies(first, "for two")
    tracker.agent_replies(last, "secret of the third")
    tracker.agent_merges(first, last)
    later = tracker.agent_replies(last, "for all three")
    assert [reply.id for reply in connector.replies(number, "", reach)] == [between, later]


def from_now_on(reach):
    """Return the first poll of a connection that was made `FIRST_LOOK` ago, after which nothing happened."""
    return connector.poll("", dataclasses.replace(reach, now=datetime.now(UTC) + FIRST_LOOK))


def test_h8_what_was_answered_before_the_first_poll_is_found(tracker, reach):
    _, number = opened(reach)
    answer = tracker.agent_replies(number, "at once")
    start = connector.poll("", dataclasses.replace(reach, now=datetime.now(UTC)))
    found = connector.poll(start.cursor, dataclasses.replace(reach, now=datetime.now(UTC)))
    assert answer in [each.object_id for each in found.signals if each.ticket == number]


def test_h8_polling_finds_replies_also_on_merged_tickets_and_each_once(tracker, reach):
    start = from_now_on(reach)
    _, number = opened(reach)
    _, merged = opened(reach)
    other = tracker.agent_opens("elsewhere")
    tracker.agent_merges(merged, other)
    one = tracker.agent_replies(number, "one")
    tracker.agent_notes(number, "note")
    two = tracker.agent_replies(other, "two")
    tracker.agent_replies(tracker.agent_opens("not ours"), "three")
    page = connector.poll(start.cursor, reach)
    assert not start.signals
    assert [(event.ticket, event.object_id) for event in page.signals] == [(number, one), (merged, two)]
    assert not connector.poll(page.cursor, reach).signals


def test_h8_a_reply_of_this_minute_is_polled_once_more_for_one_before_it_may_not_be_committed_yet(tracker, reach, wire):
    start = from_now_on(reach)
    _, number = opened(reach)
    reply = tracker.agent_replies(number, "just now")
    now = datetime.now(UTC)
    page = connector.poll(start.cursor, dataclasses.replace(reach, now=now))
    again = connector.poll(page.cursor, dataclasses.replace(reach, now=now + timedelta(seconds=61)))
    assert [event.object_id for event in (*page.signals, *again.signals)] == [reply, reply]
    assert page.signals[0].key == again.signals[0].key
    before = len(wire.calls)
    assert not connector.poll(again.cursor, reach).signals
    assert len(wire.calls) == before + 1


def test_h8_a_polled_reply_and_its_webhook_are_one_event(tracker, reach, listener):
    start = from_now_on(reach)
    _, number = opened(reach)
    tracker.agent_replies(number, "once")
    (polled,) = connector.poll(start.cursor, reach).signals
    (pushed,) = events_of(listener.about(number)[-1], tracker.webhook_secret)
    assert dataclasses.replace(pushed, account="main").key == polled.key


def test_h14_a_poll_tells_what_became_of_a_ticket_and_who_has_it_each_time(tracker, reach, wire):
    start = from_now_on(reach)
    _, number = opened(reach)
    tracker.agent_sets(tracker.agent_opens("not ours"), Status="resolved")
    tracker.agent_sets(number, Owner="agent")
    for status in ("open", "resolved", "open", "stalled", "rejected"):
        tracker.agent_sets(number, Status=status)
    tracker.agent_sets(number, Owner="Nobody")
    tracker.agent_sets(number, Owner="root")
    page = connector.poll(start.cursor, reach)
    told = [(str(each.status or ""), each.assignee.name if each.assignee else "-") for each in page.signals]
    assert told == [
        ("", "agent"), ("solved", "-"), ("reopened", "-"), ("solved", "-"), ("", ""), ("", "root"),
    ]  # fmt: skip
    assert {each.ticket for each in page.signals} == {number}
    assert all(each.about is About.STATUS and each.occurred_at is not None for each in page.signals)
    assert len({each.key for each in page.signals}) == len(page.signals)
    connector.append(number, "c", [an_entry("again")], reach)  # a scrip of RT's own opens it again
    before = len(wire.calls)
    assert [str(each.status) for each in connector.poll(page.cursor, reach).signals] == ["reopened"]
    assert len(wire.calls) == before + 3  # what there is; of which ticket; whether that is ours


# ----------------------------------------------------------------------------------------------- the harness


def test_two_servers_run_side_by_side_and_stopping_leaves_no_process(tmp_path, tracker):
    lines = []
    with Server(tmp_path, progress=lines.append) as second:
        group = second.program.pid
        second.agent_opens("mine alone")
        assert second.address != tracker.address
        assert len(second.tickets()) == 1
    assert any("answers after" in line for line in lines)
    assert living(group) == []


def living(group):
    """Return the processes of a group that are more than an entry waiting to be collected."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, owner, *_ = path.read_text().rpartition(")")[2].split()
            if int(owner) == group and state not in "ZX":
                found.append(path.parent.name)
    return found


def test_a_killed_owner_takes_its_server_along(tmp_path):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from sandbox.helpdesks.requesttracker.played import RequestTracker\n"
        "server = RequestTracker(Path(sys.argv[1])); server.start()\n"
        "print(server.program.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as owner:
        group = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while living(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert living(group) == []


def test_h10_a_file_that_rt_drops_in_silence_is_named(tmp_path):
    files = (File("ok.txt", "text/plain", b"hello"), File("big.bin", "application/octet-stream", b"\x00x" * 4000))
    with Server(tmp_path, largest=5000) as server:
        wire = Wire(server.address)
        reach = reach_of(server.bot_token, wire)
        ticket = a_ticket()
        ticket = dataclasses.replace(ticket, entries=(an_entry("look", files=files),))
        number = connector.open(ticket, reach).ticket
        entry = an_entry("and here", files=files)
        filed = connector.append(number, ticket.thread, [entry], reach)
        said = [row["content"] for row in server.history(number) if row["Type"] == "Comment"]
        assert [text.strip() for text in said] == ["[Request Tracker did not take the file big.bin, 8000 bytes]"] * 2
        assert connector.find(Sought(key=entry.key, ticket=number, thread="t"), reach).entries == filed.entries
        wire.direct.close()


def test_h10_files_that_a_proxy_finds_too_large_cost_no_words(tracker, reach, wire):
    files = (File("ok.txt", "text/plain", b"hello"), File("big.bin", "application/octet-stream", b"\x00x" * 4000))
    real = wire.send
    wire.send = lambda call: Answer(413, {}, b"<h1>413</h1>") if len(call.body) > 5000 else real(call)
    ticket = dataclasses.replace(a_ticket(), entries=(an_entry("look", files=files),))
    number = connector.open(ticket, reach).ticket
    entry = an_entry("and here", files=files)
    place = connector.append(number, ticket.thread, [entry], reach).entries[entry.key]
    opening = tracker.history(number)[0]
    for written, words in ((opening["id"], "look"), (place, "and here")):
        said = tracker.content(written)
        assert words in said
        assert "[Request Tracker did not take the file big.bin, 8000 bytes]" in said
        assert [part["data"] for part in tracker.parts(written) if part["Filename"]] == [b"hello"]


def test_h1_a_ticket_that_was_moved_to_a_queue_without_us_is_said_to_be_out_of_reach(tmp_path):
    with Server(tmp_path) as server:
        wire = Wire(server.address)
        reach = reach_of(server.bot_token, wire)
        _, number = opened(reach)
        _, other = opened(reach)
        server.confine()
        server.stop()
        server.start()  # its processes keep what rights there were
        connector.append(number, "t", [an_entry("still here")], reach)
        server.moves(number, "Billing")
        for write in (
            lambda: connector.append(number, "t", [an_entry("hello?")], reach),
            lambda: connector.append(number, "t", [an_entry("a note", public=False)], reach),
            lambda: connector.update(number, Change("urgent"), reach),
        ):
            with pytest.raises(TicketGone) as gone:
                write()
            assert gone.value.state == "inaccessible"
        assert connector.find(Sought(key="k", ticket=number, thread="t"), reach) is None
        connector.append(other, "t", [an_entry("here")], reach)
        server.moves(other, "Billing")
        with pytest.raises(ConfigurationError):  # none of ours is to be seen: the user may have lost its rights
            connector.append(other, "t", [an_entry("hello?")], reach)
        wire.direct.close()


def test_the_scrip_posts_to_another_address_when_told(tmp_path):
    listener = Listener()
    with Server(tmp_path) as server:
        ticket = server.call(
            "POST",
            "ticket",
            {
                "Queue": "General",
                "Subject": "s",
                "Content": "c",
                "ContentType": "text/plain",
                "CustomFields": {"Deskwire Thread": marker("k")},
            },
            token=server.bot_token,
        )["id"]
        server.agent_replies(ticket, "to nobody")
        server.deliver_to(listener.address)
        server.agent_replies(ticket, "to somebody")
        assert len(listener.about(ticket)) == 1
        assert server.ticket(ticket)["Subject"] == "s"
    listener.server.shutdown()
    listener.server.server_close()


def test_the_messages_key_is_a_field_of_its_transaction(tracker, number, reach):
    filed = connector.append(number, "t", [entry := an_entry("x")], reach)
    row = tracker.call("GET", f"transaction/{filed.entries[entry.key]}")
    values = {field["name"]: field["values"] for field in row["CustomFields"]}
    assert values[MESSAGE] == [marker(entry.key)]


# --------------------------------------------------------------------------------------- H11: priority and tags later


def test_h11_a_priority_is_raised_and_never_lowered_and_tags_are_added_to_those_there_are(tracker, reach, wire):
    filed = connector.open(a_ticket("hello", priority="normal", tags=("messenger", "vip")), reach)
    wire.calls.clear()
    connector.update(filed.ticket, Change("high", ("sensitive", "vip")), reach)
    shown = tracker.ticket(filed.ticket)
    values = {field["name"]: field["values"] for field in shown["CustomFields"]}
    assert shown["Priority"] == "100"
    assert sorted(values["Deskwire Tags"]) == ["messenger", "sensitive", "vip"]
    assert [call.method for call in wire.calls] == ["GET", "PUT"]
    wire.calls.clear()
    connector.update(filed.ticket, Change("normal", ("sensitive",)), reach)
    assert [call.method for call in wire.calls] == ["GET"]
    assert tracker.ticket(filed.ticket)["Priority"] == "100"
    assert kinds(tracker, filed.ticket) == ["Create"], "no message is written"


def test_h11_a_ticket_that_is_gone_says_so(reach):
    with pytest.raises(TicketGone):
        connector.update("987654", Change("high"), reach)


# ------------------------------------------------------------------------------------------------------ doctor


def test_doctor_proves_it_and_leaves_its_ticket_resolved(tracker, reach):
    examination = Examination(connector, reach, f"run-{next(counter)}")
    steps = [*examination.read(), *examination.write()]
    assert [each for each in steps if each.good is not True] == []
    (ticket,) = {each.said.split()[1] for each in steps if each.name == "open a ticket"}
    shown = tracker.ticket(ticket)
    assert (shown["Status"], shown["Subject"]) == ("resolved", SUBJECT)


def test_doctor_names_a_token_that_is_refused_and_opens_nothing(wire):
    steps = list(Examination(connector, reach_of("1-14-no", wire), "run").read())
    assert [each.good for each in steps] == [False, False]
    assert all("token" in each.said and each.mend for each in steps)


def test_h12_earlier_tickets_of_the_customer_alone_are_told(tracker, reach):
    customer = Customer(external_id="messenger-h12", name="Мария", channel="messenger")
    first = connector.open(a_ticket("Lost", customer=customer, subject="Lost", tags=("vip", "complaint")), reach).ticket
    second = connector.open(a_ticket("Late", customer=customer, subject="Late"), reach).ticket
    connector.open(a_ticket("Somebody else's"), reach)
    tracker.agent_sets(second, Status="resolved")
    told = connector.history(customer, reach)
    assert [(each.ticket, each.subject, each.open, each.outcome, each.complaint) for each in told] == [
        (second, "Late", False, "resolved", False), (first, "Lost", True, "new", True),
    ]  # fmt: skip
    assert told[0].at is not None
    assert connector.history(Customer(external_id="messenger-h13", name="Ana", channel="messenger"), reach) == []
    known = Customer(external_id="messenger-h13", name="Ana", channel="messenger", email="nobody@example.org")
    assert connector.history(known, reach) == []

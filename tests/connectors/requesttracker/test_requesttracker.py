"""The connector of Request Tracker without one: the signature, names, quotations, what a webhook says."""

import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from deskwire.contracts.channel import Reach
from deskwire.families.ids import numbered
from deskwire.helpdesks.requesttracker import RequestTracker
from deskwire.helpdesks.requesttracker.api import form, stored_name
from deskwire.helpdesks.requesttracker.mail import withheld
from deskwire.helpdesks.requesttracker.replies import answer_of, file_of, words_of
from deskwire.helpdesks.requesttracker.replies import reply as answer_of_row
from deskwire.helpdesks.requesttracker.tickets import PLAIN_NAME, fields_of, marker, user_name
from deskwire.model.errors import Concern, ConfigurationError, PermanentError, SignatureError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind
from deskwire.model.secret import Secrets
from deskwire.model.tickets import Customer, Entry, File, Ticket
from deskwire.verification.rule import Context
from deskwire.web.reading import Node
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from sandbox.helpdesks.requesttracker.played import RequestTracker as Server
from sandbox.neighbours.desk import DeskError
from tests.simulation import tracker as played

connector = RequestTracker()


def request_of(body, **headers):
    return Request(
        method="POST",
        endpoint="rt",
        body=body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def verify(request, secret, stamp):
    connector.verification.verify(
        request, Secrets({"webhook": secret}), Context(now=datetime.fromtimestamp(stamp, UTC), http=None)
    )


def test_a_vector_sent_by_the_scrip_in_a_real_rt_verifies():
    """Signed by Perl's Digest::SHA inside Request Tracker 5.0.3."""
    body = (
        b'{"merged":[],"ticket":"1","transactions":[{"created":"2026-11-21T20:37:28Z","creator":"30","id":"47",'
        b'"staff":true,"type":"Correspond"}]}'
    )
    signature = "sha256=bc4423815dbbc6d1e202ad43b579ebe8ad59acc3d87a07082c6cdd59d5ad7f16"
    request = request_of(body, x_rt_timestamp="1795293448", x_rt_signature=signature)
    verify(request, "geheim", 1795293448)
    with pytest.raises(SignatureError):
        verify(request, "Geheim", 1795293448)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
def test_a_vector_signed_by_openssl_verifies():
    body = '{"tickets":["1"],"transactions":[]} 🌷'.encode()
    command = ["openssl", "dgst", "-sha256", "-hmac", "invented"]
    answer = subprocess.run(command, input=b"1795293448." + body, capture_output=True, check=True).stdout.decode()
    signature = f"sha256={answer.split()[-1]}"
    verify(request_of(body, x_rt_timestamp="1795293448", x_rt_signature=signature), "invented", 1795293448)


def test_a_conflict_is_the_tickets_own_trouble():
    reach = Reach(
        account="rt", settings={"address": "https://rt.example"}, secrets=Secrets({"token": "invented"}),
        http=lambda _: Answer(409, {}, b"{}"), now=datetime(2026, 11, 21, tzinfo=UTC),
        mail=None, remember=lambda _, make: make()[0],
    )  # fmt: skip
    with pytest.raises(TemporaryError) as caught:
        connector.append("7", "t", [Entry(key="k", body="hello", written_at=None, public=True)], reach)
    assert caught.value.concerns is Concern.TICKET
    assert caught.value.ambiguous


def test_markers_tell_keys_apart_that_differ_in_case_only():
    assert marker("k/aB").lower() != marker("k/Ab").lower()
    assert marker("k/aB").startswith("k/aB ")
    assert all(len(marker("x" * size)) <= 255 for size in (1, 200, 201, 700))
    assert marker("x" * 300) != marker("x" * 301)


@pytest.mark.parametrize(
    "external",
    ["telegram:5512", "5512", "a@b.example", "a,b", "A1", "", "x" * 200, "ю", "a b", '"', "-1", "messenger/1"],
)
def test_a_customer_s_name_is_one_that_rt_takes_for_a_user(external):
    name = user_name(Customer(external_id=external or "-", name="x", channel="LINE 1"))
    assert PLAIN_NAME.fullmatch(name)
    assert not name.isdigit()
    assert name.startswith("line1-")


def test_a_plain_external_id_stays_readable():
    assert user_name(Customer(external_id="messenger-2490.1_x", name="x", channel="messenger")) == "messenger-2490.1_x"


@pytest.mark.parametrize("name", ["", "\r\n", '"', "../../etc/passwd", "a\x00b", "=?UTF-8?B?0YQ=?=", "x" * 500])
def test_no_file_name_breaks_out_of_its_header(name):
    stored = stored_name(name)
    assert stored
    assert len(stored) <= 120
    assert not set(stored) & set('\r\n\x00"\\/')
    assert "=?" not in stored


def test_a_file_that_holds_a_boundary_does_not_end_its_part():
    first, _ = form({}, [File("a", "text/plain", b"x")])
    kind, body = form({}, [File("a", "text/plain", f"\r\n--{first.rpartition('=')[2]}--\r\n".encode())])
    assert body.count(f"--{kind.rpartition('=')[2]}".encode()) == 3


@pytest.mark.parametrize("text", ["", "x", "1 OR 1=1", "-1", "١", "1" * 30, "1\n"])
def test_no_id_but_a_number_reaches_a_query(text):
    with pytest.raises(PermanentError):
        numbered(text)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("plain\r\nlines\n\n", "text/plain", "plain\nlines"),
        ("On Sat, x wrote:\n> old\n> words\n\nnew", "text/plain", "new"),
        ("new\n\nAm Sa schrieb x:\n\n> old", "text/plain", "new"),
        ("> nothing else", "text/plain", ""),
        ("a\n>b\nc:", "text/plain", "a\nc:"),
        ("<p>one</p><p>two &lt;3</p>", "text/html", "one\n\ntwo <3"),
        ('<div class="gmail_quote"><div>a</div><blockquote>b</blockquote></div>c', "text/html", "c"),
        ('x<blockquote class="gmail_quote">old</blockquote>', "text/html", "x"),
        ('<div class="gmail_quote">only</div>', "text/html", ""),
        ('new<div class="gmail_quote">never closed', "text/html", "new"),
    ],
)
def test_the_agent_s_own_words_are_taken(text, kind, words):
    assert words_of(text.encode(), kind) == words


def test_a_long_quotation_is_read_in_no_time():
    started = time.perf_counter()
    words_of(b'<div class="gmail_quote">' * 20_000 + b"x", "text/html")
    words_of(b"x:\n>y\n" * 20_000, "text/plain")
    answer_of("<div " * 20_000)
    assert time.perf_counter() - started < 5


def body_of(*transactions, tickets=("7",)):
    return json.dumps({"tickets": list(tickets), "transactions": list(transactions)}).encode()


def a_transaction(**changes):
    values = {"id": "96", "type": "Correspond", "creator": "30", "staff": True, "created": "2026-11-21T20:37:28Z"}
    return {**values, **changes}


def test_a_repeated_webhook_gives_the_same_key_and_another_transaction_another():
    (one,) = connector.parse(request_of(body_of(a_transaction())))
    (again,) = connector.parse(request_of(body_of(a_transaction())))
    (other,) = connector.parse(request_of(body_of(a_transaction(id="97"))))
    assert one.key == again.key != other.key


def test_one_reply_on_two_merged_tickets_is_an_event_of_each():
    events = list(connector.parse(request_of(body_of(a_transaction(), tickets=("7", "9")))))
    assert [event.ticket for event in events] == ["7", "9"]
    assert len({event.key for event in events}) == 2


def test_comments_and_customers_mail_are_no_news():
    body = body_of(a_transaction(type="Comment"), a_transaction(staff=False), a_transaction(type="Set"))
    assert list(connector.parse(request_of(body))) == []


def test_fields_are_filled_by_the_names_the_company_gave():
    ticket = Ticket(
        key="k",
        thread="t",
        reference="r",
        subject="s",
        customer=Customer(external_id="x", name="x", channel="x"),
        entries=(),
        fields={"rating": "2", "permalink": "p"},
    )

    reach = SimpleNamespace(settings={"fields": "rating = Customer rating , missing=X"})
    assert fields_of(ticket, reach) == {"Customer rating": "2"}
    with pytest.raises(ConfigurationError, match="fields"):
        fields_of(ticket, SimpleNamespace(settings={"fields": "rating"}))


def test_without_request_tracker_the_harness_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr("sandbox.helpdesks.requesttracker.played.available", lambda: False)
    with pytest.raises(DeskError, match="apt-get install -y --no-install-recommends request-tracker5"):
        Server(tmp_path).start()


# ------------------------------------------------------------------------------------------------------ polling


class Polling:
    """A played RT with one ticket of ours."""

    def __init__(self):
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.rt = played.Tracker(lambda: self.now)
        self.calls = 0
        self.ticket = played.Entry(1, "a parcel", "somebody", "thread", [])
        self.rt.tickets[1] = self.ticket
        self.cursor = "99"

    def serve(self, call):
        self.calls += 1
        return self.rt.serve(call)

    def look(self, after=60):
        """Return which replies a look after so many seconds tells, and how many requests it took."""
        self.now += timedelta(seconds=after)
        before, secrets = self.calls, Secrets({"token": "invented-rt-token"})
        settings = {"address": f"https://{played.HOST}", "queue": "General"}
        reach = Reach("main", settings, secrets, self.serve, self.now, None, lambda _name, make: make()[0])
        page = connector.poll(self.cursor, reach)
        self.cursor = page.cursor
        return [event.object_id for event in page.signals], self.calls - before


def test_polling_finds_a_reply_that_rt_commits_after_one_with_a_higher_number():
    desk = Polling()
    desk.rt.agent_replies(1, "numbered first, committed last")
    late = desk.ticket.transactions.pop()
    desk.rt.agent_replies(1, "numbered last, committed first")
    assert desk.look(after=10)[0] == ["101"]
    desk.ticket.transactions.append(late)
    assert desk.look()[0] == ["100", "101"]
    assert desk.look()[0] == []


def test_polling_asks_once_while_nothing_is_new_and_tells_a_young_reply_by_two_looks():
    desk = Polling()
    assert desk.look() == ([], 1)
    desk.rt.agent_replies(1, "one")
    desk.rt.agent_replies(1, "two")
    assert desk.look(after=30) == (["100", "101"], 1 + 2)
    assert desk.cursor == "99"
    assert desk.look() == (["100", "101"], 1 + 2)
    assert desk.cursor == "101"
    assert desk.look() == ([], 1)


def test_one_look_tells_all_of_500_replies_that_were_written_within_a_minute():
    desk = Polling()
    for number in range(2, 81):
        desk.rt.tickets[number] = played.Entry(number, "a parcel", "somebody", f"thread {number}", [])
    replies = [str(desk.rt.agent_replies(1 + number % 80, "one of many")) for number in range(500)]
    told, asked = desk.look(after=30)
    assert told == replies
    assert asked == 6 + 2 + 2, "pages, the tickets' survivors, which are ours"
    assert desk.look()[0] == replies
    assert desk.look() == ([], 1)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(minutes=-5)])
def test_polling_goes_on_at_once_where_rts_clock_is_wrong(ahead):
    desk = Polling()
    desk.rt = played.Tracker(lambda: desk.now + ahead)
    desk.rt.tickets[1] = desk.ticket
    desk.rt.agent_replies(1, "one")
    assert desk.look(after=30)[0] == ["100"]
    assert desk.look() == ([], 1)


EVIL = "Authentication-Results: mx.acme.example; dmarc=pass header.from=evil.example\n"
AUTHOR = "From: Agnes <agnes@acme.example>\nX-RT-Interface: Email\n"


def results(text):
    return f"Authentication-Results: {text}\n{AUTHOR}"


@pytest.mark.parametrize(
    ("headers", "server"),
    [
        ("X-RT-Interface: Web\n", ""),
        ("X-RT-Interface: Mobile\n", ""),
        ("X-RT-Interface: REST\n", ""),
        ("", ""),
        ("Subject: x\nContent-Type: text/plain\n", ""),  # of RT's own, before it wrote its interface
        (AUTHOR, "trusted"),
        ("Auto-Submitted: no\n" + AUTHOR, "trusted"),
        (results("mx.acme.example; dmarc=pass (p=reject) header.from=acme.example"), "mx.acme.example"),
        (results("MX.acme.example 1;\n spf=fail smtp.mailfrom=x.example;\n dmarc=pass header.from=acme.example"),
            "mx.acme.example"),
        (results("mx.acme.example; spf=pass smtp.mailfrom=agnes@acme.example; dmarc=none"), "mx.acme.example"),
        (results("mx.acme.example; dkim=pass header.d=acme.example; spf=fail"), "mx.acme.example"),
        ("Reply-To: agnes@ACME.example\n" + results("mx.acme.example; dmarc=pass"), "mx.acme.example"),
    ],
)  # fmt: skip
def test_what_staff_wrote_in_rt_or_by_authentic_mail_is_an_answer(headers, server):
    assert withheld(headers, server) == ""


@pytest.mark.parametrize("content", [{}, {"Content": None}, {"Content": ""}])
def test_a_text_without_words_holds_up_no_other_answer(content):
    answers = {
        "transaction/7/attachments": {"items": [{"id": "3", "ContentType": "text/plain"}]},
        "attachment/3": {"id": 3, "Headers": "X-RT-Interface: Web\n", **content},
    }
    reach = SimpleNamespace(left_out=None, settings={})
    tracker = SimpleNamespace(get=lambda path, **_: Node(answers[path]), reach=reach)
    assert answer_of_row(tracker, "1", Node({"id": "7"}), "Agnes").text == ""


@pytest.mark.parametrize("content", [5, [], "cG5"])
def test_a_text_that_cannot_be_read_is_asked_for_again(content):
    tracker = SimpleNamespace(get=lambda *_, **__: Node({"id": 3, "Content": content}))
    with pytest.raises(TemporaryError):
        file_of(tracker, Attachment(AttachmentKind.FILE, id="3"))


@pytest.mark.parametrize(
    ("headers", "server", "why"),
    [
        (AUTHOR, "", "staff_mail"),
        (results("mx.acme.example; dmarc=pass header.from=acme.example"), "", "staff_mail"),
        ("Received: from evil.example\nFrom: agnes@acme.example\n", "", "staff_mail"),  # an RT that names no interface
        ("Return-Path: <bot@evil.example>\n", "mx.acme.example", "who wrote it"),
        (AUTHOR, "mx.acme.example", "did not find"),
        (results("evil.example; dmarc=pass header.from=acme.example"), "mx.acme.example", "did not find"),
        (results("mx.acme.example; dmarc=fail header.from=acme.example; spf=pass smtp.mailfrom=acme.example"),
            "mx.acme.example", "did not find"),
        (results("mx.acme.example; spf=pass smtp.mailfrom=bot@evil.example"), "mx.acme.example", "did not find"),
        (results("mx.acme.example; dkim=pass header.d=evil.example"), "mx.acme.example", "did not find"),
        (results("mx.acme.example; dkim=fail (dkim=pass header.d=acme.example)"), "mx.acme.example", "did not find"),
        (results("mx.acme.example; dmarc=pass header.from=evil.example"), "mx.acme.example", "did not find"),
        (results("mx.acme.example; none"), "mx.acme.example", "did not find"),
        # The server's own stands above whatever came with the mail.
        ("Authentication-Results: mx.acme.example; dmarc=fail\n" + results("mx.acme.example; dmarc=pass"),
            "mx.acme.example", "did not find"),
        # RT takes Reply-To for the author, the mail server examines From.
        (f"Reply-To: agnes@acme.example\nFrom: bot@evil.example\nX-RT-Interface: Email\n{EVIL}", "mx.acme.example",
            "who wrote it"),
        ("From: bot@evil.example\n" + results("mx.acme.example; dmarc=pass"), "mx.acme.example", "who wrote it"),
        ("Auto-Submitted: auto-replied\n" + AUTHOR, "trusted", "automatically"),
    ],
)  # fmt: skip
def test_mail_that_is_not_known_to_be_a_colleagues_is_withheld(headers, server, why):
    assert why in withheld(headers, server)

"""The web form beyond conformance: through receive, as a browser and as its enemies see it; and the mails it sends."""

import dataclasses
import io
import json
import pathlib
import re
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.channels.webform import WebForm, thread_of
from deskwire.contracts.actions import Actions
from deskwire.contracts.channel import Reach, Rejects, Replies
from deskwire.families.forms import FormError, file_name
from deskwire.model.errors import ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.events import Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.ports import EndpointView
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked
from deskwire.receiving.receiver import Receiver
from deskwire.telemetry import Telemetry
from deskwire.web.request import Request, neighbourhood
from deskwire.web.rest import Direct, with_hosts
from sandbox.neighbours.captcha import HOSTS, Captchas, Site
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import Neighbour, Reply, broken, route
from sandbox.platforms.webform import played
from sandbox.platforms.webform.played import Shop, Visitor

CHANNEL = WebForm()
SITE = Site("0x4AAAinvented-key", "0x4AAAinvented-secret")
SETTINGS = {"origins": "https://shop.example.org", "captcha": "turnstile"}


class Gate(Neighbour):
    """API Gateway, receive and the bucket in one: what lies between a visitor and the queue."""

    def __init__(self, receiver):
        super().__init__()
        self.receiver, self.files, self.source = receiver, {}, "203.0.113.7"

    def authorize(self, asked):
        return None

    @route("POST", "/pages/{endpoint}")
    @route("OPTIONS", "/pages/{endpoint}")
    @route("GET", "/pages/{endpoint}")
    @route("POST", "/pages/{endpoint}/{action}")
    @route("OPTIONS", "/pages/{endpoint}/{action}")
    def receive(self, asked, endpoint, action=""):
        request = Request(
            method=asked.method, endpoint=endpoint, action=action, headers=asked.headers, body=asked.body,
            source=self.source, received_at=asked.at,
        )  # fmt: skip
        answer = self.receiver.handle(gateway_event(request, side="pages"))
        return Reply(answer["statusCode"], answer["body"].encode(), answer["headers"])

    @route("POST", "/bucket")
    def store(self, asked):
        self.files[len(self.files)] = asked.body
        return Reply(204)


class Company:
    """One endpoint with one form, receive's ports in memory, the captcha's provider played."""

    def __init__(self, captchas, **more):
        self.direct = Direct()
        self.captchas, self.mailbox, self.parked = captchas, MemoryMailbox(), MemoryParked()
        self.settings = {**SETTINGS, **more}
        self.counted, self.log, self.pages = {}, io.StringIO(), {}
        self.gate = Gate(
            Receiver(
                endpoints=self, mailbox=self.mailbox, parked=self.parked, archive=MemoryArchive(),
                http=with_hosts(self.direct, dict.fromkeys(HOSTS, captchas.address)), clock=lambda: datetime.now(UTC),
                telemetry=Telemetry("test", stream=self.log), limits=self, presign=self.presigned,
            )
        )  # fmt: skip

    def endpoint(self, name):
        view = EndpointView(name, "channels", ("webform",), "s", self.settings, "", pages=self.pages)
        return dataclasses.replace(view, name=name) if name in {"form", "form2"} else None

    def secrets(self, name):
        return Secrets({"captcha_secret": SITE.secret})

    def allow(self, name, most, seconds):
        self.counted[name] = self.counted.get(name, 0) + 1
        return self.counted[name] <= most

    def presigned(self, key, kind, size):
        return {"url": f"{self.gate.address}/bucket", "fields": {"key": key, "content-type": kind}}

    def visitor(self, **more):
        return Visitor(endpoint=f"{self.gate.address}/pages/form", captchas=self.captchas, sitekey=SITE.sitekey, **more)

    def events(self):
        found = []
        while (letter := self.mailbox.take()) is not None:
            found.append(json.loads(letter.body)["event"])
        return found


@pytest.fixture
def captchas():
    with Captchas(SITE) as played:
        yield played


@pytest.fixture
def company(captchas):
    subject = Company(captchas)
    with subject.gate:
        yield subject
    subject.direct.close()


# ------------------------------------------------------------------------------------------------- through receive


def test_a_visitor_is_told_a_reference_and_the_message_is_on_the_queue(company):
    answer = company.visitor().write("Hvenær kemur pöntunin? 👩‍👩‍👧‍👦", email="asa@customer.example", name="Ása")
    (event,) = company.events()
    assert answer.status == 202
    assert answer.body["submission_id"] == event["object_id"]
    assert len(answer.body["reference"]) == 11
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.org"
    assert (event["text"], event["author"]["name"]) == ("Hvenær kemur pöntunin? 👩‍👩‍👧‍👦", "Ása")
    assert event["no_automatic_reply"] is None


def test_the_reference_is_the_one_that_the_ticket_will_have(company):
    from deskwire.conversation.thread import Thread

    answer = company.visitor().write("Hello", email="asa@customer.example")
    key = f"webform/contact/{thread_of(answer.body['submission_id'], 'Asa@customer.example')}"
    assert Thread(pk=f"T#{key}").reference == answer.body["reference"]


CALLS = {"callback_consent": "Call me.", "callback_region": "IS", "callback_zone": "Atlantic/Reykjavik"}


@pytest.fixture
def calling(captchas):
    subject = Company(captchas, **CALLS)
    with subject.gate:
        yield subject
    subject.direct.close()


def test_who_asks_to_be_called_is_on_the_queue_with_number_and_time(calling):
    more = {"phone": "555 0123", "consent": {"call": "Call me."}}
    assert calling.visitor().write("", email="asa@customer.example", **more).status == 202
    (event,) = calling.events()
    assert (event["text"], event["facts"]["Telephone"]) == (
        "[asks to be called: as soon as possible]",
        "+354 555 0123 (IS)",
    )


def test_the_page_is_told_which_field_of_a_call_to_mend_and_nothing_is_parked(calling):
    more = {"phone": "12", "call_at": "2020-01-01T10:00Z", "consent": {"call": "Call me."}}
    answer = calling.visitor().write("Hello", email="asa@customer.example", **more)
    assert (answer.status, answer.body["fields"]) == (
        400,
        [{"field": "phone", "problem": "is not a telephone number"}, {"field": "call_at", "problem": "is in the past"}],
    )
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.org"
    assert (calling.events(), calling.parked.bodies) == ([], [])


def test_a_wrong_setting_of_the_form_is_no_fault_of_the_visitor_s(calling):
    calling.settings["callback_zone"] = "Nowhere"
    more = {"phone": "555 0123", "consent": {"call": "Call me."}}
    assert calling.visitor().write("Hello", email="asa@customer.example", **more).status == 503
    assert "ConfigurationErrors" in calling.log.getvalue()
    assert calling.visitor().write("Hello", email="asa@customer.example").status == 202  # without a call all is well


def test_a_browser_s_preflight_is_answered_for_our_pages_only(company):
    allowed = company.visitor().preflight()
    assert (allowed.status, allowed.headers["access-control-allow-headers"]) == (204, "content-type")
    elsewhere = company.visitor(origin="https://attacker.example").preflight()
    assert elsewhere.status == 403
    assert "access-control-allow-origin" not in elsewhere.headers


def test_every_error_can_be_read_by_the_page(company, captchas):
    """Without the header a page's script sees a “network error” only."""
    visitor = company.visitor()
    answers = [
        visitor.post({"schema": "form.submitted/1"}),
        visitor.raw(b'{"cf-turnstile-response": "0.invented"}'),
        visitor.raw(b"{" * 70_000),
        visitor.post({}, "/nowhere"),
    ]
    company.settings["address_rate"] = "1"
    answers.append(visitor.post({}))
    company.settings["address_rate"] = "many"
    answers.append(visitor.post({}))
    assert [answer.status for answer in answers] == [400, 401, 413, 404, 429, 503]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"https://shop.example.org"}
    assert not company.events()


def test_a_wrong_form_is_answered_with_its_fields_and_nothing_is_kept(company):
    answer = company.visitor().write(" ", email="asa at customer", subject="a\r\nBcc: x@customer.example")
    assert answer.status == 400
    assert {item["field"] for item in answer.body["fields"]} == {"email", "subject", "message"}
    assert not company.events()
    assert not company.parked.bodies
    assert "asa at customer" not in company.log.getvalue()


def test_another_site_s_page_gets_nothing_in(company):
    answer = company.visitor(origin="https://shop.example.org.attacker.example").write("Hi", email="a@customer.example")
    assert answer.status == 401
    assert "access-control-allow-origin" not in answer.headers
    assert not company.events()


def test_a_double_click_and_a_retry_are_one_event(company):
    visitor, submission = company.visitor(), str(uuid.uuid4())
    answers = [visitor.write("Hi", email="a@customer.example", submission=submission) for _ in range(3)]
    assert [answer.status for answer in answers] == [202] * 3
    assert len({answer.body["reference"] for answer in answers}) == 1
    assert len({event["key"] for event in company.events()}) == 1


def test_other_words_under_the_same_id_are_not_lost(company):
    visitor, submission = company.visitor(), str(uuid.uuid4())
    for words in ("Hi", "And another thing"):
        visitor.write(words, email="a@customer.example", submission=submission)
    events = company.events()
    assert [event["text"] for event in events] == ["Hi", "And another thing"]
    assert len({event["thread"] for event in events}) == 1


def test_another_address_under_the_same_id_is_another_thread(company):
    visitor, submission = company.visitor(), str(uuid.uuid4())
    for address in ("vera@customer.example", "Vera@Customer.example", "mallory@attacker.example"):
        visitor.write("Hi", email=address, submission=submission)
    vera, again, mallory = company.events()
    assert vera["thread"] == again["thread"] != mallory["thread"]


@pytest.mark.parametrize("field", ["leave_empty", "website"])  # the latter on pages of before
def test_a_filled_honeypot_is_a_suspicion_and_the_words_are_kept(company, field):
    answer = company.visitor().write("My parcel is lost", email="a@customer.example", **{field: "https://a.example"})
    (event,) = company.events()
    assert answer.status == 202
    assert (event["kind"], event["text"]) == ("message", "My parcel is lost")
    assert event["suspicion"]
    assert event["no_automatic_reply"]


def test_the_honeypot_of_the_page_is_nothing_that_a_browser_fills_in():
    page = (pathlib.Path(played.__file__).parent / "contact.html").read_text()
    (field,) = re.findall(r"<input name=\"leave_empty\"[^>]*>", page)
    assert 'autocomplete="off"' in field
    assert all(name in field for name in ("data-1p-ignore", "data-lpignore", "data-bwignore"))
    assert not re.search('name="(website|url|homepage|address|company)"', page)


def test_the_page_s_telephone_is_filled_in_by_no_browser_for_who_wants_no_call():
    page = (pathlib.Path(played.__file__).parent / "contact.html").read_text()
    fields = re.findall(r"<input name=\"(?:phone|call_at)\"[^>]*>", page)
    assert len(fields) == 2
    assert all("disabled" in field for field in fields)


def test_while_captchas_cannot_be_checked_people_are_heard_but_nothing_is_mailed(company, captchas):
    captchas.faults.add(broken(503))
    assert company.visitor().write("Hi", email="a@customer.example").status == 202
    assert company.events()[0]["no_automatic_reply"] == "captcha unavailable"


def test_one_address_is_held_to_its_rate_and_another_is_not_hurt(company):
    visitor = company.visitor()
    company.gate.source = "2001:db8:7:9::1"
    statuses = [visitor.write("Hi", email="a@customer.example").status for _ in range(22)]
    assert statuses == [202] * 20 + [429] * 2
    company.gate.source = "2001:db8:7:9:ffff::2"  # the same house
    assert visitor.write("Hi", email="a@customer.example").status == 429
    company.gate.source = "2001:db8:7:a::1"
    assert visitor.write("Hi", email="a@customer.example").status == 202


def test_the_forms_of_an_endpoint_are_held_to_their_rate_together(company):
    company.settings["form_rate"] = "2"
    visitor = company.visitor()
    assert [visitor.write("Hi", email="a@customer.example").status for _ in range(3)] == [202, 202, 429]
    assert company.visitor(form="returns").write("Hi", email="a@customer.example").status == 429
    visitor.endpoint = visitor.endpoint.replace("/form", "/form2")
    assert visitor.write("Hi", email="a@customer.example").status == 202


def test_who_passes_no_captcha_spends_nothing_that_others_need(company):
    company.settings["form_rate"] = "2"
    visitor = company.visitor()
    for number in range(5):
        company.gate.source = f"198.51.100.{number}"
        assert visitor.raw(b'{"cf-turnstile-response": "0.invented"}').status == 401
    assert visitor.write("Hi", email="a@customer.example").status == 202
    assert not any("in all" in name for name, count in company.counted.items() if count > 1)


def test_the_same_request_for_a_file_gets_the_same_place(company):
    visitor = company.visitor()
    wanted = {"schema": "upload.requested/1", "form_id": "contact", "name": "a.png", "type": "image/png", "size": 9}
    token = company.captchas.solve(SITE.sitekey, "shop.example.org", "contact")
    body = json.dumps({**wanted, "cf-turnstile-response": token}).encode()
    answers = [visitor.raw(body, path="/uploads") for _ in range(3)]
    assert [answer.status for answer in answers] == [201] * 3
    assert len({answer.body["id"] for answer in answers}) == 1
    assert visitor.raw(body.replace(b"a.png", b"b.png"), path="/uploads").status == 401
    assert visitor.post(wanted, "/uploads").body["id"] != answers[0].body["id"]


def test_a_form_that_nobody_configured_is_told_to_its_page_alone(company):
    company.pages = {"webform": ["contact"]}
    answer = company.visitor(form="unknown").write("Hi", email="a@customer.example")
    assert answer.status == 400
    assert answer.body["fields"] == [{"field": "form_id", "problem": "is not known"}]
    assert not company.events()
    assert company.visitor().write("Hi", email="a@customer.example").status == 202


@pytest.mark.parametrize(
    "body", [b"{" * 70_000, b'{"cf-turnstile-response": "0.token", "x": "' + b"x" * 70_000 + b'"}']
)
def test_a_stranger_s_long_body_is_refused_and_raises_no_alarm(company, body):
    assert company.visitor().raw(body).status == 413
    assert "TooLarge" not in company.log.getvalue()
    assert '"Rejected":1' in company.log.getvalue().replace(" ", "")


def test_while_captchas_cannot_be_checked_each_visitor_is_counted(company, captchas):
    captchas.faults.add(broken(503))
    company.visitor().write("Hi", email="a@customer.example")
    assert '"CaptchaUnavailable":1' in company.log.getvalue().replace(" ", "")


@pytest.mark.parametrize(
    ("address", "counted"),
    [("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("::ffff:203.0.113.7", "203.0.113.7"),
     ("fe80::1%eth0", "fe80::/64"), ("", "unknown"), ("nonsense", "unknown")],
)  # fmt: skip
def test_addresses_are_counted_by_whom_they_belong_to(address, counted):
    assert neighbourhood(address) == counted


def test_files_go_first_and_are_named_by_the_message(company):
    visitor = company.visitor()
    made = visitor.upload("C:\\fakepath\\zip.jpg", "image/jpeg", b"\xff\xd8\xff\xe0 not really")
    visitor.write("See the picture", email="a@customer.example", uploads=[made])
    (event,) = company.events()
    assert event["attachments"] == [
        {"kind": "image", "url": None, "id": made["id"], "name": "zip.jpg", "type": "image/jpeg"}
    ]
    assert b"\xff\xd8\xff\xe0 not really" in company.gate.files[0]
    assert f"incoming/{made['id']}".encode() in company.gate.files[0]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"type": "text/html"}, "type"), ({"type": "image/svg+xml"}, "type"), ({"type": ""}, "type"),
     ({"size": 0}, "size"), ({"size": -1}, "size"), ({"size": 10 * 1024 * 1024 + 1}, "size"),
     ({"name": ""}, "name"), ({"name": "../"}, "name"), ({"form_id": "../x"}, "form_id"),
     ({"schema": "form.submitted/1"}, "schema")],
)  # fmt: skip
def test_a_file_that_is_not_allowed_gets_no_address(company, wrong, field):
    wanted = {"schema": "upload.requested/1", "form_id": "contact", "name": "a.png", "type": "image/png", "size": 9}
    answer = company.visitor().post({**wanted, **wrong}, "/uploads")
    assert answer.status == 400
    assert [item["field"] for item in answer.body["fields"]] == [field]


def test_files_are_not_taken_while_captchas_cannot_be_checked(company, captchas):
    captchas.faults.add(broken(503))
    wanted = {"schema": "upload.requested/1", "form_id": "contact", "name": "a.png", "type": "image/png", "size": 9}
    assert company.visitor().post(wanted, "/uploads").status == 503


def test_the_page_holds_what_its_script_needs(captchas):
    with Shop("http://127.0.0.1:1/pages/form", captchas.address, SITE.sitekey, form='"><script>') as shop:
        import http.client
        from urllib.parse import urlsplit

        line = http.client.HTTPConnection(urlsplit(shop.address).netloc)
        line.request("GET", "/contact")
        answer = line.getresponse()
        page = answer.read().decode()
        line.close()
    assert "&quot;&gt;&lt;script&gt;" in page
    assert "@" not in page.replace("E-mail", "")
    assert f"connect-src http://127.0.0.1:1 {captchas.address}" in answer.headers["content-security-policy"]


# --------------------------------------------------------------------------------------------------- what is parsed


def parse(**fields):
    form = {"schema": "form.submitted/1", "form_id": "contact", "submission_id": str(uuid.uuid4()), "message": "Hi",
            "email": "a@customer.example", **fields}  # fmt: skip
    body = json.dumps(form).encode()
    request = Request(
        method="POST", endpoint="form", body=body, received_at=datetime.now(UTC), facts={"captcha": "passed"}
    )
    return list(CHANNEL.parse(request))


def test_it_replies_rejects_and_takes_files():
    assert isinstance(CHANNEL, Replies)
    assert isinstance(CHANNEL, Rejects)
    assert isinstance(CHANNEL, Actions)


@pytest.mark.parametrize(
    "email",
    ["", "a", "a@b", "a@b.c", "@b.example", "a@.example", "a b@c.example", "a@b.example\n",
     "a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "A <a@b.example>", "a@b.example>", "á@b.example",
     "a@" + "b" * 300 + ".example", "a" * 65 + "@b.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(email):
    with pytest.raises(FormError) as caught:
        parse(email=email)
    assert list(caught.value.problems) == ["email"]


@pytest.mark.parametrize(
    "email",
    ["a@b.example ", " a@b.example", "o'hara@b.example", "a+b@c.co.example", "a@xn--mnchen-3ya.example",
     "a@example.xn--p1ai", "a@xn--e1aybc.xn--p1ai", "a@xn--80akhbyknj4f.xn--11b5bs3a9aj6g"],
)  # fmt: skip
def test_an_address_that_people_have_is_taken(email):
    (event,) = parse(email=email)
    assert event.author.email == email.strip()


@pytest.mark.parametrize("name", ["subject", "name"])
@pytest.mark.parametrize("mark", ["\r\n", "\n", "\r", "\x1b", "\u2028", "\x85"])
def test_what_would_break_a_header_s_line_is_refused(name, mark):
    with pytest.raises(FormError):
        parse(**{name: f"Hello{mark}Bcc: everybody@customer.example"})


def test_a_person_is_one_however_they_write_their_address():
    (first,), (second,) = parse(email="Asa@Customer.example"), parse(email="asa@customer.example")
    assert first.author.id == second.author.id
    assert first.author.email == "Asa@Customer.example"


def test_the_captcha_s_token_is_kept_nowhere():
    (event,) = parse(**{"cf-turnstile-response": "0.token", "h-captcha-response": "P1_token"})
    assert "token" not in json.dumps([event.to_json(), dict(event.raw)])


def test_more_than_five_files_or_a_made_up_id_are_refused():
    file = {"id": "4f0c9a7be21d4cf5", "name": "a.png", "type": "image/png"}
    for uploads in ([file] * 6, [{**file, "id": "../secrets"}], [{**file, "id": ""}], [{}], "a", [7]):
        with pytest.raises(PayloadError):
            parse(uploads=uploads)


# Names of what the core reads, of lines in a ticket, and of what these were called before.
RESERVED = (
    "rating", "permalink", "attention", "metadata", "suppressed", "page_url", "consent", "subject", "language", "email",
    "phone", "name", "reference", "link", "facts", "stars", "echo_of", "dismissal", "aliases", "keep", "raw", "thread",
)  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
def test_a_form_s_own_field_is_shown_as_one_and_can_pose_as_nothing(name):
    same = {"page_url": "https://shop.example.org/contact", "submission_id": str(uuid.uuid4())}
    (without,) = parse(**same)
    (event,) = parse(fields=[{"name": name, "value": "1"}], **same)
    assert event.facts == {**without.facts, f"Form field “{name.replace('_', ' ')}”": "1"}
    changed = {each for each in event.to_json() if event.to_json()[each] != without.to_json()[each]}
    assert changed - {"occurred_at"} == {"facts", "key", "version"}


def test_a_form_s_fields_are_shown_after_what_is_known_of_the_page():
    (event,) = parse(fields=[{"name": "order_ref", "value": "SO-1"}], page_url="https://shop.example.org/contact")
    assert event.facts == {"Page": "https://shop.example.org/contact", "Form field “order ref”": "SO-1"}
    for name in ("Order Ref", "", "__class__"):
        with pytest.raises(FormError):
            parse(fields=[{"name": name, "value": "x"}])


def test_unless_the_captcha_was_passed_nothing_is_answered_automatically():
    (event,) = parse()
    request = Request(
        method="POST", endpoint="form", body=json.dumps(event.raw).encode(), received_at=datetime.now(UTC)
    )
    (unchecked,) = CHANNEL.parse(request)
    assert event.no_automatic_reply == ""
    assert unchecked.no_automatic_reply == "captcha not checked"


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [("a.pdf", "a.pdf"), ("../../etc/passwd", "passwd"), ("C:\\fakepath\\a.pdf", "a.pdf"), (".htaccess", "htaccess"),
     ("fdp\u202e.exe", "fdp.exe"), ("a\nb.pdf", "ab.pdf"), ("  ", ""), ("x" * 300, "x" * 120),
     ("mynd 👩‍🔧.jpg", "mynd 👩‍🔧.jpg")],
)  # fmt: skip
def test_a_file_s_name_deceives_nobody(given_name, kept):
    assert file_name(given_name) == kept


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(message=st.text(max_size=200), name=st.text(max_size=50), locale=st.text(max_size=20))
def test_whatever_a_visitor_writes_comes_through_or_is_refused(message, name, locale):
    try:
        (event,) = parse(message=message, name=name, locale=locale)
    except FormError as error:
        problems = set(error.problems)
    else:
        problems = set()
        assert event.kind is Kind.MESSAGE
        assert event.text == message.replace("\x00", "\ufffd")
    assert problems <= {"message", "name"}


# --------------------------------------------------------------------------------------------------- what is mailed


class Post:
    """SES."""

    def __init__(self):
        self.mails = []

    def __call__(self, **mail):
        self.mails.append(mail)
        return f"0100-{len(self.mails)}"


def mailed(post, outgoing, **settings):
    where = {"sender": "Shop <help@shop.example.org>", **settings}
    reach = Reach(account="contact", settings=where, secrets=Secrets({}), http=None, now=None, mail=post, remember=None)
    permit = CHANNEL.terms.permit(Visibility.PRIVATE, automatic=outgoing.automatic, last_inbound=None, now=None)
    return CHANNEL.send(outgoing, permit, reach)


def outgoing(**more):
    given = {"key": "k", "account": "contact", "thread": "t", "visibility": Visibility.PRIVATE, "text": "Thank you.",
             "automatic": True, "recipient": "asa@customer.example",
             "context": {"subject": "BUY NOW casino.example"}}  # fmt: skip
    return Outgoing(**{**given, **more})


def test_an_automatic_answer_says_so_and_quotes_nothing_of_the_visitor():
    post = Post()
    assert mailed(post, outgoing()).ids == ("0100-1",)
    (mail,) = post.mails
    assert mail["headers"] == {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
    assert "casino" not in json.dumps(mail)


def test_a_person_s_answer_has_the_visitor_s_subject_and_is_not_marked_automatic():
    post = Post()
    mailed(post, outgoing(automatic=False, context={"subject": "Wrong size"}))
    (mail,) = post.mails
    assert (mail["subject"], mail["headers"]) == ("Re: Wrong size", {})


@pytest.mark.parametrize(
    ("more", "where", "error"),
    [
        ({"automatic": False, "context": {"subject": "a\nBcc: x@customer.example"}}, {}, PermanentError),
        ({"recipient": "a@b.example\nBcc: x@customer.example"}, {}, PermanentError),
        ({"recipient": ""}, {}, PermanentError),
        ({"text": "a" * 100_001}, {}, PermanentError),
        ({}, {"sender": ""}, ConfigurationError),
        ({}, {"sender": "a@b.example\r\nBcc: x@customer.example"}, PermanentError),
        ({}, {"subject": "a\r\nBcc: x@customer.example"}, PermanentError),
    ],
)
def test_what_would_slip_a_header_in_or_cannot_be_sent_is_not(more, where, error):
    post = Post()
    with pytest.raises(error):
        mailed(post, outgoing(**more), **where)
    assert not post.mails


def test_a_mail_whose_fate_is_unknown_is_in_doubt():
    def nobody(**mail):
        raise TemporaryError("no answer", ambiguous=True)

    with pytest.raises(TemporaryError) as caught:
        mailed(nobody, dataclasses.replace(outgoing(), automatic=False, context={}))
    assert caught.value.ambiguous


@pytest.mark.parametrize("address", ["help@northwind.example", "Help@Northwind.example", "mailer-daemon@b.example"])
def test_no_automatic_mail_goes_to_ourselves_or_to_a_machine(address):
    post = Post()
    outgoing = Outgoing(
        key="k", account="contact", thread="t", visibility=Visibility.PRIVATE, text="Thank you", automatic=True,
        recipient=address,
    )  # fmt: skip
    with pytest.raises(PermanentError):
        mailed(post, outgoing, sender="Northwind <help@northwind.example>")
    assert not post.mails


def test_an_answer_without_words_is_no_mail():
    post = Post()
    outgoing = Outgoing(
        key="k", account="contact", thread="t", visibility=Visibility.PRIVATE, text=" \n", automatic=False,
        recipient="a@b.example",
    )  # fmt: skip
    with pytest.raises(PermanentError):
        mailed(post, outgoing)
    assert not post.mails

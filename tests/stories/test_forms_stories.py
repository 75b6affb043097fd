"""What visitors of a web form do, whose addresses nobody proves: no answer, profile or wish of another is theirs."""

import json

import pytest

from deskwire.care.policy import Policy
from deskwire.channels.webform import thread_of
from deskwire.configuration import Connection, Endpoint, item
from deskwire.contracts.channel import Channel
from deskwire.model.secret import Secrets
from deskwire.ports import Put
from deskwire.registry import channel
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from sandbox.neighbours.gateway import gateway_event

from .conftest import POLICY, SECRETS

VERA, MALLORY = "vera@customer.example", "mallory@attacker.example"


class Form:
    """A company's contact form; every captcha is solved."""

    def __init__(self, company):
        self.company = company
        for each in (
            Endpoint(
                name="form", side="channels", connectors=("webform",), secret="form",
                settings={"origins": "https://shop.example.org", "captcha": "turnstile"},
            ),
            Connection(
                name="form", channel="webform", account="contact", endpoint="form", helpdesk="acme",
                settings={"sender": "Northwind <help@northwind.example>"}, policy=Policy.model_validate(POLICY),
            ),
        ):  # fmt: skip
            company.table.put(Put(item(each)))

    def posted(self, message, *, number=1, email=VERA, **more):
        """Post a submission, let it be worked on, and return what the visitor is told."""
        content = {
            "schema": "form.submitted/1", "form_id": "contact",
            "submission_id": f"0b3c1d52-6c1e-4b7e-9c55-{number:012x}",
            "email": email, "name": "Vera", "message": message, **more,
        }  # fmt: skip
        request = Request(
            method="POST", endpoint="form", body=json.dumps(content).encode(), source="203.0.113.7",
            received_at=self.company.now(),
        )  # fmt: skip
        signed = channel("webform").verification.sign(
            request, Secrets({"captcha_secret": "invented"}), self.company.now()
        )
        answer = self.company.receiver.handle(gateway_event(signed))
        self.company.work()
        return answer["statusCode"], json.loads(answer["body"])

    def mails_to(self, address):
        return [mail for mail in self.company.mails if mail["recipient"] == address]


@pytest.fixture
def form(company, monkeypatch):
    monkeypatch.setitem(SECRETS, "form", {"captcha_secret": "invented"})
    direct = company.http

    def http(call):
        if "siteverify" not in call.url:
            return direct(call)
        passed = {"success": True, "hostname": "shop.example.org", "action": "contact", "error-codes": []}
        return Answer(200, {}, json.dumps(passed).encode())

    object.__setattr__(company.receiver, "http", http)
    return Form(company)


def test_a_suspected_message_is_filed_with_its_tag_and_not_acknowledged(company, form):
    status, _ = form.posted("My parcel 4471 is lost", leave_empty="https://vera.example")
    (ticket,) = company.zendesk.tickets
    assert status == 202
    assert "suspected-spam" in ticket.tags
    assert "My parcel 4471 is lost" in company.comments()[0]
    assert "Suspected spam: " in company.comments()[0]
    assert not company.mails


def test_an_ordinary_message_has_no_such_tag(company, form):
    form.posted("Where is my parcel?")
    assert "suspected-spam" not in company.zendesk.tickets[0].tags
    assert len(form.mails_to(VERA)) == 1


def test_the_answer_goes_to_the_address_whose_ticket_it_is(company, form):
    """A submission's id is the visitor's choice; a stranger who knows one writes in a thread of their own."""
    form.posted("What is the status of my order?")
    company.tick(600)
    form.posted("Please send me the code.", email=MALLORY)
    company.tick(300)
    hers, theirs = company.zendesk.tickets
    company.mails.clear()
    company.zendesk.agent_replies(hers.id, "The code is 9931.")
    company.signalled(hers.id, "INVOCATION-2")
    company.work()
    assert [mail["recipient"] for mail in company.mails] == [VERA]
    assert hers.id != theirs.id


def test_an_address_that_nobody_proved_changes_no_profile(company, form):
    form.posted("Hello", name="Vera Example")
    form.posted("Hello", number=2, name="Somebody Else")
    first, second = (
        company.zendesk.author(company.zendesk.comments(ticket.id)[0]) for ticket in company.zendesk.tickets
    )
    assert first.id != second.id
    assert (first.name, second.name) == ("Vera Example", "Somebody Else")


def test_a_stranger_s_stop_is_nobody_s_wish(company, form):
    form.posted("stop")
    company.tick(60)
    form.posted("Where is my parcel?", number=2)
    assert len(form.mails_to(VERA)) == 1


def test_an_address_gets_few_acknowledgements_a_day_over_all_its_threads(company, form):
    for number in range(40):
        form.posted("Hello", number=number)
        company.tick(15)
    assert len(form.mails_to(VERA)) == Policy.model_validate(POLICY).replies_per_day
    company.tick(86_400)
    form.posted("Hello", number=99)
    assert len(form.mails_to(VERA)) == Policy.model_validate(POLICY).replies_per_day + 1
    assert len(company.zendesk.tickets) == 41


def test_spellings_of_one_address_share_its_few_acknowledgements(company, form):
    """A stranger who types `vera+1@`, `vera+2@` … fills one mailbox."""
    spellings = [VERA.replace("@", f"+{number}@") for number in range(6)] + [VERA.upper(), VERA]
    for number, address in enumerate(spellings):
        form.posted("Hello", number=number, email=address)
        company.tick(15)
    assert len(company.mails) == Policy.model_validate(POLICY).replies_per_day
    assert len(company.zendesk.tickets) == len(spellings)


def test_a_mailbox_at_gmail_is_one_whatever_dots_are_in_its_name(company, form):
    spellings = [
        "vera.customer@gmail.com",
        "v.e.r.a.customer@gmail.com",
        "veracustomer@googlemail.com",
        "ve.ra.customer+x@gmail.com",
    ]
    for number, address in enumerate(spellings):
        form.posted("Hello", number=number, email=address)
        company.tick(15)
    assert len(company.mails) == Policy.model_validate(POLICY).replies_per_day


@pytest.mark.parametrize(
    "address", ["mailer-daemon@customer.example", "No-Reply@customer.example", "HELP@northwind.example"]
)
def test_machines_and_ourselves_are_not_acknowledged(company, form, address):
    form.posted("Hello", email=address)
    assert len(company.zendesk.tickets) == 1
    assert not company.mails


def test_a_thread_of_a_submission_is_of_its_address_in_any_case_of_letters():
    assert thread_of("s", "Vera@Customer.example") == thread_of("s", VERA) != thread_of("s", MALLORY)


def test_a_platform_vouches_for_who_wrote_unless_the_connector_says_otherwise():
    assert Channel.proves_authors
    assert not channel("webform").proves_authors


def test_who_asks_to_be_called_is_filed_with_number_time_and_consent(company, form):
    words = "I agree that Northwind calls me."
    settings = {
        "origins": "https://shop.example.org", "captcha": "turnstile", "callback_consent": words,
        "callback_region": "IS", "callback_zone": "Atlantic/Reykjavik",
    }  # fmt: skip
    company.table.put(
        Put(item(Endpoint(name="form", side="channels", connectors=("webform",), secret="form", settings=settings)))
    )
    call = {"phone": "555 0123", "call_at": "2026-11-03T10:30", "consent": {"call": words}}
    assert form.posted("", **call)[0] == 202
    (ticket,) = company.zendesk.tickets
    assert "Call back: Tuesday 2026-11-03 10:30" in ticket.subject
    told = company.comments()[0]
    assert "Telephone: +354 555 0123 (IS)" in told
    assert f"Consent to the call: “{words}”, given on 2026-11-02 09:00 UTC" in told
    assert "555" not in json.dumps(
        [each.__dict__ if hasattr(each, "__dict__") else str(each) for each in company.mails]
    )

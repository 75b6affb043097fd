"""What becomes of mails from the topic's notice to the ticket and back: threads, strangers, machines, bounces."""

import itertools
import json

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import Connection, Endpoint, item
from deskwire.ports import Put
from sandbox.platforms.email.played import Mail, Writer, notice

from .conftest import POLICY

TOPIC = "arn:aws:sns:eu-west-1:000000000000:inbound-mail"
BOX = "help@northwind.example"


class Box:
    """The company's mailbox, and everybody who writes to it."""

    def __init__(self, company):
        self.company, self.numbers = company, itertools.count(1)
        self.player = Mail(TOPIC, "inbound-mail", clock=company.clock)
        self.player.store = company.archive.keep
        company.mail = None
        for each in (
            Endpoint(
                name="inbound-mail", side="channels", connectors=("email",), secret="",
                settings={"source": TOPIC, "mailboxes": BOX},
            ),
            Connection(
                name="mailbox", channel="email", account=BOX, endpoint="inbound-mail", helpdesk="acme",
                settings={"sender": f"Northwind <{BOX}>"}, policy=Policy.model_validate(POLICY),
            ),
        ):  # fmt: skip
            company.table.put(Put(item(each)))

    def told(self, found):
        """Publish a notice, as SES does, and let it be worked on."""
        self.company.receiver.handle_notices(notice(TOPIC, json.dumps(found).encode()))
        self.company.work()

    def writes(self, who, text, *, to=BOX, **more):
        _, found = self.player.writes(who, to, text, **more)
        self.told(found)
        return found

    def answers(self, text):
        """Let the agent of the first ticket answer, and return the mail that goes out."""
        before = len(self.company.mails)
        ticket = self.company.zendesk.tickets[0].id
        self.company.tick(130)
        self.company.zendesk.agent_replies(ticket, text)
        self.company.signalled(ticket, f"INVOCATION-{next(self.numbers)}")
        self.company.work()
        return self.company.mails[before:]

    @property
    def tickets(self):
        return [[each.words for each in self.company.zendesk.comments(one.id)] for one in self.company.zendesk.tickets]


@pytest.fixture
def box(company):
    ids = itertools.count(1)
    sent = company.mails

    def mail(**given):
        sent.append(given)
        return f"0102-{next(ids):06}"

    object.__setattr__(company.directory, "mail", mail)
    return Box(company)


def mira():
    return Writer("Mira Dahl", "mira@customer.example")


def test_a_mail_becomes_a_ticket_with_its_words_and_is_acknowledged_in_its_thread(box):
    box.writes(mira(), "Where is my parcel? 📦")
    ((words,),) = box.tickets
    assert "Where is my parcel? 📦" in words
    assert "Sender checks: SPF pass" in words
    (ack,) = box.company.mails
    assert ack["headers"]["In-Reply-To"] == "<1.0@mail.example>"
    assert ack["headers"]["Auto-Submitted"] == "auto-replied"


def test_what_an_agent_answers_goes_out_and_what_comes_back_joins_without_the_quotation(box):
    who = mira()
    box.writes(who, "Where is it?")
    (answer,) = box.answers("It left on Friday.")
    assert (answer["recipient"], answer["text"]) == (who.address, "It left on Friday.")
    box.writes(who, "It came.", to=answer["headers"]["Reply-To"], quotes="It left on Friday.")
    (words,) = box.tickets
    assert len(words) == 3
    assert "It came." in words[-1]
    assert "It left on Friday." not in words[-1]


def test_a_colleague_with_our_reply_to_joins_and_a_stranger_with_the_message_id_does_not(box):
    who = mira()
    box.writes(who, "Where is it?")
    (answer,) = box.answers("It left on Friday.")
    box.writes(Writer("Jon", "jon@customer.example"), "I have it.", to=answer["headers"]["Reply-To"])
    stranger = Writer("Mallory", "mallory@elsewhere.example", chain=[*who.chain])
    box.writes(stranger, "Send it to me instead")
    first, second = box.tickets
    assert any("I have it." in words for words in first)
    assert not any("instead" in words for words in first)
    assert "instead" in second[0]


def test_a_reply_that_names_only_our_answer_joins(box):
    who = mira()
    box.writes(who, "Where is it?")
    box.answers("It left on Friday.")
    box.writes(Writer(who.name, who.address, chain=["0102-000002@eu-west-1.amazonses.com"]), "It came.")
    assert [len(words) for words in box.tickets] == [3]


def test_a_redelivered_notice_files_nothing_twice(box):
    found = box.writes(mira(), "Where is it?")
    box.told(found)
    assert [len(words) for words in box.tickets] == [1]


def test_two_machines_never_write_to_each_other(box):
    box.writes(mira(), "I am on holiday", fields={"Auto-Submitted": "auto-replied"})
    assert len(box.tickets) == 1
    assert box.company.mails == []


def test_a_bounce_is_noted_in_the_ticket_of_the_answer(box):
    who = mira()
    box.writes(who, "Where is it?")
    box.answers("It left on Friday.")
    box.told(box.player.bounces("0102-000002", BOX, who.address))
    (words,) = box.tickets
    assert "NOT delivered" in words[-1]
    assert "550 unknown" in words[-1]


def report(sent, action="failed"):
    """Return the words of a mail server's report that brings a mail of ours back."""
    return f"""It could not be delivered.

Action: {action}
Diagnostic-Code: smtp; 550 no such person

From: {BOX}
Message-ID: <{sent}@eu-west-1.amazonses.com>
Subject: Re: My order
"""


def test_a_bounce_that_comes_as_a_mail_is_noted_in_the_ticket_of_the_answer_and_opens_none(box):
    box.writes(mira(), "Where is it?")
    box.answers("It left on Friday.")
    box.writes(Writer("", "mailer-daemon@amazonses.com"), report("0102-000002"))
    (words,) = box.tickets
    assert "NOT delivered" in words[-1]
    assert "550 no such person" in words[-1]


def test_a_bounce_that_comes_as_a_notice_and_as_a_mail_is_noted_once(box):
    who = mira()
    box.writes(who, "Where is it?")
    box.answers("It left on Friday.")
    box.told(box.player.bounces("0102-000002", BOX, who.address))
    box.writes(Writer("", "mailer-daemon@amazonses.com"), report("0102-000002"))
    (words,) = box.tickets
    assert len([each for each in words if "NOT delivered" in each]) == 1


@pytest.mark.parametrize("action", ["delayed", "relayed"])
def test_a_report_that_nothing_failed_tells_no_agent_that_it_did(box, action):
    box.writes(mira(), "Where is it?")
    box.answers("It left on Friday.")
    box.writes(Writer("", "mailer-daemon@mx.example"), report("0102-000002", action))
    (words,) = box.tickets
    assert len(words) == 2


def test_a_person_who_sends_our_mail_back_is_no_mail_server(box):
    box.writes(mira(), report("0102-000009"))
    assert [len(words) for words in box.tickets] == [1]


def test_a_file_of_the_mail_is_attached(box):
    box.writes(mira(), "See the picture", picture=True)
    (comment,) = box.company.zendesk.comments(box.company.zendesk.tickets[0].id)
    assert [(file.name, file.type) for file in comment.files] == [("zip.png", "image/png")]


def test_a_mail_whose_original_is_gone_is_refused_and_says_so(box):
    _, found = box.player.writes(mira(), BOX, "Where is it?")
    box.company.archive.objects.clear()
    box.told(found)
    assert list(box.company.outcomes().values()) == ["refused"]

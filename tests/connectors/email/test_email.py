"""E-mail: what its documentation promises, and the traps of mail, by name."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest

from deskwire.channels.email import Email, reports, threads
from deskwire.contracts.channel import Reach
from deskwire.model.errors import PayloadError, PermanentError
from deskwire.model.events import Attachment, AttachmentKind, Kind, Visibility
from deskwire.model.keys import compose
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.model.tickets import File
from deskwire.receiving.topics import from_topics
from deskwire.verification.rule import Context
from tests.conformance import world
from tests.connectors.email.mails import mail, several

NOW = datetime(2026, 11, 28, 9, 15, tzinfo=UTC)
CHANNEL = Email()
BASE = world.Capture("email", "text").request
SES = "0102019c0a5e7f3b-4c1d2e3f-0000-4000-8000-invented0001-000000"


def body_of(name="text"):
    return json.loads(world.Capture("email", name).request.body)


def parsed(document, **settings):
    request = BASE.at({**BASE.settings, **settings})
    (event,) = CHANNEL.parse(dataclasses.replace(request, body=json.dumps(document).encode()))
    return event


def arrived(*, recipients=("help@northwind.example",), verdicts=None, policy="", ses="ses-1", **fields):
    """Return the event of a mail with these fields."""
    document = body_of()
    head = {
        "From": "Mira <mira@customer.example>",
        "To": recipients[0],
        "Subject": "Hello",
        "Message-ID": "<m1@c.example>",
    }
    rows = {**head, **{name.replace("_", "-"): value for name, value in fields.items()}}
    document["mail"] |= {
        "commonHeaders": {}, "messageId": ses,
        "headers": [{"name": name, "value": value} for name, value in rows.items() if value is not None],
    }  # fmt: skip
    document["receipt"]["recipients"] = list(recipients)
    for name, status in (verdicts or {}).items():
        document["receipt"][f"{name}Verdict"] = {"status": status}
    if policy:
        document["receipt"]["dmarcPolicy"] = policy
    return parsed(document)


def places(event):
    """Return every key under which an event finds its thread."""
    return {event.thread_key, *event.alias_keys}


def test_the_vector_of_aws_s_page_is_let_in_through_its_topic():
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html and SES's page of examples."""
    topic = "arn:aws:sns:us-east-1:123456789012:example-topic"
    notice = {
        "notificationType": "Received",
        "receipt": {
            "timestamp": "2015-09-11T20:32:33.936Z", "processingTimeMillis": 222,
            "recipients": ["recipient@example.com"],
            "spamVerdict": {"status": "PASS"}, "virusVerdict": {"status": "PASS"}, "spfVerdict": {"status": "PASS"},
            "dkimVerdict": {"status": "PASS"}, "action": {"type": "SNS", "topicArn": topic},
        },
        "mail": {
            "timestamp": "2015-09-11T20:32:33.936Z", "source": "61967230-7A45-4A9D-BEC9-87CBCF2211C9@example.com",
            "messageId": "d6iitobk75ur44p8kdnnp7g2n800", "destination": ["recipient@example.com"],
            "headersTruncated": False,
            "headers": [
                {"name": "From", "value": "sender@example.com"}, {"name": "To", "value": "recipient@example.com"},
            ],
            "commonHeaders": {"from": ["sender@example.com"], "to": ["recipient@example.com"], "subject": "Example"},
        },
        "content": "From: sender@example.com\r\nTo: recipient@example.com\r\nSubject: Example\r\n\r\nHi there\r\n",
    }  # fmt: skip
    record = {"EventVersion": "1.0", "EventSubscriptionArn": f"{topic}:21be56ed", "EventSource": "aws:sns", "Sns": {
        "SignatureVersion": "1", "Timestamp": "2019-01-02T12:45:07.000Z",
        "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa",
        "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "Message": json.dumps(notice), "MessageAttributes": {},
        "Type": "Notification", "TopicArn": topic, "Subject": "Amazon SES Email Receipt Notification",
    }}  # fmt: skip
    (request,) = from_topics({"Records": [record]}, NOW)
    assert CHANNEL.verification.verify(request, Secrets({}), Context(NOW, None, {"source": topic})) == {}
    (event,) = CHANNEL.parse(request.at({"source": topic, "mailboxes": "recipient@example.com"}))
    assert (event.account, event.author.id, event.text) == ("recipient@example.com", "sender@example.com", "Hi there")


# ------------------------------------------------------------------------------------------------ conversations


def test_a_reply_joins_by_its_references():
    first = arrived()
    reply = arrived(Message_ID="<m2@c.example>", References="<m1@c.example> <x@eu-west-1.amazonses.com>")
    assert reply.thread == first.thread


def test_a_reply_that_names_only_our_mail_joins_by_what_sending_told():
    outgoing_id = sending(outgoing(thread=arrived().thread))[0]
    reply = arrived(Message_ID="<m3@c.example>", In_Reply_To=f"<{SES}@eu-west-1.amazonses.com>")
    assert outgoing_id.elsewhere in places(reply)


def test_a_stranger_who_knows_the_message_id_joins_nothing():
    first = arrived(Cc="jon@customer.example")
    mallory = "mallory@elsewhere.example"
    stranger = arrived(From=mallory, Message_ID="<m1@c.example>", ses="ses-2")
    replying = arrived(From=mallory, Message_ID="<e@e.example>", References="<m1@c.example>", ses="ses-3")
    assert stranger.key != first.key
    assert not places(first) & (places(stranger) | places(replying))


def test_who_got_a_copy_is_a_participant():
    first = arrived(Cc="Jon <jon@customer.example>")
    other = arrived(From="jon@customer.example", Message_ID="<j@c.example>", In_Reply_To="<m1@c.example>")
    assert other.thread_key in places(first)


def test_the_token_lets_in_whoever_was_given_it():
    token = threads.token("ses-1")
    first = arrived(ses="ses-1")
    guest = arrived(
        From="jon@elsewhere.example", Message_ID="<g@e.example>", ses="ses-2",
        recipients=(f"help+{token}@northwind.example",),
    )  # fmt: skip
    assert places(first) & places(guest)
    assert guest.account == "help@northwind.example"


@pytest.mark.parametrize("tag", ["news", "", "o4hrsfdrmvfr3ozm2aw7q4blz"])
def test_another_tag_is_no_token(tag):
    assert not any(
        "token:" in alias and alias != threads.by_token(threads.token("ses-1"))
        for alias in arrived(recipients=(f"help+{tag}@northwind.example",)).aliases
    )


def test_the_reference_that_the_customer_was_told_leads_back_in_a_subject_and_nobody_else():
    from deskwire.model.reference import reference

    first = arrived()
    code = reference(first.thread_key, 0)
    again = arrived(Message_ID="<later@c.example>", Subject=f"once more about {code.lower()}", ses="ses-2")
    stranger = arrived(From="mallory@elsewhere.example", Message_ID="<x@e.example>", Subject=code, ses="ses-3")
    assert places(first) & places(again)
    assert not places(first) & places(stranger)


def test_a_forged_sender_joins_nothing_and_draws_no_answer_elsewhere():
    first = arrived(ses="ses-9")
    forged = arrived(
        Message_ID="<f@e.example>", References="<m1@c.example>", Reply_To="mallory@elsewhere.example",
        verdicts={"dmarc": "FAIL"}, policy="quarantine",
    )  # fmt: skip
    assert not places(first) & places(forged)
    assert forged.keep["to"] == "mira@customer.example"
    assert forged.no_automatic_reply == "its sender is not proved"
    assert "DMARC" in forged.suspicion


def test_a_failed_check_of_a_domain_that_asks_for_nothing_changes_nothing():
    found = arrived(verdicts={"dmarc": "FAIL", "spf": "FAIL"}, policy="none")
    assert (found.suspicion, found.no_automatic_reply, found.thread) == ("", "", arrived().thread)
    assert found.facts["Sender checks"] == "SPF fail, DKIM pass, DMARC fail"


@pytest.mark.parametrize(("status", "to"), [("PASS", "office@c.example"), ("GRAY", "mira@customer.example")])
def test_answers_go_to_reply_to_in_a_conversation_only_of_a_proved_sender(status, to):
    fields = {"Reply_To": "office@c.example", "References": "<m0@c.example>"}
    assert arrived(verdicts={"dmarc": status}, **fields).keep["to"] == to


def test_two_mails_with_one_message_id_of_a_broken_program_are_both_filed():
    first, second = arrived(Subject="Scan 1"), arrived(Subject="Scan 2")
    assert first.key != second.key


def test_a_mail_to_two_of_ours_is_one_message_however_it_was_delivered():
    names = ("to-two-of-ours", "to-two-of-ours-again")
    keys = {(event.account, event.key, event.thread) for event in map(parsed, map(body_of, names))}
    assert len(keys) == 1


def test_a_mail_to_an_unknown_address_of_the_domain_goes_to_the_first_mailbox_and_says_so():
    found = arrived(recipients=("anything@northwind.example",))
    assert found.account == "help@northwind.example"
    assert found.facts["Written to"] == "anything@northwind.example"


def test_a_mail_without_an_id_has_that_of_ses_and_without_a_writer_nobody_s():
    assert arrived(Message_ID=None).object_id == "ses.ses-1"
    nobody = parsed(body_of("without-a-writer"))
    assert nobody.author is None
    assert nobody.no_automatic_reply


# ------------------------------------------------------------------------------------------------ loops


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"}, {"Auto_Submitted": "Auto-Generated; x=y"}, {"Precedence": "BULK"},
        {"Precedence": "auto_reply"}, {"List_Id": "<l.example>"}, {"List_Unsubscribe": "<mailto:u@l.example>"},
        {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, {"X_Auto_Response_Suppress": "All"}, {"X_Loop": "us"},
        {"X_Autoreply": "yes"}, {"Return_Path": "<>"},
        {"Content_Type": "multipart/report; report-type=feedback-report"},
        {"To": "undisclosed-recipients:;"}, {"To": "friends@elsewhere.example"},
        {"From": "Mail Delivery System <MAILER-DAEMON@mx.example>"}, {"From": "postmaster@mx.example"},
        {"From": "owner-cats@lists.example"}, {"From": "cats-request@lists.example"},
        {"From": "Shop <no-reply@shop.example>"}, {"From": "alerts-noreply@shop.example"},
        {"Reply_To": "do_not_reply@shop.example"}, {"Subject": "Automatic reply: Parcel is late"},
        {"Subject": "=?utf-8?q?R=C3=A9ponse_automatique_=3A_Parcel_is_late?="},
    ],
)  # fmt: skip
def test_a_machine_s_mail_is_filed_and_never_acknowledged(fields):
    found = arrived(**fields)
    assert found.kind is Kind.MESSAGE
    assert found.no_automatic_reply


@pytest.mark.parametrize(
    "fields",
    [{}, {"Auto_Submitted": "no"}, {"X_Auto_Response_Suppress": "DR, RN"}, {"Precedence": "normal"},
     {"To": "x@elsewhere.example", "Cc": "INFO@northwind.example"},
     {"From": "Form <no-reply@shop.example>", "Reply_To": "mira@customer.example"}, {"Subject": "Auto: a scratch"},
     {"From": "norepl@customer.example"}, {"Subject": "Re: Automatic reply: Parcel is late"}],
)  # fmt: skip
def test_a_person_s_mail_is_acknowledged(fields):
    assert arrived(**fields).no_automatic_reply == ""


def test_the_null_sender_of_the_envelope_is_enough():
    document = body_of()
    document["mail"]["source"] = ""
    assert parsed(document).no_automatic_reply == "without a return path"


def test_our_own_address_as_the_customer_is_our_own_mail():
    assert arrived(From="Information <info@northwind.example>").own


@pytest.mark.parametrize(
    ("drop", "capture"), [("spam", "spam"), ("virus", "virus"), ("unproved", "sender-not-proved"),
                          ("bulk, spam", "mailing-list"), ("automatic", "out-of-office")],
)  # fmt: skip
def test_a_policy_drops_what_it_names_and_counts_it(drop, capture):
    assert parsed(body_of(capture)).dismissed == ""
    assert parsed(body_of(capture), drop=drop).dismissed.startswith("dropped: ")
    assert parsed(body_of("text"), drop="virus spam unproved bulk automatic").dismissed == ""


def test_a_mail_server_s_report_to_a_conversation_makes_no_machine_its_customer():
    assert parsed(body_of("mail-server-report-without-reference")).author is None


# ------------------------------------------------------------------------------------------------ what became of ours


def test_a_bounce_is_of_the_mailbox_that_sent_by_its_tag_or_its_sender():
    assert parsed(body_of("bounce")).account == "help@northwind.example"
    tagged = parsed(body_of("bounce-of-an-event-destination"))
    assert (tagged.account, tagged.object_id) == ("sales@northwind.example", SES)


def test_a_mail_server_s_report_finds_our_mail_by_its_head():
    found = parsed(body_of("mail-server-report"))
    assert (found.kind, found.object_id) == (Kind.UNDELIVERED, SES)


def test_a_virus_is_neither_fetched_nor_attached():
    found = parsed(body_of("virus"))
    assert found.complete
    assert not found.attachments
    assert "virus" in found.text


OURS = f"From: help@northwind.example\r\nMessage-ID: <{SES}@eu-west-1.amazonses.com>\r\nSubject: Re: Parcel\r\n\r\nHi"
STATUS = "Reporting-MTA: dns; mx.example\r\n\r\nAction: {}\r\nDiagnostic-Code: smtp; 550 no such person\r\n"


def read(raw):
    """Return the event of a mail itself."""
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=raw))
    return event


def report(action="failed", kind="delivery-status", returned=("message/rfc822", OURS), **head):
    """Return a mail server's report with a mail of ours in it."""
    head = {"From": "MAILER-DAEMON@mx.example", "Subject": "Undelivered Mail Returned to Sender", **head}
    parts = [("text/plain", "It could not be delivered."), (f"message/{kind}", STATUS.format(action)), returned]
    return several(*parts, kind=f'report; report-type="{kind}"', **head)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "text/plain"])
def test_a_report_finds_our_mail_by_what_comes_back_with_it(kind, end):
    found = read(report(returned=(kind, OURS)).replace(b"\r\n", end))
    assert (found.kind, found.object_id) == (Kind.UNDELIVERED, SES)
    assert "550 no such person" in found.text


def test_a_report_in_quoted_printable_finds_our_mail():
    coded = OURS.replace("invented0001", "inven=\r\nted0001")
    assert read(report(returned=("text/plain", coded))).object_id == SES


def test_a_report_as_plain_text_is_one_by_the_mail_server_s_address():
    words = "Hi. This is the qmail-send program.\r\n<mira@c.example>:\r\n550 unknown\r\n\r\n--- Below this line\r\n"
    assert read(mail(words + OURS, From="MAILER-DAEMON@mx.example", Subject="failure notice")).object_id == SES
    assert read(mail(words + OURS)).kind is Kind.MESSAGE


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (report("delayed"), Kind.RECEIPT),
        (report("relayed"), Kind.RECEIPT),
        (mail(OURS, From="Mailer-Daemon@mx.example", Subject="Warning: message 1x-2 delayed 24 hours"), Kind.RECEIPT),
        (mail(OURS, From="postmaster@mx.example", Subject="Undeliverable: Re: My parcel is delayed"), Kind.UNDELIVERED),
    ],
)
def test_a_report_that_nothing_failed_is_told_as_no_failure(raw, kind):
    found = read(raw)
    assert (found.kind, found.object_id) == (kind, SES)


def test_a_report_of_spam_says_so():
    raw = several(
        ("message/feedback-report", "Feedback-Type: abuse\r\n"), ("message/rfc822", OURS),
        kind="report; report-type=feedback-report", From="complaints@isp.example",
    )  # fmt: skip
    assert (read(raw).kind, "reported it as spam" in read(raw).text) == (Kind.UNDELIVERED, True)


def test_a_report_on_somebody_else_s_mail_is_filed():
    assert read(report(returned=("message/rfc822", OURS.replace("amazonses.com", "c.example")))).kind is Kind.MESSAGE


def test_the_head_alone_tells_of_a_failure_only_where_it_names_the_recipient():
    head = {
        "Content_Type": "multipart/report; report-type=delivery-status",
        "In_Reply_To": f"<{SES}@email.amazonses.com>",
    }
    assert arrived(**head).kind is Kind.MESSAGE  # its words are fetched, and say what became of it
    assert arrived(**head, X_Failed_Recipients="mira@customer.example").kind is Kind.UNDELIVERED


# ------------------------------------------------------------------------------------------------ raw mails; sending


def test_a_raw_mail_is_read_as_the_notice_would_be():
    request = dataclasses.replace(BASE, body=mail("Where is it?"))
    (raw,) = CHANNEL.parse(request)
    notice = parsed(body_of())
    assert (raw.key, raw.thread, raw.subject) == (notice.key, notice.thread, notice.subject)
    assert raw.text == "Where is it?"


@pytest.mark.parametrize("before", [b" " * 255 + b"\r\n", b"\n\n", b"\xef\xbb\xbf"])
def test_a_raw_mail_is_one_whatever_blanks_a_program_saved_before_it(before):
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=before + mail("Where is it?")))
    assert (event.author.email, event.text) == ("mira.dahl@customer.example", "Where is it?")


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\r\n"])
def test_a_raw_mail_is_read_with_any_ends_of_lines(end):
    raw = several(("text/plain", "Where is it?"), ("image/png; name=a.png", "aGVsbG8="), To="help@northwind.example")
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=raw.replace(b"\r\n", end)))
    assert (event.author.email, event.subject, event.text) == (
        "mira.dahl@customer.example", "Parcel is late", "Where is it?",
    )  # fmt: skip
    assert [each.name for each in event.attachments] == ["a.png"]


def test_blanks_before_a_field_s_colon_end_no_head():
    raw = (
        mail()
        .replace(b"Subject:", b"Subject   :")
        .replace(b"From:", b"From :")
        .replace(b"Message-ID:", b"Message-ID\t:")
    )
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=raw))
    assert (event.author.email, event.subject, event.text) == (
        "mira.dahl@customer.example", "Parcel is late", "Where is it?",
    )  # fmt: skip
    assert event.object_id == "CAF81.0914@customer.example"


def test_a_raw_mail_may_be_one_field_alone():
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=b"Subject: call me"))
    assert (event.subject, event.text) == ("call me", "[a mail without words]")


def test_json_on_one_line_is_no_field():
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=json.dumps(body_of()).encode() + b"\n"))
    assert event.subject == body_of()["mail"]["commonHeaders"]["subject"]


def test_a_raw_mail_of_8_bit_heads_is_read():
    raw = mail(From="Þór <t@c.example>", Subject="Grüße".encode("latin-1").decode("utf-8", "surrogateescape"))
    (event,) = CHANNEL.parse(dataclasses.replace(BASE, body=raw))
    assert (event.author.name, event.subject) == ("Þór", "Grüße")


def test_a_mail_stored_where_we_may_not_read_is_parked_with_the_right_prefix_named():
    document = body_of()
    document["receipt"]["action"]["objectKey"] = "mails/1"
    with pytest.raises(PayloadError, match="originals/inbound-mail/"):
        parsed(document)


def outgoing(**more):
    given = {
        "key": "k", "account": "help@northwind.example", "thread": "t", "visibility": Visibility.PRIVATE,
        "text": "Hello", "automatic": False, "recipient": "mira@customer.example",
    }  # fmt: skip
    return Outgoing(**{**given, **more})


def sending(message, settings=None, files=b""):
    """Send it, and return what came of it and the mail that went out."""
    given = {}
    reach = Reach(
        account=message.account, settings=settings or {}, secrets=Secrets({}), http=None, now=NOW,
        mail=lambda **mail: given.update(mail) or SES, remember=None, fetch=lambda *_: File("a", "b/c", files),
    )  # fmt: skip
    permit = CHANNEL.terms.permit(Visibility.PRIVATE, automatic=message.automatic, last_inbound=NOW, now=NOW)
    return CHANNEL.send(message, permit, reach), given


def sent(message, **settings):
    return sending(message, settings)[1]


def test_a_long_chain_of_references_keeps_its_first_and_its_last():
    chain = " ".join(f"<{number:040}@c.example>" for number in range(60))
    headers = sent(outgoing(context={"message": "last@c.example", "references": chain}))["headers"]
    assert len(headers["References"]) <= 900
    assert headers["References"].startswith(f"<{0:040}@c.example> ")
    assert headers["References"].endswith(" <last@c.example>")


@pytest.mark.parametrize("prefix", ["Re: ", "AW: ", "SV:", "Re[2]: ", "回复: "])
def test_a_subject_is_answered_once(prefix):
    assert sent(outgoing(context={"subject": f"{prefix}chair"}))["subject"] == f"{prefix}chair"


def test_a_line_break_in_a_subject_adds_no_header():
    assert "\n" not in sent(outgoing(context={"subject": "chair\r\nBcc: all@x.example"}))["subject"]


def test_markup_in_an_answer_stays_words():
    assert "&lt;b&gt;" in sent(outgoing(text="<b>no</b>"))["html"]


def test_an_answer_with_files_that_are_too_large_is_refused():
    files = [Attachment(AttachmentKind.FILE, url=f"https://desk.example/{number}") for number in range(2)]
    with pytest.raises(PermanentError, match="40 MB"):
        sending(outgoing(attachments=tuple(files)), files=b"x" * 15_500_000)


def test_the_mailbox_s_tag_holds_letters_and_digits_alone():
    assert reports.tag("help@northwind.example").isalnum()


def test_what_a_connection_leads_to_is_named_by_the_whole_key():
    assert compose("email", "help@northwind.example", arrived().thread) == arrived().thread_key

"""Viber: what its documentation promises, Viber's own library as a witness, and the traps of its callbacks."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from viberbot import Api
from viberbot.api.bot_configuration import BotConfiguration

from deskwire.channels.viber import Viber, statuses
from deskwire.channels.viber.sending import media
from deskwire.channels.viber.statuses import settled
from deskwire.contracts.channel import Reach
from deskwire.model.errors import (
    Concern,
    ConfigurationError,
    PayloadError,
    PermanentError,
    SignatureError,
    TemporaryError,
)
from deskwire.model.events import Attachment, AttachmentKind, Author, Kind, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.registry import channel
from deskwire.verification.rule import Context
from deskwire.web.request import Request, from_gateway
from deskwire.web.rest import Answer

EVENTS = Path(__file__).parents[3] / "events" / "viber"
SECRET = json.loads((EVENTS / "secrets.json").read_text(encoding="utf-8"))["auth_token"]
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ILSE = "Qm9vdHMrMTIzL2E9PQ=="
HEADER = "x-viber-content-signature"


def captured(name):
    return from_gateway(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))


def parsed(body, **settings):
    request = Request(method="POST", endpoint="e", body=json.dumps(body).encode(), received_at=NOW).at(settings)
    return list(Viber().parse(request)), request


def message(content, **more):
    return {"event": "message", "timestamp": 1795944922432, "message_token": 7, "sender": {"id": ILSE},
            "message": content, **more}  # fmt: skip


def verified(request, secret=SECRET):
    return Viber.verification.verify(request, Secrets({"auth_token": secret}), Context(NOW, None))


def test_it_is_found_by_its_name():
    assert channel("viber").title == "Viber"


# --------------------------------------------------------------------------------------------------- the signature


def test_a_vector_signed_by_openssl_verifies():
    request = captured("text")
    command = ["openssl", "dgst", "-sha256", "-hmac", SECRET]
    done = subprocess.run(command, input=request.body, capture_output=True, check=True)
    assert request.header(HEADER) == done.stdout.decode().split()[-1]
    assert verified(request) == {}


def in_the_address(request, *signatures):
    return replace(request, headers={}, query={"sig": signatures})


def test_a_signature_in_the_address_counts_where_the_header_is_missing():
    request = captured("text")
    assert verified(in_the_address(request, request.header(HEADER))) == {}


@pytest.mark.parametrize("signatures", [(), ("",), ("0" * 64,), ("é",)])
def test_another_signature_in_the_address_is_refused(signatures):
    with pytest.raises(SignatureError):
        verified(in_the_address(captured("text"), *signatures))


def test_two_signatures_in_the_address_are_refused():
    request = captured("text")
    with pytest.raises(SignatureError):
        verified(in_the_address(request, request.header(HEADER), request.header(HEADER)))


@pytest.mark.parametrize("header", ["", "0" * 64])
def test_a_header_that_is_there_and_wrong_is_not_made_up_for_by_the_address(header):
    request = captured("text")
    with pytest.raises(SignatureError):
        verified(replace(in_the_address(request, request.header(HEADER)), headers={HEADER: header}))


def test_a_body_changed_by_a_byte_is_refused_with_its_signature_in_the_address_too():
    request = captured("text")
    changed = replace(request, body=request.body.replace(b"4411", b"4412"))
    with pytest.raises(SignatureError):
        verified(in_the_address(changed, request.header(HEADER)))


# ----------------------------------------------------------------------------------------- Viber's library, a witness

READ_BY_BOTH = (
    "text", "scripts", "picture", "video", "file", "sticker", "contact", "location", "url", "without-a-name",
    "conversation-started", "subscribed", "unsubscribed", "delivered", "seen", "failed",
)  # fmt: skip


@pytest.fixture(scope="module")
def witness():
    return Api(BotConfiguration(name="Northwind", avatar="", auth_token=SECRET))


def test_the_witness_accepts_what_we_sign_and_refuses_what_we_refuse(witness):
    bare = replace(captured("text"), headers={})
    signed = Viber.verification.sign(bare, Secrets({"auth_token": SECRET}), NOW)
    assert witness.verify_signature(signed.body, signed.header(HEADER))
    assert not witness.verify_signature(signed.body + b" ", signed.header(HEADER))


@pytest.mark.parametrize("name", READ_BY_BOTH)
def test_the_witness_reads_the_same_ids_words_and_files(witness, name):
    request = captured(name)
    theirs = witness.parse_request(request.body)
    (ours,) = Viber().parse(request)
    assert ours.object_id == str(getattr(theirs, "message_token", None) or json.loads(request.body)["message_token"])
    assert int(ours.occurred_at.timestamp() * 1000) == theirs.timestamp
    person = next(
        each if isinstance(each, str) else each.id
        for each in (getattr(theirs, part, None) for part in ("sender", "user", "user_id"))
        if each
    )
    assert ours.thread == ours.author.id == person
    if ours.kind is Kind.MESSAGE:
        said = theirs.message
        assert ours.text == (getattr(said, "text", None) or ours.text)
        file = getattr(said, "media", None)
        assert not file or [each.url for each in ours.attachments] == [file]
        assert ours.author.name == (theirs.sender.name or "")
        assert ours.language == (theirs.sender.language or "")


# ----------------------------------------------------------------------------------------------------- what comes in


@pytest.mark.parametrize("token", [2**53 + 1, 2**63 - 1, 2**64 - 1])
def test_a_token_of_64_bits_stays_exact_as_a_number_and_as_text(token):
    (number,), _ = parsed(message({"type": "text", "text": "Hi"}, message_token=token))
    (text,), _ = parsed(message({"type": "text", "text": "Hi"}, message_token=str(token)))
    assert number.object_id == text.object_id == str(token)
    assert number.key == text.key


@pytest.mark.parametrize("token", [5741311803571721087.0, 1.5, None, True, [7]])
def test_a_token_that_may_have_lost_digits_is_parked(token):
    with pytest.raises(PayloadError):
        parsed(message({"type": "text", "text": "Hi"}, message_token=token))


def test_what_is_told_of_one_message_of_ours_are_different_events():
    told = [
        parsed({"event": name, "message_token": 7, "user_id": ILSE})[0][0] for name in ("delivered", "seen", "failed")
    ]
    assert len({event.key for event in told}) == 3
    assert {event.object_id for event in told} == {"7"}
    assert [event.kind for event in told] == [Kind.RECEIPT, Kind.RECEIPT, Kind.UNDELIVERED]


@pytest.mark.parametrize("name", ["subscribed", "unsubscribed", "conversation_started", "webhook", "client_status"])
def test_what_says_no_words_is_counted_and_not_filed(name):
    (event,), _ = parsed({"event": name, "timestamp": 1795944922432, "message_token": 9})
    assert event.dismissed


ODD = (None, 0, "odd", [], {}, [None], True, 1.5)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "kind", ["text", "picture", "video", "file", "sticker", "contact", "url", "location", "rich_media", "voice", None]
)
def test_a_message_of_any_type_with_odd_content_has_a_line(kind, odd):
    content = dict.fromkeys(("media", "contact", "location", "sticker_id", "file_name", "tracking_data"), odd)
    (event,), _ = parsed(message({"type": kind, **content}))
    assert event.kind is Kind.MESSAGE
    assert event.text.strip()


def test_a_new_type_with_a_file_brings_the_file():
    (event,) = Viber().parse(captured("unknown-type"))
    assert [each.kind for each in event.attachments] == [AttachmentKind.FILE]
    assert event.attachments[0].url.startswith("https://dl-media.viber.com/")


# ------------------------------------------------------------------------------------------------- the welcome message

WELCOME = {"welcome": "Hello!", "sender_name": "Northwind"}


def answered(body, **settings):
    events, request = parsed(body, **settings)
    return Viber().acknowledged(request, events)


def opened(**more):
    return {"event": "conversation_started", "message_token": 9, "user": {"id": ILSE}, **more}


@pytest.mark.parametrize("more", [{"subscribed": False}, {}])
def test_who_opens_the_chat_and_may_not_be_written_to_yet_is_greeted_in_the_answer(more):
    response = answered(opened(**more), **WELCOME)
    assert response.status == 200
    assert json.loads(response.body) == {"type": "text", "text": "Hello!", "sender": {"name": "Northwind"}}


def test_nobody_else_is_greeted():
    assert answered(opened(subscribed=True), **WELCOME) is None
    assert answered(opened(subscribed=False)) is None
    assert answered(message({"type": "text", "text": "Hi"}), **WELCOME) is None
    assert answered({"event": "subscribed", "message_token": 9, "user": {"id": ILSE}}, **WELCOME) is None


def test_a_greeting_without_a_sender_calls_a_person():
    with pytest.raises(ConfigurationError):
        answered(opened(), welcome="Hello!")


# ------------------------------------------------------------------------------------------------------- what goes out


def failing(status, http=200):
    with pytest.raises((ConfigurationError, PermanentError, TemporaryError)) as caught:
        settled(Answer(http, {}, json.dumps({"status": status}).encode()), what="sending", secret="auth_token")
    return caught.value


def test_every_documented_status_has_one_class():
    tables = (statuses.ACCOUNT, statuses.RATE, statuses.MESSAGE)
    assert sorted(code for table in tables for code in table) == list(range(1, 25))
    classes = {**dict.fromkeys(statuses.ACCOUNT, ConfigurationError), **dict.fromkeys(statuses.RATE, TemporaryError),
               **dict.fromkeys(statuses.MESSAGE, PermanentError)}  # fmt: skip
    assert all(type(failing(code)) is kind for code, kind in classes.items())
    assert failing(12).concerns is Concern.TICKET
    assert not failing(12).ambiguous


@pytest.mark.parametrize("status", [-1, 25, 99, 2**40])
def test_an_unknown_status_is_neither_repeated_nor_called_refused_and_holds_up_nobody(status):
    error = failing(status)
    assert isinstance(error, TemporaryError)
    assert error.ambiguous
    assert error.concerns is Concern.MESSAGE


def test_a_status_of_zero_under_an_error_of_http_is_no_success():
    assert isinstance(failing(0, http=500), TemporaryError)


def test_the_longest_piece_fits_into_a_request_in_every_script():
    asked = []

    def http(call):
        asked.append(call)
        return Answer(200, {}, b'{"status": 0, "message_token": 1}')

    outgoing = Outgoing(
        key="k", account="a", thread=ILSE, visibility=Visibility.PRIVATE, text="ქ" * 7000, automatic=False
    )
    permit = Viber.terms.permit(Visibility.PRIVATE, automatic=False, last_inbound=None, now=NOW)
    Viber().send(outgoing, permit, reach(http))
    assert [len(call.body) < Viber.terms.figures["request_bytes"].value for call in asked] == [True]


def reach(http, remember=None):
    settings = {"sender_name": "N" * 28, "sender_avatar": "https://www.northwind.example/care.png"}
    return Reach(
        account="a", settings=settings, secrets=Secrets({"auth_token": SECRET}), http=http, now=NOW, mail=None,
        remember=remember,
    )  # fmt: skip


def test_a_person_s_details_are_asked_for_once_in_six_hours():
    kept, asked = {}, []

    def remember(name, make):
        if name not in kept:
            kept[name] = make()
        return kept[name][0]

    def http(call):
        asked.append(call)
        return Answer(200, {}, b'{"status": 0, "user": {"name": "Ilse"}}')

    for _ in range(3):
        assert Viber().profile(Author(ILSE), reach(http, remember)).name == "Ilse"
    assert len(asked) == 1
    assert [seconds for _, seconds in kept.values()] == [6 * 3600]


@pytest.mark.parametrize(
    ("kind", "media_type", "size", "sent_as"),
    [
        (AttachmentKind.IMAGE, "image/png", 1_000_000, "picture"),
        (AttachmentKind.IMAGE, "image/png", 1_000_001, "file"),
        (AttachmentKind.IMAGE, "", 1, "file"),
        (AttachmentKind.IMAGE, "image/webp", 1, "file"),
        (AttachmentKind.VIDEO, "video/mp4", 26_000_000, "video"),
        (AttachmentKind.VIDEO, "video/mp4", 26_000_001, "file"),
        (AttachmentKind.AUDIO, "", 1, "file"),
        (AttachmentKind.FILE, "application/pdf", 1, "file"),
    ],
)
def test_pictures_and_videos_are_shown_as_far_as_viber_takes_them(kind, media_type, size, sent_as):
    assert media(Attachment(kind, "https://files.example/x", type=media_type, size=size))["type"] == sent_as


def test_a_long_name_keeps_its_ending():
    long = Attachment(AttachmentKind.FILE, "https://files.example/x", name="a" * 300 + ".pdf", size=1)
    assert media(long)["file_name"] == "a" * 252 + ".pdf"


@pytest.mark.parametrize("url", ["", "http://files.example/x", "https://files.example/" + "x" * 2000])
def test_an_address_that_viber_does_not_take_is_refused(url):
    with pytest.raises(PermanentError):
        media(Attachment(AttachmentKind.FILE, url, size=1))

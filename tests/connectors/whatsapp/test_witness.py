"""pywa, a library of others for the Cloud API, reads our captures to the same ids, words and files, and signs alike."""

import json
from pathlib import Path

import httpx
import pytest
from pywa import WhatsApp as Witness
from pywa.types import CallTerminate, Message
from pywa.utils import webhook_updates_validator

from deskwire.channels.whatsapp import WhatsApp
from deskwire.model.secret import Secrets
from deskwire.web.request import from_gateway

EVENTS = Path(__file__).parents[3] / "events" / "whatsapp"
EXCHANGES = Path(__file__).parents[2] / "exchanges" / "whatsapp"
SECRET = json.loads((EVENTS / "secrets.json").read_text(encoding="utf-8"))["app_secret"][0]
NUMBER = "440000000000012"
# pywa needs `contacts` and a `user_id` in them, which Meta does not always send: such captures it cannot read.
READ_BY_BOTH = (
    "text", "about-a-product", "forwarded", "from-an-ad", "number-hidden", "user-id-in-from", "image", "audio", "voice",
    "video", "document", "sticker", "location", "location-pinned", "contacts", "order", "button-of-a-template",
    "button-reply", "list-reply", "flow-reply", "unsupported",
)  # fmt: skip
FILES = ("image", "audio", "voice", "video", "document", "sticker")


def captured(name):
    return from_gateway(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture
def sent():
    """What the witness sends."""
    return []


@pytest.fixture
def witness(sent):
    def answer(request):
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"messages": [{"id": "wamid.1"}], "contacts": [{"input": "1", "wa_id": "1"}]})

    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="https://graph.facebook.com")
    with client:
        yield Witness(phone_id=NUMBER, token="invented-token", session=client)


def read_by(witness, kind, name):
    request = captured(name)
    (ours,) = WhatsApp().parse(request)
    return ours, kind.from_update(witness, json.loads(request.body))


def test_the_witness_accepts_what_we_sign_and_refuses_what_we_refuse():
    request = captured("text")
    signed = WhatsApp.verification.sign(request, Secrets({"app_secret": SECRET}), request.received_at)
    header = signed.header("x-hub-signature-256")
    assert header == request.header("x-hub-signature-256")
    assert webhook_updates_validator(SECRET, signed.body, header)
    assert not webhook_updates_validator(SECRET, signed.body + b" ", header)


@pytest.mark.parametrize("name", READ_BY_BOTH)
def test_the_witness_reads_the_same_ids_words_and_files(witness, name):
    ours, theirs = read_by(witness, Message, name)
    assert (ours.object_id, ours.occurred_at, ours.account) == (
        theirs.id, theirs.timestamp, theirs.metadata.phone_number_id,
    )  # fmt: skip
    assert ours.author.id == (theirs.from_user.wa_id or theirs.from_user.bsuid)
    assert ours.author.name == theirs.from_user.name
    assert (theirs.from_user.bsuid or "") in {*ours.aliases, ours.author.id}
    words = theirs.text or theirs.caption
    assert not words or ours.text == words
    assert [each.id for each in ours.attachments if each.id] == ([theirs.media.id] if name in FILES else [])


def ask(exchange):
    """Return the bodies that an exchange sends, without what tells our messages apart."""
    data = json.loads((EXCHANGES / f"{exchange}.json").read_text(encoding="utf-8"))
    return [{**step["request"]["body"], "biz_opaque_callback_data": "t"} for step in data["steps"]]


def test_the_witness_sends_the_same_text_and_file(witness, sent):
    text, document = ask("text-and-file")
    witness.send_message(text["to"], text["text"]["body"], tracker="t")
    file = document["document"]
    witness.send_document(document["to"], file["link"], filename=file["filename"], tracker="t")
    for theirs, ours in zip(sent, (text, document), strict=True):
        assert {name: ours[name] for name in theirs} | {"to": theirs["to"]} == theirs
        assert ours["to"].removeprefix("+") == theirs["to"].removeprefix("+")
        assert ours.keys() - theirs.keys() <= {"recipient_type"}


@pytest.mark.parametrize("name", ["missed-call", "answered-call"])
def test_the_witness_reads_of_a_call_who_called_and_whether_somebody_picked_up(witness, name):
    ours, theirs = read_by(witness, CallTerminate, name)
    assert bool(ours.dismissed) == (theirs.start_time is not None)
    if not ours.dismissed:
        assert (ours.object_id, ours.author.id, ours.occurred_at) == (
            theirs.id, theirs.from_user.wa_id, theirs.timestamp,
        )  # fmt: skip

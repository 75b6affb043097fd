"""WhatsApp through AWS: its envelope, the same events as from Meta, and AWS's requests as botocore makes them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from deskwire.channels.whatsappaws import WhatsAppAWS
from deskwire.contracts.channel import Reach
from deskwire.contracts.terms import Permit
from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.model.events import Attachment, AttachmentKind, Unreadable, Visibility
from deskwire.model.secret import Secrets
from deskwire.model.sending import Outgoing
from deskwire.receiving.content import content
from deskwire.receiving.topics import from_topics
from deskwire.registry import channel
from deskwire.verification.rule import Context
from deskwire.web.request import Request
from deskwire.web.rest import Answer
from tests.conformance import world

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 9, 3, 10, tzinfo=UTC)
CHANNEL = WhatsAppAWS()
NUMBER, OURS = "440000000000012", "phone-number-id-9b8a7c6d5e4f40318273a4b5c6d7e8f9"
SETTINGS = {"phone_number_id": OURS, "media": "s3://deskwire-archive/originals/inbound/"}


def request(body, endpoint="inbound"):
    return Request(method="POST", endpoint=endpoint, body=json.dumps(body).encode(), received_at=NOW)


def wrapped(entry):
    return {"context": {}, "whatsAppWebhookEntry": json.dumps(entry), "aws_account_id": "123456789012"}


def asked(*answers):
    """Return (the requests made of AWS, a `reach.aws` that gives these answers)."""
    made, todo = [], list(answers)

    def ask(service, method, path, body=b"", headers=None):
        assert (service, method, headers) == ("social-messaging", "POST", {"Content-Type": "application/json"})
        made.append((path, json.loads(body)))
        return todo.pop(0)

    return made, ask


def reach(aws=None, original=None, **settings):
    return Reach(
        account=NUMBER, settings=SETTINGS | settings, secrets=Secrets({}), http=None, now=NOW, mail=None,
        remember=None, aws=aws, original=original,
    )  # fmt: skip


def send(aws, *, hours=0, text="Hello", automatic=False, **settings):
    permit = CHANNEL.terms.permit(
        Visibility.PRIVATE, automatic=automatic, last_inbound=NOW - timedelta(hours=hours), now=NOW
    )
    assert isinstance(permit, Permit)
    outgoing = Outgoing(
        key="k", account=NUMBER, thread="491705550133", visibility=Visibility.PRIVATE, text=text,
        automatic=automatic, context={"to": "491705550133", "message": "wamid.1"},
    )  # fmt: skip
    return CHANNEL.send(outgoing, permit, reach(aws, **settings))


def blob(body):
    return json.loads(base64.b64decode(body["message"]))


def test_the_vector_of_aws_s_pages_is_let_in_through_its_topic():
    """https://docs.aws.amazon.com/social-messaging/latest/userguide/managing-event-destination-dlrs.html."""
    topic = "arn:aws:sns:us-east-1:123456789012:example-topic"
    entry = {
        "id": "365731266123456",
        "changes": [{"value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "12065550100", "phone_number_id": "321010217760100"},
            "contacts": [{"profile": {"name": "Diego"}, "wa_id": "12065550102"}],
            "messages": [{"from": "14255550150", "id": "wamid.HBgLMTQyNTY5ODgzMDIVAgASGBCBNzBDRjM5MDU2ODEwMDkwREY4",
                          "timestamp": "1723506230", "text": {"body": "Hi"}, "type": "text"}],
        }, "field": "messages"}],
    }  # fmt: skip
    number = "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/976c72a700aac43eaf573ae050example"
    notice = {
        "context": {
            "MetaWabaIds": [{"wabaId": "1234567890abcde", "arn": number.replace("phone-number-id", "waba")}],
            "MetaPhoneNumberIds": [{"metaPhoneNumberId": "abcde1234567890", "arn": number}],
        },
        "whatsAppWebhookEntry": json.dumps(entry), "aws_account_id": "123456789012",
        "message_timestamp": "2025-01-08T23:30:43.271279391Z", "messageId": "6d69f07a-c317-4278-9d5c-6a84078419ec",
    }  # fmt: skip
    record = {"EventSource": "aws:sns", "Sns": {
        "Type": "Notification", "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "TopicArn": topic,
        "Message": json.dumps(notice), "Timestamp": "2019-01-02T12:45:07.000Z",
    }}  # fmt: skip
    (arrived,) = from_topics({"Records": [record]}, NOW)
    assert CHANNEL.verification.verify(arrived, Secrets({}), Context(NOW, None, {"source": topic})) == {}
    (event,) = CHANNEL.parse(arrived)
    assert (event.account, event.thread, event.text) == ("321010217760100", "14255550150", "Hi")


def captured():
    """Yield each capture of the connector `whatsapp` that has entries, with what it becomes there."""
    for path in sorted((ROOT / "events" / "whatsapp").glob("*.json")):
        expected = ROOT / "tests" / "expected" / "whatsapp" / path.name
        gateway = json.loads(path.read_text()) if expected.exists() else {}
        wanted = json.loads(expected.read_text()) if expected.exists() else {}
        if "events" in wanted and not gateway.get("isBase64Encoded"):
            yield json.loads(gateway["body"])["entry"], wanted


def test_every_update_becomes_the_same_events_as_from_meta():
    looked_at = 0
    for entries, wanted in captured():
        found = [each for entry in entries for each in CHANNEL.parse(request(wrapped(entry)))]
        events = [each.to_json() for each in found if not isinstance(each, Unreadable)]
        for event in events:
            event.pop("stored", None)
        shown = json.loads(json.dumps(events).replace("whatsappaws", "whatsapp"))
        assert (shown, len(found) - len(events)) == (wanted["events"], wanted["unreadable"])
        looked_at += len(events)
    assert looked_at > 40


def test_a_topic_shared_with_email_is_read_by_whoever_can():
    entry, _ = next(captured())
    both = [channel("email"), CHANNEL]
    endpoint = SimpleNamespace(accounts={})
    found = content(request(wrapped(entry[0])).at({"mailboxes": "help@example.org"}), endpoint, both)
    assert (found.error, {event.channel for event in found.events}) == (None, {"whatsappaws"})


@pytest.mark.parametrize("entry", ["", "{", "[]", "null", 7, None])
def test_an_entry_that_is_none_is_put_aside(entry):
    with pytest.raises(PayloadError):
        list(CHANNEL.parse(request({"whatsAppWebhookEntry": entry})))


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("SendWhatsAppMessage", {"originationPhoneNumberId": OURS, "metaApiVersion": "v20.0"}),
        (
            "GetWhatsAppMessageMedia",
            {
                "originationPhoneNumberId": OURS,
                "mediaId": "880000000000771",
                "destinationS3File": {"bucketName": "deskwire-archive", "key": "originals/inbound/"},
            },
        ),
    ],
)
def test_requests_are_those_that_botocore_makes(operation, given):
    made, aws = asked(Answer(200, {}, b'{"messageId": "wamid.9", "mimeType": "image/jpeg", "fileSize": 1}'))
    if operation == "SendWhatsAppMessage":
        assert send(aws).ids == ("wamid.9",)
        given = given | {"message": base64.b64decode(made[0][1]["message"])}
    else:
        CHANNEL.fetch(Attachment(AttachmentKind.IMAGE, id="880000000000771"), reach(aws, lambda _: b"bytes"))
    model = ServiceModel(Loader().load_service_model("socialmessaging", "service-2"))
    witness = create_serializer("rest-json").serialize_to_request(given, model.operation_model(operation))
    assert made == [(witness["url_path"], json.loads(witness["body"]))]


@pytest.mark.parametrize("operation", [
    "GetLinkedWhatsAppBusinessAccountPhoneNumber", "GetLinkedWhatsAppBusinessAccount",
    "PutWhatsAppBusinessAccountEventDestinations",
])  # fmt: skip
def test_setting_up_asks_as_botocore_does_and_the_player_answers_in_aws_s_shape(operation):
    model = ServiceModel(Loader().load_service_model("socialmessaging", "service-2")).operation_model(operation)
    (exchange,) = [each for each in world.exchanges("whatsappaws") if each.name == "register"]
    path = model.http["requestUri"]
    (step,) = [each for each in exchange.data["steps"] if urlsplit(each["request"]["url"]).path == path]
    url, given = urlsplit(step["request"]["url"]), step["request"].get("body", {})
    given = given or dict(parse_qsl(url.query))
    assert not ParamValidator().validate(given, model.input_shape).has_errors()
    witness = create_serializer("rest-json").serialize_to_request(given, model)
    assert (step["request"]["method"], url.path) == (witness["method"], witness["url_path"])
    assert dict(parse_qsl(url.query)) == witness["query_string"]
    assert given == (json.loads(witness["body"]) if witness["body"] else witness["query_string"])
    answered = {"status_code": 200, "headers": {}, "body": json.dumps(step["answer"]["body"]).encode()}
    parsed = create_parser("rest-json").parse(answered, model.output_shape)
    for name in (member for member in ("account", "phoneNumber") if member in model.output_shape.members):
        assert parsed[name].keys() >= set(model.output_shape.members[name].required_members)


def test_past_the_window_an_answer_goes_out_in_the_declared_template():
    made, aws = asked(Answer(200, {}, b'{"messageId": "wamid.9"}'))
    send(aws, hours=30, template_when_closed="hello_again de")
    ((_, body),) = made
    assert blob(body)["template"]["name"] == "hello_again"


def test_what_is_answered_is_marked_as_read_where_that_is_wanted_and_never_stops_the_answer():
    made, aws = asked(Answer(500, {}, b"{}"), Answer(200, {}, b'{"messageId": "wamid.9"}'))
    send(aws, mark_as_read="yes", api_version="v23.0")
    assert [blob(body).get("status") for _, body in made] == ["read", None]
    assert {body["metaApiVersion"] for _, body in made} == {"v23.0"}
    made, aws = asked(Answer(200, {}, b'{"messageId": "wamid.9"}'))
    send(aws, mark_as_read="yes", automatic=True)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [("phone_number_id", NUMBER), ("phone_number_id", ""), ("api_version", "latest")],
)
def test_a_setting_that_is_none_calls_a_person_and_asks_nothing(setting, value):
    made, aws = asked()
    with pytest.raises(ConfigurationError, match=setting):
        send(aws, **{setting: value})
    assert made == []


@pytest.mark.parametrize("value", ["", "deskwire-archive", "s3://deskwire-archive/raw/", "s3://a/originals/x/../y/"])
def test_files_go_below_the_endpoint_s_prefix_alone(value):
    made, aws = asked()
    with pytest.raises(ConfigurationError, match="media"):
        CHANNEL.fetch(Attachment(AttachmentKind.IMAGE, id="1"), reach(aws, media=value))
    assert made == []


def test_an_error_s_type_is_read_from_the_header_or_the_body():
    for answer in (
        Answer(404, {"x-amzn-errortype": "ResourceNotFoundException"}, b"{}"),
        Answer(404, {}, b'{"__type": "com.amazonaws.socialmessaging#ResourceNotFoundException"}'),
    ):
        with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
            send(asked(answer)[1])
    with pytest.raises(TemporaryError) as caught:
        send(asked(Answer(502, {}, b"<html></html>"))[1])
    assert caught.value.ambiguous

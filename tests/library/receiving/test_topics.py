"""AWS's own notices become requests, and one that is not taken is never lost in silence."""

import json
from datetime import UTC, datetime

import pytest

from deskwire.channels.messenger import Messenger
from deskwire.model.errors import PayloadError, TemporaryError
from deskwire.ports import EndpointView
from deskwire.ports.memory import MemoryArchive, MemoryMailbox, MemoryParked
from deskwire.receiving.receiver import Receiver
from deskwire.receiving.topics import from_topics
from deskwire.telemetry import Telemetry
from deskwire.verification.arn import Arn
from deskwire.web.request import Request
from sandbox.neighbours.gateway import gateway_event

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:inbound"
BODY = {
    "object": "page",
    "entry": [{"id": "1", "time": 1795262399000, "messaging": [{
        "sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": 1795262399000,
        "message": {"mid": "m_1", "text": "hello"}}]}],
}  # fmt: skip


def sns(message, topic=TOPIC):
    """Return the event of https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html, with a message of ours."""
    return {"Records": [{
        "EventVersion": "1.0", "EventSubscriptionArn": f"{topic}:21be56ed", "EventSource": "aws:sns",
        "Sns": {
            "SignatureVersion": "1", "Timestamp": "2026-11-21T11:59:59.000Z", "Signature": "tcc6faL2",
            "SigningCertUrl": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
            "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "Message": message, "MessageAttributes": {},
            "Type": "Notification", "UnsubscribeUrl": "https://sns.eu-west-1.amazonaws.com/", "TopicArn": topic,
            "Subject": "TestInvoke",
        },
    }]}  # fmt: skip


S3 = {"Records": [{
    "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": "ObjectCreated:Put",
    "eventTime": "2026-11-21T11:59:59.000Z", "responseElements": {"x-amz-request-id": "D82B88E5F771F645"},
    "s3": {"bucket": {"name": "mails", "arn": "arn:aws:s3:::mails"}, "object": {"key": "inbox/1", "size": 3}},
}]}  # fmt: skip
EVENTBRIDGE = {
    "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
    "account": "123456789012", "time": "2026-11-21T11:59:59Z", "region": "eu-west-1",
    "resources": ["arn:aws:s3:::mails"], "detail": {"bucket": {"name": "mails"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("event", "endpoint", "source", "body"),
    [
        (sns("héllo"), "inbound", TOPIC, "héllo"),
        (S3, "mails", "arn:aws:s3:::mails", json.dumps(S3["Records"][0])),
        (EVENTBRIDGE, "mails", "arn:aws:s3:::mails", json.dumps(EVENTBRIDGE)),
    ],
)
def test_a_notice_is_for_the_endpoint_named_as_its_source(event, endpoint, source, body):
    (request,) = from_topics(event, NOW)
    assert (request.method, request.endpoint, request.source) == ("POST", endpoint, source)
    assert request.body.decode() == body
    assert request.received_at == NOW


@pytest.mark.parametrize(
    "event",
    [{}, {"Records": None}, {"Records": [{}]}, {"Records": [{"eventSource": "aws:sqs", "body": "x"}]},
     {"resources": []}, {"Records": ["x"]}, sns(None), sns("x", "inbound"), sns("x", "aws:sns:inbound"), sns("x", None),
     {**EVENTBRIDGE, "resources": ["*"]}],
)  # fmt: skip
def test_anything_else_is_none(event):
    with pytest.raises(PayloadError):
        from_topics(event, NOW)


class World:
    """receive with one endpoint, whose connector is Messenger's under the rule of ARNs."""

    def __init__(self, monkeypatch, settings):
        monkeypatch.setattr(Messenger, "verification", Arn())
        self.view = EndpointView("inbound", "channels", ("messenger",), "", settings, "")
        self.mailbox, self.parked, self.lines = MemoryMailbox(lambda: NOW), MemoryParked(), []
        self.receiver = Receiver(
            endpoints=self, mailbox=self.mailbox, parked=self.parked, archive=MemoryArchive(), http=None,
            clock=lambda: NOW, telemetry=Telemetry("test", stream=self, now=lambda: 0), limits=None, presign=None,
        )  # fmt: skip

    def endpoint(self, name):
        return self.view if name == "inbound" else None

    def write(self, text):
        self.lines.append(text)


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch, {"source": TOPIC})


def test_a_published_message_is_on_the_mailbox_and_its_redelivery_is_the_same_letter(world):
    world.receiver.handle_notices(sns(json.dumps(BODY)))
    world.receiver.handle_notices(sns(json.dumps(BODY)))
    assert len(world.mailbox.letters) == 1


@pytest.mark.parametrize("topic", [TOPIC.replace("1234", "9999"), "arn:aws:sns:eu-west-1:123456789012:elsewhere"])
def test_another_topic_s_message_is_not_taken_and_lambda_keeps_it(world, topic):
    with pytest.raises(RuntimeError, match="1 of 1 notices were not taken"):
        world.receiver.handle_notices(sns(json.dumps(BODY), topic))
    assert not world.mailbox.letters


def test_a_refused_queue_fails_the_invocation_so_that_it_comes_again(world, monkeypatch):
    def refuse(_letters):
        raise TemporaryError("SQS: throttled")

    monkeypatch.setattr(world.mailbox, "send", refuse)
    with pytest.raises(RuntimeError, match="503"):
        world.receiver.handle_notices(sns(json.dumps(BODY)))


def test_what_is_no_notice_fails_and_says_nothing_of_it(world):
    with pytest.raises(RuntimeError) as caught:
        world.receiver.handle_notices({"Records": [{"EventSource": "aws:sns", "words": "of a customer"}]})
    assert "customer" not in str(caught.value)


def test_a_message_that_cannot_be_read_is_parked(world):
    world.receiver.handle_notices(sns("{"))
    assert len(world.parked.bodies) == 1


def test_a_webhook_cannot_pose_as_a_notice(world):
    request = Request(
        method="POST", endpoint="inbound", body=json.dumps(BODY).encode(), received_at=NOW, source=TOPIC,
        headers={"x-forwarded-for": TOPIC, "x-amz-sns-topic-arn": TOPIC, "x-amz-sns-message-type": "Notification"},
    )  # fmt: skip
    event = gateway_event(request)
    event["requestContext"]["http"]["sourceIp"] = "203.0.113.7"  # which API Gateway writes, not the sender
    assert world.receiver.handle(event)["statusCode"] == 401
    assert not world.mailbox.letters

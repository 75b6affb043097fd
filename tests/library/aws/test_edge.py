"""The ports of receive, over the light client, against a played AWS."""

from __future__ import annotations

import email
import email.policy
import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from deskwire.aws import clients
from deskwire.aws.edge import Edge
from deskwire.aws.light import Light
from deskwire.aws.secrets import SecretsManager
from deskwire.aws.table import DynamoTable
from deskwire.configuration import Endpoint, item
from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.model.tickets import File
from deskwire.ports import Letter
from deskwire.ports.outbox import MOST, TableOutbox
from deskwire.settings import Settings, load
from tests.tables import TABLE

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-west-1"}


class World:
    def __init__(self, address):
        self.now = START
        self.made = []
        self.table = self.client("dynamodb", address)
        self.table.create_table(TableName="t", **TABLE)
        self.sqs = self.client("sqs", address)
        self.mailbox = self.sqs.create_queue(QueueName="m.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.parked = self.sqs.create_queue(QueueName="p")["QueueUrl"]
        self.s3 = self.client("s3", address)
        self.s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.secrets = self.client("secretsmanager", address)
        self.settings = Settings(
            table="t", mailbox=self.mailbox, parked=self.parked, archive="archive", secrets_prefix="deskwire/",
            stage="test", log_level="INFO",
        )  # fmt: skip
        self.light = Light(KEYS | {"AWS_ENDPOINT_URL": address})
        self.edge = Edge(self.light, self.settings, lambda: self.now)

    def client(self, name, address):
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.made.append(boto3.client(name, endpoint_url=address, region_name="eu-west-1", **keys))
        return self.made[-1]

    def configure(self, **more):
        given = {"name": "meta", "side": "channels", "connectors": ("messenger",), "secret": "meta"}
        found = item(Endpoint(**(given | more)))
        self.table.put_item(TableName="t", Item={name: {"S": value} for name, value in found.items()})

    def close(self):
        self.light.close()
        for each in self.made:
            each.close()


@pytest.fixture
def world(moto):
    boto3_reset(moto)
    found = World(moto)
    yield found
    found.close()


def boto3_reset(address):
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset", method="POST")).close()


def test_an_endpoint_is_read_as_apply_wrote_it_and_kept_for_a_minute(world):
    world.configure(settings={"audience": "x"})
    found = world.edge.endpoint("meta")
    assert (found.connectors, found.secret, found.settings, found.helpdesk) == (
        ("messenger",),
        "meta",
        {"audience": "x"},
        "",
    )
    world.configure(secret="another")
    assert world.edge.endpoint("meta").secret == "meta"
    world.now += timedelta(seconds=61)
    assert world.edge.endpoint("meta").secret == "another"


def test_an_unknown_endpoint_is_looked_for_again_soon(world):
    assert world.edge.endpoint("meta") is None
    world.configure()
    assert world.edge.endpoint("meta") is None
    world.now += timedelta(seconds=11)
    assert world.edge.endpoint("meta") is not None


def test_secrets_are_read_by_name_and_kept_for_some_minutes(world):
    secrets = json.dumps({"app_secret": ["now", "next"]})
    world.secrets.create_secret(Name="deskwire/endpoints/meta", SecretString=secrets)
    assert [each.reveal() for each in world.edge.secrets("meta").every("app_secret")] == ["now", "next"]
    later = json.dumps({"app_secret": "later"})
    world.secrets.put_secret_value(SecretId="deskwire/endpoints/meta", SecretString=later)
    assert world.edge.secrets("meta").one("app_secret").reveal() == "now"
    world.now += timedelta(seconds=301)
    assert world.edge.secrets("meta").one("app_secret").reveal() == "later"
    with pytest.raises(ConfigurationError):
        world.edge.secrets("missing")


def test_letters_arrive_in_order_and_what_is_parked_and_kept_is_there(world):
    world.edge.send([Letter("g", f"d{number}", f"body {number}") for number in range(12)])
    got = []
    while messages := world.sqs.receive_message(QueueUrl=world.mailbox, MaxNumberOfMessages=10).get("Messages"):
        got += [message["Body"] for message in messages]
        for message in messages:
            world.sqs.delete_message(QueueUrl=world.mailbox, ReceiptHandle=message["ReceiptHandle"])
    assert got == [f"body {number}" for number in range(12)]
    world.edge.park("whole delivery")
    assert world.sqs.receive_message(QueueUrl=world.parked)["Messages"][0]["Body"] == "whole delivery"
    world.edge.keep("raw/1", b"\x00data")
    assert world.s3.get_object(Bucket="archive", Key="raw/1")["Body"].read() == b"\x00data"


def test_what_receive_only_writes_it_does_not_read(world):
    with pytest.raises(PermanentError):
        world.edge.fetch("incoming/x")


def test_a_rate_is_counted_by_name_and_span(world):
    assert [world.edge.allow("form/1", 2, 60) for _ in range(3)] == [True, True, False]
    assert world.edge.allow("form/2", 2, 60)
    world.now += timedelta(seconds=59)  # START is the beginning of a minute
    assert not world.edge.allow("form/1", 2, 60)
    world.now += timedelta(seconds=1)
    assert world.edge.allow("form/1", 2, 60)


def test_a_rate_is_forgotten_soon_after_its_span(world):
    world.edge.allow("form/1", 2, 60)
    (item,) = (each for each in DynamoTable(world.table, "t").scan() if each["pk"].startswith("R#"))
    assert 0 < item["expires"] - START.timestamp() <= 120


def test_an_upload_gets_an_address_for_one_object_of_one_type(world):
    made = world.edge.presign("incoming/abc", "image/png", 1000)
    assert made["fields"]["key"] == "incoming/abc"
    assert made["fields"]["Content-Type"] == "image/png"
    assert made["url"].startswith("http")


def test_an_outbox_is_read_as_converse_wrote_it(world):
    outbox = TableOutbox(DynamoTable(world.table, "t"), lambda: START)
    for number in range(3):
        outbox.put("chat/1/anna", f"key {number}", f"text {number} 👋", automatic=False)
    assert world.edge.read("chat/1/anna", "") == outbox.read("chat/1/anna", "")
    assert [each.text for each in world.edge.read("chat/1/anna", "2")] == ["text 2 👋"]
    assert world.edge.read("chat/1/other", "") == []


def test_an_outbox_is_read_a_page_at_a_time_and_by_cursors_alone(world):
    outbox = TableOutbox(DynamoTable(world.table, "t"), lambda: START)
    for number in range(MOST + 1):
        outbox.put("chat/1/jon", f"key {number}", "hello", automatic=False)
    for after in ("", "0", "1", str(MOST), str(MOST + 1), "999999999999"):
        assert world.edge.read("chat/1/jon", after) == outbox.read("chat/1/jon", after)
    assert len(world.edge.read("chat/1/jon", "")) == MOST
    for cursor in ("x", "-1", "9" * 13, "\u0663", "K#", "LAST"):
        with pytest.raises(PayloadError):
            world.edge.read("chat/1/jon", cursor)


def test_a_table_that_is_not_there_is_a_matter_for_a_person(world):
    world.table.delete_table(TableName="t")
    with pytest.raises(ConfigurationError):
        world.edge.endpoint("meta")


def test_behind_the_queue_secrets_come_from_the_same_entries(world):
    world.secrets.create_secret(Name="deskwire/page", SecretString='{"page_token": "x"}')
    read = SecretsManager("deskwire/", SecretsProvider(boto3_client=world.secrets))
    assert read("page").one("page_token").reveal() == "x"
    with pytest.raises(ConfigurationError, match="deskwire/missing"):
        read("missing")


class Refusing:
    """Secrets Manager's client, that refuses the next call."""

    def __init__(self, error):
        self.error = error

    def get_secret_value(self, **_):
        raise self.error


def said(code, status=400):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetSecretValue")


@pytest.mark.parametrize(
    "error",
    [
        said("ThrottlingException"),
        said("TooManyRequestsException", 429),
        said("InternalServiceError", 500),
        said("SomethingNew", 503),
        EndpointConnectionError(endpoint_url="https://secretsmanager"),
        ReadTimeoutError(endpoint_url="https://secretsmanager"),
        CredentialRetrievalError(provider="container-role", error_msg="timed out"),
    ],
    ids=str,
)
def test_a_secrets_manager_that_cannot_answer_now_is_asked_again(error):
    read = SecretsManager("deskwire/", SecretsProvider(boto3_client=Refusing(error)))
    with pytest.raises(TemporaryError) as caught:
        read("throttled")
    assert caught.value.concerns is Concern.MESSAGE  # it is no fault of the neighbour whose secret it is


@pytest.mark.parametrize(
    "error",
    [
        said("ResourceNotFoundException"),
        said("AccessDeniedException"),
        said("InvalidRequestException"),
        said("DecryptionFailure"),
        NoCredentialsError(),
    ],
    ids=str,
)
def test_what_a_person_has_to_mend_of_a_secret_calls_one(error):
    read = SecretsManager("deskwire/", SecretsProvider(boto3_client=Refusing(error)))
    with pytest.raises(ConfigurationError, match="deskwire/wrong"):
        read("wrong")


def test_receive_goes_on_with_the_secrets_it_knows_while_secrets_manager_is_throttled(world, monkeypatch):
    world.secrets.create_secret(Name="deskwire/endpoints/meta", SecretString='{"app_secret": "known"}')
    world.edge.secrets("meta")
    asked = []

    def throttled(name):
        asked.append(name)
        raise TemporaryError("secretsmanager GetSecretValue: HTTP 400 ThrottlingException")

    monkeypatch.setattr(world.light, "get_secret_value", throttled)
    world.now += timedelta(seconds=301)
    assert [world.edge.secrets("meta").one("app_secret").reveal() for _ in range(3)] == ["known"] * 3
    assert len(asked) == 1  # not every delivery waits for it
    world.now = START + timedelta(minutes=59)
    assert world.edge.secrets("meta").one("app_secret").reveal() == "known"
    world.now = START + timedelta(minutes=60)
    with pytest.raises(TemporaryError):
        world.edge.secrets("meta")
    with pytest.raises(TemporaryError):
        world.edge.secrets("never-read")


def test_a_secret_that_was_taken_away_is_not_used_on(world):
    world.secrets.create_secret(Name="deskwire/endpoints/meta", SecretString='{"app_secret": "known"}')
    world.edge.secrets("meta")
    world.secrets.delete_secret(SecretId="deskwire/endpoints/meta", ForceDeleteWithoutRecovery=True)
    world.now += timedelta(seconds=301)
    with pytest.raises(ConfigurationError):
        world.edge.secrets("meta")


@pytest.fixture
def mail(moto, monkeypatch):
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": moto, "AWS_DEFAULT_REGION": "eu-west-1"}).items():
        monkeypatch.setenv(name, value)
    clients._session.cache_clear()
    boto3_reset(moto)
    client = boto3.client("sesv2")
    client.create_email_identity(EmailIdentity="care@northwind.example")
    client.close()
    sender = clients.mail()
    yield sender
    if sender._client is not None:
        sender._client.close()
    clients._session.cache_clear()


def test_a_mail_goes_out_with_its_headers(mail):
    sent = mail(
        sender="care@northwind.example", recipient="asa@customer.example", subject="Þökk fyrir", text="Góðan dag",
        headers={"Auto-Submitted": "auto-replied"},
    )  # fmt: skip
    assert sent


def test_copies_are_in_the_head_and_among_the_recipients(mail, monkeypatch):
    asked = {}

    class Client:
        def send_email(self, **given):
            asked.update(given)
            return {"MessageId": "0100019a"}

        def close(self):
            pass

    monkeypatch.setattr(mail, "_client", Client())
    mail(
        sender="care@northwind.example", recipient="asa@customer.example", subject="x", text="x", headers={},
        copies=["jon@customer.example", "eva@customer.example"],
    )  # fmt: skip
    assert asked["Destination"] == {
        "ToAddresses": ["asa@customer.example"], "CcAddresses": ["jon@customer.example", "eva@customer.example"],
    }  # fmt: skip
    assert b"\nCc: jon@customer.example, eva@customer.example\n" in asked["Content"]["Raw"]["Data"]


def test_a_line_break_in_a_header_is_refused_before_anything_is_sent(mail):
    with pytest.raises(PermanentError, match="line break"):
        mail(
            sender="care@northwind.example",
            recipient="a@b.example",
            subject="x\r\nBcc: all@b.example",
            text="x",
            headers={},
        )


@pytest.mark.parametrize(
    "value",
    ["x\r\nBcc: all@b.example", "x\nBcc: a", "x\rBcc: a", "=?utf-8?q?x=0D=0ABcc:_all@b.example?=",
     "=?utf-8?b?eA0KQmNjOiBhbGxAYi5leGFtcGxl?=", "x\x00y"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Subject", "From", "To", "References", "In-Reply-To", "X-Other"])
def test_no_header_can_hold_another_one(name, value):
    try:
        message = clients.written({name: value}, "words")
    except PermanentError:
        return
    head = message.as_bytes().partition(b"\n\n")[0]
    assert not any(line.lower().startswith(b"bcc") for line in head.splitlines())
    assert not {"\r", "\n", "\0"} & set(str(message[name]))


HEAD = "=?utf-8?q?x=0D=0AContent-Type:_text/html=0D=0A=0D=0A<a_href=3Dhttps://evil.example>pay</a>?="
ODD = ("=?utf-8?q??=@example.org", "=?utf-8?q?x=00?=@example.org", "=?utf-8?b?eA0KQmNjOiBh?=@example.org", HEAD)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", ["To", "Subject"])
def test_an_encoded_word_is_sent_as_what_it_is_or_refused(name, value):
    """Older Pythons write what the word decodes to (CVE-2024-6923), or end in an error of their own."""
    try:
        message = clients.written({"To": "a@b.example", name: value}, "an agent's words")
    except PermanentError:
        return
    head, _, body = message.as_bytes().partition(b"\n\n")
    assert b"\0" not in head
    assert b"evil.example" not in body
    assert b"text/html" not in b"".join(line for line in head.splitlines() if not line.startswith(b"Subject"))


@pytest.mark.parametrize("name", ["Subject\r\nBcc", "a b", "", "Bcc: x"])
def test_a_header_s_name_is_a_name(name):
    with pytest.raises(PermanentError):
        clients.written({name: "x"}, "words")


def test_a_mail_is_threaded_and_carries_html_and_files():
    headers = {"From": "Care <care@northwind.example>", "To": "asa@customer.example", "Subject": "Þökk fyrir",
               "In-Reply-To": "<1@customer.example>", "References": "<0@customer.example> <1@c.example>"}  # fmt: skip
    files = [File("../réponse.pdf", "application/pdf", b"%PDF"), File("a", "no type\r\nX: y", b"raw")]
    message = email.message_from_bytes(
        clients.written(headers, "Góðan dag", "<p>Góðan dag</p>", files).as_bytes(), policy=email.policy.default
    )
    assert {name: message[name] for name in headers} == headers
    assert message.get_body(("plain",)).get_content().strip() == "Góðan dag"
    assert message.get_body(("html",)).get_content().strip() == "<p>Góðan dag</p>"
    found = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in message.iter_attachments()]
    assert found == [("réponse.pdf", "application/pdf", b"%PDF"), ("a", "application/octet-stream", b"raw")]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MessageRejected", PermanentError),
        ("AccessDeniedException", ConfigurationError),
        ("MailFromDomainNotVerifiedException", ConfigurationError),
        ("TooManyRequestsException", TemporaryError),
        ("InternalFailure", TemporaryError),
    ],
)
def test_what_ses_answers_says_what_happens_next(code, kind):
    from botocore.exceptions import ClientError

    assert type(clients._translated(ClientError({"Error": {"Code": code}}, "SendEmail"))) is kind


def test_a_missing_variable_is_named():
    with pytest.raises(ConfigurationError, match="DESKWIRE_TABLE"):
        load({})
    with pytest.raises(ConfigurationError, match="DESKWIRE_SANDBOX"):
        load({"DESKWIRE_TABLE": "t", "DESKWIRE_SANDBOX": "{"})
    assert load({"DESKWIRE_TABLE": "t"}).secrets_prefix == "deskwire/"

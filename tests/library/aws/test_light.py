"""The light client does on AWS what boto3 would, gives up in time, and says what happens next."""

import hashlib
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import boto3
import botocore
import certifi
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from deskwire.aws import light as light_module
from deskwire.aws.credentials import CredentialSource
from deskwire.aws.endpoints import Endpoints
from deskwire.aws.light import Light, amazon, batches
from deskwire.aws.roots import ROOTS
from deskwire.aws.typed import decode, encode
from deskwire.model.errors import ConfigurationError, PermanentError, TemporaryError
from deskwire.ports import Letter
from tests.tables import TABLE

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-west-1"}
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CLOSE = b""


@pytest.fixture
def aws(moto):
    made = []

    def client(name):
        made.append(boto3.client(name, endpoint_url=moto, region_name="eu-west-1"))
        return made[-1]

    yield client
    for one in made:
        one.close()
    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/reset", method="POST")).close()


@pytest.fixture
def light(moto):
    client = Light({**KEYS, "AWS_SESSION_TOKEN": "token", "AWS_ENDPOINT_URL": moto}, budget=10)
    yield client
    client.close()


@pytest.fixture
def queue(aws):
    sqs = aws("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    return sqs.create_queue(QueueName="mailbox.fifo", Attributes=attributes)["QueueUrl"]


def received(aws, url):
    found = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    return [(one["Attributes"].get("MessageGroupId"), one["Body"]) for one in found.get("Messages", [])]


# ------------------------------------------------------------------------------------------- against AWS's stand-in


def test_a_message_reaches_a_fifo_queue(light, aws, queue):
    light.send_message(queue, Letter("thread", "event", '{"text":"\\ud83d\\udc4b"}'))
    assert received(aws, queue) == [("thread", '{"text":"\\ud83d\\udc4b"}')]


def test_a_message_reaches_a_standard_queue(light, aws):
    url = aws("sqs").create_queue(QueueName="parked")["QueueUrl"]
    light.send_message(url, Letter("", "", "é 👋"))
    assert received(aws, url) == [(None, "é 👋")]


def test_ten_messages_go_in_one_call(light, aws, queue):
    letters = [Letter(f"thread-{number}", f"event-{number}", str(number)) for number in range(10)]
    assert light.send_message_batch(queue, letters) == []
    assert sorted(received(aws, queue)) == [(f"thread-{number}", str(number)) for number in range(10)]


def test_an_unknown_queue_calls_a_person(light, queue):
    with pytest.raises(ConfigurationError, match=r"sqs SendMessage: HTTP 400 .*NonExistentQueue|QueueDoesNotExist"):
        light.send_message(queue.replace("mailbox", "other"), Letter("a", "b", "c"))


@pytest.fixture
def table(aws):
    dynamodb = aws("dynamodb")
    dynamodb.create_table(TableName="deskwire", **TABLE)
    return "deskwire"


ITEM = {"pk": "E#a", "sk": "ENDPOINT", "n": 7, "t": True, "z": None, "l": ["a", 1, [b"\x00"]], "m": {"é": "👋"}}


def test_an_item_comes_back_as_it_was_put(light, table):
    light.put_item(table, ITEM)
    assert light.get_item(table, {"pk": "E#a", "sk": "ENDPOINT"}) == ITEM
    assert light.get_item(table, {"pk": "E#b", "sk": "ENDPOINT"}) is None


def test_an_update_counts_and_returns_what_is_there(light, table):
    for expected in (1, 2):
        found = light.update_item(
            table,
            {"pk": "R#a", "sk": "RATE"},
            UpdateExpression="ADD #hits :one SET expires = :expires",
            ExpressionAttributeNames={"#hits": "hits"},
            ExpressionAttributeValues={":one": 1, ":expires": 99},
            ReturnValues="ALL_NEW",
        )
        assert found == {"pk": "R#a", "sk": "RATE", "hits": expected, "expires": 99}
    assert light.update_item(table, {"pk": "R#a", "sk": "RATE"}, UpdateExpression="REMOVE hits") == {}


def test_a_condition_that_does_not_hold_is_told_by_its_code(light, table):
    light.put_item(table, ITEM)
    with pytest.raises(PermanentError) as caught:
        light.put_item(table, ITEM, ConditionExpression="attribute_not_exists(pk)")
    assert caught.value.code == "ConditionalCheckFailedException"


def test_a_secret_is_read_by_its_name(light, aws):
    aws("secretsmanager").create_secret(Name="deskwire/meta", SecretString='{"app_secret":"é"}')
    assert light.get_secret_value("deskwire/meta") == '{"app_secret":"é"}'
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        light.get_secret_value("deskwire/other")
    aws("secretsmanager").create_secret(Name="deskwire/binary", SecretBinary=b"x")
    with pytest.raises(ConfigurationError, match="deskwire/binary"):
        light.get_secret_value("deskwire/binary")


@pytest.fixture
def bucket(aws):
    aws("s3").create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return "archive"


@pytest.mark.parametrize("key", ["raw/a.json", "raw/a b+c%20/é~(1)*.json"])
def test_an_object_is_written_under_its_key(light, aws, bucket, key):
    light.put_object(bucket, key, b"\x00data", content_type="application/json")
    found = aws("s3").get_object(Bucket=bucket, Key=key)
    assert (found["Body"].read(), found["ContentType"]) == (b"\x00data", "application/json")


def test_a_missing_bucket_calls_a_person(light):
    with pytest.raises(ConfigurationError, match="NoSuchBucket"):
        light.put_object("nowhere", "raw/a", b"")


def test_a_browser_may_upload_with_the_form(light, aws, bucket):
    form = light.presigned_post(bucket, "incoming/a", "image/png", 100, 60, datetime.now(UTC))
    parts = [*form["fields"].items(), ("file", "PNG")]
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    request = urllib.request.Request(form["url"], (body + "--b--\r\n").encode(), headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 204
    assert aws("s3").get_object(Bucket=bucket, Key="incoming/a")["Body"].read() == b"PNG"


@pytest.mark.parametrize("token", [None, "token"])
def test_the_form_is_the_one_boto3_makes(token):
    light = Light({**KEYS, **({"AWS_SESSION_TOKEN": token} if token else {})})
    ours = light.presigned_post("archive", "incoming/a", "image/png", 100, 60, NOW)
    client = boto3.Session("testing", "testing", token, "eu-west-1").client(
        "s3", config=Config(signature_version="s3v4")
    )
    with (
        patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)),
        patch("botocore.signers.get_current_datetime", return_value=NOW.replace(tzinfo=None)),
    ):
        conditions = [{"Content-Type": "image/png"}, ["content-length-range", 1, 100]]
        theirs = client.generate_presigned_post("archive", "incoming/a", {"Content-Type": "image/png"}, conditions, 60)
    client.close()
    assert ours["fields"] == theirs["fields"]
    assert ours["url"] == "https://archive.s3.eu-west-1.amazonaws.com/"


# ------------------------------------------------------------------------------------------------ when it fails


@pytest.fixture
def near(neighbour):
    client = Light({**KEYS, "AWS_ENDPOINT_URL": neighbour.base})
    yield client
    client.close()


LETTER = Letter("thread", "event", "body")
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/mailbox.fifo"


def taken(answer, body=b"body"):
    return answer(json.dumps({"MessageId": "1", "MD5OfMessageBody": hashlib.md5(body).hexdigest()}).encode())


def refusal(answer, status, code, form="json"):
    if form == "header":
        return answer(b"{}", status, f"x-amzn-ErrorType: {code}:http://internal.amazon.com/coral/")
    if form == "xml":
        return answer(f"<?xml?><Error><Code>{code}</Code><Message>x</Message></Error>".encode(), status)
    return answer(
        json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "the customer's words"}).encode(), status
    )


def test_what_is_sent_is_small_ascii_and_signed(near, neighbour, answer):
    neighbour.plays = [taken(answer, "é".encode())]
    near.send_message(QUEUE, Letter("thread", "event", "é"))
    head, _, body = neighbour.requests[0].partition(b"\r\n\r\n")
    assert body.isascii()
    assert json.loads(body) == {
        "QueueUrl": QUEUE, "MessageBody": "é", "MessageGroupId": "thread", "MessageDeduplicationId": "event",
    }  # fmt: skip
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST / HTTP/1.1"
    assert f"Host: {neighbour.base.removeprefix('http://')}" in lines
    assert "X-Amz-Target: AmazonSQS.SendMessage" in lines
    assert any(line.startswith("Authorization: AWS4-HMAC-SHA256 Credential=testing/") for line in lines)


@pytest.mark.parametrize("failure", ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"])
def test_an_outage_is_tried_again_twice(near, neighbour, answer, failure):
    neighbour.plays = [refusal(answer, failure, "Oops"), refusal(answer, failure, "Oops"), taken(answer)]
    near.send_message(QUEUE, LETTER)
    assert len(neighbour.requests) == 3


@pytest.mark.parametrize("form", ["json", "header", "xml"])
def test_throttling_is_tried_again_then_given_up_without_doubt(near, neighbour, answer, form):
    neighbour.plays = [refusal(answer, "400 Bad Request", "ThrottlingException", form)]
    with pytest.raises(TemporaryError, match="ThrottlingException") as caught:
        near.send_message(QUEUE, LETTER)
    assert not caught.value.ambiguous
    assert len(neighbour.requests) == 3


def test_an_outage_that_lasts_is_doubtful(near, neighbour, answer):
    neighbour.plays = [refusal(answer, "500 Oops", "InternalFailure"), refusal(answer, "400 Bad", "Throttling")]
    with pytest.raises(TemporaryError) as caught:
        near.send_message(QUEUE, LETTER)
    assert caught.value.ambiguous


def test_it_gives_up_within_its_budget(neighbour):
    light = Light({**KEYS, "AWS_ENDPOINT_URL": neighbour.base}, budget=0.4)
    neighbour.plays = [lambda sock: time.sleep(1)]
    started = time.monotonic()
    with pytest.raises(TemporaryError) as caught:
        light.send_message(QUEUE, LETTER)
    assert caught.value.ambiguous
    assert time.monotonic() - started < 0.6


def test_one_slow_answer_leaves_time_for_another_try(neighbour, answer, monkeypatch):
    monkeypatch.setattr(light_module, "ATTEMPT", 0.2)
    light = Light({**KEYS, "AWS_ENDPOINT_URL": neighbour.base})
    neighbour.plays = [lambda sock: time.sleep(0.8), taken(answer)]
    started = time.monotonic()
    light.send_message(QUEUE, LETTER)
    assert time.monotonic() - started < 0.7
    assert len(neighbour.requests) == 2
    light.close()


def test_a_dropped_connection_is_tried_again(near, neighbour, answer):
    neighbour.plays = [taken(answer), CLOSE, taken(answer)]
    near.send_message(QUEUE, LETTER)
    near.send_message(QUEUE, LETTER)
    assert len(neighbour.requests) == 3


@pytest.mark.parametrize("play", [CLOSE, "500"])
def test_a_write_to_the_table_is_not_repeated_in_doubt(near, neighbour, answer, play):
    neighbour.plays = [refusal(answer, "500 Oops", "InternalServerError") if play else CLOSE]
    with pytest.raises(TemporaryError) as caught:
        near.update_item("deskwire", {"pk": "a", "sk": "b"})
    assert caught.value.ambiguous
    assert len(neighbour.requests) == 1


def test_a_write_to_the_table_is_repeated_when_it_was_throttled(near, neighbour, answer):
    throttled = refusal(answer, "400 Bad Request", "ProvisionedThroughputExceededException")
    neighbour.plays = [throttled, answer(b"{}")]
    near.update_item("deskwire", {"pk": "a", "sk": "b"})
    assert len(neighbour.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("400 Bad Request", "AccessDeniedException"),
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("403 Forbidden", "Unheard"),
        ("400 Bad Request", "UnrecognizedClientException"),
        ("400 Bad Request", "KmsAccessDenied"),
    ],
)
def test_a_wrong_right_or_key_calls_a_person_at_once(near, neighbour, answer, status, code):
    neighbour.plays = [refusal(answer, status, code)]
    with pytest.raises(ConfigurationError, match=code) as caught:
        near.send_message(QUEUE, LETTER)
    assert len(neighbour.requests) == 1
    assert "words" not in str(caught.value)


@pytest.mark.parametrize("code", ["InvalidMessageContents", "BatchRequestTooLong", ""])
def test_any_other_refusal_is_final(near, neighbour, answer, code):
    neighbour.plays = [refusal(answer, "400 Bad Request", code)]
    with pytest.raises(PermanentError) as caught:
        near.send_message(QUEUE, LETTER)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_another_digest_than_ours_is_doubtful(near, neighbour, answer):
    neighbour.plays = [taken(answer, b"other")]
    with pytest.raises(TemporaryError, match="another body") as caught:
        near.send_message(QUEUE, LETTER)
    assert caught.value.ambiguous


def batch(answer, *, successful=(), failed=()):
    return answer(json.dumps({"Successful": list(successful), "Failed": list(failed)}).encode())


def done(number, body="body"):
    return {"Id": str(number), "MessageId": "x", "MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest()}


def test_what_a_batch_did_not_take_is_reported(near, neighbour, answer):
    failed = [{"Id": "1", "Code": "InternalError", "SenderFault": False, "Message": "x"}]
    neighbour.plays = [batch(answer, successful=[done(0), done(2)], failed=failed)]
    (one,) = near.send_message_batch(QUEUE, [LETTER] * 3)
    assert (one.position, one.code, one.ours) == (1, "InternalError", False)


@pytest.mark.parametrize(
    "found",
    [[done(0)], [done(0), done(0)], [done(0), done(2)], [done(0), done(1, "other")], [done(0), {"Id": "x"}], []],
)
def test_a_batch_that_is_not_accounted_for_is_doubtful(near, neighbour, answer, found):
    neighbour.plays = [batch(answer, successful=found)]
    with pytest.raises(TemporaryError) as caught:
        near.send_message_batch(QUEUE, [LETTER] * 2)
    assert caught.value.ambiguous


@pytest.mark.parametrize(
    "letters", [[], [LETTER] * 11, [Letter("a", "b", "é" * 524_289)], [Letter("a", "b", "x" * 600_000)] * 2]
)
def test_what_sqs_would_refuse_is_not_sent(near, neighbour, letters):
    with pytest.raises(PermanentError):
        near.send_message_batch(QUEUE, letters)
    assert neighbour.requests == []


@given(st.lists(st.sampled_from([1, 1000, 200_000, 524_288, 524_289, 1_048_576]), max_size=30))
def test_batches_hold_what_sqs_takes_in_the_same_order(sizes):
    letters = [Letter("a", str(number), "x" * size) for number, size in enumerate(sizes)]
    found = list(batches(letters))
    assert [letter for batch in found for letter in batch] == letters
    for batch, after in zip(found, [*found[1:], None], strict=False):
        assert 1 <= len(batch) <= 10
        assert sum(len(letter.body) for letter in batch) <= 1_048_576
        if after:  # nothing is sent in two calls that fits into one
            assert len(batch) == 10 or sum(len(letter.body) for letter in [*batch, after[0]]) > 1_048_576


def test_an_answer_that_is_no_json_is_doubtful(near, neighbour, answer):
    neighbour.plays = [answer(b"<html>")]
    with pytest.raises(TemporaryError) as caught:
        near.send_message(QUEUE, LETTER)
    assert caught.value.ambiguous


# ------------------------------------------------------------------------------------------------ credentials


def granted(answer, key, expires):
    found = {"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": expires.isoformat()}
    return answer(json.dumps(found).encode())


def test_the_environment_gives_credentials_first():
    found = CredentialSource({**KEYS, "AWS_SESSION_TOKEN": "t", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x/"})(NOW)
    assert (found.access_key, found.secret_key, found.token) == ("testing", "testing", "t")


def test_without_any_credentials_a_person_is_called():
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID"):
        CredentialSource({})(NOW)


def test_the_containers_endpoint_gives_credentials_until_they_near_their_end(neighbour, answer, tmp_path):
    (tmp_path / "token").write_text("very-secret\n")
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{neighbour.base}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "ignored",
    }
    source = CredentialSource(environ)
    neighbour.plays = [
        granted(answer, "one", NOW + timedelta(hours=1)),
        granted(answer, "two", NOW + timedelta(hours=3)),
    ]
    moments = (0, 49, 51, 52)
    assert [source(NOW + timedelta(minutes=m)).access_key for m in moments] == ["one", "one", "two", "two"]
    assert len(neighbour.requests) == 2
    assert b"Authorization: very-secret\r\n" in neighbour.requests[0]
    source._wire.close()


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/", "http://169.254.169.254/"]
)
def test_credentials_are_not_asked_from_strangers(url):
    with pytest.raises(ConfigurationError):
        CredentialSource({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"})(NOW)


@pytest.mark.parametrize("play", [b"", "500", "nonsense"])
def test_an_endpoint_without_credentials_is_temporary(neighbour, answer, play):
    neighbour.plays = [{"500": answer(b"", "500 Oops"), "nonsense": answer(b'{"AccessKeyId":1}')}.get(play, CLOSE)]
    source = CredentialSource({"AWS_CONTAINER_CREDENTIALS_FULL_URI": neighbour.base})
    with pytest.raises(TemporaryError):
        source(NOW)
    source._wire.close()


def test_expired_credentials_are_fetched_anew_once(neighbour, answer):
    light = Light({
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": neighbour.base,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{neighbour.base}/credentials",
    })  # fmt: skip
    future = datetime.now(UTC) + timedelta(hours=1)
    expired = refusal(answer, "400 Bad Request", "ExpiredTokenException")
    neighbour.plays = [granted(answer, "one", future), expired, granted(answer, "two", future), taken(answer)]
    light.send_message(QUEUE, LETTER)
    assert b"Credential=two/" in neighbour.requests[3]
    neighbour.plays = [expired, granted(answer, "three", future), expired]
    with pytest.raises(ConfigurationError, match="ExpiredToken"):
        light.send_message(QUEUE, LETTER)
    light.close()
    light._credentials._wire.close()


# ------------------------------------------------------------------------------------------ endpoints, trust, cost


def test_without_a_region_a_person_is_called():
    with pytest.raises(ConfigurationError, match="AWS_REGION"):
        Light({})


def test_every_region_has_the_address_that_botocore_gives_it():
    text = Path(botocore.__file__).with_name("data").joinpath("endpoints.json").read_text()
    regions = {
        region: partition["dnsSuffix"]
        for partition in json.loads(text)["partitions"]
        for region in partition["regions"]
    }
    assert len(regions) > 30
    for region, suffix in regions.items():
        for service in ("sqs", "dynamodb", "secretsmanager"):
            assert Endpoints({}, region).service(service) == f"https://{service}.{region}.{suffix}"


def test_the_environment_may_name_an_endpoint_for_one_service_or_all():
    endpoints = Endpoints(
        {"AWS_ENDPOINT_URL": "http://a/", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://b"}, "eu-west-1"
    )
    assert (endpoints.service("sqs"), endpoints.service("secretsmanager")) == ("http://a", "http://b")
    assert endpoints.bucket("archive") == "http://a/archive/"


def test_a_bucket_with_a_dot_is_no_host_of_its_own():
    assert Endpoints({}, "eu-west-1").bucket("a.b") == "https://s3.eu-west-1.amazonaws.com/a.b/"
    assert Endpoints({}, "cn-north-1").bucket("archive") == "https://archive.s3.cn-north-1.amazonaws.com.cn/"


def test_the_roots_are_five_of_mozillas_and_valid_for_years():
    context = amazon()
    found = context.get_ca_certs()
    assert len(found) == ROOTS.count("BEGIN CERTIFICATE") == 5
    mozilla = ssl.create_default_context(cafile=certifi.where()).get_ca_certs(binary_form=True)
    assert set(context.get_ca_certs(binary_form=True)) <= set(mozilla)
    for certificate in found:
        subject = dict(pair for (pair,) in certificate["subject"])
        assert subject["organizationName"] in {"Amazon", "Starfield Technologies, Inc."}
        assert ssl.cert_time_to_seconds(certificate["notAfter"]) > datetime(2036, 1, 1, tzinfo=UTC).timestamp()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_another_authority_is_trusted_when_the_system_trusts_it(tls_server, monkeypatch, answer):
    def talk(secure):
        secure.recv(65536)
        secure.sendall(taken(answer))

    (_, port), certificate = tls_server("localhost", talk)
    light = Light({**KEYS, "AWS_ENDPOINT_URL": f"https://localhost:{port}"})
    with pytest.raises(TemporaryError, match="not trusted") as caught:
        light.send_message(QUEUE, LETTER)
    assert not caught.value.ambiguous
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    light = Light({**KEYS, "AWS_ENDPOINT_URL": f"https://localhost:{port}"})
    light.send_message(QUEUE, LETTER)
    light.close()


kept = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(kept)
def test_a_value_comes_back_as_it_was_kept(value):
    assert decode(json.loads(json.dumps(encode(value)))) == value


@pytest.mark.parametrize("value", [1.5, {1}, object()])
def test_what_deskwire_does_not_keep_is_not_encoded(value):
    with pytest.raises(TypeError):
        encode(value)


def test_the_client_loads_the_standard_library_only_and_little_of_it():
    code = """
import json, logging, traceback, decimal, warnings, re, importlib
import sys
before = set(sys.modules)
import deskwire.aws.light, deskwire.web.rest
new = set(sys.modules) - before
print(len(new), *sorted({name.partition(".")[0] for name in new} - sys.stdlib_module_names))
"""
    path = {"PYTHONPATH": "layers/deskwire"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    count, *others = done.stdout.split()
    assert others == ["deskwire"]
    assert int(count) <= 110


def test_a_batch_is_weighed_in_bytes():
    letters = [Letter(str(number), str(number), "€" * 200_000) for number in range(3)]  # 600 kB each
    assert [len(each) for each in batches(letters)] == [1, 1, 1]

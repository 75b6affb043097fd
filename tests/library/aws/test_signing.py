"""Our signatures are byte-equal to botocore's."""

import functools
import json
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import botocore.auth
import botocore.signers
import pytest
from boto3.session import Session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as Witness
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.aws.signing import OWN, UNSIGNED, Credentials, Scope, presign_post, sign

printable = st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_characters="\x7f")
token = st.one_of(st.none(), st.text(st.sampled_from("ABCxyz019+/="), min_size=1, max_size=40))
names = st.one_of(
    st.sampled_from(
        [
            "Content-Type",
            "X-Amz-Target",
            "x-custom",
            "X-CUSTOM",
            "Host",
            "User-Agent",
            "A-b_c",
            *sorted(UNSIGNED),
        ]
    ),
    st.text(st.sampled_from("abcXYZ-_09"), min_size=1, max_size=12),
).filter(lambda name: name.lower() not in OWN)
values = st.text(st.one_of(printable, st.sampled_from(" \t\u00a0")), max_size=30)
segment = st.one_of(
    st.sampled_from(["..", ".", "", "a b", "ü", "%20", "~x", "a+b", "日本", "*", "(1)"]),
    st.text(st.sampled_from("ab%/.~é "), max_size=8),
)
query = st.lists(
    st.tuples(
        st.text(st.sampled_from("abAB09-_.~%"), max_size=4),
        st.sampled_from(["", "=", "=1", "=%20", "=b", "=a=b"]),
    ).map("".join),
    max_size=6,
).map("&".join)
hosts = st.sampled_from(
    [
        "sqs.eu-west-1.amazonaws.com",
        "SQS.eu-west-1.amazonaws.com",
        "localhost:4566",
        "127.0.0.1:80",
        "s3.amazonaws.com:443",
        "user:pw@h.example",
        "[::1]:5000",
    ]
)
urls = st.builds(
    lambda scheme, host, path, query: f"{scheme}://{host}{path}{'?' + query if query else ''}",
    st.sampled_from(["http", "https"]),
    hosts,
    st.lists(segment, max_size=5).map(lambda parts: "/" + "/".join(parts) if parts else ""),
    query,
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "post"]),
    url=urls,
    headers=st.dictionaries(names, values, max_size=6),
    body=st.binary(max_size=200),
    secret=st.text(st.sampled_from("abcXYZ019+/"), min_size=1, max_size=40),
    session=token,
    service=st.sampled_from(["sqs", "dynamodb", "secretsmanager", "s3"]),
    region=st.sampled_from(["eu-west-1", "us-east-1", "cn-north-1"]),
    at=moments,
)
def test_every_header_is_the_one_botocore_sends(
    *,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes,
    secret: str,
    session: str | None,
    service: str,
    region: str,
    at: datetime,
) -> None:
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    signer = {"s3": botocore.auth.S3SigV4Auth}.get(service, botocore.auth.SigV4Auth)
    with patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)):
        signer(Witness("AKIDEXAMPLE", secret, session), service, region).add_auth(request)
    ours = sign(method, url, headers, body, Credentials("AKIDEXAMPLE", secret, session), Scope(service, region, at))
    assert sorted(ours.items()) == sorted(request.headers.items())


@functools.cache
def witness(session: str | None) -> Any:
    """Return boto3's client; it takes long to make, so the few sessions share theirs."""
    config = Config(signature_version="s3v4")
    return Session("AKIDEXAMPLE", "secret", session, "eu-west-1").client("s3", config=config)


@settings(max_examples=60, deadline=None)
@given(
    key=st.text(st.sampled_from("abc/é ${}'\""), min_size=1, max_size=30).filter(
        lambda key: not key.endswith("${filename}")
    ),
    content_type=st.sampled_from(["image/png", "application/octet-stream"]),
    most=st.integers(1, 10**9),
    seconds=st.integers(1, 604800),
    session=st.sampled_from([None, "session/+="]),
    at=moments,
)
def test_an_upload_form_is_the_one_boto3_presigns(
    key: str, content_type: str, most: int, seconds: int, session: str | None, at: datetime
) -> None:
    client = witness(session)
    fields = {"Content-Type": content_type}
    conditions: list[object] = [{"Content-Type": content_type}, ["content-length-range", 1, most]]
    with (
        patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)),
        patch("botocore.signers.get_current_datetime", return_value=at.replace(tzinfo=None)),
    ):
        theirs = client.generate_presigned_post("archive", key, fields, conditions, seconds)
    ours = presign_post(
        {**fields, "key": key},
        [*conditions, {"bucket": "archive"}, {"key": key}],
        Credentials("AKIDEXAMPLE", "secret", session),
        Scope("s3", "eu-west-1", at),
        seconds=seconds,
    )
    assert ours == theirs["fields"]


def test_the_policy_of_an_upload_form_names_everything_it_limits() -> None:
    form = presign_post(
        {"key": "incoming/a"},
        [{"key": "incoming/a"}],
        Credentials("AKIDEXAMPLE", "secret", "session"),
        Scope("s3", "eu-west-1", datetime(2026, 11, 21, tzinfo=UTC)),
        seconds=60,
    )
    policy = json.loads(b64decode(form["policy"]))
    assert policy["expiration"] == "2026-11-21T00:01:00Z"
    assert {"x-amz-security-token": "session"} in policy["conditions"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_signing_a_signed_request_again_gives_the_same_headers(method: str) -> None:
    scope = Scope("sqs", "eu-west-1", datetime(2026, 11, 21, tzinfo=UTC))
    credentials = Credentials("AKIDEXAMPLE", "secret", "session")
    once = sign(method, "https://sqs.eu-west-1.amazonaws.com/", {"X-Amz-Target": "a"}, b"{}", credentials, scope)
    assert sign(method, "https://sqs.eu-west-1.amazonaws.com/", once, b"{}", credentials, scope) == once


def test_the_key_is_not_in_the_repr_of_credentials() -> None:
    text = repr(Credentials("AKIDEXAMPLE", "very-secret", "very-session"))
    assert "very" not in text
    assert "AKID" not in text

"""What a connector may reach is bound to its own connection."""

import io
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from deskwire.aws.transport import SignedTransport
from deskwire.configuration import Connection, HelpdeskConnection
from deskwire.conversation.directory import Directory, reporting
from deskwire.model.errors import ConfigurationError, PermanentError
from deskwire.model.secret import Secrets
from deskwire.model.tickets import File
from deskwire.ports.memory import MemoryTable
from deskwire.telemetry import Telemetry
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, Call

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PAGE = Connection(name="page", channel="messenger", account="1", endpoint="meta", secret="page", helpdesk="acme")
DESK = HelpdeskConnection(name="acme", connector="zendesk", secret="desk", settings={"subdomain": "acme"})


def directory(**more):
    return Directory(
        table=MemoryTable(), clock=lambda: NOW, secrets=lambda name: Secrets({"token": f"of {name}"}, entry=name),
        http=None, mail=None, **more,
    )  # fmt: skip


def test_a_download_goes_to_the_connector_s_media_hosts_and_those_it_names():
    asked = []

    def fetch(call, hosts):
        asked.append((call, hosts))
        return File("a", "b/c", b"")

    channel, outside = directory(fetch=fetch).channel_of(PAGE)
    helpdesk, inside = directory(fetch=fetch).helpdesk_of(DESK)
    call = Call("GET", "https://scontent.fbcdn.net/a")
    outside.fetch(call)
    outside.fetch(call, ("other.example",))
    inside.fetch(call)
    assert asked == [
        (call, channel.media_hosts), (call, (*channel.media_hosts, "other.example")), (call, helpdesk.media_hosts),
    ]  # fmt: skip


def test_an_original_is_read_below_the_endpoint_s_own_prefix_alone():
    read = []
    _, outside = directory(original=read.append).channel_of(PAGE)
    outside.original("2026/mail-1")
    outside.original("../other/mail-1")  # S3 knows no parent: a name like any other, below the prefix
    assert read == ["originals/meta/2026/mail-1", "originals/meta/../other/mail-1"]


def test_aws_is_asked_for_the_connector_s_services_alone(monkeypatch):
    sent = []
    environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "invented"}
    signed = SignedTransport(environ, lambda call: sent.append(call) or Answer(200), lambda: NOW)
    channel, outside = directory(aws=signed).channel_of(PAGE)
    with pytest.raises(ConfigurationError, match="does not declare the AWS service s3"):
        outside.aws("s3", "GET", "/")
    monkeypatch.setattr(type(channel), "aws_services", ("social-messaging",))
    _, outside = directory(aws=signed).channel_of(PAGE)
    for path in ("", "v1", "@evil.example/", ".evil.example/", "/a b", "/a\r\nX: y", "/a#b"):
        with pytest.raises(PermanentError):
            outside.aws("social-messaging", "POST", path, b"{}")
    assert sent == []
    outside.aws("social-messaging", "POST", "/v1/whatsapp/send", b"{}")
    (call,) = sent
    assert call.url == "https://social-messaging.eu-west-1.amazonaws.com/v1/whatsapp/send"
    expected = AWSRequest("POST", call.url, data=b"{}", headers={})
    signer = SigV4Auth(BotoCredentials("AKIDEXAMPLE", "invented"), "social-messaging", "eu-west-1")
    expected.context["timestamp"] = call.headers["X-Amz-Date"]
    text = signer.string_to_sign(expected, signer.canonical_request(_stamped(expected)))
    assert call.headers["Authorization"].endswith(signer.signature(text, expected))


def _stamped(request):
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    return request


def test_what_is_left_out_of_an_answer_is_counted_and_named_by_its_place_alone():
    lines = io.StringIO()
    telemetry = Telemetry("test", stream=lines, now=lambda: 0)
    _, reach = directory(left_out=reporting(telemetry)).helpdesk_of(DESK)
    reach.left_out("reading the replies", Node({"comments": [{"id": "Anna's words"}]}, "body")["comments"][0]["id"])
    telemetry.flush()
    said = lines.getvalue()
    assert '"connection":"acme"' in said
    assert "reading the replies: body.comments[0].id" in said
    assert '"LeftOut":1' in said
    assert "Anna" not in said


def test_what_is_not_given_is_refused():
    _, outside = directory().channel_of(PAGE)
    with pytest.raises(ConfigurationError):
        outside.fetch(Call("GET", "https://scontent.fbcdn.net/a"))

"""A notice of AWS is let in from the endpoint's own sources, and nothing else can pose as one."""

from datetime import UTC, datetime

import pytest

from deskwire.model.errors import ConfigurationError, SignatureError
from deskwire.model.secret import Secrets
from deskwire.verification.arn import Arn
from deskwire.verification.rule import Context
from deskwire.web.request import Request

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:inbound"
BUCKET = "arn:aws:s3:::mails"


def verify(source, setting=f"{TOPIC} {BUCKET}"):
    request = Request(method="POST", endpoint="inbound", body=b"{}", source=source, received_at=NOW)
    settings = {} if setting is None else {"source": setting}
    return Arn().verify(request, Secrets({}), Context(NOW, None, settings))


@pytest.mark.parametrize("source", [TOPIC, BUCKET])
def test_the_endpoint_s_own_sources_are_let_in(source):
    assert verify(source) == {}


@pytest.mark.parametrize(
    "source",
    ["", "203.0.113.7", "arn:aws:sns:eu-west-1:999999999999:inbound", TOPIC + "2", TOPIC[:-1], TOPIC.upper(),
     f"{TOPIC} {BUCKET}", f" {TOPIC}", "arn:aws:sns:eu-west-1:123456789012:*", "arn:"],
)  # fmt: skip
def test_another_source_is_refused(source):
    with pytest.raises(SignatureError):
        verify(source)


@pytest.mark.parametrize("setting", [None, "", "  ", "inbound", "203.0.113.7"])
def test_an_endpoint_without_a_source_lets_in_nothing(setting):
    with pytest.raises(ConfigurationError):
        verify("203.0.113.7", setting)


def test_it_signs_what_it_verifies():
    request = Request(method="POST", endpoint="inbound", body=b"{}", received_at=NOW, facts={"setting.source": TOPIC})
    assert verify(Arn().sign(request, Secrets({}), NOW).source) == {}

"""`deskwire capture`: a body becomes a signed capture and the expected result that conformance takes."""

import json
from pathlib import Path

import pytest

from deskwire.model.errors import SignatureError
from deskwire.model.secret import Secrets
from deskwire.registry import channel
from tests.conformance import world

ROOT = Path(__file__).parents[2]
BODY = json.loads((ROOT / "events" / "messenger" / "text.json").read_text())["body"].encode()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with the secrets of Messenger's captures, where the suite looks for captures too."""
    folder = tmp_path / "events" / "messenger"
    folder.mkdir(parents=True)
    (folder / "secrets.json").write_text((ROOT / "events" / "messenger" / "secrets.json").read_text())
    monkeypatch.setattr(world, "EVENTS", tmp_path / "events")
    monkeypatch.setattr(world, "EXPECTED", tmp_path / "tests" / "expected")
    return tmp_path


@pytest.fixture
def body(tmp_path):
    path = tmp_path / "body.json"
    path.write_bytes(BODY)
    return path


def test_a_raw_body_becomes_a_capture_and_what_it_must_become(deskwire, root, body):
    told = deskwire("capture", "messenger", "hello", body, "--root", root)
    assert told.status == 0
    assert "events/messenger/hello.json" in told.out
    assert "tests/expected/messenger/hello.json" in told.out
    capture = world.Capture("messenger", "hello")
    assert capture.signed
    assert capture.request.body == BODY  # verified by the rule, with the secrets beside it
    events, _ = world.parsed("messenger", capture.request)
    assert events
    assert [event.to_json() for event in events] == capture.expected["events"]


def test_the_signature_is_a_true_one(deskwire, root, body):
    deskwire("capture", "messenger", "hello", body, "--root", root)
    arrived = world.Capture("messenger", "hello").arrived
    with pytest.raises(SignatureError):
        channel("messenger").verification.verify(
            arrived, Secrets({"app_secret": "another"}), world.context("messenger", arrived.received_at)
        )


def test_what_no_connector_can_read_is_expected_to_be_parked(deskwire, root, body):
    body.write_text("{")
    assert deskwire("capture", "messenger", "broken", body, "--root", root).status == 0
    assert world.Capture("messenger", "broken").expected == {"error": "PayloadError"}


def test_a_capture_of_api_gateways_is_signed_anew(deskwire, root):
    """What was captured with a real secret must not go into the repository with its signature."""
    given = ROOT / "events" / "messenger" / "signed-with-another-secret.json"
    assert deskwire("capture", "messenger", "hello", given, "--root", root).status == 0
    made = world.Capture("messenger", "hello")
    assert made.request.header("x-hub-signature-256") != json.loads(given.read_text())["headers"]["x-hub-signature-256"]


def test_nothing_is_replaced_unasked(deskwire, root, body):
    deskwire("capture", "messenger", "hello", body, "--root", root)
    file = root / "tests" / "expected" / "messenger" / "hello.json"
    file.write_text("mine")
    told = deskwire("capture", "messenger", "hello", body, "--root", root)
    assert (told.status, file.read_text()) == (2, "mine")
    assert "--force" in told.err
    assert deskwire("capture", "messenger", "hello", body, "--root", root, "--force").status == 0
    assert file.read_text() != "mine"


def test_the_secrets_to_sign_with_must_be_there(deskwire, tmp_path, body):
    told = deskwire("capture", "messenger", "hello", body, "--root", tmp_path)
    assert told.status == 2
    assert "app_secret" in told.err
    assert not (tmp_path / "tests").exists()


@pytest.mark.parametrize("what", ["../up", "secrets", "", "a.b"])
def test_a_name_that_is_none_is_refused(deskwire, root, body, what):
    assert deskwire("capture", "messenger", what, body, "--root", root).status == 2


def test_what_only_the_platform_can_sign_is_said_to_be(deskwire, root, body):
    (root / "events" / "google").mkdir()
    (root / "events" / "google" / "secrets.json").write_text("{}")
    told = deskwire("capture", "google", "hello", body, "--root", root)
    assert told.status == 1
    assert not (root / "events" / "google" / "hello.json").exists()


def test_a_helpdesks_signal_is_captured_as_well(deskwire, root, body):
    folder = root / "events" / "zendesk"
    folder.mkdir()
    (folder / "secrets.json").write_text((ROOT / "events" / "zendesk" / "secrets.json").read_text())
    body.write_text('{"ticket_id": "88231"}')
    told = deskwire("capture", "zendesk", "signalled", body, "--root", root)
    assert told.status == 0
    assert "of ticket 88231" in told.out
    (signal,) = world.Capture("zendesk", "signalled").expected["events"]
    assert (signal["about"], signal["ticket"]) == ("ticket", "88231")

"""`deskwire send-capture`: what it asks of the running sandbox, and what it says."""

from pathlib import Path

import pytest

from sandbox.neighbours.neighbour import Neighbour, Reply, route

CAPTURE = Path(__file__).parents[2] / "events" / "messenger" / "text.json"
FILED = {"kind": "message", "id": "m_1", "outcome": "filed", "reason": "", "ticket": "7"}


class Control(Neighbour):
    """A sandbox that answers as ordered."""

    status = 200

    def authorize(self, asked):
        return None if asked.header("authorization") == "Bearer t0ken" else Reply.json(401, {"error": "not the token"})

    @route("POST", "/captures/{connector}")
    def capture(self, asked, connector):
        if connector == "x":
            return Reply.json(404, {"error": "the running sandbox plays no “x”"})
        assert asked.json()["requestContext"]["http"]["method"] == "POST"
        return Reply.json(200, {"status": self.status, "events": [FILED], "tickets": "http://127.0.0.1:1/agent"})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def control(tmp_path):
    """A running sandbox, which this checkout knows of."""
    with Control() as played:
        (tmp_path / ".sandbox").mkdir()
        words = f"export DESKWIRE_CONTROL={played.address}\nexport DESKWIRE_CONTROL_TOKEN='t0ken'\n"
        (tmp_path / ".sandbox" / "environment").write_text(words)
        yield played


def test_a_capture_is_delivered_and_its_outcome_told(deskwire, control):
    told = deskwire("send-capture", CAPTURE)
    assert told.status == 0
    assert "answered 200" in told.out
    assert "message m_1: filed, ticket 7" in told.out
    assert control.books.count("POST", "/captures/messenger") == 1


def test_one_that_is_not_taken_is_a_failure(deskwire, control):
    control.status = 401
    assert deskwire("send-capture", CAPTURE).status == 1


def test_another_connector_may_be_named(deskwire, control):
    told = deskwire("send-capture", CAPTURE, "--connector", "x")
    assert told.status == 1
    assert "plays no “x”" in told.err


def test_without_a_sandbox_it_says_how_to_start_one(deskwire):
    told = deskwire("send-capture", CAPTURE)
    assert told.status == 1
    assert "make sandbox" in told.err


def test_a_sandbox_that_has_ended_is_told(deskwire, control):
    control.stop()
    told = deskwire("send-capture", CAPTURE)
    assert told.status == 1
    assert "still running" in told.err


@pytest.mark.parametrize(("name", "words"), [("missing.json", "No such file"), ("body.json", "no captured event")])
def test_a_file_that_is_no_capture_is_refused(deskwire, control, tmp_path, name, words):
    (tmp_path / "body.json").write_text("{}")
    told = deskwire("send-capture", tmp_path / name, "--connector", "messenger")
    assert told.status == 2
    assert words in told.err


def test_a_handshake_is_no_delivery(deskwire, control):
    told = deskwire("send-capture", CAPTURE.with_name("handshake.json"))
    assert told.status == 2
    assert "handshake" in told.err
    assert not control.books.entries()


def test_a_file_of_no_connectors_folder_needs_the_name(deskwire, control, tmp_path):
    (tmp_path / "text.json").write_bytes(CAPTURE.read_bytes())
    told = deskwire("send-capture", "text.json")
    assert told.status == 2
    assert "--connector" in told.err

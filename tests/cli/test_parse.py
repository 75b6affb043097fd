"""`deskwire parse`: what Deskwire makes of each file, and what it says of those it cannot read."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_CAPTURES = {"secrets", "settings", "outside", "needed"}
FIELDS = {
    "kind", "key", "object_id", "thread", "account", "visibility", "author", "own", "text", "occurred_at",
    "attachments", "reply_to",
}  # fmt: skip
MENTION = ROOT / "events" / "x" / "mention.json"


def captures():
    for path in sorted((ROOT / "events").glob("*/*.json")):
        expected = ROOT / "tests" / "expected" / path.parent.name / path.name
        if path.stem not in NO_CAPTURES and expected.exists():
            yield pytest.param(path, json.loads(expected.read_text()), id=f"{path.parent.name}/{path.stem}")


def objects(told):
    return [json.loads(line) for line in told.out.splitlines()]


def body_of(path):
    event = json.loads(path.read_text())
    return base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event["body"].encode()


@pytest.mark.parametrize(("path", "expected"), list(captures()))
def test_every_capture_gives_its_events_one_a_line(deskwire, path, expected):
    told = deskwire("parse", path.parent.name, path)
    found = objects(told)
    if "events" in expected:
        events = [item for item in found if "error" not in item]
        # What only verification knows (a captcha's result) is not known here.
        assert [event | {"no_automatic_reply": None} for event in events] == [
            event | {"no_automatic_reply": None} for event in expected["events"]
        ]
        assert len(found) - len(events) == expected.get("unreadable", 0)
    elif expected == {"error": "PayloadError"}:
        assert [set(item) for item in found] == [{"error", "file"}]
    assert told.status == (1 if any("error" in item for item in found) else 0)


def test_an_event_has_every_name_the_readme_promises(deskwire):
    (event,) = objects(deskwire("parse", "x", MENTION))
    assert set(event) >= FIELDS
    assert set(event["author"]) >= {"id", "name"}


def test_a_raw_body_is_read_as_the_captured_event_is(deskwire, tmp_path):
    raw = tmp_path / "body.json"
    raw.write_bytes(body_of(MENTION))
    assert objects(deskwire("parse", "x", raw)) == objects(deskwire("parse", "x", MENTION))


def test_a_captured_event_in_base64_is_read(deskwire, tmp_path):
    event = json.loads(MENTION.read_text())
    event |= {"body": base64.b64encode(body_of(MENTION)).decode(), "isBase64Encoded": True}
    encoded = tmp_path / "event.json"
    encoded.write_text(json.dumps(event))
    assert objects(deskwire("parse", "x", encoded)) == objects(deskwire("parse", "x", MENTION))


def test_stdin_is_read(program):
    told = program("parse", "x", "-", given=body_of(MENTION))
    assert told.status == 0
    assert [event["kind"] for event in objects(told)] == ["message"]


def test_a_helpdesk_is_parsed_as_well(deskwire):
    told = deskwire("parse", "zendesk", ROOT / "events" / "zendesk" / "comment_added.json")
    assert told.status == 0
    assert {signal["about"] for signal in objects(told)} == {"ticket"}


def test_a_helpdesk_s_raw_body_needs_no_endpoint(deskwire, tmp_path):
    raw = tmp_path / "body.json"
    raw.write_bytes(b'{"ticket_id": "88231"}')
    told = deskwire("parse", "zendesk", raw)
    assert told.status == 0
    assert [(signal["about"], signal["ticket"]) for signal in objects(told)] == [("ticket", "88231")]


def test_a_header_that_came_with_a_raw_body_can_be_given(deskwire, tmp_path):
    capture = ROOT / "events" / "google" / "unwrapped.json"
    raw = tmp_path / "body.json"
    raw.write_bytes(body_of(capture))
    name = "x-goog-pubsub-message-id"
    number = json.loads(capture.read_text())["headers"][name]
    given = objects(deskwire("parse", "google", raw, "--header", f"X-Goog-PubSub-Message-Id: {number}"))
    assert given == objects(deskwire("parse", "google", capture))
    assert given != objects(deskwire("parse", "google", raw))


@pytest.fixture
def told_of_settings(monkeypatch):
    """Let X's parser keep the settings of each request."""
    from deskwire import registry

    told = []
    monkeypatch.setattr(type(registry.channel("x")), "parse", lambda _, request: told.append(request.settings) or ())
    return told


def test_a_setting_of_the_endpoint_reaches_the_parser_as_it_does_in_receive(deskwire, tmp_path, told_of_settings):
    capture = tmp_path / "mention.json"
    capture.write_text(MENTION.read_text())
    deskwire("parse", "x", capture, "--setting", "lang=is=IS", "--setting", "form=a")
    (tmp_path / "settings.json").write_text('{"lang": "de", "more": "b"}')
    deskwire("parse", "x", capture)
    deskwire("parse", "x", capture, "--setting", "lang=is")
    assert told_of_settings == [
        {"lang": "is=IS", "form": "a"}, {"lang": "de", "more": "b"}, {"lang": "is", "more": "b"},
    ]  # fmt: skip


def test_a_setting_without_a_value_is_refused(deskwire):
    told = deskwire("parse", "x", MENTION, "--setting", "nonsense")
    assert told.status == 2
    assert "name=value" in told.err


def test_a_header_without_a_colon_is_refused(deskwire):
    told = deskwire("parse", "x", MENTION, "--header", "nonsense")
    assert told.status == 2
    assert "'Name: value'" in told.err


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"[" * 100_000,
     b'"\xed\xa0\x80"',
     b'{"requestContext": {"http": 7}, "body": {}}', b'{"requestContext": {"http": {"method": "POST"}}, "body": 7}',
     b'{"requestContext": {"http": {"method": "POST"}}, "body": "%", "isBase64Encoded": true}',
     b'{"requestContext": {}, "httpMethod": "POST", "body": "{}"}'],
)  # fmt: skip
def test_what_cannot_be_read_gives_one_error_line_and_the_others_go_on(deskwire, tmp_path, content):
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    told = deskwire("parse", "x", MENTION, bad, MENTION)
    assert told.status == 1
    before, error, after = objects(told)
    assert before == after
    assert set(error) == {"error", "file"}
    assert error["error"]
    assert error["file"] == str(bad)


def test_an_event_of_a_rest_api_says_what_to_capture_instead(deskwire, tmp_path):
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"httpMethod": "POST", "requestContext": {"stage": "prod"}, "body": "{}"}))
    (error,) = objects(deskwire("parse", "x", old))
    assert "payload 2.0" in error["error"]


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.json", "No such file or directory"), ("", "Is a directory")], ids=["file", "folder"]
)
def test_a_file_that_is_not_there_gives_an_error_line(deskwire, tmp_path, name, reason):
    told = deskwire("parse", "x", tmp_path / name, MENTION)
    assert told.status == 1
    error, event = objects(told)
    assert error == {"error": reason, "file": str(tmp_path / name)}
    assert event["kind"] == "message"


def test_one_bad_fragment_leaves_the_readable_events(deskwire):
    told = deskwire("parse", "facebook", ROOT / "events" / "facebook" / "one-bad-change.json")
    found = objects(told)
    assert told.status == 1
    assert [item for item in found if "error" in item]
    assert [item for item in found if "error" not in item]


def test_a_body_given_up_halfway_gives_no_event(deskwire, monkeypatch):
    from deskwire import registry
    from deskwire.model.errors import PayloadError

    whole = type(registry.channel("x")).parse

    def parse(self, request):
        yield from whole(self, request)
        raise PayloadError("given up")

    monkeypatch.setattr(type(registry.channel("x")), "parse", parse)
    assert objects(deskwire("parse", "x", MENTION)) == [{"error": "given up", "file": str(MENTION)}]


def test_a_connector_s_own_fault_is_an_error_line_without_a_traceback(deskwire, monkeypatch):
    from deskwire import registry

    monkeypatch.setattr(type(registry.channel("x")), "parse", lambda self, request: 1 / 0)
    told = deskwire("parse", "x", MENTION)
    assert told.status == 1
    assert objects(told) == [{"error": "the connector x failed with ZeroDivisionError", "file": str(MENTION)}]


def test_an_unknown_channel_is_named_with_those_there_are(deskwire):
    told = deskwire("parse", "myspace", MENTION)
    assert told.status == 2
    assert told.out == ""
    assert "messenger" in told.err
    assert "zendesk" in told.err


def test_a_handshake_gives_no_event(deskwire):
    told = deskwire("parse", "x", ROOT / "events" / "x" / "handshake.json")
    assert (told.status, told.out) == (0, "")
    assert "no delivery" in told.err


def test_no_text_of_a_customer_breaks_the_lines(deskwire, tmp_path):
    raw = tmp_path / "body.json"
    raw.write_bytes(body_of(MENTION).replace(b'"text":"', b'"text":"\\u2028\\u0085\\n'))
    (event,) = objects(deskwire("parse", "x", raw))
    assert "\u2028\u0085\n" in event["text"]


def test_it_speaks_utf_8_whatever_the_locale(program):
    scripts = ROOT / "events" / "x" / "mention_in_many_scripts.json"
    told = program("parse", "x", scripts, environment={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert told.status == 0
    assert not told.out.isascii()


def test_it_needs_no_aws_and_loads_nothing_heavy(program):
    code = (
        "import sys; from cli.main import main; main(['parse', 'x', sys.argv[1]]);"
        "print([n for n in ('boto3', 'botocore', 'pydantic', 'rich', 'yaml', 'requests', 'cryptography')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(MENTION)],
        capture_output=True, text=True, check=True, timeout=60,
        env={"PYTHONPATH": f"{ROOT / 'layers' / 'deskwire'}:{ROOT}"},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_thousand_files_are_one_run(deskwire):
    told = deskwire("parse", "x", *[MENTION] * 1000)
    assert told.status == 0
    assert len(told.out.splitlines()) == 1000

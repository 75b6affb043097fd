"""`deskwire judge`, `incident try` and `answers try`: files in, lines of JSON out, a sentence for a wrong file."""

import json
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "deskwire.example.yaml"
SEVEN = "is,fa,sr-Latn,sr-Cyrl,sq,pl,en"
CARD = "My card 4111 1111 1111 1111 was charged twice!"
COMMANDS = {
    "judge": ["judge"],
    "incident": ["incident", "try"],
    "answers": ["answers", "try", "--file", EXAMPLE],
}


def lines(told):
    """Return what was printed, an object a line."""
    assert told.status == 0, told
    return [json.loads(line) for line in told.out.splitlines()]


@pytest.fixture
def file(tmp_path):
    """Write messages into a file."""

    def write(*rows):
        path = tmp_path / "messages.jsonl"
        path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows))
        return path

    return write


def test_each_message_is_judged_and_its_other_keys_are_kept(deskwire, file):
    rows = [
        {"text": CARD, "id": 7},
        {"text": "Где је моја пошиљка? Чекам већ недељу дана", "label": None},
        {"text": "ok"},
    ]
    card, serbian, short = lines(deskwire("judge", "--languages", SEVEN, "--visibility", "public", file(*rows)))
    assert (card["id"], serbian["label"]) == (7, None)
    assert (card["language"], serbian["language"], short["language"]) == ("en", "sr-Cyrl", None)
    assert (card["heat"], short["heat"], short["kind"]) == ("hot", "cold", "mention")
    assert card["private"] == ["card"]
    assert "holds a card number in public" in card["reasons"]
    assert all(-1 <= each["mood"] <= 1 for each in (card, serbian, short))


def test_stdin_is_read_with_a_byte_order_mark_and_empty_lines(program):
    told = program("judge", "-", given='\ufeff{"text": "Thank you!"}\r\n\r\n{"text": "ok"}'.encode())
    assert [each["text"] for each in lines(told)] == ["Thank you!", "ok"]


def test_an_incident_is_opened_and_closed(deskwire, file):
    rows = [
        {"at": f"2026-11-02T10:{minute:02}:00Z", "customer": f"c{minute}", "text": "The app is down, I cannot pay"}
        for minute in range(0, 40, 2)
    ]
    after = {"at": "2026-11-03T10:00:00+01:00", "customer": "c", "text": "Thanks"}
    opened, closed = lines(deskwire("incident", "try", "--languages", "pl,en", file(*rows, after)))
    assert (opened["incident"], opened["topic"], closed["incident"]) == ("opened", "app", "closed")


def test_a_declared_answer_is_found_at_its_hours(deskwire, file):
    asked = file({"text": "What are your opening hours", "channel": "messenger"})
    command = ("answers", "try", "--file", EXAMPLE)
    assert lines(deskwire(*command, asked))[0]["answer"] == "opening-hours"
    assert lines(deskwire(*command, "--hours", "open", asked))[0]["answer"] is None


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"text": ', "this is no JSON: write one object a line: {"),
        (b"text,customer", "this is no JSON"),
        (b"[" * 100_000, "this is no JSON"),
        (b'{"text": "\xff"}', "this is not UTF-8"),
        (b"\x00\x01\x02", "this is no JSON"),
        (b"[1]", "this is no object: write one a line: {"),
        (b'{"at": "2026-11-02T09:30:00Z", "customer": "c", "txt": "a"}', "“text” is missing or no string: write {"),
        (b'{"at": "2026-11-02T09:30:00Z", "customer": "c", "text": 5}', "“text” is missing or no string"),
    ],
    ids=["broken", "a table", "deep", "another encoding", "binary", "a list", "another key", "a number"],
)
def test_a_wrong_line_is_told_by_its_place_and_nothing_is_printed(deskwire, file, name, row, reason):
    path = file({"at": "2026-11-02T09:00:00Z", "customer": "c", "text": "ok"}, row)
    told = deskwire(*COMMANDS[name], path)
    assert (told.status, told.out) == (2, "")
    assert told.err.startswith(f"deskwire: {path}, line 2: {reason}")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"at": "yesterday"}, "“yesterday” is no time: write it like 2026-"),
        ({"at": "2026-11-02T08:59:59Z"}, "this is older than the line before it: sort"),
        ({"customer": 7}, "“customer” is missing or no string: write"),
    ],
    ids=["no time", "order", "customer"],
)
def test_a_line_of_no_use_to_incidents_is_told(deskwire, file, row, reason):
    good = {"at": "2026-11-02T09:00:00Z", "customer": "c", "text": "ok"}
    told = deskwire("incident", "try", file(good, b"", good | row))
    assert (told.status, told.out) == (2, "")
    assert f"line 3: {reason}" in told.err


@pytest.mark.parametrize("tags", ["english", "EN", "sr_Latn", "!!"])
def test_what_is_no_language_is_refused(deskwire, file, tags):
    for command in (["judge"], ["incident", "try"]):
        told = deskwire(*command, "--languages", f"pl,{tags}", file({"text": "ok"}))
        assert told.status == 2
        assert f"“{tags}” is no language: write it like pl, sr-Latn" in told.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ":1: the file is empty"),
        ("a: [", ": this is not YAML"),
        ("helpdesks:\n", ": there are no answers: declare"),
    ],
    ids=["empty", "broken", "none"],
)
def test_a_file_without_answers_is_told(deskwire, file, tmp_path, text, reason):
    path = tmp_path / "deskwire.yaml"
    path.write_text(text)
    told = deskwire("answers", "try", "--file", path, file({"text": "ok"}))
    assert (told.status, told.out) == (2, "")
    assert f"deskwire: {path}" in told.err
    assert reason in told.err


def test_a_missing_file_is_told(deskwire, file, tmp_path):
    missing = tmp_path / "missing"
    for command in (["judge", missing], ["incident", "try", missing], ["check", missing],
                    ["answers", "try", "--file", missing, file({"text": "ok"})]):  # fmt: skip
        told = deskwire(*command)
        assert told.status == 2
        assert f"{missing}: No such file" in told.err

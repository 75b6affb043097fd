"""The typed reader: nothing becomes a value before it was checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.errors import PayloadError
from deskwire.web.reading import MAX_DEPTH, clean, fragment, read


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"\xff\xfe{}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}',
        b'{"a": 1, "a": 2}', b"[" * 100_000, b'{"a":' * 100_000, b"1" * 100_000, b"{} trailing", b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_what_is_no_plain_json_is_refused(body):
    with pytest.raises(PayloadError):
        read(body)


def test_nesting_is_read_to_a_depth_and_no_further():
    read(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1))
    with pytest.raises(PayloadError):
        read(b"[" * (MAX_DEPTH + 1) + b"1" + b"]" * (MAX_DEPTH + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body):
    try:
        read(body)
    except PayloadError:
        return


def test_what_is_absent_is_absent_however_deep():
    node = read(b'{"a": {"b": null}, "list": [1]}')
    assert not node["x"]["y"][3]["z"]
    assert not node["a"]["b"]
    assert not node["list"][5]
    assert node["list"][-1].number() == 1
    assert node["x"].text("none") == "none"
    assert node["x"].identifier("none") == "none"
    assert node["x"].number(3) == 3
    assert node["x"].truth(default=True) is True
    assert list(node["x"].items()) == []
    assert list(node["x"].members()) == []
    assert node["x"].epoch() is None
    assert node["x"].iso() is None
    assert "a" in node
    assert "x" not in node
    assert node["x"].raw is None


@pytest.mark.parametrize("method", ["text", "identifier", "number", "truth", "object"])
def test_what_is_needed_and_absent_names_its_place(method):
    with pytest.raises(PayloadError, match=r"body\.entry\[0\]\.id is nothing"):
        getattr(read(b'{"entry": [{}]}')["entry"][0]["id"], method)()


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("text", [1, True, [], {}]),
        ("identifier", [1.5, True, [], {}, "", "x" * 513, "line\nbreak", "nul\x00"]),
        ("number", ["x", "", "--5", "1.5", 1.5, True, [], {}, "9" * 30]),
        ("truth", [0, "true", [], {}]),
        ("epoch", ["x", True, 10**18, -(10**18), [], {}]),
        ("iso", ["yesterday", "2026-11-21T08:00:00", 5, "9999-12-31T23:59:59-12:00"]),
        ("object", [1, "x", []]),
    ],
)
def test_a_wrong_type_is_refused_even_with_a_default(method, values):
    for value in values:
        with pytest.raises(PayloadError):
            getattr(read(json.dumps({"a": value}))["a"], method)()


@pytest.mark.parametrize("method", ["items", "members"])
def test_a_wrong_container_is_refused(method):
    with pytest.raises(PayloadError):
        list(getattr(read(b'{"a": "text"}')["a"], method)())


def test_ids_may_be_numbers():
    assert read(b'{"a": 410000000000001}')["a"].identifier() == "410000000000001"


def test_seconds_and_milliseconds_are_told_apart():
    wanted = datetime(2026, 9, 1, 0, 5, 1, tzinfo=UTC)
    assert read(b'{"a": 1788221101}')["a"].epoch() == wanted
    assert read(b'{"a": 1788221101882}')["a"].epoch() == wanted.replace(microsecond=882_000)
    assert read(b'{"a": "1788221101882"}')["a"].epoch() == wanted.replace(microsecond=882_000)


def test_a_time_with_an_offset_comes_in_utc():
    moment = read(b'{"a": "2026-09-01T02:05:01+02:00"}')["a"].iso()
    assert moment == datetime(2026, 9, 1, 0, 5, 1, tzinfo=UTC)
    assert moment.utcoffset().total_seconds() == 0


def test_lone_surrogates_and_nul_are_replaced_and_emoji_kept():
    assert read(rb'{"a": "x\ud800y\u0000z"}')["a"].text() == "x\ufffdy\ufffdz"
    assert read(rb'{"a": "\ud83d\udc69\u200d\ud83d\udc67"}')["a"].text() == "👩\u200d👧"


@given(st.text())
def test_well_formed_text_without_nul_is_not_touched(text):
    if "\x00" not in text:
        assert clean(text) == text


def test_no_message_and_no_repr_quotes_a_value():
    node = read(b'{"a": "MARKER"}')["a"]
    with pytest.raises(PayloadError) as error:
        node.number()
    assert "MARKER" not in str(error.value)
    assert "MARKER" not in repr(node)


def test_a_fragment_is_kept_as_it_came():
    assert fragment(read(b'{"a": {"b": [1]}}')["a"]) == {"b": [1]}
    assert fragment(read(b'{"a": 5}')["a"]) == {}

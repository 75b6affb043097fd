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
        b"", b"{", b"nonsense", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 100_000, b"{} trailing",
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
        ("object", [1, "x", []]),
    ],
)
def test_a_wrong_type_is_refused_where_the_value_is_needed(method, values):
    for value in values:
        with pytest.raises(PayloadError):
            getattr(read(json.dumps({"a": value}))["a"], method)()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', 1), (b'{"a": 1, "a": 2}', 2), (b'{"a": NaN}', None), (b'{"a": -Infinity}', None),
        (b'{"a": 1e999}', None),
    ],
)  # fmt: skip
def test_what_every_common_reader_takes_is_read(body, value):
    assert read(body)["a"].raw == value


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("exact", [1, True, [], {}]),
        ("identifier", [1.5, True, [], {}, "x" * 513, "line\nbreak", "nul\x00"]),
    ],
)
def test_words_and_ids_of_a_wrong_type_are_refused_even_with_a_default(method, values):
    for value in values:
        with pytest.raises(PayloadError):
            getattr(read(json.dumps({"a": value}))["a"], method)("otherwise")
    assert getattr(read(b'{"a": null}')["a"], method)("otherwise") == "otherwise"


def test_an_empty_id_is_none():
    assert read(b'{"a": ""}')["a"].identifier("otherwise") == "otherwise"


def test_what_can_be_done_without_is_never_an_error():
    for value in (None, True, [], {}, [1], {"a": 1}, "nonsense", "", 1.5, 10**400, "9" * 30, "2026-11-21T08:00:00"):
        node = read(json.dumps({"a": value}))["a"]
        assert isinstance(node.text(""), str)
        assert isinstance(node.number(7), int)
        assert isinstance(node.truth(default=False), bool)
        assert isinstance(node.any_id(), str)
        assert isinstance(node.rows(), list)
        assert node.epoch() is None or value == 1.5
        assert node.iso() is None


def test_a_number_is_read_where_text_may_stand():
    assert read(b'{"a": 101}')["a"].text("") == "101"
    assert read(b'{"a": 1.5}')["a"].text("") == "1.5"
    assert read(b'{"a": true}')["a"].text("") == ""
    assert read(b'{"a": 2.0}')["a"].number() == 2
    assert read(b'{"a": 2.5}')["a"].number(0) == 0


@pytest.mark.parametrize("value", [b"1788221101.5", b'"1788221101.5"', b"1788221101500.0", b"1788221101500"])
def test_a_time_may_have_a_fraction(value):
    assert read(b'{"a": %s}' % value)["a"].epoch() == datetime(2026, 9, 1, 0, 5, 1, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("value", ["x", True, 10**18, -(10**18), [], {}, "9999-12-31T23:59:59-12:00", "yesterday"])
def test_what_is_no_time_is_none(value):
    node = read(json.dumps({"a": value}))["a"]
    assert node.epoch() is None
    assert node.iso() is None


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

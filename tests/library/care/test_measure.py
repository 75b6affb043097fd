"""Lengths in each platform's unit, cuts and joints. X's figures come from twitter-text 3.1.0 itself."""

import time
import unicodedata

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.care import graphemes
from deskwire.care.measure import composed, cut, measure, split
from deskwire.contracts.terms import Unit

FAMILY = "👨‍👩‍👧‍👦"

# What `parseTweet(text).weightedLength` of the npm package twitter-text 3.1.0 answered on 2026-11-21.
WEIGHED_BY_X = [
    ("", 0),
    ("☺", 2),
    ("☺️", 2),
    ("©", 1),
    ("©️", 2),
    ("#️⃣", 2),
    ("1️⃣", 2),
    (FAMILY, 2),
    ("🇮🇸", 2),
    ("🇮", 2),
    ("👍🏽", 2),
    ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 2),
    ("example.com", 23),
    ("example.is", 23),
    ("http://example.is/abc", 23),
    ("https://example.com/" + "a" * 35, 23),
    ("http://foo.invalidtld/very-long-path-here", 41),
    ("…", 2),
    ("日本", 4),
    ("é", 1),
    ("e\u0301", 1),
    ("ÀÇ", 2),
    ("क्षि", 4),
    ("\r\n", 2),
    ("a\u200db", 3),
    ("🫨", 2),
    ("https://t.co/abcdefghij", 23),
    ("www.example.com", 23),
    ("foo@example.com", 15),
    ("https://example.com.", 24),
    ("(https://example.com/a)", 25),
    ("x.y", 3),
    ("https://sub.example.co.uk/", 23),
    ("❤", 2),
    ("❤️", 2),
    ("‼️", 2),
    ("™", 2),
    ("↔️", 2),
    ("ℹ️", 2),
    ("🀄", 2),
    ("㊗️", 2),
    ("\ud800", 2),
    ("Test https://test.com test https://test.com test.com test", 86),
    ("저찀쯿쿿", 8),
    ("H🐱☺", 5),
    ("@NorthwindCare my parcel 4471 is lost", 37),
]


@pytest.mark.parametrize(("text", "weight"), WEIGHED_BY_X)
def test_a_post_weighs_what_x_says(text, weight):
    assert measure(text, Unit.WEIGHTED) == weight


@pytest.mark.parametrize(
    ("unit", "length"), [(Unit.CHARACTERS, 8), (Unit.UTF16, 12), (Unit.BYTES, 26), (Unit.WEIGHTED, 3)]
)
def test_a_family_and_a_letter_have_a_length_in_each_unit(unit, length):
    assert measure(FAMILY + "a", unit) == length


WORDS = st.sampled_from(
    [
        "the",
        "parcel",
        "\n\n",
        "\n",
        " ",
        ". ",
        "! ",
        FAMILY,
        "🇮🇸🇷🇸",
        "क्षि",
        "e\u0301\u0323",
        "한국어",
        "각",
        "שָׁלוֹם",
        "مرحبا؟ ",
        "我的包裹。",
        "https://example.com/a/b?c=d",
        "a.b",
        "\r\n",
        "👍🏽",
        "x" * 40,
        "\ud800",
        "\u0600١",
        "ำ",
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=60).map("".join)
UNITS = st.sampled_from(list(Unit))


@given(TEXTS, UNITS, st.integers(40, 300))
def test_a_cut_text_fits_and_is_a_beginning(text, unit, limit):
    result = cut(text, limit, unit)
    assert measure(result, unit) <= limit
    whole = composed(text) if unit is Unit.WEIGHTED else text
    if measure(text, unit) <= limit:
        assert result == whole
    else:
        assert result.endswith("…")
        assert whole.startswith(result[:-1])


@given(TEXTS, UNITS, st.integers(40, 300))
def test_pieces_fit_and_lose_nothing_but_white_space(text, unit, limit):
    pieces = split(text, limit, unit)
    assert all(piece and measure(piece, unit) <= limit for piece in pieces)
    whole = composed(text) if unit is Unit.WEIGHTED else text
    assert "".join("".join(pieces).split()) == "".join(whole.split())


LONG_ADDRESSES = [
    "https://example.technology/" + "a" * 300,  # X would shorten it; we do not know the domain
    "a.b/" + "x" * 60,
    "Look: a.b/" + "x" * 60 + " and write again.",
    "https://example.technology/" + "a/b?c=d&" * 50 + " " + FAMILY,
]


@pytest.mark.parametrize("limit", [40, 280])
@pytest.mark.parametrize("text", LONG_ADDRESSES)
def test_an_address_longer_than_a_post_is_torn_and_not_refused(text, limit):
    pieces = split(text, limit, Unit.WEIGHTED)
    assert all(piece and measure(piece, Unit.WEIGHTED) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_limit_into_which_no_character_goes_is_an_error():
    with pytest.raises(ValueError, match="no character goes into 1 weighted"):
        split("日本", 1, Unit.WEIGHTED)


# Both sides must know the character: the witness is of a newer Unicode than the standard library may be.
ASSIGNED = st.characters(exclude_categories=("Cn", "Co", "Cs"))
TRICKY = [
    "\r",
    "\n",
    "क",
    "ष",
    "्",
    "ি",
    "\u200d",
    "\u200c",
    "👨",
    "👩",
    "🏽",
    "❤",
    "️",
    "🇮",
    "🇸",
    "#",
    "1",
    "⃣",
    "각",
    "한",
    "ก",
    "ำ",
    "\u0600",
    "\u06dd",
    "\u0301",
    "\u064b",
    "\u0d4e",
    "\u1160",
    "ᄀ",
    "ᆨ",
    "\U000e0067",
    "🏴",
    "a",
]


@settings(max_examples=600)
@given(st.lists(st.sampled_from(TRICKY) | st.sampled_from(TRICKY) | ASSIGNED, max_size=12).map("".join))
def test_no_boundary_lies_inside_what_a_reader_sees_as_one_character(text):
    starts = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    ours = {at for at in range(len(text) + 1) if graphemes.boundary(text, at)}
    assert ours <= starts


@pytest.mark.parametrize(
    "one",
    [
        FAMILY,
        "🇮🇸",
        "👍🏽",
        "❤️",
        "#️⃣",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "e\u0301\u0323",
        "क्षि",
        "각",
        "\u1100\u1161\u11a8",
        "ᄀᄀ",
        "กำ",
        "\u0600١",
        "\u0d4eക",
        "\r\n",
    ],
)
def test_what_a_reader_sees_as_one_character_has_no_boundary_inside(one):
    assert regex.fullmatch(r"\X", one)
    assert not any(graphemes.boundary(f"a{one}b", at) for at in range(2, len(one) + 1))


def test_ordinary_characters_are_told_apart():
    text = "né e\u0301 👍👍🏽 🇮🇸🇷🇸 שלום क्षि 한국어"
    ours = [at for at in range(len(text)) if graphemes.boundary(text, at)]
    assert ours == [match.start() for match in regex.finditer(r"\X", text)]


def test_a_family_is_not_torn():
    assert cut("ab " + FAMILY, 8, Unit.CHARACTERS) == "ab…"
    assert split(FAMILY * 3, 8, Unit.CHARACTERS) == [FAMILY] * 3


def test_a_joint_is_sought_between_paragraphs_then_sentences_then_words():
    assert split("One two three.\n\nFour five. Six", 20, Unit.CHARACTERS) == [
        "One two three.",
        "Four five. Six",
    ]
    assert split("One two. Three four five", 14, Unit.CHARACTERS) == ["One two.", "Three four", "five"]


def test_an_address_is_not_torn_where_it_counts_as_one():
    address = "https://example.com/" + "a" * 300
    assert split("word " * 53 + address, 280, Unit.WEIGHTED) == [("word " * 53).strip(), address]


def test_a_cut_ends_with_a_whole_word_where_one_is_near():
    assert cut("We have received your message and answer soon", 30, Unit.CHARACTERS) == "We have received your message…"


def test_bytes_are_counted_not_characters():
    assert cut("ð" * 10, 11, Unit.BYTES) == "ðððð…"


def test_a_limit_without_room_is_an_error_and_no_endless_loop():
    with pytest.raises(ValueError, match="no room"):
        cut("abc", 1, Unit.BYTES)
    with pytest.raises(ValueError, match="no character goes into"):
        split("日本", 2, Unit.BYTES)


HOSTILE = {
    "marks": "a" + "\u0315\u0300" * 16000,
    "flags": "🇮" * 16000,
    "joiners": "👍\u200d" * 9000,
    "x": "x" * 64000,
    "dots": "a." * 32000,
    "addresses": "http://a.b" * 6400,
    "dashes": "a-" * 32000,
    "spaces": " " * 64000,
    "virama": "क्" * 10000,
    "newlines": "\n \n" * 21000,
    "persian": "سلام خوبی؟ " * 3500,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("unit", Unit)
def test_a_hostile_text_costs_time_in_proportion_to_its_length(text, unit):
    def cost(sample):
        began = time.process_time()
        cut(sample, 280, unit)
        split(sample, 280, unit)
        return time.process_time() - began

    quarter = min(cost(text[: len(text) // 4]) for _ in range(2))
    whole = min(cost(text) for _ in range(2))
    assert whole < 10 * quarter + 0.05  # quadratic would be sixteen times


def test_a_pile_of_marks_is_left_and_the_rest_composed():
    pile = "a" + "\u0315\u0300" * 40
    assert composed("e\u0301" + pile + "e\u0301") == "\u00e9" + pile + "\u00e9"


@given(TEXTS)
def test_an_ordinary_text_is_composed_as_unicode_says(text):
    assert composed(text) == unicodedata.normalize("NFC", text)

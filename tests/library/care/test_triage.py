"""Hints for whoever sorts the work: complaints first, personal data out of public."""

import time

import pytest

from deskwire.care.policy import IDENTITY
from deskwire.care.triage import triage


def hints(text, stars=0, words=("refund", "legal action", "kvörtun")):
    return triage(text, stars=stars, words=words, sensitive_words=IDENTITY)


@pytest.mark.parametrize(
    ("rating", "priority"), [(1, "high"), (2, "high"), (3, "normal"), (5, "normal"), (0, "normal")]
)
def test_a_poor_rating_goes_before_praise(rating, priority):
    assert hints("Fine", rating).priority == priority


@pytest.mark.parametrize("text", ["I want a REFUND!", "I will take legal  action.", "Þetta er kvörtun", "#refund"])
def test_a_configured_word_raises_the_priority(text):
    assert hints(text).priority == "high"


@pytest.mark.parametrize("text", ["refunded yesterday, thanks", "legal. Take action", "all fine"])
def test_a_part_of_a_word_does_not(text):
    assert hints(text).priority == "normal"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("my card 4111 1111 1111 1111 was charged", "card"),
        ("4111-1111-1111-1111", "card"),
        ("378282246310005", "card"),
        ("۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱", "card"),
        ("pay to GB82 WEST 1234 5698 7654 32 please", "iban"),
        ("PL61109010140000071219812874", "iban"),
        ("kennitalan mín er 010130-2989", "identity"),
    ],
)
def test_sensitive_data_is_seen(text, reason):
    found = hints(text)
    assert found.sensitive
    assert found.reasons == (reason,)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "00340434161094042557",
        "order 4471",
        "GB82 WEST 1234 5698 7654 33",
        "+354 555 1234",
        "2026-11-21 10:02",
    ],
)
def test_other_numbers_are_not(text):
    assert not hints(text).sensitive


def test_a_hint_never_repeats_what_was_found():
    assert "4111" not in repr(hints("4111 1111 1111 1111"))


@pytest.mark.parametrize(
    "text",
    [
        "4 " * 32000,
        "1-" * 32000,
        "AB12 " * 13000,
        "AB12" * 16000,
        "AB12 AAAA " * 6400,
        "9" * 64000,
        "a\u0301\u0315" * 12000,
    ],
)
def test_a_hostile_text_costs_time_in_proportion_to_its_length(text):
    def cost(sample):
        began = time.process_time()
        hints(sample)
        return time.process_time() - began

    quarter = min(cost(text[: len(text) // 4]) for _ in range(2))
    assert min(cost(text) for _ in range(2)) < 10 * quarter + 0.05

"""Weighted tables: that the sums by long integers are the sums of the single bytes."""

import random
from math import sqrt

import pytest

from deskwire.care import ngrams

CHANCE = random.Random(4)


@pytest.mark.parametrize("count", [1, 2, 5, 52])
@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 3000])
def test_a_logit_is_the_sum_of_its_buckets_bytes(count, length):
    rows = bytes(CHANCE.choice((0, 1, 127, 128, 255)) for _ in range(count * 16))
    table = ngrams.Table(tuple(f"l{place}" for place in range(count)), 4, 0.5, tuple(range(count)), rows)
    buckets = [CHANCE.randrange(16) for _ in range(length)]
    scores = table.scores(buckets)
    for place in range(count):
        whole = sum(rows[count * bucket + place] - 128 for bucket in buckets)
        assert scores[f"l{place}"] == pytest.approx(place + 0.5 / sqrt(length or 1) * whole)


def test_a_packed_table_is_read_as_it_was():
    table = ngrams.Table(("a", "b", "c"), 4, 0.25, (0.5, -1.0, 2.0), bytes(CHANCE.randrange(256) for _ in range(48)))
    assert ngrams.unpacked(ngrams.packed(table)) == table


def test_the_same_word_of_another_language_has_other_buckets():
    assert ngrams.grams(["to"], 19, seed="pl") != ngrams.grams(["to"], 19, seed="en")
    assert len(ngrams.grams(["to", "nie"], 19, whole=True, pairs=True)) == len(ngrams.grams(["to", "nie"], 19)) + 4

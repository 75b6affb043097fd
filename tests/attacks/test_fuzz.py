"""A bounded part of `make fuzz` in the gate; the seed is fixed, so that a red gate is red again."""

from __future__ import annotations

import dataclasses

import pytest

from tests.attacks import fuzz
from tests.attacks.edge import genuine

BODIES = 12_000
BODIES_OF_ONE = 3_000


def test_no_body_breaks_a_parser_or_takes_more_than_its_share(attacked):
    bodies = min(BODIES, BODIES_OF_ONE * len(attacked))
    faults, figures = fuzz.fuzz(bodies, seed=20_261_121, connectors=attacked)
    assert faults == []
    assert sum(figures[end] for end in ("read", "empty", "refused")) in {bodies, 0}  # none: it is only polled
    if bodies == BODIES:
        assert min(figures["read"], figures["refused"]) > BODIES // 20, "the bodies are all alike"


def test_the_fuzzer_finds_what_breaks(monkeypatch):
    from deskwire.channels.x import X

    original = X.parse

    def breaking(self, request):
        if b"NaN" in request.body:
            raise KeyError("fragile")
        return original(self, request)

    monkeypatch.setattr(X, "parse", breaking)
    faults, _ = fuzz.fuzz(4_000, seed=1, weigh_every=10_000)
    assert faults
    assert "KeyError" in faults[0]


SWELLING = [
    b"[" + b"[]," * 21_000 + b"[]]",
    b"[" + b'{"a":0},' * 8_000 + b"{}]",
    b'"' + b"\\u00e9" * 10_900 + b'"',
]


@pytest.mark.parametrize("body", SWELLING, ids=["lists", "objects", "escapes"])
def test_a_body_of_64_kb_made_to_swell_keeps_below_the_limit(body):
    request = dataclasses.replace(genuine("x"), body=body)
    assert fuzz.weighed("x", request) < fuzz.MOST_MEMORY // 4

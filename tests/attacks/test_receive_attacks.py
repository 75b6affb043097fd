"""Every attack on receive: its exact answer, and nothing else (see attack.py; docs/security.md has the table)."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from deskwire.telemetry import FIELDS

from .cases import ATTACKS, WORDS
from .edge import KINDS, Edge, arriving, genuine

ALLOWED_KEYS = FIELDS | {"level", "message", "stage"}
# The keys and the captcha: nothing else outside is asked while somebody is not known yet.
OUTSIDE = {
    "https://www.googleapis.com/oauth2/v3/certs",
    "https://challenges.cloudflare.com/turnstile/v0/siteverify",
}


def attacked(attack):
    edge = Edge()
    edge.captcha = attack.captcha
    for _ in range(attack.before):
        edge.send(attack.make())
    return edge, edge.send(attack.make())


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_gets_its_answer_and_changes_nothing(attack):
    edge, answer = attacked(attack)
    assert (answer["statusCode"], edge.effects) == (attack.status, dict(attack.effects))
    assert set(edge.asked) <= OUTSIDE
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert answer["headers"]["cache-control"] == "no-store"
    assert not answer["headers"]["content-type"].startswith("text/html")
    for line in edge.log.getvalue().splitlines():
        told = json.loads(line)
        assert line.isascii()
        assert set(told) <= ALLOWED_KEYS or set(told["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
        assert not [word for word in WORDS if word in line], line


@pytest.mark.parametrize("kind", KINDS)
def test_the_genuine_delivery_that_all_of_it_imitates_is_let_in(kind):
    """Else an attack might be refused for a reason of its own."""
    edge = Edge()
    assert edge.send(arriving(kind, genuine(kind)))["statusCode"] == (202 if kind == "form" else 200)
    assert edge.effects == {"letters": 1}


def test_no_attack_is_counted_twice():
    assert [name for name, count in Counter(map(str, ATTACKS)).items() if count > 1] == []


def test_there_are_enough_of_every_kind():
    assert len(ATTACKS) >= 250
    assert {attack.kind for attack in ATTACKS} == set(KINDS)

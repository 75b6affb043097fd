"""`make fuzz`: bodies nobody would send, through every parser (`python -m tests.attacks.fuzz --bodies 1000000`).

A body is a captured one, changed; or made up. What must come of it: events, fragments that cannot be read, or a
`PayloadError`; within 50 ms of CPU (on a machine as fast as this one is when it is asked) and 64 MiB.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import sys
import time
import tracemalloc

from deskwire.letters import content_in, letter_of, stored
from deskwire.model.errors import DeskwireError, PayloadError
from deskwire.model.events import Unreadable
from tests.conformance import mutations, world

MOST_SECONDS = 0.050
MOST_MEMORY = 64 * 1024 * 1024
LONGEST = 65_536
PIECES = [
    b"null", b"true", b"0", b"-1", b"1e999", b"NaN", b"9" * 30, b"9" * 5000, b'""', b'"\\ud800"', b'"\\u0000"', b"[]",
    b"{}", b"[[", b"]]", b'{"', b'":', b",,", b"\xff", b"\xef\xbb\xbf", b"\x00", b'"a":1,', b'"id":{},', b'"text":[1],',
    b'"time":"soon",', "👩‍👩‍👧".encode(), "\u202e".encode(), b"[" * 200, b'{"a":' * 200, b'"' + b"a" * 5000 + b'"',
    b" " * 1000,
]  # fmt: skip
VALUES = [
    None, True, False, 0, -1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, "", " ", "0", "-1", "true", "\ud800", "\x00",
    "x" * 600, "x" * 20_000, "\u202e", "👍🏽", "../..", "{{x}}", [], [[]], [None], {}, {"id": {}}, {"": None}, [0] * 50,
    "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", 253402300799,
    -62135596800, 10**18,
]  # fmt: skip


class Archive:
    """Takes what a letter cannot hold, and forgets it."""

    def keep(self, name, data):
        """Forget it."""


def seeds(connectors):
    """Return (connector, request, document or None) of every captured delivery of these connectors."""
    found = []
    for name in connectors:
        for capture in world.captures(name):
            if capture.signed:
                try:
                    document = mutations.opened(json.loads(capture.request.body))
                except ValueError:
                    document = None
                found.append((name, capture.request, document))
    return found


def changed(rng, body, document):
    """Return another body: a captured one with values, pieces or bytes exchanged, or one made up."""
    how = rng.random()
    if document is not None and how < 0.55:
        for _ in range(rng.randint(1, 4)):
            places = list(mutations.places(document))
            if not places:
                break
            path = rng.choice(places)
            other = mutations.at(document, rng.choice(places)) if rng.random() < 0.3 else rng.choice(VALUES)
            document = mutations.replaced(document, path, other)
        return mutations.body(document)
    if how < 0.9:
        made = bytearray(body)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(made) + 1)
            match rng.randrange(5):
                case 0:
                    made[at : at + rng.randint(0, 20)] = rng.choice(PIECES)
                case 1:
                    made[at : at + 1] = rng.randbytes(1)
                case 2:
                    del made[at : at + rng.randint(1, 40)]
                case 3:
                    other = rng.randrange(len(made) + 1)
                    made[at:at] = made[other : other + rng.randint(1, 200)]
                case _:
                    made = made[:at]
        return bytes(made)
    return b"".join(rng.choice(PIECES) for _ in range(rng.randint(0, 30)))


def parse(name, request):
    """Parse as receive does, to the letters; return how it ended."""
    try:
        found = list(world.connectors()[name].parse(request))
    except PayloadError as error:
        str(error).encode()
        return "refused"
    for item in found:
        if not isinstance(item, Unreadable):
            letter = letter_of(item, "e", "channels", request.received_at.isoformat(), Archive())
            assert letter.body.isascii()
            assert len(letter.body) < 262_144
            assert content_in(stored(item)).key == item.key
        else:
            json.dumps(item.fragment)
    return "read" if found else "empty"


def calibrated():
    """Return how much slower this machine is now than when the limits were set (at least 1)."""
    spans = []
    for _ in range(5):
        began = time.process_time()
        sum(number * number for number in range(200_000))
        spans.append(time.process_time() - began)
    return max(1.0, sorted(spans)[2] / 0.012)


def spent(name, request):
    """Return the CPU seconds of a body that seemed slow: the least of three, for a machine that was busy."""
    spans = []
    for _ in range(3):
        began = time.process_time()
        parse(name, request)
        spans.append(time.process_time() - began)
    return min(spans)


def weighed(name, request):
    """Return the most memory that parsing takes, in bytes."""
    tracemalloc.start()
    try:
        parse(name, request)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def fuzz(bodies, seed, *, connectors=None, say=lambda text: None, weigh_every=500):
    """Return (faults, figures): what went wrong as text with the body to see it again, and counts.

    `connectors` are the names of those whose parsers are tried (default: all). What is only polled reads no body.
    """
    rng, faults = random.Random(seed), []
    known = seeds(world.connectors() if connectors is None else connectors)
    figures = {"read": 0, "empty": 0, "refused": 0, "slowest": 0.0, "heaviest": 0}
    allowed = MOST_SECONDS * calibrated()
    for number in range(bodies if known else 0):
        name, request, document = known[rng.randrange(len(known))]
        body = changed(rng, request.body, document)[:LONGEST]
        tried = dataclasses.replace(request, body=body)
        began = time.process_time()
        try:
            figures[parse(name, tried)] += 1
            span = time.process_time() - began
            if span > allowed:
                span = spent(name, tried)
            weight = weighed(name, tried) if number % weigh_every == 0 or len(body) > LONGEST // 2 else 0
        except (Exception, DeskwireError) as error:
            faults.append(f"body {number} of seed {seed}, {name}: {type(error).__name__}: {error}\n{body[:500]!r}")
            continue
        figures["slowest"], figures["heaviest"] = max(figures["slowest"], span), max(figures["heaviest"], weight)
        if span > allowed or weight > MOST_MEMORY:
            faults.append(f"body {number} of seed {seed}, {name}: {span:.3f} s, {weight} bytes\n{body[:500]!r}")
        if number % 20_000 == 19_999:
            say(f"{number + 1:>9,} bodies, {len(faults)} faults")
    return faults, figures


def main():
    """Fuzz as the arguments say; exit status 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    faults, figures = fuzz(asked.bodies, asked.seed, say=lambda text: print(text, flush=True))
    for fault in faults[:20]:
        print(fault)
    print(
        f"{asked.bodies:,} bodies in {time.monotonic() - began:.0f} s: {figures['read']:,} read, "
        f"{figures['empty']:,} empty, {figures['refused']:,} refused, {len(faults)} faults; "
        f"slowest {figures['slowest'] * 1000:.0f} ms, heaviest {figures['heaviest'] / 1_048_576:.1f} MiB"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())

"""How long customers wait, as counts by length: what they add up to, and what may be promised of it. Pure.

A time is counted in a bucket, each a fifth wider than the one before. So hours of any length can be added up, and a
figure costs at most `BUCKETS` numbers, however many customers wrote. A median or a percentile is known to within its
bucket, of which the middle is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

STEPS = 4  # buckets until the time doubles
BUCKETS = 88  # the last one holds everything from 34 days on


def bucket(seconds: int) -> int:
    """Return the bucket of a time: bucket `n` holds what is longer than the end of `n - 1`, and at most its own."""
    return 0 if seconds <= 1 else min(math.ceil(round(STEPS * math.log2(seconds), 9)), BUCKETS - 1)


def end(number: int) -> float:
    """Return the longest time in a bucket, in seconds; of the last one, infinity."""
    return math.inf if number >= BUCKETS - 1 else 2 ** (number / STEPS)


def at_most(counts: Mapping[int, int], rank: int) -> float:
    """Return the end of the bucket that holds the time of this rank, the shortest being 1; infinity beyond them."""
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0:
            return end(number)
    return math.inf


def shown(counts: Mapping[int, int], share: float) -> int | None:
    """Return the time within which this share of the customers was answered, in seconds; None: nobody was."""
    total = sum(counts.values())
    if not total:
        return None
    longest = at_most(counts, max(1, math.ceil(share * total)))
    return round(2 ** ((BUCKETS - 2) / STEPS)) if math.isinf(longest) else round(longest / 2 ** (0.5 / STEPS))


def added(several: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return the sum of several counts."""
    total: dict[int, int] = {}
    for counts in several:
        for number, count in counts.items():
            total[number] = total.get(number, 0) + count
    return total

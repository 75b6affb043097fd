"""How long customers wait, as counts by length: what they add up to, and what may be promised of it. Pure.

A time is counted in a bucket, each a fifth wider than the one before. So hours of any length can be added up, and a
figure costs at most `BUCKETS` numbers, however many customers wrote. A median or a percentile is known to within its
bucket; `shown` is its middle, `at_most` its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

STEPS = 4  # buckets until the time doubles
BUCKETS = 88  # the last one holds everything from 34 days on
LEAST = 20  # customers whose wait must be known before anything is said of it
SHARE = 0.9  # of the customers who are answered within a time that is promised

MINUTE, HOUR, DAY = 60, 3600, 86_400
# What can be promised, in seconds: a time is rounded up to the next of these.
SPOKEN = (
    *(each * MINUTE for each in (5, 10, 15, 30, 45)),
    *(each * HOUR for each in (1, 2, 3, 4, 5, 6, 8, 10, 12)),
    *(each * DAY for each in (1, 2, 3, 4, 5, 6, 7)),
)  # fmt: skip


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


def promised(counts: Mapping[int, int], waiting: int = 0) -> int:
    """Return within how many seconds the next customer can be told to be answered; 0 where too little is known.

    `waiting` are those who have not been answered: they count as the longest waits. Of n equal customers and one more,
    the last is as likely at any rank; so the time of rank `SHARE` of n + 1 is kept with that chance, whatever the
    waits are like (a prediction interval by order statistics: https://doi.org/10.1214/aoms/1177731569). It is rounded
    up from the end of its bucket.
    """
    known = sum(counts.values()) + max(waiting, 0)
    if known < LEAST:
        return 0
    longest = at_most(counts, math.ceil(SHARE * (known + 1)))
    return next((each for each in SPOKEN if each >= longest), 0)

"""Share a helpdesk's rate limit fairly among the connections that want it at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHARE = 0.95  # of the rate limit: the rest is left for other clients of the helpdesk
REMEMBERED = 5  # slices whose requests are known: a minute
MESSAGE = 4  # requests that one message takes at most: if many share a slice, an even share may be less
ASKED = "asked"  # in a slice's item: requests that were admitted
WANTED = "by_"  # begins the field of each connection: requests it wanted, with those that were refused


@dataclass(slots=True)
class Shares:
    """The requests wanted in a neighbour's slices before this one, by connection, as this worker knows them."""

    number: int = 0  # of the latest slice it knows
    slices: list[Mapping[str, int]] = field(default_factory=list)

    def learn(self, number: int, item: Mapping[str, object] | None) -> None:
        """Add the item of slice `number`."""
        if number == self.number:  # another thread was faster
            return
        if number - self.number >= REMEMBERED:
            self.slices.clear()
        self.number = number
        self.slices = [*self.slices, wanted(item or {})][-REMEMBERED:]


def wanted(item: Mapping[str, object]) -> dict[str, int]:
    """Return the requests that each connection wanted in a slice."""
    return {name: int(str(value)) for name, value in item.items() if name.startswith(WANTED)}


def admits(asker: str, item: Mapping[str, int], before: Sequence[Mapping[str, int]], room: float) -> bool:
    """Return whether a slice with `room` requests admits the latest ones of `asker`, already counted in `item`.

    A connection that wanted no more than a fair share of the last minute and of this slice is admitted while there is
    any room, and slightly beyond, as `SHARE` allows. Busier connections leave free what the others wanted at most in
    one slice of that minute and have not used in this one; they share the rest evenly.
    """
    now = wanted(item)
    busy, alone = _busy(now, before, room)
    if asker not in busy:
        return item[ASKED] <= (room if alone else room / SHARE)

    def of_others(counts: Mapping[str, int]) -> int:
        return sum(count for name, count in counts.items() if name not in busy)

    taken = of_others(now)
    left = room - max([taken, *(of_others(known) for known in before)])
    return item[ASKED] - taken <= left and now[asker] <= max(left / len(busy), 1)


def _busy(now: Mapping[str, int], before: Sequence[Mapping[str, int]], room: float) -> tuple[set[str], bool]:
    """Return the connections that wanted more than a fair share, and whether only one connection wants anything."""
    minute: Counter[str] = Counter(now)
    for known in before:
        minute.update(known)
    fair = room / len(minute)
    most = max(fair, MESSAGE)
    busy = {name for name, count in minute.items() if count > fair * (1 + len(before)) or now.get(name, 0) > most}
    return busy, len(minute) == 1

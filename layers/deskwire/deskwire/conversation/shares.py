"""How the connections that want the same helpdesk at the same time share its rate limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHARE = 0.95  # of the rate limit: others may ask the neighbour, too
REMEMBERED = 5  # slices whose requests are known: a minute
MESSAGE = 4  # requests, of the message that takes most: where many share a slice, an even share may be less
ASKED = "asked"  # in a slice's item: requests that were admitted
WANTED = "by_"  # begins the field of each connection: requests it wanted, with those that were refused


@dataclass(slots=True)
class Shares:
    """What one worker knows of a neighbour's slices before this one; each is the connections' wishes by name."""

    number: int = 0  # of the latest slice it knows
    slices: list[Mapping[str, int]] = field(default_factory=list)

    def learn(self, number: int, item: Mapping[str, object] | None) -> None:
        """Take in the item of slice `number`."""
        if number == self.number:  # another thread was faster
            return
        if number - self.number >= REMEMBERED:
            self.slices.clear()
        self.number = number
        self.slices = [*self.slices, wanted(item or {})][-REMEMBERED:]


def wanted(item: Mapping[str, object]) -> dict[str, int]:
    """Return what each connection wanted in a slice."""
    return {name: int(str(value)) for name, value in item.items() if name.startswith(WANTED)}


def admits(asker: str, item: Mapping[str, int], before: Sequence[Mapping[str, int]], room: float) -> bool:
    """Return whether a slice with so much room has some for the latest request of `asker`, which `item` counts already.

    Who wanted no more than a fair share of the last minute, and of this slice, is admitted while there is any room, and
    a little beyond: `SHARE` leaves that. Those who wanted more leave free what the others wanted at most in one slice
    of that minute, and still lack in this one; they share the rest evenly.
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
    """Return who wanted more than an even share of the minute or of this slice; and whether there is one asker only."""
    minute: Counter[str] = Counter(now)
    for known in before:
        minute.update(known)
    fair = room / len(minute)
    most = max(fair, MESSAGE)
    busy = {name for name, count in minute.items() if count > fair * (1 + len(before)) or now.get(name, 0) > most}
    return busy, len(minute) == 1

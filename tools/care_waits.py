"""Measures how often the usual wait that acknowledgements name is kept, on simulated companies.

    python tools/care_waits.py

Customers write around the clock (busier by day, fewer at weekends); agents answer in opening hours, hot ones first and
else in order, each in a time of its own (lognormal). Some are never answered. Each hour is promised what watch would
have promised then, of the six weeks before; a promise is kept if the first answer came within it, counted from the
customer's message. Prints a table; what changes does so half-way through the weeks that are measured.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from deskwire.care import usual
from deskwire.care.hours import Hours
from deskwire.care.usual import HOUR, LEARNED, RECENT, Waited, situation
from deskwire.care.waits import bucket

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
LEARNING, MEASURED = 42, 28  # days
SEEDS = 2
WEEK = {day: ["09:00-17:00"] for day in ("monday", "tuesday", "wednesday", "thursday")} | {"friday": ["09:00-15:00"]}
OFFICE = Hours.model_validate({"time_zone": "Europe/Warsaw", "week": WEEK})
ALWAYS = Hours()


@dataclass(frozen=True)
class Company:
    """A company of so many customers an hour by day, and agents who take `minutes` for each answer.

    `silence` is the share that is never answered; `later` is what becomes of the company half-way.
    """

    name: str
    hours: Hours = OFFICE
    rate: float = 6
    agents: int = 2
    minutes: float = 8
    silence: float = 0.03
    later: Callable[[Company, float], Company] = lambda company, _: company


class Customer(NamedTuple):
    """Who wrote when, of which kind, and was answered when (infinity: never)."""

    at: float
    kind: str
    answered: float


def busy(hour: datetime) -> float:
    """Return how many write in an hour, beside the rate."""
    return (1.0 if 8 <= hour.hour < 20 else 0.25) * (0.5 if hour.weekday() >= 5 else 1.0)


def customers(company: Company, chance: random.Random) -> list[Customer]:
    """Return everybody who writes in all the weeks, with when they are answered."""
    began, queue, found = START.timestamp(), [], []
    free = [0.0] * company.agents
    for number in range((LEARNING + MEASURED) * 24):
        hour = START + timedelta(hours=number)
        now = company.later(company, number / 24 - LEARNING - MEASURED / 2)
        if now.agents != len(free):
            free = (sorted(free) + [hour.timestamp()] * now.agents)[: now.agents]
        heapq.heapify(free)
        mean = now.rate * busy(hour) * chance.gammavariate(4, 0.25)
        stamps = sorted(hour.timestamp() + chance.uniform(0, HOUR) for _ in range(poisson(chance, mean)))
        for at in stamps:
            hot = chance.random() < 0.2
            if chance.random() < now.silence:
                found.append(Customer(at, "complaint" if hot else "question", math.inf))
            else:
                queue.append((not hot, at))
        for minute in range(60):
            at = hour.timestamp() + 60 * minute
            while queue and free[0] <= at and company.hours.is_open(datetime.fromtimestamp(at, UTC)):
                waiting = [each for each in queue if each[1] <= at]
                if not waiting:
                    break
                cold, wrote = min(waiting)
                queue.remove((cold, wrote))
                takes = now.minutes * 60 * chance.lognormvariate(-0.32, 0.8)
                heapq.heapreplace(free, at + takes)
                found.append(Customer(wrote, "question" if cold else "complaint", at + takes))
    found += [Customer(wrote, "question" if cold else "complaint", math.inf) for cold, wrote in queue]
    return sorted(each for each in found if each.at >= began)


def poisson(chance: random.Random, mean: float) -> int:
    """Return a number of customers."""
    number, left = 0, chance.expovariate(1)
    while left < mean:
        number, left = number + 1, left + chance.expovariate(1)
    return number


class Figures:
    """What the figures hold at a time: the rows of hours in which nobody is to be answered any more are made once."""

    def __init__(self, some: list[Customer]) -> None:
        self.rows: defaultdict[int, defaultdict[str, list[Customer]]] = defaultdict(lambda: defaultdict(list))
        for each in some:
            self.rows[int(each.at) // HOUR * HOUR][each.kind].append(each)
        self.done: dict[int, list[Waited]] = {}

    def known(self, now: int) -> list[Waited]:
        """Return the rows of the six weeks before."""
        hours = range(now - int(LEARNED.total_seconds()), now, HOUR)
        return [row for hour in hours if hour in self.rows for row in self._of(hour, now)]

    def _of(self, hour: int, now: int) -> list[Waited]:
        if hour in self.done:
            return self.done[hour]
        found = []
        for kind, those in self.rows[hour].items():
            waited = [each.answered - each.at for each in those if each.answered <= now]
            found.append(Waited(hour, len(those), Counter(bucket(int(each)) for each in waited), "en", kind))
        if all(
            each.answered <= now or math.isinf(each.answered) for those in self.rows[hour].values() for each in those
        ):
            self.done[hour] = found
        return found


def promised(company: Company, some: list[Customer]) -> Iterator[tuple[Customer, int, int]]:
    """Yield everybody of the weeks that are measured, with what they were told; with and without the brake."""
    first = int(START.timestamp()) + LEARNING * 24 * HOUR
    figures = Figures(some)
    place = cache(lambda hour: situation(company.hours, hour))
    usual.situation = lambda _, hour: place(hour)
    lately: dict[int, int] = {}
    for hour in range(first - RECENT, first + MEASURED * 24 * HOUR, HOUR):
        rows = figures.known(hour)
        without = usual.promises(rows, company.hours, [hour], hour).get(hour, 0)
        if without:
            lately[hour] = without
        told = 0 if usual.broken(rows, lately, hour) else without
        for each in (each for those in figures.rows[hour].values() for each in those):
            if hour >= first:
                yield each, told, without


def main() -> None:
    """Measure, and print the table."""
    print("| company | customers | told a time | kept | in the worst week | the last two weeks | without the brake |")
    print("|---|---|---|---|---|---|---|")
    for company in COMPANIES:
        told: list[tuple[float, bool]] = []
        unbraked: list[tuple[float, bool]] = []
        everybody = 0
        for seed in range(SEEDS):
            some = customers(company, random.Random(f"{company.name} {seed}"))  # noqa: S311 - of a simulation
            for each, within, without in promised(company, some):
                everybody += 1
                week = seed * 100 + int((each.at - START.timestamp()) // (7 * 24 * HOUR))
                told += [(week, each.answered - each.at <= within)] if within else []
                unbraked += [(week, each.answered - each.at <= without)] if without else []
        weeks: defaultdict[float, list[bool]] = defaultdict(list)
        for week, kept in told:
            weeks[week].append(kept)
        worst = min((sum(those) / len(those) for those in weeks.values() if len(those) >= 50), default=math.nan)
        after = [kept for week, kept in told if week % 100 >= (LEARNING + MEASURED / 2) / 7]
        after_unbraked = [kept for week, kept in unbraked if week % 100 >= (LEARNING + MEASURED / 2) / 7]
        print(
            f"| {company.name} | {everybody} | {len(told) / everybody:.0%} | {share(told)} | {worst:.3f} "
            f"| {share2(after)} | {share2(after_unbraked)} |",
            flush=True,
        )


def share(some: list[tuple[float, bool]]) -> str:
    """Return which share was kept."""
    return share2([kept for _, kept in some])


def share2(some: list[bool]) -> str:
    """Return which share was kept."""
    return f"{sum(some) / len(some):.3f}" if some else "-"


def fewer(company: Company, days: float) -> Company:
    """Half the agents from half-way on."""
    return company if days < 0 else Company(**{**company.__dict__, "agents": max(1, company.agents // 2)})


def rush(company: Company, days: float) -> Company:
    """Three days in which three times as many write."""
    return Company(**{**company.__dict__, "rate": company.rate * 3}) if 0 <= days < 3 else company


COMPANIES = (
    Company("an office, 2 an hour, 1 agent, 63 % busy", rate=2, agents=1),
    Company("an office, 6 an hour, 2 agents, 95 % busy"),
    Company("an office, 10 an hour, 4 agents, one in ten never answered", rate=10, agents=4, silence=0.1),
    Company("open always, 6 an hour, 1 agent", hours=ALWAYS, agents=1),
    Company("an office, 6 an hour; half of 4 agents from the middle on", agents=4, later=fewer),
    Company("an office, 6 an hour, 3 agents; three days of three times as many", later=rush, agents=3),
)

if __name__ == "__main__":
    main()

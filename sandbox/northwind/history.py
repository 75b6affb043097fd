"""Made-up weeks of a company, as figures in a table: for the report's tests and picture, and to stand on in a demo.

Agents work by the clock of their hours, some channels are answered later than others, and every day is another: its
waits are longer or shorter as a whole, as where somebody is ill. Nothing of it is of real customers.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from deskwire.care.hours import Hours
from deskwire.care.incident import LEARNED as TROUBLE_LEARNED
from deskwire.care.usual import DAY, LEARNED
from deskwire.care.waits import bucket
from deskwire.ports import Key, Put, Table, Update
from deskwire.watching.facts import Case, first_answer_in, resolved_in
from deskwire.watching.incidents import profile_item
from deskwire.watching.watcher import case_item, figures_item

KINDS = {"question": 45, "complaint": 25, "mention": 15, "urgent": 8, "praise": 5, "outage": 2}
PRIORITIES = {"complaint": "high", "urgent": "urgent", "outage": "high"}
LANGUAGES = {"is": 40, "en": 25, "pl": 20, "sr-Latn": 8, "fa": 4, "": 3}
BUSY = (1, 1, 1, 1, 1, 2, 3, 6, 10, 12, 12, 11, 10, 11, 11, 10, 9, 8, 8, 9, 9, 7, 4, 2)  # customers, by the hour
SPREAD = 0.9  # of a wait's logarithm, from one customer to the next
DAILY = 0.35  # of it, from one day to the next
UNANSWERED = 0.03
SPOKEN = ("en", "is", "ar", "he", "pl", "es", "da", "fo", "de", "nb", "nl", "sv", "af", "fa")


@dataclass(frozen=True, slots=True)
class Ticket:
    """A customer's ticket, with what became of it in seconds; None: nothing yet."""

    case: Case
    at: datetime
    first_after: int | None
    resolved_after: int | None
    answers: int
    messages: int
    reopened: bool = False


def made(
    accounts: Mapping[tuple[str, str], float], hours: Hours, first: datetime, last: datetime, *, daily: float, seed: int
) -> Iterator[Ticket]:
    """Yield tickets of these accounts, `daily` a day each; an account's value is its usual wait in minutes."""
    dice = random.Random(seed)
    for (channel, account), usual in accounts.items():
        day = first
        while day < last:
            luck = math.exp(dice.gauss(0, DAILY))
            for hour, share in enumerate(BUSY):
                for _ in range(_poisson(dice, daily * share / sum(BUSY))):
                    at = day + timedelta(hours=hour, seconds=dice.randrange(3600))
                    if at < last:
                        yield _ticket(dice, channel, account, at, usual * luck, hours, last)
            day += timedelta(days=1)


def put(table: Table, tickets: Iterable[Ticket]) -> None:
    """Write what watch would have counted of them."""
    sums: dict[Key, Counter[str]] = {}
    for ticket in tickets:
        case = ticket.case
        sums.setdefault(case_item(case), Counter()).update(_figures(ticket))
        place = figures_item(case.channel, case.account, ticket.at)
        sums.setdefault(place, Counter()).update({"tickets": 1, "messages": ticket.messages})
    for key, counts in sums.items():
        table.update(Update(key, add=counts))


def steady(channel: str, account: str, now: datetime) -> Iterator[Ticket]:
    """Yield six weeks of customers who wrote about this time of day, three an hour, and waited ten minutes or so."""
    this = now.replace(minute=0, second=0, microsecond=0)
    for day in range(1, LEARNED.days + 1):
        for hour in range(-1, 3):
            for number in range(3):
                at = this - timedelta(days=day) + timedelta(hours=hour, minutes=15 * number)
                case = Case(channel, account, int(at.timestamp()), "en", "normal", "question")
                yield Ticket(case, at, 480 + 60 * number, None, 1, 1)


def put_usual_trouble(table: Table, scope: str, hourly: int, now: datetime) -> None:
    """Note that in each hour of the last four weeks so many customers had trouble, with no one service.

    It counts until midnight (UTC), when watch learns the usual anew.
    """
    key, today = profile_item(scope), int(now.timestamp()) // DAY * DAY
    days = {slot: 20 if slot < 24 else 8 for slot in range(48)}  # of four weeks, working days and weekends
    slots = {topic: {slot: hourly * days[slot] for slot in days} for topic in ("", *map("language {}".format, SPOKEN))}
    since = today - int(TROUBLE_LEARNED.total_seconds())
    table.put(Put({"pk": key[0], "sk": key[1], "day": today, "since": since, "slots": json.dumps(slots)}))


def _figures(ticket: Ticket) -> dict[str, int]:
    found = {"tickets": 1, "messages": ticket.messages, "answers": ticket.answers, "reopened": int(ticket.reopened)}
    if (after := ticket.first_after) is not None:
        found |= {"first_answers": 1, "first_answer_seconds": after, first_answer_in(bucket(after)): 1}
    if (after := ticket.resolved_after) is not None:
        first = ticket.answers == 1 and not ticket.reopened
        found |= {"solved": 1, "resolved": 1, "resolution_seconds": after, resolved_in(bucket(after)): 1}
        found |= {"first_contact": int(first), "unanswered": int(ticket.first_after is None)}
    return {name: number for name, number in found.items() if number}


def _ticket(
    dice: random.Random, channel: str, account: str, at: datetime, usual: float, hours: Hours, last: datetime
) -> Ticket:
    kind = _one(dice, KINDS)
    haste = {"urgent": 0.4, "outage": 0.6, "complaint": 0.8, "praise": 2}.get(kind, 1)
    work = timedelta(minutes=usual * haste * math.exp(dice.gauss(0, SPREAD)))
    answered = hours.after(at, work) if dice.random() > UNANSWERED else None
    first = round((answered - at).total_seconds()) if answered is not None and answered < last else None
    answers = 0 if first is None else 1 + (dice.random() < 0.35) + (dice.random() < 0.1)
    solved = None if first is None else first + round(dice.expovariate(1 / 20_000))
    resolved = solved if solved is not None and at + timedelta(seconds=solved) < last else None
    case = Case(channel, account, int(at.timestamp()), _one(dice, LANGUAGES), PRIORITIES.get(kind, "normal"), kind)
    messages = 1 + (dice.random() < 0.4) + (dice.random() < 0.15)
    return Ticket(case, at, first, resolved, answers, messages, resolved is not None and dice.random() < 0.06)


def _one(dice: random.Random, weights: Mapping[str, int]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]


def _poisson(dice: random.Random, mean: float) -> int:
    """Return a number of customers who come by chance, `mean` on average (Knuth)."""
    limit, product, number = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        number += 1
    return number

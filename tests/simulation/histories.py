"""Random histories: customers, agents, channels, faults and time, put together by a seed or by hypothesis.

A history is a list of small steps, so that a failing one can be made shorter and read as a story.
"""

from __future__ import annotations

import random
import traceback
from dataclasses import dataclass, replace
from datetime import timedelta

from deskwire.model.errors import TemporaryError
from deskwire.web.rest import Answer

from . import promises
from .explore import Violation
from .scenarios import epilogue
from .world import GRAPH, MONTH, X_API, World, erase, replay_dead, simulated, ticket_of

DESKS = ("zendesk", "requesttracker", "logbook")
FAULTS = ("before", "after", "lost", "refused", "broken", "slow", "late", "twice")
STEPS = ("writes",) * 6 + ("album", "repeats", "edits", "unsends") + ("agent",) * 2 + ("waits",) * 5 + (
    "hasty", "month", "outage", "recovery", "busy", "silence", "closes", "merges", "deploys", "erases",
)  # fmt: skip
WAITS = (1, 5, 40, 90, 400, 3600, 3 * 3600, 13 * 3600, 25 * 3600)
NAMES = ("Marta", "Jón", "Zoë", "Anna", "Samir", "Ólöf", "Kofi", "Mei")
EVENING = 4 * 3600
REMEMBERED = timedelta(days=29)
# More than Zendesk keeps a key; longer ones say nothing new, and take sixty sweeps an hour.
LONGEST_OUTAGE = 9000  # seconds


@dataclass(frozen=True)
class Step:
    """One step: what, by which customer, and a number whose meaning depends on it."""

    what: str
    who: int
    number: int


@dataclass(frozen=True)
class History:
    """What happens, where, and what goes wrong: each fault is (effects since the last one, kind)."""

    desk: str
    channels: tuple
    steps: tuple
    faults: tuple
    seed: int


def composed(pick, number, scale=1):
    """Return a history whose choices are made by `pick(options)` and `number(most)`; `scale` makes it longer."""
    desk = pick(DESKS[:2] * 4 + DESKS[2:])
    most = 2 if scale == 1 else len(NAMES) - 1
    channels = tuple(pick(("messenger", "messenger", "facebook", "x", "x in public")) for _ in range(1 + number(most)))
    steps = tuple(
        Step(pick(STEPS), number(len(channels) - 1), number(len(WAITS) - 1)) for _ in range(3 + number(12 * scale))
    )
    faults = tuple((number(45), pick(FAULTS)) for _ in range(number(4 + scale // 2)))
    return History(desk, channels, steps, faults, number(10_000))


def of_seed(seed, scale=1):
    """Return the history of a seed."""
    chance = random.Random(seed)
    return composed(chance.choice, lambda most: chance.randint(0, most), scale)


def told(history):
    """Live through a history; return the world."""
    plan, at = {}, 0
    for gap, kind in history.faults:
        at += gap + 1
        plan[at] = kind
    world = World(plan, desk=history.desk, seed=history.seed)
    world.table.ttl_lag = history.seed % 2 * 2 * 86_400
    people = [world.customer(name, channel) for name, channel in zip(NAMES, history.channels, strict=False)]
    for person in people:
        person.expects = False
    for step in history.steps:
        if step.who < len(people):
            _step(world, people, people[step.who], step)
    epilogue(world)
    return world


def _step(world, people, person, step):  # noqa: C901, PLR0912, PLR0915 - some lines for each kind of step
    ticket = ticket_of(person) if step.what in {"agent", "hasty", "closes", "merges"} else None
    messages = [each for each in person.said if each.kind == "message"]
    kept = [
        each
        for each in messages
        if not any(it.kind == "deletion" and it.about is each for it in person.said)
        and world.now() - each.at < REMEMBERED  # later we do not know any more where the words are
    ]
    match step.what:
        case "writes":
            person.writes(after=(0, 0, 0, 0, 0, 0, 3, 30, 90)[step.number])
        case "album":
            world.deliver(*(person.says(f"picture {number}") for number in range(2 + step.number % 3)))
        case "repeats" if person.said and world.now() - person.said[-1].at < REMEMBERED:
            person.again(person.said[-1], after=WAITS[step.number])
        case "edits" if kept and person.edits_reach_us:
            person.edits(kept[-1])
        case "unsends" if kept and person.edits_reach_us:
            person.unsends(kept[step.number % len(kept)])
        case "agent" if ticket:
            world.agent_replies(ticket)
        case "hasty" if world.desk.asks:  # else it may be a ticket whose birth nobody heard of
            world.hasty[person] = ticket, world.agent_replies
        case "waits":
            world.run(WAITS[step.number])
        case "month":
            world.run(EVENING)
            if world.mailbox.dead:  # the alarm calls somebody; the queue keeps them for fourteen days
                world.operator(replay_dead)
            world.run(MONTH - EVENING)
            world.closings += 1  # whoever writes after so long gets another ticket
        case "outage":
            world.outage(TemporaryError("no answer", ambiguous=bool(step.number % 2)))
            world.later(LONGEST_OUTAGE, world.recovery)
        case "busy":
            answer = Answer(429, {"retry-after": "30"}, b'{"error": "APIRateLimitExceeded"}')
            world.tell("the helpdesk is busy")
            world.down[world.desk.host] = answer
            world.later(LONGEST_OUTAGE, world.recovery)
        case "silence":  # of the platforms
            world.tell("the platforms are down")
            trouble = TemporaryError("connection refused", ambiguous=False)
            world.down |= dict.fromkeys((GRAPH, X_API), trouble)
            world.later(120, world.recovery)
        case "recovery":
            world.recovery()
        case "closes" if ticket and hasattr(world.desk, "close"):
            world.close(ticket)
        case "merges" if ticket and hasattr(world.desk, "merge"):
            others = [
                found for each in people if each is not person and (found := ticket_of(each)) not in {None, ticket}
            ]
            if others:
                world.merge(ticket, others[0])
        case "erases" if person.said and person.erasing is None and world.now() - person.said[0].at < REMEMBERED:
            world.operator(erase(person))
        case "deploys":
            world.tell("a new version is deployed")
            world.new_containers()


def attempt(history, name="a random history"):
    """Live through a history; return how many messages it had, and the violation if any."""
    with simulated():
        try:
            world = told(history)
            wrong = tuple(promises.broken(world))
        except Exception:
            wrong, world = (traceback.format_exc(limit=-6),), World.present
    count = sum(len(each.said) for each in world.customers)
    if not wrong:
        return count, None
    happened = tuple(world.gate.happened)
    cast = f"{name}: {history.desk}, {', '.join(history.channels)}"
    return count, Violation(cast, history.faults, happened, wrong, tuple(world.story), history.seed)


def shortened(history, name="a random history", tries=300):
    """Return the violation of the shortest history found that still fails, by leaving out steps and faults."""
    _, worst = attempt(history, name)
    changed = True
    while changed and worst is not None:
        changed = False
        for shorter in _shorter(history):
            tries -= 1
            if tries < 0:
                return worst
            _, violation = attempt(shorter, name)
            if violation is not None:
                history, worst, changed = shorter, violation, True
                break
    return worst


def _shorter(history):
    size = len(history.steps)
    while size:
        for start in range(0, len(history.steps), size):
            yield replace(history, steps=history.steps[:start] + history.steps[start + size :])
        size //= 2
    for number in range(len(history.faults)):
        # What came after it keeps its place: its distance is added to the next one's.
        after = list(history.faults[number + 1 :])
        if after:
            after[0] = (after[0][0] + history.faults[number][0] + 1, after[0][1])
        yield replace(history, faults=(*history.faults[:number], *after))
    if len(history.channels) > 1:
        yield replace(history, channels=history.channels[:-1])

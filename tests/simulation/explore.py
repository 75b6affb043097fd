"""Every crash point of a scenario, one by one and in pairs."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from . import promises
from .ports import KINDS, possible
from .scenarios import play
from .world import World, simulated


@dataclass(frozen=True)
class Violation:
    """A promise that was broken, with how to see it again."""

    scenario: str
    plan: tuple
    happened: tuple
    wrong: tuple
    story: tuple
    seed: int | None = None

    def __str__(self):
        misfortunes = "\n".join(f"    {kind} at effect {index}: {what}" for index, kind, what in self.happened)
        story = "\n".join(f"    {line}" for line in self.story)
        wrong = "\n".join(f"  ✗ {each}" for each in self.wrong)
        return f"{self.scenario}\n  what went wrong in the world:\n{misfortunes or '    nothing'}\n{story}\n{wrong}"


def attempt(told, plan=(), seed=None):
    """Play one scenario under one plan; return its log of effects, and the violation if any."""
    with simulated():
        try:
            world = play(told, plan, seed=seed)
            wrong = tuple(promises.broken(world))
        except Exception:  # a mistake of the product or of this world: either is to be seen
            wrong = (traceback.format_exc(limit=-6),)
            world = World.present
    log = list(world.gate.log)
    if not wrong:
        return log, None
    return log, Violation(told.name, tuple(plan), tuple(world.gate.happened), wrong, tuple(world.story), seed)


def singles(told, every=slice(None), *, complete=False):
    """Yield for each misfortune at each effect (or at some of them) the violation it leads to, or None.

    `complete`: also for the kinds that its story leaves out, as others show them well enough.
    """
    kinds = tuple(dict.fromkeys((*KINDS, *told.kinds))) if complete else told.kinds or KINDS
    log, violation = attempt(told)
    yield violation
    for index in range(len(log))[every]:
        for kind in (each for each in kinds if possible(each, log[index])):
            yield attempt(told, ((index, kind),))[1]


def pairs(told, kinds=("before", "lost"), *, part=0, parts=1):
    """Yield for each two misfortunes at two effects the violation they lead to, or None.

    `part` of `parts`: of the first misfortunes only every so many, so that several processes share the work.
    """
    log, _ = attempt(told)
    firsts = [(index, kind) for index in range(len(log)) for kind in kinds]
    for first in firsts[part::parts]:
        after, violation = attempt(told, (first,))
        if violation is not None:
            continue  # told by `singles`
        for second in range(first[0] + 1, len(after)):
            for kind in kinds:
                yield attempt(told, (first, (second, kind)))[1]


def plan_of(told, misfortunes):
    """Return the plan in which these happen, found by playing the story up to each.

    Each misfortune is (kind, name of the effect, its how-manieth occurrence after the misfortune before).
    """
    plan = []
    for kind, what, number in misfortunes:
        log, _ = attempt(told, plan)
        start = plan[-1][0] + 1 if plan else 0
        places = [index for index, name in enumerate(log) if name == what and index >= start]
        assert len(places) >= number, f"“{what}” happens {len(places)} times in {told}: {log}"
        plan.append((places[number - 1], kind))
    return plan

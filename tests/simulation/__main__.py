"""`make simulate`: every scenario at every crash point, pairs, random histories, planted faults; what was found.

python -m tests.simulation                  all crash points, some pairs and histories: a quarter of an hour
python -m tests.simulation --sixteenth 2    a sixteenth of that, as in the gate: each commit plays another one
python -m tests.simulation --deep           all pairs, ten thousand histories of a hundred messages each
python -m tests.simulation --deep --start 5000   goes on with the history of that seed, without the scenarios
python -m tests.simulation --seed 4711      one history, told as a story
python -m tests.simulation --only "closed"  the scenarios with this in their name
python -m tests.simulation --mirror         those with two helpdesks, with every kind of misfortune at each effect
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

from . import explore, faults, histories
from .scenarios import SCENARIOS
from .world import World

CHUNK = 10  # histories a task
LONG = 44  # times as many steps in a deep run: a hundred messages a history
SHOWN = 5  # violations told in full
PAIRED = ("before", "lost")
PARTS = 8  # of the pairs of one scenario
USUAL = (0, 4)  # of these, in a run that is not deep
SIXTEENTHS = 16
SPOKEN = 20  # seconds between two lines of progress where there is no terminal


def main():
    """Run what was asked for; return the exit status."""
    arguments = _parsed()
    if arguments.seed is not None:
        return _one(histories.of_seed(arguments.seed, LONG if arguments.deep else 1), f"seed {arguments.seed}")
    began = time.monotonic()
    told = [] if arguments.start else _chosen(arguments)
    with ProcessPoolExecutor(arguments.jobs, initializer=os.nice, initargs=(5,)) as pool:
        counts, found = _gathered({pool.submit(*task): name for name, task in _tasks(arguments, told)})
    print(
        f"scenarios {len(told)} · crash points {counts['singles']} · pairs {counts['pairs']} · "
        f"histories {counts['histories']} with {counts['messages']} messages · planted faults {counts['planted']} · "
        f"violations {len(found)} · {time.monotonic() - began:.0f} s"
    )
    return 1 if found else 0


def _chosen(arguments):
    """Return the names of the scenarios to be told."""
    return [
        name for name, each in SCENARIOS.items() if arguments.only in name and (each.mirrors or not arguments.mirror)
    ]


def _tasks(arguments, told):
    """Yield what is to be done, each with its name: (name, (function, arguments…))."""
    for name in told:
        yield name, (_singles, name, arguments.sixteenth, arguments.mirror)
    for name in told:
        if SCENARIOS[name].short and (arguments.deep or SCENARIOS[name].first):
            for part in range(PARTS) if arguments.deep else _usual(arguments.sixteenth):
                yield f"{name}, pairs", (_pairs, name, part)
    some = arguments.only or arguments.mirror
    for start in range(arguments.start, 0 if some else arguments.histories, CHUNK):
        end = min(start + CHUNK, arguments.histories)
        yield f"histories {start} to {end - 1}", (_histories, start, end, LONG if arguments.deep else 1)
    for fault in [] if some or arguments.start else faults.FAULTS[_every(arguments.sixteenth)]:
        yield f"planted: {fault.name}", (_planted, fault.name)


def _gathered(tasks):
    """Return the counts and the violations of all tasks; say meanwhile how far it is."""
    counts, found = Counter(), []
    told = time.monotonic()
    for number, task in enumerate(as_completed(tasks), 1):
        counted, violations = task.result()
        counts.update(counted)
        found += violations
        for violation in violations[: max(0, SHOWN - len(found) + len(violations))]:
            print(f"\r\x1b[K{violation}\n" if sys.stdout.isatty() else f"{violation}\n", flush=True)
        progress = f"{number}/{len(tasks)} {tasks[task]} · {counts['messages']} messages · violations {len(found)}"
        if sys.stdout.isatty():
            print(f"\r\x1b[K{progress}", end="", flush=True)
        elif time.monotonic() - told > SPOKEN:
            told = time.monotonic()
            print(progress, flush=True)
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    return counts, found


def _parsed():
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__.splitlines()[0])
    parser.add_argument("--deep", action="store_true", help="all pairs, and 10,000 long histories")
    parser.add_argument("--seed", type=int, help="tell one history")
    parser.add_argument("--only", default="", help="the scenarios whose name has this in it")
    parser.add_argument("--mirror", action="store_true", help="those with two helpdesks, complete")
    parser.add_argument("--start", type=int, default=0, help="go on with the history of this seed")
    parser.add_argument(
        "--sixteenth", type=int, choices=range(SIXTEENTHS), help="every 16th crash point, from this one"
    )
    parser.add_argument("--histories", type=int, help="how many random ones")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    arguments = parser.parse_args()
    if arguments.histories is None:
        arguments.histories = 10_000 if arguments.deep else 200 if arguments.sixteenth is None else 50
    return arguments


def _one(history, name):
    _, violation = histories.attempt(history, name)
    if violation is not None:
        print(histories.shortened(history, f"{name}, made shorter"))
        return 1
    print("\n".join(World.present.story))
    for index, kind, what in World.present.gate.happened:
        print(f"{kind} at effect {index}: {what}")
    print(f"{name}: every promise held")
    return 0


def _usual(sixteenth):
    return USUAL if sixteenth is None else USUAL[sixteenth % 2 : sixteenth % 2 + 1]


def _every(sixteenth):
    return slice(None) if sixteenth is None else slice(sixteenth, None, SIXTEENTHS)


def _singles(name, sixteenth, complete):
    results = list(explore.singles(SCENARIOS[name], _every(sixteenth), complete=complete))
    return {"singles": len(results) - 1}, [each for each in results if each is not None]


def _pairs(name, part):
    results = list(explore.pairs(SCENARIOS[name], PAIRED, part=part, parts=PARTS))
    return {"pairs": len(results)}, [each for each in results if each is not None]


def _planted(name):
    """Plant a fault: the violation would be that nobody notices."""
    (fault,) = (each for each in faults.FAULTS if each.name == name)
    return {"planted": 1}, [] if faults.caught(fault) else [f"nobody noticed that {name}"]


def _histories(start, end, scale):
    messages, found = 0, []
    for seed in range(start, end):
        count, violation = histories.attempt(histories.of_seed(seed, scale), f"seed {seed}")
        messages += count
        if violation is not None:
            found.append(histories.shortened(histories.of_seed(seed, scale), f"seed {seed}, made shorter", tries=100))
    return {"histories": end - start, "messages": messages}, found


if __name__ == "__main__":
    sys.exit(main())

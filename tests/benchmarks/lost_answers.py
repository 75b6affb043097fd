"""What becomes of tickets whose making was not answered: `python -m tests.benchmarks.lost_answers [--write]`.

The helpdesk makes the ticket and nobody hears of it: the answer times out, or the worker is killed before it notes
it. The message comes again after a while. How many tickets are there in the end? Once with the product's own receive
and converse in the simulator's world, once with Powertools' idempotency utility around a function that makes a ticket.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from importlib.metadata import version

from deskwire.configuration import helpdesk_key
from deskwire.letters import timer
from deskwire.model.errors import TemporaryError
from sandbox.neighbours.neighbour import Clock
from tests.simulation.desks import DESKS
from tests.simulation.ports import Crash
from tests.simulation.promises import TOKEN
from tests.simulation.world import START, World, simulated

from . import page
from .naive import WEEK, Naive, powertools

MESSAGES = 1000
AGES = {"1 s": 1, "1 h 59 min": 7140, "2 h 01 min": 7260, "25 h": 90_000}
LOSSES = {"times out": lambda: TemporaryError("no answer", ambiguous=True), "dies with its worker": lambda: Crash("")}
HELPDESKS = {"zendesk": "Zendesk (a key for two hours)", "requesttracker": "Request Tracker (no keys)"}
NAIVE = {
    "Powertools, as it comes": {},
    "Powertools, records kept 7 days": {"expires": WEEK},
    "the same, with `Idempotency-Key`": {"expires": WEEK, "key": True},
}
DAY = 86_400
MANY = 1_000_000  # requests a minute: the rate limit is another story


def loses(desk, loss):
    """Let the first answer of each message's making get lost."""
    serve, met = desk.serve, set()

    def losing(call):
        answer = serve(call)
        making = call.method == "POST" and call.url.endswith(("/tickets.json", "/ticket"))
        tokens = {token for token in TOKEN.findall(call.body.decode()) if making and answer.status == 201}
        if new := tokens - met:
            met.update(new)
            raise loss()
        return answer

    desk.serve = losing
    return met


def ours(connector, loss, age, messages):
    """Return how many messages stand in so many tickets, once the product has done its work."""
    with simulated():
        world = World(desk=connector)
        world.meta.admit = lambda _asked: None
        unlimited(world.desk)
        met = loses(world.desk, loss)
        for number in range(messages):
            customer = world.customer(f"Customer {number}")
            customer.writes()
            world._attempt(world.deliveries.pop())
            world._converse()
            calm(world)
        assert len(met) == messages, "an answer was not lost"
        world.clock.advance(age)
        world.mailbox.send([timer(customer.thread, "now") for customer in world.customers])
        world.run(DAY)
        tokens = [said.token for customer in world.customers for said in customer.said]
    return counted(world.desk, tokens)


def calm(world):
    """Let nobody take the helpdesk for down: it is asked by all, and each loses its answer at the same moment."""
    world.table.memory.items.pop((helpdesk_key("acme")[0], "HEALTH"), None)
    world.new_containers()


def naive(connector, loss, age, messages, **settings):
    """Return the same of the usual way; what became a dead letter is counted, too."""
    clock = Clock(START, held=True)
    desk = unlimited(DESKS[connector](clock))
    met = loses(desk, loss)
    told = [{"id": f"m-{number}", "text": f"w{number}w where is my parcel?"} for number in range(messages)]
    with powertools(clock):
        dead = Naive(desk, clock, **settings).runs(told, age)
    assert len(met) == messages, "an answer was not lost"
    found = counted(desk, [f"w{number}w" for number in range(messages)])
    found["dead"] = len(dead)
    return found


def unlimited(desk):
    if desk.connector == "zendesk":
        desk.zendesk.requests_per_minute = MANY
    return desk


def counted(desk, tokens):
    stands = Counter(token for kept in desk.books() for words in kept.words[:1] for token in set(TOKEN.findall(words)))
    names = {0: "lost", 1: "one"}
    return Counter(names.get(stands[token], "doubled") for token in tokens)


def told(found):
    """Return a cell."""
    dead = f", {found['dead']:,} dead letters" if found["dead"] else ""
    return ", ".join(f"{found[name]:,} {name}" for name in ("one", "doubled", "lost") if found[name]) + dead


def table(messages=MESSAGES, helpdesks=tuple(HELPDESKS), say=lambda _: None):
    """Return the tables as Markdown."""
    parts = []
    for connector in helpdesks:
        ways = {name: each for name, each in NAIVE.items() if connector == "zendesk" or "key" not in each}
        parts += [
            f"**{HELPDESKS[connector]}**, {messages:,} messages in each cell: how many have one ticket, how many two",
            "",
            f"| the answer | comes again after | Deskwire | {' | '.join(ways)} |",
            "|---|---|---|" + "---|" * len(ways),
        ]
        for (lost, loss), age in itertools.product(LOSSES.items(), AGES):
            cells = [told(ours(connector, loss, AGES[age], messages))]
            cells += [told(naive(connector, loss, AGES[age], messages, **each)) for each in ways.values()]
            parts.append(f"| {lost} | {age} | {' | '.join(cells)} |")
            say(parts[-1])
        parts.append("")
    return "\n".join([*parts, f"Powertools for AWS Lambda {version('aws-lambda-powertools')}."])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    arguments = parser.parse_args()
    began = time.monotonic()
    text = table(arguments.messages, say=print)
    print(f"\n{text}\n\n{time.monotonic() - began:.0f} s")
    if arguments.write:
        page.write("lost_answers", text)


if __name__ == "__main__":
    sys.exit(main())

"""What an outage of the helpdesk costs: `python -m tests.benchmarks.outage [--write]`.

Customers go on writing while the helpdesk answers nothing but errors. When it is back, everything must get into it:
how long does that take beyond what its rate limit allows, and how many requests beyond those that are needed?

The product's own receive, converse and sweep run as the template sets them up (ten batches of ten messages at the same
time; sweep every minute) between the simulator's table, a queue like its own, a played Zendesk and a played Messenger,
in virtual time.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import random
import sys
import threading
import time
from collections import Counter
from concurrent import futures
from dataclasses import dataclass
from types import SimpleNamespace

from deskwire import runtime
from deskwire.conversation import directory, health
from deskwire.web.rest import Answer
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.platforms.meta.played import GRAPH
from tests.simulation.promises import TOKEN, acknowledgements
from tests.simulation.world import Container, Serial, World, simulated

from . import page
from .queue_of_groups import Queue
from .workers import Workers

PER_SECOND = 20  # messages
OUTAGE = 900  # seconds
REQUESTS, UPDATES = 700, 100  # a minute: Zendesk's Enterprise plan, see sandbox.helpdesks.zendesk
FOLLOW_UPS = 0.15  # of the messages: from somebody who wrote before
BATCHES, BATCH = 10, 10  # HelpdeskConcurrency raised from 5, BatchSize as in template.yaml
HELPDESK, PLATFORM, TABLE = 0.25, 0.15, 0.03  # seconds of a request; of what one letter asks of AWS
DOWN = Answer(503, {"content-type": "text/html"}, b"<h1>We will be back soon</h1>")
AT_MOST = 24 * 3600  # seconds after which what has not arrived never will


class Rush(World):
    """A company whose customers write faster than its helpdesk takes."""

    def __init__(self, requests=REQUESTS, updates=UPDATES):
        self._rushing = False
        with simulated():
            super().__init__()
        self._rushing = True
        self.gate.open = False  # nothing is counted, nothing goes wrong by plan
        self.workers = Workers(self.clock)
        self.desk.zendesk = Zendesk(self.clock, requests_per_minute=requests, updates_per_minute=updates)
        self.meta.admit = lambda _asked: None  # the Send API's limits are far from here
        self.mailbox = Queue(self.now)
        self._free = []
        self._at_work = threading.local()
        self._running = 0
        self._receiving = Container(self, 0)
        self._sweeping = Container(self, 0)
        sweeper = self._sweeping.sweeper
        self._sweeping.sweeper = dataclasses.replace(sweeper, mailbox=self.mailbox, wait=self._wait)
        self.unanswered = 0
        self.limits = requests, updates

    # ------------------------------------------------------------------------------------------ who works

    def container(self):
        return self._at_work.container if self._rushing else super().container()

    def http(self, call):
        if self._rushing:
            self.workers.sleep(PLATFORM if f"//{GRAPH}/" in call.url else HELPDESK)
            self.unanswered += GRAPH not in call.url and bool(self.down)
        return super().http(call)

    def _invoke(self, what, act):
        return act(self._receiving) if self._rushing else super()._invoke(what, act)

    def start_batches(self):
        """Start as many batches as there are letters for, and as may run at the same time."""
        while self._running < BATCHES and (batch := self.mailbox.receive(BATCH)):
            self._running += 1
            self.workers.start(lambda batch=batch: self._converse_on(batch))

    def _converse_on(self, batch):
        container = self._free.pop() if self._free else Container(self, next(self._numbers))
        self._at_work.container = container
        event = {
            "Records": [
                {"messageId": each.id, "body": each.letter.body, "attributes": {"MessageGroupId": each.letter.group}}
                for each in batch
            ]
        }
        answer = runtime.converse(event, lambda: 60_000.0)
        self.mailbox.done(batch, {each["itemIdentifier"] for each in answer["batchItemFailures"]})
        self._free.append(container)
        self._running -= 1
        self.start_batches()

    def _wait(self, seconds):
        self.start_batches()
        self.workers.sleep(seconds)

    def sweeping(self):
        """Sweep every minute, until nothing is left to be woken."""
        while True:
            self.workers.sleep(60 - self.now().timestamp() % 60)
            self._sweeping.sweeper.sweep()
            self.start_batches()
            idle = not self._running and not self.mailbox.waits() and self.table.earliest_due() is None
            if self.writing or not idle:
                if (self.now() - self.began).total_seconds() > AT_MOST:
                    return
                continue
            return

    # ------------------------------------------------------------------------------------------ what happens

    def customers_write(self, seconds, chance):
        """Let so many messages come in this time, each at its moment."""
        for _ in range(int(seconds * PER_SECOND)):
            if self.customers and chance.random() < FOLLOW_UPS:
                customer = chance.choice(self.customers)
            else:
                customer = self.customer(f"Customer {len(self.customers)}")
            customer.writes()
            self._attempt(self.deliveries.pop())
            self.start_batches()
            self.workers.sleep(1 / PER_SECOND)
        self.writing = False

    def goes_through(self, seconds, seed=1):
        """Play an outage of so many seconds, and what follows until everything arrived."""
        chance = random.Random(seed)
        self.began, self.writing = self.now(), True
        self.outage(DOWN)
        self.workers.start(lambda: self.customers_write(seconds, chance))
        self.workers.start(self.sweeping)

        def recovered():
            self.workers.sleep(seconds)
            self.recovery()
            self.back = self.now()

        self.workers.start(recovered)
        with rushing(self):
            self.workers.run()
        return Figures.of(self)


@contextlib.contextmanager
def rushing(world):
    """Let `runtime.converse` find the world, and work on the threads of a batch at the same time, in its time."""
    before = runtime.conversation, futures.ThreadPoolExecutor, directory.threading, health.threading

    class Pool(Serial):
        def map(self, function, items):
            container = world.container()

            def one(item):
                world._at_work.container = container
                world.workers.sleep(TABLE * len(item))
                return function(item)

            return world.workers.side_by_side([lambda item=item: one(item) for item in items])

    runtime.conversation = lambda: world.container().conversation
    futures.ThreadPoolExecutor = Pool
    directory.threading = health.threading = SimpleNamespace(Lock=world.workers.lock)
    try:
        yield
    finally:
        runtime.conversation, futures.ThreadPoolExecutor, directory.threading, health.threading = before


@dataclass(frozen=True)
class Figures:
    """What came of it."""

    messages: int
    once: int
    lost: int
    doubled: int
    acknowledged: float  # share of the customers, once each
    tickets: int
    needed: int  # requests
    asked: int  # requests, refused ones too
    refused: int
    allowed: float  # seconds that the rate limit asks for
    took: float  # seconds from the recovery until the last one arrived
    slowest_acknowledgement: float

    @property
    def stretch(self):
        return self.took / self.allowed

    @property
    def repetition(self):
        return self.asked / self.needed

    @staticmethod
    def of(world):
        said = [each for customer in world.customers for each in customer.said]
        books = world.desk.books()
        stands = Counter(token for kept in books for words in kept.words for token in set(TOKEN.findall(words)))
        counts = Counter(min(stands[each.token], 2) for each in said)
        entries = world.desk.zendesk.books.entries()
        updates = sum(1 for kept in books if len(kept.words) > 1)
        needed = (
            3 * len(world.customers) + updates
        )  # the customer is made, their earlier tickets looked for, one opened
        times = [acknowledgements(customer) for customer in world.customers]
        return Figures(
            messages=len(said), once=counts[1], lost=counts[0], doubled=counts[2],
            acknowledged=sum(len(each) == 1 for each in times) / len(times), tickets=len(books), needed=needed,
            asked=len(entries) + world.unanswered, refused=sum(1 for each in entries if each.status == 429),
            allowed=60 * max(needed / world.limits[0], updates / world.limits[1]),
            took=(max(each.asked.at for each in entries) - world.back).total_seconds(),
            slowest_acknowledgement=max(
                (each[0] - customer.said[0].at).total_seconds()
                for each, customer in zip(times, world.customers, strict=True) if each
            ),
        )  # fmt: skip


def table(figures, seconds):
    """Return the figures as Markdown."""
    minutes = f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds} seconds"
    rows = [
        ("Outage", f"{minutes}, {PER_SECOND} messages a second"),
        ("Messages", f"{figures.messages:,}, of {figures.tickets:,} conversations"),
        ("In a ticket once / lost / twice", f"{figures.once:,} / {figures.lost} / {figures.doubled}"),
        ("Customers acknowledged once", f"{figures.acknowledged:.0%}, within {figures.slowest_acknowledgement:.1f} s"),
        (
            "Requests needed / sent",
            f"{figures.needed:,} / {figures.asked:,}, of which {figures.refused:,} were refused",
        ),
        ("Sent for each needed", f"{figures.repetition:.3f}"),
        ("What the rate limit allows", f"{figures.allowed / 60:.1f} minutes"),
        ("All arrived after", f"{figures.took / 60:.1f} minutes: {figures.stretch:.3f} of that"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}")
    parser.add_argument("--seconds", type=int, default=OUTAGE, help="how long it lasts")
    arguments = parser.parse_args()
    began = time.monotonic()
    text = table(Rush().goes_through(arguments.seconds), arguments.seconds)
    print(f"{text}\n\n{time.monotonic() - began:.0f} s")
    if arguments.write:
        page.write("outage", text)


if __name__ == "__main__":
    sys.exit(main())

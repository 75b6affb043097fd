"""Many at work at the same time, on a clock that is held: one of them runs, all others wait for their moment.

    workers = Workers(clock)
    workers.start(act)              # `act` may call `workers.sleep(0.2)`: others go on meanwhile
    workers.run()                   # until nobody has anything left to do

Each is a thread of its own, so that the product's code need not know; the order is always the same.
"""

from __future__ import annotations

import heapq
import itertools
import threading

LOOK = 0.05  # seconds


class Workers:
    """All of them, and whose turn it is."""

    def __init__(self, clock):
        self._clock = clock
        self._waiting = []  # (when, number, what lets that one go on)
        self._numbers = itertools.count()
        self._over = threading.Semaphore(0)
        self._crash = None

    def start(self, act):
        """Let one more work, from now on."""
        threading.Thread(target=self._work, args=(act, self._enter(0)), daemon=True).start()

    def sleep(self, seconds):
        """Wait so long, while others go on."""
        mine = self._enter(seconds)
        self._next()
        mine.acquire()

    def side_by_side(self, acts):
        """Do all of these at the same time and wait until the last one is done; return what they gave."""
        given, left, done = {}, [len(acts)], threading.Semaphore(0)

        def one(number, act):
            given[number] = act()
            left[0] -= 1
            if not left[0]:
                heapq.heappush(self._waiting, (self._clock.now().timestamp(), next(self._numbers), done))

        for number, act in enumerate(acts):
            self.start(lambda number=number, act=act: one(number, act))
        self._next()
        done.acquire()
        return [given[number] for number in range(len(acts))]

    def lock(self):
        """Return a lock of which waiting takes time on the clock."""
        return Lock(self)

    def run(self):
        """Let everybody work until nobody is left; raise what went wrong in one of them."""
        self._next()
        self._over.acquire()
        if self._crash is not None:
            raise self._crash

    def _enter(self, seconds):
        mine = threading.Semaphore(0)
        moment = self._clock.now().timestamp() + seconds
        heapq.heappush(self._waiting, (moment, next(self._numbers), mine))
        return mine

    def _work(self, act, turn):
        turn.acquire()
        try:
            act()
        except BaseException as error:
            self._crash = error
            self._waiting.clear()
        self._next()

    def _next(self):
        """Give the turn to whoever is first."""
        if not self._waiting:
            self._over.release()
            return
        moment, _, turn = heapq.heappop(self._waiting)
        self._clock.advance(max(0.0, moment - self._clock.now().timestamp()))
        turn.release()


class Lock:
    """What of `threading.Lock` the product uses."""

    def __init__(self, workers):
        self._workers = workers
        self._taken = False

    def acquire(self, *, blocking=True):
        """Take it, looking again and again while time passes; False when it is not to be had at once."""
        while self._taken:
            if not blocking:
                return False
            self._workers.sleep(LOOK)
        self._taken = True
        return True

    def release(self):
        self._taken = False

    def __enter__(self):
        self.acquire()

    def __exit__(self, *_):
        self.release()

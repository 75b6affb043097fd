"""The mailbox for many thousand letters: what the simulator's does, without looking through all of them each time."""

from __future__ import annotations

import itertools
from collections import deque
from datetime import timedelta

from tests.simulation.ports import DEDUPE, MOST_RECEIVED, Message

VISIBILITY = timedelta(seconds=360)  # template.yaml


class Queue:
    """SQS FIFO: at most one batch of a group at a time, five minutes' memory, dead letters."""

    def __init__(self, now):
        self.dead = []
        self._now = now
        self._groups = {}  # group -> its messages, the oldest first
        self._free = deque()  # groups of which nothing is being worked on
        self._seen = {}
        self._numbers = itertools.count()

    def send(self, letters):
        for letter in letters:
            key, now = (letter.group, letter.dedupe), self._now()
            if key in self._seen and now - self._seen[key] < DEDUPE:
                continue
            self._seen[key] = now
            waiting = self._groups.setdefault(letter.group, deque())
            if not waiting:
                self._free.append(letter.group)
            waiting.append(Message(str(next(self._numbers)), letter, now))

    def receive(self, most):
        """Return the next batch: a free group with what follows in it, then the next one."""
        found = []
        for _ in range(len(self._free)):
            if len(found) >= most:
                break
            group = self._free.popleft()
            if self._groups[group][0].visible_at > self._now():
                self._free.append(group)
                continue
            for message in itertools.islice(self._groups[group], most - len(found)):
                message.received += 1
                found.append(message)
        return found

    def done(self, batch, again):
        """Take out what was worked on; what is to come `again` comes when its visibility time-out has passed."""
        for group in dict.fromkeys(message.letter.group for message in batch):
            waiting = self._groups[group]
            for message in [each for each in batch if each.letter.group == group]:
                if message.id not in again:
                    waiting.remove(message)
                elif message.received >= MOST_RECEIVED:
                    waiting.remove(message)
                    self.dead.append(message.letter)
                else:
                    message.visible_at = self._now() + VISIBILITY
            if waiting:
                self._free.append(group)

    def waits(self):
        """Whether anything is left."""
        return any(self._groups[group] for group in self._free)

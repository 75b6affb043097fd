"""The times that must hold to each other, and to the template."""

from __future__ import annotations

from datetime import timedelta

LATE = timedelta(minutes=15)  # due for so long, and yet nobody finished: sweep wakes such a thread every minute
ON_ITS_WAY = timedelta(minutes=40)  # a letter comes five times at most, six minutes apart, before it is dead
FIRST_PAUSE = 5  # seconds before the first retry; doubled up to
LONGEST_PAUSE = 300
CONFIGURATION_PAUSE = 120  # until somebody mended it
NET_PAUSE = 60
LONG = timedelta(seconds=10)  # after which a turn that has done something leaves the rest to the next one
HELD_UP = timedelta(seconds=10)  # far less than the mailbox waits before it gives a letter to another worker
LEASE_SECONDS = 150  # longer than converse may run
TOKEN_LEASE_SECONDS = 90  # longer than converse or sweep may run: a lease that ran out is a dead worker's
NET_SECONDS = 900  # longer than the mailbox needs to bring a lost worker's letter again
GIVE_UP = timedelta(days=14)
KEEP_SECONDS = 30 * 86_400  # after its outcome: platforms repeat for 7 days at most, a person looks within a month

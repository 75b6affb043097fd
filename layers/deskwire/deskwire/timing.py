"""The times that must hold to each other and to the template. `tests/library/test_timing.py` states how."""

from __future__ import annotations

from datetime import timedelta

# One turn of converse.
TURN_SECONDS = 60  # converse's time-out in the template: no turn lasts longer
SLOW_CALL_SECONDS = 15  # a slow call of a helpdesk; with less time left, a letter is returned to the mailbox
STOP_AFTER = timedelta(seconds=10)  # a turn that has done something by then leaves the rest to the next one
FETCH_WITHIN = timedelta(seconds=20)  # for all attachments of one message
HISTORY_WITHIN = timedelta(seconds=2)  # a new ticket waits no longer for what is known of its customer
RECHECK_AFTER = timedelta(seconds=10)  # recording took so long that the letter may have been redelivered meanwhile
LEASE_SECONDS = 150  # how long a worker holds a thread; it outlives the worker, and ends before the redelivery
TOKEN_LEASE_SECONDS = 90  # how long a worker may take to renew a token; it outlives converse and sweep
PLACE_SECONDS = 90  # how long a call may take one of a neighbour's places; it outlives converse and sweep
NET_SECONDS = 900  # a thread taken but never finished is due then; by then its letter was redelivered

# Retries. They are kept in the table, not in the mailbox's receive count.
FIRST_PAUSE = 5  # seconds before the first retry; doubled each time, up to
LONGEST_PAUSE = 300
CONFIGURATION_PAUSE = 120  # seconds before a retry that needs a person to change the configuration
NET_PAUSE = 60  # seconds after which sweep continues a thread whose own timer was lost
GIVE_UP = timedelta(days=14)  # an event that could not be filed for so long is dead

# What counts as overdue, and how long outcomes are kept.
OVERDUE_AFTER = timedelta(minutes=15)  # sweep wakes a due thread every minute; this late, something is wrong
DELIVERED_WITHIN = timedelta(minutes=40)  # after its last redelivery a letter is done or dead
KEEP_SECONDS = 30 * 86_400  # after the outcome: platforms redeliver for 7 days at most, a person looks within a month
REMEMBERED = timedelta(seconds=KEEP_SECONDS) - timedelta(days=1)  # for so long a repetition is surely known as one
EARLY_SECONDS = 86_400  # for which the words of an answer in a ticket that is unknown so far are kept
COPIED_FOR = timedelta(days=16)  # after which S3 surely has let a file that a mirror was to have expire
OUTBOX_SECONDS = 7 * 86_400  # for which a page can read what was sent to it

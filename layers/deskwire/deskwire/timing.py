"""Times that depend on each other and on the template; `tests/library/test_timing.py` states how."""

from __future__ import annotations

from datetime import timedelta

# One turn of converse.
TURN_SECONDS = 60  # converse's time-out in the template: no turn lasts longer
SLOW_CALL_SECONDS = 15  # a slow call of a helpdesk; with less time left, a letter is returned to the mailbox
STOP_AFTER = timedelta(seconds=10)  # a turn that has done something by then leaves the rest to the next turn
FETCH_WITHIN = timedelta(seconds=20)  # for all attachments of one message
HISTORY_WITHIN = timedelta(seconds=2)  # for which a new ticket waits for the customer's earlier tickets
RECHECK_AFTER = timedelta(seconds=10)  # if recording took longer, the letter may have been redelivered meanwhile
LEASE_SECONDS = 150  # for which a worker holds a thread: longer than a worker lives, shorter than until a redelivery
TOKEN_LEASE_SECONDS = 90  # for which a worker may renew a token: longer than converse and sweep run
PLACE_SECONDS = 90  # for which a call holds one of a neighbour's places: longer than converse and sweep run
NET_SECONDS = 900  # after which a thread taken but never finished is due; its letter was redelivered by then

# Retries. They are kept in the table, not in the mailbox's receive count.
FIRST_PAUSE = 5  # seconds before the first retry, doubled each time
LONGEST_PAUSE = 300  # seconds between retries at most
CONFIGURATION_PAUSE = 120  # seconds before a retry that needs a person to change the configuration
NET_PAUSE = 60  # seconds after which sweep continues a thread whose own timer was lost
GIVE_UP = timedelta(days=14)  # after which an event that could not be filed is dead

# What counts as overdue, and how long outcomes are kept.
OVERDUE_AFTER = timedelta(minutes=15)  # sweep wakes due threads every minute; a thread due for longer is a fault
DELIVERED_WITHIN = timedelta(minutes=40)  # within which a letter is handled or dead, redeliveries included
KEEP_SECONDS = 30 * 86_400  # after the outcome: platforms redeliver for 7 days at most, a person looks within a month
REMEMBERED = timedelta(seconds=KEEP_SECONDS) - timedelta(days=1)  # for which a repetition is certainly recognised
EARLY_SECONDS = 86_400  # for which an answer's words are kept while its ticket is unknown
COPIED_FOR = timedelta(days=16)  # after which S3 has certainly expired a file kept for a mirror
OUTBOX_SECONDS = 7 * 86_400  # for which a page can read what was sent to it

"""The times that must hold to each other, with what the template says: every inequality, in one place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from deskwire import timing
from deskwire.conversation import decide_reply, entries, health
from deskwire.web.rest import Call

ROOT = Path(__file__).resolve().parents[2]
SECOND = timedelta(seconds=1)


class Loader(yaml.SafeLoader):
    """Reads the template; what its functions would give is no number, and is not needed here."""


Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
RESOURCES = {
    name: resource["Properties"]
    for name, resource in yaml.load((ROOT / "template.yaml").read_text(), Loader)["Resources"].items()
    if "Properties" in resource
}
MAILBOX = RESOURCES["Mailbox"]
HIDDEN = MAILBOX["VisibilityTimeout"]
RECEIVES = MAILBOX["RedrivePolicy"]["maxReceiveCount"]
RETENTION = MAILBOX["MessageRetentionPeriod"]
CONVERSE = RESOURCES["ConverseFunction"]["Timeout"]
SWEEP = RESOURCES["SweepFunction"]["Timeout"]
RECEIVE = RESOURCES["ReceiveFunction"]["Timeout"]
API = RESOURCES["ReceiveIntegration"]["TimeoutInMillis"] / 1000
MINUTE = 60

HOLDS = {
    "no turn outlasts converse": timing.TURN_SECONDS == CONVERSE,
    "the mailbox hides a letter for six time-outs, as AWS asks": HIDDEN >= 6 * CONVERSE,
    "a lease outlasts its worker": timing.LEASE_SECONDS > CONVERSE,
    "a lease has ended when the letter is redelivered": timing.LEASE_SECONDS < HIDDEN,
    "a token's lease outlasts the worker that renews it": max(CONVERSE, SWEEP) < timing.TOKEN_LEASE_SECONDS,
    "a place outlasts the worker that calls": max(CONVERSE, SWEEP) < timing.PLACE_SECONDS,
    "a letter is redelivered before the net catches its thread": HIDDEN < timing.NET_SECONDS,
    "a slow recording is noticed long before the redelivery": 10 * timing.RECHECK_AFTER < HIDDEN * SECOND,
    "a worker that is checking again still holds the lease":
        timing.RECHECK_AFTER + CONVERSE * SECOND < timing.LEASE_SECONDS * SECOND,
    "an ordinary call ends within a slow one": Call("GET", "https://example.com").timeout < timing.SLOW_CALL_SECONDS,
    "a turn that goes on to the last moment has time for attachments and a slow call":
        timing.STOP_AFTER + timing.FETCH_WITHIN + timing.SLOW_CALL_SECONDS * SECOND < CONVERSE * SECOND,
    "what is known of a customer is waited for less than an ordinary call may take":
        timing.HISTORY_WITHIN < Call("GET", "https://example.com").timeout * SECOND < timing.STOP_AFTER * 1.01,
    "an update stops taking messages long before the attachments of one run out of time":
        entries.ENOUGH < timing.FETCH_WITHIN,
    "after its last redelivery a letter is done or dead": RECEIVES * HIDDEN * SECOND < timing.DELIVERED_WITHIN,
    "retries begin soon and end slow": timing.FIRST_PAUSE < timing.NET_PAUSE < timing.LONGEST_PAUSE,
    "what a person must mend is tried more often than what is slow":
        timing.CONFIGURATION_PAUSE <= timing.LONGEST_PAUSE,
    "no retry in time is overdue": timing.LONGEST_PAUSE * 1.25 * SECOND < timing.OVERDUE_AFTER,
    "an answer is tried more than once before the agent hears of it": decide_reply.PATIENCE > 2 * timing.LONGEST_PAUSE,
    "the mailbox keeps a letter until it is given up": timing.GIVE_UP <= RETENTION * SECOND,
    "an outcome is kept longer than anything is tried": timing.GIVE_UP < timing.KEEP_SECONDS * SECOND,
    "an old answer is recognised for as long as its record is kept": timing.REMEMBERED < timing.KEEP_SECONDS * SECOND,
    "no platform redelivers what is refused as a replay": timedelta(days=7) < timing.REMEMBERED,
    "sweep ends before the next one starts": SWEEP < MINUTE,
    "sweep's last round in a minute begins before its time-out": MINUTE - health.SLICE < SWEEP,
    "a minute is a whole number of slices": MINUTE % health.SLICE == 0,
    "a neighbour is left alone for no longer than it recovers":
        max(health.QUICK.longest, health.CAREFUL.longest) <= health.RECOVERY,
    "receive gives up before the API does": RECEIVE < API,
}  # fmt: skip


@pytest.mark.parametrize("name", HOLDS)
def test_it_holds(name):
    assert HOLDS[name]

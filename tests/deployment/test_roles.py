"""The roles against what the functions' ports are really called for: a right that is missing fails, one too many too.

Every scenario of the simulator is played once. Each call of a port is one call of AWS (`tests/ports` proves it for both
adapters), so who called what, on which partition, queue or folder, is what a role must grant.
"""

from __future__ import annotations

import functools

import pytest

from deskwire.conversation.converse import Conversation
from deskwire.ports import Delete, Put
from deskwire.receiving.receiver import Receiver
from deskwire.sweeping.sweeper import Sweeper
from deskwire.watching.archiving import Archiver
from deskwire.watching.watcher import Watcher
from tests.simulation import ports, world
from tests.simulation.explore import attempt
from tests.simulation.scenarios import SCENARIOS

from .test_template import KEY, LOGS, TRACE, listed, statements

FUNCTIONS = {Receiver: "receive", Conversation: "converse", Sweeper: "sweep", Watcher: "watch", Archiver: "archive"}
ENTRANCES = {Receiver: ["handle"], Conversation: ["handle"], Sweeper: ["sweep"], Watcher: ["watch", "run_schedule"]}
ENTRANCES |= {Archiver: ["archive"]}
ROLES = {"receive": "ReceiveRole", "converse": "ConverseRole", "sweep": "SweepRole", "watch": "WatchRole"}
ROLES |= {"archive": "ArchiveRole"}
# Lambda's, for the mailbox and for the table's stream
POLLER = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "dynamodb:DescribeStream"}
POLLER |= {"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
# What the simulator does not play, and which test does.
ELSEWHERE = {
    # rates, outboxes, uploads, originals: tests/library/aws/test_edge.py
    "receive": {"dynamodb:UpdateItem", "dynamodb:Query", "s3:PutObject"},
    # tests/flows/test_flows.py; of WhatsApp through AWS, which MiniStack does not have, tests/connectors/whatsappaws
    "converse": {
        "s3:GetObject", "s3:PutObject", "ses:SendEmail", "ses:SendRawEmail",
        "social-messaging:SendWhatsAppMessage", "social-messaging:GetWhatsAppMessageMedia",
        "social-messaging:GetLinkedWhatsAppBusinessAccountPhoneNumber",
        "social-messaging:GetLinkedWhatsAppBusinessAccount",
        "ses:DescribeActiveReceiptRuleSet", "ses:GetIdentityNotificationAttributes", "ses:GetAccount",
        "ses:GetEmailIdentity", "ses:GetConfigurationSetEventDestinations",  # tests/sandbox/test_registering.py
        "bedrock:InvokeModel", "comprehend:DetectSentiment",  # tests/stories/test_classifier_stories.py
    },
    "sweep": set(),
    "watch": set(),
    # of two workers at once, tests/stories/test_archive_stories.py; Lambda's poller's, for what it gives up
    "archive": {"s3:GetObject", "sqs:SendMessage"},
}  # fmt: skip


class Recorder:
    """Notes what is called while a function acts; what an operator's command calls is no function's."""

    def __init__(self):
        self.called = {name: set() for name in ROLES.values()}
        self.acting = []

    def entrance(self, function, method):
        @functools.wraps(method)
        def enter(*args, **keywords):
            self.acting.append(ROLES[function])
            try:
                return method(*args, **keywords)
            finally:
                self.acting.pop()

        return enter

    def port(self, method, needs):
        @functools.wraps(method)
        def call(owner, *args, **keywords):
            if self.acting:
                self.called[self.acting[-1]].update(needs(*args))
            return method(owner, *args, **keywords)

        return call


@pytest.fixture(scope="module")
def called():
    """Return (action, what it was about) of each function, over all scenarios."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        for kind, entrances in ENTRANCES.items():
            for entrance in entrances:
                patch.setattr(kind, entrance, recorder.entrance(FUNCTIONS[kind], getattr(kind, entrance)))
        for kind, methods in CALLS.items():
            for name, needs in methods.items():
                patch.setattr(kind, name, recorder.port(getattr(kind, name), needs))
        for told in SCENARIOS.values():
            _, violation = attempt(told)
            assert violation is None
    return recorder.called


def _partition(key):
    return f"{key[0].partition('#')[0]}#" if "#" in key[0] else key[0]


def _write(write):
    if isinstance(write, Put):
        return "dynamodb:PutItem", _partition((write.item["pk"], ""))
    return "dynamodb:DeleteItem" if isinstance(write, Delete) else "dynamodb:UpdateItem", _partition(write.key)


CALLS = {
    ports.Table: {
        "get": lambda key: [("dynamodb:GetItem", _partition(key))],
        "put": lambda put: [_write(put)],
        "update": lambda update: [_write(update)],
        "transact": lambda writes: [_write(each) for each in writes],
        "query": lambda pk, *_: [("dynamodb:Query", _partition((pk, "")))],
        "due": lambda *_: [("dynamodb:Query", "index")],
    },
    ports.Mailbox: {"send": lambda _: [("sqs:SendMessage", "Mailbox")]},
    ports.Parked: {"park": lambda _: [("sqs:SendMessage", "Parked")]},
    ports.Archive: {
        "keep": lambda name, _: [("s3:PutObject", name.partition("/")[0])],
        "fetch": lambda name: [("s3:GetObject", name.partition("/")[0])],
    },
    ports.Blocks: {
        "add": lambda *_: [("s3:PutObject", "conversations")],
        "fetch": lambda *_: [("s3:GetObject", "conversations")],
    },
    world.Bus: {"publish": lambda _: [("events:PutEvents", "")]},
    world.Pager: {"tell": lambda *_: [("sns:Publish", "AlarmTopic")]},
    world.Container: {"secrets": lambda _: [("secretsmanager:GetSecretValue", "")]},
}


def granted(resources, role):
    """Return what a role allows of what a port can ask for."""
    actions = {action for each in statements(resources("AWS::IAM::Role")[role]) for action in listed(each["Action"])}
    return actions - LOGS - TRACE - KEY - POLLER


@pytest.mark.parametrize("function", ROLES)
def test_a_role_grants_what_its_function_calls_and_nothing_else(resources, called, function):
    role = ROLES[function]
    needed = {action for action, _ in called[role]}
    assert needed <= granted(resources, role)
    assert granted(resources, role) - needed == ELSEWHERE[function] - needed


def test_receive_names_no_partition_but_those_it_may(called):
    assert {about for action, about in called["ReceiveRole"] if action == "dynamodb:GetItem"} == {"E#"}


def test_sweep_reads_connections_and_their_health_alone(called):
    read = {about for action, about in called["SweepRole"] if action == "dynamodb:GetItem"}
    assert read == {"CONFIGURATION", "C#", "H#"}


@pytest.mark.parametrize(
    ("role", "redelivered"),
    # Only then tokens are read: tests/library/watching.
    [("WatchRole", {"dynamodb:GetItem": {"W#"}}), ("ArchiveRole", {})],
)
def test_who_reads_the_stream_reaches_the_partitions_that_its_role_names_and_no_others(
    resources, called, role, redelivered
):
    table = {"Fn::GetAtt": ["Table", "Arn"]}
    named = {
        statement["Action"]: {
            each.rstrip("*") for each in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        }
        for statement in statements(resources("AWS::IAM::Role")[role])
        if statement["Resource"] == table
    }
    for action, partitions in named.items():
        reached = {about for name, about in called[role] if name == action} | redelivered.get(action, set())
        assert reached == partitions, action


def test_converse_writes_no_endpoint_and_may_not(resources, called):
    writing = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
    written = {about for action, about in called["ConverseRole"] if action in writing}
    assert written
    grants = [
        each
        for each in statements(resources("AWS::IAM::Role")["ConverseRole"])
        if writing & set(listed(each["Action"]))
    ]
    (keys,) = [each["Condition"]["ForAllValues:StringNotLike"]["dynamodb:LeadingKeys"] for each in grants]
    assert {"E#*", "CONFIGURATION"} <= set(keys)
    assert not {key.rstrip("*") for key in keys} & written

"""The usual way: Powertools' idempotency utility around a function that makes a ticket.

As its documentation has it (https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/): the key is
the message's id, the records lie in DynamoDB, and the Lambda context is registered, so that a record in progress runs
out with the invocation. What a retry finds in progress comes again, as the queue does it, and is a dead letter in
the end.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import os
from types import SimpleNamespace
from unittest import mock

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    base,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.persistence import base as records
from aws_lambda_powertools.utilities.idempotency.persistence import datarecord, dynamodb
from moto import mock_aws

from deskwire.helpdesks.requesttracker.tickets import OPENING, THREAD
from deskwire.web.rest import Call
from tests.simulation.ports import MOST_RECEIVED, Crash

TIMEOUT = 60  # seconds that the function may run
VISIBILITY = 360
WEEK = 7 * 86_400


def zendesk(desk, message, *, key):
    """Make a ticket, as briefly as the API allows."""
    pair = f"{desk.settings['email']}/token:{desk.secrets['api_token']}"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if key:
        headers["Idempotency-Key"] = message["id"]
    ticket = {"subject": "A message", "comment": {"body": message["text"]}, "requester": {"name": "A customer"}}
    return desk.serve(
        Call.json("POST", f"https://{desk.host}/api/v2/tickets.json", {"ticket": ticket}, headers=headers)
    )


def requesttracker(desk, message, *, key):
    payload = {"Subject": "A message", "Requestor": "customer", "Content": message["text"], "Queue": "General",
               "CustomFields": {THREAD: message["id"], OPENING: []}}  # fmt: skip
    headers = {"Authorization": f"token {desk.secrets['token']}"}
    return desk.serve(Call.json("POST", f"https://{desk.host}/REST/2.0/ticket", payload, headers=headers))


CREATES = {"zendesk": zendesk, "requesttracker": requesttracker}


class Naive:
    """One function with its table of records, on a clock."""

    def __init__(self, desk, clock, *, expires=3600, key=False):
        store = DynamoDBPersistenceLayer(
            table_name="records", boto3_client=boto3.client("dynamodb", region_name="eu-central-1")
        )
        config = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=expires)
        config.register_lambda_context(SimpleNamespace(get_remaining_time_in_millis=lambda: TIMEOUT * 1000))

        @idempotent_function(data_keyword_argument="message", persistence_store=store, config=config)
        def create_ticket(*, message):
            return json.loads(CREATES[desk.connector](desk, message, key=key).body)

        self._create, self._clock = create_ticket, clock

    def runs(self, messages, age):
        """Work on the messages, whose answers get lost, and again after `age` seconds; return the dead letters."""
        left = self._tried(messages)
        self._clock.advance(age)
        for _ in range(MOST_RECEIVED - 1):
            left = self._tried(left)
            if not left:
                break
            self._clock.advance(VISIBILITY)
        return left

    def _tried(self, messages):
        """Return what comes again."""
        again = []
        for message in messages:
            try:
                self._create(message=message)
            except (Exception, Crash):  # whatever it is, the queue brings it again
                again.append(message)
        return again


@contextlib.contextmanager
def powertools(clock):
    """Let Powertools keep its records in a DynamoDB of moto's, by our clock."""

    class Moment(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return clock.now().astimezone(tz)

    told = SimpleNamespace(datetime=Moment, timedelta=dt.timedelta)
    secrets = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with mock_aws(), contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, secrets))
        for module in (base, records, datarecord, dynamodb):
            stack.enter_context(mock.patch.object(module, "dt", told))
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(
            TableName="records", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )  # fmt: skip
        yield

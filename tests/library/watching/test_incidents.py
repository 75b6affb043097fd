"""What incidents ask of AWS, on moto: counts named by any word, one opening, letters, a line, an event; and the end."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import jsonschema
import pytest
from moto import mock_aws

from deskwire.aws.queues import SqsMailbox
from deskwire.aws.table import DynamoTable
from deskwire.configuration import Incidents, item
from deskwire.letters import content_of, read_letter
from deskwire.model.keys import compose
from deskwire.model.notices import Purpose
from deskwire.operating.incidents import listed
from deskwire.ports import Put
from deskwire.telemetry import Telemetry
from deskwire.watching.incidents import IncidentWatch
from deskwire.watching.published import PublishedIncident
from tests.deployment.conftest import ROOT
from tests.streams import image
from tests.tables import TABLE

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Told:
    """The bus and the alarms' topic."""

    def __init__(self):
        self.events, self.lines = [], []

    def publish(self, events):
        self.events += events

    def tell(self, subject, words):
        self.lines.append((subject, words))


@pytest.fixture
def northwind():
    """A watch on moto's table and mailbox; returns it with a clock to be set and what was told."""
    with mock_aws():
        dynamo, sqs = boto3.client("dynamodb"), boto3.client("sqs")
        dynamo.create_table(TableName="northwind", **TABLE)
        queue = sqs.create_queue(QueueName="mailbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        table, told, now = DynamoTable(dynamo, "northwind"), Told(), [START]
        table.put(Put(item(Incidents())))
        watch = IncidentWatch(
            table=table, mailbox=SqsMailbox(sqs, queue), clock=lambda: now[0], bus=told, alarms=told,
            telemetry=Telemetry("test", stream=io.StringIO()),
        )  # fmt: skip
        yield watch, now, told, lambda: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])


def filed(number, at, topics=("outage", "برنامه", "language fa")):
    """Return the stream's record of a filed message of trouble."""
    thread, stamp = f"messenger/41/{number}", at.isoformat()
    new = {"state": "filed", "received_at": stamp, "trouble": json.dumps({"by": f"c{number}", "topics": topics})}
    keys = {"pk": f"T#{thread}", "sk": f"M#{compose('messenger', '41', f'm{number}', 'add', '')}"}
    return {
        "dynamodb": {
            "Keys": image(keys),
            "OldImage": image({**keys, "state": "recorded"}),
            "NewImage": image({**keys, **new}),
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": int(at.timestamp()),
        }
    }


def changed(incident, before=None):
    keys = {"pk": "INCIDENTS", "sk": incident.id}
    images = {"NewImage": image({**keys, **incident.model_dump()})} | (
        {"OldImage": image({**keys, **before.model_dump()})} if before else {}
    )
    return {"dynamodb": {"Keys": image(keys), "SequenceNumber": "1", "ApproximateCreationDateTime": 1, **images}}


def test_a_rise_is_one_incident_with_its_letters_its_line_and_its_event(northwind):
    watch, now, told, letters = northwind
    for number in range(6):
        now[0] += timedelta(minutes=2)
        for _ in range(2):  # redelivered
            watch.watch([filed(number, now[0])])
    (incident,) = listed(watch.table)
    assert (incident.topic, incident.state) == ("برنامه", "open")
    watch.watch([changed(incident)])
    sent = [content_of(read_letter(each["Body"]), None) for each in letters()]
    assert [each.purpose for each in sent].count(Purpose.OPENED) == 1
    assert len({each.thread for each in sent if each.purpose is Purpose.JOINED}) == 6
    assert incident.id in told.lines[0][1]
    schema = json.loads((ROOT / "docs" / "incident.schema.json").read_text())
    assert schema == PublishedIncident.model_json_schema()
    (event,) = told.events
    jsonschema.validate(event["Detail"], schema)
    assert (event["DetailType"], event["Detail"]["state"]) == ("Deskwire Incident", "open")


def test_it_ends_after_two_quiet_hours_and_the_next_day_knows_what_was_usual(northwind):
    watch, now, told, _ = northwind
    for number in range(6):
        now[0] += timedelta(minutes=2)
        watch.watch([filed(number, now[0])])
    (opened,) = listed(watch.table)
    now[0] += timedelta(hours=1)
    assert watch.close_what_is_over() == 0
    now[0] += timedelta(hours=3)
    assert watch.close_what_is_over() == 1
    (closed,) = listed(watch.table)
    watch.watch([changed(closed, opened)])
    assert "is over: two hours about as usual" in told.lines[0][1]
    now[0] += timedelta(days=1)
    watch.watch([filed(7, now[0])])
    usual = json.loads(watch.table.get(("Q#company", "PROFILE"))["slots"])
    assert usual[""] == {"9": 5}  # of six: an outage is not learned whole


@pytest.mark.parametrize(
    "broken",
    [
        {"trouble": {"S": "{"}},
        {"trouble": {"S": "[]"}},
        {"trouble": {"S": '{"by": "c9"}'}},
        {"trouble": {"N": "1"}},
        {"received_at": {"S": "yesterday"}},
    ],
)
def test_trouble_that_cannot_be_read_stops_no_other(northwind, broken):
    watch, now, _, _ = northwind
    lines = io.StringIO()
    watch = replace(watch, telemetry=Telemetry("test", stream=lines))
    for number in range(6):
        now[0] += timedelta(minutes=2)
        odd = filed(100 + number, now[0])
        odd["dynamodb"]["NewImage"] |= broken
        watch.watch([odd, filed(number, now[0])])
    assert len(listed(watch.table)) == 1
    watch.telemetry.flush()
    assert json.loads(lines.getvalue().splitlines()[-1])["UnreadableRecords"] == 6


def test_an_incident_that_cannot_be_read_holds_back_no_others_letters(northwind):
    watch, now, told, _ = northwind
    for number in range(6):
        now[0] += timedelta(minutes=2)
        watch.watch([filed(number, now[0])])
    (incident,) = listed(watch.table)
    odd = changed(incident)
    odd["dynamodb"]["NewImage"] |= {"opened_at": {"S": "soon"}}
    watch.watch([odd, changed(incident)])
    assert [each["Detail"]["incident"] for each in told.events] == [incident.id]


def test_what_was_filed_hours_late_opens_nothing(northwind):
    watch, now, _, _ = northwind
    now[0] += timedelta(hours=3)
    watch.watch([filed(number, START + timedelta(minutes=number)) for number in range(8)])
    assert not listed(watch.table)

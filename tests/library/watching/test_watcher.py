"""Figures stay exact whatever is redelivered, split, reordered or crashes; the bus is told of every outcome."""

from __future__ import annotations

import json
import random

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskwire.model.errors import TemporaryError
from deskwire.telemetry import Telemetry
from deskwire.watching.published import Published
from deskwire.watching.watcher import MOST, Watcher
from tests.deployment.conftest import ROOT
from tests.simulation.ports import KINDS, Crash, Gate, Table, unanswered
from tests.stories.conftest import CUSTOMER, START

from .conftest import OTHER

FIGURES = {
    "messages": 3,
    "tickets": 2,
    "answers": 2,
    "filed": 3,
    "waiting_seconds": 4,
    "first_answers": 1,
    "first_answer_seconds": 94,
}


class Bus:
    """A bus that keeps what it is given, behind the gate of side effects."""

    def __init__(self, gate):
        self.events = []
        self._gate = gate

    def publish(self, events):
        self._gate.pass_("bus publish", lambda: self.events.extend(events), lost=unanswered, refused=unanswered)


class Figures:
    """A table for watch alone, a bus, and the watcher between them."""

    def __init__(self, plan=(), configured=()):
        self.lines = []
        self.gate = Gate(plan, lambda _: None)
        self.gate.open = True
        self.table = Table(self.gate, lambda: START)
        self.table.memory.items |= {key: item for key, item in configured if key[0].startswith("C#")}
        self.bus = Bus(self.gate)
        self.watcher = self.container()

    def container(self):
        telemetry = Telemetry("test", stream=self, now=lambda: 0)
        return Watcher(table=self.table, telemetry=telemetry, bus=self.bus)

    def write(self, line):
        self.lines.append(json.loads(line))

    def counted(self, channel="messenger"):
        """Return the figures of all hours of a channel."""
        return self._sums(channel, "H#")

    def of_cases(self, channel="messenger"):
        """Return the figures of all its tickets."""
        return self._sums(channel, "C#")

    def _sums(self, channel, kind):
        total = {}
        for (pk, sk), item in self.table.memory.items.items():
            if pk.startswith(f"F#{channel}/") and sk.startswith(kind):
                for name, number in item.items():
                    if name not in {"pk", "sk", "expires"}:
                        total[name] = total.get(name, 0) + number
        return total

    def deliver(self, records):
        """Deliver as Lambda does: what failed again, from there on, until all is done."""
        left = list(records)
        for _ in range(50):
            try:
                failed = self.watcher.watch(left)
            except Crash:
                self.watcher = self.container()
                continue
            if not failed:
                return
            numbers = [record["dynamodb"]["SequenceNumber"] for record in left]
            left = left[numbers.index(failed) :]
        raise AssertionError("it never ends")


@pytest.fixture
def figures(morning):
    return lambda plan=(): Figures(plan, morning.table.items.items())


def test_a_morning_is_counted_by_account_and_hour(morning, figures):
    world = figures()
    world.deliver(morning.records)
    account = morning.thread()["account"]
    items = [key for key in world.table.memory.items if key[0].startswith("F#messenger/")]
    assert sorted(items) == [
        (f"F#messenger/{account}", "C#2026-11-02T09##normal#question"),
        (f"F#messenger/{account}", "C#2026-11-02T09#en#high#complaint"),
        (f"F#messenger/{account}", "H#2026-11-02T09"),
    ]
    assert world.counted() == FIGURES
    assert world.counted("zendesk") == {"filed": 2}  # its signals


def test_what_tells_a_redelivered_record_is_kept_for_three_days(morning, figures):
    world = figures()
    world.deliver(morning.records)
    tokens = [item for (pk, _), item in world.table.memory.items.items() if not pk.startswith(("F#", "C#"))]
    assert len(tokens) >= FIGURES["messages"]
    for item in tokens:
        assert 0 <= item["expires"] - 3 * 86_400 - START.timestamp() < 3600


def test_a_crash_or_lost_answer_at_any_write_leaves_the_figures_exact(morning, figures):
    effects = figures()
    effects.deliver(morning.records)
    assert len(effects.gate.log) >= 3
    for index in range(len(effects.gate.log)):
        for kind in KINDS:
            world = figures({index: kind})
            world.deliver(morning.records)
            assert world.counted() == FIGURES, (index, kind)
            assert {each["Detail"]["id"] for each in world.bus.events} == {
                each["Detail"]["id"] for each in effects.bus.events
            }, (index, kind)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_batches_delivered_again_split_and_out_of_order_are_counted_once(morning, figures, data):
    records = morning.records
    world = figures(
        dict.fromkeys(data.draw(st.sets(st.integers(0, 30), max_size=4)), data.draw(st.sampled_from(KINDS)))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(records)), st.integers(0, len(records)))))
        some = records[start:end]
        random.Random(data.draw(st.integers())).shuffle(some)
        world.deliver(some)
    for record in records:
        world.deliver([record])
    assert world.counted() == FIGURES


def test_as_many_as_a_transaction_may_hold_are_counted_at_once(morning, figures):
    record = next(each for each in morning.records if each["dynamodb"]["Keys"]["sk"]["S"].startswith("S#"))
    world = figures()
    world.deliver([_of_another_thread(record, number) for number in range(MOST * 2 + 1)])
    # Each has two tokens, and the figures of an account of its own: thirty are more than a transaction may hold.
    assert len([what for what in world.gate.log if what.startswith("table transact")]) == 5
    assert world.counted()["answers"] == MOST * 2 + 1


def _of_another_thread(record, number):
    change = dict(record["dynamodb"])
    change["Keys"] = {**change["Keys"], "pk": {"S": f"T#messenger/{number}/{number}"}}
    return {**record, "dynamodb": change}


def test_a_record_that_cannot_be_read_stops_no_other_and_is_counted(morning, figures):
    world = figures()
    first, *rest = morning.records
    broken = {**rest[0], "dynamodb": {"SequenceNumber": "666"}}
    assert world.watcher.watch([first, broken, *rest]) == ""
    assert world.counted() == FIGURES
    assert {line["UnreadableRecords"] for line in world.lines if "UnreadableRecords" in line} == {1}
    (line,) = [line for line in world.lines if line.get("message") == "a record cannot be read"]
    assert (line["delivery"], line["level"]) == ("666", "ERROR")


def test_no_bus_is_asked_when_none_is_named(morning, figures):
    world = figures()
    world.watcher = Watcher(table=world.table, telemetry=world.watcher.telemetry)
    world.deliver(morning.records)
    assert world.counted() == FIGURES
    assert world.bus.events == []


def test_a_bus_that_takes_nothing_holds_up_the_count_until_it_does(morning, figures):
    world = figures()
    world.watcher = Watcher(table=world.table, telemetry=world.watcher.telemetry, bus=Broken())
    first = morning.records[0]["dynamodb"]["SequenceNumber"]
    assert world.watcher.watch(morning.records) == first
    assert world.counted() == {}


class Broken:
    def publish(self, events):
        raise TemporaryError("not now")


def test_metrics_are_of_the_connection_by_its_name_in_the_companys_file(morning, figures):
    world = figures()
    world.deliver(morning.records)
    world.deliver(morning.records)
    (line,) = [line for line in world.lines if line.get("channel") == "messenger"]
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["stack", "stage", "channel", "connection"]]
    assert (line["stack"], line["stage"], line["connection"]) == ("deskwire", "test", "page-dm")
    assert line["Messages"] == [1, 1, 1]
    assert sorted(line["WaitingSeconds"]) == [0, 0, 4]
    assert (line["FirstAnswerSeconds"], line["FirstAnswers"]) == (94, 1)
    units = {each["Name"]: each["Unit"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert (units["WaitingSeconds"], units["Tickets"]) == ("Seconds", "Count")


def test_what_is_published_is_as_the_schema_in_docs_says(morning, figures):
    """`python -m deskwire.watching.published > docs/outcome.schema.json` renews it."""
    schema = json.loads((ROOT / "docs" / "outcome.schema.json").read_text())
    assert schema == Published.model_json_schema()
    world = figures()
    world.deliver(morning.records)
    assert len(world.bus.events) == 5
    for event in world.bus.events:
        assert (event["Source"], event["DetailType"]) == ("deskwire", "Deskwire Outcome")
        jsonschema.validate(event["Detail"], schema)


def test_what_is_published_names_the_connection_and_quotes_nobody(morning, figures):
    world = figures()
    world.deliver(morning.records)
    first = world.bus.events[0]["Detail"]
    assert (first["channel"], first["connection"], first["outcome"]) == ("messenger", "page-dm", "filed")
    assert first["ticket"] == morning.thread()["ticket"]
    text = json.dumps([each["Detail"] for each in world.bus.events])
    assert not any(word in text for word in ("parcel", "urgent", "Hello", "Marta", "Lindqvist", CUSTOMER, OTHER))

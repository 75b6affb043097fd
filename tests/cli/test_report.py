"""`deskwire report`: what watch counted, on the terminal, for programs, and as a page that needs nothing else."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from cli.report import cells, csat, described, spoken
from cli.report_page import page
from deskwire.aws.table import DynamoTable
from deskwire.care.hours import Hours
from deskwire.care.waits import bucket, end, shown
from deskwire.configuration import INDEX_KEY, Connection, item
from deskwire.conversation.figures import prefixes
from deskwire.operating.parity import Compared, chance
from deskwire.operating.reporting import Source, by, rows, together
from deskwire.ports import Put, Update
from deskwire.ports.memory import MemoryTable
from sandbox.northwind import history
from tests.tables import TABLE

UNTIL = datetime(2026, 11, 29, 18, tzinfo=UTC)
WEEK = timedelta(days=7)
ACCOUNTS = {("messenger", "1"): 25, ("email", "4"): 240}
SOURCES = [Source("deskwire", "dm", "messenger", "1"), Source("deskwire", "mail", "email", "4", "Europe/Warsaw")]


def tickets(days=20, seed=1):
    first = UNTIL.replace(hour=0) - timedelta(days=days)
    return list(history.made(ACCOUNTS, Hours(), first, UNTIL, daily=30, seed=seed))


@pytest.fixture(scope="module")
def weeks():
    """Return made-up tickets, and the rows of their figures in the last week."""
    table, made = MemoryTable(), tickets()
    history.put(table, made)
    return made, [row for source in SOURCES for row in rows(table, source, UNTIL - WEEK, UNTIL)]


def test_a_week_adds_up_to_its_tickets(weeks):
    made, found = weeks
    theirs = [each for each in made if each.at >= UNTIL - WEEK]
    report = described(found, UNTIL - WEEK, UNTIL)
    for what in ("channel", "connection", "language", "priority", "kind", "hour", "day"):
        assert sum(row["tickets"] for row in report["by"][what]) == len(theirs), what
    answered = sorted(each.first_after for each in theirs if each.first_after is not None)
    told = report["together"]
    assert (told["answered"], told["waiting"]) == (len(answered), len(theirs) - len(answered))
    assert told["first_answer"]["median"] == pytest.approx(answered[(len(answered) + 1) // 2 - 1], rel=0.1)
    assert told["interactions"] == round(sum(each.messages + each.answers for each in theirs) / len(theirs), 2)


def test_hours_are_by_the_clock_of_the_company(weeks):
    made, found = weeks
    mails = [each for each in made if each.case.channel == "email" and each.at >= UNTIL - WEEK]
    shown_at = by([row for row in found if row.source.name == "mail"], "hour")
    expected = len([each for each in mails if each.at.hour == 8])  # in Warsaw it is nine
    assert shown_at["09"].tickets["tickets"] == expected


def test_who_waits_longer_for_the_same_kind_is_named(weeks):
    _, found = weeks
    told = {(each["channel"], each["kind"]): each for each in described(found, UNTIL - WEEK, UNTIL)["parity"]}
    assert told["email", "question"]["verdict"] == "longer"
    assert told["messenger", "question"]["verdict"] == "shorter"
    assert told["email", "outage"]["verdict"] == "too few"
    assert told["email", "question"]["own_number"] == told["messenger", "question"]["others_number"]


def test_where_channels_are_alike_nothing_is_said():
    """Of thirty companies whose channels wait alike, few are told of a difference."""
    wrong = 0
    accounts = {("messenger", "1"): 60, ("email", "4"): 60}
    for seed in range(30):
        table = MemoryTable()
        made = history.made(accounts, Hours(), UNTIL - WEEK, UNTIL, daily=12, seed=seed)
        # Here each channel has good and bad days of its own, so a difference is found more often than one in a hundred.
        history.put(table, made)
        found = [row for source in SOURCES for row in rows(table, source, UNTIL - WEEK, UNTIL)]
        wrong += any(
            each["verdict"] in {"longer", "shorter"} for each in described(found, UNTIL - WEEK, UNTIL)["parity"]
        )
    assert wrong <= 3


def test_who_has_no_answer_waits_longest():
    few = Compared("question", "email", {20: 19}, {20: 40})
    assert few.verdict == "too few"
    answered, never = {20: 30}, {20: 10, 88: 20}
    assert Compared("question", "email", never, answered).verdict == "longer"
    assert Compared("question", "email", never, answered).described()["own_median"] is None
    assert chance(answered, answered) == 1.0


@pytest.mark.parametrize("seconds", [0, 1, 2, 59, 60, 3600, 86_400, 2_000_000])
def test_a_time_is_in_its_bucket(seconds):
    number = bucket(seconds)
    assert seconds <= end(number) or number == 0
    assert number == 0 or seconds > end(number - 1)
    assert shown({number: 3}, 0.5) == pytest.approx(max(seconds, 1), rel=0.2, abs=1)


def test_few_reads_hold_every_day_of_a_span():
    first, last = datetime(2026, 8, 29, tzinfo=UTC).date(), datetime(2026, 11, 29, tzinfo=UTC).date()
    found = list(prefixes(first, last))
    days = [f"{first + timedelta(days=number):%Y-%m-%d}" for number in range((last - first).days + 1)]
    assert all(sum(day.startswith(each) for each in found) == 1 for day in days)
    assert len(found) < 20


def test_ratings_are_shown_where_there_are_any():
    table = MemoryTable()
    counts = {"ratings": 4, "rating_points": 17, "ratings_good": 3}
    table.update(Update(("F#messenger/1", "H#2026-11-29T10"), add=counts))
    told = together(rows(table, SOURCES[0], UNTIL - WEEK, UNTIL)).described()
    assert csat(told) == "4.2 of 5, 75 % gave 4 or 5 (4 ratings)"
    assert csat(together([]).described()) == ""
    assert cells(together([]).described())[3] == "–"


def test_times_are_told_in_two_figures():
    told = [spoken(each) for each in (None, 45, 720, 12_000, 50_000, 190_000, 259_200)]
    assert told == ["–", "45 s", "12 min", "3 h 20 min", "14 h", "2 d 5 h", "3 d"]


def test_the_page_asks_for_nothing_and_runs_nothing(weeks):
    _, found = weeks
    text = page(described(found, UNTIL - WEEK, UNTIL))
    assert "<script" not in text
    assert re.findall(r"(?:src|href|url)\s*[=(]", text) == []
    assert text.count("<svg") == text.count("<title>") - 1 == text.count("<desc>") == 4
    assert "<h1>" in page(described([], UNTIL - WEEK, UNTIL))


# ---------------------------------------------------------------- the command


@pytest.fixture
def northwind(monkeypatch):
    with mock_aws():
        dynamo = boto3.client("dynamodb")
        dynamo.create_table(TableName="northwind", **TABLE)
        monkeypatch.setenv("DESKWIRE_TABLE", "northwind")
        table = DynamoTable(dynamo, "northwind")
        dm = Connection(name="dm", channel="messenger", account="1", helpdesk="desk")
        table.put(Put(item(dm)))
        table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": [list(dm.key)]}))
        now = datetime.now(UTC)
        history.put(
            table, history.made({("messenger", "1"): 25}, Hours(), now - timedelta(days=2), now, daily=9, seed=2)
        )
        yield table


def test_it_is_told_on_the_terminal_and_to_programs(deskwire, northwind, tmp_path):
    told = deskwire("report", "--since", "3d")
    assert told.status == 0
    assert "first answer: half within" in told.out
    report = json.loads(deskwire("report", "--since", "3d", "--format", "json").out)
    (row,) = report["by"]["connection"]
    assert (row["name"], row["tickets"]) == ("dm", report["together"]["tickets"])
    lines = list(csv.DictReader(io.StringIO(deskwire("report", "--since", "3d", "--format", "csv").out)))
    assert [each["tickets"] for each in lines if each["by"] == "connection"] == [str(row["tickets"])]
    written = deskwire("report", "--since", "3d", "--format", "html", "--output", tmp_path / "report.html")
    assert "report.html" in written.err
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--since", "soon"), "say 90m, 24h or 7d"),
        (("--since", "500d"), "figures are kept for 400 days"),
        (("--connection", "page"), "there is no connection “page”: there are dm"),
    ],
)
def test_what_is_wrong_names_what_to_do(deskwire, northwind, arguments, reason):
    told = deskwire("report", *arguments)
    assert (told.status, reason in told.err) == (2, True)


def test_no_connection_and_no_figure_are_said(deskwire, northwind):
    assert "try a longer --since" in deskwire("report", "--since", "0m").err
    northwind.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": []}))
    assert "run `deskwire apply`" in deskwire("report").err

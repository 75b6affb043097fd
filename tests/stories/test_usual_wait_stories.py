"""An acknowledgement says how long an answer usually takes where that is known, and nothing where it is not."""

from __future__ import annotations

import pytest

from deskwire.care.waits import bucket
from deskwire.configuration import connection_key, item
from deskwire.conversation.figures import waits_item
from deskwire.ports import Put, Update
from deskwire.watching.facts import Case, first_answer_in
from deskwire.watching.waits import COMING, WaitWatch
from deskwire.watching.watcher import Watcher, case_item
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock

from .conftest import PAGE, POLICY, START, Company

HOUR, DAY = 3600, 86_400
SAYS = {
    **POLICY,
    "hours": {"time_zone": "Atlantic/Reykjavik", "week": {
        day: ["08:00-20:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
    }},
    "texts": {
        "private": {
            "en": {
                "open": "Thank you. {usual_wait} Your reference is {reference}.",
                "closed": "Thank you. We are back at {opens_at}. {usual_wait} Your reference is {reference}.",
            },
            "is": "Takk fyrir. {usual_wait}",
        },
        "public": POLICY["texts"]["public"],
    },
}  # fmt: skip


class Reading:
    """Counts what is read of a table."""

    def __init__(self, table):
        self.table, self.read = table, []

    def __getattr__(self, name):
        return getattr(self.table, name)

    def get(self, key):
        self.read.append(key)
        return self.table.get(key)


class Counted(Company):
    """The company of the stories, with watch's schedule and six weeks behind it."""

    def __init__(self, clock, zendesk, policy=SAYS):
        super().__init__(clock, zendesk, policy)
        self.reading = Reading(self.table)
        waits = WaitWatch(table=self.reading, clock=self.now, telemetry=self.telemetry)
        self.watcher = Watcher(table=self.table, telemetry=self.telemetry, waits=waits)

    def weeks(self, waits_by_day=40 * 60, waits_by_night=10 * HOUR, days=42):
        """Count two customers of each hour: by day they were answered so quickly, else so late."""
        first = int(START.timestamp()) - days * DAY
        for hour in range(first, int(START.timestamp()) - HOUR, HOUR):
            by_day = 8 <= hour % DAY // HOUR < 20
            self.count(hour, 2, waits_by_day if by_day else waits_by_night)

    def count(self, hour, customers, waited=None, kind="question"):
        answered = {first_answer_in(bucket(waited)): customers} if waited else {}
        key = case_item(Case("messenger", PAGE, hour, "en", "normal", kind))
        self.table.update(Update(key, add={"tickets": customers, **answered}))

    def says(self, text="Where is my parcel? It should have come on Monday.", customer="24900000000000017"):
        self.deliver(self.message(text, customer=customer))
        self.work()
        return self.graph.sent[-1]["message"]["text"]


@pytest.fixture
def open_company():
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        made = []

        def make(policy=SAYS):
            made.append(Counted(clock, zendesk, policy))
            return made[-1]

        yield make
        for each in made:
            each.close()


def test_by_day_and_at_night_it_is_what_was_usual_at_that_hour(open_company):
    company = open_company()
    company.weeks()
    assert company.watcher.run_schedule() == 0
    assert company.says().startswith("Thank you. Usually answered within 45 minutes. Your reference is ")
    said = company.says("Hvar er pakkinn minn? Ég er búin að bíða í viku.", customer="24900000000000018")
    assert said == "Takk fyrir. Við svörum yfirleitt innan 45 mínútna."
    company.tick(12 * HOUR)  # the next one writes at 21:00
    company.watcher.run_schedule()
    said = company.says(customer="24900000000000019")
    assert said.startswith("Thank you. We are back at 08:00. Usually answered within 12 hours. Your reference is ")


def test_nothing_is_said_where_too_little_is_known_and_the_text_reads_on(open_company):
    company = open_company()
    company.weeks(days=9)
    company.watcher.run_schedule()
    assert company.says().startswith("Thank you. Your reference is ")


def test_a_second_message_of_the_ticket_is_promised_nothing(open_company):
    company = open_company({**SAYS, "quiet_hours": 1})
    company.weeks()
    company.watcher.run_schedule()
    assert "45 minutes" in company.says()
    company.tick(2 * HOUR)
    assert "Usually" not in company.says("And the other one, too?")


def test_what_is_noted_ends_with_its_hours(open_company):
    company = open_company()
    company.weeks()
    company.watcher.run_schedule()
    company.tick((COMING + 2) * HOUR)  # watch stands still
    assert "Usually" not in company.says()


def test_customers_without_an_answer_today_stop_it_within_the_hour(open_company):
    company = open_company()
    company.weeks()
    for _ in range(4):
        company.watcher.run_schedule()
        company.tick(HOUR)
    for hours in (2, 3, 4):
        company.count(int(company.now().timestamp()) // HOUR * HOUR - hours * HOUR, 3)
    company.watcher.run_schedule()
    assert "Usually" not in company.says()


def test_other_opening_hours_begin_anew(open_company):
    company = open_company()
    company.weeks()
    company.watcher.run_schedule()
    week = SAYS["hours"]["week"] | {"friday": ["08:00-12:00"]}  # of a Monday all is as it was
    changed = {**SAYS, "hours": {**SAYS["hours"], "week": week}}
    company.tick(HOUR)
    connection = next(each for each in company.definitions if each.name == "page-dm")
    policy = type(connection.policy).model_validate(changed)
    company.table.put(Put(item(connection.model_copy(update={"policy": policy}))))
    company.watcher.run_schedule()
    noted = company.table.get(waits_item("messenger", PAGE))
    assert noted["promises"] == {}
    assert noted["since"] == int(START.timestamp()) + HOUR


def test_praise_that_nobody_answers_changes_nothing(open_company):
    company = open_company()
    company.weeks()
    for hour in range(int(START.timestamp()) - 42 * DAY, int(START.timestamp()), HOUR):
        company.count(hour, 3, kind="praise")
    company.watcher.run_schedule()
    assert "45 minutes" in company.says()


def test_it_is_noted_once_an_hour_and_of_no_connection_that_does_not_say_it(open_company):
    company = open_company()
    company.weeks()
    assert [company.watcher.waits.note() for _ in range(2)] == [2, 0]
    company.tick(HOUR)
    assert company.watcher.waits.note() == 2
    silent = open_company(POLICY)
    silent.weeks()
    assert silent.watcher.waits.note() == 0
    assert silent.table.get(waits_item("messenger", PAGE)) is None


def test_a_connection_whose_figures_cannot_be_read_holds_up_no_other(open_company):
    company = open_company()
    company.weeks()
    company.table.put(Put({"pk": waits_item("facebook", PAGE)[0], "sk": "C#2026-11-01T09#broken"}))
    assert company.watcher.waits.note() == 1
    assert any("usual waits not noted" in line for line in company.lines)
    assert "45 minutes" in company.says()


def test_a_message_costs_no_read_more_but_one_a_minute(open_company):
    company = open_company()
    company.weeks()
    company.watcher.run_schedule()
    company.says()  # caches are warm
    reading = Reading(company.table)
    for owner in (company.conversation, company.directory):
        object.__setattr__(owner, "table", reading)
    for number in range(5):
        assert "45 minutes" in company.says(customer=f"2490000000000010{number}")
    assert waits_item("messenger", PAGE) not in reading.read
    company.tick(61)
    for number in range(5):
        company.says(customer=f"2490000000000020{number}")
    assert reading.read.count(waits_item("messenger", PAGE)) == 1


def test_a_connection_that_does_not_say_it_reads_nothing_for_it(open_company):
    company = open_company(POLICY)
    reading = Reading(company.table)
    object.__setattr__(company.directory, "table", reading)
    company.says()
    assert connection_key("messenger", PAGE) in reading.read
    assert waits_item("messenger", PAGE) not in reading.read

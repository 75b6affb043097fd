"""How long the oldest message has waited for its helpdesk: what sweep says of it, and when a person is called."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from deskwire.configuration import INDEX_KEY, HelpdeskConnection, item
from deskwire.model.errors import ConfigurationError
from deskwire.ports import Put, Update
from sandbox.neighbours.neighbour import broken, throttled

METRIC = "OldestUnfiledSeconds"
HOUR, DAY = 3600, 86_400


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as nothing."""


Template.add_multi_constructor("!", lambda *_: None)
TEMPLATE = yaml.load((Path(__file__).parents[2] / "template.yaml").read_text(), Template)
LONG = TEMPLATE["Parameters"]["UnfiledAlarmSeconds"]["Default"]


def said(company, helpdesk=None):
    """Return what the metric was so far, of one helpdesk or of all together."""
    lines = [json.loads(line) for line in company.lines]
    return [line[METRIC] for line in lines if METRIC in line and line.get("helpdesk") == helpdesk]


def passes(company, seconds, every=60):
    """Let time pass, with sweep and the workers at it."""
    for _ in range(seconds // every):
        company.later(every)


def test_a_day_of_503_calls_a_person_and_stops_when_all_is_filed(company):
    company.zendesk.faults.add(broken(503), times=1_000_000)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    passes(company, LONG, every=300)
    assert max(said(company)) <= LONG
    passes(company, DAY - LONG, every=300)
    assert said(company) == said(company, "acme")
    assert said(company)[-1] == DAY
    assert said(company)[-1] > LONG
    company.zendesk.faults.clear()
    passes(company, 900)
    assert set(company.outcomes().values()) == {"filed"}
    assert said(company)[-1] == said(company, "acme")[-1] == 0


def test_a_healthy_day_calls_nobody(company):
    for hour in range(24):
        company.deliver(company.message(f"Where is my parcel? I ask for the {hour}. time"))
        company.work()
        passes(company, HOUR, every=600)
    assert set(said(company)) == set(said(company, "acme")) == {0}


def test_a_short_outage_calls_nobody(company):
    company.zendesk.faults.add(throttled(60), times=3)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    passes(company, HOUR)
    assert 0 < max(said(company)) < LONG
    assert said(company)[-1] == 0


def test_the_oldest_of_all_customers_counts_from_when_it_was_delivered(company):
    company.zendesk.faults.add(broken(503), times=1_000_000)
    company.deliver(company.message("First"))
    company.work()
    passes(company, HOUR, every=300)
    company.deliver(company.message("Second", customer="24900000000000018"))
    company.work()
    passes(company, HOUR, every=300)
    assert said(company)[-1] == 2 * HOUR


def test_a_message_that_waits_behind_a_filed_one_counts_from_its_own_delivery(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    passes(company, HOUR, every=600)
    company.zendesk.faults.add(broken(503), times=1_000_000)
    company.deliver(company.message("Is anybody there?"))
    company.work()
    passes(company, 600)
    assert said(company)[-1] == 600


def test_a_helpdesk_whose_secret_is_missing_counts_as_well(company, monkeypatch):
    def missing(name):
        raise ConfigurationError(f"there is no secret {name}")

    object.__setattr__(company.directory, "secrets", missing)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    passes(company, HOUR, every=300)
    assert said(company, "acme")[-1] == HOUR


def test_one_helpdesk_is_told_from_another(company):
    other = HelpdeskConnection(name="returns", connector="zendesk", secret="zendesk", settings={"subdomain": "returns"})
    company.table.put(Put(item(other)))
    keys = [*company.table.get(INDEX_KEY)["keys"], list(other.key)]
    company.table.update(Update(INDEX_KEY, set={"keys": keys}))
    company.zendesk.faults.add(broken(503), times=1_000_000)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    passes(company, HOUR, every=300)
    assert said(company, "acme")[-1] == said(company)[-1] == HOUR
    assert set(said(company, "returns")) == {0}


@pytest.mark.parametrize("waits", [False, True])
def test_sweep_asks_the_index_twice_for_each_helpdesk_and_walks_through_nothing(company, waits):
    if waits:
        company.zendesk.faults.add(broken(503), times=1_000_000)
        company.deliver(company.message("Where is my parcel?"))
        company.work()
    company.table.calls.clear()
    company.sweep()
    assert company.table.calls.count("due") == 8 + 2  # what customers wait for, and what is to be copied
    assert set(company.table.calls) == {"due", "get"}


def test_what_is_filed_at_once_writes_nothing_for_it(company):
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    assert not [key for key in company.table.items if key[1] == "UNFILED"]


def test_what_waits_is_forgotten_when_its_message_is_given_up_at_the_latest(company):
    """An earlier version, deployed again in an outage, takes nothing off the index."""
    company.zendesk.faults.add(broken(503), times=1_000_000)
    company.deliver(company.message("Where is my parcel?"))
    company.work()
    (entry,) = [found for key, found in company.table.items.items() if key[1] == "UNFILED"]
    assert timedelta(days=14).total_seconds() < entry["expires"] - entry["due_at"] <= timedelta(days=15).total_seconds()

"""What a change of the table tells, and what it does not."""

from __future__ import annotations

import json

import pytest

from deskwire.ports import Put
from deskwire.watching.facts import READ, facts_of


def counted(records):
    total = {}
    for record in records:
        for fact in facts_of(record):
            for name, number in fact.counts.items():
                total[name] = total.get(name, 0) + number
    return total


def test_a_morning_is_three_messages_two_tickets_and_two_answers(morning):
    assert counted(morning.records) == {
        "messages": 3,
        "tickets": 2,
        "answers": 2,
        "filed": 5,  # the two signals of answers end as filed, too
        "waiting_seconds": 4,
        "first_answers": 1,
        "first_answer_seconds": 94,  # from the delivery: four of them until the ticket
    }


def test_the_filter_lets_through_exactly_what_is_counted(morning):
    morning.deliver(morning.message("", own=True))  # nonsense of no kind that is counted
    told = [record for record in morning.streamed.stream if facts_of(record)]
    assert told == morning.records
    assert len(told) < len(morning.streamed.stream) / 3


def test_what_is_erased_afterwards_is_not_counted_again(morning):
    before = len(morning.records)
    for key, item in list(morning.table.items.items()):
        if key[1].startswith("M#"):
            morning.streamed.put(Put({name: value for name, value in item.items() if name != "event"}))
    assert len(morning.streamed.stream) > before
    assert morning.records[before:] == []
    assert all(facts_of(record) == [] for record in morning.streamed.stream[-3:])


def test_customers_words_are_in_no_fact(morning):
    told = json.dumps([(each.counts, each.outcome) for record in morning.records for each in facts_of(record)])
    assert not any(word in told for word in ("parcel", "urgent", "Hello", "Marta", "Lindqvist"))
    assert not READ & {"event", "note", "raw", "raw_at", "text", "author", "context", "ids"}


def test_what_came_under_another_accounts_name_is_counted_where_it_says(morning):
    (record, *_) = [each for each in morning.records if "M#" in each["dynamodb"]["Keys"]["sk"]["S"]]
    (fact,) = facts_of(record)
    assert (fact.channel, fact.account) == ("messenger", morning.thread()["account"])


def test_an_id_survives_redelivery_and_is_another_for_every_fact(morning):
    ids = [fact.id for record in morning.records for fact in facts_of(record)]
    again = [fact.id for record in morning.records for fact in facts_of({**record, "eventID": "another"})]
    assert ids == again
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("missing", ["Keys", "ApproximateCreationDateTime"])
def test_a_record_of_another_shape_is_an_error_and_not_nothing(morning, missing):
    record = morning.records[0]
    change = {name: value for name, value in record["dynamodb"].items() if name != missing}
    with pytest.raises(KeyError):
        facts_of({**record, "dynamodb": change})


@pytest.mark.parametrize(("rating", "good"), [(5, 1), (4, 1), (3, 0)])
def test_a_rating_is_counted_with_its_ticket(morning, rating, good):
    (record, *_) = [each for each in morning.records if "figures" in each["dynamodb"].get("NewImage", {})
                    and each["dynamodb"]["Keys"]["sk"]["S"].startswith("M#")]  # fmt: skip
    change = record["dynamodb"]
    (fact,) = facts_of(
        {**record, "dynamodb": {**change, "NewImage": {**change["NewImage"], "rating": {"N": str(rating)}}}}
    )
    rated = {"ratings": 1, "rating_points": rating, "ratings_good": good}
    assert rated.items() <= dict(fact.counts).items()
    assert rated.items() <= dict(fact.of_case).items()

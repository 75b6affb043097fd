"""The figures of docs/figures.md, measured once more with little: they must not say anything else."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import cold_receive, lost_answers, outage, page

FEW = 3
SHORT = 60  # seconds of outage


def cells(text):
    """Return what each cell says, without how many."""
    return [[re.sub(r"\d[\d,]* (?=one|doubled|lost|dead)", "", cell) for cell in row] for row in page.rows(text)]


def by_helpdesk(text):
    """Return each helpdesk's table."""
    return re.split(r"^\*\*", text, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("number", range(len(lost_answers.HELPDESKS)), ids=list(lost_answers.HELPDESKS))
def test_few_lost_answers_end_as_the_page_says(number):
    written = by_helpdesk(page.section("lost_answers"))
    connector = list(lost_answers.HELPDESKS)[number]
    measured = lost_answers.table(FEW, helpdesks=[connector])
    assert cells(written[number]) == cells(measured)


def test_the_page_says_one_ticket_for_each_of_a_thousand():
    rows = [row for part in by_helpdesk(page.section("lost_answers")) for row in page.rows(part)]
    assert len(rows) == 2 * len(lost_answers.LOSSES) * len(lost_answers.AGES)
    assert {row[2] for row in rows} == {"1,000 one"}


def test_what_waited_for_the_helpdesk_arrives_at_its_rate_with_few_requests_more():
    figures = outage.Rush().goes_through(SHORT)
    assert (figures.once, figures.lost, figures.doubled) == (SHORT * outage.PER_SECOND, 0, 0)
    assert figures.acknowledged == 1
    assert figures.slowest_acknowledgement < 5
    # What it costs to notice that the helpdesk is back is the same after any outage; a long one hides it.
    assert figures.took < figures.allowed + 75
    assert figures.asked - figures.needed < 450
    assert figures.refused < 100


def test_the_page_s_outage_is_within_what_we_promise():
    said = dict(page.rows(page.section("outage")))
    assert said["In a ticket once / lost / twice"] == "18,000 / 0 / 0"
    assert float(said["Sent for each needed"]) <= 1.1
    assert float(said["All arrived after"].split()[2]) <= 1.15


def test_the_page_s_cold_start_is_within_what_we_promise():
    boto3, floor = page.rows(page.section("cold_receive"))
    assert float(boto3[1]) <= 0.25
    assert float(floor[1]) <= 2


def test_every_case_of_the_cold_start_takes_the_delivery():
    assert set(cold_receive.measure(rounds=1)) == {"Deskwire", "boto3", "floor"}

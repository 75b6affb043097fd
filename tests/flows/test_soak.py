"""A small soak, so that `make soak` stays able to run: every misfortune, and then the books balance."""

import pytest

from sandbox.cloud.hurry import hurried
from sandbox.northwind.company import Company
from sandbox.northwind.soak import SPEED, Soak

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("soak")]


@pytest.fixture(scope="module")
def soaked(tmp_path_factory):
    """Return (run, whether it came to rest, the books)."""
    directory = tmp_path_factory.mktemp("soak")
    with Company(directory=directory, speed=SPEED, change=hurried(directory)).watching() as company:
        run = Soak(company, messages=100, seed=1)
        calm = run.play(lambda _: None)
        yield run, calm, run.books()


def test_everything_comes_to_rest_and_every_promise_is_kept(soaked):
    run, calm, books = soaked
    assert {promise.words: promise.broken for promise in books.promises if promise.broken} == {}
    assert calm
    assert run.traffic.written >= 100


def test_it_was_as_bad_as_the_summary_says(soaked):
    run, _, books = soaked
    entries = run.zendesk.books.entries()
    cut = {entry.fault.cut for entry in entries if entry.fault}
    assert {429, 503} <= {entry.status for entry in entries}
    assert {"before", "after"} <= cut
    assert len(books.notes.outages) == 2
    assert run.company.stack.killed()
    assert books.notes.repeated[400.0]  # beyond what the queue remembers


def test_the_planted_outage_is_one_incident_whose_customers_hear_of_it(soaked):
    run, _, books = soaked
    assert run.drill.promise(books).broken == []
    assert [each.topic for each, _ in books.incidents] == ["app"]


def test_every_channel_took_part(soaked):
    _, _, books = soaked
    assert {happening.channel for happening in books.notes.happenings if happening.files} >= {
        "facebook", "messenger", "x", "google", "webform",
    }  # fmt: skip

"""docs/connectors.md and cli/abilities.json say what the suite proves today."""

import json

import pytest

from tests.conformance import table, world

STALE = f"run `{table.COMMAND}`"


@pytest.fixture
def written(request):
    if request.config.getoption("--connector", None):
        pytest.skip("the table is of all connectors")
    assert table.DATA.exists(), STALE
    return json.loads(table.DATA.read_text(encoding="utf-8"))


def rules(written, name):
    return next(side[name]["rules"] for side in written.values() if name in side)


def test_the_table_is_true_of_what_is_shown_and_declared(written):
    """The rules' outcomes are the file's own; everything else is read anew."""
    names = {name for side in written.values() for name in side}
    assert names == set(world.connectors()), STALE
    assert table.tabulated(lambda name: rules(written, name)) == written, STALE


def test_the_page_of_the_table_is_true_to_its_data(written):
    assert table.PAGE.read_text(encoding="utf-8") == table.page(written), STALE


def test_every_rule_in_the_table_is_true_or_a_declared_gap(written):
    """Rules are written as proven only by a run in which nothing failed; whatever else stands there is declared."""
    for name, connector in world.connectors().items():
        open_rules = {rule for rule, end in rules(written, name).items() if end != "proven"}
        assert open_rules == {gap.partition(".")[0] for gap in connector.known_gaps}, f"{name}: {STALE}"


def test_the_table_is_true_for_every_rule_of_the_suite(written):
    from tests.conformance.test_hygiene import rules_of_suite

    known = {rule.partition(".")[0] for rule in rules_of_suite()}
    told = {rule for side in written.values() for data in side.values() for rule in data["rules"]}
    assert told == known, STALE

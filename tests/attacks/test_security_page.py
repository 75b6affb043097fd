"""docs/security.md says what is tried and what came of it, as it is now."""

from tests.attacks import table


def test_the_table_of_attacks_is_up_to_date():
    found = table.PAGE.read_text(encoding="utf-8")
    assert found == table.page(), "run: python -m tests.attacks.table"


def test_every_group_of_attacks_has_its_line():
    assert sum(count for _, count, _, _ in table.rows()) == len(table.ATTACKS)

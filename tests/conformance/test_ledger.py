"""The ledger counts what is there."""

import json

from tests.conformance import ledger, table


def test_every_connector_that_the_table_has_seen_has_a_row():
    shown = ledger.page()
    seen = json.loads(table.DATA.read_text(encoding="utf-8"))
    assert all(f"| `{name}` |" in shown for side in ("channels", "helpdesks") for name in seen[side])


def test_a_folder_s_files_and_a_module_alone_are_its_code():
    assert [each.name for each in ledger.code("facebook")] == ["facebook.py"]
    assert {"__init__.py", "registering.py"} <= {each.name for each in ledger.code("x")}


def test_what_is_imported_when_it_is_used_is_shared_too():
    assert "meta_registration" in ledger.families("facebook")
    assert "forms" in ledger.families("webform")


def test_marks_and_points_are_found_with_their_words(tmp_path, monkeypatch):
    file = tmp_path / "a.py"
    file.write_text("# fine\nx = 1  # Unconfirmed: that it is one\n")
    monkeypatch.setattr(ledger, "LAYER", tmp_path)
    assert ledger.marks([file]) == ["a.py:2: x = 1  # Unconfirmed: that it is one"]
    assert any(point.startswith("Whether Google checks its right to publish") for point in ledger.points("google"))


def test_a_desk_is_proved_against_itself_or_a_player():
    assert ledger.against("redmine") == "the real Redmine"
    assert ledger.against("zendesk") == "a strict player"

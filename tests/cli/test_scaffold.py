"""`deskwire new`: what it writes passes the formatter, the linter, the types and the conformance suite as it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HIDDEN = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture
def checkout(tmp_path):
    """A copy of the tree with nobody else's captures."""
    shutil.copytree(ROOT / "layers" / "deskwire", tmp_path / "layers" / "deskwire", ignore=HIDDEN)
    shutil.copytree(ROOT / "tests" / "conformance", tmp_path / "tests" / "conformance", ignore=HIDDEN)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def tool(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip


def passes(folder, *arguments):
    done = tool(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("side", "name"), [("channel", "telegram_business"), ("helpdesk", "freshdesk")], ids=["channel", "helpdesk"]
)
def test_a_new_connector_passes_everything_as_it_is(deskwire, checkout, side, name):
    told = deskwire("new", side, name, "--root", checkout)
    assert told.status == 0
    module = checkout / "layers" / "deskwire" / "deskwire" / f"{side}s" / f"{name}.py"
    test = checkout / "tests" / "connectors" / name / f"test_{name}.py"
    for file in (module, test, checkout / "events" / name / "secrets.json"):
        assert file.exists()
        assert str(file.relative_to(checkout)) in told.out
    assert "__" not in module.read_text().replace("__future__", "")
    passes(checkout, "ruff", "format", "--check", module, test)
    passes(checkout, "ruff", "check", module, test)
    passes(checkout, "mypy", module)
    chosen = ["--connector", name] if side == "channel" else ["-k", name]  # the README's two ways to run one
    said = passes(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance", *chosen)
    assert int(said.split(" passed")[0].split()[-1]) > 80
    passes(checkout, "pytest", "-q", "-p", "no:cacheprovider", test)


def test_a_scaffold_that_is_broken_is_seen_by_the_suite(deskwire, checkout):
    """So the test above can fail."""
    deskwire("new", "channel", "telegram", "--root", checkout)
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "telegram.py"
    module.write_text(module.read_text().replace('own=writer["id"].identifier() == account,', "own=False,"))
    done = tool(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_captures.py",
                "--connector", "telegram")  # fmt: skip
    assert done.returncode == 1


def test_nothing_that_is_there_is_overwritten(deskwire, checkout):
    assert deskwire("new", "channel", "telegram", "--root", checkout).status == 0
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "telegram.py"
    module.write_text("mine")
    told = deskwire("new", "channel", "telegram", "--root", checkout)
    assert told.status == 2
    assert "is there already" in told.err
    assert module.read_text() == "mine"


@pytest.mark.parametrize("name", ["Telegram", "1st", "../up", "class", "a-b", "zendesk", "messenger", ""])
def test_a_name_that_is_none_or_taken_is_refused(deskwire, checkout, name):
    told = deskwire("new", "channel", name, "--root", checkout)
    assert told.status == 2
    assert not (checkout / "events").exists()


def test_it_wants_a_checkout(deskwire, tmp_path):
    told = deskwire("new", "channel", "telegram", "--root", tmp_path)
    assert told.status == 2
    assert "no checkout of Deskwire" in told.err

"""`deskwire new`: what it writes passes formatter, linter, types and conformance suite, and works in the sandbox."""

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
    shutil.copytree(ROOT / "sandbox", tmp_path / "sandbox", ignore=HIDDEN)
    shutil.copytree(ROOT / "tests" / "conformance", tmp_path / "tests" / "conformance", ignore=HIDDEN)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
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


def changed(folder):
    """Return what `git status` says of each file that is not as it was."""
    said = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True)
    return said.stdout.splitlines()


@pytest.mark.parametrize(
    ("side", "name", "place"),
    [("channel", "quill_post", "platforms"), ("helpdesk", "deskalope", "helpdesks")],
    ids=["channel", "helpdesk"],
)
def test_a_new_connector_passes_everything_as_it_is(deskwire, checkout, side, name, place):
    told = deskwire("new", side, name, "--root", checkout)
    assert told.status == 0
    module = checkout / "layers" / "deskwire" / "deskwire" / f"{side}s" / f"{name}.py"
    test = checkout / "tests" / "connectors" / name / f"test_{name}.py"
    played = checkout / "sandbox" / place / name
    for file in (module, test, checkout / "events" / name / "secrets.json", played / "played.py", played / "books.py"):
        assert file.exists()
        assert str(file.relative_to(checkout)) in told.out
    assert "__" not in module.read_text().replace("__future__", "")
    assert {line[:2] for line in changed(checkout)} == {"??"}  # files are added, none is edited
    passes(checkout, "ruff", "format", "--check", module, test, played)
    passes(checkout, "ruff", "check", module, test, played)
    passes(checkout, "mypy", module, played)
    chosen = ["--connector", name] if side == "channel" else ["-k", name]  # the README's two ways to run one
    said = passes(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance", *chosen)
    assert int(said.split(" passed")[0].split()[-1]) > 80
    passes(checkout, "pytest", "-q", "-p", "no:cacheprovider", test)


def test_a_scaffold_that_is_broken_is_seen_by_the_suite(deskwire, checkout):
    """So the test above can fail."""
    deskwire("new", "channel", "quill_post", "--root", checkout)
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "quill_post.py"
    module.write_text(module.read_text().replace('own=writer["id"].identifier() == account,', "own=False,"))
    done = tool(checkout, "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_captures.py",
                "--connector", "quill_post")  # fmt: skip
    assert done.returncode == 1


def test_nothing_that_is_there_is_overwritten(deskwire, checkout):
    assert deskwire("new", "channel", "quill_post", "--root", checkout).status == 0
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "quill_post.py"
    module.write_text("mine")
    told = deskwire("new", "channel", "quill_post", "--root", checkout)
    assert told.status == 2
    assert "is there already" in told.err
    assert module.read_text() == "mine"


@pytest.mark.parametrize("name", ["Telegram", "1st", "../up", "class", "a-b", "zendesk", "messenger", ""])
def test_a_name_that_is_none_or_taken_is_refused(deskwire, checkout, name):
    told = deskwire("new", "channel", name, "--root", checkout)
    assert told.status == 2
    assert not (checkout / "events").exists()


def test_it_wants_a_checkout(deskwire, tmp_path):
    told = deskwire("new", "channel", "quill_post", "--root", tmp_path)
    assert told.status == 2
    assert "no checkout of Deskwire" in told.err

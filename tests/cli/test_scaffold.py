"""`deskwire new`: what it writes passes formatter, linter, types and conformance suite, and works in the sandbox."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HIDDEN = shutil.ignore_patterns("__pycache__", "*.pyc")


TREE = ("cli", "docs", "events", "functions", "layers", "sandbox", "tests", "tools", "Makefile", "pyproject.toml",
        "deskwire.example.yaml", "template.yaml")  # fmt: skip
GENERATED = ["cli/abilities.json", "docs/connectors.md"]


@pytest.fixture
def checkout(tmp_path):
    """A copy of the tree under git, with its tools."""
    for name in TREE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(
            source, tmp_path / name, **({"ignore": HIDDEN} if source.is_dir() else {})
        )
    (tmp_path / ".venv").symlink_to((ROOT / ".venv").resolve())
    (tmp_path / ".gitignore").write_text(".venv\n.*_cache\n__pycache__\n.hypothesis\n")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def tool(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'layers' / 'deskwire'}:{folder}"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip


def changed(folder):
    """Return what `git status` says of each file that is not as it was."""
    said = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True)
    return said.stdout.splitlines()


@pytest.mark.parametrize(
    ("side", "name", "place"),
    [("channel", "quill_post", "platforms"), ("helpdesk", "deskalope", "helpdesks")],
    ids=["channel", "helpdesk"],
)
def test_a_new_connector_passes_all_that_is_asked_of_one_and_edits_nothing_by_hand(
    deskwire, checkout, side, name, place
):
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
    done = tool(checkout, "tools/connector.py", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nok ") == 9
    assert f"{module.relative_to(checkout)}: facts that `deskwire new` invented" in done.stdout
    assert "edits none" not in done.stdout
    by_hand = [line for line in changed(checkout) if line[:2] != "??" and line[3:] not in GENERATED]
    assert by_hand == [" M docs/security.md"][: len(by_hand)]  # a helpdesk's patterns are counted there
    assert name in json.loads((checkout / "cli" / "abilities.json").read_text())[f"{side}s"]
    told = tool(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_capability_table.py",
                "tests/attacks/test_security_page.py")  # fmt: skip
    assert told.returncode == 0, told.stdout


def test_a_scaffold_that_is_broken_is_seen_by_the_suite(deskwire, checkout):
    """So the test above can fail."""
    deskwire("new", "channel", "quill_post", "--root", checkout)
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "quill_post.py"
    module.write_text(module.read_text().replace('own=writer["id"].identifier() == account,', "own=False,"))
    done = tool(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_captures.py",
                "--connector", "quill_post")  # fmt: skip
    assert done.returncode == 1


POLLING = """    verification = Never()
    connection_secrets"""
POLL = '''    def poll(self, cursor: str, reach: Reach) -> Page:
        """Read what came since the cursor."""
        answer = checked(reach.http(Call("GET", f"{API}/v1/events?since={cursor}")), what="looking").node()
        events = []
        for node in listed(answer["events"], "looking"):
            try:
                events.append(self._event(reach.account, node.object()))
            except PayloadError:
                reach.left_out("looking", node)
        return Page(events, answer["next"].identifier())

    def _event'''
NEEDED = ["poll next", "poll events"] + [
    f"poll events.{name}" for name in ("chat", "from", "from.id", "id", "media", "text", "type", "version")
]
POLLED = ("text", "attachment", "scripts", "own", "edit", "deletion")


def test_a_channel_that_is_only_polled_passes_the_suite(deskwire, checkout):
    deskwire("new", "channel", "quill_post", "--root", checkout)
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "quill_post.py"
    text = re.sub(
        r"    verification = HmacHeader\(.*?    connection_secrets", POLLING, module.read_text(), flags=re.DOTALL
    )
    text = re.sub(r"    def parse\(.*?    def _event", POLL, text, flags=re.DOTALL)
    text = text.replace("deskwire.verification.hmac import HmacHeader", "deskwire.verification.never import Never")
    text = text.replace(
        "from deskwire.model.errors", "from deskwire.families.lists import listed\nfrom deskwire.model.errors"
    )
    module.write_text(text.replace("Channel, Reach, each", "Channel, Page, Reach, each"))
    events, expected = checkout / "events" / "quill_post", checkout / "tests" / "expected" / "quill_post"
    bodies = [json.loads(json.loads((events / f"{what}.json").read_text())["body"]) for what in POLLED]
    found = [event for what in POLLED for event in json.loads((expected / f"{what}.json").read_text())["events"]]
    exchange = {
        "call": "poll", "cursor": "1", "account": "1001", "result": {"page": {"events": found, "cursor": "2"}},
        "steps": [{
            "request": {"method": "GET", "url": "https://api.quill-post.example/v1/events?since=1"},
            "answer": {"status": 200, "body": {"next": "2", "events": [body["events"][0] for body in bodies]}},
        }],
    }  # fmt: skip
    exchanges = checkout / "tests" / "exchanges" / "quill_post"
    (exchanges / "poll.json").write_text(json.dumps(exchange))
    (exchanges / "needed.json").write_text(json.dumps({"needed": NEEDED, "silent": {}}))
    shutil.rmtree(events)
    shutil.rmtree(expected)
    done = tool(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance", "--connector",
                "quill_post")  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_connector_that_is_not_there_is_said_not_to_be(checkout):
    done = tool(checkout, "tools/connector.py", "quill_post")
    assert done.returncode == 2
    assert "deskwire new channel quill_post" in done.stdout


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
    assert changed(checkout) == []


def test_it_wants_a_checkout(deskwire, tmp_path):
    told = deskwire("new", "channel", "quill_post", "--root", tmp_path)
    assert told.status == 2
    assert "no checkout of Deskwire" in told.err

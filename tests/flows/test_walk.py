"""The walk of docs/adding-a-connector.md, on a copy of the checkout: every block of its shell, as it stands there."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from sandbox.cloud.stack import ROOT, WORK

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("walk")]

PAGE = ROOT / "docs" / "adding-a-connector.md"
TREE = ("cli", "docs", "functions", "layers", "sandbox", "tests", "tools", "events", "Makefile", "pyproject.toml",
        "samconfig.toml", "template.yaml", ".gitignore")  # fmt: skip
HIDDEN = shutil.ignore_patterns("__pycache__", "*.pyc")
BUILT = (".venv/.stamp", ".venv/tools/ministack/.stamp", ".venv/tools/sam/.stamp")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout under git, with its tools on the path as the page says."""
    copy = tmp_path_factory.mktemp("walk")
    for name in TREE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(
            source, copy / name, **({"ignore": HIDDEN} if source.is_dir() else {})
        )
    (copy / ".venv").symlink_to((ROOT / ".venv").resolve())
    if (WORK / "host" / "cache").exists():  # the dependencies as built before
        shutil.copytree(WORK / "host" / "cache", copy / ".sandbox" / "host" / "cache", symlinks=True)
    tools = copy / ".sandbox" / "bin"
    tools.mkdir(parents=True)
    done = " ".join(f"-o {stamp}" for stamp in BUILT)  # the copy's files are newer than the tools, which are there
    programs = {"make": f'exec {shutil.which("make")} {done} "$@"', "deskwire": f'exec {sys.executable} -m cli "$@"'}
    for name, line in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=copy, check=True)
    return copy


@pytest.fixture(scope="module")
def shell(checkout):
    """Run lines as a person does, in the copy; give what they print."""
    tools = (str(checkout / each / "bin") for each in (".sandbox", ".venv"))
    environment = {
        **os.environ, "PYTHONPATH": f"{checkout / 'layers' / 'deskwire'}:{checkout}", "PYTHONUNBUFFERED": "1",
        "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
    }  # fmt: skip

    def run(lines, *, log=None):
        command = ["bash", "-ec", lines]
        if log is not None:
            with log.open("w") as out:
                return subprocess.Popen(
                    command, cwd=checkout, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
                )
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def blocks():
    """The page's blocks of shell, in order."""
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def made(shell, blocks):
    """Begin the connector."""
    assert blocks[0].startswith("deskwire new channel quill_post")
    return shell(blocks[0])


@pytest.fixture(scope="module")
def sandbox(shell, blocks, made, tmp_path_factory):
    """Keep the sandbox running; give its log."""
    (block,) = (each for each in blocks if each.startswith("make sandbox"))
    log = tmp_path_factory.mktemp("sandbox") / "log"
    running = shell(block, log=log)
    until = time.monotonic() + 300
    while "Ctrl-C ends everything" not in log.read_text():
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.5)
    yield log
    os.killpg(running.pid, signal.SIGINT)
    running.wait(60)


def test_a_new_channel_adds_files_and_edits_none(made, checkout):
    status = subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True)
    changed = [line[3:] for line in status.stdout.splitlines() if line[:2] != "??"]
    assert changed == ["cli/abilities.json", "docs/connectors.md"]  # generated, and renewed by `make connector`
    assert "FAIL" not in made


def test_a_morning_of_the_new_channel_ends_with_every_promise_kept(shell, blocks, made):
    (block,) = (each for each in blocks if "make demo" in each)
    told = shell(block)
    assert "BROKEN" not in told
    assert re.search(r"^quill_post +[1-9]", told, re.MULTILINE)


def test_a_new_helpdesk_files_what_the_new_channel_brings(shell, made):
    shell("deskwire new helpdesk deskalope")
    told = shell("python -m sandbox.northwind.demo --only quill_post --helpdesk deskalope --scale 0.1")
    assert "BROKEN" not in told
    assert re.search(r"^quill_post +\d+ +\d+ +[1-9]", told, re.MULTILINE)  # deliveries, events, tickets


def test_a_capture_becomes_a_ticket_on_the_screen(shell, blocks, sandbox):
    (block,) = (each for each in blocks if each.startswith("deskwire send-capture"))
    told = shell(block)
    assert "message m1: filed, ticket " in told
    page = re.search(r"http://127\.0\.0\.1:\d+/agent/tickets", told)[0]
    assert "My parcel 4471 is lost" in shell(
        f"python -c 'import urllib.request as u; print(u.urlopen(\"{page}\").read().decode())'"
    )


def test_a_person_writes_on_the_new_channel_from_the_page(shell, sandbox):
    page = re.search(r"^Open +(http://127\.0\.0\.1:\d+)$", sandbox.read_text(), re.MULTILINE)[1]
    with urllib.request.urlopen(f"{page}/state") as answer:
        (way,) = json.load(answer)["ways"]
    assert (way["channel"], list(way["accounts"])) == ("Quill Post", ["1001"])
    said = {"way": "0", "account": "1001", "name": "Marta", "text": "Written on the page"}
    with urllib.request.urlopen(f"{page}/say", json.dumps(said).encode()) as answer:
        key = json.load(answer)["key"]
    until = time.monotonic() + 60
    look = f"source .sandbox/environment && deskwire thread {key} --text || true"
    while not re.search("filed.*Written on the page", told := shell(look)):
        assert time.monotonic() < until, told


def test_the_operators_commands_work_on_the_sandbox(shell, blocks, sandbox):
    (block,) = (each for each in blocks if each.startswith("source"))
    told = shell(block)
    assert "My parcel 4471 is lost" in told
    assert "access_token written" in told


def test_a_changed_connector_is_loaded_by_itself(shell, sandbox, checkout):
    module = checkout / "layers" / "deskwire" / "deskwire" / "channels" / "quill_post.py"
    module.write_text(module.read_text().replace('text=line(node["text"]', 'text="Changed: " + line(node["text"]'))
    until = time.monotonic() + 60
    while "the functions start anew" not in sandbox.read_text():
        assert time.monotonic() < until
        time.sleep(0.5)
    assert "filed" in shell("deskwire send-capture events/quill_post/scripts.json")
    assert "Changed: " in shell("source .sandbox/environment && deskwire thread quill_post/1001/c8 --text")

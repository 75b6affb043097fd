"""The command as a whole: help, errors without a traceback, the lists of connectors."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from cli import abilities
from cli.main import main, parser
from deskwire import registry

ROOT = Path(__file__).parents[2]
COMMANDS = ["plan", "apply", "check", "schema", "channels", "helpdesks", "parse", "send-capture", "secrets", "thread",
            "new"]  # fmt: skip


def test_the_installed_command_is_this_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["deskwire"] == "cli.main:main"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_its_exit_statuses(deskwire, command):
    told = deskwire(command, "--help")
    assert told.status == 0
    assert f"usage: deskwire {command}" in told.out
    assert "exit status:" in told.out


def test_the_help_names_every_command(deskwire):
    told = deskwire("--help")
    assert told.status == 0
    for command in COMMANDS:
        assert re.search(rf"^    {command}\s+\w+", told.out, re.MULTILINE)


def test_what_is_no_command_is_told_with_the_usage(deskwire):
    told = deskwire("pars")
    assert told.status == 2
    assert "invalid choice" in told.err
    assert deskwire().status == 2


def test_a_fault_of_our_own_is_a_sentence_and_with_debug_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(abilities, "channels", lambda args: 1 / 0)
    assert main(["channels"]) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError in Deskwire itself" in told
    assert "Traceback" not in told
    for arguments in (["--debug", "channels"], ["channels", "--debug"]):
        assert main(arguments) == 1
        assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_it_quietly(monkeypatch, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(abilities, "channels", interrupted)
    assert main(["channels"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(program):
    import subprocess
    import sys

    mention = str(ROOT / "events" / "x" / "mention.json")
    done = subprocess.run(
        f"{sys.executable} -m cli parse x {' '.join([mention] * 500)} | head -1",
        shell=True, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'layers' / 'deskwire'}:{ROOT}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_every_module_that_a_command_names_is_there():
    import importlib

    subcommands = next(action for action in parser()._actions if action.dest == "command")
    for command in subcommands.choices.values():
        module, _, function = command.get_default("run").partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_channels_are_listed_with_what_they_want(deskwire):
    told = deskwire("channels")
    assert told.status == 0
    for name in registry.channel_names():
        assert f"{name} · {registry.channel(name).title}" in told.out
    assert "endpoint's secret app_secret: " in told.out


def test_the_lists_say_for_scripts_what_was_proven(deskwire, monkeypatch, tmp_path):
    proven = tmp_path / "abilities.json"
    proven.write_text(json.dumps({"channels": {"x": {"rules": {"C1": "proven", "C5": "gap"}}}, "helpdesks": {}}))
    monkeypatch.setattr(abilities, "PROVEN", proven)
    found = json.loads(deskwire("channels", "--json").out)
    assert set(found) == set(registry.channel_names())
    assert (found["x"]["proven"], found["facebook"]["proven"]) == (True, False)
    assert "send" in found["x"]["does"]
    assert "act" in found["webform"]["does"]
    assert set(json.loads(deskwire("helpdesks", "--json").out)) == set(registry.helpdesk_names())
    told = deskwire("channels").out
    assert "x · X · 1 rules proven, not C5" in told
    assert "facebook · Facebook Page · declared, not proven" in told


def test_what_is_declared_is_what_was_proven(deskwire):
    """The suite's file and the classes name abilities alike; pages' actions are proven elsewhere."""
    found = json.loads(abilities.PROVEN.read_text())
    for name, proven in found["channels"].items():
        declared = set(abilities._channel(name)["does"])
        assert set(proven["does"]) == declared - {"act"}
    for name, proven in found["helpdesks"].items():
        assert proven["does"] == abilities._helpdesk(name)["does"]


def test_the_version_is_told(program):
    assert re.fullmatch(r"deskwire \d+\.\d+\.\d+", program("--version").out.strip())

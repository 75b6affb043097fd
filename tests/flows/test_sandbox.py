"""`make sandbox`, without its terminal: captures delivered freshly signed, secrets written, nothing that leaves it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from sandbox.cloud.stack import ROOT
from sandbox.northwind.control import Control
from sandbox.northwind.pages import environment

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("flows")]


@pytest.fixture(scope="module")
def control(company):
    with Control(company) as control:
        yield control


@pytest.fixture
def command(company, control):
    """The command as in a shell that has sourced the sandbox's environment."""

    def run(*arguments, given=""):
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)], input=given, cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, **environment(company, control), "PYTHONPATH": f"{ROOT / 'layers' / 'deskwire'}:{ROOT}"},
            check=False, timeout=180,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("capture", ["messenger/text", "facebook/comment", "x/mention", "webform/message"])
def test_a_capture_of_each_platform_becomes_a_ticket(stories, command, capture):
    """Whatever account it names, and whatever day it was signed on."""
    told = command("send-capture", ROOT / "events" / f"{capture}.json")
    assert told.returncode == 0, told.stderr
    assert "answered 20" in told.stdout
    assert ": filed, ticket " in told.stdout


def test_a_capture_of_the_helpdesk_is_taken(command):
    told = command("send-capture", ROOT / "events" / "zendesk" / "comment_added.json")
    assert told.returncode == 0, told.stderr


def test_a_capture_of_a_helpdesk_that_is_not_played_is_refused(command):
    told = command("send-capture", ROOT / "events" / "requesttracker" / "comment.json")
    assert told.returncode == 1
    assert "plays no “requesttracker”" in told.stderr


def test_a_stranger_may_not_ask(control):
    asked = urllib.request.Request(f"{control.address}/captures/x", b"{}", {"authorization": "Bearer a guess"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(asked)


def test_a_secret_is_written_as_on_aws(company, command):
    told = command("secrets", "put", "spare", "token", given="s3cr3t\n")
    assert told.returncode == 0, told.stderr
    assert "s3cr3t" not in told.stdout + told.stderr
    client = company.stack.client("secretsmanager")
    name = f"{company.stack.deployed.secrets_prefix}spare"
    assert json.loads(client.get_secret_value(SecretId=name)["SecretString"]) == {"token": "s3cr3t"}

"""What the commands reach beside AWS: the vendors, or on the sandbox's AWS those that are played, and nobody else."""

import re
from pathlib import Path

import boto3
import pytest

from cli.aws import Place, outside
from cli.terminal import UserError
from deskwire.model.errors import PermanentError
from deskwire.web.rest import Call

CLI = Path(__file__).parents[2] / "cli"
HERE = Place(boto3.session.Session(region_name="eu-west-1"), "northwind", "deskwire/")


@pytest.mark.parametrize("aws", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
@pytest.mark.parametrize("played", ["", "{}"])
def test_on_the_sandbox_s_aws_without_players_nothing_is_reached(monkeypatch, aws, played):
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("DESKWIRE_SANDBOX", played)
    with pytest.raises(UserError, match=r"source \.sandbox/environment"):
        outside(HERE)


def test_in_the_sandbox_a_host_that_nobody_plays_is_not_reached(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("DESKWIRE_SANDBOX", '{"acme.zendesk.com": "http://127.0.0.1:1"}')
    with pytest.raises(PermanentError, match=r"nobody plays graph\.facebook\.com"):
        outside(HERE)(Call("GET", "https://graph.facebook.com/v26.0/me"))


def test_on_aws_itself_the_vendors_are_reached(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("DESKWIRE_SANDBOX", raising=False)
    assert outside(HERE)


def test_no_command_has_another_way_out():
    ways = re.compile(r"\b(?:Pooled|Direct|with_hosts|urlopen|HTTPSConnection)\b")
    assert {path.name for path in CLI.rglob("*.py") if ways.search(path.read_text())} == {"aws.py"}

"""`deskwire connect` with every platform of the sandbox whose webhook can be set up, as Northwind has it there."""

import hmac
import json
from itertools import chain, repeat
from urllib.parse import urlsplit

import boto3
import pytest
import yaml
from moto import mock_aws

from deskwire import registry
from deskwire.contracts.registration import Registers
from deskwire.settings import ENDPOINTS
from sandbox.neighbours import platform
from sandbox.neighbours.neighbour import Clock, Neighbour, Reply, route
from sandbox.platforms.linkedin.books import APP
from tests.tables import TABLE

HOOKS = "https://hooks.northwind.example"
EVERY = [
    (folder, channel)
    for folder, kind in platform.kinds().items()
    for channel in kind.channels
    if isinstance(registry.channel(channel), Registers)
]


class Hooks(Neighbour):
    """Deskwire's own address, which answers Meta's check and LinkedIn's."""

    def authorize(self, asked):
        return None

    @route("GET", "/channels/{endpoint}")
    def check(self, asked, endpoint):
        if code := asked.parameter("challengeCode"):
            signed = hmac.new(APP["client_secret"].encode(), code.encode(), "sha256").hexdigest()
            return Reply.json(200, {"challengeCode": code, "challengeResponse": signed})
        return Reply(200, asked.parameter("hub.challenge").encode())


@pytest.fixture(scope="module")
def hooks():
    with Hooks() as hooks:
        yield hooks


@pytest.mark.parametrize(("folder", "channel"), EVERY)
def test_an_account_is_connected_and_its_registration_stands(
    folder, channel, deskwire, hooks, tmp_path, monkeypatch, capfd
):
    made, connector = platform.kinds()[folder](Clock()), registry.channel(channel)
    for player in (made.player, getattr(made.player, "app", None)):
        if hasattr(player, "checks"):
            player.checks = lambda *_: True
    account = next(each for each in made.rules["connections"].values() if each["channel"] == channel)
    endpoint = made.rules["endpoints"][account["endpoint"]]
    file = tmp_path / "deskwire.yaml"
    desk = {"connector": "generic", "secret": "desk", "settings": {"address": "https://desk.northwind.example/t"}}
    rules = {
        "defaults": {"helpdesk": "desk"},
        "helpdesks": {"desk": desk},
        "endpoints": {account["endpoint"]: endpoint},
    }
    file.write_text(yaml.safe_dump(rules))
    tokens = made.secrets.get(account.get("secret"), {})
    lines = [tokens[name] for name in connector.connection_secrets if name in tokens]
    given = [part for name, value in account.get("settings", {}).items() for part in ("--setting", f"{name}={value}")]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.setattr(
        "sys.stdin.readline", chain((f"{line}\n" for line in lines), repeat("\n")).__next__, raising=False
    )
    with made.player, mock_aws():
        hosts = dict(made.hosts) | {urlsplit(HOOKS).netloc: hooks.address}
        monkeypatch.setenv("DESKWIRE_SANDBOX", json.dumps(hosts))
        boto3.client("dynamodb").create_table(TableName="northwind", **TABLE)
        secrets = boto3.client("secretsmanager")
        if "secret" in endpoint:
            value = json.dumps(made.secrets[endpoint["secret"]])
            secrets.create_secret(Name=f"deskwire/{ENDPOINTS}{endpoint['secret']}", SecretString=value)
        where = ("--file", file, "--table", "northwind", "--region", "eu-west-1", "--address", HOOKS, "--yes")
        told = deskwire("connect", channel, *where, "--account", account["account"], "--name", "new", "--paste", *given)
        assert told.status == 0, told
        assert f"{account['account']} is connected" in told.err
        assert "✗" not in told.out.rpartition("at the platforms")[2]
        for token in lines:
            assert token not in told.out + told.err
        planned = deskwire("plan", file, "--table", "northwind", "--region", "eu-west-1", "--json")
        (standing,) = [each for each in json.loads(planned.out)["platforms"] if each["name"] == "new"]
        assert {each["state"] for each in standing["findings"]} == {"right"}, standing
        assert planned.status == 0


def test_a_setting_that_the_channel_does_not_have_is_refused(deskwire, tmp_path):
    told = deskwire("connect", "linkedin", "--file", tmp_path / "d.yaml", "--table", "t", "--setting", "waba_id=1")
    assert told.status == 2
    assert "no setting waba_id" in told.err

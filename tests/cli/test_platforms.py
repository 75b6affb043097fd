"""`deskwire plan` and `deskwire apply` at the platforms: Meta and Zendesk as the sandbox plays them."""

import json

import boto3
import pytest
from moto import mock_aws

from deskwire.aws.table import DynamoTable
from deskwire.configuration import endpoint_key
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from sandbox.platforms.meta.played import APP, DIALOG, GRAPH, Meta
from tests.tables import TABLE

PAGE = "410000000000001"
HOOKS = "https://hooks.northwind.example"
RULES = f"""\
defaults: {{helpdesk: zendesk}}
helpdesks:
  zendesk: {{connector: zendesk, secret: zendesk, settings: {{subdomain: acme, email: deskwire@acme.example}}}}
endpoints:
  meta: {{channels: [facebook, messenger], secret: meta-app, settings: {{app_id: "{APP}"}}}}
  form:
    channels: [webform]
    secret: turnstile
    settings: {{origins: "https://www.northwind.example", captcha: turnstile}}
  zendesk-webhook: {{helpdesk: zendesk, secret: zendesk-webhook}}
connections:
  page: {{channel: facebook, account: "{PAGE}", endpoint: meta, secret: page}}
  contact: {{channel: webform, account: contact, endpoint: form, settings: {{sender: care@northwind.example}}}}
"""


@pytest.fixture(scope="module")
def played():
    with Meta({PAGE: "Northwind"}, clock=Clock(held=True)) as meta, Zendesk(Clock(held=True)) as zendesk:
        yield meta, zendesk


@pytest.fixture
def meta(played):
    player = played[0]
    player.app.webhooks.clear()
    player.app.subscribed.clear()
    player.app.checks = lambda url, token: (url, token) == (f"{HOOKS}/channels/meta", "s3cr3t-verify")
    return player


@pytest.fixture
def zendesk(played):
    player = played[1]
    player.made_webhooks.clear()
    player.made_triggers.clear()
    return player


@pytest.fixture
def run(deskwire, meta, zendesk, tmp_path, monkeypatch):
    file = tmp_path / "deskwire.yaml"
    file.write_text(RULES)
    hosts = {GRAPH: meta.address, DIALOG: meta.address, "acme.zendesk.com": zendesk.address}
    monkeypatch.setenv("DESKWIRE_SANDBOX", json.dumps(hosts))
    with mock_aws():
        boto3.client("dynamodb").create_table(TableName="northwind", **TABLE)
        secrets = boto3.client("secretsmanager")
        for name, value in {
            "endpoints/meta-app": {"app_secret": "invented-app-secret", "verify_token": "s3cr3t-verify"},
            "page": {"page_token": meta.token(PAGE)},
            "zendesk": {"api_token": "invented-zendesk-token"},
        }.items():
            secrets.create_secret(Name=f"deskwire/{name}", SecretString=json.dumps(value))

        def command(name, *arguments):
            return deskwire(name, file, "--table", "northwind", "--region", "eu-west-1", *arguments)

        yield command


def platforms(told):
    """Return the state of each finding by connection."""
    return {
        each["name"]: {finding["what"]: finding["state"] for finding in each["findings"]}
        for each in json.loads(told.out)["platforms"]
    }


def test_what_is_not_set_up_is_planned_applied_and_then_right(run, meta, zendesk):
    told = run("plan", "--address", HOOKS)
    assert told.status == 3
    assert f"✗ the app's webhook: missing, wanted {HOOKS}/channels/meta" in told.out
    assert "`deskwire apply` sets it right" in told.out
    assert meta.app.webhooks == {}
    told = run("apply", "--address", HOOKS, "--yes")
    assert (told.status, told.err) == (0, "")
    assert meta.app.webhooks["page"]["callback_url"] == f"{HOOKS}/channels/meta"
    assert {"feed", "messages"} <= set(meta.app.subscribed[PAGE])
    webhooks = [each["endpoint"] for each in zendesk.made_webhooks.values()]
    assert webhooks == [f"{HOOKS}/helpdesks/zendesk-webhook"] * 2
    stored = boto3.client("secretsmanager").get_secret_value(SecretId="deskwire/endpoints/zendesk-webhook")
    assert json.loads(stored["SecretString"]) == {
        "signing_secret": "invented-zendesk-signing",
        "events_secret": "invented-zendesk-signing-1",
    }
    for secret in ("s3cr3t", "invented-zendesk", "EAA"):
        assert secret not in told.out
    told = run("plan", "--json")  # the address was noted
    assert told.status == 0
    assert set(platforms(told)["page"].values()) == {"right"}
    assert set(platforms(told)["zendesk"].values()) == {"right"}


def test_drift_alone_is_planned_and_mended(run, meta):
    run("apply", "--address", HOOKS, "--yes")
    meta.app.subscribed[PAGE].remove("feed")
    told = run("plan")
    assert told.status == 3
    assert f"the subscription of {PAGE}: lacks feed" in told.out
    assert "nothing to change" in told.out
    assert run("apply", "--yes").status == 0
    assert "feed" in meta.app.subscribed[PAGE]
    assert run("plan").status == 0


def test_a_connection_s_brand_that_zendesk_has_not_is_planned_for_a_person(run, zendesk, tmp_path):
    file = tmp_path / "deskwire.yaml"
    file.write_text(RULES.replace("endpoint: meta, ", 'endpoint: meta, fields: {brand: "71"}, '))
    run("apply", "--address", HOOKS, "--yes")
    told = run("plan")
    assert told.status == 0  # nothing for `apply` to set right
    assert "✗ the brand 71: missing" in told.out
    assert "take another `brand` from Admin Center, Account, Brand management, Brands, or leave it out" in told.out
    zendesk.account.records.named("brands", 71, "Northwind Tea")
    assert "✓ the brand 71: “Northwind Tea”" in run("plan").out


def test_a_platform_that_refuses_is_named_and_the_others_are_set_up(run, meta, zendesk):
    meta.app.checks = lambda _url, _token: False
    told = run("apply", "--address", HOOKS, "--yes")
    assert told.status == 1
    assert "page is not set up at its platform: setting the app's webhook" in told.err
    assert zendesk.made_webhooks
    meta.app.checks = lambda _url, _token: True
    assert run("apply", "--yes").status == 0


def test_steps_by_hand_are_printed_for_what_is_new_and_when_they_are_asked_for(run):
    by_hand = f"let the page post its form to {HOOKS}/pages/form"
    assert by_hand in run("apply", "--address", HOOKS, "--yes").out
    assert by_hand not in run("plan").out
    assert by_hand in run("plan", "--steps").out


def test_without_an_address_and_on_request_the_platforms_are_left_alone(run, meta):
    assert platforms(run("plan", "--json")) == {}
    assert platforms(run("plan", "--address", HOOKS, "--no-platforms", "--json")) == {}
    assert run("apply", "--address", HOOKS, "--no-platforms", "--yes").status == 0
    assert meta.app.webhooks == {}
    table = DynamoTable(boto3.client("dynamodb"), "northwind")
    assert f"{HOOKS}/channels/meta" in table.get(endpoint_key("meta"))["definition"]


def test_a_dead_token_is_told_with_its_remedy(run, meta):
    run("apply", "--address", HOOKS, "--yes")
    meta.app.of(meta.token(PAGE)).valid = False
    try:
        told = run("plan")
    finally:
        meta.app.of(meta.token(PAGE)).valid = True
    assert told.status == 0  # nothing that apply could mend
    assert "✗ page_token: no longer valid" in told.out
    assert "`deskwire connect facebook` signs in anew" in told.out

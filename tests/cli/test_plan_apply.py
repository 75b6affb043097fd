"""`deskwire plan` and `deskwire apply` on moto's DynamoDB, Secrets Manager and CloudFormation."""

import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from cli import applying
from deskwire.aws.table import DynamoTable
from deskwire.configuration import (
    INDEX_KEY,
    Connection,
    Endpoint,
    HelpdeskConnection,
    connection_key,
    endpoint_key,
    helpdesk_key,
)
from deskwire.ports import Put, Update
from deskwire.receiving.receiver import EndpointView
from tests.tables import TABLE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deskwire.example.yaml"
PAGE = connection_key("facebook", "410000000000001")


@pytest.fixture
def table():
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName="northwind", **TABLE)
        yield DynamoTable(client, "northwind")


@pytest.fixture
def company(tmp_path):
    """Write the example, with replacements, and return its file."""

    def write(*replacements):
        text = EXAMPLE.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        file = tmp_path / "deskwire.yaml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def run(deskwire, table):
    def command(*arguments):
        return deskwire(*arguments, "--table", "northwind", "--region", "eu-west-1", "--no-secrets")

    return command


def report(told):
    return json.loads(told.out)


def test_a_plan_shows_everything_as_new_and_writes_nothing(run, company, table):
    told = run("plan", company())
    assert told.status == 3
    for line in ("+ endpoint meta", "+ helpdesk zendesk", "+ connection reykjavik-page", "12 to add"):
        assert line in told.out
    assert table.get(INDEX_KEY) is None
    assert table.get(PAGE) is None


def test_what_is_applied_is_what_receive_and_converse_read(run, company, table):
    told = run("apply", company(), "--yes")
    assert told.status == 0
    view = EndpointView.read(table.get(endpoint_key("meta"))["definition"])
    assert (view.side, view.connectors, view.secret) == ("channels", ("facebook", "messenger"), "meta-app")
    page = Connection.model_validate_json(table.get(PAGE)["definition"])
    assert (page.endpoint, page.helpdesk, page.policy.company) == ("meta", "zendesk", "Northwind")
    assert page.policy.hours.holidays == "IS"
    desk = HelpdeskConnection.model_validate_json(table.get(helpdesk_key("zendesk"))["definition"])
    assert desk.settings["subdomain"] == "northwind"
    Endpoint.model_validate_json(table.get(endpoint_key("zendesk-webhook"))["definition"])
    assert len(table.get(INDEX_KEY)["keys"]) == 12
    assert [list(PAGE)] == [key for key in table.get(INDEX_KEY)["keys"] if key == list(PAGE)]


def test_what_is_applied_leaves_nothing_to_do(run, company, table):
    run("apply", company(), "--yes")
    told = run("plan", company())
    assert (told.status, "nothing to do" in told.out) == (0, True)
    version = table.get(INDEX_KEY)["version"]
    assert run("apply", company(), "--yes").status == 0
    assert table.get(INDEX_KEY)["version"] == version


def test_a_change_is_shown_field_by_field(run, company):
    run("apply", company(), "--yes")
    told = run("plan", company(("quiet_hours: 12", "quiet_hours: 24"), ("subdomain: northwind", "subdomain: northw")))
    assert told.status == 3
    assert "~ helpdesk zendesk\n    settings.subdomain: northwind → northw\n" in told.out
    assert "policy.quiet_hours: (gone)" not in told.out
    assert "policy.quiet_hours: 24" in told.out
    assert "~ connection contact" not in told.out  # it has its own


def test_what_the_file_no_longer_has_is_removed(run, company, table):
    run("apply", company(), "--yes")
    text = EXAMPLE.read_text()
    without = text[text.index("  reykjavik-page:") : text.index("  reykjavik-messenger:")]
    told = run("apply", company((without, "")), "--yes", "--json")
    assert [(each["action"], each["kind"], each["name"]) for each in report(told)["changes"]] == [
        ("remove", "connection", "reykjavik-page")
    ]
    assert table.get(PAGE) is None
    assert list(PAGE) not in table.get(INDEX_KEY)["keys"]


def test_what_somebody_wrote_by_hand_is_taken_into_the_index(run, company, table):
    run("apply", company(), "--yes")
    index = table.get(INDEX_KEY)
    table.put(Put(index | {"keys": [key for key in index["keys"] if key != list(PAGE)]}))
    assert [each["name"] for each in report(run("plan", company(), "--json"))["changes"]] == ["reykjavik-page"]
    run("apply", company(), "--yes")
    assert list(PAGE) in table.get(INDEX_KEY)["keys"]


def test_what_others_keep_with_an_item_stays(run, company, table):
    run("apply", company(), "--yes")
    table.update(Update(PAGE, set={"cursor": "7"}))
    run("apply", company(("tags: [reykjavik]", "tags: [north]")), "--yes")
    assert table.get(PAGE)["cursor"] == "7"
    assert Connection.model_validate_json(table.get(PAGE)["definition"]).tags == ("north",)


def test_of_two_people_who_apply_at_once_the_second_is_told(run, company, table, monkeypatch):
    run("apply", company(), "--yes")
    before = table.get(PAGE)
    planned = applying.planned

    def overtaken(checked, given):
        made = planned(checked, given)
        index = table.get(INDEX_KEY)
        table.put(Put(index | {"version": index["version"] + 1}))
        return made

    monkeypatch.setattr(applying, "planned", overtaken)
    told = run("apply", company(("tags: [reykjavik]", "tags: [north]")), "--yes")
    assert told.status == 1
    assert "nothing was written" in told.err
    assert table.get(PAGE) == before


def test_more_changes_than_one_transaction_takes_are_refused_whole(run, company, table):
    many = "".join(
        f"  page-{number}:\n    channel: facebook\n    account: '{number}'\n    endpoint: meta\n    secret: s\n"
        for number in range(100)
    )
    told = run("apply", company(("connections:\n", "connections:\n" + many)), "--yes")
    assert told.status == 1
    assert "112 changes are more than the 99" in told.err
    assert table.get(INDEX_KEY) is None


def test_ninety_nine_changes_are_written_as_one(run, company, table):
    many = "".join(
        f"  page-{number}:\n    channel: facebook\n    account: '{number}'\n    endpoint: meta\n    secret: s\n"
        for number in range(87)
    )
    assert run("apply", company(("connections:\n", "connections:\n" + many)), "--yes").status == 0
    assert len(table.get(INDEX_KEY)["keys"]) == 99


def test_nothing_is_applied_unasked(run, company, table, monkeypatch):
    told = run("apply", company())
    assert (told.status, "say --yes" in told.err) == (2, True)
    assert table.get(INDEX_KEY) is None

    class Terminal:
        def __init__(self, answer):
            self.answer = answer

        def isatty(self):
            return True

        def readline(self):
            return self.answer

    monkeypatch.setattr(applying.sys, "stdin", Terminal("\n"))
    assert run("apply", company()).status == 130
    assert table.get(INDEX_KEY) is None
    monkeypatch.setattr(applying.sys, "stdin", Terminal("y\n"))
    assert run("apply", company()).status == 0
    assert table.get(INDEX_KEY) is not None


def test_the_plan_says_for_scripts_what_it_says_for_people(run, company):
    run("apply", company(), "--yes")
    told = run("plan", company(("quiet_hours: 12", "quiet_hours: 24")), "--json")
    assert told.status == 3
    found = report(told)
    assert (found["table"], found["version"], found["secrets"]) == ("northwind", 1, [])
    change = next(each for each in found["changes"] if each["name"] == "reykjavik-page")
    assert change["key"] == list(PAGE)
    assert {"field": "policy.quiet_hours", "old": None, "new": 24.0} in change["fields"]
    assert report(run("apply", company(), "--json", "--yes"))["applied"] is False


SECRETS = {
    "endpoints/meta-app": {"app_secret": "s3cr3t-app", "verify_token": "s3cr3t-token"},
    "endpoints/x-app": {"consumer_secret": ["s3cr3t-new", "s3cr3t-old"]},
    "x-account": {"consumer_key": "s3cr3t-key", "consumer_secret": "", "access_tokens": "s3cr3t-typo"},
    "endpoints/turnstile": {"captcha_secret": "s3cr3t-captcha"},
    "zendesk": {"oauth_token": "s3cr3t-oauth"},
}


def test_the_plan_says_which_secrets_are_there_and_never_their_values(deskwire, company, table):
    client = boto3.client("secretsmanager")
    for name, value in SECRETS.items():
        client.create_secret(Name=f"deskwire/{name}", SecretString=json.dumps(value))
    client.create_secret(Name="deskwire/google-account", SecretString="s3cr3t as it is")
    for more in ([], ["--json"]):
        told = deskwire("plan", company(), "--table", "northwind", "--region", "eu-west-1", *more)
        assert told.status == 3
        assert "s3cr3t" not in told.out + told.err
    states = {each["name"].removeprefix("deskwire/"): each for each in report(told)["secrets"]}
    assert states["endpoints/meta-app"] == {
        "name": "deskwire/endpoints/meta-app", "state": "found", "found": ["app_secret", "verify_token"], "missing": [],
        "unknown": [],
    }  # fmt: skip
    assert states["endpoints/x-app"]["state"] == "found"
    assert states["zendesk"]["state"] == "found"  # one of two alternatives is enough
    assert states["x-account"]["state"] == "incomplete"
    assert states["x-account"]["missing"] == ["consumer_secret", "access_token", "access_token_secret"]
    assert states["x-account"]["unknown"] == ["access_tokens"]
    assert states["page-reykjavik"]["state"] == "missing"
    assert states["google-account"]["state"] == "is no JSON object"
    people = deskwire("plan", company(), "--table", "northwind", "--region", "eu-west-1").out
    assert "✗ deskwire/page-reykjavik is missing" in people
    assert "✓ deskwire/endpoints/meta-app has app_secret, verify_token" in people


def test_a_secret_of_an_endpoint_from_before_is_to_be_copied_before_anything_is_applied(deskwire, company, table):
    client = boto3.client("secretsmanager")
    for name, value in SECRETS.items():
        client.create_secret(Name=f"deskwire/{name.removeprefix('endpoints/')}", SecretString=json.dumps(value))
    where = ("--table", "northwind", "--region", "eu-west-1")
    told = deskwire("plan", company(), *where)
    assert "secret-id deskwire/meta-app" in told.out
    assert "create-secret --name deskwire/endpoints/meta-app --secret-string file:///dev/stdin" in told.out
    assert "s3cr3t" not in told.out + told.err
    states = {each["name"]: each for each in report(deskwire("plan", company(), "--json", *where))["secrets"]}
    assert states["deskwire/endpoints/x-app"]["elsewhere"] == "deskwire/x-app"
    refused = deskwire("apply", company(), "--yes", *where)
    assert (refused.status, "nothing was written" in refused.err) == (1, True)
    for name, value in SECRETS.items():
        if name.startswith("endpoints/"):
            client.create_secret(Name=f"deskwire/{name}", SecretString=json.dumps(value))
    assert deskwire("apply", company(), "--yes", *where).status == 0


def test_the_stack_says_where_its_table_is(deskwire, company, table):
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"TableName": {"Value": "northwind"}, "SecretsPrefix": {"Value": "northwind/"}},
    }
    boto3.client("cloudformation").create_stack(StackName="care", TemplateBody=json.dumps(template))
    boto3.client("secretsmanager").create_secret(Name="northwind/zendesk", SecretString='{"api_token": "t"}')
    told = deskwire("plan", company(), "--stack", "care", "--json")
    assert report(told)["table"] == "northwind"
    assert {each["name"] for each in report(told)["secrets"] if each["state"] == "found"} == {"northwind/zendesk"}
    told = deskwire("plan", company(), "--stack", "nothing")
    assert told.status == 1
    assert "the stack “nothing” cannot be read" in told.err


@pytest.mark.parametrize(("output", "noted"), [({}, 1), ({"TranscriptsName": {"Value": "care-transcripts"}}, 0)])
def test_a_policy_that_archives_is_odd_where_the_stack_has_no_archive(deskwire, company, table, run, output, noted):
    outputs = {"TableName": {"Value": "northwind"}, **output}
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(StackName="care", TemplateBody=json.dumps(template))
    file = company(("    company: Northwind\n", "    company: Northwind\n    archive: words\n"))
    hints = report(deskwire("plan", file, "--stack", "care", "--no-secrets", "--json"))["hints"]
    assert [(each["where"], "TranscriptDays" in each["reason"]) for each in hints] == [
        ("policies.everyday.archive", True)
    ] * noted
    assert not report(run("plan", file, "--json"))["hints"]  # no stack is named, so nobody knows


def test_the_outputs_it_reads_are_the_template_s():
    text = (ROOT / "template.yaml").read_text()
    outputs = text[text.index("\nOutputs:") :]
    assert "\n  TableName:" in outputs
    assert "\n  SecretsPrefix:" in outputs
    assert "\n  TranscriptsName:\n    Condition: HasTranscripts\n" in outputs


def test_where_to_write_is_asked_for_in_words(deskwire, company, monkeypatch, table):
    monkeypatch.delenv("DESKWIRE_TABLE", raising=False)
    told = deskwire("plan", company())
    assert told.status == 2
    assert "--stack or --table" in told.err
    monkeypatch.setenv("DESKWIRE_TABLE", "northwind")
    assert deskwire("plan", company(), "--no-secrets").status == 3
    told = deskwire("plan", company(), "--table", "another", "--no-secrets")
    assert told.status == 1
    assert "the table “another” cannot be read" in told.err
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    told = deskwire("plan", company())
    assert (told.status, "--region" in told.err) == (2, True)
    told = deskwire("plan", company(), "--profile", "nobody")
    assert told.status == 1
    assert "nobody" in told.err
